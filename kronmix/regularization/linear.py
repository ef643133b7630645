"""Structures that are linear in their factors: every entry of B is one parameter, perhaps shared, or zero."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..forms.items import Identity
from ..operators import Dense, Diagonal, KroneckerSparse, Masked, Permutation, StructuredOperator
from ..operators.arrays import Array
from .gauges import Gauge
from .layouts import EntriesAt
from .norms import Frobenius
from .parametrisations import Growth, Parametrisation, Placed, found_at, parametrisation_of, places, squared
from .slots import Run


class AtPlaces(Parametrisation):
    """R = ½‖θ‖² of the parameters at ``places``, which are the state."""

    places: Any
    name = "half squared norm of the parameters"

    def bounds(self, state: Array) -> tuple[float, float]:
        value = 0.5 * squared(state)
        return value, value

    def balanced(self, state: Array) -> Placed:
        return [(self.places, state)]


@dataclass(frozen=True, eq=False)
class Linear(AtPlaces):
    """B determines θ: Dense, Masked, a Kronecker-sparse factor with or without sharing, a permutation. State: values at ``places``.

    Parameters
    ----------
    op : StructuredOperator
        Numbered.
    kronecker_items : tuple, optional
        B as identities and one free matrix, where it is such a Kronecker product.
    """

    op: StructuredOperator
    kronecker_items: tuple[Any, ...] | None = None

    @cached_property
    def places(self) -> Array:
        """Where its parameters stand in θ."""
        return np.concatenate([places(f).ravel() for f in self.op.factors] or [np.zeros(0, np.intp)])

    @property
    def degree(self) -> int | None:  # type: ignore[override]
        return 1 if self.places.size else None

    @cached_property
    def growth(self) -> tuple[Growth, ...]:  # type: ignore[override]
        if not self.places.size:
            return (Growth(1, inf),)
        if self.op.pattern is not None:  # shared evenly
            return (Growth(1, self.op.pattern.nnz / max(self.places.size, 1)),)
        return (Growth(1, float(self._counts.max(initial=1))),)

    def entries(self) -> csr_array:
        found = self.op.to_sparse().tocoo()
        kept = np.abs(found.data) > 0.5  # the rest is rounding, of a structure that computes with its numbers
        return csr_array((found.data[kept], (found.row[kept], found.col[kept])), shape=found.shape)

    def own(self, θ: Array) -> Array:
        return θ[self.places]

    def of(self, B: Array) -> Array | None:
        return self._summed(B) / np.maximum(self._counts, 1)

    def conjugate(self, Z: Array) -> tuple[float, float]:
        return 0.5 * squared(self._summed(Z)), 0.0

    def gauge(self) -> Gauge | None:
        """R = ½N² with N² = ‖θ‖², where every parameter stands equally often in B."""
        if not self.places.size or np.ptp(self._counts):
            return super().gauge()
        rows, columns, which = self._stands
        order = np.argsort(which, kind="stable").reshape(1, self.places.size, 1, -1)
        return Gauge(Frobenius(EntriesAt(rows[order], columns[order])), 1, exact=True)

    def proximal(self, V: Array, step: float) -> Array:
        rows, columns, which = self._stands
        out = np.zeros_like(V)
        out[rows, columns] = (self._summed(V) / (self._counts + step))[which]
        return out

    def items(self) -> list[Any] | None:
        return None if self.kronecker_items is None else list(self.kronecker_items)

    @cached_property
    def _stands(self) -> tuple[Array, Array, Array]:
        """Rows and columns of the entries of B, and which of ``places`` each holds."""
        found = self.entries().tocoo()
        if not self.places.size:  # a permutation holds ones, not parameters
            return found.row[:0], found.col[:0], self.places
        return found.row, found.col, found_at(self.places, places(found.data))

    @cached_property
    def _counts(self) -> Array:
        """How many entries each parameter stands in."""
        return np.bincount(self._stands[2], minlength=self.places.size)

    def _summed(self, B: Array) -> Array:
        """Sum of the entries of B that hold each parameter."""
        rows, columns, which = self._stands
        total = np.zeros(self.places.size, B.dtype)
        np.add.at(total, which, B[rows, columns])
        return total


parametrisation_of.register(Diagonal, Linear)
parametrisation_of.register(Masked, Linear)
parametrisation_of.register(Permutation, Linear)


@parametrisation_of.register
def _(op: Dense) -> Parametrisation:
    return Linear(op, (Run(op.factors),))


@parametrisation_of.register
def _(op: KroneckerSparse) -> Parametrisation:
    a, b, c, d = op.pattern
    if op.values.shape != (1, 1, b, c):
        return Linear(op)
    return Linear(op, (Identity(a), Run((op.values[0, 0],)), Identity(d)))
