"""Regularisation paths: weights in the order of a parameter, beside the path they should follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import as_finite, other_way
from ..operators import StructuredOperator
from ..operators.arrays import Array, read_only
from .scaling import Scaling

if TYPE_CHECKING:
    from .selection import Selection

#: Relative excess over the proved lower bound up to which a point counts as certified.
CERTIFIED = 1e-6


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
    operators : tuple of StructuredOperator, or None
        The factors behind the weights, where they are factors.
    label : str
        The parameter by name and unit, as "weight decay λ".
    objective : array of shape (points,), or None
        What was minimised, loss + (λ/2)‖θ‖², at each point.
    lower_bound : array of shape (points,), or None
        Proved: no weight of the structure has a smaller objective.
    prediction_distance : array of shape (points,), or None
        Relative distance of the outputs from those of the reference, where weights are not unique: then ``distance`` is this.
    limit : array of shape (points, rows, columns), or None
        The exact limit of a time average as its initial scale goes to zero (T22, T26).
    monotone_until : float or None
        The smallest λ down to which the lasso path is monotone: from there on the limit may leave it (T26).
    remark : str
        What the reference is worth here, or why there is none.
    reason : str
        "done" or "interrupted".
    problem, structure, kind : objects, or None
        What the path was made from.
    scaling : Scaling or None
        How the data was standardised: ``coef``, ``intercept`` and ``predict`` are in its own units.

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
    operators: tuple[StructuredOperator, ...] | None = field(default=None, kw_only=True)
    label: str = field(default="parameter", kw_only=True)
    objective: Array | None = field(default=None, kw_only=True)
    lower_bound: Array | None = field(default=None, kw_only=True)
    prediction_distance: Array | None = field(default=None, kw_only=True)
    limit: Array | None = field(default=None, kw_only=True)
    monotone_until: float | None = field(default=None, kw_only=True)
    remark: str = field(default="", kw_only=True)
    reason: str = field(default="done", kw_only=True)
    problem: Any = field(default=None, kw_only=True)
    structure: StructuredOperator | None = field(default=None, kw_only=True)
    kind: Any = field(default=None, kw_only=True)
    scaling: Scaling | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for key in (
            "parameter", "weights", "reference", "duality_gap", "kinks", "objective", "lower_bound",
            "prediction_distance", "limit",
        ):  # fmt: skip
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
        for key in ("duality_gap", "objective", "lower_bound", "prediction_distance"):
            value = getattr(self, key)
            if value is not None and value.shape != self.parameter.shape:
                raise ValueError(f"{key} has shape {value.shape}: expected {self.parameter.shape}")

    @property
    def distance(self) -> Array | None:
        """‖B − reference‖_F / ‖reference‖_F at each parameter (‖B‖_F itself where the reference is zero); of the outputs where
        the minimiser need not be unique."""
        if self.reference is None:
            return None
        if self.prediction_distance is not None:
            return self.prediction_distance
        return relative_distances(self.weights, self.reference)

    @property
    def excess(self) -> Array | None:
        """(objective − lower bound) / objective: how far a point can be from the best weight of its structure."""
        if self.objective is None or self.lower_bound is None:
            return None
        size = np.where(self.objective > 0, self.objective, 1.0)
        return np.maximum(self.objective - self.lower_bound, 0.0) / size

    @property
    def certified(self) -> Array | None:
        """Whether each point is proved to be the minimum, to 1e-6: by its own duality gap, or because the factors attain the lower
        bound. Elsewhere the bound is only a bound."""
        excess = self.duality_gap if self.objective is None else self.excess
        return None if excess is None else excess <= CERTIFIED

    @property
    def coef(self) -> Array:
        """Weights in the units of the data, shape (points, outputs, features)."""
        return self.weights if self.scaling is None else self.scaling.coefficients(self.weights)[0]

    @property
    def intercept(self) -> Array:
        """Intercepts in the units of the data, shape (points, outputs); zero where nothing was centred."""
        if self.scaling is None:
            return np.zeros(self.weights.shape[:2])
        return self.scaling.coefficients(self.weights)[1]

    def predict(self, X: Any, at: int | None = None) -> Array:
        """Outputs for data in its own units.

        Parameters
        ----------
        X : array of shape (samples, features)
            Samples are rows, as in a table.
        at : int, optional
            One point of the path, as ``select(…).index``.

        Returns
        -------
        array of shape (points, samples, outputs), or (samples, outputs) at one point
        """
        X = as_finite(X, "X", 2)
        if X.shape[1] != self.weights.shape[2]:
            raise ValueError(
                f"X has shape {X.shape}: expected (samples, {self.weights.shape[2]})"
                + other_way("X", X.shape, 1, self.weights.shape[2])
            )
        outputs = np.einsum("nf,pof->pno", X, self.coef) + self.intercept[:, None]
        return np.asarray(outputs if at is None else outputs[at])

    def select(self, rule: str = "cv", *, folds: int = 5, seed: int = 0) -> Selection:
        """Choose a point of the path; see :func:`kronmix.regularization.select`."""
        from .selection import select

        return select(self, rule, folds=folds, seed=seed)

    def plot(self, ax: Any = None) -> Any:
        """Draw the weights against the parameter, the reference dashed and the kinks marked; returns the Axes."""
        from ..plotting import plot_profile

        return plot_profile(self, ax=ax)

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
        if self.excess is not None and self.certified is not None and points:
            parts.append(f"{int(self.certified.sum())} certified")
        if self.reason != "done":
            parts.append(self.reason)
        return f"Path({self.name}: {', '.join(parts)})"


def relative_distances(values: Array, reference: Array) -> Array:
    """‖a − b‖_F/‖b‖_F of each pair of matrices; ‖a‖_F where b is zero."""
    size = np.linalg.norm(reference, axis=(1, 2))
    return np.asarray(np.linalg.norm(values - reference, axis=(1, 2)) / np.where(size > 0, size, 1.0))
