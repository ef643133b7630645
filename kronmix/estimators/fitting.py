"""Minimise loss + α R(B) over the weights of a structure, with a proved lower bound: convex where it is, else over the factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..operators import Chain, Dense, LowRank, StructuredOperator
from ..operators.arrays import Array
from ..regularization.gradients import Packing
from ..regularization.induced import induced_norm
from ..regularization.pairs import factored_blocks
from ..regularization.paths.decay import typical_size
from ..regularization.paths.fit import best_fit, random_starts
from ..regularization.penalties import balanced_factors
from ..regularization.problems import Regression, loss
from ..regularization.proximal import GapError, relative_gap
from ..regularization.references import reference_path

#: Excess up to which a bound is not improved, and the gap of the convex problem that improves it.
_TIGHT, _TOLERANCE = 1e-6, 1e-4


@dataclass(frozen=True)
class Fitted:
    """A weight in the units of the problem, its factors, and what is proved about it.

    ``objective`` is loss + α R(B); no weight of the structure has one below ``lower_bound``.
    """

    alpha: float
    weight: Array
    operator: StructuredOperator
    objective: float
    lower_bound: float


def is_convex(structure: StructuredOperator) -> bool:
    """Whether the structure represents every B, so that the problem over B is the convex one."""
    view, rank = factored_blocks(structure)
    return rank >= min(view.split(np.zeros(structure.shape)).shape[1:])


def fit_along(
    problem: Regression, structure: StructuredOperator, alphas: Sequence[float], restarts: int, seed: int, tol: float
) -> Iterator[Fitted]:
    """The best weight of the structure at each α, from the largest on; warm starts from α to α."""
    order = np.argsort(-np.asarray(alphas, dtype=float), kind="stable")
    along = _fit_by_penalty if is_convex(structure) else _fit_by_factors
    yield from along(problem, structure, [float(alphas[i]) for i in order], restarts, seed, tol)


def _fit_by_penalty(
    problem: Regression, structure: StructuredOperator, alphas: list[float], restarts: int, seed: int, tol: float
) -> Iterator[Fitted]:
    """Weights along the convex path of the induced penalty, which are then factored."""
    penalty = induced_norm(structure)
    path = reference_path(problem, penalty, alphas, tol=tol)
    assert path.duality_gap is not None
    for α, B, gap in zip(alphas, path.weights, path.duality_gap, strict=True):
        objective = loss(problem, B) + penalty.objective(B, α)
        yield Fitted(α, B, _factored(structure, B), objective, objective * (1 - float(gap)))


def bounded_below(problem: Regression, structure: StructuredOperator, found: list[Fitted]) -> list[Fitted]:
    """The fits with the bound of the convex problem over all B, where their own is not yet tight."""
    loose = [fit for fit in found if fit.alpha > 0 and fit.objective - fit.lower_bound > _TIGHT * fit.objective]
    if not loose or is_convex(structure):
        return found
    penalty = induced_norm(structure)
    try:
        path = reference_path(problem, penalty, [fit.alpha for fit in loose], tol=_TOLERANCE)
    except GapError:
        return found
    assert path.duality_gap is not None
    bounds = {}
    for α, B, gap in zip(path.parameter, path.weights, path.duality_gap, strict=True):
        bounds[float(α)] = (loss(problem, B) + penalty.objective(B, float(α))) * (1 - float(gap))
    return [replace(fit, lower_bound=max(fit.lower_bound, bounds.get(fit.alpha, 0.0))) for fit in found]


def _factored(structure: StructuredOperator, B: Array) -> StructuredOperator:
    """Balanced factors of B; with no more than its rank where that is all there is to the structure."""
    if isinstance(structure, Chain) and all(type(op) is Dense for op in structure.operators):
        U, σ, Vh = np.linalg.svd(B, full_matrices=False)
        kept = max(int((σ > 1e-9 * σ.max(initial=0.0)).sum()), 1)
        roots = np.sqrt(σ[:kept])
        return LowRank(U[:, :kept] * roots, roots[:, None] * Vh[:kept])
    return balanced_factors(structure, B)


def _fit_by_factors(
    problem: Regression, structure: StructuredOperator, alphas: list[float], restarts: int, seed: int, tol: float
) -> Iterator[Fitted]:
    """Factors trained from several starts at each α, warm-started; the convex dual gives the lower bound."""
    packing, size = Packing(structure), typical_size(problem, structure)
    rng = np.random.default_rng(seed)
    penalty = induced_norm(structure)
    warm: Array | None = None
    for α in alphas:
        starts = [
            _spectral(problem, structure, α) if warm is None else warm + 1e-3 * size * rng.standard_normal(packing.size)
        ]
        starts += random_starts(structure, size, restarts, rng)
        op, _ = best_fit(problem, structure, α, starts, penalty if α > 0 else None)
        warm = packing.vector(op.factors)
        B = op.to_dense()
        objective = loss(problem, op) + 0.5 * α * float(warm @ warm)
        convex = loss(problem, B) + penalty.objective(B, α)
        gap = relative_gap(problem, penalty, B, α) if α > 0 else 1.0
        yield Fitted(α, B, op, objective, max(convex * (1 - gap), 0.0))


def _spectral(problem: Regression, structure: StructuredOperator, α: float) -> Array:
    """A start: the ridge weight at a small λ, cut to the rank of the structure on every block, in balanced factors."""
    λ = max(α, 1e-6 * problem.curvature, 1e-300)
    B = _ridge_weight(problem, λ)
    view, rank = factored_blocks(structure)
    U, σ, Vh = np.linalg.svd(view.split(B), full_matrices=False)
    cut = view.join((U[..., :rank] * σ[:, None, :rank]) @ Vh[:, :rank], B.shape)
    return Packing(structure).vector(balanced_factors(structure, cut).factors)


def _ridge_weight(problem: Regression, λ: float) -> Array:
    """Weight of ridge regression; for other losses, one proximal gradient step from zero."""
    if problem.loss == "squared":
        return np.asarray(reference_path(problem, "ridge", [λ]).weights[0])
    outputs = np.zeros((problem.shape[0], problem.inputs.shape[1]))
    _, slope = problem.loss_and_gradient(outputs)
    return np.asarray(-(slope @ problem.inputs.T) / (problem.curvature + λ))
