"""Entrywise norms, from factors where they multiply (T15)."""

from __future__ import annotations

from math import inf, prod
from typing import Any

import numpy as np

from ..forms import Beside, DirectSum, Form, Identity, Matrix, Permuted, Slices, Slots, Stack, Terms, form_of
from ..forms.entries import beside_diagonal
from ..operators.arrays import Array
from ..operators.dense import as_operator
from .values import nonzero_entries

#: Largest tensor of coefficients that the norm of a sum of products is read from.
_MAX_TENSOR = 2**20


def entrywise_norm(op: Any, p: float) -> float:
    """(Σ_ij |B_ij|^p)^{1/p} for 0 < p, the largest |B_ij| for p = inf; multiplies over Kronecker factors (T15).

    Examples
    --------
    >>> from kronmix.spectra.entrywise import entrywise_norm
    >>> entrywise_norm(km.Kronecker(np.diag([3.0, 1.0]), np.ones((2, 2))), 1)
    16.0
    """
    return norm_of(form_of(as_operator(op)), p)


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


def norm_of(form: Form, p: float) -> float:
    """The entrywise norm of a form."""
    match form:
        case Permuted():
            return norm_of(form.inner, p)
        case Slots():
            return abs(form.scale) * prod(_item_norm(item, p) for item in form.matrices) * form.copies ** (1 / p)
        case Stack():
            return lp(form.blocks, p) * form.copies ** (1 / p)
        case DirectSum() | Beside():
            return lp(np.array([norm_of(part, p) for part in form.parts]), p)
        case Slices() if p == 2:
            return lp(slice_norms(form), 2)
        case Slices() if form.sizes[-1] == 1:  # each slice is an outer product: its norm is a product
            return lp(lp_along(form.U[..., 0], p, 4) * lp_along(form.V[..., 0, :], p, 4), p)
        case Terms() if p == 2 and len(form.terms) ** len(form.item_shapes) <= _MAX_TENSOR:
            return _frobenius(form)
        case Terms() if (known := beside_diagonal(form)) is not None:
            products, diagonal = known
            return lp(np.array([lp(diagonal, p), *(norm_of(product, p) for product in products)]), p)
    return lp(nonzero_entries(form), p)


def _item_norm(item: Matrix, p: float) -> float:
    """ℓp norm of a matrix's entries; for p = 2 without forming a thin product."""
    if item.right is not None and p == 2:
        R, S = (np.asarray(np.linalg.qr(tall, mode="r")) for tall in (item.left, item.right.T))
        return lp(R @ S.T, 2)
    return lp(item.array, p)


def _frobenius(form: Terms) -> float:
    """‖Σ_t c_t ⊗_j M_tj‖_F from triangular factors of the stacked vec's: no cancellation, no dense matrix (T14)."""
    total: Any = np.array([term.scale for term in form.terms])
    copies = 1
    for column in zip(*(term.items for term in form.terms), strict=True):
        if all(isinstance(item, Identity) for item in column):
            copies *= column[0].size
            continue
        arrays = [item.dense(form.dtype) for item in column]
        R = np.linalg.qr(
            np.stack([a.ravel() for a in arrays], axis=1), mode="r"
        )  # coordinates of the terms, one axis a place
        total = total[..., None, :] * R
    return lp(np.asarray(total.sum(axis=-1)), 2) * copies**0.5


def slice_norms(form: Slices) -> Array:
    """Frobenius norms of the slices, shape (a, κ, β, d) (T11)."""
    # ‖U V‖_F from triangular factors: accurate also where the r terms of a slice cancel.
    R_U = np.linalg.qr(form.U, mode="r")
    R_V = np.linalg.qr(form.V.swapaxes(4, 5), mode="r")
    return np.asarray(np.linalg.norm(np.matmul(R_U, np.swapaxes(R_V, 4, 5)), axis=(4, 5)))
