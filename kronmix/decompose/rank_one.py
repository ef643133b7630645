"""Best rank-one approximation of a tensor, u₁ ⊗ … ⊗ u_k, and a bound on how good any can be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import prod
from typing import Any

import numpy as np

from .truncation import truncate

Array = np.ndarray[Any, np.dtype[Any]]

#: Two-group splittings tried for the bound: all of them up to six axes.
_SPLITTINGS = 31
_RANDOM_STARTS = 4
_SWEEPS = 500


def rank_one(T: Array) -> tuple[tuple[Array, ...], float]:
    """Vectors whose outer product is near T, and a square below which no rank-one tensor's squared distance lies.

    Every rank-one tensor is a rank-one matrix for any splitting of the axes into two groups, so that each splitting's truncated SVD
    bounds the distance from below. The vectors come from alternating least squares (each half-step exact) from several starts: one
    truncated SVD after another in each order of the axes, the leading vector of every axis (HOSVD), and random ones. A product is
    found exactly by the first.

    Parameters
    ----------
    T : array with at least two axes, float64 or complex128

    References
    ----------
    De Lathauwer, De Moor & Vandewalle, *On the best rank-1 … approximation of higher-order tensors*, 2000.
    """
    axes = tuple(range(T.ndim))
    least2 = 0.0
    for group in _splittings(T.ndim):
        found = truncate(_unfold(T, group)[None], 1, 0.0)
        least2 = max(least2, float(found.error2[0] - found.excess[0]))
    best: tuple[Array, ...] = tuple(np.zeros(n, T.dtype) for n in T.shape)
    value = 0.0
    enough = (1 - 1e-14) * (float(np.linalg.norm(T)) ** 2 - least2)
    for start in _starts(T, axes):
        vectors, found_value = _alternate(T, start)
        if found_value > value:
            best, value = vectors, found_value
        if value**2 >= enough:  # meets the bound: no other start can be better
            break
    return best, least2


def _splittings(k: int) -> Iterator[tuple[int, ...]]:
    """Groups of axes, one of each complementary pair: single axes, then larger groups."""
    count = 0
    for size in range(1, k // 2 + 1):
        for group in combinations(range(k), size):
            if 2 * size == k and 0 not in group:
                continue
            yield group
            count += 1
            if count == _SPLITTINGS:
                return


def _unfold(T: Array, group: tuple[int, ...]) -> Array:
    """Matrix with the axes of a group as rows."""
    rest = tuple(axis for axis in range(T.ndim) if axis not in group)
    rows = prod(T.shape[axis] for axis in group)
    return np.ascontiguousarray(T.transpose(*group, *rest)).reshape(rows, -1)


def _starts(T: Array, axes: tuple[int, ...]) -> Iterator[list[Array]]:
    """Start vectors: axes split off one by one in each order, singular vectors of unfoldings, random ones."""
    for first in axes:
        yield _successive(T, (*axes[first:], *axes[:first]))
    yield [truncate(_unfold(T, (axis,))[None], 1, 0.0).left[0, :, 0] for axis in axes]
    rng = np.random.default_rng(20240607)
    for _ in range(_RANDOM_STARTS):
        yield [
            (rng.standard_normal((2, n)).T @ (1, 1j)).astype(T.dtype) if T.dtype.kind == "c" else rng.standard_normal(n)
            for n in T.shape
        ]


def _successive(T: Array, order: tuple[int, ...]) -> list[Array]:
    """Split off one axis after another, each by the best rank-one matrix of what remains."""
    vectors: dict[int, Array] = {}
    remaining = T.transpose(order)
    for axis in order[:-1]:
        found = truncate(remaining.reshape(1, remaining.shape[0], -1), 1, 0.0)
        vectors[axis] = found.left[0, :, 0]
        remaining = found.right[0, 0].reshape(remaining.shape[1:])
    vectors[order[-1]] = remaining
    return [vectors[axis] for axis in range(T.ndim)]


def _alternate(T: Array, start: list[Array]) -> tuple[tuple[Array, ...], float]:
    """Alternating least squares: each vector in turn is the contraction of T with the others."""
    vectors = [_unit(v) for v in start]
    value = 0.0
    for _ in range(_SWEEPS):
        before = value
        for axis in range(T.ndim):
            contracted = _contract(T, vectors, axis)
            value = float(np.linalg.norm(contracted))
            if value == 0:
                return tuple(vectors), 0.0
            vectors[axis] = contracted / value
        if value <= before * (1 + 1e-14):
            break
    share = value ** (1 / T.ndim)
    return tuple(share * v for v in vectors), value


def _contract(T: Array, vectors: list[Array], kept: int) -> Array:
    """⟨⊗_{j ≠ kept} v_j, T⟩, the later axes first, so that each step is a product with a vector."""
    for axis in range(T.ndim - 1, kept, -1):
        T = T @ vectors[axis].conj()
    for axis in range(kept):
        T = np.tensordot(vectors[axis].conj(), T, axes=(0, 0))
    return T


def _unit(v: Array) -> Array:
    norm = float(np.linalg.norm(v))
    return v / norm if norm > 0 else v
