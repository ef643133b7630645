"""T26 and T27, training time as a regularisation path: the mirror-flow identity, its limit α → 0, and soft thresholding.

Limits are taken with α = e^{−ℓ}, ℓ = log(1/α) → ∞.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import sympy as sp

from ..claims import CERTIFICATE, WORKED, Counterexample, Outcome, Proof, claim
from ..provers.polynomials import cayley
from .minima import agree, non_negative, skew, vanish
from .modes import balanced_mode
from .saddles import CORRELATED, INDEPENDENT, SWITCHING, prove_average_is_lasso, prove_jump_time
from .sources import BERTHIER


def mirror_side(w: Any, alpha: Any) -> Any:
    """½ arcsinh(w/α²), the slope of the hypentropy potential of T21."""
    return sp.asinh(w / alpha**2) / 2


def prove_mirror_identity(
    dual: Callable[[Any, Any, Any], Any] = lambda t, r, Mw: t * (r - Mw),
    side: Callable[[Any, Any], Any] = mirror_side,
) -> Outcome:
    """½ arcsinh(w(t)/α²) = t (r − M w̄(t)) along u' = −gv, v' = −gu, g = Mw − r, from u(0) = √2 α, v(0) = 0; two coordinates.

    Left: w' = −g (u² + v²) and u² + v² = 2 (w² + α⁴)^{1/2} on u² − v² = 2α², so its derivative is −g. Right: t w̄ = ∫w, so
    its derivative is r − Mw. At t = 0, w = w̄ = 0. ``side(w, α)`` and ``dual(t, r, M w̄)`` are the two sides claimed.
    """
    t, alpha, u, v, x = sp.symbols("t alpha u v x", positive=True)
    squared = (u**2 + v**2) ** 2 - 4 * ((u * v) ** 2 + alpha**4)
    if sp.expand(squared.subs(u, sp.sqrt(v**2 + 2 * alpha**2))) != 0:
        raise ArithmeticError("(u² + v²)² is not 4 (w² + α⁴) on u² − v² = 2α²")
    w = sp.Symbol("w", real=True)
    for sign in (1, -1):
        slope = side(w, alpha).diff(w).subs(w, sign * x)
        speed = 2 * sp.sqrt(x**2 + alpha**4)
        if wrong := agree(slope * speed, sp.Integer(1), "all w, α", "the left side's derivative over −g"):
            return wrong
    integral = sp.Matrix([sp.Function(f"W{i}")(t) for i in range(2)])  # ∫₀ᵗ w
    M, r = sp.Matrix(2, 2, sp.symbols("m:4")), sp.Matrix(sp.symbols("r:2"))
    claimed = dual(t, r, M * integral / t).diff(t)
    now = dict(zip(integral.diff(t), sp.symbols("w:2"), strict=True)) | dict(
        zip(integral, sp.symbols("W:2"), strict=True)
    )
    for have, want in zip(claimed.subs(now), (r - M * integral.diff(t)).subs(now), strict=True):
        if wrong := agree(have, want, "two coordinates", "the right side's derivative"):
            return wrong
    start = side(sp.Integer(0), alpha)
    for entry in dual(t, r, sp.zeros(2, 1)):
        if wrong := agree(sp.limit(entry, t, 0, "+"), start, "two coordinates", "the right side at t = 0"):
            return wrong
    return Proof("all α, t, M, r; two coordinates", "both sides differentiated, and equal at t = 0")


def prove_dual_limit(scale: Callable[[Any], Any] = lambda log: log) -> Outcome:
    """½ arcsinh(w/α²) / scale(log 1/α) → sign(w) as α → 0: r − M w̄ = λ sign(w) on the support, λ = scale(log 1/α)/t."""
    w, log = sp.symbols("w l", positive=True)
    ratio = w * sp.exp(2 * log)
    dual = sp.log(ratio + sp.sqrt(ratio**2 + 1)) / 2
    if wrong := agree(dual.rewrite(sp.log), sp.asinh(ratio).rewrite(sp.log) / 2, "all w", "arcsinh"):
        return wrong
    limit = sp.limit(dual / scale(log), log, sp.oo)
    if limit == 1:
        return Proof("α → 0, all w > 0; w < 0 by oddness", "limit in SymPy")
    return Counterexample("α → 0, all w > 0", {"limit": limit}, "the limit is not 1")


def prove_saddle_average(average: Callable[[Any, Any, Any], Any] = lambda r, s, m: (r - 1 / s) / m) -> Outcome:
    """XᵀX = diag(m): as α → 0 the time average w̄(s log 1/α) tends to the average of the saddle path, in each coordinate
    average(r, s, m) for rs > 1 and 0 before: soft thresholding at λ = 1/s.

    r − mw = m (r/m − w): a coordinate moves as one with m = 1 and target r/m, m times as fast. It jumps to r/m at ms = m/r.
    0 ≤ w ≤ r/m, so by dominated convergence the average tends to that of the limits.
    """
    if isinstance(lemma := prove_jump_time(), Counterexample):
        return lemma
    r, later, m, x = sp.symbols("r d m x", positive=True)
    s, target = 1 / r + later, r / m
    jump = (1 / target) / m
    limit = sp.integrate(target, (x, jump, s)) / s
    sizes = "α → 0, all r, m, s > 1/r"
    wrong = agree(limit, average(r, s, m), sizes, "lim w̄") or agree(
        r - m * limit, 1 / s, sizes, "the lasso's condition"
    )
    words = "the average of the limits, to which averages tend by dominated convergence"
    return wrong or Proof("α → 0, orthogonal columns, all r > 0, m and s", words)


def averaged_mode(t: Any, s: Any, start: Any) -> Any:
    """(1/t) ∫₀ᵗ σ for the balanced mode: log((e^{2st} + k)/(1 + k)) / (2t), k = s/σ₀ − 1."""
    k = s / start - 1
    return sp.log((sp.exp(2 * s * t) + k) / (1 + k)) / (2 * t)


def prove_soft_threshold(
    above: Callable[[Any, Any], Any] = lambda s, penalty: s - penalty,
    below: Callable[[Any, Any], Any] = lambda s, penalty: sp.Integer(0),
    scale: Any = 1,
) -> Outcome:
    """The time average of a balanced mode from σ₀ = α² tends to (s − λ)₊ as α → 0, t = scale · log(1/α)/λ; all s, λ."""
    t, s, start, gap, penalty, x = sp.symbols("t s sigma0 d lambda x", positive=True)
    integral = t * averaged_mode(t, s, start)
    if wrong := agree(sp.simplify(integral.diff(t)), balanced_mode(t, s, start), "all t, s, σ₀", "d/dt ∫σ"):
        return wrong
    for strength, threshold, claimed in (
        (penalty + gap, penalty, above(penalty + gap, penalty)),
        (s, s + gap, below(s, s + gap)),
    ):
        average = averaged_mode(scale * x, strength, sp.exp(-2 * threshold * x))  # log(1/α) = λx
        limit = sp.limit(average, x, sp.oo)
        if wrong := agree(limit, claimed, "α → 0, all s, λ", "the averaged mode"):
            return wrong
    return Proof("α → 0, all s, λ", "limit of the closed form of T20")


def prove_threshold_optimality(
    shrink: Callable[[Any, Any], Any] = lambda s, penalty: sp.Max(s - penalty, 0),
) -> Outcome:
    """B = U diag(shrink(s, λ)) Vᵀ solves min ½‖B − T‖² + λ‖B‖_* at T = U diag(s) Vᵀ: Z = (T − B)/λ has ‖Z‖ ≤ 1, ⟨Z, B⟩ = ‖B‖_*.

    These conditions are necessary and sufficient. T is 3×2 with Cayley's U and V; none, one or both of its modes exceed λ.
    """
    if wrong := _dual_matrix():
        return wrong
    x, e, d, f = sp.symbols("x e d f", positive=True)
    cases = (
        ("both modes above λ", (x + e + f, x + e), x),
        ("one mode above λ", (x + e + d, x), x + e),
        ("no mode above λ", (x + f, x), x + f + e),
    )
    for sizes, modes, penalty in cases:
        kept = [shrink(s, penalty) for s in modes]
        dual = [(s - b) / penalty for s, b in zip(modes, kept, strict=True)]
        pairing = sum(z * b for z, b in zip(dual, kept, strict=True))
        if wrong := agree(pairing, sum(abs(b) for b in kept), sizes, "⟨Z, B⟩"):
            return wrong
        for z in dual:
            if wrong := non_negative(1 - z**2, sizes, "1 − ‖Z‖²"):
                return wrong
    return Proof(
        "T 3×2, all s, λ, U, V", "dual matrix formed: ‖Z‖ ≤ 1 and ⟨Z, B⟩ = ‖B‖_*, none, one or both modes above λ"
    )


@cache
def _dual_matrix() -> Counterexample | None:
    """Z = U diag(z) Vᵀ and B = U diag(b) Vᵀ formed from Cayley's U, V: ZᵀZ has the eigenvalues z², and ⟨Z, B⟩ = Σ zb."""
    left, right = skew("u", 3), skew("v", 2)
    z, b = np.array(sp.symbols("z:2"), object), np.array(sp.symbols("b:2"), object)
    field = sp.QQ.frac_field(*sp.Matrix([*left.ravel(), *right.ravel(), *z, *b]).free_symbols)
    exact = np.vectorize(field.from_sympy, otypes=[object])
    U, V, z, b = (exact(A) for A in (cayley(left)[:, :2], cayley(right), z, b))
    Z, B = (U * z) @ V.T, (U * b) @ V.T
    wrong = vanish(Z.T @ Z @ V, V * z**2, "T 3×2", "the eigenvalues of ZᵀZ")
    return wrong or vanish(np.array(np.sum(Z * B)), np.array(np.sum(z * b)), "T 3×2", "⟨Z, B⟩ = Σ zb")


CLAIMS = (
    claim(
        "T26",
        "mirror-flow identity",
        "The diagonal network's dual is time times the correlation at the time-averaged weight.",
        r"\tfrac12\operatorname{arcsinh}(w(t)/\alpha^2)=t\,(r-M\bar w(t))",
        BERTHIER,
        CERTIFICATE,
        prove_mirror_identity,
        {
            "without the factor t": {"dual": lambda t, r, Mw: r - Mw},
            "t²": {"dual": lambda t, r, Mw: t**2 * (r - Mw)},
            "7r more": {"dual": lambda t, r, Mw: t * (r - Mw) + 7 * r},
            "arcsinh without ½": {"side": lambda w, a: 2 * mirror_side(w, a)},
            "arcsinh(w/α)": {"side": lambda w, a: sp.asinh(w / a) / 2},
        },
    ),
    claim(
        "T26",
        "penalty level",
        "As α → 0 the dual divided by log(1/α) is the sign of w on the support: the lasso's level is λ = log(1/α)/t.",
        r"\lim_{\alpha\to0}\frac{\operatorname{arcsinh}(w/\alpha^2)}{2\log(1/\alpha)}=\operatorname{sign}(w)",
        BERTHIER,
        CERTIFICATE,
        prove_dual_limit,
        {
            "λ = 2 log(1/α)/t": {"scale": lambda log: 2 * log},
            "λ = log(1/α)²/t": {"scale": lambda log: log**2},
            "λ = √log(1/α)/t": {"scale": lambda log: sp.sqrt(log)},
        },
    ),
    claim(
        "T26",
        "limit of the average",
        "For orthogonal columns each averaged weight tends to the average of its saddle path as α → 0, (r − 1/s)₊/m, the lasso at "
        "λ = 1/s.",
        r"X^\top X=\operatorname{diag}(m):\quad"
        r"\lim_{\alpha\to0}\bar w_i(s\log\tfrac1\alpha)=\tfrac1s\int_0^s\tfrac{r_i}{m_i}[\sigma>1/r_i]\,d\sigma=(r_i-1/s)_+/m_i",
        BERTHIER + "; Pesme & Flammarion 2023",
        CERTIFICATE,
        prove_saddle_average,
        {
            "the last iterate": {"average": lambda r, s, m: r / m},
            "λ = 2/s": {"average": lambda r, s, m: (r - 2 / s) / m},
            "shrunk, not cut": {"average": lambda r, s, m: r / (m + 1 / s)},
            "the threshold not divided by m": {"average": lambda r, s, m: r / m - 1 / s},
        },
    ),
    *(
        claim(
            "T26",
            f"lasso path, {case.name}",
            f"On {case.name}, a monotone path, the average of the saddle path meets the lasso's conditions at λ = 1/s exactly.",
            r"r-M\bar w(s)\in\tfrac1s\,\partial\|\bar w(s)\|_1",
            BERTHIER,
            WORKED,
            partial(prove_average_is_lasso, case=case),
            {
                "λ = 2/s": {"scale": lambda s: 2 / s},
                "the last iterate": {"average": lambda path, s: path[-1].w},
                "a path that is not monotone": {"case": SWITCHING},
            },
        )
        for case in (INDEPENDENT, CORRELATED)
    ),
    claim(
        "T27",
        "soft thresholding",
        "The time average of a balanced mode from σ₀ = α² tends to (s − λ)₊ at λ = log(1/α)/t.",
        r"\frac1t\int_0^t\sigma\ \to\ (s-\lambda)_+,\qquad\lambda=\log(1/\alpha)/t",
        BERTHIER,
        CERTIFICATE,
        prove_soft_threshold,
        {
            "hard thresholding": {"above": lambda s, penalty: s},
            "time doubled": {"scale": 2},
            "no threshold below λ": {"below": lambda s, penalty: s - penalty},
        },
    ),
    claim(
        "T27",
        "optimality of soft thresholding",
        "Soft-thresholded singular values solve the nuclear-norm problem on a fully observed target: the dual matrix is feasible.",
        r"T-B=\lambda Z,\quad\|Z\|\le1,\ \langle Z,B\rangle=\|B\|_*,\qquad B=U\operatorname{diag}((s-\lambda)_+)V^{\top}",
        BERTHIER,
        CERTIFICATE,
        prove_threshold_optimality,
        {
            "λ subtracted from every mode": {"shrink": lambda s, penalty: s - penalty},
            "threshold λ/2": {"shrink": lambda s, penalty: sp.Max(s - penalty / 2, 0)},
            "nothing kept": {"shrink": lambda s, penalty: sp.Integer(0)},
            "ridge": {"shrink": lambda s, penalty: s / (1 + penalty)},
        },
    ),
)
