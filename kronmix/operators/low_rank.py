"""Products of two thin matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..forms import Form, Matrix, Opaque, Slots, multiply
from ..patterns import Pattern
from .algebra import register_sum
from .arrays import Array, as_factor
from .from_factors import FromFactors


class LowRank(FromFactors):
    """Matrix U V of rank at most r, never formed.

    Parameters
    ----------
    U : array of shape (rows, r)
    V : array of shape (r, columns)

    Raises
    ------
    ValueError
        If one is not a matrix, the inner sizes differ, or r is 0.

    Examples
    --------
    >>> op = km.LowRank(np.ones((4, 1)), np.arange(3.0)[None])
    >>> op
    LowRank(4×3, rank at most 1, 7 parameters)
    >>> op @ np.ones(3)
    array([3., 3., 3., 3.])
    """

    def __init__(self, U: Any, V: Any) -> None:
        U, V = as_factor(U, "U", 2), as_factor(V, "V", 2)
        if U.shape[1] != V.shape[0] or U.shape[1] == 0:
            raise ValueError(
                f"U has shape {U.shape} and V {V.shape}: expected (rows, r) and (r, columns), r at least 1"
            )
        super().__init__((U.shape[0], V.shape[1]), (U, V))
        self.pattern = Pattern.full(*self.shape)

    @property
    def U(self) -> Array:
        """Left factor, shape (rows, r)."""
        return self.factors[0]

    @property
    def V(self) -> Array:
        """Right factor, shape (r, columns)."""
        return self.factors[1]

    def _arguments(self) -> tuple[Any, ...]:
        return self.factors

    @property
    def connections(self) -> int:
        return self.U.size + self.V.size

    def _apply(self, X: Array) -> Array:
        return self.U @ (self.V @ X)

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        return Y_bar @ (self.V @ X).conj().T, (self.U.conj().T @ Y_bar) @ X.conj().T

    def _transpose(self) -> LowRank:
        return LowRank(self.V.T, self.U.T)

    def _form(self) -> Form:
        """Kept as two factors where that is smaller."""
        form = multiply(Slots((Matrix(self.U),)), Slots((Matrix(self.V),)))
        return Opaque(self) if form is None else form

    def _dense(self) -> Array:
        return self.U @ self.V

    def _describe(self) -> list[str]:
        return [f"rank at most {min(*self.shape, self.U.shape[1])}"]


@register_sum(LowRank, LowRank)
def _add(left: LowRank, right: LowRank) -> LowRank:
    return LowRank(np.hstack([left.U, right.U]), np.vstack([left.V, right.V]))
