"""Monarch matrices nearest on data: exact for block-diagonal Σ, alternating exact half-steps otherwise (T32).

With slices left[q, k] @ right[q, k], rows of different i_q have nothing in common. Each q is a problem of its own: min tr (B_q −
L R) Σ (B_q − L R)ᴴ with L = left[q] of shape p × (k, ρ), and R block diagonal in k.
"""

from __future__ import annotations

import numpy as np

from ..forms.slices import monarch_slices
from ..operators import Monarch
from ..operators.arrays import Array
from .data_aware import DataFactorization, Pair, Weighted, alternate, least_ratio, solve
from .data_aware_moments import SecondMoment, root
from .factorization import Factorization
from .truncation import truncate

Sizes = tuple[int, int, int, int]


def monarch(problem: Weighted, sizes: Sizes, rank: int, plain: Factorization) -> DataFactorization:
    """The better of the plain and the block-diagonal solution, improved in turn where Σ couples the groups of columns."""
    p, k, q, s = sizes
    rank = min(rank, p, s)
    slices = np.ascontiguousarray(monarch_slices(problem.matrix, *sizes))
    blocks = problem.moment.blocks(k)
    left, right, least2 = _blockwise(slices, blocks, rank)
    blockwise = problem.error(Monarch.of_slices(left, right)._dense())
    if problem.moment.equals(_block_diagonal(blocks)):
        return problem.result(_monarch(problem, left, right), float(least2.sum()), plain, blockwise)
    found = truncate(slices.reshape(-1, p, s), rank, 1e-8)
    ignoring = found.left.reshape(q, k, p, rank), found.right.reshape(q, k, rank, s)
    if problem.error(Monarch.of_slices(*ignoring)._dense()) < blockwise:
        left, right = ignoring

    weighted = np.ascontiguousarray(monarch_slices(problem.matrix @ problem.moment.matrix, *sizes))

    def sweep(pair: Pair) -> Pair:
        moved = left_step(weighted, problem.moment.matrix, *pair)
        return moved, right_step(weighted, problem.moment.matrix, moved, pair[1])

    left, right = alternate((left, right), sweep, lambda pair: problem.error(Monarch.of_slices(*pair)._dense()))
    bound = np.maximum(least_ratio(problem.moment, _block_diagonal(blocks)) * least2.sum(axis=1), 0.0)
    bound = np.maximum(bound, _conditional(slices, problem.moment, rank).max(axis=1))
    return problem.result(_monarch(problem, left, right), float(bound.sum()), plain, blockwise)


def _blockwise(slices: Array, blocks: Array, rank: int) -> tuple[Array, Array, Array]:
    """Exact factors for Σ = ⊕ blocks: U Uᴴ slice, U leading left singular vectors of slice · block^½; and lower bounds."""
    q, k, p, _ = slices.shape
    left = np.empty((q, k, p, rank), np.result_type(slices, blocks))
    least2 = np.empty((q, k))
    for c in range(k):
        found = truncate(np.ascontiguousarray(slices[:, c] @ root(blocks[c])), rank, 1e-8)
        left[:, c] = np.linalg.qr(found.left)[0]
        least2[:, c] = np.maximum(found.error2 - found.excess, 0.0)
    return left, np.matmul(left.conj().swapaxes(2, 3), slices), least2


def _conditional(slices: Array, moment: SecondMoment, rank: int) -> Array:
    """Lower bound on the squared error on one group of columns, for any fit on the others: Σ ⪰ its Schur complement."""
    q, k, _, _ = slices.shape
    if not moment.is_definite:
        return np.zeros((q, k))
    values, vectors = moment.spectrum
    # Schur complements are inverses of blocks of the inverse; their rounding grows with the condition number.
    inverse = SecondMoment((vectors / values) @ vectors.conj().T, 0).blocks(k)
    rounded = 64 * len(values) * float(np.finfo(np.float64).eps) * float(values[-1] / values[0])
    return max(1 - rounded, 0.0) * _blockwise(slices, np.linalg.inv(inverse), rank)[2]


def left_step(weighted: Array, moment: Array, left: Array, right: Array) -> Array:
    """Best left factors for given right ones: L (R Σ Rᴴ) = B_q Σ Rᴴ for every q; ``weighted`` are the slices of B Σ."""
    q, k, p, s = weighted.shape
    rank = left.shape[3]
    Σ = moment.reshape(k, s, k, s)
    found = np.empty(left.shape, np.result_type(left, moment))
    for i in range(q):
        R = right[i]
        RΣ = np.einsum("krs,kscu->krcu", R, Σ, optimize=True)
        G = np.einsum("krcu,ctu->krct", RΣ, R.conj(), optimize=True).reshape(k * rank, k * rank)
        rhs = np.einsum("cpu,ctu->pct", weighted[i], R.conj(), optimize=True).reshape(p, k * rank)
        L = left[i].transpose(1, 0, 2).reshape(p, k * rank)
        found[i] = solve(G.T, rhs.T, L.T).T.reshape(p, k, rank).transpose(1, 0, 2)
    return found


def right_step(weighted: Array, moment: Array, left: Array, right: Array) -> Array:
    """Best right factors for given left ones: k·r·s unknowns for every q, with the matrix (LᴴL)[kr, k'r'] Σ[k's', ks]."""
    q, k, p, s = weighted.shape
    rank = left.shape[3]
    Σ = moment.reshape(k, s, k, s)
    found = np.empty(right.shape, np.result_type(right, moment))
    for i in range(q):
        L = left[i].transpose(1, 0, 2).reshape(p, k * rank)
        LL = (L.conj().T @ L).reshape(k, rank, k, rank)
        N = np.einsum("krct,cuks->krsctu", LL, Σ).reshape(k * rank * s, k * rank * s)
        rhs = np.einsum("kpr,kps->krs", left[i].conj(), weighted[i], optimize=True).ravel()
        found[i] = solve(N, rhs, right[i].ravel()).reshape(k, rank, s)
    return found


def _block_diagonal(blocks: Array) -> Array:
    k, s, _ = blocks.shape
    matrix = np.zeros((k, s, k, s), blocks.dtype)
    matrix[np.arange(k), :, np.arange(k)] = blocks
    return matrix.reshape(k * s, k * s)


def _monarch(problem: Weighted, left: Array, right: Array) -> Monarch:
    U, V = problem.aim.scaled([factor.astype(problem.aim.dtype, copy=False) for factor in (left, right)])
    return Monarch.of_slices(U, V)
