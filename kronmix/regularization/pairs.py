"""Which structures are a product of two factors on blocks of their matrix, and which blocks these are (T17, T27)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce, singledispatch
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
from ..operators.arrays import Array
from .layouts import Entries, Rearranged, Reordered, Slices, View, Whole


@dataclass(frozen=True)
class BetweenPermutations:
    """A product as permutations, what is between them, and permutations.

    Attributes
    ----------
    left, right : tuple of Permutation
    inner : tuple of StructuredOperator
        At least one: where all are permutations, they are it.
    """

    left: tuple[Permutation, ...]
    inner: tuple[StructuredOperator, ...]
    right: tuple[Permutation, ...]

    @classmethod
    def of(cls, operators: Sequence[StructuredOperator]) -> BetweenPermutations:
        """The pair of a product of operators, leftmost first."""
        left = tuple(_leading_permutations(operators))
        if len(left) == len(operators):
            return cls((), tuple(operators), ())
        right = tuple(_leading_permutations(operators[::-1]))[::-1]
        return cls(left, tuple(operators[len(left) : len(operators) - len(right)]), right)

    @property
    def rows(self) -> Array:
        """The row of what is between at every row of the whole."""
        return reduce(lambda rows, P: P.indices[rows], self.left, np.arange(self.inner[0].shape[0]))

    @property
    def columns(self) -> Array:
        """The column of what is between at every column of the whole."""
        start = np.arange(self.inner[-1].shape[1])
        return reduce(lambda columns, P: np.argsort(P.indices)[columns], self.right[::-1], start)


def _leading_permutations(operators: Sequence[StructuredOperator]) -> Iterator[Permutation]:
    for op in operators:
        if not isinstance(op, Permutation):
            return
        yield op


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
    seen = BetweenPermutations.of(structure.operators)
    if len(seen.inner) == 1:
        view, rank = factored_blocks(seen.inner[0])
    elif len(seen.inner) == 2 and all(isinstance(op, Dense) for op in seen.inner):
        view, rank = Whole(), seen.inner[0].shape[1]
    else:
        raise TypeError(f"{structure!r}: expected a chain of two Dense operators")
    return (Reordered(view, seen.rows, seen.columns), rank) if seen.left or seen.right else (view, rank)
