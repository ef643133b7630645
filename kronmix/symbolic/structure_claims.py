"""Theorem entries T1 to T15: vectorisation, Mixers as wide MLPs, and Kronecker-sparse factors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import sympy as sp

from . import structure_identities as sides
from .claims import Claim, Counterexample, Mutant, Proof
from .entrywise import Identity, prove_identity

__all__ = ["CLAIMS"]

_MAGNUS = "Magnus & Neudecker, Matrix Differential Calculus"
_HAYASE = "Hayase & Karakida, ICML 2024, arXiv 2306.01470"
_LE = "Le, Zheng, Riccietti & Gribonval 2024, arXiv 2411.04506"
_DAO = "Dao et al., Monarch, ICML 2022"
_VAN_LOAN = "Van Loan & Pitsianis 1993; Van Loan 2000"

_PAIRS = [(1, 3), (2, 3), (3, 2)]
_QUADS = [(2, 3, 2, 1), (1, 2, 3, 2), (2, 2, 3, 3)]


def prove_widest(root: int = 3) -> Proof | Counterexample:
    """T6 for all sizes: m = SC at (γ_T C S² + γ_C C² S)/2 = Ω, by AM–GM on the two terms, with its point of equality."""
    S, C, T, G = sp.symbols("S C gamma_T gamma_C", positive=True)
    Ω = (T * C * S**2 + G * C**2 * S) / 2
    # Ω² − γ_T γ_C m³ = (m/2)² (γ_T S − γ_C C)²: never negative, zero exactly at γ_T S = γ_C C.
    square = sp.Rational(1, 4) * (S * C) ** 2 * (T * S - G * C) ** 2
    gap = sp.expand(Ω**2 - T * G * (S * C) ** 3 - square)
    width = (Ω**2 / (T * G)) ** sp.Rational(1, root)
    at_equality = sp.simplify(width.subs(C, T * S / G) - (S * C).subs(C, T * S / G))
    if gap != 0 or at_equality != 0:
        return Counterexample("all", {"gap": gap}, f"at γ_T S = γ_C C the width misses SC by {at_equality}")
    return Proof("all S, C, γ_T, γ_C > 0", "Ω² − γ_Tγ_C m³ is the square ((m/2)(γ_T S − γ_C C))²")


def prove_density(power: int = 2) -> Proof | Counterexample:
    """T7 for all sizes: p = Ω/(γ m²) = (1/S + 1/C)/2."""
    S, C, γ = sp.symbols("S C gamma", positive=True)
    Ω = γ * (C * S**2 + C**2 * S) / 2
    difference = sp.simplify(Ω / (γ * (S * C) ** power) - (1 / S + 1 / C) / 2)
    return (
        Proof("all S, C, γ > 0", "identity of rational functions")
        if difference == 0
        else Counterexample("all", {"difference": difference}, f"the sides differ by {difference}")
    )


def _entry(
    number: str,
    name: str,
    statement: str,
    latex: str,
    source: str,
    identity: Identity,
    sizes: Sequence[tuple[int, ...]],
    mutants: dict[str, Identity],
) -> Claim:
    def proved(side: Identity) -> Proof | Counterexample:
        return prove_identity(side, sizes)

    return Claim(
        number,
        name,
        statement,
        latex,
        source,
        "entrywise",
        partial(proved, identity),
        tuple(Mutant(words, partial(proved, mutant)) for words, mutant in mutants.items()),
    )


CLAIMS = (
    _entry(
        "T1",
        "vec of a product",
        "vec(W X V) = (Vᵀ ⊗ W) vec(X), rectangular factors too.",
        r"\operatorname{vec}(WXV)=(V^\top\otimes W)\operatorname{vec}X",
        _MAGNUS,
        sides.t1,
        [(2, 3, 2, 2), (1, 2, 3, 3), (3, 2, 2, 3)],
        {"V not transposed": partial(sides.t1, transpose=False)},
    ),
    _entry(
        "T2",
        "commutation",
        "K_{S,C} vec(X) = vec(Xᵀ).",
        r"K_{S,C}\operatorname{vec}X=\operatorname{vec}X^\top",
        _MAGNUS,
        sides.t2_swaps,
        _PAIRS,
        {"sizes swapped": partial(sides.t2_swaps, swapped=True)},
    ),
    _entry(
        "T2",
        "inverse",
        "K_{S,C}ᵀ = K_{C,S}.",
        r"K_{S,C}^\top=K_{C,S}",
        _MAGNUS,
        sides.t2_inverse,
        _PAIRS,
        {"symmetric": partial(sides.t2_inverse, inner=False)},
    ),
    _entry(
        "T2",
        "conjugation",
        "K (A ⊗ B) Kᵀ = B ⊗ A with the matching sizes.",
        r"K(A\otimes B)K^\top=B\otimes A",
        _MAGNUS,
        sides.t2_conjugation,
        _QUADS,
        {"one permutation missing": partial(sides.t2_conjugation, both=False)},
    ),
    _entry(
        "T3",
        "token mixing",
        "X ↦ W X is I_C ⊗ W.",
        r"\operatorname{vec}(WX)=(I_C\otimes W)\operatorname{vec}X",
        _HAYASE,
        sides.t3_token,
        _PAIRS,
        {"factors swapped": partial(sides.t3_token, order="WI")},
    ),
    _entry(
        "T3",
        "channel mixing",
        "Vᵀ ⊗ I_S = K_{C,S} (I_S ⊗ Vᵀ) K_{S,C}.",
        r"V^\top\otimes I_S=K_{C,S}(I_S\otimes V^\top)K_{S,C}",
        _HAYASE,
        sides.t3_channel,
        _PAIRS,
        {"the transpose slip": partial(sides.t3_channel, slipped=True)},
    ),
    _entry(
        "T4",
        "effective weight",
        "Vᵀ ⊗ W = (Vᵀ ⊗ I_S)(I_C ⊗ W).",
        r"V^\top\otimes W=(V^\top\otimes I_S)(I_C\otimes W)",
        _HAYASE,
        sides.t4,
        _PAIRS,
        {"factors swapped": partial(sides.t4, order="WV")},
    ),
    _entry(
        "T5",
        "S-Mixer",
        "vec(φ(W X) V) = (Vᵀ ⊗ I) φ((I ⊗ W) vec X) for any entrywise φ.",
        r"\operatorname{vec}(\varphi(WX)V)=(V^\top\otimes I)\varphi((I\otimes W)\operatorname{vec}X)",
        _HAYASE,
        sides.t5,
        [(2, 2), (2, 3)],
        {"without the activation": partial(sides.t5, broadcast="none")},
    ),
    Claim(
        "T6",
        "widest shape",
        "At fixed connections the width SC is largest where γ_T S = γ_C C.",
        r"SC\le(\Omega^2/\gamma_T\gamma_C)^{1/3}",
        _HAYASE,
        "all sizes",
        prove_widest,
        (Mutant("exponent 1/2", partial(prove_widest, 2)),),
    ),
    Claim(
        "T7",
        "equivalent density",
        "The SW-MLP of equal connections and width γm has density (1/S + 1/C)/2.",
        r"p=\Omega/(\gamma m^2)=\tfrac12(1/S+1/C)",
        _HAYASE,
        "all sizes",
        prove_density,
        (Mutant("one power of m", partial(prove_density, 1)),),
    ),
    _entry(
        "T8",
        "permutations keep singular values",
        "J₂BJ₁ has the Gram matrix of B up to J₁.",
        r"(J_2BJ_1)^\top J_2BJ_1=J_1^\top B^\top BJ_1",
        _HAYASE,
        sides.t8,
        [(2, 2), (2, 3)],
        {"unpermuted": partial(sides.t8, permuted=False)},
    ),
    _entry(
        "T9",
        "tied factor",
        "Values of shape (1, 1, b, c) are I_a ⊗ K ⊗ I_d.",
        r"I_a\otimes K\otimes I_d",
        _LE,
        sides.t9,
        [(2, 2, 3, 1), (1, 3, 2, 3), (2, 2, 2, 3)],
        {"a and d swapped": partial(sides.t9, order="dKa")},
    ),
    _entry(
        "T10",
        "mixing patterns",
        "Token mixing is (C, S, S, 1) and channel mixing (1, C, C, S), both tied.",
        r"(1,C,C,S)*(C,S,S,1)",
        _HAYASE,
        sides.t10,
        [(2, 3), (3, 2)],
        {"channel mixing as blocks": partial(sides.t10, swapped=True)},
    ),
    _entry(
        "T11",
        "slices of a product",
        "Slices of a product of chainable factors have rank at most r: their minors vanish.",
        r"\operatorname{rank}\le r=a_1c_1/a_2",
        _LE,
        sides.t11,
        [(1, 1, 2, 2), (2, 1, 2, 1), (1, 2, 1, 2)],
        {"rank r − 1": partial(sides.t11, minors=0)},
    ),
    _entry(
        "T12",
        "Monarch",
        "M[(i_p,i_q),(i_k,i_s)] = L[i_q,i_p,i_k] R[i_k,i_q,i_s].",
        r"M_{pq,ks}=L_{qpk}R_{kqs}",
        _DAO,
        sides.t12,
        [(2, 3, 2, 1), (1, 2, 3, 2), (2, 2, 3, 2)],
        {"blocks not interleaved": partial(sides.t12, order="blocks")},
    ),
    _entry(
        "T13",
        "best Monarch",
        "‖B − M‖² is a sum over slices that share no parameter: the best M is the best slice by slice.",
        r"\|B-M\|_F^2=\sum_{q,k}\|B_{qk}-L_{qk}R_{kq}^\top\|_F^2",
        _DAO,
        sides.t13,
        [(2, 2, 2, 1), (1, 2, 3, 2)],
        {"contiguous blocks": partial(sides.t13, interleaved=False)},
    ),
    _entry(
        "T14",
        "rearrangement",
        "𝓡(A ⊗ B) = vec(A) vec(B)ᵀ.",
        r"\mathcal R(A\otimes B)=\operatorname{vec}A\operatorname{vec}B^\top",
        _VAN_LOAN,
        sides.t14,
        _QUADS,
        {"A transposed": partial(sides.t14, order="transposed")},
    ),
    _entry(
        "T15",
        "mixed product",
        "(A ⊗ B)(C ⊗ D) = AC ⊗ BD.",
        r"(A\otimes B)(C\otimes D)=AC\otimes BD",
        _VAN_LOAN,
        sides.t15_mixed,
        [(2, 2, 2, 1), (1, 2, 2, 2)],
        {"second factor transposed": partial(sides.t15_mixed, order="transposed")},
    ),
    _entry(
        "T15",
        "determinant and trace",
        "det(A ⊗ B) = det(A)^p det(B)^n, tr(A ⊗ B) = tr A tr B.",
        r"\det(A\otimes B)=\det(A)^p\det(B)^n",
        _VAN_LOAN,
        sides.t15_numbers,
        [(2, 1), (1, 2), (2, 2)],
        {"exponents swapped": partial(sides.t15_numbers, exponents="straight")},
    ),
)
