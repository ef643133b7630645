"""Permutations as index arrays ("orders"): ``x[order]`` is the permuted vector; None is the identity."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, permutations
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Order = Array | None

#: Kronecker products of more items than this are not searched for a reordering.
_MAX_ITEMS = 5


def normal(order: Order) -> Order:
    """None where the order changes nothing."""
    return None if order is None or bool((order == np.arange(order.size)).all()) else order


def inverse(order: Order) -> Order:
    """The order that undoes this one."""
    if order is None:
        return None
    undo = np.empty_like(order)
    undo[order] = np.arange(order.size)
    return undo


def then(first: Order, second: Order) -> Order:
    """``x[first][second]`` as one order."""
    if first is None or second is None:
        return first if second is None else second
    return normal(first[second])


def same(one: Order, other: Order) -> bool:
    """Whether two orders are the same."""
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))


def joined(found: Sequence[Order], sizes: Sequence[int]) -> Order:
    """Orders of neighboring ranges as one order."""
    starts = accumulate(sizes, initial=0)
    return normal(
        np.concatenate([s + (np.arange(n) if o is None else o) for o, n, s in zip(found, sizes, starts, strict=False)])
    )


def at(order: Order, positions: Array) -> Array:
    """The positions that an order reads."""
    return positions if order is None else order[positions]


def parity(order: Order) -> float:
    """Sign of the permutation."""
    if order is None:
        return 1.0
    seen, sign = np.zeros(order.size, bool), 1.0
    for start in range(order.size):
        length, i = 0, start
        while not seen[i]:
            seen[i], i, length = True, int(order[i]), length + 1
        sign = -sign if length and length % 2 == 0 else sign
    return sign


def transposed(sizes: Sequence[int], axes: Sequence[int]) -> Array:
    """Order that reads a tensor of these sizes with its axes rearranged: x.reshape(sizes).transpose(axes).ravel()."""
    return np.arange(prod(sizes)).reshape(sizes).transpose(axes).ravel()


def as_transposition(order: Array, sizes: Sequence[int]) -> tuple[int, ...] | None:
    """The axes such that ``order`` is ``transposed(sizes, axes)``; None where it is no rearrangement of these axes."""
    if not 1 < len(sizes) <= _MAX_ITEMS or order[0] != 0:
        return None
    index = np.arange(order.size).reshape(sizes)
    for axes in permutations(range(len(sizes))):
        view = index.transpose(axes)
        if np.array_equal(view.ravel()[:64], order[:64]) and np.array_equal(view.ravel(), order):
            return axes
    return None
