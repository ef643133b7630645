"""Singular values, norms, rank, condition, determinant and trace from factors (T15).

Each question is a function; what a structure knows about it is registered on the operator's type. The fallback makes the matrix
explicit, within the memory limit.
"""

from __future__ import annotations

from functools import reduce, singledispatch
from itertools import pairwise
from math import inf
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse.linalg import svds

from .operators import (
    Chain,
    Kronecker,
    KroneckerSparse,
    Monarch,
    Permutation,
    StructuredOperator,
    Sum,
    SumOfKroneckers,
)
from .operators.base import MAX_BYTES, Array, as_factor

__all__ = ["SignLogDet", "cond", "matrix_rank", "norm", "singular_values", "slogdet", "trace"]

Kind = str | float | tuple[str, float]


# ---- singular values ------------------------------------------------------------------------------------------------


def singular_values(op: Any, k: int | None = None) -> Array:
    """Singular values in descending order, exactly from the factors where the structure allows (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)
    k : int, optional
        Only the k largest; products of factors' values that cannot be among them are not formed.

    Returns
    -------
    array of shape (min(rows, columns),) or (k,)
        Structural zeros (rectangular Kronecker factors) are exact zeros.

    Raises
    ------
    ValueError
        If k is not between 1 and min(rows, columns).
    MemoryError
        If the structure has no formula and the dense matrix is too large (then ask for a few with ``k``).

    Notes
    -----
    Kronecker products multiply the values of their factors; Kronecker-sparse matrices and chains whose product is one
    (token and channel mixing, partial butterflies) join those of their blocks, shared blocks once; permutations outside
    change nothing (T8). Large structures without a formula use ``scipy.sparse.linalg.svds`` when k is given.

    Examples
    --------
    >>> op = km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]))
    >>> km.singular_values(op)
    array([15.,  6.,  5.,  2.])
    >>> km.singular_values(km.Kronecker(np.ones((1, 768)), np.ones((196, 1))), k=1).round(6)
    array([387.979381])
    """
    op = _operator(op)
    count = min(op.shape)
    if k is None:
        return _spectrum(op, count)
    if not 1 <= k <= count:
        raise ValueError(f"k={k}: expected 1 to {count} for a {op.shape[0]}×{op.shape[1]} operator")
    return _spectrum(op, k)[:k]


@singledispatch
def _spectrum(op: StructuredOperator, k: int) -> Array:
    """At least the k largest singular values, descending."""
    if op.pattern is not None and op.pattern.a * op.pattern.d > 1:
        return _spectrum(_as_blocks(op), k)
    large = op.shape[0] * op.shape[1] * op.dtype.itemsize > MAX_BYTES
    if large and k < min(op.shape):
        found = svds(op, k=k, return_singular_vectors=False)
        return np.sort(found)[::-1]
    return np.linalg.svd(op.to_dense(), compute_uv=False)


def _as_blocks(op: StructuredOperator) -> KroneckerSparse:
    """A product whose pattern has blocks, as one Kronecker-sparse factor: c columns probe all blocks at once (T11)."""
    pattern = op.pattern
    assert pattern is not None
    a, b, c, d = pattern
    probes = np.broadcast_to(np.eye(c)[None, :, None, :], (a, c, d, c)).reshape(a * c * d, c)
    values = (op @ probes.astype(op.dtype)).reshape(a, b, d, c)
    return KroneckerSparse(values.transpose(0, 2, 1, 3), pattern)


@_spectrum.register
def _(op: Kronecker, k: int) -> Array:
    values = [np.linalg.svd(f, compute_uv=False) for f in op.factors]
    products = reduce(lambda s, t: _largest_products(s, t, k), values)
    return np.concatenate([products, np.zeros(max(0, k - products.size), products.dtype)])


def _largest_products(s: Array, t: Array, k: int) -> Array:
    """The k largest products of two descending lists: s_i t_j can be one only if (i + 1)(j + 1) ≤ k."""
    if s.size * t.size <= k:
        return np.sort(np.outer(s, t), axis=None)[::-1]
    candidates = [s[i] * t[: k // (i + 1)] for i in range(min(s.size, k))]
    return np.sort(np.concatenate(candidates))[::-1][:k]


@_spectrum.register
def _(op: KroneckerSparse, k: int) -> Array:
    blocks, repeats = _blocks(op)
    return np.sort(np.repeat(np.linalg.svd(blocks, compute_uv=False).ravel(), repeats))[::-1]


@_spectrum.register
def _(op: Permutation, k: int) -> Array:
    return np.ones(k, np.float64)


@_spectrum.register
def _(op: Chain, k: int) -> Array:
    inner = _simplify(op)
    return (_spectrum.dispatch(StructuredOperator) if isinstance(inner, Chain) else _spectrum)(inner, k)


@_spectrum.register
def _(op: Monarch, k: int) -> Array:
    if op.left.shape[0] == op.right.shape[0] == op.rank == 1:  # both factors tied: a Kronecker product (T12)
        return _spectrum(Kronecker(op.left[0], op.right[0]), k)
    return _spectrum.dispatch(StructuredOperator)(op, k)


def _simplify(op: Chain) -> StructuredOperator:
    """Drop permutations outside, and multiply out Kroneckers whose inner sizes match."""
    inner = op.core()
    if isinstance(inner, Chain) and all(isinstance(factor, Kronecker) for factor in inner.operators):
        pairs = pairwise(inner.operators)
        if all([f.shape[1] for f in x.factors] == [f.shape[0] for f in y.factors] for x, y in pairs):
            product: StructuredOperator = reduce(lambda x, y: x @ y, inner.operators)
            return product
    return inner


def _blocks(op: KroneckerSparse) -> tuple[Array, int]:
    """The stored b × c blocks, and how often each occurs."""
    a, d, b, c = op.pattern.values_shape
    blocks = np.broadcast_to(op.values, (*op.values.shape[:2], b, c))
    return blocks, (a * d) // (blocks.shape[0] * blocks.shape[1])


# ---- norms ----------------------------------------------------------------------------------------------------------


def norm(op: Any, kind: Kind = "fro") -> float:
    """A norm of the effective matrix, from the factors where the structure allows (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)
    kind : str, 2 or tuple
        "fro" (Frobenius), "nuclear", 2 or "spectral", ("schatten", p); entrywise "l1", "max", ("entrywise", p). p > 0; below 1
        the formula is kept though it is no norm.

    Raises
    ------
    ValueError
        If the kind is unknown or p is not positive.

    Examples
    --------
    >>> op = km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]))
    >>> [round(km.norm(op, kind), 12) for kind in ("nuclear", 2, "l1", "max")]
    [28.0, 15.0, 28.0, 15.0]
    >>> round(km.norm(op, ("schatten", 4)), 6)
    15.141468
    """
    op = _operator(op)
    family, p = _parse_kind(kind)
    if family == "entrywise":
        return _entrywise_norm(op, p)
    s = singular_values(op, 1 if p == inf else None)
    return _lp(s, p)


def _parse_kind(kind: Kind) -> tuple[str, float]:
    named: dict[Any, tuple[str, float]] = {
        "fro": ("entrywise", 2.0),
        "nuclear": ("schatten", 1.0),
        "spectral": ("schatten", inf),
        2: ("schatten", inf),
        "l1": ("entrywise", 1.0),
        "max": ("entrywise", inf),
    }
    parsed = named.get(kind, kind)
    if isinstance(parsed, tuple) and len(parsed) == 2 and parsed[0] in ("entrywise", "schatten"):
        family, p = parsed
        if isinstance(p, int | float) and p > 0:
            return family, float(p)
        raise ValueError(f"kind={kind!r}: p must be positive")
    raise ValueError(f'kind={kind!r}: expected one of {list(named)}, ("schatten", p) or ("entrywise", p)')


def _lp(x: Array, p: float) -> float:
    """(Σ|x|^p)^{1/p} over all entries."""
    return float(_lp_along(x.reshape(-1), p, 0))


def _lp_along(x: Array, p: float, axis: int) -> Array:
    """(Σ|x|^p)^{1/p} along an axis, scaled so that nothing overflows."""
    size = np.abs(x).astype(np.float64)
    largest = size.max(axis=axis, initial=0.0, keepdims=True)
    if p == inf:
        return largest.squeeze(axis)
    size /= np.where(largest > 0, largest, 1)
    return largest.squeeze(axis) * np.sum(size**p, axis=axis) ** (1 / p)


@singledispatch
def _entrywise_norm(op: StructuredOperator, p: float) -> float:
    if op.pattern is not None and op.pattern.a * op.pattern.d > 1:
        return _entrywise_norm(_as_blocks(op), p)
    return _lp(op.to_dense(), p)


@_entrywise_norm.register
def _(op: Kronecker, p: float) -> float:
    return float(np.prod([_lp(f, p) for f in op.factors]))


@_entrywise_norm.register
def _(op: KroneckerSparse, p: float) -> float:
    blocks, repeats = _blocks(op)
    return _lp(blocks, p) * repeats ** (1 / p)


@_entrywise_norm.register
def _(op: Permutation, p: float) -> float:
    return float(op.shape[0] ** (1 / p))


@_entrywise_norm.register
def _(op: Chain, p: float) -> float:
    inner = _simplify(op)
    return (_entrywise_norm.dispatch(StructuredOperator) if isinstance(inner, Chain) else _entrywise_norm)(inner, p)


@_entrywise_norm.register
def _(op: Monarch, p: float) -> float:
    if op.rank > 1:
        return _entrywise_norm.dispatch(StructuredOperator)(op, p)
    U, V = op.slices()  # each slice is an outer product: its norm is a product
    u, v = _lp_along(U[..., 0], p, 2), _lp_along(V[:, :, 0], p, 2)
    _, k, q, _ = op.sizes
    return _lp(np.broadcast_to(u * v, (q, k)), p)


@_entrywise_norm.register
def _(op: SumOfKroneckers, p: float) -> float:
    if p != 2:
        return _entrywise_norm.dispatch(StructuredOperator)(op, p)
    A, B = (np.stack([f.ravel() for f in op.factors[i::2]]) for i in (0, 1))
    # ‖Σ A_ρ ⊗ B_ρ‖_F = ‖Rᴬ Rᴮᵀ‖_F for the triangular factors of the stacked vec's (T14): no cancellation.
    R_A, R_B = (np.asarray(np.linalg.qr(stacked.T, mode="r")) for stacked in (A, B))
    return _lp(R_A @ R_B.T, 2)


# ---- rank, condition, determinant, trace ----------------------------------------------------------------------------


def matrix_rank(op: Any, rtol: float | None = None) -> int:
    """Number of singular values above rtol · σ_max; Kronecker products multiply their factors' ranks (T15).

    Parameters
    ----------
    op : StructuredOperator or array
    rtol : float, optional
        max(rows, columns) · eps of the matrix whose values are counted by default, as in NumPy.

    Examples
    --------
    >>> km.matrix_rank(km.Kronecker(np.ones((2, 2)), np.eye(3)))
    3
    """
    return _rank(_operator(op), rtol)


def _count(s: Array, size: int, rtol: float | None) -> int:
    tolerance = (size * np.finfo(s.dtype).eps if rtol is None else rtol) * s.max(initial=0.0)
    return int(np.count_nonzero(s > tolerance))


@singledispatch
def _rank(op: StructuredOperator, rtol: float | None) -> int:
    return _count(singular_values(op), max(op.shape), rtol)


@_rank.register
def _(op: Kronecker, rtol: float | None) -> int:
    return int(np.prod([_count(np.linalg.svd(f, compute_uv=False), max(f.shape), rtol) for f in op.factors]))


@_rank.register
def _(op: Permutation, rtol: float | None) -> int:
    return int(op.shape[0])


@_rank.register
def _(op: Chain, rtol: float | None) -> int:
    inner = _simplify(op)
    return (_rank.dispatch(StructuredOperator) if isinstance(inner, Chain) else _rank)(inner, rtol)


def cond(op: Any) -> float:
    """Ratio of the largest to the smallest of the min(rows, columns) singular values; inf where that is zero (T15).

    Examples
    --------
    >>> km.cond(km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0])))
    7.5
    >>> km.cond(km.Kronecker(np.ones((1, 2)), np.ones((2, 1))))
    inf
    """
    s = singular_values(op)
    return float(s[0] / s[-1]) if s[-1] > 0 else inf


class SignLogDet(NamedTuple):
    """Sign (or phase) of a determinant and the logarithm of its absolute value."""

    sign: complex
    logabsdet: float


def slogdet(op: Any) -> SignLogDet:
    """Sign and logarithm of |det|; det(V ⊗ W) = det(V)^S det(W)^C never overflows this way (T15).

    Raises
    ------
    ValueError
        If the operator is not square.

    Examples
    --------
    >>> sign, logabsdet = km.slogdet(km.Kronecker(2 * np.eye(1000), np.diag([1.0, -3.0])))
    >>> sign, bool(np.isclose(logabsdet, 1000 * np.log(12)))
    (1.0, True)
    """
    op = _operator(op)
    _need_square(op, "slogdet")
    sign, logabsdet = _slogdet(op)
    return SignLogDet(sign.item() if isinstance(sign, np.generic) else sign, float(logabsdet))


@singledispatch
def _slogdet(op: StructuredOperator) -> Any:
    return np.linalg.slogdet(op.to_dense())


@_slogdet.register
def _(op: Kronecker) -> Any:
    if any(f.shape[0] != f.shape[1] for f in op.factors):
        return 0.0, -inf  # a factor with more rows than columns leaves the product short of rank
    n = op.shape[0]
    parts = [(np.linalg.slogdet(f), n // f.shape[0]) for f in op.factors]
    return np.prod([sign**power for (sign, _), power in parts]), sum(log * power for (_, log), power in parts)


@_slogdet.register
def _(op: KroneckerSparse) -> Any:
    blocks, repeats = _blocks(op)
    sign, logabsdet = np.linalg.slogdet(blocks)
    return np.prod(sign) ** repeats, repeats * logabsdet.sum()


@_slogdet.register
def _(op: Permutation) -> Any:
    seen, sign = np.zeros(op.shape[0], bool), 1.0
    for start in range(op.shape[0]):
        length, i = 0, start
        while not seen[i]:
            seen[i], i, length = True, op.indices[i], length + 1
        sign = -sign if length and length % 2 == 0 else sign
    return sign, 0.0


@_slogdet.register
def _(op: Chain) -> Any:
    if any(factor.shape[0] != factor.shape[1] for factor in op.operators):
        return np.linalg.slogdet(op.to_dense())
    parts = [_slogdet(factor) for factor in op.operators]
    return np.prod([sign for sign, _ in parts]), sum(log for _, log in parts)


@singledispatch
def trace(op: Any) -> Any:
    """Sum of the diagonal; the traces of square Kronecker factors multiply (T15).

    Raises
    ------
    ValueError
        If the operator is not square.

    Examples
    --------
    >>> float(km.trace(km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]))))
    28.0
    """
    op = _operator(op)
    _need_square(op, "trace")
    return np.trace(op.to_dense())


@trace.register
def _(op: Kronecker) -> Any:
    _need_square(op, "trace")
    if any(f.shape[0] != f.shape[1] for f in op.factors):
        return np.trace(op.to_dense())
    return np.prod([np.trace(f) for f in op.factors])


@trace.register
def _(op: KroneckerSparse) -> Any:
    _need_square(op, "trace")
    blocks, repeats = _blocks(op)
    return repeats * np.trace(blocks, axis1=2, axis2=3).sum()


@trace.register
def _(op: Permutation) -> Any:
    return float(np.count_nonzero(op.indices == np.arange(op.shape[0])))


@trace.register
def _(op: Sum) -> Any:
    return sum(trace(term) for term in op.operators)


@trace.register
def _(op: SumOfKroneckers) -> Any:
    return sum(trace(Kronecker(A, B)) for A, B in op.pairs)


def _operator(op: Any) -> StructuredOperator:
    from .operators import Dense

    return op if isinstance(op, StructuredOperator) else Dense(as_factor(op, "op", 2))


def _need_square(op: StructuredOperator, name: str) -> None:
    if op.shape[0] != op.shape[1]:
        raise ValueError(f"{name} needs a square operator: this one is {op.shape[0]}×{op.shape[1]}")
