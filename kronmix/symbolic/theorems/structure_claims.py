"""Theorem entries T1 to T15: vectorisation, Mixers as wide MLPs, and Kronecker-sparse factors.

Identities between matrices are stated once, for any sizes, and proved in up to three ways: for all sizes, entry by entry, and
modulo primes at real sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from ..claims import ALL_SIZES, ENTRYWISE, FINITE_FIELD, Claim, Mutant, Outcome
from ..provers.statements import Sizes, Statement, prove_entries, prove_for_all_sizes, prove_modulo_primes
from ..steps import Step, stepwise
from . import structure_statements as statements
from .penalties import monarch_slices
from .structure_provers import (
    contiguous_blocks,
    prove_best_monarch,
    prove_counts,
    prove_density,
    prove_determinant,
    prove_permutations,
    prove_slice_ranks,
    prove_widest,
    strided_columns,
)

__all__ = ["CLAIMS"]

_MAGNUS = "Magnus & Neudecker, Matrix Differential Calculus"
_HAYASE = "Hayase & Karakida, ICML 2024, arXiv 2306.01470"
_LE = "Le, Zheng, Riccietti & Gribonval 2024, arXiv 2411.04506"
_DAO = "Dao et al., Monarch, ICML 2022"
_VAN_LOAN = "Van Loan & Pitsianis 1993; Van Loan 2000"

_PAIRS = [(1, 2), (2, 2), (2, 3), (3, 2)]
_QUADS = [(1, 1, 2, 2), (2, 2, 2, 2), (1, 2, 3, 2), (2, 3, 3, 2)]
#: Tokens and channels of Mixer-B/16, where the finite-field proofs are made by default.
_REAL = (196, 768)


_NEARLY = sp.Rational(101, 100)
#: Factors on the right side of every identity that make it false.
_NEAR = {"1 % more": Fraction(101, 100), "the opposite sign": Fraction(-1)}


def _scaled(sides: Callable[..., tuple[Any, Any]], factor: Fraction, *sizes: Any) -> tuple[Any, Any]:
    left, right = sides(*sizes)
    return left, factor * right


def _identity(
    number: str,
    name: str,
    statement: str,
    latex: str,
    source: str,
    sides: Statement,
    names: str,
    small: Sequence[Sizes],
    mutants: dict[str, dict[str, Any]],
    real: Callable[[int, int], Sizes] | None = None,
    large: Sequence[Sizes] | None = None,
) -> tuple[Claim, ...]:
    """One statement by each kind of evidence: for all sizes; entry by entry where ``large`` gives the sizes of the slow run;
    modulo primes where ``real`` gives its sizes for S tokens and C channels.
    """

    def claim(
        evidence: str, prove: Callable[[Statement], Outcome], at: Any = None, whole: Any = None, slow: Any = None
    ) -> Claim:
        wrong = {words: partial(sides, **options) for words, options in mutants.items()}
        wrong |= {words: partial(_scaled, sides, factor) for words, factor in _NEAR.items()}
        false = tuple(Mutant(words, partial(prove, other)) for words, other in wrong.items())
        proved = whole or partial(prove, sides)
        return Claim(number, name, statement, latex, source, evidence, proved, false, slow=slow, at=at)

    claims = [claim(ALL_SIZES, partial(prove_for_all_sizes, names=names, small=small))]
    if large is not None:
        slow = partial(prove_entries, sides, names, [*small, *large])
        claims.append(claim(ENTRYWISE, partial(prove_entries, names=names, small=small), slow=slow))
    if real is not None:

        def at(S: int, C: int) -> Outcome:
            return prove_modulo_primes(sides, names, real(S, C))

        # A mutant differs at the last of the small sizes already: no need to refute it at the real ones.
        claims.append(
            claim(FINITE_FIELD, partial(prove_modulo_primes, names=names, sizes=small[-1]), at, partial(at, *_REAL))
        )
    return tuple(claims)


CLAIMS = (
    *_identity(
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
    *_identity(
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
    *_identity(
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
    *_identity(
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
    *_identity(
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
    *_identity(
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
    *_identity(
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
    *_identity(
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
    *_identity(
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
    *_identity(
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
    *_identity(
        "T9",
        "tied factor",
        "Values shared along a and d are I_a ⊗ K ⊗ I_d.",
        r"I_a\otimes K\otimes I_d",
        _LE,
        statements.tied_factor,
        "a b c d",
        [(1, 1, 1, 2), (1, 2, 1, 2), (2, 2, 3, 1), (1, 2, 2, 2)],
        {"a and d swapped": {"order": "dKa"}},
        real=lambda S, C: (2, S, C, 2),
    ),
    *_identity(
        "T10",
        "mixing patterns",
        "The tied factors (1, C, C, S) of Vᵀ and (C, S, S, 1) of W multiply to Vᵀ ⊗ W.",
        r"(1,C,C,S)*(C,S,S,1)",
        _HAYASE,
        statements.mixing_patterns,
        "S C",
        _PAIRS,
        {"channel mixing as blocks": {"blocks": True}},
        real=lambda S, C: (S, C),
    ),
    *_identity(
        "T11",
        "product of chainable factors",
        "(a, b, κr, βd) and (aκ, rβ, c, d) multiply to the pattern (a, bβ, κc, d), whose slices are products of inner size r.",
        r"(a,b,\kappa r,\beta d)*(a\kappa,r\beta,c,d)=(a,b\beta,\kappa c,d)",
        _LE,
        statements.chained_factors,
        "a b c d β κ r",
        [(1, 1, 1, 1, 2, 2, 1), (2, 1, 2, 1, 2, 1, 2), (1, 2, 1, 2, 2, 2, 2)],
        {"slices transposed": {"transpose": True}},
        real=lambda S, C: (1, 2, 2, 1, S, C, 1),
        large=[(2, 3, 2, 3, 2, 2, 2)],
    ),
    Claim(
        "T11",
        "rank of the slices",
        "Slices of a product of chainable factors have rank at most r: their minors vanish.",
        r"\operatorname{rank}\le r=a_1c_1/a_2",
        _LE,
        ENTRYWISE,
        prove_slice_ranks,
        (
            Mutant("rank r − 1", partial(prove_slice_ranks, more=0)),
            Mutant("contiguous rows", partial(prove_slice_ranks, (0, 2, 1, 3, 4, 5))),
            Mutant("strided columns", partial(prove_slice_ranks, (0, 1, 2, 3, 5, 4))),
        ),
        slow=partial(prove_slice_ranks, sizes=((1, 1, 2, 2), (2, 1, 2, 1), (1, 2, 1, 2), (2, 2, 2, 2), (2, 1, 3, 2))),
    ),
    *_identity(
        "T12",
        "Monarch",
        "M[(i_p,i_q),(i_k,i_s)] = L[i_q,i_p,i_k] R[i_k,i_q,i_s].",
        r"M_{pq,ks}=L_{qpk}R_{kqs}",
        _DAO,
        statements.monarch,
        "p k q s",
        [(2, 2, 2, 2), (1, 2, 3, 2)],
        {"factors in the other order": {"reversed_": True}},
        real=lambda S, C: (2, C, S, 2),
        large=[(3, 4, 3, 2), (4, 4, 4, 4)],
    ),
    Claim(
        "T13",
        "best Monarch",
        "‖B − M‖² is a sum over slices that share no parameter: the best M is the best of rank r slice by slice.",
        r"\|B-M\|_F^2=\sum_{q,k}\|B_{qk}-L_{qk}R_{kq}\|_F^2",
        _DAO + "; Eckart & Young 1936, cited",
        ENTRYWISE,
        prove_best_monarch,
        (
            Mutant("contiguous blocks", partial(prove_best_monarch, contiguous_blocks)),
            Mutant("columns strided too", partial(prove_best_monarch, strided_columns)),
            Mutant(
                "1 % more", partial(prove_best_monarch, lambda B, shape: monarch_slices(B, shape) * sp.QQ(101, 100))
            ),
        ),
        slow=partial(prove_best_monarch, block_rank=2, shapes=((2, 2, 2, 2), (3, 2, 3, 2), (3, 3, 3, 3))),
    ),
    *_identity(
        "T14",
        "rearrangement",
        "𝓡(A ⊗ B) = vec(A) vec(B)ᵀ.",
        r"\mathcal R(A\otimes B)=\operatorname{vec}A\operatorname{vec}B^\top",
        _VAN_LOAN,
        statements.rearrangement,
        "m n p q",
        _QUADS,
        {"A transposed": {"transposed": True}},
        real=lambda S, C: (S, 2, 2, C),
        large=[(4, 3, 3, 5)],
    ),
    *_identity(
        "T15",
        "mixed product",
        "(A ⊗ B)(C ⊗ D) = AC ⊗ BD.",
        r"(A\otimes B)(C\otimes D)=AC\otimes BD",
        _VAN_LOAN,
        statements.mixed_product,
        "k m n p q r",
        [(1, 1, 1, 2, 2, 1), (1, 2, 1, 2, 1, 2)],
        {"second factors swapped": {"transposed": True}},
        real=lambda S, C: (S, S, S, C, C, C),
    ),
    *_identity(
        "T15",
        "trace",
        "tr(A ⊗ B) = tr A tr B.",
        r"\operatorname{tr}(A\otimes B)=\operatorname{tr}A\operatorname{tr}B",
        _VAN_LOAN,
        statements.trace_multiplies,
        "n p",
        [(1, 1), (2, 1), (2, 3)],
        {"added": {"added": True}},
        real=lambda S, C: (S, C),
    ),
    *_identity(
        "T15",
        "Frobenius norm",
        "‖A ⊗ B‖_F² = ‖A‖_F² ‖B‖_F².",
        r"\|A\otimes B\|_F^2=\|A\|_F^2\|B\|_F^2",
        _VAN_LOAN,
        statements.norm_multiplies,
        "m n p q",
        [(1, 1, 1, 1), (1, 2, 2, 1)],
        {"added": {"added": True}},
    ),
    Claim(
        "T15",
        "determinant",
        "det(A ⊗ B) = det(A)^p det(B)^n.",
        r"\det(A\otimes B)=\det(A)^p\det(B)^n",
        _VAN_LOAN,
        ENTRYWISE,
        prove_determinant,
        (
            Mutant("exponents exchanged", partial(prove_determinant, lambda n, p: (n, p))),
            Mutant("exponents 1", partial(prove_determinant, lambda n, p: (1, 1))),
            Mutant("one more", partial(prove_determinant, lambda n, p: (p + 1, n))),
        ),
        slow=partial(prove_determinant, sizes=((2, 1), (1, 2), (2, 2), (3, 1), (1, 3))),
    ),
)
