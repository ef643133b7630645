"""The largest margin of separable data under a norm (T34).

With margins M(B), linear in B, and Σα_i m_i ≤ Ω°(M*α) Ω(B) for α ≥ 0,

    min Ω(B) subject to M(B) ≥ 1   =   max Σα subject to α ≥ 0, Ω°(M*α) ≤ 1,

so that every B that fits and every α ≥ 0 enclose the largest margin max min_i M(B)_i/Ω(B), which is 1 over these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import linprog

from ..operators import StructuredOperator
from ..operators.arrays import Array
from .gauges import ScaledFrobenius
from .induced import induced_gauge, induced_norm
from .losses import Classification
from .norms import L1, Norm, Ridge, make_penalty
from .problems import Regression
from .proximal import GapError
from .splitting import balance

#: Largest matrix of margins, in numbers.
_LARGEST = 5e7
#: Over-relaxation, iterations between looks at the gap, and iterations during which ρ may still change.
_RELAXATION, _CHECK, _ADAPTING = 1.6, 20, 2_000


class NotSeparableError(ValueError):
    """No weight has only positive margins; ``combination`` proves it: a convex combination of the margins that is zero for every B.

    Attributes
    ----------
    combination : array of shape (margins,)
        ≥ 0, of sum 1, in the order of ``MaxMargin.multipliers``.
    """

    def __init__(self, message: str, combination: Array) -> None:
        super().__init__(message)
        self.combination = combination


@dataclass(frozen=True)
class MaxMargin:
    """The weight of least norm with margins ≥ 1, enclosed from both sides.

    Attributes
    ----------
    weight : array of shape (rows, columns)
        Its least margin is 1.
    margin : float
        1/Ω(weight): what unit norm reaches.
    upper : float
        Proved: no weight of unit norm has a larger margin.
    dual_gap : float
        1 − margin/upper.
    multipliers : array of shape (margins,)
        α ≥ 0 with Ω°(M*α) ≤ 1; the margins where it is positive are the support.
    norm : Norm
        Ω.
    """

    weight: Array
    margin: float
    upper: float
    dual_gap: float
    multipliers: Array
    norm: Norm

    def __repr__(self) -> str:
        support = int((self.multipliers > 1e-6 * self.multipliers.max(initial=0.0)).sum())
        return (
            f"MaxMargin({self.margin:.6g} under the {self.norm.name} norm, at most {self.upper:.6g}, "
            f"{support} of {self.multipliers.size} margins active)"
        )


def max_margin(problem: Regression, penalty: Any = "l1", *, groups: Any = None, tol: float = 1e-6) -> MaxMargin:
    """The largest margin that weights of unit norm have on separable data, certified (T34).

    Training the factors of a homogeneous structure on a logistic loss converges in direction to a stationary point of this
    problem with R in the place of the norm (Lyu & Li 2020). The weight found here is the best of them where the structure can
    represent it.

    Parameters
    ----------
    problem : Regression with loss "logistic" or "softmax"
        Every label of the logistic loss is a margin of its own; the softmax loss compares each sample's class with all others.
    penalty : {"l1", "ridge", "group", "nuclear", "frobenius"}, penalty object or StructuredOperator
        The norm; for ridge that of Frobenius. Of a structure, the norm that its R is a function of: ‖B‖_* for a linear Mixer of
        two layers, whose R is 2‖B‖_*^½.
    groups : as in ``reference_path``
    tol : float
        Largest relative gap between the margin found and the bound.

    Returns
    -------
    MaxMargin

    Raises
    ------
    NotSeparableError
        If no weight has only positive margins, with a combination that proves it.
    GapError
        If the gap is not reached.
    TypeError
        If the problem is not one of classification, or the structure has no known norm.

    References
    ----------
    Lyu & Li, *Gradient descent maximizes the margin of homogeneous neural networks*, ICLR 2020; Boyd et al. 2011 (T34).

    Examples
    --------
    >>> problem = km.Regression([[4.0, -0.5], [0.0, 1.0]], [1, -1], "logistic")
    >>> best = km.max_margin(problem, "l1")  # min |b₁| + |b₂| with 4b₁ ≥ 1, b₁/2 − b₂ ≥ 1
    >>> (best.weight / abs(best.weight).sum()).round(4), round(best.margin, 6), round(best.upper, 6)
    (array([[ 0.2222, -0.7778]]), 0.888889, 0.888889)
    >>> km.max_margin(problem, km.Dense(np.zeros((1, 2)))).weight.round(3)  # the support vector machine
    array([[ 0.4, -0.8]])
    """
    norm = norm_of(penalty, groups)
    C = margin_matrix(problem)
    separate(C)
    scale = float(np.linalg.norm(C, axis=1).max())
    solve = _by_linear_program if isinstance(norm, L1) else _by_splitting
    best, upper, α = 0.0, np.inf, np.zeros(len(C))
    weight = np.zeros(problem.shape)
    for b, dual in solve(C / scale, norm, problem.shape):
        least = float((C @ b).min())
        if least > 0 and (margin := least / norm.value(b.reshape(problem.shape))) > best:
            best, weight = margin, b.reshape(problem.shape) / least
        dual = np.maximum(dual, 0.0)
        size = norm.dual((dual @ C).reshape(problem.shape))
        total = float(dual.sum())
        if total > 0 and (bound := size / total) < upper:
            upper, α = bound, dual / size if size > 0 else dual
        if best >= (1 - tol) * upper:
            break
    gap = 1 - best / upper if upper > 0 else 1.0
    if not gap <= tol:
        raise GapError(
            f"the largest margin is between {best:.6g} and {upper:.6g}: expected a relative gap of {tol:.1e}"
        )
    return MaxMargin(weight, best, upper, max(gap, 0.0), α, norm)


def norm_of(penalty: Any, groups: Any = None) -> Norm:
    """The norm that a penalty, or R of a structure, is an increasing function of, or has below it."""
    if isinstance(penalty, StructuredOperator):
        try:
            found = induced_norm(penalty)
        except TypeError:
            gauge = induced_gauge(penalty)
            if gauge is None:
                raise
            found = gauge.norm
    else:
        found = make_penalty(penalty, groups)
    return ScaledFrobenius() if isinstance(found, Ridge) else found


def margin_matrix(problem: Any) -> Array:
    """The margins as a matrix (margins, entries of B) that takes B, row by row."""
    criterion = getattr(problem, "criterion", None)
    if not isinstance(criterion, Classification):
        raise TypeError(f"{problem!r} has no margins: expected a Regression with loss='logistic' or 'softmax'")
    rows, columns = problem.shape
    at = criterion.margins(np.zeros((rows, problem.samples)), problem.Y)
    where = np.argwhere(np.isfinite(at))
    if len(where) * rows * columns > _LARGEST:
        raise ValueError(f"{len(where)} margins of {rows * columns} entries: expected at most {_LARGEST:.0e} numbers")
    found = np.empty((len(where), rows, columns))
    for k, place in enumerate(where):
        unit = np.zeros(at.shape)
        unit[tuple(place)] = 1.0
        sample = place[-1]
        found[k] = criterion.pulled(unit, problem.Y)[:, sample, None] * problem.X[:, sample]
    return found.reshape(len(where), -1)


def separate(C: Array) -> Array:
    """B, |entries| ≤ 1, with the largest least margin; NotSeparableError where that is not positive."""
    sizes = np.linalg.norm(C, axis=1)
    unit = C / np.where(sizes > 0, sizes, 1.0)[:, None]
    count, d = unit.shape
    # max t subject to unit b ≥ t, |b| ≤ 1.
    found = linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.hstack([-unit, np.ones((count, 1))]),
        b_ub=np.zeros(count),
        bounds=[*[(-1, 1)] * d, (None, 1)],
        method="highs",
    )
    if not found.success:
        raise GapError(f"separability: HiGHS stopped with {found.message!r}")
    b = np.asarray(found.x[:-1])
    if not (C @ b).min() > 1e-9 * sizes.max():
        α = np.maximum(-found.ineqlin.marginals, 0.0) / np.where(sizes > 0, sizes, 1.0)
        raise NotSeparableError(
            f"the data is not separable: a convex combination of the {count} margins is "
            f"{np.abs(α @ C).max() / max(float(α.sum()), 1e-300):.1e} for every weight with entries of at most 1: "
            "without a penalty the loss has a minimiser, and no margin grows",
            α / max(float(α.sum()), 1e-300),
        )
    return b


def _by_linear_program(C: Array, norm: Norm, shape: tuple[int, int]) -> Iterator[tuple[Array, Array]]:
    """min Σ(p + n) over p, n ≥ 0 with C(p − n) ≥ 1."""
    found = linprog(np.ones(2 * C.shape[1]), A_ub=np.hstack([-C, C]), b_ub=-np.ones(len(C)), method="highs-ds")
    if not found.success:
        raise GapError(f"largest ℓ1 margin: HiGHS stopped with {found.message!r}")
    yield found.x[: C.shape[1]] - found.x[C.shape[1] :], -found.ineqlin.marginals


def _by_splitting(
    C: Array, norm: Norm, shape: tuple[int, int], iterations: int = 20_000
) -> Iterator[tuple[Array, Array]]:
    """Alternating directions for Ω(z) + [s ≥ 1] with z = b, s = C b: weights and multipliers, better and better."""
    wide = len(C) < C.shape[1]
    factor = cho_factor(np.eye(min(C.shape)) + (C @ C.T if wide else C.T @ C))

    def solve(v: Array) -> Array:
        return np.asarray(v - C.T @ cho_solve(factor, C @ v) if wide else cho_solve(factor, v))

    z = np.linalg.lstsq(C, np.ones(len(C)))[0]
    s, U, V = np.maximum(C @ z, 1.0), np.zeros(C.shape[1]), np.zeros(len(C))
    ρ = max(float(norm.value(z.reshape(shape))), 1e-300) / max(float(z @ z), 1e-300)
    for iteration in range(1, iterations + 1):
        b = solve(z - U + C.T @ (s - V))
        ahead, margins = _RELAXATION * b + (1 - _RELAXATION) * z, C @ b
        further = _RELAXATION * margins + (1 - _RELAXATION) * s
        before_z, before_s = z, s
        z = norm.prox((ahead + U).reshape(shape), 1 / ρ).ravel()
        s = np.maximum(further + V, 1.0)
        U, V = U + ahead - z, V + further - s
        if iteration % _CHECK == 0:
            yield z, -ρ * V
            if iteration < _ADAPTING:
                primal = np.hypot(np.linalg.norm(b - z), np.linalg.norm(margins - s))
                dual = np.linalg.norm(z - before_z + C.T @ (s - before_s))
                change = balance(primal, dual, np.hypot(np.linalg.norm(z), np.linalg.norm(s)), np.linalg.norm(U))
                ρ, U, V = ρ * change, U / change, V / change
