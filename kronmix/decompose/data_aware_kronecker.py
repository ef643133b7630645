"""Sums of Kronecker products nearest on data: exact for Σ = Σ_A ⊗ Σ_B, alternating exact half-steps otherwise (T32)."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from ..operators import Kronecker, SumOfKroneckers
from ..operators.arrays import Array
from .data_aware import DataFactorization, Pair, Weighted, alternate, least_ratio, solve
from .data_aware_moments import SecondMoment, root
from .factorization import Factorization
from .rearrangement import rearrange, unrearrange
from .truncation import truncate

Shapes = tuple[tuple[int, int], tuple[int, int]]

# Steps of conjugate gradients for one half-step, at most, and the residual that ends them before.
_STEPS, _SMALL_RESIDUAL = 10, 1e-8
# Eigenvalues of a preconditioner are at least this part of the largest.
_REGULAR, _TINY = 1e-8, float(np.finfo(np.float64).tiny)


def kronecker(problem: Weighted, shapes: Shapes, rank: int, plain: Factorization) -> DataFactorization:
    """The better of the plain solution and the one for the nearest separable Σ, improved in turn where Σ is not separable."""
    (mA, nA), (mB, nB) = shapes
    rank = min(rank, mA * nA, mB * nB)
    four = problem.matrix.reshape(mA, mB, nA, nB)
    parts = problem.moment.separable(nA, nB)
    A, B, least2 = _separable(four, *parts, rank)
    product = np.kron(*parts)
    if not problem.moment.equals(product):
        found = truncate(rearrange(problem.matrix, shapes)[None], rank, 1e-8)
        ignoring = found.left[0].T.reshape(rank, mA, nA), found.right[0].reshape(rank, mB, nB)
        if problem.error(_dense(*ignoring)) < problem.error(_dense(A, B)):
            A, B = ignoring
        A, B = _alternated(problem, four, (A, B))
        least2 *= least_ratio(problem.moment, product)
    pairs = [
        problem.aim.scaled(tuple(factor.astype(problem.aim.dtype, copy=False) for factor in pair))
        for pair in zip(A, B, strict=True)
    ]
    operator = Kronecker(*pairs[0]) if len(pairs) == 1 else SumOfKroneckers((left, right) for left, right in pairs)
    return problem.result(operator, least2, plain)


def _separable(four: Array, Σ_A: Array, Σ_B: Array, rank: int) -> tuple[Array, Array, float]:
    """Factors exact for Σ_A ⊗ Σ_B: truncate the rearranged B (F_A ⊗ F_B), then divide by the roots where there are data."""
    mA, mB, _, _ = four.shape
    F_A, F_B = root(Σ_A), root(Σ_B)
    weighted = np.einsum("ihjl,ja,lb->iahb", four, F_A, F_B, optimize=True)
    a, b = F_A.shape[1], F_B.shape[1]
    Z = np.ascontiguousarray(weighted.reshape(1, mA * a, mB * b))
    kept = min(rank, mA * a, mB * b)
    found = truncate(Z, kept, 1e-8)
    A = found.left[0].T.reshape(kept, mA, a) @ _divisor(F_A)
    B = found.right[0].reshape(kept, mB, b) @ _divisor(F_B)
    more = ((0, rank - kept), (0, 0), (0, 0))
    return np.pad(A, more), np.pad(B, more), float(found.error2[0] - found.excess[0])


def _divisor(F: Array) -> Array:
    """Pseudo-inverse of F, whose columns are orthogonal."""
    norms2 = np.sum(np.abs(F) ** 2, axis=0)[:, None]
    return np.divide(F.conj().T, norms2, out=np.zeros_like(F.T), where=norms2 > 0)


def _alternated(problem: Weighted, four: Array, start: Pair) -> Pair:
    """Alternating least squares from a start; four is the matrix as (p, q, k, s)."""
    nA, nB = four.shape[2:]
    Σ = problem.moment.matrix.reshape(nA, nB, nA, nB)
    weighted = (problem.matrix @ problem.moment.matrix).reshape(four.shape)

    def sweep(pair: Pair) -> Pair:
        A, B = pair
        B = right_step(weighted, Σ, A, B)
        return right_step(weighted.transpose(1, 0, 3, 2), Σ.transpose(1, 0, 3, 2), B, A), B

    return alternate(start, sweep, lambda pair: problem.error(_dense(*pair)))


def right_step(weighted: Array, Σ: Array, A: Array, B: Array) -> Array:
    """Best B_ρ for given A_ρ; ``weighted`` is the matrix times Σ, with axes (i, h, j, l).

    Rows of the B_ρ have the same normal equations, with the matrix Σ_{jj'} (A_ρᴴA_ρ')[j, j'] Σ[j'l', jl] and the right side
    Σ_ij conj(A_ρ[i, j]) weighted[i, h, j, l]. They are factored, or where that takes longer solved by steps of conjugate gradients.
    """
    r, mB, nB = B.shape
    rhs = np.einsum("rij,ihjl->rlh", A.conj(), weighted, optimize=True).reshape(r * nB, mB)
    start = B.transpose(0, 2, 1).reshape(r * nB, mB)
    (_, mA, nA), n = A.shape, A.shape[2] * nB
    if 2 * (r * nA) ** 2 * (mA + nB**2) + (r * nB) ** 3 / 3 < _STEPS * mA * mB * n * (2 * n + 4 * r):
        AA = np.einsum("rij,tik->rjtk", A.conj(), A, optimize=True)
        N = np.einsum("rjtk,kmjl->rltm", AA, Σ, optimize=True).reshape(r * nB, r * nB)
        found = solve(N, rhs, start)
    else:
        found = _descended(Σ, A, rhs, start)
    return found.reshape(r, nB, mB).transpose(0, 2, 1)


def _descended(Σ: Array, A: Array, rhs: Array, start: Array) -> Array:
    """Conjugate gradients from a start, never enlarging the objective; the normal equations of the separable part precondition.

    With Σ ≈ Σ_A ⊗ Σ_B these are a matrix for the A_ρ times Σ_B, each inverted on its own.
    """
    (r, _, nA), nB, mB = A.shape, Σ.shape[1], rhs.shape[1]
    moment = SecondMoment(Σ.reshape(nA * nB, nA * nB), 0)
    Σ_A, Σ_B = moment.separable(nA, nB)
    between = np.einsum("rij,tik,kj->rt", A.conj(), A, Σ_A, optimize=True)
    inverse, inverse_B = _regularized_inverse(between), _regularized_inverse(Σ_B.T)
    flat = A.transpose(1, 2, 0).reshape(-1, r)

    def apply(x: Array) -> Array:
        D = (flat @ x.reshape(r, nB * mB)).reshape(-1, nA, nB, mB).transpose(0, 3, 1, 2).reshape(-1, nA * nB)
        D = (D @ moment.matrix).reshape(-1, mB, nA, nB).transpose(0, 2, 3, 1).reshape(-1, nB * mB)
        found: Array = (flat.conj().T @ D).ravel()
        return found

    def precondition(x: Array) -> Array:
        found: Array = (inverse_B @ (inverse @ x.reshape(r, nB * mB)).reshape(r, nB, mB)).ravel()
        return found

    shape = (rhs.size, rhs.size)
    operators = (LinearOperator(shape, f, dtype=rhs.dtype) for f in (apply, precondition))
    N, M = operators
    found, _ = cg(N, rhs.ravel(), start.ravel(), rtol=_SMALL_RESIDUAL, maxiter=_STEPS, M=M)
    return found.reshape(rhs.shape)


def _regularized_inverse(H: Array) -> Array:
    """Inverse of a positive semidefinite H, its small eigenvalues raised to a share of the largest."""
    values, vectors = np.linalg.eigh(H)
    inverse: Array = (vectors / np.maximum(values, _REGULAR * max(float(values[-1]), _TINY))) @ vectors.conj().T
    return inverse


def _dense(A: Array, B: Array) -> Array:
    rank = len(A)
    return unrearrange(A.reshape(rank, -1).T @ B.reshape(rank, -1), (A.shape[1:], B.shape[1:]))
