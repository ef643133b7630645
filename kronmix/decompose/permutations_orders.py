"""From groups to orders: what a Monarch, a Kronecker and a butterfly matrix need beyond the groups of one splitting (T31)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod

import numpy as np

from ..operators.arrays import Array
from .permutations_assignment import free, nested, transversal
from .permutations_groups import ROUNDING, blocks, find_groups
from .truncation import truncate

# A matrix may be Monarch in ways that no second one crosses (a Fourier matrix): first splittings to try for a Kronecker product,
# how often one may come again before it counts as the only one, and how much larger the second residual may be before it counts
# as such a case.
_SPLITTINGS = 6
_AGAIN = 3
_LIKE = 1.5


@dataclass(frozen=True)
class Order:
    """Orders of rows and columns in which a matrix is nearest to its structure."""

    rows: Array
    columns: Array


def monarch_order(
    B: Array, sizes: tuple[int, int, int, int], rank: int, restarts: int, rng: np.random.Generator
) -> Order:
    """Row (i_p, i_q) is a member of row group i_q, column (i_k, i_s) of column group i_k; within groups any order serves."""
    (p, k, q, s), (m, n) = sizes, B.shape
    given = np.arange(m).reshape(p, q).T, np.arange(n).reshape(k, s)
    found = find_groups(B, free(m, q), free(n, k), rank, restarts, rng, given)
    return Order(found.rows.T.ravel(), found.columns.ravel())


def kronecker_order(
    B: Array, sizes: tuple[int, int, int, int], rank: int, restarts: int, rng: np.random.Generator
) -> Order:
    """A Kronecker product is a Monarch matrix in two ways: rows are grouped by i_q and, across these groups, by i_p.

    A row is where its two groups meet; so are the columns. The splitting whose slices are further from having full rank comes
    first. Where the other's slices always have rank 1, one factor has a single row or column, and members of the groups are
    matched by their norms.
    """
    (p, k, q, s), (m, n) = sizes, B.shape
    if min(p, s) < min(q, k):
        swapped = kronecker_order(B, (q, s, p, k), rank, restarts, rng)
        rows, columns = swapped.rows.reshape(q, p).T, swapped.columns.reshape(s, k).T
        return Order(rows.ravel(), columns.ravel())
    best: tuple[float, Order] | None = None
    seen: Counter[bytes] = Counter()
    for _ in range(_SPLITTINGS):
        by_q = find_groups(B, free(m, q), free(n, k), rank, restarts, rng)
        if min(q, k) == 1:
            rows, columns = _by_norm(B, by_q.rows), _by_norm(B.T, by_q.columns)
            return Order(_where_groups_meet(rows, by_q.rows), _where_groups_meet(by_q.columns, columns))
        by_p = find_groups(B, transversal(by_q.rows), transversal(by_q.columns), rank, restarts, rng)
        if best is None or by_p.residual < best[0]:
            rows = _where_groups_meet(by_p.rows, by_q.rows)
            best = by_p.residual, Order(rows, _where_groups_meet(by_q.columns, by_p.columns))
        seen[_partition(by_q.rows)] += 1
        if by_p.residual <= _LIKE * by_q.residual + ROUNDING or max(seen.values()) == _AGAIN:
            break
    assert best is not None
    return best[1]


def _partition(groups: Array) -> bytes:
    """The same for equal groups in whatever order."""
    members = np.sort(groups, axis=1)
    return members[np.argsort(members[:, 0])].tobytes()


def _by_norm(B: Array, groups: Array) -> Array:
    """Groups across the given ones: the smallest row of each, the next one of each, …"""
    order = np.argsort(np.linalg.norm(B, axis=1)[groups], axis=1)
    return np.take_along_axis(groups, order, axis=1).T


def _where_groups_meet(first: Array, second: Array) -> Array:
    """The item in first[i] and second[j] at place (i, j); every pair occurs once."""
    place = np.empty((first.size, 2), np.intp)
    for axis, groups in enumerate((first, second)):
        place[groups, axis] = np.arange(len(groups))[:, None]
    return np.lexsort((place[:, 1], place[:, 0]))


def butterfly_order(B: Array, radices: tuple[int, ...], restarts: int, rng: np.random.Generator) -> Order:
    """Split in the middle; then order the left factors and the right ones in the same way, each with all its copies at once."""
    rows, columns = _butterfly(B, radices, 1, 1, restarts, rng)
    return Order(rows.ravel(), columns.ravel())


def _butterfly(
    B: Array, radices: tuple[int, ...], u: int, v: int, restarts: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Orders, within each of u classes of rows and v of columns, in which all u·v blocks are butterflies of these radices.

    A splitting into P, then Q, makes rows (i_P, i_Q) and columns (i_P, i_Q) of a class: Q groups of P rows, P groups of Q columns,
    and slices of rank 1. What the slices' right vectors leave is Q × Q for every group of columns, with rows in common for
    all of them; the left ones are P × P for every group of rows, with columns in common. How a slice's scale is shared
    between its two vectors multiplies rows of later slices: it changes no rank.
    """
    n = prod(radices)
    if len(radices) == 1:
        return np.arange(u * n).reshape(u, n) % n, np.arange(v * n).reshape(v, n) % n
    half = min(range(1, len(radices)), key=lambda i: abs(np.log(prod(radices[:i]) ** 2 / n)))
    P, Q = prod(radices[:half]), prod(radices[half:])
    given = (
        np.arange(u * n).reshape(u, P, Q).swapaxes(1, 2).reshape(u * Q, P),
        np.arange(v * n).reshape(v * P, Q),
    )
    found = find_groups(B, nested(u, Q, P), nested(v, P, Q), 1, restarts, rng, given)
    slices = truncate(np.ascontiguousarray(blocks(B, found.rows, found.columns)).reshape(-1, P, Q), 1, 0.0)
    left = slices.left.reshape(u * Q, v * P, P).swapaxes(1, 2).reshape(u * Q * P, v * P)
    right = slices.right.reshape(u * Q, v * P * Q)
    rows_q, columns_q = _butterfly(right, radices[half:], u, v * P, restarts, rng)
    rows_p, columns_p = _butterfly(left, radices[:half], u * Q, v, restarts, rng)
    # Members in their new order, as numbers within the class.
    groups = np.take_along_axis(found.rows % n, rows_p, axis=1).reshape(u, Q, P)
    rows = np.take_along_axis(groups, rows_q[:, :, None], axis=1).swapaxes(1, 2).reshape(u, n)
    groups = np.take_along_axis(found.columns % n, columns_q, axis=1).reshape(v, P, Q)
    columns = np.take_along_axis(groups, columns_p[:, :, None], axis=1).reshape(v, n)
    return rows, columns
