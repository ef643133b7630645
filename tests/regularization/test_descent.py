"""Gradient descent on factors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix.optimizers import SGD, AdamW, cosine
from kronmix.regularization import (
    DivergenceError,
    EdgeOfStabilityWarning,
    Sampling,
    estimated_step_size,
    largest_hessian_eigenvalue,
    loss,
    loss_and_gradients,
)
from kronmix.regularization.losses import LOSSES
from tests.strategies import operators


@settings(max_examples=30)
@given(operators(dtypes=[np.float64]), st.integers(0, 9), st.sampled_from([0.0, 0.3]))
def test_gradients_are_those_of_the_loss(drawn: Any, seed: int, weight_decay: float) -> None:
    op, _ = drawn
    rng = np.random.default_rng(seed)
    problem = km.Sensing(rng.normal(size=(6, *op.shape)), rng.normal(size=6))
    value, gradients = loss_and_gradients(problem, op, weight_decay)
    directions = [rng.normal(size=f.shape) for f in op.factors]

    def along(t: float) -> float:
        moved = op.with_factors(*(f + t * d for f, d in zip(op.factors, directions, strict=True)))
        return loss_and_gradients(problem, moved, weight_decay)[0]

    h = 1e-5
    slope = sum(float(np.sum(g * d)) for g, d in zip(gradients, directions, strict=True))
    assert (along(h) - along(-h)) / (2 * h) == pytest.approx(slope, rel=1e-4, abs=1e-4 * (1 + value))


def test_fixed_steps_are_exactly_gradient_steps() -> None:
    rng = np.random.default_rng(0)
    T, U, V = rng.normal(size=(3, 2, 3))
    path = km.gradient_descent(km.Observed(T), km.Hadamard(U, V), step_size=0.01, steps=3, records=10)
    for _ in range(3):
        residual = U * V - T
        U, V = U - 0.01 * residual * V, V - 0.01 * residual * U
    np.testing.assert_allclose(path.operator.factors[0], U, rtol=1e-12)
    np.testing.assert_allclose(path.operator.factors[1], V, rtol=1e-12)
    np.testing.assert_allclose(path.times, [0, 0.01, 0.02, 0.03])
    assert path.losses[-1] == pytest.approx(loss(km.Observed(T), path.operator))


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}])
def test_t23_monarch_recovers_where_least_norm_does_not(options: Any) -> None:
    rng = np.random.default_rng(1)
    slices = np.zeros((4, 4, 4, 4))
    for i in rng.choice(16, 3, replace=False):
        u, v = rng.normal(size=(2, 4))
        slices[:, i // 4, i % 4, :] = np.outer(u / np.linalg.norm(u), v / np.linalg.norm(v))
    T = slices.reshape(16, 16)
    A = rng.normal(size=(110, 16, 16))
    problem = km.Sensing(A, np.tensordot(A, T, 2))
    start = km.Monarch(1e-4 * rng.normal(size=(4, 4, 4)), 1e-4 * rng.normal(size=(4, 4, 4)))
    path = km.gradient_descent(problem, start, steps=20_000, loss_tolerance=1e-14, **options)
    assert np.linalg.norm(path.operator.to_dense() - T) < 1e-3 * np.linalg.norm(T)
    least = (np.linalg.pinv(problem.matrix) @ problem.y).reshape(16, 16)
    assert np.linalg.norm(least - T) > 0.5 * np.linalg.norm(T)


def test_descent_is_monotone_by_default_and_records_what_is_asked() -> None:
    rng = np.random.default_rng(0)
    problem = km.Regression(rng.normal(size=(6, 40)), rng.normal(size=(4, 40)))
    seen: list[int] = []
    path = km.gradient_descent(
        problem,
        km.Kronecker(rng.normal(size=(2, 3)), rng.normal(size=(2, 2))),
        steps=500,
        record={"norm": km.norm, "factors": lambda op: op.factors[0]},
        records=20,
        progress=lambda step, value: seen.append(step),
    )
    assert np.all(np.diff(path.losses) <= 1e-12)
    assert path.recorded["norm"].shape == path.times.shape
    assert path.recorded["factors"].shape == (path.times.size, 2, 3)
    np.testing.assert_array_equal(path.recorded["factors"][-1], path.operator.factors[0])
    assert seen[0] == 0
    assert seen[-1] == 500
    assert len(seen) <= 21
    assert "TrainingPath(loss" in repr(path)


def test_line_search_descends_without_a_step_size() -> None:
    rng = np.random.default_rng(0)
    problem, start = km.Observed(np.kron(*rng.normal(size=(2, 3, 3)))), km.Kronecker(*rng.normal(size=(2, 3, 3)))
    path = km.gradient_descent(problem, start, step_size=100.0, steps=300, line_search=True)
    assert np.all(np.diff(path.losses) <= 0)
    assert path.losses[-1] < 1e-12


def test_weight_decay_shrinks_to_the_ridge_solution() -> None:
    rng = np.random.default_rng(0)
    X, Y, λ = rng.normal(size=(4, 30)), rng.normal(size=(2, 30)), 0.3
    path = km.gradient_descent(km.Regression(X, Y), km.Dense(np.zeros((2, 4))), steps=5000, weight_decay=λ)
    ridge = Y @ X.T @ np.linalg.inv(X @ X.T + 30 * λ * np.eye(4))
    np.testing.assert_allclose(path.operator.to_dense(), ridge, atol=1e-8)


def test_divergence_is_named_with_the_stable_bound() -> None:
    with pytest.raises(DivergenceError, match=r"diverged at step \d+ with step_size=3: .* stable bound is 2 "):
        km.gradient_descent(km.Observed(np.eye(3)), km.Dense(np.ones((3, 3))), step_size=3.0, steps=1000)


def test_edge_of_stability_warns() -> None:
    """On ½(1 − uv)² the curvature grows with the factors, here past 2 over the step size."""
    problem, start = km.Observed([[1.0]]), km.Hadamard([[0.5]], [[0.5]])
    with pytest.warns(EdgeOfStabilityWarning, match=r"step_size=1\.2 × largest Hessian eigenvalue"):
        km.gradient_descent(problem, start, step_size=1.2, steps=2)


def test_hessian_eigenvalue() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 9))
    problem = km.Regression(X, rng.normal(size=(3, 9)))
    assert largest_hessian_eigenvalue(problem, km.Dense(rng.normal(size=(3, 5)))) == pytest.approx(
        problem.curvature, rel=1e-4
    )
    assert estimated_step_size(problem, km.Dense(np.zeros((3, 5)))) == pytest.approx(1 / problem.curvature, rel=2e-2)
    u, v, t = 0.7, -1.3, 0.4
    H = np.array([[v * v, 2 * u * v - t], [2 * u * v - t, u * u]])
    found = largest_hessian_eigenvalue(km.Observed([[t]]), km.Hadamard([[u]], [[v]]))
    assert found == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=1e-6)


def test_interruption_keeps_the_path() -> None:
    def interrupt(step: int, value: float) -> None:
        if step >= 10:
            raise KeyboardInterrupt

    path = km.gradient_descent(km.Observed(np.eye(2)), km.Dense(np.zeros((2, 2))), 1e-3, 1000, progress=interrupt)
    assert path.reason == "interrupted"
    assert 10 <= path.steps < 1000
    assert path.losses[-1] < path.losses[0]


def test_stop_rules() -> None:
    problem, start = km.Observed(np.eye(2)), km.Dense(np.zeros((2, 2)))
    assert km.gradient_descent(problem, start, 0.5, 1000, gradient_tolerance=1e-6).reason == "gradient"
    assert km.gradient_descent(problem, start, 0.5, 1000, loss_tolerance=1e-6).reason == "loss"
    assert km.gradient_descent(problem, start, 0.5, 5).reason == "steps"
    assert km.gradient_descent(problem, start, 0.5, 0).times.tolist() == [0.0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"step_size": -1.0}, "step_size=-1.0: expected a positive number"),
        ({"step_size": float("nan")}, "step_size=nan"),
        ({"steps": -1}, "steps=-1"),
        ({"momentum": 1.0}, "momentum=1.0: expected 0 ≤ momentum < 1"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1: expected a number λ ≥ 0"),
        ({"momentum": 0.5, "line_search": True}, "line_search finds its own steps"),
        ({"optimizer": SGD()}, "step_size is missing"),
        ({"sampling": Sampling()}, "step_size is missing"),
        ({"step_size": 0.1, "optimizer": SGD(), "weight_decay": 0.1}, "give them to it, as in SGD(weight_decay=…)"),
    ],
)
def test_bad_options(options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        km.gradient_descent(km.Observed(np.eye(2)), km.Dense(np.eye(2)), **options)


def test_an_optimizer_steps_as_it_does_on_a_vector() -> None:
    rng = np.random.default_rng(0)
    problem, start = km.Observed(rng.normal(size=(2, 3))), km.Hadamard(*rng.normal(size=(2, 2, 3)))
    adam = AdamW(weight_decay=lambda step: 0.5 if step < 3 else 0.0)
    path = km.gradient_descent(problem, start, cosine(0.1, 9), 9, optimizer=adam)
    assert adam.state == {}  # a run leaves the optimiser it was given alone
    by_hand, θ, op = AdamW(weight_decay=0.5), np.concatenate([f.ravel() for f in start.factors]), start
    for step in range(9):
        by_hand.weight_decay = 0.5 if step < 3 else 0.0
        _, gradients = loss_and_gradients(problem, op)
        by_hand.step(θ, np.concatenate([g.ravel() for g in gradients]), cosine(0.1, 9)(step), step)
        op = start.with_factors(*θ.reshape(2, 2, 3))
    np.testing.assert_allclose(path.operator.to_dense(), op.to_dense(), rtol=1e-13)
    assert path.times[-1] == pytest.approx(sum(cosine(0.1, 9)(step) for step in range(9)))


def test_sampled_gradients_are_those_of_the_whole_loss_on_average() -> None:
    rng = np.random.default_rng(0)
    X, Y, w = rng.normal(size=(3, 12)), rng.normal(size=(2, 12)), rng.uniform(0.5, 2, 12)
    op = km.Dense(rng.normal(size=(2, 3)))
    for problem in (km.Regression(X, Y, weights=w), km.Regression(X, np.sign(Y), "logistic", w)):
        draws = zip(range(4000), Sampling(batch=3, seed=1).problems(problem), strict=False)
        each = np.stack([loss_and_gradients(part, op)[1][0] for _, part in draws])
        error = each.std(axis=0) / np.sqrt(len(each))
        assert (np.abs(each.mean(axis=0) - loss_and_gradients(problem, op)[1][0]) < 4.5 * error).all()
    whole = next(Sampling().problems(problem))
    assert loss(whole, op) == pytest.approx(loss(problem, op), rel=1e-12)


def test_label_noise_is_fresh_at_every_step_and_has_its_size() -> None:
    problem = km.Sensing(np.zeros((400, 1, 1)), np.zeros(400))
    draws = [
        np.asarray(part.y) for _, part in zip(range(20), Sampling(label_noise=0.3).problems(problem), strict=False)
    ]  # type: ignore[attr-defined]
    assert np.std(draws) == pytest.approx(0.3, rel=0.02)
    assert abs(np.corrcoef(draws[0], draws[1])[0, 1]) < 0.2
    with pytest.raises(ValueError, match="labels of a logistic loss take no noise"):
        next(Sampling(label_noise=0.1).problems(km.Regression([[1.0]], [1.0], "logistic")))
    with pytest.raises(ValueError, match="batch=9: the problem has 1 samples"):
        Sampling(batch=9).problems(km.Regression([[1.0]], [1.0]))
    with pytest.raises(TypeError, match="no samples to draw"):
        Sampling().problems(km.Observed([[1.0]]))


@pytest.mark.parametrize("sizes", [30.0, 800.0, -800.0])
def test_losses_of_classification_are_the_formulas(sizes: float) -> None:
    """Softmax as −log of the label's probability; logarithms of both losses stay finite where the losses underflow."""
    rng = np.random.default_rng(0)
    labels = np.eye(4)[:, rng.integers(4, size=6)]
    outputs = rng.normal(size=(4, 6)) + (sizes * labels if abs(sizes) > 100 else 0)
    value, gradient = LOSSES["softmax"].value_and_gradient(outputs, labels, None)
    p = np.exp(outputs - outputs.max(axis=0))
    p /= p.sum(axis=0)
    if sizes == 30:
        assert value == pytest.approx(-np.log((p * labels).sum(axis=0)).sum(), rel=1e-12)
    np.testing.assert_allclose(gradient, p - labels, atol=1e-12)
    for name, targets in (("softmax", labels), ("logistic", 2 * labels - 1)):
        logarithms, slopes = LOSSES[name].log_terms(outputs, targets)  # type: ignore[attr-defined]
        assert np.isfinite(logarithms).all()
        assert np.isfinite(slopes).all()


def test_operators_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="op is 3×3: Observed\\(2×2 target\\) needs 2×2"):
        km.gradient_descent(km.Observed(np.eye(2)), km.Dense(np.eye(3)))
    with pytest.raises(ValueError, match="op has no factors to train"):
        km.gradient_descent(km.Observed(np.eye(2)), km.Permutation([0, 1]))
