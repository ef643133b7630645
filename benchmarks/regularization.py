"""Cost of a gradient-descent step against the GEMMs it contains."""

from __future__ import annotations

import numpy as np

import kronmix as km

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


ROWS = [Row("gradient-descent step, 64×64 ⊗ 64×64, 256 samples", _descent_step, 1.3)]
