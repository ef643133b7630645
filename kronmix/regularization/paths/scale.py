"""Initial scale α, run until the data is fitted: rich regime (α → 0) to kernel regime (α → ∞) (T21)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np

from ... import checks
from ...operators import Hadamard, StructuredOperator
from ...operators.arrays import Array
from ...progress import whole
from ..descent import gradient_descent
from ..diagonal import diagonal_flow
from ..flow import gradient_flow
from ..gradients import Packing
from ..hypentropy import interpolation_path
from ..least_squares import least_squares
from ..path import Path
from ..problems import Problem, loss
from ..proximal import is_squared, loss_and_dense_gradient
from ..references import reference_path
from ..structures import parametrised
from .decay import convex_penalty
from .plan import Done, Plan, Point, beside, distance_from, positive, register_kind, supported

#: Residual, relative to the data, at which a flow counts as done.
_FITTED = 1e-9
#: Relative distance from the least R(B) up to which the smallest scale counts as leading there.
_NEAR = 0.01
_STEPS = 20_000
#: Time to follow products of more than two factors for, in that in which they leave zero; they mostly come to rest before.
_LONG = 1e6
#: From this scale on the factors themselves are followed; below it their logarithms.
_LARGE_SCALE = 0.1


@register_kind("scale")
@dataclass(frozen=True)
class Scale:
    """Initial scale α: train from every scale to the end, from a start that is the same up to scale.

    Parameters
    ----------
    seed : int
        Of the start.

    Examples
    --------
    >>> from kronmix.regularization import Scale
    >>> problem = km.Regression([[2.0], [1.0]], [2.0])  # one equation, 2w₁ + w₂ = 2
    >>> pair = km.Hadamard(np.ones((1, 2)), np.ones((1, 2)))
    >>> km.regularization_path(problem, pair, Scale(), [1e-100, 10.0]).weights.round(2)  # least ℓ1, least ℓ2
    array([[[1. , 0. ]],
    <BLANKLINE>
           [[0.8, 0.4]]])
    """

    seed: int = 0

    def __post_init__(self) -> None:
        checks.integer(self.seed, "seed", 0)

    def plan(self, problem: Problem, structure: StructuredOperator, parameters: Any) -> Plan:
        """The plan for a problem and a structure."""
        return _plan(structure, problem, parameters, np.random.default_rng(self.seed))


@singledispatch
def _plan(structure: Any, problem: Problem, parameters: Any, rng: np.random.Generator) -> Plan:
    """Random starts of root mean square α; beside them the least R(B) that fits, to which α → 0 should lead.

    A product of L factors leaves zero in a time of α^{2−L}: beyond two factors the flow is followed, whose steps are as long as it
    is slow.
    """
    αs = np.geomspace(1e-4, 1.0, 9) if parameters is None else positive(parameters, "α")
    packing = Packing(structure)
    direction = rng.standard_normal(packing.size)
    slope = float(np.linalg.norm(loss_and_dense_gradient(problem, np.zeros(problem.shape))[1]))
    degree = parametrised(structure).degree or 2

    def trained(α: float) -> StructuredOperator:
        start = packing.operator(α * direction)
        least = 1e-14 * loss(problem, start)
        if degree > 2:
            time = _LONG * max(α ** (2 - degree), 1.0) / slope
            return whole(gradient_flow(problem, start, time, loss_tolerance=least, records=2)).operator
        tolerance = 1e-8 * min(α, 1.0) * slope
        run = gradient_descent(
            problem, start, steps=_STEPS, loss_tolerance=least, gradient_tolerance=tolerance, records=2
        )
        if whole(run).reason == "steps" and is_squared(problem):  # not at its end yet
            run = gradient_flow(problem, run.operator, _LONG / slope, loss_tolerance=least, records=2)
        return whole(run).operator

    def points(done: Done) -> Iterator[Point]:
        for index, α in enumerate(αs.tolist()):
            if index not in done:
                found = trained(α)
                yield index, found.to_dense(), found

    return Plan(αs, points, _least_penalty, f"initial scale of {type(structure).__name__}", "initial scale α")


def _least_penalty(path: Path) -> Path:
    """Beside the least R(B) among the weights that fit best, where that is known and the structure can represent it."""
    problem, structure = path.problem, path.structure
    assert structure is not None
    if not is_squared(problem):
        return replace(
            path, remark="no reference: a logistic loss has no weight that fits best for a small scale to lead to"
        )
    penalty = convex_penalty(structure)
    if penalty is None:
        return replace(path, remark=f"no reference: the penalty that {type(structure).__name__} induces is not convex")
    _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
    small = 1e-5 * float(penalty.grid(G, problem.curvature)[0])  # from here the limit is near
    least = reference_path(problem, penalty, [small, 0.0]).weights[1]
    along = Path(path.parameter, np.broadcast_to(least, (len(path.parameter), *least.shape)))
    return _told(supported(path, along, ""))


def _told(path: Path) -> Path:
    """The path with a remark about the distance that is left at the smallest scale."""
    if path.distance is None or path.reference is None:
        return path
    at = int(path.parameter.argmin())
    left, α = float(path.distance[at]), path.parameter[at]
    end = f"from α={α:.2g} training ends {left:.2g} (relative) away from the least R(B) that fits"
    if left <= _NEAR:
        return replace(path, remark=f"{end}: consistent with, not proved, that small scales lead there (T23)")
    assert path.structure is not None
    off = distance_from(path.structure, path.reference[at])
    nearest = f"; what {type(path.structure).__name__} holds of that is {off:.2g} away itself" if off > _NEAR else ""
    return replace(path, remark=f"measured: {end}{nearest}")


@_plan.register
def _(structure: Hadamard, problem: Any, parameters: Any, rng: np.random.Generator) -> Plan:
    """u(0) = √2 α, v(0) = 0 for every output; the hypentropy minimisers, with ℓ1 and ℓ2 as their ends, beside it."""
    if len(structure.factors) != 2 or not is_squared(problem):
        return _plan.dispatch(object)(structure, problem, parameters, rng)
    default = (1e-140, 1e-60, 1e-20, 1e-8, 1e-4, 1e-2, 1e-1, 1.0, 10.0)
    αs = np.array(default) if parameters is None else positive(parameters, "α")
    design = least_squares(problem)
    # What no weight can fit changes no gradient; without it the flow ends at a fit.
    fitted = design.matrix @ np.linalg.lstsq(design.matrix, design.targets)[0]

    def points(done: Done) -> Iterator[Point]:
        for index, α in enumerate(αs.tolist()):
            if index in done:
                continue
            follow = _in_logarithms if α < _LARGE_SCALE else _in_factors
            each = np.stack([follow(design.matrix, target, α) for target in fitted.T], axis=1)
            yield index, np.asarray(design.weight(each)), None

    return Plan(αs, points, _with_interpolators, "initial scale of u∘v", "initial scale α")


def _with_interpolators(path: Path) -> Path:
    """The path with the interpolators of least hypentropy at its scales as reference (T21)."""
    design = least_squares(path.problem)
    fitted = design.matrix @ np.linalg.lstsq(design.matrix, design.targets)[0]
    if np.linalg.norm(fitted - design.targets) > 1e-10 * np.linalg.norm(design.targets):
        return replace(path, remark="no reference: nothing interpolates, and T21 is about weights that fit exactly")
    found = beside(path, interpolation_path(path.problem, path.parameter))
    return replace(found, remark="proved: the flow ends at the interpolator of least hypentropy (T21)")


def _in_logarithms(A: Array, y: Array, α: float) -> Array:
    """The end of the flow, followed in q = log-scale duals until it fits: any α down to 1e-140 (T22)."""
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
    return whole(run).operator.to_dense()[0]
