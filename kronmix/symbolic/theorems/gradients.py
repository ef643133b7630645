"""T18, gradients on factors are pullbacks of the dense gradient G = ∂loss/∂B, entrywise for an arbitrary symbolic G.

∂loss/∂θ = ∂⟨G, B(θ)⟩/∂θ with G held fixed. The kernels that are proved are the package's own, run on symbols.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from ...operators.kernels import apply_factor, factor_gradient
from ...patterns import Pattern
from ..claims import ENTRYWISE, Counterexample, Outcome, Proof, claim
from ..provers.polynomials import Array, derivative, entries, inner
from .factors import kronecker_rearrangement
from .minima import vanish

PATTERNS = (Pattern(2, 2, 3, 2), Pattern(1, 3, 2, 2), Pattern(2, 1, 2, 1))


SLOW_PATTERNS = (*PATTERNS, Pattern(3, 2, 3, 3), Pattern(2, 4, 3, 2))


def kronecker_pullback(G: Array, V: Array, W: Array) -> tuple[Array, Array]:
    """vec ∂V = 𝓡(G) vec W, vec ∂W = 𝓡(G)ᵀ vec V."""
    R = kronecker_rearrangement(G, V.shape, W.shape)
    v, w = V.T.ravel(), W.T.ravel()
    return (R @ w).reshape(V.shape[::-1]).T, (R.T @ v).reshape(W.shape[::-1]).T


def prove_kronecker_pullback(
    pullback: Callable[[Array, Array, Array], tuple[Array, Array]] = kronecker_pullback,
    sizes: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = (((2, 3), (3, 2)), ((1, 2), (3, 1)), ((2, 2), (2, 2))),
) -> Outcome:
    """∂⟨G, V ⊗ W⟩/∂V and ∂/∂W against ``pullback(G, V, W)``, entrywise."""
    for left, right in sizes:
        M = entries(V=left, W=right, G=(left[0] * right[0], left[1] * right[1]))
        V, W, G = M["V"], M["W"], M["G"]
        loss = inner(G, np.kron(V, W))
        label = f"V {left[0]}×{left[1]}, W {right[0]}×{right[1]}"
        for name, formula, factor in zip(("∂V", "∂W"), pullback(G, V, W), (V, W), strict=True):
            if wrong := vanish(derivative(loss, factor), formula, label, name):
                return wrong
    return Proof(", ".join(f"V {a}×{b}, W {c}×{d}" for (a, b), (c, d) in sizes), "entrywise, any G")


def defining_factor(values: Array, pattern: Pattern, x: Array, y_bar: Array) -> Array:
    """Σ_batch ȳ[i_a, i_b, i_d] x[i_a, i_c, i_d] at [i_a, i_d, i_b, i_c], then summed over tied axes."""
    a, b, c, d = pattern
    n = x.shape[1]
    full = np.einsum("abdn,acdn->adbc", y_bar.reshape(a, b, d, n), x.reshape(a, c, d, n))
    tied = tuple(axis for axis, size in enumerate(values.shape) if size == 1)
    return full.sum(axis=tied, keepdims=True) if tied else full


def prove_factor_pullback(
    gradient: Callable[[Array, Pattern, Array, Array], Array] = defining_factor,
    patterns: tuple[Pattern, ...] = PATTERNS,
    batch: int = 2,
) -> Outcome:
    """∂⟨ȳ, Kx⟩/∂values for every way of tying a and d: the formula, and the kernel that ships, against the derivative."""
    for pattern in patterns:
        a, b, c, d = pattern
        for tied_a in {1, a}:
            for tied_d in {1, d}:
                M = entries(values=(tied_a, tied_d, b, c), x=(pattern.shape[1], batch), y=(pattern.shape[0], batch))
                values, x, y_bar = M["values"], M["x"], M["y"]
                outcome = _compare_gradients(gradient, values, pattern, x, y_bar)
                if outcome is not None:
                    return outcome
    return Proof(", ".join(str(tuple(p)) for p in patterns), f"entrywise, {batch} columns, tied and untied")


def _compare_gradients(gradient: Any, values: Array, pattern: Pattern, x: Array, y_bar: Array) -> Counterexample | None:
    label = f"pattern {tuple(pattern)}, values {values.shape}"
    y = _definition(values, pattern, x)
    if wrong := vanish(apply_factor(values, pattern, x), y, label, "the forward kernel"):
        return wrong
    truth = derivative(inner(y_bar, y), values)
    shipped = factor_gradient(values.shape, pattern, x, y_bar)
    return vanish(shipped, truth, label, "the backward kernel") or vanish(
        gradient(values, pattern, x, y_bar), truth, label, "the formula"
    )


def _definition(values: Array, pattern: Pattern, x: Array) -> Array:
    """y[i_a, i_b, i_d] = Σ_{i_c} values[i_a, i_d, i_b, i_c] x[i_a, i_c, i_d], written out (T9)."""
    a, b, c, d = pattern
    full = np.broadcast_to(values, (a, d, b, c))
    x = x.reshape(a, c, d, -1)
    y = np.empty((a, b, d, x.shape[-1]), object)
    for i, j, l, n in np.ndindex(*y.shape):
        y[i, j, l, n] = sum((full[i, l, j, k] * x[i, k, l, n] for k in range(c)), start=0)
    return y.reshape(a * b * d, -1)


def row_stacked_pullback(G: Array, V: Array, W: Array) -> tuple[Array, Array]:
    """vec taken along rows on one side only: a false neighbour."""
    R = kronecker_rearrangement(G, V.shape, W.shape)
    return (R @ W.ravel()).reshape(V.shape), (R.T @ V.ravel()).reshape(W.shape)


def swapped_pullback(G: Array, V: Array, W: Array) -> tuple[Array, Array]:
    """The gradient of W ⊗ V: a false neighbour."""
    return kronecker_pullback(G, W, V)[::-1]


def first_tied_gradient(values: Array, pattern: Pattern, x: Array, y_bar: Array) -> Array:
    """Tied axes read off instead of summed: a false neighbour."""
    full = defining_factor(np.empty(pattern.values_shape), pattern, x, y_bar)
    return full[: values.shape[0], : values.shape[1]]


def misordered_gradient(values: Array, pattern: Pattern, x: Array, y_bar: Array) -> Array:
    """Rows read as (i_a, i_d, i_b): a false neighbour."""
    a, b, _, d = pattern
    n = x.shape[1]
    y = y_bar.reshape(a, d, b, n).transpose(0, 2, 1, 3).reshape(a * b * d, n)
    return defining_factor(values, pattern, x, y)


def enlarged_pullback(G: Array, V: Array, W: Array) -> tuple[Array, Array]:
    """One of the two gradients 1 % larger: a false neighbour."""
    left, right = kronecker_pullback(G, V, W)
    return left, right * sp.QQ(101, 100)


def opposite_gradient(values: Array, pattern: Pattern, x: Array, y_bar: Array) -> Array:
    """The opposite sign: a false neighbour."""
    return -defining_factor(values, pattern, x, y_bar)


CLAIMS = (
    claim(
        "T18",
        "Kronecker pullback",
        "The gradients on V and W are the rearranged dense gradient applied to the other factor.",
        r"\operatorname{vec}\partial V=\mathcal R(G)\operatorname{vec}W,\qquad"
        r"\operatorname{vec}\partial W=\mathcal R(G)^{\top}\operatorname{vec}V",
        "Van Loan & Pitsianis 1993",
        ENTRYWISE,
        prove_kronecker_pullback,
        {
            "vec along rows on one side": {"pullback": row_stacked_pullback},
            "W ⊗ V": {"pullback": swapped_pullback, "sizes": (((2, 2), (2, 2)),)},
            "one gradient 1 % larger": {"pullback": enlarged_pullback},
        },
        slow=partial(prove_kronecker_pullback, sizes=(((3, 4), (4, 2)), ((4, 3), (3, 3)))),
    ),
    claim(
        "T18",
        "Kronecker-sparse pullback",
        "The gradient on the values is the batch's outer product on the support, summed over tied axes; so is the shipped kernel.",
        r"\partial\mathrm{values}[i_a,i_d,i_b,i_c]=\sum_n\bar y[i_a,i_b,i_d,n]\,x[i_a,i_c,i_d,n]",
        "Le, Zheng, Riccietti & Gribonval 2024, arXiv 2411.04506",
        ENTRYWISE,
        prove_factor_pullback,
        {
            "tied axes not summed": {"gradient": first_tied_gradient},
            "rows ordered (a, d, b)": {"gradient": misordered_gradient},
            "the opposite sign": {"gradient": opposite_gradient},
        },
        slow=partial(prove_factor_pullback, patterns=SLOW_PATTERNS, batch=3),
    ),
)
