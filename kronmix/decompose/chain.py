"""Nearest product of Kronecker-sparse factors: butterflies and deeper chains, by hierarchical splitting (T11, T13)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from typing import Any

import numpy as np

from ..operators import Chain, KroneckerSparse, StructuredOperator
from ..operators.base import Array
from ..patterns import Pattern, chain_product
from .factorization import Factorization, exact, like_input, working_matrix
from .truncation import truncate


def nearest_chain(B: Any, patterns: Iterable[Any]) -> Factorization:
    """Approximate a matrix by a product of Kronecker-sparse factors of the given patterns.

    The first factor is split off, then the second from the rest, and so on. Each splitting is the best one (T11: a truncated SVD
    of every slice), and leaves the split-off factor orthonormal on what remains, so that the squared errors add up.

    Parameters
    ----------
    B : array of shape (rows, columns), or StructuredOperator
        Real or complex. Entries outside the support of the chain's product count into the error.
    patterns : sequence of Pattern
        Chainable, leftmost first: e.g. ``km.butterfly_patterns(n)`` or ``km.monarch_patterns(p, k, q, s, r)``.

    Returns
    -------
    Factorization
        ``.operator`` is a Chain of KroneckerSparse (one KroneckerSparse for a single pattern), exact to rounding if B is
        such a product. ``.error`` is at most √(L−1) times the smallest possible for L factors; ``.lower_bound`` is what this
        proves.

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
    shape = B.shape if isinstance(B, StructuredOperator) else np.shape(B)
    if tuple(shape) != product.shape:
        raise ValueError(f"B has shape {tuple(shape)}: the patterns multiply to {product.shape[0]}×{product.shape[1]}")
    return _nearest(B, listed)


@singledispatch
def _nearest(B: Any, patterns: list[Pattern]) -> Factorization:
    M = working_matrix(B)
    factors = []
    remaining, pattern = _values_on(M, chain_product(patterns)), chain_product(patterns)
    for i, first in enumerate(patterns[:-1]):
        rest = chain_product(patterns[i + 1 :])
        values, remaining = _split(remaining, first, rest)
        factors.append(KroneckerSparse(like_input(values, B), first))
        pattern = rest
    factors.append(KroneckerSparse(like_input(remaining, B), pattern))
    operator = factors[0] if len(factors) == 1 else Chain(*factors)
    norm = float(np.linalg.norm(M))
    error = float(np.linalg.norm(M - operator._dense()))
    relative = error / norm if norm > 0 else 0.0
    rounding = 64 * len(patterns) * float(np.finfo(factors[0].dtype).eps) * norm  # an error of rounding proves nothing
    lower = max(error - rounding, 0.0) / np.sqrt(max(len(patterns) - 1, 1))
    return Factorization(operator, error, relative, float(lower))


@_nearest.register
def _(B: Chain, patterns: list[Pattern]) -> Factorization:
    return (
        exact(B)
        if [op.pattern for op in B.operators] == patterns and _sparse(B)
        else _nearest.dispatch(object)(B, patterns)
    )


@_nearest.register
def _(B: KroneckerSparse, patterns: list[Pattern]) -> Factorization:
    return exact(B) if patterns == [B.pattern] else _nearest.dispatch(object)(B, patterns)


def _sparse(B: Chain) -> bool:
    return all(isinstance(op, KroneckerSparse) for op in B.operators)


def _values_on(M: Array, pattern: Pattern) -> Array:
    """Entries on the support of a pattern, as values[a, d, b, c]."""
    a, b, c, d = pattern
    view = M.reshape(a, b, d, a, c, d)
    ia, id_ = np.arange(a)[:, None], np.arange(d)
    return view[ia, :, id_, ia, :, id_]


def _split(values: Array, left: Pattern, right: Pattern) -> tuple[Array, Array]:
    """Best X₁X₂ of two chainable patterns, X₁'s slices with orthonormal columns; the slices of T11, each of rank ≤ r."""
    r = left.chain_rank(right)
    assert r is not None
    (a1, b1, _, d1), (_, b2, c2, d2) = left, right
    β, κ = b2 // r, left.c // r
    # values (a1, d2, b1, β, κ, c2) -> slices [a1, κ, β, d2] of size b1 × c2
    slices = values.reshape(a1, d2, b1, β, κ, c2).transpose(0, 4, 3, 1, 2, 5).reshape(-1, b1, c2)
    U, V = _orthonormal_truncation(slices, r)
    U, V = U.reshape(a1, κ, β, d2, b1, r), V.reshape(a1, κ, β, d2, r, c2)
    left_values = U.transpose(0, 2, 3, 4, 1, 5).reshape(a1, d1, b1, left.c)  # d1 = (β, d2), c1 = (κ, r)
    right_values = V.transpose(0, 1, 3, 4, 2, 5).reshape(right.a, d2, b2, c2)  # a2 = (a1, κ), b2 = (r, β)
    return left_values, right_values


def _orthonormal_truncation(Z: Array, r: int) -> tuple[Array, Array]:
    """Best rank-r U (Uᴴ Z) of every slice, U with orthonormal columns (zero columns where r exceeds the rows)."""
    _, m, n = Z.shape
    rank = min(r, m)
    if rank < m:
        found = truncate(Z, min(rank, n), 0.0)
        U = np.linalg.qr(found.left)[0]
    else:
        U = np.broadcast_to(np.eye(m, dtype=Z.dtype), (len(Z), m, m))
    V = np.matmul(U.conj().swapaxes(1, 2), Z)
    if U.shape[2] < r:
        extra = r - U.shape[2]
        U = np.concatenate([U, np.zeros((len(Z), m, extra), Z.dtype)], axis=2)
        V = np.concatenate([V, np.zeros((len(Z), extra, n), Z.dtype)], axis=1)
    return U, V
