"""From a normal form back to operators."""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..forms import (
    Beside,
    DirectSum,
    Form,
    Identity,
    Matrix,
    Opaque,
    Permuted,
    Product,
    Slices,
    Slots,
    Stack,
    Terms,
    Total,
    Updated,
    as_factors,
    orders,
    to_sparse,
)
from ..patterns import Pattern
from .algebra import provide, scaled_identity
from .arrays import Array
from .base import StructuredOperator
from .block_diagonal import BlockDiagonal
from .chain import Chain
from .dense import Dense
from .diagonal import Diagonal
from .kronecker import Kronecker
from .kronecker_sparse import KroneckerSparse
from .low_rank import LowRank
from .masked import Masked
from .monarch import Monarch
from .permutation import Permutation
from .stacks import HStack, VStack
from .sums import Sum, SumOfKroneckers


@provide
def operator_of(form: Form) -> StructuredOperator:
    """The plainest operator that is the matrix of a form.

    Examples
    --------
    >>> from kronmix.forms import form_of
    >>> from kronmix.operators.convert import operator_of
    >>> operator_of(form_of(km.channel_mixing(np.ones((3, 3)), tokens=2) @ km.token_mixing(np.eye(2), channels=3)))
    Kronecker(6×6, 3×3 ⊗ 2×2, 13 parameters)
    """
    match form:
        case Slots():
            return _of_slots(form)
        case DirectSum() | Stack() if any(0 in shape for shape in _block_shapes(form)):  # rows or columns of zeros
            matrix = to_sparse(form)
            matrix.sort_indices()
            return Masked(
                matrix.data, csr_array((np.ones(matrix.nnz, bool), matrix.indices, matrix.indptr), shape=form.shape)
            )
        case Stack():
            return _of_stack(form.blocks, form.copies)
        case DirectSum():
            return BlockDiagonal([operator_of(part) for part in form.parts])
        case Terms():
            return _of_terms(form)
        case Slices():
            return _of_slices(form)
        case Updated():
            assert form.update.right is not None
            return Sum(operator_of(form.base), LowRank(form.update.left, form.update.right))
        case Permuted():
            return _of_permuted(form)
        case Product():
            return Chain(*map(operator_of, form.parts))
        case Total():
            return Sum(*map(operator_of, form.parts))
        case Beside():
            return (HStack if form.axis else VStack)(list(map(operator_of, form.parts)))
        case Opaque() if isinstance(form.operator, StructuredOperator):
            return form.operator
    return Dense(form.dense())


def _block_shapes(form: DirectSum | Stack) -> list[tuple[int, ...]]:
    return [part.shape for part in form.parts] if isinstance(form, DirectSum) else [form.blocks.shape]


def _of_slots(form: Slots) -> StructuredOperator:
    c, matrices = form.scale, form.matrices
    if not matrices:
        n = form.shape[0]
        if c == 1 and form.dtype == np.float32:
            return Permutation(np.arange(n))
        return scaled_identity(n, c if form.dtype in (np.float32, np.complex64) else form.dtype.type(c))
    first = matrices[0] if c == 1 else matrices[0] * c
    scaled = iter((first, *matrices[1:]))
    items = [next(scaled) if isinstance(item, Matrix) else item for item in form.items]
    if len(items) == 1 and first.right is not None:
        return LowRank(first.left, first.right)
    if len(matrices) == len(items):
        arrays = [item.array for item in items]
        return Kronecker(*arrays) if len(arrays) > 1 else Dense(arrays[0])
    # One tied factor for every matrix: identities are no parameters.
    factors: list[StructuredOperator] = []
    sizes = [item.columns for item in items]
    for j, item in enumerate(items):
        if isinstance(item, Matrix):
            pattern = Pattern(prod(sizes[:j]), item.rows, item.columns, prod(sizes[j + 1 :]))
            factors.insert(0, KroneckerSparse(item.array[None, None], pattern))
            sizes[j] = item.rows
    return factors[0] if len(factors) == 1 else Chain(*factors)


def _of_stack(blocks: Array, copies: int) -> StructuredOperator:
    n, b, c = blocks.shape
    if b == c == 1:
        return Diagonal(np.tile(blocks.ravel(), copies))
    if copies == 1:
        return KroneckerSparse(blocks[:, None], (n, b, c, 1))
    return BlockDiagonal([KroneckerSparse(blocks[:, None], (n, b, c, 1))] * copies)


def _of_terms(form: Terms) -> StructuredOperator:
    if len(form.item_shapes) != 2:
        return Sum(*map(_of_slots, form.terms))
    pairs = []
    for term in form.terms:
        A, B = (np.eye(i.size, dtype=form.dtype) if isinstance(i, Identity) else i.array for i in term.items)
        if any(isinstance(item, Identity) for item in term.items):
            return Sum(*map(_of_slots, form.terms))  # identities stay untrained
        pairs.append((A if term.scale == 1 else A * term.scale, B))
    return SumOfKroneckers(pairs)


def _of_slices(form: Slices) -> StructuredOperator:
    a, κ, β, d, b, c, r = form.sizes
    if (a, d) == (1, 1):
        left = form.U[0, :, :, 0].transpose(1, 2, 0, 3).reshape(β, b, κ * r)
        right = form.V[0, :, :, 0].transpose(0, 2, 1, 3).reshape(κ, r * β, c)
        return Monarch(left, right, rank=r)
    return operator_of(as_factors(form))


def _of_permuted(form: Permuted) -> StructuredOperator:
    if isinstance(form.inner, Stack):
        factor = _shuffled_stack(form.inner, form.rows, form.columns)
        if factor is not None:
            return factor
    parts: list[StructuredOperator] = []
    if form.rows is not None:
        parts.append(Permutation(form.rows))
    inner = form.inner
    if not (isinstance(inner, Slots) and not inner.matrices and inner.scale == 1):
        parts.append(operator_of(inner))
    if form.columns is not None:
        parts.append(Permutation(orders.inverse(form.columns)))
    return (
        reduce(lambda A, B: A @ B, parts[1:], parts[0])
        if all(isinstance(op, Permutation) for op in parts)
        else Chain(*parts)
    )


def _shuffled_stack(form: Stack, rows: Any, columns: Any) -> KroneckerSparse | None:
    """A stack whose rows and columns are shuffled as those of a Kronecker-sparse factor (T9)."""
    n, b, c = form.blocks.shape
    whole = n * form.copies
    for d in (d for d in range(1, whole + 1) if whole % d == 0):
        a = whole // d
        for sizes, axes, stored in (
            ((a, d), (0, 2, 1), (a, d)),
            ((d, a), (1, 2, 0), (a, 1)),
            ((a, d), (0, 2, 1), (1, d)),
        ):
            if prod(stored) != n or (form.copies > 1) != (stored != (a, d)):
                continue
            if all(
                np.array_equal(
                    np.arange(whole * size) if order is None else order, orders.transposed((*sizes, size), axes)
                )
                for order, size in ((rows, b), (columns, c))
            ):
                values = form.blocks.reshape(*stored, b, c)
                return KroneckerSparse(values, (a, b, c, d))
    return None
