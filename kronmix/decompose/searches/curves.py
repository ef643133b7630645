"""What one structure at one shape achieves: every rank's numbers stored, multiply-adds, error and lower bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..factorization import Factorization
from .spectra import Spectra

Array = np.ndarray[Any, np.dtype[Any]]


class Family(Protocol):
    """A kind of structure that the search tries at every shape: what a family of one's own has to provide.

    Parameters
    ----------
    name : str
        What rows and tables say.
    is_optimal : bool
        Whether its errors are the smallest possible.

    Examples
    --------
    >>> [family.name for family in km.decompose.FAMILIES if family.is_optimal][:2]
    ['low rank', 'Kronecker sum']
    """

    @property
    def name(self) -> str:
        """What rows and tables say."""

    @property
    def is_optimal(self) -> bool:
        """Whether every error is the smallest possible."""

    def curves(self, spectra: Spectra) -> Any:
        """Iterate over the shapes, cheapest first: a Curve for each."""

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        """The approximation that a row stands for."""


# An error this near to its bound is the smallest possible.
_MEETS = 1e-9


@dataclass(frozen=True, eq=False)
class Curve:
    """A family at one shape: what each of its ranks stores and achieves.

    Parameters
    ----------
    family : Family
    sizes : tuple of int
        The shape, as in :class:`Candidate`.
    ranks, n_parameters, connections : integer arrays of one length
        By ascending numbers stored.
    error2, least2 : arrays of the same length
        Squared errors and bounds, over ‖B‖²_F.

    Examples
    --------
    >>> curve = km.search(np.eye(6) + np.ones((6, 6)), families=["low rank"]).candidates.curves[0]
    >>> curve.ranks.tolist(), curve.n_parameters.tolist()
    ([1, 2], [12, 24])
    """

    family: Family
    sizes: tuple[int, ...]
    ranks: Array
    n_parameters: Array
    connections: Array
    error2: Array
    least2: Array

    def __len__(self) -> int:
        return len(self.ranks)

    def within(self, limit: int) -> Curve:
        """Only what stores at most ``limit`` numbers."""
        kept = int(np.searchsorted(self.n_parameters, limit, side="right"))
        if kept == len(self):
            return self
        parts = (self.ranks, self.n_parameters, self.connections, self.error2, self.least2)
        return Curve(self.family, self.sizes, *(part[:kept] for part in parts))


@dataclass(frozen=True)
class Candidate:
    """One structure, shape and rank.

    Attributes
    ----------
    family : str
        Kind of structure.
    sizes : tuple of int
        Its shape: (rows, columns) of a low-rank matrix; (p, k, q, s) of Kronecker products p × k ⊗ q × s and of Monarch
        matrices; (a, b, c, d) of a pattern; radices of a butterfly. Of a sum with a diagonal matrix the other term's.
    rank : int
        Rank, number of terms, or block rank; 1 where there is none.
    n_parameters, connections : int
        Numbers stored, and multiply-adds to apply it to one vector.
    relative_error, lower_bound : float
        Error found, and a proved bound for all matrices of this structure, shape and rank, 0 where none is known; both over ‖B‖_F.
    is_optimal : bool
        Whether the error is proved to be the smallest possible for this structure, shape and rank.
    """

    family: str
    sizes: tuple[int, ...]
    rank: int
    n_parameters: int
    connections: int
    relative_error: float
    lower_bound: float
    is_optimal: bool

    @property
    def proved(self) -> str:
        """What is proved of the error, in a table: ``optimal``, ``≥ 0.1``, or ``no bound`` above 0."""
        if self.is_optimal:
            return "optimal"
        return f"≥ {self.lower_bound:.3g}" if self.lower_bound > 0 else "no bound"

    def __str__(self) -> str:
        sizes = "×".join(map(str, self.sizes)) if len(self.sizes) == 2 else f"({', '.join(map(str, self.sizes))})"
        return f"{self.family} {sizes}" + (f", rank {self.rank}" if self.rank > 1 else "")


def candidate(curve: Curve, i: int) -> Candidate:
    """One row of a curve."""
    error, least = (float(np.sqrt(array[i])) for array in (curve.error2, curve.least2))
    return Candidate(
        curve.family.name,
        curve.sizes,
        int(curve.ranks[i]),
        int(curve.n_parameters[i]),
        int(curve.connections[i]),
        error,
        min(least, error),
        curve.family.is_optimal or 0 < error * (1 - _MEETS) <= least,
    )


def closed_curve(
    family: Family, sizes: tuple[int, ...], numbers: Any, connections: Any, left: Array, spectra: Spectra
) -> Curve:
    """Curve of a closed optimum from what every rank leaves, with the rounding of squares on the safe side."""
    ranks = np.arange(1, left.size + 1)
    return Curve(
        family,
        sizes,
        ranks,
        ranks * numbers,
        ranks * connections,
        np.maximum(left, spectra.floor),
        np.maximum(left - spectra.floor, 0.0),
    )
