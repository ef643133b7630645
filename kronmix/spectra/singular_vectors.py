"""Singular vectors and values as operators and a sorted vector (T15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse.linalg import svds

from ..checks import MAX_BYTES, check_memory
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
    orders,
    permuted,
    product_of,
)
from ..forms.spectral import diagonalized
from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..operators.convert import operator_of
from ..operators.dense import Dense, finite_operator
from .values import as_linear_operator, bound_of, explicit


@dataclass(frozen=True)
class SVD:
    """B = U diag(S) Vh with orthonormal columns of U and rows of Vh.

    Attributes
    ----------
    U : StructuredOperator of shape (rows, r)
    S : array of shape (r,)
        Singular values, descending.
    Vh : StructuredOperator of shape (r, columns)
    """

    U: StructuredOperator
    S: Array
    Vh: StructuredOperator

    def __repr__(self) -> str:
        rows, columns = self.U.shape[0], self.Vh.shape[1]
        return f"SVD({rows}×{columns}, {self.S.size} triplets, σ from {self.S[0]:.4g} to {self.S[-1]:.4g})"


def svd(op: Any, k: int | None = None) -> SVD:
    """Singular value decomposition, in the structure of the matrix (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)
    k : int, optional
        Only the k largest triplets; U and Vh are then explicit.

    Returns
    -------
    SVD
        ``.U``, ``.S``, ``.Vh``: operators with the structure of ``op`` (Kronecker products, blocks, permutations) around a sorted
        vector. r is min(rows, columns), or less where the structure leaves no more non-zero values (rectangular Kronecker
        factors, low rank).

    Raises
    ------
    ValueError
        If k is not between 1 and min(rows, columns), or an entry is NaN or infinite.
    MemoryError
        If the structure has no formula and the dense matrix is too large (then ask for a few with ``k``).

    Examples
    --------
    >>> op = km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]))
    >>> found = km.svd(op)
    >>> found.S
    array([15.,  6.,  5.,  2.])
    >>> bool(np.allclose(found.U @ (found.S[:, None] * found.Vh.to_dense()), op.to_dense()))
    True
    """
    op = finite_operator(op)
    form = form_of(op)
    if bound_of(form) == 0:  # no triplet that the structure tells: those of a matrix of zeros
        form = Slots((Matrix(explicit(form, "every singular value is zero")),))
    if k is not None:
        if not 1 <= k <= min(op.shape):
            raise ValueError(f"k={k}: expected 1 to {min(op.shape)} for a {op.shape[0]}×{op.shape[1]} operator")
        return _largest(form, k)
    U, S, Vh = _svd(form)
    descending = np.argsort(-S, kind="stable")
    order = orders.normal(descending)
    return SVD(operator_of(permuted(U, None, order)), S[descending], operator_of(permuted(Vh, order, None)))


def _svd(form: Form) -> tuple[Form, Array, Form]:
    """Unsorted triplets, in the structure of the form."""
    match form:
        case Permuted():
            U, S, Vh = _svd(form.inner)
            return permuted(U, form.rows, None), S, permuted(Vh, None, form.columns)
        case Slots():
            return _of_slots(form)
        case Stack():
            lefts, S, rights = np.linalg.svd(form.blocks, full_matrices=False)
            return Stack(lefts, form.copies), np.tile(S.ravel(), form.copies), Stack(rights, form.copies)
        case DirectSum():
            found = [_svd(part) for part in form.parts]
            U, Vh = DirectSum(tuple(u for u, _, _ in found)), DirectSum(tuple(v for _, _, v in found))
            return U, np.concatenate([s for _, s, _ in found]), Vh
        case Terms():
            shared = diagonalized(form)
            if shared is not None:
                values = shared.values.ravel()
                S = np.abs(values)
                phase = np.divide(values, S, out=np.ones_like(values), where=S > 0)
                Q = shared.basis
                signed = _columns_scaled(Q, phase)
                return signed, S, adjoint(Q)
    left, S, right = np.linalg.svd(explicit(form, "km.svd(op, k) gives the k largest triplets"), full_matrices=False)
    return Slots((Matrix(left),)), S, Slots((Matrix(right),))


def _columns_scaled(Q: Form, phase: Array) -> Form:
    """Q with each column multiplied by its phase."""
    return Q if bool((phase == 1).all()) else product_of([Q, Stack(phase[:, None, None])])


def _of_slots(form: Slots) -> tuple[Form, Array, Form]:
    """U, S and Vh of a Kronecker product from those of its items."""
    lefts: list[Any] = []
    rights: list[Any] = []
    S = np.ones(1, form.dtype.type(0).real.dtype) * abs(form.scale)
    for item in form.items:
        if isinstance(item, Identity):
            lefts.append(item)
            rights.append(item)
            S = np.repeat(S, item.size)
            continue
        U, s, Vh = item.svd()
        r = item.rank_bound
        lefts.append(Matrix(U[:, :r]))
        rights.append(Matrix(Vh[:r]))
        S = np.outer(S, s[:r]).ravel()
    phase = 1.0 if form.scale == 0 else form.scale / abs(form.scale)
    return Slots(tuple(lefts), phase, form.kind), S, Slots(tuple(rights), 1.0, form.kind)


def _largest(form: Form, k: int) -> SVD:
    """The k largest triplets with explicit vectors; Lanczos steps where the structure has no formula and few are wanted."""
    rows, columns = form.shape
    check_memory((rows + columns, k), form.dtype, MAX_BYTES)
    if not _has_formula(form) and k < min(form.shape) // 4:
        start = np.random.default_rng(0).normal(size=min(form.shape)).astype(form.dtype)
        U, S, Vh = svds(as_linear_operator(form), k=k, v0=start)
        return SVD(Dense(U[:, ::-1]), S[::-1].copy(), Dense(Vh[::-1]))
    left, S, right = _svd(form)
    best = np.argsort(-S, kind="stable")[:k]
    U = left.apply(_unit_columns(best, left.shape[1], form.dtype))
    Vh = adjoint(right).apply(_unit_columns(best, right.shape[0], form.dtype)).conj().T
    return SVD(Dense(U), S[best], Dense(Vh))


def _has_formula(form: Form) -> bool:
    """Whether singular vectors follow from the structure, so that no dense matrix is needed."""
    match form:
        case Permuted():
            return _has_formula(form.inner)
        case DirectSum():
            return all(map(_has_formula, form.parts))
        case Terms():
            return diagonalized(form) is not None
    return isinstance(form, Slots | Stack)


def _unit_columns(positions: Sequence[int] | Array, size: int, dtype: Any) -> Array:
    E = np.zeros((size, len(positions)), dtype)
    E[positions, np.arange(len(positions))] = 1
    return E
