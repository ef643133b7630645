"""P4, T6, E.5: at a fixed number of connections, is accuracy best where γ_T S = γ_C C?

Shapes of equal connections differ in trained weights, most of them in the embedding and the head. The control is the same network
with every connection of its blocks free, between a fixed embedding and a fixed head: its trained weights are equal too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import kronmix as km
from kronmix import networks as nn

from ..classification import SMALL_TASK, Task, train_at_best_rate
from ..shapes import channels_for
from ..sources import classes, image_shape, patch_side
from ..stacks import ARMS
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

#: An arm with its expansions.
At = Mapping[str, Any]

#: Of accuracy.
_SMALLEST = 0.05
#: LayerNorm of one channel is constant, of a few channels nearly a sign.
_LEAST_CHANNELS = 8


@dataclass(frozen=True)
class Config(Task):
    """An MLP-Mixer, or its control, with ``tokens`` tokens and as many channels as the connections allow."""

    arm: str
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
    mixer = nn.mlp_mixer(image, patch, config.channels, config.depth, classes(config.data), γ_T, γ_C, seed=seed)
    network = ARMS[config.arm](mixer)
    return train_at_best_rate(network, config, seed)[1] | {"trained_weights": float(network.n_parameters)}


def decide(table: Table) -> Outcome:
    """Supported where the S nearest to the widest, S*, is more accurate than the smallest and than the largest S, for Mixers."""
    words = "; ".join(_shape_words(table, at) for at in _lines(table))
    mixers, controls = (
        [one for at in _lines(table) if (at["arm"] == "Mixer") is wanted for one in _compared(table, at)]
        for wanted in (True, False)
    )
    return decide_together(mixers, f"{words}; difference of test accuracy", controls)


def _shape_words(table: Table, at: At) -> str:
    accuracy = {S: table.interval("test_accuracy", tokens=S, **at).mean for S in _measured_tokens(table, at)}
    weights = ", ".join(f"{table.interval('trained_weights', tokens=S, **at).mean:.0f}" for S in accuracy)
    return (
        f"{_arm_name(at)}: S* = {_optimal_tokens(table, at):.1f}, most accurate S = {max(accuracy, key=accuracy.__getitem__)} of "
        f"{', '.join(map(str, accuracy))} with {weights} trained weights"
    )


def _compared(table: Table, at: At) -> list[Comparison]:
    """The S nearest to S* against the smallest and the largest."""
    sizes = _measured_tokens(table, at)
    nearest = min(sizes, key=lambda S: abs(log(S / _optimal_tokens(table, at))))
    accuracy = {S: table.samples("test_accuracy", tokens=S, **at) for S in sizes}
    return [
        Comparison(f"{at['arm']}, S = {nearest} minus {end}", accuracy[nearest] - accuracy[end], _SMALLEST)
        for end in (sizes[0], sizes[-1])
        if end != nearest
    ]


def plot(table: Table, ax: Any) -> None:
    """Accuracy against S, with S* of each pair of expansions."""
    for at in _lines(table):
        sizes = _measured_tokens(table, at)
        found = [table.interval("test_accuracy", tokens=S, **at) for S in sizes]
        line = draw_intervals(ax, sizes, found, label=_arm_name(at), linestyle="-" if at["arm"] == "Mixer" else ":")
        ax.axvline(_optimal_tokens(table, at), color=line[0].get_color(), linestyle="--", linewidth=0.9)
    ax.set(xscale="log", xlabel="tokens S, connections fixed; dashed: S*", ylabel="test accuracy")
    ax.legend(frameon=False)


def _lines(table: Table) -> list[At]:
    """What the shapes that are compared have in common."""
    keys = ("arm", "token_expansion", "channel_expansion")
    return [
        dict(zip(keys, values, strict=True))
        for values in sorted({tuple(c[k] for k in keys) for c in table.configurations})
    ]


def _arm_name(at: At) -> str:
    return f"{at['arm']}, γ_T = {at['token_expansion']}, γ_C = {at['channel_expansion']}"


def _optimal_tokens(table: Table, at: At) -> float:
    connections = int(table.configurations[0]["connections"])
    return float(km.best_shape(connections, at["token_expansion"], at["channel_expansion"]).tokens)


def _measured_tokens(table: Table, at: At) -> list[int]:
    return sorted(table.levels("tokens", **at))


def _grid(
    Ω: int,
    sizes: tuple[int, ...],
    expansions: tuple[tuple[int, int], ...],
    noises: dict[int, float] | None = None,
    arms: Sequence[str] = tuple(ARMS),
    *,
    rate: float,
    **task: Any,
) -> tuple[Config, ...]:
    """Shapes with at least ``_LEAST_CHANNELS`` channels, for every arm; ``noises`` of the labels by S.

    The middle of the first three rates is ``rate`` for one token, and nine times that for more: what pilots chose most often.
    """
    shapes = [(γ_T, γ_C, S, channels_for(Ω, S, γ_T, γ_C)) for γ_T, γ_C in expansions for S in sizes]
    return tuple(
        Config(arm, γ_T, γ_C, S, C, Ω, noise=(noises or {}).get(S, 0.0), rate=rate if S == 1 else 9 * rate, **task)
        for arm in arms
        for γ_T, γ_C, S, C in shapes
        if C >= _LEAST_CHANNELS
    )


_SMALL: dict[str, Any] = SMALL_TASK | {"arms": ["Mixer"], "depth": 1, "epochs": 4, "rate": 1e-2}
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
