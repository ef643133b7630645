"""Initial scale α, run until the data is fitted: rich regime (α → 0) to kernel regime (α → ∞) (T21)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

import numpy as np

from ...operators import Hadamard, StructuredOperator
from ...operators.base import Array
from ..descent import gradient_descent
from ..diagonal import diagonal_flow
from ..flow import gradient_flow
from ..gradients import Packing
from ..hypentropy import interpolation_path
from ..least_squares import least_squares
from ..norms import induced_norm
from ..path import Path
from ..problems import Problem, loss
from ..proximal import loss_and_dense_gradient
from ..references import reference_path
from .plan import Plan, Point, positive, register_kind

#: Residual, relative to the data, at which a flow counts as done.
_FITTED = 1e-9
#: From this scale on the factors themselves are followed; below it their logarithms.
_LARGE_SCALE = 0.1


@register_kind("scale")
def scale(problem: Problem, structure: StructuredOperator, parameters: Any, seed: int = 0) -> Plan:
    """Train from every scale to the end; the start is the same up to scale."""
    return _plan(structure, problem, parameters, np.random.default_rng(seed))


@singledispatch
def _plan(structure: Any, problem: Problem, parameters: Any, rng: np.random.Generator) -> Plan:
    """Random starts of root mean square α; beside them the least R(B) that fits, to which α → 0 should lead."""
    αs = np.geomspace(1e-4, 1.0, 9) if parameters is None else positive(parameters, "α")
    penalty = induced_norm(structure)
    packing = Packing(structure)
    direction = rng.standard_normal(packing.size)

    def points() -> Iterator[Point]:
        for index, α in enumerate(αs.tolist()):
            start = packing.operator(α * direction)
            at_start = loss(problem, start)
            run = gradient_descent(problem, start, steps=20_000, loss_tolerance=1e-14 * at_start, records=2)
            yield index, run.operator.to_dense(), run.operator

    def reference(reached: Array) -> Path:
        _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
        least = reference_path(problem, penalty, [1e-5 * float(penalty.grid(G, problem.curvature)[0])]).weights[0]
        return Path(reached, np.broadcast_to(least, (len(reached), *least.shape)))

    return Plan(αs, points(), reference, f"initial scale of {type(structure).__name__}")


@_plan.register
def _(structure: Hadamard, problem: Any, parameters: Any, rng: np.random.Generator) -> Plan:
    """u(0) = √2 α, v(0) = 0 for every output; the hypentropy minimisers, with ℓ1 and ℓ2 as their ends, beside it."""
    if len(structure.factors) != 2:
        raise TypeError(f"a Hadamard product of {len(structure.factors)} factors: the scale path is for two (u∘v)")
    default = (1e-140, 1e-60, 1e-20, 1e-8, 1e-4, 1e-2, 1e-1, 1.0, 10.0)
    αs = np.array(default) if parameters is None else positive(parameters, "α")
    design = least_squares(problem)

    def points() -> Iterator[Point]:
        for index, α in enumerate(αs.tolist()):
            follow = _in_logarithms if α < _LARGE_SCALE else _in_factors
            each = np.stack([follow(design.matrix, target, α) for target in design.targets.T], axis=1)
            yield index, np.asarray(design.weight(each)), None

    return Plan(αs, points(), lambda reached: interpolation_path(problem, reached), "initial scale of u∘v")


def _in_logarithms(A: Array, y: Array, α: float) -> Array:
    """Where the flow ends, followed in q = log-scale duals until it fits: any α down to 1e-140 (T22)."""
    end = 1.0
    while True:
        flow = diagonal_flow(A, y, α, [end])
        w = flow.weights[-1]
        if np.linalg.norm(A @ w - y) <= _FITTED * np.linalg.norm(y) or end > 1e12:
            return w
        end *= 10


def _in_factors(A: Array, y: Array, α: float) -> Array:
    """The same on the factors themselves, for scales that are not small."""
    from ..problems import Regression

    d = A.shape[1]
    start = Hadamard(np.full((1, d), np.sqrt(2) * α), np.zeros((1, d)))
    problem = Regression(A.T, y[None])
    tolerance = _FITTED**2 * loss(problem, Hadamard(np.zeros((1, d)), np.zeros((1, d))))
    smallest = np.linalg.svd(A, compute_uv=False)
    rate = α**2 * float(smallest[smallest > 1e-10 * smallest[0]].min()) ** 2 / len(y)
    run = gradient_flow(problem, start, 60 / rate, loss_tolerance=tolerance, records=2)
    return run.operator.to_dense()[0]
