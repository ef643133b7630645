"""Singular values, and the bound on the rank that a structure sets (T15)."""

from __future__ import annotations

from functools import reduce, singledispatch
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from scipy.sparse.csgraph import structural_rank
from scipy.sparse.linalg import ArpackError, svds

from ..operators import (
    Chain,
    Kronecker,
    KroneckerSparse,
    Masked,
    Permutation,
    StructuredOperator,
    Sum,
    SumOfKroneckers,
)
from ..operators.base import MAX_BYTES, Array
from ..operators.dense import finite_operator
from ..operators.simplify import unpermuted

# From this size on the largest singular value alone comes from Lanczos steps, which never meet the next ones.
_LANCZOS = 512


def singular_values(op: Any, k: int | None = None) -> Array:
    """Singular values in descending order, exactly from the factors where the structure allows (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)
    k : int, optional
        Only the k largest; products of factors' values that cannot be among them are not formed.

    Returns
    -------
    array of shape (min(rows, columns),) or (k,)
        Structural zeros (rectangular Kronecker factors, chains with a narrow middle) are exact zeros. A factor that happens to
        be short of rank gives values of the size of rounding, as any SVD does: ``matrix_rank`` tells them apart.

    Raises
    ------
    ValueError
        If k is not between 1 and min(rows, columns), or an entry is NaN or infinite.
    MemoryError
        If the structure has no formula and the dense matrix is too large (then ask for a few with ``k``).

    Notes
    -----
    Kronecker products multiply the values of their factors; Kronecker-sparse matrices and chains whose product is one
    (token and channel mixing, partial butterflies) join those of their blocks, shared blocks once; permutations outside
    change nothing (T8). Large structures without a formula use ``scipy.sparse.linalg.svds`` when k is given.

    Examples
    --------
    >>> op = km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]))
    >>> km.singular_values(op)
    array([15.,  6.,  5.,  2.])
    >>> km.singular_values(km.Kronecker(np.ones((1, 768)), np.ones((196, 1))), k=1).round(6)
    array([387.979381])
    """
    op = finite_operator(op)
    count = min(op.shape)
    if k is not None and not 1 <= k <= count:
        raise ValueError(f"k={k}: expected 1 to {count} for a {op.shape[0]}×{op.shape[1]} operator")
    wanted = count if k is None else k
    s = _largest(unpermuted(op), wanted)[:wanted].copy()
    s[rank_bound(op) :] = 0
    return s


def matrix_values(matrix: Array) -> Array:
    """Singular values of a matrix or a stack; tall and wide ones through a triangular factor, a quarter of the work."""
    rows, cols = matrix.shape[-2:]
    if max(rows, cols) > 1.5 * min(rows, cols):
        matrix = np.asarray(np.linalg.qr(matrix if rows > cols else matrix.swapaxes(-1, -2), mode="r"))
    return np.linalg.svd(matrix, compute_uv=False)


@singledispatch
def _largest(op: StructuredOperator, k: int) -> Array:
    """At least the k largest singular values, descending."""
    rows, cols = op.shape
    too_large = rows * cols * op.dtype.itemsize > MAX_BYTES
    if (too_large and k < min(rows, cols)) or (k == 1 and min(rows, cols) > _LANCZOS):
        # A start that is fixed and not special to the matrix: the same question has the same answer.
        start = np.random.default_rng(0).normal(size=min(rows, cols)).astype(op.dtype)
        if not np.any(op @ np.random.default_rng(1).normal(size=cols)):  # ARPACK refuses the zero matrix
            return np.zeros(k, start.real.dtype)
        try:
            return np.sort(svds(op, k=k, v0=start, return_singular_vectors=False))[::-1]
        except ArpackError:
            if too_large:
                raise
    return matrix_values(op.to_dense())


@_largest.register
def _(op: Kronecker, k: int) -> Array:
    products = reduce(lambda s, t: _largest_products(s, t, k), map(matrix_values, op.factors))
    return np.concatenate([products, np.zeros(max(0, k - products.size), products.dtype)])


def _largest_products(s: Array, t: Array, k: int) -> Array:
    """The k largest products of two descending lists: s_i t_j can be one only if (i + 1)(j + 1) ≤ k."""
    if s.size * t.size <= k:
        return np.sort(np.outer(s, t), axis=None)[::-1]
    candidates = [s[i] * t[: k // (i + 1)] for i in range(min(s.size, k))]
    return np.sort(np.concatenate(candidates))[::-1][:k]


@_largest.register
def _(op: KroneckerSparse, k: int) -> Array:
    return np.repeat(np.sort(block_values(op), axis=None)[::-1], repeats(op))


@_largest.register
def _(op: Permutation, k: int) -> Array:
    return np.ones(k, np.float64)


def block_values(op: KroneckerSparse) -> Array:
    """Singular values of the stored b × c blocks, shape (a or 1, d or 1, min(b, c))."""
    blocks = np.broadcast_to(op.values, (*op.values.shape[:2], op.pattern.b, op.pattern.c))
    return matrix_values(blocks)


def repeats(op: KroneckerSparse) -> int:
    """How often each stored block occurs."""
    return (op.pattern.a * op.pattern.d) // (op.values.shape[0] * op.values.shape[1])


# ---- what the structure says about the rank -------------------------------------------------------------------------


@singledispatch
def rank_bound(op: StructuredOperator) -> int:
    """Largest rank that a matrix of this structure can have (T15); singular values beyond it are exactly zero.

    Parameters
    ----------
    op : StructuredOperator
        Its sizes and masks are used, never its values.

    Examples
    --------
    >>> from kronmix.spectra import rank_bound
    >>> rank_bound(km.Kronecker(np.ones((2, 5)), np.ones((5, 2)))), rank_bound(km.Dense(np.ones((3, 4))))
    (4, 3)
    """
    return min(op.shape)


@rank_bound.register
def _(op: Kronecker) -> int:
    return prod(min(f.shape) for f in op.factors)


@rank_bound.register
def _(op: KroneckerSparse) -> int:
    return op.pattern.a * op.pattern.d * min(op.values.shape[2:])


@rank_bound.register
def _(op: Masked) -> int:
    return int(structural_rank(op.mask))


@rank_bound.register
def _(op: Chain) -> int:
    bound = min(rank_bound(factor) for factor in op.operators)
    shapes = [[f.shape for f in factor.factors] for factor in op.operators if isinstance(factor, Kronecker)]
    matching = len(shapes) == len(op.operators) and all(
        [columns for _, columns in left] == [rows for rows, _ in right] for left, right in pairwise(shapes)
    )
    # Kroneckers that multiply position by position: each position has a narrowest place of its own.
    return prod(min(map(min, position)) for position in zip(*shapes, strict=True)) if matching else bound


@rank_bound.register
def _(op: Sum) -> int:
    return min(*op.shape, sum(rank_bound(term) for term in op.operators))


@rank_bound.register
def _(op: SumOfKroneckers) -> int:
    return min(*op.shape, sum(rank_bound(Kronecker(A, B)) for A, B in op.pairs))
