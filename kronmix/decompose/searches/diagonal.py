"""A diagonal matrix plus a structured one, found by completing the diagonal of the structured one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...operators import Diagonal, StructuredOperator
from ..factorization import Factorization, Target, target
from .completion import complete
from .curves import Candidate, Curve, Family
from .front import Candidates, lower_hull
from .hollow import Hollow, OffDiagonal
from .spectra import Spectra

Array = np.ndarray[Any, np.dtype[Any]]

# Mean squares of the matrix that a completed diagonal may take up beside D: structures are incoherent with it, more or less.
_TAKEN_UP = 0, 2
# Shapes and ranks completed for each of these, and the part of the squared error known at as many numbers below which they must
# be expected.
_ROWS, _GAIN = 3, 0.96


@dataclass(frozen=True)
class DiagonalFamily:
    """D + M with a diagonal matrix D and M of another family, of shapes with square factors.

    D takes up the diagonal whatever M is: M is the nearest structure of a matrix with a free diagonal. The spectra of the matrix
    without its diagonal tell at which shapes and ranks, of at most half the numbers, that may be worth its n numbers; those
    are completed by alternating half-steps, exact where the family's optimum is. Submatrices off the diagonal bound every
    error from below.

    Parameters
    ----------
    inner : Family
        M's.
    known : sequence of Candidate
        What is known already at each number of numbers stored.
    """

    inner: Family
    known: Sequence[Candidate] = ()
    is_optimal: bool = False

    @property
    def name(self) -> str:
        return f"diagonal + {self.inner.name}"

    def beyond(self, known: Sequence[Candidate]) -> Sequence[DiagonalFamily]:
        """The same where something is known already."""
        return (replace(self, known=known),)

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        m, n = spectra.shape
        if m != n:
            return
        chosen = self._promising(spectra)
        if not chosen:
            return
        for bound in self.inner.curves(spectra.derived(Hollow).derived(OffDiagonal)):
            if indices := chosen.get(bound.sizes):
                yield self._completed(spectra, bound, indices)

    def _promising(self, spectra: Spectra) -> dict[tuple[int, ...], list[int]]:
        """Shapes and ranks to complete: corners of the front without the diagonal, where they may beat what is known."""
        n = spectra.shape[0]
        starts = [
            replace(curve, n_parameters=curve.n_parameters + n).within(n * n // 2)
            for curve in self.inner.curves(spectra.derived(Hollow))
        ]
        rows = Candidates(starts).best(lambda curve: curve.n_parameters)
        numbers = np.array([starts[i].n_parameters[j] for i, j in rows])
        error2 = np.array([starts[i].error2[j] for i, j in rows])
        known2 = np.array([np.inf, *(row.relative_error**2 for row in self.known)])
        before = known2[np.searchsorted([row.n_parameters for row in self.known], numbers, side="right")]
        chosen: dict[tuple[int, ...], list[int]] = {}
        for mean_squares in _TAKEN_UP:
            expected2 = np.maximum(error2 - mean_squares / n, spectra.floor)
            lowest = np.minimum.accumulate([np.inf, *expected2])[:-1]
            open_ = np.flatnonzero((before > spectra.floor) & (expected2 < _GAIN * before) & (expected2 < lowest))
            hull = [int(open_[i]) for i in lower_hull(np.log(numbers[open_]), np.log(expected2[open_]))]
            for at in {hull[i] for i in np.linspace(0, len(hull) - 1, _ROWS).round().astype(int)} if hull else ():
                curve, index = rows[at]
                chosen.setdefault(starts[curve].sizes, []).append(index)
        return {sizes: sorted(set(indices)) for sizes, indices in chosen.items()}

    def _completed(self, spectra: Spectra, bound: Curve, indices: list[int]) -> Curve:
        n, norm2 = spectra.shape[0], spectra.aim.norm**2
        found = [self._nearest(spectra.aim, bound.sizes, int(bound.ranks[i]))[1] for i in indices]
        error2 = np.maximum(np.array(found) / norm2, spectra.floor)
        kept = np.array(indices)
        return Curve(
            self,
            bound.sizes,
            bound.ranks[kept],
            bound.n_parameters[kept] + n,
            bound.connections[kept] + n,
            error2,
            np.minimum(bound.least2[kept], error2),
        )

    def _nearest(self, aim: Target, sizes: tuple[int, ...], rank: int) -> tuple[StructuredOperator, float]:
        """Of the scaled matrix, with factors in the precision asked for, and the square of its error."""
        n = aim.matrix.shape[0]
        on = np.arange(n), np.arange(n)
        hollow = aim.matrix.copy()
        hollow[on] = 0
        found = complete(hollow, on, lambda M: self.inner.fit(M, sizes, rank).operator)
        stored = found.operator.with_factors(*(f.astype(aim.dtype, copy=False) for f in found.operator.factors))
        wide = stored.to_dense().astype(aim.matrix.dtype, copy=False)
        left = aim.matrix - wide
        d = left[on].astype(aim.dtype, copy=False)
        left[on] -= d
        return Diagonal(d) + stored, float(np.linalg.norm(left)) ** 2

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        aim = target(B)
        operator, error2 = self._nearest(aim, sizes, rank)
        bounds = self.inner.curves(Spectra(aim).derived(Hollow).derived(OffDiagonal))
        bound = next(curve for curve in bounds if curve.sizes == sizes)
        least2 = float(bound.least2[np.flatnonzero(bound.ranks == rank)[0]]) * aim.norm**2
        scale = float(np.ldexp(1.0, aim.exponent))
        return aim.result(operator.scale(scale) if aim.exponent else operator, error2, least2)
