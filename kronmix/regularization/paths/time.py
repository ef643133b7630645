"""Training time: early stopping against ridge for dense weights, time averages against penalised paths for factors (T26, T27)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

import numpy as np

from ...operators import Dense, Hadamard, StructuredOperator
from ...operators.base import Array
from ..closed_forms import averaged_flow
from ..diagonal import quadratic_flow
from ..flow import flow_stretches, gradient_flow
from ..gradients import Packing
from ..least_squares import least_squares
from ..norms import factored_blocks, induced_norm
from ..problems import Observed, Problem
from ..proximal import loss_and_dense_gradient
from ..references import reference_path
from .plan import Plan, Point, positive, register_kind

#: Relative error of a step of the flow: far below what a finite α leaves between the average and its limit.
_RTOL = 1e-5
#: Nodes and weights of Gauss's quadrature on [0, 1] inside a step of the integrator.
_NODES, _WEIGHTS = (part / 2 for part in np.polynomial.legendre.leggauss(4))
_NODES = _NODES + 0.5


@register_kind("time")
def time(
    problem: Problem, structure: StructuredOperator, parameters: Any, scale: float | None = None, seed: int = 0
) -> Plan:
    """One flow; ``scale`` is its initial scale α."""
    if scale is not None and not 0 < scale < 1:
        raise ValueError(f"scale={scale}: expected 0 < α < 1")
    return _plan(structure, problem, parameters, scale, np.random.default_rng(seed))


@singledispatch
def _plan(structure: Any, problem: Problem, parameters: Any, scale: float | None, rng: np.random.Generator) -> Plan:
    """The average of B along the flow of the factors from scale α, at t = log(1/α)/λ."""
    factored_blocks(structure)
    α = 1e-24 if scale is None else scale
    penalty = induced_norm(structure)
    λs = _grid(problem, penalty) if parameters is None else positive(parameters, "λ")
    if isinstance(problem, Observed):
        path = averaged_flow(structure, problem.T, α, λs)
        points: Iterator[Point] = ((i, B, None) for i, B in enumerate(path.weights))
    else:
        packing = Packing(structure)
        start = packing.operator(α * rng.standard_normal(packing.size))
        points = _averages(problem, start, np.log(1 / α) / λs)
    return Plan(
        λs,
        points,
        lambda reached: reference_path(problem, penalty, reached),
        f"time average of {type(structure).__name__}, α={α:g}",
    )


@_plan.register
def _(structure: Hadamard, problem: Any, parameters: Any, scale: float | None, rng: np.random.Generator) -> Plan:
    """The diagonal network, in logarithms: any α down to 1e-140 (T26)."""
    if isinstance(problem, Observed):
        return _plan.dispatch(object)(structure, problem, parameters, scale or 1e-50, rng)
    if len(structure.factors) != 2:
        raise TypeError(f"a Hadamard product of {len(structure.factors)} factors: the time path is for two (u∘v)")
    α = 1e-50 if scale is None else scale
    penalty = induced_norm(structure)
    λs = _grid(problem, penalty) if parameters is None else positive(parameters, "λ")
    design = least_squares(problem)

    def points() -> Iterator[Point]:
        M, N = design.matrix.T @ design.matrix, design.samples
        flows = [quadratic_flow(M / N, design.matrix.T @ target / N, α, 1 / λs) for target in design.targets.T]
        for i in range(len(λs)):
            yield i, np.asarray(design.weight(np.stack([flow.averages[i] for flow in flows], axis=1))), None

    return Plan(
        λs, points(), lambda reached: reference_path(problem, penalty, reached), f"time average of u∘v, α={α:g}"
    )


@_plan.register
def _(structure: Dense, problem: Problem, parameters: Any, scale: float | None, rng: np.random.Generator) -> Plan:
    """Early stopping at t, from zero, against ridge at λ = 1/t (Ali, Kolter & Tibshirani 2019)."""
    times = np.geomspace(1e-1, 1e4, 26) / problem.curvature if parameters is None else positive(parameters, "t")
    start = structure.with_factors(*(np.zeros_like(f) for f in structure.factors))

    def points() -> Iterator[Point]:
        order = np.argsort(times, kind="stable")
        run = gradient_flow(
            problem, start, float(times.max()), {"B": lambda op: op.to_dense()}, times=times[order], rtol=1e-8
        )
        for i, B in zip(order.tolist(), run.recorded["B"], strict=False):
            yield i, B, structure.with_factors(B)

    return Plan(times, points(), lambda reached: reference_path(problem, "ridge", 1 / reached), "early stopping, dense")


def _grid(problem: Problem, penalty: Any) -> Array:
    """λ from 0.95 of where the reference leaves zero down to a fiftieth of it."""
    _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
    return float(penalty.dual(G)) * np.geomspace(0.95, 0.02, 20)


def _averages(problem: Problem, start: StructuredOperator, times: Array) -> Iterator[Point]:
    """(1/t)∫₀ᵗ B, by Gauss's quadrature inside every step of the integrator."""
    order = np.argsort(times, kind="stable").tolist()
    total: Any = 0.0
    for stretch in flow_stretches(problem, start, float(times.max()), rtol=_RTOL):
        # Times inside this step cut it into pieces.
        now = stretch.start
        while order and times[order[0]] <= stretch.end:
            i = order.pop(0)
            until = float(times[i])
            total = total + _integral(stretch.at, now, until)
            now = until
            yield i, total / until, None
        if not order:
            return
        total = total + _integral(stretch.at, now, stretch.end)


def _integral(at: Any, start: float, end: float) -> Array:
    width = end - start
    return np.asarray(width * sum(w * at(start + x * width).to_dense() for x, w in zip(_NODES, _WEIGHTS, strict=True)))
