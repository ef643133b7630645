"""Where a search for permutations begins: groups of columns or rows read off a matrix whose order is unknown (T31)."""

from __future__ import annotations

import numpy as np

from ..operators.arrays import Array
from .permutations_assignment import Places, cluster

# Losses below this part of the whole are rounding, or chance; scores this near are equally good.
_TIE = 1e-3


def by_magnitude(B: Array, places: Places, rng: np.random.Generator) -> Array:
    """Groups of rows, from the correlation of the magnitudes of their entries.

    In a slice of low rank, |entries| of two rows share the factor of the column; rows of different groups share nothing. One
    product of matrices sees this for all pairs of rows, with noise and for every block rank. Where all magnitudes are
    equal it says nothing (:func:`by_ratio`).
    """
    magnitude = np.sqrt(np.abs(B))
    centered = magnitude - magnitude.mean(axis=0)
    centered -= centered.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centered, axis=1, keepdims=True)
    centered /= np.where(norm > 0, norm, 1.0)
    return cluster(centered @ centered.T, places, rng)


def by_ratio(B: Array, places: Places, rng: np.random.Generator) -> Array:
    """Groups of columns of a matrix of block rank 1, from ratios of rows.

    Two rows of one group have the same ratio on all columns of a group. A ratio with few values tells groups of groups
    (two, for ±1); more rows split these until the groups have their size.
    """
    groups, parts = places.groups, places.parts
    reference = B[rng.choice(np.flatnonzero(B.any(axis=1)))] if B.any() else B[0]
    while len(parts) < groups:
        more = groups // len(parts)
        parts = _split(B, reference, parts, [f for f in range(2, more + 1) if more % f == 0], rng)
    return parts


def at_random(places: Places, rng: np.random.Generator) -> Array:
    """Any groups."""
    noise = rng.random((len(places.class_of),) * 2)
    return cluster(noise + noise.T, places, rng, sweeps=0)


def _split(B: Array, reference: Array, parts: Array, factors: list[int], rng: np.random.Generator) -> Array:
    """Split each part of the columns in f, by the row and the f whose ratios separate best."""
    count, size = parts.shape
    z = _ratio(B[:, parts], reference[parts])  # (rows, parts, size)
    order = np.argsort(np.angle(z), axis=2)
    z = np.take_along_axis(z, order, axis=2)
    total = np.maximum(np.abs(z).sum(axis=(1, 2)), np.finfo(float).tiny)
    scores, firsts = [], []
    for f in factors:
        apart, first = _sums(z, size // f, size // f)
        merged, _ = _sums(z, 2 * size // f, 2 * size // f if f % 2 == 0 else size // f)
        scores.append((1 - apart / total + _TIE) / (1 - merged / total + _TIE))
        firsts.append(first)
    score = np.array(scores)
    best = np.flatnonzero(score.ravel() <= score.min() * (1 + _TIE))
    at, row = divmod(int(rng.choice(best)), score.shape[1])
    first = firsts[at][row][:, None]
    places = (np.arange(size) + first) % size
    return np.take_along_axis(parts, order[row][np.arange(count)[:, None], places], axis=1).reshape(
        -1, size // factors[at]
    )


def _ratio(rows: Array, reference: Array) -> Array:
    """Points of the plane whose angle is that of rows/reference, doubled for real numbers, whose ratios are lines."""
    return rows * reference.conj() if rows.dtype.kind == "c" else (reference + 1j * rows) ** 2


def _sums(z: Array, width: int, step: int) -> tuple[Array, Array]:
    """Sum of |sum over a window| over windows on a circle, ``step`` apart, from the best first place; and these places.

    Every point is counted once: width/step windows over it are averaged.
    """
    rows, parts, size = z.shape
    sums = np.zeros((rows, parts, size + width + 1), complex)
    np.cumsum(np.concatenate([z, z[..., :width]], axis=2), axis=2, out=sums[..., 1:])
    window = np.abs(sums[..., width : width + size] - sums[..., :size]).reshape(rows, parts, size // step, step)
    kept = window.sum(axis=2) * (step / width)
    return kept.max(axis=2).sum(axis=1), kept.argmax(axis=2)
