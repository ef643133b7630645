"""Sums of Kronecker products nearest on data: exact for Σ = Σ_A ⊗ Σ_B, alternating exact half-steps otherwise (T32)."""

from __future__ import annotations

import numpy as np

from ..operators import Kronecker, SumOfKroneckers
from ..operators.arrays import Array
from .data_aware import DataFactorization, Pair, Weighted, alternate, least_ratio, solve
from .data_aware_moments import root
from .factorization import Factorization
from .truncation import truncate

Shapes = tuple[tuple[int, int], tuple[int, int]]


def kronecker(problem: Weighted, shapes: Shapes, rank: int, plain: Factorization) -> DataFactorization:
    """The better of the plain solution and the one for the nearest separable Σ, improved in turn where Σ is not separable."""
    (mA, nA), (mB, nB) = shapes
    rank = min(rank, mA * nA, mB * nB)
    four = problem.matrix.reshape(mA, mB, nA, nB)
    parts = problem.moment.separable(nA, nB)
    A, B, least2 = _separable(four, *parts, rank)
    product = np.kron(*parts)
    if not problem.moment.equals(product):
        R = four.transpose(0, 2, 1, 3).reshape(mA * nA, mB * nB)
        found = truncate(R[None], rank, 1e-8)
        ignoring = found.left[0].T.reshape(rank, mA, nA), found.right[0].reshape(rank, mB, nB)
        if problem.error(_dense(*ignoring)) < problem.error(_dense(A, B)):
            A, B = ignoring
        A, B = _improved(problem, four, (A, B))
        least2 *= least_ratio(problem.moment, product)
    pairs = [
        problem.aim.scaled(tuple(factor.astype(problem.aim.dtype, copy=False) for factor in pair))
        for pair in zip(A, B, strict=True)
    ]
    operator = Kronecker(*pairs[0]) if len(pairs) == 1 else SumOfKroneckers((left, right) for left, right in pairs)
    return problem.result(operator, least2, plain)


def _separable(four: Array, Σ_A: Array, Σ_B: Array, rank: int) -> tuple[Array, Array, float]:
    """Exact for Σ_A ⊗ Σ_B: truncate the rearranged B (F_A ⊗ F_B), then divide by the roots where there are data."""
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


def _improved(problem: Weighted, four: Array, start: Pair) -> Pair:
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
    Σ_ij conj(A_ρ[i, j]) weighted[i, h, j, l].
    """
    r, mB, nB = B.shape
    AA = np.einsum("rij,tik->rjtk", A.conj(), A, optimize=True)
    N = np.einsum("rjtk,kmjl->rltm", AA, Σ, optimize=True).reshape(r * nB, r * nB)
    rhs = np.einsum("rij,ihjl->rlh", A.conj(), weighted, optimize=True).reshape(r * nB, mB)
    start = B.transpose(0, 2, 1).reshape(r * nB, mB)
    return solve(N, rhs, start).reshape(r, nB, mB).transpose(0, 2, 1)


def _dense(A: Array, B: Array) -> Array:
    (_, mA, nA), (_, mB, nB) = A.shape, B.shape
    return np.einsum("rij,rhl->ihjl", A, B, optimize=True).reshape(mA * mB, nA * nB)
