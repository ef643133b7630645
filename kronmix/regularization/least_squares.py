"""A squared problem as a design matrix with targets, for solvers that want one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from ..operators.arrays import Array
from .problems import Observed, Regression, Sensing


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
    columns : array of bool, or None
        Which unknowns the matrix still has; None for all of them.
    """

    matrix: Array
    targets: Array
    samples: int
    weight: Callable[[Array], Array]
    columns: Array | None = None

    def coefficients(self, B: Array) -> Array:
        """The coefficients (unknowns, outputs) of a weight B: undoes ``weight``."""
        every = np.asarray(B.reshape(self.targets.shape[1], -1).T)
        return every if self.columns is None else every[self.columns]

    def without_parallel_columns(self) -> LeastSquares:
        """The same lasso problem without the columns that no minimiser needs; their weights are zero."""
        parallel = parallel_columns(self.matrix)
        if self.columns is not None or not parallel.any():
            return self

        def weight(coefficients: Array) -> Array:
            every = np.zeros((parallel.size, coefficients.shape[1]))
            every[~parallel] = coefficients
            return self.weight(every)

        return LeastSquares(self.matrix[:, ~parallel], self.targets, self.samples, weight, ~parallel)

    def scales(self) -> Array:
        """Norms of the columns."""
        return np.asarray(np.linalg.norm(self.matrix, axis=0))

    def in_general_position(self) -> bool:
        """Whether the columns have full rank and no two are parallel: minimisers of a penalised loss are then unique, as a rule."""
        return self.rank() == min(self.matrix.shape) and not parallel_columns(self.matrix).any()

    def rank(self) -> int:
        """Numerical rank of the columns, each scaled to norm 1."""
        scales = self.scales()
        return int(np.linalg.matrix_rank(self.matrix / np.where(scales > 0, scales, 1.0)))


def parallel_columns(matrix: Array, tol: float = 1e-10) -> Array:
    """Mark the columns that are multiples of another which is longer, or as long and stands before.

    A lasso never needs them: B moved onto the longer column gives the same outputs for a smaller ‖B‖₁, and for the same where
    they are equally long.

    Examples
    --------
    >>> from kronmix.regularization.least_squares import parallel_columns
    >>> parallel_columns(np.array([[1.0, -2.0, 0.0], [1.0, -2.0, 1.0]]))
    array([ True, False, False])
    """
    sizes = np.linalg.norm(matrix, axis=0)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 0]
    unit = matrix[:, order] / sizes[order]
    marked = np.zeros(matrix.shape[1], dtype=bool)
    # Parallel columns have equal products with any direction, up to sign: sorted by one, only neighbours need comparing.
    along = np.abs(unit.T @ np.cos(np.arange(1, len(matrix) + 1) ** 2))
    ranked = np.argsort(along, kind="stable")
    starts = np.flatnonzero(np.diff(along[ranked], prepend=-np.inf) > tol)
    for members in np.split(ranked, starts[1:]):
        kept: list[int] = []
        for i in np.sort(members).tolist():
            if any(_distance(unit[:, i], unit[:, j]) <= tol for j in kept):
                marked[order[i]] = True
            else:
                kept.append(i)
    return marked


def _distance(u: Array, v: Array) -> float:
    """Between unit vectors, up to sign."""
    return float(min(np.linalg.norm(u - v), np.linalg.norm(u + v)))


@singledispatch
def least_squares(problem: Any) -> LeastSquares:
    """The design matrix and targets of a squared problem; TypeError for others."""
    raise TypeError(f"{problem!r} has no least-squares form: expected a squared Regression, Sensing or Observed")


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


@least_squares.register
def _(problem: Observed) -> LeastSquares:
    return LeastSquares(problem.inputs, problem.T.T, 1, np.transpose)
