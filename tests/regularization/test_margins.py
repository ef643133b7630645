"""Largest margins, certified, and gradient flow towards them (T34)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import kronmix as km
from kronmix.regularization import NotSeparableError
from kronmix.regularization.margin_paths import LogLoss
from kronmix.regularization.margins import margin_matrix


def labelled(rows: int, columns: int, samples: int, seed: int = 0, loss: str = "logistic") -> km.Regression:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(columns, samples))
    outputs = rng.normal(size=(rows, columns)) @ X
    Y = np.sign(outputs) if loss == "logistic" else np.eye(rows)[:, outputs.argmax(axis=0)]
    return km.Regression(X, Y, loss)


def smallest_norm(problem: Any, value: Any) -> float:
    """min value(B) subject to the margins by a general solver, of a smooth value."""
    C = margin_matrix(problem)
    start = 10 * np.linalg.lstsq(C, np.ones(len(C)))[0]
    constraint = {"type": "ineq", "fun": lambda b: C @ b - 1, "jac": lambda b: C}
    found = minimize(value, start, constraints=[constraint], method="SLSQP", options={"maxiter": 2000, "ftol": 1e-14})
    return float(found.fun)


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_margins_are_what_they_are_called(loss: str) -> None:
    problem = labelled(3, 4, 7, loss=loss)
    B = np.random.default_rng(1).normal(size=problem.shape)
    outputs = B @ problem.X
    if loss == "logistic":
        expected = (problem.Y * outputs).ravel()
    else:
        label = problem.Y.argmax(axis=0)
        expected = np.concatenate(
            [[outputs[label[i], i] - outputs[k, i] for i in range(7) if k != label[i]] for k in range(3)]
        )
    np.testing.assert_allclose(margin_matrix(problem) @ B.ravel(), expected, rtol=1e-12)


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_largest_margins_are_certified(loss: str) -> None:
    problem = labelled(2, 6, 8, loss=loss)
    for penalty in (
        "l1",
        "nuclear",
        "frobenius",
        km.Kronecker(np.ones((1, 2)), np.ones((2, 3))),
        km.Dense(np.ones((2, 6))),
    ):
        best = km.max_margin(problem, penalty)
        margins = margin_matrix(problem) @ best.weight.ravel()
        assert margins.min() == pytest.approx(1, rel=1e-12)
        assert best.margin <= best.upper * (1 + 1e-12)
        assert best.dual_gap <= 1e-6
        assert best.norm.dual((best.multipliers @ margin_matrix(problem)).reshape(problem.shape)) <= 1 + 1e-9
        assert 1 / best.multipliers.sum() == pytest.approx(best.upper, rel=1e-9)
    smooth = smallest_norm(problem, lambda b: float(b @ b))
    assert km.max_margin(problem, "ridge").margin == pytest.approx(smooth**-0.5, rel=1e-5)
    assert "of " in repr(best)


def test_data_that_cannot_be_separated_is_refused_with_a_proof() -> None:
    problem = km.Regression(np.array([[1.0, 1.0, 2.0], [0.0, 0.0, 1.0]]), [1, -1, 1], "logistic")
    with pytest.raises(NotSeparableError, match="not separable") as caught:
        km.max_margin(problem)
    α = caught.value.combination
    assert α.min() >= 0
    assert α.sum() == pytest.approx(1)
    np.testing.assert_allclose(α @ margin_matrix(problem), 0, atol=1e-9)
    with pytest.raises(TypeError, match="has no margins"):
        km.max_margin(km.Observed(np.eye(2)))  # type: ignore[arg-type]


def test_the_logarithm_of_a_loss_that_underflows() -> None:
    problem = labelled(2, 3, 6, loss="softmax")
    logarithm, op = LogLoss(problem), km.Dense(km.max_margin(problem, "frobenius").weight)
    near = np.log(problem.loss_and_gradient(op.matrix @ problem.X)[0])
    assert logarithm.value(op) == pytest.approx(near, rel=1e-12)
    assert logarithm.value(km.Dense(5e3 * op.matrix)) == pytest.approx(-5e3, rel=1e-2)
    outputs = 5e3 * op.matrix @ problem.X
    _, gradient = logarithm.loss_and_gradient(outputs)
    h = 1e-3 * np.random.default_rng(0).normal(size=outputs.shape)
    change = logarithm.loss_and_gradient(outputs + h)[0] - logarithm.loss_and_gradient(outputs - h)[0]
    assert change / 2 == pytest.approx(float(np.vdot(gradient, h)), rel=1e-4)


def test_flow_of_a_diagonal_network_goes_to_the_largest_l1_margin() -> None:
    problem, rng = labelled(1, 5, 6), np.random.default_rng(2)
    path = km.margin_path(problem, km.Hadamard(*0.1 * rng.normal(size=(2, 1, 5))), [2, 10, 60], rtol=1e-5)
    assert (path.margins <= path.best.upper * (1 + 1e-9)).all()
    assert (np.diff(path.margins) > 0).all()
    assert 0.9 < path.share <= 1
    assert path.stationarity[-1] < 0.3
    assert path.stationarity[-1] < path.stationarity[0]
    assert path.remark.startswith("measured: ")
    assert repr(path).startswith("MarginPath(3 levels up to 60")


def test_a_mixer_of_two_layers_has_a_nuclear_margin() -> None:
    problem = labelled(4, 4, 6)
    mixer = km.LinearMixer([np.eye(2)] * 2, [np.eye(2)] * 2)
    assert km.max_margin(problem, mixer).margin == pytest.approx(km.max_margin(problem, "nuclear").margin, rel=1e-5)
    with pytest.raises(ValueError, match="expected increasing values"):
        km.margin_path(problem, mixer, [2.0, 1.0])
