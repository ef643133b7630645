"""Search over all structures, shapes and ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..data_aware_moments import second_moment
from ..factorization import Factorization, as_matrix, target
from .chains import ButterflyFamily, ChainFamily, TwoFactorFamily
from .closed import BlockDiagonalFamily, KroneckerFamily, LowRankFamily, MonarchFamily, SlicewiseFamily
from .completed import DiagonalFamily, PaddedFamily, PaddedKroneckerFamily
from .curves import Candidate, Curve, Family, candidate
from .front import Candidates, Front, as_numbers_stored
from .on_data import data_families
from .padding import padded_size
from .permuted import PERMUTED
from .spectra import Spectra

Array = np.ndarray[Any, np.dtype[Any]]

_KRONECKER = KroneckerFamily()
# What is searched first, plain structures before others: among equal errors the first is taken.
_PLAIN: tuple[Family, ...] = (
    LowRankFamily(),
    _KRONECKER,
    BlockDiagonalFamily(),
    MonarchFamily(),
    ButterflyFamily(),
    TwoFactorFamily(),
    SlicewiseFamily(),
)
# What is searched where it may beat these: each of the others beside a diagonal matrix, which is block-diagonal itself.
_DIAGONAL = tuple(DiagonalFamily(family) for family in _PLAIN if not isinstance(family, BlockDiagonalFamily))

#: What is searched unless told otherwise.
FAMILIES: tuple[Family, ...] = (*_PLAIN, *_DIAGONAL)


def search(
    B: Any,
    *,
    budget: float | None = None,
    tolerance: float | None = None,
    families: Iterable[Any] | None = None,
    inputs: Any = None,
    permute: bool = False,
    pad: bool | tuple[int, int] = False,
    progress: Callable[[str, int], None] | None = None,
) -> Front:
    """Which structure a matrix has: the front of error against numbers stored, over all structures, shapes and ranks.

    One spectrum per shape gives all ranks, so that the front is exact over the families with a closed optimum. These are matrices
    of low rank, sums of Kronecker products, block-diagonal matrices, Monarch matrices with one block rank or a rank for every
    slice, and products of two Kronecker-sparse factors. Butterflies are found by hierarchical splitting and carry a proved bound
    (T28). Each of these but the block-diagonal ones is also tried with a diagonal matrix added, at sizes with square factors and
    where that may beat what was found without. The diagonal is found by alternating half-steps; the bound is proved on
    submatrices that avoid it.

    Threads are the caller's: ``threadpoolctl.threadpool_limits(1)`` around the call serves many searches side by side.

    Parameters
    ----------
    B : array or scipy.sparse matrix, or StructuredOperator
        Real or complex, of any shape.
    budget : int or float, optional
        Most numbers stored; below 1 a share of the entries. Larger candidates are left out.
    tolerance : float, optional
        Relative error that :meth:`Front.best` has to reach.
    families : sequence, optional
        What to search: names as in ``kronmix.decompose.FAMILIES``, families of one's own, or sequences of chainable patterns for
        longer chains. All families by default.
    inputs : array of shape (columns, samples), or an iterable of such arrays, optional
        The error that counts is ‖(B − operator) X‖_F over ‖B X‖_F. Low-rank matrices, sums of Kronecker products and Monarch
        matrices of the shapes and ranks that are best without the data are fitted to it (T32).
    permute : bool
        Try every shape of sums of Kronecker products, Monarch matrices and butterflies after a reordering of rows and columns too
        (T31). Ranks are tried as long as the error falls and no exact structure is as small, butterflies from coarse to fine.
        This takes much longer: about a minute for a 64 × 64 matrix.
    pad : bool or (rows, columns)
        Try structures of a larger size too, cut back to that of B: the next sizes whose prime factors are 2, 3 and 5, or those
        given. All numbers in their factors are counted.
    progress : function of (family, shapes done), optional
        Called after every shape. An interrupt (Ctrl-C) ends the search and keeps what was found.

    Returns
    -------
    Front
        Squares below about 10⁻¹³ of the matrix's are lost in rounding: errors below 10⁻⁶ are stated as at most that, except for the
        smallest structure that near, whose error is measured.

    Raises
    ------
    ValueError
        If a family is not known, the budget is below the smallest candidate, the padded size is smaller than B, or an entry is
        NaN or infinite. If both a budget and a tolerance are given, or inputs together with a reordering or padding.
    TypeError
        If B does not hold numbers.

    References
    ----------
    Eckart & Young 1936; Van Loan & Pitsianis 1993 (T14); Dao et al. 2022 (T13); Le et al. 2024 (T11, T28).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> M = km.Monarch(rng.normal(size=(4, 6, 3)), rng.normal(size=(3, 4, 8))).to_dense()
    >>> found = km.search(M + 1e-3 * rng.normal(size=M.shape))
    >>> print(found.choose(), found.choose().is_optimal)
    Monarch (6, 3, 4, 8) True
    >>> found.best().operator
    Monarch(24×24, 4 blocks of 6×3, 3 blocks of 4×8, rank 1, 168 parameters)
    """
    B = as_matrix(B)
    aim = target(B)
    if aim.matrix.size == 0:
        raise ValueError(f"B has shape {aim.matrix.shape}: expected at least one entry")
    if budget is not None and tolerance is not None:
        raise ValueError("give a budget or a tolerance, not both")
    if tolerance is not None and not tolerance >= 0:
        raise ValueError(f"tolerance={tolerance}: expected a number, at least 0")
    if inputs is not None and (permute or pad):
        raise ValueError("inputs with permute or pad: structures reordered or padded are not fitted to data")
    size = padded_size(pad, (aim.matrix.shape[0], aim.matrix.shape[1]))
    limit = aim.matrix.size - 1 if budget is None else min(as_numbers_stored(budget, B.shape), aim.matrix.size - 1)
    moment = None if inputs is None else second_moment(aim.matrix.shape[1], inputs, None)
    spectra = Spectra(aim)
    stages: list[Callable[[Sequence[Candidate]], Sequence[Family]]] = [
        (lambda known: _PLAIN) if families is None else (lambda known: [_as_family(given) for given in families])
    ]
    if families is None and moment is None:
        stages += [family.beyond for family in _DIAGONAL]
    if permute:
        stages += [partial(family.beyond, limit=limit) for family in PERMUTED]
    if size != aim.matrix.shape:
        stages.append(lambda known: _padded(size, known))
    curves, smallest, interrupted = _curves(stages, spectra, limit, progress)
    if budget is not None and not curves and smallest is not None:
        raise ValueError(
            f"budget={budget:g}: the smallest candidate, {smallest}, stores {smallest.n_parameters} numbers"
        )
    if moment is not None:
        on_data = data_families(B, moment.matrix, partial(_front_of_family, curves))
        curves, _, stopped = _curves([lambda known: on_data], spectra, limit, progress)
        interrupted = interrupted or stopped
    candidates = Candidates(curves)

    def fit(row: Candidate) -> Factorization:
        curve = next(c for c in curves if c.family.name == row.family and c.sizes == row.sizes)
        return curve.family.fit(B, row.sizes, row.rank)

    front = _best_rows(candidates)
    if front and moment is None and not interrupted and front[-1].relative_error ** 2 <= 2 * spectra.floor:
        front[-1] = _measured(front[-1], fit)
    root = None if moment is None else moment.root
    return Front(
        spectra.shape, candidates, tuple(front), _baseline(spectra, front, root), interrupted, budget, tolerance, fit
    )


def _padded(size: tuple[int, int], known: Sequence[Candidate]) -> Sequence[Family]:
    """Every plain family but that of low rank, which needs no divisors."""
    others = [family for family in _PLAIN[1:] if family is not _KRONECKER]
    return (PaddedKroneckerFamily(_KRONECKER, known, size=size), *(PaddedFamily(family, size) for family in others))


def _best_rows(candidates: Candidates) -> list[Candidate]:
    """Candidates that no other beats with as few numbers."""
    return [candidate(candidates.curves[i], j) for i, j in candidates.best(lambda curve: curve.n_parameters)]


def _front_of_family(curves: Sequence[Curve], name: str) -> list[Candidate]:
    return _best_rows(Candidates([curve for curve in curves if curve.family.name == name]))


def _curves(
    stages: Sequence[Callable[[Sequence[Candidate]], Sequence[Family]]],
    spectra: Spectra,
    limit: int,
    progress: Callable[[str, int], None] | None,
) -> tuple[list[Curve], Candidate | None, bool]:
    """Curves of all shapes within a limit, the smallest candidate of all, and whether the search was interrupted.

    A stage gives its families once it knows what the stages before it have found.
    """
    curves: list[Curve] = []
    smallest: Candidate | None = None
    try:
        for stage in stages:
            for family in stage(_best_rows(Candidates(curves))):
                for done, curve in enumerate(family.curves(spectra), 1):
                    if smallest is None or curve.n_parameters[0] < smallest.n_parameters:
                        smallest = candidate(curve, 0)
                    if len(kept := curve.within(limit)):
                        curves.append(kept)
                    if progress is not None:
                        progress(family.name, done)
    except KeyboardInterrupt:
        return curves, smallest, True
    return curves, smallest, False


def _measured(row: Candidate, fit: Callable[[Candidate], Factorization]) -> Candidate:
    """The row with the error of its factors, where the squares of a spectrum lose it in rounding."""
    found = fit(row)
    scale = found.relative_error / found.error if found.error > 0 else 0.0
    return replace(row, relative_error=found.relative_error, lower_bound=found.lower_bound * scale)


def _baseline(spectra: Spectra, front: Sequence[Candidate], root: Array | None) -> tuple[float, ...]:
    """Relative error, on data where a root of Σ is given, of keeping as many of the largest entries as each row stores numbers."""
    flat = spectra.matrix.ravel()
    order = np.argsort(np.abs(flat), kind="stable")
    if root is None:
        left2 = np.concatenate([[0.0], np.cumsum(np.abs(flat[order]) ** 2)])
        return tuple(float(np.sqrt(left2[max(flat.size - row.n_parameters, 0)])) for row in front)
    norm = float(np.linalg.norm(spectra.matrix @ root))
    errors = []
    for row in front:
        dropped = np.zeros_like(flat)
        left = order[: max(flat.size - row.n_parameters, 0)]
        dropped[left] = flat[left]
        errors.append(float(np.linalg.norm(dropped.reshape(spectra.shape) @ root)) / norm if norm > 0 else 0.0)
    return tuple(errors)


def family_named(name: str) -> Family:
    """One of ``FAMILIES``; ValueError if there is none of that name."""
    named = {family.name: family for family in FAMILIES}
    if name not in named:
        raise ValueError(f"families: {name!r} is not one of {', '.join(named)}")
    return named[name]


def _as_family(given: Any) -> Family:
    """A family given as its name, itself, or the radices of a chain."""
    if isinstance(given, str):
        return family_named(given)
    if hasattr(given, "curves") and hasattr(given, "fit"):
        family: Family = given
        return family
    return ChainFamily(given)
