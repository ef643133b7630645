"""Each prover accepts its statement and rejects neighbours drawn at random: constants ±1 %, signs, exponents."""

from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

from kronmix.symbolic.claims import ALL_SIZES, ENTRYWISE
from kronmix.symbolic.registry import all_claims
from kronmix.symbolic.steps import Step
from kronmix.symbolic.theorems.algebra import prove_cuts
from kronmix.symbolic.theorems.alignment import prove_unbiased, unbiased_hsic
from kronmix.symbolic.theorems.conservation import hadamard, kronecker, prove_conserved
from kronmix.symbolic.theorems.factors import monarch_slices, prove_best_monarch
from kronmix.symbolic.theorems.gradients import (
    defining_factor,
    kronecker_pullback,
    prove_factor_pullback,
    prove_kronecker_pullback,
)
from kronmix.symbolic.theorems.hypentropy import (
    prove_closed_form,
    prove_interpolation,
    prove_kernel_limit,
    prove_rich_limit,
)
from kronmix.symbolic.theorems.l1_bound import prove_balanced_bound, prove_looseness, prove_norm_comparison
from kronmix.symbolic.theorems.minima import non_negative
from kronmix.symbolic.theorems.mixing import prove_counts, prove_density, prove_widest
from kronmix.symbolic.theorems.modes import (
    prove_balanced_mode,
    prove_learning_order,
    prove_mode_equation,
    prove_unbalanced_mode,
    unbalanced_mode,
)
from kronmix.symbolic.theorems.penalties import (
    prove_dense_penalty,
    prove_entrywise_penalty,
    prove_group_penalty,
    prove_kronecker_penalty,
    prove_mixer_penalty,
    prove_monarch_penalty,
    prove_product_penalty,
    prove_sum_penalty,
    prove_two_factor_penalty,
)
from kronmix.symbolic.theorems.saddles import CORRELATED, prove_average_is_lasso, prove_jump_time, prove_saddles
from kronmix.symbolic.theorems.time_paths import (
    prove_dual_limit,
    prove_mirror_identity,
    prove_saddle_average,
    prove_soft_threshold,
    prove_threshold_optimality,
)
from kronmix.symbolic.theorems.training import prove_box, prove_decayed_form, prove_sign_descent


def _exact(value):
    """As a fraction of the polynomial rings."""
    return sp.QQ(int(value.p), int(value.q))


def _scaled(pair, a, b):
    return pair[0] * _exact(a), pair[1] * _exact(b)


def _conserved(structure, law):
    return prove_conserved(replace(structure, laws=lambda F: [np.atleast_1d(law(F))]))


# Each statement as a function of its constants, all of which are 1 where it is true.
FAMILIES = {
    "T17 dense": (1, lambda a: prove_dense_penalty(lambda B: int(a.p) * (B * B).sum() / (2 * int(a.q)))),
    "T17 entrywise": (2, lambda a, n: prove_entrywise_penalty(lambda b, L: a * L / 2 * b ** (2 * n / L))),
    "T17 product": (2, lambda a, n: prove_product_penalty(lambda s, L: a * L / 2 * sum(x ** (2 * n / L) for x in s))),
    "T17 two factors": (3, lambda a, b, n: prove_two_factor_penalty(lambda s: a * s[0] ** n + b * s[1] + s[2])),
    "T17 Kronecker": (2, lambda a, n: prove_kronecker_penalty(lambda b, k: a * k / 2 * b ** (2 * n / k))),
    "T17 sum": (3, lambda a, b, n: prove_sum_penalty(penalty=lambda s: a * s[0] ** n + b * s[1])),
    "T17 Monarch": (2, lambda a, n: prove_monarch_penalty(penalty=lambda s: sum(a * x**n for y in s for x in y))),
    "T17 Monarch, rank 1": (3, lambda a, b, n: prove_group_penalty(lambda s: a * s[0] ** n + b * s[1] + sum(s[2:]))),
    "T17 Mixer": (2, lambda a, n: prove_mixer_penalty(lambda power, L: a * L * power ** (n / 2))),
    "T20 balanced mode": (
        3,
        lambda a, b, c: prove_balanced_mode(lambda t, s, x: a * s / (1 + (s / x - b) * sp.exp(-2 * c * s * t))),
    ),
    "T20 order": (1, lambda n: prove_learning_order(lambda s: s**-n)),
    "T21 closed form": (
        3,
        lambda a, b, n: prove_closed_form(lambda alpha, x: -a * alpha ** (2 * n) * sp.sinh(2 * b * x)),
    ),
    "T21 rich": (2, lambda a, n: prove_rich_limit(lambda w: a * w**n)),
    "T21 kernel": (2, lambda a, n: prove_kernel_limit(lambda w: a * w ** (2 * n) / 4)),
    "T22 jump time": (2, lambda a, n: prove_jump_time(lambda r: a / r**n)),
    "T26 dual": (
        4,
        lambda a, b, n, c: prove_mirror_identity(lambda t, r, Mw: t**n * (a * r - b * Mw) + (c - 1) * r),
    ),
    "T26 arcsinh": (
        4,
        lambda a, b, n, c: prove_mirror_identity(
            side=lambda w, alpha: a * sp.asinh(b * w / alpha ** (2 * n)) / 2 + (c - 1)
        ),
    ),
    "T26 level": (1, lambda a: prove_dual_limit(lambda log: a * log)),
    "T27 average": (2, lambda a, b: prove_soft_threshold(lambda s, penalty: a * s - b * penalty)),
    "T27 optimality": (
        2,
        lambda a, b: prove_threshold_optimality(lambda s, penalty: sp.Max(a * s - b * penalty, 0)),
    ),
}
FAMILIES |= {
    "T6 counts": (2, lambda a, b: prove_counts(lambda S, C, T, G: (a * T * C * S**2 + b * G * C**2 * S) / 2)),
    "T6 width": (2, lambda a, n: prove_widest(lambda Ω, T, G: a * (Ω**2 / (T * G)) ** (n / 3))),
    "T7": (2, lambda a, b: prove_density(lambda S, C: (a / S + b / C) / 2)),
    "T13": (1, lambda a: prove_best_monarch(lambda B, shape: monarch_slices(B, shape) * _exact(a))),
    "T16 balanced": (1, lambda a: prove_balanced_bound(Fraction(a.p, a.q))),
    "T16 ℓ1": (1, lambda a: prove_norm_comparison(lambda m: Fraction(a.p, a.q) / (m * m))),
    "T16 looseness": (1, lambda a: prove_looseness(lambda m, k: Fraction(a.p, a.q) * m * m / k)),
    "T18 Kronecker": (
        2,
        lambda a, b: prove_kronecker_pullback(lambda G, V, W: _scaled(kronecker_pullback(G, V, W), a, b)),
    ),
    "T18 factor": (1, lambda a: prove_factor_pullback(lambda *given: defining_factor(*given) * _exact(a))),
    "T19 diagonal": (
        2,
        lambda a, b: _conserved(hadamard(), lambda F: F["u"] ** 2 * _exact(a) - F["v"] ** 2 * _exact(b)),
    ),
    "T19 Kronecker": (
        2,
        lambda a, b: _conserved(
            kronecker((2, 1), (1, 2)), lambda F: (F["V0"] ** 2).sum() * _exact(a) - (F["V1"] ** 2).sum() * _exact(b)
        ),
    ),
    "T20 equation": (2, lambda a, b: prove_mode_equation(lambda c, sigma: c**2 * _exact(a) + 4 * sigma**2 * _exact(b))),
    "T20 unbalanced": (1, lambda a: prove_unbalanced_mode(rate=a)),
    "T21 limit": (1, lambda a: prove_interpolation(lambda X, nu: X.T @ nu * _exact(a))),
    "T22 saddles": (1, lambda a: prove_saddles(replace(CORRELATED, y=CORRELATED.y * Fraction(a.p, a.q)))),
    "T25 HSIC": (1, lambda a: prove_unbiased(partial(unbiased_hsic, mixed=2 * Fraction(a.p, a.q)))),
    "T26 lasso": (1, lambda a: prove_average_is_lasso(CORRELATED, lambda s: Fraction(a.p, a.q) / s)),
    "T26 average": (2, lambda a, b: prove_saddle_average(lambda r, s: a * r - b / s)),
    "T35 box": (2, lambda a, n: prove_box(lambda decay, k: a * decay ** (-n * k))),
    "T35 sign descent": (2, lambda a, n: prove_sign_descent(lambda decay: a * decay**-n)),
    "T37 scale": (
        3,
        lambda a, b, n: prove_decayed_form(lambda alpha, decay, t: a * alpha ** (2 * n) * sp.exp(-2 * b * decay * t)),
    ),
}
#: Families whose limits or simplifications SymPy chews on for seconds.
SLOW = ("T20 balanced mode", "T20 unbalanced", "T21 rich", "T27 average")
NEIGHBOURS = (sp.Rational(99, 100), sp.Rational(101, 100), sp.Integer(-1))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in FAMILIES]
)
def test_near_mutants_are_rejected(name):
    constants, prove = FAMILIES[name]
    truth = [sp.Integer(1)] * constants
    assert prove(*truth).holds
    rng = np.random.default_rng(sorted(FAMILIES).index(name))
    for value in rng.permutation(len(NEIGHBOURS)):
        drawn = list(truth)
        drawn[rng.integers(constants)] = NEIGHBOURS[value]
        wrong = prove(*drawn)
        assert not wrong.holds, drawn
        assert wrong.values, drawn


IDENTITIES = [
    claim
    for claim in all_claims()
    if claim.evidence in (ALL_SIZES, ENTRYWISE)
    if claim.mutants[-1].name == "the opposite sign"
    and any(isinstance(given, Step) for given in claim.mutants[-1].prove.args)
]


@pytest.mark.parametrize("claim", IDENTITIES, ids=lambda c: f"{c.number} {c.name} {c.evidence}")
def test_identities_with_a_drawn_factor_are_rejected(claim):
    """The last mutant of an identity has its right side times −1; here times a fraction drawn near 1, or far from it."""
    rng = np.random.default_rng(IDENTITIES.index(claim))
    truth = next(step for step in reversed(claim.prove.args) if isinstance(step, Step))
    mutant = claim.mutants[-1].prove
    outcome = mutant.func(truth.scaled("drawn", f"{rng.integers(90, 101) / 101:.6f}"), *mutant.args[1:])
    assert not outcome.holds
    assert outcome.values


@pytest.mark.parametrize("r", [0.5, 2.0, 3.0])
def test_the_flow_jumps_at_one_over_r(r):
    """The closed form of T20 at α = e^{−2000}, 1 % before and after."""
    log = mp.mpf(2000)
    c = 2 * mp.exp(-2 * log)
    D = mp.sqrt(4 * mp.mpf(r) ** 2 + c**2)
    for shift, want in ((0.99, 0.0), (1.01, r)):
        w, _ = unbalanced_mode(mp.exp(-D * log * shift / r), (2 * r + D) / c, c, mp.mpf(1))
        assert float(w) == pytest.approx(want, abs=1e-12)


def test_every_cut_of_a_drawn_chain_has_the_rank_of_its_slices():
    rng = np.random.default_rng(28)
    for _ in range(2):
        radices = tuple(int(x) for x in rng.choice([2, 3], size=2))
        assert prove_cuts(radices=(radices,)).holds
        assert not prove_cuts(radices=(radices,), terms=2).holds
        assert not prove_cuts(radices=(radices,), rank=lambda r: r - 1).holds


def test_non_negative_proves_and_refutes():
    x, y = sp.symbols("x y", positive=True)
    assert non_negative(1 - (x / (x + y)) ** 2, "all", "1 − z²") is None
    assert non_negative(1 - x**2, "all", "1 − x²").values["1 − x²"] < 0
    with pytest.raises(ArithmeticError, match="not proved to be"):
        non_negative((x**2 - 2 * x * y + y**2 + 1) * (1 + x**3 - x**3), "all", "a square and 1")
