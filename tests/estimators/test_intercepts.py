"""Intercepts of the logistic loss: the best ones, however large the outputs are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from kronmix.estimators.intercepts import FreeIntercepts


def problem(weighted: bool) -> FreeIntercepts:
    rng = np.random.default_rng(0)
    Y = np.where(rng.random((3, 40)) < 0.1, 1.0, -1.0)
    Y[:, 0] = 1.0
    weights = rng.uniform(0.5, 2.0, 40) if weighted else None
    return FreeIntercepts(rng.standard_normal((2, 40)), Y, "logistic", weights=weights)


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 500.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_no_other_intercept_is_better(scale: float, weighted: bool) -> None:
    given = problem(weighted)
    outputs = scale * np.random.default_rng(1).standard_normal(given.Y.shape)
    outputs[0] += 10 * scale  # far from 0 as a whole
    weights = np.ones(40) if given.weights is None else given.weights

    def loss(row: int, b: float) -> float:
        return float(np.logaddexp(0, -given.Y[row] * (outputs[row] + b)) @ weights)

    for row, b in enumerate(given.intercepts(outputs)):
        ends = -outputs[row].max() - 20, -outputs[row].min() + 20
        best = minimize_scalar(lambda t, row=row: loss(row, t), bounds=ends, method="bounded", options={"xatol": 1e-9})
        assert loss(row, b) <= best.fun + 1e-9 * max(best.fun, 1.0)
