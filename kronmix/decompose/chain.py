"""Nearest product of Kronecker-sparse factors: butterflies and deeper chains, by hierarchical splitting (T11, T13, T28)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np

from ..forms.slices import Slicing
from ..operators import Chain, KroneckerSparse, StructuredOperator
from ..operators.arrays import Array
from ..patterns import Pattern, chain_product
from .factorization import Factorization, as_matrix, exact, target
from .truncation import leading_pair, least_error2, truncate

# Slices with so few rows are split through their Gram matrices: exact to rounding for one vector.
_FEW_ROWS = 8
# Relative errors below this are lost in the rounding of squares: their bounds come from certified truncations.
_PRECISE_BELOW = 1e-5


def nearest_chain(B: Any, patterns: Iterable[Any]) -> Factorization:
    """Approximate a matrix by a product of Kronecker-sparse factors of the given patterns.

    The first factor is split off, then the second from the rest, and so on. Each splitting is the best one (T11: a truncated SVD
    of every slice), and leaves the split-off factor orthonormal on what remains, so that the squared errors add up.

    Parameters
    ----------
    B : array or scipy.sparse matrix of shape (rows, columns), or StructuredOperator
        Real or complex. Entries outside the support of the chain's product count into the error.
    patterns : sequence of Pattern
        Chainable, leftmost first: e.g. ``km.butterfly_patterns(n)`` or ``km.monarch_patterns(p, k, q, s, r)``.

    Returns
    -------
    Factorization
        ``.operator`` is a Chain of KroneckerSparse (one KroneckerSparse for a single pattern), exact to rounding if B is
        such a product. ``.error`` is at most √(L−1) times the smallest possible for L factors, and ``.lower_bound`` is
        the largest of the optima over the L − 1 two-factor sets in which all such products lie (T28): exact for L = 2.

    Raises
    ------
    ValueError
        If the patterns are not chainable, their product has another shape than B, or an entry is NaN or infinite.
    TypeError
        If B does not hold numbers.

    Notes
    -----
    Why √(L−1): let E be the distance of B to the set of all such products, A* a nearest one. Splitting off X₁ with slices that have
    orthonormal columns leaves Y = X₁ᴴB on the support, and ‖B − X₁Y‖ ≤ E since A* has the split form too. X₁ᴴA* is a product of
    the remaining patterns (X₁ᴴX₁* is absorbed by the next factor) and ‖Y − X₁ᴴA*‖ ≤ E; so each of the L − 1 splittings errs
    by at most E, and the errors are orthogonal. Entries outside the support are in every error once.

    References
    ----------
    Le, Zheng, Riccietti & Gribonval, *Butterfly factorization with error guarantees*, arXiv 2411.04506 (T11, T13).

    Examples
    --------
    >>> from scipy.linalg import hadamard
    >>> found = km.nearest_chain(hadamard(64), km.butterfly_patterns(64))
    >>> found.n_parameters, bool(found.relative_error < 1e-13)
    (768, True)
    """
    listed = [Pattern(*p) for p in patterns]
    product = chain_product(listed)
    B = as_matrix(B)
    if tuple(B.shape) != product.shape:
        raise ValueError(
            f"B has shape {tuple(B.shape)}: the patterns multiply to {product.shape[0]}×{product.shape[1]}"
        )
    return _nearest(B, listed)


@singledispatch
def _nearest(B: Any, patterns: list[Pattern]) -> Factorization:
    aim = target(B)
    product = chain_product(patterns)
    values = product.values(aim.matrix)
    outside2 = _outside2(aim.matrix, product)
    factors, splittings = _successive(values, patterns)
    factors = [factor.astype(aim.dtype, copy=False) for factor in factors]
    error2 = outside2 + sum(splitting.error2 for splitting in splittings)
    if aim.must_measure(error2):
        wide = [factor.astype(aim.matrix.dtype, copy=False) for factor in factors]
        error2 = float(np.linalg.norm(aim.matrix - _sparse_product(wide, patterns)._dense())) ** 2
    least2 = outside2
    if error2 > aim.rounding**2:  # an error of rounding proves nothing
        precise = error2 < (_PRECISE_BELOW * aim.norm) ** 2
        least2 += _least2(values, patterns, splittings[0], precise) if splittings else 0.0
    return aim.result(_sparse_product(aim.scaled(factors), patterns), error2, least2)


@_nearest.register
def _(B: Chain, patterns: list[Pattern]) -> Factorization:
    held = [op.pattern if isinstance(op, KroneckerSparse) else None for op in B.operators]
    return exact(B) if held == patterns else _nearest.dispatch(object)(B, patterns)


@_nearest.register
def _(B: KroneckerSparse, patterns: list[Pattern]) -> Factorization:
    return exact(B) if patterns == [B.pattern] else _nearest.dispatch(object)(B, patterns)


def _sparse_product(factors: Sequence[Array], patterns: list[Pattern]) -> StructuredOperator:
    sparse = [KroneckerSparse(values, pattern) for values, pattern in zip(factors, patterns, strict=True)]
    return sparse[0] if len(sparse) == 1 else Chain(*sparse)


def _outside2(M: Array, pattern: Pattern) -> float:
    """Sum of the squares of the entries outside the support."""
    if pattern.nnz == M.size:
        return 0.0
    a, b, c, d = pattern
    outside = M.copy().reshape(a, b, d, a, c, d)
    ia, id_ = np.arange(a)[:, None], np.arange(d)
    outside[ia, :, id_, ia, :, id_] = 0
    return float(np.linalg.norm(outside)) ** 2


class _Splitting(NamedTuple):
    """Squared error of one splitting, and how far it can be above the smallest possible."""

    error2: float
    excess: float


def _successive(values: Array, patterns: list[Pattern]) -> tuple[list[Array], list[_Splitting]]:
    """Split off one factor after another."""
    factors, splittings = [], []
    remaining = values
    for i, first in enumerate(patterns[:-1]):
        factor, remaining, splitting = _split(remaining, first, chain_product(patterns[i + 1 :]))
        factors.append(factor)
        splittings.append(splitting)
    return [*factors, remaining], splittings


def _least2(values: Array, patterns: list[Pattern], first: _Splitting, precise: bool) -> float:
    """Largest of the optima over the two-factor sets in which all products of the chain lie (T28), each from below.

    A slice's largest singular values hold at least their share of its squares: cuts that cannot raise the bound are left out.
    """
    total2 = float(np.linalg.norm(values)) ** 2
    cuts = [(chain_product(patterns[:cut]), chain_product(patterns[cut:])) for cut in range(1, len(patterns))]
    least2 = 0.0 if precise else first.error2 - first.excess  # splitting off the first factor has found this one
    shares = {cut: _chain_rank(*cut) / min(cut[0].b, cut[1].c) for cut in cuts[0 if precise else 1 :]}
    for cut, share in sorted(shares.items(), key=lambda item: item[1]):
        if (1 - share) * total2 > least2:
            least2 = max(least2, least_error2(_slices(values, *cut), _chain_rank(*cut), precise))
    return least2


def _chain_rank(left: Pattern, right: Pattern) -> int:
    r = left.chain_rank(right)
    assert r is not None
    return r


def _slices(values: Array, left: Pattern, right: Pattern) -> Array:
    """The slices of T11, shape (a₁, κ, β, d₂, b₁, c₂): a view. In a product of the two patterns each has rank at most r."""
    return Slicing.of(left, right).slices(values)


def _split(values: Array, left: Pattern, right: Pattern) -> tuple[Array, Array, _Splitting]:
    """Best X₁X₂ of two chainable patterns, X₁'s slices with orthonormal columns."""
    r = _chain_rank(left, right)
    b1 = left.b
    slices = _slices(values, left, right)
    U, splitting = _leading_columns(slices, min(r, b1))
    V = np.matmul(U.conj().swapaxes(-1, -2), slices)
    if b1 < r:  # more columns than a slice has rows: zeros
        U = np.pad(U, [(0, 0)] * 5 + [(0, r - b1)])
        V = np.pad(V, [(0, 0)] * 4 + [(0, r - b1), (0, 0)])
    slicing = Slicing.of(left, right)
    return slicing.left_values(U), slicing.right_values(V), splitting


def _leading_columns(Z: Array, rank: int) -> tuple[Array, _Splitting]:
    """Orthonormal U (…, m, rank) for which U Uᴴ Z is the best approximation of every slice."""
    *outer, m, n = Z.shape
    if rank == m:
        return np.broadcast_to(np.eye(m, dtype=Z.dtype), (*outer, m, m)), _Splitting(0.0, 0.0)
    if rank == 1 and m <= _FEW_ROWS:
        G = np.matmul(Z, Z.conj().swapaxes(-1, -2)).reshape(-1, m, m)
        trace, value, vector = leading_pair(G)
        excess = 8 * (m + n) * float(np.finfo(np.float64).eps) * float(trace.sum())
        return vector.reshape(*outer, m, 1), _Splitting(float((trace - value).sum()), excess)
    found = truncate(Z.reshape(-1, m, n), min(rank, n), 0.0)
    U = np.linalg.qr(found.left)[0]
    if U.shape[2] < rank:
        U = np.pad(U, [(0, 0), (0, 0), (0, rank - U.shape[2])])
    return U.reshape(*outer, m, rank), _Splitting(float(found.error2.sum()), float(found.excess.sum()))
