"""P5: at a fixed number of connections, is a larger expansion γ, which makes the hidden layers wider, a better one?

The control is the same network with every connection of its blocks free, between a fixed embedding and a fixed head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import kronmix as km
from kronmix import networks as nn

from ..classification import SMALL_TASK, Task, train_at_best_rate
from ..shapes import channels_for
from ..sources import classes, image_shape, patch_side
from ..stacks import ARMS
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

#: Two points of accuracy.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config(Task):
    """An MLP-Mixer of ``tokens`` tokens, or its control, whose C makes up for γ; hidden width γSC."""

    arm: str
    expansion: int
    tokens: int
    channels: int
    connections: int
    depth: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy at the rate that held-back training images choose, the hidden width and all trained weights."""
    γ, image, patch = config.expansion, image_shape(config.data), patch_side(config.data, config.tokens)
    mixer = nn.mlp_mixer(image, patch, config.channels, config.depth, classes(config.data), γ, γ, seed=seed)
    network = ARMS[config.arm](mixer)
    return train_at_best_rate(network, config, seed)[1] | {
        "hidden_width": float(γ * config.tokens * config.channels),
        "trained_weights": float(network.n_parameters),
    }


def decide(table: Table) -> Outcome:
    """Paired over seeds: the largest γ against the smallest, each at the number of tokens nearest to its optimum, for Mixers."""
    expansions = sorted(table.levels("expansion"))
    low, high = ({"expansion": γ, "tokens": _nearest_to_optimum(table, γ)} for γ in (expansions[0], expansions[-1]))
    widths = [table.interval("hidden_width", arm="Mixer", **at).mean for at in (low, high)]
    words, gains = [], {}
    for arm in table.levels("arm"):
        weights = [table.interval("trained_weights", arm=arm, **at).mean for at in (low, high)]
        words.append(f"{arm} with {weights[1]:.0f} against {weights[0]:.0f} trained weights")
        gain = table.samples("test_accuracy", arm=arm, **high) - table.samples("test_accuracy", arm=arm, **low)
        gains[arm] = Comparison(f"gain of {arm}", gain, _SMALLEST)
    said = (
        f"γ = {high['expansion']} against {low['expansion']}, hidden width {widths[1]:.0f} against {widths[0]:.0f}, "
        f"{', '.join(words)}, accuracy"
    )
    return decide_together([gains.pop("Mixer")], said, list(gains.values()))


def _nearest_to_optimum(table: Table, γ: int) -> int:
    """The number of tokens measured at this expansion that is nearest to the theory's optimum."""
    sizes = table.levels("tokens", expansion=γ)
    optimum = km.best_shape(table.configurations[0]["connections"], γ, γ).tokens
    return min(sorted(sizes), key=lambda S: max(S / optimum, optimum / S))


def plot(table: Table, ax: Any) -> None:
    """Accuracy against the hidden width, one line for each number of tokens and each arm."""
    for arm, S in sorted({(c["arm"], c["tokens"]) for c in table.configurations}):
        configs = [c for c in table.configurations if (c["arm"], c["tokens"]) == (arm, S)]
        found = [table.interval("test_accuracy", **c) for c in configs]
        widths = [table.interval("hidden_width", **c).mean for c in configs]
        draw_intervals(ax, widths, found, label=f"{arm}, S = {S}")
        for x, i, c in zip(widths, found, configs, strict=True):
            ax.annotate(f"γ={c['expansion']}", (x, i.high), xytext=(0, 3), textcoords="offset points", ha="center")
    ax.set(xscale="log", xlabel="hidden width γm, connections fixed", ylabel="test accuracy")
    ax.legend(frameon=False)


#: The middle of the first three rates of an arm, in multiples of the task's: what pilots chose most often.
_RATES = {"Mixer": 9, "untied": 3}


def _grid(
    Ω: int,
    sizes: tuple[int, ...],
    expansions: tuple[int, ...],
    noises: tuple[float, ...] = (),
    arms: Sequence[str] = tuple(ARMS),
    *,
    rate: float,
    **task: Any,
) -> tuple[Config, ...]:
    """Every S with every γ, for every arm; ``noises`` of the labels by γ."""
    noise = dict(zip(expansions, noises or (0.0,) * len(expansions), strict=True))
    return tuple(
        Config(arm, γ, S, channels_for(Ω, S, γ), Ω, noise=noise[γ], rate=_RATES[arm] * rate, **task)
        for arm in arms
        for S in sizes
        for γ in expansions
    )


_SMALL: dict[str, Any] = SMALL_TASK | {"arms": ["Mixer"], "depth": 1, "epochs": 4, "rate": 1e-2}

STUDY = Study(
    "expansion",
    "At fixed connections, does accuracy rise with the expansion γ, which makes the hidden layers wider?",
    "P5",
    {
        "quick": _grid(2**14, (16,), (1, 4), depth=2, train=1000, test=2000, epochs=8, rate=5e-3),
        "full": _grid(2**17, (16, 49), (1, 2, 4, 8, 16), depth=4, train=3000, test=2000, epochs=60, rate=2e-3),
        "paper": _grid(
            2**18, (16, 64), (1, 2, 4, 8), depth=10, data="cifar10", train=40_000, test=10_000, epochs=200, rate=1e-3
        ),
        "null": _grid(2**11, (4,), (1, 4), (1.0, 1.0), **_SMALL),
        "planted": _grid(2**11, (4,), (1, 4), (1.0, 0.0), **_SMALL),
    },
    run_cell,
    decide,
    plot,
    {"quick": 12, "full": 10, "paper": 5, "null": 4, "planted": 4},
    _SMALLEST,
)
