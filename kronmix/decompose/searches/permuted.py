"""Families of structures after a reordering of rows and columns (T31)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from ..factorization import Factorization
from ..permutations import Structure, find_permutations
from .closed import monarch_sizes
from .curves import Curve
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
    """

    name: str
    structure: Structure
    is_optimal: bool = False

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        for sizes in self._shapes(spectra):
            if found := list(self._ranks(spectra, sizes)):
                yield self._curve(spectra, sizes, found)

    def _curve(self, spectra: Spectra, sizes: tuple[int, ...], found: Sequence[Factorization]) -> Curve:
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

    def _ranks(self, spectra: Spectra, sizes: tuple[int, ...]) -> Iterator[Factorization]:
        before = 1.0
        for rank in count(1):
            found = self.fit(spectra.matrix, sizes, rank)
            if found.n_parameters + sum(spectra.shape) >= spectra.matrix.size:
                return
            yield found
            if found.relative_error**2 <= spectra.floor or found.relative_error > _GAIN * before:
                return
            before = found.relative_error

    def _shapes(self, spectra: Spectra) -> Iterator[tuple[int, ...]]:
        yield from monarch_sizes(spectra)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        return find_permutations(B, self._asked(sizes), self.structure, rank, restarts=_RESTARTS).factorization

    def _asked(self, sizes: tuple[int, ...]) -> Any:
        return sizes


class PermutedKroneckerFamily(PermutedFamily):
    """Sums of Kronecker products in another order."""

    def _shapes(self, spectra: Spectra) -> Iterator[tuple[int, ...]]:
        yield from (sizes for sizes in spectra.splittings(*spectra.shape) if min(sizes) > 1)

    def _asked(self, sizes: tuple[int, ...]) -> Any:
        p, k, q, s = sizes
        return (p, k), (q, s)


class PermutedButterflyFamily(PermutedFamily):
    """Butterflies of three factors or more in another order, from coarse to fine."""

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        m, n = spectra.shape
        waiting: list[tuple[int, ...]] = [(p, n // p) for p in divisors(n)[1:-1]] if m == n else []
        seen: set[tuple[int, ...]] = set()
        while waiting:
            radices = waiting.pop(0)
            found = self.fit(spectra.matrix, radices, 1)
            if len(radices) > 2 and found.n_parameters + 2 * n < spectra.matrix.size:
                yield self._curve(spectra, radices, [found])
            if found.relative_error < _HOPELESS:
                finer = [
                    (*radices[:i], p, radices[i] // p, *radices[i + 1 :])
                    for i in range(len(radices))
                    for p in divisors(radices[i])[1:-1]
                ]
                waiting += [each for each in finer if each not in seen]
                seen.update(finer)


PERMUTED = (
    PermutedKroneckerFamily("permuted Kronecker sum", "kronecker"),
    PermutedFamily("permuted Monarch", "monarch"),
    PermutedButterflyFamily("permuted butterfly", "butterfly"),
)
