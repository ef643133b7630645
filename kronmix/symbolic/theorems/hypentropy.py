"""T21, the diagonal linear network w = u∘v from u(0) = √2 α, v(0) = 0: closed form, mirror flow and its two regimes.

The gradient of the loss along the flow is an arbitrary function of time g_i(t); I_i(t) = ∫₀ᵗ g_i.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from ..claims import CERTIFICATE, ENTRYWISE, Counterexample, Outcome, Proof, claim
from ..provers.polynomials import Array, entries, inner
from .minima import agree, vanish
from .sources import WOODWORTH


def hypentropy(w: Any, alpha: Any) -> Any:
    """Φ_α(w) = ½ [w arcsinh(w/α²) − (w² + α⁴)^{1/2} + α²] for one coordinate."""
    return (w * sp.asinh(w / alpha**2) - sp.sqrt(w**2 + alpha**4) + alpha**2) / 2


def prove_closed_form(
    weight: Callable[[Any, Any], Any] = lambda alpha, integral: -(alpha**2) * sp.sinh(2 * integral),
) -> Outcome:
    """u' = −g v, v' = −g u from (√2 α, 0) give w = uv = weight(α, ∫g) for every function g of time."""
    t, alpha = sp.symbols("t alpha", positive=True)
    integral = sp.Function("I", real=True)(t)
    g = integral.diff(t)
    u, v = sp.sqrt(2) * alpha * sp.cosh(integral), -sp.sqrt(2) * alpha * sp.sinh(integral)
    initial = [expr.subs(integral, 0) for expr in (u, v)]
    if sp.simplify(u.diff(t) + g * v) != 0 or sp.simplify(v.diff(t) + g * u) != 0 or initial != [sp.sqrt(2) * alpha, 0]:
        raise ArithmeticError("u, v do not solve the flow")
    x = sp.Symbol("I", positive=True)
    wrong = agree((u * v).subs(integral, x).rewrite(sp.exp), weight(alpha, x).rewrite(sp.exp), "any ∇(t)", "w")
    return wrong or Proof("any ∇(t), all α", "u, v substituted into the flow")


def prove_mirror_flow(potential: Callable[[Any, Any], Any] = hypentropy) -> Outcome:
    """Φ_α'(w) = ½ arcsinh(w/α²), which is −∫∇ at w = −α² sinh(2∫∇), so d/dt Φ_α'(w) = −∇_w; Φ_α(0) = 0, Φ_α'(0) = 0, Φ_α'' > 0."""
    w = sp.Symbol("w", real=True)
    alpha, x = sp.symbols("alpha x", positive=True)
    phi = potential(w, alpha)
    slope = sp.simplify(phi.diff(w))
    wrong = None
    for sign in (1, -1):  # w = ∓α² sinh(2x) has ∫∇ = ±x
        dual = sp.asinh(sign * x / alpha**2) / 2
        wrong = wrong or agree(slope.subs(w, sign * x), dual, "all w, α", "Φ_α'(w)")
    wrong = wrong or agree(phi.subs(w, 0), sp.Integer(0), "all α", "Φ_α(0)")
    if wrong:
        return wrong
    curvature = sp.simplify(phi.diff(w, 2))
    if not curvature.is_positive or slope.subs(w, 0) != 0:
        return Counterexample("all w, α", {"Φ''": curvature}, "Φ_α is not strictly convex with its minimum at 0")
    return Proof("all w, α", "Φ_α'' = 1/(2 (w² + α⁴)^{1/2}) > 0")


def prove_interpolation(
    dual: Callable[[Array, Array], Array] = lambda X, nu: X.T @ nu,
    shapes: tuple[tuple[int, int], ...] = ((2, 2), (2, 3)),
) -> Outcome:
    """The interpolating limit minimises Φ_α on {Xw = y}: ∇Φ_α(w) = Xᵀν kills every direction w' − w of the solution set.

    ∇_w = Xᵀ(residual weights), so ∇Φ_α(w) = −∫∇_w = Xᵀν; ⟨Xᵀν, w' − w⟩ = ⟨ν, Xw' − Xw⟩, and Φ_α is convex (mirror flow).
    """
    for rows, columns in shapes:
        M = entries(X=(rows, columns), nu=(rows,), w=(columns,), z=(columns,))
        X, nu, w, z = M["X"], M["nu"], M["w"], M["z"]
        left, right = inner(dual(X, nu), z - w), inner(nu, X @ z - X @ w)
        if wrong := vanish(np.array(left), np.array(right), f"X {rows}×{columns}", "the first-order condition"):
            return wrong
    return Proof(", ".join(f"X {n}×{m}" for n, m in shapes), "first-order condition of a convex problem")


def prove_rich_limit(limit: Callable[[Any], Any] = lambda w: w) -> Outcome:
    """Φ_α(w)/log(1/α) → limit(|w|) as α → 0: the ℓ1 norm (rich regime)."""
    w, L = sp.symbols("w L", positive=True)  # α = e^{−L}
    phi = _exponential(w, sp.exp(-2 * L))
    wrong = agree(sp.limit(phi / L, L, sp.oo), limit(w), "α → 0, all w", "lim Φ_α(w)/log(1/α)")
    return wrong or Proof("α → 0, all w", "Φ_α(w) = |w| log(1/α) + O(1)")


def prove_kernel_limit(limit: Callable[[Any], Any] = lambda w: w**2 / 4) -> Outcome:
    """α² Φ_α(w) → limit(w) as α → ∞: a quarter of the squared ℓ2 norm (kernel regime), by series in 1/α²."""
    w, x = sp.symbols("w x", positive=True)  # x = 1/α²
    phi = hypentropy(w, 1 / sp.sqrt(x))
    leading = sp.series(sp.simplify(phi), x, 0, 3).removeO().expand()
    wrong = agree(sp.simplify(leading.coeff(x, 1)), limit(w), "α → ∞, all w", "lim α² Φ_α(w)")
    wrong = wrong or agree(sp.simplify(leading.coeff(x, 0)), sp.Integer(0), "α → ∞, all w", "lim Φ_α(w)")
    return wrong or Proof("α → ∞, all w", f"Φ_α(w) = {leading} + O(1/α⁶) with x = 1/α²")


def _exponential(w: Any, alpha_squared: Any) -> Any:
    """Φ_α with arcsinh written as a logarithm, which SymPy's limits need."""
    root = sp.sqrt(w**2 + alpha_squared**2)
    return (w * (sp.log(w + root) - sp.log(alpha_squared)) - root + alpha_squared) / 2


CLAIMS = (
    claim(
        "T21",
        "closed form",
        "From u = √2 α, v = 0 the diagonal network's weight is −α² sinh(2∫∇), for every gradient as a function of time.",
        r"w=-\alpha^2\sinh\bigl(2\textstyle\int\nabla_w\bigr)",
        WOODWORTH,
        CERTIFICATE,
        prove_closed_form,
        {
            "sinh(∫∇)": {"weight": lambda alpha, x: -(alpha**2) * sp.sinh(x)},
            "−2α²": {"weight": lambda alpha, x: -2 * alpha**2 * sp.sinh(2 * x)},
            "−α": {"weight": lambda alpha, x: -alpha * sp.sinh(2 * x)},
        },
    ),
    claim(
        "T21",
        "mirror flow",
        "It is the mirror flow of the hypentropy potential, which is strictly convex with its minimum 0 at w = 0.",
        r"\tfrac{d}{dt}\nabla\Phi_\alpha(w)=-\nabla_w,\quad"
        r"\Phi_\alpha(w)=\tfrac12\textstyle\sum\bigl[w\operatorname{arcsinh}\tfrac{w}{\alpha^2}-\sqrt{w^2+\alpha^4}+\alpha^2\bigr]",
        WOODWORTH,
        CERTIFICATE,
        prove_mirror_flow,
        {
            "without the factor ½": {"potential": lambda w, alpha: 2 * hypentropy(w, alpha)},
            "α² for α⁴ under the root": {
                "potential": lambda w, a: (w * sp.asinh(w / a**2) - sp.sqrt(w**2 + a**2) + a) / 2
            },
            "a constant more": {"potential": lambda w, alpha: hypentropy(w, alpha) + alpha},
        },
    ),
    claim(
        "T21",
        "interpolating limit",
        "The interpolating limit minimises Φ_α: its dual Xᵀν is orthogonal to every direction of the solution set.",
        r"\langle X^{\top}\nu,\,w'-w\rangle=\langle\nu,\,Xw'-Xw\rangle",
        WOODWORTH,
        ENTRYWISE,
        prove_interpolation,
        {
            "Xν for Xᵀν": {"dual": lambda X, nu: X @ nu},
            "the opposite sign": {"dual": lambda X, nu: -X.T @ nu},
            "1 % more": {"dual": lambda X, nu: X.T @ nu * sp.QQ(101, 100)},
        },
    ),
    claim(
        "T21",
        "rich regime",
        "As α → 0 the potential divided by log(1/α) tends to the ℓ1 norm.",
        r"\lim_{\alpha\to0}\Phi_\alpha(w)/\log(1/\alpha)=\|w\|_1",
        WOODWORTH,
        CERTIFICATE,
        prove_rich_limit,
        {
            "half the ℓ1 norm": {"limit": lambda w: w / 2},
            "the ℓ2 norm": {"limit": lambda w: w**2},
            "twice the ℓ1 norm": {"limit": lambda w: 2 * w},
        },
    ),
    claim(
        "T21",
        "kernel regime",
        "As α → ∞ the potential times α² tends to a quarter of the squared ℓ2 norm.",
        r"\lim_{\alpha\to\infty}\alpha^2\Phi_\alpha(w)=\tfrac14\|w\|_2^2",
        WOODWORTH,
        CERTIFICATE,
        prove_kernel_limit,
        {
            "the ℓ1 norm": {"limit": lambda w: w},
            "half the squared norm": {"limit": lambda w: w**2 / 2},
            "the fourth power": {"limit": lambda w: w**4 / 4},
        },
    ),
)
