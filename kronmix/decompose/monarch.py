"""Nearest Monarch matrix: the best rank-r approximation of every slice (T13)."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from ..checks import integer, non_negative
from ..forms.slices import monarch_slices
from ..operators import Kronecker, Monarch, SumOfKroneckers
from ..operators.arrays import Array
from .data_aware import weighted
from .data_aware_monarch import monarch
from .factorization import Factorization, as_matrix, exact, target
from .truncation import groups, truncate

Sizes = tuple[int, int, int, int]


def nearest_monarch(
    B: Any, sizes: Sizes, rank: int = 1, tol: float = 1e-8, *, inputs: Any = None, covariance: Any = None
) -> Factorization:
    """Nearest Monarch matrix of block rank r in Frobenius norm (T13).

    Parameters
    ----------
    B : array or scipy.sparse matrix of shape (p·q, k·s), or StructuredOperator
        Real or complex. What is a Monarch matrix of these sizes already (Kronecker products with p × k and q × s factors,
        sums of at most r of them) is returned exactly and never made dense.
    sizes : (p, k, q, s)
        q·k slices of size p × s.
    rank : int
        Block rank r.
    tol : float
        The error is at most 1 + tol times the smallest possible, which is certified by a residual bound or a Cholesky
        factorisation, slice by slice; 0 for rounding. Slices that do not converge get their SVD.
    inputs : array of shape (columns, samples), or an iterable of such arrays, optional
        The error that counts is ‖(B − operator) X‖_F (T32): exact where Σ couples no two groups of columns, else
        the best of alternating exact steps, with a proved lower bound. Chunks are added up one after another and
        not kept.
    covariance : array or operator of shape (columns, columns), optional
        Σ = X Xᴴ (any multiple) in place of the inputs; it may be singular.

    Returns
    -------
    Factorization
        ``.operator`` is a Monarch. With data it is a :class:`~kronmix.decompose.DataFactorization`, which has both errors.

    Raises
    ------
    ValueError
        If the sizes do not multiply to the shape of B, the rank is below 1, or an entry is NaN or infinite.
    TypeError
        If B does not hold numbers, or a size or the rank is not an integer.

    References
    ----------
    Dao et al., *Monarch*, ICML 2022, Theorem 1 (T13).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> M = km.Monarch(rng.normal(size=(4, 2, 3)), rng.normal(size=(3, 4, 5))).to_dense()
    >>> found = km.nearest_monarch(M, (2, 3, 4, 5))
    >>> found.operator, bool(found.relative_error < 1e-15)
    (Monarch(8×15, 4 blocks of 2×3, 3 blocks of 4×5, rank 1, 84 parameters), True)
    """
    rank = integer(rank, "rank")
    B = as_matrix(B)
    checked = _check_sizes(sizes, B.shape)
    plain = _nearest(B, checked, rank, non_negative(tol, "tol"))
    if inputs is None and covariance is None:
        return plain
    return monarch(weighted(B, inputs, covariance), checked, rank, plain)


@singledispatch
def _nearest(B: Any, sizes: Sizes, rank: int, tol: float) -> Factorization:
    aim = target(B)
    M = aim.matrix
    p, k, q, s = sizes
    rank = min(rank, p, s)
    view = monarch_slices(M, *sizes)
    left, right = np.empty((q, k, p, rank), aim.dtype), np.empty((q, k, rank, s), aim.dtype)
    error2 = least2 = 0.0
    # Rows of slices (one i_q) together: cache-sized groups, so that no rearranged copy of B is made.
    for part in groups(q, M.itemsize * p * k * s):
        slices = np.ascontiguousarray(view[part]).reshape(-1, p, s)
        found = truncate(slices, rank, tol)
        left[part], right[part] = found.left.reshape(-1, k, p, rank), found.right.reshape(-1, k, rank, s)
        part2 = float(found.error2.sum())
        least2 += part2 - float(found.excess.sum())
        if aim.must_measure(part2):
            stored = left[part].astype(M.dtype, copy=False) @ right[part]
            part2 = float(np.linalg.norm(slices - stored.reshape(slices.shape))) ** 2
        error2 += part2
    return aim.result(Monarch.of_slices(*aim.scaled((left, right))), error2, least2)


@_nearest.register
def _(B: Kronecker, sizes: Sizes, rank: int, tol: float) -> Factorization:
    tied = _tied((B.factors,), sizes) if len(B.factors) == 2 else None
    return exact(tied) if tied is not None else _nearest.dispatch(object)(B, sizes, rank, tol)


@_nearest.register
def _(B: SumOfKroneckers, sizes: Sizes, rank: int, tol: float) -> Factorization:
    tied = _tied(B.pairs, sizes) if len(B.pairs) <= rank else None
    return exact(tied) if tied is not None else _nearest.dispatch(object)(B, sizes, rank, tol)


@_nearest.register
def _(B: Monarch, sizes: Sizes, rank: int, tol: float) -> Factorization:
    return exact(B) if B.sizes == sizes and B.rank <= rank else _nearest.dispatch(object)(B, sizes, rank, tol)


def _tied(pairs: Any, sizes: Sizes) -> Monarch | None:
    """Σ_ρ A_ρ ⊗ B_ρ as a Monarch matrix with both factors tied: left[·, (k, ρ)] = A_ρ, right[(ρ, q), ·] = B_ρ (T12)."""
    (p, k, q, s), r = sizes, len(pairs)
    if any((A.shape, B.shape) != ((p, k), (q, s)) for A, B in pairs):
        return None
    left: Array = np.stack([A for A, _ in pairs], axis=-1).reshape(1, p, k * r)
    right: Array = np.concatenate([B for _, B in pairs])[None]
    return Monarch(left, right, rank=r)


def _check_sizes(sizes: Any, shape: tuple[int, ...]) -> Sizes:
    try:
        p, k, q, s = (integer(size, "sizes") for size in sizes)
    except (TypeError, ValueError) as error:
        raise type(error)(f"sizes={sizes!r}: expected four positive integers (p, k, q, s)") from None
    if tuple(shape) != (p * q, k * s):
        raise ValueError(
            f"B has shape {tuple(shape)}: expected ({p}·{q}, {k}·{s}) for sizes (p, k, q, s) = {(p, k, q, s)}"
        )
    return p, k, q, s
