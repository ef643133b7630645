"""Nearest structures of a matrix with free entries, at which the structure may have any value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...operators import StructuredOperator

Array = np.ndarray[Any, np.dtype[Any]]

# Sweeps at most; and the part by which the squared error has to fall within so many of them for more to follow.
_SWEEPS, _SETTLED, _PATIENCE = 80, 2e-3, 2
# Earlier sweeps that a step is extrapolated from.
_MEMORY = 6
# Squared errors below this part of the matrix's squares are rounding.
_ROUNDING = 1e-29


class Completed(NamedTuple):
    """A structured matrix, dense too, and the squares of what it leaves of the entries that are not free."""

    operator: StructuredOperator
    dense: Array
    error2: float


def complete(matrix: Array, free: tuple[Array, Array], nearest: Callable[[Array], StructuredOperator]) -> Completed:
    """Alternate: the nearest structure, then the free entries as it has them. The best of all sweeps.

    Where ``nearest`` is exact each half-step is, and a plain sweep never enlarges the error. Sweeps creep along where a slice's
    vectors lie on its free entries; extrapolation from earlier ones (Anderson's) mends that, and is dropped where it misleads.

    Parameters
    ----------
    matrix : array
        With a first guess at the free entries.
    free : pair of integer arrays
        Rows and columns of the free entries.
    nearest : function of a matrix

    References
    ----------
    Srebro & Jaakkola, *Weighted low-rank approximations*, ICML 2003; Walker & Ni, *Anderson acceleration*, 2011.
    """
    filled = matrix.copy()
    off = matrix.copy()
    off[free] = 0
    exact2 = _ROUNDING * float(np.linalg.norm(off)) ** 2
    points: list[Array] = []
    moves: list[Array] = []
    best: Completed | None = None
    errors: list[float] = []
    for _ in range(_SWEEPS):
        operator = nearest(filled)
        dense = operator.to_dense()
        left = matrix - dense
        left[free] = 0
        error2 = float(np.linalg.norm(left)) ** 2
        if errors and error2 > errors[-1]:
            points, moves = [], []
        errors.append(error2)
        if best is None or error2 < best.error2:
            best = Completed(operator, dense, error2)
        if best.error2 <= exact2 or (
            len(errors) > _PATIENCE and best.error2 > (1 - _SETTLED) * min(errors[:-_PATIENCE])
        ):
            break
        now = filled[free]
        points, moves = [*points[-_MEMORY:], now], [*moves[-_MEMORY:], dense[free] - now]
        filled[free] = _extrapolated(np.array(points), np.array(moves))
    assert best is not None
    return best


def _extrapolated(points: Array, moves: Array) -> Array:
    """The point whose move vanishes, if moves depended on points as the last ones say."""
    target = np.asarray(points[-1] + moves[-1])
    if len(points) == 1:
        return target
    changes = np.diff(moves, axis=0).T
    weights = np.linalg.lstsq(changes, moves[-1], rcond=1e-12)[0]
    return np.asarray(target - (np.diff(points, axis=0).T + changes) @ weights)
