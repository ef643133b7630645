"""Structures beside a diagonal matrix, and Kronecker products cut out of larger ones: found by completing entries that are free."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from ...operators import Diagonal, StructuredOperator
from ...operators.chain import cut
from ..factorization import Factorization, Target, target
from .completion import Completed, complete
from .curves import Candidate, Curve, Family
from .front import Candidates, lower_hull
from .hollow import Hollow, OffDiagonal
from .padding import Extended, Inside, extended, free_entries
from .spectra import Spectra

Array = np.ndarray[Any, np.dtype[Any]]

# Mean squares of the matrix that a completed free entry may take up: structures are incoherent with these entries, more or less.
_TAKEN_UP = 0, 2
# Shapes and ranks completed for each of these, and the part of the squared error known at as many numbers below which they must
# be expected.
_ROWS, _GAIN = 3, 0.96


@dataclass(frozen=True)
class CompletedFamily(ABC):
    """Another family's structures where some entries are free.

    The spectra of the matrix with zeros there tell at which shapes and ranks, of at most half the numbers, that may beat what is
    known; those are completed by alternating half-steps, exact where the family's optimum is. Submatrices without free entries
    bound every error from below.

    Parameters
    ----------
    inner : Family
    known : sequence of Candidate
        What is known already at each number of numbers stored.
    """

    inner: Family
    known: Sequence[Candidate] = ()
    is_optimal: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """What rows and tables say."""

    @abstractmethod
    def _start(self, spectra: Spectra) -> Spectra | None:
        """Spectra of the matrix with zeros at the free entries; None where there is no such structure."""

    @abstractmethod
    def _bound(self, spectra: Spectra) -> Spectra:
        """Spectra of submatrices without free entries, which give lower bounds."""

    @abstractmethod
    def _free(self, shape: tuple[int, int]) -> tuple[int, float]:
        """Numbers stored beside the structure's, and the share of the free entries."""

    @abstractmethod
    def _nearest(self, aim: Target, sizes: tuple[int, ...], rank: int) -> tuple[StructuredOperator, float]:
        """Nearest operator to the scaled matrix, in the precision asked for, and the square of its error."""

    def beyond(self, known: Sequence[Candidate]) -> Sequence[Self]:
        """The same where something is known already."""
        return (replace(self, known=known),)

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        start = self._start(spectra)
        chosen = {} if start is None else self._promising(start, spectra.shape)
        if chosen:
            for bound in self.inner.curves(self._bound(spectra)):
                if indices := chosen.get(bound.sizes):
                    yield self._completed(spectra, bound, np.array(indices))

    def _promising(self, start: Spectra, shape: tuple[int, int]) -> dict[tuple[int, ...], list[int]]:
        """Shapes and ranks to complete: corners of the front with zeros, where they may beat what is known."""
        more, share = self._free(shape)
        starts = [
            replace(curve, n_parameters=curve.n_parameters + more).within(shape[0] * shape[1] // 2)
            for curve in self.inner.curves(start)
        ]
        rows = Candidates(starts).best(lambda curve: curve.n_parameters)
        numbers = np.array([starts[i].n_parameters[j] for i, j in rows])
        error2 = np.array([starts[i].error2[j] for i, j in rows])
        known2 = np.array([np.inf, *(row.relative_error**2 for row in self.known)])
        before = known2[np.searchsorted([row.n_parameters for row in self.known], numbers, side="right")]
        chosen: dict[tuple[int, ...], list[int]] = {}
        for mean_squares in _TAKEN_UP:
            expected2 = np.maximum(error2 - mean_squares * share, start.floor)
            lowest = np.minimum.accumulate([np.inf, *expected2])[:-1]
            open_ = np.flatnonzero((before > start.floor) & (expected2 < _GAIN * before) & (expected2 < lowest))
            hull = [int(open_[i]) for i in lower_hull(np.log(numbers[open_]), np.log(expected2[open_]))]
            for at in {hull[i] for i in np.linspace(0, len(hull) - 1, _ROWS).round().astype(int)} if hull else ():
                curve, index = rows[at]
                chosen.setdefault(starts[curve].sizes, []).append(index)
        return {sizes: sorted(set(indices)) for sizes, indices in chosen.items()}

    def _completed(self, spectra: Spectra, bound: Curve, kept: Array) -> Curve:
        """Ranks `kept` of a bound's curve with the errors of their completions, which are computed."""
        aim, (more, _) = spectra.aim, self._free(spectra.shape)
        found = [self._nearest(aim, bound.sizes, int(bound.ranks[i]))[1] for i in kept]
        error2 = np.maximum(np.array(found) / aim.norm**2, spectra.floor)
        counts = bound.ranks[kept], bound.n_parameters[kept] + more, bound.connections[kept] + more
        return Curve(self, bound.sizes, *counts, error2, np.minimum(bound.least2[kept], error2))

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        aim = target(B)
        operator, error2 = self._nearest(aim, sizes, rank)
        bound = next(curve for curve in self.inner.curves(self._bound(Spectra(aim))) if curve.sizes == sizes)
        least2 = float(bound.least2[np.flatnonzero(bound.ranks == rank)[0]]) * aim.norm**2
        return aim.result(_scaled(operator, aim), error2, least2)

    def _complete(self, M: Array, free: tuple[Array, Array], sizes: tuple[int, ...], rank: int) -> Completed:
        """Fit the inner family to M, whose entries at `free` may take any value."""
        return complete(M, free, lambda filled: self.inner.fit(filled, sizes, rank).operator)


@dataclass(frozen=True)
class DiagonalFamily(CompletedFamily):
    """D + M with a diagonal matrix D and M of another family, of shapes with square factors: D is the rest on the diagonal."""

    @property
    def name(self) -> str:
        return f"diagonal + {self.inner.name}"

    def _start(self, spectra: Spectra) -> Spectra | None:
        return spectra.derived(Hollow) if spectra.shape[0] == spectra.shape[1] else None

    def _bound(self, spectra: Spectra) -> Spectra:
        return spectra.derived(Hollow).derived(OffDiagonal)

    def _free(self, shape: tuple[int, int]) -> tuple[int, float]:
        return shape[0], 1 / shape[0]

    def _nearest(self, aim: Target, sizes: tuple[int, ...], rank: int) -> tuple[StructuredOperator, float]:
        on = np.diag_indices(len(aim.matrix))
        hollow = aim.matrix.copy()
        hollow[on] = 0
        stored = _stored(self._complete(hollow, (on[0], on[1]), sizes, rank).operator, aim)
        left = aim.matrix - stored.to_dense()
        d = left[on].astype(aim.dtype, copy=False)
        left[on] -= d
        return Diagonal(d) + stored, float(np.linalg.norm(left)) ** 2


@dataclass(frozen=True)
class PaddedKroneckerFamily(CompletedFamily):
    """Sums of Kronecker products of a larger size, cut: what they have outside the matrix is free."""

    size: tuple[int, int] = (1, 1)

    @property
    def name(self) -> str:
        return f"padded {self.inner.name}"

    def _start(self, spectra: Spectra) -> Spectra | None:
        return spectra.derived(Extended.to(self.size))

    def _bound(self, spectra: Spectra) -> Spectra:
        return spectra.derived(Inside.to(self.size))

    def _free(self, shape: tuple[int, int]) -> tuple[int, float]:
        return 0, 1 - shape[0] * shape[1] / (self.size[0] * self.size[1])

    def _nearest(self, aim: Target, sizes: tuple[int, ...], rank: int) -> tuple[StructuredOperator, float]:
        shape = aim.matrix.shape[0], aim.matrix.shape[1]
        found = self._complete(extended(aim.matrix, self.size), free_entries(shape, self.size), sizes, rank)
        stored = cut(_stored(found.operator, aim), shape)
        return stored, float(np.linalg.norm(aim.matrix - stored.to_dense())) ** 2


@dataclass(frozen=True)
class PaddedFamily:
    """Another family's structures of a larger size, cut to the matrix.

    With zeros outside, every slice is one of the matrix with rows and columns of zeros, where the best approximation is zero too:
    it is the best of all cut structures, and the numbers in the factors are all counted.
    """

    inner: Family
    size: tuple[int, int]

    @property
    def name(self) -> str:
        return f"padded {self.inner.name}"

    @property
    def is_optimal(self) -> bool:
        return self.inner.is_optimal

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        for curve in self.inner.curves(spectra.derived(Extended.to(self.size))):
            yield replace(curve, family=self)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        aim = target(B)
        found = self.inner.fit(extended(aim.matrix.astype(aim.dtype, copy=False), self.size), sizes, rank)
        operator = cut(found.operator, (aim.matrix.shape[0], aim.matrix.shape[1]))
        error2 = float(np.linalg.norm(aim.matrix - operator.to_dense())) ** 2
        return aim.result(_scaled(operator, aim), error2, found.lower_bound**2)


def _stored(operator: StructuredOperator, aim: Target) -> StructuredOperator:
    """The operator with factors in the precision asked for."""
    return operator.with_factors(*(factor.astype(aim.dtype, copy=False) for factor in operator.factors))


def _scaled(operator: StructuredOperator, aim: Target) -> StructuredOperator:
    return operator.scale(float(np.ldexp(1.0, aim.exponent))) if aim.exponent else operator
