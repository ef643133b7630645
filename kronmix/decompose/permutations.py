"""Permutations of rows and columns under which a matrix is nearly Monarch, Kronecker or butterfly (T31)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..checks import integer
from ..operators import Chain, Permutation
from ..operators.arrays import Array
from ..patterns import butterfly_patterns
from .chain import nearest_chain
from .factorization import Factorization, Target, as_matrix, target
from .kronecker import nearest_kronecker
from .monarch import _check_sizes, nearest_monarch
from .permutations_bounds import Grouping, least_distance2
from .permutations_orders import Order, butterfly_order, monarch_order
from .permutations_swaps import exchanged_order
from .rearrangement import check_shapes

Nearest = Callable[[Any], Factorization]
Structure = Literal["monarch", "kronecker", "butterfly"]

# A relative error below this is rounding: orders below it are equally good.
_EXACT = 1e-13
# Two attempts agree where their errors differ by less than this part.
_AGREE = 1e-2


@dataclass(frozen=True)
class PermutedFactorization:
    """A structured approximation of a matrix with its rows and columns in another order.

    Attributes
    ----------
    rows, columns : integer arrays
        ``B[rows][:, columns]`` is what has the structure.
    factorization : Factorization
        Of B itself: ``.operator`` is Permutation · structure · Permutation. Its error is the certificate of the search. Its
        ``.lower_bound`` holds for all permutations; 0 where no bound is known (see the notes of :func:`find_permutations`).
    ordered : Factorization
        Of ``B[rows][:, columns]``: the structure alone, with the bound that holds for these permutations.
    unpermuted_error : float
        ‖B − structure‖_F without permutations; ``factorization.error`` is never above it.
    """

    rows: Array = field(repr=False)
    columns: Array = field(repr=False)
    factorization: Factorization
    ordered: Factorization = field(repr=False)
    unpermuted_error: float


def find_permutations(
    B: Any,
    sizes: Any,
    structure: Structure = "monarch",
    rank: int = 1,
    *,
    restarts: int = 16,
    seed: int | np.random.Generator = 0,
) -> PermutedFactorization:
    """Find permutations P, Q and a structured M with B ≈ P M Q (T31).

    Parameters
    ----------
    B : array of shape (rows, columns), or StructuredOperator
        Real or complex.
    sizes : tuple
        Of the structure: (p, k, q, s) as for :func:`~kronmix.nearest_monarch`, ((mA, nA), (mB, nB)) as for
        :func:`~kronmix.nearest_kronecker`, and for a butterfly its size or its radices, leftmost factor first.
    structure : {"monarch", "kronecker", "butterfly"}
    rank : int
        Block rank of a Monarch matrix, terms of a sum of Kronecker products; 1 for a butterfly.
    restarts : int
        The search tries at most this many starts a splitting. It ends before with an exact one, or when two starts agree
        on the best residual.
    seed : int or numpy.random.Generator
        The same seed gives the same result.

    Returns
    -------
    PermutedFactorization
        ``.rows``, ``.columns`` and ``.factorization``, never worse than without permutations. The residual is what certifies
        it: an error at the level of the noise proves the structure; a large one proves nothing.

    Raises
    ------
    ValueError
        If the sizes do not multiply to the shape of B, the structure is none of the three, or an entry is NaN or infinite. If the
        rank or the restarts are below 1, or a butterfly is asked for a rank above 1.
    TypeError
        If B does not hold numbers, or a size, the rank or the restarts are not integers.

    Notes
    -----
    Rows of one group of a Monarch matrix share, on each group of columns, a subspace of dimension r. Groups of rows begin with the
    correlation of their entries' magnitudes; where all magnitudes are equal (Fourier, Hadamard) groups of columns begin with the
    ratios of two rows, which take few values. Then rows and columns move in turn to the groups whose subspaces hold most of
    them, an exact assignment problem each time, and the residual falls until nothing moves. A Kronecker product is
    Monarch in two ways, and its rows are where the groups of both meet. A butterfly is split in the middle, and its factors again.
    For Kronecker products and their sums in a small matrix, whose few rows tell no groups, rows or columns are exchanged by twos
    from many starts.

    A bound for all permutations is known where the structure cannot have full rank (Eckart and Young: singular values stay). For
    real matrices one is known, too, where the structure has rank 1 on two groups of columns or of rows: butterflies with a
    first or last factor of 2, Monarch and Kronecker matrices of such sizes. There every pair of rows has a least distance to being
    parallel on two groups of columns, and the cheapest pairs are added up. Otherwise none is known but 0.

    Examples
    --------
    The Fourier matrix, shuffled on both sides, is a butterfly again:

    >>> rng = np.random.default_rng(0)
    >>> F = np.fft.fft(np.eye(64))[rng.permutation(64)][:, rng.permutation(64)]
    >>> found = km.find_permutations(F, 64, "butterfly")
    >>> found.factorization.n_parameters, bool(found.factorization.relative_error < 1e-13)
    (768, True)
    >>> bool(np.allclose(F[found.rows][:, found.columns], found.ordered.operator.to_dense()))
    True
    """
    rank, restarts = integer(rank, "rank"), integer(restarts, "restarts")
    B = as_matrix(B)
    search = _parse_search(sizes, structure, rank, tuple(B.shape))
    plain = search.nearest(B)
    best = Order(np.arange(B.shape[0]), np.arange(B.shape[1]))
    if plain.relative_error <= _EXACT:
        return _permuted_factorization(best, plain, plain, 0.0)
    aim, rng = target(B), np.random.default_rng(seed)
    M = aim.matrix
    values = B if isinstance(B, np.ndarray) else M * 2.0**aim.exponent
    ordered = plain
    agreeing = 0
    for _ in range(min(search.attempts, restarts)):
        start = search.order(M, restarts=restarts, rng=rng)
        found, moved = _polished(M, start, partial(_nearest_in_order, values, search.nearest))
        if moved.error < ordered.error * (1 - 1e-9):
            best, ordered, agreeing = found, moved, 1
        elif moved.error <= ordered.error * (1 + _AGREE):
            agreeing += 1
        if agreeing == 2 or ordered.relative_error <= _EXACT:
            break
    return _permuted_factorization(best, ordered, plain, _bound(search, aim, ordered))


def _bound(search: _Search, aim: Target, found: Factorization) -> float:
    """Proved for all permutations, which keep singular values (the structure has a largest rank), and by pairs of rows."""
    if found.relative_error <= _EXACT:
        return 0.0
    M = aim.matrix
    least = float(np.sqrt(least_distance2(M, search.rows, search.columns)))
    if search.largest_rank < min(M.shape):
        least = max(least, float(np.linalg.norm(np.linalg.svd(M, compute_uv=False)[search.largest_rank :])))
    return min(float(np.ldexp(max(least - aim.rounding, 0.0), aim.exponent)), found.error)


class _Search(NamedTuple):
    """What is looked for: an order, the nearest structure in a given one, what every order of it has; and how often to try."""

    order: Callable[..., Order]
    nearest: Nearest
    attempts: int
    largest_rank: int
    rows: tuple[Grouping, ...]
    columns: tuple[Grouping, ...]


def _parse_search(sizes: Any, structure: str, rank: int, shape: tuple[int, ...]) -> _Search:
    """What a search needs, from the sizes and rank of its structure, which are checked."""
    match structure:
        case "monarch":
            p, k, q, s = checked = _check_sizes(sizes, shape)
            order = partial(monarch_order, sizes=checked, rank=rank)
            largest = q * k * min(rank, p, s)
            return _Search(order, lambda B: nearest_monarch(B, checked, rank), 1, largest, *_groupings([checked], rank))
        case "kronecker":
            shapes = check_shapes(sizes, shape)
            if len(shapes) != 2:
                raise ValueError(f"sizes={sizes!r}: expected two factors, ((mA, nA), (mB, nB))")
            (p, k), (q, s) = shapes
            order = partial(exchanged_order, sizes=(p, k, q, s), rank=rank)
            largest = rank * min(p, k) * min(q, s)
            both = _groupings([(p, k, q, s), (q, s, p, k)], rank)
            return _Search(order, lambda B: nearest_kronecker(B, shapes, rank), 2, largest, *both)
        case "butterfly":
            radices = _check_radices(sizes, rank, shape)
            patterns = butterfly_patterns(shape[0], radices)
            order = partial(butterfly_order, radices=radices)
            halves = [(prod(radices[:i]), prod(radices[i:])) for i in range(1, len(radices))]
            cuts = _groupings([(p, p, q, q) for p, q in halves], 1)
            return _Search(order, lambda B: nearest_chain(B, patterns), 4, shape[0], *cuts)
    raise ValueError(f"structure={structure!r}: expected 'monarch', 'kronecker' or 'butterfly'")


def _groupings(sizes: list[tuple[int, int, int, int]], rank: int) -> tuple[tuple[Grouping, ...], tuple[Grouping, ...]]:
    """What a matrix that is Monarch of these sizes has: with rank 1, parallel rows and columns (q groups of p, k groups of s)."""
    if rank > 1:
        return (), ()
    return tuple(Grouping(p, k) for p, k, _, _ in sizes), tuple(Grouping(s, q) for _, _, q, s in sizes)


def _check_radices(sizes: Any, rank: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    if rank != 1:
        raise ValueError(f"rank={rank}: the slices of a butterfly have rank 1")
    listed = sizes if np.ndim(sizes) else (sizes,)
    checked = tuple(integer(size, "sizes") for size in listed)
    n = int(np.prod(checked))
    if shape != (n, n):
        raise ValueError(f"B has shape {shape}: expected ({n}, {n}) for a butterfly of sizes={sizes}")
    return checked if np.ndim(sizes) else tuple(p.b for p in butterfly_patterns(n))


def _nearest_in_order(values: Array, nearest: Nearest, rows: Array, columns: Array) -> Factorization:
    return nearest(values[rows[:, None], columns])


def _polished(
    M: Array, start: Order, at: Callable[[Array, Array], Factorization], sweeps: int = 10
) -> tuple[Order, Factorization]:
    """Put every row, then every column, where the structure found explains it best, as long as the error falls.

    With the structure given, the best order of the rows is a linear assignment problem, whatever the structure.
    """
    best, found = start, at(start.rows, start.columns)
    for _ in range(sweeps):
        if found.relative_error <= _EXACT:
            break
        explained = found.operator.to_dense()
        rows = _best_order(M[:, best.columns], explained)
        columns = _best_order(M[rows].T, explained.T)
        if np.array_equal(rows, best.rows) and np.array_equal(columns, best.columns):
            break
        moved = at(rows, columns)
        if not moved.error < found.error * (1 - 1e-9):
            break
        best, found = Order(rows, columns), moved
    return best, found


def _best_order(M: Array, explained: Array) -> Array:
    """The order of M's rows nearest to given rows: max Σ Re⟨M[order[i]], explained[i]⟩."""
    _, order = linear_sum_assignment((explained.conj() @ M.T).real, maximize=True)
    return order


def _permuted_factorization(
    order: Order, ordered: Factorization, plain: Factorization, bound: float
) -> PermutedFactorization:
    """Factors found in an order of rows and columns, as an approximation of the matrix in its own order."""
    rows, columns = order.rows.astype(np.intp), order.columns.astype(np.intp)
    operator = Chain(Permutation(np.argsort(rows)), ordered.operator, Permutation(columns))
    for indices in (rows, columns):
        indices.flags.writeable = False
    factorization = Factorization(operator, ordered.error, ordered.relative_error, bound)
    return PermutedFactorization(rows, columns, factorization, ordered, plain.error)
