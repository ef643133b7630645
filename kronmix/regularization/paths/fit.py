"""Minimise loss + (λ/2)‖θ‖² over the factors: L-BFGS from several starts, then Newton steps on what is left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, minres

from ...operators import StructuredOperator
from ...operators.arrays import Array
from ..curvature import hessian_product
from ..gradients import Packing
from ..norms import Penalty
from ..path import CERTIFIED
from ..problems import Problem, loss
from ..proximal import relative_gap

#: Gradient, relative to its size at the start, at which L-BFGS hands over, and after Newton's steps.
_ROUGH, _NEWTON_STEPS = 1e-7, 8
#: Proved excess of what L-BFGS hands over up to which Newton's steps may prove it the minimum.
_PROMISING = 1e-3


def best_fit(
    problem: Problem, structure: StructuredOperator, λ: float, starts: Iterable[Array], penalty: Penalty | None = None
) -> tuple[StructuredOperator, float]:
    """The best of the minimisers found from the starts (vectors of ``Packing``), and its objective.

    With the ``penalty`` that the structure induces, starts are left out after a minimiser that the convex problem proves best.
    """
    packing = Packing(structure)
    value, θ = np.inf, np.zeros(packing.size)
    for start in starts:
        trial = _minimize(problem, packing, λ, start)
        if trial[0] < value:
            value, θ = trial
            if penalty is not None and _excess(problem, penalty, packing.operator(θ), λ) <= _PROMISING:
                θ = _polished(problem, packing, λ, θ)
                if _excess(problem, penalty, packing.operator(θ), λ) <= CERTIFIED:
                    return packing.operator(θ), value
    return packing.operator(_polished(problem, packing, λ, θ)), value


def _excess(problem: Problem, penalty: Penalty, op: StructuredOperator, λ: float) -> float:
    """Proved: loss + (λ/2)‖θ‖² exceeds the least loss + λR(B) of all weights by at most this times itself."""
    B, value = op.to_dense(), loss(problem, op)
    found = value + 0.5 * λ * sum(float(np.vdot(f, f).real) for f in op.factors)
    least = (value + penalty.objective(B, λ)) * (1 - relative_gap(problem, penalty, B, λ))
    return (found - least) / found if found > 0 else 0.0


def _minimize(problem: Problem, packing: Packing, λ: float, start: Array) -> tuple[float, Array]:
    """Objective and parameters where L-BFGS-B ends from one start."""
    _, gradient = packing.loss_and_gradient(problem, start, λ)
    scale = max(float(np.abs(gradient).max()), 1e-300)
    options = {"maxiter": 20_000, "maxfun": 50_000, "maxcor": 30, "ftol": 1e-16, "gtol": _ROUGH * scale}
    end: Any = minimize(
        lambda θ: packing.loss_and_gradient(problem, θ, λ), start, jac=True, method="L-BFGS-B", options=options
    )
    return float(end.fun), np.asarray(end.x)


def _polished(problem: Problem, packing: Packing, λ: float, θ: Array) -> Array:
    """Newton's steps by MINRES on Hessian products, kept while they bring the gradient down."""
    _, gradient = packing.loss_and_gradient(problem, θ, λ)
    size = float(np.linalg.norm(gradient))
    for _ in range(_NEWTON_STEPS):
        product = hessian_product(problem, packing.operator(θ), λ)
        H = LinearOperator((packing.size, packing.size), matvec=product, dtype=np.float64)
        step, _ = minres(H, -gradient, rtol=1e-6, maxiter=4 * packing.size)
        trial = θ + step
        _, new = packing.loss_and_gradient(problem, trial, λ)
        if not float(np.linalg.norm(new)) < 0.5 * size:
            break
        θ, gradient, size = trial, new, float(np.linalg.norm(new))
    return θ


def random_starts(structure: StructuredOperator, size: float, count: int, rng: np.random.Generator) -> list[Array]:
    """Gaussian factors, of about this root mean square."""
    packing = Packing(structure)
    return [size * rng.standard_normal(packing.size) for _ in range(count)]
