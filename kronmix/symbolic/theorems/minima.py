"""Comparison of symbolic expressions, and two inequalities behind the induced penalties of T17, each with its certificate.

- arithmetic and geometric means, any number of terms: Σ x_l ≥ L (Π x_l)^{1/L};
- Schatten–Hölder for products (Horn 1950): compound matrices multiply (Cauchy–Binet) and summation by parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import sympy as sp

from ..claims import Counterexample, Outcome, Proof, Undecided
from ..provers.polynomials import Array, entries, first_difference, inner, nonzero_point

__all__ = [
    "agree",
    "means_gap",
    "non_negative",
    "prove_compound_product",
    "prove_means",
    "prove_summation_by_parts",
    "skew",
    "vanish",
]

_TRIALS = (1, 4, 9, 2, 3, 16)


def vanish(left: Array | Any, right: Array | Any, sizes: str, claim: str) -> Counterexample | None:
    """None where two symbolic arrays are identical, else a point and the first entry that differs."""
    found = first_difference(left, right)
    if found is None:
        return None
    index, difference = found
    point = nonzero_point(difference) if hasattr(difference, "ring") else {}
    return Counterexample(sizes, dict(point), f"{claim} fails at entry {index}")


def agree(left: Any, right: Any, sizes: str, claim: str) -> Counterexample | None:
    """None where two SymPy expressions in positive symbols are equal, else a point at which they differ.

    Points come first: they refute at once what simplification could chew on for minutes.
    """
    left, right = sp.sympify(left), sp.sympify(right)
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    for shift in range(len(_TRIALS)):
        point = {s: sp.Integer(_TRIALS[(i + shift) % len(_TRIALS)]) for i, s in enumerate(symbols)}
        have, want = left.subs(point), right.subs(point)
        if abs(sp.N(have - want, 30, maxn=200)) > sp.Rational(1, 10**20):
            values = {str(s): v for s, v in point.items()} or {claim: have}
            return Counterexample(sizes, values, f"{claim} is {_value_words(have)}, not {_value_words(want)}")
    if (left - right).is_rational_function(*symbols):
        if sp.cancel(sp.together(left - right)) == 0:
            return None
        raise Undecided(f"{claim}: {left} and {right} differ, but at no point tried")
    difference = sp.expand(left - right, power_base=True)
    if difference == 0 or sp.simplify(sp.powsimp(difference, force=True)) == 0:
        return None
    raise Undecided(f"{claim}: {left} and {right} agree at every point tried, but are not proved equal")


def non_negative(expression: Any, sizes: str, claim: str) -> Counterexample | None:
    """None where an expression in positive symbols is proved to be ≥ 0, else a point where it is negative."""
    expression = sp.sympify(expression)
    symbols = sorted(expression.free_symbols, key=str)
    for shift in range(len(_TRIALS)):
        point = {s: sp.Integer(_TRIALS[(i + shift) % len(_TRIALS)]) for i, s in enumerate(symbols)}
        if (value := expression.subs(point)) < 0:
            values = {str(s): v for s, v in point.items()} | {claim: value}
            return Counterexample(sizes, values, f"{claim} is {_value_words(value)} < 0")
    if sp.factor(expression).is_nonnegative:
        return None
    raise Undecided(f"{claim}: {expression} is ≥ 0 at every point tried, but is not proved to be")


def _value_words(value: Any) -> str:
    return str(value) if len(str(value)) <= 24 else str(sp.N(value, 8))


def means_gap() -> Mapping[str, sp.Expr]:
    """f(x) = x − 1 − log x with its value and slope at 1 and its second derivative: f ≥ 0, zero at x = 1 only."""
    x = sp.Symbol("x", positive=True)
    f = x - 1 - sp.log(x)
    return {"value": f.subs(x, 1), "slope": f.diff(x).subs(x, 1), "curvature": sp.simplify(f.diff(x, 2))}


def prove_means(constant: Callable[[Any], Any] = lambda L: L) -> Outcome:
    """min Σ_l x_l subject to Π x_l = 1, x_l > 0 is constant(L), for symbolic L; attained at x_l = 1 only.

    Sum f(x_l) = x_l − 1 − log x_l ≥ 0: Σ x_l ≥ L + log Π x_l = L.
    """
    L = sp.Symbol("L", positive=True, integer=True)
    gap = means_gap()
    if gap["value"] != 0 or gap["slope"] != 0 or not gap["curvature"].is_positive:
        return Counterexample("all L", dict(gap), "x − 1 − log x is not a tangent gap")
    least = sp.Sum(1 + 0 * L, (sp.Symbol("l", integer=True), 1, L)).doit()  # Σ_l x_l at x_l = 1
    wrong = agree(least, constant(L), "all L", "the minimum of Σ x_l on Π x_l = 1")
    return wrong or Proof("all L", "Σ (x − 1 − log x) ≥ 0, tangent at 1, second derivative 1/x² > 0")


@cache
def prove_compound_product(n: int, m: int, l: int, order: int, reverse: bool = False) -> Outcome:
    """∧^k(AB) = ∧^k(A) ∧^k(B) entrywise (Cauchy–Binet), so Π_{i≤k} σ_i(AB) ≤ Π_{i≤k} σ_i(A) σ_i(B)."""
    M = entries(A=(n, m), B=(m, l))
    parts = [compound(M["A"], order), compound(M["B"], order)]
    product = parts[1] @ parts[0] if reverse else parts[0] @ parts[1]
    sizes = f"A {n}×{m}, B {m}×{l}, minors of order {order}"
    return vanish(compound(M["A"] @ M["B"], order), product, sizes, "Cauchy–Binet") or Proof(
        sizes, "every entry a symbol"
    )


def compound(A: Array, order: int) -> Array:
    """Matrix of all minors of a given order, rows and columns in lexicographic order."""
    rows, columns = (list(combinations(range(size), order)) for size in A.shape)
    out = np.empty((len(rows), len(columns)), object)
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            out[i, j] = _determinant(A[np.ix_(r, c)])
    return out


def prove_summation_by_parts(n: int) -> Outcome:
    """Σ c_i δ_i = Σ_k (c_k − c_{k+1}) Σ_{i≤k} δ_i with c_{n+1} = 0.

    With δ_i = log σ_i(A)σ_i(B) − log σ_i(AB), whose partial sums are ≥ 0, and c_i the non-increasing positive slopes of
    the convex e^{px}: Σ σ_i(AB)^p ≤ Σ (σ_i(A)σ_i(B))^p for every p > 0.
    """
    M = entries(c=(n,), d=(n,))
    c, d = M["c"], M["d"]
    steps = c - np.append(c[1:], 0)
    return vanish(inner(c, d), inner(steps, np.cumsum(d)), f"n = {n}", "summation by parts") or Proof(f"n = {n}")


def skew(name: str, n: int) -> Array:
    """Skew-symmetric matrix of real symbols."""
    A = np.zeros((n, n), object)
    for i, j in combinations(range(n), 2):
        A[i, j] = sp.Symbol(f"{name}{i}{j}", real=True)
        A[j, i] = -A[i, j]
    return A


def _determinant(A: Array) -> Any:
    if len(A) == 1:
        return A[0, 0]
    return sum(((-1) ** j * A[0, j] * _determinant(np.delete(A[1:], j, axis=1)) for j in range(len(A))), start=0)
