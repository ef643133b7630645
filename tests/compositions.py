"""Random expressions of structured operators, each with its dense matrix made beside it, and other expressions of the same matrix.

``compositions()`` draws square and rectangular operators of a few widths, so that products, sums and direct sums fit. ``another``
writes the same matrix in another way: products merged or not, Π Πᵀ put between factors, transposed twice, pickled, scaled by c and
then by 1/c, identities written as Kronecker products.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from hypothesis import strategies as st

import kronmix as km
from tests.strategies import Source, dense_factor, dense_monarch

WIDTHS = (4, 6, 8, 12)
Pair = tuple[Any, Any]


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def _split(draw: Any, n: int) -> tuple[int, int]:
    a = draw(st.sampled_from(divisors(n)))
    return a, n // a


# ---- leaves: (draw, source, rows, columns) -> (operator, dense) ----------------------------------------------------------


def dense(draw: Any, source: Source, m: int, n: int) -> Pair:
    M = source.array(m, n)
    return km.Dense(M), M


def kronecker(draw: Any, source: Source, m: int, n: int) -> Pair:
    (a, b), (c, d) = _split(draw, m), _split(draw, n)
    A, B = source.array(a, c), source.array(b, d)
    return km.Kronecker(A, B), np.kron(A, B)


def kronecker_sum_of_terms(draw: Any, source: Source, m: int, n: int) -> Pair:
    (a, b), (c, d) = _split(draw, m), _split(draw, n)
    pairs = [(source.array(a, c), source.array(b, d)) for _ in range(draw(st.integers(1, 3)))]
    return km.SumOfKroneckers(pairs), sum(np.kron(A, B) for A, B in pairs)


def monarch(draw: Any, source: Source, m: int, n: int) -> Pair:
    (p, q), (k, s) = _split(draw, m), _split(draw, n)
    r = draw(st.integers(1, 2))
    left = source.array(draw(st.sampled_from([1, q])), p, k * r)
    right = source.array(draw(st.sampled_from([1, k])), q * r, s)
    return km.Monarch(left, right, rank=r), dense_monarch(left, right, r)


def low_rank(draw: Any, source: Source, m: int, n: int) -> Pair:
    U, V = source.array(m, 2), source.array(2, n)
    return km.LowRank(U, V), U @ V


def masked(draw: Any, source: Source, m: int, n: int) -> Pair:
    M, mask = source.array(m, n), source.rng.random((m, n)) < draw(st.sampled_from([0.1, 0.3, 0.9]))
    return km.Masked(M, mask), np.where(mask, M, 0)


def hadamard(draw: Any, source: Source, m: int, n: int) -> Pair:
    U, V = source.array(m, n), source.array(m, n)
    return km.Hadamard(U, V), U * V


def factor(draw: Any, source: Source, n: int) -> Pair:
    a, rest = _split(draw, n)
    b, d = _split(draw, rest)
    values = source.array(draw(st.sampled_from([1, a])), draw(st.sampled_from([1, d])), b, b)
    return km.KroneckerSparse(values, (a, b, b, d)), dense_factor(values, km.Pattern(a, b, b, d))


def permutation(draw: Any, source: Source, n: int) -> Pair:
    kind = draw(st.sampled_from(["random", "commutation"]))
    P = km.Permutation(source.rng.permutation(n)) if kind == "random" else km.commutation(*_split(draw, n))
    return P, np.eye(n, dtype=np.float32)[P.indices]


def identity(draw: Any, source: Source, n: int) -> Pair:
    return km.eye(n), np.eye(n, dtype=np.float32)


def diagonal(draw: Any, source: Source, n: int) -> Pair:
    d = source.array(n)
    return km.Diagonal(d), np.diag(d)


def kronecker_sum(draw: Any, source: Source, n: int) -> Pair:
    a, b = _split(draw, n)
    A, B = source.array(a, a), source.array(b, b)
    return km.KroneckerSum(A, B), np.kron(A, np.eye(b)) + np.kron(np.eye(a), B)


def hermitian_shift(draw: Any, source: Source, n: int) -> Pair:
    a, b = _split(draw, n)
    A, B = (M + M.conj().T for M in (source.array(a, a), source.array(b, b)))
    return km.Kronecker(A, B) + 0.5 * km.eye(n), np.kron(A, B) + 0.5 * np.eye(n, dtype=A.real.dtype)


def direct_sum(draw: Any, source: Source, n: int) -> Pair:
    k = draw(st.integers(1, max(n - 1, 1)))
    if k == n:
        return dense(draw, source, n, n)
    A, B = source.array(k, k), source.array(n - k, n - k)
    return km.block_diag(km.Dense(A), km.Dense(B)), scipy.linalg.block_diag(A, B)


RECTANGULAR: dict[str, Callable[..., Pair]] = {
    f.__name__: f for f in (dense, kronecker, kronecker_sum_of_terms, monarch, low_rank, masked, hadamard)
}
SQUARE: dict[str, Callable[..., Pair]] = {
    f.__name__: f for f in (factor, permutation, identity, diagonal, kronecker_sum, hermitian_shift, direct_sum)
}


def leaf(draw: Any, source: Source, m: int, n: int) -> Pair:
    name = draw(st.sampled_from([*RECTANGULAR, *(SQUARE if m == n else ())]))
    return RECTANGULAR[name](draw, source, m, n) if name in RECTANGULAR else SQUARE[name](draw, source, n)


def tree(draw: Any, source: Source, m: int, n: int, depth: int) -> Pair:
    kind = (
        draw(st.sampled_from(["leaf", "product", "sum", "scaled", "kron", "transpose", "hstack", "vstack"]))
        if depth
        else "leaf"
    )
    if kind == "product":
        k = draw(st.sampled_from([m, n, *WIDTHS]))
        (A, M), (B, N) = tree(draw, source, m, k, depth - 1), tree(draw, source, k, n, depth - 1)
        return A @ B, M @ N
    if kind == "sum":
        (A, M), (B, N) = tree(draw, source, m, n, depth - 1), tree(draw, source, m, n, depth - 1)
        return A + B, M + N
    if kind == "scaled":
        A, M = tree(draw, source, m, n, depth - 1)
        c = draw(st.sampled_from([-1.0, 0.5, 3]))
        return c * A, c * M
    if kind in ("hstack", "vstack"):
        axis = int(kind == "hstack")
        size = (m, n)[axis]
        k = draw(st.sampled_from([size, *range(1, size)]))
        if k < size:
            cuts = [(k, size - k)[i] for i in (0, 1)]
            shapes = [(m, cut) if axis else (cut, n) for cut in cuts]
            (A, M), (B, N) = (tree(draw, source, *shape, depth - 1) for shape in shapes)
            return (km.hstack if axis else km.vstack)([A, B]), np.concatenate([M, N], axis=axis)
        return tree(draw, source, m, n, depth - 1)
    if kind == "transpose":
        A, M = tree(draw, source, n, m, depth - 1)
        return A.T, M.T
    if kind == "kron":
        (a, b), (c, d) = _split(draw, m), _split(draw, n)
        (A, M), (B, N) = leaf(draw, source, a, c), leaf(draw, source, b, d)
        return km.kron(A, B), np.kron(M, N)
    return leaf(draw, source, m, n)


@st.composite
def compositions(draw: Any, dtypes: Any = (np.float64, np.complex128), square: bool = False, depth: int = 3) -> Pair:
    """Draw (operator, dense matrix): a tree of products, sums, multiples, transposes and Kronecker products of structures."""
    source = Source(draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(dtypes)))
    m = draw(st.sampled_from(WIDTHS))
    n = m if square else draw(st.sampled_from(WIDTHS))
    return tree(draw, source, m, n, draw(st.integers(0, depth)))


# ---- the same matrix in other words ---------------------------------------------------------------------------------------


def pickled(draw: Any, op: Any) -> Any:
    return pickle.loads(pickle.dumps(op))


def transposed_twice(draw: Any, op: Any) -> Any:
    return op.T.T


def conjugated_twice(draw: Any, op: Any) -> Any:
    return op.H.H


def scaled_and_back(draw: Any, op: Any) -> Any:
    return 0.25 * (4.0 * op)


def shuffled_inside(draw: Any, op: Any) -> Any:
    P = km.Permutation(np.random.default_rng(draw(st.integers(0, 99))).permutation(op.shape[0]))
    return km.Chain(P.T, P, op)


def identity_beside(draw: Any, op: Any) -> Any:
    a = draw(st.sampled_from(divisors(op.shape[1])))
    return km.Chain(op, km.kron(km.eye(a), km.eye(op.shape[1] // a)))


def through_its_form(draw: Any, op: Any) -> Any:
    from kronmix.operators.convert import operator_of

    return operator_of(op.form)


WAYS = (
    pickled,
    transposed_twice,
    conjugated_twice,
    scaled_and_back,
    shuffled_inside,
    identity_beside,
    through_its_form,
)


def another(draw: Any, op: Any) -> Any:
    """The same matrix, written in another way."""
    return draw(st.sampled_from(WAYS))(draw, op)


__all__ = ["WAYS", "another", "compositions"]
