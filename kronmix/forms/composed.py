"""Normal forms made of others: updates, permutations, and products and sums of which no simpler form is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import Any

import numpy as np

from .items import Array, Matrix
from .kinds import Form
from .orders import Order


@dataclass(frozen=True, eq=False)
class Updated(Form):
    """base + U V with U V of lower rank than the sizes.

    Attributes
    ----------
    base : Form
    update : Matrix
        U V, kept as its two factors.
    """

    base: Form
    update: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        return self.base.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(self.base.dtype, self.update.dtype)

    def apply(self, X: Array) -> Array:
        assert self.update.right is not None
        return self.base.apply(X) + self.update.left @ (self.update.right @ X)


@dataclass(frozen=True, eq=False)
class Permuted(Form):
    """``inner[rows][:, columns]``: P · inner · Q with permutations given by what they read.

    Attributes
    ----------
    inner : Form
    rows, columns : integer arrays or None
        None is the identity.
    """

    inner: Form
    rows: Order
    columns: Order

    @property
    def shape(self) -> tuple[int, int]:
        return self.inner.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.inner.dtype

    def apply(self, X: Array) -> Array:
        if self.columns is not None:
            placed = np.empty_like(X)
            placed[self.columns] = X
            X = placed
        Y = self.inner.apply(X)
        return Y if self.rows is None else Y[self.rows]

    def dense(self) -> Array:
        M = self.inner.dense()
        M = M if self.rows is None else M[self.rows]
        return M if self.columns is None else M[:, self.columns]


@dataclass(frozen=True, eq=False)
class Product(Form):
    """F₁ ⋯ F_L, leftmost first.

    Attributes
    ----------
    parts : tuple of Form
        Neighbours whose product is no smaller form.
    """

    parts: tuple[Form, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return self.parts[0].shape[0], self.parts[-1].shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(*(part.dtype for part in self.parts))

    @property
    def is_square(self) -> bool:
        """Whether every part is."""
        return all(part.shape[0] == part.shape[1] for part in self.parts)

    def apply(self, X: Array) -> Array:
        for part in reversed(self.parts):
            X = part.apply(X)
        return X

    def dense(self) -> Array:
        M = self.parts[-1].dense()
        for part in reversed(self.parts[:-1]):
            M = part.apply(M)
        return M.astype(self.dtype, copy=False)


@dataclass(frozen=True, eq=False)
class Total(Form):
    """F₁ + … + F_n.

    Attributes
    ----------
    parts : tuple of Form
        No two of which add up to one form.
    """

    parts: tuple[Form, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return self.parts[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(*(part.dtype for part in self.parts))

    def apply(self, X: Array) -> Array:
        return reduce(np.add, (part.apply(X) for part in self.parts))

    def dense(self) -> Array:
        return reduce(np.add, (part.dense() for part in self.parts))


@dataclass(frozen=True, eq=False)
class Beside(Form):
    """[F₁ … F_n], or the same one above another.

    Attributes
    ----------
    parts : tuple of Form
        Make it by ``stacking.beside``.
    axis : int
        1 side by side, 0 one above another.
    """

    parts: tuple[Form, ...]
    axis: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        total, other = sum(part.shape[self.axis] for part in self.parts), self.parts[0].shape[1 - self.axis]
        return (other, total) if self.axis else (total, other)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(*(part.dtype for part in self.parts))

    @property
    def starts(self) -> list[int]:
        """The index at which each part begins along the axis, and the end of the last one."""
        return list(accumulate((part.shape[self.axis] for part in self.parts), initial=0))

    def apply(self, X: Array) -> Array:
        if self.axis == 0:
            return np.concatenate([part.apply(X) for part in self.parts])
        pieces = np.split(X, self.starts[1:-1])
        return reduce(np.add, (part.apply(piece) for part, piece in zip(self.parts, pieces, strict=True)))

    def dense(self) -> Array:
        return np.concatenate([part.dense() for part in self.parts], axis=self.axis)


@dataclass(frozen=True, eq=False)
class Opaque(Form):
    """A linear operator of which only products are known.

    Attributes
    ----------
    operator : scipy.sparse.linalg.LinearOperator
    """

    operator: Any

    @property
    def shape(self) -> tuple[int, int]:
        return self.operator.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.operator.dtype

    def apply(self, X: Array) -> Array:
        return np.asarray(self.operator @ X)

    def dense(self) -> Array:
        make = getattr(self.operator, "to_dense", None)
        return np.asarray(make()) if make is not None else super().dense()
