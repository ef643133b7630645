"""Solvers of the convex references, in order of preference: each takes some pairs of problem and penalty, and proves its gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..operators.arrays import Array
from . import lasso
from .hypentropy import minimum_l1
from .layouts import Rearranged, View, Whole
from .least_squares import LeastSquares, least_squares
from .norms import L1, Groups, Norm, Nuclear, Penalty, Ridge
from .problems import Observed, Problem, Regression, Sensing
from .proximal import GapError, Solution, is_squared, loss_and_dense_gradient, minimize_penalized, relative_gap
from .registry import add_name
from .splitting import Splitting
from .working_set import minimize_on_blocks


@dataclass(frozen=True)
class Found:
    """What a registered solver hands back.

    Attributes
    ----------
    parameters : array of shape (K,)
        Decreasing.
    weights : array of shape (K, rows, columns)
    gaps : array of shape (K,)
        A proved duality gap of each weight.
    kinks : array, optional
        Where the path bends, if the solver knows.

    Examples
    --------
    >>> km.regularization.Found(np.array([1.0]), np.zeros((1, 2, 2)), np.zeros(1)).kinks is None
    True
    """

    parameters: Array
    weights: Array
    gaps: Array
    kinks: Array | None = None


#: (problem, penalty, parameters decreasing or None for the solver's own, tol) -> Found
Solve = Callable[[Any, Any, Array | None, float], Found]


@dataclass(frozen=True)
class Solver:
    """A way to a reference path, and the pairs of problem and penalty it takes: what ``reference_path(solver=…)`` takes.

    Attributes
    ----------
    fits : function of (problem, penalty) to bool
        Whether the solver takes this pair.
    solve : function of (problem, penalty, parameters, tol) to Found
        ``parameters`` are decreasing, or None where the solver chooses its own.
    """

    fits: Callable[[Any, Any], bool]
    solve: Solve


_SOLVERS: dict[str, Solver] = {}

#: Features whose sizes differ by more than this are left to the method that does not mind.
_LARGEST_SPREAD = 30.0


def register_solver(name: str, fits: Callable[[Any, Any], bool]) -> Callable[[Solve], Solve]:
    """Register a solver for the pairs (problem, penalty) that ``fits`` accepts; earlier ones are preferred.

    Parameters
    ----------
    name : str
        What ``reference_path(solver=…)`` takes from then on.
    fits : function of (problem, penalty) to bool
        Whether the solver takes this pair.

    Returns
    -------
    decorator
        For a function of (problem, penalty, parameters, tol) to a ``Found``, which holds the λ's, the weights and their gaps;
        ``parameters`` are decreasing, or None where the solver chooses its own. ``reference_path`` checks the gaps against tol.
        The function is returned as it is.

    Raises
    ------
    ValueError
        If the name is taken.

    Examples
    --------
    >>> from kronmix.regularization import Found, register_solver, relative_gap
    >>> @register_solver("threshold", lambda problem, penalty: isinstance(problem, km.Observed) and penalty.name == "l1")
    ... def threshold(problem, penalty, parameters, tol):
    ...     weights = np.stack([np.sign(problem.T) * np.maximum(abs(problem.T) - λ, 0) for λ in parameters])
    ...     gaps = [relative_gap(problem, penalty, B, λ) for B, λ in zip(weights, parameters, strict=True)]
    ...     return Found(parameters, weights, np.array(gaps))
    >>> km.reference_path(km.Observed(np.diag([3.0, 1.0])), "l1", [2.0], solver="threshold").weights[0]
    array([[1., 0.],
           [0., 0.]])
    """

    def register(solve: Solve) -> Solve:
        add_name(_SOLVERS, name, Solver(fits, solve), "solver")
        return solve

    return register


def pick_solver(problem: Any, penalty: Any, name: Any) -> Solver:
    """The solver of a name, or one that is given, or the first that fits; ValueError where it does not."""
    if isinstance(name, Solver):
        if not name.fits(problem, penalty):
            raise ValueError(f"solver={name!r} does not take {problem!r} with penalty {penalty!r}")
        return name
    fitting = [key for key, solver in _SOLVERS.items() if solver.fits(problem, penalty)]
    if name is None:
        return _SOLVERS[fitting[0]]
    if name not in fitting:
        raise ValueError(f"solver={name!r}: for this problem and penalty expected one of {fitting}")
    return _SOLVERS[name]


def _relative_gap(problem: Problem, penalty: Penalty, B: Array, λ: float) -> float:
    return relative_gap(problem, penalty, B, λ) if λ > 0 else _excess_without_penalty(problem, B)


def _excess_without_penalty(problem: Problem, B: Array) -> float:
    """Excess of a squared loss over its least-squares minimum, ‖QQᵀ residual‖²/2·samples, over the loss (or rounding of it)."""
    design = least_squares(problem)
    residual = design.matrix @ design.coefficients(B) - design.targets
    Q = _basis_of_range(design.matrix)
    excess = 0.5 * float(np.sum((Q.T @ residual) ** 2)) / design.samples
    value, _ = loss_and_dense_gradient(problem, B)
    at_zero, _ = loss_and_dense_gradient(problem, np.zeros_like(B))
    floor = max(value, np.finfo(float).eps * at_zero)
    return excess / floor if floor > 0 else 0.0


def _basis_of_range(matrix: Array) -> Array:
    U, σ, _ = np.linalg.svd(matrix, full_matrices=False)
    return U[:, σ > σ.max(initial=0.0) * max(matrix.shape) * np.finfo(float).eps]


def _is_least_squares(problem: Any) -> bool:
    return is_squared(problem) and not isinstance(problem, Observed)


def _default_parameters(problem: Any, penalty: Any) -> Array:
    _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
    return np.asarray(penalty.grid(G, problem.curvature))


@register_solver("closed form", lambda problem, penalty: isinstance(problem, Observed))
def _observed(problem: Observed, penalty: Any, parameters: Array | None, tol: float) -> Found:
    """½‖B − T‖² + λΩ(B) is what a proximal map minimises."""
    λs = _default_parameters(problem, penalty) if parameters is None else parameters
    return _with_gaps(problem, penalty, λs, np.stack([penalty.prox(problem.T, float(λ)) for λ in λs]))


@register_solver("svd", lambda problem, penalty: isinstance(penalty, Ridge) and _is_least_squares(problem))
def _ridge(problem: Any, penalty: Ridge, parameters: Array | None, tol: float) -> Found:
    """B(λ) = V diag(σ/(σ² + samples·λ)) Uᵀ targets, one SVD for all λ; at λ = 0 the minimum-norm least squares."""
    λs = _default_parameters(problem, penalty) if parameters is None else parameters
    design = least_squares(problem)
    U, σ, Vh = np.linalg.svd(design.matrix, full_matrices=False)
    kept = σ > σ.max(initial=0.0) * max(design.matrix.shape) * np.finfo(float).eps
    U, σ, Vh = U[:, kept], σ[kept], Vh[kept]
    projected = U.T @ design.targets
    shrunk = (σ / (σ**2 + design.samples * λs[:, None]))[..., None] * projected
    return _with_gaps(problem, penalty, λs, np.stack([design.weight(Vh.T @ coefficients) for coefficients in shrunk]))


@register_solver("lars", lambda problem, penalty: isinstance(penalty, L1) and _is_least_squares(problem))
def _lars(problem: Any, penalty: L1, parameters: Array | None, tol: float) -> Found:
    """ℓ1 paths exactly, from kink to kink, polished to the tolerance."""
    design = least_squares(problem).without_parallel_columns()
    if parameters is None and design.targets.shape[1] > 1:
        parameters = _default_parameters(problem, penalty)
    smallest = 0.0 if parameters is None else float(parameters.min(initial=np.inf))
    kinks, each = lasso.lars(design, smallest if np.isfinite(smallest) else 0.0)
    if parameters is None:
        λs, paths = each[0][0], [each[0][1]]
    else:
        λs, paths = parameters, [lasso.between_kinks(*path, parameters) for path in each]
    weights = lasso.assemble(design, paths)
    gaps = _polished(problem, penalty, design, λs, weights, tol)
    return Found(λs, *_finished(problem, penalty, λs, weights, gaps, tol), kinks)


@register_solver("coordinate", lambda problem, penalty: isinstance(penalty, L1) and _is_least_squares(problem))
def _coordinate(problem: Any, penalty: L1, parameters: Array | None, tol: float) -> Found:
    """ℓ1 by coordinate descent, polished to the tolerance."""
    design = least_squares(problem).without_parallel_columns()
    λs = _default_parameters(problem, penalty) if parameters is None else parameters
    weights = lasso.assemble(design, lasso.coordinate_descent(design, λs, min(tol, 1e-6)))
    gaps = _polished(problem, penalty, design, λs, weights, tol)
    return Found(λs, *_finished(problem, penalty, λs, weights, gaps, tol))


def _with_gaps(problem: Any, penalty: Any, λs: Array, weights: Array) -> Found:
    """Weights with the duality gap of each."""
    return Found(
        λs, weights, np.array([_relative_gap(problem, penalty, B, λ) for B, λ in zip(weights, λs, strict=True)])
    )


def _polished(problem: Any, penalty: L1, design: LeastSquares, λs: Array, weights: Array, tol: float) -> Array:
    """Gaps, after weights whose gap is too large were solved on their active set, in place where that helps."""
    gaps = _with_gaps(problem, penalty, λs, weights).gaps
    for i in np.flatnonzero(gaps > tol):
        B = np.asarray(design.weight(lasso.polish(design, design.coefficients(weights[i]), float(λs[i]))))
        gap = _relative_gap(problem, penalty, B, float(λs[i]))
        if gap < gaps[i]:
            weights[i], gaps[i] = B, gap
    return gaps


def _finished(problem: Any, penalty: L1, λs: Array, weights: Array, gaps: Array, tol: float) -> tuple[Array, Array]:
    """Weights and gaps, what is still too far improved by the proximal method, and by linear programming at λ = 0."""
    for i in np.flatnonzero(gaps > tol):
        better = (
            _attempt(minimize_penalized, problem, penalty, float(λs[i]), weights[i], tol)
            if λs[i] > 0
            else _unpenalized(problem, penalty, weights[i])
        )
        if better.gap < gaps[i]:
            weights[i], gaps[i] = better.weight, better.gap
    return weights, gaps


def _attempt(
    minimize: Callable[..., Solution], problem: Any, penalty: Any, λ: float, start: Array | None, tol: float
) -> Solution:
    """The minimiser, or the best that was found where the gap is out of reach: its gap says so."""
    try:
        return minimize(problem, penalty, λ, start, tol=tol)
    except GapError as error:
        if error.solution is None:
            raise
        return error.solution


def _unpenalized(problem: Any, penalty: Any, start: Array) -> Solution:
    """A least-squares weight: of least ‖B‖₁ for the lasso, else the nearest to a start, which should have a small penalty."""
    design = least_squares(problem)
    scales = design.scales()
    inverse = np.linalg.pinv(design.matrix / np.where(scales > 0, scales, 1.0), rcond=1e-12)
    coefficients = design.coefficients(start)
    unit = inverse / np.where(scales > 0, scales, 1.0)[:, None]
    if isinstance(penalty, L1) and design.rank() < design.matrix.shape[1]:
        fitted = design.matrix @ (unit @ design.targets)
        coefficients = np.stack([minimum_l1(design.matrix, target) for target in fitted.T], axis=1)
    else:
        coefficients = coefficients + unit @ (design.targets - design.matrix @ coefficients)
    B = np.asarray(design.weight(coefficients))
    return Solution(B, _excess_without_penalty(problem, B), 0)


@register_solver(
    "working set",
    lambda problem, penalty: (
        isinstance(problem, Sensing)
        and isinstance(penalty, Groups | Nuclear)
        and isinstance(penalty.view, View)
        and not isinstance(penalty.view, Whole | Rearranged)
    ),
)
def _working_set(problem: Sensing, penalty: Groups | Nuclear, parameters: Array | None, tol: float) -> Found:
    return _by_warm_starts(minimize_on_blocks, problem, penalty, parameters, tol)


def _is_badly_scaled(problem: Any) -> bool:
    if not (isinstance(problem, Regression) and problem.loss == "squared"):
        return False
    scales = np.linalg.norm(problem.inputs, axis=1)
    return bool(scales.max(initial=0.0) > _LARGEST_SPREAD * scales[scales > 0].min(initial=np.inf))


@register_solver("splitting", lambda problem, penalty: isinstance(penalty, Norm) and _is_badly_scaled(problem))
def _splitting(problem: Regression, penalty: Norm, parameters: Array | None, tol: float) -> Found:
    solve = Splitting(problem, penalty)
    return _by_warm_starts(
        lambda _problem, _penalty, *rest, **named: solve(*rest, **named), problem, penalty, parameters, tol
    )


@register_solver("proximal", lambda problem, penalty: True)
def _proximal(problem: Any, penalty: Any, parameters: Array | None, tol: float) -> Found:
    return _by_warm_starts(minimize_penalized, problem, penalty, parameters, tol)


def _by_warm_starts(
    minimize: Callable[..., Solution], problem: Any, penalty: Any, parameters: Array | None, tol: float
) -> Found:
    """Solutions at one λ after another, each started from the last."""
    λs = _default_parameters(problem, penalty) if parameters is None else parameters
    if (λs == 0).any() and not is_squared(problem):
        raise ValueError(
            "parameters holds λ=0: without a penalty the logistic loss need not have a minimiser: expected λ > 0"
        )
    solutions: list[Solution] = []
    for λ in λs:
        start = solutions[-1].weight if solutions else None
        if λ == 0:
            # From a small λ, so that the penalty has chosen among the weights that fit.
            small = 1e-6 * float(_default_parameters(problem, penalty)[0])
            solutions.append(
                _unpenalized(problem, penalty, _attempt(minimize, problem, penalty, small, start, 1e-4).weight)
            )
        else:
            solutions.append(_attempt(minimize, problem, penalty, float(λ), start, tol))
    return Found(λs, np.stack([found.weight for found in solutions]), np.array([found.gap for found in solutions]))
