"""P1, T25, E.2: at which density are a sparse MLP's hidden features most like a Mixer's?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

from ..classification import SMALL_TASK, Task, split, train
from ..stacks import stacked
from ..statistics import Comparison, Outcome, common, decide_together
from ..study import Study, Table, draw_intervals

#: Of CKA.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config(Task):
    """A network of ``kind`` with S × C features beside a sparse MLP of the same width with density p."""

    kind: str
    density: float
    tokens: int
    channels: int
    depth: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Unbiased linear CKA of the hidden features on test images, mean over layers; both networks have seeds of their own."""
    mixer, seen = _train_stack(replace(config, density=1.0, noise=0.0), config.kind, seed, seed)
    sparse, other = _train_stack(config, "sparse MLP", seed + 10_000, seed)
    inputs = split(config, seed)[1][0]
    similar = [km.cka(X, Y, "unbiased") for X, Y in zip(mixer.features(inputs), sparse.features(inputs), strict=True)]
    return {
        "cka": float(np.mean(similar)),
        "cka_last": similar[-1],
        "mixer_accuracy": seen["test_accuracy"],
        "sparse_accuracy": other["test_accuracy"],
    }


@lru_cache(maxsize=64)  # one Mixer of a seed stands beside every sparse MLP of that seed
def _train_stack(config: Config, kind: str, weights_seed: int, seed: int) -> tuple[nn.Network, dict[str, float]]:
    sizes = config.data, config.tokens, config.channels, config.depth
    return train(stacked(kind, *sizes, weights_seed, density=config.density), config, seed)


def decide(table: Table) -> Outcome:
    """Supported where CKA at (1/S + 1/C)/2 is larger than at 1/C and than the dense MLP's; the place of its peak is reported."""
    densities = sorted(table.levels("density"))
    at_1C, own = _candidates(table)
    by_density = common(table.samples("cka", density=p) for p in densities)
    rng = np.random.default_rng(0)
    draws = rng.integers(by_density.shape[1], size=(4000, by_density.shape[1]))
    peaks = np.array(densities)[by_density[:, draws].mean(axis=2).argmax(axis=0)]
    low, high = np.percentile(peaks, [2.5, 97.5])
    best = densities[int(by_density.mean(axis=1).argmax())]
    expected = f"(1/S + 1/C)/2 = {own:.3g}"
    where = (
        f"where the paper expects it, {expected}"
        if best == own
        else f"at {best / own:.2g} times the paper's {expected}"
    )
    gains = [
        Comparison(
            f"CKA at (1/S + 1/C)/2 minus that at {name}",
            table.samples("cka", density=own) - table.samples("cka", density=p),
            _SMALLEST,
        )
        for name, p in ((f"1/C = {at_1C:.3g}", at_1C), ("p = 1", densities[-1]))
    ]
    return decide_together(
        gains, f"CKA peaks at p = {best:.3g}, between {low:.3g} and {high:.3g} in 95 % of the resamples: {where}"
    )


def plot(table: Table, ax: Any) -> None:
    """CKA against density."""
    densities = sorted(table.levels("density"))
    for quantity, label in (("cka", "mean over layers"), ("cka_last", "last layer")):
        found = [table.interval(quantity, density=p) for p in densities]
        draw_intervals(ax, densities, found, label=label)
    for p, label, dashes in zip(_candidates(table), ("1/C", "(1/S + 1/C)/2"), ("--", ":"), strict=True):
        ax.axvline(p, color="0.45", linestyle=dashes, linewidth=0.9, label=label)
    ax.set(xscale="log", xlabel="density p of the sparse MLP", ylabel="CKA with the Mixer")
    ax.legend(frameon=False)


def _candidates(table: Table) -> tuple[float, float]:
    """1/C and (1/S + 1/C)/2."""
    first = table.configurations[0]
    S, C = first["tokens"], first["channels"]
    return 1 / C, (1 / S + 1 / C) / 2


def _grid(
    S: int, C: int, between: int, kind: str = "S-Mixer", others_noise: float = 0.0, **task: Any
) -> tuple[Config, ...]:
    """1/C, (1/S + 1/C)/2 and 1, as many densities between each two, and one below.

    ``others_noise`` of the labels at all but the second.
    """
    ends = 1 / C, (1 / S + 1 / C) / 2, 1.0
    inner = [float(p) for low, high in pairwise(ends) for p in np.geomspace(low, high, between + 2)[1:-1]]
    below = [ends[0] ** 2 / ends[1]] if between else []
    return tuple(
        Config(kind, p, S, C, noise=0.0 if p == ends[1] else others_noise, **task)
        for p in sorted([*ends, *inner, *below])
    )


_SMALL: dict[str, Any] = SMALL_TASK | {"depth": 1, "epochs": 8, "rate": 1e-2}

STUDY = Study(
    "similarity",
    "Are a sparse MLP's hidden features most like a Mixer's at its own density, (1/S + 1/C)/2, rather than at 1/C?",
    "P1, T25, E.2",
    {
        "quick": _grid(4, 64, 1, depth=1, train=1000, test=2000, epochs=5, rate=5e-3),
        "full": _grid(4, 128, 3, depth=4, train=3000, test=2000, epochs=40, rate=1e-3),
        "null": _grid(4, 16, 0, "dense MLP", **_SMALL),
        "planted": _grid(4, 16, 0, others_noise=1.0, **_SMALL),
    },
    run_cell,
    decide,
    plot,
    {"quick": 8, "full": 10, "null": 4, "planted": 8},
    _SMALLEST,
)
