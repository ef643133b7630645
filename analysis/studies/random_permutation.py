"""P6, E.8: does a random-permuted Mixer train as well as a Mixer, over depth and shape?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..classification import SMALL_TASK, Task, train_at_best_rate
from ..stacks import stacked
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

#: A loss of two points of accuracy counts.
_MARGIN = 0.02


@dataclass(frozen=True)
class Config(Task):
    """A stack of ``depth`` pairs of layers with skip connections, of S × C features."""

    kind: str
    depth: int
    tokens: int
    channels: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracies and loss at the rate that held-back training images choose."""
    network = stacked(config.kind, config.data, config.tokens, config.channels, config.depth, seed, skip=True)
    return train_at_best_rate(network, config, seed)[1] | {"trained_weights": float(network.n_parameters)}


def decide(table: Table) -> Outcome:
    """Supported where permuting costs less than ``_MARGIN`` of accuracy at every depth, paired over seeds.

    It claims that there is no loss: the null preset has one, from random labels for the permuted networks.
    """
    kept = []
    for tokens, channels in _shapes(table):
        for depth in sorted(table.levels("depth")):
            at = {"tokens": tokens, "channels": channels, "depth": depth}
            permuted, plain = (table.samples("test_accuracy", kind=kind, **at) for kind in ("RP-Mixer", "S-Mixer"))
            name = f"S = {tokens}, C = {channels}, depth {2 * depth}"
            kept.append(Comparison.no_worse(name, permuted - plain, _MARGIN))
    return decide_together(kept, "accuracy of RP-Mixer minus Mixer")


def plot(table: Table, ax: Any) -> None:
    """Accuracy against depth."""
    for kind, dashes in (("S-Mixer", "-"), ("RP-Mixer", "--")):
        for i, (tokens, channels) in enumerate(_shapes(table)):
            at = {"kind": kind, "tokens": tokens, "channels": channels}
            found = [table.interval("test_accuracy", depth=d, **at) for d in sorted(table.levels("depth"))]
            depths = [2 * d for d in sorted(table.levels("depth"))]
            label = f"{kind}, S = {tokens}, C = {channels}"
            style = {"color": f"C{i}", "linestyle": dashes}
            draw_intervals(ax, depths, found, label=label, **style)
    ax.set(xlabel="hidden layers", ylabel="test accuracy")
    ax.legend(frameon=False, fontsize=8)


def _shapes(table: Table) -> list[tuple[int, int]]:
    return sorted({(c["tokens"], c["channels"]) for c in table.configurations})


def _grid(
    depths: tuple[int, ...], shapes: tuple[tuple[int, int], ...], permuted_noise: float = 0.0, **task: Any
) -> tuple[Config, ...]:
    return tuple(
        Config(kind, depth, S, C, noise=noise, **task)
        for kind, noise in (("S-Mixer", 0.0), ("RP-Mixer", permuted_noise))
        for S, C in shapes
        for depth in depths
    )


_SMALL: dict[str, Any] = SMALL_TASK | {"epochs": 6, "rate": 1e-2}

STUDY = Study(
    "random_permutation",
    "Does a random-permuted Mixer keep the accuracy of a Mixer over depth and shape?",
    "P6, E.8",
    {
        "quick": _grid((2, 6), ((16, 16),), train=1000, test=2000, epochs=8, rate=5e-3),
        "full": _grid((2, 4, 6, 8, 10), ((49, 49), (49, 128), (16, 16)), train=3000, test=2000, epochs=40, rate=2e-3),
        "paper": _grid(
            (2, 4, 6, 8, 10), ((64, 64), (64, 128)), data="cifar10", train=40_000, test=10_000, epochs=200, rate=1e-3
        ),
        "null": _grid((1,), ((16, 16),), 1.0, **_SMALL),
        "planted": _grid((1,), ((16, 16),), **_SMALL),
    },
    run_cell,
    decide,
    plot,
    {"quick": 7, "full": 10, "paper": 5, "null": 4, "planted": 6},
    _MARGIN,
)
