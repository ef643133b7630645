"""Weight decay on the factors, against loss + λR(B) (T17)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ... import checks
from ...operators import StructuredOperator
from ...operators.arrays import Array
from ..gauges import least_objective
from ..gradients import Packing
from ..induced import induced_gauge, induced_norm
from ..layouts import Whole
from ..norms import Nuclear, Penalty
from ..path import Path
from ..problems import Problem, loss
from ..proximal import is_squared, loss_and_dense_gradient
from ..references import reference_path
from ..structures import parametrised
from .fit import best_fit, random_starts
from .plan import Done, Plan, Point, beside, positive, register_kind

#: Points of the path of a norm whose tangents bound a penalty that is not convex.
_TANGENTS = 40


@register_kind("decay")
@dataclass(frozen=True)
class Decay:
    """Weight decay λ on the factors, from large λ to small ones, each warm-started from the last.

    Parameters
    ----------
    restarts : int
        Random starts at each λ beside the warm one, until a minimum is proved.
    seed : int

    Examples
    --------
    >>> from kronmix.regularization import Decay
    >>> path = km.regularization_path(km.Observed(np.eye(2)), km.Dense(np.eye(2)), Decay(restarts=1), [1.0])
    >>> path.weights[0].round(6) + 0.0
    array([[0.5, 0. ],
           [0. , 0.5]])
    """

    restarts: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        checks.integer(self.restarts, "restarts", 0)
        checks.integer(self.seed, "seed", 0)

    def plan(self, problem: Problem, structure: StructuredOperator, parameters: Any) -> Plan:
        """The plan for a problem and a structure."""
        penalty = convex_penalty(structure)
        if parameters is None:
            _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
            λs = np.asarray((penalty or Nuclear(Whole())).grid(G, problem.curvature))[:40:2]
        else:
            λs = positive(parameters, "λ")
        return Plan(
            λs,
            lambda done: _points(problem, structure, λs, self, done, penalty),
            lambda path: _certified(path, penalty),
            f"weight decay on {type(structure).__name__}",
            "weight decay λ",
        )


def convex_penalty(structure: StructuredOperator) -> Penalty | None:
    """R where it extends to a convex function of all B; None for deeper structures, whose R is not convex."""
    try:
        return induced_norm(structure)
    except TypeError:
        return None


def _certified(path: Path, penalty: Penalty | None) -> Path:
    """The objective of the factors, beside the proved minimum of the convex problem over all B."""
    assert path.operators is not None  # every point of a decay path has factors
    decayed = [0.5 * sum(float(np.vdot(f, f).real) for f in op.factors) for op in path.operators]
    losses = [loss(path.problem, op) for op in path.operators]
    objective = np.array(losses) + path.parameter * np.array(decayed)
    if penalty is None:
        return _bounded(replace(path, objective=objective))
    convex = reference_path(path.problem, penalty, path.parameter)
    assert convex.duality_gap is not None
    least = [
        loss(path.problem, B) + penalty.objective(B, float(λ))
        for B, λ in zip(convex.weights, path.parameter, strict=True)
    ]
    found = beside(replace(path, objective=objective, lower_bound=np.array(least) * (1 - convex.duality_gap)), convex)
    assert found.certified is not None
    certified, points = int(found.certified.sum()), len(found.parameter)
    if certified == points:
        return replace(found, remark="certified: the factors attain the convex minimum at every point")
    words = f"certified at {certified} of {points} points; elsewhere the convex minimum is a lower bound that is not attained"
    return replace(found, remark=words)


def _bounded(path: Path) -> Path:
    """Beside a proved bound of loss + λR(B), where R has no convex extension that is known."""
    assert path.structure is not None
    name = type(path.structure).__name__
    words = f"no reference: the penalty that {name} induces has no convex extension that is known"
    lower = np.maximum(_bounds_of_points(path), _bounds_of_tangents(path))
    if not lower.any():
        return replace(path, remark=words)
    found = replace(path, lower_bound=lower)
    assert found.certified is not None
    assert found.excess is not None
    attained, points = int(found.certified.sum()), len(found.parameter)
    if attained == points:
        return replace(found, remark="certified: the factors attain the least objective at every point")
    proved = f"proved: at most {found.excess.max():.2%} of the objective lies above its least value"
    return replace(found, remark=f"{words}; {proved}, and nothing at {attained} of {points} points")


def _bounds_of_points(path: Path) -> Array:
    """Lower bounds from the gradient of the loss at each point and the conjugate of R, or a bound on it."""
    assert path.structure is not None
    form, squared = parametrised(path.structure), is_squared(path.problem)
    bounds = []
    for B, λ in zip(path.weights, path.parameter, strict=True):
        value, G = loss_and_dense_gradient(path.problem, B)
        bounds.append(form.least_decayed(B, G, value, float(λ), squared))
    return np.array(bounds)


def _bounds_of_tangents(path: Path) -> Array:
    """Lower bounds from tangents of the loss along the path of a norm under R."""
    assert path.structure is not None
    gauge = induced_gauge(path.structure)
    if gauge is None:
        return np.zeros(len(path.parameter))
    problem, zero = path.problem, np.zeros(path.problem.shape)
    largest = gauge.norm.dual(loss_and_dense_gradient(problem, zero)[1])
    convex = reference_path(problem, gauge.norm, largest * np.geomspace(0.98, 1e-4, _TANGENTS), tol=1e-5)
    tangents = []
    for B in (zero, *convex.weights):
        value, G = loss_and_dense_gradient(problem, B)
        tangents.append((value - float(np.vdot(G, B)), gauge.norm.dual(G)))
    return np.array([least_objective(gauge, tangents, float(λ)) for λ in path.parameter])


def _points(
    problem: Problem, structure: StructuredOperator, λs: Array, kind: Decay, done: Done, penalty: Penalty | None
) -> Iterator[Point]:
    """Minimizers from strong to weak decay, each with its index, weight and operator."""
    packing = Packing(structure)
    size = typical_size(problem, structure)
    rng = np.random.default_rng(kind.seed)
    warm: list[Array] = []
    for index in np.argsort(-λs, kind="stable").tolist():
        # A coordinate that was 0 sits on a saddle: a warm start is moved a little off it.
        nudged = [θ + 1e-2 * size * rng.standard_normal(packing.size) for θ in warm]
        starts = [*nudged, *random_starts(structure, size, max(kind.restarts, 1 - len(warm)), rng)]
        op = done.get(index)
        if op is None:
            op, _ = best_fit(problem, structure, float(λs[index]), starts, penalty)
        warm = [packing.vector(op.factors)]
        yield index, op.to_dense(), op


def typical_size(problem: Problem, structure: StructuredOperator) -> float:
    """Root mean square of factors whose product is about as large as a gradient step makes B."""
    _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
    entry = float(np.sqrt(np.mean(G**2))) / problem.curvature if problem.curvature > 0 else 0.0
    return float(max(entry, 1e-12) ** (1 / max(len(structure.factors), 1)))
