"""Traces, from entries or factors, never from the dense matrix where the structure tells its entries (T15)."""

from __future__ import annotations

from functools import reduce, singledispatch
from math import prod
from typing import Any

import numpy as np

from ..operators import (
    Chain,
    Hadamard,
    Kronecker,
    KroneckerSparse,
    Masked,
    Monarch,
    Permutation,
    StructuredOperator,
    Sum,
    SumOfKroneckers,
)
from ..operators.base import Array
from ..operators.dense import as_operator
from ..operators.simplify import simplified, unpermuted
from .determinant import need_square


@singledispatch
def trace(op: Any) -> Any:
    """Sum of the diagonal; the traces of square Kronecker factors multiply (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (n, n)

    Returns
    -------
    scalar of the operator's dtype

    Raises
    ------
    ValueError
        If the operator is not square.
    MemoryError
        If the structure does not tell its entries and the dense matrix is too large.

    Examples
    --------
    >>> float(km.trace(km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]))))
    28.0
    """
    op = as_operator(op)
    need_square(op, "trace")
    return _trace(simplified(op))


@singledispatch
def _trace(op: StructuredOperator) -> Any:
    diagonal = np.arange(op.shape[0])
    return entries(op, diagonal, diagonal).sum()


@_trace.register
def _(op: Kronecker) -> Any:
    if any(f.shape[0] != f.shape[1] for f in op.factors):
        return _trace.dispatch(StructuredOperator)(op)
    return prod(np.trace(f) for f in op.factors)


@_trace.register
def _(op: KroneckerSparse) -> Any:
    if op.pattern.b != op.pattern.c:
        return _trace.dispatch(StructuredOperator)(op)
    blocks = np.broadcast_to(op.values, (*op.values.shape[:2], op.pattern.b, op.pattern.c))
    return np.trace(blocks, axis1=2, axis2=3).sum() * (op.pattern.a * op.pattern.d // prod(op.values.shape[:2]))


@_trace.register
def _(op: Sum) -> Any:
    return sum(_trace(simplified(term)) for term in op.operators)


@_trace.register
def _(op: SumOfKroneckers) -> Any:
    return sum(_trace(Kronecker(A, B)) for A, B in op.pairs)


# ---- entries --------------------------------------------------------------------------------------------------------


@singledispatch
def entries(op: StructuredOperator, rows: Array, columns: Array) -> Array:
    """The entries B[rows[i], columns[i]]."""
    return np.asarray(op.to_dense()[rows, columns])


@entries.register
def _(op: Kronecker, rows: Array, columns: Array) -> Array:
    i = np.unravel_index(rows, [f.shape[0] for f in op.factors])
    j = np.unravel_index(columns, [f.shape[1] for f in op.factors])
    return np.asarray(reduce(np.multiply, (f[r, c] for f, r, c in zip(op.factors, i, j, strict=True))))


@entries.register
def _(op: KroneckerSparse, rows: Array, columns: Array) -> Array:
    a, b, c, d = op.pattern
    (i_a, i_b, i_d), (j_a, i_c, j_d) = np.unravel_index(rows, (a, b, d)), np.unravel_index(columns, (a, c, d))
    values = np.broadcast_to(op.values, op.pattern.values_shape)
    return np.where((i_a == j_a) & (i_d == j_d), values[i_a, i_d, i_b, i_c], 0)


@entries.register
def _(op: Monarch, rows: Array, columns: Array) -> Array:
    p, k, q, s = op.sizes
    U, V = op.slices()
    (i_p, i_q), (i_k, i_s) = np.unravel_index(rows, (p, q)), np.unravel_index(columns, (k, s))
    U, V = np.broadcast_to(U, (q, k, *U.shape[2:])), np.broadcast_to(V, (q, k, *V.shape[2:]))
    return np.asarray(np.einsum("nr,nr->n", U[i_q, i_k, i_p], V[i_q, i_k, :, i_s]))


@entries.register
def _(op: Permutation, rows: Array, columns: Array) -> Array:
    return (op.indices[rows] == columns).astype(op.dtype)


@entries.register
def _(op: Chain, rows: Array, columns: Array) -> Array:
    """P X Q holds X[P.indices[i], j] in row i and column Q.indices[j]."""
    inner = unpermuted(op)
    if isinstance(inner, Chain):
        return np.asarray(op.to_dense()[rows, columns])
    left, right = outer_permutations(op)
    for P in left:
        rows = P.indices[rows]
    for Q in reversed(right):
        columns = np.argsort(Q.indices)[columns]
    return entries(inner, rows, columns)


@entries.register
def _(op: Masked, rows: Array, columns: Array) -> Array:
    return np.asarray(op.to_sparse()[rows, columns]).ravel()


@entries.register
def _(op: Hadamard, rows: Array, columns: Array) -> Array:
    return np.asarray(reduce(np.multiply, (f[rows, columns] for f in op.factors)))


def outer_permutations(op: Chain) -> tuple[tuple[Permutation, ...], tuple[Permutation, ...]]:
    """The permutations that ``op.core()`` leaves out, on the left and on the right."""
    core = op.core()
    kept = len(core.operators) if isinstance(core, Chain) else 1
    left = list[Permutation]()
    for factor in op.operators[: len(op.operators) - kept]:
        if not isinstance(factor, Permutation):
            break
        left.append(factor)
    return tuple(left), op.operators[len(left) + kept :]
