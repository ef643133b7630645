"""Training towards the largest margin: the flow of log(loss), far down (T34)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq, nnls
from scipy.special import logsumexp

from ..checks import as_finite
from ..operators import StructuredOperator
from ..operators.arrays import Array
from .flow import flow_stretches
from .gradients import Packing
from .losses import Classification
from .margins import MaxMargin, margin_matrix, max_margin
from .problems import Regression


@dataclass(frozen=True)
class MarginPath:
    """A flow of the factors, by how far the loss has fallen.

    Attributes
    ----------
    levels : array of shape (points,)
        log(1/loss).
    margins : array of shape (points,)
        min_i M(B)_i/Ω(B): never above ``best.upper``.
    stationarity : array of shape (points,)
        Distance of the direction θ/‖θ‖ from the cone of the margins' gradients, those weighed down that are not least: 0 at a
        stationary point of the margin in the factors.
    operator : StructuredOperator
        At the last level.
    best : MaxMargin
    """

    levels: Array
    margins: Array
    stationarity: Array
    operator: StructuredOperator
    best: MaxMargin

    @property
    def share(self) -> float:
        """The last margin over the largest."""
        return float(self.margins[-1] / self.best.margin)

    @property
    def remark(self) -> str:
        """What was proved, and what was measured."""
        return (
            f"measured: {self.share:.2%} of the largest {self.best.norm.name} margin at a loss of e^-{self.levels[-1]:.3g}, and "
            f"{self.stationarity[-1]:.1e} from a stationary direction; proved: no weight has a larger margin than "
            f"{self.best.upper:.6g}, and the limit is stationary (T34)"
        )

    def __repr__(self) -> str:
        return (
            f"MarginPath({self.levels.size} levels up to {self.levels[-1]:g}, {self.share:.2%} of the largest margin)"
        )


def margin_path(
    problem: Regression,
    op: StructuredOperator,
    levels: Any = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0),
    *,
    penalty: Any = None,
    rtol: float = 1e-6,
) -> MarginPath:
    """Follow gradient flow on separable data far down, and compare its margin with the largest (T34).

    The flow of log(loss) has the same orbits, at another speed: losses of e^-200 are reached in moderate time.

    Parameters
    ----------
    problem : Regression with loss "logistic" or "softmax"
    op : StructuredOperator
        The start.
    levels : array of shape (points,)
        Increasing values of log(1/loss) at which the margin is noted.
    penalty : as in ``max_margin``, optional
        Default: the norm of the structure.
    rtol : float
        Of the integrator.

    Returns
    -------
    MarginPath

    Raises
    ------
    NotSeparableError, GapError, TypeError
        As in ``max_margin``.
    ValueError
        If the levels do not increase, or the start is already below the first.

    References
    ----------
    Lyu & Li 2020, Theorem 4.4 (T34).

    Examples
    --------
    >>> problem = km.Regression([[2.0, -1.0], [0.0, 1.0]], [1, -1], "logistic")
    >>> path = km.margin_path(problem, km.Hadamard([[0.4, 0.5]], [[0.3, 0.1]]))
    >>> bool(np.all(path.margins <= path.best.upper)), path.share > 0.97
    (True, True)
    """
    levels = as_finite(np.atleast_1d(np.asarray(levels, dtype=float)), "levels", 1)
    if not levels.size or (np.diff(levels) <= 0).any():
        raise ValueError(f"levels={levels}: expected increasing values of log(1/loss)")
    best = max_margin(problem, op if penalty is None else penalty)
    C, logarithm = margin_matrix(problem), LogLoss(problem)
    if -logarithm.value(op) > levels[0]:
        raise ValueError(f"the start has log(1/loss)={-logarithm.value(op):.4g}: expected levels from there on")
    margins, distances = [], []
    reached = op
    for _, reached in _falling(logarithm, op, levels.tolist(), rtol):
        each = C @ reached.to_dense().ravel()
        margins.append(float(each.min()) / best.norm.value(reached.to_dense()))
        distances.append(_stationarity(reached, C, each, problem.shape))
    return MarginPath(levels[: len(margins)], np.array(margins), np.array(distances), reached, best)


class LogLoss:
    """log of a classification loss: finite however small the loss is."""

    def __init__(self, problem: Regression) -> None:
        self.problem, self.criterion = problem, problem.criterion
        self.inputs, self.shape, self.curvature = problem.X, problem.shape, problem.curvature
        weights = np.ones(problem.samples) if problem.weights is None else problem.weights
        with np.errstate(divide="ignore"):
            self._shares = np.log(weights / problem.samples)

    def loss_and_gradient(self, outputs: Array) -> tuple[float, Array]:
        """log(loss) and its gradient over the outputs."""
        assert isinstance(self.criterion, Classification)
        logarithms, slopes = self.criterion.log_terms(outputs, self.problem.Y)
        each = logarithms + self._shares
        total = logsumexp(each)
        return float(total), self.criterion.pulled(np.exp(each - total) * slopes, self.problem.Y)

    def value(self, op: StructuredOperator) -> float:
        """log(loss) of an operator."""
        return self.loss_and_gradient(op @ self.inputs)[0]


def _falling(
    problem: LogLoss, op: StructuredOperator, levels: list[float], rtol: float
) -> Iterator[tuple[float, StructuredOperator]]:
    """The flow of log(loss) where it crosses each level."""
    for stretch in flow_stretches(problem, op, 1e9, rtol=rtol):
        while levels and -problem.value(stretch.at(stretch.end)) >= levels[0]:
            level = levels.pop(0)

            def above(t: float, level: float = level, at: Any = stretch.at) -> float:
                return problem.value(at(t)) + level

            t = brentq(above, stretch.start, stretch.end) if above(stretch.start) > 0 else stretch.start
            yield level, stretch.at(t)
        if not levels:
            return


def _stationarity(op: StructuredOperator, C: Array, margins: Array, shape: tuple[int, int]) -> float:
    """min over α ≥ 0 of ‖θ/‖θ‖ − Σα_i ∇m_i‖² + (Σα_i (m_i/m − 1))², m the least margin."""
    packing = Packing(op)
    θ = packing.vector(op.factors)
    _, pull = op.vjp(np.eye(shape[1]))
    near = np.argsort(margins)[: max(2 * packing.size, 50)]
    gradients = np.stack([packing.vector(pull(C[i].reshape(shape), False)[0]) for i in near], axis=1)
    sizes = np.linalg.norm(gradients, axis=0)
    excess = margins[near] / margins[near[0]] - 1
    columns = np.vstack([gradients / np.where(sizes > 0, sizes, 1.0), excess])
    return float(nnls(columns, np.append(θ / np.linalg.norm(θ), 0.0))[1])
