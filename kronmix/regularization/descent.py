"""Gradient descent on the factors of any structured operator, through its pullback (T18)."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from ..checks import non_negative, positive
from ..operators import StructuredOperator
from ..operators.base import Array
from .curvature import estimated_step_size, largest_hessian_eigenvalue
from .gradients import loss_and_gradients, moved
from .problems import Problem
from .training_path import Record, Recorder, TrainingPath, log_spaced_steps

Progress = Callable[[int, float], None]


class DivergenceError(ArithmeticError):
    """The loss grew without bound: the step size is above the stable one."""


class EdgeOfStabilityWarning(UserWarning):
    """Step size × largest Hessian eigenvalue is above 2: descent is not following the gradient flow."""


def gradient_descent(
    problem: Problem,
    op: StructuredOperator,
    step_size: float | None = None,
    steps: int = 1000,
    record: Record | None = None,
    *,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    line_search: bool = False,
    gradient_tolerance: float = 0.0,
    loss_tolerance: float = -np.inf,
    records: int = 100,
    progress: Progress | None = None,
) -> TrainingPath:
    """Minimise a problem's loss over the factors of an operator by gradient descent.

    Parameters
    ----------
    problem : Regression, Sensing, Observed or any Problem
    op : StructuredOperator
        The start.
    step_size : float, optional
        η in θ ← θ − η∇, kept fixed. By default ``estimated_step_size(problem, op)``, halved whenever a step would raise the
        loss (that step is taken back).
    steps : int
        Largest number of steps.
    record : mapping of name -> function of the operator, optional
        Recorded, with the loss, at about ``records`` log-spaced steps.
    momentum : float
        Heavy-ball momentum μ in [0, 1): v ← μv + ∇, θ ← θ − ηv.
    weight_decay : float
        λ ≥ 0: adds (λ/2)‖θ‖².
    line_search : bool
        Backtrack by halves from twice the last step until Armijo's condition holds; not with momentum.
    gradient_tolerance, loss_tolerance : float
        Stop when ‖∇‖ or the loss falls to these.
    progress : function of (step, loss), optional
        Called at each record.

    Returns
    -------
    TrainingPath
        After Ctrl-C, the path so far, with ``reason == "interrupted"``.

    Raises
    ------
    DivergenceError
        If the loss grows past all bounds; names the step size and the stable bound.
    ValueError
        If shapes do not fit or an option is out of range.

    Warns
    -----
    EdgeOfStabilityWarning
        If step size × largest Hessian eigenvalue is above 2 at the end.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> A, B = rng.normal(size=(2, 2)), rng.normal(size=(3, 3))
    >>> start = km.Kronecker(0.1 * rng.normal(size=(2, 2)), 0.1 * rng.normal(size=(3, 3)))
    >>> path = km.gradient_descent(km.Observed(np.kron(A, B)), start, steps=3000)
    >>> bool(path.losses[-1] < 1e-12)
    True
    """
    check_run(problem, op, weight_decay)
    _check_options(step_size, steps, momentum, line_search)
    adaptive = step_size is None and not momentum
    η = estimated_step_size(problem, op) if step_size is None else float(step_size)
    due, recorder = log_spaced_steps(steps, records), Recorder(record)
    velocity: tuple[Array, ...] = tuple(np.zeros_like(f) for f in op.factors)
    time, done, reason = 0.0, 0, "steps"
    value, gradients = loss_and_gradients(problem, op, weight_decay)
    bound, calm = 1e6 * (1 + abs(value)), (value, op)
    try:
        for step in range(steps + 1):
            stop = _stop_reason(value, gradients, loss_tolerance, gradient_tolerance)
            if step in due or stop:
                recorder.note(time, value, op)
                if progress is not None:
                    progress(step, value)
            if stop or step == steps:
                reason = stop or reason
                break
            if line_search:
                op, value, gradients, η = _armijo(problem, op, value, gradients, η, weight_decay)
            else:
                if momentum:
                    velocity = tuple(momentum * v + g for v, g in zip(velocity, gradients, strict=True))
                move = velocity if momentum else gradients
                trial = moved(op, move, η)
                trial_value, trial_gradients = loss_and_gradients(problem, trial, weight_decay)
                while adaptive and not trial_value <= value * (1 + 1e-12) and η > 1e-300:
                    η *= 0.5
                    trial = moved(op, move, η)
                    trial_value, trial_gradients = loss_and_gradients(problem, trial, weight_decay)
                if not trial_value <= bound:
                    raise _divergence(problem, calm[1], η, step + 1, weight_decay)
                op, value, gradients = trial, trial_value, trial_gradients
                calm = (value, op) if value < calm[0] else calm
            time, done = time + η, step + 1
    except KeyboardInterrupt:
        if recorder.last != time:
            recorder.note(time, value, op)
        reason = "interrupted"
    path = recorder.path(op, done, reason, η)
    if step_size is not None and not line_search and not momentum and reason != "interrupted":
        _warn_at_edge(problem, op, η, weight_decay)
    return path


def check_run(problem: Problem, op: StructuredOperator, weight_decay: float) -> None:
    """Check what a training run starts from."""
    if op.shape != tuple(problem.shape):
        raise ValueError(f"op is {op.shape[0]}×{op.shape[1]}: {problem!r} needs {problem.shape[0]}×{problem.shape[1]}")
    if not op.factors:
        raise ValueError(f"op has no factors to train: {op!r}")
    if not all(np.isfinite(f).all() for f in op.factors):
        raise ValueError(f"op starts from factors that hold NaN or infinite values: {op!r}")
    non_negative(weight_decay, "weight_decay", "a number λ ≥ 0")


def _check_options(η: float | None, steps: int, μ: float, line_search: bool) -> None:
    if η is not None:
        positive(η, "step_size")
    if steps < 0:
        raise ValueError(f"steps={steps}: expected at least 0")
    if not 0 <= μ < 1:
        raise ValueError(f"momentum={μ}: expected 0 ≤ momentum < 1")
    if line_search and μ:
        raise ValueError("line_search does not go with momentum: leave one out")


def _stop_reason(value: float, gradients: tuple[Array, ...], loss_tolerance: float, gradient_tolerance: float) -> str:
    if value <= loss_tolerance:
        return "loss"
    if gradient_tolerance and np.sqrt(sum(float(np.vdot(g, g).real) for g in gradients)) <= gradient_tolerance:
        return "gradient"
    return ""


def _armijo(
    problem: Problem, op: StructuredOperator, value: float, gradients: tuple[Array, ...], η: float, λ: float
) -> tuple[StructuredOperator, float, tuple[Array, ...], float]:
    """One step with L(θ − η∇) ≤ L(θ) − ½η‖∇‖², η halved from twice the last."""
    slope = sum(float(np.vdot(g, g).real) for g in gradients)
    η *= 2
    for _ in range(60):
        trial = moved(op, gradients, η)
        trial_value, trial_gradients = loss_and_gradients(problem, trial, λ)
        if trial_value <= value - 0.5 * η * slope:
            return trial, trial_value, trial_gradients, η
        η *= 0.5
    return op, value, gradients, η  # at the rounding of the loss: no descent is left to find


def _divergence(problem: Problem, op: StructuredOperator, η: float, step: int, λ: float) -> DivergenceError:
    stable = 2 / largest_hessian_eigenvalue(problem, op, λ)
    return DivergenceError(
        f"the loss diverged at step {step} with step_size={η:.4g}: where the loss was lowest the stable bound is {stable:.4g} "
        "(2 over the largest Hessian eigenvalue); take a smaller step_size, or leave it out to have one found"
    )


def _warn_at_edge(problem: Problem, op: StructuredOperator, η: float, λ: float) -> None:
    sharpness = η * largest_hessian_eigenvalue(problem, op, λ)
    if sharpness > 2:
        warnings.warn(
            f"step_size={η:.4g} × largest Hessian eigenvalue = {sharpness:.3f} > 2 at the end: descent is at the edge of "
            "stability, and does not follow the gradient flow",
            EdgeOfStabilityWarning,
            stacklevel=3,
        )
