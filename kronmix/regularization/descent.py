"""Gradient descent on the factors of any structured operator, through its pullback (T18)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from itertools import repeat

import numpy as np

from ..checks import non_negative, positive
from ..operators import StructuredOperator
from ..optimizers import SGD, Optimizer, Schedule, constant
from .curvature import estimated_step_size, largest_hessian_eigenvalue
from .gradients import loss_and_gradients
from .problems import Problem
from .sampling import Sampling
from .step_rules import Backtracked, Halved, Iterate, Optimized, StepRule
from .training_path import Record, Recorder, TrainingPath, log_spaced_steps

Progress = Callable[[int, float], None]


class DivergenceError(ArithmeticError):
    """The loss grew without bound: the step size is above the stable one."""


class EdgeOfStabilityWarning(UserWarning):
    """Step size × largest Hessian eigenvalue is above 2: descent is not following the gradient flow."""


def gradient_descent(
    problem: Problem,
    op: StructuredOperator,
    step_size: float | Schedule | None = None,
    steps: int = 1000,
    record: Record | None = None,
    *,
    optimizer: Optimizer | None = None,
    sampling: Sampling | None = None,
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
    step_size : float or function of the step, optional
        η in θ ← θ − η∇, or the rate of the optimizer. By default ``estimated_step_size(problem, op)``, halved whenever a step
        would raise the loss (that step is taken back); an optimizer and a sampling need one.
    steps : int
        Largest number of steps.
    record : mapping of name -> function of the operator, optional
        Recorded, with the loss, at about ``records`` log-spaced steps.
    optimizer : SGD, AdamW or an Optimizer of one's own, optional
        From ``kronmix.optimizers``, with its own momentum and weight decay (numbers or functions of the step); the loss that is
        recorded is then the problem's, without decay. A run begins without what the optimizer kept from another.
    sampling : Sampling, optional
        Minibatches and label noise: what each step sees. Losses are recorded, and tolerances checked at the records only, over
        all samples.
    momentum : float
        Heavy-ball momentum μ in [0, 1): v ← μv + ∇, θ ← θ − ηv; short for ``optimizer=SGD(momentum)``.
    weight_decay : float
        λ ≥ 0: adds (λ/2)‖θ‖² to the loss.
    line_search : bool
        Backtrack by halves from twice the last step until Armijo's condition holds.
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
        If shapes do not fit, an option is out of range, or options exclude each other.
    TypeError
        If a problem without samples is to be sampled.

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

    AdamW with λ = 1/2 keeps |θ| ≤ 2, so that |B| ≤ 4 wherever the target is (T35):

    >>> from kronmix.optimizers import AdamW, cosine
    >>> pair, adam = km.Hadamard(np.ones((1, 2)), np.ones((1, 2))), AdamW(beta2=0.99, weight_decay=0.5)
    >>> path = km.gradient_descent(km.Observed([[9.0, 3.0]]), pair, cosine(0.02, 4000), 4000, optimizer=adam)
    >>> path.operator.to_dense().round(1)
    array([[4., 3.]])
    """
    check_run(problem, op, weight_decay)
    _check_options(steps, optimizer, sampling, step_size, momentum, weight_decay, line_search)
    rule = _rule(problem, op, step_size, optimizer or (SGD(momentum) if momentum else None), line_search)
    whole = partial(loss_and_gradients, problem, weight_decay=weight_decay)
    seen = repeat(problem) if sampling is None else sampling.problems(problem)
    due, recorder = log_spaced_steps(steps, records), Recorder(record)
    time, done, reason = 0.0, 0, "steps"
    here = Iterate.at(op, partial(loss_and_gradients, next(seen), weight_decay=weight_decay))
    bound, calm = 1e6 * (1 + abs(here.value)), here
    try:
        for step in range(steps + 1):
            stop = ""
            if sampling is None or step in due:
                exact = here if sampling is None else Iterate.at(here.op, whole)
                stop = _stop_reason(exact, loss_tolerance, gradient_tolerance)
                if step in due or stop:
                    recorder.note(time, exact.value, here.op)
                    if progress is not None:
                        progress(step, exact.value)
            if stop or step == steps:
                reason = stop or reason
                break
            trial = rule.step(here, partial(loss_and_gradients, next(seen), weight_decay=weight_decay), step)
            if not trial.value <= bound:
                raise _divergence_error(problem, calm.op, rule.step_size, step + 1, weight_decay)
            here = trial
            calm = here if here.value < calm.value else calm
            time, done = time + rule.step_size, step + 1
    except KeyboardInterrupt:
        if recorder.last != time:
            recorder.note(time, whole(here.op)[0], here.op)
        reason = "interrupted"
    path = recorder.path(here.op, done, reason, rule.step_size)
    plain = optimizer is None and sampling is None and not (momentum or line_search)
    if plain and step_size is not None and reason != "interrupted":
        _warn_at_edge(problem, here.op, rule.step_size, weight_decay)
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


def _check_options(
    steps: int,
    optimizer: Optimizer | None,
    sampling: Sampling | None,
    step_size: float | Schedule | None,
    momentum: float,
    weight_decay: float,
    line_search: bool,
) -> None:
    if step_size is not None and not callable(step_size):
        positive(step_size, "step_size")
    if steps < 0:
        raise ValueError(f"steps={steps}: expected at least 0")
    if line_search and (momentum or optimizer is not None or sampling is not None or callable(step_size)):
        raise ValueError("line_search finds its own steps, of the whole gradient: leave out what else shapes a step")
    if optimizer is not None and (momentum or weight_decay):
        raise ValueError(
            f"momentum and weight_decay are beside an optimizer: give them to it, as in {type(optimizer).__name__}(weight_decay=…)"
        )
    if step_size is None and (optimizer is not None or sampling is not None):
        raise ValueError("step_size is missing: an optimizer and a sampling need one")


def _rule(
    problem: Problem,
    op: StructuredOperator,
    step_size: float | Schedule | None,
    optimizer: Optimizer | None,
    line_search: bool,
) -> StepRule:
    """What the options ask for: a given step size is kept, one that is found is shortened where it is too long."""
    if callable(step_size):
        return Optimized((optimizer or SGD()).fresh(), step_size)
    η = estimated_step_size(problem, op) if step_size is None else float(step_size)
    if line_search:
        return Backtracked(η)
    if step_size is None and optimizer is None:
        return Halved(η)
    return Optimized((optimizer or SGD()).fresh(), constant(η))


def _stop_reason(here: Iterate, loss_tolerance: float, gradient_tolerance: float) -> str:
    """Which tolerance is met, "" if none."""
    if here.value <= loss_tolerance:
        return "loss"
    if gradient_tolerance and np.sqrt(here.slope) <= gradient_tolerance:
        return "gradient"
    return ""


def _divergence_error(problem: Problem, op: StructuredOperator, η: float, step: int, λ: float) -> DivergenceError:
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
