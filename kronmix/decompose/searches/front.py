"""The front of error against numbers stored, and the approximation that any of its rows stands for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from ..factorization import Factorization
from .curves import Candidate, Curve, candidate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

#: Errors (squared) that differ by less are equal: the smaller, or the plainer, structure is taken.
_EQUAL = 1e-9
#: A relative error below this is what rounding leaves of an exact structure.
_ROUNDING = 1e-12
#: How many times the numbers of the best compromise an exact structure may store and still be the one to choose.
_WORTH = 2
#: Rows of a table.
_ROWS = 8
#: Shares of the entries at which a table has a row.
_LEVELS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


class Candidates(Sequence[Candidate]):
    """Every structure, shape and rank that was looked at: rows made when they are asked for, as there may be millions."""

    def __init__(self, curves: Sequence[Curve]) -> None:
        self.curves = tuple(curves)
        self._ends = list(accumulate(len(curve) for curve in self.curves))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Candidate, ...]: ...
    def __getitem__(self, index: int | slice) -> Candidate | tuple[Candidate, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        i = index + len(self) if index < 0 else index
        if not 0 <= i < len(self):
            raise IndexError(f"candidate {index} of {len(self)}")
        which = bisect_right(self._ends, i)
        curve = self.curves[which]
        return candidate(curve, i - self._ends[which] + len(curve))

    def __repr__(self) -> str:
        return f"Candidates({len(self):,} rows of {len(self.curves):,} structures and shapes)".replace(",", " ")

    def best(self, cost: Callable[[Curve], Array]) -> list[tuple[int, int]]:
        """Pareto-optimal (curve, index): every error smaller than all that cost less; among equals the first curve."""
        limit = max((int(cost(curve)[-1]) for curve in self.curves if len(curve)), default=0)
        error2, which, index = np.full(limit + 1, np.inf), np.full(limit + 1, -1), np.zeros(limit + 1, np.int64)
        for i, curve in enumerate(self.curves):
            at = cost(curve)
            better = curve.error2 < error2[at] * (1 - _EQUAL)
            error2[at[better]], which[at[better]] = curve.error2[better], i
            index[at[better]] = np.flatnonzero(better)
        before = np.concatenate([[np.inf], np.minimum.accumulate(error2)[:-1]])
        kept = np.flatnonzero(error2 < np.where(np.isinf(before), np.inf, before * (1 - _EQUAL)))
        return [(int(which[at]), int(index[at])) for at in kept]


class Line(NamedTuple):
    """One row of a table, and whether it is the chosen one."""

    cells: tuple[str, ...]
    chosen: bool


@dataclass(frozen=True, eq=False)
class Front:
    """Which structures a matrix is near to, and at which cost.

    Attributes
    ----------
    shape : (rows, columns)
    candidates : sequence of Candidate
        Every structure, shape and rank looked at, each with its error and a proved bound.
    front : tuple of Candidate
        Pareto-optimal ones by numbers stored: each has a smaller error than all that store fewer numbers.
    baseline : tuple of float
        Beside each row of the front the relative error of keeping as many of the largest entries (positions not counted).
    interrupted : bool
        Whether the search was stopped before it had looked at everything.
    budget, tolerance : float or None
        As given to the search.
    """

    shape: tuple[int, int]
    candidates: Candidates
    front: tuple[Candidate, ...]
    baseline: tuple[float, ...]
    interrupted: bool
    budget: float | None
    tolerance: float | None
    fit: Callable[[Candidate], Factorization]

    @cached_property
    def front_by_connections(self) -> tuple[Candidate, ...]:
        """Pareto-optimal candidates by multiply-adds instead of numbers stored."""
        return tuple(
            candidate(self.candidates.curves[i], j) for i, j in self.candidates.best(lambda curve: curve.connections)
        )

    def low_rank_error(self, numbers: int) -> float:
        """Relative error of the nearest low-rank matrix that stores at most so many numbers; 1 where none does."""
        curves = (curve.within(numbers) for curve in self.candidates.curves if curve.family.name == "low rank")
        return float(min((curve.error2.min() for curve in curves if len(curve)), default=1.0)) ** 0.5

    def choose(self, budget: float | None = None, tolerance: float | None = None) -> Candidate:
        """Row of the front with the smallest error within a budget, or with the fewest numbers within a tolerance.

        Parameters
        ----------
        budget : int or float, optional
            Numbers stored; below 1 a share of the entries.
        tolerance : float, optional
            Largest relative error. Without either: what was given to the search, else the row at which the share of the norm
            that is kept, 1 − error, is furthest above the share of the numbers that is stored, or the exact row where that
            stores at most twice as many numbers.

        Raises
        ------
        ValueError
            If nothing is that small or that near, or both are given.
        """
        if budget is None and tolerance is None:
            budget, tolerance = self.budget, self.tolerance
        if budget is not None and tolerance is not None:
            raise ValueError("give a budget or a tolerance, not both")
        if not self.front:
            raise ValueError(self._nothing)
        if budget is not None:
            limit = as_numbers_stored(budget, self.shape)
            within = [row for row in self.front if row.n_parameters <= limit]
            if not within:
                least = self.front[0]
                raise ValueError(
                    f"budget={budget:g}: the smallest candidate, {least}, stores {least.n_parameters} numbers"
                )
            return within[-1]
        if tolerance is not None:
            near = [row for row in self.front if row.relative_error <= tolerance]
            if not near:
                raise ValueError(
                    f"tolerance={tolerance}: the nearest candidate, {self.front[-1]}, has a relative error of "
                    f"{self.front[-1].relative_error:.3g}"
                )
            return near[0]
        size = self.shape[0] * self.shape[1]
        knee = max(self.front, key=lambda row: 1 - row.relative_error - row.n_parameters / size)
        exact = self.exact
        return knee if exact is None or exact.n_parameters > _WORTH * knee.n_parameters else exact

    @property
    def _nothing(self) -> str:
        """Why there is no front."""
        if self.interrupted:
            return "the search was interrupted before it had looked at any structure"
        return f"no structure is smaller than the {self.shape[0]}×{self.shape[1]} matrix itself"

    @property
    def exact(self) -> Candidate | None:
        """Row of the front with the fewest numbers that is the matrix itself, up to rounding in float64; None where none is."""
        return next((row for row in self.front if row.relative_error <= _ROUNDING), None)

    def best(self, budget: float | None = None, tolerance: float | None = None) -> Factorization:
        """The approximation of the row that :meth:`choose` takes, with its own certificate."""
        return self.fit(self.choose(budget, tolerance))

    @cached_property
    def corners(self) -> tuple[int, ...]:
        """A dozen rows of the front (their positions): its ends, its steepest corners, and the one to choose.

        Corners are vertices of the lower convex hull, both axes logarithmic; between them the best for 1, 2, 5, 10, 20 and 50 % of
        the entries.
        """
        if not self.front:
            return ()
        numbers = np.array([row.n_parameters for row in self.front])
        hull = lower_hull(np.log(numbers), np.log([max(row.relative_error, 1e-17) for row in self.front]))
        if len(hull) > _ROWS:
            hull = [hull[i] for i in np.unique(np.linspace(0, len(hull) - 1, _ROWS).round().astype(int))]
        levels = np.array(_LEVELS) * self.shape[0] * self.shape[1]
        within = np.searchsorted(numbers, levels, side="right") - 1
        return tuple(sorted({*hull, *(int(i) for i in within if i >= 0), self.front.index(self.choose())}))

    def lines(self) -> list[Line]:
        """The corners as cells of a table: structure, numbers stored, their share, error, proved bound, error of sparse."""
        size = self.shape[0] * self.shape[1]
        chosen = self.front.index(self.choose()) if self.front else 0
        return [
            Line(
                (
                    str(row := self.front[i]),
                    f"{row.n_parameters:,}".replace(",", " "),
                    f"{row.n_parameters / size:.2%}",
                    _error(row.relative_error),
                    row.proved,
                    f"{self.baseline[i]:.3g}",
                ),
                i == chosen,
            )
            for i in self.corners
        ]

    def table(self) -> str:
        """The corners of the front as text, the chosen one marked."""
        if not self.front:
            return f"{self._nothing.capitalize()}."
        heading = ("", "structure", "numbers", "of entries", "error", "proved bound", "sparse at equal numbers")
        rows = [heading, *(("→" if line.chosen else "", *line.cells) for line in self.lines())]
        widths = [max(len(row[j]) for row in rows) for j in range(len(heading))]
        return "\n".join(
            "  ".join(
                cell.ljust(w) if j < 2 else cell.rjust(w) for j, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )

    def answer(self) -> str:
        """One sentence: which structure to use, what it costs, how far it is, and what is proved about that."""
        if not self.front:
            return self.table()
        row = self.choose()
        size = self.shape[0] * self.shape[1]
        baseline = self.baseline[self.front.index(row)]
        proved = (
            "the smallest possible for this structure (proved)"
            if row.is_optimal
            else f"none of this structure is below {row.lower_bound:.3g} (proved)"
            if row.lower_bound > 0
            else "no lower bound above 0 is proved for it"
        )
        exact = self.exact
        beyond = (
            f" It is exactly {exact}: {exact.n_parameters} numbers, {exact.n_parameters / size:.1%} of the entries."
            if exact is not None and exact != row
            else ""
        )
        stopped = beyond + (" The search was interrupted: others may be better." if self.interrupted else "")
        facts = (
            f"{row}: {row.n_parameters} numbers, {row.n_parameters / size:.1%} of the entries; relative error "
            f"{_error(row.relative_error)}, {proved}"
        )
        if row.relative_error >= baseline:
            verdict = "No structure" if exact is None else "Sparse before structured"
            return (
                f"{verdict}: as many of the largest entries are as near or nearer ({baseline:.3g}) than the best found, "
                f"{facts}.{stopped}"
            )
        return f"Use {facts}; as many of the largest entries leave {baseline:.3g}.{stopped}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the front with its bounds, and the baseline; the corners are labelled."""
        from ...plotting import plot_front

        return plot_front(self, ax)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.front)

    def __len__(self) -> int:
        return len(self.front)

    def __repr__(self) -> str:
        stopped = ", interrupted" if self.interrupted else ""
        words = (
            f"Front({self.shape[0]}×{self.shape[1]}, {len(self.front)} of {len(self.candidates)} candidates{stopped})"
        )
        return f"{words}\n{self.table()}"


def _error(value: float) -> str:
    """A relative error in a table; what is left by rounding in float64 has no digits that mean anything."""
    return f"{value:.3g}" if value == 0 or value >= _ROUNDING else f"< {_ROUNDING:.0e}"


def as_numbers_stored(budget: float, shape: tuple[int, int]) -> int:
    """A budget as a count; below 1 it is a share of the entries."""
    if not budget > 0 or not np.isfinite(budget):
        raise ValueError(f"budget={budget}: expected a positive number of numbers, or a share below 1")
    return int(budget * shape[0] * shape[1]) if budget < 1 else int(budget)


def lower_hull(x: Array, y: Array) -> list[int]:
    """Vertices of the lower convex hull of points with ascending x."""
    hull: list[int] = []
    for k in range(len(x)):
        while len(hull) > 1:
            i, j = hull[-2:]
            if (y[j] - y[i]) * (x[k] - x[i]) < (y[k] - y[i]) * (x[j] - x[i]):
                break
            hull.pop()
        hull.append(k)
    return hull
