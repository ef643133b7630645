"""Permutations, and the commutation matrix (T2)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from ..forms import Form, Identity, Slots, permuted
from ..vectorize import Order, _check_order, commutation_indices
from .algebra import matrix_function, register_product, scaled_identity
from .arrays import Array, same_shapes
from .base import StructuredOperator


class Permutation(StructuredOperator):
    """Permutation matrix: ``(P @ x)[i] == x[indices[i]]``, that is P[i, indices[i]] = 1 (NumPy's habit).

    Parameters
    ----------
    indices : integer array of shape (n,)
        Each of 0 … n−1 once.

    Notes
    -----
    pyfaust's permutation lists mean the inverse. The dtype is float32, which never widens what it multiplies.

    Raises
    ------
    TypeError
        If the indices are not integers.
    ValueError
        If they are not a permutation.

    Examples
    --------
    >>> P = km.Permutation([2, 0, 1])
    >>> P @ np.array([10.0, 20.0, 30.0])
    array([30., 10., 20.])
    >>> P.inv() @ (P @ np.arange(3.0))
    array([0., 1., 2.])
    """

    indices: Array

    def __init__(self, indices: Any) -> None:
        indices = np.asarray(indices)
        if indices.dtype.kind not in "iu":
            raise TypeError(f"indices has dtype {indices.dtype}: expected integers")
        n = indices.size
        if indices.ndim != 1 or n == 0 or not np.array_equal(np.sort(indices), np.arange(n)):
            raise ValueError(f"indices of shape {indices.shape} is not a permutation of 0 … {n - 1}")
        super().__init__((n, n), ())
        self.indices = indices.astype(np.intp)
        self.indices.flags.writeable = False

    def _arguments(self) -> tuple[Any, ...]:
        return (self.indices,)

    def with_factors(self, *arrays: Any) -> Self:
        same_shapes(arrays, ())
        return self

    @property
    def connections(self) -> int:
        return 0

    @property
    def nnz(self) -> int:
        return self.indices.size

    def _apply(self, X: Array) -> Array:
        return X[self.indices]

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray) and other.dtype == object and other.shape[:1] == (self.shape[1],):
            return other[self.indices]  # symbols and exact integers can be permuted, though not multiplied by floats
        return super().__matmul__(other)

    def __rmatmul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray) and other.dtype == object and other.shape[-1:] == (self.shape[0],):
            return other[..., np.argsort(self.indices)]
        return super().__rmatmul__(other)

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        return ()

    def _transpose(self) -> Permutation:
        return Permutation(np.argsort(self.indices))

    def inv(self) -> Permutation:
        """Inverse, which is the transpose."""
        return self._transpose()

    def pinv(self) -> Permutation:
        """The inverse."""
        return self._transpose()

    def conj(self) -> Permutation:
        return self

    def _form(self) -> Form:
        return permuted(Slots((Identity(self.indices.size),)), self.indices, None)

    def scale(self, scalar: Any) -> StructuredOperator:
        """Multiply by a scalar: a multiple of the identity, times the permutation where it moves anything."""
        multiple = scaled_identity(self.indices.size, scalar)
        return multiple if is_identity(self) else multiple @ self

    def to_sparse(self) -> csr_array:
        n = self.indices.size
        return csr_array((np.ones(n, self.dtype), self.indices, np.arange(n + 1)), shape=self.shape)


def is_identity(op: StructuredOperator) -> bool:
    """Whether the operator is a permutation that moves nothing."""
    return isinstance(op, Permutation) and bool((op.indices == np.arange(op.indices.size)).all())


@register_product(Permutation, Permutation)
def _multiply(left: Permutation, right: Permutation) -> Permutation:
    return Permutation(right.indices[left.indices])


@matrix_function
def commutation(S: int, C: int, order: Order = "F") -> Any:
    """Commutation matrix K_{S,C}: ``commutation(S, C) @ vec(X) == vec(X.T)`` for X of shape (S, C) (T2).

    Parameters
    ----------
    S, C : int
        Rows and columns of X, at least 1.
    order : {"F", "C"}
        The order of ``vec``.

    References
    ----------
    Magnus & Neudecker, *Matrix Differential Calculus*, ch. 3 (T2).

    Examples
    --------
    >>> X = np.arange(6.0).reshape(2, 3)
    >>> bool((km.commutation(2, 3) @ km.vec(X) == km.vec(X.T)).all())
    True
    """
    _check_order(order)
    return Permutation(commutation_indices(S, C) if order == "F" else commutation_indices(C, S))
