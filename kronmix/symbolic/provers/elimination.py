"""Gaussian elimination modulo a prime."""

from __future__ import annotations

from typing import Any

import numpy as np

from .finite_field import PrimeField

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["null_space", "rank", "reduced"]


def reduced(M: Array, F: PrimeField) -> Array:
    """Reduced row echelon form of a matrix of residues, without rows of zeros.

    Examples
    --------
    >>> from kronmix.symbolic.provers.finite_field import PrimeField
    >>> reduced(np.array([[2, 4], [1, 2]], np.uint64), PrimeField(1))
    array([[1, 2]], dtype=uint64)
    """
    M, r = M.copy(), 0
    for column in range(M.shape[1]):
        if r == len(M):
            break
        pivots = np.flatnonzero(M[r:, column])
        if pivots.size == 0:
            continue
        M[[r, r + pivots[0]]] = M[[r + pivots[0], r]]
        M[r] = F.multiply(M[r], np.array([pow(int(M[r, column]), -1, F.p)], np.uint64))
        others = np.flatnonzero(M[:, column])
        others = others[others != r]
        if others.size:
            M[others] = F.subtract(M[others], F.multiply(M[others, column][:, None], M[r][None]))
        r += 1
    return M[:r]


def rank(M: Array, F: PrimeField) -> int:
    """Rank of a matrix of residues.

    Examples
    --------
    >>> from kronmix.symbolic.provers.finite_field import PrimeField
    >>> rank(np.array([[1, 2], [2, 4], [0, 1]], np.uint64), PrimeField(1))
    2
    """
    return len(reduced(M, F))


def null_space(M: Array, F: PrimeField) -> Array:
    """Basis of the vectors x with M x = 0, as rows.

    Examples
    --------
    >>> from kronmix.symbolic.provers.finite_field import PrimeField
    >>> null_space(np.array([[1, 0, 5]], np.uint64), PrimeField(1))[0]
    array([0, 1, 0], dtype=uint64)
    """
    R = reduced(M, F)
    n = M.shape[1]
    pivots = [int(np.flatnonzero(row)[0]) for row in R]
    free = np.setdiff1d(np.arange(n), pivots)
    basis = np.zeros((len(free), n), np.uint64)
    basis[np.arange(len(free)), free] = 1
    if pivots:
        basis[:, pivots] = F.subtract(np.zeros((len(free), len(pivots)), np.uint64), R[:, free].T)
    return basis
