"""Nearest matrix of low rank, plainly or on data."""

from __future__ import annotations

from typing import Any

from ..checks import integer, non_negative
from ..operators import LowRank
from .data_aware import low_rank, weighted
from .factorization import Factorization, as_matrix, target
from .truncation import truncate


def nearest_low_rank(
    B: Any, rank: int, tol: float = 1e-8, *, inputs: Any = None, covariance: Any = None
) -> Factorization:
    """Nearest matrix of rank at most r in Frobenius norm, or on data: both exact (T32).

    Parameters
    ----------
    B : array or scipy.sparse matrix of shape (rows, columns), or StructuredOperator
        Real or complex.
    rank : int
    tol : float
        The error is at most 1 + tol times the smallest possible, which is certified; 0 for rounding.
    inputs : array of shape (columns, samples), or an iterable of such arrays, optional
        The error that counts is ‖(B − operator) X‖_F. Chunks are added up one after another and not kept.
    covariance : array or operator of shape (columns, columns), optional
        Σ = X Xᴴ (any multiple) in place of the inputs; it may be singular.

    Returns
    -------
    Factorization
        ``.operator`` is a LowRank; with data a :class:`~kronmix.decompose.DataFactorization`, which has both errors.

    Raises
    ------
    ValueError
        If the rank is below 1, an entry is NaN or infinite, the inputs have another width, or the covariance is not positive
        semidefinite.
    TypeError
        If B does not hold numbers, or the rank is not an integer.

    References
    ----------
    Eckart & Young 1936; with data T32.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> B, X = rng.normal(size=(6, 8)), rng.normal(size=(8, 3)) @ rng.normal(size=(3, 100))
    >>> plain, aware = km.nearest_low_rank(B, 3), km.nearest_low_rank(B, 3, inputs=X)
    >>> bool(plain.error < aware.error), bool(aware.relative_data_error < 1e-13)
    (True, True)
    """
    B, rank, tol = as_matrix(B), integer(rank, "rank"), non_negative(tol, "tol")
    aim = target(B)
    found = truncate(aim.matrix[None], min(rank, *aim.matrix.shape), tol)
    factors = tuple(factor[0].astype(aim.dtype, copy=False) for factor in (found.left, found.right))
    error2 = float(found.error2[0])
    least2 = error2 - float(found.excess[0])
    if aim.must_measure(error2):
        left, right = (factor.astype(aim.matrix.dtype, copy=False) for factor in factors)
        error2 = float(((abs(aim.matrix - left @ right)) ** 2).sum())
    plain = aim.result(LowRank(*aim.scaled(factors)), error2, least2)
    if inputs is None and covariance is None:
        return plain
    return low_rank(weighted(B, inputs, covariance), rank, plain)
