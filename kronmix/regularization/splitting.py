"""The alternating direction method for squared regression under a norm: features of any scale, every step solved exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from ..operators.arrays import Array
from .least_squares import least_squares
from .norms import Norm
from .problems import Regression
from .proximal import GapError, Solution, relative_gap

#: Over-relaxation, iterations between checks, and iterations during which ρ may still change.
_RELAXATION, _CHECK, _ADAPTING = 1.7, 10, 2_000


class Splitting:
    """Minimise loss(B) + λ Ω(Z) with B = Z, for one problem and any λ.

        B ← argmin loss(B) + (ρ/2)‖B − Z + U‖²,   Z ← prox_{λ/ρ}(B + U),   U ← U + B − Z.

    The first step is solved in the eigenbasis of the features, so that their scales do not slow it down. −ρU is a subgradient
    of λΩ: it gives a lower bound of its own beside that of the gradient.

    Parameters
    ----------
    problem : Regression
        With the squared loss.
    penalty : Norm

    References
    ----------
    Boyd, Parikh, Chu, Peleato & Eckstein, *Distributed optimization and statistical learning via the alternating direction
    method of multipliers*, 2011.

    Examples
    --------
    >>> from kronmix.regularization import norms
    >>> from kronmix.regularization.splitting import Splitting
    >>> problem = km.Regression(np.diag([2e3, 2.0, 2e-3]), np.diag([4e3, 4.0, 4.0]))
    >>> Splitting(problem, norms.Nuclear())(2.0).weight.diagonal().round(3)
    array([2. , 0.5, 0. ])
    """

    def __init__(self, problem: Regression, penalty: Norm) -> None:
        self.problem, self.penalty = problem, penalty
        design = least_squares(problem)
        self._gram = design.matrix.T @ design.matrix / design.samples
        self._slope = design.targets.T @ design.matrix / design.samples
        self._at_zero, _ = problem.loss_and_gradient(np.zeros((problem.shape[0], problem.inputs.shape[1])))
        self._inverse = _factored(self._gram)
        diagonal = np.diag(self._gram)
        self._ρ = float(np.median(diagonal[diagonal > 0])) if diagonal.any() else 1.0

    def __call__(
        self, λ: float, start: Array | None = None, *, tol: float = 1e-8, max_iterations: int = 20_000
    ) -> Solution:
        """The minimiser for one λ, from a start; GapError with the best weight found where the gap is out of reach."""
        ρ = self._ρ
        solve = _factored(self._gram + ρ * np.eye(len(self._gram)))
        Z = np.zeros(self.problem.shape) if start is None else np.array(start, dtype=float)
        U = (self._slope - Z @ self._gram) / ρ
        best = Solution(Z, np.inf, 0)
        for iteration in range(max_iterations + 1):
            if iteration % _CHECK == 0:
                gap = self._gap(Z, ρ * U, λ)
                if gap < best.gap:
                    best = Solution(Z, gap, iteration)
                if gap <= tol:
                    break
            assert solve is not None  # ρ > 0 keeps it positive definite
            B = solve((self._slope + ρ * (Z - U)).T).T
            ahead = _RELAXATION * B + (1 - _RELAXATION) * Z
            before, Z = Z, self.penalty.prox(ahead + U, λ / ρ)
            U = U + ahead - Z
            if iteration % _CHECK == _CHECK - 1 and iteration < _ADAPTING:
                change = balance(B - Z, Z - before, max(np.linalg.norm(B), np.linalg.norm(Z)), np.linalg.norm(U))
                if change != 1:
                    ρ, U = ρ * change, U / change
                    solve = _factored(self._gram + ρ * np.eye(len(self._gram)))
        self._ρ = ρ
        if best.gap > tol:
            raise GapError(
                f"relative duality gap {best.gap:.2e} after {max_iterations} iterations at λ={λ:.6g}: "
                f"expected at most tol={tol:.1e}; standardise the features or raise tol",
                best,
            )
        return best

    def _gap(self, B: Array, dual: Array, λ: float) -> float:
        """The smaller of two proved gaps: by the gradient at B, and by the dual point −D with Ω°(D) ≤ λ, whose bound is
        min loss + ⟨D, ·⟩ = loss(0) − ½‖(C − D) L^{-T}‖² for the Gram matrix LLᵀ and C = −∇loss(0)."""
        by_gradient = relative_gap(self.problem, self.penalty, B, λ)
        if self._inverse is None:
            return by_gradient
        size = self.penalty.dual(dual)
        free = self._slope - dual * min(1.0, λ / size if size > 0 else 1.0)
        lower = self._at_zero - 0.5 * float(np.sum(free * self._inverse(free.T).T))
        value, _ = self.problem.loss_and_gradient(B @ self.problem.inputs)
        objective = value + self.penalty.objective(B, λ)
        rounding = 8 * np.finfo(float).eps * self._at_zero
        return min(by_gradient, max(objective - lower + rounding, 0.0) / objective) if objective > 0 else 0.0


def _factored(S: Array) -> Callable[[Array], Array] | None:
    """Solve with a positive definite matrix, by Cholesky after scaling to a diagonal of ones; None where it is singular."""
    sizes = np.sqrt(np.diag(S))
    if (sizes == 0).any():
        return None
    scaled = S / sizes / sizes[:, None]
    try:
        factor = cho_factor(scaled)
    except LinAlgError:
        return None
    return lambda b: np.asarray(cho_solve(factor, b / sizes[:, None]) / sizes[:, None])


def balance(primal: Any, dual: Any, size: Any, dual_size: Any) -> float:
    """Factor for ρ that brings the two relative residuals together, between 1/5 and 5; 1 where they are close."""
    a = float(np.linalg.norm(primal)) / max(float(size), 1e-300)
    b = float(np.linalg.norm(dual)) / max(float(dual_size), 1e-300)
    change = float(np.clip(np.sqrt(a / max(b, 1e-300)), 0.2, 5.0))
    return change if change > 2 or change < 0.5 else 1.0
