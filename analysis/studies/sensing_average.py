"""E.9: does the time average of the Monarch flow follow the convex path under sensing (T27), and how nearly?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km
from kronmix.progress import whole

from ..statistics import Comparison, Outcome, average, decide_together
from ..study import Study, Table, draw_intervals
from .sensing_phase import sensing

#: λ as a share of where the convex path leaves zero.
SHARES = (0.7, 0.3, 0.1, 0.03)

#: A relative distance that counts.
_NEAR = 0.15
#: What is reported of the fully observed target, where the limit α → 0 is known exactly (T27): how far this α is from it.
_EXACT = "fully observed, "


@dataclass(frozen=True)
class Config:
    """Three active slices of 4×4 in 16, 5 % noise."""

    measurements: int
    log_scale: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Relative distance of the average, at each share of λ_max, from the sum-of-nuclear-norms path.

    Beside it the distance of the same average on the fully observed target from its exact limit α → 0.
    """
    rng = np.random.default_rng(seed)
    problem, target = sensing(3, config.measurements, 0.05, rng)
    structure, shares, α = km.Monarch(np.ones((4, 4, 4)), np.ones((4, 4, 4))), np.array(SHARES), 10.0**-config.log_scale
    zero = km.reference_path(problem, "nuclear", groups=(4, 4, 4, 4)).parameter.max()
    average = whole(km.regularization_path(problem, structure, "time", zero * shares, scale=α, seed=seed))
    largest = max(np.linalg.norm(block, 2) for row in target.reshape(4, 4, 4, 4).transpose(1, 2, 0, 3) for block in row)
    exact = km.averaged_flow(structure, target, α, largest * shares)
    assert average.distance is not None
    assert exact.distance is not None
    return {_share_label(s): d for s, d in zip(SHARES, average.distance, strict=True)} | {
        _EXACT + _share_label(s): d for s, d in zip(SHARES, exact.distance, strict=True)
    }


def _share_label(share: float) -> str:
    return f"at {share:g} λ_max"


def decide(table: Table) -> Outcome:
    """Follows: within ``_NEAR`` of the convex path on average over λ, at the smallest scale, with every number of measurements."""
    scale = max(table.levels("log_scale"))
    measured = sorted(table.levels("measurements"))
    distance = {
        (m, s): table.samples(_share_label(s), measurements=m, log_scale=scale) for m in measured for s in SHARES
    }
    near = [
        Comparison.no_worse(f"{m} measurements, mean over λ", -average(distance[m, s] for s in SHARES), _NEAR)
        for m in measured
    ]
    each = [
        Comparison.no_worse(f"{m} measurements, {_share_label(s)}", -found, _NEAR) for (m, s), found in distance.items()
    ]
    exact = max(
        table.interval(_EXACT + _share_label(s), measurements=m, log_scale=scale).mean for m in measured for s in SHARES
    )
    return decide_together(
        near,
        f"α = 1e-{scale}, on fully observed targets at most {exact:.2g} from the exact limit; minus the relative distance to the "
        "convex path",
        each,
    )


def plot(table: Table, ax: Any) -> None:
    """Distance against λ for every scale and number of measurements; dashed: of fully observed targets from the exact limit."""
    for i, config in enumerate(table.configurations):
        label = f"{config['measurements']} measurements, α = 1e-{config['log_scale']}"
        for exact, style in (("", {"label": label}), (_EXACT, {"linestyle": ":", "marker": ""})):
            found = [table.interval(exact + _share_label(s), **config) for s in SHARES]
            draw_intervals(ax, SHARES, found, color=f"C{i}", **style)
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(SHARES, [f"{s:g}" for s in SHARES])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="λ / λ_max", ylabel="relative distance to the convex path")
    ax.legend(frameon=False, fontsize=8, title="dotted: fully observed, from the exact limit", title_fontsize=8)


STUDY = Study(
    "sensing_average",
    "Does the time-averaged Monarch flow follow the group-lasso path under sensing?",
    "E.9, T27",
    {
        "quick": (Config(110, 24), Config(400, 24)),
        "full": tuple(Config(m, s) for m in (80, 110, 200, 400, 800) for s in (4, 8, 24, 60)),
        "null": (Config(400, 1),),  # no bias yet at this scale
        "planted": (Config(800, 24),),  # three measurements of every unknown
    },
    run_cell,
    decide,
    plot,
    {"quick": 4, "full": 20, "null": 4, "planted": 5},
    _NEAR,
)
