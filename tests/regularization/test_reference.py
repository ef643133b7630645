"""Convex reference paths: optimality conditions, duality gaps, agreement among solvers, and tiny problems by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso, lars_path

import kronmix as km
from kronmix.regularization import GapError, Path, induced_norm, layouts, minimize_penalized, norms, pairs, relative_gap
from kronmix.regularization.proximal import loss_and_dense_gradient
from kronmix.regularization.solvers import _SOLVERS, Found, register_solver

SIZES = (2, 3, 2, 2)  # p, k, q, s: B is 4 × 6
LABELS = np.arange(24).reshape(4, 6) % 5
PENALTIES = {
    "l1": norms.L1(),
    "ridge": norms.Ridge(),
    "frobenius": norms.Groups(),
    "slices": norms.Groups(layouts.Slices(*SIZES)),
    "labels": norms.LabelledGroups(LABELS),
    "nuclear": norms.Nuclear(),
    "slice nuclear": norms.Nuclear(layouts.Slices(*SIZES)),
    "rearranged nuclear": norms.Nuclear(layouts.Rearranged((2, 3), (2, 2))),
    "rearranged group": norms.Groups(layouts.Rearranged((2, 3), (2, 2))),
}


def problems(seed: int = 0) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(6, 30)), rng.normal(size=(4, 30))
    A, y = rng.normal(size=(15, 4, 6)), rng.normal(size=15)
    return {
        "regression": km.Regression(X, Y),
        "few samples": km.Regression(X[:, :5], Y[:, :5]),
        "logistic": km.Regression(X, np.sign(Y), loss="logistic"),
        "sensing": km.Sensing(A, y),
        "observed": km.Observed(rng.normal(size=(4, 6))),
    }


@pytest.fixture(scope="module")
def diabetes() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_diabetes(return_X_y=True)
    return X, y - y.mean()


def test_kinks_are_scikit_learns_and_gaps_are_at_rounding(diabetes):
    X, y = diabetes
    path = km.reference_path(km.Regression(X.T, y))
    alphas, _, coefficients = lars_path(X, y, method="lasso")
    np.testing.assert_allclose(path.parameter, alphas, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(path.weights[:, 0], coefficients.T, atol=1e-8)
    np.testing.assert_array_equal(path.kinks, path.parameter[:-1])
    assert path.duality_gap.max() < 1e-13
    np.testing.assert_allclose(path.weights[-1, 0], np.linalg.lstsq(X, y)[0], rtol=1e-9)


def test_lambda_means_scikit_learns_alpha(diabetes):
    X, y = diabetes
    path = km.reference_path(km.Regression(X.T, y), "l1", [0.3])
    theirs = Lasso(alpha=0.3, fit_intercept=False, tol=1e-12).fit(X, y).coef_
    np.testing.assert_allclose(path.weights[0, 0], theirs, atol=1e-5)


@pytest.mark.parametrize("name", ["regression", "few samples", "sensing", "observed"])
def test_lasso_meets_its_optimality_conditions(name):
    problem = problems()[name]
    path = km.reference_path(problem, "l1")
    for λ, B in zip(path.parameter, path.weights, strict=True):
        _, G = loss_and_dense_gradient(problem, B)
        assert np.abs(G).max() <= λ * (1 + 1e-7) + 1e-12
        np.testing.assert_allclose(G[B != 0], -λ * np.sign(B[B != 0]), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["regression", "few samples", "sensing"])
def test_lasso_solvers_agree(name):
    problem = problems(3)[name]
    λ = [0.3, 0.05, 0.01, 0.1]
    paths = [km.reference_path(problem, "l1", λ, solver=s, tol=1e-12) for s in ("lars", "coordinate", "proximal")]
    for path in paths[1:]:
        np.testing.assert_allclose(path.weights, paths[0].weights, atol=1e-6)


def test_lasso_by_brute_force_over_sign_patterns():
    rng = np.random.default_rng(5)
    X, y, λ = rng.normal(size=(3, 8)), rng.normal(size=8), 0.2
    problem = km.Regression(X, y)
    best = np.inf
    for signs in product((-1, 0, 1), repeat=3):
        s, S = np.array(signs), np.flatnonzero(signs)
        w = np.zeros(3)
        w[S] = np.linalg.solve(X[S] @ X[S].T, X[S] @ y - 8 * λ * s[S])
        best = min(best, 0.5 * np.mean((w @ X - y) ** 2) + λ * np.abs(w).sum())
    w = km.reference_path(problem, "l1", [λ]).weights[0, 0]
    assert 0.5 * np.mean((w @ X - y) ** 2) + λ * np.abs(w).sum() == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("name", ["regression", "few samples", "sensing", "observed", "logistic"])
def test_every_pair_of_problem_and_penalty_reaches_its_gap(name, penalty):
    problem, Ω = problems(1)[name], PENALTIES[penalty]
    _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
    λs = np.array([0.5, 0.1, 0.9]) * (0.1 if penalty == "ridge" else Ω.dual(G))
    path = km.reference_path(problem, Ω, λs)
    assert path.duality_gap.max() <= 1e-8
    np.testing.assert_array_equal(path.parameter, λs)
    for λ, B, gap in zip(λs, path.weights, path.duality_gap, strict=True):
        assert gap == pytest.approx(relative_gap(problem, Ω, B, λ), abs=1e-14)
        assert np.linalg.norm(B) > 0


@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_gap_bounds_the_excess_and_is_not_zero_away_from_the_minimum(penalty):
    Ω, rng = PENALTIES[penalty], np.random.default_rng(2)
    for problem in problems(2).values():
        λ = 0.1
        best = minimize_penalized(problem, Ω, λ, tol=1e-10).weight
        least = loss_and_dense_gradient(problem, best)[0] + Ω.objective(best, λ)
        for size in (1e-3, 1e-1, 1.0):
            B = best + size * rng.normal(size=best.shape)
            objective = loss_and_dense_gradient(problem, B)[0] + Ω.objective(B, λ)
            assert relative_gap(problem, Ω, B, λ) * objective >= (objective - least) * (1 - 1e-9) > 0


@pytest.mark.parametrize("penalty", [name for name in PENALTIES if name != "ridge"])
@given(seed=st.integers(0, 2**16))
def test_norms_their_duals_and_their_proximal_maps(penalty, seed):
    Ω, rng = PENALTIES[penalty], np.random.default_rng(seed)
    B, C = rng.normal(size=(2, 4, 6))
    step = float(rng.uniform(0.1, 3))
    Z = Ω.prox(B, step)
    assert Ω.value(B + C) <= Ω.value(B) + Ω.value(C) + 1e-12  # a norm
    assert Ω.value(-2 * B) == pytest.approx(2 * Ω.value(B))
    assert np.vdot(B, C) <= Ω.value(B) * Ω.dual(C) + 1e-12  # Hölder
    # Moreau: (B − Z)/step lies in the dual ball, and pairs with Z to Ω(Z): the optimality condition of the proximal map.
    assert Ω.dual(B - Z) <= step * (1 + 1e-12)
    assert np.vdot(B - Z, Z) == pytest.approx(step * Ω.value(Z), abs=1e-11)


@pytest.mark.parametrize(
    "view", [layouts.Whole(), layouts.Entries(), layouts.Slices(*SIZES), layouts.Rearranged((2, 3), (2, 2))]
)
def test_views_are_isometric_reshuffles(view):
    B = np.random.default_rng(0).normal(size=(4, 6))
    blocks = view.split(B)
    np.testing.assert_array_equal(np.sort(blocks.ravel()), np.sort(B.ravel()))
    np.testing.assert_array_equal(view.join(blocks, B.shape), B)


def test_slices_are_those_of_a_monarch_matrix():
    rng = np.random.default_rng(1)
    op = km.Monarch(rng.normal(size=(2, 2, 3)), rng.normal(size=(3, 2, 2)))
    U, V = op.slices()
    np.testing.assert_allclose(layouts.Slices(*op.sizes).split(op.to_dense()), (U @ V).reshape(6, 2, 2))


def test_group_lasso_by_a_general_optimiser():
    problem, Ω, λ = problems(4)["regression"], PENALTIES["slices"], 0.05
    path = km.reference_path(problem, "group", [λ], groups=SIZES, tol=1e-12)

    def value(b):
        return loss_and_dense_gradient(problem, b.reshape(4, 6))[0] + λ * Ω.value(b.reshape(4, 6))

    rough = minimize(value, np.full(24, 0.1), method="Powell", options={"xtol": 1e-10, "ftol": 1e-14, "maxiter": 10**5})
    assert value(path.weights[0].ravel()) <= rough.fun * (1 + 1e-12)
    assert value(path.weights[0].ravel()) == pytest.approx(rough.fun, rel=1e-4)


@pytest.mark.parametrize("name", ["regression", "few samples", "sensing"])
def test_ridge_solves_the_normal_equations(name):
    problem = problems(6)[name]
    path = km.reference_path(problem, "ridge")
    for λ, B in zip(path.parameter, path.weights, strict=True):
        np.testing.assert_allclose(loss_and_dense_gradient(problem, B)[1], -λ * B, atol=1e-12 * problem.curvature)
    by_descent = km.reference_path(problem, "ridge", path.parameter[:20], solver="proximal", tol=1e-14)
    np.testing.assert_allclose(by_descent.weights, path.weights[:20], atol=1e-6)


def test_ridge_at_zero_is_the_minimum_norm_solution():
    rng = np.random.default_rng(0)
    A, y = rng.normal(size=(5, 2, 4)), rng.normal(size=5)
    path = km.reference_path(km.Sensing(A, y), "ridge", [0.0])
    np.testing.assert_allclose(path.weights[0].ravel(), np.linalg.pinv(A.reshape(5, 8)) @ y)
    assert path.duality_gap[0] < 1e-8


def test_observed_targets_are_shrunk_in_closed_form():
    T = np.random.default_rng(0).normal(size=(4, 6))
    path = km.reference_path(km.Observed(T), "nuclear", [0.5, 2.0])
    by_descent = [minimize_penalized(km.Observed(T), norms.Nuclear(), λ, tol=1e-14).weight for λ in (0.5, 2.0)]
    np.testing.assert_allclose(path.weights, by_descent, atol=1e-7)
    σ = np.linalg.svd(T, compute_uv=False)
    np.testing.assert_allclose(np.linalg.svd(path.weights[0], compute_uv=False), np.maximum(σ - 0.5, 0), atol=1e-12)


@pytest.mark.parametrize("penalty", ["slices", "slice nuclear"])
def test_working_set_agrees_with_all_blocks_at_once(penalty):
    problem, Ω = problems(7)["sensing"], PENALTIES[penalty]
    λ = Ω.dual(loss_and_dense_gradient(problem, np.zeros((4, 6)))[1]) * np.array([1.1, 0.7, 0.3, 0.05])
    few, all_ = (km.reference_path(problem, Ω, λ, solver=s, tol=1e-13) for s in ("working set", "proximal"))
    np.testing.assert_allclose(few.weights, all_.weights, atol=1e-5)
    zero = np.abs(Ω.view.split(few.weights[1])).max(axis=(1, 2)) == 0
    assert zero.any()
    assert not zero.all()


def test_working_set_finds_the_active_blocks():
    """400 blocks, 5 of them active: and found."""
    rng = np.random.default_rng(0)
    T = np.zeros((20, 80))
    T[:5, :4] = rng.normal(size=(5, 4))
    A = rng.normal(size=(150, 20, 80))
    path = km.reference_path(km.Sensing(A, np.tensordot(A, T)), "group", groups=(1, 20, 20, 4))
    active = np.abs(path.weights.reshape(50, 20, 20, 4)).max(axis=3) > 0
    assert path.duality_gap.max() <= 1e-8
    assert active[0].sum() == 0
    assert active[-1, :5, 0].all()
    assert np.linalg.norm(path.weights[-1] - T) < 1e-2 * np.linalg.norm(T)


def test_sensing_recovers_active_slices_by_group_and_slice_nuclear_norm():
    """T23's convex minimisers: 3 of 16 slices, 110 measurements of 256 unknowns."""
    rng = np.random.default_rng(0)
    T = np.zeros((4, 4, 4, 4))
    for i, j in ((0, 1), (2, 2), (3, 0)):
        T[:, i, j, :] = np.outer(rng.normal(size=4), rng.normal(size=4))
    T = T.reshape(16, 16)
    A = rng.normal(size=(110, 16, 16))
    problem = km.Sensing(A, np.tensordot(A, T))
    λ = np.geomspace(1, 1e-4, 12)
    off = {
        name: np.linalg.norm(path.weights[-1] - T) / np.linalg.norm(T)
        for name, path in {
            "group": km.reference_path(problem, "group", λ, groups=(4, 4, 4, 4)),
            "slice nuclear": km.reference_path(problem, "nuclear", λ, groups=(4, 4, 4, 4)),
            "ridge": km.reference_path(problem, "ridge", [1e-8]),
        }.items()
    }
    assert off["group"] < 1e-3
    assert off["slice nuclear"] < 1e-3
    assert off["ridge"] > 0.5


@pytest.mark.parametrize("name", ["observed", pytest.param("sensing", marks=pytest.mark.slow)])
def test_default_grid_starts_where_the_minimiser_is_zero(name):
    path = km.reference_path(problems()[name], "nuclear", groups=SIZES)
    assert path.weights.shape == (50, 4, 6)
    assert np.abs(path.weights[0]).max() < 1e-12 < np.abs(path.weights[1]).max()


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (km.Monarch(np.ones((2, 2, 3)), np.ones((3, 2, 2))), norms.Nuclear(layouts.Slices(2, 3, 2, 2))),
        (km.SumOfKroneckers([(np.eye(2), np.ones((2, 3)))] * 2), norms.Nuclear(layouts.Rearranged((2, 2), (2, 3)))),
        (km.Chain(km.Dense(np.eye(2)), km.Dense(np.ones((2, 3)))), norms.Nuclear(layouts.Whole())),
    ],
)
def test_induced_norm_of_structures(structure, expected):
    assert induced_norm(structure) == expected
    B = np.random.default_rng(0).normal(size=structure.shape)
    if pairs.factored_blocks(structure)[1] == 1:  # on blocks of rank 1 it is the sum of their Frobenius norms (T17)
        B = structure.to_dense()
        assert expected.value(B) == pytest.approx(norms.Groups(expected.view).value(B))
    path = km.reference_path(km.Observed(B), "nuclear", [0.1], groups=structure)
    np.testing.assert_array_equal(path.weights[0], expected.prox(B, 0.1))


def test_induced_norm_of_dense_and_diagonal():
    assert isinstance(induced_norm(km.Dense(np.eye(2))), norms.Ridge)
    assert isinstance(induced_norm(km.Hadamard(np.eye(2), np.eye(2))), norms.L1)


def test_a_penalty_of_ones_own_needs_no_change_elsewhere():
    class Largest(norms.Norm):
        """max |B_ij|; its proximal map is what remains of projecting on an ℓ1 ball (Moreau)."""

        name = "largest"

        def value(self, B):
            return float(np.abs(B).max())

        def prox(self, B, step):
            a = np.sort(np.abs(B.ravel()))[::-1]
            if a.sum() <= step:
                return np.zeros_like(B)
            excess = (np.cumsum(a) - step) / np.arange(1, a.size + 1)
            level = excess[np.flatnonzero(a > excess)[-1]]
            return np.clip(B, -level, level)

        def dual(self, G):
            return float(np.abs(G).sum())

    path = km.reference_path(problems()["regression"], Largest(), [0.5, 0.1])
    assert path.duality_gap.max() <= 1e-8
    assert path.name == "largest"


def test_solvers_can_be_registered(monkeypatch):
    monkeypatch.setattr("kronmix.regularization.solvers._SOLVERS", dict(_SOLVERS))

    @register_solver("none", lambda problem, penalty: True)
    def _(problem, penalty, parameters, tol):
        return Found(parameters, np.zeros((len(parameters), *problem.shape)), np.full(len(parameters), 0.5))

    with pytest.raises(GapError, match=r"relative duality gap 5.00e-01 at λ=1: expected at most"):
        km.reference_path(problems()["sensing"], "l1", [1.0], solver="none")


def test_data_is_left_as_it_was(diabetes):
    X, y = diabetes
    for samples in (442, 8):  # compressed, and wide: the solvers see the user's own memory
        inputs, targets = X.T[:, :samples].copy(), y[:samples].copy()
        problem = km.Regression(inputs, targets)
        before = problem.inputs.copy()
        for solver in ("lars", "coordinate", "proximal"):
            km.reference_path(problem, "l1", [0.5, 0.1], solver=solver)
        np.testing.assert_array_equal(problem.inputs, before)
        np.testing.assert_array_equal(inputs, X.T[:, :samples])
        np.testing.assert_array_equal(targets, y[:samples])


def test_zero_features_get_zero_weights():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, 20))
    X[2] = 0
    for penalty in ("l1", "ridge"):
        assert (km.reference_path(km.Regression(X, rng.normal(size=20)), penalty, [0.01]).weights[:, :, 2] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parameters": [-1.0]}, r"parameters holds λ=-1: expected λ ≥ 0"),
        ({"parameters": [np.nan]}, r"parameters has 1 NaN or infinite entries, the first at index \(0,\)"),
        ({"parameters": [[1.0]]}, r"parameters has shape \(1, 1\): expected 1 axes"),
        ({"penalty": "l0"}, r"penalty='l0': expected one of \['frobenius', 'group', 'l1', 'nuclear', 'ridge'\]"),
        ({"penalty": "group"}, r"penalty='group' needs groups"),
        ({"penalty": "l1", "groups": SIZES}, r"groups is given, but penalty='l1' has none"),
        ({"penalty": norms.L1(), "groups": SIZES}, r"groups is for penalties given by name"),
        ({"penalty": "group", "groups": (2, 3)}, r"groups=\(2, 3\): expected an operator, sizes"),
        ({"penalty": "group", "groups": (2, 3, 2, 3)}, r"need \(4, 9\)"),
        ({"penalty": "group", "groups": np.zeros((4, 6))}, r"expected an integer label for every entry of B"),
        ({"penalty": "group", "groups": np.zeros((2, 2), int)}, r"the labels of the groups have shape \(2, 2\)"),
        ({"solver": "svd"}, r"solver='svd': for this problem and penalty expected one of"),
        ({"tol": 0.0}, r"tol=0.0: expected a positive relative duality gap"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        km.reference_path(problems()["sensing"], **arguments)


@pytest.mark.parametrize("columns", [lambda X: -X[1], lambda X: X[1], lambda X: 0.5 * X[1], lambda X: X[0] + X[1]])
def test_a_dependent_column_changes_no_fit_and_no_kink(columns):
    """CASES 18: a mirrored column gave a kink at 0.0044 where 0.0421 is right, and a duality gap of 0.87."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(5, 40))
    y = np.array([3.0, -2.0, 0.0, 0.0, 1.0]) @ X + 0.3 * rng.normal(size=40)
    plain = km.reference_path(km.Regression(X, y))
    path = km.reference_path(km.Regression(np.vstack([X, columns(X)]), y))
    np.testing.assert_allclose(path.kinks, plain.kinks)
    assert plain.kinks[-1] == pytest.approx(0.0421, abs=1e-4)
    assert path.duality_gap.max() < 1e-12
    for B, smaller in zip(path.weights, plain.weights, strict=True):
        np.testing.assert_allclose(B @ np.vstack([X, columns(X)]), smaller @ X, atol=1e-9)
    problem = km.Regression(np.vstack([X, columns(X)]), y)
    for solver in ("lars", "coordinate"):
        assert km.reference_path(problem, "l1", [0.1, 0.0], solver=solver).duality_gap.max() < 1e-8


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_parallel_columns_are_found_at_any_scale(scale):
    from kronmix.regularization.least_squares import parallel_columns

    rng = np.random.default_rng(0)
    A = rng.normal(size=(7, 30))
    A[:, 4], A[:, 9], A[:, 20] = -2 * A[:, 3], A[:, 8], 0.0
    marked = parallel_columns(scale * A)
    assert np.flatnonzero(marked).tolist() == [
        3,
        9,
    ]  # the shorter one, the later one; a column of zeros is nobody's multiple


def test_lasso_at_zero_is_the_least_l1_norm_that_fits():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 5)), rng.normal(size=5)
    least = km.interpolation_path(km.Regression(X, y), [0]).weights[0]
    for solver in ("lars", "coordinate", "proximal"):
        path = km.reference_path(km.Regression(X, y), "l1", [0.1, 0.0], solver=solver)
        np.testing.assert_allclose(path.weights[1], least, atol=1e-7)


@pytest.mark.parametrize(
    "penalty", [*(pytest.param(n, marks=pytest.mark.slow) for n in ("nuclear", "slices")), "frobenius"]
)
def test_other_penalties_at_zero_fit_with_a_small_norm(penalty):
    problem, Ω = problems(1)["sensing"], PENALTIES[penalty]
    path = km.reference_path(problem, Ω, [1e-4, 0.0])
    assert loss_and_dense_gradient(problem, path.weights[1])[0] < 1e-20
    assert Ω.value(path.weights[1]) == pytest.approx(Ω.value(path.weights[0]), rel=1e-2)


def test_observed_targets_at_zero_are_themselves():
    T = np.random.default_rng(0).normal(size=(2, 3))
    path = km.reference_path(km.Observed(T), "l1", [1.0, 0.0])
    np.testing.assert_array_equal(path.weights[1], T)


def test_a_logistic_loss_without_a_penalty_need_not_have_a_minimiser():
    with pytest.raises(ValueError, match=r"λ=0: without a penalty the logistic loss need not have a minimiser"):
        km.reference_path(problems()["logistic"], "nuclear", [0.0])


@pytest.mark.parametrize("penalty", ["nuclear", "slice nuclear", "slices", "frobenius", "l1", "ridge"])
def test_features_of_very_different_scales(penalty):
    """CASES 22: scales from 1e-6 to 1e6 ended in a gap of 0.99."""
    rng = np.random.default_rng(0)
    scales = np.geomspace(1e-6, 1e6, 6)[[2, 5, 0, 4, 1, 3]]
    X0 = rng.normal(size=(6, 60))
    Y = rng.normal(size=(4, 6)) @ X0 + 0.1 * rng.normal(size=(4, 60))
    problem, Ω = km.Regression(X0 * scales[:, None], Y), PENALTIES[penalty]
    top = problem.curvature if penalty == "ridge" else Ω.dual(loss_and_dense_gradient(problem, np.zeros((4, 6)))[1])
    path = km.reference_path(problem, Ω, top * np.geomspace(0.9, 1e-6, 8))
    assert path.duality_gap.max() <= 1e-8
    if penalty != "l1" and penalty != "ridge":
        assert max(np.linalg.norm(B) for B in path.weights) > 0


def test_splitting_agrees_with_the_proximal_method():
    from kronmix.regularization.splitting import Splitting

    problem = problems(2)["regression"]
    for name in ("nuclear", "slices", "rearranged nuclear"):
        Ω = PENALTIES[name]
        by_splitting = Splitting(problem, Ω)(0.1, tol=1e-12).weight
        np.testing.assert_allclose(by_splitting, minimize_penalized(problem, Ω, 0.1, tol=1e-12).weight, atol=1e-5)
        with pytest.raises(
            GapError, match=r"after 0 iterations at λ=0.1: expected at most tol=1.0e-12; standardise"
        ) as told:
            Splitting(problem, Ω)(0.1, tol=1e-12, max_iterations=0)
        assert told.value.solution.gap > 1e-12


def test_a_gap_that_stops_shrinking_is_told_with_the_best_weight():
    class Coarse(km.Observed):
        """Its gradient is rounded to tenths: no weight can be proved to be the minimiser."""

        def loss_and_gradient(self, outputs):
            value, gradient = super().loss_and_gradient(outputs)
            return value, gradient.round(1)

    with pytest.raises(GapError, match=r"stopped shrinking after \d+ iterations: expected at most tol=1.0e-08") as told:
        minimize_penalized(Coarse([[1.0, 2.03]]), norms.L1(), 0.17)
    assert told.value.solution.gap < np.inf


def test_one_bad_point_does_not_lose_the_path(monkeypatch):
    from kronmix.regularization import Found, GapWarning, Solver

    def solve(problem, penalty, parameters, tol):
        return Found(parameters, np.zeros((2, 4, 6)), np.array([1e-12, 0.5]))

    once = Solver(lambda problem, penalty: True, solve)
    with pytest.warns(
        GapWarning, match=r"1 of 2 points are not certified, the worst with relative duality gap 5.00e-01 at λ=0.1"
    ):
        path = km.reference_path(problems()["sensing"], "l1", [1.0, 0.1], solver=once)
    assert path.duality_gap.tolist() == [1e-12, 0.5]
    never = Solver(lambda problem, penalty: False, solve)
    with pytest.raises(ValueError, match="does not take Sensing"):
        km.reference_path(problems()["sensing"], "l1", [1.0, 0.1], solver=never)


def test_penalty_objects_are_checked():
    with pytest.raises(TypeError, match=r"penalty=3: expected a name or an object with value, prox"):
        km.reference_path(problems()["sensing"], 3)


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        (km.Kronecker(np.eye(2), np.eye(2), np.eye(2)), "Kronecker with 3 factors: expected two"),
        (km.Hadamard(np.eye(2), np.eye(2), np.eye(2)), "Hadamard with 3 factors: expected two"),
        (km.Chain(km.Dense(np.eye(2)), km.Permutation([1, 0])), "Dense is not known as a product of two factors"),
        (km.Permutation([1, 0]), "Permutation is not known as a product of two factors"),
    ],
)
def test_structures_without_a_convex_penalty_are_refused(structure, message):
    with pytest.raises(TypeError, match=message):
        induced_norm(structure)


def test_complex_data_is_refused():
    for problem in (km.Observed(1j * np.eye(2)), km.Regression(np.eye(2), 1j * np.eye(2))):
        with pytest.raises(TypeError, match=r"complex data: the convex references are for real weights"):
            km.reference_path(problem, "l1")


def test_constant_features_are_refused():
    X = np.random.default_rng(0).normal(size=(3, 10))
    X[1] = 2.0
    with pytest.raises(ValueError, match=r"X: feature 1 is constant \(2 in every sample\)"):
        km.reference_path(km.Regression(X, X[0]), "l1")


def test_out_of_iterations_is_an_error():
    with pytest.raises(GapError, match=r"after 3 iterations at λ=0.001: expected at most tol=1.0e-08"):
        minimize_penalized(problems()["sensing"], norms.L1(), 1e-3, max_iterations=3)


def test_path_checks_its_shapes_and_measures_its_distance():
    weights = np.ones((2, 3, 4))
    path = Path(np.array([2.0, 1.0]), weights, np.stack([2 * weights[0], 0 * weights[1]]))
    np.testing.assert_allclose(path.distance, [0.5, np.sqrt(12)])
    assert Path(np.array([1.0, 2.0]), weights).distance is None
    with pytest.raises(ValueError, match=r"parameter has shape \(1, 2\)"):
        Path(np.ones((1, 2)), weights)
    with pytest.raises(ValueError, match=r"weights has shape \(2, 3, 4\): expected \(3, rows, columns\)"):
        Path(np.ones(3), weights)
    with pytest.raises(ValueError, match=r"reference has shape \(1, 3, 4\)"):
        Path(np.ones(2), weights, weights[:1])
    with pytest.raises(ValueError, match=r"duality_gap has shape \(3,\)"):
        Path(np.ones(2), weights, duality_gap=np.ones(3))
    with pytest.raises(ValueError, match="read-only"):
        path.weights[0] = 1


def test_path_is_drawn_with_its_kinks(diabetes):
    X, y = diabetes
    path = km.reference_path(km.Regression(X.T, y))
    axes = path.plot()
    assert len(axes.lines) == 10 + path.kinks.size
    assert "12 kinks" in repr(path)


def test_a_taken_name_is_refused_and_the_functions_stay_the_users():
    def mine(groups):
        return norms.L1()

    assert norms.register_penalty("mine")(mine) is mine
    with pytest.raises(ValueError, match=r"penalty 'l1' is taken; the names in use are \['frobenius'"):
        norms.register_penalty("l1")(mine)
    assert isinstance(norms.make_penalty("l1"), norms.L1)

    def solve(problem, penalty, parameters, tol):
        raise AssertionError

    assert register_solver("mine", lambda problem, penalty: False)(solve) is solve
    with pytest.raises(ValueError, match="solver 'lars' is taken"):
        register_solver("lars", lambda problem, penalty: True)(solve)
