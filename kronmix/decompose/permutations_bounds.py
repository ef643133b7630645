"""How near a matrix can be to a structure in whatever order its rows and columns are put (T31): bounds from pairs of rows.

Take a structure whose columns fall in two groups, on each of which the rows of one group are parallel. There every pair of rows
of a group has an error that no order avoids: the distance of its columns, as points of the plane, to two lines through 0. With
z_l = b_il + i b_jl a group G of columns is off its best line by ½(Σ_G |z_l|² − |Σ_G z_l²|) in squares. The best two groups lie on
the two sides of a line through the z_l²: n columns have n ways to be divided.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..operators.arrays import Array

# Pairs of rows times columns that are looked at: larger matrices are bounded from a part of their columns.
_ENTRIES = 2**25
# Pairs at once, so that their sums stay in the cache.
_PAIRS = 256
_EPS = float(np.finfo(np.float64).eps)


class Grouping(NamedTuple):
    """Groups of ``size`` rows that are parallel on each of ``others`` groups of columns."""

    size: int
    others: int


def least_distance2(B: Array, rows: Iterable[Grouping], columns: Iterable[Grouping]) -> float:
    """A number that no ‖B − P M Q‖² goes below, P and Q any permutations, M with all of these groupings; 0 where none is known.

    Known for real matrices, and groupings with two other groups.

    Parameters
    ----------
    B : array of shape (m, n)
    rows, columns : groupings
        Of M: of its rows, and of its columns, which are the rows of Mᵀ.
    """
    if B.dtype.kind == "c":
        return 0.0
    return max(_greatest_least2(B, rows), _greatest_least2(B.T, columns))


def _greatest_least2(B: Array, groupings: Iterable[Grouping]) -> float:
    sizes = {each.size for each in groupings if each.others == 2 and each.size > 1}
    return max((_least2(B, size) for size in sizes), default=0.0)


def _least2(B: Array, size: int) -> float:
    """Sum of the smallest errors of pairs.

    A group's distance to rank 1 is shared out over its rows as r_i. Every pair in it has an error c_ij ≤ r_i + r_j. So Σ_i r_i ≥
    Σ c_ij/(size − 1) over all pairs of all groups ≥ ½ Σ_i mean of the size − 1 smallest c_ij. Pairs of rows are matched: half the
    least sum over all ways to give each row another one.
    """
    errors = _pair_errors(B)
    if size == 2:
        np.fill_diagonal(errors, 2 * errors.max() * len(errors) + 1)  # no row is matched with itself
        return 0.5 * float(errors[linear_sum_assignment(errors)].sum())
    np.fill_diagonal(errors, np.inf)
    return 0.5 * float(np.partition(errors, size - 2, axis=1)[:, : size - 1].mean(axis=1).sum())


def _pair_errors(B: Array) -> Array:
    """Least squared distance of every pair of rows to being parallel on each of two groups of columns; 0 on the diagonal."""
    m, n = B.shape
    first, second = np.triu_indices(m, 1)
    some = B[:, : min(n, max(_ENTRIES // max(len(first), 1), 1))]
    errors = np.zeros((m, m))
    for at in range(0, len(first), _PAIRS):
        i, j = first[at : at + _PAIRS], second[at : at + _PAIRS]
        errors[i, j] = errors[j, i] = _pair_error(some[i], some[j])
    return errors


def _pair_error(x: Array, y: Array) -> Array:
    """½(Σ|z²| − max(|S| + |T − S|)) of every row of z = x + iy, S the sum of z² on one side of a line and T over all.

    With the z² turned by 180° where they must be for angles in [0°, 180°), and these in order, one side's sum minus the other's
    is the sum of all but twice the sum of the first few.
    """
    squares = (x + 1j * y) ** 2
    upper = np.where(squares.imag < 0, -squares, squares)
    upper = np.take_along_axis(upper, np.argsort(np.angle(upper), axis=1), axis=1)
    total = squares.sum(axis=1, keepdims=True)
    difference = upper.sum(axis=1, keepdims=True) - 2 * np.cumsum(upper, axis=1)
    held = (np.abs(total + difference) + np.abs(total - difference)).max(axis=1) / 2
    norm2 = np.sum(x * x + y * y, axis=1)
    least: Array = np.maximum((norm2 - held) / 2 - 8 * x.shape[1] * _EPS * norm2, 0.0)
    return least
