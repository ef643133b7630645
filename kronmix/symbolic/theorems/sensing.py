"""T23, numerically: gradient descent on Monarch factors against the convex group-sparse minimiser.

    n = 16: sixteen slices of 4 × 4, three of them active (rank 1), 110 Gaussian measurements of the 256 unknowns.

The convex value is bracketed by a feasible point above and a scaled dual point below, so what is compared is certified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..claims import NUMERICAL, Counterexample, Outcome, Proof, claim
from ..provers.polynomials import Array


@dataclass(frozen=True)
class Experiment:
    """Sizes and seed: ``side`` × ``side`` slices, side² of them, so n = side²."""

    side: int = 4
    active: int = 3
    measurements: int = 110
    scale: float = 1e-4
    rank: int = 1
    steps: int = 20_000
    step_size: float = 0.1
    seed: int = 0

    def draw(self) -> tuple[Array, Array]:
        """Target slices (side², side, side) and measurements (N, side⁴) of standard normal entries."""
        rng = np.random.default_rng(self.seed)
        count, m = self.side**2, self.side
        target = np.zeros((count, m, m))
        chosen = rng.choice(count, self.active, replace=False)
        outer = rng.normal(size=(self.active, m, 1)) * rng.normal(size=(self.active, 1, m))
        target[chosen] = outer / np.linalg.norm(outer, axis=(1, 2), keepdims=True)
        return target, rng.normal(size=(self.measurements, count * m * m))


def descend(experiment: Experiment, A: Array, y: Array) -> Array:
    """Gradient descent on the slices' factors U_jk V_jk for ½ mean (A vec B − y)², from normal entries of size ``scale``."""
    e = experiment
    rng = np.random.default_rng(e.seed + 1)
    U = e.scale * rng.normal(size=(e.side**2, e.side, e.rank))
    V = e.scale * rng.normal(size=(e.side**2, e.rank, e.side))
    for _ in range(e.steps):
        B = U @ V
        G = (A.T @ (A @ B.ravel() - y) / len(y)).reshape(B.shape)
        U, V = U - e.step_size * (G @ V.swapaxes(1, 2)), V - e.step_size * (U.swapaxes(1, 2) @ G)
    return U @ V


def least_squares(experiment: Experiment, A: Array, y: Array) -> Array:
    """The solution of least ℓ2 norm: a false neighbour."""
    return (np.linalg.pinv(A) @ y).reshape(-1, experiment.side, experiment.side)


def convex_minimiser(A: Array, y: Array, shape: tuple[int, ...], steps: int = 2000) -> tuple[Array, float]:
    """Slices of least nuclear norm sum with A vec B = y (Douglas–Rachford), and a lower bound on that sum.

    The bound: ⟨y, ν⟩ ≤ Σ‖B_j‖_* for every ν whose slices of Aᵀν have spectral norm ≤ 1.
    """
    inverse = np.linalg.pinv(A)
    z = inverse @ y
    feasible = z
    for _ in range(steps):
        feasible = z - inverse @ (A @ z - y)
        left, sigma, right = np.linalg.svd((2 * feasible - z).reshape(shape), full_matrices=False)
        shrunk = (left * np.maximum(sigma - _STEP, 0)[:, None, :]) @ right
        z = z + shrunk.ravel() - feasible
    nu = inverse.T @ (feasible - z) / _STEP
    largest = np.linalg.norm((A.T @ nu).reshape(shape), ord=2, axis=(1, 2)).max()
    return feasible.reshape(shape), float(y @ nu / max(largest, 1.0))


_STEP = 0.1


def prove_recovery(
    experiment: Experiment = Experiment(),
    recover: Callable[[Experiment, Array, Array], Array] = descend,
    tolerance: float = 1e-3,
    gap: float = 1e-2,
) -> Outcome:
    """What ``recover`` finds has a relative error below ``tolerance``, a slice norm sum within ``gap`` of the convex minimum."""
    target, A = experiment.draw()
    y = A @ target.ravel()
    B = recover(experiment, A, y)
    feasible, bound = convex_minimiser(A, y, target.shape)
    found: dict[str, Any] = {
        "relative error": float(np.linalg.norm(B - target) / np.linalg.norm(target)),
        "slice norm sum": _nuclear_norm(B),
        "convex minimum": (bound, _nuclear_norm(feasible)),
    }
    n = experiment.side**2
    sizes = f"n = {n}, {n} slices of {experiment.side}×{experiment.side}, {experiment.measurements} of {n * n} unknowns measured"
    if found["relative error"] >= tolerance:
        return Counterexample(sizes, found, f"the relative error is above {tolerance:g}")
    if abs(found["slice norm sum"] - bound) > gap * bound:
        return Counterexample(sizes, found, f"the slice norm sum is not within {gap:g} of the convex minimum")
    shown = ", ".join(f"{k} {v:.3g}" for k, v in found.items() if isinstance(v, float))
    return Proof(sizes, f"{shown}, convex minimum ≥ {bound:.3g}; tolerances {tolerance:g} and {gap:g}")


def _nuclear_norm(B: Array) -> float:
    return float(np.linalg.svd(B, compute_uv=False).sum())


CLAIMS = (
    claim(
        "T23",
        "sensing",
        "From 110 Gaussian measurements of 256 unknowns, gradient descent on Monarch factors from scale 1e-4 recovers three "
        "active slices to 1e-3, at the minimum of the slices' nuclear norms to 1 %.",
        r"\frac{\|\hat B-B\|_F}{\|B\|_F}<10^{-3},\qquad"
        r"\sum_{j,k}\|\hat B_{jk}\|_*\approx\min_{\mathcal A(B)=y}\sum_{j,k}\|B_{jk}\|_*",
        "Li, Nguyen, Hegde & Wong 2023",
        NUMERICAL,
        prove_recovery,
        {
            "so does the solution of least ℓ2 norm": {"recover": least_squares},
            "from any initial scale": {"experiment": Experiment(rank=4, scale=1.0, step_size=0.02)},
            "from half the measurements": {"experiment": Experiment(measurements=55)},
        },
        slow=partial(prove_recovery, Experiment(seed=1, steps=60_000)),
    ),
)
