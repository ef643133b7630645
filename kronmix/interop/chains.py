"""Operators as products of Kronecker-sparse or sparse factors: what libraries of factorised matrices hold."""

from __future__ import annotations

from functools import singledispatch
from math import prod

import numpy as np
from scipy.sparse import csr_array

from ..operators import (
    Chain,
    Dense,
    Diagonal,
    Kronecker,
    KroneckerSparse,
    LowRank,
    Masked,
    Permutation,
    StructuredOperator,
    SumOfKroneckers,
)
from ..patterns import Pattern


@singledispatch
def factors_of(op: StructuredOperator) -> list[StructuredOperator]:
    """The operator as a product, leftmost first, of operators that are no products themselves.

    Examples
    --------
    >>> from kronmix.interop.chains import factors_of
    >>> factors_of(km.Kronecker(np.ones((2, 3)), np.ones((4, 5))))  # (A ⊗ I)(I ⊗ B)
    [KroneckerSparse(8×12, pattern (1, 2, 3, 4), tied over d, 6 parameters),
     KroneckerSparse(12×15, pattern (3, 4, 5, 1), tied over a, 20 parameters)]
    """
    return [op]


@factors_of.register
def _(op: Chain) -> list[StructuredOperator]:
    return [factor for part in op.operators for factor in factors_of(part)]


@factors_of.register
def _(op: Kronecker) -> list[StructuredOperator]:
    shapes = [factor.shape for factor in op.factors]
    return [
        KroneckerSparse(
            factor[None, None],
            (prod(columns for _, columns in shapes[:i]), *factor.shape, prod(rows for rows, _ in shapes[i + 1 :])),
        )
        for i, factor in enumerate(op.factors)
    ]


@factors_of.register
def _(op: SumOfKroneckers) -> list[StructuredOperator]:
    """A₁ … A_r side by side, times B₁ … B_r on top of each other: patterns (1, m, nr, m') · (n, rm', n', 1)."""
    (mA, nA), (mB, nB), r = op.factors[0].shape, op.factors[1].shape, len(op.pairs)
    left = np.stack(op.factors[::2], axis=-1).reshape(mA, nA * r)
    right = np.concatenate(op.factors[1::2])
    return [
        KroneckerSparse(left[None, None], (1, mA, nA * r, mB)),
        KroneckerSparse(right[None, None], (nA, r * mB, nB, 1)),
    ]


@factors_of.register
def _(op: LowRank) -> list[StructuredOperator]:
    return [Dense(op.U), Dense(op.V)]


@singledispatch
def as_kronecker_sparse(op: StructuredOperator) -> KroneckerSparse | None:
    """The operator as one Kronecker-sparse factor (T9), or None where its structure is another.

    Examples
    --------
    >>> from kronmix.interop.chains import as_kronecker_sparse
    >>> as_kronecker_sparse(km.Diagonal([1.0, 2.0]))
    KroneckerSparse(2×2, pattern (2, 1, 1, 1), 2 parameters)
    """
    return None


@as_kronecker_sparse.register
def _(op: KroneckerSparse) -> KroneckerSparse | None:
    return op


@as_kronecker_sparse.register
def _(op: Dense) -> KroneckerSparse | None:
    return KroneckerSparse(op.matrix[None, None], (1, *op.shape, 1))


@as_kronecker_sparse.register
def _(op: Diagonal) -> KroneckerSparse | None:
    return KroneckerSparse(op.d[:, None, None, None], (op.shape[0], 1, 1, 1))


def kronecker_sparse_chain(op: StructuredOperator, target: str) -> list[KroneckerSparse]:
    """The operator as Kronecker-sparse factors, leftmost first.

    Raises
    ------
    TypeError
        Naming the part that is none.
    """
    chain = []
    for part in factors_of(op):
        factor = as_kronecker_sparse(part)
        if factor is None:
            raise TypeError(
                f"{target} holds products of Kronecker-sparse factors: {part!r} is none; "
                "find the nearest ones with km.nearest_chain or km.nearest_monarch"
            )
        chain.append(factor)
    return chain


def product_of(factors: list[StructuredOperator]) -> StructuredOperator:
    """One factor as it is, several as a chain."""
    return factors[0] if len(factors) == 1 else Chain(*factors)


def from_sparse(matrix: csr_array) -> StructuredOperator:
    """A sparse matrix as the structure that its support shows: Kronecker-sparse, a permutation, else entries under a mask.

    Examples
    --------
    >>> from kronmix.interop.chains import from_sparse
    >>> op = km.KroneckerSparse(np.ones((2, 3, 2, 2)), (2, 2, 2, 3))
    >>> from_sparse(op.to_sparse())
    KroneckerSparse(12×12, pattern (2, 2, 2, 3), 24 parameters)
    """
    found = csr_array(matrix, copy=True)
    found.sum_duplicates()
    found.sort_indices()
    pattern = _pattern(found)
    if pattern is not None:
        a, b, c, d = pattern
        values = found.data.reshape(a, b, d, c).transpose(0, 2, 1, 3)  # rows (i_a, i_b, i_d), in each the columns i_c
        return KroneckerSparse(np.ascontiguousarray(values), pattern)
    if _is_permutation(found):
        return Permutation(found.indices)
    stored = csr_array((np.ones(found.nnz, bool), found.indices, found.indptr), shape=found.shape)
    return Masked(found.data, stored)


def _is_permutation(found: csr_array) -> bool:
    n = found.shape[0]
    one_in_each_row = found.shape == (n, n) and np.array_equal(found.indptr, np.arange(n + 1))
    return one_in_each_row and bool((found.data == 1).all()) and np.array_equal(np.sort(found.indices), np.arange(n))


def _pattern(found: csr_array) -> Pattern | None:
    """The pattern (a, b, c, d) whose support is exactly the stored entries; the first row tells c and d, the first column b."""
    rows, columns = found.shape
    first, column = found.indices[: found.indptr[1]], np.flatnonzero(found.indices == 0)
    if first.size == 0 or column.size == 0:
        return None
    b, c = int(column.size), int(first.size)
    second = np.searchsorted(found.indptr, column[1], side="right") - 1 if b > 1 else 1
    d = int(first[1] if c > 1 else second)
    if d < 1 or rows % (b * d) or rows // (b * d) * c * d != columns:
        return None
    pattern = Pattern(rows // (b * d), b, c, d)
    if found.nnz != pattern.nnz:
        return None
    i = np.arange(rows)
    expected = (i // (b * d))[:, None] * c * d + (i % d)[:, None] + np.arange(c) * d
    return pattern if np.array_equal(found.indices.reshape(rows, -1), expected) else None
