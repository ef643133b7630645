"""A squared problem as a design matrix with targets, for solvers that want one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from ..operators.base import Array
from .problems import Regression, Sensing


@dataclass(frozen=True)
class LeastSquares:
    """(1/2·samples) ‖matrix @ coefficients − targets‖_F² + a constant.

    Attributes
    ----------
    matrix : array of shape (measurements, unknowns)
    targets : array of shape (measurements, outputs)
    samples : int
        The number in the mean: more than ``measurements`` where the problem was compressed.
    weight : function
        Coefficients (unknowns, outputs) -> B (rows, columns).
    """

    matrix: Array
    targets: Array
    samples: int
    weight: Callable[[Array], Array]


@singledispatch
def least_squares(problem: Any) -> LeastSquares:
    """The design matrix and targets of a squared problem; TypeError for others."""
    raise TypeError(f"{problem!r} has no least-squares form: expected a squared Regression or Sensing")


@least_squares.register
def _(problem: Regression) -> LeastSquares:
    if problem.loss != "squared":
        raise TypeError(f"{problem!r} has no least-squares form: expected loss='squared'")
    inputs = problem.inputs
    # The squared loss is ½‖outputs − targets‖²/samples: its gradient at zero is −targets/samples.
    _, at_zero = problem.loss_and_gradient(np.zeros((problem.shape[0], inputs.shape[1])))
    return LeastSquares(inputs.T, -problem.samples * at_zero.T, problem.samples, np.transpose)


@least_squares.register
def _(problem: Sensing) -> LeastSquares:
    return LeastSquares(problem.matrix, problem.y[:, None], problem.y.size, lambda c: c[:, 0].reshape(problem.shape))
