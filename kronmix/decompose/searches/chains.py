"""Families of chains: two factors on a smaller support (exact), butterflies and longer chains (found, with T28's bound)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd
from typing import Any

import numpy as np

from ...patterns import Pattern, butterfly_patterns, chain_product
from ..chain import nearest_chain
from ..factorization import Factorization
from .curves import Curve, closed_curve
from .spectra import Spectra, divisors, tails

Array = np.ndarray[Any, np.dtype[Any]]


class TwoFactorFamily:
    """Products of every chainable pair of patterns that leaves entries out: Monarch matrices inside blocks (T11).

    With sizes (a, d, p, k, q, s) and rank r: the pair (a, p, k·r, q·d) * (a·k, q·r, s, d). Pairs without zeros in their product are
    low-rank and Monarch matrices.
    """

    name, is_optimal = "chain of two", True

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        m, n = spectra.shape
        common = gcd(m, n)
        for a in divisors(common):
            for d in divisors(common // a):
                if a * d > 1:
                    yield from self._on_support(spectra, a, d)

    def _on_support(self, spectra: Spectra, a: int, d: int) -> Iterator[Curve]:
        """Curves of Monarch matrices inside the Kronecker-sparse support (a, ·, ·, d)."""
        m, n = spectra.shape
        b, c = m // (a * d), n // (a * d)
        inside = float(np.linalg.norm(spectra.block(a, b, c, d))) ** 2
        if inside <= spectra.floor:
            return
        outside = max(spectra.total2 - inside, 0.0)
        for p, k, q, s in spectra.splittings(b, c):
            if p + s < p * s:
                left = outside + tails(spectra.slices(p, k, q, s, a, d).sum(axis=0))
                numbers = a * d * q * k * (p + s)
                yield closed_curve(self, (a, d, p, k, q, s), numbers, numbers, left, spectra)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        a, d, p, k, q, s = sizes
        return nearest_chain(B, [Pattern(a, p, k * rank, q * d), Pattern(a * k, q * rank, s, d)])


class ButterflyFamily:
    """Butterflies of every ordered factorisation of n into three radices or more (two are Monarch matrices).

    Chains that begin alike share the splitting of their first factors, as in :func:`kronmix.nearest_chain`.
    """

    name, is_optimal = "butterfly", False

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        m, n = spectra.shape
        if m == n:
            yield from self._from(spectra, (), spectra.matrix[None], 0.0, 0.0)

    def _from(
        self, spectra: Spectra, radices: tuple[int, ...], Y: Array, error2: float, least2: float
    ) -> Iterator[Curve]:
        """All chains that begin with these radices; Y (P, b, b) is what remains after splitting them off."""
        P, b, _ = Y.shape
        if len(radices) >= 2:
            yield self._one_row_curve(spectra, (*radices, b), error2, least2)
        for p in divisors(b)[1:-1]:
            kept, lost2 = split_leading(Y, p)
            cut = P * p
            optimum2 = float(spectra.slices(cut, cut, spectra.shape[0] // cut, spectra.shape[0] // cut)[:, 1:].sum())
            yield from self._from(spectra, (*radices, p), kept, error2 + lost2, max(least2, optimum2))

    def _one_row_curve(self, spectra: Spectra, radices: tuple[int, ...], error2: float, least2: float) -> Curve:
        numbers = np.array([spectra.shape[0] * sum(radices)])
        found = np.array([max(error2, spectra.floor)])
        least = np.array([max(least2 - spectra.floor, 0.0)])
        return Curve(self, radices, np.array([1]), numbers, numbers, found, least)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        return nearest_chain(B, butterfly_patterns(B.shape[0], sizes))


def split_leading(Y: Array, p: int) -> tuple[Array, float]:
    """Split the first factor of radix p off every Y[i]: what remains, of shape (P·p, b/p, b/p), and the squares lost."""
    P, b, _ = Y.shape
    R = b // p
    Z = Y.reshape(P, p, R, p, R).transpose(0, 3, 2, 1, 4)  # slices [i, κ, β] of shape p × R
    if p <= R:
        _, vectors = np.linalg.eigh(np.matmul(Z, Z.conj().swapaxes(-1, -2)))
        rows = np.matmul(vectors[..., -1:].conj().swapaxes(-1, -2), Z)[..., 0, :]
    else:
        values, vectors = np.linalg.eigh(np.matmul(Z.conj().swapaxes(-1, -2), Z))
        rows = np.sqrt(np.maximum(values[..., -1:], 0.0)) * vectors[..., -1].conj()
    lost2 = float(np.linalg.norm(Y)) ** 2 - float(np.linalg.norm(rows)) ** 2
    return rows.reshape(P * p, R, R), max(lost2, 0.0)


class ChainFamily:
    """Chains of given patterns, found by hierarchical splitting."""

    name, is_optimal = "chain", False

    def __init__(self, patterns: Sequence[Any]) -> None:
        self.patterns = [Pattern(*pattern) for pattern in patterns]
        self.product = chain_product(self.patterns)

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        if self.product.shape != spectra.shape:
            raise ValueError(
                f"families: the patterns {[tuple(p) for p in self.patterns]} multiply to "
                f"{self.product.shape[0]}×{self.product.shape[1]}, B is {spectra.shape[0]}×{spectra.shape[1]}"
            )
        found = nearest_chain(spectra.matrix, self.patterns)
        numbers = np.array([found.n_parameters])
        sizes = tuple(size for pattern in self.patterns for size in pattern)
        squares2 = np.array([found.relative_error**2]), np.array([found.lower_bound**2])
        yield Curve(self, sizes, np.array([1]), numbers, np.array([found.operator.connections]), *squares2)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        return nearest_chain(B, self.patterns)
