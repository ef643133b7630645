"""Entrywise norms, from factors where they multiply (T15)."""

from __future__ import annotations

from functools import singledispatch
from math import inf, prod
from typing import Any

import numpy as np

from ..operators import (
    Kronecker,
    KroneckerSparse,
    Masked,
    Monarch,
    Permutation,
    StructuredOperator,
    SumOfKroneckers,
)
from ..operators.base import Array
from ..operators.dense import as_operator
from ..operators.simplify import unpermuted


def entrywise_norm(op: Any, p: float) -> float:
    """(Σ_ij |B_ij|^p)^{1/p} for 0 < p, the largest |B_ij| for p = inf; multiplies over Kronecker factors (T15).

    Examples
    --------
    >>> from kronmix.spectra.entrywise import entrywise_norm
    >>> entrywise_norm(km.Kronecker(np.diag([3.0, 1.0]), np.ones((2, 2))), 1)
    16.0
    """
    return _entrywise_norm(unpermuted(as_operator(op)), p)


def lp(x: Array, p: float) -> float:
    """(Σ|x|^p)^{1/p} over all entries of an array."""
    return float(lp_along(x.reshape(-1), p, 0))


def lp_along(x: Array, p: float, axis: int) -> Array:
    """(Σ|x|^p)^{1/p} along an axis, scaled so that nothing overflows."""
    size = np.abs(x).astype(np.float64)
    largest = size.max(axis=axis, initial=0.0, keepdims=True)
    if p == inf:
        return largest.squeeze(axis)
    size /= np.where(largest > 0, largest, 1)
    return largest.squeeze(axis) * np.sum(size**p, axis=axis) ** (1 / p)


@singledispatch
def _entrywise_norm(op: StructuredOperator, p: float) -> float:
    return lp(op.to_dense(), p)


@_entrywise_norm.register
def _(op: Kronecker, p: float) -> float:
    return prod(lp(f, p) for f in op.factors)


@_entrywise_norm.register
def _(op: KroneckerSparse, p: float) -> float:
    return lp(op.values, p) * (op.nnz // op.values.size) ** (1 / p)


@_entrywise_norm.register
def _(op: Permutation, p: float) -> float:
    return float(op.shape[0] ** (1 / p))


@_entrywise_norm.register
def _(op: Masked, p: float) -> float:
    return lp(op.values, p)


@_entrywise_norm.register
def _(op: Monarch, p: float) -> float:
    if p == 2:
        return lp(slice_norms(op), 2)
    if op.rank > 1:
        return lp(op.to_dense(), p)
    U, V = op.slices()  # each slice is an outer product: its norm is a product
    _, k, q, _ = op.sizes
    return lp(np.broadcast_to(lp_along(U[..., 0], p, 2) * lp_along(V[:, :, 0], p, 2), (q, k)), p)


@_entrywise_norm.register
def _(op: SumOfKroneckers, p: float) -> float:
    if p != 2:
        return lp(op.to_dense(), p)
    A, B = (np.stack([f.ravel() for f in op.factors[i::2]]) for i in (0, 1))
    # ‖Σ A_ρ ⊗ B_ρ‖_F = ‖Rᴬ Rᴮᵀ‖_F for the triangular factors of the stacked vec's (T14): no cancellation.
    R_A, R_B = (np.asarray(np.linalg.qr(stacked.T, mode="r")) for stacked in (A, B))
    return lp(R_A @ R_B.T, 2)


def slice_norms(op: Monarch) -> Array:
    """Frobenius norms of the slices, shape (q, k) (T12)."""
    U, V = op.slices()
    _, k, q, _ = op.sizes
    # ‖U V‖_F from triangular factors: accurate also where the r terms of a slice cancel.
    R_U = np.linalg.qr(U, mode="r")
    R_V = np.linalg.qr(V.swapaxes(2, 3), mode="r")
    return np.broadcast_to(np.linalg.norm(np.matmul(R_U, np.swapaxes(R_V, 2, 3)), axis=(2, 3)), (q, k)).copy()
