"""Orders of a small sum of Kronecker products, by exchanging two rows or two columns at a time (T31).

Groups of few rows say little when every slice may have rank 2 and has three rows. Exchanges look at the sum itself: its error in an
order is what r singular values leave of the rearranged matrix (T14), and all exchanges are evaluated at once.
"""

from __future__ import annotations

import numpy as np

from ..operators.arrays import Array
from .permutations_groups import ROUNDING
from .permutations_orders import Order, kronecker_order
from .rearrangement import rearrange

# Operations to spend for each restart of the search by groups: about two starts at 12 × 12.
_WORK = 4e7
# Starts that must end at the best error found before the others are left out.
_AGREEING = 3


def exchanged_order(
    B: Array, sizes: tuple[int, int, int, int], rank: int, restarts: int, rng: np.random.Generator
) -> Order:
    """The best order over many starts, each improved by the best exchange as long as there is one; the first is found by groups.

    Of matrices too large for that, the order found by groups.
    """
    best = kronecker_order(B, sizes, rank, restarts, rng)
    (m, n), (p, k, q, s) = B.shape, sizes
    small, large = sorted((p * k, q * s))
    sweep = (m * m + n * n) // 2 * (20 * m * n + small**2 * (large + 10 * small))
    norm2 = float(np.sum(np.abs(B) ** 2))
    least, agreeing = np.inf, 0
    for i in range(int(_WORK * restarts / (sweep * max(m, n)))):
        start = best if i == 0 else Order(rng.permutation(m), rng.permutation(n))
        order, error2 = _exchanged(B, start, sizes, rank)
        if error2 < least * (1 - ROUNDING):
            best, least, agreeing = order, error2, 0
        agreeing += error2 <= least * (1 + ROUNDING)
        if agreeing == _AGREEING or least <= ROUNDING**2 * norm2:
            break
    return best


def _exchanged(B: Array, order: Order, sizes: tuple[int, int, int, int], rank: int) -> tuple[Order, float]:
    """Exchange as long as the error falls; the order and its squared error."""
    rows, columns, least = order.rows, order.columns, np.inf
    while True:
        other_rows, other_columns = _exchanges(rows), _exchanges(columns)
        all_rows = np.vstack([rows, other_rows, np.tile(rows, (len(other_columns), 1))])
        all_columns = np.vstack([np.tile(columns, (1 + len(other_rows), 1)), other_columns])
        left2 = _left2(B, all_rows, all_columns, sizes, rank)
        i = int(left2.argmin())
        if not left2[i] < least * (1 - ROUNDING):
            return Order(rows, columns), float(least)
        rows, columns, least = all_rows[i], all_columns[i], left2[i]


def _exchanges(order: Array) -> Array:
    """An order with every two of its places exchanged, one pair to a row."""
    i, j = np.triu_indices(len(order), 1)
    at = np.arange(len(i))
    found = np.tile(order, (len(i), 1))
    found[at, i], found[at, j] = order[j], order[i]
    return found


def _left2(B: Array, rows: Array, columns: Array, sizes: tuple[int, int, int, int], rank: int) -> Array:
    """Squared error of the nearest sum of so many Kronecker products in every order: what r singular values leave of 𝓡(B)."""
    p, k, q, s = sizes
    places = rearrange(np.arange(B.size).reshape(B.shape), ((p, k), (q, s)))
    R = B[rows[:, :, None], columns[:, None, :]].reshape(-1, B.size)[:, places if p * k <= q * s else places.T]
    values = np.linalg.eigvalsh(R @ R.conj().swapaxes(1, 2))
    left2: Array = np.maximum(values[:, :-rank].sum(axis=1), 0.0)
    return left2
