"""The saddle sequence: its defining conditions, brute force over supports, the flow at tiny scales, and real data (T22)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import nnls
from sklearn.datasets import load_diabetes

import kronmix as km
from kronmix.regularization import is_monotone, minimum_l1, signed_least_squares


@pytest.fixture(scope="module")
def diabetes() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_diabetes(return_X_y=True)
    return X / X.std(axis=0), (y - y.mean()) / y.std()


def check(found, A: np.ndarray, y: np.ndarray) -> None:
    """Algorithm 1's conditions on every stretch."""
    N = y.size
    scale = 1e-11 * np.linalg.norm(A, axis=0).max() * np.linalg.norm(y) / N
    assert found.times[0] == 0
    assert (np.diff(found.times) > 0).all()
    assert (found.saddles[0] == 0).all()
    assert (found.duals[0] == 0).all()
    assert np.abs(found.duals).max() <= 1
    assert (np.diff(found.losses) < 0).all()
    for i, (s, w, q) in enumerate(zip(found.times, found.saddles, found.duals, strict=True)):
        g = A.T @ (y - A @ w) / N
        assert (q[w != 0] == np.sign(w[w != 0])).all()  # weights only where q = ±1, with its sign
        assert np.abs(g[w != 0]).max(initial=0) <= scale  # and there the gradient is zero
        if i:
            assert (q * g)[np.abs(q) == 1].max() <= scale  # constrained minimiser: no multiplier has the wrong sign
        np.testing.assert_allclose(found.losses[i], 0.5 * np.mean((A @ w - y) ** 2), rtol=1e-12, atol=1e-28)
        if i + 1 < len(found.times):
            wait = found.times[i + 1] - s
            np.testing.assert_allclose(found.duals[i + 1], q + wait * g, atol=1e-9)
            assert (np.abs(found.duals[i + 1]) == 1).sum() > 0
            assert np.abs(q + 0.999 * wait * g).max() <= 1 + 1e-9  # nothing arrived earlier
    assert np.abs(A.T @ (y - A @ found.saddles[-1])).max() / N <= 10 * scale


@given(seed=st.integers(0, 2**16), n=st.integers(1, 8), d=st.integers(1, 8))
def test_conditions_of_the_algorithm(seed, n, d):
    rng = np.random.default_rng(seed)
    A, y = rng.normal(size=(n, d)), rng.normal(size=n)
    found = km.saddle_sequence(A, y)
    check(found, A, y)


def test_diabetes_follows_the_lasso_while_it_is_monotone(diabetes):
    """The limit α → 0 of T26, without any error of α."""
    X, y = diabetes
    found = km.saddle_sequence(X, y)
    check(found, X, y)
    np.testing.assert_allclose(found.saddles[-1], np.linalg.lstsq(X, y)[0], rtol=1e-10)
    lasso = km.reference_path(km.Regression(X.T, y), "l1", np.geomspace(0.9, 1e-3, 40) * found.times[1] ** -1)
    averages = found.averages(1 / lasso.parameter)
    off = np.linalg.norm(averages - lasso.weights[:, 0], axis=1) / np.linalg.norm(lasso.weights[:, 0], axis=1)
    monotone = is_monotone(lasso)
    assert off[monotone].max() < 1e-12
    assert 0.1 < off.max() < 0.14
    first = km.reference_path(km.Regression(X.T, y)).kinks[:8]
    np.testing.assert_allclose(1 / found.times[1:9], first, rtol=1e-10)  # jumps are at the kinks


@pytest.mark.parametrize(("α", "dual_error"), [(1e-8, 0.13), (1e-20, 0.05), (1e-40, 0.025), (1e-60, 0.017)])
def test_flow_tends_to_the_sequence(diabetes, α, dual_error):
    X, y = diabetes
    found = km.saddle_sequence(X, y)
    between = 0.5 * (found.times[:-1] + found.times[1:])
    flow = km.diagonal_flow(X, y, α, between)
    assert np.abs(flow.duals - found.duals_at(between)).max() < dual_error  # O(1/log(1/α))
    off = np.linalg.norm(flow.weights - found.weights(between), axis=1)
    if α == 1e-60:
        assert off.max() < 0.01
    assert np.median(off) < 0.05


def test_flow_sits_on_each_saddle_at_the_smallest_scale(diabetes):
    X, y = diabetes
    found = km.saddle_sequence(X, y)
    between = 0.5 * (found.times[:-1] + found.times[1:])
    flow = km.diagonal_flow(X, y, 1e-140, between)
    np.testing.assert_allclose(flow.weights, found.weights(between), atol=1e-4)


def test_underdetermined_sequence_ends_at_minimum_l1():
    rng = np.random.default_rng(3)
    A, w = rng.normal(size=(12, 20)), np.zeros(20)
    w[:2] = 1.0, -2.0
    found = km.saddle_sequence(A, A @ w)
    check(found, A, A @ w)
    np.testing.assert_allclose(found.saddles[-1], minimum_l1(A, A @ w), atol=1e-10)
    assert np.abs(found.saddles[-1] - w).max() < 1e-10


def test_a_coordinate_can_leave():
    """Two strong features in place of one that correlates with both: the first to enter goes again."""
    A = np.array([[1.0, 0.0, 0.8], [0.0, 1.0, 0.8], [0.0, 0.0, 0.1]])
    y = A @ np.array([1.0, 1.2, 0.0])
    found = km.saddle_sequence(A, y)
    check(found, A, y)
    assert found.saddles[1][2] != 0
    np.testing.assert_allclose(found.saddles[-1], [1.0, 1.2, 0.0], atol=1e-9)


def test_equal_coordinates_jump_together():
    found = km.saddle_sequence(np.eye(2), [1.0, -1.0])
    np.testing.assert_array_equal(found.saddles, [[0, 0], [1, -1]])
    np.testing.assert_array_equal(found.times, [0, 2])


@given(seed=st.integers(0, 2**16))
def test_signed_least_squares_by_brute_force(seed):
    rng = np.random.default_rng(seed)
    A, y, signs = rng.normal(size=(5, 4)), rng.normal(size=5), rng.choice([-1.0, 0.0, 1.0], size=4)
    best = np.linalg.norm(y)
    for support in product((False, True), repeat=4):
        S = np.flatnonzero(np.array(support) & (signs != 0))
        z = np.linalg.lstsq(A[:, S], y)[0] if S.size else np.zeros(0)
        if (z * signs[S] >= 0).all():
            best = min(best, np.linalg.norm(y - A[:, S] @ z))
    w = signed_least_squares(A, y, signs)
    assert (w * signs >= 0).all()
    assert (w[signs == 0] == 0).all()
    assert np.linalg.norm(A @ w - y) == pytest.approx(best, rel=1e-12, abs=1e-14)


@given(seed=st.integers(0, 2**16), n=st.integers(5, 30), d=st.integers(1, 25))
def test_signed_least_squares_against_nnls(seed, n, d):
    rng = np.random.default_rng(seed)
    A, y = rng.normal(size=(n, d)), rng.normal(size=n)
    w = signed_least_squares(A, y, np.ones(d))
    assert np.linalg.norm(A @ w - y) == pytest.approx(nnls(A, y)[1], rel=1e-9, abs=1e-9)
    g = A.T @ (y - A @ w)
    assert g.max() <= 1e-11 * np.linalg.norm(A) * np.linalg.norm(y)
    assert np.abs(g[w > 0]).max(initial=0) <= 1e-11 * np.linalg.norm(A) * np.linalg.norm(y)


def test_averages_are_integrals_of_the_steps(diabetes):
    found = km.saddle_sequence(*diabetes)
    s = 0.7 * found.times[-1]
    grid = np.linspace(0, s, 200_001)
    middle = 0.5 * (grid[1:] + grid[:-1])
    np.testing.assert_allclose(found.averages(s)[0], found.weights(middle).mean(axis=0), atol=1e-4)


def test_nothing_to_learn():
    found = km.saddle_sequence(np.eye(2), np.zeros(2))
    assert len(found.times) == 1
    assert repr(found) == "SaddleSequence(2 weights, 0 jumps, loss 0 → 0)"
    zero_column = km.saddle_sequence(np.array([[1.0, 0.0]]), [1.0])
    np.testing.assert_array_equal(zero_column.saddles[-1], [1.0, 0.0])


def test_sequence_is_drawn_and_cannot_be_written(diabetes):
    found = km.saddle_sequence(*diabetes)
    assert len(found.plot().lines) == 10
    with pytest.raises(ValueError, match="read-only"):
        found.saddles[0] = 1


def test_bad_input():
    with pytest.raises(ValueError, match=r"A has 2 rows and y 3 entries: they must be equal"):
        km.saddle_sequence(np.eye(2), np.ones(3))
    with pytest.raises(ValueError, match=r"y has 1 NaN or infinite entries"):
        km.saddle_sequence(np.eye(2), [1.0, np.nan])
    with pytest.raises(ArithmeticError, match=r"not at a minimum after max_jumps=1 jumps"):
        km.saddle_sequence(np.diag([1.0, 2.0]), np.ones(2), max_jumps=1)
