"""Each prover accepts its statement and rejects neighbours drawn at random: constants ±1 %, signs, exponents."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

from kronmix.symbolic.algebra import (
    kronecker_sum,
    prove_cuts,
    prove_eigenvalues,
    prove_exponential,
    prove_hadamard_factors,
    prove_permuted_law,
    row_khatri_rao,
)
from kronmix.symbolic.hypentropy import prove_closed_form, prove_kernel_limit, prove_rich_limit
from kronmix.symbolic.minima import non_negative
from kronmix.symbolic.modes import prove_balanced_mode, prove_learning_order, unbalanced_mode
from kronmix.symbolic.penalties import (
    prove_dense_penalty,
    prove_entrywise_penalty,
    prove_group_penalty,
    prove_kronecker_penalty,
    prove_mixer_penalty,
    prove_monarch_penalty,
    prove_product_penalty,
    prove_sum_penalty,
)
from kronmix.symbolic.time_paths import (
    prove_dual_limit,
    prove_jump_time,
    prove_mirror_identity,
    prove_soft_threshold,
    prove_threshold_optimality,
)


def _q(value):
    """As a fraction of the polynomial rings."""
    return sp.QQ(int(value.p), int(value.q))


# Each statement as a function of its constants, all of which are 1 where it is true.
FAMILIES = {
    "T17 dense": (1, lambda a: prove_dense_penalty(lambda B: int(a.p) * (B * B).sum() / (2 * int(a.q)))),
    "T17 entrywise": (2, lambda a, n: prove_entrywise_penalty(lambda b, L: a * L / 2 * b ** (2 * n / L))),
    "T17 product": (2, lambda a, n: prove_product_penalty(lambda s, L: a * L / 2 * sum(x ** (2 * n / L) for x in s))),
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
    "T29 A⊗B + σI": (3, lambda a, b, c: prove_eigenvalues(lambda x, y, s: _q(a) * x * y + _q(b * c) * s)),
    "T29 A⊕B": (2, lambda a, b: prove_eigenvalues(lambda x, y, s: _q(a) * x + _q(b) * y + s, kronecker_sum)),
    "T29 exponential": (1, lambda a: prove_exponential(scale=_q(a))),
    "T30 law": (2, lambda a, b: prove_permuted_law(lambda P, Q, J: (P @ J).T @ P @ J * _q(a) - Q @ Q.T * _q(b))),
    "T33 LoHa": (1, lambda a: prove_hadamard_factors(lambda X, Y: row_khatri_rao(X, Y) * _q(a))),
}
NEIGHBOURS = (sp.Rational(99, 100), sp.Rational(101, 100), sp.Integer(-1))


@pytest.mark.parametrize("name", FAMILIES)
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
