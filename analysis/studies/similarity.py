"""P1, T25, E.2: at which density are a sparse MLP's hidden features most like a Mixer's?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km

from ..classification import Task, split, stacked, train
from ..statistics import Comparison, Outcome, Verdict, common, compare
from ..study import Study, Table, draw_intervals

#: Of CKA.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config:
    """An S-Mixer of S × C features beside a sparse MLP of the same width with density p."""

    density: float
    patch: int
    tokens: int
    channels: int
    depth: int
    train: int
    epochs: int
    rate: float


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Unbiased linear CKA of the hidden features on test images, mean over layers; both networks have seeds of their own."""
    task = Task("mnist", config.train, 500, config.epochs, 50, config.rate)
    sizes = ("mnist", config.patch, config.channels, config.depth)
    mixer, seen = train(stacked("S-Mixer", *sizes, seed), task, seed)
    sparse, other = train(stacked("sparse MLP", *sizes, seed + 10_000, density=config.density), task, seed)
    images = split(task, seed)[1][0]
    pairs = list(zip(mixer.features(images), sparse.features(images), strict=True))
    similar = [km.cka(X, Y, "unbiased") for X, Y in pairs]
    return {
        "cka": float(np.mean(similar)),
        "cka_last": similar[-1],
        "mixer_accuracy": seen["test_accuracy"],
        "sparse_accuracy": other["test_accuracy"],
    }


def decide(table: Table) -> Outcome:
    """Where CKA peaks over p, against 1/C and (1/S + 1/C)/2; and CKA at the latter against the dense MLP's, paired over seeds."""
    densities = _densities(table)
    first = table.configurations[0]
    own = (1 / first["tokens"] + 1 / first["channels"]) / 2
    candidates = {"1/C": 1 / first["channels"], "(1/S + 1/C)/2": own}
    by_density = common(table.samples("cka", density=p) for p in densities)
    rng = np.random.default_rng(0)
    draws = rng.integers(by_density.shape[1], size=(4000, by_density.shape[1]))
    peaks = np.array(densities)[by_density[:, draws].mean(axis=2).argmax(axis=0)]
    low, high = np.percentile(peaks, [2.5, 97.5])
    best = densities[int(by_density.mean(axis=1).argmax())]
    nearest = min(densities, key=lambda p: max(p / own, own / p))
    gain = table.samples("cka", density=nearest) - table.samples("cka", density=densities[-1])
    [over] = compare([Comparison(f"CKA at p = {nearest:.3g} minus that of the dense MLP", gain, _SMALLEST)])
    step = densities[1] / densities[0]
    inside = {name: low / step <= p <= high * step for name, p in candidates.items()}
    places = [
        f"{name} = {p:.3g} is {'within' if inside[name] else 'beyond'} a grid step of that"
        for name, p in candidates.items()
    ]
    words = (
        f"CKA peaks at p = {best:.3g}, between {low:.3g} and {high:.3g} in 95 % of the resamples; {', '.join(places)}; {over}; "
        f"smallest effect that counts {_SMALLEST:g}"
    )
    if best == densities[-1] or not inside["(1/S + 1/C)/2"]:
        return Outcome(Verdict.NOT_SUPPORTED, words)
    return Outcome(over.verdict, words)


def plot(table: Table, ax: Any) -> None:
    """CKA against density."""
    densities, first = _densities(table), table.configurations[0]
    for quantity, label in (("cka", "mean over layers"), ("cka_last", "last layer")):
        found = [table.interval(quantity, density=p) for p in densities]
        draw_intervals(ax, densities, found, label=label)
    S, C = first["tokens"], first["channels"]
    for p, label, dashes in ((1 / C, "1/C", "--"), ((1 / S + 1 / C) / 2, "(1/S + 1/C)/2", ":")):
        ax.axvline(p, color="0.45", linestyle=dashes, linewidth=0.9, label=label)
    ax.set(xscale="log", xlabel="density p of the sparse MLP", ylabel="CKA with the Mixer")
    ax.legend(frameon=False)


def _densities(table: Table) -> list[float]:
    return sorted({float(c["density"]) for c in table.configurations})


def _grid(patch: int, C: int, powers: range, **task: Any) -> tuple[Config, ...]:
    S = (28 // patch) ** 2
    return tuple(Config(2.0**-k, patch, S, C, **task) for k in powers)


STUDY = Study(
    "similarity",
    "Are a sparse MLP's hidden features most like a Mixer's at its own density, (1/S + 1/C)/2?",
    "P1, T25, E.2",
    {
        "quick": _grid(7, 32, range(8, -1, -2), depth=1, train=1000, epochs=5, rate=5e-3),
        "full": _grid(4, 49, range(9, -1, -1), depth=4, train=4000, epochs=40, rate=1e-3),
    },
    run_cell,
    decide,
    plot,
    {"quick": 4, "full": 10},
    _SMALLEST,
    lambda config: ("mnist",),
)
