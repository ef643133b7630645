"""Rectangular identities: zeros added at the end of a vector, or entries cut off."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array, eye_array

from .arrays import Array, same_shapes
from .base import StructuredOperator


class RectangularIdentity(StructuredOperator):
    """Matrix with ones on its main diagonal, ``np.eye(rows, columns)``: pads a vector with zeros, or cuts it.

    Parameters
    ----------
    rows, columns : int
        At least 1.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> pad = km.RectangularIdentity(4, 2)
    >>> pad @ np.array([1.0, 2.0]), pad.T @ np.arange(4.0)
    (array([1., 2., 0., 0.]), array([0., 1.]))
    """

    def __init__(self, rows: int, columns: int) -> None:
        if min(rows, columns) < 1:
            raise ValueError(f"RectangularIdentity: {rows} rows and {columns} columns, expected at least 1")
        super().__init__((rows, columns), ())

    def with_factors(self, *arrays: Any) -> Self:
        same_shapes(arrays, ())
        return self

    def _arguments(self) -> tuple[Any, ...]:
        return self.shape

    @property
    def connections(self) -> int:
        return 0

    @property
    def nnz(self) -> int:
        return min(self.shape)

    def _apply(self, X: Array) -> Array:
        rows, columns = self.shape
        if rows <= columns:
            return X[:rows]
        Y = np.zeros((rows, X.shape[1]), X.dtype)
        Y[:columns] = X
        return Y

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        return ()

    def _transpose(self) -> RectangularIdentity:
        return RectangularIdentity(self.shape[1], self.shape[0])

    def conj(self) -> RectangularIdentity:
        return self

    def to_sparse(self) -> csr_array:
        return csr_array(eye_array(*self.shape, dtype=self.dtype, format="csr"))
