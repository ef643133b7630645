"""One call for every kind of path: run a plan point by point, then put the reference beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from ...operators import StructuredOperator
from ...operators.arrays import Array
from ..descent import check_run
from ..least_squares import LeastSquares, least_squares
from ..parametrisations import scattered, with_parameters
from ..path import Path, relative_distances
from ..problems import Problem
from ..references import check_parameters, refuse_constant_columns
from ..registry import add_name, chosen
from ..structures import parametrised

Progress = Callable[[int, int], None]
#: Index of a parameter, effective weight there, and the operator with it (None where the weight is a time average).
Point = tuple[int, Array, StructuredOperator | None]
#: Points that need not be done again, by their index.
Done = Mapping[int, StructuredOperator | None]


@dataclass(frozen=True)
class Plan:
    """What a kind of path is going to do.

    Attributes
    ----------
    parameters : array of shape (points,)
        In the order of the result.
    points : function of the points already done to an iterator of (index, weight, operator)
        The work, in whatever order suits it; points that are done may be yielded again, or left out.
    reference : function of the path that was traced
        The path with what stands beside it: ``reference``, ``kinks``, ``limit`` …
    name : str
    label : str
        The parameter by name and unit.
    remark : str
        What the reference is worth, or why there is none.

    Examples
    --------
    >>> from kronmix.regularization import Decay
    >>> Decay().plan(km.Observed(np.eye(2)), km.Dense(np.eye(2)), [1.0]).label
    'weight decay λ'
    """

    parameters: Array
    points: Callable[[Done], Iterator[Point]]
    reference: Callable[[Path], Path]
    name: str
    label: str
    remark: str = ""


class Kind(Protocol):
    """What a path runs along: a value that holds its options and makes a plan. A kind of one's own is a class with this method.

    Examples
    --------
    >>> from kronmix.regularization import Decay, Time
    >>> from kronmix.regularization.paths import Kind
    >>> kinds: list[Kind] = [Decay(restarts=1), Time(scale=1e-30)]
    """

    def plan(self, problem: Problem, structure: StructuredOperator, parameters: Any) -> Plan:
        """The plan for a problem and a structure; parameters None means a grid that suits them."""


#: Relative distance up to which a structure counts as representing a reference.
_REPRESENTABLE = 0.1
_KINDS: dict[str, Callable[..., Kind]] = {}
K = TypeVar("K", bound=Callable[..., Kind])


def register_kind(name: str) -> Callable[[K], K]:
    """Let ``regularization_path(kind=name, **options)`` make a kind of path from its options.

    Parameters
    ----------
    name : str
        What ``regularization_path(kind=…)`` takes from then on.

    Returns
    -------
    decorator
        For a class with a ``plan`` method, which is returned as it is.

    Raises
    ------
    ValueError
        If the name is taken.

    Examples
    --------
    >>> from kronmix.regularization import Plan, register_kind
    >>> @register_kind("zero")
    ... class Zero:  # the weight that is zero, along any parameter
    ...     def plan(self, problem, structure, parameters):
    ...         points = [(i, np.zeros(problem.shape), None) for i in range(len(parameters))]
    ...         return Plan(np.array(parameters), lambda done: iter(points), lambda path: path, "zero", "parameter")
    >>> km.regularization_path(km.Observed(np.eye(2)), km.Dense(np.eye(2)), Zero(), [1.0])
    Path(zero: 1 points from 1 to 1, 2×2 weights)
    """

    def register(kind: K) -> K:
        make: Callable[..., Kind] = kind
        add_name(_KINDS, name, make, "kind")
        return kind

    return register


def regularization_path(
    problem: Problem,
    structure: StructuredOperator,
    kind: str | Kind = "decay",
    parameters: Any = None,
    *,
    progress: Progress | None = None,
    start: Path | None = None,
    **options: Any,
) -> Path:
    """Trace what training the factors of a structure regularises, beside the convex path it should follow.

    ========= =========================================== ==================================================================
    kind      parameter                                    reference
    ========= =========================================== ==================================================================
    "decay"   weight decay λ on the factors                minimiser of loss + λR(B) over all B (T17), where R is convex
    "scale"   initial scale α, run to the end              hypentropy minimiser for Hadamard (T21), else least R(B) that fits
    "time"    Dense: time t of early stopping              ridge at 1/t
    "time"    else: λ = log(1/α)/t of the time average     minimiser of loss + λR(B) (T26, T27)
    "rank"    inner size r of the structure                minimiser without structure; the nearest of rank r for Observed
    ========= =========================================== ==================================================================

    Where no theorem supports a comparison there is no reference, and ``remark`` says why.

    Parameters
    ----------
    problem : Regression, Sensing, Observed or any Problem
    structure : StructuredOperator
        Its type and the shapes of its factors are the parametrisation.
    kind : {"decay", "scale", "time", "rank"}, or a Decay, Scale, Time, Rank, or a kind of one's own
    parameters : array of shape (points,), optional
        Default: a grid that suits the problem.
    progress : function of (points done, points), optional
    start : Path, optional
        An interrupted path of the same problem, structure, kind and parameters: its points are not computed again. A time path
        is one flow, which begins again.
    **options
        For a kind given by name: decay: ``restarts`` (3), ``seed`` (0). scale: ``seed`` (0). time: ``scale`` α (1e-24; 1e-50
        for Hadamard), ``seed`` (0). rank: ``restarts`` (3), ``seed`` (0), ``weight_decay`` (0).

    Returns
    -------
    Path
        ``.parameter .weights .reference .distance .certified .operators .predict() .select() .plot()``. After Ctrl-C, the points
        done so far, with ``reason == "interrupted"``.

    Raises
    ------
    ValueError
        If the kind is unknown, a parameter is out of range, shapes do not fit, a feature is constant, or no point was done.
    TypeError
        If the kind does not apply to the structure.

    References
    ----------
    Ali, Kolter & Tibshirani 2019; Woodworth et al. 2020; Berthier 2025, arXiv 2509.18766 (T17, T21, T26, T27).

    Examples
    --------
    Weight decay on the factors of P Q soft-thresholds the singular values of the target:

    >>> problem = km.Observed(np.diag([3.0, 1.0]))
    >>> pair = km.Chain(km.Dense(np.eye(2)), km.Dense(np.eye(2)))
    >>> path = km.regularization_path(problem, pair, "decay", [2.0, 0.5])
    >>> np.linalg.svd(path.weights[1], compute_uv=False).round(6)
    array([2.5, 0.5])
    >>> bool(path.distance.max() < 1e-6), path.certified
    (True, array([ True,  True]))
    """
    what: Kind = chosen(kind, options, _KINDS, "kind")
    check_run(problem, structure, 0.0)
    refuse_constant_columns(problem)
    plan = what.plan(problem, structure, parameters)
    done, reason = _known(start, plan), "done"
    total = len(plan.parameters)
    try:
        before = {i: op for i, (_, op) in done.items()}
        for index, weight, operator in plan.points(before):
            done[index] = weight, operator
            if progress is not None:
                progress(len(done), total)
    except KeyboardInterrupt:
        if not done:
            raise
        reason = "interrupted"
    return plan.reference(_assemble(plan, done, problem, structure, what, reason))


def _known(start: Path | None, plan: Plan) -> dict[int, tuple[Array, StructuredOperator | None]]:
    """The points of an interrupted path, by their place in the plan."""
    if start is None:
        return {}
    places = {float(value): i for i, value in enumerate(plan.parameters)}
    strange = [float(value) for value in start.parameter if float(value) not in places]
    if strange:
        raise ValueError(
            f"start has a point at {strange[0]:g}, which is not among the parameters: it is of another path"
        )
    operators = start.operators or (None,) * len(start.parameter)
    points = zip(start.parameter, start.weights, operators, strict=True)
    return {places[float(value)]: (B, op) for value, B, op in points}


def _assemble(
    plan: Plan,
    done: dict[int, tuple[Array, StructuredOperator | None]],
    problem: Problem,
    structure: StructuredOperator,
    kind: Kind,
    reason: str,
) -> Path:
    """The path of all points that are done, with the reason why it stopped."""
    reached = np.array(sorted(done))
    operators = tuple(op for i in reached if (op := done[i][1]) is not None)
    return Path(
        plan.parameters[reached],
        np.stack([done[i][0] for i in reached]),
        name=plan.name,
        operators=operators if len(operators) == len(reached) else None,
        label=plan.label,
        remark=plan.remark,
        reason=reason,
        problem=problem,
        structure=structure,
        kind=kind,
    )


def beside(path: Path, reference: Path) -> Path:
    """The path with its reference; compared by predictions where weights of a minimiser need not be unique."""
    design = design_of(path.problem)
    by_outputs = None
    if design is not None and not design.in_general_position():
        outputs = [
            [design.matrix @ design.coefficients(B) for B in weights] for weights in (path.weights, reference.weights)
        ]
        by_outputs = relative_distances(*(np.asarray(part) for part in outputs))
    return replace(path, reference=reference.weights, kinks=reference.kinks, prediction_distance=by_outputs)


def supported(path: Path, reference: Path, remark: str) -> Path:
    """Beside a reference only where the structure can represent it, to a tenth; else without, and the remark says how far it is."""
    assert path.structure is not None
    off = float(max(distance_from(path.structure, B) for B in reference.weights))
    if off > _REPRESENTABLE:
        name = type(path.structure).__name__
        words = (
            f"no reference: the convex minimiser is up to {off:.2g} (relative) away from every {name} of these sizes"
        )
        return replace(path, remark=words)
    return replace(beside(path, reference), remark=remark)


def distance_from(structure: StructuredOperator, B: Array) -> float:
    """Relative distance of B from the weight that the structure's parametrisation reads from it: the nearest, for products of two
    factors on pieces of B; at most 1, which zero factors reach."""
    form, size = parametrised(structure), float(np.linalg.norm(B))
    state = form.of(B)
    if state is None or size == 0:
        return 1.0 if size > 0 else 0.0
    near = with_parameters(structure, scattered(form.balanced(state), np.zeros(structure.n_parameters)))
    return min(float(np.linalg.norm(near.to_dense() - B)) / size, 1.0)


def design_of(problem: Any) -> LeastSquares | None:
    """The least-squares form of a problem, None where it has none."""
    try:
        return least_squares(problem)
    except TypeError:
        return None


def positive(parameters: Any, name: str) -> Array:
    """A user's parameters, each above 0."""
    asked = check_parameters(parameters)
    if (asked == 0).any():
        raise ValueError(f"parameters holds {name}=0: expected {name} > 0")
    return asked
