"""The logistic loss with intercepts that nothing penalises: minimised out at every weight."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ..operators.arrays import Array
from ..regularization import Regression

#: Newton's steps for the intercepts, their largest length, and the step that counts as none.
_STEPS, _LONGEST, _DONE = 60, 3.0, 1e-13


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
        b = np.zeros(len(outputs))
        weights = np.ones(self.samples) if self.weights is None else self.weights
        for _ in range(_STEPS):
            p = expit(outputs + b[:, None])
            slope = ((p - (self.Y + 1) / 2) * weights).sum(axis=1)
            curvature = (p * (1 - p) * weights).sum(axis=1)
            step = np.clip(-slope / np.maximum(curvature, 1e-300), -_LONGEST, _LONGEST)
            b = b + step
            if np.abs(step).max(initial=0.0) < _DONE * max(1.0, np.abs(b).max(initial=0.0)):
                break
        return b

    def loss_and_gradient(self, outputs: Array) -> tuple[float, Array]:
        """Loss and its gradient with respect to the outputs, at the best intercepts."""
        return super().loss_and_gradient(outputs + self.intercepts(outputs)[:, None])
