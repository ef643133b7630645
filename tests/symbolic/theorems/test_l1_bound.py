"""The ℓ1 bound: proofs, their neighbours, and the numbers behind them."""

from fractions import Fraction

import numpy as np

from kronmix.symbolic.theorems.l1_bound import prove_balanced_bound, prove_looseness, prove_norm_comparison


def test_the_bound_numerically():
    rng = np.random.default_rng(0)
    V, W = rng.normal(size=(3, 3)), rng.normal(size=(4, 4))
    B = np.kron(V, W)
    half = (np.linalg.norm(V) ** 2 + np.linalg.norm(W) ** 2) / 2
    assert half >= np.linalg.norm(B) >= np.abs(B).sum() / 12


def test_balanced_bound_is_a_single_square():
    assert prove_balanced_bound().detail.count("²") == 1
    wrong = prove_balanced_bound(Fraction(2))
    v, w = wrong.values["v_0"], wrong.values["w_0"]
    assert (v * v + w * w) / 2 < 2 * v * w


def test_counterexamples_break_the_false_bounds():
    wrong = prove_norm_comparison(lambda m: Fraction(1, m))
    b = list(wrong.values.values())
    assert sum(x * x for x in b) < Fraction(1, 2) * sum(abs(x) for x in b) ** 2
    assert "equality was claimed" in prove_norm_comparison(equality=lambda m: [1] + [0] * (m * m - 1)).detail
    assert "equality was claimed" in prove_norm_comparison(lambda m: Fraction(1, 2 * m * m)).detail


def test_looseness_is_exactly_m_over_root_k():
    assert prove_looseness().holds
    assert not prove_looseness(lambda m, k: Fraction(m * m)).holds
    assert not prove_looseness(lambda m, k: Fraction(1)).holds
