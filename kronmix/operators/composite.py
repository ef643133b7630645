"""Operators made of others: products, sums, direct sums and stacks; their factors are those of the parts, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, islice
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from .arrays import Array
from .base import StructuredOperator


class Composite(StructuredOperator):
    """What operators with parts have in common; a subclass says how the parts act together.

    Parameters
    ----------
    shape : (rows, columns)
    operators : sequence of StructuredOperator
        The parts.

    Examples
    --------
    >>> op = km.Chain(km.Dense(np.ones((2, 3))), km.Dense(np.ones((3, 4))))
    >>> op.operators
    (Dense(2×3, 6 parameters), Dense(3×4, 12 parameters))
    """

    operators: tuple[StructuredOperator, ...]

    def __init__(self, shape: tuple[int, int], operators: Sequence[StructuredOperator]) -> None:
        super().__init__(shape, tuple(factor for op in operators for factor in op.factors))
        self.operators = tuple(operators)
        self.dtype = np.result_type(*(op.dtype for op in operators))  # of parts without factors too

    def _with_operators(self, operators: Sequence[StructuredOperator]) -> Self:
        """The same composition of other parts."""
        return type(self)(*operators)

    def with_factors(self, *arrays: Any) -> Self:
        return self._with_operators(distribute(arrays, self.operators))

    @property
    def connections(self) -> int:
        return sum(op.connections for op in self.operators)


def flatten(operators: Iterable[Any], kind: Any, name: str) -> tuple[StructuredOperator, ...]:
    """Check the parts of a composite, and put the parts of nested ones in their place."""
    listed = tuple(operators)
    if not listed:
        raise ValueError(f"{name}: expected at least one operator")
    for op in listed:
        if not isinstance(op, StructuredOperator):
            raise TypeError(f"{name}: {type(op).__name__} is not a StructuredOperator; wrap a matrix in km.Dense")
    return tuple(inner for op in listed for inner in (op.operators if isinstance(op, kind) else (op,)))


class Renewable(Protocol):
    """What has factors and can be made again with others: an operator, or a part of a network."""

    @property
    def factors(self) -> tuple[Array, ...]: ...
    def with_factors(self, *arrays: Any) -> Any: ...


Owner = TypeVar("Owner", bound=Renewable)


def distribute(arrays: tuple[Any, ...], owners: Sequence[Owner]) -> list[Owner]:
    """Give each owner its share of a flat list of factors."""
    expected = sum(len(owner.factors) for owner in owners)
    if len(arrays) != expected:
        raise ValueError(f"with_factors got {len(arrays)} arrays: expected {expected}")
    remaining = iter(arrays)
    return [owner.with_factors(*islice(remaining, len(owner.factors))) for owner in owners]


def split_rows(X: Array, sizes: Iterable[int]) -> list[Array]:
    """Cut an array into pieces of the given numbers of rows."""
    return np.split(X, list(accumulate(sizes))[:-1])
