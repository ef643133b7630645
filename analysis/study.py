"""What a study is.

A study is a module of ``analysis.studies`` with a ``STUDY``: a question, configurations in presets, a function that runs one cell
(configuration × seed), a verdict computed from the table, and a plot. Cells share nothing: every random number of a cell comes from
its own seed, so that the same seed gives the same table on one process or on many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

import analysis.studies
from kronmix.intervals import Interval as Interval

#: Numbers that one cell gives.
Values = Mapping[str, float]


class Verdict(StrEnum):
    """What the table says about the question, at the sizes of the preset."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    UNDECIDED = "undecided at this size"


@dataclass(frozen=True)
class Outcome:
    """A verdict and the sentence with the numbers it rests on."""

    verdict: Verdict
    words: str

    def __str__(self) -> str:
        return f"{self.verdict}: {self.words}"


@dataclass(frozen=True)
class Cell:
    """One configuration with one seed, and the numbers it gave."""

    config: Mapping[str, Any]
    seed: int
    values: Values


@dataclass(frozen=True)
class Study:
    """One question.

    Attributes
    ----------
    name : str
    question, source : str
        The question, and where it comes from (P1 … P6: experiments of the paper; E.n: question n of the theory's section E).
    presets : mapping of name to configurations
        Frozen dataclasses with plain values.
    run_cell : function (configuration, seed) -> mapping of name to float
    decide : function of the table -> Outcome
    plot : function (table, Axes) -> None
    seeds : mapping of preset to default number of seeds
    """

    name: str
    question: str
    source: str
    presets: Mapping[str, Sequence[Any]]
    run_cell: Callable[[Any, int], Values]
    decide: Callable[[Table], Outcome]
    plot: Callable[[Table, Any], None]
    seeds: Mapping[str, int]


@dataclass(frozen=True)
class Table:
    """Cells, and what they say by configuration."""

    cells: tuple[Cell, ...]

    @property
    def configurations(self) -> list[Mapping[str, Any]]:
        """The different configurations, in order of appearance."""
        seen: dict[str, Mapping[str, Any]] = {}
        for cell in self.cells:
            seen.setdefault(repr(sorted(cell.config.items())), cell.config)
        return list(seen.values())

    @property
    def quantities(self) -> list[str]:
        """Names of the numbers."""
        return list(dict.fromkeys(name for cell in self.cells for name in cell.values))

    def samples(self, quantity: str, **wanted: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        """One number of all cells whose configuration has these values, in the order of their seeds."""
        chosen = [c for c in self.cells if all(c.config.get(k) == v for k, v in wanted.items())]
        return np.array([c.values[quantity] for c in sorted(chosen, key=lambda c: c.seed)])

    def interval(self, quantity: str, **wanted: Any) -> Interval:
        """Mean over seeds, with its interval."""
        return bootstrap(self.samples(quantity, **wanted))


def bootstrap(samples: Any, resamples: int = 4000, seed: int = 0) -> Interval:
    """Percentile bootstrap of the mean.

    Examples
    --------
    >>> from analysis.study import bootstrap
    >>> found = bootstrap([1.0, 2.0, 3.0])
    >>> found.mean, 1 <= found.low <= 2 <= found.high <= 3
    (2.0, True)
    """
    x = np.asarray(samples, dtype=float)
    if x.size == 0:
        raise ValueError("no cells with this configuration")
    means = np.random.default_rng(seed).choice(x, (resamples, x.size)).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(x.mean()), float(low), float(high))


def draw_intervals(ax: Any, x: Any, found: Sequence[Interval], **look: Any) -> Any:
    """Draw means with their intervals as error bars; ``look`` is Matplotlib's."""
    error = [i.mean - i.low for i in found], [i.high - i.mean for i in found]
    return ax.errorbar(x, [i.mean for i in found], error, capsize=3, **({"marker": "o"} | look))


def decide_difference(difference: Any, words: str) -> Outcome:
    """Supported where the paired difference is above 0, not where it is below, undecided where its interval holds 0."""
    found = bootstrap(difference)
    verdict = Verdict.SUPPORTED if found.low > 0 else Verdict.NOT_SUPPORTED if found.high < 0 else Verdict.UNDECIDED
    return Outcome(verdict, f"{words}: paired difference {found} over {np.size(difference)} seeds")


def as_plain(config: Any) -> dict[str, Any]:
    """A configuration as plain values."""
    return asdict(config)


def all_studies() -> dict[str, Study]:
    """Every study, by name."""
    names = sorted(m.name for m in iter_modules(analysis.studies.__path__))
    found = [import_module(f"analysis.studies.{name}").STUDY for name in names]
    return {study.name: study for study in found}


def find_study(name: str) -> Study:
    """The study of a name.

    Raises
    ------
    ValueError
        If there is none.
    """
    studies = all_studies()
    if name not in studies:
        raise ValueError(f"study {name!r}: expected one of {', '.join(studies)}")
    return studies[name]
