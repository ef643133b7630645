"""T26 and T27, training time as a regularisation path: the mirror-flow identity, its limit α → 0, and soft thresholding.

Limits are taken with α = e^{−ℓ}, ℓ = log(1/α) → ∞.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from .claims import Counterexample, Proof
from .minima import agree
from .modes import balanced_mode, unbalanced_mode

Outcome = Proof | Counterexample

__all__ = [
    "averaged_mode",
    "prove_dual_limit",
    "prove_jump_time",
    "prove_mirror_identity",
    "prove_soft_threshold",
    "prove_threshold_optimality",
]


def prove_mirror_identity(dual: Callable[[Any, Any, Any], Any] = lambda t, r, Mw: t * (r - Mw)) -> Outcome:
    """½ arcsinh(w(t)/α²) = t (r − M w̄(t)) along u' = −gv, v' = −gu, g = Mw − r, from u(0) = √2 α, v(0) = 0; two coordinates.

    Both sides vanish at t = 0. Left: w' = −g (u² + v²) and u² + v² = 2 (w² + α⁴)^{1/2}, so its derivative is −g. Right:
    t w̄ = ∫w, so its derivative is r − Mw. ``dual(t, r, M w̄)`` is the claimed right side.
    """
    t, alpha, u, v = sp.symbols("t alpha u v", positive=True)
    squared = (u**2 + v**2) ** 2 - 4 * ((u * v) ** 2 + alpha**4)
    if sp.expand(squared.subs(u, sp.sqrt(v**2 + 2 * alpha**2))) != 0:
        raise ArithmeticError("(u² + v²)² is not 4 (w² + α⁴) on u² − v² = 2α²")
    W = sp.Matrix([sp.Function(f"W{i}")(t) for i in range(2)])  # ∫₀ᵗ w
    M, r = sp.Matrix(2, 2, sp.symbols("m:4")), sp.Matrix(sp.symbols("r:2"))
    claimed = dual(t, r, M * W / t)
    residual = (claimed.diff(t) - (r - M * W.diff(t))).applyfunc(sp.simplify)
    if residual != sp.zeros(2, 1):
        point = {x: i + 1 for i, x in enumerate([*M, *r])} | {W[0]: t**2, W[1]: t}
        shown = residual.subs(point).doit().subs(t, 2)
        return Counterexample(
            "two coordinates", {"∫w": "(t², t)", "t": 2, "difference": list(shown)}, "the derivative is not r − Mw"
        )
    return Proof("all α, t, M, r; two coordinates", "both sides differentiated")


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


def prove_jump_time(time: Callable[[Any], Any] = lambda r: 1 / r, targets: tuple[int, ...] = (2,)) -> Outcome:
    """One coordinate, M = 1: as α → 0, w(s log 1/α) → 0 for s < time(r) and → r for s > time(r).

    The closed form is T20's unbalanced mode with c = u² − v² = 2α² and w(0) = 0.
    """
    log, E, p = sp.symbols("l E p", positive=True)
    if wrong := agree(_start_at_zero(E, p), unbalanced_mode(E, p, sp.Integer(1), sp.Integer(1))[1], "w(0) = 0", "y"):
        return wrong
    for target in targets:
        r = sp.Integer(target)
        for shift in (sp.Rational(-1, 5), sp.Rational(1, 5)):
            s = time(r) * (1 + shift)
            limit = _weight_limit(r, s, log)
            want = r if shift > 0 else sp.Integer(0)
            if limit != want:
                return Counterexample(f"r = {r}, s = {s}", {"limit": limit}, f"w tends to {limit}, not {want}")
    return Proof(f"r = {', '.join(map(str, targets))}, a fifth before and after", "limit α → 0 of the closed form")


def _weight_limit(r: Any, s: Any, log: Any) -> Any:
    """lim w(s log 1/α): with w(0) = 0, y = (p(p + 1) − (p − 1)E) / (p + 1 + p(p − 1)E) in ``unbalanced_mode``."""
    c = 2 * sp.exp(-2 * log)
    D = sp.sqrt(4 * r**2 + c**2)
    p = (2 * r + D) / c
    E = sp.exp(-D * s * log)
    y = _start_at_zero(E, p)
    return sp.limit(c / 4 * (y - 1 / y), log, sp.oo)


def _start_at_zero(E: Any, p: Any) -> Any:
    return (p * (p + 1) - (p - 1) * E) / (p + 1 + p * (p - 1) * E)


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


def prove_threshold_optimality(residual: Callable[[Any, Any], Any] = lambda s, penalty: sp.Min(s, penalty)) -> Outcome:
    """B = U diag((s − λ)₊) Vᵀ solves min ½‖B − T‖² + λ‖B‖_*: T − B = λZ, Z = U diag(z) Vᵀ, |z| ≤ 1, z = 1 where s > λ.

    Z is then T17's dual certificate: ‖Z‖ ≤ 1 and ⟨Z, B⟩ = ‖B‖_*.
    """
    gap, penalty, s = sp.symbols("d lambda s", positive=True)
    active = agree((penalty + gap) - gap, residual(penalty + gap, penalty), "s > λ", "T − B")
    wrong = active or agree(s - 0, residual(s, s + gap), "s < λ", "T − B")
    return wrong or Proof("all s, λ", "optimality conditions, mode by mode")
