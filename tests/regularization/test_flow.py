"""Gradient flow: closed forms, conservation laws, the drift of descent from them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import kronmix as km
from kronmix.regularization import FlowError, Time, balanced_mode, loss_and_gradients, unbalanced_mode
from kronmix.regularization.flow import flow_stretches
from kronmix.regularization.gradients import Packing
from kronmix.regularization.settling import settling


def imbalance_of_hadamard(op: Any) -> Any:
    u, v = op.factors
    return u**2 - v**2


def imbalance_of_kronecker(op: Any) -> Any:
    V, W = op.factors
    return np.sum(V**2) - np.sum(W**2)


def imbalance_of_product(op: Any) -> Any:
    P, Q = op.factors
    return P.T @ P - Q @ Q.T


def imbalance_of_monarch(op: Any) -> Any:
    U, V = op.slices()
    return U.swapaxes(2, 3) @ U - V @ V.swapaxes(2, 3)


def imbalance_of_sum(op: Any) -> Any:
    As, Bs = op.factors[::2], op.factors[1::2]
    return np.array([[np.vdot(As[i], As[j]) - np.vdot(Bs[i], Bs[j]) for j in range(len(As))] for i in range(len(As))])


def cases() -> list[Any]:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return 0.5 * rng.normal(size=shape)

    return [
        pytest.param(km.Hadamard(draw(4, 6), draw(4, 6)), imbalance_of_hadamard, id="hadamard"),
        pytest.param(km.Kronecker(draw(2, 3), draw(2, 2)), imbalance_of_kronecker, id="kronecker"),
        pytest.param(km.Chain(km.Dense(draw(4, 3)), km.Dense(draw(3, 6))), imbalance_of_product, id="product"),
        pytest.param(
            km.SumOfKroneckers([(draw(2, 3), draw(2, 2)), (draw(2, 3), draw(2, 2))]), imbalance_of_sum, id="sum"
        ),
        pytest.param(km.Monarch(draw(2, 2, 3), draw(3, 2, 2)), imbalance_of_monarch, id="monarch"),
        pytest.param(km.Monarch(draw(2, 2, 6), draw(3, 4, 2)), imbalance_of_monarch, id="monarch rank 2"),
    ]


def problem_for(op: Any) -> km.Regression:
    rng = np.random.default_rng(1)
    return km.Regression(rng.normal(size=(op.shape[1], 20)), rng.normal(size=(op.shape[0], 20)))


@pytest.mark.parametrize(("op", "law"), cases())
def test_t19_conserved_in_the_flow(op: Any, law: Any) -> None:
    path = km.gradient_flow(problem_for(op), op, 20.0, {"law": law})
    assert np.abs(path.recorded["law"] - law(op)).max() < 1e-8
    assert path.losses[-1] < 0.9 * path.losses[0]


@pytest.mark.parametrize(("op", "law"), cases())
def test_t19_descent_drifts_in_proportion_to_its_step(op: Any, law: Any) -> None:
    drifts = []
    steps = np.array([1e-2, 5e-3, 2.5e-3])
    for η in steps:
        path = km.gradient_descent(problem_for(op), op, step_size=float(η), steps=round(1 / η), records=2)
        drifts.append(np.linalg.norm(law(path.operator) - law(op)))
    slope = np.polyfit(np.log(steps), np.log(drifts), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)


def test_t20_modes_follow_their_closed_forms() -> None:
    """Diagonal targets and starts decouple into scalar modes, from tiny starts too."""
    s, times = np.array([3.0, 1.0, 0.5]), np.linspace(0, 40, 30)
    u, v = np.full((1, 3), 1e-6), np.array([[1e-6, 1e-3, 2.0]])
    record = {"B": lambda op: op.to_dense()[0]}
    path = km.gradient_flow(km.Observed(s[None]), km.Hadamard(u, v), 40.0, record, times=times)
    closed = unbalanced_mode(s, (u * v)[0], (u**2 - v**2)[0], times[:, None])
    np.testing.assert_allclose(path.recorded["B"], closed, rtol=1e-7)
    np.testing.assert_allclose(path.recorded["B"][:, 0], balanced_mode(3.0, 1e-12, times), rtol=1e-7)
    np.testing.assert_array_equal(path.times, times)


def test_dense_flow_is_the_matrix_exponential() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(4, 30)), rng.normal(size=(3, 30))
    path = km.gradient_flow(km.Regression(X, Y), km.Dense(np.zeros((3, 4))), 5.0)
    λ, Q = np.linalg.eigh(X @ X.T / 30)
    expected = Y @ X.T / 30 @ Q @ np.diag(-np.expm1(-5 * λ) / λ) @ Q.T
    np.testing.assert_allclose(path.operator.to_dense(), expected, atol=1e-10)


def test_a_stiff_flow_changes_to_the_implicit_solver() -> None:
    """Eigenvalues 1e-3 to 1e3: stability would cost the explicit solver 1e6·t/6 steps."""
    X = np.diag([1.0, 1e-3]) * np.sqrt(2)
    problem = km.Regression(1e1 * X, np.array([[1.0, 1.0]]))
    path = km.gradient_flow(problem, km.Dense([[1.0, -2.0]]), 1e4)
    λ = np.diag(problem.inputs @ problem.inputs.T) / 2
    best = np.array([1.0, 1.0]) / np.diag(problem.inputs)
    expected = best + (np.array([1.0, -2.0]) - best) * np.exp(-λ * 1e4)
    np.testing.assert_allclose(path.operator.to_dense()[0], expected, rtol=1e-7)
    assert path.steps < 20_000
    assert path.times[-1] == 1e4


def test_complex_factors_flow() -> None:
    rng = np.random.default_rng(0)
    A, B = (rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)) for _ in range(2))
    start = km.Kronecker(A + 0.3, B - 0.2j)
    path = km.gradient_flow(
        km.Observed(np.kron(A, B)),
        start,
        200.0,
        {"law": lambda op: np.linalg.norm(op.factors[0]) ** 2 - np.linalg.norm(op.factors[1]) ** 2},
    )
    np.testing.assert_allclose(path.operator.to_dense(), np.kron(A, B), atol=1e-8)
    assert np.ptp(path.recorded["law"]) < 1e-8


def test_weight_decay_and_the_logistic_loss() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 40))
    problem = km.Regression(X, np.sign(X[:1] + 0.5 * rng.normal(size=(1, 40))), loss="logistic")
    path = km.gradient_flow(problem, km.Dense(np.zeros((1, 3))), 500.0, weight_decay=0.1)
    _, (gradient,) = loss_and_gradients(problem, path.operator, 0.1)
    assert np.linalg.norm(gradient) < 1e-8
    assert path.losses[-1] == pytest.approx(loss_and_gradients(problem, path.operator, 0.1)[0])


def test_stretches_join() -> None:
    stretches = []
    for stretch in flow_stretches(km.Observed([[1.0]]), km.Dense([[0.0]]), 3.0):
        middle = 0.5 * (stretch.start + stretch.end)
        assert stretch.at(middle).to_dense().item() == pytest.approx(-np.expm1(-middle), rel=1e-8)
        stretches.append((stretch.start, stretch.end))
    assert stretches[0][0] == 0
    assert stretches[-1][1] == 3
    assert all(a[1] == b[0] for a, b in pairwise(stretches))


def test_stop_rules_records_and_interruption() -> None:
    problem, start = km.Observed(np.eye(2)), km.Dense(np.zeros((2, 2)))
    assert km.gradient_flow(problem, start, 100.0, gradient_tolerance=1e-3).reason == "gradient"
    path = km.gradient_flow(problem, start, 100.0, loss_tolerance=1e-3)
    assert path.reason == "loss"
    assert 0 < path.times[-1] < 100
    assert path.losses[-1] <= 1e-3

    def interrupt(count: int, value: float) -> None:
        if count == 5:
            raise KeyboardInterrupt

    path = km.gradient_flow(problem, start, 1.0, {"B": lambda op: op.to_dense()}, progress=interrupt)
    assert path.reason == "interrupted"
    assert path.losses.size == path.recorded["B"].shape[0] >= 5


class Cliff:
    """A loss that ceases to exist where B passes 1."""

    inputs, shape, curvature = np.eye(1), (1, 1), 1.0

    def loss_and_gradient(self, outputs: Any) -> tuple[float, Any]:
        return 0.0, np.where(outputs < 1, -1.0, np.nan)


def test_a_flow_that_cannot_go_on() -> None:
    with pytest.raises(FlowError, match=r"the flow stopped at t=1.* of 5: "):
        km.gradient_flow(Cliff(), km.Dense([[0.0]]), 5.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"t_end": 0.0}, "t_end=0.0: expected a positive time"),
        ({"t_end": float("nan")}, "t_end=nan"),
        ({"t_end": 1.0, "weight_decay": -1.0}, "weight_decay=-1.0: expected a number λ ≥ 0"),
        ({"t_end": 1.0, "times": [0.0, 2.0]}, "times from 0 to 2: expected increasing times between 0 and t_end=1"),
        ({"t_end": 1.0, "times": [0.0, np.nan]}, "times has 1 NaN"),
    ],
)
def test_bad_options(arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        km.gradient_flow(km.Observed(np.eye(2)), km.Dense(np.eye(2)), **arguments)


def test_starts_that_are_not_numbers() -> None:
    for train in (lambda *a: km.gradient_flow(*a, t_end=1.0), km.gradient_descent):
        with pytest.raises(ValueError, match="op starts from factors that hold NaN or infinite values"):
            train(km.Observed(np.eye(2)), km.Dense([[1.0, np.nan], [0.0, 1.0]]))


@pytest.mark.parametrize("t_end", [1e6, 1e8])
def test_the_flow_ends_at_a_minimum(t_end: float) -> None:
    """CASES 21: a converged 4×4 Kronecker went on to t = 1e8 in steps of rounding."""
    rng = np.random.default_rng(0)
    start = km.Kronecker(0.1 * rng.normal(size=(2, 2)), 0.1 * rng.normal(size=(2, 2)))
    T = rng.normal(size=(4, 4))
    path = km.gradient_flow(km.Observed(T), start, t_end)
    assert path.reason == "gradient"
    assert path.steps < 20_000
    assert path.times[-1] == t_end  # the last state stands for the times that were left
    best = km.nearest_kronecker(T, ((2, 2), (2, 2))).operator.to_dense()
    np.testing.assert_allclose(path.operator.to_dense(), best, atol=1e-9)


def test_a_small_start_is_not_at_rest() -> None:
    tiny = km.Hadamard([[1e-40]], [[1e-40]])
    path = km.gradient_flow(km.Observed([[1.0]]), tiny, 1e3)
    assert path.operator.to_dense()[0, 0] == pytest.approx(1.0)
    at_saddle = km.gradient_flow(km.Observed([[1.0]]), km.Hadamard([[0.0]], [[0.0]]), 1e6)
    assert (at_saddle.reason, at_saddle.operator.to_dense()[0, 0]) == ("gradient", 0.0)


SETTLING = [
    pytest.param(km.Kronecker(np.ones((2, 2)), np.ones((2, 2))), id="kronecker"),
    pytest.param(km.Monarch(np.ones((2, 2, 2)), np.ones((2, 2, 2))), id="monarch"),
]


def sensing() -> km.Sensing:
    rng = np.random.default_rng(0)
    A = rng.normal(size=(60, 4, 4))
    return km.Sensing(A, np.einsum("nij,ij->n", A, rng.normal(size=(4, 4))))


@pytest.mark.slow
@pytest.mark.parametrize("structure", SETTLING)
def test_time_averages_agree_with_an_integrator_of_tolerance_1e_12(structure: Any) -> None:
    """T27's averages, the end of the flow taken in closed form, against every step of an integrator that carries ∫B along."""
    problem, α, λs = sensing(), 1e-8, np.array([0.5, 0.1])
    packing = Packing(structure)
    p, start = packing.size, α * np.random.default_rng(0).standard_normal(packing.size)

    def slope(t: float, state: Any) -> Any:
        op = packing.operator(state[:p])
        return np.concatenate([-packing.loss_and_gradient(problem, state[:p])[1], op.to_dense().ravel()])

    times = np.log(1 / α) / λs
    both = np.concatenate([start, np.zeros(16)])
    exact = solve_ivp(slope, (0, times[-1]), both, "DOP853", times, rtol=1e-12, atol=1e-12 * α)
    path = km.regularization_path(problem, structure, Time(scale=α), λs)
    averages = (exact.y[p:] / times).T.reshape(2, 4, 4)
    np.testing.assert_allclose(path.weights, averages, rtol=0, atol=1e-5 * np.abs(averages).max())


@pytest.mark.parametrize("structure", SETTLING)
def test_a_flow_that_settles_takes_no_more_steps(structure: Any) -> None:
    """Near a minimum stability held every step back; the closed form there ends where small steps end, at any tolerance."""
    problem, packing = sensing(), Packing(structure)
    start = packing.operator(0.3 * np.random.default_rng(1).standard_normal(packing.size))
    near, far = (km.gradient_flow(problem, start, t_end, rtol=1e-6, records=2) for t_end in (200.0, 2000.0))
    assert far.steps <= near.steps + 500  # hundreds of steps of some ten gradients, had it gone on
    exact = km.gradient_flow(problem, start, 200.0, rtol=1e-12, records=2)
    for path in (near, far):
        np.testing.assert_allclose(path.operator.to_dense(), exact.operator.to_dense(), atol=1e-6)


def test_what_is_not_linear_to_the_end_does_not_settle() -> None:
    linear = settling(lambda θ: 1 - 2 * θ, lambda θ: 2 * np.eye(1), np.ones(1), 3.0, 1e-9)
    assert linear is not None
    assert linear.slope(1.0).item() == pytest.approx(-np.exp(-2))
    assert settling(lambda θ: 1 - θ**3, lambda θ: 3 * np.eye(1), np.zeros(1), 3.0, 1e-9) is None
    assert settling(lambda θ: 1e-9 * θ, lambda θ: -np.eye(1), np.ones(1), 6.0, 1e-9) is None  # grows by e⁶
    assert settling(lambda θ: -θ, lambda θ: np.full((1, 1), np.inf), np.ones(1), 6.0, 1e-9) is None
