"""Estimators against closed forms, planted truth, the convex optimum, and scikit-learn's own checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import kronmix as km
from kronmix.estimators import (
    KroneckerClassifier,
    KroneckerRegression,
    KroneckerRegressionCV,
    LowRankClassifier,
    LowRankRegression,
    LowRankRegressionCV,
    MonarchClassifier,
    MonarchRegression,
    MonarchRegressionCV,
    SeparableCovariance,
)

ALPHAS = np.geomspace(3.0, 0.01, 6)
FAST = [LowRankRegression(), SeparableCovariance(shrinkage=0.1)]
SLOW = [
    KroneckerRegression(),
    KroneckerRegression(rank=2, standardize=True),
    MonarchRegression(),
    KroneckerClassifier(),
    MonarchClassifier(),
    LowRankClassifier(),
    KroneckerRegressionCV(alphas=[0.1, 0.01], cv=2),
    MonarchRegressionCV(alphas=[0.1, 0.01], cv=2),
    LowRankRegressionCV(cv=2, rule="1se"),
]


@parametrize_with_checks(FAST)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.nightly
@parametrize_with_checks(SLOW)
def test_scikit_learns_checks_of_all(estimator: Any, check: Any) -> None:
    check(estimator)


def planted(n: int = 80, noise: float = 0.01, seed: int = 0) -> tuple[Any, Any, Any]:
    """Matrices 3 × 4, and V X Wᵀ of shape 2 × 2 with a mean and noise."""
    rng = np.random.default_rng(seed)
    V, W, X = rng.normal(size=(2, 3)), rng.normal(size=(2, 4)), rng.normal(size=(n, 3, 4)) + 1.0
    return X, V @ X @ W.T + 5.0 + noise * rng.normal(size=(n, 2, 2)), np.kron(V, W)


# ---- regression ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [1, 2])
def test_kronecker_regression_finds_the_planted_product(rank: int) -> None:
    X, y, B = planted()
    model = KroneckerRegression(shapes=((2, 3), (2, 4)), rank=rank, alpha=1e-6).fit(X, y)
    np.testing.assert_allclose(model.coef_, B, atol=0.02)
    np.testing.assert_allclose(model.operator_.to_dense(), model.coef_)
    np.testing.assert_allclose(model.intercept_, 5.0, atol=0.05)
    assert model.predict(X).shape == (80, 4)
    assert model.score(X, y.reshape(80, 4)) > 0.999


def test_without_a_penalty_a_free_structure_is_least_squares() -> None:
    """α → 0: the closed form; α → ∞: the mean."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 4)), rng.normal(size=(40, 4))
    exact = Ridge(alpha=1e-12).fit(X, y)
    for model in (
        LowRankRegression(alpha=0.0),
        KroneckerRegression(shapes=((2, 2), (2, 2)), rank=4, alpha=0.0),
        MonarchRegression(sizes=(2, 2, 2, 2), rank=2, alpha=0.0),
    ):
        np.testing.assert_allclose(model.fit(X, y).coef_, exact.coef_, atol=1e-6)
        far = clone(model).set_params(alpha=1e6).fit(X, y)
        np.testing.assert_allclose(far.coef_, 0, atol=1e-9)
        np.testing.assert_allclose(far.intercept_, y.mean(axis=0))


def test_low_rank_regression_meets_its_optimality_conditions() -> None:
    rng = np.random.default_rng(0)
    X, y, α = rng.normal(size=(60, 5)), rng.normal(size=(60, 3)), 0.15
    model = LowRankRegression(alpha=α, tol=1e-12).fit(X, y)
    residual = model.predict(X) - y
    G = residual.T @ (X - X.mean(axis=0)) / 60
    U, σ, Vh = np.linalg.svd(model.coef_, full_matrices=False)
    kept = σ > 1e-8
    assert 0 < kept.sum() < 3
    np.testing.assert_allclose(U[:, kept].T @ G @ Vh[kept].T, -α * np.eye(kept.sum()), atol=1e-5)
    assert np.linalg.norm(G, 2) <= α * (1 + 1e-5)
    assert model.dual_gap_ < 1e-11


@pytest.mark.parametrize("rank", [1, 2])
def test_the_lower_bound_is_below_every_fit(rank: int) -> None:
    """The fit is compared with a brute force over many starts; the bound of a convex structure is attained."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    model = MonarchRegression(sizes=(2, 2, 2, 2), rank=rank, alpha=0.05).fit(X, y)
    many = MonarchRegression(sizes=(2, 2, 2, 2), rank=rank, alpha=0.05, restarts=20).fit(X, y)
    assert model.lower_bound_ <= many.objective_ * (1 + 1e-9)
    assert model.objective_ == pytest.approx(many.objective_, rel=1e-6)
    assert (model.dual_gap_ < 1e-7) is (rank == 2)
    problem = km.Regression((X - X.mean(axis=0)).T, (y - y.mean(axis=0)).T)
    penalty = km.induced_penalty(model.operator_).value
    assert model.objective_ == pytest.approx(km.regularization.loss(problem, model.coef_) + 0.05 * penalty, rel=1e-6)


def test_the_path_starts_at_zero_and_its_points_are_fits() -> None:
    X, y, _ = planted(noise=0.5)
    model = KroneckerRegression(shapes=((2, 3), (2, 4)), standardize=True)
    path = model.path(X, y)
    assert (np.diff(path.parameter) < 0).all()
    assert np.linalg.norm(path.weights[0]) < 0.2 * np.linalg.norm(path.weights[-1])
    one = clone(model).set_params(alpha=path.parameter[7]).fit(X, y)
    np.testing.assert_allclose(path.coef[7], one.coef_, atol=1e-5)
    np.testing.assert_allclose(path.predict(X.reshape(80, 12), at=7), one.predict(X), atol=1e-4)
    assert (path.lower_bound <= path.objective * (1 + 1e-12)).all()


def test_cross_validation_chooses_and_the_rule_of_one_standard_error_is_sparser() -> None:
    X, y, _ = planted(noise=2.0)
    options: Any = {"shapes": ((2, 3), (2, 4)), "alphas": ALPHAS, "restarts": 0, "cv": 3}
    least, one = (KroneckerRegressionCV(rule=rule, **options).fit(X, y) for rule in ("min", "1se"))
    assert one.alpha_ >= least.alpha_
    means = least.validation_loss_.mean(axis=1)
    assert least.alpha_ == least.alphas_[means.argmin()]
    refitted = KroneckerRegression(shapes=((2, 3), (2, 4)), alpha=least.alpha_).fit(X, y)
    np.testing.assert_allclose(refitted.coef_, least.coef_, atol=1e-4)


def test_a_fold_is_standardised_by_its_training_samples_alone() -> None:
    """A held-out outlier leaves the fit of its fold as it is."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    folds = [(np.arange(10), np.arange(10, 20))]
    losses = []
    for outlier in (X[15, 0], 1e3):
        X[15, 0] = outlier
        model = LowRankRegressionCV(alphas=[0.1], cv=folds, standardize=True).fit(X, y)
        part = LowRankRegression(alpha=0.1, standardize=True).fit(X[:10], y[:10])
        losses.append(model.validation_loss_[0, 0])
        assert losses[-1] == pytest.approx(0.5 * np.mean((part.predict(X[10:]) - y[10:]) ** 2))
    assert losses[1] > losses[0]


# ---- classification --------------------------------------------------------------------------------------------------


def test_logistic_fits_agree_with_scikit_learn_without_a_penalty() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = np.where(X[:, 0] + rng.logistic(size=200) + 1 > 0, "b", "a")
    theirs = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(X, y)
    ours = LowRankClassifier(alpha=1e-9).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-3)
    assert ours.classes_.tolist() == ["a", "b"]


def test_intercepts_are_not_penalised() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 4)), (rng.random(100) < 0.9).astype(int)
    model = LowRankClassifier(alpha=1e3).fit(X, y)
    np.testing.assert_allclose(model.coef_, 0, atol=1e-12)
    assert model.intercept_[0] == pytest.approx(np.log(y.mean() / (1 - y.mean())))


# ---- what people hand in ---------------------------------------------------------------------------------------------


def test_a_constant_feature_is_left_out_whatever_its_mean_rounds_to() -> None:
    X, y, _ = planted()
    with_constant = np.insert(X.reshape(len(X), -1), 0, 0.1, axis=1)[:, :-1]
    assert np.ptp(with_constant[:, 0] - with_constant[:, 0].mean()) == 0
    assert with_constant[:, 0].mean() != 0.1
    model = LowRankRegression(alpha=1e-3).fit(with_constant, y)
    rounding = max(model.coef_.shape) * np.finfo(float).eps * np.linalg.norm(model.coef_)  # of its singular vectors
    assert np.abs(model.coef_[:, 0]).max() < rounding


def test_in_pipelines_grids_frames_and_single_precision() -> None:
    pd = pytest.importorskip("pandas")
    from scipy.sparse import csr_array

    X, y, _ = planted(40, noise=0.5)
    X, y = X.reshape(40, 12), y.reshape(40, 4)
    pipe = make_pipeline(StandardScaler(), MonarchRegression(sizes=(2, 3, 2, 4), restarts=0))
    grid = GridSearchCV(pipe, {"monarchregression__alpha": [1.0, 0.01]}, cv=2).fit(X, y)
    assert grid.best_params_["monarchregression__alpha"] == 0.01
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(12)])
    model = LowRankRegression(alpha=0.1).fit(frame, y)
    assert model.feature_names_in_.tolist() == list(frame.columns)
    np.testing.assert_allclose(LowRankRegression(alpha=0.1).fit(csr_array(X), y).coef_, model.coef_)
    single = LowRankRegression(alpha=0.1).fit(X.astype(np.float32), y)
    assert (single.coef_.dtype, single.predict(X.astype(np.float32)).dtype) == (np.float32, np.float32)
    counts = np.arange(40) % 3
    twice = LowRankRegression(alpha=0.1).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0))
    weighted = LowRankRegression(alpha=0.1).fit(X, y, sample_weight=counts)
    np.testing.assert_allclose(weighted.coef_, twice.coef_, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (KroneckerRegression(shapes=((2, 3), (3, 4))), r"p·r = 4 and q·s = 12"),
        (KroneckerRegression(shapes=(2, 3)), r"shapes=\(2, 3\): expected sizes of shape \(2, 2\)"),
        (KroneckerRegression(rank=0), "rank=0"),
        (MonarchRegression(sizes=(2, 3, 2, 5)), r"p·q = 4 and k·s = 12"),
        (LowRankRegression(alpha=-1.0), "alpha=-1.0"),
        (LowRankRegression(tol=0.0), "tol=0.0"),
        (KroneckerRegression(restarts=-1), "restarts=-1"),
        (LowRankRegressionCV(rule="best"), "rule='best': expected 'min' or '1se'"),
        (LowRankRegressionCV(alphas=[-1.0]), "alphas=-1.0"),
    ],
)
def test_bad_options(model: Any, words: str) -> None:
    X, y, _ = planted(20)
    with pytest.raises((ValueError, TypeError), match=words):
        model.fit(X, y)


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="y holds one class, 1: expected at least two"):
        LowRankClassifier().fit(np.eye(3), [1, 1, 1])
