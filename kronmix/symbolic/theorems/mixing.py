"""T1 to T8: vectorisation, and Mixers as wide sparse MLPs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import permutations, product
from typing import Any

import numpy as np
import sympy as sp

from ...mixer import MixerShape
from ...operators import Permutation
from ..claims import ALL_SIZES, ENTRYWISE, Counterexample, Outcome, Proof, claim
from ..provers.polynomials import entries
from ..steps import Step, identity, stepwise
from .minima import agree, vanish
from .sources import HAYASE, MAGNUS

_PAIRS = [(1, 2), (2, 2), (2, 3), (3, 2)]


_QUADS = [(1, 1, 2, 2), (2, 2, 2, 2), (1, 2, 3, 2), (2, 3, 3, 2)]


_NEARLY = sp.Rational(101, 100)


def average_connections(S: int, C: int, T: int, G: int) -> Fraction:
    """Ω = (γ_T C S² + γ_C C² S)/2."""
    return Fraction(T * C * S**2 + G * C**2 * S, 2)


def prove_counts(connections: Callable[[int, int, int, int], Any] = average_connections) -> Outcome:
    """T6 for all sizes: the average number of connections of a block's four layers, from the non-zeros of their patterns.

    A pattern has abcd non-zeros, each of a, b, c, d one of 1, S, C, γ_T S, γ_C C: a polynomial of degree 4 at most in each size,
    which is known from its values at five.
    """
    for S, C, T, G in product(range(1, 6), repeat=4):
        layers = MixerShape(S, C, T, G).layers()
        found, claimed = Fraction(sum(layer.pattern.nnz for layer in layers), 4), connections(S, C, T, G)
        if found != claimed:
            values = {"S": S, "C": C, "γ_T": T, "γ_C": G, "connections": found, "claimed": claimed}
            return Counterexample(f"S = {S}, C = {C}", values, "not the average of the four layers")
    return Proof("all S, C, γ_T, γ_C", "the patterns' counts at five values of every size, more than their degree")


def prove_widest(
    bound: Callable[[Any, Any, Any], Any] = lambda Ω, T, G: (Ω**2 / (T * G)) ** sp.Rational(1, 3),
) -> Outcome:
    """T6 for all sizes: m = SC at (γ_T C S² + γ_C C² S)/2 = Ω, by AM–GM on the two terms, with its point of equality."""
    S, C, T, G = sp.symbols("S C gamma_T gamma_C", positive=True)
    Ω = (T * C * S**2 + G * C**2 * S) / 2
    # Ω² − γ_T γ_C m³ = (m/2)² (γ_T S − γ_C C)²: never negative, zero exactly at γ_T S = γ_C C.
    square = sp.Rational(1, 4) * (S * C) ** 2 * (T * S - G * C) ** 2
    if sp.expand(Ω**2 - T * G * (S * C) ** 3 - square) != 0:
        raise ArithmeticError("the gap is not the square")
    at_equality = bound(Ω, T, G).subs(C, T * S / G)
    wrong = agree(at_equality, (S * C).subs(C, T * S / G), "γ_T S = γ_C C", "the largest width")
    return wrong or Proof("all S, C, γ_T, γ_C > 0", "Ω² − γ_Tγ_C m³ is the square ((m/2)(γ_T S − γ_C C))²")


def prove_density(
    density: Callable[[int, int], Fraction] = lambda S, C: (Fraction(1, S) + Fraction(1, C)) / 2,
) -> Outcome:
    """T7 for all sizes: ``MixerShape.equivalent_density`` is density(S, C) where γ_T = γ_C.

    Connections over the sum of the layers' sizes, both polynomials of degree 4 at most in each size, so that p · 2SC = S + C is
    an identity of polynomials of degree 5 at most, known from its values at seven. Floats are compared to the rounded fraction.
    """
    for S, C, γ in product(range(1, 8), repeat=3):
        found, claimed = MixerShape(S, C, γ, γ).equivalent_density, density(S, C)
        if found != float(claimed):
            return Counterexample(
                f"S = {S}, C = {C}", {"S": S, "C": C, "γ": γ, "p": found, "claimed": claimed}, "not the density"
            )
    return Proof("all S, C, γ", "the shipped density at seven values of every size, more than its degree")


def prove_permutations(
    rows: Callable[[Any], Any] = np.asarray,
    columns: Callable[[Any], Any] = np.argsort,
    inverse: Callable[[Any], Any] = lambda J: J.T @ J,
    size: int = 3,
) -> Outcome:
    """T8 at one size for all permutations: JᵀJ = I, and (J₂BJ₁)[i, j] = B[π₂(i), π₁⁻¹(j)] for the shipped ``Permutation``."""
    B = entries(B=(size, size))["B"]
    everything = [np.array(order) for order in permutations(range(size))]
    for second, first in product(everything, repeat=2):
        J2, J1 = (Permutation(order).to_dense().astype(int).astype(object) for order in (second, first))
        where = f"π₂ = {second.tolist()}, π₁ = {first.tolist()}"
        wrong = vanish(inverse(J2) @ B, B, where, "JᵀJ = I")
        wrong = wrong or vanish(J2 @ B @ J1, B[rows(second)][:, columns(first)], where, "J₂BJ₁")
        if wrong:
            return wrong
    return Proof(f"all {len(everything)}² pairs of permutations of {size}", "every entry of B a symbol")


_PAIRS = [(1, 2), (2, 2), (2, 3), (3, 2)]
_QUADS = [(1, 1, 2, 2), (2, 2, 2, 2), (1, 2, 3, 2), (2, 3, 3, 2)]
_S_MIXER = "vec(map(φ,map(φ,W@X)@V))"
_TOKENS_MIXED = "(vec(X)+kron(eye(C),W2)@map(φ,kron(eye(C),W1)@vec(X)))"
_HIDDEN = f"map(φ,kron(V1.T,eye(S))@{_TOKENS_MIXED})"
_BLOCK = f"vec(X+W2@map(φ,W1@X)+map(φ,(X+W2@map(φ,W1@X))@V1)@V2) == {_TOKENS_MIXED}"


def _token_and_channel_sizes(S: int, C: int) -> tuple[int, int]:
    return S, C


CLAIMS = (
    *identity(
        "T1",
        "vec of a product",
        "vec(W X V) = (Vᵀ ⊗ W) vec(X), rectangular factors too.",
        r"\operatorname{vec}(WXV)=(V^\top\otimes W)\operatorname{vec}X",
        MAGNUS,
        Step("the product", "vec(W@X@V) == kron(V.T,W)@vec(X)", "W=R,S X=S,C V=C,D"),
        {"V not transposed": {"text": "vec(W@X@V) == kron(V,W)@vec(X)", "shapes": "W=R,S X=S,C V=C,C"}},
        [(1, 1, 2, 1), (2, 1, 2, 1), (2, 3, 2, 2)],
        lambda S, C: (S, S, C, C),
    ),
    *identity(
        "T2",
        "commutation",
        "K_{S,C} vec(X) = vec(Xᵀ).",
        r"K_{S,C}\operatorname{vec}X=\operatorname{vec}X^\top",
        MAGNUS,
        Step("the transpose", "commutation(S,C)@vec(X) == vec(X.T)", "X=S,C"),
        {"sizes swapped": "commutation(C,S)@vec(X) == vec(X.T)"},
        _PAIRS,
        _token_and_channel_sizes,
    ),
    *identity(
        "T2",
        "transpose",
        "K_{S,C}ᵀ = K_{C,S}.",
        r"K_{S,C}^\top=K_{C,S}",
        MAGNUS,
        Step("the transpose", "commutation(S,C).T == commutation(C,S)", "X=S,C"),
        {"symmetric": "commutation(S,C).T == commutation(S,C)"},
        _PAIRS,
        _token_and_channel_sizes,
    ),
    *identity(
        "T2",
        "inverse",
        "K_{S,C}ᵀ K_{S,C} = I.",
        r"K_{S,C}^\top K_{S,C}=I",
        MAGNUS,
        Step("the inverse", "commutation(S,C).T@commutation(S,C) == eye(S*C)", "X=S,C"),
        {"its own inverse": "commutation(S,C)@commutation(S,C) == eye(S*C)"},
        _PAIRS,
        _token_and_channel_sizes,
    ),
    *identity(
        "T2",
        "conjugation",
        "K (A ⊗ B) Kᵀ = B ⊗ A with the matching sizes.",
        r"K(A\otimes B)K^\top=B\otimes A",
        MAGNUS,
        Step("the exchange", "commutation(p,m)@kron(A,B)@commutation(q,n).T == kron(B,A)", "A=m,n B=p,q"),
        {"one permutation missing": {"text": "commutation(p,m)@kron(A,B) == kron(B,A)", "shapes": "A=m,m B=p,p"}},
        _QUADS,
        lambda S, C: (S, S, C, C),
    ),
    *identity(
        "T3",
        "token mixing",
        "X ↦ W X is I_C ⊗ W.",
        r"\operatorname{vec}(WX)=(I_C\otimes W)\operatorname{vec}X",
        HAYASE,
        Step("token mixing", "vec(W@X) == kron(eye(C),W)@vec(X)", "W=S,S X=S,C"),
        {"factors swapped": "vec(W@X) == kron(W,eye(C))@vec(X)"},
        _PAIRS,
        _token_and_channel_sizes,
    ),
    *identity(
        "T3",
        "channel mixing",
        "Vᵀ ⊗ I_S = K_{C,S} (I_S ⊗ Vᵀ) K_{S,C}.",
        r"V^\top\otimes I_S=K_{C,S}(I_S\otimes V^\top)K_{S,C}",
        HAYASE,
        Step("channel mixing", "kron(V.T,eye(S)) == commutation(C,S)@kron(eye(S),V.T)@commutation(S,C)", "X=S,C V=C,C"),
        {"the transpose slip": "kron(V.T,eye(S)) == commutation(C,S)@kron(eye(S),V)@commutation(S,C)"},
        _PAIRS,
        _token_and_channel_sizes,
    ),
    *identity(
        "T4",
        "effective weight",
        "Vᵀ ⊗ W = (Vᵀ ⊗ I_S)(I_C ⊗ W).",
        r"V^\top\otimes W=(V^\top\otimes I_S)(I_C\otimes W)",
        HAYASE,
        Step("the weight", "kron(V.T,W) == kron(V.T,eye(S))@kron(eye(C),W)", "W=S,S V=C,C"),
        {"factors swapped": "kron(W,V.T) == kron(V.T,eye(S))@kron(eye(C),W)"},
        _PAIRS,
        _token_and_channel_sizes,
        large=[(4, 5), (6, 4)],
    ),
    *identity(
        "T5",
        "S-Mixer",
        "vec φ(φ(W X) V) = φ((Vᵀ ⊗ I) φ((I ⊗ W) vec X)) for any entrywise φ.",
        r"\operatorname{vec}\varphi(\varphi(WX)V)=\varphi((V^\top\otimes I)\varphi((I\otimes W)\operatorname{vec}X))",
        HAYASE,
        Step("the layers", f"{_S_MIXER} == map(φ,kron(V.T,eye(S))@map(φ,kron(eye(C),W)@vec(X)))", "W=S,S X=S,C V=C,C"),
        {"without the activation": f"{_S_MIXER} == map(φ,kron(V.T,eye(S))@kron(eye(C),W)@vec(X))"},
        _PAIRS,
        _token_and_channel_sizes,
    ),
    *identity(
        "T5",
        "Mixer block",
        "Y = X + W₂φ(W₁X), Z = Y + φ(Y V₁)V₂ is four layers I ⊗ W₁, I ⊗ W₂, V₁ᵀ ⊗ I, V₂ᵀ ⊗ I on vec X, with both skips.",
        r"m\to\gamma m\to m\to\gamma m\to m",
        HAYASE,
        Step("the layers", f"{_BLOCK}+kron(V2.T,eye(S))@{_HIDDEN}", "X=S,C W1=γ*S,S W2=S,γ*S V1=C,γ*C V2=γ*C,C"),
        {"channel mixing as blocks": f"{_BLOCK}+kron(eye(S),V2.T)@{_HIDDEN}"},
        [(1, 2, 1), (2, 2, 1), (2, 2, 2)],
        lambda S, C: (S, C, 2),
    ),
    claim(
        "T6",
        "connections",
        "The four layers of a block have γ_T C S², γ_T C S², γ_C C² S and γ_C C² S connections, the non-zeros of their patterns.",
        r"\Omega=\tfrac12(\gamma_TCS^2+\gamma_CC^2S)",
        HAYASE,
        ALL_SIZES,
        prove_counts,
        {
            "the expansions exchanged": {"connections": lambda S, C, T, G: Fraction(G * C * S**2 + T * C**2 * S, 2)},
            "the sum of four": {"connections": lambda S, C, T, G: 2 * (T * C * S**2 + G * C**2 * S)},
            "dense layers": {"connections": lambda S, C, T, G: Fraction((T + G) * (S * C) ** 2, 2)},
        },
    ),
    claim(
        "T6",
        "widest shape",
        "At fixed connections the width SC is largest where γ_T S = γ_C C.",
        r"SC\le(\Omega^2/\gamma_T\gamma_C)^{1/3}",
        HAYASE,
        ALL_SIZES,
        prove_widest,
        {
            "exponent 1/2": {"bound": lambda Ω, T, G: sp.sqrt(Ω**2 / (T * G))},
            "one expansion": {"bound": lambda Ω, T, G: (Ω**2 / T) ** sp.Rational(1, 3)},
            "1 % more": {"bound": lambda Ω, T, G: _NEARLY * (Ω**2 / (T * G)) ** sp.Rational(1, 3)},
        },
    ),
    claim(
        "T7",
        "equivalent density",
        "The SW-MLP of equal connections and width γm has density (1/S + 1/C)/2.",
        r"p=\Omega/(\gamma m^2)=\tfrac12(1/S+1/C)",
        HAYASE,
        ALL_SIZES,
        prove_density,
        {
            "1/S + 1/C": {"density": lambda S, C: Fraction(1, S) + Fraction(1, C)},
            "1/S": {"density": lambda S, C: Fraction(1, S)},
            "1 % more": {"density": lambda S, C: Fraction(101, 200) * (Fraction(1, S) + Fraction(1, C))},
        },
    ),
    stepwise(
        "T8",
        "permutations keep singular values",
        "J₂BJ₁ has the Gram matrix of B up to J₁, for all permutations, and permutations are orthogonal.",
        r"(J_2BJ_1)^\top J_2BJ_1=J_1^\top B^\top BJ_1,\qquad J^\top J=I",
        HAYASE,
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
    claim(
        "T8",
        "permutations keep entries",
        "JᵀJ = I for the shipped permutations, and J₂BJ₁ has the entries of B in another order, so its norms and counts.",
        r"(J_2BJ_1)_{ij}=B_{\pi_2(i),\pi_1^{-1}(j)}",
        HAYASE,
        ENTRYWISE,
        prove_permutations,
        {
            "inverse rows": {"rows": np.argsort},
            "columns by π₁ itself": {"columns": np.asarray},
            "JJ = I": {"inverse": lambda J: J @ J},
        },
        slow=partial(prove_permutations, size=4),
    ),
)
