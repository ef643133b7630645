"""The slices of a matrix that two chainable factors make: blocks of bounded rank (T11, T12)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..patterns import Pattern

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Slicing", "monarch_slices"]


class Slicing(NamedTuple):
    """The slices of a product of two chainable factors: [i_a, i_κ, i_β, i_d] is b × c, a product of inner size r (T11, T12).

    All methods only reshape and transpose, so that they serve values, positions of values and symbols alike.

    Attributes
    ----------
    a, κ, β, d : int
        How many slices there are along each index.
    b, r, c : int
        Rows, inner size and columns of a slice.

    Examples
    --------
    >>> from kronmix.forms.slices import Slicing
    >>> slicing = Slicing.of(*km.monarch_patterns(2, 3, 4, 5, rank=2))
    >>> slicing
    Slicing(a=1, κ=3, β=4, d=1, b=2, r=2, c=5)
    >>> op = km.Monarch(np.ones((4, 2, 6)), np.ones((3, 8, 5)), rank=2)
    >>> U, V = (split(f.values) for split, f in zip((slicing.left, slicing.right), op.operators))
    >>> U.shape, V.shape, bool((U @ V == slicing.slices(op.to_dense()[None, None])).all())
    ((1, 3, 4, 1, 2, 2), (1, 3, 4, 1, 2, 5), True)
    """

    a: int
    κ: int
    β: int
    d: int
    b: int
    r: int
    c: int

    @classmethod
    def of(cls, left: Pattern, right: Pattern) -> Slicing:
        """The slicing of a product of factors of two patterns; ValueError where they are not chainable."""
        left * right  # says why they are not chainable
        r = left.a * left.c // right.a
        return cls(left.a, left.c // r, right.b // r, right.d, left.b, r, right.c)

    def slices(self, values: Array) -> Array:
        """Values of the product, (a, d, b·β, κ·c) -> (a, κ, β, d, b, c)."""
        a, κ, β, d, b, _, c = self
        return values.reshape(a, d, b, β, κ, c).transpose(0, 4, 3, 1, 2, 5)

    def left(self, values: Array) -> Array:
        """Values of the left factor, (a, β·d, b, κ·r) -> (a, κ, β, d, b, r); a length of 1 stays where they are shared."""
        shared, β, d = values.shape[1] == 1, self.β, self.d
        shape = (values.shape[0], 1 if shared else β, 1 if shared else d, self.b, self.κ, self.r)
        return values.reshape(shape).transpose(0, 4, 1, 2, 3, 5)

    def right(self, values: Array) -> Array:
        """Values of the right factor, (a·κ, d, r·β, c) -> (a, κ, β, d, r, c); a length of 1 stays where they are shared."""
        shared, a, κ = values.shape[0] == 1, self.a, self.κ
        shape = (1 if shared else a, 1 if shared else κ, values.shape[1], self.r, self.β, self.c)
        return values.reshape(shape).transpose(0, 1, 4, 2, 3, 5)

    def left_values(self, U: Array) -> Array:
        """Undo :meth:`left` where nothing is shared."""
        a, κ, β, d, b, r, _ = self
        return U.reshape(a, κ, β, d, b, r).transpose(0, 2, 3, 4, 1, 5).reshape(a, β * d, b, κ * r)

    def right_values(self, V: Array) -> Array:
        """Undo :meth:`right` where nothing is shared."""
        a, κ, β, d, _, r, c = self
        return V.reshape(a, κ, β, d, r, c).transpose(0, 1, 3, 4, 2, 5).reshape(a * κ, d, r * β, c)

    def product_values(self, slices: Array) -> Array:
        """Undo :meth:`slices`."""
        a, κ, β, d, b, _, c = self
        return slices.reshape(a, κ, β, d, b, c).transpose(0, 3, 4, 2, 1, 5).reshape(a, d, b * β, κ * c)


def monarch_slices(matrix: Array, p: int, k: int, q: int, s: int) -> Array:
    """The q·k slices of a matrix for Monarch sizes (T12).

    Parameters
    ----------
    matrix : array of shape (p·q, k·s)
    p, k, q, s : int

    Returns
    -------
    array of shape (q, k, p, s)
        A view: slice (i_q, i_k) holds the rows (·, i_q) and the columns (i_k, ·).

    Examples
    --------
    >>> from kronmix.forms.slices import monarch_slices
    >>> B = np.arange(48.0).reshape(6, 8)
    >>> bool((monarch_slices(B, 2, 4, 3, 2)[1, 2] == B[1::3, 4:6]).all())
    True
    """
    return Slicing(1, k, q, 1, p, 1, s).slices(matrix[None, None])[0, :, :, 0].swapaxes(0, 1)
