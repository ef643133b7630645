"""T16, the ℓ1 bound of a Kronecker-factored weight: certificates by sums of squares.

    ½(‖V‖_F² + ‖W‖_F²) ≥ ‖V ⊗ W‖_F ≥ (1/m) ‖V ⊗ W‖₁,   m × m effective weight.

Both inequalities are quadratic forms, in (‖V‖, ‖W‖) and in the moduli |b_i|. Completing squares decides them: either a sum of
squares (proof), or a rational point where the form is negative (counterexample). The null space of the form is the
equality case.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .claims import Counterexample, Proof
from .provers.polynomials import entries, first_difference, nonzero_point, square_norm, sum_of_squares, value_at

Outcome = Proof | Counterexample

__all__ = ["prove_balanced_bound", "prove_looseness", "prove_norm_comparison"]


def prove_balanced_bound(constant: Fraction = Fraction(1), balanced: tuple[int, int] = (1, 1)) -> Outcome:
    """½(‖V‖² + ‖W‖²) ≥ constant · ‖V ⊗ W‖_F, with equality exactly along (‖V‖, ‖W‖) ∝ balanced.

    ‖V ⊗ W‖_F² = ‖V‖²‖W‖² entrywise; then ½(v² + w²) − vw = ½(v − w)².
    """
    M = entries(V=(2, 3), W=(3, 2))
    if (
        gap := first_difference(square_norm(np.kron(M["V"], M["W"])), square_norm(M["V"]) * square_norm(M["W"]))
    ) is not None:
        return Counterexample("V 2×3, W 3×2", nonzero_point(gap[1]), "‖V⊗W‖² is not ‖V‖²‖W‖²")
    v, w = entries(v=(), w=()).values()
    form = v.item() ** 2 / 2 + w.item() ** 2 / 2 - constant * v.item() * w.item()
    return _decide(
        form, {"v_0": balanced[0], "w_0": balanced[1]}, "all sizes in (‖V‖, ‖W‖); product norm at V 2×3, W 3×2"
    )


def prove_norm_comparison(
    squared_constant: Callable[[int], Fraction] = lambda m: Fraction(1, m * m),
    equality: Callable[[int], list[int]] = lambda m: [1] * (m * m),
    sizes: tuple[int, ...] = (1, 2, 3, 4),
) -> Outcome:
    """‖B‖_F² ≥ c(m) ‖B‖₁² for every m × m matrix B, with equality exactly where the moduli are ∝ equality(m).

    A counterexample b to the form Σ b_i² − c (Σ b_i)² is one to the claim, because |Σ b_i| ≤ Σ |b_i|.
    """
    for m in sizes:
        outcome = _decide(
            _comparison(m * m, squared_constant(m)),
            {f"b_{i}": value for i, value in enumerate(equality(m))},
            f"m = {m}",
        )
        if isinstance(outcome, Counterexample):
            return outcome
    return Proof(f"m = {', '.join(map(str, sizes))}", "sum of squares; null space spanned by equal moduli")


def prove_looseness(
    squared_looseness: Callable[[int, int], Fraction] = lambda m, k: Fraction(m * m, k),
    sizes: tuple[int, ...] = (2, 3, 4),
) -> Outcome:
    """m‖B‖_F/‖B‖₁ ≥ looseness for every B with k non-zero entries, with equality where these have equal moduli.

    m²‖B‖_F² − ℓ²‖B‖₁² = ℓ² (k ‖B‖_F² − ‖B‖₁²) for ℓ² = m²/k: Cauchy–Schwarz on the support.
    """
    for m in sizes:
        for k in range(1, m * m + 1):
            form = _comparison(k, squared_looseness(m, k) / (m * m))
            outcome = _decide(form, {f"b_{i}": 1 for i in range(k)}, f"m = {m}, {k} non-zero entries")
            if isinstance(outcome, Counterexample):
                return outcome
    return Proof(f"m = {', '.join(map(str, sizes))}, every number of non-zero entries", "sum of squares on the support")


def _comparison(n: int, squared_constant: Fraction) -> Any:
    b = entries(b=(n,))["b"]
    return square_norm(b) - squared_constant * sum(b) ** 2


def _decide(form: Any, equality: dict[str, int], sizes: str) -> Outcome:
    found = sum_of_squares(form)
    if isinstance(found, dict):
        return Counterexample(sizes, found, f"the gap is {value_at(form, found)} < 0")
    if (gap := value_at(form, equality)) != 0:
        return Counterexample(sizes, equality, f"the gap is {gap}, equality was claimed")
    free = len(form.ring.symbols) - len(found)
    if free != 1:
        return Counterexample(sizes, {}, f"equality holds on a space of dimension {free}, a ray was claimed")
    return Proof(sizes, " + ".join(f"{weight}·({_linear(terms)})²" for weight, terms in found))


def _linear(terms: dict[str, Fraction]) -> str:
    return " ".join(f"{'-' if value < 0 else '+'} {abs(value)}·{name}" for name, value in terms.items())
