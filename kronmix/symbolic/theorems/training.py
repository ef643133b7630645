"""Theorem entries T34 to T37: margins, AdamW's box, momentum, and weight decay inside the flow.

That optimisers tend to such points (Lyu & Li 2020; Xie & Li 2024) is cited, not proved here; what follows for the weight is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sympy as sp

from ..claims import ALL_SIZES, CERTIFICATE, Counterexample, Outcome, Proof, claim
from ..steps import Step, prove_steps, stepwise
from .conservation import momentum_product, prove_law_count
from .minima import agree
from .sources import LYU, MOMENTUM, XIE

LARGEST_ENTRY = Step(
    "v_max w_max − |v_i||w_j| ≥ 0: p = |v_i|, q = |w_j|, x and y what they lack to the largest moduli",
    "(p+x)*(q+y)-p*q == (p+x)*y+q*x",
    "p= q= x= y=",
)


def prove_box(bound: Callable[[Any, Any], Any] = lambda decay, k: decay**-k) -> Outcome:
    """Factors in ‖V_l‖_max ≤ 1/λ, l ≤ k: the Kronecker (or entrywise) products are those with ‖B‖_max ≤ bound(λ, k), no others.

    ‖⊗V_l‖_max = Π‖V_l‖_max, so it is at most λ^{−k}; and any product scales to factors of equal largest entries ‖B‖_max^{1/k},
    which are in the box where ‖B‖_max ≤ λ^{−k}.
    """
    if isinstance(lemma := prove_steps(LARGEST_ENTRY), Counterexample):
        return lemma
    decay, b = sp.symbols("lambda b", positive=True)
    k, l = sp.Symbol("k", positive=True, integer=True), sp.Symbol("l", integer=True)
    wrong = agree(sp.Product(b ** (1 / k), (l, 1, k)).doit(), b, "all k", "the product of balanced factors")
    largest = sp.Product(1 / decay, (l, 1, k)).doit()
    wrong = wrong or agree(largest, bound(decay, k), "all λ, k", "the largest entry in the box")
    return wrong or Proof(
        "all sizes, λ > 0, number k of factors", "the largest entries multiply; balanced factors attain"
    )


def prove_sign_descent(edge: Callable[[Any], Any] = lambda decay: 1 / decay) -> Outcome:
    """A point where −sign(g) − λθ = 0 minimises ⟨g, ·⟩ over |φ| ≤ edge(λ): the KKT condition of min L in the box, every g ≠ 0."""
    decay, g, gap = sp.symbols("lambda g d", positive=True)
    for sign in (1, -1):
        rest = sp.solve(-sign - decay * sp.Symbol("theta"), sp.Symbol("theta"))[0]
        if wrong := agree(-sign * rest, edge(decay), "all λ, g ≠ 0", "|θ| where the update rests"):
            return wrong
        inside = sign * (-edge(decay) + gap)  # any point of the box, a distance d from the edge that −g points to
        if wrong := agree(sign * g * (inside - rest), g * gap, "all λ, g ≠ 0", "⟨g, φ − θ⟩"):
            return wrong
    return Proof("all λ > 0, g ≠ 0, each coordinate", "⟨g, φ − θ⟩ = |g| d ≥ 0 in the box")


def prove_decayed_form(
    scale: Callable[[Any, Any, Any], Any] = lambda alpha, decay, t: alpha**2 * sp.exp(-2 * decay * t),
) -> Outcome:
    """u' = −gv − λu, v' = −gu − λv from (√2 α, 0): w = uv = −scale(α, λ, t) sinh(2∫g) for every function g of time."""
    t, alpha, decay = sp.symbols("t alpha lambda", positive=True)
    integral = sp.Function("I", real=True)(t)
    g, shrink = integral.diff(t), sp.exp(-decay * t)
    u = sp.sqrt(2) * alpha * shrink * sp.cosh(integral)
    v = -sp.sqrt(2) * alpha * shrink * sp.sinh(integral)
    if sp.simplify(u.diff(t) + g * v + decay * u) != 0 or sp.simplify(v.diff(t) + g * u + decay * v) != 0:
        raise ArithmeticError("u, v do not solve the flow")
    x = sp.Symbol("I", positive=True)
    claimed = -scale(alpha, decay, t) * sp.sinh(2 * x)
    found = (u * v).subs(integral, x)
    wrong = agree(found.rewrite(sp.exp), claimed.rewrite(sp.exp), "any ∇(t), all α, λ, t", "w")
    return wrong or Proof("any ∇(t), all α, λ, t", "u, v substituted into the flow")


_MARGINS = "a.T@(diag(y)@A@p-diag(y)@A@q-ones(N,1))"


CLAIMS = (
    stepwise(
        "T34",
        "margin certificate",
        "For margins y_i⟨A_i, B⟩ ≥ 1 and weights α ≥ 0 with |Σα_i y_i A_i| ≤ 1, ‖B‖₁ ≥ Σα_i; B = p − q with p, q ≥ 0.",
        r"\|B\|_1-\sum_i\alpha_i=\langle1-z,p\rangle+\langle1+z,q\rangle+\sum_i\alpha_i(y_i\langle A_i,B\rangle-1),"
        r"\quad z=\sum_i\alpha_iy_iA_i",
        LYU,
        Step(
            "the gap is a sum of products of what is non-negative",
            f"ones(1,n)@p+ones(1,n)@q-ones(1,N)@a == (ones(1,n)-(A.T@diag(y)@a).T)@p+(ones(1,n)+(A.T@diag(y)@a).T)@q+{_MARGINS}",
            "p=n,1 q=n,1 a=N,1 A=N,n y=N",
        ),
        {
            "labels left out": {
                "text": f"ones(1,n)@p+ones(1,n)@q-ones(1,N)@a == (ones(1,n)-(A.T@a).T)@p+(ones(1,n)+(A.T@a).T)@q+{_MARGINS}"
            },
            "margins of 2": {
                "text": "ones(1,n)@p+ones(1,n)@q-ones(1,N)@a == (ones(1,n)-(A.T@diag(y)@a).T)@p"
                "+(ones(1,n)+(A.T@diag(y)@a).T)@q+a.T@(diag(y)@A@p-diag(y)@A@q-2*ones(N,1))"
            },
        },
    ),
    stepwise(
        "T34",
        "stationary factors",
        "At a point u = z∘v, v = z∘u, stationary for the margin in the factors, |u_i| = |v_i|, and z_i = sign(w_i) where w_i ≠ 0.",
        r"u=z\circ v,\ v=z\circ u\ \Rightarrow\ u^2=v^2,\ (1-z^2)u=0",
        LYU,
        Step(
            "u² − v² = u(u − zv) − v(v − zu)",
            "hadamard(u,u)-hadamard(v,v) == hadamard(u,u-hadamard(z,v))-hadamard(v,v-hadamard(z,u))",
            "u=n v=n z=n",
        ),
        {"a plus": {"text": "hadamard(u,u)+hadamard(v,v) == hadamard(u,u-hadamard(z,v))-hadamard(v,v-hadamard(z,u))"}},
        (
            Step(
                "(1 − z²)u = (u − zv) + z(v − zu)",
                "u-hadamard(z,hadamard(z,u)) == (u-hadamard(z,v))+hadamard(z,v-hadamard(z,u))",
                "u=n v=n z=n",
            ),
        ),
    ),
    stepwise(
        "T34",
        "growth of the norm",
        "The factors of PQ are 2-homogeneous: ½(‖P‖² + ‖Q‖²) grows at the rate −2⟨∇_B, B⟩ of the loss.",
        r"\langle P,\nabla_P\rangle+\langle Q,\nabla_Q\rangle=2\langle\nabla_B,B\rangle",
        "Euler's identity; " + LYU,
        Step("Euler's identity", "trace(P.T@(G@Q.T))+trace(Q.T@(P.T@G)) == 2*trace(G.T@P@Q)", "P=n,r Q=r,m G=n,m"),
        {"degree 1": {"text": "trace(P.T@(G@Q.T))+trace(Q.T@(P.T@G)) == trace(G.T@P@Q)"}},
    ),
    claim(
        "T35",
        "AdamW's effective set",
        "k Kronecker or entrywise factors bounded by 1/λ in every entry give exactly the products with ‖B‖_max ≤ λ^{−k}.",
        r"\{V_1\otimes\cdots\otimes V_k:\|V_l\|_{\max}\le1/\lambda\}=\{B=\otimes V_l:\|B\|_{\max}\le\lambda^{-k}\}",
        XIE,
        ALL_SIZES,
        prove_box,
        {
            "1/λ for every k": {"bound": lambda decay, k: 1 / decay},
            "exponent k + 1": {"bound": lambda decay, k: decay ** (-k - 1)},
            "1 % more": {"bound": lambda decay, k: sp.Rational(101, 100) * decay**-k},
        },
    ),
    claim(
        "T35",
        "where sign descent with decay rests",
        "Where −sign(∇) − λθ = 0, θ minimises the linearised loss over the box |θ_i| ≤ 1/λ: a KKT point of the loss in the box.",
        r"\theta=-\operatorname{sign}(\nabla)/\lambda\ \Rightarrow\ "
        r"\langle\nabla,\phi-\theta\rangle\ge0\quad(\|\phi\|_\infty\le1/\lambda)",
        XIE,
        ALL_SIZES,
        prove_sign_descent,
        {
            "the box 2/λ": {"edge": lambda decay: 2 / decay},
            "the box λ": {"edge": lambda decay: decay},
            "1 % less": {"edge": lambda decay: sp.Rational(99, 100) / decay},
        },
    ),
    stepwise(
        "T36",
        "momentum",
        "With momentum, θ'' + τθ' + ∇ = 0, the antisymmetric e^{τt}(P'ᵀP − PᵀP' + Q'Qᵀ − QQ'ᵀ) is conserved: without "
        "its factor it decays at rate τ.",
        r"\tfrac{d}{dt}\,e^{\tau t}\bigl(\dot P^\top P-P^\top\dot P+\dot QQ^\top-Q\dot Q^\top\bigr)=0",
        MOMENTUM,
        Step(
            "the rate of decay, with X = P', Y = Q', k = τ",
            "(k*X+G@Q.T).T@P-P.T@(k*X+G@Q.T)+(k*Y+P.T@G)@Q.T-Q@(k*Y+P.T@G).T == k*(X.T@P-P.T@X+Y@Q.T-Q@Y.T)",
            "P=n,r Q=r,m G=n,m X=n,r Y=r,m k=",
        ),
        {
            "Q'Qᵀ with the other sign": {
                "text": "(k*X+G@Q.T).T@P-P.T@(k*X+G@Q.T)-(k*Y+P.T@G)@Q.T+Q@(k*Y+P.T@G).T == k*(X.T@P-P.T@X-Y@Q.T+Q@Y.T)"
            },
            "rate 2τ": {
                "text": "(k*X+G@Q.T).T@P-P.T@(k*X+G@Q.T)+(k*Y+P.T@G)@Q.T-Q@(k*Y+P.T@G).T == 2*k*(X.T@P-P.T@X+Y@Q.T-Q@Y.T)"
            },
        },
    ),
    claim(
        "T36",
        "number of laws with momentum",
        "PQ of inner size 2 has r(r−1)/2 = 1 law with momentum, where gradient flow has 3.",
        r"\#\text{laws}=2\dim\theta-\dim\operatorname{Lie}_0=\tfrac{r(r-1)}2",
        MOMENTUM,
        CERTIFICATE,
        partial(prove_law_count, structure=momentum_product(), count=1, flow="momentum"),
        {
            "none": {"count": 0},
            "as in gradient flow": {"count": 3},
            "two": {"count": 2},
        },
    ),
    stepwise(
        "T37",
        "decay of the laws",
        "With weight decay λ in the flow, PᵀP − QQᵀ shrinks at rate 2λ, whatever the loss; so does u_i² − v_i².",
        r"\tfrac{d}{dt}(P^\top P-QQ^\top)=-2\lambda(P^\top P-QQ^\top)",
        "Jacobs et al. 2025",
        Step(
            "the rate, with k = λ",
            "(G@Q.T+k*P).T@P+P.T@(G@Q.T+k*P)-(P.T@G+k*Q)@Q.T-Q@(P.T@G+k*Q).T == 2*k*(P.T@P-Q@Q.T)",
            "P=n,r Q=r,m G=n,m k=",
        ),
        {"rate λ": {"text": "(G@Q.T+k*P).T@P+P.T@(G@Q.T+k*P)-(P.T@G+k*Q)@Q.T-Q@(P.T@G+k*Q).T == k*(P.T@P-Q@Q.T)"}},
        (
            Step(
                "u∘v",
                "2*hadamard(u,hadamard(g,v)+k*u)-2*hadamard(v,hadamard(g,u)+k*v) == 2*k*(hadamard(u,u)-hadamard(v,v))",
                "u=n v=n g=n k=",
            ),
        ),
    ),
    claim(
        "T37",
        "shrinking scale",
        "With weight decay the diagonal network's weight is −α(t)² sinh(2∫∇) with α(t)² = α² e^{−2λt}.",
        r"w=-\alpha^2e^{-2\lambda t}\sinh\bigl(2\textstyle\int\nabla_w\bigr)",
        "Jacobs et al. 2025",
        CERTIFICATE,
        prove_decayed_form,
        {
            "rate λ": {"scale": lambda alpha, decay, t: alpha**2 * sp.exp(-decay * t)},
            "no decay": {"scale": lambda alpha, decay, t: alpha**2},
            "growth": {"scale": lambda alpha, decay, t: alpha**2 * sp.exp(2 * decay * t)},
        },
    ),
)
