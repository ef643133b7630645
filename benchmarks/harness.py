"""Interleaved timings: every repetition runs both sides, so that a slow moment of the machine hits both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median

Work = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes
    ----------
    name : str
        What is measured.
    prepare : function
        Makes the data and returns (ours, reference); either is called without arguments. A reference of None measures seconds.
    limit : float
        What the figure must reach.
    at_least : bool
        True: reference ÷ ours ≥ limit (a speed-up). False: ours ÷ reference ≤ limit (or seconds ≤ limit).
    repetitions : int
        At least 7, after one warm-up.
    """

    name: str
    prepare: Callable[[], tuple[Work, Work | None]]
    limit: float
    at_least: bool = False
    repetitions: int = 7


@dataclass(frozen=True)
class Figure:
    """What one row came to."""

    name: str
    measure: str
    value: float
    limit: float
    holds: bool
    ours_seconds: float
    reference_seconds: float | None
    repetitions: int

    def as_dict(self) -> dict[str, object]:
        """For results.json."""
        return asdict(self)


def measure(row: Row) -> Figure:
    """Run a row: medians of the interleaved repetitions, and of the ratios pair by pair."""
    ours, reference = row.prepare()
    sides = [ours] if reference is None else [ours, reference]
    seconds: list[list[float]] = [[] for _ in sides]
    for repetition in range(row.repetitions + 1):
        for side, work in enumerate(sides):
            start = time.perf_counter()
            work()
            if repetition:  # the first is the warm-up
                seconds[side].append(time.perf_counter() - start)
    if reference is None:
        value, words = median(seconds[0]), "seconds"
    elif row.at_least:
        value, words = median(r / o for o, r in zip(*seconds, strict=True)), "reference ÷ ours"
    else:
        value, words = median(o / r for o, r in zip(*seconds, strict=True)), "ours ÷ reference"
    holds = value >= row.limit if row.at_least else value <= row.limit
    return Figure(
        row.name,
        words,
        value,
        row.limit,
        holds,
        median(seconds[0]),
        median(seconds[1]) if reference else None,
        row.repetitions,
    )
