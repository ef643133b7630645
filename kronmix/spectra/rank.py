"""Rank and condition number (T15)."""

from __future__ import annotations

from functools import singledispatch
from math import inf, prod
from typing import Any

import numpy as np

from ..operators import Kronecker, KroneckerSparse, Permutation, StructuredOperator
from ..operators.base import Array
from ..operators.dense import finite_operator
from ..operators.simplify import unpermuted
from .values import block_values, matrix_values, rank_bound, repeats, singular_values


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
        return min(_rank(unpermuted(op)), rank_bound(op))
    if not rtol >= 0:
        raise ValueError(f"rtol={rtol}: expected at least 0")
    return _count(singular_values(op), rtol)


def _count(s: Array, rtol: float) -> int:
    return int(np.count_nonzero(s > rtol * s.max(initial=0.0)))


def _count_like_numpy(s: Array, shape: tuple[int, ...]) -> int:
    return _count(s, max(shape[-2:]) * float(np.finfo(s.dtype).eps))


@singledispatch
def _rank(op: StructuredOperator) -> int:
    return _count_like_numpy(singular_values(op), op.shape)


@_rank.register
def _(op: Kronecker) -> int:
    return prod(_count_like_numpy(matrix_values(f), f.shape) for f in op.factors)


@_rank.register
def _(op: KroneckerSparse) -> int:
    return repeats(op) * _count_like_numpy(block_values(op), (op.pattern.b, op.pattern.c))


@_rank.register
def _(op: Permutation) -> int:
    return int(op.shape[0])


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
    op = finite_operator(op)
    return _cond(unpermuted(op)) if rank_bound(op) == min(op.shape) else inf


def _ratio(s: Array) -> float:
    return float(s.max() / s.min()) if s.min() > 0 else inf


@singledispatch
def _cond(op: StructuredOperator) -> float:
    return _ratio(singular_values(op))


@_cond.register
def _(op: Kronecker) -> float:
    return prod(_ratio(matrix_values(f)) for f in op.factors)


@_cond.register
def _(op: KroneckerSparse) -> float:
    return _ratio(block_values(op))
