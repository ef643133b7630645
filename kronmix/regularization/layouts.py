"""Where the pieces stand on which a norm acts, or a structure is a product of free matrices: stacks (N, m, n, copies) out of B."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..decompose import rearrange, unrearrange
from ..forms.items import Identity
from ..forms.slices import Slicing
from ..operators.arrays import Array
from ..patterns import Pattern, monarch_patterns


class Layout(ABC):
    """Pieces of B. Equal layouts have their pieces at the same places."""

    @property
    def copies(self) -> float:
        """How often every entry of a piece stands in B."""
        return 1.0

    @property
    def norm(self) -> str:
        """R where each piece is a product of two free matrices of large enough inner size."""
        return "nuclear norm"

    @property
    def pair_law(self) -> str:
        """Name of what such a product conserves."""
        return ""

    @abstractmethod
    def pieces(self, B: Array) -> list[Array]:
        """The pieces of every shape: arrays (N, m, n, copies)."""

    def averaged(self, B: Array) -> list[Array]:
        """The means of the copies, (N, m, n): the pieces of the nearest B that holds all copies alike."""
        return [pieces.mean(axis=-1) for pieces in self.pieces(B)]

    def summed(self, G: Array) -> list[Array]:
        """The sums over the copies, (N, m, n): the gradient over the pieces, of the gradient G over B."""
        return [pieces.sum(axis=-1) for pieces in self.pieces(G)]

    def joined(self, stacks: Sequence[Array], shape: tuple[int, int]) -> Array:
        """B of this shape with these pieces (N, m, n), zero elsewhere."""
        out = np.zeros(shape, np.result_type(*stacks))
        places = self.pieces(np.arange(out.size).reshape(shape))
        for at, stack in zip(places, stacks, strict=True):
            out.reshape(-1)[at] = stack[..., None]
        return out

    def law(self, values: Array) -> Array:
        """Laws of N pieces (N, r, r), as they are shown."""
        return values


class View(Layout):
    """An isometric reshuffle of all of B into one stack of matrices (blocks, m, n)."""

    @abstractmethod
    def split(self, B: Array) -> Array:
        """Blocks of B, shape (blocks, m, n)."""

    @abstractmethod
    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        """Undo :meth:`split`."""

    def pieces(self, B: Array) -> list[Array]:
        return [self.split(B)[..., None]]

    def averaged(self, B: Array) -> list[Array]:
        return [self.split(B)]

    def summed(self, G: Array) -> list[Array]:
        return [self.split(G)]

    def joined(self, stacks: Sequence[Array], shape: tuple[int, int]) -> Array:
        (blocks,) = stacks
        return self.join(blocks, shape)


@dataclass(frozen=True)
class Whole(View):
    """B as one block."""

    def split(self, B: Array) -> Array:
        return B[None]

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        return blocks[0]


@dataclass(frozen=True)
class Entries(View):
    """Every entry of B a block; laws are shown in the ``shape`` of B, where it is given."""

    shape: tuple[int, int] | None = None
    norm = "ℓ1 norm"
    pair_law = "UᴴU − VVᴴ of every entry"

    def split(self, B: Array) -> Array:
        return B.reshape(-1, 1, 1)

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        return blocks.reshape(shape)

    def law(self, values: Array) -> Array:
        return values if self.shape is None else values.reshape(self.shape).real


@dataclass(frozen=True)
class Slices(View):
    """The q·k slices of a Monarch matrix of sizes (p, k, q, s): slice (i_q, i_k) is M[(·, i_q), (i_k, ·)] (T12)."""

    p: int
    k: int
    q: int
    s: int

    def split(self, B: Array) -> Array:
        p, k, q, s = self.p, self.k, self.q, self.s
        if B.shape != (p * q, k * s):
            raise ValueError(f"weight of shape {B.shape}: sizes (p, k, q, s) = {(p, k, q, s)} need ({p * q}, {k * s})")
        return self._slicing.slices(B[None, None])[0, ..., 0, :, :].swapaxes(0, 1).reshape(q * k, p, s)

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        p, k, q, s = self.p, self.k, self.q, self.s
        return self._slicing.product_values(blocks.reshape(q, k, p, s).swapaxes(0, 1)).reshape(shape)

    @property
    def _slicing(self) -> Slicing:
        return Slicing.of(*monarch_patterns(self.p, self.k, self.q, self.s))


@dataclass(frozen=True)
class Stacked(View):
    """Blocks of m rows, one under the other."""

    m: int

    def split(self, B: Array) -> Array:
        return B.reshape(-1, self.m, B.shape[1])

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        return blocks.reshape(shape)


@dataclass(frozen=True)
class Rearranged(View):
    """𝓡(B) as one block, for factors of these two shapes (T14)."""

    left: tuple[int, int]
    right: tuple[int, int]

    def split(self, B: Array) -> Array:
        return rearrange(B, (self.left, self.right))[None]

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        return unrearrange(blocks[0], (self.left, self.right))


@dataclass(frozen=True, eq=False)
class Reordered(View):
    """The blocks of a matrix whose rows and columns stand in another order: B[i, j] is its entry (rows[i], columns[j]) (T30)."""

    inner: View
    rows: Array
    columns: Array

    def split(self, B: Array) -> Array:
        return self.inner.split(B[np.ix_(np.argsort(self.rows), np.argsort(self.columns))])

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        return self.inner.join(blocks, shape)[np.ix_(self.rows, self.columns)]


@dataclass(frozen=True)
class KroneckerPieces(Layout):
    """One piece from a Kronecker product of free matrices and identities.

    One free matrix is the piece itself; of two it is vec(A) vec(B)ᵀ, the rearranged matrix 𝓡(B) (T14).

    Parameters
    ----------
    shapes : sequence of (rows, columns, free)
    """

    shapes: tuple[tuple[int, int, bool], ...]

    @staticmethod
    def of_items(items: Sequence[Any]) -> KroneckerPieces:
        """The layout of a Kronecker product of items: identities, and others that are free."""
        return KroneckerPieces(tuple((x.rows, x.columns, not isinstance(x, Identity)) for x in items))

    @property
    def norm(self) -> str:
        return "nuclear norm" if self._n_free == 1 else "nuclear norm of the rearranged matrix"

    @property
    def pair_law(self) -> str:
        return "P{i}ᴴP{i} − P{j}P{j}ᴴ" if self._n_free == 1 else "⟨Vi, Vj⟩ − ⟨Wi, Wj⟩"

    @property
    def _n_free(self) -> int:
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
        return np.asarray(values[0, 0, 0].real) if values.size == 1 and self._n_free == 2 else values[0]


@dataclass(frozen=True)
class JoinedPieces(Layout):
    """One piece: the Kronecker product of all free matrices, whatever their number."""

    slots: KroneckerPieces

    @property
    def copies(self) -> float:
        return self.slots.copies

    def pieces(self, B: Array) -> list[Array]:
        view = self.slots.contracted(B)
        k = view.ndim // 2
        return [view.reshape(1, prod(view.shape[:k]), -1, view.shape[-1])]


@dataclass(frozen=True, eq=False)
class EntriesAt(Layout):
    """One piece from entries of B at rows and columns, both (1, m, n, copies)."""

    rows: Array
    columns: Array

    @property
    def copies(self) -> float:
        return float(self.rows.shape[-1])

    def pieces(self, B: Array) -> list[Array]:
        return [B[self.rows, self.columns]]


@dataclass(frozen=True)
class SlicePieces(Layout):
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
    pair_law = "UᴴU − VVᴴ of every slice"

    @property
    def norm(self) -> str:
        if all(self.left) and all(self.right):
            return "sum of the slices' nuclear norms"
        if self._size_of_axes(self._axes_of(True, True)) == 1:
            return "nuclear norm of the rearranged matrix"
        return "sum of the nuclear norms of the slices that share a factor, side by side"

    def _axes_of(self, left: bool, right: bool) -> list[int]:
        """Axes that only the left factor has, only the right, both or neither."""
        return [i for i in range(4) if (self.left[i], self.right[i]) == (left, right)]

    @property
    def copies(self) -> float:
        return float(prod(self.slicing[i] for i in self._axes_of(False, False)))

    def pieces(self, B: Array) -> list[Array]:
        slices = self.slicing.slices(self.pattern.values(B))
        batch, rows, columns, copied = (
            self._axes_of(*which) for which in ((True, True), (True, False), (False, True), (False, False))
        )
        view = slices.transpose(*batch, *rows, 4, *columns, 5, *copied)
        m, n = self.slicing.b * self._size_of_axes(rows), self.slicing.c * self._size_of_axes(columns)
        return [view.reshape(self._size_of_axes(batch), m, n, self._size_of_axes(copied))]

    def stack(self, left: Array, right: Array) -> tuple[Array, Array]:
        """U (N, m, r) and V (N, r, n) of the pieces from the two factors' values, or from anything in their places."""
        U, V, r = self.slicing.left(left), self.slicing.right(right), self.slicing.r
        batch, rows, columns, copied = (
            self._axes_of(*which) for which in ((True, True), (True, False), (False, True), (False, False))
        )
        N = self._size_of_axes(batch)
        U = U.transpose(*batch, *rows, *columns, *copied, 4, 5).reshape(N, -1, r)
        return U, V.transpose(*batch, *rows, *copied, 4, *columns, 5).reshape(N, r, -1)

    def _size_of_axes(self, axes: list[int]) -> int:
        return prod(self.slicing[i] for i in axes)


@dataclass(frozen=True, eq=False)
class RectanglePieces(Layout):
    """Disjoint rectangles of rows × columns, for each shape N of them: rows (N, m) and columns (N, n)."""

    rectangles: tuple[tuple[Array, Array], ...]
    norm = "sum of the nuclear norms of disjoint rectangles"
    pair_law = "UᴴU − VVᴴ of every rectangle"

    def pieces(self, B: Array) -> list[Array]:
        return [B[rows[:, :, None], columns[:, None, :]][..., None] for rows, columns in self.rectangles]
