"""Factors of a Kronecker product, and how two products of them multiply item by item (T4, T15).

A product A ⊗ B ⊗ … is a list of *items*: identities of a given size, and whatever else has ``rows``, ``columns`` and ``@``.
Matrices are items here; the room of parametrisations hangs places of factors on the same algebra.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Identity:
    """I_n: takes part in products by leaving the other item as it is, and splits into I_m ⊗ I_{n/m}.

    Attributes
    ----------
    size : int
        n.
    """

    size: int

    @property
    def rows(self) -> int:
        return self.size

    @property
    def columns(self) -> int:
        return self.size

    def __matmul__(self, other: Any) -> Any:
        return other

    # What a Matrix answers, too.

    @property
    def T(self) -> Identity:
        return self

    def conj(self) -> Identity:
        return self

    def inverse(self) -> Identity:
        return self

    def pseudo_inverse(self) -> Identity:
        return self

    def entries(self, rows: Array, columns: Array) -> Array:
        return np.asarray(rows == columns)

    def diagonal(self) -> Array:
        return np.ones(self.size, np.float32)

    def trace(self) -> Any:
        return self.size

    def dense(self, dtype: Any) -> Array:
        return np.eye(self.size, dtype=dtype)


def multiply_items(left: Sequence[Any], right: Sequence[Any]) -> list[Any] | None:
    """(A ⊗ B ⊗ …)(C ⊗ D ⊗ …) item by item; None where the items do not fit each other.

    Identities split where sizes differ, and an item of one row or column passes beside the others: (Vᵀ ⊗ I_S)(I_C ⊗ W) is
    Vᵀ ⊗ W.

    Examples
    --------
    >>> from kronmix.forms.items import Identity, Matrix, multiply_items
    >>> V, W = Matrix(np.ones((2, 3))), Matrix(np.ones((4, 4)))
    >>> [(item.rows, item.columns) for item in multiply_items([V, Identity(4)], [Identity(3), W])]
    [(2, 3), (4, 4)]
    """
    lefts, rights, product = list(reversed(left)), list(reversed(right)), list[Any]()
    one = Identity(1)
    while lefts or rights:
        A, C = lefts.pop() if lefts else one, rights.pop() if rights else one
        if A.columns > C.rows and (isinstance(A, Identity) or C.rows == 1):
            if A.columns % C.rows:
                return None
            lefts.append(Identity(A.size // C.rows) if isinstance(A, Identity) else A)
            A = Identity(C.rows)
        elif C.rows > A.columns and (isinstance(C, Identity) or A.columns == 1):
            if C.rows % A.columns:
                return None
            rights.append(Identity(C.size // A.columns) if isinstance(C, Identity) else C)
            C = Identity(A.columns)
        elif A.columns != C.rows:
            return None
        product.append(A if isinstance(C, Identity) else A @ C)
    return product


def aligned(left: Sequence[Any], right: Sequence[Any]) -> tuple[list[Any], list[Any]] | None:
    """Two products with their identities split so that their items have the same shapes one by one; None where they do not."""
    lefts, rights, out = list(reversed(left)), list(reversed(right)), (list[Any](), list[Any]())
    while lefts and rights:
        A, B = lefts.pop(), rights.pop()
        if isinstance(A, Identity) and A.size > B.rows and A.size % B.rows == 0:
            lefts.append(Identity(A.size // B.rows))
            A = Identity(B.rows)
        elif isinstance(B, Identity) and B.size > A.rows and B.size % A.rows == 0:
            rights.append(Identity(B.size // A.rows))
            B = Identity(A.rows)
        if (A.rows, A.columns) != (B.rows, B.columns):
            return None
        out[0].append(A)
        out[1].append(B)
    return None if lefts or rights else out


def merged(items: Sequence[Any]) -> tuple[Any, ...]:
    """Neighbouring identities as one, those of size 1 left out (one is kept if nothing else is there)."""
    joined: list[Any] = []
    for item in items:
        if isinstance(item, Identity):
            if item.size == 1:
                continue
            if joined and isinstance(joined[-1], Identity):
                joined[-1] = Identity(joined[-1].size * item.size)
                continue
        joined.append(item)
    return tuple(joined) or (Identity(prod(item.rows for item in items)),)


@dataclass(frozen=True, eq=False)
class Matrix:
    """An explicit matrix, or the product of a tall and a wide one that is kept as two factors because it is smaller so.

    Attributes
    ----------
    left : array of shape (rows, inner)
        The matrix itself where ``right`` is None.
    right : array of shape (inner, columns), optional
    bound : int, optional
        Largest rank that its structure allows where that is less than the sizes say (a mask's structural rank).
    """

    left: Array
    right: Array | None = None
    bound: int | None = None

    @property
    def rows(self) -> int:
        return int(self.left.shape[0])

    @property
    def columns(self) -> int:
        return int((self.left if self.right is None else self.right).shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.left.dtype if self.right is None else np.result_type(self.left, self.right)

    @property
    def rank_bound(self) -> int:
        """Largest rank that the sizes, and the structure where it is known, allow."""
        inner = self.rows if self.right is None else self.left.shape[1]
        return min(self.rows, self.columns, inner, self.rows if self.bound is None else self.bound)

    @cached_property
    def array(self) -> Array:
        """The matrix multiplied out."""
        return self.left if self.right is None else self.left @ self.right

    @property
    def T(self) -> Matrix:
        if self.right is None:
            return Matrix(self.left.T, bound=self.bound)
        return Matrix(self.right.T, self.left.T)

    def conj(self) -> Matrix:
        return Matrix(self.left.conj(), None if self.right is None else self.right.conj(), self.bound)

    def __mul__(self, scalar: Any) -> Matrix:
        return Matrix(self.left * scalar, self.right, self.bound)

    def __matmul__(self, other: Matrix) -> Matrix:
        """The product, multiplied out unless it would take more numbers than its two factors."""
        left, inner, right = self, None, other
        if self.right is not None and other.right is not None:
            inner = self.right @ other.left  # r₁ × r₂: the narrower side takes it
            if inner.shape[0] <= inner.shape[1]:
                return Matrix(self.left, inner @ other.right)
            return Matrix(self.left @ inner, other.right)
        if left.right is not None:
            return Matrix(left.left, left.right @ right.left)
        if right.right is not None:
            return Matrix(left.left @ right.left, right.right)
        (m, k), n = left.left.shape, right.left.shape[1]
        if m * n > k * (m + n):
            return Matrix(left.left, right.left)
        return Matrix(left.left @ right.left, bound=_smaller(left, right))

    def entries(self, rows: Array, columns: Array) -> Array:
        """B[rows[i], columns[i]]."""
        if self.right is None:
            return np.asarray(self.left[rows, columns])
        return np.asarray(np.einsum("ni,ni->n", self.left[rows], self.right[:, columns].T))

    def diagonal(self) -> Array:
        """B[i, i], of a square matrix."""
        if self.right is None:
            return np.diagonal(self.left)
        return np.asarray(np.einsum("nr,rn->n", self.left, self.right))

    def trace(self) -> Any:
        """Sum of the diagonal."""
        return self.diagonal().sum()

    def dense(self, dtype: Any) -> Array:
        """The matrix multiplied out, in a dtype."""
        return self.array.astype(dtype, copy=False)

    def inverse(self) -> Matrix:
        """B⁻¹; LinAlgError where there is none."""
        return Matrix(np.linalg.inv(self.array))

    def pseudo_inverse(self) -> Matrix:
        """B⁺ (Moore-Penrose)."""
        if self.right is None:
            return Matrix(np.linalg.pinv(self.left), bound=self.bound)
        U, s, Vh = self.svd()
        kept: Array = s > max(self.shape) * float(np.finfo(s.dtype).eps) * s.max(initial=0.0)
        return Matrix(Vh[kept].conj().T / s[kept], U[:, kept].conj().T)

    def values(self) -> Array:
        """Singular values in descending order, min(rows, columns) of them, those above the rank bound exactly zero."""
        core = self.left if self.right is None else _triangular_factor(self.left) @ _triangular_factor(self.right.T).T
        found = matrix_values(core)
        padded = np.zeros(min(self.shape), found.dtype)
        padded[: found.size] = found[: padded.size]
        padded[self.rank_bound :] = 0
        return padded

    def svd(self) -> tuple[Array, Array, Array]:
        """U (rows, r), σ (r,), Vᴴ (r, columns) with r = min(rows, columns), or the inner size of a product."""
        if self.right is None:
            return tuple(np.linalg.svd(self.left, full_matrices=False))  # type: ignore[return-value]
        (Q, R), (P, S) = np.linalg.qr(self.left), np.linalg.qr(self.right.T)
        U, s, Vh = np.linalg.svd(R @ S.T, full_matrices=False)
        return Q @ U, s, Vh @ P.T


def _smaller(left: Matrix, right: Matrix) -> int | None:
    """Bound on the rank of a product, which its own sizes may not show."""
    bound = min(left.rank_bound, right.rank_bound)
    return bound if bound < min(left.rows, right.columns) else None


def _triangular_factor(tall: Array) -> Array:
    return np.asarray(np.linalg.qr(tall, mode="r"))


def matrix_values(matrix: Array) -> Array:
    """Singular values of a matrix or a stack; tall and wide ones through a triangular factor, a quarter of the work."""
    rows, cols = matrix.shape[-2:]
    if max(rows, cols) > 1.5 * min(rows, cols) > 0:
        matrix = np.asarray(np.linalg.qr(matrix if rows > cols else matrix.swapaxes(-1, -2), mode="r"))
    return np.linalg.svd(matrix, compute_uv=False)


def kron_arrays(arrays: Sequence[Array]) -> Array:
    """A ⊗ B ⊗ … as an array."""
    return reduce(np.kron, arrays)


def equal(one: Any, other: Any) -> bool:
    """Whether two items are the same identity, or matrices of the same entries kept in one piece."""
    if isinstance(one, Identity) or isinstance(other, Identity):
        return bool(one == other)
    return one is other or (one.right is None and other.right is None and np.array_equal(one.left, other.left))
