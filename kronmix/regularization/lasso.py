"""The lasso path by scikit-learn: LARS with its exact kinks, and coordinate descent; both finished by an exact active-set solve."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..extras import needed
from ..operators.arrays import Array
from .least_squares import LeastSquares


def lars(design: LeastSquares, smallest: float) -> tuple[Array, list[tuple[Array, Array]]]:
    """Kinks of the lasso path down to ``smallest``, of all outputs together and of each with its coefficients.

    Returns
    -------
    kinks : array, decreasing
    each : list of (λ's, decreasing; coefficients at them of shape (points, unknowns)), one for every output

    References
    ----------
    Efron, Hastie, Johnstone & Tibshirani, *Least angle regression*, 2004.
    """
    with needed("the lasso path"):
        from sklearn.linear_model import lars_path

    # scikit-learn divides by the rows it is given, the problem by its samples before compression.
    scale = design.matrix.shape[0] / design.samples
    each = []
    with _undisturbed():
        for target in design.targets.T:
            # LARS swaps columns in place: it must have its own copy.
            λ, _, coefficients = lars_path(
                design.matrix, target, method="lasso", alpha_min=smallest / scale, max_iter=10_000
            )
            λ[λ < 1e-12 * λ[0]] = 0.0  # the end of the path, up to rounding
            each.append((λ * scale, coefficients.T))
    return -np.unique(-np.concatenate([λ[λ > smallest] for λ, _ in each])), each


@contextmanager
def _undisturbed() -> Iterator[None]:
    """scikit-learn without its checks of arguments, made already, and its warnings: the duality gap judges what comes out."""
    with needed("the lasso path"):
        from sklearn import config_context

    with warnings.catch_warnings(), config_context(skip_parameter_validation=True):
        warnings.filterwarnings("ignore", module="sklearn")
        yield


def between_kinks(kinks: Array, coefficients: Array, parameters: Array) -> Array:
    """The piecewise linear path at other parameters: zero above the first kink; (points, unknowns)."""
    if len(kinks) < 2:
        return np.repeat(coefficients[:1], len(parameters), axis=0)
    right = np.clip(np.searchsorted(-kinks, -parameters), 1, len(kinks) - 1)
    width = kinks[right - 1] - kinks[right]
    part = np.clip((kinks[right - 1] - parameters) / np.where(width > 0, width, 1.0), 0.0, 1.0)[:, None]
    return (1 - part) * coefficients[right - 1] + part * coefficients[right]


def coordinate_descent(design: LeastSquares, parameters: Array, tol: float) -> list[Array]:
    """Coefficients (points, unknowns) of each output by scikit-learn's coordinate descent, at decreasing parameters.

    References
    ----------
    Friedman, Hastie & Tibshirani, *Regularization paths for generalized linear models via coordinate descent*, 2010.
    """
    with needed("the lasso path"):
        from sklearn.linear_model import lasso_path

    scale = design.matrix.shape[0] / design.samples
    found = []
    with _undisturbed():
        for target in design.targets.T:
            _, coefficients, _ = lasso_path(
                design.matrix, target, alphas=parameters / scale, tol=tol, max_iter=100_000, copy_X=False
            )
            found.append(coefficients.T)
    return found


def polish(design: LeastSquares, coefficients: Array, λ: float) -> Array:
    """Solve the optimality conditions on the support and signs of nearly optimal coefficients (unknowns, outputs), exactly.

    A_Sᵀ(A_S c_S − y) + samples·λ·sign(c_S) = 0.   Kept only where the signs come out as they went in.
    """
    polished = coefficients.copy()
    for j, target in enumerate(design.targets.T):
        support = np.flatnonzero(coefficients[:, j])
        if support.size == 0 or support.size > design.matrix.shape[0]:
            continue
        signs = np.sign(coefficients[support, j])
        Q, R = np.linalg.qr(design.matrix[:, support])
        try:
            shift = design.samples * λ * np.linalg.solve(R.T, signs)
            solved = np.linalg.solve(R, Q.T @ target - shift)
        except np.linalg.LinAlgError:
            continue
        if (np.sign(solved) == signs).all():
            polished[support, j] = solved
    return polished


def assemble(design: LeastSquares, paths: list[Array]) -> Array:
    """Weights (points, rows, columns) from each output's coefficients (points, unknowns)."""
    return np.array([design.weight(coefficients) for coefficients in np.stack(paths, axis=2)])
