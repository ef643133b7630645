"""Explicit matrices in the same contract."""

from __future__ import annotations

from typing import Any

from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from ..checks import finite
from ..forms import Form, Matrix, Slots
from ..patterns import Pattern
from .algebra import register_product, register_sum, structured
from .arrays import Array, as_factor
from .base import StructuredOperator
from .from_factors import FromFactors
from .masked import masked_from_sparse


class Dense(FromFactors):
    """An explicit matrix as an operator.

    Parameters
    ----------
    matrix : array of shape (rows, columns)

    Examples
    --------
    >>> km.Dense(np.eye(3)) @ np.arange(3.0)
    array([0., 1., 2.])
    """

    _from_sizes = ("pattern",)

    def __init__(self, matrix: Any) -> None:
        matrix = as_factor(matrix, "matrix", 2)
        super().__init__(matrix.shape, (matrix,))
        self.pattern = Pattern.full(*self.shape)

    @property
    def matrix(self) -> Array:
        """The matrix itself."""
        return self.factors[0]

    def _arguments(self) -> tuple[Any, ...]:
        return self.factors

    @property
    def connections(self) -> int:
        return self.matrix.size

    def _apply(self, X: Array) -> Array:
        return self.matrix @ X

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        return (Y_bar @ X.conj().T,)

    def _transpose(self) -> Dense:
        assert self.pattern is not None
        return Dense._of(self.shape[::-1], (self.matrix.T,), pattern=self.pattern.transpose)

    def _form(self) -> Form:
        return Slots((Matrix(self.matrix),))

    def _dense(self) -> Array:
        return self.matrix.copy()


def as_operator(op: Any) -> StructuredOperator:
    """The operator itself; a sparse matrix, a linear operator of another library, or a matrix as one."""
    if isinstance(op, StructuredOperator):
        return op
    if issparse(op):
        return masked_from_sparse(op)
    return structured(op) if isinstance(op, LinearOperator) else Dense(as_factor(op, "op", 2))


def finite_operator(op: Any) -> StructuredOperator:
    """The operator itself, or a matrix as one; raises ValueError where an entry is NaN or infinite."""
    op = as_operator(op)
    for i, factor in enumerate(op.factors):
        finite(factor, f"factor {i} of {op!r}")
    return op


@register_product(Dense, Dense)
def _multiply(left: Dense, right: Dense) -> Dense:
    return Dense(left.matrix @ right.matrix)


@register_sum(Dense, Dense)
def _add(left: Dense, right: Dense) -> Dense:
    return Dense(left.matrix + right.matrix)
