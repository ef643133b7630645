"""T17, the exact induced penalties R(B) = min{½‖θ‖² : B(θ) = B}: a lower bound for every θ and a point attaining it.

Each prover takes the claimed penalty as a function of B's own quantities. It (1) proves the steps that carry the lower bound, for
all sizes, (2) evaluates ½‖θ‖² at the balanced factors, which attain it, and (3) compares with the claim. A claim that is too
large is beaten by the balanced factors; one that is too small is reached by no factors: either way the values of B at which the
two differ are the counterexample.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from ...operators.kernels import apply_factor
from ...patterns import Pattern, monarch_patterns
from ..claims import ALL_SIZES, CERTIFICATE, Counterexample, Outcome, Proof, claim
from ..provers.polynomials import Array, entries, square_norm
from ..steps import ATTAINED, CERTIFIED, KRONECKER_NORM, POWER_SUMS, SLICE_NORM, Step, prove_steps
from .factors import CHAINED, REARRANGED, contiguous_blocks, kronecker_rearrangement, monarch_slices
from .minima import agree, prove_compound_product, prove_means, prove_summation_by_parts, vanish

Penalty = Callable[..., Any]


_L = sp.Symbol("L", positive=True, integer=True)
_DENSE = Step("B is θ", "einsum(θ,'b c -> (a b d) (a c d)',a=1,d=1) == θ", "θ=n,m")


def prove_dense_penalty(
    penalty: Penalty = lambda B: np.trace(B.T @ B) / 2, shape: tuple[int, int] = (2, 3), tied: bool = False
) -> Outcome:
    """Dense B: R(B) = ½‖B‖_F². ``penalty`` maps the matrix to a polynomial.

    B is formed by the kernel from the values θ of the pattern (1, n, m, 1), and is θ for all sizes (T9): one θ for each B.
    ``tied`` takes B = I₂ ⊗ θ instead.
    """
    pattern = Pattern(2 if tied else 1, *shape, 1)
    values = entries(values=(1, 1, *shape))["values"]
    B = apply_factor(values, pattern, np.eye(pattern.shape[1], dtype=int).astype(object))
    cost = sum(x**2 for x in values.ravel()) / 2
    sizes = f"B {B.shape[0]}×{B.shape[1]}"
    wrong = vanish(np.array(cost), np.array(penalty(B)), sizes, "½‖θ‖² = R(B)")
    return wrong or prove_steps(_DENSE)


def prove_entrywise_penalty(penalty: Penalty = lambda b, L: L / 2 * b ** (2 / L)) -> Outcome:
    """Entrywise product of L factors: R(B) = (L/2) Σ |B_i|^{2/L}; ‖B‖₁ at L = 2. ``penalty(b, L)`` at one modulus b.

    Entries share no parameter, and |Π u_l| = Π|u_l|.
    Means inequality at x_l = u_l²/b^{2/L}; attained at |u_l| = b^{1/L}, all L: Π u_l = b and ½Σu_l².
    """
    b, l = sp.Symbol("b", positive=True), sp.Symbol("l", integer=True)
    u = b ** (1 / _L)
    sizes = "all shapes, all depths L"
    if wrong := agree(sp.Product(u, (l, 1, _L)).doit(), b, sizes, "Π u_l"):
        return wrong
    return _settle([prove_means()], sp.Sum(u**2 / 2, (l, 1, _L)).doit(), penalty(b, _L), sizes)


def schatten_penalty(s: Any, L: Any) -> Any:
    """(L/2) Σ σ_i^{2/L}."""
    return L / 2 * sum(x ** (2 / L) for x in s)


def prove_two_factor_penalty(penalty: Penalty = sum) -> Outcome:
    """B = PQ of full inner size: R(B) = ‖B‖_*. ``penalty(singular values)``. Every matrix has B = U diag(s) Vᵀ."""
    s = sp.symbols("s1 s2 s3", positive=True)
    return _settle([prove_steps(*CERTIFIED, *ATTAINED)], sum(sp.sqrt(x) ** 2 for x in s), penalty(s), "all sizes")


def prove_product_penalty(penalty: Penalty = schatten_penalty) -> Outcome:
    """Product of L matrices, full inner sizes: R(B) = (L/2) Σ σ_i^{2/L}; ‖B‖_* at L = 2. ``penalty(singular values, L)``.

    Any L: Schatten–Hölder Σ σ_i(B)^{2/L} ≤ Σ_i Π_l σ_i(A_l)^{2/L} (Horn 1950, cited: it follows from Π_{i≤k} σ_i(AB) ≤
    Π_{i≤k} σ_i(A)σ_i(B), whose compound matrices are checked in instances, by summation by parts), then the means inequality
    for each i. Attained at U σ^{1/L}, σ^{1/L}, …, σ^{1/L} Vᵀ.
    """
    s = sp.symbols("s1 s2", positive=True)
    horn = [prove_compound_product(3, 3, 3, 2), prove_compound_product(2, 3, 2, 2), prove_summation_by_parts(3)]
    attained = _L / 2 * sum((x ** (1 / _L)) ** 2 for x in s)
    return _settle([prove_means(), *horn], attained, penalty(s, _L), "all depths L by Horn's inequality (cited)")


def prove_kronecker_penalty(penalty: Penalty = lambda norm, k: k / 2 * norm ** (2 / k)) -> Outcome:
    """V₁ ⊗ … ⊗ V_k: R(B) = (k/2)‖B‖_F^{2/k}; ‖B‖_F at k = 2. ``penalty(‖B‖_F, k)``.

    ‖⊗ V_l‖² = Π ‖V_l‖², one factor after another, then the means inequality at x_l = ‖V_l‖²; attained at equal norms.
    """
    b = sp.Symbol("b", positive=True)
    lemmas = [prove_steps(KRONECKER_NORM), prove_means()]
    return _settle(lemmas, _L / 2 * (b ** (1 / _L)) ** 2, penalty(b, _L), "all sizes, every number k of factors")


def prove_sum_penalty(
    rearrange: Callable[[Array, tuple[int, int], tuple[int, int]], Array] = kronecker_rearrangement,
    penalty: Penalty = sum,
    left: tuple[int, int] = (2, 3),
    right: tuple[int, int] = (3, 2),
    rank: int = 2,
) -> Outcome:
    """Σ_{i≤r} V_i ⊗ W_i: R(B) = ‖𝓡(B)‖_*, r ≥ rank 𝓡(B). ``penalty(singular values of 𝓡(B))``.

    𝓡 is linear and 𝓡(V ⊗ W) = vec V vec Wᵀ for all sizes (T14), so 𝓡(B) = PQ with P = [vec V_1 … vec V_r], Q = [vec W_1 …
    vec W_r]ᵀ and the same sum of squares: the case of two factors. The ``rearrange`` that is claimed is met with it entry by entry.
    """
    M = entries(V=(rank, *left), W=(rank, *right))
    P, Q = _columns(M["V"]), _columns(M["W"]).T
    sizes = f"V {left[0]}×{left[1]}, W {right[0]}×{right[1]}, r = {rank}"
    if wrong := vanish(rearrange(_kronecker_sum(M["V"], M["W"]), left, right), P @ Q, sizes, "𝓡(ΣV⊗W) = PQ"):
        return wrong
    lemma = prove_steps(REARRANGED)
    s = sp.symbols(f"s:{rank}", positive=True)
    return _settle([lemma, prove_two_factor_penalty()], sum(s), penalty(s), "all sizes, r ≥ rank 𝓡(B)")


def _kronecker_sum(V: Array, W: Array) -> Array:
    return np.sum([np.kron(v, w) for v, w in zip(V, W, strict=True)], axis=0)


def _columns(matrices: Array) -> Array:
    """[vec A_1 … vec A_r]."""
    return np.stack([A.T.ravel() for A in matrices], axis=1)


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

    Every slice is its own product U_jk V_jk, for all sizes (T11), and every parameter stands in one slice: each is the case of two
    factors. The ``slices`` that are claimed are met with them entry by entry, and tied blocks with their sum of squares.
    """
    _, wrong = _slice_products(slices, shape, rank, tied, f"(p, k, q, s) = {shape}, block rank {rank}")
    values = [sp.symbols(f"s{j}_1:{rank + 1}", positive=True) for j in range(2)]
    lemmas = [prove_steps(CHAINED), prove_two_factor_penalty()]
    return wrong or _settle(lemmas, sum(map(sum, values)), penalty(values), "all sizes and block ranks")


def prove_group_penalty(
    penalty: Penalty = sum,
    slices: Callable[[Array, tuple[int, int, int, int]], Array] = monarch_slices,
    shape: tuple[int, int, int, int] = (2, 3, 2, 2),
    tied: bool = False,
) -> Outcome:
    """Monarch of block rank 1: R(B) = Σ ‖slice‖_F. ``penalty(‖slice‖_F of each slice)``.

    The slice is uvᵀ for its factors u, v (T12), so ‖slice‖_F² = ‖u‖²‖v‖² for all sizes, and also as formed from the entries of B;
    then ½(‖u‖² + ‖v‖²) ≥ ‖u‖‖v‖ by the means inequality, attained at ‖u‖ = ‖v‖.
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
    lemmas = [prove_steps(CHAINED), prove_steps(SLICE_NORM), prove_means()]
    return _settle(lemmas, attained, penalty([sp.sqrt(x**2 * x**2) for x in n]), "all sizes")


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

    With a = Σ σ(V)^{2/L}, b = Σ τ(W)^{2/L}: Σ σ(B)^{2/L} = ab for any numbers of them, as the singular values of V ⊗ W are
    products (T15). The two stacks cost (L/2)(a + b) ≥ L (ab)^{1/2} by the product case and the means inequality. Scaling V by c,
    W by 1/c makes a = b.
    """
    a, b, c = sp.symbols("a b c", positive=True)
    scaled = depth / 2 * (a * c ** (2 / depth) + b * c ** (-2 / depth))
    balanced = scaled.subs(c, (b / a) ** (depth / 4))
    product = prove_product_penalty()
    return _settle([prove_steps(POWER_SUMS), prove_means(), product], balanced, penalty(a * b, depth), product.sizes)


def _settle(lemmas: list[Outcome], attained: Any, claimed: Any, sizes: str) -> Outcome:
    """The first lemma that fails, else attained against claimed."""
    for lemma in lemmas:
        if isinstance(lemma, Counterexample):
            return lemma
    wrong = agree(attained, claimed, sizes, "the minimum of ½‖θ‖²")
    return wrong or Proof(sizes, "lower bound by steps, each checked; attained at the balanced factors")


def unshuffled(B: Array, left: tuple[int, int], right: tuple[int, int]) -> Array:
    """B reshaped without the shuffle of 𝓡: a false neighbour."""
    return B.reshape(left[0] * left[1], right[0] * right[1])


CLAIMS = (
    claim(
        "T17",
        "dense",
        "Weight decay on a dense matrix penalises half its squared Frobenius norm.",
        r"R(B)=\tfrac12\|B\|_F^2",
        "definition",
        ALL_SIZES,
        prove_dense_penalty,
        {
            "without the factor ½": {"penalty": square_norm},
            "‖B²‖_F": {"penalty": lambda B: square_norm(B * B) / 2},
            "two blocks that share θ": {"tied": True},
        },
    ),
    claim(
        "T17",
        "entrywise product",
        "Weight decay on an entrywise product of L factors penalises (L/2) Σ|B_i|^{2/L}; for u∘v that is the ℓ1 norm.",
        r"R(B)=\tfrac L2\sum_i |B_i|^{2/L},\qquad L=2:\ \|B\|_1",
        "Hoff 2017; Woodworth et al. 2020",
        ALL_SIZES,
        prove_entrywise_penalty,
        {
            "constant L": {"penalty": lambda b, L: L * b ** (2 / L)},
            "exponent 1/L": {"penalty": lambda b, L: L / 2 * b ** (1 / L)},
            "‖B‖₁ at every depth": {"penalty": lambda b, L: b},
        },
    ),
    claim(
        "T17",
        "product of two matrices",
        "Weight decay on PQ of full inner size penalises the nuclear norm.",
        r"R(B)=\|B\|_*=\sum_i\sigma_i",
        "Srebro et al. 2005",
        ALL_SIZES,
        prove_two_factor_penalty,
        {
            "Frobenius norm": {"penalty": lambda s: sp.sqrt(sum(x**2 for x in s))},
            "spectral norm": {"penalty": lambda s: sp.Max(*s)},
            "half of it": {"penalty": lambda s: sum(s) / 2},
        },
    ),
    claim(
        "T17",
        "matrix product",
        "Weight decay on a product of L matrices of full inner size penalises (L/2) Σσ_i^{2/L}, by Horn's inequality.",
        r"R(B)=\tfrac L2\|B\|_{S_{2/L}}^{2/L},\qquad L=2:\ \|B\|_*",
        "Srebro et al. 2005; Dai, Karzand & Srebro 2021; Horn 1950",
        CERTIFICATE,
        prove_product_penalty,
        {
            "Frobenius norm instead": {"penalty": lambda s, L: L / 2 * sp.sqrt(sum(x**2 for x in s)) ** (2 / L)},
            "constant 1": {"penalty": lambda s, L: sum(x ** (2 / L) for x in s)},
            "‖B‖_* at every depth": {"penalty": lambda s, L: sum(s)},
        },
    ),
    claim(
        "T17",
        "Kronecker product",
        "Weight decay on k Kronecker factors penalises (k/2)‖B‖_F^{2/k}; for V⊗W that is the Frobenius norm.",
        r"R(B)=\tfrac k2\|B\|_F^{2/k},\qquad k=2:\ \|B\|_F",
        "arithmetic and geometric means; Dai, Karzand & Srebro 2021",
        ALL_SIZES,
        prove_kronecker_penalty,
        {
            "‖B‖_F for every k": {"penalty": lambda norm, k: norm},
            "exponent 1/k": {"penalty": lambda norm, k: k / 2 * norm ** (1 / k)},
            "constant k": {"penalty": lambda norm, k: k * norm ** (2 / k)},
        },
    ),
    claim(
        "T17",
        "sum of Kronecker products",
        "Weight decay on Σ V_i⊗W_i penalises the nuclear norm of the rearranged matrix 𝓡(B), once r ≥ rank 𝓡(B).",
        r"R(B)=\|\mathcal R(B)\|_*,\qquad r\ge\operatorname{rank}\mathcal R(B)",
        "Srebro et al. 2005 with Van Loan & Pitsianis 1993",
        ALL_SIZES,
        prove_sum_penalty,
        {
            "no rearrangement": {"rearrange": unshuffled},
            "𝓡 transposed": {"rearrange": lambda B, l, r: kronecker_rearrangement(B, l, r).T},
            "half of it": {"penalty": lambda s: sum(s) / 2},
            "‖𝓡(B)‖_F": {"penalty": lambda s: sp.sqrt(sum(x**2 for x in s))},
            "the spectral norm": {"penalty": lambda s: sp.Max(*s)},
        },
        slow=partial(prove_sum_penalty, left=(3, 2), right=(2, 4), rank=3),
    ),
    claim(
        "T17",
        "Monarch",
        "Weight decay on Monarch factors penalises the nuclear norms of the slices, summed: whole slices can vanish.",
        r"R(B)=\sum_{j,k}\|B_{jk}\|_*,\qquad r=1:\ \sum_{j,k}\|B_{jk}\|_F",
        "Li, Nguyen, Hegde & Wong 2023; Dao et al. 2022",
        ALL_SIZES,
        prove_monarch_penalty,
        {
            "contiguous blocks for slices": {"slices": contiguous_blocks},
            "tied blocks": {"tied": True},
            "‖B‖_F, no group sparsity": {"penalty": lambda s: sp.sqrt(sum(x**2 for group in s for x in group))},
        },
        slow=partial(prove_monarch_penalty, shape=(3, 2, 4, 3), rank=3),
    ),
    claim(
        "T17",
        "Monarch of block rank 1",
        "With block rank 1, where every slice has rank 1 at most, the penalty is the sum of the slices' Frobenius norms.",
        r"R(B)=\sum_{j,k}\|B_{jk}\|_F\quad(r=1)",
        "Li, Nguyen, Hegde & Wong 2023; Dao et al. 2022",
        ALL_SIZES,
        prove_group_penalty,
        {
            "half of it": {"penalty": lambda norms: sum(norms) / 2},
            "squared norms": {"penalty": lambda norms: sum(x**2 for x in norms)},
            "‖B‖_F": {"penalty": lambda norms: sp.sqrt(sum(x**2 for x in norms))},
            "contiguous blocks for slices": {"slices": contiguous_blocks},
            "tied blocks": {"tied": True},
        },
    ),
    claim(
        "T17",
        "linear Mixer",
        "Weight decay on L token and L channel layers penalises L (Σσ_i^{2/L})^{1/2}; a linear MLP-Mixer block, 2‖B‖_*^{1/2}.",
        r"R(B)=L\,\bigl(\|B\|_{S_{2/L}}^{2/L}\bigr)^{1/2},\qquad L=2:\ 2\|B\|_*^{1/2}",
        "product and Kronecker cases combined",
        CERTIFICATE,
        prove_mixer_penalty,
        {
            "without the square root": {"penalty": lambda power, L: L * power},
            "constant L/2": {"penalty": lambda power, L: L / 2 * sp.sqrt(power)},
            "exponent 1/L": {"penalty": lambda power, L: L * power ** (1 / L)},
        },
    ),
)
