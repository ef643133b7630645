"""Multiples of the identity by a Python number."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse
from scipy.sparse import csr_array

from ..forms import Form, Identity, Slots
from .algebra import provide, register_sum
from .arrays import Array, same_shapes
from .base import StructuredOperator
from .kronecker_sparse import KroneckerSparse


class ScaledIdentity(KroneckerSparse):
    """c · I with a weak c, as Python numbers are in NumPy: kept in full precision, it widens no dtype that it meets.

    ``0.1 * km.eye(n)`` is one: of float32 beside float32, exact to double precision beside float64.

    Parameters
    ----------
    n : int
        Rows and columns.
    scalar : number

    Examples
    --------
    >>> op = 0.1 * km.eye(3)
    >>> op
    ScaledIdentity(3×3, 0.1, 1 parameters, float32)
    >>> (op @ np.ones(3, np.float32)).dtype, (op @ np.ones(3))[0]
    (dtype('float32'), np.float64(0.1))
    """

    def __init__(self, n: int, scalar: Any) -> None:
        number = np.asarray(scalar)
        wide = np.complex128 if number.dtype.kind == "c" else np.float64
        super().__init__(number.astype(wide).reshape(1, 1, 1, 1), (n, 1, 1, 1))
        self.dtype = np.dtype(np.complex64 if number.dtype.kind == "c" else np.float32)

    @property
    def number(self) -> complex:
        """c, as a Python number."""
        value: complex = self.values.item()
        return value

    def _arguments(self) -> tuple[Any, ...]:
        return self.shape[0], self.values

    def with_factors(self, *arrays: Any) -> Self:
        (values,) = same_shapes(arrays, self.factors)
        return type(self)(self.shape[0], values)

    def _apply(self, X: Array) -> Array:
        return X * self.number

    def _transpose(self) -> ScaledIdentity:
        return self

    def scale(self, scalar: Any) -> StructuredOperator:
        """Multiply by a scalar; one of NumPy is not weak."""
        return scaled_identity(self.shape[0], scalar * self.number)

    def _dense(self) -> Array:
        return np.eye(self.shape[0], dtype=self.dtype) * self.number

    def to_sparse(self) -> csr_array:
        return csr_array(scipy.sparse.eye_array(self.shape[0], dtype=self.dtype, format="csr") * self.number)

    def _form(self) -> Form:
        return Slots((Identity(self.shape[0]),), self.number, self.dtype)

    def _describe(self) -> list[str]:
        return [f"{self.number:.6g}"]


@provide
def scaled_identity(n: int, scalar: complex) -> KroneckerSparse:
    """c · I: weak for a Python number, of the number's own dtype for one of NumPy."""
    if not isinstance(scalar, np.generic):
        return ScaledIdentity(n, scalar)
    return KroneckerSparse(np.full((1, 1, 1, 1), scalar, np.result_type(np.float32, scalar)), (n, 1, 1, 1))


@register_sum(ScaledIdentity, ScaledIdentity)
def _add(left: ScaledIdentity, right: ScaledIdentity) -> ScaledIdentity:
    return ScaledIdentity(left.shape[0], left.number + right.number)
