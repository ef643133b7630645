"""P6, E.8: does a random-permuted Mixer train as well as a Mixer, over depth and shape?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..classification import Task, stacked, train
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

#: A loss of two points of accuracy counts.
_MARGIN = 0.02


@dataclass(frozen=True)
class Config:
    """A stack of ``depth`` pairs of layers with skip connections, of S × C features."""

    kind: str
    depth: int
    patch: int
    channels: int
    train: int
    epochs: int
    rate: float


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracies, and the loss at the end of training: trainability."""
    task = Task("mnist", config.train, 500, config.epochs, 50, config.rate)
    network = stacked(config.kind, "mnist", config.patch, config.channels, config.depth, seed, skip=True)
    return train(network, task, seed)[1]


def decide(table: Table) -> Outcome:
    """Supported where permuting costs less than ``_MARGIN`` of accuracy at any depth, paired over seeds."""
    kept = []
    for patch, channels in _shapes(table):
        for depth in _depths(table):
            at = {"patch": patch, "channels": channels, "depth": depth}
            permuted, plain = (table.samples("test_accuracy", kind=kind, **at) for kind in ("RP-Mixer", "S-Mixer"))
            name = f"S = {(28 // patch) ** 2}, C = {channels}, depth {2 * depth}"
            kept.append(Comparison.no_worse(name, permuted - plain, _MARGIN))
    return decide_together(kept, "accuracy of RP-Mixer minus Mixer")


def plot(table: Table, ax: Any) -> None:
    """Accuracy against depth."""
    for kind, dashes in (("S-Mixer", "-"), ("RP-Mixer", "--")):
        for i, (patch, channels) in enumerate(_shapes(table)):
            at = {"kind": kind, "patch": patch, "channels": channels}
            found = [table.interval("test_accuracy", depth=d, **at) for d in _depths(table)]
            depths = [2 * d for d in _depths(table)]
            label = f"{kind}, S = {(28 // patch) ** 2}, C = {channels}"
            style = {"color": f"C{i}", "linestyle": dashes}
            draw_intervals(ax, depths, found, label=label, **style)
    ax.set(xlabel="hidden layers", ylabel="test accuracy")
    ax.legend(frameon=False, fontsize=8)


def _shapes(table: Table) -> list[tuple[int, int]]:
    return sorted({(c["patch"], c["channels"]) for c in table.configurations}, reverse=True)


def _depths(table: Table) -> list[int]:
    return sorted({c["depth"] for c in table.configurations})


def _grid(depths: tuple[int, ...], shapes: tuple[tuple[int, int], ...], **task: Any) -> tuple[Config, ...]:
    return tuple(
        Config(kind, depth, patch, C, **task)
        for kind in ("S-Mixer", "RP-Mixer")
        for patch, C in shapes
        for depth in depths
    )


STUDY = Study(
    "random_permutation",
    "Does a random-permuted Mixer keep the accuracy of a Mixer over depth and shape?",
    "P6, E.8",
    {
        "quick": _grid((2, 4, 8), ((7, 16), (14, 32)), train=1500, epochs=8, rate=3e-3),
        "full": _grid((2, 4, 6, 8, 10), ((4, 49), (4, 128), (7, 16)), train=4000, epochs=40, rate=1e-3),
    },
    run_cell,
    decide,
    plot,
    {"quick": 4, "full": 5},
    _MARGIN,
    lambda config: ("mnist",),
)
