"""Diagonal matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..forms import Form, Stack
from ..patterns import Pattern
from .algebra import register_product, register_sum
from .arrays import Array, as_factor
from .from_factors import FromFactors


class Diagonal(FromFactors):
    """Diagonal matrix, stored as its diagonal; the pattern (n, 1, 1, 1).

    A multiple of the identity, ``c * km.eye(n)``, is a tied factor of the same pattern with one number.

    Parameters
    ----------
    d : array of shape (n,)

    Raises
    ------
    ValueError
        If d is not a vector.
    TypeError
        If d does not hold numbers.

    References
    ----------
    T9.

    Examples
    --------
    >>> op = km.Diagonal([1.0, 2.0, 3.0])
    >>> op, op @ np.ones(3)
    (Diagonal(3×3, 3 parameters), array([1., 2., 3.]))
    """

    def __init__(self, d: Any) -> None:
        d = as_factor(d, "d", 1)
        super().__init__((d.size, d.size), (d,))
        self.pattern = Pattern(d.size, 1, 1, 1)

    @property
    def d(self) -> Array:
        """The diagonal."""
        return self.factors[0]

    def _arguments(self) -> tuple[Any, ...]:
        return self.factors

    @property
    def connections(self) -> int:
        return self.d.size

    def _apply(self, X: Array) -> Array:
        return self.d[:, None] * X

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        return (np.einsum("in,in->i", Y_bar, X.conj()),)

    def _transpose(self) -> Diagonal:
        return self

    def _form(self) -> Form:
        return Stack(self.d[:, None, None])

    def _dense(self) -> Array:
        return np.diag(self.d)

    def to_sparse(self) -> csr_array:
        n = self.d.size
        return csr_array((self.d, np.arange(n), np.arange(n + 1)), shape=self.shape, copy=True)


@register_product(Diagonal, Diagonal)
def _multiply(left: Diagonal, right: Diagonal) -> Diagonal:
    return Diagonal(left.d * right.d)


@register_sum(Diagonal, Diagonal)
def _add(left: Diagonal, right: Diagonal) -> Diagonal:
    return Diagonal(left.d + right.d)
