"""Where the pieces stand on which a structure is a product of free matrices: stacks (N, m, n, copies) out of a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np

from ..forms.items import Identity
from ..operators.arrays import Array
from ..patterns import Pattern, Slicing


class Layout(Protocol):
    """Equal layouts have their pieces at the same places."""

    @property
    def norm(self) -> str:
        """R where each piece is a product of two free matrices of large enough inner size."""

    @property
    def pair_law(self) -> str:
        """Name of what such a product conserves."""

    @property
    def copies(self) -> float:
        """How often every entry of a piece stands in B."""

    def pieces(self, B: Array) -> list[Array]:
        """For every shape of pieces (N, m, n, copies)."""

    def law(self, values: Array) -> Array:
        """Laws of N pieces (N, r, r), as they are shown."""


@dataclass(frozen=True)
class EntryPieces:
    """Every entry of B is a piece."""

    shape: tuple[int, int]
    copies: float = 1.0
    norm: str = "ℓ1 norm"
    pair_law: str = "UᴴU − VVᴴ of every entry"

    def pieces(self, B: Array) -> list[Array]:
        return [B.reshape(-1, 1, 1, 1)]

    def law(self, values: Array) -> Array:
        return values.reshape(self.shape).real


@dataclass(frozen=True)
class KroneckerPieces:
    """One piece from a Kronecker product of free matrices and identities.

    One free matrix is the piece itself; of two it is vec(A) vec(B)ᵀ, the rearranged matrix 𝓡(B) (T14).

    Parameters
    ----------
    shapes : sequence of (rows, columns, free)
    """

    shapes: tuple[tuple[int, int, bool], ...]

    @staticmethod
    def of_items(items: Sequence[Any]) -> KroneckerPieces:
        """From items: identities, and others that are free."""
        return KroneckerPieces(tuple((x.rows, x.columns, not isinstance(x, Identity)) for x in items))

    @property
    def norm(self) -> str:
        return "nuclear norm" if self._free == 1 else "nuclear norm of the rearranged matrix"

    @property
    def pair_law(self) -> str:
        return "P{i}ᴴP{i} − P{j}P{j}ᴴ" if self._free == 1 else "⟨Vi, Vj⟩ − ⟨Wi, Wj⟩"

    @property
    def _free(self) -> int:
        return sum(free for *_, free in self.shapes)

    @property
    def copies(self) -> float:
        return float(prod(rows for rows, _, free in self.shapes if not free))

    def contracted(self, B: Array) -> Array:
        """(rows …, columns …, copies) of the free matrices' product, a copy for each place on the identities' diagonals."""
        k = len(self.shapes)
        view = B.reshape([m for m, _, _ in self.shapes] + [n for _, n, _ in self.shapes])
        free = [j for j in range(k) if self.shapes[j][2]]
        tied = [j for j in range(k) if not self.shapes[j][2]]
        labels = list(range(k)) + [j if j in tied else k + j for j in range(k)]
        out = np.einsum(view, labels, [*free, *(k + j for j in free), *tied])
        return np.asarray(out.reshape(*out.shape[: 2 * len(free)], -1))

    def pieces(self, B: Array) -> list[Array]:
        view = self.contracted(B)
        if view.ndim == 3:
            return [view[None]]
        m1, m2, n1, n2, copies = view.shape
        return [view.transpose(0, 2, 1, 3, 4).reshape(1, m1 * n1, m2 * n2, copies)]

    def law(self, values: Array) -> Array:
        return np.asarray(values[0, 0, 0].real) if values.size == 1 and self._free == 2 else values[0]


@dataclass(frozen=True)
class JoinedPieces:
    """One piece: the Kronecker product of all free matrices, whatever their number."""

    slots: KroneckerPieces
    norm: str = "nuclear norm"
    pair_law: str = ""

    @property
    def copies(self) -> float:
        return self.slots.copies

    def pieces(self, B: Array) -> list[Array]:
        view = self.slots.contracted(B)
        k = view.ndim // 2
        return [view.reshape(1, prod(view.shape[:k]), -1, view.shape[-1])]

    def law(self, values: Array) -> Array:
        return values


@dataclass(frozen=True, eq=False)
class EntriesAt:
    """One piece from entries of B at rows and columns, both (1, m, n, copies)."""

    rows: Array
    columns: Array
    norm: str = "nuclear norm"
    pair_law: str = ""

    @property
    def copies(self) -> float:
        return float(self.rows.shape[-1])

    def pieces(self, B: Array) -> list[Array]:
        return [B[self.rows, self.columns]]

    def law(self, values: Array) -> Array:
        return values


@dataclass(frozen=True)
class SlicePieces:
    """Slices of a product of two chainable factors (T11), those that share values side by side or one below the other.

    Parameters
    ----------
    pattern : Pattern
        Of the product.
    slicing : Slicing
    left, right : tuple of four bool
        Along which of (a, κ, β, d) each factor's slices differ.
    """

    pattern: Pattern
    slicing: Slicing
    left: tuple[bool, bool, bool, bool]
    right: tuple[bool, bool, bool, bool]
    pair_law: str = "UᴴU − VVᴴ of every slice"

    @property
    def norm(self) -> str:
        if all(self.left) and all(self.right):
            return "sum of the slices' nuclear norms"
        if self._size(self._axes(True, True)) == 1:
            return "nuclear norm of the rearranged matrix"
        return "sum of the nuclear norms of the slices that share a factor, side by side"

    def _axes(self, left: bool, right: bool) -> list[int]:
        return [i for i in range(4) if (self.left[i], self.right[i]) == (left, right)]

    @property
    def copies(self) -> float:
        return float(prod(self.slicing[i] for i in self._axes(False, False)))

    def pieces(self, B: Array) -> list[Array]:
        slices = self.slicing.slices(self.pattern.values(B))
        batch, rows, columns, copied = (
            self._axes(*which) for which in ((True, True), (True, False), (False, True), (False, False))
        )
        view = slices.transpose(*batch, *rows, 4, *columns, 5, *copied)
        m, n = self.slicing.b * self._size(rows), self.slicing.c * self._size(columns)
        return [view.reshape(self._size(batch), m, n, self._size(copied))]

    def stack(self, left: Array, right: Array) -> tuple[Array, Array]:
        """U (N, m, r) and V (N, r, n) of the pieces from the two factors' values, or from anything in their places."""
        U, V, r = self.slicing.left(left), self.slicing.right(right), self.slicing.r
        batch, rows, columns, copied = (
            self._axes(*which) for which in ((True, True), (True, False), (False, True), (False, False))
        )
        N = self._size(batch)
        U = U.transpose(*batch, *rows, *columns, *copied, 4, 5).reshape(N, -1, r)
        return U, V.transpose(*batch, *rows, *copied, 4, *columns, 5).reshape(N, r, -1)

    def _size(self, axes: list[int]) -> int:
        return prod(self.slicing[i] for i in axes)

    def law(self, values: Array) -> Array:
        return values


@dataclass(frozen=True, eq=False)
class RectanglePieces:
    """Disjoint rectangles of rows × columns, for each shape N of them: rows (N, m) and columns (N, n)."""

    rectangles: tuple[tuple[Array, Array], ...]
    copies: float = 1.0
    norm: str = "sum of the nuclear norms of disjoint rectangles"
    pair_law: str = "UᴴU − VVᴴ of every rectangle"

    def pieces(self, B: Array) -> list[Array]:
        return [B[rows[:, :, None], columns[:, None, :]][..., None] for rows, columns in self.rectangles]

    def law(self, values: Array) -> Array:
        return values
