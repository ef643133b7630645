"""Gradient descent at the edge of stability, and the flow of its average: the gradient flow kept where η times the sharpness is at
most 2 (Cohen et al. 2025).

    θ' = −(∇L + ½ ∇⟨X, ∇²L⟩),   X ⪰ 0 on the eigenvectors of ∇²L whose eigenvalue is 2/η,

with X such that none of these eigenvalues grows. The bracket is then a projection of ∇L, and X solves a least-squares problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ..checks import integer, positive
from ..operators import StructuredOperator
from ..operators.arrays import Array
from .curvature import hessian
from .gradients import Packing
from .problems import Problem

#: Most parameters for which the Hessian is formed at every step.
_MOST = 400
#: Eigenvalues within this share of 2/η count as being there.
_NEAR = 1e-3


@dataclass(frozen=True)
class CentralFlow:
    """The central flow of gradient descent with one step size.

    Attributes
    ----------
    step_size : float
    times : array of shape (points,)
        Step size × steps of descent.
    losses, sharpness : arrays of shape (points,)
        Of the averaged iterate: its loss and the largest eigenvalue of its Hessian.
    oscillation : array of shape (points,)
        tr X: the mean square of how far the iterates of descent swing around the average; 0 below the edge.
    weights : array of shape (points, rows, columns)
    operator : StructuredOperator
        At the end.
    """

    step_size: float
    times: Array
    losses: Array
    sharpness: Array
    oscillation: Array
    weights: Array
    operator: StructuredOperator

    def __repr__(self) -> str:
        at_edge = float((self.oscillation > 0).mean())
        return f"CentralFlow(step size {self.step_size:.4g}, {self.times.size} points, at the edge for {at_edge:.0%} of the time)"


def central_flow(
    problem: Problem, op: StructuredOperator, step_size: float, steps: int, *, substeps: int = 4
) -> CentralFlow:
    """Follow the average of gradient descent with step size η past the edge of stability (Cohen et al. 2025).

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator
        The start; of at most 400 parameters, since the Hessian is formed at every step.
    step_size : float
        η of the descent that is described.
    steps : int
        Of that descent.
    substeps : int
        Steps of Euler's method for each of them.

    Returns
    -------
    CentralFlow

    Raises
    ------
    ValueError
        If there are more parameters, or a number is out of range.

    References
    ----------
    Cohen, Damian, Talwalkar, Kolter & Lee, *Understanding optimization in deep learning with central flows*, ICLR 2025, arXiv
    2410.24206. The form with a projection is derived here from the condition that no eigenvalue at 2/η grows.

    Examples
    --------
    >>> from kronmix.regularization import central_flow
    >>> start, η = km.Hadamard([[3.0]], [[0.1]]), 0.25
    >>> flow = central_flow(km.Observed([[1.0]]), start, η, 60)
    >>> bool(flow.sharpness.max() * η < 2 + 0.3), bool(flow.losses[-1] < 1e-3)  # it begins above 2/η: 9 · 0.25
    (True, True)
    """
    η, steps, substeps = positive(step_size, "step_size"), integer(steps, "steps", 0), integer(substeps, "substeps")
    packing = Packing(op)
    if packing.size > _MOST:
        raise ValueError(f"op has {packing.size} parameters: the central flow forms Hessians, for at most {_MOST}")
    θ = packing.vector(op.factors)
    rows: list[tuple[float, float, float]] = []
    weights = []
    for step in range(steps + 1):
        for inner in range(substeps):
            at = packing.operator(θ)
            value, gradient = packing.loss_and_gradient(problem, θ)
            eigenvalues, vectors = np.linalg.eigh(hessian(problem, at))
            near = eigenvalues > 2 / η * (1 - _NEAR)
            excess = np.maximum(eigenvalues[near] - 2 / η, 0.0)
            correction, swing = _correction(problem, packing, θ, gradient, vectors[:, near], excess, 0.25 / η)
            if inner == 0:
                rows.append((value, float(eigenvalues[-1]), swing))
                weights.append(at.to_dense())
            if step == steps:
                break
            θ = θ - η / substeps * (gradient + correction)
    losses, sharpness, oscillation = np.array(rows).T
    times = η * np.arange(steps + 1)
    return CentralFlow(η, times, losses, sharpness, oscillation, np.stack(weights), packing.operator(θ))


def _correction(
    problem: Problem, packing: Packing, θ: Array, gradient: Array, edge: Array, excess: Array, rate: float
) -> tuple[Array, float]:
    """½∇⟨X, ∇²L⟩ and tr X, for the X ⪰ 0 on the vectors at the edge that makes the step the nearest to −∇L without growth there.

    X minimises ½‖∇L + ½∇⟨X, ∇²L⟩‖² − ½ rate ⟨X, excess⟩: eigenvalues that a step of finite length left above the limit are led
    back to it at this rate.
    """
    k = edge.shape[1]
    if k == 0:
        return np.zeros_like(θ), 0.0
    pairs = [(i, j) for i in range(k) for j in range(i, k)]
    twice = np.array([2 - (i == j) for i, j in pairs])
    third = np.stack([_third(problem, packing, θ, edge[:, i], edge[:, j], i == j) for i, j in pairs], axis=1) * twice

    def moved(X: Array) -> Array:
        return np.asarray(0.5 * third @ np.array([X[i, j] for i, j in pairs]))

    def objective(c: Array) -> tuple[float, Array]:
        L = c.reshape(k, k)
        step = gradient + moved(L @ L.T)
        slope = -0.5 * rate * np.diag(excess)
        for (i, j), t in zip(pairs, third.T @ step / twice, strict=True):
            slope[i, j] += 0.5 * t
            slope[j, i] += 0.5 * t * (i != j)
        return 0.5 * float(step @ step) - 0.5 * rate * float(excess @ np.sum(L**2, axis=1)), (2 * slope @ L).ravel()

    size = np.linalg.norm(gradient) / max(float(np.linalg.norm(third)), 1e-300)
    found: Any = minimize(
        objective, (np.sqrt(size) * np.eye(k)).ravel(), jac=True, method="BFGS", options={"gtol": 1e-12}
    )
    L = found.x.reshape(k, k)
    return moved(L @ L.T), float(np.sum(L**2))


def _third(problem: Problem, packing: Packing, θ: Array, u: Array, v: Array, same: bool) -> Array:
    """D³L[u, v, ·], by second differences of the gradient, which is a polynomial for squared losses."""
    h = 1e-3 * max(float(np.linalg.norm(θ)), 1e-3)

    def along(w: Array) -> Array:
        ahead, here, behind = (packing.loss_and_gradient(problem, θ + s * h * w)[1] for s in (1, 0, -1))
        return np.asarray((ahead - 2 * here + behind) / h**2)

    return along(u) if same else (along(u + v) - along(u - v)) / 4
