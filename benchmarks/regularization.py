"""Descent steps against the GEMMs they contain, paths against scikit-learn's, and paths and estimators in seconds."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, lars_path

import kronmix as km
from kronmix.estimators import KroneckerRegression, SeparableCovariance
from kronmix.regularization import induced_norm, relative_gap
from kronmix.regularization.norms import L1

from .harness import Row, Work


def _descent_step() -> tuple[Work, Work]:
    rng = np.random.default_rng(0)
    A, B, T = rng.normal(size=(64, 64)), rng.normal(size=(64, 64)), rng.normal(size=(4096, 256))
    X = rng.normal(size=(4096, 256))
    problem, start, steps = km.Regression(X, T), km.Kronecker(0.01 * A, 0.01 * B), 10
    assert problem.inputs.shape == X.shape

    def by_hand() -> None:
        P, Q = start.factors
        for _ in range(steps + 1):  # descent evaluates the loss after the last step too
            x = X.reshape(64, 64 * 256)
            t = np.matmul(Q, x.reshape(64, 64, 256))
            y = (P @ t.reshape(64, -1)).reshape(4096, 256)
            y_bar = (y - T) / 256
            float(np.vdot(y_bar, y_bar))
            P_bar = y_bar.reshape(64, -1) @ t.reshape(64, -1).T
            t_bar = (P.T @ y_bar.reshape(64, -1)).reshape(64, 64, 256)
            Q_bar = np.matmul(t_bar, x.reshape(64, 64, 256).swapaxes(1, 2)).sum(axis=0)
            P, Q = P - 1e-6 * P_bar, Q - 1e-6 * Q_bar

    def ours() -> None:
        km.gradient_descent(
            problem, start, steps=steps, step_size=1e-6, records=2, gradient_tolerance=0, momentum=1e-300
        )

    return ours, by_hand


def _lasso(samples: int, features: int) -> tuple[Work, Work]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(samples, features))
    y = X[:, :5].sum(axis=1) + rng.normal(size=samples)
    X, y = X - X.mean(axis=0), y - y.mean()
    problem = km.Regression(X.T, y[None])
    return lambda: km.reference_path(problem, "l1"), lambda: lars_path(X, y, method="lasso")


def _monarch_path() -> tuple[Work, None]:
    """T23 with noise: 110 measurements of 256 unknowns, 20 values of λ, with the convex reference."""
    rng = np.random.default_rng(0)
    slices = np.zeros((4, 4, 4, 4))
    for c in rng.choice(16, 3, replace=False):
        slices[c // 4, c % 4] = np.outer(rng.normal(size=4), rng.normal(size=4))
    A = rng.normal(size=(110, 16, 16))
    y = np.einsum("nij,ij->n", A, slices.transpose(2, 0, 1, 3).reshape(16, 16))
    problem = km.Sensing(A, y + 0.05 * y.std() * rng.normal(size=110))
    structure = km.Monarch(np.ones((4, 4, 4)), np.ones((4, 4, 4)))
    return lambda: km.regularization_path(problem, structure, "decay"), None


def _time_path(structure: km.StructuredOperator, samples: int) -> tuple[Work, None]:
    """Averages along the flow of the factors from 1e-24, at three values of λ."""
    rng = np.random.default_rng(0)
    columns = structure.shape[1]
    drawn = structure.with_factors(*(rng.normal(size=f.shape) / np.sqrt(f.shape[-1]) for f in structure.factors))
    X = rng.normal(size=(columns, samples))
    problem = km.Regression(X, drawn @ X + 0.05 * rng.normal(size=(columns, samples)))
    _, G = km.regularization.loss_and_gradients(problem, km.Dense(np.zeros(structure.shape)))
    top = induced_norm(structure).dual(G[0])
    return lambda: km.regularization_path(problem, structure, "time", [0.7 * top, 0.2 * top, 0.04 * top]), None


def _decay_path() -> tuple[Work, None]:
    """Weight decay on Monarch factors of a 256 × 256 weight, with the convex reference of the same sizes."""
    rng = np.random.default_rng(0)
    drawn = km.Monarch(*(rng.normal(size=(16, 16, 16)) / 4 for _ in range(2)))
    X = rng.normal(size=(256, 500))
    problem = km.Regression(X, drawn @ X + 0.05 * rng.normal(size=(256, 500)))
    return lambda: km.regularization_path(problem, drawn, "decay"), None


def _diabetes() -> tuple[Work, None]:
    """A path of u∘v and its choice by five folds."""
    X, y = load_diabetes(return_X_y=True)
    problem = km.Regression(((X - X.mean(0)) / X.std(0)).T, (y - y.mean()) / y.std())
    pair = km.Hadamard(np.ones((1, 10)), np.ones((1, 10)))
    return lambda: km.regularization_path(problem, pair, "decay").select("cv"), None


def _logistic(gap: float = 1e-6) -> tuple[Work, Work]:
    """Ten values of λ down to a twentieth of the largest. saga's tolerance is the loosest, by factors of √10, that has the gap."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 200))
    y = np.sign(X[:, :5].sum(axis=1) + rng.normal(size=500))
    problem, penalty = km.Regression(X.T, y, "logistic"), L1()
    λs = np.abs(X.T @ y).max() / (2 * len(y)) * np.geomspace(0.95, 0.05, 10)

    def saga(tol: float) -> list[np.ndarray]:
        model = LogisticRegression(
            l1_ratio=1.0, solver="saga", fit_intercept=False, warm_start=True, tol=tol, max_iter=100_000
        )
        return [model.set_params(C=1 / (len(y) * λ)).fit(X, y).coef_.copy() for λ in λs]

    tol = 1e-4
    while max(relative_gap(problem, penalty, B, λ) for B, λ in zip(saga(tol), λs, strict=True)) > gap:
        tol /= np.sqrt(10)
    return lambda: km.reference_path(problem, penalty, λs, tol=gap), lambda: saga(tol)


def _digits_fit() -> tuple[Work, None]:
    """1 797 digits from noisy ones, by one Kronecker product."""
    clean = load_digits().images / 16
    noisy = clean + 0.5 * np.random.default_rng(0).normal(size=clean.shape)
    return lambda: KroneckerRegression(shapes=((8, 8), (8, 8))).fit(noisy, clean), None


def _separable() -> tuple[Work, None]:
    """Five hundred matrices 100 × 100 whose rows and columns are correlated."""
    rng = np.random.default_rng(0)
    A, B = (np.eye(100) + rng.normal(size=(100, 100)) / 10 for _ in range(2))
    samples = A @ rng.normal(size=(500, 100, 100)) @ B
    return lambda: SeparableCovariance().fit(samples), None


ROWS = [
    Row("gradient-descent step, 64×64 ⊗ 64×64, 256 samples", _descent_step, 1.3),
    Row("lasso path with its gaps, 442 × 10", lambda: _lasso(442, 10), 1.5),
    Row("lasso path with its gaps, 2000 × 300", lambda: _lasso(2000, 300), 1.5),
    Row("Monarch path under sensing, 256 unknowns, 20 λ's", _monarch_path, 20.0),
    Row("Monarch path, m = 256, 20 λ's", _decay_path, 60.0),
    Row("u∘v on diabetes: path and cross-validation", _diabetes, 10.0),
    Row("logistic lasso path, 500 × 200, gaps 1e-6: scikit-learn's saga", _logistic, 3.0),
    Row("KroneckerRegression.fit, 1 797 digits", _digits_fit, 2.0),
    Row("SeparableCovariance.fit, 500 matrices 100 × 100", _separable, 2.0),
    Row(
        "time averages of a Kronecker product, m = 256, 3 λ's",
        lambda: _time_path(km.Kronecker(np.ones((16, 16)), np.ones((16, 16))), 500),
        10.0,
    ),
    Row(
        "time averages of a Monarch matrix, m = 256, 3 λ's",
        lambda: _time_path(km.Monarch(np.ones((16, 16, 16)), np.ones((16, 16, 16))), 500),
        10.0,
    ),
]
