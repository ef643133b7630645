"""Nearest Kronecker products, sums of them (T14), and products of more than two factors."""

from __future__ import annotations

from functools import reduce, singledispatch
from math import prod
from typing import Any

import numpy as np

from ..checks import integer, non_negative
from ..operators import Kronecker, StructuredOperator, SumOfKroneckers
from ..operators.arrays import Array
from .data_aware import weighted
from .data_aware_kronecker import kronecker
from .factorization import Factorization, Target, as_matrix, factor_dtype, rounding, target
from .rank_one import rank_one
from .rearrangement import Shapes, check_shapes, rearrange
from .truncation import truncate

#: A trace below this share of its bound √n·‖A‖_F is taken for 0 where signs are fixed.
_ROUNDED_TRACE = 1e-6


def nearest_kronecker(
    B: Any, shapes: Shapes, rank: int = 1, tol: float = 1e-8, *, inputs: Any = None, covariance: Any = None
) -> Factorization:
    """Nearest A₁ ⊗ B₁ + … + A_r ⊗ B_r, or nearest product of several factors, to a matrix in Frobenius norm.

    Two factors are the rank-r SVD of the rearranged matrix (T14). More are the best rank-one tensor: exact where B is a product,
    else the best found from several starts, with a proved lower bound.

    Parameters
    ----------
    B : array or scipy.sparse matrix of shape (mA·mB·…, nA·nB·…), or StructuredOperator
        Real or complex. Kronecker products and sums of them with these shapes are treated through their factors.
    shapes : ((mA, nA), (mB, nB), …)
        Two or more.
    rank : int
        Number of terms r; 1 for more than two factors.
    tol : float
        For two factors the error is at most 1 + tol times the smallest possible, which is certified; 0 for rounding.
    inputs : array of shape (columns, samples), or an iterable of such arrays, optional
        The error that counts is ‖(B − operator) X‖_F (T32): exact for Σ = Σ_A ⊗ Σ_B, else the best of alternating
        exact steps, with a proved lower bound; two factors. Chunks are added up one after another and
        not kept.
    covariance : array or operator of shape (columns, columns), optional
        Σ = X Xᴴ (any multiple) in place of the inputs; it may be singular.

    Returns
    -------
    Factorization
        ``.operator`` is a Kronecker for rank 1 and a SumOfKroneckers otherwise. Signs are fixed: every factor but the last has a
        positive trace, or a positive largest entry where it is not square or its trace is 0. So the factors of a product of
        positive definite matrices are positive definite, and those of a product of non-negative matrices non-negative. With data
        it is a
        :class:`~kronmix.decompose.DataFactorization`, which has both errors.

    Raises
    ------
    ValueError
        If the shapes do not multiply to that of B, the rank is below 1 or above it for more than two factors, or an entry is NaN or
        infinite.
    TypeError
        If B does not hold numbers, or the rank is not an integer.

    References
    ----------
    Van Loan & Pitsianis 1993 (T14).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> V, W = rng.normal(size=(3, 3)), rng.normal(size=(4, 4))
    >>> found = km.nearest_kronecker(np.kron(V, W), ((3, 3), (4, 4)))
    >>> found.operator, bool(found.relative_error < 1e-15)
    (Kronecker(12×12, 3×3 ⊗ 4×4, 25 parameters), True)
    >>> several = km.nearest_kronecker(np.kron(np.kron(V, W), V), ((3, 3), (4, 4), (3, 3)))
    >>> several.operator, bool(several.relative_error < 1e-14)
    (Kronecker(36×36, 3×3 ⊗ 4×4 ⊗ 3×3, 34 parameters), True)
    """
    rank = integer(rank, "rank")
    B = as_matrix(B)
    checked = check_shapes(shapes, B.shape)
    if len(checked) > 2 and rank > 1:
        raise ValueError(
            f"rank={rank} with {len(checked)} factors: a best sum of such products need not exist; take rank=1, or two factors"
        )
    plain = _nearest(B, checked, rank, non_negative(tol, "tol"))
    if inputs is None and covariance is None:
        return plain
    if len(checked) > 2:
        raise ValueError(f"inputs or covariance with {len(checked)} factors: expected two factors")
    return kronecker(weighted(B, inputs, covariance), (checked[0], checked[1]), rank, plain)


@singledispatch
def _nearest(B: Any, shapes: Shapes, rank: int, tol: float) -> Factorization:
    aim = target(B)
    return _nearest_sum(aim, shapes, rank, tol) if len(shapes) == 2 else _nearest_product(aim, shapes)


def _nearest_sum(aim: Target, shapes: Shapes, rank: int, tol: float) -> Factorization:
    """Best sum of `rank` products of two factors: a truncated SVD of the rearranged matrix (T14)."""
    R = rearrange(aim.matrix, shapes)
    rank = min(rank, *R.shape)
    found = truncate(R[None], rank, tol)
    pairs = _pairs(found.left[0].T, found.right[0], shapes, aim)
    error2 = float(found.error2[0])
    least2 = error2 - float(found.excess[0])
    if aim.must_measure(error2):
        left, right = (np.stack([pair[i].ravel() for pair in pairs]).astype(R.dtype, copy=False) for i in (0, 1))
        error2 = float(np.linalg.norm(R - left.T @ right)) ** 2
    return aim.result(_sum_of_pairs(pairs, aim), error2, least2)


def _nearest_product(aim: Target, shapes: Shapes) -> Factorization:
    """A product of three or more factors: the best rank-one tensor found, and a lower bound."""
    k = len(shapes)
    rows, columns = zip(*shapes, strict=True)
    T = aim.matrix.reshape(*rows, *columns).transpose([axis for i in range(k) for axis in (i, k + i)])
    T = T.reshape([m * n for m, n in shapes])
    vectors, least2 = rank_one(T)
    factors = _stored([v.reshape(shape) for v, shape in zip(vectors, shapes, strict=True)], aim)
    wide = (f.ravel().astype(T.dtype, copy=False) for f in factors)
    error2 = float(np.linalg.norm(T - reduce(np.multiply.outer, wide))) ** 2
    return aim.result(Kronecker(*aim.scaled(factors)), error2, least2)


@_nearest.register
def _(B: Kronecker, shapes: Shapes, rank: int, tol: float) -> Factorization:
    groups = _grouped(B.factors, shapes)
    if groups is None:
        return _nearest.dispatch(object)(B, shapes, rank, tol)
    # Every entry of a grouped factor is rounded once for each product taken: |error| ≤ eps·|entry| each.
    products = len(B.factors) - len(groups)
    relative = products * float(np.finfo(B.dtype).eps)
    norm = prod(float(np.linalg.norm(f)) for f in B.factors)
    return Factorization(Kronecker(*(reduce(np.kron, group) for group in groups)), relative * norm, relative, 0.0)


@_nearest.register
def _(B: SumOfKroneckers, shapes: Shapes, rank: int, tol: float) -> Factorization:
    if tuple(f.shape for f in B.factors[:2]) != shapes:
        return _nearest.dispatch(object)(B, shapes, rank, tol)
    # 𝓡(B) = P Qᵀ with the stacked vec's as columns: the SVD of the small triangular product is that of 𝓡(B).
    (P, shift_P), (Q, shift_Q) = (_stacked(B.factors[i::2], B.dtype) for i in (0, 1))
    (Q_P, R_P), (Q_Q, R_Q) = np.linalg.qr(P), np.linalg.qr(Q)
    small = R_P @ R_Q.T
    U, s, Vh = np.linalg.svd(small)
    norm = float(np.linalg.norm(s))
    aim = Target(small, norm, shift_P + shift_Q, factor_dtype(B.dtype), rounding(norm, max(*P.shape, *Q.shape)))
    root = np.sqrt(s[:rank])
    left, right = Q_P @ (U[:, : root.size] * root), (root[:, None] * Vh[: root.size]) @ Q_Q.T
    pairs = _pairs(left.T, right, shapes, aim)
    error2 = least2 = float(np.sum(s[rank:] ** 2))
    if aim.must_measure(error2):
        left, right = (np.stack([pair[i].ravel() for pair in pairs], axis=1) for i in (0, 1))
        both = _triangular_factor(np.hstack([P, -left])) @ _triangular_factor(np.hstack([Q, right])).T
        error2 = float(np.linalg.norm(both)) ** 2
    return aim.result(_sum_of_pairs(pairs, aim), error2, least2)


def _triangular_factor(X: Array) -> Array:
    return np.asarray(np.linalg.qr(X, mode="r"))  # an array already, which NumPy's types before 2.5 do not say


def _stacked(factors: tuple[Array, ...], dtype: Any) -> tuple[Array, int]:
    """Factors of one shape as columns, in double precision and of size about 1, and the exponent taken out."""
    columns = np.stack([f.ravel() for f in factors], axis=1).astype(np.result_type(dtype, np.float64))
    exponent = int(np.frexp(np.abs(columns).max(initial=0.0))[1])
    return columns * float(np.ldexp(1.0, -exponent)), exponent


def _pairs(left: Array, right: Array, shapes: Shapes, aim: Target) -> list[list[Array]]:
    """(A_i, B_i) as they are stored, from rows vec A_i and vec B_i."""
    return [_stored([a.reshape(shapes[0]), b.reshape(shapes[1])], aim) for a, b in zip(left, right, strict=True)]


def _sum_of_pairs(pairs: list[list[Array]], aim: Target) -> StructuredOperator:
    scaled = [aim.scaled(pair) for pair in pairs]
    return Kronecker(*scaled[0]) if len(scaled) == 1 else SumOfKroneckers((A, B) for A, B in scaled)


def _stored(factors: list[Array], aim: Target) -> list[Array]:
    """The same product with signs (phases) of all factors but the last fixed, then rounded to the precision returned."""
    *free, last = factors
    fixed = []
    for factor in free:
        phase = _phase(factor)
        fixed.append(factor * np.conj(phase))
        last = last * phase
    return [factor.astype(aim.dtype, copy=False) for factor in (*fixed, last)]


def _phase(factor: Array) -> Any:
    """Sign, or phase, of the trace where it stands above rounding, else of the largest entry."""
    rows, columns = factor.shape
    value = np.trace(factor) if rows == columns else 0.0
    if abs(value) <= _ROUNDED_TRACE * np.sqrt(rows) * np.linalg.norm(factor):
        value = factor.ravel()[np.argmax(np.abs(factor))]
    return value / abs(value) if value != 0 else 1.0


def _grouped(factors: tuple[Array, ...], shapes: Shapes) -> list[tuple[Array, ...]] | None:
    """Neighbouring factors in groups whose products have the given shapes, or None."""
    groups, start = [], 0
    for i, shape in enumerate(shapes):
        stops = range(start + 1, len(factors) - (len(shapes) - 1 - i) + 1)
        stop = next((stop for stop in stops if _product_shape(factors[start:stop]) == shape), None)
        if stop is None:
            return None
        groups.append(factors[start:stop])
        start = stop
    groups[-1] += factors[start:]
    return groups if _product_shape(groups[-1]) == shapes[-1] else None


def _product_shape(group: tuple[Array, ...]) -> tuple[int, int]:
    return prod(f.shape[0] for f in group), prod(f.shape[1] for f in group)
