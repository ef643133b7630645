"""Interpolators that diagonal networks choose: the hypentropy minimiser between minimum ℓ1 and minimum ℓ2 (T21)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import qr, solve_triangular
from scipy.optimize import linprog

from ..checks import as_finite
from ..operators.arrays import Array
from .least_squares import least_squares
from .path import Path
from .proximal import GapError

#: Scales whose square, the scale of the weights, is a normal number with room on both sides.
SMALLEST_SCALE, LARGEST_SCALE = 1e-145, 1e145


def hypentropy(w: Any, α: Any) -> float:
    """Hypentropy potential Φ_α(w) = ½ Σ [w arcsinh(w/α²) − (w² + α⁴)^{1/2} + α²] (T21).

    Written as ½ Σ w [arcsinh(x) − x/(1 + (1 + x²)^{1/2})], x = w/α², without cancellation or overflow.

    Parameters
    ----------
    w : array of shape (d,)
        Weights of a diagonal network w = u∘v; a number is taken as one weight.
    α : float, or array of shape (d,)
        Initial scale, from 1e-145 to 1e145; one for each weight where they differ (T39).

    Returns
    -------
    float
        About ‖w‖₁ log(1/α) for small α, ‖w‖²/4α² for large α.

    Raises
    ------
    ValueError
        If w is not finite, or α is out of range.

    References
    ----------
    Ghai, Hazan & Singer, *Exponentiated gradient meets gradient descent*, 2020; Woodworth et al. 2020.

    Examples
    --------
    >>> from kronmix.regularization import hypentropy
    >>> w = np.array([1.0, -2.0, 0.0])
    >>> round(float(hypentropy(w, 1e-60) / np.log(1e60) / np.abs(w).sum()), 2)  # ℓ1, slowly
    1.0
    >>> round(float(hypentropy(w, 1e6) * 4e12 / (w @ w)), 6)  # ℓ2
    1.0
    """
    w, α = as_finite(np.atleast_1d(np.asarray(w)), "w", 1), check_scale(α)
    x = w / α**2
    return 0.5 * float(np.sum(w * (np.arcsinh(x) - x / (1 + np.hypot(1, x)))))


def check_scale(α: Any) -> Any:
    """Check an initial scale α, or one for each weight."""
    scales = np.asarray(α, dtype=float)
    if not ((scales >= SMALLEST_SCALE) & (scales <= LARGEST_SCALE)).all():
        raise ValueError(f"α={α}: expected a scale from {SMALLEST_SCALE:g} to {LARGEST_SCALE:g}")
    return float(α) if scales.ndim == 0 else scales


def interpolation_path(problem: Any, scales: Any) -> Path:
    """Interpolators of a squared problem that minimise Φ_α, for every initial scale α of a diagonal network (T21).

    Parameters
    ----------
    problem : Regression (squared) or Sensing
        With an exact fit: fewer measurements than unknowns, as a rule. Outputs are independent of each other.
    scales : array of shape (points,)
        α ≥ 0; 0 is the minimum-ℓ1 interpolator (rich regime), inf the minimum-ℓ2 one (kernel regime).

    Returns
    -------
    Path
        ``duality_gap`` is relative to Φ_α, ℓ1 or ½ℓ2².

    Raises
    ------
    ValueError
        If nothing interpolates, or a scale is out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> A, w = rng.normal(size=(6, 1, 9)), np.zeros(9)
    >>> w[:2] = 1, -2
    >>> path = km.interpolation_path(km.Sensing(A, A[:, 0] @ w), [0, 1e-60, 1, np.inf])
    >>> [round(float(np.abs(B).sum()), 3) for B in path.weights]
    [3.0, 3.0, 4.231, 4.475]
    """
    design = least_squares(problem)
    αs = np.atleast_1d(np.asarray(scales, dtype=float))
    if αs.ndim != 1:
        raise ValueError(f"scales has shape {αs.shape}: expected one axis")
    weights, gaps = [], []
    for α in αs:
        solve = {0.0: _minimum_l1, np.inf: _minimize_l2}.get(float(α))
        if solve is None:
            check_scale(α)
        each = [
            solve(design.matrix, target) if solve else _minimize_hypentropy(design.matrix, target, float(α))
            for target in design.targets.T
        ]
        weights.append(np.asarray(design.weight(np.stack([w for w, _ in each], axis=1))))
        gaps.append(max(gap for _, gap in each))
    return Path(αs, np.stack(weights), None, np.array(gaps), name="interpolators")


def minimum_l1(A: Any, y: Any) -> Array:
    """The w of least ‖w‖₁ with A w = y, by linear programming (HiGHS), solved exactly on its support (T21).

    Parameters
    ----------
    A : array of shape (measurements, unknowns)
        Real.
    y : array of shape (measurements,)

    Returns
    -------
    array of shape (unknowns,)

    Raises
    ------
    ValueError
        If nothing interpolates, sizes do not fit, or a number is not finite.
    GapError
        If the linear program is not solved.

    References
    ----------
    Chen, Donoho & Saunders, *Atomic decomposition by basis pursuit*, 1998 (T21).

    Examples
    --------
    >>> from kronmix.regularization import minimum_l1
    >>> minimum_l1([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]], [2.0, 3.0])
    array([0., 1., 3.])
    """
    return _minimum_l1(*_checked_system(A, y))[0]


def minimum_l2(A: Any, y: Any) -> Array:
    """The w of least ‖w‖₂ with A w = y: the pseudo-inverse applied to y (T21).

    Parameters
    ----------
    A : array of shape (measurements, unknowns)
        Real.
    y : array of shape (measurements,)

    Returns
    -------
    array of shape (unknowns,)

    Raises
    ------
    ValueError
        If nothing interpolates, sizes do not fit, or a number is not finite.

    Examples
    --------
    >>> from kronmix.regularization import minimum_l2
    >>> minimum_l2([[3.0, 4.0]], [25.0])
    array([3., 4.])
    """
    return _minimize_l2(*_checked_system(A, y))[0]


def minimum_hypentropy(A: Any, y: Any, α: Any) -> Array:
    """The w of least Φ_α(w) with A w = y: where the flow of w = u∘v from scale α ends (T21).

    Newton's method on the dual, w = α² sinh(2Aᵀν), followed from a large scale down to α with everything in logarithms.

    Parameters
    ----------
    A : array of shape (measurements, unknowns)
    y : array of shape (measurements,)
    α : float, or array of shape (unknowns,)
        From 1e-145 to 1e145. Stochastic descent with finite steps on u∘v ends near the minimiser for scales of its own for each
        weight: α_i² = |u_i² − v_i²|/2 at the end, which is what ``conserved_quantities`` says there (T39).

    References
    ----------
    Woodworth et al., *Kernel and rich regimes in overparametrized models*, 2020 (T21); Even, Pesme, Gunasekar & Flammarion,
    *(S)GD over diagonal linear networks*, 2023, arXiv 2302.08982 (T39).

    Examples
    --------
    >>> from kronmix.regularization import minimum_hypentropy
    >>> w = minimum_hypentropy([[1.0, 2.0]], [2.0], 1e-30)
    >>> w.round(6), bool(abs(w[0] + 2 * w[1] - 2) < 1e-15)
    (array([0., 1.]), True)
    """
    A, y = _checked_system(A, y)
    scales = check_scale(α)
    if np.ndim(scales) and np.shape(scales) != (A.shape[1],):
        raise ValueError(f"α has shape {np.shape(scales)}: expected a number, or one for each of {A.shape[1]} unknowns")
    return _minimize_hypentropy(A, y, scales)[0]


def _checked_system(A: Any, y: Any) -> tuple[Array, Array]:
    A, y = as_finite(A, "A", 2), as_finite(y, "y", 1)
    if A.shape[0] != y.size:
        raise ValueError(f"A has {A.shape[0]} rows and y {y.size} entries: they must be equal")
    return A, y


def _orthonormal_rows(A: Array, y: Array) -> tuple[Array, Array]:
    """The same solutions as V w = z with orthonormal rows; ValueError where there are none."""
    U, σ, Vh = np.linalg.svd(A, full_matrices=False)
    kept = σ > σ.max(initial=0.0) * max(A.shape) * np.finfo(float).eps
    projected = U[:, kept].T @ y
    left = np.linalg.norm(y - U[:, kept] @ projected)
    if left > 1e-10 * np.linalg.norm(y):
        raise ValueError(
            f"nothing interpolates: the best fit of y leaves {left / np.linalg.norm(y):.2g} of its norm; "
            f"expected y in the range of A ({A.shape[0]}×{A.shape[1]}, rank {kept.sum()})"
        )
    return Vh[kept], projected / σ[kept]


def _minimize_l2(A: Array, y: Array) -> tuple[Array, float]:
    """The interpolator of least ℓ2 norm, and its residual 0."""
    V, z = _orthonormal_rows(A, y)
    return V.T @ z, 0.0


def _minimum_l1(A: Array, y: Array) -> tuple[Array, float]:
    """min Σ(p + n) over p, n ≥ 0 with V(p − n) = z; dual: max ⟨ν, z⟩ over ‖Vᵀν‖_∞ ≤ 1."""
    V, z = _orthonormal_rows(A, y)
    size = np.abs(V.T @ z).max(initial=0.0)
    if size == 0:
        return np.zeros(A.shape[1]), 0.0
    result = linprog(
        np.ones(2 * V.shape[1]), A_eq=np.hstack([V, -V]), b_eq=z / size, bounds=(0, None), method="highs-ds"
    )
    if not result.success:
        raise GapError(f"minimum ℓ1: HiGHS stopped with {result.message!r}")
    w = result.x[: V.shape[1]] - result.x[V.shape[1] :]
    support = np.flatnonzero(np.abs(w) > 1e-9)
    exact = np.zeros_like(w)
    exact[support] = np.linalg.lstsq(V[:, support], z / size)[0]
    if np.linalg.norm(V @ exact - z / size) > 1e-12 * np.linalg.norm(z / size):
        exact = w
    ν = result.eqlin.marginals
    ν = ν / max(np.abs(V.T @ ν).max(), 1.0)
    total = np.abs(exact).sum()
    return size * exact, abs(float(total - ν @ z / size)) / float(total)


def _minimize_hypentropy(A: Array, y: Array, α: Any) -> tuple[Array, float]:
    """The interpolator of least hypentropy at scales α, and its relative residual."""
    V, z = _orthonormal_rows(A, y)
    size = np.abs(V.T @ z).max(initial=0.0)
    if size == 0:
        return np.zeros(A.shape[1]), 0.0
    z = z / size  # Φ_α(size·w) = size·Φ(w) at the scale α²/size
    target = 2 * np.log(α) - np.log(size)
    # Above this scale of w the flow is linear, w = α²·2Vᵀν, and Newton's method starts from its solution. Scales shrink together,
    # each until it has come to its own.
    κ = max(float(np.max(target)), np.log(10.0))
    least = float(np.min(target))
    ν = _correct(V, z, 0.5 * z * np.exp(-κ), κ, 1e-9)
    step = 1.0
    while ν is not None and κ > least:
        step = min(step, κ - least)
        guess = ν + step * _tangent(V, ν, np.maximum(target, κ), target < κ)
        found = _correct(V, z, guess, np.maximum(target, κ - step), 1e-9)
        if found is None:
            step /= 2
            if step < 1e-6:
                break
        else:
            ν, κ, step = found, κ - step, 2 * step
    if ν is None or κ > least:
        raise GapError(f"hypentropy: Newton's method did not converge at α={α}")
    w = _weights(2 * V.T @ ν, target)
    # The last steps are taken in w itself: rounding of θ, |θ|·eps, would be a relative error of w.
    for _ in range(3):
        δ = _newton_step(V, ν, target, z - V @ w)
        ν, w = ν + δ, w + _root_curvatures(2 * V.T @ ν, target) ** 2 * (V.T @ δ)
    # Φ(w) + Φ*(Vᵀν) = ⟨w, Vᵀν⟩, so the gap is ⟨ν, V w − z⟩; and Φ ≥ ½⟨ν, z⟩.
    return size * w, 2 * abs(float(ν @ (V @ w - z))) / abs(float(ν @ z))


def _weights(θ: Array, κ: Any) -> Array:
    """e^κ sinh θ, by logarithms."""
    a = np.abs(θ)
    with np.errstate(divide="ignore"):
        logarithm = κ + a + np.log(-np.expm1(-2 * a)) - np.log(2)
    return np.sign(θ) * np.exp(np.minimum(logarithm, 300.0))


def _root_curvatures(θ: Array, κ: Any) -> Array:
    """(2 e^κ cosh θ)^{1/2}: square roots of dw/d(Vᵀν)."""
    return np.exp(np.minimum(0.5 * (κ + np.logaddexp(θ, -θ)), 150.0))


def _graded_qr(V: Array, roots: Array) -> tuple[Array, Array, Array, Array]:
    """QR of diag(roots) Vᵀ with rows sorted by size and columns pivoted: accurate row by row however graded the rows are.

    Reference: Cox & Higham, *Stability of Householder QR factorization for weighted least squares problems*, 1998.
    """
    order = np.argsort(-roots * np.linalg.norm(V, axis=0))
    Q, R, pivots = qr((roots[:, None] * V.T)[order], mode="economic", pivoting=True)
    return Q, R, pivots, order


def _tangent(V: Array, ν: Array, κ: Any, moving: Any) -> Array:
    """−dν/dκ of the scales that move, at V w = z: the least-squares solution of C (dν) = roots⁻¹ w.

    C = diag(roots) Vᵀ, all rows of like relative size.
    """
    θ = 2 * V.T @ ν
    roots = _root_curvatures(θ, κ)
    Q, R, pivots, order = _graded_qr(V, roots)
    direction = np.empty_like(ν)
    direction[pivots] = solve_triangular(
        R, Q.T @ (0.5 * roots * np.tanh(θ) * moving)[order]
    )  # roots⁻¹ w, w/(2e^κ cosh θ) = tanh(θ)/2
    return direction


def _correct(V: Array, z: Array, ν: Array, κ: Any, tol: float) -> Array | None:
    """Newton's method for V w(ν) = z at one scale; None if it does not converge at once."""
    scale = np.abs(z).max()
    for _ in range(12):
        θ = 2 * V.T @ ν
        ρ = z - V @ _weights(θ, κ)
        if not np.isfinite(ρ).all():
            return None
        if np.abs(ρ).max() <= tol * scale:
            return ν
        ν = ν + _newton_step(V, ν, κ, ρ)
    return None


def _newton_step(V: Array, ν: Array, κ: Any, ρ: Array) -> Array:
    """δ with (V diag(roots²) Vᵀ) δ = ρ.

    Directions of curvature below rounding of z cannot be read off the residual: they stay where they are.
    """
    _, R, pivots, _ = _graded_qr(V, _root_curvatures(2 * V.T @ ν, κ))
    size = np.abs(np.diag(R)) ** 2
    known = int((size > 1e-13 * size[0]).sum())
    R, kept = R[:known, :known], pivots[:known]
    δ = np.zeros_like(ν)
    δ[kept] = solve_triangular(R, solve_triangular(R, ρ[kept], trans="T"))
    return δ
