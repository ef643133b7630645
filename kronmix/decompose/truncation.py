"""Best rank-r approximations of many matrices at once, with a proof that they are the best (T13, T14).

For a matrix Z and orthonormal V (n × r) the approximation is Z V Vᴴ. With G = ZᴴZ, A = VᴴGV = diag(θ) and E² = ‖Z − ZVVᴴ‖²,
no matrix of rank r is nearer to Z than (E² − excess)^½, excess = Σ_{i≤r} λ_i(G) − Σθ_i. Two bounds on the excess follow from
Ky Fan's dual, Σ_{i≤r} λ_i(G) = min {rt + tr Y : Y ⪰ 0, Y ⪰ G − tI}:

* Where E² < θ_r: excess ≤ ‖(ZV)ᴴ(Z − ZVVᴴ)‖_F² / (θ_r − E²), from the residual alone.
* Elsewhere: excess ≤ rη if (θ_r + η)I + V diag(θ_i − θ_r)Vᴴ − G has a Cholesky factorisation.

Lanczos iteration proposes V; slices whose bound is too large go on to more steps, then eigenvectors of G, then the SVD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.linalg import get_blas_funcs, get_lapack_funcs

from .lanczos import CACHE_BYTES, leading_space, leading_vector

Array = np.ndarray[Any, np.dtype[Any]]
EPS = float(np.finfo(np.float64).eps)

# Slices worked on together (16 MiB): few Python steps a slice, and their Gram matrices stay in the outer cache.
GROUP_BYTES = 2**24
# Below this size the SVD's own overhead is what counts and Lanczos would not be faster.
_SMALL = 8
# Squares outside this range over- or underflow: LAPACK's SVD scales for itself.
_SAFE = 1e-200, 1e200


@dataclass(frozen=True)
class Truncation:
    """Rank-r approximations ``left @ right`` of N matrices.

    ``left`` (N, m, r) and ``right`` (N, r, n) share the singular values evenly; ``error2`` (N,) holds the squared errors and
    ``excess`` (N,) how far these can be above the smallest possible.
    """

    left: Array
    right: Array
    error2: Array
    excess: Array


def truncate(Z: Array, rank: int, tol: float) -> Truncation:
    """Approximate every Z[i] by rank ``rank``, each error within a factor 1 + tol of the best (tol=0: to rounding).

    Parameters
    ----------
    Z : array of shape (N, m, n), float64 or complex128
    rank : int, at least 1
    tol : float, at least 0
    """
    N, m, n = Z.shape
    if m < n:
        flipped = truncate(Z.swapaxes(1, 2), rank, tol)
        return Truncation(flipped.right.swapaxes(1, 2), flipped.left.swapaxes(1, 2), flipped.error2, flipped.excess)
    r = min(rank, n)
    left, right = np.zeros((N, m, rank), Z.dtype), np.zeros((N, rank, n), Z.dtype)
    error2, excess = np.zeros(N), np.zeros(N)
    if N == 0 or n == 0:
        return Truncation(left, right, error2, excess)
    if r == n:
        V = np.broadcast_to(np.eye(n, dtype=Z.dtype), (N, n, n))
        left[:, :, :r], right[:, :r] = _balanced(Z, V)
        return Truncation(left, right, error2, excess)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        G_conj = _conjugate_gram(Z)
        trace = np.trace(G_conj, axis1=1, axis2=2).real
    safe = (trace > _SAFE[0]) & (trace < _SAFE[1])
    todo = np.flatnonzero(safe)
    V_all = np.zeros((N, n, r), Z.dtype)
    start = _random_start(Z.dtype, len(todo), n)
    for propose in _proposals(n, r, tol):
        if not len(todo):
            break
        whole = len(todo) == N
        Zt, Gt, tt = (Z, G_conj, trace) if whole else (Z[todo], G_conj[todo], trace[todo])
        V = propose(Gt, start)
        e2, ex, proved = _certify(Zt, Gt, V, tt, tol)
        done = todo[proved]
        V_all[done], error2[done], excess[done] = V[proved], e2[proved], ex[proved]
        todo, start = todo[~proved], V[~proved].sum(axis=2, keepdims=True)
    remaining = np.concatenate([todo, np.flatnonzero(~safe & Z.any(axis=(1, 2)))]) if not safe.all() else todo
    left[:, :, :r], right[:, :r] = _balanced(Z, V_all)
    if len(remaining):
        Zr = Z[remaining]
        U, s, Vh = np.linalg.svd(Zr, full_matrices=False)
        root = np.sqrt(s[:, :r])
        left[remaining, :, :r] = U[:, :, :r] * root[:, None, :]
        right[remaining, :r] = root[:, :, None] * Vh[:, :r]
        error2[remaining] = _squares(Zr - left[remaining] @ right[remaining])
        excess[remaining] = np.minimum(
            error2[remaining], 16 * n * EPS * error2[remaining] + (8 * n * EPS * s[:, 0]) ** 2
        )
    return Truncation(left, right, error2, excess)


def least_error2(Z: Array, rank: int, precise: bool) -> float:
    """A number that no Σ ‖Z[…] − X‖² over all slices, every X of rank at most ``rank``, goes below; near the smallest.

    From the eigenvalues of the slices' Gram matrices; ``precise``, for sums lost in the rounding of squares, from truncations.

    Parameters
    ----------
    Z : array of shape (…, m, n), float64 or complex128
        Any strides: nothing is copied but where ``precise``.
    rank : int, at least 1
    precise : bool
    """
    m, n = Z.shape[-2:]
    if rank >= min(m, n):
        return 0.0
    if precise:
        found = truncate(Z.reshape(-1, m, n), rank, 1e-3)
        return float(np.sum(found.error2 - found.excess))
    left, right = (Z, Z.conj().swapaxes(-1, -2)) if m <= n else (Z.conj().swapaxes(-1, -2), Z)
    G = np.matmul(left, right).reshape(-1, min(m, n), min(m, n))
    trace = np.trace(G, axis1=1, axis2=2).real
    if rank == 1 and min(m, n) > _SMALL:
        leading = _largest_eigenvalue_bound(G, trace)
    else:
        leading = np.linalg.eigvalsh(G)[:, -rank:].sum(axis=1)
    return float((trace - leading).sum()) - 8 * (m + n) * EPS * float(trace.sum())


def _largest_eigenvalue_bound(G: Array, trace: Array) -> Array:
    """Upper bounds on λ_max, near it and in a small part of the time of ``eigvalsh``.

    From the trace t and the Frobenius norm f of an m × m Hermitian matrix, λ_max ≤ (t + √((m−1)(mf² − t²)))/m (Wolkowicz & Styan
    1980), here of G¹⁶, whose smaller eigenvalues hardly count, and its sixteenth root. Rounding adds at most m²·eps.
    """
    m = G.shape[1]
    power = G / np.where(trace > 0, trace, 1.0)[:, None, None]
    for _ in range(4):
        power = np.matmul(power, power)
    t, f2 = np.trace(power, axis1=1, axis2=2).real, _squares(power)
    bound: Array = (t + np.sqrt(np.maximum((m - 1) * (m * f2 - t**2), 0.0))) / m
    return np.minimum(trace * bound ** (1 / 16) * (1 + m**2 * EPS), trace)


def leading_pair(G: Array) -> tuple[Array, Array, Array]:
    """Traces, largest eigenvalues and their unit eigenvectors of many Hermitian positive semi-definite matrices."""
    trace = np.trace(G, axis1=1, axis2=2).real
    if G.shape[1] != 2:
        values, vectors = np.linalg.eigh(G)
        return trace, values[:, -1], vectors[:, :, -1]
    a, b, c = G[:, 0, 0].real, G[:, 0, 1], G[:, 1, 1].real
    value = (a + c) / 2 + np.hypot((a - c) / 2, np.abs(b))
    # (value − c, b̄) and (b, value − a) are both eigenvectors: take the one without cancellation.
    vector = np.where((a >= c)[:, None], np.stack([value - c, b.conj()], 1), np.stack([b, value - a], 1))
    norm = np.linalg.norm(vector, axis=1)
    vector[norm == 0, 0] = 1.0  # a multiple of the identity
    return trace, value, vector / np.where(norm > 0, norm, 1.0)[:, None]


def _conjugate_gram(Z: Array) -> Array:
    """Zᵀ conj(Z) of every slice; of a single real one half, mirrored (syrk: half the work)."""
    if len(Z) > 1 or Z.dtype.kind == "c":
        return np.matmul(Z.swapaxes(1, 2), Z.conj())
    (syrk,) = get_blas_funcs(("syrk",), (Z,))
    half = syrk(1.0, Z[0], trans=1) if Z[0].flags.f_contiguous else syrk(1.0, Z[0].T, trans=0)
    half += np.triu(half, 1).T
    return np.ascontiguousarray(half.T)[None]


def groups(N: int, bytes_each: int) -> Iterator[slice]:
    """Consecutive ranges of N slices of about GROUP_BYTES together."""
    step = max(1, GROUP_BYTES // max(bytes_each, 1))
    for i in range(0, N, step):
        yield slice(i, min(i + step, N))


def _random_start(dtype: Any, N: int, n: int) -> Array:
    """One random vector of length n, the same for all N matrices: shape (N, n, 1)."""
    rng = np.random.default_rng(20240607)
    x = rng.standard_normal((1, n, 1))
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal((1, n, 1))
    return np.broadcast_to(x.astype(dtype), (N, n, 1))


def _proposals(n: int, r: int, tol: float) -> Iterator[Callable[[Array, Array], Array]]:
    """Ever more work: Lanczos with 26 (to rounding: 32) steps, then twice as many …, all eigenvectors."""
    if n > _SMALL and r == 1:
        steps = 26 if tol > 1e-11 else 32
        while steps <= max(n, 48):
            yield partial(leading_vector, steps=steps)
            steps *= 2
    elif n > _SMALL and 8 * r <= n:
        steps = 16 + 8 * r
        while steps <= n // 2:
            yield partial(leading_space, steps=steps, rank=r)
            steps *= 2
    yield lambda G, x: np.linalg.eigh(G)[1][:, :, : -r - 1 : -1].conj()


def _certify(Z: Array, G_conj: Array, V: Array, trace: Array, tol: float) -> tuple[Array, Array, Array]:
    """Squared errors, bounds on their excess over the optimum, and whether the bound is small enough."""
    N = len(Z)
    error2, excess, proved = np.empty(N), np.empty(N), np.empty(N, bool)
    piece = max(1, CACHE_BYTES // (Z[0].nbytes + G_conj[0].nbytes))
    for i in range(0, N, piece):
        part = slice(i, min(i + piece, N))
        ZV = np.matmul(Z[part], V[part])
        theta = _squares(ZV.swapaxes(1, 2)[..., None])
        # Where the error is large, trace − Σθ gives it without cancellation, and the gap is for Cholesky to prove.
        error2[part] = trace[part] - theta.sum(axis=1)
        large = error2[part] >= 0.5 * theta.min(axis=1)
        for where, bound in ((large, _by_cholesky), (~large, _by_residual)):
            if where.all():
                error2[part], excess[part], proved[part] = bound(
                    Z[part], G_conj[part], V[part], ZV, theta, error2[part], tol
                )
            elif where.any():
                at = i + np.flatnonzero(where)
                error2[at], excess[at], proved[at] = bound(
                    Z[at], G_conj[at], V[at], ZV[where], theta[where], error2[at], tol
                )
    return error2, excess, proved


def _by_residual(
    Z: Array, G_conj: Array, V: Array, ZV: Array, theta: Array, error2: Array, tol: float
) -> tuple[Array, Array, Array]:
    """Bound by the coupling ‖(ZV)ᴴ(Z − ZVVᴴ)‖² over the gap, all from explicit residuals: small errors stay accurate."""
    n = Z.shape[2]
    R = Z - np.matmul(ZV, V.conj().swapaxes(1, 2))
    error2 = _squares(R)
    gap = theta.min(axis=1) - error2
    coupling2 = _squares(np.matmul(ZV.conj().swapaxes(1, 2), R))
    excess = np.minimum(error2, np.divide(coupling2, gap, out=np.full_like(gap, np.inf), where=gap > 0))
    rounding = (4 * np.sqrt(n) * EPS) ** 2 * theta.max(axis=1)
    return error2, excess, excess <= 2 * tol * error2 + rounding


def _by_cholesky(
    Z: Array, G_conj: Array, V: Array, ZV: Array, theta: Array, error2: Array, tol: float
) -> tuple[Array, Array, Array]:
    """Bound by factorising (θ_r + η)I + V diag(θ_i − θ_r)Vᴴ − G, with η just below what is allowed."""
    n, r = V.shape[1:]
    least, floor = theta.min(axis=1), 4 * n * EPS * theta.max(axis=1)
    eta = np.maximum(2 * tol * error2 / r, floor)
    # Try only where V seems to have converged (GV ≈ Vθ) and the margin stands above rounding: failures are expensive.
    GV = np.matmul(V.swapaxes(1, 2), G_conj) - theta[:, :, None] * V.swapaxes(1, 2)
    residual2 = _squares(GV)
    likely = np.minimum(np.sqrt(residual2), 100 * residual2 / np.where(least > 0, least, 1.0)) <= eta
    likely &= r * floor <= max(2 * tol, 64 * n * EPS) * error2
    excess, proved = error2.copy(), np.zeros(len(Z), bool)
    at = np.flatnonzero(likely)
    if len(at):
        T = -(G_conj if len(at) == len(Z) else G_conj[at])
        j = np.arange(n)
        T[:, j, j] += (least + eta)[at, None]
        if r > 1:
            W = V[at].conj()
            T += np.matmul(W * (theta - least[:, None])[at, None, :], W.conj().swapaxes(1, 2))
        proved[at] = _positive_definite(T)
        excess = np.where(proved, r * eta + floor, error2)
    return error2, excess, proved


def _positive_definite(T: Array) -> Array:
    """Which of the matrices have a Cholesky factorisation; NumPy only says that one of a batch has not, so halve it."""
    if len(T) == 1:  # in place, where NumPy would copy, transpose and clear a triangle
        (potrf,) = get_lapack_funcs(("potrf",), (T,))
        return np.array([potrf(T[0].T, lower=0, clean=0, overwrite_a=1)[1] == 0])
    try:
        np.linalg.cholesky(T)
    except np.linalg.LinAlgError:
        half = len(T) // 2
        return np.concatenate([_positive_definite(T[:half]), _positive_definite(T[half:])])
    return np.ones(len(T), bool)


def _balanced(Z: Array, V: Array) -> tuple[Array, Array]:
    """Z V Vᴴ as two factors, column i of one and row i of the other of norm √‖Z v_i‖."""
    ZV = np.matmul(Z, V)
    norm = np.sqrt(np.sqrt(_squares(ZV.swapaxes(1, 2)[..., None])))
    inverse = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0)
    return ZV * inverse[:, None, :], norm[:, :, None] * V.conj().swapaxes(1, 2)


def _squares(X: Array) -> Array:
    """Sum of |entries|² over the last two axes."""
    if X.dtype.kind == "c":
        X = np.ascontiguousarray(X)
        X = X.view(X.real.dtype)
    return np.einsum("...ij,...ij->...", X, X)
