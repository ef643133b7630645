"""Norms under induced penalties: R(B) ≥ (k/2) N(B)^{2/k} for a structure whose k factors multiply, with N a norm (T17).

For k = 2 that is the convex problem beside a path. For deeper structures R is not convex; a proved bound is left, since the least
loss at a given N(B) is convex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..operators.arrays import Array
from .norms import Norm


@dataclass(frozen=True)
class Gauge:
    """R(B) ≥ (degree/2) norm(B)^{2/degree}.

    Attributes
    ----------
    norm : Norm
        Finite on the B that hold every parameter as often as the structure does, and its zeros; ``prox`` maps to these.
    degree : int
    exact : bool
        Whether this is R wherever the structure represents B.
    """

    norm: Norm
    degree: int
    exact: bool = False

    def penalty(self, size: Array) -> Array:
        """(k/2) size^{2/k}: the bound of R for weights of this norm."""
        return np.asarray(self.degree / 2 * size ** (2 / self.degree))


@dataclass(frozen=True)
class ScaledFrobenius(Norm):
    """‖B‖_F · scale."""

    scale: float = 1.0
    name = "frobenius"

    def value(self, B: Array) -> float:
        return self.scale * float(np.linalg.norm(B))

    def prox(self, B: Array, step: float) -> Array:
        size = float(np.linalg.norm(B))
        return B * (max(1 - step * self.scale / size, 0.0) if size > 0 else 0.0)

    def dual(self, G: Array) -> float:
        return float(np.linalg.norm(G)) / self.scale


def reordered_back(B: Array, rows: Array, columns: Array) -> Array:
    """The matrix whose entry (rows[i], columns[j]) is B[i, j]."""
    return B[np.ix_(np.argsort(rows), np.argsort(columns))]


@dataclass(frozen=True, eq=False)
class PermutedNorm(Norm):
    """A norm of B with its rows and columns put in another order: B[i, j] is entry (rows[i], columns[j]) of what the norm sees."""

    inner: Norm
    rows: Array
    columns: Array

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.inner.name

    def value(self, B: Array) -> float:
        return self.inner.value(reordered_back(B, self.rows, self.columns))

    def prox(self, B: Array, step: float) -> Array:
        return self.inner.prox(reordered_back(B, self.rows, self.columns), step)[np.ix_(self.rows, self.columns)]

    def dual(self, G: Array) -> float:
        return self.inner.dual(reordered_back(G, self.rows, self.columns))


@dataclass(frozen=True)
class SumOverBlocks(Norm):
    """Σ of the norms of blocks of B; zeros elsewhere."""

    norms: tuple[Norm, ...]
    at: tuple[tuple[slice, slice], ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        return " + ".join(dict.fromkeys(norm.name for norm in self.norms))

    def value(self, B: Array) -> float:
        return sum(norm.value(B[at]) for norm, at in zip(self.norms, self.at, strict=True))

    def prox(self, B: Array, step: float) -> Array:
        out = np.zeros_like(B)
        for norm, at in zip(self.norms, self.at, strict=True):
            out[at] = norm.prox(B[at], step)
        return out

    def dual(self, G: Array) -> float:
        return max(norm.dual(G[at]) for norm, at in zip(self.norms, self.at, strict=True))


def over_blocks(gauges: Sequence[Gauge | None], at: tuple[tuple[slice, slice], ...]) -> Gauge | None:
    """The gauge of R = Σ R_i: with p = 2/k ≤ 1, Σ N_i^p ≥ (Σ N_i)^p, and equal for p = 1."""
    known = [gauge for gauge in gauges if gauge is not None]
    degrees = {gauge.degree for gauge in known}
    if len(known) < len(gauges) or len(degrees) != 1 or (degree := degrees.pop()) < 2:
        return None
    exact = degree == 2 and all(gauge.exact for gauge in known)
    return Gauge(SumOverBlocks(tuple(gauge.norm for gauge in known), at), degree, exact)


def least_objective(gauge: Gauge, tangents: Sequence[tuple[float, float]], λ: float) -> float:
    """min over t ≥ 0 of max(0, d_j − a_j t) + λ(k/2)t^{2/k}, from tangents loss ≥ d_j − a_j N(B): no loss(B) + λR(B) is less.

    Between the corners of the maximum the sum is concave for k ≥ 2, and convex for k = 1: its least value is at a corner, or where
    its slope vanishes.

    Examples
    --------
    >>> from kronmix.regularization.gauges import Gauge, ScaledFrobenius, least_objective
    >>> least_objective(Gauge(ScaledFrobenius(), 4), [(1.0, 1.0)], 0.1)  # at t = 1 the loss may vanish: 0.1 · 2 · 1^½
    0.2
    """
    d, a = np.array([*tangents, (0.0, 0.0)]).T
    with np.errstate(divide="ignore", invalid="ignore"):
        corners = ((d[:, None] - d) / (a[:, None] - a)).ravel()
    candidates = [np.zeros(1), corners[np.isfinite(corners) & (corners > 0)]]
    if gauge.degree == 1:
        candidates.append(a / λ)
    t = np.concatenate(candidates)
    return float((np.max(d - a * t[:, None], axis=1) + λ * gauge.penalty(t)).min())
