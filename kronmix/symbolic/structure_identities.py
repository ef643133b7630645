"""Both sides of T8, T11 (ranks), T13 and T15 (determinant) on arrays of symbols, and what makes each a false neighbour.

Each function takes sizes and returns (left, right); a keyword turns the right side into a mutant's.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from ..patterns import Pattern
from .entrywise import Array, eye, symbols


def t8(m: int, n: int, permuted: bool = True) -> tuple[Array, Array]:
    W, blocks = symbols("w", m, n), 2
    rng = np.random.default_rng(0)
    J2, J1 = eye(blocks * m)[rng.permutation(blocks * m)], eye(blocks * n)[rng.permutation(blocks * n)]
    B = np.kron(eye(blocks), W)
    PK = J2 @ B @ J1
    # Permutations leave the Gram matrix, and so every singular value, unchanged up to a permutation.
    return PK.T @ PK, (J1.T @ B.T @ B @ J1) if permuted else B.T @ B


def _dense(values: Array, pattern: Pattern) -> Array:
    a, b, c, d = pattern
    M = np.zeros((a, b, d, a, c, d), dtype=object)
    for ia, id_, ib, ic in np.ndindex(a, d, b, c):
        M[ia, ib, id_, ia, ic, id_] = values[ia % values.shape[0], id_ % values.shape[1], ib, ic]
    return M.reshape(pattern.shape)


def t11(a: int, r: int, κ: int, β: int, minors: int = 1) -> tuple[Array, Array]:
    """Every (r + minors)-minor of a slice of a product of chainable factors with rank r vanishes (minors = 0: need not)."""
    left, right = Pattern(a, r + 1, κ * r, β), Pattern(a * κ, r * β, r + 1, 1)
    X1 = _dense(symbols("u", *left.values_shape), left)
    X2 = _dense(symbols("v", *right.values_shape), right)
    product = left * right
    view = (X1 @ X2).reshape(a, r + 1, β, a, κ, r + 1)
    size = r + minors
    values = [
        sp.expand(sp.Matrix(view[i, :size, j, i, k, :size]).det()) for i in range(a) for j in range(β) for k in range(κ)
    ]
    assert (product.b, product.c) == ((r + 1) * β, κ * (r + 1))
    return np.array(values, dtype=object), np.zeros(len(values), dtype=object)


def t13(p: int, k: int, q: int, s: int, interleaved: bool = True) -> tuple[Array, Array]:
    """The squared error of a Monarch matrix is the sum of those of its slices, which share no parameter."""
    B, L, R = symbols("b", p * q, k * s), symbols("l", q, p, k), symbols("r", k, q, s)
    M = _dense(L[None], Pattern(1, p, k, q)) @ _dense(R[:, None], Pattern(k, q, s, 1))
    view = B.reshape(p, q, k, s).transpose(1, 2, 0, 3) if interleaved else B.reshape(q, p, k, s).transpose(0, 2, 1, 3)
    parts = [view[i, j] - np.outer(L[i, :, j], R[j, i]) for i in range(q) for j in range(k)]
    whole = ((B - M) ** 2).sum()
    return np.array([whole], dtype=object), np.array([sum((part**2).sum() for part in parts)], dtype=object)


def t15_determinant(n: int, p: int, exponents: str = "crossed") -> tuple[Array, Array]:
    A, B = symbols("a", n, n), symbols("b", p, p)
    K, det_A, det_B = sp.Matrix(np.kron(A, B)), sp.Matrix(A).det(), sp.Matrix(B).det()
    power = det_A**p * det_B**n if exponents == "crossed" else det_A**n * det_B**p
    return np.array([K.det(method="berkowitz")], dtype=object), np.array([power], dtype=object)
