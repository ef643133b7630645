"""Gradient descent on the factors of any structured operator, through its pullback (T18)."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from ..operators import StructuredOperator
from ..operators.base import Array
from .problems import Problem
from .training_path import Record, Recorder, TrainingPath, log_spaced_steps

Progress = Callable[[int, float], None]


class DivergenceError(ArithmeticError):
    """The loss grew without bound: the step size is above the stable one."""


class EdgeOfStabilityWarning(UserWarning):
    """Step size × largest Hessian eigenvalue is above 2: descent is not following the gradient flow."""


def loss_and_gradients(
    problem: Problem, op: StructuredOperator, weight_decay: float = 0.0
) -> tuple[float, tuple[Array, ...]]:
    """Loss + (weight_decay/2)‖θ‖² and its gradient for every factor: one forward and one backward pass.

    Examples
    --------
    >>> from kronmix.regularization import loss_and_gradients
    >>> loss_and_gradients(km.Observed(np.eye(2)), km.Dense(np.zeros((2, 2))))[1][0]
    array([[-1.,  0.],
           [ 0., -1.]])
    """
    outputs, pull = op.vjp(problem.inputs)
    value, outputs_bar = problem.loss_and_gradient(outputs)
    gradients, _ = pull(outputs_bar, False)
    if weight_decay:
        value += 0.5 * weight_decay * sum(float(np.vdot(f, f).real) for f in op.factors)
        gradients = tuple(g + weight_decay * f for g, f in zip(gradients, op.factors, strict=True))
    return value, gradients


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
    _check(problem, op, step_size, steps, momentum, weight_decay, line_search)
    adaptive = step_size is None and not momentum
    η = estimated_step_size(problem, op) if step_size is None else float(step_size)
    due, recorder = log_spaced_steps(steps, records), Recorder(record)
    velocity: tuple[Array, ...] = tuple(np.zeros_like(f) for f in op.factors)
    time, done, reason = 0.0, 0, "steps"
    value, gradients = loss_and_gradients(problem, op, weight_decay)
    bound = 1e6 * (1 + abs(value))
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
                trial = _moved(op, move, η)
                trial_value, trial_gradients = loss_and_gradients(problem, trial, weight_decay)
                while adaptive and not trial_value <= value * (1 + 1e-12) and η > 1e-300:
                    η *= 0.5
                    trial = _moved(op, move, η)
                    trial_value, trial_gradients = loss_and_gradients(problem, trial, weight_decay)
                if not trial_value <= bound:
                    raise _divergence(problem, op, η, step + 1, weight_decay)
                op, value, gradients = trial, trial_value, trial_gradients
            time, done = time + η, step + 1
    except KeyboardInterrupt:
        recorder.note(time, value, op)
        reason = "interrupted"
    path = recorder.path(op, done, reason, η)
    if step_size is not None and not line_search and not momentum and reason != "interrupted":
        _warn_at_edge(problem, op, η, weight_decay)
    return path


def _moved(op: StructuredOperator, direction: tuple[Array, ...], η: float) -> StructuredOperator:
    return op.with_factors(*(f - η * g for f, g in zip(op.factors, direction, strict=True)))


def _check(
    problem: Problem, op: StructuredOperator, η: float | None, steps: int, μ: float, λ: float, line_search: bool
) -> None:
    if op.shape != tuple(problem.shape):
        raise ValueError(f"op is {op.shape[0]}×{op.shape[1]}: {problem!r} needs {problem.shape[0]}×{problem.shape[1]}")
    if not op.factors:
        raise ValueError(f"op has no factors to train: {op!r}")
    if η is not None and not (np.isfinite(η) and η > 0):
        raise ValueError(f"step_size={η}: expected a positive number")
    if steps < 0:
        raise ValueError(f"steps={steps}: expected at least 0")
    if not 0 <= μ < 1:
        raise ValueError(f"momentum={μ}: expected 0 ≤ momentum < 1")
    if not (np.isfinite(λ) and λ >= 0):
        raise ValueError(f"weight_decay={λ}: expected a number λ ≥ 0")
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
        trial = _moved(op, gradients, η)
        trial_value, trial_gradients = loss_and_gradients(problem, trial, λ)
        if trial_value <= value - 0.5 * η * slope:
            return trial, trial_value, trial_gradients, η
        η *= 0.5
    return op, value, gradients, η  # at the rounding of the loss: no descent is left to find


def _divergence(problem: Problem, op: StructuredOperator, η: float, step: int, λ: float) -> DivergenceError:
    stable = 2 / largest_hessian_eigenvalue(problem, op, λ)
    return DivergenceError(
        f"the loss diverged at step {step} with step_size={η:.4g}: where it broke away the stable bound is {stable:.4g} "
        "(2 over the largest Hessian eigenvalue); take a smaller step_size, or leave it out to have one found"
    )


# ---- curvature ------------------------------------------------------------------------------------------------------


def estimated_step_size(problem: Problem, op: StructuredOperator) -> float:
    """A first step size for descent from ``op``: 1 over the curvature that the loss has where B has grown to its fit.

    B(cθ) = c^L B(θ) for factors that enter L times, so the factors are grown until B is as large as thirty accelerated steps
    over dense B make it; there the largest Gauss–Newton eigenvalue of the loss over the factors is found by power iteration.

    Examples
    --------
    >>> from kronmix.regularization import estimated_step_size
    >>> round(estimated_step_size(km.Observed(np.eye(2)), km.Dense(np.zeros((2, 2)))), 6)
    1.0
    """
    size, fitted = (
        float(np.linalg.norm(op @ problem.inputs)),
        float(np.linalg.norm(_dense_fit(problem) @ problem.inputs)),
    )
    growth = max(1.0, fitted / size) ** (1 / len(op.factors)) if size > 0 else 1.0
    grown = op.with_factors(*(growth * f for f in op.factors))
    return 1 / _gauss_newton_eigenvalue(problem, grown)


def _dense_fit(problem: Problem, steps: int = 30) -> Array:
    """Thirty steps of Nesterov's method over dense B from zero."""
    B = ahead = np.zeros(problem.shape, problem.inputs.dtype)
    for k in range(steps):
        _, outputs_bar = problem.loss_and_gradient(ahead @ problem.inputs)
        new = ahead - (outputs_bar @ problem.inputs.conj().T) / problem.curvature
        B, ahead = new, new + k / (k + 3) * (new - B)
    return B


def _gauss_newton_eigenvalue(problem: Problem, op: StructuredOperator, iterations: int = 30) -> float:
    """Largest eigenvalue of Jᵀ H J for the Jacobian J of θ ↦ B(θ) @ inputs and the Hessian H of the loss over outputs."""
    rng = np.random.default_rng(0)
    outputs, pull = op.vjp(problem.inputs)
    _, at = problem.loss_and_gradient(outputs)
    direction = tuple(np.asarray(rng.standard_normal(f.shape), f.dtype) for f in op.factors)
    eigenvalue = 0.0
    for _ in range(iterations):
        size = np.sqrt(sum(float(np.vdot(g, g).real) for g in direction))
        if size == 0:
            break
        direction = tuple(np.asarray(g / size) for g in direction)
        step = 1e-3 * max(1e-3, np.sqrt(sum(float(np.vdot(f, f).real) for f in op.factors)))
        tangent = (_moved(op, direction, -step) @ problem.inputs - _moved(op, direction, step) @ problem.inputs) / (
            2 * step
        )
        _, beyond = problem.loss_and_gradient(outputs + tangent)
        direction, _ = pull(beyond - at, False)
        eigenvalue = np.sqrt(sum(float(np.vdot(g, g).real) for g in direction))
    return max(float(eigenvalue), 1e-300)


def largest_hessian_eigenvalue(problem: Problem, op: StructuredOperator, weight_decay: float = 0.0) -> float:
    """Largest eigenvalue of the Hessian of the loss over the factors, by Lanczos on Hessian-vector products.

    The products are central differences of the gradient, which is a polynomial of the factors for squared losses.

    Examples
    --------
    >>> from kronmix.regularization import largest_hessian_eigenvalue
    >>> op = km.Hadamard([[2.0]], [[1.0]])
    >>> round(largest_hessian_eigenvalue(km.Observed([[2.0]]), op), 6)
    5.0
    """
    shapes, sizes = [f.shape for f in op.factors], [f.size for f in op.factors]
    total, splits = sum(sizes), np.cumsum(sizes)[:-1]
    scale = np.sqrt(sum(float(np.vdot(f, f).real) for f in op.factors) / total)
    step = 1e-5 * max(scale, 1e-5)

    def product(vector: Array) -> Array:
        size = float(np.linalg.norm(vector))
        if size == 0:
            return np.zeros(total)
        parts = [p.reshape(s) / size for p, s in zip(np.split(vector.ravel(), splits), shapes, strict=True)]
        h = step * np.sqrt(total)
        ahead, behind = (
            loss_and_gradients(problem, _moved(op, tuple(parts), sign * h), weight_decay)[1] for sign in (-1, 1)
        )
        return np.concatenate([(a - b).real.ravel() for a, b in zip(ahead, behind, strict=True)]) * (size / (2 * h))

    if total <= 8:  # too small for Lanczos
        matrix = np.stack([product(row) for row in np.eye(total)])
        return float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1])
    hessian = LinearOperator((total, total), matvec=product, dtype=np.float64)
    try:
        start = np.random.default_rng(0).standard_normal(total)
        return float(eigsh(hessian, k=1, which="LA", tol=1e-4, v0=start, return_eigenvectors=False)[0])
    except ArpackNoConvergence as error:
        return float(max(error.eigenvalues, default=problem.curvature))


def _warn_at_edge(problem: Problem, op: StructuredOperator, η: float, λ: float) -> None:
    sharpness = η * largest_hessian_eigenvalue(problem, op, λ)
    if sharpness > 2:
        warnings.warn(
            f"step_size={η:.4g} × largest Hessian eigenvalue = {sharpness:.3f} > 2 at the end: descent is at the edge of "
            "stability, and does not follow the gradient flow",
            EdgeOfStabilityWarning,
            stacklevel=3,
        )
