"""Accelerated proximal gradient for loss(B) + λ Ω(B), stopped by a duality gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..operators.arrays import Array
from .norms import Penalty
from .problems import Observed, Problem, Regression, Sensing


@dataclass(frozen=True)
class Solution:
    """A minimiser and the proof that it is one: ``gap`` bounds the excess, relative to the objective.

    Attributes
    ----------
    weight : array of shape (rows, columns)
        The minimiser B.
    gap : float
        Duality gap over the objective: the objective at B is at most 1/(1 − gap) times the minimum.
    iterations : int
        Steps that were needed.

    Examples
    --------
    >>> from kronmix.regularization import minimize_penalized, norms
    >>> found = minimize_penalized(km.Observed(np.diag([3.0, 1.0])), norms.Nuclear(), 2.0)
    >>> found.weight, found.gap <= 1e-8
    (array([[1., 0.],
           [0., 0.]]), True)
    """

    weight: Array
    gap: float
    iterations: int


class GapError(ArithmeticError):
    """The duality gap that was asked for was not reached; ``solution`` is the best weight found, if there is one."""

    def __init__(self, message: str, solution: Solution | None = None) -> None:
        super().__init__(message)
        self.solution = solution


#: Iterations over which the best gap must shrink to this share, or the method has stalled.
_PATIENCE, _PROGRESS = 4_000, 0.9


def loss_and_dense_gradient(problem: Problem, B: Array) -> tuple[float, Array]:
    """Loss and its gradient with respect to a dense weight B."""
    value, outputs_bar = problem.loss_and_gradient(B @ problem.inputs)
    return value, outputs_bar @ problem.inputs.T


def is_squared(problem: Any) -> bool:
    """Whether the loss is ½‖residual‖² of something linear in B, which sharpens the gap."""
    return isinstance(problem, Sensing | Observed) or (isinstance(problem, Regression) and problem.loss == "squared")


def relative_gap(problem: Problem, penalty: Penalty, B: Array, λ: float) -> float:
    """Duality gap of loss + λΩ at B, over the objective there.

    Parameters
    ----------
    problem : Problem
        With a convex loss ≥ 0.
    penalty : penalty object
        As those in ``regularization.norms``, or what ``induced_norm`` gives.
    B : array of shape (rows, columns)
        Any weight, minimiser or not.
    λ : float
        Positive.

    Returns
    -------
    float
        g ≥ 0: the objective at B exceeds the minimum by at most g times itself.

    References
    ----------
    Bach, Jenatton, Mairal & Obozinski, *Optimization with sparsity-inducing penalties*, 2012.

    Examples
    --------
    >>> from kronmix.regularization import norms, relative_gap
    >>> problem = km.Observed(np.diag([3.0, 1.0]))
    >>> relative_gap(problem, norms.L1(), np.diag([1.0, 0.0]), 2.0)
    0.0
    >>> round(relative_gap(problem, norms.L1(), np.diag([1.1, 0.0]), 2.0), 4)  # the excess itself is 0.0011
    0.0014
    """
    value, G = loss_and_dense_gradient(problem, B)
    objective = value + penalty.objective(B, λ)
    gap = penalty.gap(B, G, value, λ, is_squared(problem))
    return gap / objective if objective > 0 else 0.0


def minimize_penalized(
    problem: Problem,
    penalty: Penalty,
    λ: float,
    start: Array | None = None,
    *,
    tol: float = 1e-8,
    max_iterations: int = 200_000,
) -> Solution:
    """Minimise loss(B) + λ Ω(B) over dense B.

        Z = prox_{λ/L}(B − ∇loss(B)/L),   B ← Z + β (Z − Z_before),

    with Nesterov's β, started anew whenever the step turns against the momentum.

    Parameters
    ----------
    problem : Problem
        Any convex loss ≥ 0 with a known ``curvature`` L.
    penalty : penalty object
    λ : float
        Positive.
    start : array of shape (rows, columns), optional
    tol : float
        Largest relative duality gap.

    Raises
    ------
    GapError
        If ``max_iterations`` do not suffice, or the gap has stopped shrinking; its ``solution`` is the best found.

    References
    ----------
    Beck & Teboulle, *A fast iterative shrinkage-thresholding algorithm*, 2009; O'Donoghue & Candès, *Adaptive restart for
    accelerated gradient schemes*, 2015.

    Examples
    --------
    >>> from kronmix.regularization import minimize_penalized, norms
    >>> minimize_penalized(km.Observed(np.diag([3.0, 1.0])), norms.L1(), 2.0).weight
    array([[1., 0.],
           [0., 0.]])
    """
    B = Z = np.zeros(problem.shape) if start is None else np.array(start, dtype=float)
    step = 1 / problem.curvature if problem.curvature > 0 else 1.0
    momentum = 1.0
    pause, check = 1, 0
    best, milestone, since = Solution(Z, np.inf, 0), np.inf, 0
    for iteration in range(max_iterations + 1):
        if iteration >= check:
            gap = relative_gap(problem, penalty, Z, λ)
            if gap < best.gap:
                best = Solution(Z, gap, iteration)
            if gap <= tol:
                return best
            if best.gap <= _PROGRESS * milestone:
                milestone, since = best.gap, iteration
            elif iteration - since > _PATIENCE:
                raise GapError(
                    f"relative duality gap {best.gap:.2e} at λ={λ:.6g} stopped shrinking after {iteration} iterations: "
                    f"expected at most tol={tol:.1e}; standardise the features or raise tol",
                    best,
                )
            pause = min(pause + 1, 10)  # the first checks are close together: warm starts end soon
            check = iteration + pause
        _, G = loss_and_dense_gradient(problem, B)
        before, Z = Z, penalty.prox(B - step * G, step * λ)
        if np.vdot(B - Z, Z - before) > 0:
            momentum, B = 1.0, Z
            continue
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        B = Z + (momentum - 1) / following * (Z - before)
        momentum = following
    raise GapError(
        f"relative duality gap {best.gap:.2e} after {max_iterations} iterations at λ={λ:.6g}: expected at most tol={tol:.1e}; "
        "raise max_iterations or tol",
        best,
    )
