"""One matrix in the structure that says most about it: what spectra, norms and counts are read from.

A Kronecker product, or a tied factor I_a ⊗ K ⊗ I_d, is a list of matrices and identities. Two such lists multiply item by item
where their sizes fit, I_n splitting into I_m ⊗ I_{n/m} as needed (T4, T15): (Vᵀ ⊗ I_S)(I_C ⊗ W) becomes Vᵀ ⊗ W.
"""

from __future__ import annotations

from functools import singledispatch
from itertools import groupby
from math import prod

import numpy as np

from .base import MAX_BYTES, Array, StructuredOperator, check_memory
from .chain import Chain
from .kronecker import Kronecker
from .kronecker_sparse import KroneckerSparse
from .monarch import Monarch
from .permutation import Permutation
from .sums import Sum, SumOfKroneckers

# An identity between two matrices is written out up to this size.
_MAX_IDENTITY = 1024

#: A matrix, or the size of an identity.
Item = Array | int


@singledispatch
def simplified(op: StructuredOperator) -> StructuredOperator:
    """The same matrix with products multiplied out wherever the result keeps a structure; ``op`` itself where none does.

    Examples
    --------
    >>> from kronmix.operators.simplify import simplified
    >>> rng = np.random.default_rng(0)
    >>> W, V = rng.normal(size=(196, 196)), rng.normal(size=(768, 768))
    >>> simplified(km.channel_mixing(V, tokens=196) @ km.token_mixing(W, channels=768))
    Kronecker(150528×150528, 768×768 ⊗ 196×196, 628 240 parameters)
    """
    if op.pattern is not None and op.pattern.a * op.pattern.d > 1:
        return _as_blocks(op)
    return op


def unpermuted(op: StructuredOperator) -> StructuredOperator:
    """Simplified, without permutations outside: same singular values and entries elsewhere (T8)."""
    return simplified(op.core() if isinstance(op, Chain) else op)


@simplified.register(Kronecker)
@simplified.register(KroneckerSparse)
def _(op: StructuredOperator) -> StructuredOperator:
    return op


@simplified.register
def _(op: SumOfKroneckers) -> StructuredOperator:
    return Kronecker(*op.factors) if len(op.pairs) == 1 else op


@simplified.register
def _(op: Sum) -> StructuredOperator:
    return simplified(op.operators[0]) if len(op.operators) == 1 else op


@simplified.register
def _(op: Monarch) -> StructuredOperator:
    if op.left.shape[0] == op.right.shape[0] == op.rank == 1:  # both factors tied (T12)
        return Kronecker(op.left[0], op.right[0])
    return op


@simplified.register
def _(op: Chain) -> StructuredOperator:
    merged: list[StructuredOperator] = []
    for factor in op.operators:
        product = _merge(merged[-1], factor) if merged else None
        if product is None:
            merged.append(factor)
        else:
            merged[-1] = product
    if len(merged) == 1:
        return merged[0]
    if op.pattern is not None and op.pattern.a * op.pattern.d > 1:
        return _as_blocks(op)
    return op if len(merged) == len(op.operators) else Chain(*merged)


def _merge(left: StructuredOperator, right: StructuredOperator) -> StructuredOperator | None:
    """The product of two neighbours as one structure, or None."""
    if isinstance(left, Permutation) and isinstance(right, Permutation):
        product: StructuredOperator = left @ right
        return product
    lefts, rights = _items(left), _items(right)
    if lefts is not None and rights is not None:
        return _from_items(_multiply(lefts, rights))
    if isinstance(left, KroneckerSparse) and isinstance(right, KroneckerSparse):
        (a, b, c, d), (a2, b2, c2, d2) = left.pattern, right.pattern
        if (a, c, d) == (a2, b2, d2):  # block by block
            values = np.matmul(_full_blocks(left), _full_blocks(right))
            return KroneckerSparse(values, (a, b, c2, d))
    return None


@singledispatch
def _items(op: StructuredOperator) -> list[Item] | None:
    """A Kronecker product of matrices and identities as a list, or None."""
    return None


@_items.register
def _(op: Kronecker) -> list[Item] | None:
    return list(op.factors)


@_items.register
def _(op: KroneckerSparse) -> list[Item] | None:
    if op.values.shape[:2] != (1, 1):
        return None
    return [op.pattern.a, _full_blocks(op)[0, 0], op.pattern.d]


def _multiply(left: list[Item], right: list[Item]) -> list[Item] | None:
    """(A ⊗ B ⊗ …)(C ⊗ D ⊗ …) item by item, splitting identities where sizes differ; None where they do not fit."""
    lefts, rights, result = list(reversed(left)), list(reversed(right)), list[Item]()
    while lefts or rights:
        A, C = lefts.pop() if lefts else 1, rights.pop() if rights else 1
        columns, rows = (A if isinstance(A, int) else A.shape[1]), (C if isinstance(C, int) else C.shape[0])
        # The unmatched rest of the larger goes back; it is the larger itself where the other has size 1.
        if columns > rows and (isinstance(A, int) or rows == 1):
            if columns % rows:
                return None
            lefts.append(columns // rows if isinstance(A, int) else A)
            A = rows
        elif rows > columns and (isinstance(C, int) or columns == 1):
            if rows % columns:
                return None
            rights.append(rows // columns if isinstance(C, int) else C)
            C = columns
        elif rows != columns:
            return None
        if isinstance(A, int):
            result.append(C)
        elif isinstance(C, int):
            result.append(A)
        elif A.shape[0] * C.shape[1] * np.result_type(A, C).itemsize > MAX_BYTES:
            return None
        else:
            result.append(A @ C)
    return result


def _from_items(items: list[Item] | None) -> StructuredOperator | None:
    """A tied factor where there is one matrix, a Kronecker product where there are several; None if an identity is too large."""
    if items is None:
        return None
    joined: list[Item] = []
    for is_identity, run in groupby(items, lambda item: isinstance(item, int)):
        listed = list(run)
        joined += [prod(i for i in listed if isinstance(i, int))] if is_identity else listed
    joined = [item for item in joined if not (isinstance(item, int) and item == 1)]
    matrices = [item for item in joined if not isinstance(item, int)]
    if len(matrices) == 1 and len(joined) > 1:
        first, last = joined[0], joined[-1]
        K, a, d = matrices[0], first if isinstance(first, int) else 1, last if isinstance(last, int) else 1
        return KroneckerSparse(K[None, None], (a, *K.shape, d))
    if any(isinstance(item, int) and item > _MAX_IDENTITY for item in joined):
        return None
    dtype = np.result_type(np.float32, *matrices)
    return Kronecker(*(np.eye(item, dtype=dtype) if isinstance(item, int) else item for item in joined))


def _full_blocks(op: KroneckerSparse) -> Array:
    """Values with the sharing inside the b × c blocks written out."""
    return np.broadcast_to(op.values, (*op.values.shape[:2], op.pattern.b, op.pattern.c))


def _as_blocks(op: StructuredOperator) -> KroneckerSparse:
    """A product whose pattern has blocks, as one Kronecker-sparse factor: c columns probe all blocks at once (T11)."""
    pattern = op.pattern
    assert pattern is not None
    a, b, c, d = pattern
    check_memory(pattern.values_shape, op.dtype, MAX_BYTES)
    probes = np.broadcast_to(np.eye(c, dtype=op.dtype)[None, :, None, :], (a, c, d, c)).reshape(a * c * d, c)
    return KroneckerSparse((op @ probes).reshape(a, b, d, c).transpose(0, 2, 1, 3), pattern)
