"""The diagonal network's flow against the factors' own flow, the hypentropy minimiser and the lasso (T21, T26)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from sklearn.datasets import load_diabetes

import kronmix as km
from kronmix.regularization import Path, is_monotone, minimum_hypentropy, quadratic_flow


@pytest.fixture(scope="module")
def diabetes() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_diabetes(return_X_y=True)
    return X / X.std(axis=0), (y - y.mean()) / y.std()


@pytest.fixture(scope="module")
def lasso(diabetes) -> Path:
    X, y = diabetes
    largest = np.abs(X.T @ y).max() / y.size
    return km.reference_path(km.Regression(X.T, y), "l1", np.geomspace(0.8, 1e-3, 60) * largest)


@pytest.mark.parametrize("α", [0.5, 1e-2])
def test_weights_and_averages_are_those_of_the_factors(α):
    rng = np.random.default_rng(0)
    A, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    s = np.array([0.3, 3.0, 1.0])
    flow = km.diagonal_flow(A, y, α, s, rtol=1e-10)

    def slope(_, z):
        u, v = z[:3], z[3:6]
        G = A.T @ (A @ (u * v) - y) / 8
        return np.concatenate([-G * v, -G * u, u * v])

    start = np.concatenate([np.full(3, np.sqrt(2) * α), np.zeros(6)])
    for time, w, average in zip(s * np.log(1 / α), flow.weights, flow.averages, strict=True):
        z = solve_ivp(slope, (0, time), start, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
        np.testing.assert_allclose(w, z[:3] * z[3:6], atol=1e-7)
        np.testing.assert_allclose(average, z[6:] / time, atol=1e-7)


@pytest.mark.parametrize("α", [1e-2, 1e-20, 1e-60])
def test_underdetermined_flow_ends_at_the_hypentropy_minimiser(α):
    rng = np.random.default_rng(1)
    A, y = rng.normal(size=(3, 6)), rng.normal(size=3)
    flow = km.diagonal_flow(A, y, α, [300.0])
    np.testing.assert_allclose(flow.weights[0], minimum_hypentropy(A, y, α), atol=1e-6)


def test_mirror_identity(diabetes):
    """q = s(r − M w̄): what makes the averages a lasso path (T26)."""
    X, y = diabetes
    flow = km.diagonal_flow(X, y, 1e-50, [1.0, 7.0, 50.0])
    expected = flow.times[:, None] * ((y - flow.averages @ X.T) @ X) / y.size
    np.testing.assert_allclose(flow.duals, expected, atol=1e-9)
    np.testing.assert_allclose(flow.weights, 1e-100 * np.sinh(2 * np.log(1e50) * flow.duals), rtol=1e-6)


def test_distances_to_the_lasso_on_diabetes(diabetes, lasso):
    """T26's four distances: medians 3e-2, 1e-2, 2e-3, 7e-4, and 0.14 at most, where the path is not monotone."""
    X, y = diabetes
    monotone = is_monotone(lasso)
    assert monotone.any()
    assert not monotone.all()
    for α, median in ((1e-4, 0.035), (1e-10, 0.015), (1e-50, 0.0025), (1e-140, 0.0008)):
        flow = km.diagonal_flow(X, y, α, 1 / lasso.parameter)
        path = flow.path(lasso.weights)
        assert np.median(path.distance) < median
        assert path.distance.max() < 0.14
    assert path.distance[monotone].max() < 3e-3
    assert path.distance.max() > 0.1
    assert not monotone[path.distance.argmax()]
    np.testing.assert_allclose(path.parameter, lasso.parameter)


def test_times_in_any_order_and_twice():
    flow = quadratic_flow(np.eye(2), [2.0, 0.5], 1e-20, [3.0, 1.0, 3.0])
    np.testing.assert_array_equal(flow.weights[0], flow.weights[2])
    np.testing.assert_allclose(
        flow.weights[1], quadratic_flow(np.eye(2), [2.0, 0.5], 1e-20, [1.0]).weights[0], atol=1e-6
    )


def test_monotone_by_definition():
    λ = np.array([1.0, 3.0, 2.0, 0.5])  # not sorted
    up = np.array([[[2.0, 0.0]], [[0.0, 0.0]], [[1.0, 0.0]], [[3.0, -1.0]]])
    assert is_monotone(Path(λ, up)).all()
    crossing = up.copy()
    crossing[0, 0, 0] = -2.0  # 0, 1, −2, 3
    np.testing.assert_array_equal(is_monotone(Path(λ, crossing)), [False, True, True, False])


def test_diabetes_path_stops_being_monotone_at_a_kink(diabetes):
    X, y = diabetes
    path = km.reference_path(km.Regression(X.T, y))
    marked = is_monotone(path)
    assert marked.sum() == 8
    falling = np.abs(path.weights[8, 0]) < np.abs(path.weights[7, 0])
    assert falling.any()


def test_flow_is_drawn(diabetes):
    X, y = diabetes
    flow = km.diagonal_flow(X, y, 1e-10, [1.0, 2.0, 5.0])
    assert len(flow.plot().lines) == 10
    assert repr(flow) == "DiagonalFlow(α=1e-10, 10 weights at 3 rescaled times up to 5)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.eye(2), [1.0], 0.1, [1.0]), r"A has 2 rows and y 1 entries"),
        ((np.full((1, 2), np.nan), [1.0], 0.1, [1.0]), r"A has 2 NaN or infinite entries"),
        ((np.ones((0, 2)), np.ones(0), 0.1, [1.0]), r"y is empty: expected at least one measurement"),
        ((np.eye(2), np.ones(2), 1.0, [1.0]), r"α=1.0: expected a scale from 1e-145, below 1"),
        ((np.eye(2), np.ones(2), 0.0, [1.0]), r"α=0.0: expected a scale from 1e-145, below 1"),
        ((np.eye(2), np.ones(2), 0.1, [0.0]), r"times=\[0.\]: expected rescaled times s > 0"),
        ((np.eye(2), np.ones(2), 0.1, []), r"times=\[\]: expected rescaled times s > 0"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        km.diagonal_flow(*arguments)


def test_bad_quadratics_and_complex_data():
    with pytest.raises(ValueError, match=r"M has shape \(2, 3\): expected \(2, 2\) for r of size 2"):
        quadratic_flow(np.ones((2, 3)), np.ones(2), 0.1, [1.0])
    with pytest.raises(TypeError, match=r"A and y hold complex numbers: expected real ones"):
        km.diagonal_flow(1j * np.eye(2), np.ones(2), 0.1, [1.0])


def test_constant_columns_are_refused() -> None:
    A = np.column_stack([np.arange(4.0), np.full(4, 2.0), np.zeros(4)])
    for run in (lambda: km.diagonal_flow(A, np.ones(4), 1e-3, [1.0]), lambda: km.saddle_sequence(A, np.ones(4))):
        with pytest.raises(ValueError, match=r"column 1 is constant \(2 in every row\)"):
            run()
    assert km.saddle_sequence(A[:, ::2], np.arange(4.0)).saddles.shape[1] == 2  # a column of zeros never moves
