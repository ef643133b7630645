"""Determinants as sign and logarithm (T15)."""

from __future__ import annotations

from functools import singledispatch
from math import inf
from typing import Any, NamedTuple

import numpy as np

from ..operators import Chain, Kronecker, KroneckerSparse, Permutation, StructuredOperator
from ..operators.dense import finite_operator
from ..operators.simplify import simplified
from .values import rank_bound, repeats


class SignLogDet(NamedTuple):
    """Sign (or phase) of a determinant and the logarithm of its absolute value: det = sign · exp(logabsdet).

    Attributes
    ----------
    sign : float or complex
        −1, 0 or 1; of modulus 1 (or 0) for a complex matrix.
    logabsdet : float
        log |det|; −inf where the determinant is zero.

    Examples
    --------
    >>> km.slogdet(np.diag([2.0, -0.5]))
    SignLogDet(sign=-1.0, logabsdet=0.0)
    """

    sign: complex
    logabsdet: float


def slogdet(op: Any) -> SignLogDet:
    """Sign and logarithm of |det|; det(V ⊗ W) = det(V)^S det(W)^C never overflows this way (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (n, n)

    Returns
    -------
    SignLogDet
        (0.0, -inf) where the structure alone makes the matrix singular.

    Raises
    ------
    ValueError
        If the operator is not square, or an entry is NaN or infinite.
    MemoryError
        If the structure has no formula and the dense matrix is too large.

    Examples
    --------
    >>> sign, logabsdet = km.slogdet(km.Kronecker(2 * np.eye(1000), np.diag([1.0, -3.0])))
    >>> sign, bool(np.isclose(logabsdet, 1000 * np.log(12)))
    (1.0, True)
    """
    op = finite_operator(op)
    need_square(op, "slogdet")
    if rank_bound(op) < op.shape[0]:
        return SignLogDet(0.0, -inf)
    sign, logabsdet = _slogdet(op)
    return SignLogDet(np.asarray(sign).item(), float(logabsdet))


def need_square(op: StructuredOperator, name: str) -> None:
    """Refuse a rectangular operator, in the name of the function that was asked."""
    if op.shape[0] != op.shape[1]:
        raise ValueError(f"{name} needs a square operator: this one is {op.shape[0]}×{op.shape[1]}")


@singledispatch
def _slogdet(op: StructuredOperator) -> Any:
    return np.linalg.slogdet(op.to_dense())


@_slogdet.register
def _(op: Kronecker) -> Any:
    n = op.shape[0]
    # Square of full rank has square factors: any other makes the rank bound smaller than n.
    parts = [(np.linalg.slogdet(f), n // f.shape[0]) for f in op.factors]
    return np.prod([sign**power for (sign, _), power in parts]), sum(float(log) * power for (_, log), power in parts)


@_slogdet.register
def _(op: KroneckerSparse) -> Any:
    blocks = np.broadcast_to(op.values, (*op.values.shape[:2], op.pattern.b, op.pattern.c))
    sign, logabsdet = np.linalg.slogdet(blocks)
    return np.prod(sign) ** repeats(op), repeats(op) * logabsdet.sum(dtype=np.float64)


@_slogdet.register
def _(op: Permutation) -> Any:
    seen, sign = np.zeros(op.shape[0], bool), 1.0
    for start in range(op.shape[0]):
        length, i = 0, start
        while not seen[i]:
            seen[i], i, length = True, op.indices[i], length + 1
        sign = -sign if length and length % 2 == 0 else sign
    return sign, 0.0


@_slogdet.register
def _(op: Chain) -> Any:
    if any(factor.shape[0] != factor.shape[1] for factor in op.operators):
        merged = simplified(op)
        return np.linalg.slogdet(op.to_dense()) if isinstance(merged, Chain) else _slogdet(merged)
    parts = [_slogdet(factor) for factor in op.operators]
    return np.prod([sign for sign, _ in parts]), sum(float(log) for _, log in parts)
