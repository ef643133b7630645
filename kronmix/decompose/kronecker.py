"""Nearest (sum of) Kronecker products (T14)."""

from __future__ import annotations

from functools import reduce, singledispatch
from math import prod
from typing import Any

import numpy as np

from ..checks import integer
from ..operators import Kronecker, StructuredOperator, SumOfKroneckers
from ..operators.base import Array
from .factorization import Factorization, Size, exact, like_input, measured, result, working_matrix
from .truncation import truncate

Shapes = tuple[tuple[int, int], tuple[int, int]]


def rearrange(B: Any, shapes: Shapes) -> Array:
    """Van Loan–Pitsianis rearrangement: 𝓡(A ⊗ B) = vec(A) vec(B)ᵀ, with rows stacked (T14).

    Parameters
    ----------
    B : array of shape (mA·mB, nA·nB)
    shapes : ((mA, nA), (mB, nB))

    Returns
    -------
    array of shape (mA·nA, mB·nB)
        The same entries: 𝓡 is an isometry.

    Raises
    ------
    ValueError
        If the shapes do not multiply to that of B.

    References
    ----------
    Van Loan & Pitsianis, *Approximation with Kronecker products*, 1993.

    Examples
    --------
    >>> from kronmix.decompose import rearrange
    >>> A, B = np.arange(6.0).reshape(2, 3), np.arange(4.0).reshape(2, 2)
    >>> bool((rearrange(np.kron(A, B), ((2, 3), (2, 2))) == np.outer(A, B)).all())
    True
    """
    B = np.asarray(B)
    (mA, nA), (mB, nB) = _check_shapes(shapes, B.shape)
    return B.reshape(mA, mB, nA, nB).transpose(0, 2, 1, 3).reshape(mA * nA, mB * nB)


def unrearrange(R: Any, shapes: Shapes) -> Array:
    """Undo :func:`rearrange`.

    Parameters
    ----------
    R : array of shape (mA·nA, mB·nB)
    shapes : ((mA, nA), (mB, nB))
        As given to :func:`rearrange`.

    Returns
    -------
    array of shape (mA·mB, nA·nB)
        For R = vec(A) vec(B)ᵀ, with rows stacked, it is A ⊗ B.

    Raises
    ------
    ValueError
        If R has not as many entries as the shapes say.

    Examples
    --------
    >>> from kronmix.decompose import rearrange, unrearrange
    >>> M, shapes = np.arange(24.0).reshape(4, 6), ((2, 3), (2, 2))
    >>> bool((unrearrange(rearrange(M, shapes), shapes) == M).all())
    True
    """
    (mA, nA), (mB, nB) = shapes
    return np.asarray(R).reshape(mA, nA, mB, nB).transpose(0, 2, 1, 3).reshape(mA * mB, nA * nB)


def nearest_kronecker(B: Any, shapes: Shapes, rank: int = 1, tol: float = 1e-8) -> Factorization:
    """Nearest A₁ ⊗ B₁ + … + A_r ⊗ B_r to a matrix in Frobenius norm: the rank-r SVD of its rearrangement (T14).

    Parameters
    ----------
    B : array of shape (mA·mB, nA·nB), or StructuredOperator
        Real or complex. Kronecker products and sums of them with these shapes are treated through their factors.
    shapes : ((mA, nA), (mB, nB))
    rank : int
        Number of terms r.
    tol : float
        The error is at most 1 + tol times the smallest possible, which is certified; 0 for rounding.

    Returns
    -------
    Factorization
        ``.operator`` is a Kronecker for rank 1 and a SumOfKroneckers otherwise.

    Raises
    ------
    ValueError
        If the shapes do not multiply to that of B, the rank is below 1, or an entry is NaN or infinite.
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
    """
    rank = integer(rank, "rank")
    shape = B.shape if isinstance(B, StructuredOperator) else np.shape(B)
    return _nearest(B, _check_shapes(shapes, shape), rank, _check_tolerance(tol))


@singledispatch
def _nearest(B: Any, shapes: Shapes, rank: int, tol: float) -> Factorization:
    M, size = measured(working_matrix(B))
    R = rearrange(M, shapes)
    rank = min(rank, *R.shape)
    found = truncate(R[None], rank, tol)
    left, right = (like_input(f[0], B) for f in (found.left, found.right))
    pairs = [(left[:, i].reshape(shapes[0]), right[i].reshape(shapes[1])) for i in range(rank)]
    return result(_sum(pairs), float(found.error2[0]), float(found.excess[0]), size)


@_nearest.register
def _(B: Kronecker, shapes: Shapes, rank: int, tol: float) -> Factorization:
    for cut in range(1, len(B.factors)):
        groups = B.factors[:cut], B.factors[cut:]
        if all(_product_shape(group) == shape for group, shape in zip(groups, shapes, strict=True)):
            return exact(Kronecker(*(reduce(np.kron, group) for group in groups)))
    return _nearest.dispatch(object)(B, shapes, rank, tol)


@_nearest.register
def _(B: SumOfKroneckers, shapes: Shapes, rank: int, tol: float) -> Factorization:
    if tuple(f.shape for f in B.factors[:2]) != shapes:
        return _nearest.dispatch(object)(B, shapes, rank, tol)
    # 𝓡(B) = P Qᵀ with the stacked vec's as columns: the SVD of the small triangular product is that of 𝓡(B).
    P, Q = (
        np.stack([f.ravel() for f in B.factors[i::2]], axis=1).astype(np.result_type(B.dtype, np.float64))
        for i in (0, 1)
    )
    (Q_P, R_P), (Q_Q, R_Q) = np.linalg.qr(P), np.linalg.qr(Q)
    U, s, Vh = np.linalg.svd(R_P @ R_Q.T)
    root = np.sqrt(s[:rank])
    left, right = Q_P @ (U[:, : root.size] * root), (root[:, None] * Vh[: root.size]) @ Q_Q.T
    pairs = [
        (like_input(a, B).reshape(shapes[0]), like_input(b, B).reshape(shapes[1]))
        for a, b in zip(left.T, right, strict=True)
    ]
    return result(_sum(pairs), float(np.sum(s[rank:] ** 2)), 0.0, Size(float(np.linalg.norm(s)), 1.0))


def _sum(pairs: list[tuple[Array, Array]]) -> StructuredOperator:
    return Kronecker(*pairs[0]) if len(pairs) == 1 else SumOfKroneckers(pairs)


def _product_shape(group: tuple[Array, ...]) -> tuple[int, int]:
    return prod(f.shape[0] for f in group), prod(f.shape[1] for f in group)


def _check_shapes(shapes: Any, shape: tuple[int, ...]) -> Shapes:
    try:
        (mA, nA), (mB, nB) = shapes
    except (TypeError, ValueError):
        raise ValueError(f"shapes={shapes!r}: expected ((mA, nA), (mB, nB))") from None
    checked = tuple(tuple(integer(s, "shapes") for s in pair) for pair in ((mA, nA), (mB, nB)))
    if len(shape) != 2 or (mA * mB, nA * nB) != tuple(shape):
        raise ValueError(f"B has shape {tuple(shape)}: expected ({mA}·{mB}, {nA}·{nB}) for shapes {shapes}")
    return checked  # type: ignore[return-value]  # two pairs by construction


def _check_tolerance(tol: float) -> float:
    if not 0 <= tol < np.inf:
        raise ValueError(f"tol={tol}: expected a number ≥ 0")
    return float(tol)
