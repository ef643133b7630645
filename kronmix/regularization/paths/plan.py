"""One call for every kind of path: run a plan point by point, then put the reference beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...operators import StructuredOperator
from ...operators.base import Array
from ..descent import check_run
from ..path import Path
from ..problems import Problem
from ..references import refuse_constant_columns

Progress = Callable[[int, int], None]
#: Index of a parameter, effective weight there, and the operator with it (None where the weight is a time average).
Point = tuple[int, Array, StructuredOperator | None]


@dataclass(frozen=True)
class Plan:
    """What a kind of path is going to do.

    Attributes
    ----------
    parameters : array of shape (points,)
        In the order of the result.
    points : iterator of (index, weight, operator)
        The work, in whatever order suits it.
    reference : function of the parameters reached
        The path beside it on these parameters, or None.
    name : str
    """

    parameters: Array
    points: Iterator[Point]
    reference: Callable[[Array], Path | None]
    name: str


#: (problem, structure, parameters or None, options) -> Plan
Kind = Callable[..., Plan]
_KINDS: dict[str, Kind] = {}


def register_kind(name: str) -> Callable[[Kind], Kind]:
    """Register a kind of path: a function of (problem, structure, parameters or None, **options) that returns a Plan."""

    def register(kind: Kind) -> Kind:
        _KINDS[name] = kind
        return kind

    return register


def regularization_path(
    problem: Problem,
    structure: StructuredOperator,
    kind: str = "decay",
    parameters: Any = None,
    *,
    progress: Progress | None = None,
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

    Parameters
    ----------
    problem : Regression, Sensing, Observed or any Problem
    structure : StructuredOperator
        Its type and the shapes of its factors are the parametrisation.
    kind : {"decay", "scale", "time", "rank"}
    parameters : array of shape (points,), optional
        Default: a grid that suits the problem.
    progress : function of (points done, points), optional
    **options
        decay: ``restarts`` (3), ``seed`` (0). scale: ``seed`` (0). time: ``scale`` α (1e-24; 1e-50 for Hadamard), ``seed`` (0).
        rank: ``restarts`` (3), ``seed`` (0), ``weight_decay`` (0).

    Returns
    -------
    Path
        ``.parameter .weights .reference .distance .operators .plot()``. After Ctrl-C, the points done so far.

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
    >>> bool(path.distance.max() < 1e-6)
    True
    """
    if kind not in _KINDS:
        raise ValueError(f"kind={kind!r}: expected one of {sorted(_KINDS)}")
    check_run(problem, structure, 0.0)
    refuse_constant_columns(problem)
    plan = _KINDS[kind](problem, structure, parameters, **options)
    total = len(plan.parameters)
    done: dict[int, tuple[Array, StructuredOperator | None]] = {}
    try:
        for index, weight, operator in plan.points:
            done[index] = weight, operator
            if progress is not None:
                progress(len(done), total)
    except KeyboardInterrupt:
        if not done:
            raise
    reached = np.array(sorted(done))
    operators = tuple(op for i in reached if (op := done[i][1]) is not None)
    asked = plan.parameters[reached]
    reference = plan.reference(asked)
    return Path(
        asked,
        np.stack([done[i][0] for i in reached]),
        None if reference is None else reference.weights,
        kinks=None if reference is None else reference.kinks,
        name=plan.name,
        operators=operators or None,
    )


def positive(parameters: Any, name: str) -> Array:
    """A user's parameters, each above 0."""
    from ..references import check_parameters

    asked = check_parameters(parameters)
    if (asked == 0).any():
        raise ValueError(f"parameters holds {name}=0: expected {name} > 0")
    return asked
