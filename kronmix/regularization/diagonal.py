"""The flow of diagonal networks w = u∘v down to initial scales of 1e-140, and its time averages beside the lasso (T21, T26)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from ..checks import as_finite
from ..operators.arrays import Array, read_only
from .hypentropy import SMALLEST_SCALE
from .path import Path


@dataclass(frozen=True, eq=False, repr=False)
class DiagonalFlow:
    """Flow of a diagonal network.

    Attributes
    ----------
    scale : float
        The initial scale α: u(0) = √2 α, v(0) = 0.
    times : array of shape (points,)
        Rescaled times s = t/log(1/α).
    weights : array of shape (points, d)
        w(s).
    averages : array of shape (points, d)
        w̄(s) = (1/s)∫₀ˢ w, to be compared with the lasso at λ = 1/s.
    duals : array of shape (points, d)
        q = arcsinh(w/α²)/(2 log 1/α) = s(r − M w̄), in [−1, 1] up to O(1/log(1/α)).
    """

    scale: float
    times: Array
    weights: Array
    averages: Array
    duals: Array

    def path(self, reference: Array | None = None) -> Path:
        """The averages as a Path over λ = 1/s, weights of shape (points, 1, d)."""
        return Path(1 / self.times, self.averages[:, None], reference, name=f"averaged flow, α={self.scale:g}")

    def plot(self, ax: Any = None) -> Any:
        """Draw the averages against λ = 1/s; returns the Axes."""
        return self.path().plot(ax)

    def __repr__(self) -> str:
        points, d = self.weights.shape
        return f"DiagonalFlow(α={self.scale:g}, {d} weights at {points} rescaled times up to {self.times.max():.4g})"


def diagonal_flow(A: Any, y: Any, α: float, times: Any, *, rtol: float = 1e-8) -> DiagonalFlow:
    """Gradient flow of w = u∘v on ½ · mean of (A w − y)² from u = √2 α, v = 0, in rescaled time s = t/log(1/α).

    Parameters
    ----------
    A : array of shape (N, d)
    y : array of shape (N,)
    α : float
        From 1e-145, below 1.
    times : array of shape (points,)
        Rescaled times s > 0; s = 1/λ compares with the lasso at λ (scikit-learn's alpha).
    rtol : float
        Relative tolerance of the integrator.

    Raises
    ------
    ValueError
        If counts do not fit, a number is not finite, a column of A is constant, or α or a time is out of range.
    ArithmeticError
        If the integrator gives up.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> A = rng.normal(size=(50, 4))
    >>> flow = km.diagonal_flow(A, A @ [3.0, 0, -2, 0], 1e-60, [0.1, 1, 10, 100])
    >>> flow.weights[-1].round(3) + 0.0
    array([ 3.,  0., -2.,  0.])
    >>> flow
    DiagonalFlow(α=1e-60, 4 weights at 4 rescaled times up to 100)

    References
    ----------
    Woodworth et al. 2020; Berthier 2025, arXiv 2509.18766 (T21, T26).
    """
    A, y = check_system(A, y)
    refuse_constant(A)
    return quadratic_flow(A.T @ A / y.size, A.T @ y / y.size, α, times, rtol=rtol)


def quadratic_flow(M: Any, r: Any, α: float, times: Any, *, rtol: float = 1e-8) -> DiagonalFlow:
    """Gradient flow of w = u∘v as in ``diagonal_flow``, on a loss given as ½ wᵀM w − rᵀw (T21, T26).

        q' = r − M w,   W' = w = α² sinh(2ℓq),   ℓ = log(1/α),   Jacobian of both: diag(2ℓ (w² + α⁴)^{1/2}) after −M, and alone.

    W is carried along so that the average W/s needs no inverse of M, which may be singular. How close α comes to its limit
    depends on the units of w (log(|w|/α²) against 2 log(1/α)): standardise the data first.

    Parameters
    ----------
    M : array of shape (d, d)
        Symmetric and positive semidefinite, as AᵀA/N.
    r : array of shape (d,)
        As Aᵀy/N.
    α : float
        From 1e-145, below 1.
    times : array of shape (points,)
        Rescaled times s > 0.
    rtol : float
        Relative tolerance of the integrator.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or α or a time is out of range.
    ArithmeticError
        If the integrator gives up.

    References
    ----------
    Woodworth et al. 2020; Berthier 2025, arXiv 2509.18766 (T21, T26).

    Examples
    --------
    >>> from kronmix.regularization import quadratic_flow
    >>> quadratic_flow(np.eye(2), [2.0, 0.5], 1e-100, [1.0]).averages.round(2)  # soft threshold at 1, T27
    array([[1., 0.]])
    """
    M, r = as_finite(M, "M", 2), as_finite(r, "r", 1)
    if M.shape != (r.size, r.size):
        raise ValueError(f"M has shape {M.shape}: expected {(r.size, r.size)} for r of size {r.size}")
    if not SMALLEST_SCALE <= α < 1:
        raise ValueError(f"α={α}: expected a scale from {SMALLEST_SCALE:g}, below 1 (time is rescaled by log(1/α))")
    times = as_finite(np.atleast_1d(np.asarray(times, dtype=float)), "times", 1)
    if not times.size or (times <= 0).any():
        raise ValueError(f"times={times}: expected rescaled times s > 0")
    ℓ = np.log(1 / α)

    def weights(q: Array) -> Array:
        a = 2 * ℓ * np.abs(q)
        with np.errstate(divide="ignore"):
            logarithm = a - 2 * ℓ + np.log(-np.expm1(-2 * a)) - np.log(2)
        return np.sign(q) * np.exp(np.minimum(logarithm, 100.0))  # a rejected trial step may be far off

    d = r.size

    def slope(s: float, state: Array) -> Array:
        w = weights(state[:d])
        return np.concatenate([r - M @ w, w])

    def jacobian(s: float, state: Array) -> Array:
        D = 2 * ℓ * np.hypot(weights(state[:d]), α**2)
        return np.block([[-M * D, np.zeros((d, d))], [np.diag(D), np.zeros((d, d))]])

    ordered, back = np.unique(times, return_inverse=True)
    size = float(np.linalg.norm(np.linalg.lstsq(M, r)[0]))
    solution = solve_ivp(
        slope,
        (0.0, ordered[-1]),
        np.zeros(2 * d),
        method="LSODA",
        jac=jacobian,
        t_eval=ordered,
        rtol=rtol,
        # q stands in an exponent, times 2ℓ: its error must be small beside 1/2ℓ.
        atol=rtol * np.repeat([1e-2, max(size, 1e-300) * ordered[0]], d),
    )
    if not solution.success:
        raise ArithmeticError(f"diagonal flow from α={α:g}: the integrator stopped: {solution.message}")
    states = solution.y.T[back]
    parts = (times, weights(states[:, :d]), states[:, d:] / times[:, None], states[:, :d])
    return DiagonalFlow(float(α), *(read_only(part) for part in parts))


def check_system(A: Any, y: Any) -> tuple[Array, Array]:
    """Check measurements A (N, d) and y (N,)."""
    A, y = as_finite(A, "A", 2), as_finite(y, "y", 1)
    if A.shape[0] != y.size:
        raise ValueError(f"A has {A.shape[0]} rows and y {y.size} entries: they must be equal")
    if y.size == 0:
        raise ValueError("y is empty: expected at least one measurement")
    if np.iscomplexobj(A) or np.iscomplexobj(y):
        raise TypeError("A and y hold complex numbers: expected real ones")
    return A, y


def refuse_constant(A: Array) -> None:
    """Refuse a column that is the same in every row: its weight would be an intercept, which grows like any other."""
    constant = np.flatnonzero((A == A[0]).all(axis=0) & (A[0] != 0)) if len(A) > 1 else np.zeros(0, int)
    if constant.size:
        raise ValueError(
            f"A: column {constant[0]} is constant ({A[0, constant[0]]:g} in every row), so its weight would be an intercept: "
            "subtract the means of A and y, and leave the column out"
        )


def is_monotone(path: Path, tol: float = 1e-9) -> Array:
    """Mark where a lasso path is monotone: every |weight|, and λ times none of it, only grows as λ decreases, up to each point.

    T26 is exact as long as this holds, approximate from the first point where it does not: where a weight shrinks, or changes
    its sign, as λ decreases.

    Parameters
    ----------
    path : Path
        With enough points to see the turns: the kinks of LARS say all.
    tol : float
        Shrinkage below ``tol`` times the largest weight is rounding.

    Returns
    -------
    bool array of shape (points,), in the order of ``path.parameter``

    Examples
    --------
    >>> from kronmix.regularization import is_monotone
    >>> from kronmix.regularization import Path
    >>> is_monotone(Path([3.0, 2.0, 1.0, 0.5], np.array([[[0.0]], [[1.0]], [[2.0]], [[1.5]]])))
    array([ True,  True,  True, False])
    """
    order = np.argsort(-path.parameter, kind="stable")
    weights = path.weights[order].reshape(order.size, -1)
    slack = tol * np.abs(weights).max(initial=0.0)
    before, after = weights[:-1], weights[1:]
    # Growing away from zero on one side: sign(before)·(after − before) ≥ 0, any move from zero.
    grows = (np.sign(before) * (after - before) >= -slack).all(axis=1)
    so_far = np.concatenate([[True], np.logical_and.accumulate(grows)])[: order.size]
    marked = np.empty(order.size, dtype=bool)
    marked[order] = so_far
    return marked
