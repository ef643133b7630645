"""The logistic loss with intercepts that nothing penalises: minimised out at every weight."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ..operators.arrays import Array
from ..regularization import Regression

#: Newton's steps for the intercepts, their largest length, and the step that counts as none.
_STEPS, _LONGEST, _DONE = 60, 3.0, 1e-13
#: A slope of this part of all samples moves no loss.
_ROUNDING = 4 * np.finfo(float).eps


class FreeIntercepts(Regression):
    """Logistic regression whose loss at outputs BX is min over b of the loss at BX + b.

    It is convex in B, and its gradient is that at the best b.

    Examples
    --------
    >>> from kronmix.estimators.intercepts import FreeIntercepts
    >>> problem = FreeIntercepts([[0.0, 0.0, 0.0]], [1, 1, -1], "logistic")
    >>> problem.intercepts(np.zeros((1, 3))).round(6)  # log(2/1)
    array([0.693147])
    """

    def intercepts(self, outputs: Array) -> Array:
        """The intercept of each output that fits best beside these outputs (rows, samples)."""
        weights = np.ones(self.samples) if self.weights is None else self.weights
        targets = (self.Y + 1) / 2
        b = _cuts(outputs, weights, targets @ weights)
        for _ in range(_STEPS):
            p = expit(outputs + b[:, None])
            slope = (p - targets) @ weights
            curvature = (p * (1 - p)) @ weights
            step = np.clip(-slope / np.maximum(curvature, 1e-300), -_LONGEST, _LONGEST)
            b = b + step
            still = np.abs(step) < _DONE * max(1.0, np.abs(b).max(initial=0.0))
            if (still | (np.abs(slope) <= _ROUNDING * weights.sum())).all():
                break
        return b

    def loss_and_gradient(self, outputs: Array) -> tuple[float, Array]:
        """Loss and its gradient with respect to the outputs, at the best intercepts."""
        return super().loss_and_gradient(outputs + self.intercepts(outputs)[:, None])


def _cuts(outputs: Array, weights: Array, positive: Array) -> Array:
    """Intercepts that make as much weight positive as is: where outputs are large, the best ones are as near as their neighbors."""
    order = np.argsort(-outputs, axis=1)
    largest = np.take_along_axis(outputs, order, axis=1)
    above = np.cumsum(weights[order], axis=1)
    last = np.minimum((above < positive[:, None]).sum(axis=1), outputs.shape[1] - 1)
    after = np.minimum(last + 1, outputs.shape[1] - 1)
    rows = np.arange(len(outputs))
    return np.asarray(-(largest[rows, last] + largest[rows, after]) / 2)
