"""Rank and condition number (T15)."""

from __future__ import annotations

from math import exp, inf, log, prod
from typing import Any

import numpy as np

from ..forms import DirectSum, Form, Permuted, Slots, Stack, form_of
from ..forms.items import matrix_values
from ..operators.arrays import Array
from ..operators.dense import finite_operator
from .values import bound_of, singular_values, values_of

#: Logarithm of the largest number.
_LARGEST = 709.78


def matrix_rank(op: Any, rtol: float | None = None) -> int:
    """Numerical rank: rank(V ⊗ W) = rank(V) rank(W), and blocks add (T15).

    Parameters
    ----------
    op : StructuredOperator or array
    rtol : float, optional
        Count the singular values of the whole matrix above rtol · σ_max. By default each Kronecker factor (each block, each matrix
        without structure) is judged by itself as NumPy does, rtol = max(rows, columns) · eps of that factor.

    Raises
    ------
    ValueError
        If rtol is negative, or an entry is NaN or infinite.

    Examples
    --------
    >>> km.matrix_rank(km.Kronecker(np.ones((2, 2)), np.eye(3)))
    3
    """
    op = finite_operator(op)
    if rtol is None:
        form = form_of(op)
        return min(_rank(form), bound_of(form))
    if not rtol >= 0:
        raise ValueError(f"rtol={rtol}: expected at least 0")
    s = singular_values(op)
    return int(np.count_nonzero(s > rtol * s.max(initial=0.0)))


def _count(s: Array, shape: tuple[int, ...]) -> int:
    """Values above rounding as NumPy judges it, along the last axis."""
    threshold = max(shape[-2:]) * float(np.finfo(s.dtype).eps) * s.max(axis=-1, keepdims=True, initial=0.0)
    return int(np.count_nonzero(s > threshold))


def _rank(form: Form) -> int:
    match form:
        case Permuted():
            return _rank(form.inner)
        case Slots():
            rank = form.copies if form.scale != 0 else 0
            for item in form.matrices:
                rank *= _count(item.values(), item.shape)
            return rank
        case Stack():
            return form.copies * _count(matrix_values(form.blocks), form.blocks.shape)
        case DirectSum():
            return sum(map(_rank, form.parts))
    return _count(values_of(form, min(form.shape)), form.shape)


def cond(op: Any) -> float:
    """Ratio of the largest to the smallest of the min(rows, columns) singular values; inf where that is zero (T15).

    Condition numbers of Kronecker factors multiply.

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)

    Raises
    ------
    ValueError
        If an entry is NaN or infinite.
    MemoryError
        If the structure has no formula and the dense matrix is too large.

    Examples
    --------
    >>> km.cond(km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0])))
    7.5
    >>> km.cond(km.Kronecker(np.ones((1, 2)), np.ones((2, 1))))
    inf
    """
    form = form_of(finite_operator(op))
    if bound_of(form) < min(form.shape):
        return inf
    return _cond(form)


def _cond(form: Form) -> float:
    match form:
        case Permuted():
            return _cond(form.inner)
        case Slots():
            return prod((_ratio(item.values()) for item in form.matrices), start=1.0 if form.scale != 0 else inf)
        case Stack():
            return _ratio(matrix_values(form.blocks))
        case DirectSum():
            high, low = _extremes(form)
            return exp(high - low) if high - low < _LARGEST else inf
    return _ratio(values_of(form, min(form.shape)))


def _ratio(s: Array) -> float:
    """Largest over smallest, in double precision."""
    return float(s.max()) / float(s.min()) if s.min() > 0 else inf


def _extremes(form: Form) -> tuple[float, float]:
    """Logarithms of the largest and the smallest singular value: nothing overflows where the ratio does not."""
    match form:
        case Permuted():
            return _extremes(form.inner)
        case Slots():
            pairs = [_log_extremes(item.values()) for item in form.matrices]
            shift = log(abs(form.scale)) if form.scale != 0 else -inf
            return shift + sum(high for high, _ in pairs), shift + sum(low for _, low in pairs)
        case Stack():
            return _log_extremes(matrix_values(form.blocks))
        case DirectSum():
            found = [_extremes(part) for part in form.parts if min(part.shape)]
            return max(high for high, _ in found), min(low for _, low in found)
    return _log_extremes(values_of(form, min(form.shape)))


def _log_extremes(s: Array) -> tuple[float, float]:
    high, low = float(s.max()), float(s.min())
    return (log(high) if high > 0 else -inf), (log(low) if low > 0 else -inf)
