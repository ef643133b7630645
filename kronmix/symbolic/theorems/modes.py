"""T20, dynamics of one mode σ = uv under ½(s − uv)², and the decoupling of fully observed targets into such modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from ..claims import CERTIFICATE, ENTRYWISE, Counterexample, Outcome, Proof, claim
from ..provers.polynomials import Array, entries, square_norm
from .conservation import Structure, kronecker, monarch
from .factors import contiguous_blocks, kronecker_rearrangement, monarch_slices, strided_columns
from .minima import agree, vanish
from .penalties import unshuffled


def balanced_mode(t: Any, s: Any, start: Any) -> Any:
    """σ(t) = s / (1 + (s/σ₀ − 1) e^{−2st})."""
    return s / (1 + (s / start - 1) * sp.exp(-2 * s * t))


def prove_mode_equation(speed: Callable[[Any, Any], Any] = lambda c, sigma: c**2 + 4 * sigma**2) -> Outcome:
    """u' = (s − uv)v, v' = (s − uv)u give σ' = (s − σ) speed(c, σ)^{1/2} for σ = uv, c = u² − v²: balanced, 2σ(s − σ).

    σ' = (s − σ)(u² + v²), and (u² + v²)² = c² + 4σ² as polynomials in u, v.
    """
    u, v = (x.item() for x in entries(u=(), v=()).values())
    claimed = np.array(speed(u**2 - v**2, u * v))
    wrong = vanish(np.array((u**2 + v**2) ** 2), claimed, "one mode", "(σ'/(s − σ))²")
    return wrong or Proof("one mode, all u, v, s", "(u² + v²)² = c² + 4σ²")


def prove_balanced_mode(solution: Callable[[Any, Any, Any], Any] = balanced_mode) -> Outcome:
    """The closed form solves σ' = 2σ(s − σ), σ(0) = σ₀, identically in t, s, σ₀."""
    t, s, start = sp.symbols("t s sigma0", positive=True)
    sigma = solution(t, s, start)
    wrong = agree(sigma.diff(t), 2 * sigma * (s - sigma), "all t, s, σ₀", "σ'(t)")
    wrong = wrong or agree(sigma.subs(t, 0), start, "all s, σ₀", "σ(0)")
    return wrong or Proof("all t, s, σ₀", "substituted into the equation")


def unbalanced_mode(E: Any, p: Any, c: Any, y0: Any) -> tuple[Any, Any]:
    """σ = (c/4)(y − 1/y) with y = (p + KE/p)/(1 − KE), K = (y₀ − p)/(y₀ + 1/p); returns (σ, y).

    E = e^{−Dt}, D = (4s² + c²)^{1/2}, p = (2s + D)/c, and σ(0) = (c/4)(y₀ − 1/y₀), for c > 0 (else exchange u and v).
    """
    K = (y0 - p) / (y0 + 1 / p)
    y = (p + K * E / p) / (1 - K * E)
    return c / 4 * (y - 1 / y), y


def prove_unbalanced_mode(
    solution: Callable[[Any, Any, Any, Any], tuple[Any, Any]] = unbalanced_mode, rate: Any = 1
) -> Outcome:
    """The closed form solves σ' = (s − σ)(c² + 4σ²)^{1/2}, starts at σ(0) and tends to s: all c > 0, s, σ₀.

    Rational in E, p, c, y₀: s = c(p − 1/p)/4, D = c(p + 1/p)/2, (c² + 4σ²)^{1/2} = (c/2)(y + 1/y). ``rate`` multiplies D.
    """
    E, p, c, y0 = sp.symbols("E p c y0", positive=True)
    s, D = c * (p - 1 / p) / 4, c * (p + 1 / p) / 2
    sigma, y = solution(E, p, c, y0)
    root = c / 2 * (y + 1 / y)
    sizes = "all c > 0, s, σ₀"
    checks = [
        (D**2, 4 * s**2 + c**2, "D²"),
        (root**2, c**2 + 4 * sigma**2, "c² + 4σ²"),
        (-rate * D * E * sigma.diff(E), (s - sigma) * root, "σ'(t)"),
        (sigma.subs(E, 1), c / 4 * (y0 - 1 / y0), "σ(0)"),
        (sigma.subs(E, 0), s, "σ(∞)"),
    ]
    for left, right, what in checks:
        if (wrong := agree(left, right, sizes, what)) is not None:
            return wrong
    return Proof(sizes, "substituted into the equation, rational identity")


def learning_time(s: Any, start: Any, fraction: Any) -> Any:
    """Time at which the balanced mode reaches fraction·s: log((s/σ₀ − 1) fraction/(1 − fraction)) / (2s)."""
    return sp.log((s / start - 1) * fraction / (1 - fraction)) / (2 * s)


def prove_learning_order(order: Callable[[Any], Any] = lambda s: 1 / s) -> Outcome:
    """Modes are learned at times ∝ order(s) as σ₀ → 0, whatever fraction counts as learned: t(s₁)/t(s₂) → order ratio."""
    s, other, f, g = sp.symbols("s1 s2 f g", positive=True)
    start = sp.Symbol("sigma0", positive=True)
    fraction = f / (1 + f)
    reached = sp.simplify(balanced_mode(learning_time(s, start, fraction), s, start) - fraction * s)
    if reached != 0:
        return Counterexample("one mode", {"residual": reached}, "the learning time is wrong")
    ratio = learning_time(s, start, fraction) / learning_time(other, start, g / (1 + g))
    limit = sp.limit(ratio, start, 0, "+")
    wrong = agree(limit, order(s) / order(other), "σ₀ → 0, all s₁, s₂", "the ratio of learning times")
    return wrong or Proof("σ₀ → 0, all s₁, s₂", "limit of the closed form")


def prove_decoupling(
    rearrange: Callable[[Array, tuple[int, int], tuple[int, int]], Array] = kronecker_rearrangement,
    slices: Callable[[Array, tuple[int, int, int, int]], Array] = monarch_slices,
) -> Outcome:
    """½‖B − T‖² is a sum over slices of ½‖U_jkV_jk − T_jk‖² (Monarch), and ½‖vec V vec Wᵀ − 𝓡(T)‖² (Kronecker); aligned
    factors U diag(p), diag(q) Vᵀ of T = U diag(s) Vᵀ stay aligned, each mode on its own."""
    left, right = (2, 3), (3, 2)
    pair = kronecker(left, right)
    M = pair.symbols(T=(6, 6))
    rank_one = np.outer(M["V0"].T.ravel(), M["V1"].T.ravel())
    squares = square_norm(rank_one - rearrange(M["T"], left, right))
    wrong = vanish(np.array(_misfit(pair, M)), np.array(squares), pair.sizes, "the Kronecker loss")
    shape, rank = (2, 2, 2, 3), 2
    p, k, q, s = shape
    blocks = monarch(shape, rank)
    N = blocks.symbols(T=(p * q, k * s))
    U = N["L"].reshape(q, p, k, rank).transpose(0, 2, 1, 3)
    V = N["R"].reshape(k, rank, q, s).transpose(2, 0, 1, 3)
    squares = square_norm(U @ V - slices(N["T"], shape))
    wrong = wrong or vanish(np.array(_misfit(blocks, N)), np.array(squares), blocks.sizes, "the Monarch loss")
    return wrong or _alignment() or Proof(f"{pair.sizes}; {blocks.sizes}; aligned 2×3", "entrywise, any T")


def _misfit(structure: Structure, M: dict[str, Array]) -> Any:
    return square_norm(structure.weight(M) - M["T"])


def _alignment() -> Counterexample | None:
    """(T − PQ)Qᵀ = U diag((s − pq) q) and Pᵀ(T − PQ) = diag((s − pq) p) Vᵀ, using only UᵀU = I and VᵀV = I.

    U and V are rotations with rational entries; s, p, q are symbols.
    """
    M = entries(s=(2,), p=(2,), q=(2,))
    s, p, q = M["s"], M["p"], M["q"]
    one = s[0].ring.one
    third, fifth = one / 3, one / 5
    U = np.array([[3 * fifth, -4 * fifth], [4 * fifth, 3 * fifth]], object)
    V = np.array([[third, 2 * third], [2 * third, third], [2 * third, -2 * third]], object)  # orthonormal columns
    P, Q = U * p, (V * q).T
    residual = (U * s) @ V.T - P @ Q
    wrong = vanish(residual @ Q.T, U * ((s - p * q) * q), "T 2×3", "P' stays aligned")
    return wrong or vanish(P.T @ residual, (V * ((s - p * q) * p)).T, "T 2×3", "Q' stays aligned")


def doubled_mode(E: Any, p: Any, c: Any, y0: Any) -> tuple[Any, Any]:
    """Twice the closed form: a false neighbour."""
    sigma, y = unbalanced_mode(E, p, c, y0)
    return 2 * sigma, y


CLAIMS = (
    claim(
        "T20",
        "mode equation",
        "For σ = uv with c = u² − v², gradient flow reads σ' = (s − σ)(c² + 4σ²)^{1/2}; 2σ(s − σ) where balanced.",
        r"\sigma'=(s-\sigma)\sqrt{c^2+4\sigma^2}",
        "Saxe et al. 2014",
        CERTIFICATE,
        prove_mode_equation,
        {
            "c² + 2σ²": {"speed": lambda c, sigma: c**2 + 2 * sigma**2},
            "c for c²": {"speed": lambda c, sigma: c + 4 * sigma**2},
            "a minus": {"speed": lambda c, sigma: 4 * sigma**2 - c**2},
        },
    ),
    claim(
        "T20",
        "balanced mode",
        "The logistic closed form solves the balanced equation σ' = 2σ(s − σ).",
        r"\sigma(t)=\frac{s}{1+(s/\sigma_0-1)e^{-2st}}",
        "Saxe et al. 2014",
        CERTIFICATE,
        prove_balanced_mode,
        {
            "rate s for 2s": {"solution": lambda t, s, x: s / (1 + (s / x - 1) * sp.exp(-s * t))},
            "starting value lost": {"solution": lambda t, s, x: s / (1 + s / x * sp.exp(-2 * s * t))},
            "growth": {"solution": lambda t, s, x: s / (1 + (s / x - 1) * sp.exp(2 * s * t))},
        },
    ),
    claim(
        "T20",
        "unbalanced mode",
        "The unbalanced equation has a closed form, rational in e^{−Dt} with D² = 4s² + c², from any start to s.",
        r"\sigma=\tfrac c4\bigl(y-\tfrac1y\bigr),\quad y=\frac{p+Ke^{-Dt}/p}{1-Ke^{-Dt}},\quad D=\sqrt{4s^2+c^2},\ p=\tfrac{2s+D}c",
        "Saxe et al. 2014",
        CERTIFICATE,
        prove_unbalanced_mode,
        {
            "rate 2D": {"rate": 2},
            "twice the closed form": {"solution": doubled_mode},
            "rate 1.01 D": {"rate": sp.Rational(101, 100)},
        },
    ),
    claim(
        "T20",
        "decoupling",
        "On a fully observed target the Monarch flow is one factorisation per slice, the Kronecker flow a rank-1 factorisation of "
        "𝓡(T), and aligned modes stay aligned.",
        r"\|B-T\|_F^2=\sum_{j,k}\|U_{jk}V_{jk}-T_{jk}\|_F^2,\qquad"
        r"\|V\otimes W-T\|_F^2=\|\operatorname{vec}V(\operatorname{vec}W)^{\top}-\mathcal R(T)\|_F^2",
        "Saxe et al. 2014; Van Loan & Pitsianis 1993",
        ENTRYWISE,
        prove_decoupling,
        {
            "no rearrangement": {"rearrange": unshuffled},
            "contiguous blocks for slices": {"slices": contiguous_blocks},
            "columns strided too": {"slices": strided_columns},
        },
    ),
    claim(
        "T20",
        "incremental learning",
        "Strong modes are learned first: from a small start the learning times are proportional to 1/s.",
        r"\lim_{\sigma_0\to0}\frac{t(s_1)}{t(s_2)}=\frac{s_2}{s_1}",
        "Saxe et al. 2014",
        CERTIFICATE,
        prove_learning_order,
        {
            "times ∝ 1/s²": {"order": lambda s: 1 / s**2},
            "times ∝ s": {"order": lambda s: s},
            "equal times": {"order": lambda s: 1 + 0 * s},
        },
    ),
)
