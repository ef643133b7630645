"""P4, T6, E.5: at a fixed number of connections, is accuracy best where γ_T S = γ_C C?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

from ..classification import Task, image_shape, train
from ..shapes import channels_for
from ..statistics import Outcome, Verdict, common
from ..study import Study, Table, draw_intervals

#: Of the resamples in which the best S has to be the same.
_SHARE = 0.95
#: LayerNorm of one channel is constant, of a few channels nearly a sign.
_LEAST_CHANNELS = 8


@dataclass(frozen=True)
class Config:
    """An MLP-Mixer with ``tokens`` tokens and as many channels as the connections allow."""

    token_expansion: int
    channel_expansion: int
    tokens: int
    channels: int
    connections: int
    depth: int
    train: int
    epochs: int
    rate: float


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy after training on MNIST."""
    task, image = Task("mnist", config.train, 500, config.epochs, 50, config.rate), image_shape("mnist")
    patch = round(image[0] / config.tokens**0.5)
    γ_T, γ_C = config.token_expansion, config.channel_expansion
    network = nn.mlp_mixer(image, patch, config.channels, config.depth, 10, γ_T, γ_C, seed=seed)
    return train(network, task, seed)[1]


def decide(table: Table) -> Outcome:
    """Bootstrap over seeds: how often the most accurate S is the one nearest to the widest, S*."""
    words, shares = [], []
    for γ_T, γ_C in _expansions(table):
        sizes, accuracy = _accuracies(table, γ_T, γ_C)
        optimum = km.best_shape(_connections(table), γ_T, γ_C).tokens
        nearest = min(sizes, key=lambda S: abs(log(S / optimum)))
        rng = np.random.default_rng(0)
        draws = rng.integers(accuracy.shape[1], size=(4000, accuracy.shape[1]))
        best = Counter(sizes[i] for i in accuracy[:, draws].mean(axis=2).argmax(axis=0))
        shares.append(best[nearest] / 4000)
        S, count = best.most_common(1)[0]
        words.append(
            f"γ_T = {γ_T}, γ_C = {γ_C}: S* = {optimum:.1f}; best S = {S} in {100 * count / 4000:.0f} % of the resamples, "
            f"the nearest on the grid, {nearest}, in {100 * shares[-1]:.0f} %"
        )
    always, never = min(shares) > _SHARE, max(shares) < 1 - _SHARE
    verdict = Verdict.SUPPORTED if always else Verdict.NOT_SUPPORTED if never else Verdict.UNDECIDED
    return Outcome(verdict, f"{'; '.join(words)}; a share of {_SHARE:.0%} counts")


def plot(table: Table, ax: Any) -> None:
    """Accuracy against S, with S* of each pair of expansions."""
    for γ_T, γ_C in _expansions(table):
        sizes, _ = _accuracies(table, γ_T, γ_C)
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


def _accuracies(table: Table, γ_T: int, γ_C: int) -> tuple[list[int], np.ndarray[Any, np.dtype[np.float64]]]:
    """Numbers of tokens, and accuracies (tokens, seeds)."""
    at = {"token_expansion": γ_T, "channel_expansion": γ_C}
    sizes = sorted({c["tokens"] for c in table.configurations if at.items() <= c.items()})
    return sizes, common(table.samples("test_accuracy", tokens=S, **at) for S in sizes)


def _grid(Ω: int, sizes: tuple[int, ...], expansions: tuple[tuple[int, int], ...], **task: Any) -> tuple[Config, ...]:
    """Shapes with at least ``_LEAST_CHANNELS`` channels."""
    shapes = [(γ_T, γ_C, S, channels_for(Ω, S, γ_T, γ_C)) for γ_T, γ_C in expansions for S in sizes]
    return tuple(Config(*shape, Ω, **task) for shape in shapes if shape[-1] >= _LEAST_CHANNELS)


STUDY = Study(
    "optimal_shape",
    "At fixed connections, is accuracy best near S = C, and near γ_T S = γ_C C where the expansions differ?",
    "P4, T6, E.5",
    {
        "quick": _grid(2**14, (1, 4, 16, 49), ((2, 2), (1, 8)), depth=2, train=1500, epochs=16, rate=5e-3),
        "full": _grid(2**17, (1, 4, 16, 49, 196), ((2, 2), (1, 8), (8, 1)), depth=4, train=4000, epochs=60, rate=2e-3),
    },
    run_cell,
    decide,
    plot,
    {"quick": 4, "full": 10},
    _SHARE,
    lambda config: ("mnist",),
)
