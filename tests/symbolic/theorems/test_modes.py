"""Closed forms of modes and of the diagonal network against numerical integration."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad, solve_ivp

from kronmix.symbolic.theorems.hypentropy import hypentropy, prove_closed_form, prove_interpolation, prove_mirror_flow
from kronmix.symbolic.theorems.modes import (
    balanced_mode,
    learning_time,
    prove_balanced_mode,
    prove_learning_order,
    prove_unbalanced_mode,
    unbalanced_mode,
)
from kronmix.symbolic.theorems.saddles import prove_jump_time
from kronmix.symbolic.theorems.time_paths import averaged_mode, prove_soft_threshold


@pytest.mark.parametrize(("u", "v", "s"), [(0.7, 0.2, 1.5), (1.0, -0.3, 0.4), (0.5, 0.0, 2.0)])
def test_unbalanced_closed_form_follows_the_flow(u, v, s):
    c = u**2 - v**2
    D = np.sqrt(4 * s**2 + c**2)
    start = np.arcsinh(2 * u * v / c)
    flow = solve_ivp(lambda t, x: (s - x[0] * x[1]) * x[::-1], (0, 1.3), [u, v], rtol=1e-11, atol=1e-12)
    sigma, _ = unbalanced_mode(np.exp(-D * 1.3), (2 * s + D) / c, c, np.exp(start))
    assert sigma == pytest.approx(np.prod(flow.y[:, -1]), rel=1e-8)


def test_balanced_mode_average_and_learning_time():
    s, start, t = 1.5, 0.01, 4.0
    mean = quad(lambda x: float(balanced_mode(x, s, start)), 0, t)[0] / t
    assert float(averaged_mode(t, s, start)) == pytest.approx(mean, rel=1e-7)
    assert float(balanced_mode(learning_time(s, start, 0.8), s, start)) == pytest.approx(0.8 * s)


def test_hypentropy_is_the_integral_of_its_dual():
    alpha, w = 0.7, 1.3
    assert float(hypentropy(w, alpha)) == pytest.approx(quad(lambda x: np.arcsinh(x / alpha**2) / 2, 0, w)[0])


def test_neighbours_are_refuted_with_values():
    for wrong in (
        prove_balanced_mode(lambda t, s, x: s / (1 + (s / x - 1) * sp.exp(-s * t))),
        prove_unbalanced_mode(rate=2),
        prove_learning_order(lambda s: 1 / s**2),
        prove_closed_form(lambda alpha, x: -(alpha**2) * sp.sinh(x)),
        prove_mirror_flow(lambda w, alpha: 2 * hypentropy(w, alpha)),
        prove_interpolation(lambda X, nu: X @ nu),
        prove_soft_threshold(lambda s, penalty: s),
    ):
        assert not wrong.holds
        assert wrong.values


def test_jump_time_is_later_for_weaker_targets():
    assert not prove_jump_time(lambda r: 1 / (2 * r)).holds
