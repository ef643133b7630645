"""The one kernel under every structure: a Kronecker-sparse factor applied to a batch, and its pullback (T9, T18).

Axes are named as in the theory: values[a, d, b, c], inputs x[a, c, d, n], outputs y[a, b, d, n]; n is the batch. An axis
of ``values`` of length 1 is shared along that axis of the pattern (tied weights).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..patterns import Pattern

Array = np.ndarray[Any, np.dtype[Any]]


def apply_factor(values: Array, pattern: Pattern, x: Array) -> Array:
    """y[a,b,d,n] = Σ_c values[a,d,b,c] x[a,c,d,n] for x of shape (acd, n); returns (abd, n)."""
    a, b, c, d = pattern
    n = x.shape[1]
    values = _expand_blocks(values, b, c)
    shared_a, shared_d = values.shape[0] == 1, values.shape[1] == 1
    rows = a * b * d
    if shared_a and shared_d and d * n == 1:  # one GEMM with the blocks as rows
        return (x.reshape(a, c) @ values[0, 0].T).reshape(rows, n)
    if shared_d:  # d and n are one axis: contiguous GEMMs, a single one when a = 1
        return np.matmul(values[:, 0], x.reshape(a, c, d * n)).reshape(rows, n)
    y = np.empty((a, b, d, n), np.result_type(values, x))
    x = x.reshape(a, c, d, n)
    if shared_a and n == 1:  # the shared axis takes the place of the batch
        np.matmul(values[0], x[..., 0].transpose(2, 1, 0), out=y[..., 0].transpose(2, 1, 0))
    else:  # strided views: BLAS reads and writes them in place
        np.matmul(values, x.transpose(0, 2, 1, 3), out=y.transpose(0, 2, 1, 3))
    return y.reshape(rows, n)


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
