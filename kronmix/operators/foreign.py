"""Linear operators of other libraries, wrapped to be used with ours."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .algebra import provide
from .arrays import Array, same_shapes
from .base import StructuredOperator


class Foreign(StructuredOperator):
    """A linear operator of another library, of which only products are known; it has no factors to train.

    Sums and products with such an operator are made of these; every question is answered by products, or from the dense matrix
    where it fits into memory.

    Parameters
    ----------
    linear_operator : scipy.sparse.linalg.LinearOperator
        Its transpose is asked for only where it is needed.

    Raises
    ------
    TypeError
        If it is no LinearOperator, or its products are not numbers.

    Examples
    --------
    >>> from scipy.sparse.linalg import aslinearoperator
    >>> op = km.Kronecker(np.eye(2), np.ones((2, 2))) + aslinearoperator(np.eye(4))
    >>> op
    Sum(4×4, Kronecker + Foreign, 8 parameters)
    >>> round(km.norm(op), 6)
    4.472136
    """

    linear_operator: LinearOperator

    def __init__(self, linear_operator: LinearOperator) -> None:
        if not isinstance(linear_operator, LinearOperator):
            raise TypeError(
                f"Foreign: {type(linear_operator).__name__} is not a LinearOperator; wrap a matrix in km.Dense"
            )
        dtype = np.dtype(linear_operator.dtype)
        if dtype.kind not in "biufc":
            raise TypeError(
                f"{linear_operator!r} has dtype {dtype}: expected numbers; give it a dtype when you make it"
            )
        rows, columns = linear_operator.shape
        super().__init__((int(rows), int(columns)), ())
        self.linear_operator = linear_operator
        self.dtype = np.result_type(np.float64 if dtype.kind in "biu" else np.float32, dtype)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.linear_operator,)

    def with_factors(self, *arrays: Any) -> Self:
        same_shapes(arrays, ())
        return self

    @property
    def connections(self) -> int:
        """The number for a dense matrix, as the cost of a product is not known."""
        return self.shape[0] * self.shape[1]

    def _apply(self, X: Array) -> Array:
        Y = np.asarray(self.linear_operator.matmat(X))
        return Y.astype(np.result_type(self.dtype, X), copy=False)

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        return ()

    def _transpose(self) -> Foreign:
        return Foreign(self.linear_operator.T)

    def conj(self) -> StructuredOperator:
        return Foreign(self.linear_operator.H.T) if self.dtype.kind == "c" else self

    def _adjoint(self) -> Foreign:
        return Foreign(self.linear_operator.H)

    def _describe(self) -> list[str]:
        return [type(self.linear_operator).__name__]


@provide
def structured(op: Any) -> StructuredOperator:
    """The operator itself, or a linear operator of another library as one."""
    return op if isinstance(op, StructuredOperator) else Foreign(op)
