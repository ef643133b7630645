"""Hypothesis strategies: every operator type, dtype and shape (tied, untied, rectangular, axes of length 1).

``operators()`` draws (operator, dense matrix), the dense matrix made independently of the operator's own code. A new structure
joins by one entry of ``CASES``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy.linalg import block_diag
from scipy.sparse.linalg import aslinearoperator

import kronmix as km

DTYPES = (np.float64, np.complex128, np.float32, np.complex64)
Draw = Callable[..., Any]


class Source:
    """Random arrays without zeros, of one dtype, from a drawn seed."""

    def __init__(self, seed: int, dtype: Any) -> None:
        self.rng, self.dtype = np.random.default_rng(seed), dtype

    def array(self, *shape: int) -> Any:
        values = self.rng.uniform(0.2, 1.5, shape) * self.rng.choice([-1, 1], shape)
        if np.dtype(self.dtype).kind == "c":
            values = values * np.exp(2j * np.pi * self.rng.random(shape))
        return values.astype(self.dtype)


sizes = st.integers(1, 4)


def dense_factor(values: Any, pattern: km.Pattern) -> Any:
    """The definition of T9, entry by entry."""
    a, b, c, d = pattern
    full = np.broadcast_to(values, (a, d, b, c))
    M = np.zeros((a * b * d, a * c * d), full.dtype)
    for ia, id_, ib, ic in np.ndindex(a, d, b, c):
        M[(ia * b + ib) * d + id_, (ia * c + ic) * d + id_] = full[ia, id_, ib, ic]
    return M


def dense_monarch(left: Any, right: Any, rank: int) -> Any:
    """The definition of T12, entry by entry."""
    (_, p, kr), (_, qr, s) = left.shape, right.shape
    k, q = kr // rank, qr // rank
    L = np.broadcast_to(left, (q, p, kr)).reshape(q, p, k, rank)
    R = np.broadcast_to(right, (k, qr, s)).reshape(k, rank, q, s)
    M = np.zeros((p, q, k, s), np.result_type(left, right))
    for ip, iq, ik, is_ in np.ndindex(p, q, k, s):
        M[ip, iq, ik, is_] = sum(L[iq, ip, ik, ρ] * R[ik, ρ, iq, is_] for ρ in range(rank))
    return M.reshape(p * q, k * s)


def _kronecker_sparse(draw: Draw, source: Source) -> Any:
    pattern = km.Pattern(*(draw(sizes) for _ in range(4)))
    shape = [draw(st.sampled_from([1, size])) for size in (pattern.a, pattern.d)]
    shape += [draw(st.sampled_from([1, size, size])) for size in (pattern.b, pattern.c)]
    values = source.array(*shape)
    return km.KroneckerSparse(values, pattern), dense_factor(values, pattern)


def _kronecker(draw: Draw, source: Source) -> Any:
    matrices = [source.array(draw(sizes), draw(sizes)) for _ in range(draw(st.integers(1, 3)))]
    return km.Kronecker(*matrices), reduce(np.kron, matrices)


def _sum_of_kroneckers(draw: Draw, source: Source) -> Any:
    shapes = (draw(sizes), draw(sizes)), (draw(sizes), draw(sizes))
    pairs = [tuple(source.array(*shape) for shape in shapes) for _ in range(draw(st.integers(1, 3)))]
    return km.SumOfKroneckers(pairs), sum(np.kron(A, B) for A, B in pairs)


def _monarch(draw: Draw, source: Source) -> Any:
    p, k, q, s = (draw(sizes) for _ in range(4))
    rank = draw(st.integers(1, 2))
    left = source.array(draw(st.sampled_from([1, q])), p, k * rank)
    right = source.array(draw(st.sampled_from([1, k])), q * rank, s)
    return km.Monarch(left, right, rank=rank), dense_monarch(left, right, rank)


def _permutation(draw: Draw, source: Source) -> Any:
    indices = np.array(draw(st.permutations(range(draw(st.integers(1, 7))))))
    return km.Permutation(indices), np.eye(indices.size, dtype=np.float32)[indices]


def _masked(draw: Draw, source: Source) -> Any:
    values = source.array(draw(sizes), draw(sizes))
    mask = source.rng.random(values.shape) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    return km.Masked(values, mask), np.where(mask, values, 0)


def _dense(draw: Draw, source: Source) -> Any:
    matrix = source.array(draw(sizes), draw(sizes))
    return km.Dense(matrix), matrix


def _hadamard(draw: Draw, source: Source) -> Any:
    shape = draw(sizes), draw(sizes)
    matrices = [source.array(*shape) for _ in range(draw(st.integers(1, 4)))]
    return km.Hadamard(*matrices), reduce(np.multiply, matrices)


def _butterfly(draw: Draw, source: Source) -> Any:
    patterns = km.butterfly_patterns(draw(st.sampled_from([4, 6, 8, 12])))
    values = [source.array(p.a, p.d, p.b, p.c) for p in patterns]
    factors = [dense_factor(v, p) for v, p in zip(values, patterns, strict=True)]
    return km.Chain(*map(km.KroneckerSparse, values, patterns)), reduce(np.matmul, factors)


def _permuted(draw: Draw, source: Source) -> Any:
    S, C = draw(sizes), draw(sizes)
    W = source.array(S, S)
    J2, J1 = (source.rng.permutation(S * C) for _ in range(2))
    chain = km.Chain(km.Permutation(J2), km.KroneckerSparse(W[None, None], (C, S, S, 1)), km.Permutation(J1))
    eye = np.eye(S * C, dtype=W.real.dtype)
    return chain, eye[J2] @ np.kron(eye[:C, :C], W) @ eye[J1]


def _sum(draw: Draw, source: Source) -> Any:
    S, C = draw(sizes), draw(sizes)
    A, B = source.array(C, C), source.array(S, S)
    P = source.rng.permutation(S * C)
    op = km.Sum(km.Permutation(P), km.Kronecker(3 * A, B))
    return op, np.eye(S * C, dtype=A.real.dtype)[P] + np.kron(3 * A, B)


def _diagonal(draw: Draw, source: Source) -> Any:
    d = source.array(draw(sizes))
    return km.Diagonal(d), np.diag(d)


def _low_rank(draw: Draw, source: Source) -> Any:
    m, r, n = (draw(sizes) for _ in range(3))
    U, V = source.array(m, r), source.array(r, n)
    return km.LowRank(U, V), U @ V


def _low_rank_hadamard(draw: Draw, source: Source) -> Any:
    m, n, r1, r2 = (draw(sizes) for _ in range(4))
    B1, A1, B2, A2 = (source.array(*shape) for shape in ((m, r1), (r1, n), (m, r2), (r2, n)))
    return km.LowRankHadamard(B1, A1, B2, A2), (B1 @ A1) * (B2 @ A2)


def _rectangular_identity(draw: Draw, source: Source) -> Any:
    rows, columns = draw(sizes), draw(sizes)
    return km.RectangularIdentity(rows, columns), np.eye(rows, columns, dtype=np.float32)


def _kronecker_sum(draw: Draw, source: Source) -> Any:
    matrices = [source.array(n, n) for n in (draw(st.integers(1, 3)) for _ in range(draw(st.integers(1, 3))))]
    total = np.zeros((1, 1), matrices[0].dtype)
    for A in matrices:
        total = np.kron(total, np.eye(len(A), dtype=A.dtype)) + np.kron(np.eye(len(total), dtype=A.dtype), A)
    return km.KroneckerSum(*matrices), total


def _foreign(draw: Draw, source: Source) -> Any:
    matrix = source.array(draw(sizes), draw(sizes))
    return km.Foreign(aslinearoperator(matrix)), matrix


def _parts(draw: Draw, source: Source) -> Any:
    """Operators of three kinds, one of them rectangular and one without factors."""
    A, B, D = source.array(2, 3), source.array(1, 2), source.array(draw(sizes), draw(sizes))
    P = source.rng.permutation(draw(sizes))
    parts = km.Kronecker(A, B), km.Permutation(P), km.Dense(D)
    return parts, (np.kron(A, B), np.eye(P.size, dtype=A.real.dtype)[P], D)


def _block_diagonal(draw: Draw, source: Source) -> Any:
    parts, dense = _parts(draw, source)
    return km.BlockDiagonal(parts), block_diag(*dense)


def _hstack(draw: Draw, source: Source) -> Any:
    A, B, D = source.array(2, 3), source.array(2, draw(sizes)), source.array(4, draw(sizes))
    P = source.rng.permutation(4)
    dense = [np.kron(A, B), np.eye(4, dtype=A.real.dtype)[P], D]
    return km.HStack([km.Kronecker(A, B), km.Permutation(P), km.Dense(D)]), np.hstack(dense)


def _vstack(draw: Draw, source: Source) -> Any:
    op, dense = _hstack(draw, source)
    return km.VStack([part.T for part in op.operators]), dense.T


def _ampliation(draw: Draw, source: Source) -> Any:
    op, dense = CASES[draw(st.sampled_from(["Monarch", "Hadamard", "Masked"]))](draw, source)
    a, d = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    eyes = [np.eye(n, dtype=dense.real.dtype) for n in (a, d)]
    return km.Ampliation(op, a, d), np.kron(np.kron(eyes[0], dense), eyes[1])


def _scaled_identity(draw: Draw, source: Source) -> Any:
    n, c = draw(sizes), draw(st.sampled_from((0.5, -2.0, 3.0)))  # exact in every dtype
    c = c * (1.5 - 2j) if np.dtype(source.dtype).kind == "c" else c
    return c * km.eye(n), c * np.eye(n, dtype=np.complex64 if isinstance(c, complex) else np.float32)


#: Type -> how to draw (operator, independent dense matrix); every class of the public operators has its entry.
CASES: dict[str, Callable[[Draw, Source], Any]] = {
    "KroneckerSparse": _kronecker_sparse,
    "Kronecker": _kronecker,
    "SumOfKroneckers": _sum_of_kroneckers,
    "Monarch": _monarch,
    "Permutation": _permutation,
    "ScaledIdentity": _scaled_identity,
    "Masked": _masked,
    "Dense": _dense,
    "Hadamard": _hadamard,
    "Chain": _butterfly,
    "Sum": _sum,
    "Chain with permutations": _permuted,
    "Diagonal": _diagonal,
    "LowRank": _low_rank,
    "LowRankHadamard": _low_rank_hadamard,
    "RectangularIdentity": _rectangular_identity,
    "KroneckerSum": _kronecker_sum,
    "BlockDiagonal": _block_diagonal,
    "Foreign": _foreign,
    "HStack": _hstack,
    "VStack": _vstack,
    "Ampliation": _ampliation,
}


@st.composite
def operators(draw: Draw, names: Any = None, dtypes: Any = DTYPES) -> Any:
    """Draw (operator, dense matrix) of one of the named cases (all by default)."""
    name = draw(st.sampled_from(sorted(names or CASES)))
    source = Source(draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(dtypes)))
    return CASES[name](draw, source)
