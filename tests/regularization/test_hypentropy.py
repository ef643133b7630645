"""Interpolators: optimality conditions from α = 1e-140 to 1e6, the ℓ1 and ℓ2 ends, brute force on tiny sizes, real data."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize_scalar
from sklearn.datasets import load_diabetes

import kronmix as km
from kronmix.regularization import hypentropy, minimum_hypentropy, minimum_l1, minimum_l2

SCALES = (1e6, 1e2, 1.0, 1e-3, 1e-10, 1e-30, 1e-60, 1e-140)


def log_dual(w: np.ndarray, α: float) -> np.ndarray:
    """arcsinh(w/α²)/2 without overflow: the gradient of Φ_α."""
    return 0.5 * np.arcsinh(w / α**2)


def quadratic_features() -> tuple[np.ndarray, np.ndarray]:
    """40 rows of diabetes with all degree-2 features, 65 − 1 unknowns (sex² is sex again)."""
    X, y = load_diabetes(return_X_y=True)
    X, y = X[::11][:40], y[::11][:40]
    pairs = [X[:, i] * X[:, j] for i in range(10) for j in range(i, 10) if (i, j) != (1, 1)]
    A = np.column_stack([X, *pairs])
    return A / np.linalg.norm(A, axis=0), y


@pytest.mark.parametrize("α", SCALES)
@given(seed=st.integers(0, 2**16), m=st.integers(1, 6), extra=st.integers(1, 6))
def test_optimality_conditions(α, seed, m, extra):
    rng = np.random.default_rng(seed)
    A, y = rng.normal(size=(m, m + extra)), rng.normal(size=m)
    w = minimum_hypentropy(A, y, α)
    np.testing.assert_allclose(A @ w, y, atol=1e-11 * np.abs(A).sum() * np.abs(w).max())
    # ∇Φ_α(w) lies in the range of Aᵀ, where w has not rounded to nothing.
    seen = np.abs(w) > 1e-12 * np.abs(w).max()
    z = log_dual(w, α)
    if seen.sum() >= m:
        ν = np.linalg.lstsq(A[:, seen].T, z[seen])[0]
        np.testing.assert_allclose(A[:, seen].T @ ν, z[seen], atol=1e-7 * np.abs(z).max())


@pytest.mark.parametrize("α", [3.0, 0.5, 1e-2, 1e-5])
def test_least_potential_on_a_line(α):
    """One measurement of two unknowns: the feasible set is a line, searched directly."""
    A, y = np.array([[1.0, 1.5]]), np.array([2.0])
    base, along = minimum_l2(A, y), np.array([1.5, -1.0])
    best = minimize_scalar(lambda t: hypentropy(base + t * along, α), bounds=(-2, 2), options={"xatol": 1e-10})
    w = minimum_hypentropy(A, y, α)
    assert hypentropy(w, α) <= best.fun * (1 + 1e-12)
    np.testing.assert_allclose(w, base + best.x * along, atol=1e-4)


def test_ends_are_minimum_l1_and_minimum_l2_on_real_data():
    A, y = quadratic_features()
    path = km.interpolation_path(km.Regression(A.T, y), [0, 1e-140, 1e-60, 1e-8, 1, 1e6, np.inf])
    W = path.weights[:, 0]
    assert np.abs(W @ A.T - y).max() < 1e-11 * np.abs(y).max()
    assert path.duality_gap.max() < 1e-12
    assert np.linalg.norm(W[1] - W[0]) < 1e-4 * np.linalg.norm(W[0])
    assert np.linalg.norm(W[5] - W[6]) < 1e-10 * np.linalg.norm(W[6])
    np.testing.assert_allclose(W[6], np.linalg.pinv(A) @ y, rtol=1e-8)
    lengths = np.abs(W).sum(axis=1)
    assert (lengths[0] <= lengths * (1 + 1e-12)).all()
    assert (np.linalg.norm(W[-1]) <= np.linalg.norm(W, axis=1) * (1 + 1e-12)).all()
    assert np.count_nonzero(W[0]) <= 40


@given(seed=st.integers(0, 2**16))
def test_minimum_l1_is_the_best_vertex(seed):
    rng = np.random.default_rng(seed)
    A, y = rng.normal(size=(3, 6)), rng.normal(size=3)
    best = min(np.abs(np.linalg.solve(A[:, S], y)).sum() for S in map(list, combinations(range(6), 3)))
    w = minimum_l1(A, y)
    assert np.abs(w).sum() == pytest.approx(best, rel=1e-9)
    np.testing.assert_allclose(A @ w, y, atol=1e-10 * np.abs(w).max() * np.abs(A).max())


@pytest.mark.parametrize("α", [1e-4, 1e-30, 1e-60, 1e-140])
def test_sparse_targets_where_the_dual_is_singular(α):
    """Three active of 40 unknowns, 20 measurements: only three curvatures are not tiny."""
    rng = np.random.default_rng(3)
    A, w0 = rng.normal(size=(20, 40)), np.zeros(40)
    w0[:3] = 1.0, -0.5, 2.0
    w = minimum_hypentropy(A, A @ w0, α)
    np.testing.assert_allclose(A @ w, A @ w0, atol=1e-11)
    np.testing.assert_allclose(w, w0, atol=1e-2 if α == 1e-4 else 1e-10)


def test_redundant_measurements_and_several_outputs():
    rng = np.random.default_rng(0)
    A, w = rng.normal(size=(3, 5)), rng.normal(size=(5, 2))
    twice = np.vstack([A, A[:1] - A[1:2]])
    for α in (0.0, 1e-20, 2.0, np.inf):
        path = km.interpolation_path(km.Regression(twice.T, (twice @ w).T), [α])
        alone = km.interpolation_path(km.Regression(A.T, (A @ w)[:, 1]), [α])
        assert path.weights.shape == (1, 2, 5)
        np.testing.assert_allclose(path.weights[0] @ A.T, (A @ w).T, atol=1e-10)
        np.testing.assert_allclose(path.weights[0, 1], alone.weights[0, 0], atol=1e-8)


@given(seed=st.integers(0, 2**16), exponent=st.floats(-130, 100))
def test_potential_and_its_gradient(seed, exponent):
    rng, α = np.random.default_rng(seed), 10.0**exponent
    w = rng.normal(size=4)
    x = w / α**2
    assert hypentropy(w, α) >= 0
    assert hypentropy(-w, α) == hypentropy(w, α)
    if 1e-4 < α < 1e2:
        naive = 0.5 * np.sum(w * np.arcsinh(x) - np.sqrt(w**2 + α**4) + α**2)
        assert hypentropy(w, α) == pytest.approx(naive, rel=1e-6)
    h = 1e-6 * w
    slope = (hypentropy(w + h, α) - hypentropy(w - h, α)) / 2
    assert slope == pytest.approx(log_dual(w, α) @ h, rel=1e-6)


def test_units_do_not_matter():
    """Φ_α(c w) = c Φ_{α/√c}(w)."""
    rng = np.random.default_rng(4)
    A, y = rng.normal(size=(3, 6)), rng.normal(size=3)
    for α in (1e-20, 1.0):
        np.testing.assert_allclose(
            minimum_hypentropy(A, 1e8 * y, 1e4 * α), 1e8 * minimum_hypentropy(A, y, α), rtol=1e-9
        )
        np.testing.assert_allclose(minimum_hypentropy(1e-5 * A, 1e-5 * y, α), minimum_hypentropy(A, y, α), rtol=1e-9)


def test_zero_targets():
    A = np.ones((1, 3))
    for solve in (minimum_l1, minimum_l2, lambda A, y: minimum_hypentropy(A, y, 1e-3)):
        np.testing.assert_array_equal(solve(A, np.zeros(1)), np.zeros(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: minimum_l1(np.ones((2, 3)), [1.0, 2.0]),
            r"nothing interpolates: the best fit of y leaves 0.32 of its norm",
        ),
        (lambda: minimum_l2(np.ones((2, 3)), [1.0]), r"A has 2 rows and y 1 entries: they must be equal"),
        (lambda: minimum_l2(np.full((1, 3), np.nan), [1.0]), r"A has 3 NaN or infinite entries"),
        (lambda: minimum_hypentropy(np.ones((1, 2)), [1.0], -1.0), r"α=-1.0: expected a scale from 1e-145 to 1e\+145"),
        (lambda: minimum_hypentropy(np.ones((1, 2)), [1.0], np.nan), r"α=nan: expected a scale"),
        (lambda: km.interpolation_path(km.Sensing(np.ones((1, 1, 2)), [1.0]), [[1.0]]), r"scales has shape \(1, 1\)"),
        (lambda: km.interpolation_path(km.Sensing(np.ones((1, 1, 2)), [1.0]), [-2.0]), r"α=-2.0: expected a scale"),
        (lambda: hypentropy([1.0], 0.0), r"α=0.0: expected a scale"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_observed_targets_interpolate_themselves():
    T = np.random.default_rng(0).normal(size=(2, 3))
    for B in km.interpolation_path(km.Observed(T), [0.0, 1.0, np.inf]).weights:
        np.testing.assert_allclose(B, T)


def test_problems_without_a_design_are_refused():
    with pytest.raises(TypeError, match=r"expected loss='squared'"):
        km.interpolation_path(km.Regression(np.eye(2), np.ones((1, 2)), loss="logistic"), [1.0])
