"""P5: at a fixed number of connections, is a larger expansion γ, which makes the hidden layers wider, a better one?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import kronmix as km
from kronmix import networks as nn

from ..classification import Task, image_shape, train
from ..shapes import channels_for
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

#: Two points of accuracy.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config:
    """An MLP-Mixer on MNIST with 16 or 49 tokens, whose C makes up for γ; hidden width γSC."""

    expansion: int
    tokens: int
    channels: int
    connections: int
    depth: int
    train: int
    epochs: int
    rate: float


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy after training, and the hidden width."""
    task, image = Task("mnist", config.train, 500, config.epochs, 50, config.rate), image_shape("mnist")
    patch, γ = round(image[0] / config.tokens**0.5), config.expansion
    network = nn.mlp_mixer(image, patch, config.channels, config.depth, 10, γ, γ, seed=seed)
    return train(network, task, seed)[1] | {"hidden_width": float(γ * config.tokens * config.channels)}


def decide(table: Table) -> Outcome:
    """Paired over seeds: the largest γ against the smallest, each at the number of tokens nearest to its optimum."""
    expansions = sorted({c["expansion"] for c in table.configurations})
    low, high = ({"expansion": γ, "tokens": _nearest(table, γ)} for γ in (expansions[0], expansions[-1]))
    widths = [table.interval("hidden_width", **at).mean for at in (low, high)]
    words = f"γ = {high['expansion']} against {low['expansion']}, hidden width {widths[1]:.0f} against {widths[0]:.0f}, accuracy"
    gain = table.samples("test_accuracy", **high) - table.samples("test_accuracy", **low)
    return decide_together([Comparison("gain", gain, _SMALLEST)], words)


def _nearest(table: Table, γ: int) -> int:
    sizes = {c["tokens"] for c in table.configurations if c["expansion"] == γ}
    optimum = km.best_shape(table.configurations[0]["connections"], γ, γ).tokens
    return min(sorted(sizes), key=lambda S: max(S / optimum, optimum / S))


def plot(table: Table, ax: Any) -> None:
    """Accuracy against the hidden width, one line for each number of tokens."""
    for S in sorted({c["tokens"] for c in table.configurations}):
        configs = [c for c in table.configurations if c["tokens"] == S]
        found = [table.interval("test_accuracy", **c) for c in configs]
        widths = [table.interval("hidden_width", **c).mean for c in configs]
        draw_intervals(ax, widths, found, label=f"S = {S}")
        for x, i, c in zip(widths, found, configs, strict=True):
            ax.annotate(f"γ={c['expansion']}", (x, i.high), xytext=(0, 3), textcoords="offset points", ha="center")
    ax.set(xscale="log", xlabel="hidden width γm, connections fixed", ylabel="test accuracy")
    ax.legend(frameon=False)


def _grid(Ω: int, sizes: tuple[int, ...], expansions: tuple[int, ...], **task: Any) -> tuple[Config, ...]:
    return tuple(Config(γ, S, channels_for(Ω, S, γ), Ω, **task) for S in sizes for γ in expansions)


STUDY = Study(
    "expansion",
    "At fixed connections, does accuracy rise with the expansion γ, which makes the hidden layers wider?",
    "P5",
    {
        "quick": _grid(2**14, (4, 16), (1, 2, 4, 8), depth=2, train=1500, epochs=16, rate=5e-3),
        "full": _grid(2**17, (16, 49), (1, 2, 4, 8, 16), depth=4, train=4000, epochs=60, rate=2e-3),
    },
    run_cell,
    decide,
    plot,
    {"quick": 4, "full": 10},
    _SMALLEST,
    lambda config: ("mnist",),
)
