"""Minimise loss + (λ/2)‖θ‖² over the factors: L-BFGS from several starts, then Newton steps on what is left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, minres

from ...operators import StructuredOperator
from ...operators.base import Array
from ..curvature import hessian_product
from ..gradients import Packing
from ..problems import Problem

#: Gradient, relative to its size at the start, at which L-BFGS hands over, and after Newton's steps.
_ROUGH, _NEWTON_STEPS = 1e-7, 8


def best_fit(
    problem: Problem, structure: StructuredOperator, λ: float, starts: Iterable[Array]
) -> tuple[StructuredOperator, float]:
    """The best of the minimisers found from the starts (vectors of ``Packing``), and its objective."""
    packing = Packing(structure)
    found = [_minimized(problem, packing, λ, start) for start in starts]
    value, θ = min(found, key=lambda pair: pair[0])
    return packing.operator(_polished(problem, packing, λ, θ)), value


def _minimized(problem: Problem, packing: Packing, λ: float, start: Array) -> tuple[float, Array]:
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
