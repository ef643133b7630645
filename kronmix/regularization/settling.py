"""The end of a gradient flow in closed form: near a minimum the flow is linear, and no step is held back by stability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from ..operators.arrays import Array

#: Largest exponent by which a direction may still grow until the end: rounding, some 1e-15, stays far below any tolerance.
_MOST_GROWTH = 5.0


@dataclass(frozen=True)
class Settling:
    """The linear flow x' = f − H x from x = 0, in the eigenvectors of H.

        x(s) = s φ(s H) f,   x'(s) = exp(−s H) f,   φ(z) = (1 − e^{−z})/z

    Attributes
    ----------
    θ : array of shape (p,)
        Where the flow is linearised.
    eigenvalues, coefficients : arrays of shape (p,)
        Of H, and of f in its eigenvectors.
    eigenvectors : array of shape (p, p)
    """

    θ: Array
    eigenvalues: Array
    eigenvectors: Array
    coefficients: Array

    def _stretched(self, s: float) -> Array:
        """s φ(s λ) of every eigenvalue λ."""
        z = s * self.eigenvalues
        small = np.abs(z) < 1e-12
        return s * np.where(small, 1.0, -np.expm1(-z) / np.where(small, 1.0, z))

    def at(self, s: float) -> Array:
        """θ after time s."""
        return self.θ + self.eigenvectors @ (self._stretched(s) * self.coefficients)

    def slope(self, s: float) -> Array:
        """θ' after time s."""
        return np.asarray(self.eigenvectors @ (np.exp(-s * self.eigenvalues) * self.coefficients))

    def effect(self, s: float, defect: Array) -> float:
        """How far a constant addition to the slope would move θ in time s."""
        return float(np.linalg.norm(self._stretched(s) * (self.eigenvectors.T @ defect)))


def settling(
    slope: Callable[[Array], Array], hessian: Callable[[Array], Array], θ: Array, remaining: float, rtol: float
) -> Settling | None:
    """The rest of the flow θ' = slope(θ) in closed form, or None where it is not linear up to the end.

    The slope at the end of the linear flow is compared with the true one there, where they differ most: the difference must not
    move θ by more than ``rtol`` of its size. Directions in which the loss still falls must not grow by more than e⁵.

    Parameters
    ----------
    slope, hessian : functions of an array of shape (p,)
        Minus the gradient, and the Hessian of shape (p, p), of the same function.
    θ : array of shape (p,)
    remaining : float
        Time until the end.
    rtol : float

    Examples
    --------
    >>> from kronmix.regularization.settling import settling
    >>> found = settling(lambda θ: 1 - 2 * θ, lambda θ: 2 * np.eye(1), np.ones(1), 3.0, 1e-9)
    >>> round(found.at(1.0).item(), 6), round(float(1 + np.exp(-2)) / 2, 6)
    (0.567668, 0.567668)
    >>> settling(lambda θ: 1 - θ**3, lambda θ: 3 * np.eye(1), np.zeros(1), 3.0, 1e-9) is None
    True
    """
    with np.errstate(over="ignore", invalid="ignore"):
        H = hessian(θ)
    if not np.isfinite(H).all():
        return None
    eigenvalues, eigenvectors = eigh(H)
    if -eigenvalues[0] * remaining > _MOST_GROWTH:
        return None
    found = Settling(θ, eigenvalues, eigenvectors, eigenvectors.T @ slope(θ))
    defect = slope(found.at(remaining)) - found.slope(remaining)
    return found if found.effect(remaining, defect) <= rtol * float(np.linalg.norm(θ)) else None
