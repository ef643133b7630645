"""T16, the ℓ1 bound of a Kronecker-factored weight: certificates by sums of squares.

    ½(‖V‖_F² + ‖W‖_F²) ≥ ‖V ⊗ W‖_F ≥ (1/m) ‖V ⊗ W‖₁,   m × m effective weight.

Both inequalities are quadratic forms, in (‖V‖, ‖W‖) and in the moduli |b_i|. The second is Lagrange's identity for any number N of
moduli, N Σb² − (Σb)² = ½ Σ_ij (b_i − b_j)², whose only zeros are equal moduli. A claim with other constants is decided at small
sizes by completing squares: a sum of squares, or a rational point where the form is negative.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from ..claims import ALL_SIZES, Counterexample, Outcome, Proof, Undecided, claim
from ..provers.polynomials import entries, square_norm, sum_of_squares, value_at
from ..steps import KRONECKER_NORM, LAGRANGE, prove_steps
from .sources import HAYASE


def prove_balanced_bound(constant: Fraction = Fraction(1), balanced: tuple[int, int] = (1, 1)) -> Outcome:
    """½(‖V‖² + ‖W‖²) ≥ constant · ‖V ⊗ W‖_F, with equality exactly along (‖V‖, ‖W‖) ∝ balanced.

    ‖V ⊗ W‖_F² = ‖V‖²‖W‖² for all sizes; then ½(v² + w²) − vw = ½(v − w)².
    """
    if isinstance(norm := prove_steps(KRONECKER_NORM), Counterexample):
        return norm
    v, w = entries(v=(), w=()).values()
    form = v.item() ** 2 / 2 + w.item() ** 2 / 2 - constant * v.item() * w.item()
    return _decide_gap(form, {"v_0": balanced[0], "w_0": balanced[1]}, "all sizes")


def prove_norm_comparison(
    squared_constant: Callable[[int], Fraction] = lambda m: Fraction(1, m * m),
    equality: Callable[[int], list[int]] = lambda m: [1] * (m * m),
    sizes: tuple[int, ...] = (1, 2, 3, 4),
) -> Outcome:
    """‖B‖_F² ≥ c(m) ‖B‖₁² for every m × m matrix B, with equality exactly where the moduli are ∝ equality(m).

    For all m with c = 1/m², by Lagrange's identity for N = m² moduli: the claims at the small sizes must be this one.
    A counterexample b to the form Σ b_i² − c (Σ b_i)² is one to the claim, because |Σ b_i| ≤ Σ |b_i|.
    """
    for m in sizes:
        outcome = _decide_gap(
            _gap_form(m * m, squared_constant(m)),
            {f"b_{i}": value for i, value in enumerate(equality(m))},
            f"m = {m}",
        )
        if isinstance(outcome, Counterexample):
            return outcome
    return _for_all(prove_steps(LAGRANGE), [squared_constant(m) * m * m for m in sizes], "all m")


def prove_looseness(
    squared_looseness: Callable[[int, int], Fraction] = lambda m, k: Fraction(m * m, k),
    sizes: tuple[int, ...] = (2, 3, 4),
) -> Outcome:
    """m‖B‖_F/‖B‖₁ ≥ looseness for every B with k non-zero entries, with equality where these have equal moduli.

    m²‖B‖_F² − ℓ²‖B‖₁² = ℓ² (k ‖B‖_F² − ‖B‖₁²) for ℓ² = m²/k: Lagrange's identity for the N = k moduli of the support.
    """
    for m in sizes:
        for k in range(1, m * m + 1):
            form = _gap_form(k, squared_looseness(m, k) / (m * m))
            outcome = _decide_gap(form, {f"b_{i}": 1 for i in range(k)}, f"m = {m}, {k} non-zero entries")
            if isinstance(outcome, Counterexample):
                return outcome
    constants = [squared_looseness(m, k) * k / (m * m) for m in sizes for k in range(1, m * m + 1)]
    return _for_all(prove_steps(LAGRANGE), constants, "all m, every number of non-zero entries")


def _for_all(lagrange: Outcome, constants: list[Fraction], sizes: str) -> Outcome:
    """Lagrange's identity is the claim where the claim's constant is 1/N for every N tried."""
    if isinstance(lagrange, Counterexample) or set(constants) != {1}:
        raise Undecided(
            f"the claim holds at the sizes tried, but is not Lagrange's identity: N times its constant is {constants}"
        )
    return Proof(sizes, f"{lagrange.detail}; null space spanned by equal moduli")


def _gap_form(n: int, squared_constant: Fraction) -> Any:
    b = entries(b=(n,))["b"]
    return square_norm(b) - squared_constant * sum(b) ** 2


def _decide_gap(form: Any, equality: dict[str, int], sizes: str) -> Outcome:
    """Prove that the gap is a sum of squares that vanishes only on one ray."""
    found = sum_of_squares(form)
    if isinstance(found, dict):
        return Counterexample(sizes, found, f"the gap is {value_at(form, found)} < 0")
    if (gap := value_at(form, equality)) != 0:
        return Counterexample(sizes, equality, f"the gap is {gap}, equality was claimed")
    free = len(form.ring.symbols) - len(found)
    if free != 1:
        return Counterexample(sizes, {}, f"equality holds on a space of dimension {free}, a ray was claimed")
    return Proof(sizes, " + ".join(f"{weight}·({_linear_words(terms)})²" for weight, terms in found))


def _linear_words(terms: dict[str, Fraction]) -> str:
    return " ".join(f"{'-' if value < 0 else '+'} {abs(value)}·{name}" for name, value in terms.items())


CLAIMS = (
    claim(
        "T16",
        "balanced factors",
        "Half the squared norms of the two factors is at least ‖V⊗W‖_F, with equality where the factors are balanced.",
        r"\tfrac12(\|V\|_F^2+\|W\|_F^2)\ \ge\ \|V\otimes W\|_F,\qquad\text{equality iff } \|V\|_F=\|W\|_F",
        HAYASE,
        ALL_SIZES,
        prove_balanced_bound,
        {
            "without the factor ½": {"constant": Fraction(2)},
            "equality at ‖W‖ = 2‖V‖": {"balanced": (1, 2)},
            "constant ½, still an equality": {"constant": Fraction(1, 2)},
        },
    ),
    claim(
        "T16",
        "ℓ1 bound",
        "The Frobenius norm of an m × m matrix is at least its ℓ1 norm divided by m, with equality where all moduli agree.",
        r"\|B\|_F\ \ge\ \tfrac1m\|B\|_1,\qquad\text{equality iff all } |B_{ij}| \text{ are equal}",
        HAYASE,
        ALL_SIZES,
        prove_norm_comparison,
        {
            "constant 1/√m": {"squared_constant": lambda m: Fraction(1, m)},
            "equality at a sparse B": {"equality": lambda m: [1] + [0] * (m * m - 1)},
            "half the constant, still an equality": {"squared_constant": lambda m: Fraction(1, 2 * m * m)},
        },
        slow=partial(prove_norm_comparison, sizes=(1, 2, 3, 4, 5, 6)),
    ),
    claim(
        "T16",
        "looseness",
        "At a matrix with k non-zero entries the ℓ1 bound is loose by a factor m‖B‖_F/‖B‖₁ of at least m/√k: never tight for "
        "sparse B.",
        r"\frac{m\|B\|_F}{\|B\|_1}\ \ge\ \frac{m}{\sqrt{k}}\quad\text{for } k \text{ non-zero entries}",
        HAYASE,
        ALL_SIZES,
        prove_looseness,
        {
            "looseness m for every k": {"squared_looseness": lambda m, k: Fraction(m * m)},
            "tight for sparse B": {"squared_looseness": lambda m, k: Fraction(1)},
            "looseness m/k": {"squared_looseness": lambda m, k: Fraction(m * m, k * k)},
        },
        slow=partial(prove_looseness, sizes=(2, 3, 4, 5)),
    ),
)
