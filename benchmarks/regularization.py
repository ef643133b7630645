"""Descent steps against the GEMMs they contain, the lasso path against scikit-learn's call, and a Monarch path in seconds."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import lars_path

import kronmix as km
from kronmix.regularization import induced_norm

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


ROWS = [
    Row("gradient-descent step, 64×64 ⊗ 64×64, 256 samples", _descent_step, 1.3),
    Row("lasso path with its gaps, 442 × 10", lambda: _lasso(442, 10), 1.5),
    Row("lasso path with its gaps, 2000 × 300", lambda: _lasso(2000, 300), 1.5),
    Row("Monarch path under sensing, 256 unknowns, 20 λ's", _monarch_path, 20.0),
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
