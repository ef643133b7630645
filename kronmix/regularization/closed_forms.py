"""Solved dynamics: modes of two-factor weights (T20), their time averages and the soft-thresholding path (T27)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import as_finite
from ..operators.arrays import Array
from .pairs import factored_blocks
from .path import Path
from .references import check_parameters


def balanced_mode(s: Any, start: Any, t: Any) -> Array:
    """σ(t) = s/(1 + (s/σ₀ − 1) e^{−2st}): a mode σ = uv with u = v that fits s by ½(s − uv)² (T20).

    Parameters
    ----------
    s : array
        Strength of the mode; any sign, with σ₀ > 0.
    start : array
        σ₀ > 0.
    t : array
        Times ≥ 0. The three broadcast against each other.

    References
    ----------
    Saxe, McClelland & Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear networks*, 2014 (T20).

    Examples
    --------
    >>> from kronmix.regularization import balanced_mode
    >>> balanced_mode([2.0, 1.0], 1e-6, 7.0).round(3)  # the strong mode is learned first
    array([2.   , 0.546])
    """
    if (np.asarray(start) <= 0).any():
        raise ValueError(f"start={start}: expected σ₀ > 0 (a balanced mode at zero never moves)")
    return unbalanced_mode(s, start, 0.0, t)


def unbalanced_mode(s: Any, start: Any, imbalance: Any, t: Any) -> Array:
    """σ(t) of σ' = (s − σ)(c² + 4σ²)^{1/2}, c = u² − v² conserved: any scalar mode σ = uv that fits s (T19, T20).

    With Z = σ + (σ² + c²/4)^{1/2}, that is (u + v)²/2, the flow is Z' = 2sZ − Z² + c²/4, with fixed points
    Z± = s ± (s² + c²/4)^{1/2}:  (Z − Z₊)/(Z − Z₋) decays like exp(−2 (s² + c²/4)^{1/2} t), and σ = (Z − c²/4Z)/2.

    Parameters
    ----------
    s, start, imbalance, t : arrays that broadcast against each other
        Target s, σ₀ = u(0)v(0), c = u² − v², times t ≥ 0.

    Examples
    --------
    >>> from kronmix.regularization import unbalanced_mode
    >>> unbalanced_mode(1.0, 0.0, 0.1, [1.0, 50.0]).round(4)
    array([0.1586, 1.    ])
    """
    s, start, c, t = (np.asarray(a, dtype=float) for a in (s, start, imbalance, t))
    if (t < 0).any():
        raise ValueError(f"t={t}: expected times ≥ 0")
    # uv → −uv with s → −s is the same flow: start from σ₀ ≥ 0, where Z ≥ |c|/2 is not a difference.
    side = np.where(start < 0, -1.0, 1.0)
    s, σ = side * s, side * start
    half = np.abs(c) / 2
    root = np.hypot(s, half)
    # Z₊ Z₋ = −c²/4: the one that would be a difference is computed from the other.
    larger = np.abs(s) + root
    smaller = half * _ratio(half, larger)
    plus, minus = np.where(s >= 0, larger, smaller), np.where(s >= 0, -smaller, -larger)
    Z = σ + np.hypot(σ, half)
    # With E = exp(−2 root t): Z(t) = (Z E + Z₊ (Z − Z₋) p)/(E + (Z − Z₋) p), p = (1 − E)/2 root, all terms ≥ 0.
    E = np.exp(-2 * root * t)
    p = np.where(root > 0, _ratio(-np.expm1(-2 * root * t), 2 * root), t)
    later = (Z * E + plus * (Z - minus) * p) / (E + (Z - minus) * p)
    return np.asarray(side * 0.5 * (later - half * _ratio(half, later)))


def _ratio(a: Array, b: Array) -> Array:
    """a/b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b > 0)


def learning_time(s: Any, start: Any, fraction: float = 0.5) -> Array:
    """Time at which a balanced mode reaches a fraction of its target s > σ₀ > 0: ∝ 1/s up to a logarithm (T20).

        t = log[(s/σ₀ − 1) f/(1 − f)] / 2s.

    Parameters
    ----------
    s : array
        Targets.
    start : array
        σ₀, with 0 < σ₀ < s. The two broadcast against each other.
    fraction : float
        f, between 0 and 1.

    Raises
    ------
    ValueError
        If σ₀ or the fraction is out of range.

    References
    ----------
    Saxe, McClelland & Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear networks*, 2014 (T20).

    Examples
    --------
    >>> from kronmix.regularization import balanced_mode, learning_time
    >>> round(float(balanced_mode(3.0, 1e-8, learning_time(3.0, 1e-8))), 12)
    1.5
    >>> learning_time([4.0, 2.0, 1.0], 1e-8).round(2)  # weaker modes later
    array([2.48, 4.78, 9.21])
    """
    s, start = np.asarray(s, dtype=float), np.asarray(start, dtype=float)
    if not 0 < fraction < 1:
        raise ValueError(f"fraction={fraction}: expected a number between 0 and 1")
    if (start <= 0).any() or (s <= start).any():
        raise ValueError(f"s={s}, start={start}: expected s > σ₀ > 0")
    return np.asarray((np.log(s - start) - np.log(start) + np.log(fraction / (1 - fraction))) / (2 * s))


def averaged_mode(s: Any, start: Any, t: Any) -> Array:
    """Time average over [0, t] of a balanced mode: log(1 + (σ₀/s)(e^{2st} − 1))/2t (T20, T27).

    From σ₀ = α² at t = log(1/α)/λ it tends to the soft threshold (s − λ)₊ as α → 0.

    Parameters
    ----------
    s : array
        Targets s ≥ 0.
    start : array
        σ₀ > 0.
    t : array
        Times t > 0. The three broadcast against each other.

    Examples
    --------
    >>> from kronmix.regularization import averaged_mode
    >>> α, λ = 1e-140, 0.7
    >>> averaged_mode([2.0, 1.0, 0.5], α**2, np.log(1 / α) / λ).round(3)
    array([1.299, 0.3  , 0.   ])
    """
    s, start, t = (np.asarray(a, dtype=float) for a in (s, start, t))
    if (s < 0).any() or (start <= 0).any() or (t <= 0).any():
        raise ValueError(f"s={s}, start={start}, t={t}: expected s ≥ 0, σ₀ > 0 and t > 0")
    growth = 2 * s * t
    # (e^g − 1)/s = 2t · expm1(g)/g, by logarithms: g itself may be in the hundreds.
    with np.errstate(divide="ignore"):
        log_ratio = np.where(
            growth > 0, growth + np.log(-np.expm1(-growth)) - np.log(np.where(growth > 0, growth, 1.0)), 0.0
        )
    return np.asarray(np.logaddexp(0.0, np.log(start) + np.log(2 * t) + log_ratio) / (2 * t))


def soft_threshold_path(structure: Any, T: Any, parameters: Any) -> Path:
    """Where the time average of a structure's flow on a fully observed T tends to, as its scale α → 0, at t = log(1/α)/λ (T27).

    The singular values of the blocks on which the structure is a product of two factors are soft-thresholded at λ, and only as
    many are kept as the factors can give. The blocks are T for a chain of two Dense, every slice for Monarch, 𝓡(T) for Kronecker
    (its leading term) and sums of Kroneckers, and every entry for Hadamard.

    Parameters
    ----------
    structure : StructuredOperator
        Its type and factor shapes matter, its values do not.
    T : array of shape (rows, columns)
    parameters : array of shape (points,)
        λ ≥ 0.

    Raises
    ------
    TypeError
        If the structure is not a product of two factors on blocks.
    ValueError
        If T does not have the structure's shape, or a λ is negative.

    Examples
    --------
    >>> A, B = np.diag([3.0, 4.0]), np.eye(2)
    >>> path = km.soft_threshold_path(km.Kronecker(A, B), np.kron(A, B), [0, 2**0.5])
    >>> path.weights[1].diagonal()  # ‖A‖‖B‖ = 5√2 became 4√2
    array([2.4, 2.4, 3.2, 3.2])
    """
    T, λs = as_finite(T, "T", 2), check_parameters(parameters)
    if T.shape != structure.shape:
        raise ValueError(f"T has shape {T.shape}: expected {structure.shape} as the structure")
    view, rank = factored_blocks(structure)
    U, σ, Vh = np.linalg.svd(view.split(T), full_matrices=False)
    U, σ, Vh = U[..., :rank], σ[..., :rank], Vh[:, :rank]
    weights = [view.join((U * np.maximum(σ - λ, 0.0)[:, None]) @ Vh, T.shape) for λ in λs]
    return Path(λs, np.array(weights).reshape(-1, *T.shape), name="soft threshold")


def averaged_flow(structure: Any, T: Any, α: float, parameters: Any) -> Path:
    """Time averages of a structure's balanced, aligned flow on a fully observed T from scale α, at t = log(1/α)/λ (T20, T27).

    Every kept singular value of a block starts at α² along its own direction; the reference is :func:`soft_threshold_path`.

    Parameters
    ----------
    structure, T : as in soft_threshold_path
    α : float
        Between 0 and 1.
    parameters : array of shape (points,)
        λ > 0.

    Examples
    --------
    >>> path = km.averaged_flow(km.Hadamard(np.eye(2), np.eye(2)), np.diag([3.0, 1.0]), 1e-100, [0.5, 2.0])
    >>> path
    Path(averaged flow, α=1e-100: 2 points from 0.5 to 2, 2×2 weights, distance ≤ 0.00477)
    """
    reference = soft_threshold_path(structure, T, parameters)
    if not 0 < α < 1:
        raise ValueError(f"α={α}: expected a scale between 0 and 1")
    if (reference.parameter == 0).any():
        raise ValueError("parameters holds λ=0: expected λ > 0, a finite time log(1/α)/λ")
    view, rank = factored_blocks(structure)
    U, σ, Vh = np.linalg.svd(view.split(np.asarray(T, dtype=float)), full_matrices=False)
    U, σ, Vh = U[..., :rank], σ[..., :rank], Vh[:, :rank]
    weights = [
        view.join((U * averaged_mode(σ, α**2, np.log(1 / α) / λ)[:, None]) @ Vh, reference.weights.shape[1:])
        for λ in reference.parameter
    ]
    return Path(reference.parameter, np.array(weights), reference.weights, name=f"averaged flow, α={α:g}")
