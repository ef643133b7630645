"""The one kernel under every structure: a Kronecker-sparse factor applied to a batch, and its pullback (T9, T18).

Axes are named as in the theory: values[a, d, b, c], inputs x[a, c, d, n], outputs y[a, b, d, n]; n is the batch. An axis
of ``values`` of length 1 is shared along that axis of the pattern (tied weights).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd
from typing import Any

import numpy as np

from ..patterns import Pattern

Array = np.ndarray[Any, np.dtype[Any]]

#: What writing and reading a vector once more costs, in multiply-adds a number: small factors are multiplied out below it.
PASS = 32
#: Bytes of a vector that is worked through in pieces.
CACHE = 2**22


def apply_factor(values: Array, pattern: Pattern, x: Array, out: Array | None = None) -> Array:
    """y[a,b,d,n] = Σ_c values[a,d,b,c] x[a,c,d,n] for x of shape (acd, n); returns (abd, n), in ``out`` where it is given."""
    a, b, c, d = pattern
    n = x.shape[1]
    values = _expand_blocks(values, b, c)
    shared_a, shared_d = values.shape[0] == 1, values.shape[1] == 1
    if out is None:
        out = np.empty((a * b * d, n), np.result_type(values, x))
    if shared_a and shared_d and d * n == 1:  # one GEMM with the blocks as rows
        np.matmul(x.reshape(a, c), values[0, 0].T, out=out.reshape(a, b))
    elif shared_d:  # d and n are one axis: contiguous GEMMs, a single one when a = 1
        np.matmul(values[:, 0], x.reshape(a, c, d * n), out=out.reshape(a, b, d * n))
    else:
        x, y = x.reshape(a, c, d, n), out.reshape(a, b, d, n)
        if shared_a and n == 1:  # the shared axis takes the place of the batch
            np.matmul(values[0], x[..., 0].transpose(2, 1, 0), out=y[..., 0].transpose(2, 1, 0))
        else:  # strided views: BLAS reads and writes them in place
            np.matmul(values, x.transpose(0, 2, 1, 3), out=y.transpose(0, 2, 1, 3))
    return out


def apply_factors(factors: Sequence[tuple[Array, Pattern]], x: Array, out: Array | None = None) -> Array:
    """A product of factors, the first one applied first; two buffers take turns where sizes allow.

    What follows the first factor of a large product goes piece by piece, in place, where it keeps the pieces apart: they stay in
    the cache. ``out`` takes the result where it is given; it may be x where there are two factors or more.
    """
    (values, pattern), *rest = factors
    if not rest:
        return apply_factor(values, pattern, x, out)
    y = apply_factor(values, pattern, x)
    if (pieces := _pieces(rest, y)) > 1:
        inner = [(v, Pattern(p.a // pieces, *p[1:])) for v, p in rest]
        for piece in y.reshape(pieces, -1, x.shape[1]):
            apply_factors(inner, piece, piece)
        if out is None:
            return y
        out[...] = y
        return out
    spare: Array | None = None
    for i, (values, pattern) in enumerate(rest, 1):
        fits = spare is not None and spare.shape[0] == pattern.shape[0] and spare.dtype == np.result_type(values, y)
        target = out if i == len(rest) and out is not None else spare if fits else None
        spare, y = y, apply_factor(values, pattern, y, target)
    return y


def _pieces(factors: Sequence[tuple[Array, Pattern]], y: Array) -> int:
    """Into how many pieces, none so small that calls cost more than work, square shared factors cut y; 1 where it is small."""
    apart = all(v.shape[0] == 1 and p.b == p.c and np.result_type(v, y) == y.dtype for v, p in factors)
    if not apart or len(factors) < 2 or y.nbytes <= CACHE:
        return 1
    most = gcd(*(p.a for _, p in factors))
    return max(n for n in range(1, min(most, 16 * y.nbytes // CACHE) + 1) if most % n == 0)


def cheapest_groups(count: int, cost: Callable[[int, int], float]) -> list[tuple[int, int]]:
    """Cuts 0 … count into neighbouring groups [start, stop) of the least total cost; infinite costs are avoided."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, count + 1):
        best.append(min((best[start][0] + cost(start, stop), start) for start in range(stop)))
    groups, stop = list[tuple[int, int]](), count
    while stop:
        groups.append((best[stop][1], stop))
        stop = best[stop][1]
    return groups[::-1]


def factor_gradient(values_shape: tuple[int, ...], pattern: Pattern, x: Array, y_bar: Array) -> Array:
    """values̄[a,d,b,c] = Σ_n ȳ[a,b,d,n] conj(x[a,c,d,n]), summed over shared axes; shape ``values_shape`` (T18)."""
    a, b, c, d = pattern
    n = x.shape[1]
    shared_a, shared_d = values_shape[0] == 1, values_shape[1] == 1
    x4, y4 = x.reshape(a, c, d, n), y_bar.reshape(a, b, d, n)
    if x.dtype.kind == "c":
        x4 = x4.conj()
    # Shared axes join the batch in the contraction; the others count the GEMMs.
    if shared_a and shared_d:
        gradient = _contract_blocks(y4.reshape(a, b, d * n), x4.reshape(a, c, d * n))[None, None]
    elif shared_a:
        left = y4.transpose(2, 1, 0, 3).reshape(d, b, a * n)
        gradient = np.matmul(left, x4.transpose(2, 0, 3, 1).reshape(d, a * n, c))[None]
    elif shared_d:
        gradient = np.matmul(y4.reshape(a, b, d * n), x4.reshape(a, c, d * n).swapaxes(1, 2))[:, None]
    else:
        gradient = np.matmul(y4.transpose(0, 2, 1, 3), x4.transpose(0, 2, 3, 1))
    for axis, size in enumerate(values_shape):
        if size == 1 and gradient.shape[axis] > 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return gradient


def _contract_blocks(y: Array, x: Array) -> Array:
    """Σ_a y[a] x[a]ᵀ for y (a, b, n), x (a, c, n), without a temporary larger than the inputs."""
    (a, b, n), c = y.shape, x.shape[1]
    if a == 1:
        return y[0] @ x[0].T
    if n == 1:
        return y[..., 0].T @ x[..., 0]
    if 2 * b * c <= n * (b + c):  # the partial products are smaller than the copies that one GEMM needs
        return np.matmul(y, x.swapaxes(1, 2)).sum(axis=0)
    return np.tensordot(y, x, axes=((0, 2), (0, 2)))


def _expand_blocks(values: Array, b: int, c: int) -> Array:
    """Write out sharing inside the b × c blocks, which BLAS cannot read as strides of zero."""
    if values.shape[2:] == (b, c):
        return values
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], b, c)))
