"""Paths of factors beside their references: weight decay, initial scale, time, inner size (T17, T21, T23, T26, T27)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.regularization import Decay, Scaling, Time, induced_norm, loss
from kronmix.regularization.paths import scale, time
from kronmix.regularization.paths.fit import best_fit, random_starts
from kronmix.regularization.selection import degrees_of_freedom


def ones(*shape: int) -> Any:
    return np.ones(shape)


def diabetes(rows: int = 442, squares: bool = False) -> km.Regression:
    """Standardised; with ``squares`` all features of degree 2 but sex², which is a multiple of 1 and sex."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    if squares:
        pairs = [X[:, i] * X[:, j] for i in range(10) for j in range(i, 10) if (i, j) != (1, 1)]
        X = np.column_stack([X, *pairs])
    X, y = X[:rows], y[:rows]
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    return km.Regression(X.T, y[None])


def diagonal(d: int) -> km.Hadamard:
    return km.Hadamard(ones(1, d), ones(1, d))


def sensing(measurements: int, noise: float = 0.0, seed: int = 0) -> tuple[km.Sensing, Any]:
    """T23: 16 slices of 4×4, three of them active and of rank one."""
    rng = np.random.default_rng(seed)
    slices = np.zeros((4, 4, 4, 4))
    for c in rng.choice(16, 3, replace=False):
        slices[c // 4, c % 4] = np.outer(rng.normal(size=4), rng.normal(size=4))
    target = slices.transpose(2, 0, 1, 3).reshape(16, 16)
    A = rng.normal(size=(measurements, 16, 16))
    y = np.einsum("nij,ij->n", A, target)
    return km.Sensing(A, y + noise * y.std() * rng.normal(size=measurements)), target


MONARCH = km.Monarch(ones(4, 4, 4), ones(4, 4, 4))


# ---- decay -----------------------------------------------------------------------------------------------------------


def test_decay_on_a_diagonal_network_is_the_lasso() -> None:
    path = km.regularization_path(diabetes(), diagonal(10), "decay")
    assert path.distance.max() < 1e-6
    assert len(path.parameter) == 20
    assert path.operators is not None
    assert all(np.allclose(op.to_dense(), B) for op, B in zip(path.operators, path.weights, strict=True))


@pytest.mark.parametrize(
    "structure",
    [
        km.Kronecker(ones(2, 3), ones(3, 2)),
        km.SumOfKroneckers([(ones(2, 3), ones(3, 2))] * 6),
        km.Monarch(ones(3, 2, 6), ones(3, 6, 2), rank=2),
        km.Chain(km.Dense(ones(6, 6)), km.Dense(ones(6, 6))),
        km.LinearMixer([ones(3, 3), ones(3, 3)], [ones(2, 2), ones(2, 2)]),
        km.Dense(ones(6, 6)),
    ],
    ids=["kronecker", "sum", "monarch", "product", "two-block mixer", "dense"],
)
def test_decay_reaches_the_minimum_of_loss_and_induced_penalty(structure: Any) -> None:
    """At the minimiser the factors are balanced, ½‖θ‖² = R(B); where R is convex B is the convex minimiser."""
    T = np.random.default_rng(0).normal(size=structure.shape)
    problem, λs = km.Observed(T), [2.0, 0.5]
    path = km.regularization_path(problem, structure, "decay", λs)
    for λ, op in zip(λs, path.operators or (), strict=True):
        value = loss(problem, op) + λ / 2 * sum(float(np.sum(f**2)) for f in op.factors)
        induced = loss(problem, op) + λ * km.induced_penalty(op).value
        assert value == pytest.approx(induced, rel=1e-6)
    if isinstance(structure, km.LinearMixer):
        assert path.reference is None  # its R is not convex
    elif isinstance(structure, km.Kronecker):  # rank one only: the leading term of 𝓡(T), soft-thresholded (T27)
        expected = km.soft_threshold_path(structure, T, λs)
        np.testing.assert_allclose(path.weights, expected.weights, atol=1e-6)
    else:
        assert path.distance is not None
        assert path.distance.max() < 1e-6


def test_decay_on_monarch_factors_follows_the_group_lasso_under_sensing() -> None:
    problem, _ = sensing(110, noise=0.05)
    path = km.regularization_path(problem, MONARCH, "decay", np.geomspace(3.0, 0.3, 6))
    assert path.distance is not None
    assert path.distance.max() < 1e-6


# ---- scale -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_scale_goes_from_the_least_l1_norm_to_the_least_l2_norm() -> None:
    """40 rows of diabetes with all features of degree two."""
    problem = diabetes(40, squares=True)
    d = problem.shape[1]
    path = km.regularization_path(problem, diagonal(d), "scale", [1e-140, 1e-8, 1e3])
    assert path.distance.max() < 1e-6  # the hypentropy minimisers, all along
    ends = km.interpolation_path(problem, [0, np.inf]).weights
    assert np.linalg.norm(path.weights[0] - ends[0]) < 1e-4 * np.linalg.norm(ends[0])
    assert np.linalg.norm(path.weights[-1] - ends[1]) < 1e-4 * np.linalg.norm(ends[1])
    sizes = np.abs(path.weights).sum(axis=(1, 2))
    assert (np.diff(sizes) > 0).all()


@pytest.mark.slow
def test_t23_monarch_recovers_what_dense_and_tied_factors_do_not() -> None:
    problem, target = sensing(110)
    size = np.linalg.norm(target)
    path = km.regularization_path(problem, MONARCH, "scale", [1e-4])
    assert np.linalg.norm(path.weights[0] - target) < 1e-3 * size
    assert path.distance[0] < 1e-2  # the convex minimiser
    slices = km.reference_path(problem, "group", [1e-5], groups=(4, 4, 4, 4)).weights[0]
    assert np.linalg.norm(path.weights[0] - slices) < 1e-2 * size
    dense = km.reference_path(problem, "ridge", [0.0]).weights[0]
    assert np.linalg.norm(dense - target) > 0.5 * size
    rng = np.random.default_rng(0)
    mixer = km.Kronecker(*(1e-4 * rng.normal(size=(4, 4)) for _ in range(2)))
    tied = km.gradient_descent(problem, mixer, steps=3000)
    assert np.linalg.norm(tied.operator.to_dense() - target) > 0.5 * size


# ---- time ------------------------------------------------------------------------------------------------------------


def test_t26_time_averages_approach_the_lasso() -> None:
    """Median distances 3e-2, 1e-2, 2e-3, 7e-4 at α = 1e-4, 1e-10, 1e-50, 1e-140."""
    medians = [
        np.median(km.regularization_path(diabetes(), diagonal(10), "time", scale=α).distance)
        for α in (1e-4, 1e-10, 1e-50, 1e-140)
    ]
    assert np.allclose(medians, [3e-2, 1e-2, 2e-3, 7e-4], rtol=0.35)


@pytest.mark.parametrize(
    "structure", [km.Kronecker(ones(4, 4), ones(4, 4)), MONARCH, km.Hadamard(ones(16, 16), ones(16, 16))]
)
def test_t27_time_averages_of_observed_targets_are_soft_thresholded(structure: Any) -> None:
    T = np.random.default_rng(0).normal(size=(16, 16))
    λs = [2.0, 1.0, 0.5]
    path = km.regularization_path(km.Observed(T), structure, "time", λs, scale=1e-100)
    expected = km.soft_threshold_path(structure, T, λs).weights
    np.testing.assert_allclose(path.weights, expected, atol=0.02)


@pytest.mark.slow
def test_time_averages_under_sensing_are_near_the_convex_path() -> None:
    """THEORY's open question 9, first look: with 400 measurements within 1-13 % below 0.7 of the largest λ."""
    problem, _ = sensing(400, noise=0.05)
    path = km.regularization_path(problem, MONARCH, "time", np.array([1.0, 0.3, 0.1]))
    assert path.distance is not None
    assert path.distance.max() < 0.1
    assert path.distance[-1] < 0.03


def test_the_average_is_that_of_the_recorded_flow() -> None:
    """The quadrature inside the integrator's steps against a fine trapezoidal rule."""
    problem, _ = sensing(60)
    rng = np.random.default_rng(0)
    start = MONARCH.with_factors(*(0.3 * rng.normal(size=f.shape) for f in MONARCH.factors))
    from kronmix.regularization.paths.time import _averages

    ends = np.array([0.05, 0.2])
    found = {i: B for i, B, _ in _averages(problem, start, ends)}
    times = np.linspace(0, 0.2, 2001)
    flow = km.gradient_flow(problem, start, 0.2, {"B": lambda op: op.to_dense()}, times=times).recorded["B"]
    for i, end in enumerate(ends):
        inside = times <= end + 1e-12
        expected = np.trapezoid(flow[inside], times[inside], axis=0) / end
        np.testing.assert_allclose(found[i], expected, atol=1e-6)


def test_early_stopping_of_dense_weights_is_near_ridge() -> None:
    path = km.regularization_path(diabetes(), km.Dense(np.zeros((1, 10))), "time", [0.1, 1.0, 10.0])
    problem = diabetes()
    # Each is a spectral shrinkage: 1 − e^{−λt} against λ/(λ + 1/t), never further apart than 0.3 (Ali, Kolter & Tibshirani 2019).
    assert path.distance is not None
    assert path.distance.max() < 0.3
    X = np.asarray(problem.X, dtype=float)
    Σ = X @ X.T / X.shape[1]
    λ, Q = np.linalg.eigh(Σ)
    for t, B in zip(path.parameter, path.weights, strict=True):
        expected = (problem.Y @ X.T / X.shape[1]) @ Q @ np.diag(-np.expm1(-λ * t) / λ) @ Q.T
        np.testing.assert_allclose(B, expected, atol=1e-7)


# ---- rank ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "structure",
    [
        km.Kronecker(ones(2, 3), ones(3, 2)),
        km.Monarch(ones(3, 2, 2), ones(2, 3, 3)),
        km.Chain(km.Dense(ones(6, 1)), km.Dense(ones(1, 6))),
        km.Chain(
            km.Permutation([2, 0, 1, 5, 3, 4]),
            km.Kronecker(ones(2, 3), ones(3, 2)),
            km.Permutation([1, 2, 3, 4, 5, 0]),
        ),
        pytest.param(km.LowRank(ones(6, 1), ones(1, 6)), marks=pytest.mark.slow),
    ],
)
def test_rank_of_observed_targets_is_truncation(structure: Any) -> None:
    T = np.random.default_rng(0).normal(size=structure.shape)
    path = km.regularization_path(km.Observed(T), structure, "rank")
    assert path.distance is not None
    assert path.distance.max() < 1e-5
    errors = np.linalg.norm(path.weights - T, axis=(1, 2))
    assert (np.diff(errors) < 0).all()
    assert errors[-1] < 1e-5


# ---- permutations outside --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"), [([[2, 0, 3, 1]], []), ([[1, 2, 3, 0], [2, 0, 3, 1]], [[3, 1, 0, 2], [1, 2, 3, 0]])]
)
def test_a_pair_between_permutations_has_the_time_path_of_the_pair(before: Any, after: Any) -> None:
    """T30: rows and columns of B stand in another order, and nothing else is different."""
    pair = km.Kronecker(ones(2, 2), ones(2, 2))
    left, right = ([km.Permutation(np.array(P)) for P in each] for each in (before, after))
    T = np.random.default_rng(0).normal(size=(4, 4))

    def moved(B: Any) -> Any:
        return km.Chain(*left, km.Dense(B), *right).to_dense()

    plain = km.regularization_path(km.Observed(T), pair, "time", [1.0, 0.1])
    path = km.regularization_path(km.Observed(moved(T)), km.Chain(*left, pair, *right), "time", [1.0, 0.1])
    np.testing.assert_allclose(path.weights, [moved(B) for B in plain.weights], atol=1e-12)
    np.testing.assert_allclose(path.limit, [moved(B) for B in plain.limit], atol=1e-12)


# ---- what a comparison is worth ---------------------------------------------------------------------------------------


def test_a_column_given_twice_is_compared_by_predictions() -> None:
    """CASES 22: "distance to the reference 1.41" though objectives agreed to 8 digits."""
    X = np.random.default_rng(0).normal(size=(4, 30))
    y = X[0] - 2 * X[1]
    path = km.regularization_path(km.Regression(np.vstack([X, X[1]]), y), diagonal(5), "decay", [0.3, 0.1])
    assert path.reference is not None
    weights = np.linalg.norm(path.weights - path.reference, axis=(1, 2)) / np.linalg.norm(path.reference, axis=(1, 2))
    assert weights.max() > 0.1
    assert path.distance.max() < 1e-6
    assert path.certified.all()


def test_a_kronecker_product_is_certified_where_it_attains_the_convex_minimum() -> None:
    rng = np.random.default_rng(0)
    near = np.kron(rng.normal(size=(2, 3)), rng.normal(size=(3, 2)))
    structure = km.Kronecker(ones(2, 3), ones(3, 2))
    for T, attained in ((near, True), (rng.normal(size=(6, 6)), False)):
        path = km.regularization_path(km.Observed(T), structure, "decay", [0.1])
        assert path.certified.tolist() == [attained]
        assert (path.lower_bound <= path.objective * (1 + 1e-12)).all()
        words = "certified: the factors attain" if attained else "certified at 0 of 1 points; elsewhere"
        assert path.remark.startswith(words)


_DRAWN = np.random.default_rng(0).normal(size=(8, 30))
LABELS = km.Regression(_DRAWN[:4], np.sign(_DRAWN[4:]), "logistic")


@pytest.mark.parametrize(
    ("structure", "kind", "λ", "words"),
    [
        (km.Hadamard(ones(4, 4), ones(4, 4)), Time(scale=1e-6), [0.1], "squared losses only"),
        pytest.param(
            km.Kronecker(ones(2, 2), ones(2, 2)),
            "scale",
            [0.3],
            "a logistic loss has no weight that fits best",
            marks=pytest.mark.slow,
        ),
        (km.Kronecker(ones(2, 2), ones(2, 2)), "rank", [1], "the logistic loss need not have a minimiser"),
        (km.Dense(ones(4, 4)), "time", [1.0], "early stopping is near ridge for squared losses"),
    ],
)
def test_a_logistic_loss_is_compared_with_nothing_no_theorem_supports(
    structure: Any, kind: Any, λ: Any, words: str
) -> None:
    """CASES 21."""
    path = km.regularization_path(LABELS, structure, kind, λ)
    assert path.reference is None
    assert path.remark.startswith("no reference")
    assert words in path.remark


def test_weight_decay_on_a_logistic_loss_is_certified() -> None:
    path = km.regularization_path(LABELS, km.Hadamard(ones(4, 4), ones(4, 4)), "decay", [0.05])
    assert path.distance is not None
    assert path.distance.max() < 1e-4
    assert path.certified.all()


def noise() -> km.Sensing:
    rng = np.random.default_rng(0)
    return km.Sensing(rng.normal(size=(12, 4, 4)), rng.normal(size=12))


@pytest.mark.slow
def test_a_reference_far_from_the_structure_is_not_drawn() -> None:
    problem = noise()
    path = km.regularization_path(problem, km.Kronecker(ones(2, 2), ones(2, 2)), "scale", [1e-2])
    assert path.reference is None
    assert "away from every Kronecker of these sizes" in path.remark


def test_without_a_convex_penalty_there_is_a_bound() -> None:
    deep = km.regularization_path(noise(), km.Hadamard(*[ones(4, 4)] * 3), "decay", [0.1])
    assert deep.reference is None
    assert deep.lower_bound is not None  # what is left where R is not convex
    assert "no convex extension that is known; proved: at most" in deep.remark


def test_the_time_path_of_a_permuted_product_is_the_permuted_time_path() -> None:
    rng = np.random.default_rng(0)
    pair = km.Kronecker(np.ones((2, 2)), np.ones((2, 2)))
    rows, columns = km.Permutation([2, 0, 3, 1]), km.Permutation([1, 3, 0, 2])
    X = rng.normal(size=(4, 30))
    Y = rng.normal(size=(4, 4)) @ X
    inner = km.regularization_path(km.Regression(columns @ X, rows.T @ Y), pair, "time", [1.0, 0.5])
    outer = km.regularization_path(km.Regression(X, Y), km.Chain(rows, pair, columns), "time", [1.0, 0.5])
    np.testing.assert_allclose(
        outer.weights, [rows @ B @ columns.to_dense() for B in inner.weights], rtol=1e-3, atol=1e-9
    )


def test_the_time_path_is_for_products_of_two_factors() -> None:
    mixer = km.LinearMixer([np.ones((2, 2))] * 2, [np.ones((2, 2))] * 2)
    with pytest.raises(TypeError, match="of degree 4: time paths are known for products of two factors only"):
        km.regularization_path(km.Observed(np.eye(4)), mixer, "time", [1.0])
    with pytest.raises(TypeError, match="Sum of terms of unlike degrees: time paths"):
        km.regularization_path(km.Observed(np.eye(4)), km.Dense(np.eye(4)) + mixer, "time", [1.0])


@pytest.mark.parametrize(
    ("module", "training", "structure"),
    [
        (scale, "gradient_descent", km.Kronecker(np.ones((1, 1)), np.ones((1, 2)))),
        (time, "gradient_flow", km.Dense(np.ones((1, 2)))),
    ],
)
def test_a_training_stopped_by_hand_ends_the_path(
    module: Any, training: str, structure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = getattr(module, training)
    monkeypatch.setattr(module, training, lambda *args, **options: replace(run(*args, **options), reason="interrupted"))
    kind = module.__name__.rpartition(".")[2]
    problem = km.Regression(np.eye(2), np.array([[2.0, 1.0]]))
    try:
        reason = km.regularization_path(problem, structure, kind).reason
    except KeyboardInterrupt:  # before the first point there is nothing to keep
        reason = "interrupted"
    assert reason == "interrupted"


def test_a_time_path_shows_its_exact_limit_and_where_the_lasso_turns_back() -> None:
    """T26: the average tends to that of the saddles, which is the lasso while that is monotone."""
    problem = diabetes()
    path = km.regularization_path(problem, diagonal(10), Time(scale=1e-140), [0.3, 0.1, 0.01])
    assert path.limit is not None
    off = np.linalg.norm(path.weights - path.limit, axis=(1, 2)) / np.linalg.norm(path.limit, axis=(1, 2))
    assert off.max() < 0.02
    monotone = km.reference_path(problem)
    until = monotone.parameter[km.regularization.is_monotone(monotone)].min()
    assert path.monotone_until == pytest.approx(until)
    above = path.parameter >= until
    np.testing.assert_allclose(path.limit[above], path.reference[above], atol=1e-9)
    assert f"λ={until:.4g}" in path.remark
    straight = km.regularization_path(km.Regression(np.eye(3), [3.0, 2.0, 1.0]), diagonal(3), "time", [0.5, 0.1])
    assert straight.monotone_until is None
    assert "its path is monotone" in straight.remark


# ---- predicting and choosing ------------------------------------------------------------------------------------------


def test_a_path_predicts_in_the_units_of_the_data() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)) * [1.0, 100.0, 0.01] + [5.0, 0.0, 1.0]
    y = X @ [1.0, 0.02, 0.0] + 7
    scaling = Scaling.of(X, y)
    problem = km.Regression(scaling.standardize(X).T, scaling.standardize_outputs(y[:, None]).T)
    path = replace(km.regularization_path(problem, diagonal(3), "decay", [1e-6]), scaling=scaling)
    np.testing.assert_allclose(path.coef[0, 0], [1.0, 0.02, 0.0], atol=1e-3)
    np.testing.assert_allclose(path.predict(X, at=0)[:, 0], y, atol=1e-3)
    assert path.predict(X).shape == (1, 40, 1)
    with pytest.raises(ValueError, match=r"X has shape \(40, 2\): expected \(samples, 3\)"):
        path.predict(X[:, :2])


def test_points_are_chosen_by_validation_and_by_information() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 60))
    y = 2 * X[0] - X[1] + rng.normal(size=60)
    path = km.regularization_path(km.Regression(X, y), diagonal(8), Decay(restarts=0), [1.0, 0.3, 0.1, 0.03, 0.01])
    least, one, aic = (path.select(rule, folds=4) for rule in ("cv", "1se", "aic"))
    assert one.parameter >= least.parameter
    assert least.scores[least.index] == least.scores.min()
    n, entries = 60, np.count_nonzero(np.abs(path.weights) > 1e-6, axis=(1, 2))
    rss = [np.mean((B @ X - y) ** 2) for B in path.weights]
    np.testing.assert_allclose(aic.scores, n * np.log(rss) + 2 * entries)
    with pytest.raises(ValueError, match="rule='best': expected one of"):
        path.select("best")
    with pytest.raises(ValueError, match="carries no Regression"):
        km.reference_path(km.Regression(X, y)).select()
    with pytest.raises(ValueError, match="folds=61: expected at most as many as samples, 60"):
        path.select(folds=61)


def test_degrees_of_freedom_of_ridge_are_the_trace_of_the_hat_matrix() -> None:
    X = np.random.default_rng(0).normal(size=(5, 30))
    problem, λ = km.Regression(X, X[:2]), 0.3
    hat = X.T @ np.linalg.solve(X @ X.T + 30 * λ * np.eye(5), X)
    found = degrees_of_freedom(km.Dense(ones(2, 5)), np.ones((2, 5)), problem, λ)
    assert found == pytest.approx(2 * np.trace(hat))
    with pytest.raises(ValueError, match="degrees of freedom are not known for Hadamard"):
        degrees_of_freedom(km.Hadamard(*[ones(2, 5)] * 3), np.ones((2, 5)), problem, λ)


# ---- the call --------------------------------------------------------------------------------------------------------


def test_interruption_leaves_the_points_done() -> None:
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    path = km.regularization_path(km.Observed(np.eye(2)), km.Dense(np.eye(2)), "decay", [0.1, 1.0, 2.0], progress=stop)
    assert seen == [(1, 3), (2, 3)]
    assert path.parameter.tolist() == [1.0, 2.0]  # the largest λ first, given back in the order asked for
    assert path.reason == "interrupted"
    assert "interrupted" in repr(path)
    again: list[tuple[int, int]] = []
    whole = km.regularization_path(
        km.Observed(np.eye(2)),
        km.Dense(np.eye(2)),
        "decay",
        [0.1, 1.0, 2.0],
        start=path,
        progress=lambda *at: again.append(at),
    )
    plain = km.regularization_path(km.Observed(np.eye(2)), km.Dense(np.eye(2)), "decay", [0.1, 1.0, 2.0])
    assert np.array_equal(whole.weights, plain.weights)  # bit for bit
    assert whole.reason == "done"
    with pytest.raises(ValueError, match="start has a point at 1, which is not among the parameters"):
        km.regularization_path(km.Observed(np.eye(2)), km.Dense(np.eye(2)), "decay", [0.5], start=path)
    with pytest.raises(KeyboardInterrupt):
        km.regularization_path(_Interrupted(), km.Dense(np.eye(2)), "decay", [1.0])


class _Interrupted(km.Observed):
    def __init__(self) -> None:
        super().__init__(np.eye(2))

    def loss_and_gradient(self, outputs: Any) -> Any:
        raise KeyboardInterrupt


def test_same_seed_same_path() -> None:
    problem, _ = sensing(60)
    first, second = (km.regularization_path(problem, MONARCH, "decay", [1.0], seed=3).weights for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("nothing",), {}, ValueError, "kind='nothing': expected one of"),
        (("decay", [-1.0]), {}, ValueError, "λ=-1"),
        (("decay", [0.0]), {}, ValueError, "λ=0: expected λ > 0"),
        (("decay", [np.nan]), {}, ValueError, "NaN"),
        (("decay", [1.0]), {"restarts": -1}, ValueError, "restarts=-1"),
        (("time", [1.0]), {"scale": 2.0}, ValueError, "scale=2"),
        ((Decay(), [1.0]), {"seed": 1}, ValueError, "go with a kind given by name"),
        (("rank", [9.0]), {}, (ValueError, TypeError), "."),
        (("scale", [-1.0]), {}, (ValueError, TypeError), "."),
    ],
)
def test_bad_options(arguments: Any, options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        km.regularization_path(km.Observed(np.eye(4)), km.Kronecker(ones(2, 2), ones(2, 2)), *arguments, **options)


def test_bad_data() -> None:
    X = np.vstack([np.arange(5.0), np.ones(5)])
    with pytest.raises(ValueError, match="feature 1 is constant"):
        km.regularization_path(km.Regression(X, np.ones((1, 5))), diagonal(2))
    with pytest.raises(ValueError, match="needs 1×2"):
        km.regularization_path(km.Regression(np.eye(2), np.ones((1, 2))), diagonal(3))
    with pytest.raises(TypeError, match="no inner size"):
        km.regularization_path(km.Observed(np.eye(2)), km.Dense(np.eye(2)), "rank")
    with pytest.raises(TypeError, match="the time path is for two"):
        km.regularization_path(diabetes(20), km.Hadamard(*[ones(1, 10)] * 3), "time")


@pytest.mark.parametrize("rank", [1, 4])
def test_starts_are_left_out_after_a_minimum_that_is_proved(rank: int) -> None:
    """A free product attains the convex minimum from the first start; one of too small a rank cannot, and tries them all."""
    rng = np.random.default_rng(0)
    problem, structure = km.Observed(rng.normal(size=(4, 4))), km.LowRank(np.ones((4, rank)), np.ones((rank, 4)))
    starts = iter(random_starts(structure, 1.0, 3, rng))
    op, value = best_fit(problem, structure, 0.1, starts, induced_norm(structure))
    assert len(list(starts)) == (0 if rank == 1 else 2)
    assert value == pytest.approx(km.regularization.loss(problem, op) + 0.1 * km.induced_penalty(op).value, rel=1e-6)


def test_low_rank_is_the_product_of_its_factors() -> None:
    """U V was refused where the chain of U and V was not."""
    problem = km.Observed(np.random.default_rng(0).normal(size=(3, 4)))
    U, V = ones(3, 2), ones(2, 4)
    first, second = (
        km.regularization_path(problem, op, "time", [0.5, 0.1])
        for op in (km.LowRank(U, V), km.Chain(km.Dense(U), km.Dense(V)))
    )
    np.testing.assert_array_equal(first.weights, second.weights)
    data = km.Regression(np.eye(4), np.eye(3, 4))
    assert degrees_of_freedom(km.LowRank(U, V), np.eye(3, 4), data, 0.1) == 3 * (3 + 4 - 3)


def drawn(*shape: int) -> Any:
    return np.random.default_rng(shape).normal(size=shape)


BOUNDED = {
    "low rank plus sparse": (km.Sum(km.LowRank(ones(4, 4), ones(4, 4)), km.Hadamard(ones(4, 4), ones(4, 4))), True),
    "low rank plus dense": (km.Sum(km.LowRank(ones(4, 4), ones(4, 4)), km.Dense(ones(4, 4))), True),
    "kronecker sum": (km.KroneckerSum(ones(2, 2), ones(2, 2)), True),
    "kronecker plus monarch": (
        km.Sum(km.Kronecker(ones(2, 2), ones(2, 2)), km.Monarch(ones(2, 2, 2), ones(2, 2, 2))),
        False,
    ),
    "deep": (km.Hadamard(*[ones(4, 4)] * 3), False),
}


@pytest.mark.parametrize("loss_name", ["observed", pytest.param("logistic", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name", [*list(BOUNDED)[:3], *(pytest.param(n, marks=pytest.mark.slow) for n in list(BOUNDED)[3:])]
)
def test_decay_paths_of_sums_are_bounded(name: str, loss_name: str) -> None:
    """Certified where the terms together can be every weight of their kinds; elsewhere no factors fall below the bound."""
    structure, attained = BOUNDED[name]
    problem = {"observed": km.Observed(drawn(4, 4)), "logistic": LABELS}[loss_name]
    path = km.regularization_path(problem, structure, "decay", [0.3, 0.1])
    assert (0 < path.lower_bound).all()
    assert (path.lower_bound <= path.objective * (1 + 1e-12)).all()
    if attained:
        assert path.remark == "certified: the factors attain the least objective at every point"
        np.testing.assert_allclose(path.lower_bound, path.objective, rtol=1e-6)
    else:
        assert "no convex extension that is known; proved: at most" in path.remark


# ---- the ends of paths of initial scales -------------------------------------------------------------------------------


def overdetermined(truth: Any) -> tuple[km.Regression, Any]:
    """A problem, and its only minimiser."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((4, 30))
    Y = truth @ X + 0.1 * rng.standard_normal((4, 30))
    return km.Regression(X, Y), np.linalg.lstsq(X.T, Y.T)[0].T


def test_where_one_weight_fits_best_that_is_what_scales_are_compared_with() -> None:
    rng = np.random.default_rng(0)
    problem, best = overdetermined(rng.standard_normal((4, 4)))
    product = km.Chain(km.Dense(np.ones((4, 4))), km.Dense(np.ones((4, 4))))
    path = km.regularization_path(problem, product, "scale", [1e-3, 1.0])
    assert path.reference is not None
    assert path.reference[0] == pytest.approx(best, abs=1e-8)
    assert path.weights[1] == pytest.approx(best, abs=1e-6)  # from a large start, too, it is followed to its end
    assert "consistent with" in path.remark


def test_a_scale_path_says_how_far_its_end_is_from_the_least_penalty() -> None:
    truth = np.kron(np.diag([2.0, 1.0]), np.array([[1.0, 0.3], [0.2, 1.0]]))
    problem, _ = overdetermined(truth + 0.03 * np.random.default_rng(1).standard_normal((4, 4)))
    path = km.regularization_path(problem, km.Kronecker(np.ones((2, 2)), np.ones((2, 2))), "scale", [1e-3])
    assert path.distance is not None
    assert path.distance[0] > 0.01
    assert f"ends {path.distance[0]:.2g} (relative) away" in path.remark
    assert "consistent" not in path.remark


@pytest.mark.slow
def test_a_mixer_leaves_zero_from_small_scales() -> None:
    """Of degree 4: from α it takes a time of α⁻², which no fixed number of steps covers."""
    rng = np.random.default_rng(2)
    problem, _ = overdetermined(np.kron(rng.standard_normal((2, 2)), rng.standard_normal((2, 2))))
    mixer = km.LinearMixer([np.ones((2, 2))] * 2, [np.ones((2, 2))] * 2)
    path = km.regularization_path(problem, mixer, "scale", [1e-2, 0.3])
    losses = [loss(problem, km.Dense(B)) for B in path.weights]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[0] < 0.05 * loss(problem, km.Dense(np.zeros((4, 4))))
