"""Regularisation paths: weights in the order of a parameter, beside the path they should follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..operators.base import Array, read_only


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    """Weights along a parameter (penalty λ, initial scale α, time, rank), optionally beside a reference.

    Attributes
    ----------
    parameter : array of shape (points,)
        In the order in which they were asked for.
    weights : array of shape (points, rows, columns)
        The effective weight B at each parameter.
    reference : array of shape (points, rows, columns), or None
        What the weights should follow, on the same parameters.
    duality_gap : array of shape (points,), or None
        Proved bound on the excess of the penalised loss over its minimum, divided by the penalised loss.
    kinks : array of shape (kinks,), or None
        Parameters at which a piecewise linear path turns, decreasing.
    name : str
        What the path is, in a few words.

    Examples
    --------
    >>> from kronmix.regularization import Path
    >>> weights = np.ones((2, 1, 3))
    >>> path = Path([1.0, 0.5], weights, reference=2 * weights, name="half")
    >>> path
    Path(half: 2 points from 1 to 0.5, 1×3 weights, distance ≤ 0.5)
    >>> path.distance
    array([0.5, 0.5])
    """

    parameter: Array
    weights: Array
    reference: Array | None = None
    duality_gap: Array | None = None
    kinks: Array | None = None
    name: str = field(default="path", kw_only=True)

    def __post_init__(self) -> None:
        for key in ("parameter", "weights", "reference", "duality_gap", "kinks"):
            value = getattr(self, key)
            if value is not None:
                object.__setattr__(self, key, read_only(np.asarray(value)))
        if self.parameter.ndim != 1:
            raise ValueError(f"parameter has shape {self.parameter.shape}: expected one axis")
        if self.weights.ndim != 3 or len(self.weights) != len(self.parameter):
            raise ValueError(
                f"weights has shape {self.weights.shape}: expected ({len(self.parameter)}, rows, columns), a matrix per parameter"
            )
        if self.reference is not None and self.reference.shape != self.weights.shape:
            raise ValueError(
                f"reference has shape {self.reference.shape}: expected {self.weights.shape} as the weights"
            )
        if self.duality_gap is not None and self.duality_gap.shape != self.parameter.shape:
            raise ValueError(f"duality_gap has shape {self.duality_gap.shape}: expected {self.parameter.shape}")

    @property
    def distance(self) -> Array | None:
        """‖B − reference‖_F / ‖reference‖_F at each parameter (‖B‖_F itself where the reference is zero)."""
        if self.reference is None:
            return None
        size = np.linalg.norm(self.reference, axis=(1, 2))
        return np.linalg.norm(self.weights - self.reference, axis=(1, 2)) / np.where(size > 0, size, 1.0)

    def plot(self, ax: Any = None) -> Any:
        """Draw the weights against the parameter, the reference dashed and the kinks marked; returns the Axes."""
        from ..plotting import plot_path

        axes = plot_path(self, ax)
        for kink in () if self.kinks is None else self.kinks[self.kinks > 0]:
            axes.axvline(float(kink), color="0.8", linewidth=0.6, zorder=0)
        return axes

    def __repr__(self) -> str:
        points, rows, columns = self.weights.shape
        parts = [f"{points} points" + (f" from {self.parameter[0]:.4g} to {self.parameter[-1]:.4g}" if points else "")]
        parts.append(f"{rows}×{columns} weights")
        if self.duality_gap is not None and points:
            parts.append(f"relative duality gap ≤ {self.duality_gap.max():.1e}")
        if self.distance is not None and points:
            parts.append(f"distance ≤ {self.distance.max():.3g}")
        if self.kinks is not None:
            parts.append(f"{self.kinks.size} kinks")
        return f"Path({self.name}: {', '.join(parts)})"
