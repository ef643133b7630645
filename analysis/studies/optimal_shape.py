"""P4, T6, E.5: at a fixed number of connections, is accuracy best where γ_T S = γ_C C?"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import kronmix as km
from kronmix import networks as nn

from ..classification import Task, train_at_best_rate
from ..shapes import channels_for
from ..sources import classes, image_shape, patch_side
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

#: Of accuracy.
_SMALLEST = 0.05
#: LayerNorm of one channel is constant, of a few channels nearly a sign.
_LEAST_CHANNELS = 8


@dataclass(frozen=True)
class Config(Task):
    """An MLP-Mixer with ``tokens`` tokens and as many channels as the connections allow."""

    token_expansion: int
    channel_expansion: int
    tokens: int
    channels: int
    connections: int
    depth: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy at the rate that held-back training images choose, and all trained weights."""
    γ_T, γ_C = config.token_expansion, config.channel_expansion
    image, patch = image_shape(config.data), patch_side(config.data, config.tokens)
    network = nn.mlp_mixer(image, patch, config.channels, config.depth, classes(config.data), γ_T, γ_C, seed=seed)
    return train_at_best_rate(network, config, seed)[1] | {"trained_weights": float(network.n_parameters)}


def decide(table: Table) -> Outcome:
    """Supported where the S nearest to the widest, S*, is more accurate than the smallest and than the largest S."""
    words, comparisons = [], []
    for γ_T, γ_C in _expansions(table):
        at = {"token_expansion": γ_T, "channel_expansion": γ_C}
        sizes, optimum = _sizes(table, γ_T, γ_C), km.best_shape(_connections(table), γ_T, γ_C).tokens
        nearest = min(sizes, key=lambda S: abs(log(S / optimum)))
        accuracy = {S: table.samples("test_accuracy", tokens=S, **at) for S in sizes}
        best = max(sizes, key=lambda S: float(accuracy[S].interval.mean))
        comparisons += [
            Comparison(f"S = {nearest} minus {end}", accuracy[nearest] - accuracy[end], _SMALLEST)
            for end in (sizes[0], sizes[-1])
            if end != nearest
        ]
        weights = ", ".join(f"{table.interval('trained_weights', tokens=S, **at).mean:.0f}" for S in sizes)
        words.append(
            f"γ_T = {γ_T}, γ_C = {γ_C}: S* = {optimum:.1f}, most accurate S = {best} of {', '.join(map(str, sizes))} with "
            f"{weights} trained weights"
        )
    return decide_together(comparisons, f"{'; '.join(words)}; difference of test accuracy")


def plot(table: Table, ax: Any) -> None:
    """Accuracy against S, with S* of each pair of expansions."""
    for γ_T, γ_C in _expansions(table):
        sizes = _sizes(table, γ_T, γ_C)
        found = [table.interval("test_accuracy", token_expansion=γ_T, channel_expansion=γ_C, tokens=S) for S in sizes]
        line = draw_intervals(ax, sizes, found, label=f"γ_T = {γ_T}, γ_C = {γ_C}")
        optimum = km.best_shape(_connections(table), γ_T, γ_C).tokens
        ax.axvline(optimum, color=line[0].get_color(), linestyle="--", linewidth=0.9)
    ax.set(xscale="log", xlabel="tokens S, connections fixed; dashed: S*", ylabel="test accuracy")
    ax.legend(frameon=False)


def _expansions(table: Table) -> list[tuple[int, int]]:
    return sorted({(c["token_expansion"], c["channel_expansion"]) for c in table.configurations})


def _connections(table: Table) -> int:
    return int(table.configurations[0]["connections"])


def _sizes(table: Table, γ_T: int, γ_C: int) -> list[int]:
    at = {"token_expansion": γ_T, "channel_expansion": γ_C}
    return sorted({c["tokens"] for c in table.configurations if at.items() <= c.items()})


def _grid(
    Ω: int,
    sizes: tuple[int, ...],
    expansions: tuple[tuple[int, int], ...],
    noises: dict[int, float] | None = None,
    **task: Any,
) -> tuple[Config, ...]:
    """Shapes with at least ``_LEAST_CHANNELS`` channels; ``noises`` of the labels by S."""
    shapes = [(γ_T, γ_C, S, channels_for(Ω, S, γ_T, γ_C)) for γ_T, γ_C in expansions for S in sizes]
    return tuple(
        Config(*shape, Ω, noise=(noises or {}).get(shape[2], 0.0), **task)
        for shape in shapes
        if shape[-1] >= _LEAST_CHANNELS
    )


_SMALL: dict[str, Any] = {"depth": 1, "data": "digits", "train": 300, "test": 500, "epochs": 4, "rate": 1e-2}
_SIZES = (1, 4, 16, 64)

STUDY = Study(
    "optimal_shape",
    "At fixed connections, is accuracy best near S = C, and near γ_T S = γ_C C where the expansions differ?",
    "P4, T6, E.5",
    {
        "quick": _grid(2**15, (1, 16, 49), ((2, 2),), depth=1, train=800, test=2000, epochs=6, rate=5e-3),
        "full": _grid(
            2**17, (1, 4, 16, 49, 196), ((2, 2), (1, 8), (8, 1)), depth=4, train=3000, test=2000, epochs=60, rate=2e-3
        ),
        "paper": _grid(
            2**18, _SIZES, ((4, 4),), depth=10, data="cifar10", train=40_000, test=10_000, epochs=200, rate=1e-3
        ),
        "null": _grid(2**11, (1, 4, 16), ((2, 2),), dict.fromkeys(_SIZES, 1.0), **_SMALL),
        "planted": _grid(2**11, (1, 4, 16), ((2, 2),), {1: 1.0, 16: 1.0}, **_SMALL),
    },
    run_cell,
    decide,
    plot,
    {"quick": 7, "full": 10, "paper": 5, "null": 4, "planted": 4},
    _SMALLEST,
)
