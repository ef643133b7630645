"""Families of structures after a reordering of rows and columns (T31)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Self

import numpy as np

from ...patterns import prime_factors
from ..factorization import Factorization
from ..permutations import Structure, find_permutations
from .closed import monarch_sizes
from .curves import Candidate, Curve
from .spectra import Spectra, divisors

#: Starts of the search for each shape.
_RESTARTS = 4
# One more rank is tried as long as the last one left less than this part of the error.
_GAIN = 0.9
# A butterfly with more factors is nowhere nearer: it is tried only where the one with two factors merged leaves less of the norm.
_HOPELESS = 0.3


@dataclass(frozen=True)
class PermutedFamily:
    """P · structure · Q, rank by rank as long as the error falls; the orders of rows and columns are counted as numbers stored.

    Parameters
    ----------
    name : str
    structure : {"monarch", "kronecker", "butterfly"}
    known : sequence of Candidate
        Front of what was found before: nothing larger than an exact one of these is tried.
    limit : int, optional
        Most numbers that may be stored: no second rank is tried beyond it (a first one tells how small the smallest is), and no
        butterfly where the finest stores more.
    """

    name: str
    structure: Structure
    is_optimal: bool = False
    known: Sequence[Candidate] = ()
    limit: int | None = None

    def beyond(self, known: Sequence[Candidate], limit: int | None = None) -> Sequence[Self]:
        """The same where something is known already."""
        return (replace(self, known=known, limit=limit),)

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        for sizes in self._shapes(spectra):
            if found := list(self._of_all_ranks(spectra, sizes)):
                yield self._curve_of(spectra, sizes, found)

    def _curve_of(self, spectra: Spectra, sizes: tuple[int, ...], found: Sequence[Factorization]) -> Curve:
        """One curve of the factorizations found with ranks 1, 2, …; both permutations are counted as numbers."""
        more = sum(spectra.shape)
        bounds = [row.lower_bound / row.error * row.relative_error if row.error > 0 else 0.0 for row in found]
        return Curve(
            self,
            sizes,
            np.arange(1, len(found) + 1),
            np.array([row.n_parameters + more for row in found]),
            np.array([row.operator.connections for row in found]),
            np.array([max(row.relative_error**2, spectra.floor) for row in found]),
            np.array(bounds) ** 2,
        )

    def _of_all_ranks(self, spectra: Spectra, sizes: tuple[int, ...]) -> Iterator[Factorization]:
        """Factorizations of rank 1, 2, … until one is exact or no longer gains enough."""
        before = 1.0
        for rank in range(1, self._largest_rank(spectra, sizes) + 1):
            found = self.fit(spectra.matrix, sizes, rank)
            yield found
            if found.relative_error**2 <= spectra.floor or found.relative_error > _GAIN * before:
                return
            before = found.relative_error

    def _largest_rank(self, spectra: Spectra, sizes: tuple[int, ...]) -> int:
        """The last one with fewer numbers, the orders counted, than the entries and than an exact candidate."""
        exact = [row.n_parameters for row in self.known if row.relative_error**2 <= 2 * spectra.floor]
        more, each = sum(spectra.shape), self._numbers(sizes)
        largest = (min([spectra.matrix.size, *exact]) - more - 1) // each
        return max(largest if self.limit is None else min(largest, max((self.limit - more) // each, 1)), 0)

    def _shapes(self, spectra: Spectra) -> Iterator[tuple[int, ...]]:
        yield from monarch_sizes(spectra)

    def _numbers(self, sizes: tuple[int, ...]) -> int:
        """Stored by each rank."""
        p, k, q, s = sizes
        return q * k * (p + s)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        return find_permutations(B, self._asked(sizes), self.structure, rank, restarts=_RESTARTS).factorization

    def _asked(self, sizes: tuple[int, ...]) -> Any:
        """What :func:`find_permutations` takes as sizes."""
        return sizes


class PermutedKroneckerFamily(PermutedFamily):
    """Sums of Kronecker products in another order, in which A ⊗ B is B ⊗ A: one of the two shapes stands for both."""

    def _shapes(self, spectra: Spectra) -> Iterator[tuple[int, ...]]:
        every = spectra.splittings(*spectra.shape)
        yield from (sizes for sizes in every if min(sizes) > 1 and sizes[:2] <= sizes[2:])

    def _numbers(self, sizes: tuple[int, ...]) -> int:
        p, k, q, s = sizes
        return p * k + q * s

    def _asked(self, sizes: tuple[int, ...]) -> Any:
        p, k, q, s = sizes
        return (p, k), (q, s)


class PermutedButterflyFamily(PermutedFamily):
    """Butterflies of three factors or more in another order, from coarse to fine."""

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        m, n = spectra.shape
        waiting: list[tuple[int, ...]] = []
        finest = prime_factors(n)  # stores least
        allowed = self.limit is None or self._numbers(finest) + m + n <= self.limit
        if m == n and allowed and self._largest_rank(spectra, finest) > 0:
            waiting = [(p, n // p) for p in divisors(n)[1:-1]]
        seen: set[tuple[int, ...]] = set()
        while waiting:
            radices = waiting.pop(0)
            found = self.fit(spectra.matrix, radices, 1)
            if len(radices) > 2 and self._largest_rank(spectra, radices) > 0:
                yield self._curve_of(spectra, radices, [found])
            if found.relative_error < _HOPELESS:
                finer = [
                    (*radices[:i], p, radices[i] // p, *radices[i + 1 :])
                    for i in range(len(radices))
                    for p in divisors(radices[i])[1:-1]
                ]
                waiting += [each for each in finer if each not in seen]
                seen.update(finer)

    def _numbers(self, sizes: tuple[int, ...]) -> int:
        return prod(sizes) * sum(sizes)


PERMUTED = (
    PermutedFamily("permuted Monarch", "monarch"),
    PermutedKroneckerFamily("permuted Kronecker sum", "kronecker"),
    PermutedButterflyFamily("permuted butterfly", "butterfly"),
)
