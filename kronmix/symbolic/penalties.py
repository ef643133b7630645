"""T17, the exact induced penalties R(B) = min{½‖θ‖² : B(θ) = B}: a lower bound for every θ and a point attaining it.

Each prover takes the claimed penalty as a function of B's own quantities and (1) proves the identities that carry the lower
bound, (2) evaluates ½‖θ‖² at the balanced factors, which attain it, and (3) compares with the claim. A claim that is too
large is beaten by the balanced factors; one that is too small is reached by no factors: either way the values of B at
which the two differ are the counterexample.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp

from ..operators.kernels import apply_factor
from ..patterns import Pattern, monarch_patterns
from .claims import Counterexample, Proof
from .minima import (
    agree,
    prove_compound_product,
    prove_dual_certificate,
    prove_means,
    prove_polar_attains,
    prove_summation_by_parts,
    reflection,
    vanish,
)
from .provers.polynomials import Array, entries, square_norm

Outcome = Proof | Counterexample
Penalty = Callable[..., Any]

__all__ = [
    "kronecker_rearrangement",
    "monarch_slices",
    "nuclear_norms",
    "prove_dense_penalty",
    "prove_entrywise_penalty",
    "prove_group_penalty",
    "prove_kronecker_penalty",
    "prove_mixer_penalty",
    "prove_monarch_penalty",
    "prove_product_penalty",
    "prove_sum_penalty",
    "schatten_penalty",
]

_L = sp.Symbol("L", positive=True, integer=True)


def prove_dense_penalty(
    penalty: Penalty = lambda B: np.trace(B.T @ B) / 2, shape: tuple[int, int] = (2, 3), tied: bool = False
) -> Outcome:
    """Dense B: R(B) = ½‖B‖_F². ``penalty`` maps the matrix to a polynomial.

    B is formed by the kernel from the values θ of the pattern (1, n, m, 1). θ ↦ B has an inverse, so one θ is the minimum.
    ``tied`` takes B = I₂ ⊗ θ instead.
    """
    pattern = Pattern(2 if tied else 1, *shape, 1)
    values = entries(values=(1, 1, *shape))["values"]
    B = apply_factor(values, pattern, np.eye(pattern.shape[1], dtype=int).astype(object))
    cost = sum(x**2 for x in values.ravel()) / 2
    sizes = f"B {B.shape[0]}×{B.shape[1]}"
    wrong = vanish(np.array(cost), np.array(penalty(B)), sizes, "½‖θ‖² = R(B)")
    return wrong or Proof(sizes, "B formed from θ, one θ for each B")


def prove_entrywise_penalty(penalty: Penalty = lambda b, L: L / 2 * b ** (2 / L)) -> Outcome:
    """Entrywise product of L factors: R(B) = (L/2) Σ |B_i|^{2/L}; ‖B‖₁ at L = 2. ``penalty(b, L)`` at one modulus b.

    Entries do not interact. Means inequality at x_l = u_l²/b^{2/L}; attained at |u_l| = b^{1/L}, all L: Π u_l = b and ½Σu_l².
    """
    b, l = sp.Symbol("b", positive=True), sp.Symbol("l", integer=True)
    u = b ** (1 / _L)
    sizes = "one entry b > 0, all depths L"
    if wrong := agree(sp.Product(u, (l, 1, _L)).doit(), b, sizes, "Π u_l"):
        return wrong
    return _settle([prove_means()], sp.Sum(u**2 / 2, (l, 1, _L)).doit(), penalty(b, _L), sizes)


def schatten_penalty(s: Any, L: Any) -> Any:
    """(L/2) Σ σ_i^{2/L}."""
    return L / 2 * sum(x ** (2 / L) for x in s)


def prove_product_penalty(penalty: Penalty = schatten_penalty) -> Outcome:
    """Product of L matrices, full inner sizes: R(B) = (L/2) Σ σ_i^{2/L}; ‖B‖_* at L = 2. ``penalty(singular values, L)``.

    L = 2: dual certificate Z = UVᵀ. Any L: Schatten–Hölder Σ σ_i(B)^{2/L} ≤ Σ_i Π_l σ_i(A_l)^{2/L}, then the means
    inequality for each i. Attained at U σ^{1/L}, σ^{1/L}, …, σ^{1/L} Vᵀ.
    """
    s = sp.symbols("s1 s2", positive=True)
    lemmas = [
        prove_means(),
        prove_dual_certificate(((2, 2, 3), (3, 2, 2), (2, 1, 2))),
        prove_polar_attains(3, 2),
        prove_compound_product(3, 3, 3, 2),
        prove_compound_product(2, 3, 2, 2),
        prove_summation_by_parts(3),
    ]
    attained = _L / 2 * sum((x ** (1 / _L)) ** 2 for x in s)
    sizes = "dual certificate at B 2×3, 3×2, 2×2; attained at B 3×2; depth L in the singular values"
    return _settle(lemmas, attained, penalty(s, _L), sizes)


def prove_kronecker_penalty(penalty: Penalty = lambda norm, k: k / 2 * norm ** (2 / k), factors: int = 3) -> Outcome:
    """V₁ ⊗ … ⊗ V_k: R(B) = (k/2)‖B‖_F^{2/k}; ‖B‖_F at k = 2. ``penalty(‖B‖_F, k)``.

    ‖⊗ V_l‖² = Π ‖V_l‖² entrywise, then the means inequality at x_l = ‖V_l‖²; attained at equal norms.
    """
    shapes = {f"V{l}": (2, 1 + l % 2) for l in range(factors)}
    M = list(entries(**shapes).values())
    norms = reduce(lambda x, y: x * y, (square_norm(V) for V in M))
    sizes = f"‖⊗V‖ at {', '.join(f'{r}×{c}' for r, c in shapes.values())}; all norms, every number k of factors"
    wrong = vanish(np.array(square_norm(reduce(np.kron, M))), np.array(norms), sizes, "‖⊗V‖² = Π‖V‖²")
    b = sp.Symbol("b", positive=True)
    return wrong or _settle([prove_means()], _L / 2 * (b ** (1 / _L)) ** 2, penalty(b, _L), sizes)


def kronecker_rearrangement(B: Array, left: tuple[int, int], right: tuple[int, int]) -> Array:
    """𝓡(B) of T14: 𝓡(V ⊗ W) = vec(V) vec(W)ᵀ for V of shape ``left``, W of shape ``right``; columns are stacked."""
    (p, q), (s, t) = left, right
    return B.reshape(p, s, q, t).transpose(2, 0, 3, 1).reshape(p * q, s * t)


def prove_sum_penalty(
    rearrange: Callable[[Array, tuple[int, int], tuple[int, int]], Array] = kronecker_rearrangement,
    penalty: Penalty = sum,
    left: tuple[int, int] = (2, 3),
    right: tuple[int, int] = (3, 2),
    rank: int = 2,
) -> Outcome:
    """Σ_{i≤r} V_i ⊗ W_i: R(B) = ‖𝓡(B)‖_*, r ≥ rank 𝓡(B). ``penalty(singular values of 𝓡(B))``.

    𝓡(B) = PQ with P = [vec V_1 … vec V_r], Q = [vec W_1 … vec W_r]ᵀ and the same Σ of squares: the product case L = 2.
    Attained at vec V_i = s_i^{1/2} u_i, vec W_i = s_i^{1/2} v_i, formed: 𝓡(B) = U diag(s) Vᵀ, and ½Σ(‖V_i‖² + ‖W_i‖²).
    """
    M = entries(V=(rank, *left), W=(rank, *right), d=(rank,))
    P, Q = _columns(M["V"]), _columns(M["W"]).T
    sizes = f"V {left[0]}×{left[1]}, W {right[0]}×{right[1]}, r = {rank}"
    if wrong := vanish(rearrange(_kronecker_sum(M["V"], M["W"]), left, right), P @ Q, sizes, "𝓡(ΣV⊗W) = PQ"):
        return wrong
    U, V = (reflection(len(rows))[:, :rank] for rows in (P, Q.T))
    balanced = [_matrices(A * M["d"], shape) for A, shape in ((U, left), (V, right))]
    B = rearrange(_kronecker_sum(*balanced), left, right)
    if wrong := vanish(B, (U * M["d"] ** 2) @ V.T, sizes, "𝓡(B) = U diag(s) Vᵀ"):
        return wrong
    cost = (square_norm(balanced[0]) + square_norm(balanced[1])) / 2
    lemmas = [prove_dual_certificate(((2, 2, 3), (3, 2, 2))), prove_polar_attains(3, 2)]
    s = sp.symbols(f"s:{rank}", positive=True)
    roots = {sp.Symbol(str(d)): sp.sqrt(x) for d, x in zip(M["d"], s, strict=True)}
    return _settle(lemmas, cost.as_expr().subs(roots), penalty(s), sizes)


def _kronecker_sum(V: Array, W: Array) -> Array:
    return np.sum([np.kron(v, w) for v, w in zip(V, W, strict=True)], axis=0)


def _columns(matrices: Array) -> Array:
    """[vec A_1 … vec A_r]."""
    return np.stack([A.T.ravel() for A in matrices], axis=1)


def _matrices(columns: Array, shape: tuple[int, int]) -> Array:
    """The matrices whose vecs are the columns."""
    return np.stack([column.reshape(shape[::-1]).T for column in columns.T])


def monarch_slices(B: Array, sizes: tuple[int, int, int, int]) -> Array:
    """Slices of a (pq) × (ks) matrix, axes (i_q, i_k, p, s): rows strided by q, columns in blocks of s (T12)."""
    p, k, q, s = sizes
    return B.reshape(p, q, k, s).transpose(1, 2, 0, 3)


def nuclear_norms(s: Any) -> Any:
    """Σ over slices of Σ σ_i(slice)."""
    return sum(sum(x) for x in s)


def prove_monarch_penalty(
    slices: Callable[[Array, tuple[int, int, int, int]], Array] = monarch_slices,
    penalty: Penalty = nuclear_norms,
    shape: tuple[int, int, int, int] = (2, 3, 2, 2),
    rank: int = 2,
    tied: bool = False,
) -> Outcome:
    """Monarch of block rank r: R(B) = Σ over slices of the nuclear norm. ``penalty(σ of each slice)``.

    Every slice is its own product U_jk V_jk, and the slices share no parameter (unless the blocks are tied).
    """
    sizes = f"(p, k, q, s) = {shape}, block rank {rank}"
    _, wrong = _slice_products(slices, shape, rank, tied, sizes)
    values = [sp.symbols(f"s{j}_1:{rank + 1}", positive=True) for j in range(2)]
    attained = sum(sum(sp.sqrt(x) ** 2 for x in slice_values) for slice_values in values)
    lemmas = [prove_dual_certificate(((2, 2, 3), (2, 1, 2))), prove_polar_attains(3, 2)]
    return wrong or _settle(lemmas, attained, penalty(values), sizes)


def prove_group_penalty(
    penalty: Penalty = sum,
    slices: Callable[[Array, tuple[int, int, int, int]], Array] = monarch_slices,
    shape: tuple[int, int, int, int] = (2, 3, 2, 2),
    tied: bool = False,
) -> Outcome:
    """Monarch of block rank 1: R(B) = Σ ‖slice‖_F. ``penalty(‖slice‖_F of each slice)``.

    ‖slice‖_F² is formed from the entries of B and is ‖u‖²‖v‖² for the slice's factors u, v; then ½(‖u‖² + ‖v‖²) ≥ ‖u‖‖v‖ by the
    means inequality, attained at ‖u‖ = ‖v‖.
    """
    sizes = f"(p, k, q, s) = {shape}, block rank 1"
    (B, U, V), wrong = _slice_products(slices, shape, 1, tied, sizes)
    if wrong is not None:
        return wrong
    formed = slices(B, shape)
    for index in np.ndindex(formed.shape[:2]):
        product = square_norm(U[index]) * square_norm(V[index])
        if wrong := vanish(np.array(square_norm(formed[index])), np.array(product), sizes, "‖slice‖_F² = ‖u‖²‖v‖²"):
            return wrong
    n = sp.symbols(f"n:{formed[..., 0, 0].size}", positive=True)  # ‖u‖ = ‖v‖ of each slice
    attained = sum((x**2 + x**2) / 2 for x in n)
    return _settle([prove_means()], attained, penalty([sp.sqrt(x**2 * x**2) for x in n]), sizes)


def _slice_products(
    slices: Callable[[Array, tuple[int, int, int, int]], Array],
    shape: tuple[int, int, int, int],
    rank: int,
    tied: bool,
    sizes: str,
) -> tuple[tuple[Array, Array, Array], Counterexample | None]:
    """B formed by the kernel, its U_jk, V_jk, and None where slice (j, k) is U_jk V_jk and no two slices share a parameter."""
    p, k, q, s = shape
    M = entries(L=(1 if tied else q, p, k * rank), R=(1 if tied else k, q * rank, s))
    left, right = monarch_patterns(p, k, q, s, rank)
    L, R = M["L"], M["R"]
    identity = np.eye(k * s, dtype=int).astype(object)
    B = apply_factor(L[None], left, apply_factor(R[:, None], right, identity))
    U = np.broadcast_to(L, (q, p, k * rank)).reshape(q, p, k, rank).transpose(0, 2, 1, 3)
    V = np.broadcast_to(R, (k, q * rank, s)).reshape(k, rank, q, s).transpose(2, 0, 1, 3)
    wrong = vanish(slices(B, shape), U @ V, sizes, "slice = U_jk V_jk")
    shared = np.array(square_norm(U) + square_norm(V))
    alone = np.array(square_norm(L) + square_norm(R))
    return (B, U, V), wrong or vanish(shared, alone, sizes, "the slices share no parameter")


def prove_mixer_penalty(
    penalty: Penalty = lambda schatten, L: L * schatten ** sp.Rational(1, 2), depth: Any = _L
) -> Outcome:
    """Linear Mixer of L token and L channel layers: R(B) = L (‖B‖_{S_{2/L}}^{2/L})^{1/2}. ``penalty(Σσ(B)^{2/L}, L)``.

    With a = Σ σ(V)^{2/L}, b = Σ τ(W)^{2/L}: Σ σ(B)^{2/L} = ab, the two stacks cost (L/2)(a + b) ≥ L (ab)^{1/2} by the product
    case and the means inequality, and scaling V by c, W by 1/c makes a = b.
    """
    sigma, tau = sp.symbols("v1 v2", positive=True), sp.symbols("w1 w2 w3", positive=True)
    powers = [sum(x ** (2 / depth) for x in values) for values in (sigma, tau)]
    kron = sum((x * y) ** (2 / depth) for x in sigma for y in tau)
    sizes = "all depths L; two and three singular values"
    if wrong := agree(kron, powers[0] * powers[1], sizes, "Schatten power of V⊗W"):
        return wrong
    a, b, c = sp.symbols("a b c", positive=True)
    scaled = depth / 2 * (a * c ** (2 / depth) + b * c ** (-2 / depth))
    balanced = scaled.subs(c, (b / a) ** (depth / 4))
    return _settle([prove_means(), prove_product_penalty()], balanced, penalty(a * b, depth), sizes)


def _settle(lemmas: list[Outcome], attained: Any, claimed: Any, sizes: str) -> Outcome:
    """The first lemma that fails, else attained against claimed."""
    for lemma in lemmas:
        if isinstance(lemma, Counterexample):
            return lemma
    wrong = agree(attained, claimed, sizes, "the minimum of ½‖θ‖²")
    return wrong or Proof(sizes, "lower bound certified, attained at the balanced factors")
