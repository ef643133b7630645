"""Leading eigenvectors of many Hermitian positive semi-definite matrices at once, by Lanczos iteration.

Proposals only: what they are worth is certified in :mod:`kronmix.decompose.truncation`. Axes: slice, row, column. A
Hermitian G is passed as its conjugate, so that G q is the row product qᵀ conj(G), which BLAS takes as it lies in memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# Gram matrices kept hot in the cache while their Lanczos steps run (measured: 0.5 to 4 MiB are equal, 16 MiB twice slower).
CACHE_BYTES = 2**21
_LAGUERRE_STEPS = 12


def leading_vector(G_conj: Array, start: Array, steps: int) -> Array:
    """Ritz vector of the largest Ritz value after ``steps`` Lanczos steps, without reorthogonalisation.

    Parameters
    ----------
    G_conj : array of shape (N, n, n)
        Conjugates of the matrices.
    start : array of shape (N, n, 1)
    steps : int

    Returns
    -------
    array of shape (N, n, 1)
        Unit vectors. Loss of orthogonality only repeats Ritz values that have converged (Paige 1971).
    """
    basis, alpha, beta = _in_pieces(_iterate, G_conj, start, steps)
    s = _leading_tridiagonal(alpha, beta[:-1])
    V = np.matmul(s.T[:, None, :], basis.swapaxes(0, 1))  # Σ_j s_j q_j
    return _unit(V[:, 0])[..., None]


def leading_space(G_conj: Array, start: Array, steps: int, rank: int) -> Array:
    """Ritz vectors of the ``rank`` largest Ritz values, with full reorthogonalisation; shape (N, n, rank)."""
    basis, alpha, beta = _in_pieces(_iterate_orthogonal, G_conj, start, steps)
    j = np.arange(steps)
    T = np.zeros((len(G_conj), steps, steps))
    T[:, j, j] = alpha.T
    T[:, j[1:], j[:-1]] = beta[:-1].T
    S = np.linalg.eigh(T)[1][:, :, : -rank - 1 : -1]
    V = np.matmul(basis.transpose(1, 2, 0), S)
    return np.linalg.qr(V)[0]  # breakdowns leave zero columns in the basis


def _in_pieces(iterate: Any, G_conj: Array, start: Array, steps: int) -> tuple[Array, Array, Array]:
    """Lanczos for N Gram matrices of shape (n, n), as many at a time as fit into the cache."""
    N, n, _ = G_conj.shape
    basis = np.empty((steps, N, n), G_conj.dtype)
    alpha, beta = np.empty((2, steps, N))
    piece = max(1, CACHE_BYTES // (n * n * G_conj.dtype.itemsize))
    for i in range(0, N, piece):
        part = slice(i, i + piece)
        iterate(G_conj[part], _unit(start[part, :, 0]), basis[:, part], alpha[:, part], beta[:, part])
    return basis, alpha, beta


def _iterate(G_conj: Array, q: Array, basis: Array, alpha: Array, beta: Array) -> None:
    """β_j q_{j+1} = G q_j − α_j q_j − β_{j−1} q_{j−1}."""
    negligible = _negligible(G_conj)
    for j in range(len(basis)):
        basis[j] = q
        w = np.matmul(q[:, None, :], G_conj)[:, 0]
        if j:
            w -= beta[j - 1][:, None] * basis[j - 1]
        alpha[j] = np.vecdot(q, w).real
        w -= alpha[j][:, None] * q
        q = _next(w, beta[j], negligible)


def _iterate_orthogonal(G_conj: Array, q: Array, basis: Array, alpha: Array, beta: Array) -> None:
    """The same, each new vector made orthogonal to all before it, twice."""
    negligible = _negligible(G_conj)
    for j in range(len(basis)):
        basis[j] = q
        w = np.matmul(q[:, None, :], G_conj)
        alpha[j] = np.vecdot(q, w[:, 0]).real
        Q = basis[: j + 1].swapaxes(0, 1)
        for _ in range(2):
            w -= np.matmul(np.matmul(w, Q.conj().swapaxes(1, 2)), Q)
        q = _next(w[:, 0], beta[j], negligible)


def _negligible(G_conj: Array) -> Array:
    """Size of rounding errors in each Gram matrix: 4 ε tr G."""
    return 4 * np.finfo(G_conj.dtype).eps * np.trace(G_conj, axis1=1, axis2=2).real


def _next(w: Array, beta: Array, negligible: Array) -> Array:
    """Normalise; a zero vector where the space is invariant, which leaves the Ritz values found so far."""
    norm = np.sqrt(np.vecdot(w, w).real)
    beta[:] = np.where(norm > negligible, norm, 0.0)
    return w * np.divide(1.0, beta, out=np.zeros_like(beta), where=beta > 0)[:, None]


def _unit(v: Array) -> Array:
    """Rows divided by their norms; zero rows stay zero."""
    norm = np.sqrt(np.vecdot(v, v).real)
    return v / np.where(norm > 0, norm, 1.0)[:, None]


def _leading_tridiagonal(alpha: Array, beta: Array) -> Array:
    """Eigenvector of the largest eigenvalue of many symmetric tridiagonal matrices; alpha (k, N), beta (k−1, N)."""
    k = len(alpha)
    b = beta * beta
    with np.errstate(all="ignore"):
        x = _largest_root(alpha, beta, b)
        # Twisted factorisation: pivots from the front (d) and from the back (e) meet where the eigenvector is largest.
        d, e = x - alpha, x - alpha
        for j in range(1, k):
            d[j] -= b[j - 1] / d[j - 1]
            e[k - 1 - j] -= b[k - 1 - j] / e[k - j]
        t = np.argmin(np.nan_to_num(np.abs(d + e - (x - alpha)), nan=np.inf), axis=0)
        s = np.ones_like(alpha)
        for j in range(k - 2, -1, -1):
            s[j] = np.where(j < t, beta[j] * s[j + 1] / d[j], 1.0)
        for j in range(1, k):
            s[j] = np.where(j > t, beta[j - 1] * s[j - 1] / e[j], s[j])
    return np.nan_to_num(s, nan=0.0, posinf=0.0, neginf=0.0)


def _largest_root(alpha: Array, beta: Array, b: Array) -> Array:
    """Largest eigenvalues by Laguerre's iteration from above, which falls monotonically onto them, cubically.

    With pivots d_j(x) of x − T: S₁ = Σ_i 1/(x − λ_i) = Σ_j d_j′/d_j and S₂ = Σ_i 1/(x − λ_i)² = −S₁′.
    """
    k = len(alpha)
    radius = np.zeros_like(alpha)
    radius[:-1] += beta
    radius[1:] += beta
    x = np.max(alpha + radius, axis=0) * (1 + 1e-14)
    for _ in range(_LAGUERRE_STEPS):
        d, d1, d2 = x - alpha[0], np.ones_like(x), np.zeros_like(x)
        S1 = 1 / d
        S2 = S1 * S1
        for j in range(1, k):
            g = 1 / d
            bg = b[j - 1] * g
            d = x - alpha[j] - bg
            bg *= g
            d1, d2 = 1 + bg * d1, bg * (d2 - 2 * d1 * d1 * g)
            r = d1 / d
            S1 += r
            S2 += r * r - d2 / d
        step = k / (S1 + np.sqrt((k - 1) * np.maximum(k * S2 - S1 * S1, 0)))
        step = np.where((step > 0) & (step < x), step, 0.0)
        x = x - step
        if not np.any(step > 1e-13 * x):
            break
    return x
