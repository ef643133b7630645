"""Curvature of a loss over factors: step sizes, Hessian-vector products, and the largest eigenvalue by Lanczos."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from ..operators import StructuredOperator
from ..operators.arrays import Array
from .gradients import Packing, moved
from .problems import Problem


def estimated_step_size(problem: Problem, op: StructuredOperator) -> float:
    """A first step size for descent from ``op``: 1 over the curvature that the loss has where B has grown to its fit.

    B(cθ) = c^L B(θ) for factors that enter L times, so the factors are scaled until B is as large as thirty accelerated steps
    over dense B make it. There the largest Gauss–Newton eigenvalue of the loss over the factors is found by power iteration.

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator
        The start. A product whose factors are all zero has no curvature that could be measured: start away from it.

    Returns
    -------
    float
        A step size η; ``gradient_descent`` begins with it where none is given.

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
        tangent = (moved(op, direction, -step) @ problem.inputs - moved(op, direction, step) @ problem.inputs) / (
            2 * step
        )
        _, beyond = problem.loss_and_gradient(outputs + tangent)
        direction, _ = pull(beyond - at, False)
        eigenvalue = np.sqrt(sum(float(np.vdot(g, g).real) for g in direction))
    return max(float(eigenvalue), 1e-300)


def hessian_product(problem: Problem, op: StructuredOperator, weight_decay: float = 0.0) -> Callable[[Array], Array]:
    """Products of the Hessian of the loss over the factors with vectors.

    Central differences of the gradient, which is a polynomial of the factors for squared losses.

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator
        The point θ at which the Hessian is taken.
    weight_decay : float
        λ ≥ 0: adds (λ/2)‖θ‖² to the loss.

    Returns
    -------
    function of an array of shape (p,) to an array of shape (p,)
        p real numbers: the entries of all factors in the order of ``op.factors``, each row by row; a complex entry is a pair, its
        real part and its imaginary part.

    Examples
    --------
    >>> from kronmix.regularization import hessian_product
    >>> product = hessian_product(km.Observed([[2.0]]), km.Hadamard([[2.0]], [[1.0]]))  # ½(uv − 2)² at u = 2, v = 1
    >>> product(np.array([1.0, 0.0])).round(6)
    array([1., 2.])
    """
    packing = Packing(op)
    θ = packing.vector(op.factors)
    h = 1e-5 * max(float(np.linalg.norm(θ)), 1e-5)

    def product(vector: Array) -> Array:
        vector = np.ravel(vector)
        size = float(np.linalg.norm(vector))
        if size == 0:
            return np.zeros(packing.size)
        step = vector * (h / size)
        ahead, behind = (packing.loss_and_gradient(problem, θ + s, weight_decay)[1] for s in (step, -step))
        return np.asarray((ahead - behind) * (size / (2 * h)))

    return product


def hessian(problem: Problem, op: StructuredOperator, weight_decay: float = 0.0) -> Array:
    """The Hessian of the loss over the factors as a matrix, column by column: for small numbers of parameters.

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator
        The point θ at which the Hessian is taken.
    weight_decay : float
        λ ≥ 0: adds (λ/2)‖θ‖² to the loss.

    Returns
    -------
    array of shape (p, p)
        Symmetric; the p parameters are in the order of ``hessian_product``.

    Examples
    --------
    >>> from kronmix.regularization import hessian
    >>> H = hessian(km.Observed([[1.0]]), km.Hadamard([[0.0]], [[0.0]]))  # ½(uv − 1)² at u = v = 0: a saddle
    >>> np.linalg.eigvalsh(H).round(6)
    array([-1.,  1.])
    """
    product = hessian_product(problem, op, weight_decay)
    H = np.stack([product(row) for row in np.eye(Packing(op).size)])
    return np.asarray((H + H.T) / 2)


def largest_hessian_eigenvalue(problem: Problem, op: StructuredOperator, weight_decay: float = 0.0) -> float:
    """Largest eigenvalue of the Hessian of the loss over the factors, by Lanczos on Hessian-vector products.

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator
        The point θ at which the Hessian is taken.
    weight_decay : float
        λ ≥ 0: adds (λ/2)‖θ‖² to the loss.

    Returns
    -------
    float
        Gradient descent with step size η is stable near a minimum while η times it is below 2.

    Examples
    --------
    >>> from kronmix.regularization import largest_hessian_eigenvalue
    >>> op = km.Hadamard([[2.0]], [[1.0]])
    >>> round(largest_hessian_eigenvalue(km.Observed([[2.0]]), op), 6)
    5.0
    """
    total = Packing(op).size
    if total <= 8:  # too small for Lanczos
        return float(np.linalg.eigvalsh(hessian(problem, op, weight_decay))[-1])
    product = LinearOperator((total, total), matvec=hessian_product(problem, op, weight_decay), dtype=np.float64)
    try:
        start = np.random.default_rng(0).standard_normal(total)
        return float(eigsh(product, k=1, which="LA", tol=1e-4, v0=start, return_eigenvectors=False)[0])
    except ArpackNoConvergence as error:
        return float(max(error.eigenvalues, default=problem.curvature))


def hessian_trace(problem: Problem, op: StructuredOperator) -> float:
    """tr ∇²L over the factors without the Hessian (T38): Σ_k ⟨∂_k outputs, H ∂_k outputs⟩ with the Hessian H over the outputs.

    For squared losses the trace is (1/N) Σ_i ‖∇_θ f_i‖². The sum is the Gauss–Newton part, and all of tr ∇²L where no parameter
    multiplies itself in B, as in every structure of the package that uses each of its operators once; elsewhere where the loss
    interpolates.

    Where all of B is observed, its least over L dense n × n factors is L n^{2/L} ‖B‖_*^{2(L−1)/L}: flatness asks for a small
    nuclear norm at any depth, where weight decay asks for a small Schatten-2/L norm.

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator
        Two products with the inputs are made for each of its parameters.

    Returns
    -------
    float
        What label noise lowers along the weights that fit.

    References
    ----------
    Gatmiry, Li, Ma, Reddi, Jegelka & Chuang, *What is the inductive bias of flatness regularization?*, 2023 (T38).

    Examples
    --------
    >>> from kronmix.regularization import hessian_trace
    >>> round(hessian_trace(km.Observed([[1.0]]), km.Hadamard([[3.0]], [[2.0]])), 9)  # u² + v²
    13.0
    """
    packing = Packing(op)
    θ, inputs = packing.vector(op.factors), problem.inputs
    outputs = op @ inputs
    size = float(np.linalg.norm(outputs)) or 1.0
    h = float(np.sqrt(np.mean(θ**2))) or 1.0
    total = 0.0
    for k in range(packing.size):
        ahead, behind = θ.copy(), θ.copy()
        ahead[k] += h
        behind[k] -= h
        tangent = (packing.operator(ahead) @ inputs - packing.operator(behind) @ inputs) / (2 * h)
        length = float(np.linalg.norm(tangent))
        if length > 0:
            s = 1e-3 * size / length  # the gradient of a squared loss is linear: any step will do
            bent = (
                problem.loss_and_gradient(outputs + s * tangent)[1]
                - problem.loss_and_gradient(outputs - s * tangent)[1]
            )
            total += float(np.vdot(tangent, bent).real) / (2 * s)
    return total
