"""T38, T39: what the noise of stochastic gradient descent does to the weight of u∘v, beside what theory says it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km
from kronmix.progress import whole
from kronmix.regularization import Sampling, hessian_trace, minimum_hypentropy

from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

#: What each step sees.
ARMS = {"all samples": None, "label noise": Sampling(label_noise=0.5), "one sample": Sampling(batch=1)}

#: Of relative errors of the weight.
_SMALLEST = 0.05


@dataclass(frozen=True)
class Config:
    """Three weights of ``unknowns`` are not zero; half as many measurements as unknowns, without noise.

    Attributes
    ----------
    arm : str
        What a step is said to see.
    sees : str
        What it sees: the arm, except where the claim is to be false or true by construction.
    unknowns : int
    scale, step_size : float
    steps : int
    """

    arm: str
    sees: str
    unknowns: int
    scale: float
    step_size: float
    steps: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Where descent ends: its relative error, its flatness, and its distance from the interpolators that theory names.

    The seed gives the same problem and the same start in every arm.
    """
    rng, d = np.random.default_rng(seed), config.unknowns
    A, w = rng.normal(size=(d // 2, d)), np.zeros(d)
    w[:3] = rng.choice([-1.0, 1.0], 3) * rng.uniform(0.5, 1.5, 3)
    problem = km.Regression(A.T, A @ w)
    start = km.Hadamard(np.full((1, d), np.sqrt(2) * config.scale), np.zeros((1, d)))
    sampling = ARMS[config.sees]
    if sampling is not None:
        sampling = Sampling(sampling.batch, sampling.label_noise, seed)
    run = whole(km.gradient_descent(problem, start, config.step_size, config.steps, sampling=sampling, records=2))
    found = run.operator.to_dense()[0]
    law = km.conserved_quantities(run.operator)["u0² − u1²"][0]
    scales = np.sqrt(np.maximum(np.abs(law) / 2, 1e-280))
    values = {
        "relative error": float(np.linalg.norm(found - w) / np.linalg.norm(w)),
        "trace of the Hessian": hessian_trace(problem, run.operator),
        "scale at the end / at the start": float(np.exp(np.mean(np.log(scales))) / config.scale),
        "residual": float(np.linalg.norm(A @ (found - w)) / np.linalg.norm(A @ w)),
    }
    fits = sampling is None or not sampling.label_noise  # other runs do not end at an interpolator
    for name, α in (("initial scale", config.scale), ("scales of its own", np.maximum(scales, 1e-140))):
        off = np.linalg.norm(found - minimum_hypentropy(A, A @ w, α)) / np.linalg.norm(w) if fits else np.nan
        values[f"distance from {name}"] = float(off)
    return values


def decide(table: Table) -> Outcome:
    """Errors paired by seed: all samples against one sample a step and against label noise; beside them T39's scales."""
    plain = table.samples("relative error", arm="all samples")
    errors = {arm: table.samples("relative error", arm=arm) for arm in ARMS}
    own, initial = (
        table.samples(f"distance from {name}", arm="one sample") for name in ("scales of its own", "initial scale")
    )
    comparisons = [
        Comparison("error with all samples minus one sample a step", plain - errors["one sample"], _SMALLEST),
        Comparison("error without label noise minus with", plain - errors["label noise"], _SMALLEST),
    ]
    beside = [
        Comparison("distance from the interpolator of the initial scale minus of its own", initial - own, _SMALLEST)
    ]
    flat = ", ".join(f"{arm} {table.interval('trace of the Hessian', arm=arm)}" for arm in ARMS)
    return decide_together(
        comparisons,
        f"tr ∇²L at the end: {flat}; distance from the interpolator of its own scales {own.interval}",
        beside,
    )


def plot(table: Table, ax: Any) -> None:
    """Errors of the three arms, and T39's distances of the middle one."""
    found = [table.interval("relative error", arm=arm) for arm in ARMS]
    draw_intervals(ax, range(len(ARMS)), found, linestyle="none", label="relative error of the weight")
    for name, marker in (("initial scale", "v"), ("scales of its own", "^")):
        near = [table.interval(f"distance from {name}", arm=arm) for arm in ("all samples", "one sample")]
        draw_intervals(ax, [0.1, 2.1], near, linestyle="none", marker=marker, label=f"distance from T39's, {name}")
    ax.set_xticks(range(len(ARMS)), list(ARMS))
    ax.set(xlabel="what a step sees", ylabel="relative to the weight", yscale="log")
    ax.legend(frameon=False, fontsize=8, loc="center")


def _grid(arms: dict[str, tuple[str, float, float]], unknowns: int, steps: int) -> tuple[Config, ...]:
    """What each arm sees, the scale of its start and its step size."""
    return tuple(Config(arm, sees, unknowns, scale, step, steps) for arm, (sees, scale, step) in arms.items())


def _all_alike(scale: float, step: float) -> dict[str, tuple[str, float, float]]:
    """Every arm at one scale and one step."""
    return {arm: (arm, scale, step) for arm in ARMS}


#: A start so large that descent fits without making anything sparse.
_LARGE = ("all samples", 1.5, 0.01)

STUDY = Study(
    "sgd_noise",
    "Does the noise of stochastic gradient descent bring the weight of u∘v nearer to the sparse one that it should find?",
    "T38, T39",
    {
        "quick": _grid(_all_alike(0.3, 0.06), 24, 4000),
        "full": _grid(_all_alike(0.1, 0.01), 100, 100_000),
        "null": _grid(dict.fromkeys(ARMS, ("all samples", 0.3, 0.06)), 24, 1000),
        "planted": _grid(dict.fromkeys(ARMS, ("all samples", 0.05, 0.06)) | {"all samples": _LARGE}, 24, 1500),
    },
    run_cell,
    decide,
    plot,
    {"quick": 12, "full": 20, "null": 4, "planted": 4},
    _SMALLEST,
)
