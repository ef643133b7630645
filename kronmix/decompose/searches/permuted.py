"""Families of structures after a reordering of rows and columns (T31)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from ..factorization import Factorization
from ..permutations import find_permutations
from .closed import monarch_sizes
from .curves import Curve
from .spectra import Spectra

#: Starts of the search for each shape.
_RESTARTS = 4


class PermutedFamily:
    """P · structure · Q for every shape at rank 1; the orders of rows and columns are counted among the numbers stored.

    Parameters
    ----------
    structure : {"monarch", "kronecker"}
    name : str
    """

    is_optimal = False

    def __init__(self, structure: Literal["monarch", "kronecker"], name: str) -> None:
        self.structure: Literal["monarch", "kronecker"] = structure
        self.name = name

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        m, n = spectra.shape
        for p, k, q, s in self._sizes(spectra):
            found = self.fit(spectra.matrix, (p, k, q, s), 1)
            op = found.operator
            one, numbers = np.array([1]), np.array([op.n_parameters + m + n])
            if numbers[0] < spectra.matrix.size:
                squares = np.array([found.relative_error**2]), np.array([found.lower_bound**2])
                yield Curve(self, (p, k, q, s), one, numbers, np.array([op.connections]), *squares)

    def _sizes(self, spectra: Spectra) -> Iterator[tuple[int, int, int, int]]:
        if self.structure == "monarch":
            yield from monarch_sizes(spectra)
        else:
            for p, k, q, s in spectra.splittings(*spectra.shape):
                if min(p, k, q, s) > 1:
                    yield p, k, q, s

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        p, k, q, s = sizes
        asked = sizes if self.structure == "monarch" else ((p, k), (q, s))
        return find_permutations(B, asked, self.structure, rank, restarts=_RESTARTS).factorization


PERMUTED = (PermutedFamily("kronecker", "permuted Kronecker"), PermutedFamily("monarch", "permuted Monarch"))
