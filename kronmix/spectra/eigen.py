"""Eigenvalues, and eigenvectors of Hermitian matrices (T15, T29)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from ..forms import DirectSum, Form, Identity, Matrix, Permuted, Slots, Stack, Terms, adjoint, form_of, orders, permuted
from ..forms.orders import same
from ..forms.spectral import diagonalized, is_hermitian, triangularized
from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..operators.convert import operator_of
from ..operators.dense import finite_operator
from .determinant import need_square
from .values import explicit


@dataclass(frozen=True)
class Eigh:
    """B = V diag(w) Vᴴ with unitary V.

    Attributes
    ----------
    w : array of shape (n,)
        Eigenvalues, ascending.
    V : StructuredOperator of shape (n, n)
    """

    w: Array
    V: StructuredOperator

    def __iter__(self) -> Any:
        return iter((self.w, self.V))

    def __repr__(self) -> str:
        return f"Eigh({self.V.shape[0]}×{self.V.shape[0]}, eigenvalues from {self.w[0]:.4g} to {self.w[-1]:.4g})"


def eigh(op: Any) -> Eigh:
    """Eigenvalues and eigenvectors of a Hermitian matrix, in its structure (T15, T29).

    Parameters
    ----------
    op : StructuredOperator or array of shape (n, n)
        Hermitian. Kronecker products, blocks, permuted alike on both sides, and sums of Kronecker products that share their
        eigenvectors (A ⊗ B + σI, A ⊕ B) are never made dense.

    Returns
    -------
    Eigh
        ``w, V = km.eigh(op)``: an ascending vector and an operator.

    Raises
    ------
    ValueError
        If the matrix is not square, not Hermitian, or has NaN or infinite entries.
    MemoryError
        If the structure has no formula and the dense matrix is too large: then ``scipy.sparse.linalg.eigsh(op, k)`` gives some.

    Examples
    --------
    >>> K = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> w, V = km.eigh(km.Kronecker(K, K) + 0.5 * km.eye(4))
    >>> w.round(12)
    array([1.5, 3.5, 3.5, 9.5])
    >>> bool(np.allclose(V @ (w[:, None] * V.H.to_dense()), np.kron(K, K) + 0.5 * np.eye(4)))
    True
    """
    op = finite_operator(op)
    need_square(op, "eigh")
    w, V = _eigh(form_of(op))
    order = np.argsort(w, kind="stable")
    return Eigh(w[order], operator_of(permuted(V, None, orders.normal(order))))


def _eigh(form: Form) -> tuple[Array, Form]:
    match form:
        case Permuted() if same(form.rows, form.columns):
            w, V = _eigh(form.inner)
            return w, permuted(V, form.rows, None)
        case Slots() | Terms() if form.is_square:
            found = diagonalized(form)
            if found is None and isinstance(form, Slots):
                raise ValueError("eigh needs a Hermitian matrix: this one is not normal")
            if found is not None:
                return _real(found.values.ravel(), form.dtype), found.basis
        case Stack():
            if not all(map(is_hermitian, form.blocks)):
                raise ValueError("eigh needs a Hermitian matrix: a block is not Hermitian")
            w, blocks = np.linalg.eigh(form.blocks)
            return np.tile(w.ravel(), form.copies), Stack(blocks, form.copies)
        case DirectSum() if all(part.shape[0] == part.shape[1] for part in form.parts):
            parts = [_eigh(part) for part in form.parts]
            return np.concatenate([w for w, _ in parts]), DirectSum(tuple(V for _, V in parts))
    refusal = ValueError("eigh needs a Hermitian matrix: this one is not (km.eigvals takes any square matrix)")
    probe = np.random.default_rng(0).normal(size=(form.shape[0], 1))
    image, mirrored = form.apply(probe), adjoint(form).apply(probe)
    if np.abs(image - mirrored).max() > 1e-2 * np.abs(image).max():  # far from Hermitian: no matrix is needed to tell
        raise refusal
    matrix = explicit(form, "scipy.sparse.linalg.eigsh(op, k) gives some eigenvalues and vectors")
    if not is_hermitian(matrix):
        raise refusal
    w, vectors = np.linalg.eigh(matrix)
    return w, Slots((Matrix(vectors),))


def _real(values: Array, dtype: np.dtype[Any]) -> Array:
    """Eigenvalues that rounding alone makes complex."""
    if values.dtype.kind == "c":
        eps = float(np.finfo(values.dtype).eps)
        if np.abs(values.imag).max(initial=0.0) > 64 * values.size**0.5 * eps * np.abs(values).max(initial=0.0):
            raise ValueError("eigh needs a Hermitian matrix: this one has complex eigenvalues")
        values = values.real
    return values.astype(dtype.type(0).real.dtype, copy=False)


def eigvals(op: Any) -> Array:
    """All eigenvalues of a square matrix, from its factors where the structure allows (T15, T29).

    Parameters
    ----------
    op : StructuredOperator or array of shape (n, n)

    Returns
    -------
    array of shape (n,)
        Real and ascending where the factors are Hermitian; otherwise complex, sorted by real part, then imaginary part.

    Raises
    ------
    ValueError
        If the matrix is not square, or has NaN or infinite entries.
    MemoryError
        If the structure has no formula and the dense matrix is too large: then ``scipy.sparse.linalg.eigs(op, k)`` gives some.

    Examples
    --------
    >>> km.eigvals(km.KroneckerSum(np.diag([1.0, 2.0]), np.diag([10.0, 20.0])))
    array([11., 12., 21., 22.])
    """
    op = finite_operator(op)
    need_square(op, "eigvals")
    values = _eigvals(form_of(op))
    if op.dtype.kind != "c" and values.dtype.kind == "c":  # what complex arithmetic leaves of real eigenvalues
        noise = 8 * float(np.finfo(values.dtype).eps) * op.shape[0] ** 0.5 * np.abs(values).max(initial=0.0)
        values.imag[np.abs(values.imag) <= noise] = 0
        values = values if values.imag.any() else values.real
    return np.sort_complex(values) if values.dtype.kind == "c" else np.sort(values)


def _eigvals(form: Form) -> Array:
    match form:
        case Permuted() if same(form.rows, form.columns):
            return _eigvals(form.inner)
        case Slots() if form.is_square:
            parts = [
                np.ones(i.size, np.float32) if isinstance(i, Identity) else _matrix_eigvals(i.array) for i in form.items
            ]
            return np.asarray(reduce(np.kron, parts, np.full(1, form.scale, form.dtype)))
        case Stack(blocks=blocks) if blocks.shape[1] == blocks.shape[2]:
            return np.tile(np.concatenate([_matrix_eigvals(block) for block in blocks]), form.copies)
        case DirectSum() if all(part.shape[0] == part.shape[1] for part in form.parts):
            return np.concatenate([_eigvals(part) for part in form.parts])
        case Terms() if form.is_square:
            shared = diagonalized(form)
            if shared is not None:
                return shared.values.ravel()
            triangular = triangularized(form)
            if triangular is not None and all(a is b for a, b in zip(triangular.left, triangular.right, strict=True)):
                return triangular.diagonal().ravel()
    return _matrix_eigvals(explicit(form, "scipy.sparse.linalg.eigs(op, k) gives some eigenvalues"))


def _matrix_eigvals(matrix: Array) -> Array:
    return np.asarray(np.linalg.eigvalsh(matrix) if is_hermitian(matrix) else np.linalg.eigvals(matrix))
