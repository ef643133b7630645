"""Which structures are a product of two factors on blocks of their matrix, and which blocks these are (T17, T27)."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from ..operators import (
    Chain,
    Dense,
    Hadamard,
    Kronecker,
    LowRank,
    Monarch,
    Permutation,
    StructuredOperator,
    SumOfKroneckers,
)
from .layouts import Entries, Rearranged, Reordered, Slices, View, Whole


def between_permutations(
    chain: Chain,
) -> tuple[tuple[Permutation, ...], StructuredOperator, tuple[Permutation, ...]]:
    """The permutations before, the product between, and the permutations after; the chain itself where there are none outside."""
    listed = chain.operators
    free = [i for i, op in enumerate(listed) if not isinstance(op, Permutation)]
    first, last = (free[0], free[-1] + 1) if free else (0, len(listed))
    if (first, last) == (0, len(listed)):
        return (), chain, ()
    core = listed[first] if last == first + 1 else Chain(*listed[first:last])
    return (
        tuple(op for op in listed[:first] if isinstance(op, Permutation)),
        core,
        tuple(op for op in listed[last:] if isinstance(op, Permutation)),
    )


@singledispatch
def factored_blocks(structure: Any) -> tuple[View, int]:
    """The blocks of B on which a structure is a product of two factors, and the largest rank it can give them (T17, T27)."""
    raise TypeError(f"{type(structure).__name__} is not known as a product of two factors on blocks of its matrix")


@factored_blocks.register
def _(structure: Monarch) -> tuple[View, int]:
    _, k, q, _ = structure.sizes
    if structure.left.shape[0] < q or structure.right.shape[0] < k:
        raise TypeError("a Monarch matrix with tied blocks does not decouple into slices: untie it, or use Kronecker")
    return Slices(*structure.sizes), structure.rank


@factored_blocks.register
def _(structure: Kronecker) -> tuple[View, int]:
    if len(structure.factors) != 2:
        raise TypeError(f"Kronecker with {len(structure.factors)} factors: expected two")
    return Rearranged(*(f.shape for f in structure.factors)), 1


@factored_blocks.register
def _(structure: SumOfKroneckers) -> tuple[View, int]:
    return Rearranged(*(f.shape for f in structure.factors[:2])), len(structure.pairs)


@factored_blocks.register
def _(structure: Hadamard) -> tuple[View, int]:
    if len(structure.factors) != 2:
        raise TypeError(f"Hadamard with {len(structure.factors)} factors: expected two")
    return Entries(), 1


@factored_blocks.register
def _(structure: LowRank) -> tuple[View, int]:
    return Whole(), structure.U.shape[1]


@factored_blocks.register
def _(structure: Chain) -> tuple[View, int]:
    left, core, right = between_permutations(structure)
    if core is not structure:
        view, rank = factored_blocks(core)
        rows, columns = np.arange(structure.shape[0]), np.arange(structure.shape[1])
        for P in left:
            rows = P.indices[rows]
        for P in reversed(right):
            columns = np.argsort(P.indices)[columns]
        return Reordered(view, rows, columns), rank
    if len(structure.operators) != 2 or not all(isinstance(op, Dense) for op in structure.operators):
        raise TypeError(f"{structure!r}: expected a chain of two Dense operators")
    return Whole(), structure.operators[0].shape[1]
