"""Training time: early stopping against ridge for dense weights, time averages against penalised paths for factors (T26, T27)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np

from ... import checks
from ...operators import Dense, Hadamard, StructuredOperator
from ...operators.arrays import Array
from ...progress import whole
from ..closed_forms import averaged_flow, soft_threshold_path
from ..diagonal import is_monotone, quadratic_flow
from ..flow import flow_stretches, gradient_flow
from ..gradients import Packing
from ..induced import induced_norm
from ..layouts import Whole
from ..least_squares import least_squares
from ..norms import Nuclear
from ..path import Path
from ..problems import Observed, Problem
from ..proximal import is_squared, loss_and_dense_gradient
from ..references import reference_path
from ..saddles import saddle_sequence
from ..structures import parametrised
from .decay import convex_penalty
from .plan import Done, Plan, Point, beside, positive, register_kind, supported

#: Relative error of a step of the flow: far below what a finite α leaves between the average and its limit.
_RTOL = 1e-5
#: Most weights of one output for which the saddles are followed.
_MOST_SADDLES = 400


@register_kind("time")
@dataclass(frozen=True)
class Time:
    """Training time: the average of the weight along one flow of the factors, at t = log(1/α)/λ; early stopping for Dense.

    Parameters
    ----------
    scale : float, optional
        Initial scale α, between 0 and 1. Default: 1e-24; 1e-50 for Hadamard.
    seed : int
        Of the start.

    Examples
    --------
    >>> from kronmix.regularization import Time
    >>> pair = km.Hadamard(np.ones((2, 2)), np.ones((2, 2)))
    >>> km.regularization_path(km.Observed(np.diag([3.0, 1.0])), pair, Time(scale=1e-140), [2.0]).weights[0].round(2)
    array([[1., 0.],
           [0., 0.]])
    """

    scale: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.scale is not None and not 0 < self.scale < 1:
            raise ValueError(f"scale={self.scale}: expected 0 < α < 1")
        checks.integer(self.seed, "seed", 0)

    def plan(self, problem: Problem, structure: StructuredOperator, parameters: Any) -> Plan:
        """The plan for a problem and a structure."""
        return _plan(structure, problem, parameters, self)


@singledispatch
def _plan(structure: Any, problem: Problem, parameters: Any, kind: Time) -> Plan:
    """The average of B along the flow of the factors from scale α, at t = log(1/α)/λ."""
    name, degree = type(structure).__name__, parametrised(structure).degree
    if degree != 2:
        found = "terms of unlike degrees" if degree is None else f"degree {degree}"
        raise TypeError(f"{name} of {found}: time paths are known for products of two factors only (T27)")
    α = 1e-24 if kind.scale is None else kind.scale
    penalty = convex_penalty(structure)
    λs = _grid(problem, penalty or Nuclear(Whole())) if parameters is None else positive(parameters, "λ")
    if isinstance(problem, Observed):
        return _observed(structure, problem, α, λs)

    def points(done: Done) -> Iterator[Point]:
        packing = Packing(structure)
        start = packing.operator(α * np.random.default_rng(kind.seed).standard_normal(packing.size))
        yield from _averages(problem, start, np.log(1 / α) / λs)

    def reference(path: Path) -> Path:
        if not is_squared(problem):
            return replace(
                path, remark="no reference: time averages follow a penalised path for squared losses only (T26)"
            )
        if penalty is None:
            return replace(path, remark=f"no reference: the penalty that {name} induces has no known convex extension")
        words = "measured: whether time averages follow the penalised path is open for measurements of a product (T27)"
        return supported(path, reference_path(problem, penalty, path.parameter), words)

    return Plan(λs, points, reference, f"time average of {name}, α={α:g}", "λ = log(1/α)/t of the time average")


def _observed(structure: Any, problem: Observed, α: float, λs: Array) -> Plan:
    """The flow in closed form, beside its limit as α → 0 (T20, T27)."""

    def points(done: Done) -> Iterator[Point]:
        yield from ((i, B, None) for i, B in enumerate(averaged_flow(structure, problem.T, α, λs).weights))

    def reference(path: Path) -> Path:
        limit = soft_threshold_path(structure, problem.T, path.parameter).weights
        return replace(
            path, reference=limit, limit=limit, remark="proved: as α → 0 the average tends to the reference (T27)"
        )

    name = f"time average of {type(structure).__name__}, α={α:g}"
    return Plan(λs, points, reference, name, "λ = log(1/α)/t of the time average")


@_plan.register
def _(structure: Hadamard, problem: Any, parameters: Any, kind: Time) -> Plan:
    """The diagonal network, in logarithms: any α down to 1e-140 (T26)."""
    if len(structure.factors) != 2:
        raise TypeError(f"a Hadamard product of {len(structure.factors)} factors: the time path is for two (u∘v)")
    if not is_squared(problem) or isinstance(problem, Observed):
        scale = kind.scale or (1e-50 if isinstance(problem, Observed) else 1e-24)
        return _plan.dispatch(object)(structure, problem, parameters, replace(kind, scale=scale))
    α = 1e-50 if kind.scale is None else kind.scale
    penalty = induced_norm(structure)
    λs = _grid(problem, penalty) if parameters is None else positive(parameters, "λ")
    design = least_squares(problem)

    def points(done: Done) -> Iterator[Point]:
        M, N = design.matrix.T @ design.matrix, design.samples
        flows = [quadratic_flow(M / N, design.matrix.T @ target / N, α, 1 / λs) for target in design.targets.T]
        for i in range(len(λs)):
            yield i, np.asarray(design.weight(np.stack([flow.averages[i] for flow in flows], axis=1))), None

    name = f"time average of u∘v, α={α:g}"
    return Plan(λs, points, _beside_the_lasso, name, "λ = log(1/α)/t of the time average")


def _beside_the_lasso(path: Path) -> Path:
    """The lasso, and the exact limit α → 0, which is the average of the saddles and equals the lasso while that is monotone."""
    design = least_squares(path.problem)
    lasso = reference_path(path.problem, "l1", path.parameter)
    found = beside(path, lasso)
    if design.matrix.shape[1] > _MOST_SADDLES:
        words = f"the limit α → 0 is not drawn for more than {_MOST_SADDLES} weights"
        return replace(found, remark=f"measured: the average beside the lasso; {words} (T26)")
    share = np.sqrt(len(design.matrix) / design.samples)
    each = [
        saddle_sequence(share * design.matrix, share * target).averages(1 / path.parameter)
        for target in design.targets.T
    ]
    limit = np.stack([design.weight(np.stack([w[i] for w in each], axis=1)) for i in range(len(path.parameter))])
    until = _monotone_until(path.problem, lasso)
    words = "proved: as α → 0 the average tends to that of the saddles (T22)"
    if until is None:
        words += ", which is the lasso: its path is monotone (T26)"
    else:
        words += f", which is the lasso down to λ={until:.4g} and may leave it below: there a weight shrinks (T26)"
    return replace(found, limit=limit, monotone_until=until, remark=words)


def _monotone_until(problem: Any, lasso: Path) -> float | None:
    """The smallest λ above which the lasso path is monotone, from its kinks; None where it is so down to the last λ."""
    least = float(lasso.parameter.min())
    asked = lasso.parameter if lasso.kinks is None else np.append(lasso.kinks[lasso.kinks > least], least)
    along = reference_path(problem, "l1", np.unique(asked)[::-1])
    turned = np.flatnonzero(~is_monotone(along))
    return float(along.parameter[max(turned[0] - 1, 0)]) if turned.size else None


@_plan.register
def _(structure: Dense, problem: Problem, parameters: Any, kind: Time) -> Plan:
    """Early stopping at t, from zero, against ridge at λ = 1/t (Ali, Kolter & Tibshirani 2019)."""
    times = np.geomspace(1e-1, 1e4, 26) / problem.curvature if parameters is None else positive(parameters, "t")
    start = structure.with_factors(*(np.zeros_like(f) for f in structure.factors))

    def points(done: Done) -> Iterator[Point]:
        order = np.argsort(times, kind="stable")
        run = gradient_flow(
            problem, start, float(times.max()), {"B": lambda op: op.to_dense()}, times=times[order], rtol=1e-8
        )
        for i, B in zip(order.tolist(), run.recorded["B"], strict=False):
            yield i, B, structure.with_factors(B)
        whole(run)

    def reference(path: Path) -> Path:
        if not is_squared(problem):
            return replace(
                path, remark="no reference: early stopping is near ridge for squared losses (Ali et al. 2019)"
            )
        ridge = reference_path(problem, "ridge", 1 / path.parameter)
        words = "proved: early stopping at t has at most 1.69 times the risk of ridge at 1/t (Ali, Kolter & Tibshirani 2019)"
        return replace(beside(path, ridge), remark=words)

    return Plan(times, points, reference, "early stopping, dense", "time t")


def _grid(problem: Problem, penalty: Any) -> Array:
    """λ from 0.95 of where the reference leaves zero down to a fiftieth of it."""
    _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
    return float(penalty.dual(G)) * np.geomspace(0.95, 0.02, 20)


def _averages(problem: Problem, start: StructuredOperator, times: Array) -> Iterator[Point]:
    """(1/t)∫₀ᵗ B, step by step of the integrator."""
    order = np.argsort(times, kind="stable").tolist()
    total: Any = 0.0
    for stretch in flow_stretches(problem, start, float(times.max()), rtol=_RTOL):
        # Times inside this step cut it into pieces.
        now = stretch.start
        while order and times[order[0]] <= stretch.end:
            i = order.pop(0)
            until = float(times[i])
            total = total + stretch.integral(now, until)
            now = until
            yield i, total / until, None
        if not order:
            return
        total = total + stretch.integral(now, stretch.end)
