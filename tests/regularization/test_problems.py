"""Problems against their definitions."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kronmix as km
from kronmix.regularization import loss


def dense_gradient(problem: Any, B: Any) -> Any:
    _, outputs_bar = problem.loss_and_gradient(B @ problem.inputs)
    return outputs_bar @ problem.inputs.conj().T


def numeric_gradient(function: Any, B: Any, h: float = 1e-6) -> Any:
    G = np.zeros_like(B)
    for i in np.ndindex(*B.shape):
        E = np.zeros_like(B)
        E[i] = h
        G[i] = (function(B + E) - function(B - E)) / (2 * h)
    return G


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 12), st.integers(0, 99))
def test_squared_regression(rows: int, cols: int, samples: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, Y, B = (rng.normal(size=s) for s in ((cols, samples), (rows, samples), (rows, cols)))
    problem = km.Regression(X, Y)

    def direct(M: Any) -> float:
        return float(0.5 * np.sum((M @ X - Y) ** 2) / samples)

    assert problem.inputs.shape[1] <= cols or samples <= cols
    assert loss(problem, B) == pytest.approx(direct(B))
    np.testing.assert_allclose(dense_gradient(problem, B), (B @ X - Y) @ X.T / samples, atol=1e-9)
    assert problem.curvature == pytest.approx(np.linalg.eigvalsh(X @ X.T / samples)[-1])


def test_complex_regression_compresses_exactly() -> None:
    rng = np.random.default_rng(0)
    X, Y, B = (rng.normal(size=s) + 1j * rng.normal(size=s) for s in ((3, 50), (2, 50), (2, 3)))
    problem = km.Regression(X, Y)
    assert problem.inputs.shape == (3, 3)
    assert loss(problem, B) == pytest.approx(0.5 * np.linalg.norm(B @ X - Y) ** 2 / 50)
    np.testing.assert_allclose(dense_gradient(problem, B), (B @ X - Y) @ X.conj().T / 50)


def test_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    X, B = rng.normal(size=(3, 20)), rng.normal(size=(1, 3))
    y = rng.choice([-1, 1], 20)
    problem = km.Regression(X, y, loss="logistic")

    def direct(M: Any) -> float:
        return float(np.mean(np.log(1 + np.exp(-y * (M @ X)[0]))))

    assert loss(problem, B) == pytest.approx(direct(B))
    np.testing.assert_allclose(dense_gradient(problem, B), numeric_gradient(direct, B), atol=1e-8)
    assert np.isfinite(loss(problem, 1e6 * B))


def test_sensing_and_observed() -> None:
    rng = np.random.default_rng(0)
    A, y, B, T = rng.normal(size=(7, 2, 3)), rng.normal(size=7), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    sensing = km.Sensing(A, y)

    def direct(M: Any) -> float:
        return float(0.5 * np.mean([(np.sum(a * M) - v) ** 2 for a, v in zip(A, y, strict=True)]))

    assert loss(sensing, B) == pytest.approx(direct(B))
    np.testing.assert_allclose(dense_gradient(sensing, B), numeric_gradient(direct, B), atol=1e-7)
    assert loss(km.Observed(T), B) == pytest.approx(0.5 * np.sum((B - T) ** 2))
    np.testing.assert_allclose(dense_gradient(km.Observed(T), B), B - T)


def test_complex_sensing() -> None:
    """CASES 19: the loss was −0.297."""
    rng = np.random.default_rng(0)
    A, y, B = (rng.normal(size=s) + 1j * rng.normal(size=s) for s in ((7, 2, 3), (7,), (2, 3)))
    problem = km.Sensing(A, y)

    def direct(M: Any) -> float:
        return float(0.5 * np.mean([abs(np.sum(a * M) - v) ** 2 for a, v in zip(A, y, strict=True)]))

    assert loss(problem, B) == pytest.approx(direct(B))
    G = dense_gradient(problem, B)
    step = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
    slope = (direct(B + 1e-6 * step) - direct(B - 1e-6 * step)) / 2e-6
    assert np.vdot(G, step).real == pytest.approx(slope, rel=1e-6)
    start = km.Dense(np.zeros((2, 3), complex))
    found = km.gradient_descent(km.Sensing(A, np.einsum("nij,ij->n", A, B)), start, steps=3000).operator
    np.testing.assert_allclose(found.to_dense(), B, atol=1e-6)


@pytest.mark.parametrize("loss_name", ["squared", "logistic"])
@pytest.mark.parametrize("samples", [3, 30])
def test_a_weight_of_two_is_a_sample_given_twice(loss_name: str, samples: int) -> None:
    rng = np.random.default_rng(0)
    X, Y, B = rng.normal(size=(4, samples)), np.sign(rng.normal(size=(2, samples))), rng.normal(size=(2, 4))
    counts = rng.integers(0, 3, samples)
    counts[0] = 2
    once = km.Regression(X, Y, loss_name, weights=counts)
    twice = km.Regression(np.repeat(X, counts, axis=1), np.repeat(Y, counts, axis=1), loss_name)
    assert loss(once, B) == pytest.approx(loss(twice, B))
    np.testing.assert_allclose(dense_gradient(once, B), dense_gradient(twice, B), atol=1e-12)
    assert once.curvature == pytest.approx(twice.curvature)


def test_data_as_people_have_it() -> None:
    from scipy.sparse import csr_array

    X = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    assert np.array_equal(km.Regression(csr_array(X), np.ones(3)).X, X)
    assert km.Regression(X.astype(np.float16), np.ones(3)).X.dtype == np.float32
    assert km.Regression(np.ma.masked_array(X, np.zeros_like(X, bool)), np.ones(3)).X.shape == (2, 3)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: km.Observed(np.ma.masked_array([[1.0, 2.0]], [[0, 1]])),
            ValueError,
            "T is a masked array with 1 masked",
        ),
        (lambda: km.Regression(np.ones((2, 3)), np.full(3, 1j), loss="logistic"), ValueError, "labels −1 and 1"),
        (
            lambda: km.Regression(1j * np.ones((2, 3)), np.ones(3), loss="logistic"),
            TypeError,
            "X holds complex numbers",
        ),
        (
            lambda: km.Regression(np.ones((2, 3)), np.ones((1, 4))),
            ValueError,
            "X has shape (2, 3) and Y (1, 4): expected as many samples (columns)",
        ),
        (lambda: km.Regression(np.ones((2, 0)), np.ones((1, 0))), ValueError, "expected at least one sample"),
        (lambda: km.Regression(np.ones((2, 3)), np.ones(3), loss="hinge"), ValueError, "loss='hinge': expected one of"),
        (lambda: km.Regression(np.ones((2, 3)), np.full(3, 2), loss="logistic"), ValueError, "needs labels −1 and 1"),
        (
            lambda: km.Regression([[1, np.nan]], [1, 2]),
            ValueError,
            "X has 1 NaN or infinite entries, the first at index (0, 1)",
        ),
        (lambda: km.Sensing(np.ones((3, 2, 2)), np.ones(4)), ValueError, "A holds 3 measurements and y 4"),
        (lambda: km.Sensing(np.ones((3, 4)), np.ones(3)), ValueError, "A has shape (3, 4): expected 3 axes"),
        (lambda: km.Sensing(np.ones((0, 2, 2)), np.ones(0)), ValueError, "y is empty"),
        (lambda: km.Observed([["a"]]), TypeError, "T has dtype <U1: expected numbers"),
        (lambda: km.Observed([[np.inf]]), ValueError, "T has 1 NaN or infinite"),
    ],
)
def test_bad_input(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        make()
