"""Theorem entries T20 to T22: modes, the diagonal network and its saddles."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp

from ..claims import CERTIFICATE, ENTRYWISE, WORKED, Claim, Mutant
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


def doubled_mode(E: Any, p: Any, c: Any, y0: Any) -> tuple[Any, Any]:
    """Twice the closed form: a false neighbour."""
    sigma, y = unbalanced_mode(E, p, c, y0)
    return 2 * sigma, y


CLAIMS = (
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
