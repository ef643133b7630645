"""Groups of rows and columns between which every block has low rank, in a matrix whose order is unknown (T31)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..forms.slices import monarch_slices
from ..operators.arrays import Array
from .permutations_assignment import Places, assign, cluster
from .permutations_starts import at_random, by_magnitude, by_ratio
from .truncation import truncate

#: Members of the groups of rows, and of those of columns.
Groups = tuple[Array, Array]

# Residuals below this part of the norm are rounding.
ROUNDING = 1e-7
# Approximations of blocks are this near to the best ones.
_TOLERANCE = 1e-7
# Two starts agree where their residuals differ by less than this part: noise makes equally good groups differ a little.
AGREE = 1e-3
# Starts of small matrices are cheap, and may agree by chance: entries times starts to spend in any case.
CHEAP = 2**15


@dataclass(frozen=True)
class Grouping:
    """Members of the groups, and how far the blocks between them are from their rank.

    Attributes
    ----------
    rows : integer array of shape (row groups, members)
    columns : integer array of shape (column groups, members)
    residual : float
        Of all blocks, relative to the norm of the matrix.
    """

    rows: Array
    columns: Array
    residual: float


def find_groups(
    B: Array,
    rows: Places,
    columns: Places,
    rank: int,
    restarts: int,
    rng: np.random.Generator,
    given: Groups | None = None,
) -> Grouping:
    """Best groups over several starts, each followed by steps that never enlarge the residual.

    Starts are tried until one is exact, two agree on the best residual (of small matrices some more are tried), or ``restarts`` are
    used up. ``given`` are groups (rows, columns) that the result is never worse than.
    """
    norm2 = float(np.sum(np.abs(B) ** 2))
    best = None if given is None else Grouping(*given, _fit_groups(B, given, rank, norm2).residual)
    agreeing = 0
    for tried, start in enumerate(islice(_starts(B, rows, columns, rank, rng), restarts)):
        if best is not None and (best.residual <= ROUNDING or (agreeing >= 2 and tried * B.size >= CHEAP)):
            break
        found = _descend(B, start(), rows, columns, rank, norm2)
        if best is None or found.residual < best.residual * (1 - 1e-9):
            best, agreeing = found, 1
        elif found.residual <= best.residual * (1 + AGREE):
            agreeing += 1
    assert best is not None
    return best


def blocks(B: Array, rows: Array, columns: Array) -> Array:
    """Blocks between groups, shape (row groups, column groups, members, members)."""
    (q, p), (k, s) = rows.shape, columns.shape
    return monarch_slices(B[rows.T.ravel()[:, None], columns.ravel()], p, k, q, s)


def _starts(
    B: Array, rows: Places, columns: Places, rank: int, rng: np.random.Generator
) -> Iterator[Callable[[], Groups]]:
    """Magnitudes, then ratios, then chance; of rows and of columns in turn."""

    def from_rows(members: Array) -> Groups:
        found = cluster(_similarity(B.T, members), columns, rng)
        return cluster(_similarity(B, found), rows, rng), found

    def from_columns(members: Array) -> Groups:
        found = cluster(_similarity(B, members), rows, rng)
        return found, cluster(_similarity(B.T, found), columns, rng)

    while True:
        yield lambda: from_rows(by_magnitude(B, rows, rng))
        yield lambda: from_columns(by_magnitude(B.T, columns, rng))
        if rank == 1:
            yield lambda: from_columns(by_ratio(B, columns, rng))
            yield lambda: from_rows(by_ratio(B.T, rows, rng))
        yield lambda: from_columns(at_random(columns, rng))
        yield lambda: from_rows(at_random(rows, rng))


def _similarity(B: Array, columns: Array) -> Array:
    """Squared cosines between rows on each group of columns, summed: products of many factors have entries of every size."""
    single = np.complex64 if B.dtype.kind == "c" else np.float32  # enough to tell groups apart
    found = np.zeros((len(B), len(B)), np.float32)
    for group in columns:
        part = B[:, group]
        norm = np.linalg.norm(part, axis=1, keepdims=True)
        part = np.divide(part, norm, out=np.zeros_like(part), where=norm > ROUNDING**2 * norm.max()).astype(single)
        inner = part @ part.conj().T
        found += np.abs(inner) ** 2 if inner.dtype.kind == "c" else np.square(inner, out=inner)
    return found


@dataclass(frozen=True)
class _Fit:
    """Approximations of all blocks: leading left and right vectors (row groups, column groups, rank, members); residual."""

    groups: Groups
    left: Array
    right: Array
    residual: float


def _fit_groups(B: Array, groups: Groups, rank: int, norm2: float) -> _Fit:
    """Truncate every slice of these groups to the rank; the residual is relative to the norm of B."""
    slices = np.ascontiguousarray(blocks(B, *groups))
    q, k, p, s = slices.shape
    if rank >= min(p, s) or norm2 == 0:
        return _Fit(groups, np.zeros((q, k, 1, p)), np.zeros((q, k, 1, s)), 0.0)
    found = truncate(slices.reshape(-1, p, s), rank, _TOLERANCE)
    left, right = (_unit(vectors) for vectors in (found.left.swapaxes(1, 2), found.right))
    residual = float(np.sqrt(found.error2.sum() / norm2))
    return _Fit(groups, left.reshape(q, k, rank, p), right.reshape(q, k, rank, s), residual)


def _unit(vectors: Array) -> Array:
    """Orthogonal rows, as truncations have them, with norm 1; zero where a slice has a smaller rank."""
    norm = np.linalg.norm(vectors, axis=2, keepdims=True)
    return np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)


def _descend(
    B: Array, start: Groups, rows: Places, columns: Places, rank: int, norm2: float, sweeps: int = 40
) -> Grouping:
    """Assign rows, then columns, to the group whose subspaces hold most of them, as long as the residual falls.

    With the subspaces of all blocks given, moving the rows is a linear assignment problem; the new blocks' best subspaces are only
    better. So no step enlarges the residual.
    """
    last = _fit_groups(B, start, rank, norm2)
    for _ in range(sweeps):
        moved = assign(_held(B, last.groups[1], last.right), rows)
        between = _fit_groups(B, (moved, last.groups[1]), rank, norm2)
        moved_columns = assign(_held(B.T, moved, between.left.swapaxes(0, 1)), columns)
        found = _fit_groups(B, (moved, moved_columns), rank, norm2)
        if not found.residual < last.residual * (1 - _TOLERANCE):
            break
        last = found
    return Grouping(*last.groups, last.residual)


def _held(B: Array, columns: Array, vectors: Array) -> Array:
    """Squared norm of every row within the subspaces of every group: (rows, groups); vectors (groups, k, rank, members)."""
    (k, s), (q, _, rank, _) = columns.shape, vectors.shape
    parts = B[:, columns.ravel()].reshape(-1, k, s).transpose(1, 0, 2)
    inside = np.matmul(parts, vectors.conj().transpose(1, 3, 0, 2).reshape(k, s, q * rank))
    return (np.abs(inside) ** 2).sum(axis=0).reshape(-1, q, rank).sum(axis=2)
