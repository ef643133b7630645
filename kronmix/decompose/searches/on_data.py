"""Families whose errors are counted on data: ‖(B − M) Σ^½‖_F over ‖B Σ^½‖_F (T32)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data_aware import DataFactorization
from ..factorization import Factorization
from ..kronecker import nearest_kronecker
from ..low_rank import nearest_low_rank
from ..monarch import nearest_monarch
from .curves import Candidate, Curve
from .spectra import Spectra

Array = np.ndarray[Any, np.dtype[Any]]
Nearest = Callable[..., Factorization]

#: Rows of each family's plain front that are fitted to the data.
_ROWS = 8


@dataclass(frozen=True)
class DataFamily:
    """One family at the shapes and ranks that are best without data, each fitted to the data."""

    name: str
    is_optimal: bool
    nearest: Nearest
    B: Any
    covariance: Array
    rows: Sequence[Candidate]

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        for row in self.rows:
            found = self.fit(self.B, row.sizes, row.rank)
            assert isinstance(found, DataFactorization)  # covariance is given
            error = max(found.relative_data_error, spectra.floor)  # less is rounding
            scale = found.relative_data_error / found.data_error if found.data_error > 0 else 0.0
            least = found.data_lower_bound * scale
            counts = np.array([row.rank]), np.array([row.n_parameters]), np.array([row.connections])
            yield Curve(self, row.sizes, *counts, np.array([error**2]), np.array([min(least, error) ** 2]))

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        return self.nearest(B, sizes, rank, covariance=self.covariance)


def _low_rank(B: Any, sizes: tuple[int, ...], rank: int, **data: Any) -> Factorization:
    return nearest_low_rank(B, rank, **data)


def _kronecker(B: Any, sizes: tuple[int, ...], rank: int, **data: Any) -> Factorization:
    p, k, q, s = sizes
    return nearest_kronecker(B, ((p, k), (q, s)), rank, **data)


def _monarch(B: Any, sizes: tuple[int, ...], rank: int, **data: Any) -> Factorization:
    p, k, q, s = sizes
    return nearest_monarch(B, (p, k, q, s), rank, **data)


#: Fits to data, given as ``inputs=`` or ``covariance=``, of the families that have one, by name.
DATA_FITS: dict[str, Nearest] = {"low rank": _low_rank, "Kronecker sum": _kronecker, "Monarch": _monarch}
#: Families whose fit is exact for every Σ.
_EXACT = ("low rank",)


def data_families(B: Any, covariance: Array, fronts: Callable[[str], Sequence[Candidate]]) -> list[DataFamily]:
    """Families with rows of their own plain fronts, evenly thinned; ``fronts`` gives the front of one family."""
    families = []
    for name, nearest in DATA_FITS.items():
        rows = fronts(name)
        if rows:
            levels = np.geomspace(rows[0].n_parameters, rows[-1].n_parameters, _ROWS)
            numbers = [row.n_parameters for row in rows]
            kept = np.unique(np.searchsorted(numbers, levels.round().astype(int), side="right") - 1)
            chosen = [rows[i] for i in kept if i >= 0]
            families.append(DataFamily(name, name in _EXACT, nearest, B, covariance, chosen))
    return families
