"""Theorem entries T1 to T8: vectorisation, and Mixers as wide sparse MLPs."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import numpy as np
import sympy as sp

from ..claims import ALL_SIZES, ENTRYWISE, Claim, Mutant
from ..steps import Step, stepwise
from . import structure_statements as statements
from .identity import identity
from .structure_provers import prove_counts, prove_density, prove_permutations, prove_widest

__all__ = ["CLAIMS"]

_MAGNUS = "Magnus & Neudecker, Matrix Differential Calculus"
_HAYASE = "Hayase & Karakida, ICML 2024, arXiv 2306.01470"
_PAIRS = [(1, 2), (2, 2), (2, 3), (3, 2)]
_QUADS = [(1, 1, 2, 2), (2, 2, 2, 2), (1, 2, 3, 2), (2, 3, 3, 2)]
_NEARLY = sp.Rational(101, 100)

CLAIMS = (
    *identity(
        "T1",
        "vec of a product",
        "vec(W X V) = (Vᵀ ⊗ W) vec(X), rectangular factors too.",
        r"\operatorname{vec}(WXV)=(V^\top\otimes W)\operatorname{vec}X",
        _MAGNUS,
        statements.product,
        "R S C D",
        [(1, 1, 2, 1), (2, 1, 2, 1), (2, 3, 2, 2)],
        {"V not transposed": {"transpose": False}},
        real=lambda S, C: (S, S, C, C),
    ),
    *identity(
        "T2",
        "commutation",
        "K_{S,C} vec(X) = vec(Xᵀ).",
        r"K_{S,C}\operatorname{vec}X=\operatorname{vec}X^\top",
        _MAGNUS,
        statements.commutation_swaps,
        "S C",
        _PAIRS,
        {"sizes swapped": {"swapped": True}},
        real=lambda S, C: (S, C),
    ),
    *identity(
        "T2",
        "transpose",
        "K_{S,C}ᵀ = K_{C,S}.",
        r"K_{S,C}^\top=K_{C,S}",
        _MAGNUS,
        statements.commutation_transpose,
        "S C",
        _PAIRS,
        {"symmetric": {"transposed": False}},
        real=lambda S, C: (S, C),
    ),
    *identity(
        "T2",
        "inverse",
        "K_{S,C}ᵀ K_{S,C} = I.",
        r"K_{S,C}^\top K_{S,C}=I",
        _MAGNUS,
        statements.commutation_inverse,
        "S C",
        _PAIRS,
        {"its own inverse": {"inverse": False}},
        real=lambda S, C: (S, C),
    ),
    *identity(
        "T2",
        "conjugation",
        "K (A ⊗ B) Kᵀ = B ⊗ A with the matching sizes.",
        r"K(A\otimes B)K^\top=B\otimes A",
        _MAGNUS,
        statements.commutation_conjugates,
        "m n p q",
        _QUADS,
        {"one permutation missing": {"both": False}},
        real=lambda S, C: (S, S, C, C),
    ),
    *identity(
        "T3",
        "token mixing",
        "X ↦ W X is I_C ⊗ W.",
        r"\operatorname{vec}(WX)=(I_C\otimes W)\operatorname{vec}X",
        _HAYASE,
        statements.token_mixing,
        "S C",
        _PAIRS,
        {"factors swapped": {"order": "WI"}},
        real=lambda S, C: (S, C),
    ),
    *identity(
        "T3",
        "channel mixing",
        "Vᵀ ⊗ I_S = K_{C,S} (I_S ⊗ Vᵀ) K_{S,C}.",
        r"V^\top\otimes I_S=K_{C,S}(I_S\otimes V^\top)K_{S,C}",
        _HAYASE,
        statements.channel_mixing,
        "S C",
        _PAIRS,
        {"the transpose slip": {"slipped": True}},
        real=lambda S, C: (S, C),
    ),
    *identity(
        "T4",
        "effective weight",
        "Vᵀ ⊗ W = (Vᵀ ⊗ I_S)(I_C ⊗ W).",
        r"V^\top\otimes W=(V^\top\otimes I_S)(I_C\otimes W)",
        _HAYASE,
        statements.effective_weight,
        "S C",
        _PAIRS,
        {"factors swapped": {"order": "WV"}},
        real=lambda S, C: (S, C),
        large=[(4, 5), (6, 4)],
    ),
    *identity(
        "T5",
        "S-Mixer",
        "vec φ(φ(W X) V) = φ((Vᵀ ⊗ I) φ((I ⊗ W) vec X)) for any entrywise φ.",
        r"\operatorname{vec}\varphi(\varphi(WX)V)=\varphi((V^\top\otimes I)\varphi((I\otimes W)\operatorname{vec}X))",
        _HAYASE,
        statements.s_mixer,
        "S C",
        _PAIRS,
        {"without the activation": {"activated": False}},
        real=lambda S, C: (S, C),
    ),
    *identity(
        "T5",
        "Mixer block",
        "Y = X + W₂φ(W₁X), Z = Y + φ(Y V₁)V₂ is four layers I ⊗ W₁, I ⊗ W₂, V₁ᵀ ⊗ I, V₂ᵀ ⊗ I on vec X, with both skips.",
        r"m\to\gamma m\to m\to\gamma m\to m",
        _HAYASE,
        statements.mixer_block,
        "S C γ",
        [(1, 2, 1), (2, 2, 1), (2, 2, 2)],
        {"channel mixing as blocks": {"order": "IV"}},
        real=lambda S, C: (S, C, 2),
    ),
    Claim(
        "T6",
        "connections",
        "The four layers of a block have γ_T C S², γ_T C S², γ_C C² S and γ_C C² S connections, the non-zeros of their patterns.",
        r"\Omega=\tfrac12(\gamma_TCS^2+\gamma_CC^2S)",
        _HAYASE,
        ALL_SIZES,
        prove_counts,
        (
            Mutant(
                "the expansions exchanged",
                partial(prove_counts, lambda S, C, T, G: Fraction(G * C * S**2 + T * C**2 * S, 2)),
            ),
            Mutant("the sum of four", partial(prove_counts, lambda S, C, T, G: 2 * (T * C * S**2 + G * C**2 * S))),
            Mutant("dense layers", partial(prove_counts, lambda S, C, T, G: Fraction((T + G) * (S * C) ** 2, 2))),
        ),
    ),
    Claim(
        "T6",
        "widest shape",
        "At fixed connections the width SC is largest where γ_T S = γ_C C.",
        r"SC\le(\Omega^2/\gamma_T\gamma_C)^{1/3}",
        _HAYASE,
        ALL_SIZES,
        prove_widest,
        (
            Mutant("exponent 1/2", partial(prove_widest, lambda Ω, T, G: sp.sqrt(Ω**2 / (T * G)))),
            Mutant("one expansion", partial(prove_widest, lambda Ω, T, G: (Ω**2 / T) ** sp.Rational(1, 3))),
            Mutant(
                "1 % more",
                partial(prove_widest, lambda Ω, T, G: _NEARLY * (Ω**2 / (T * G)) ** sp.Rational(1, 3)),
            ),
        ),
    ),
    Claim(
        "T7",
        "equivalent density",
        "The SW-MLP of equal connections and width γm has density (1/S + 1/C)/2.",
        r"p=\Omega/(\gamma m^2)=\tfrac12(1/S+1/C)",
        _HAYASE,
        ALL_SIZES,
        prove_density,
        (
            Mutant("1/S + 1/C", partial(prove_density, lambda S, C: Fraction(1, S) + Fraction(1, C))),
            Mutant("1/S", partial(prove_density, lambda S, C: Fraction(1, S))),
            Mutant(
                "1 % more", partial(prove_density, lambda S, C: Fraction(101, 200) * (Fraction(1, S) + Fraction(1, C)))
            ),
        ),
    ),
    stepwise(
        "T8",
        "permutations keep singular values",
        "J₂BJ₁ has the Gram matrix of B up to J₁, for all permutations, and permutations are orthogonal.",
        r"(J_2BJ_1)^\top J_2BJ_1=J_1^\top B^\top BJ_1,\qquad J^\top J=I",
        _HAYASE,
        Step(
            "the Gram matrix", "(J@B@K).T@(J@B@K) == K.T@B.T@B@K", "J=m,m B=m,n K=n,n", "J permutation, K permutation"
        ),
        {
            "unpermuted": {"text": "(J@B@K).T@(J@B@K) == B.T@B"},
            "J₁ for J₁ᵀ": {"text": "(J@B@K).T@(J@B@K) == K@B.T@B@K"},
            "any J₂": {"assume": "K permutation"},
        },
        (Step("JᵀJ = I", "J.T@J == eye(n)", "J=n,n", "J permutation"),),
    ),
    Claim(
        "T8",
        "permutations keep entries",
        "JᵀJ = I for the shipped permutations, and J₂BJ₁ has the entries of B in another order, so its norms and counts.",
        r"(J_2BJ_1)_{ij}=B_{\pi_2(i),\pi_1^{-1}(j)}",
        _HAYASE,
        ENTRYWISE,
        prove_permutations,
        (
            Mutant("inverse rows", partial(prove_permutations, rows=np.argsort)),
            Mutant("columns by π₁ itself", partial(prove_permutations, columns=np.asarray)),
            Mutant("JJ = I", partial(prove_permutations, inverse=lambda J: J @ J)),
        ),
        slow=partial(prove_permutations, size=4),
    ),
)
