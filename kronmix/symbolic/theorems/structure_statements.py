"""Both sides of T1 to T5, T9 to T12, T14 and T15 as expressions of any sizes, and what makes each a false neighbour.

Each function takes sizes, integers or symbols, and returns (left, right); a keyword makes one side a mutant's.
"""

from __future__ import annotations

from ...products import eye, kron
from ...spectra import trace
from ...vectorize import unvec, vec
from ..language.building import commutation, einsum, eye as identity_matrix, kronecker_rearrangement, sparse
from ..language.expressions import Expression, Variable
from ..language.sizes import Size
from ..language.structures import Map

Sides = tuple[Expression, Expression]


_SLICES = "a (β d) b (κ r), (a κ) d (r β) c -> a d (b β) (κ c)"


def _matrix(name: str, rows: Size, columns: Size) -> Variable:
    return Variable(name, (rows, columns))


def _phi(X: Expression) -> Expression:
    return Map("φ", X)


def product(R: Size, S: Size, C: Size, D: Size, transpose: bool = True) -> Sides:
    """T1."""
    W, X, V = _matrix("W", R, S), _matrix("X", S, C), _matrix("V", C, D) if transpose else _matrix("V", C, C)
    return vec(W @ X @ V), kron(V.T if transpose else V, W) @ vec(X)


def commutation_swaps(S: Size, C: Size, swapped: bool = False) -> Sides:
    """T2, first part."""
    X = _matrix("X", S, C)
    return (commutation(C, S) if swapped else commutation(S, C)) @ vec(X), vec(X.T)


def commutation_inverse(S: Size, C: Size, inverse: bool = True) -> Sides:
    """T2, second part, with what makes it an inverse: K_{C,S} K_{S,C} = I."""
    K = commutation(S, C)
    return (K.T if inverse else K) @ K, identity_matrix(S * C)


def commutation_transpose(S: Size, C: Size, transposed: bool = True) -> Sides:
    """T2, second part."""
    return commutation(S, C).T, commutation(C, S) if transposed else commutation(S, C)


def commutation_conjugates(m: Size, n: Size, p: Size, q: Size, both: bool = True) -> Sides:
    """T2, third part; the mutant takes A and B square and forgets one side."""
    A, B = (_matrix("A", m, n), _matrix("B", p, q)) if both else (_matrix("A", m, m), _matrix("B", p, p))
    left = commutation(p, m) @ kron(A, B)
    return left @ commutation(q, n).T if both else left, kron(B, A)


def token_mixing(S: Size, C: Size, order: str = "IW") -> Sides:
    """T3, first part."""
    W, X = _matrix("W", S, S), _matrix("X", S, C)
    return vec(W @ X), (kron(eye(C), W) if order == "IW" else kron(W, eye(C))) @ vec(X)


def channel_mixing(S: Size, C: Size, slipped: bool = False) -> Sides:
    """T3, second part; the mutant is the transpose slip."""
    V = _matrix("V", C, C)
    block = kron(eye(S), V if slipped else V.T)
    return kron(V.T, eye(S)), commutation(C, S) @ block @ commutation(S, C)


def effective_weight(S: Size, C: Size, order: str = "VW") -> Sides:
    """T4."""
    W, V = _matrix("W", S, S), _matrix("V", C, C)
    return kron(V.T, W) if order == "VW" else kron(W, V.T), kron(V.T, eye(S)) @ kron(eye(C), W)


def s_mixer(S: Size, C: Size, activated: bool = True) -> Sides:
    """T5 for an S-Mixer: token layer, φ, channel layer, φ."""
    W, X, V = _matrix("W", S, S), _matrix("X", S, C), _matrix("V", C, C)
    hidden = kron(eye(C), W) @ vec(X)
    return vec(_phi(_phi(W @ X) @ V)), _phi(kron(V.T, eye(S)) @ (_phi(hidden) if activated else hidden))


def mixer_block(S: Size, C: Size, γ: Size, order: str = "VI") -> Sides:
    """T5 for a Mixer block with its skip connections; widths m → γm → m → γm → m."""
    X = _matrix("X", S, C)
    W1, W2, V1, V2 = _matrix("W₁", γ * S, S), _matrix("W₂", S, γ * S), _matrix("V₁", C, γ * C), _matrix("V₂", γ * C, C)
    Y = X + W2 @ _phi(W1 @ X)
    y = vec(X) + kron(eye(C), W2) @ _phi(kron(eye(C), W1) @ vec(X))
    out = kron(V2.T, eye(S)) if order == "VI" else kron(eye(S), V2.T)
    return vec(Y + _phi(Y @ V1) @ V2), y + out @ _phi(kron(V1.T, eye(S)) @ y)


def tied_factor(a: Size, b: Size, c: Size, d: Size, order: str = "aKd") -> Sides:
    """T9."""
    K = _matrix("K", b, c)
    return sparse(K, (a, b, c, d)), kron(eye(a), K, eye(d)) if order == "aKd" else kron(eye(d), K, eye(a))


def dense_factor(n: Size, m: Size) -> Sides:
    """T9 for the pattern (1, n, m, 1)."""
    K = _matrix("K", n, m)
    return sparse(K, (1, n, m, 1)), K


def mixing_patterns(S: Size, C: Size, blocks: bool = False) -> Sides:
    """T10, and T12 for a Mixer: both factors of its Monarch chain are tied."""
    W, V = _matrix("W", S, S), _matrix("V", C, C)
    channel = sparse(V.T, (S, C, C, 1) if blocks else (1, C, C, S))
    return channel @ sparse(W, (C, S, S, 1)), kron(V.T, W)


def chained_factors(a: Size, b: Size, c: Size, d: Size, β: Size, κ: Size, r: Size, transpose: bool = False) -> Sides:
    """T11: a product of chainable factors has the product pattern, and slices that are products with inner size r."""
    if transpose:  # the mutant reads the slices [κ, β] for [β, κ], which fits where the two are equal
        β, b, c = κ, c, c
    left, right = Variable("X₁", (a, β * d, b, κ * r)), Variable("X₂", (a * κ, d, r * β, c))
    values = einsum(left, right, _SLICES, a=a, b=b, c=c, d=d, β=β, κ=κ, r=r)
    found = sparse(left, (a, b, κ * r, β * d)) @ sparse(right, (a * κ, r * β, c, d))
    expected = sparse(values, (a, b * β, κ * c, d))
    return found, expected.T if transpose else expected


def monarch(p: Size, k: Size, q: Size, s: Size, reversed_: bool = False) -> Sides:
    """T12: M[(i_p, i_q), (i_k, i_s)] = L[i_q, i_p, i_k] R[i_k, i_q, i_s]; the mutant has the factors in the other order."""
    if reversed_:
        p = k = s = q
    L, R = Variable("L", (1, q, p, k)), Variable("R", (k, 1, q, s))
    left, right = sparse(L, (1, p, k, q)), sparse(R, (k, q, s, 1))
    values = einsum(L, R, _SLICES, a=1, b=p, c=s, d=1, β=q, κ=k, r=1)
    return right @ left if reversed_ else left @ right, sparse(values, (1, p * q, k * s, 1))


def rearrangement(m: Size, n: Size, p: Size, q: Size, transposed: bool = False) -> Sides:
    """T14."""
    A, B = _matrix("A", m, m if transposed else n), _matrix("B", p, q)
    a, b = vec(A.T if transposed else A), vec(B)
    return kronecker_rearrangement(kron(A, B), A.shape, B.shape), unvec(a, (*a.shape, 1)) @ unvec(b, (*b.shape, 1)).T


def mixed_product(k: Size, m: Size, n: Size, p: Size, q: Size, r: Size, transposed: bool = False) -> Sides:
    """T15."""
    A, C = _matrix("A", k, m), _matrix("C", m, n)
    B, D = (_matrix("B", p, p), _matrix("D", p, p)) if transposed else (_matrix("B", p, q), _matrix("D", q, r))
    return kron(A, B) @ kron(C, D), kron(A @ C, D @ B if transposed else B @ D)


def trace_multiplies(n: Size, p: Size, added: bool = False) -> Sides:
    """T15."""
    A, B = _matrix("A", n, n), _matrix("B", p, p)
    return trace(kron(A, B)), trace(A) + trace(B) if added else trace(A) * trace(B)


def norm_multiplies(m: Size, n: Size, p: Size, q: Size, added: bool = False) -> Sides:
    """T15 for the squared Frobenius norm tr(MᵀM)."""
    A, B = _matrix("A", m, n), _matrix("B", p, q)
    M = kron(A, B)
    a, b = trace(A.T @ A), trace(B.T @ B)
    return trace(M.T @ M), a + b if added else a * b
