"""Both sides of the identities T1 to T15 on arrays of symbols, and what makes each a false neighbour.

Each function takes sizes and returns (left, right); a keyword turns the right side into a mutant's.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from ..operators import commutation
from ..patterns import Pattern
from .entrywise import Array, eye, symbols


def _vec(X: Array) -> Array:
    return X.T.reshape(-1)


def _commutation(S: int, C: int) -> Array:
    return eye(S * C)[commutation(S, C).indices]


def t1(S2: int, S: int, C: int, C2: int, transpose: bool = True) -> tuple[Array, Array]:
    W, X, V = symbols("w", S2, S), symbols("x", S, C), symbols("v", C, C2)
    return _vec(W @ X @ V), np.kron(V.T if transpose else V, W) @ _vec(X)


def t2_swaps(S: int, C: int, swapped: bool = False) -> tuple[Array, Array]:
    X = symbols("x", S, C)
    K = _commutation(C, S) if swapped else _commutation(S, C)
    return K @ _vec(X), _vec(X.T)


def t2_inverse(S: int, C: int, inner: bool = True) -> tuple[Array, Array]:
    return _commutation(S, C).T, _commutation(C, S) if inner else _commutation(S, C)


def t2_conjugation(m: int, n: int, p: int, q: int, both: bool = True) -> tuple[Array, Array]:
    A, B = symbols("a", m, n), symbols("b", p, q)
    left = _commutation(p, m) @ np.kron(A, B)
    return left @ _commutation(q, n).T if both else left, np.kron(B, A)


def t3_channel(S: int, C: int, slipped: bool = False) -> tuple[Array, Array]:
    V = symbols("v", C, C)
    inner = np.kron(eye(S), V if slipped else V.T)
    return np.kron(V.T, eye(S)), _commutation(S, C).T @ inner @ _commutation(S, C)


def t3_token(S: int, C: int, order: str = "IW") -> tuple[Array, Array]:
    W, X = symbols("w", S, S), symbols("x", S, C)
    layer = np.kron(eye(C), W) if order == "IW" else np.kron(W, eye(C))
    return layer @ _vec(X), _vec(W @ X)


def t4(S: int, C: int, order: str = "VW") -> tuple[Array, Array]:
    W, V = symbols("w", S, S), symbols("v", C, C)
    channel, token = np.kron(V.T, eye(S)), np.kron(eye(C), W)
    return np.kron(V.T, W) if order == "VW" else np.kron(W, V.T), channel @ token


def t5(S: int, C: int, broadcast: str = "entry") -> tuple[Array, Array]:
    phi = np.frompyfunc(sp.Function("phi"), 1, 1)
    W, X, V = symbols("w", S, S), symbols("x", S, C), symbols("v", C, C)
    # Token layer, φ, channel layer on X; and the wide MLP on vec X (for the mutant, φ is forgotten on one side).
    wide = np.kron(eye(C), W) @ _vec(X)
    return _vec(phi(W @ X) @ V), np.kron(V.T, eye(S)) @ (phi(wide) if broadcast == "entry" else wide)


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


def t9(a: int, b: int, c: int, d: int, order: str = "aKd") -> tuple[Array, Array]:
    K = symbols("k", b, c)
    product = np.kron(np.kron(eye(a), K), eye(d)) if order == "aKd" else np.kron(np.kron(eye(d), K), eye(a))
    return _dense(K[None, None], Pattern(a, b, c, d)), product


def t10(S: int, C: int, swapped: bool = False) -> tuple[Array, Array]:
    W, V = symbols("w", S, S), symbols("v", C, C)
    pattern = Pattern(1, C, C, S) if not swapped else Pattern(S, C, C, 1)
    token, channel = _dense(W[None, None], Pattern(C, S, S, 1)), _dense(V.T[None, None], pattern)
    return channel @ token, np.kron(V.T, W)


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


def t12(p: int, k: int, q: int, s: int, order: str = "left") -> tuple[Array, Array]:
    L, R = symbols("l", q, p, k), symbols("r", k, q, s)
    chain = _dense(L[None], Pattern(1, p, k, q)) @ _dense(R[:, None], Pattern(k, q, s, 1))
    view = chain.reshape(p, q, k, s)
    outer = (
        np.einsum("qpk,kqs->pqks", L, R) if order == "left" else np.einsum("qpk,kqs->qpks", L, R).reshape(p, q, k, s)
    )
    return view, outer


def t13(p: int, k: int, q: int, s: int, interleaved: bool = True) -> tuple[Array, Array]:
    """The squared error of a Monarch matrix is the sum of those of its slices, which share no parameter."""
    B, L, R = symbols("b", p * q, k * s), symbols("l", q, p, k), symbols("r", k, q, s)
    M = _dense(L[None], Pattern(1, p, k, q)) @ _dense(R[:, None], Pattern(k, q, s, 1))
    view = B.reshape(p, q, k, s).transpose(1, 2, 0, 3) if interleaved else B.reshape(q, p, k, s).transpose(0, 2, 1, 3)
    parts = [view[i, j] - np.outer(L[i, :, j], R[j, i]) for i in range(q) for j in range(k)]
    whole = ((B - M) ** 2).sum()
    return np.array([whole], dtype=object), np.array([sum((part**2).sum() for part in parts)], dtype=object)


def t14(m: int, n: int, p: int, q: int, order: str = "AB") -> tuple[Array, Array]:
    A, B = symbols("a", m, n), symbols("b", p, q)
    R = np.kron(A, B).reshape(m, p, n, q).transpose(0, 2, 1, 3).reshape(m * n, p * q)
    return R, np.outer(A, B) if order == "AB" else np.outer(A.T, B)


def t15_mixed(m: int, n: int, p: int, q: int, order: str = "AC") -> tuple[Array, Array]:
    A, B, C, D = symbols("a", m, n), symbols("b", p, q), symbols("c", n, m), symbols("d", q, p)
    product = np.kron(A @ C, B @ D) if order == "AC" else np.kron(A @ C, (B @ D).T)
    return np.kron(A, B) @ np.kron(C, D), product


def t15_numbers(n: int, p: int, exponents: str = "crossed") -> tuple[Array, Array]:
    A, B = symbols("a", n, n), symbols("b", p, p)
    K, det_A, det_B = sp.Matrix(np.kron(A, B)), sp.Matrix(A).det(), sp.Matrix(B).det()
    power = det_A**p * det_B**n if exponents == "crossed" else det_A**n * det_B**p
    left = [K.det(method="berkowitz"), np.trace(np.kron(A, B))]
    return np.array(left, dtype=object), np.array([power, np.trace(A) * np.trace(B)], dtype=object)
