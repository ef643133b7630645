"""What training beyond gradient flow does to the weight: AdamW's box, shrinking scales, flatness, finite steps (T35, T37–T39)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import kronmix as km
from kronmix.optimizers import AdamW, cosine
from kronmix.regularization import (
    Sampling,
    adamw_bound,
    adamw_point,
    central_flow,
    hessian,
    hessian_trace,
    largest_hessian_eigenvalue,
    minimum_hypentropy,
)


def sparse_system(seed: int = 0, rows: int = 6, columns: int = 12) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(rows, columns))
    w = np.zeros(columns)
    w[:2] = 1.0, -0.7
    return A, A @ w


def diagonal_start(α: float, d: int) -> km.Hadamard:
    return km.Hadamard(np.full((1, d), np.sqrt(2) * α), np.zeros((1, d)))


@pytest.mark.parametrize(
    "structure", [km.Hadamard(*np.ones((2, 2, 2))), km.Kronecker(np.ones((2, 1)), np.ones((1, 2)))], ids=repr
)
def test_adamw_ends_in_its_box(structure: Any) -> None:
    """T35: a target out of reach is met at the walls, |B| = λ^{-2}; the rest is fitted."""
    rng = np.random.default_rng(0)
    start = structure.with_factors(*(rng.uniform(0.5, 1.0, size=f.shape) for f in structure.factors))
    target = np.array([[9.0, 2.0], [9.0, 2.0]])
    run = km.gradient_descent(
        km.Observed(target), start, cosine(0.04, 2000), 2000, optimizer=AdamW(beta2=0.99, weight_decay=0.5)
    )
    B, bound = run.operator.to_dense(), adamw_bound(structure, 0.5)
    assert (bound == 4).all()
    np.testing.assert_allclose(B, [[4.0, 2.0], [4.0, 2.0]], atol=2e-2)
    point = adamw_point(km.Observed(target), run.operator, 0.5)
    assert point.largest <= 1 + 1e-4
    assert 0 <= point.gap < 0.05 * adamw_point(km.Observed(target), start, 0.5).gap
    assert point.at_walls > 0
    assert "of the wall" in repr(point)


def test_the_bound_of_the_box_is_attained_and_holds() -> None:
    rng, λ = np.random.default_rng(0), 0.4
    mixer = km.LinearMixer([rng.normal(size=(2, 2)) for _ in range(2)], [rng.normal(size=(3, 3)) for _ in range(2)])
    for op in (mixer, km.LowRank(np.ones((3, 2)), np.ones((2, 4))), km.Monarch(np.ones((2, 2, 2)), np.ones((2, 2, 2)))):
        bound = adamw_bound(op, λ)
        for _ in range(20):
            inside = op.with_factors(*(rng.uniform(-1, 1, f.shape) / λ for f in op.factors))
            assert (np.abs(inside.to_dense()) <= bound * (1 + 1e-12)).all()
    assert adamw_bound(mixer, λ).max() == pytest.approx(6 / λ**4)


@pytest.mark.slow
def test_decay_switched_off_leaves_a_smaller_scale() -> None:
    """T37: u∘v stays on the mirror of α e^{−λt}, so that the flow without decay ends at the hypentropy minimiser of that scale."""
    A, y = sparse_system()
    problem, α, λ, t = km.Regression(A.T, y), 0.3, 0.5, 2.0
    decayed = km.gradient_flow(problem, diagonal_start(α, 12), t, weight_decay=λ).operator
    end = km.gradient_flow(problem, decayed, 2000.0, rtol=1e-9).operator.to_dense()[0]
    np.testing.assert_allclose(end, minimum_hypentropy(A, y, α * np.exp(-λ * t)), atol=1e-6)
    assert np.linalg.norm(end - minimum_hypentropy(A, y, α)) > 1e-2


@pytest.mark.slow
def test_stochastic_steps_end_at_scales_of_their_own() -> None:
    """T39: with α_i² = |u_i² − v_i²|/2 at the end, far nearer than the minimiser of the initial scale."""
    A, y = sparse_system(1)
    problem, α = km.Regression(A.T, y), 0.3
    run = km.gradient_descent(
        problem, diagonal_start(α, 12), 0.05, 6000, sampling=Sampling(batch=1, seed=0), loss_tolerance=1e-20
    )
    w = run.operator.to_dense()[0]
    np.testing.assert_allclose(A @ w, y, atol=1e-7)
    law = km.conserved_quantities(run.operator)["u0² − u1²"][0]
    effective = np.sqrt(np.abs(law) / 2)
    assert (effective < α).all()
    own, initial = minimum_hypentropy(A, y, effective), minimum_hypentropy(A, y, α)
    assert np.linalg.norm(w - own) < 0.2 * np.linalg.norm(w - initial)


def test_scales_for_each_weight() -> None:
    """The stationarity of Φ: arcsinh(w_i/α_i²)/2 lies in the range of Aᵀ."""
    A, y = sparse_system(2)
    for α in (np.geomspace(1e-3, 1.0, 12), np.geomspace(1e-30, 1e-2, 12), np.full(12, 0.1)):
        w = minimum_hypentropy(A, y, α)
        np.testing.assert_allclose(A @ w, y, atol=1e-12)
        slope = np.arcsinh(w / α**2)
        beside = slope - A.T @ np.linalg.lstsq(A.T, slope)[0]
        assert np.linalg.norm(beside) < 1e-6 * np.linalg.norm(slope)
    np.testing.assert_allclose(w, minimum_hypentropy(A, y, 0.1), atol=1e-12)
    with pytest.raises(ValueError, match=r"α has shape \(3,\)"):
        minimum_hypentropy(A, y, np.ones(3))


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_trace_of_the_hessian(loss: str) -> None:
    rng = np.random.default_rng(0)
    structures = [
        km.LowRank(rng.normal(size=(2, 2)), rng.normal(size=(2, 4))),
        km.Kronecker(rng.normal(size=(1, 2)), rng.normal(size=(2, 2))),
        km.LinearMixer([rng.normal(size=(2, 2)) for _ in range(2)], [rng.normal(size=(2, 2)) for _ in range(2)]),
        km.Hadamard(*rng.normal(size=(3, 2, 4))),
    ]
    for op in structures:
        Y = rng.choice([-1.0, 1.0], size=(op.shape[0], 9))
        problem = km.Regression(rng.normal(size=(op.shape[1], 9)), Y, loss)
        assert hessian_trace(problem, op) == pytest.approx(np.trace(hessian(problem, op)), rel=1e-4)


@pytest.mark.slow
def test_label_noise_descends_to_flat_weights() -> None:
    """T38: u∘v with product 1 is flattest, u² + v² = 2, where it is balanced."""
    problem = km.Sensing(np.ones((4, 1, 1)), np.ones(4))
    start = km.Hadamard([[2.0]], [[0.5]])
    run = km.gradient_descent(problem, start, 0.1, 4000, sampling=Sampling(label_noise=1.0))
    assert hessian_trace(problem, start) == pytest.approx(4.25)
    assert hessian_trace(problem, run.operator) < 2.4
    still = km.gradient_descent(problem, start, 0.1, 4000)
    assert hessian_trace(problem, still.operator) == pytest.approx(4.25)


def flattest(B: Any) -> km.Chain:
    """Factors of three, by a search, with least ‖W₁‖²‖W₃‖² + n‖W₃W₂‖² + n‖W₂W₁‖²: tr ∇²L where all of B is observed."""
    n, rng = len(B), np.random.default_rng(0)

    def penalized(θ: Any, μ: float) -> float:
        first, middle, last = θ.reshape(3, n, n)
        ends, pairs = np.sum(first**2) * np.sum(last**2), np.sum((middle @ first) ** 2) + np.sum((last @ middle) ** 2)
        return float(ends + n * pairs + μ * np.sum((last @ middle @ first - B) ** 2))

    found = []
    for _ in range(3):
        θ = rng.normal(size=3 * n * n)
        for μ in (1e1, 1e3, 1e5):
            θ = minimize(penalized, θ, (μ,), options={"maxiter": 500}).x
        found.append((penalized(θ, 0.0), θ))
    _, θ = min(found, key=lambda pair: pair[0])
    return km.Chain(*(km.Dense(W) for W in θ.reshape(3, n, n)[::-1]))


@pytest.mark.slow
def test_the_flattest_factors_know_the_nuclear_norm_only_where_decay_knows_schatten() -> None:
    """T38: two weights of equal ‖B‖_* have the same least tr ∇²L, 3 n^{2/3} ‖B‖_*^{4/3}, and different R = (3/2) Σσ^{2/3}."""
    traces, penalties = [], []
    for B in (np.diag([2.0, 0.0]), np.eye(2)):
        op = flattest(B)
        traces.append(hessian_trace(km.Observed(op.to_dense()), op))
        penalties.append(km.induced_penalty(op, B).value)
    np.testing.assert_allclose(traces, 3 * 2 ** (2 / 3) * 2 ** (4 / 3), rtol=1e-3)
    np.testing.assert_allclose(penalties, [1.5 * 2 ** (2 / 3), 3.0], rtol=1e-3)


@pytest.mark.slow
def test_label_noise_makes_deep_factors_flat() -> None:
    """T38: from a fit a fifth too sharp, label noise comes nearer to the least trace than balanced factors are."""
    B = np.array([[1.5, 0.2], [0.1, 0.4]])
    problem = km.Regression(np.eye(2), B)
    least = 0.5 * 3 * 2 ** (2 / 3) * float(np.linalg.norm(B, "nuc")) ** (4 / 3)
    U, σ, Vh = np.linalg.svd(B)
    parts = U @ np.diag(1.5 * σ**0.5), np.diag(σ**0.2 / 1.5), np.diag(σ**0.3) @ Vh
    start = km.Chain(*map(km.Dense, parts))
    assert hessian_trace(problem, start) > 1.2 * least
    run = km.gradient_descent(problem, start, 0.02, 20_000, sampling=Sampling(label_noise=0.7), records=2)
    rested = km.gradient_descent(problem, run.operator, 0.02, 500, records=2).operator
    balanced = hessian_trace(problem, km.balanced_factors(start, B))
    assert least * (1 - 1e-6) <= hessian_trace(problem, rested) < balanced < 1.03 * least


@pytest.mark.slow
def test_the_central_flow_is_the_average_at_the_edge_of_stability() -> None:
    """Cohen et al. 2025: sharpness rests at 2/η, and the mean of two iterates is on the flow, which gradient flow leaves."""
    rng = np.random.default_rng(0)
    start = km.Hadamard([[1.2, 0.9, 0.3]], [[0.1, -0.2, 0.1]])
    X = rng.normal(size=(3, 3))
    problem, η, steps = km.Regression(X, np.array([1.5, -0.5, 0.3]) @ X), 2.641, 60
    record = {"θ": lambda op: np.concatenate([f.ravel() for f in op.factors])}
    descent = km.gradient_descent(problem, start, lambda step: η, steps, record, records=10_000).recorded["θ"]
    central = central_flow(problem, start, η, steps, substeps=2)
    end = np.concatenate([f.ravel() for f in central.operator.factors])
    off = np.linalg.norm(descent[-2:].mean(axis=0) - end) / np.linalg.norm(end)
    flow = km.gradient_flow(problem, start, η * steps).operator
    beyond = np.linalg.norm(np.concatenate([f.ravel() for f in flow.factors]) - end) / np.linalg.norm(end)
    assert off < 0.02
    assert beyond > 0.1
    assert largest_hessian_eigenvalue(problem, flow) * η > 2.1
    assert central.sharpness[-1] * η == pytest.approx(2, abs=1e-3)
    swing = float(((descent[-1] - descent[-2]) ** 2).sum()) / 4
    assert central.oscillation[-1] == pytest.approx(swing, rel=0.15)
    assert "at the edge for" in repr(central)
    with pytest.raises(ValueError, match="central flow forms Hessians, for at most 400"):
        central_flow(km.Observed(np.eye(30)), km.Dense(np.eye(30)), 0.1, 1)


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.9, 0.99), (0.5, 0.3), (0.0, 0.0), (0.0, 0.9)])
def test_no_update_of_adamw_is_longer_than_the_largest_and_some_gradients_come_near(beta1: float, beta2: float) -> None:
    """Gradients that change by β₂/β₁ from step to step make Cauchy-Schwarz an equality; drawn ones stay below."""
    optimizer = AdamW(beta1, beta2, epsilon=0.0)
    growing = (beta1 / beta2 if beta1 else 0.1) ** np.arange(99.0, -1.0, -1.0)
    drawn = np.random.default_rng(0).standard_cauchy((200, 50))
    assert max(_updates(optimizer, drawn)) <= optimizer.largest_update * (1 + 1e-12)
    before = np.full((int(5 / (1 - beta2)), 1), growing.min() * 1e-9)
    longest = max(_updates(optimizer, np.concatenate([before, growing[:, None]])))
    assert 0.99 * optimizer.largest_update <= longest <= optimizer.largest_update * (1 + 1e-12)


def test_where_betas_set_no_bound_there_is_none() -> None:
    assert AdamW(0.9, 0.8).largest_update == np.inf


def _updates(optimizer: AdamW, gradients: Any) -> Any:
    fresh = optimizer.fresh()
    for count, gradient in enumerate(gradients):
        theta = np.zeros(len(gradient))
        fresh.step(theta, gradient, 1.0, count)
        yield np.abs(theta).max()
