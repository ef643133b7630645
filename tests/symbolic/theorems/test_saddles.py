"""The saddle recursion against the flow at tiny α, brute force over supports, and exact lasso conditions."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import linprog

from kronmix.symbolic.theorems.saddles import (
    CORRELATED,
    INDEPENDENT,
    SWITCHING,
    UNDERDETERMINED,
    exact,
    free_minimiser,
    lasso_violation,
    prove_average_is_lasso,
    prove_saddles,
    saddle_path,
    sign_constrained_minimiser,
    time_average,
)

CASES = [INDEPENDENT, CORRELATED, SWITCHING, UNDERDETERMINED]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_cases_hold(case):
    assert prove_saddles(case).holds


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_flow_at_tiny_alpha_sits_at_the_saddles(case):
    """q' = r − Mw, w = α² sinh(2 q log(1/α)), in rescaled time, between the jumps."""
    M, r = case.M.astype(float), case.r.astype(float)
    log = 60.0

    def power(x):  # α^{−2x}, bounded where Newton's iteration strays
        return np.exp(np.minimum(2 * log * x, 30))

    def weight(q):
        return (power(q - 1) - power(-q - 1)) / 2

    def jacobian(s, q):
        return -M * (log * (power(q - 1) + power(-q - 1)))

    path = saddle_path(case.M, case.r)
    ends = [*(float(step.time) for step in path[1:]), 1.0 + float(path[-1].time)]
    middles = [(a + b) / 2 for a, b in zip([0.0, *ends[:-1]], ends, strict=True)]
    flow = solve_ivp(
        lambda s, q: r - M @ weight(q),
        (0, ends[-1]),
        np.zeros(len(r)),
        "Radau",
        middles,
        jac=jacobian,
        rtol=1e-8,
        atol=1e-10,
    )
    for q, step in zip(flow.y.T, path, strict=True):
        assert np.allclose(weight(q), step.w.astype(float), atol=0.05)


def test_the_end_has_least_l1_norm():
    X, y = UNDERDETERMINED.X.astype(float), UNDERDETERMINED.y.astype(float)
    best = linprog(np.ones(6), A_eq=np.hstack([X, -X]), b_eq=y).fun
    assert np.isclose(best, 2)
    w = saddle_path(UNDERDETERMINED.M, UNDERDETERMINED.r)[-1].w
    assert float(np.abs(w).sum()) == pytest.approx(best)


def test_sign_constrained_minimiser_beats_random_feasible_points():
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, (4, 3)).astype(object)
    y = rng.integers(-3, 4, 4).astype(object)
    M, r, signs = X.T @ X, X.T @ y, np.array([1, -1, 0], object)
    w = sign_constrained_minimiser(exact(M), exact(r), signs)
    loss = float(w @ M @ w / 2 - r @ w)
    for z in np.abs(rng.normal(size=(200, 3))) * signs:
        assert float(z @ M @ z / 2 - r @ z) >= loss - 1e-12


def test_a_minimiser_that_is_not_unique_is_noticed():
    degenerate = replace(UNDERDETERMINED, X=exact([[1, 2, 0], [0, 1, 1]]), y=exact([2, -1]))
    assert "may not be unique" in prove_saddles(degenerate).detail


def test_ignoring_signs_is_caught():
    for case in (CORRELATED, SWITCHING, UNDERDETERMINED):
        assert not prove_saddles(case, free_minimiser).holds


def test_average_meets_the_lasso_only_where_the_path_is_monotone():
    for case in (INDEPENDENT, CORRELATED):
        assert prove_average_is_lasso(case).holds
        assert not prove_average_is_lasso(case, lambda s: 2 / s).holds
        assert not prove_average_is_lasso(case, average=lambda path, s: path[-1].w).holds
    assert not prove_average_is_lasso(SWITCHING).holds


def test_average_of_one_coordinate_is_the_soft_threshold():
    path = saddle_path(exact([[1]]), exact([3]))
    assert time_average(path, Fraction(1)).tolist() == [Fraction(2)]
    assert time_average(path, Fraction(1, 4)).tolist() == [Fraction(0)]
    assert not lasso_violation(exact([[1]]), exact([3]), exact([2]), Fraction(1))
    assert "active" in lasso_violation(exact([[1]]), exact([3]), exact([3]), Fraction(1))
    assert "inactive" in lasso_violation(exact([[1]]), exact([3]), exact([0]), Fraction(1))
