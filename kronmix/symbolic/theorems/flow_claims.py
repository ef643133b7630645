"""Theorem entries T19 to T22: conservation laws, modes, the diagonal network and its saddles."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from ..claims import CERTIFICATE, ENTRYWISE, WORKED, Claim, Mutant
from ..steps import Step, stepwise
from .conservation import (
    Structure,
    hadamard,
    kronecker,
    mixer,
    monarch,
    product,
    prove_conserved,
    prove_drift_order,
    prove_law_count,
    sum_of_kroneckers,
)
from .hypentropy import (
    hypentropy,
    prove_closed_form,
    prove_interpolation,
    prove_kernel_limit,
    prove_mirror_flow,
    prove_rich_limit,
)
from .modes import (
    prove_balanced_mode,
    prove_decoupling,
    prove_learning_order,
    prove_mode_equation,
    prove_unbalanced_mode,
    unbalanced_mode,
)
from .penalty_claims import unshuffled
from .saddles import CORRELATED, INDEPENDENT, SWITCHING, UNDERDETERMINED, free_minimiser, prove_saddles
from .structure_provers import contiguous_blocks, strided_columns
from .time_paths import prove_jump_time

__all__ = ["CLAIMS"]

_MARCOTTE = "Marcotte, Gribonval & Peyré 2023"
_WOODWORTH = "Woodworth et al. 2020"
_LATE = Fraction(101, 100)
_PESME = "Pesme & Flammarion 2023, Algorithm 1"


def _conserved(
    name: str,
    statement: str,
    latex: str,
    source: str,
    structures: tuple[Structure, ...],
    false: dict[str, Structure],
    slow: tuple[Structure, ...] = (),
) -> Claim:
    """The laws of structures; two more neighbours are false of every structure: a factor 1 % larger, and a square added."""
    first = structures[0]
    letter = first.letters[0]
    wrong = false | {
        f"{letter} 1 % larger": replace(first, laws=lambda F: first.laws({**F, letter: F[letter] * sp.QQ(101, 100)})),
        f"a square of {letter} more": replace(
            first, laws=lambda F: [law + F[letter].flat[0] ** 2 for law in first.laws(F)]
        ),
    }
    mutants = tuple(Mutant(words, partial(prove_conserved, other)) for words, other in wrong.items())
    prove = partial(prove_conserved, *structures)
    larger = partial(prove_conserved, *slow) if slow else None
    return Claim("T19", name, statement, latex, source, ENTRYWISE, prove, mutants, slow=larger)


def without_a_law(structure: Structure) -> Structure:
    """All laws but the first: a false neighbour, because the algebra leaves room for one more."""
    return replace(structure, laws=lambda F: [np.concatenate([law.ravel() for law in structure.laws(F)])[1:]])


def doubled_mode(E: Any, p: Any, c: Any, y0: Any) -> tuple[Any, Any]:
    """Twice the closed form: a false neighbour."""
    sigma, y = unbalanced_mode(E, p, c, y0)
    return 2 * sigma, y


CLAIMS = (
    _conserved(
        "diagonal network",
        "Gradient flow conserves u_i² − v_i² of every entry, whatever the loss.",
        r"\tfrac{d}{dt}(u_i^2-v_i^2)=0",
        _MARCOTTE,
        (hadamard(),),
        {"u² + v²": replace(hadamard(), laws=lambda F: [F["u"] ** 2 + F["v"] ** 2])},
    ),
    _conserved(
        "Kronecker product",
        "Gradient flow conserves the differences of the squared norms of the factors.",
        r"\tfrac{d}{dt}(\|V\|_F^2-\|W\|_F^2)=0",
        _MARCOTTE,
        (kronecker((2, 3), (3, 2)), kronecker((2, 1), (2, 2), (1, 2))),
        {
            "VᵀV − WᵀW as matrices": replace(
                kronecker((2, 2), (2, 2)), laws=lambda F: [F["V0"].T @ F["V0"] - F["V1"].T @ F["V1"]]
            )
        },
        (kronecker((3, 4), (4, 3)), kronecker((2, 2), (2, 3), (3, 2))),
    ),
    stepwise(
        "T19",
        "matrix product",
        "Gradient flow on PQ conserves the matrix PᵀP − QQᵀ.",
        r"\tfrac{d}{dt}(P^{\top}P-QQ^{\top})=0",
        "Saxe et al. 2014; Arora et al. 2019; " + _MARCOTTE,
        Step(
            "the derivatives of both terms along P' = −GQᵀ, Q' = −PᵀG agree",
            "(G@Q.T).T@P+P.T@(G@Q.T) == (P.T@G)@Q.T+Q@(P.T@G).T",
            "P=n,r Q=r,m G=n,m",
        ),
        {
            "PPᵀ − QᵀQ": {
                "text": "(G@Q.T)@P.T+P@(G@Q.T).T == (P.T@G).T@Q+Q.T@(P.T@G)",
                "shapes": "P=n,n Q=n,n G=n,n",
            }
        },
    ),
    _conserved(
        "sum of Kronecker products",
        "Gradient flow on Σ V_i⊗W_i conserves the r × r matrix of ⟨V_i, V_j⟩ − ⟨W_i, W_j⟩.",
        r"\tfrac{d}{dt}\bigl(\langle V_i,V_j\rangle-\langle W_i,W_j\rangle\bigr)=0",
        _MARCOTTE,
        (sum_of_kroneckers(),),
        {
            "ViᵀVj − WiᵀWj as matrices": replace(
                sum_of_kroneckers((2, 2), (2, 2)), laws=lambda F: [F["V0"].T @ F["V1"] - F["W0"].T @ F["W1"]]
            )
        },
        (sum_of_kroneckers((3, 2), (2, 3), 3),),
    ),
    _conserved(
        "Monarch",
        "Gradient flow conserves U_jkᵀU_jk − V_jkV_jkᵀ of every slice U_jk V_jk.",
        r"\tfrac{d}{dt}(U_{jk}^{\top}U_{jk}-V_{jk}V_{jk}^{\top})=0",
        _MARCOTTE,
        (monarch(), monarch(block_rank=1)),
        {
            "slices paired with the transposed index": replace(
                monarch((2, 2, 2, 2), 1),
                laws=lambda F: [(F["L"][0, :, 1] ** 2).sum(keepdims=True) - (F["R"][0, 1] ** 2).sum(keepdims=True)],
            )
        },
        (monarch((3, 2, 3, 3), 2),),
    ),
    _conserved(
        "linear Mixer",
        "A linear Mixer of depth L conserves the layers' balance matrices and ‖V_1‖² − ‖W_1‖².",
        r"\tfrac{d}{dt}(W_lW_l^{\top}-W_{l+1}^{\top}W_{l+1})=0,\ \tfrac{d}{dt}(V_l^{\top}V_l-V_{l+1}V_{l+1}^{\top})=0,\ "
        r"\tfrac{d}{dt}(\|V_1\|_F^2-\|W_1\|_F^2)=0",
        "Arora et al. 2019; " + _MARCOTTE,
        (mixer(2, 3, 2), mixer(2, 1, 3), mixer(1, 2, 3)),
        {"transposed balance": replace(mixer(), laws=lambda F: [F["W0"].T @ F["W0"] - F["W1"] @ F["W1"].T])},
        (mixer(2, 2, 3), mixer(3, 3, 2)),
    ),
    Claim(
        "T19",
        "drift of gradient descent",
        "A gradient step of size η changes the laws by terms of order η² and above, so a path drifts from them at O(η).",
        r"Q(\theta-\eta\nabla)-Q(\theta)=O(\eta^2)",
        _MARCOTTE,
        ENTRYWISE,
        partial(prove_drift_order, product()),
        (
            Mutant("order η³", partial(prove_drift_order, product(), 3)),
            Mutant(
                "PᵀP + QQᵀ",
                partial(prove_drift_order, replace(product(), laws=lambda F: [F["P"].T @ F["P"] + F["Q"] @ F["Q"].T])),
            ),
            Mutant("PᵀP alone", partial(prove_drift_order, replace(product(), laws=lambda F: [F["P"].T @ F["P"]]))),
        ),
    ),
    *(
        Claim(
            "T19",
            f"number of laws, {name}",
            f"{name} has {said}: dim θ − dim Lie(∇φ)(θ).",
            r"\#\text{laws}=\dim\theta-\dim\operatorname{Lie}(\nabla\varphi)(\theta)=" + latex,
            _MARCOTTE,
            CERTIFICATE,
            partial(prove_law_count, structure, count),
            (
                Mutant(f"{count + 1} laws", partial(prove_law_count, structure, count + 1)),
                Mutant(f"{count - 1} laws", partial(prove_law_count, structure, count - 1)),
                Mutant("a law left out", partial(prove_law_count, without_a_law(structure), count)),
            ),
            slow=None if slow is None else partial(prove_law_count, *slow),
        )
        for name, said, latex, structure, count, slow in (
            ("PQ of inner size 2", "r(r+1)/2 = 3 laws", r"\tfrac{r(r+1)}2", product(3, 2, 2), 3, (product(3, 2, 3), 3)),
            ("V⊗W", "one law", "1", kronecker((2, 2), (2, 1)), 1, (kronecker((2, 2), (2, 2)), 1)),
            (
                "a product of three Kronecker factors",
                "k − 1 = 2 laws",
                "k-1",
                kronecker((2, 1), (2, 1), (2, 1)),
                2,
                None,
            ),
            ("Monarch of rank 1", "one law per slice", r"\#\text{slices}", monarch((2, 2, 2, 2), 1), 4, None),
        )
    ),
    Claim(
        "T20",
        "mode equation",
        "For σ = uv with c = u² − v², gradient flow reads σ' = (s − σ)(c² + 4σ²)^{1/2}; 2σ(s − σ) where balanced.",
        r"\sigma'=(s-\sigma)\sqrt{c^2+4\sigma^2}",
        "Saxe et al. 2014",
        CERTIFICATE,
        prove_mode_equation,
        (
            Mutant("c² + 2σ²", partial(prove_mode_equation, lambda c, sigma: c**2 + 2 * sigma**2)),
            Mutant("c for c²", partial(prove_mode_equation, lambda c, sigma: c + 4 * sigma**2)),
            Mutant("a minus", partial(prove_mode_equation, lambda c, sigma: 4 * sigma**2 - c**2)),
        ),
    ),
    Claim(
        "T20",
        "balanced mode",
        "The logistic closed form solves the balanced equation σ' = 2σ(s − σ).",
        r"\sigma(t)=\frac{s}{1+(s/\sigma_0-1)e^{-2st}}",
        "Saxe et al. 2014",
        CERTIFICATE,
        prove_balanced_mode,
        (
            Mutant(
                "rate s for 2s", partial(prove_balanced_mode, lambda t, s, x: s / (1 + (s / x - 1) * sp.exp(-s * t)))
            ),
            Mutant(
                "starting value lost",
                partial(prove_balanced_mode, lambda t, s, x: s / (1 + s / x * sp.exp(-2 * s * t))),
            ),
            Mutant("growth", partial(prove_balanced_mode, lambda t, s, x: s / (1 + (s / x - 1) * sp.exp(2 * s * t)))),
        ),
    ),
    Claim(
        "T20",
        "unbalanced mode",
        "The unbalanced equation has a closed form, rational in e^{−Dt} with D² = 4s² + c², from any start to s.",
        r"\sigma=\tfrac c4\bigl(y-\tfrac1y\bigr),\quad y=\frac{p+Ke^{-Dt}/p}{1-Ke^{-Dt}},\quad D=\sqrt{4s^2+c^2},\ p=\tfrac{2s+D}c",
        "Saxe et al. 2014",
        CERTIFICATE,
        prove_unbalanced_mode,
        (
            Mutant("rate 2D", partial(prove_unbalanced_mode, rate=2)),
            Mutant("twice the closed form", partial(prove_unbalanced_mode, doubled_mode)),
            Mutant("rate 1.01 D", partial(prove_unbalanced_mode, rate=sp.Rational(101, 100))),
        ),
    ),
    Claim(
        "T20",
        "decoupling",
        "On a fully observed target the Monarch flow is one factorisation per slice, the Kronecker flow a rank-1 factorisation of "
        "𝓡(T), and aligned modes stay aligned.",
        r"\|B-T\|_F^2=\sum_{j,k}\|U_{jk}V_{jk}-T_{jk}\|_F^2,\qquad"
        r"\|V\otimes W-T\|_F^2=\|\operatorname{vec}V(\operatorname{vec}W)^{\top}-\mathcal R(T)\|_F^2",
        "Saxe et al. 2014; Van Loan & Pitsianis 1993",
        ENTRYWISE,
        prove_decoupling,
        (
            Mutant("no rearrangement", partial(prove_decoupling, unshuffled)),
            Mutant("contiguous blocks for slices", partial(prove_decoupling, slices=contiguous_blocks)),
            Mutant("columns strided too", partial(prove_decoupling, slices=strided_columns)),
        ),
    ),
    Claim(
        "T20",
        "incremental learning",
        "Strong modes are learned first: from a small start the learning times are proportional to 1/s.",
        r"\lim_{\sigma_0\to0}\frac{t(s_1)}{t(s_2)}=\frac{s_2}{s_1}",
        "Saxe et al. 2014",
        CERTIFICATE,
        prove_learning_order,
        (
            Mutant("times ∝ 1/s²", partial(prove_learning_order, lambda s: 1 / s**2)),
            Mutant("times ∝ s", partial(prove_learning_order, lambda s: s)),
            Mutant("equal times", partial(prove_learning_order, lambda s: 1 + 0 * s)),
        ),
    ),
    Claim(
        "T21",
        "closed form",
        "From u = √2 α, v = 0 the diagonal network's weight is −α² sinh(2∫∇), for every gradient as a function of time.",
        r"w=-\alpha^2\sinh\bigl(2\textstyle\int\nabla_w\bigr)",
        _WOODWORTH,
        CERTIFICATE,
        prove_closed_form,
        (
            Mutant("sinh(∫∇)", partial(prove_closed_form, lambda alpha, x: -(alpha**2) * sp.sinh(x))),
            Mutant("−2α²", partial(prove_closed_form, lambda alpha, x: -2 * alpha**2 * sp.sinh(2 * x))),
            Mutant("−α", partial(prove_closed_form, lambda alpha, x: -alpha * sp.sinh(2 * x))),
        ),
    ),
    Claim(
        "T21",
        "mirror flow",
        "It is the mirror flow of the hypentropy potential, which is strictly convex with its minimum 0 at w = 0.",
        r"\tfrac{d}{dt}\nabla\Phi_\alpha(w)=-\nabla_w,\quad"
        r"\Phi_\alpha(w)=\tfrac12\textstyle\sum\bigl[w\operatorname{arcsinh}\tfrac{w}{\alpha^2}-\sqrt{w^2+\alpha^4}+\alpha^2\bigr]",
        _WOODWORTH,
        CERTIFICATE,
        prove_mirror_flow,
        (
            Mutant("without the factor ½", partial(prove_mirror_flow, lambda w, alpha: 2 * hypentropy(w, alpha))),
            Mutant(
                "α² for α⁴ under the root",
                partial(prove_mirror_flow, lambda w, a: (w * sp.asinh(w / a**2) - sp.sqrt(w**2 + a**2) + a) / 2),
            ),
            Mutant("a constant more", partial(prove_mirror_flow, lambda w, alpha: hypentropy(w, alpha) + alpha)),
        ),
    ),
    Claim(
        "T21",
        "interpolating limit",
        "The interpolating limit minimises Φ_α: its dual Xᵀν is orthogonal to every direction of the solution set.",
        r"\langle X^{\top}\nu,\,w'-w\rangle=\langle\nu,\,Xw'-Xw\rangle",
        _WOODWORTH,
        ENTRYWISE,
        prove_interpolation,
        (
            Mutant("Xν for Xᵀν", partial(prove_interpolation, lambda X, nu: X @ nu)),
            Mutant("the opposite sign", partial(prove_interpolation, lambda X, nu: -X.T @ nu)),
            Mutant("1 % more", partial(prove_interpolation, lambda X, nu: X.T @ nu * sp.QQ(101, 100))),
        ),
    ),
    Claim(
        "T21",
        "rich regime",
        "As α → 0 the potential divided by log(1/α) tends to the ℓ1 norm.",
        r"\lim_{\alpha\to0}\Phi_\alpha(w)/\log(1/\alpha)=\|w\|_1",
        _WOODWORTH,
        CERTIFICATE,
        prove_rich_limit,
        (
            Mutant("half the ℓ1 norm", partial(prove_rich_limit, lambda w: w / 2)),
            Mutant("the ℓ2 norm", partial(prove_rich_limit, lambda w: w**2)),
            Mutant("twice the ℓ1 norm", partial(prove_rich_limit, lambda w: 2 * w)),
        ),
    ),
    Claim(
        "T21",
        "kernel regime",
        "As α → ∞ the potential times α² tends to a quarter of the squared ℓ2 norm.",
        r"\lim_{\alpha\to\infty}\alpha^2\Phi_\alpha(w)=\tfrac14\|w\|_2^2",
        _WOODWORTH,
        CERTIFICATE,
        prove_kernel_limit,
        (
            Mutant("the ℓ1 norm", partial(prove_kernel_limit, lambda w: w)),
            Mutant("half the squared norm", partial(prove_kernel_limit, lambda w: w**2 / 2)),
            Mutant("the fourth power", partial(prove_kernel_limit, lambda w: w**4 / 4)),
        ),
    ),
    *(
        Claim(
            "T22",
            f"saddles, {case.name}",
            f"The recursion on {case.name}: its jumps, saddles, optimality conditions and the least ℓ1 norm at the end.",
            r"q'=-\nabla L(w),\ |q_i|\le1;\qquad w\leftarrow\arg\min L \text{ under the signs of } q \text{ where } |q_i|=1",
            _PESME,
            WORKED,
            partial(prove_saddles, case),
            (
                Mutant("weakest first", partial(prove_saddles, replace(case, times=case.times[::-1]))),
                Mutant(
                    "a jump 1 % later",
                    partial(prove_saddles, replace(case, times=(case.times[0] * _LATE, *case.times[1:]))),
                ),
                Mutant("a target 1 % larger", partial(prove_saddles, replace(case, y=case.y * _LATE))),
                *(
                    [Mutant("signs ignored at the jumps", partial(prove_saddles, case, free_minimiser))]
                    if case is not INDEPENDENT
                    else []
                ),
            ),
        )
        for case in (INDEPENDENT, CORRELATED, SWITCHING, UNDERDETERMINED)
    ),
    Claim(
        "T22",
        "jump time",
        "One coordinate: as α → 0 the exact flow stays at 0 until rescaled time 1/r, then sits at r.",
        r"\lim_{\alpha\to0}w(s\log\tfrac1\alpha)=r\,[s>1/r]",
        _PESME,
        CERTIFICATE,
        prove_jump_time,
        (
            Mutant("jump at 1/(2r)", partial(prove_jump_time, lambda r: 1 / (2 * r))),
            Mutant("jump at 1.19/r", partial(prove_jump_time, lambda r: sp.Rational(119, 100) / r)),
            Mutant("jump at ½ for every r", partial(prove_jump_time, lambda r: sp.Rational(1, 2))),
        ),
    ),
)
