"""Cholesky factors, square roots and exponentials in the structure of the matrix (T15, T29)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from ..forms import (
    DirectSum,
    Form,
    Identity,
    Matrix,
    Permuted,
    Slots,
    Stack,
    Terms,
    adjoint,
    form_of,
    permuted,
    product_of,
)
from ..forms.orders import same
from ..forms.spectral import diagonalized, is_hermitian
from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..operators.convert import operator_of
from ..operators.dense import finite_operator
from .determinant import need_square
from .eigen import _eigvals
from .values import explicit


def cholesky(op: Any) -> StructuredOperator:
    """Lower triangular L with L Lᴴ = B for a Hermitian positive definite matrix: chol(V ⊗ W) = chol(V) ⊗ chol(W) (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (n, n)

    Returns
    -------
    StructuredOperator
        A Kronecker product for a Kronecker product, blocks for blocks.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite.
    ValueError
        If it is not square or not Hermitian.
    MemoryError
        If the structure has no formula (permuted rows, sums) and the dense matrix is too large.

    Examples
    --------
    >>> K = np.array([[4.0, 2.0], [2.0, 5.0]])
    >>> km.cholesky(km.Kronecker(K, K)).factors[0]
    array([[2., 0.],
           [1., 2.]])
    """
    op = finite_operator(op)
    need_square(op, "cholesky")
    return operator_of(_cholesky(form_of(op)))


def _cholesky(form: Form) -> Form:
    match form:
        case Slots() if form.is_square:
            return _cholesky_of_slots(form)
        case Stack(blocks=blocks) if blocks.shape[1] == blocks.shape[2]:
            return Stack(np.stack([_lower_factor(block) for block in blocks]), form.copies)
        case DirectSum() if all(part.shape[0] == part.shape[1] for part in form.parts):
            return DirectSum(tuple(map(_cholesky, form.parts)))
    return Slots((Matrix(_lower_factor(explicit(form, "km.solve(op, b) needs no Cholesky factor"))),))


def _cholesky_of_slots(form: Slots) -> Form:
    """(−A) ⊗ (−B) is positive definite where A and B are: every item takes the sign of its trace."""
    items: list[Any] = []
    scale = form.scale
    for item in form.items:
        if isinstance(item, Identity):
            items.append(item)
            continue
        sign = -1.0 if np.trace(item.array).real < 0 else 1.0
        items.append(Matrix(_lower_factor(item.array * sign)))
        scale = scale * sign
    if not (np.imag(scale) == 0 and np.real(scale) > 0):
        raise np.linalg.LinAlgError("Matrix is not positive definite")
    return Slots(tuple(items), float(np.real(scale)) ** 0.5, form.kind)


def _lower_factor(matrix: Array) -> Array:
    if not is_hermitian(matrix):
        raise ValueError("cholesky needs a Hermitian matrix")
    return np.asarray(np.linalg.cholesky(matrix))


def expm(op: Any) -> StructuredOperator:
    """Matrix exponential, in its structure: exp(A ⊕ B) = e^A ⊗ e^B, exp(I ⊗ A) = I ⊗ e^A (T29).

    Parameters
    ----------
    op : StructuredOperator or array of shape (n, n)

    Returns
    -------
    StructuredOperator

    Raises
    ------
    ValueError
        If the matrix is not square.
    MemoryError
        If the structure has no formula and the dense matrix is too large: ``scipy.sparse.linalg.expm_multiply(op, x)`` applies it.

    Examples
    --------
    >>> A, B = np.diag([0.0, 1.0]), np.zeros((3, 3))
    >>> km.expm(km.KroneckerSum(A, B))
    Kronecker(6×6, 2×2 ⊗ 3×3, 13 parameters)
    """
    op = finite_operator(op)
    need_square(op, "expm")
    return operator_of(_expm(form_of(op)))


def _expm(form: Form) -> Form:
    match form:
        case Permuted() if same(form.rows, form.columns):
            return permuted(_expm(form.inner), form.rows, form.columns)
        case Slots() if form.is_square and len(form.matrices) <= 1:
            if not form.matrices:
                return Slots(form.items, np.exp(form.scale).item(), form.kind)
            return Slots(tuple(_map_item(item, lambda M: scipy.linalg.expm(M * form.scale)) for item in form.items))
        case Stack(blocks=blocks) if blocks.shape[1] == blocks.shape[2]:
            return Stack(scipy.linalg.expm(blocks), form.copies)
        case DirectSum() if all(part.shape[0] == part.shape[1] for part in form.parts):
            return DirectSum(tuple(map(_expm, form.parts)))
        case Terms() if all(len(term.matrices) <= 1 for term in form.terms):  # the terms commute
            return product_of([_expm(term) for term in form.terms])
        case Slots() | Terms():
            found = _through_eigenvalues(form, np.exp)
            if found is not None:
                return found
    return Slots(
        (Matrix(scipy.linalg.expm(explicit(form, "scipy.sparse.linalg.expm_multiply(op, b) gives its columns"))),)
    )


def sqrtm(op: Any) -> StructuredOperator:
    """Principal square root, in its structure: of V ⊗ W with positive semidefinite factors it is V^{1/2} ⊗ W^{1/2} (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (n, n)

    Returns
    -------
    StructuredOperator
        Complex where an eigenvalue is negative.

    Raises
    ------
    ValueError
        If the matrix is not square.
    MemoryError
        If the structure has no formula and the dense matrix is too large.

    Examples
    --------
    >>> root = km.sqrtm(km.Kronecker(np.diag([4.0, 9.0]), np.diag([1.0, 16.0])))
    >>> np.diag(root.to_dense())
    array([ 2.,  8.,  3., 12.])
    """
    op = finite_operator(op)
    need_square(op, "sqrtm")
    return operator_of(_sqrtm(form_of(op)))


def _sqrtm(form: Form) -> Form:
    match form:
        case Permuted() if same(form.rows, form.columns):
            return permuted(_sqrtm(form.inner), form.rows, form.columns)
        case Slots() if form.is_square and _roots_multiply(form):
            scale = form.scale**0.5 if np.imag(form.scale) or np.real(form.scale) >= 0 else complex(form.scale) ** 0.5
            return Slots(tuple(_map_item(item, _root) for item in form.items), scale, form.kind)
        case Stack(blocks=blocks) if blocks.shape[1] == blocks.shape[2]:
            return Stack(np.stack([_root(block) for block in blocks]), form.copies)
        case DirectSum() if all(part.shape[0] == part.shape[1] for part in form.parts):
            return DirectSum(tuple(map(_sqrtm, form.parts)))
        case Slots() | Terms():
            found = _through_eigenvalues(form, _principal_roots)
            if found is not None:
                return found
    return Slots((Matrix(_root(explicit(form, "Lanczos steps with op @ x give its products with vectors"))),))


def _roots_multiply(form: Slots) -> bool:
    """Whether the product of the items' principal roots is the principal root: the arguments of their eigenvalues stay below π."""
    arguments = [abs(float(np.angle(form.scale)))]
    arguments += [float(np.abs(np.angle(_eigvals(Slots((item,))))).max(initial=0.0)) for item in form.matrices]
    return sum(argument if argument > 1e-8 else 0.0 for argument in arguments) < np.pi


def _principal_roots(values: Array) -> Array:
    negative = values.dtype.kind != "c" and bool((values < 0).any())
    return np.asarray(np.sqrt(values.astype(np.complex128) if negative else values))


def _root(matrix: Array) -> Array:
    """Principal root; through eigenvectors where they are orthogonal, which keeps a semidefinite matrix real."""
    if is_hermitian(matrix):
        w, V = np.linalg.eigh(matrix)
        small = np.abs(w) <= len(w) * float(np.finfo(w.dtype).eps) * np.abs(w).max(initial=0.0)
        return np.asarray((V * _principal_roots(np.where(small, 0, w))) @ V.conj().T)
    root = np.asarray(scipy.linalg.sqrtm(matrix))
    if root.dtype.kind == "c" and matrix.dtype.kind != "c" and not root.imag.any():
        root = root.real
    return root


def _map_item(item: Any, function: Callable[[Array], Any]) -> Any:
    return item if isinstance(item, Identity) else Matrix(np.asarray(function(item.array)))


def _through_eigenvalues(form: Slots | Terms, function: Callable[[Array], Array]) -> Form | None:
    """Q f(λ) Qᴴ where the terms share orthogonal eigenvectors."""
    found = diagonalized(form)
    if found is None:
        return None
    Q = found.basis
    return product_of([Q, Stack(np.asarray(function(found.values.ravel()))[:, None, None]), adjoint(Q)])
