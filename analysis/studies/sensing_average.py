"""E.9: does the time average of the Monarch flow follow the convex path under sensing (T27), and how nearly?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km

from ..statistics import Outcome, Verdict
from ..study import Study, Table, draw_intervals
from .sensing_phase import sensing

#: λ as a share of where the convex path leaves zero.
SHARES = (0.7, 0.3, 0.1, 0.03)

#: A relative distance that counts.
_NEAR = 0.15


@dataclass(frozen=True)
class Config:
    """Three active slices of 4×4 in 16, 5 % noise."""

    measurements: int
    log_scale: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Relative distance of the average, at each share of λ_max, from the sum-of-nuclear-norms path; and of the last iterate."""
    rng = np.random.default_rng(seed)
    problem, _ = sensing(3, config.measurements, 0.05, rng)
    structure = km.Monarch(np.ones((4, 4, 4)), np.ones((4, 4, 4)))
    zero = km.reference_path(problem, "nuclear", groups=(4, 4, 4, 4)).parameter.max()
    λs = zero * np.array(SHARES)
    α = 10.0**-config.log_scale
    average = km.regularization_path(problem, structure, "time", λs, scale=α, seed=seed)
    assert average.distance is not None
    return {f"at {share:g} λ_max": d for share, d in zip(SHARES, average.distance, strict=True)}


def decide(table: Table) -> Outcome:
    """Follows: within ``_NEAR`` of the convex path everywhere, at the smallest scale, with every number of measurements."""
    scale = max(c["log_scale"] for c in table.configurations)
    worst = {
        m: max((table.interval(q, measurements=m, log_scale=scale) for q in table.quantities), key=lambda i: i.high)
        for m in sorted({c["measurements"] for c in table.configurations})
    }
    found = "; ".join(f"{m} measurements: {interval}" for m, interval in worst.items())
    words = f"α = 1e-{scale}, largest mean distance, of which {_NEAR:g} counts: {found}"
    if all(interval.high < _NEAR for interval in worst.values()):
        return Outcome(Verdict.SUPPORTED, words)
    far = all(interval.low > _NEAR for interval in worst.values())
    return Outcome(Verdict.NOT_SUPPORTED if far else Verdict.UNDECIDED, words)


def plot(table: Table, ax: Any) -> None:
    """Distance against λ for every scale and number of measurements."""
    for config in table.configurations:
        found = [table.interval(q, **config) for q in table.quantities]
        label = f"{config['measurements']} measurements, α = 1e-{config['log_scale']}"
        draw_intervals(ax, SHARES, found, label=label)
    ax.set(xscale="log", yscale="log", xlabel="λ / λ_max", ylabel="relative distance to the convex path")
    ax.legend(frameon=False, fontsize=8)


STUDY = Study(
    "sensing_average",
    "Does the time-averaged Monarch flow follow the group-lasso path under sensing?",
    "E.9, T27",
    {
        "quick": tuple(Config(m, s) for m in (110, 400) for s in (8, 24)),
        "full": tuple(Config(m, s) for m in (80, 110, 200, 400, 800) for s in (4, 8, 24, 60)),
    },
    run_cell,
    decide,
    plot,
    {"quick": 4, "full": 20},
    _NEAR,
)
