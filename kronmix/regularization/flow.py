"""Gradient flow on the factors of any structured operator, with controlled error (T19, T20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.integrate import DOP853, OdeSolver, Radau

from ..checks import as_finite, positive
from ..operators import StructuredOperator
from ..operators.arrays import Array
from .curvature import hessian, largest_hessian_eigenvalue
from .descent import Progress, check_run
from .gradients import Packing, loss_and_gradients
from .problems import Problem, loss
from .settling import Settling, settling
from .training_path import Record, Recorder, TrainingPath

#: Up to this many parameters the implicit solver may form the Hessian.
_LARGEST_HESSIAN = 2_000
#: How often, in steps, the explicit solver asks whether the flow has become stiff.
_STEPS_BETWEEN_CHECKS = 200
#: How often, in steps, it is asked whether the flow has come to rest.
_STEPS_BETWEEN_RESTS = 10
#: Drift between two of these, in units of the tolerance, below which the flow may be settling at a minimum.
_SETTLING_DRIFT = 10.0
#: Where that was no minimum, the Hessian is asked for again when these many times its cost have been spent.
_PATIENCE = 4
#: Nodes and weights of Gauss's quadrature on [0, 1] inside a step of the integrator.
_NODES, _WEIGHTS = (part / 2 for part in np.polynomial.legendre.leggauss(4))
_NODES = _NODES + 0.5
#: DOP853 is stable up to about this step × eigenvalue on the negative real axis.
_EXPLICIT_LIMIT = 6.0


class FlowError(ArithmeticError):
    """The integrator gave up: the flow cannot be followed to the time asked for."""


@dataclass(frozen=True)
class Stretch:
    """An accepted step of the integrator: the flow between two times, until the next step is taken.

    Where the flow has come ``at_rest``, the last one reaches to the end of time. The ``stages`` are weights and states whose sum
    integrates a function of the state over the step, to the order of the integrator.
    """

    start: float
    end: float
    at: Callable[[float], StructuredOperator]
    gradient_norm: float
    evaluations: int
    at_rest: bool = False
    stages: Callable[[], Iterator[tuple[float, StructuredOperator]]] | None = None

    def integral(self, start: float, end: float) -> Array:
        """∫ B dt between two times inside: over the whole by the integrator's stages where it has some, else by Gauss's nodes."""
        width = end - start
        if self.stages is not None and (start, end) == (self.start, self.end):
            nodes = self.stages()
        else:
            nodes = ((width * w, self.at(start + x * width)) for x, w in zip(_NODES, _WEIGHTS, strict=True))
        return np.asarray(sum(weight * op.to_dense() for weight, op in nodes))


def gradient_flow(
    problem: Problem,
    op: StructuredOperator,
    t_end: float,
    record: Record | None = None,
    *,
    times: Any = None,
    weight_decay: float = 0.0,
    rtol: float = 1e-10,
    gradient_tolerance: float = 0.0,
    loss_tolerance: float = -np.inf,
    records: int = 100,
    progress: Progress | None = None,
) -> TrainingPath:
    """Follow θ' = −∇(loss(B(θ)) + (weight_decay/2)‖θ‖²) from the factors of ``op``.

    The explicit DOP853 with controlled error; where that is held back by stability and not by accuracy, and the
    parameters are few, the implicit Radau with the Hessian of the loss takes over.

    Parameters
    ----------
    problem : Regression, Sensing, Observed or any Problem
    op : StructuredOperator
        The start.
    t_end : float
        Positive. A gradient-descent step of size η is a time of η.
    record : mapping of name -> function of the operator, optional
        Recorded, with the loss, at the times below.
    times : array of shape (records,), optional
        Increasing, from 0 to t_end. Default: ``records`` of them, 0 and then log-spaced over four decades up to ``t_end``.
    weight_decay : float
        λ ≥ 0: adds (λ/2)‖θ‖².
    rtol : float
        Relative error of a step; the absolute one is this times the root mean square of the factors at the start, so that tiny
        starts are followed too.
    gradient_tolerance, loss_tolerance : float
        Stop when ‖∇‖ or the loss falls to these.
    progress : function of (records so far, loss), optional
        Called at each record.

    Returns
    -------
    TrainingPath
        Its ``steps`` are gradient evaluations. A flow that has come to rest, its gradient no larger than rounding makes it,
        ends with ``reason == "gradient"``, its last state standing for the times that were left. After Ctrl-C, the path so
        far, with ``reason == "interrupted"``.

    Raises
    ------
    FlowError
        If the integrator cannot go on; names the time.
    ValueError
        If shapes do not fit or an option is out of range.

    References
    ----------
    Hairer, Nørsett & Wanner, *Solving Ordinary Differential Equations I*, 1993, and *II*, 1996.

    Examples
    --------
    >>> start = km.Hadamard([[0.5]], [[0.2]])
    >>> path = km.gradient_flow(km.Observed([[1.0]]), start, 100, {"law": lambda op: op.factors[0] ** 2 - op.factors[1] ** 2})
    >>> u, v = path.operator.factors
    >>> round(float((u * v).item()), 9), round(float((u**2 - v**2).item()), 9)  # u² − v² is conserved (T19)
    (1.0, 0.21)
    >>> bool(np.ptp(path.recorded["law"]) < 1e-8)
    True
    """
    check_run(problem, op, weight_decay)
    positive(t_end, "t_end", "a positive time")
    due = _check_times(times, t_end) if times is not None else _log_spaced(t_end, records)
    recorder, reason, evaluations = Recorder(record), "end of time", 1
    noted = 0

    def note(time: float, at: StructuredOperator) -> None:
        value, _ = loss_and_gradients(problem, at, weight_decay)
        recorder.note(time, value, at)
        if progress is not None:
            progress(noted, value)

    now, time = op, 0.0
    try:
        while noted < due.size and due[noted] <= 0:
            noted += 1
            note(0.0, op)
        for stretch in flow_stretches(problem, op, float(t_end), weight_decay, rtol):
            while noted < due.size and due[noted] <= stretch.end:
                noted += 1
                note(float(due[noted - 1]), stretch.at(float(due[noted - 1])))
            now, time, evaluations = stretch.at(stretch.end), stretch.end, stretch.evaluations
            if stretch.at_rest or stretch.gradient_norm <= gradient_tolerance:
                reason = "gradient"
                break
            if loss_tolerance > -np.inf and loss(problem, now) <= loss_tolerance:
                reason = "loss"
                break
    except KeyboardInterrupt:
        reason = "interrupted"
    if recorder.last is None or recorder.last < time:
        recorder.note(time, loss_and_gradients(problem, now, weight_decay)[0], now)
    return recorder.path(now, evaluations, reason, None)


def flow_stretches(
    problem: Problem, op: StructuredOperator, t_end: float, weight_decay: float = 0.0, rtol: float = 1e-10
) -> Iterator[Stretch]:
    """The accepted steps of the integrator from 0 to t_end, each with the flow inside it.

    Near a minimum the flow is linear, and its end is known in closed form: stretches of growing length, without steps, take it to
    t_end. A flow whose gradient is rounding error has nowhere to go: one last stretch takes it there.
    """
    packing = Packing(op)
    start = packing.vector(op.factors)
    atol = rtol * float(np.sqrt(np.mean(start**2)))
    if atol == 0:
        atol = rtol

    def slope(t: float, θ: Array) -> Array:
        return -packing.loss_and_gradient(problem, θ, weight_decay)[1]

    def curvature(θ: Array) -> Array:
        return hessian(problem, packing.operator(θ), weight_decay)

    def rounding(θ: Array) -> float:
        return gradient_rounding(problem, packing.operator(θ), weight_decay)

    solver: OdeSolver = DOP853(slope, 0.0, start, t_end, rtol=rtol, atol=atol)
    before, checked, steps = 0, 0.0, 0
    seen, asked = start, 0
    while solver.status == "running":
        # A trial step that is far too long overflows; the solver sees the infinity and takes a shorter one.
        with np.errstate(over="ignore", invalid="ignore"):
            message = solver.step()
        if solver.status == "failed":
            raise FlowError(f"the flow stopped at t={solver.t:.6g} of {t_end:.6g}: {message}")
        size, spent = float(np.linalg.norm(solver.f)), before + solver.nfev
        inside = cache(solver.dense_output)
        stages = partial(_stages, packing, solver) if isinstance(solver, DOP853) else None
        yield Stretch(solver.t_old, solver.t, partial(_inside, packing, solver, inside), size, spent, False, stages)
        steps += 1
        if solver.status != "running":
            return
        if steps % _STEPS_BETWEEN_RESTS == 0:
            if size <= rounding(solver.y):
                rests = packing.operator(solver.y)
                yield Stretch(solver.t, t_end, partial(_resting, rests), size, spent, True)
                return
            drift, seen = float(np.linalg.norm(solver.y - seen)), solver.y
            if spent >= asked and _may_settle(solver.y, drift, rtol):
                linear = settling(partial(slope, 0.0), curvature, solver.y, t_end - solver.t, rtol)
                if linear is not None:
                    yield from _settled(packing, linear, solver, rounding, spent + 2 * packing.size)
                    return
                asked = spent + _PATIENCE * 2 * packing.size
        if isinstance(solver, DOP853) and steps % _STEPS_BETWEEN_CHECKS == 0:
            typical, checked = (solver.t - checked) / _STEPS_BETWEEN_CHECKS, solver.t
            if _is_stiff(problem, packing, solver.y, weight_decay, typical, t_end - solver.t):
                before = spent
                solver = Radau(slope, solver.t, solver.y, t_end, rtol=rtol, atol=atol, jac=lambda t, θ: -curvature(θ))


def _stages(packing: Packing, solver: DOP853) -> Iterator[tuple[float, StructuredOperator]]:
    """Weights and states of the last step's stages: as the step integrates the slope, they integrate any function of the state."""
    width = solver.t - solver.t_old
    for i in np.flatnonzero(solver.B):
        yield width * solver.B[i], packing.operator(solver.y_old + width * (solver.A[i, :i] @ solver.K[:i]))


def _may_settle(θ: Array, drift: float, rtol: float) -> bool:
    """Whether the flow hardly moves any more, and the Hessian may be formed."""
    return θ.size <= _LARGEST_HESSIAN and drift <= _SETTLING_DRIFT * rtol * float(np.linalg.norm(θ))


def _settled(
    packing: Packing, linear: Settling, solver: OdeSolver, rounding: Callable[[Array], float], evaluations: int
) -> Iterator[Stretch]:
    """The closed form from where the solver is to its end, each stretch twice as long as the one before."""

    def at(t: float) -> StructuredOperator:
        return packing.operator(linear.at(t - solver.t))

    start, width = solver.t, solver.step_size
    while start < solver.t_bound:
        end = min(start + width, solver.t_bound)
        size = float(np.linalg.norm(linear.slope(end - solver.t)))
        rests = size <= rounding(linear.at(end - solver.t))
        end = solver.t_bound if rests else end
        yield Stretch(start, end, at, size, evaluations, rests)
        start, width = end, 2 * width


def gradient_rounding(problem: Problem, op: StructuredOperator, weight_decay: float = 0.0) -> float:
    """Norm below which a gradient over the factors is zero up to rounding: eight units of the sums of |terms| behind it.

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator
        Where the gradient is taken.
    weight_decay : float
        λ of (λ/2)‖θ‖².

    Examples
    --------
    >>> from kronmix.regularization.flow import gradient_rounding
    >>> gradient_rounding(km.Observed([[1.0]]), km.Hadamard([[1.0]], [[1.0]])) < 1e-14
    True
    >>> gradient_rounding(km.Observed([[1.0]]), km.Hadamard([[1e-30]], [[1e-30]])) < 1e-44  # a small start is not at rest
    True
    """
    outputs = op @ problem.inputs
    _, at = problem.loss_and_gradient(outputs)
    _, at_zero = problem.loss_and_gradient(np.zeros_like(outputs))
    terms = np.abs(at_zero) + np.abs(at - at_zero)  # what the gradient over the outputs was summed from
    magnitudes = op.with_factors(*(np.abs(f) for f in op.factors))
    _, pull = magnitudes.vjp(np.abs(problem.inputs))
    sums, _ = pull(terms, False)
    sizes = (s + weight_decay * np.abs(f) for s, f in zip(sums, op.factors, strict=True))
    return float(8 * np.finfo(float).eps * np.sqrt(sum(float(np.vdot(s, s).real) for s in sizes)))


def _inside(
    packing: Packing, solver: OdeSolver, inside: Callable[[], Callable[[float], Array]], t: float
) -> StructuredOperator:
    """The flow inside the last step; inner times cost the explicit solver three more gradients, once."""
    return packing.operator(solver.y if t == solver.t else inside()(t))


def _resting(op: StructuredOperator, t: float) -> StructuredOperator:
    """The flow at rest."""
    return op


def _is_stiff(problem: Problem, packing: Packing, θ: Array, λ: float, step: float, remaining: float) -> bool:
    """Whether stability, not accuracy, holds the explicit solver back, for long enough to make the Hessian worth while."""
    if packing.size > _LARGEST_HESSIAN:
        return False
    eigenvalue = largest_hessian_eigenvalue(problem, packing.operator(θ), λ)
    held_back = step * eigenvalue > 0.3 * _EXPLICIT_LIMIT
    return held_back and remaining * eigenvalue > _EXPLICIT_LIMIT * max(10 * _STEPS_BETWEEN_CHECKS, 4 * packing.size)


def _log_spaced(t_end: float, records: int) -> Array:
    return np.concatenate([[0.0], np.geomspace(1e-4 * t_end, t_end, max(records - 1, 1))])


def _check_times(times: Any, t_end: float) -> Array:
    due = as_finite(np.atleast_1d(np.asarray(times)), "times", 1).astype(float)
    if due.size and (due[0] < 0 or due[-1] > t_end or (np.diff(due) < 0).any()):
        raise ValueError(
            f"times from {due[0]:g} to {due[-1]:g}: expected increasing times between 0 and t_end={t_end:g}"
        )
    return due
