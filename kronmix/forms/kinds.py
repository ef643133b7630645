"""The normal forms of a matrix.

==================== ==========================================================================================
form                 matrix
==================== ==========================================================================================
:class:`Slots`       c · (M₁ ⊗ … ⊗ M_k), each M_j a matrix or an identity
:class:`Stack`       I_t ⊗ (B₁ ⊕ … ⊕ B_n) with blocks of one shape
:class:`DirectSum`   F₁ ⊕ … ⊕ F_n, each F_j a form
:class:`Terms`       Σ_t of Slots whose items have the same shapes one by one
:class:`Slices`      products of two chainable factors: every slice of the matrix is U V (T11, T12)
:class:`Updated`     form + U V
:class:`Permuted`    rows and columns of a form in another order
:class:`Product`     F₁ ⋯ F_L that multiplies out to no smaller form
:class:`Total`       F₁ + … + F_n that adds up to no other form
:class:`Beside`      [F₁ … F_n], or the same one above another
:class:`Opaque`      an operator of which no more is known
==================== ==========================================================================================

Two operators that are the same matrix by the rules of this room have the same form, so that a question asked of forms is answered
equally for both. Forms are values: nothing changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from .items import Array, Identity, Matrix, kron_arrays, merged


@dataclass(frozen=True, eq=False)
class Form:
    """A matrix of known shape and dtype.

    Attributes
    ----------
    shape : (rows, columns)
    dtype : numpy.dtype
    """

    @property
    def shape(self) -> tuple[int, int]:
        raise NotImplementedError

    @property
    def dtype(self) -> np.dtype[Any]:
        raise NotImplementedError

    def apply(self, X: Array) -> Array:
        """Multiply columns: (columns, batch) -> (rows, batch)."""
        raise NotImplementedError

    def dense(self) -> Array:
        """The matrix as an array."""
        return self.apply(np.eye(self.shape[1], dtype=self.dtype))


@dataclass(frozen=True, eq=False)
class Slots(Form):
    """c · (M₁ ⊗ … ⊗ M_k): items are :class:`Identity` or :class:`Matrix`; no items side by side are both identities.

    Attributes
    ----------
    items : tuple of Matrix and Identity
        Neighbouring identities are one; make it by :meth:`of`.
    scale : number
        c; weak, so that it leaves the dtype.
    kind : dtype
        What the form's dtype is at least.
    """

    items: tuple[Any, ...]
    scale: complex = 1.0
    kind: Any = np.float32  # what the form's dtype is at least

    @classmethod
    def of(cls, items: Sequence[Any], scale: complex = 1.0, kind: Any = np.float32) -> Slots:
        """Normal form: neighbouring identities merged, items of size 1 taken into the scale."""
        numbers = [item for item in items if _is_number(item)]
        kept = [item for item in items if not _is_number(item)]
        dtype = np.result_type(kind, *(item.dtype for item in numbers))
        scale = reduce(lambda c, item: c * item.array[0, 0].item(), numbers, scale)
        if isinstance(scale, complex) and not np.iscomplexobj(np.zeros(0, dtype)) and scale.imag == 0:
            scale = scale.real
        return cls(merged(kept), scale, dtype)

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """The items that are not identities."""
        return tuple(item for item in self.items if isinstance(item, Matrix))

    @property
    def copies(self) -> int:
        """Size of all identities together: how often every entry of the product of the matrices occurs."""
        return prod(item.size for item in self.items if isinstance(item, Identity))

    @property
    def shape(self) -> tuple[int, int]:
        return prod(item.rows for item in self.items), prod(item.columns for item in self.items)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(self.kind, *(m.dtype for m in self.matrices), *scalar_kind(self.scale))

    @property
    def is_square(self) -> bool:
        """Whether every item is."""
        return all(item.rows == item.columns for item in self.items)

    def apply(self, X: Array) -> Array:
        batch = X.shape[1]
        sizes = [item.columns for item in self.items]
        Y = X
        for j, item in sorted(
            ((j, item) for j, item in enumerate(self.items) if isinstance(item, Matrix)), key=_growth
        ):
            before, after = prod(sizes[:j]), prod(sizes[j + 1 :])
            for part in (item.right, item.left):
                if part is not None:
                    Y = np.matmul(part, Y.reshape(before, part.shape[1], after * batch))
            sizes[j] = item.rows
        Y = Y.reshape(self.shape[0], batch).astype(np.result_type(self.dtype, X), copy=False)
        return Y if self.scale == 1 else Y * self.scale

    def dense(self) -> Array:
        arrays = [item.dense(self.dtype) for item in self.items]
        product = kron_arrays(arrays)
        return product if self.scale == 1 else product * self.scale


def _is_number(item: Any) -> bool:
    return isinstance(item, Matrix) and item.shape == (1, 1)


def _growth(entry: tuple[int, Matrix]) -> float:
    """Items that shrink the vector most come first (compare the costs of two orders)."""
    item = entry[1]
    return 1 / item.columns - 1 / item.rows if item.rows and item.columns else 0.0


def scalar_kind(scale: complex) -> tuple[Any, ...]:
    """What a weak scalar adds to a dtype: complex numbers make it complex, others leave it."""
    return (np.complex64,) if isinstance(scale, complex) else ()


@dataclass(frozen=True, eq=False)
class Stack(Form):
    """I_t ⊗ (B₁ ⊕ … ⊕ B_n).

    Attributes
    ----------
    blocks : array of shape (n, b, c)
    copies : int
        t.
    bound : int, optional
        Largest rank of a block, where sharing inside the blocks sets it.
    """

    blocks: Array
    copies: int = 1
    bound: int | None = None  # largest rank of a block, where sharing inside the blocks sets it

    @property
    def rank_bound(self) -> int:
        """Largest rank of one block."""
        _, b, c = self.blocks.shape
        return min(b, c) if self.bound is None else min(b, c, self.bound)

    @property
    def shape(self) -> tuple[int, int]:
        n, b, c = self.blocks.shape
        return self.copies * n * b, self.copies * n * c

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(np.float32, self.blocks)

    def apply(self, X: Array) -> Array:
        n, b, c = self.blocks.shape
        Y = np.matmul(self.blocks, X.reshape(self.copies, n, c, X.shape[1]))
        return Y.reshape(self.copies * n * b, X.shape[1])

    def expanded(self) -> Array:
        """All t·n blocks, shared ones as views."""
        n, b, c = self.blocks.shape
        if self.copies == 1:
            return self.blocks
        return np.broadcast_to(self.blocks, (self.copies, n, b, c)).reshape(self.copies * n, b, c)


@dataclass(frozen=True, eq=False)
class DirectSum(Form):
    """F₁ ⊕ … ⊕ F_n.

    Attributes
    ----------
    parts : tuple of Form
        From the upper left on; rectangular allowed.
    """

    parts: tuple[Form, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return sum(part.shape[0] for part in self.parts), sum(part.shape[1] for part in self.parts)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(np.float32, *(part.dtype for part in self.parts))

    def apply(self, X: Array) -> Array:
        stops = np.cumsum([part.shape[1] for part in self.parts])[:-1]
        return np.concatenate([part.apply(x) for part, x in zip(self.parts, np.split(X, stops), strict=True)])


@dataclass(frozen=True, eq=False)
class Terms(Form):
    """Σ_t of at least two Slots whose items have the same shapes one by one; identities stand where matrices do elsewhere.

    Attributes
    ----------
    terms : tuple of Slots
    """

    terms: tuple[Slots, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return self.terms[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(*(term.dtype for term in self.terms))

    def each(self, function: Callable[[Slots], Any]) -> Terms:
        """A function of every term."""
        return Terms(tuple(function(term) for term in self.terms))

    @property
    def item_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes of the items."""
        return tuple((item.rows, item.columns) for item in self.terms[0].items)

    @property
    def is_square(self) -> bool:
        """Whether every item is."""
        return self.terms[0].is_square

    def apply(self, X: Array) -> Array:
        return reduce(np.add, (term.apply(X) for term in self.terms))

    def dense(self) -> Array:
        return reduce(np.add, (term.dense() for term in self.terms))


@dataclass(frozen=True, eq=False)
class Slices(Form):
    """A matrix M[(a, b, β, d), (a, κ, c, d)] whose slices [a, κ, β, d], of size b × c, are U V (T11); a = d = 1 for Monarch (T12).

    Attributes
    ----------
    U : array of shape (a, κ, β, d, b, r)
    V : array of shape (a, κ, β, d, r, c)
        Broadcast views where a factor is shared.
    """

    U: Array
    V: Array

    @property
    def sizes(self) -> tuple[int, ...]:
        """(a, κ, β, d, b, c, r)."""
        return (*self.U.shape[:4], self.U.shape[4], self.V.shape[5], self.U.shape[5])

    @property
    def shape(self) -> tuple[int, int]:
        a, κ, β, d, b, c, _ = self.sizes
        return a * b * β * d, a * κ * c * d

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(np.float32, self.U, self.V)

    def apply(self, X: Array) -> Array:
        a, κ, _β, d, _b, c, _ = self.sizes
        T = np.einsum("akqdrc,akcdn->akqdrn", self.V, X.reshape(a, κ, c, d, X.shape[1]), optimize=True)
        return np.einsum("akqdbr,akqdrn->abqdn", self.U, T, optimize=True).reshape(self.shape[0], X.shape[1])

    def array(self) -> Array:
        """All slices, shape (a, κ, β, d, b, c)."""
        return np.matmul(self.U, self.V)


def terms_of(form: Slots | Terms) -> tuple[Slots, ...]:
    """The terms of a sum; a product is the only one of its own."""
    return form.terms if isinstance(form, Terms) else (form,)
