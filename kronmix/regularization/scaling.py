"""Standardised data, and the way back to its own units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from ..checks import as_finite
from ..operators.arrays import Array, read_only


@dataclass(frozen=True, eq=False)
class Scaling:
    """Means and scales of features and outputs, with their names: how data was standardised.

    Attributes
    ----------
    means, scales : arrays of shape (features,)
    output_means, output_scales : arrays of shape (outputs,)
    features, outputs : tuples of str
        Names; x1, x2 … and y1, y2 … (y for one output) where none were given.

    Examples
    --------
    >>> from kronmix.regularization import Scaling
    >>> scaling = Scaling.of([[1.0, 10.0], [3.0, 30.0]], [1.0, 2.0], features=("age", "weight"))
    >>> scaling.standardize([[1.0, 10.0], [3.0, 30.0]])
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> scaling.coefficients(np.array([[1.0, 0.0]]))  # half a unit of y for two units of age
    (array([[0.5, 0. ]]), array([0.5]))
    """

    means: Array
    scales: Array
    output_means: Array
    output_scales: Array
    features: tuple[str, ...] = field(default=())
    outputs: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for key in ("means", "scales", "output_means", "output_scales"):
            object.__setattr__(self, key, read_only(np.asarray(getattr(self, key), dtype=float)))
        if self.means.shape != self.scales.shape or self.output_means.shape != self.output_scales.shape:
            raise ValueError(
                "means and scales have different shapes: expected one of each for every feature and output"
            )
        for key, letter, count in (("features", "x", self.means.size), ("outputs", "y", self.output_means.size)):
            names = tuple(str(name) for name in getattr(self, key))
            if not names:
                names = (letter,) if letter == "y" and count == 1 else tuple(f"{letter}{i + 1}" for i in range(count))
            if len(names) != count:
                raise ValueError(f"{len(names)} names of {key} are given: expected {count}")
            object.__setattr__(self, key, names)

    @classmethod
    def of(
        cls, X: Any, Y: Any, features: tuple[str, ...] = (), outputs: tuple[str, ...] = (), *, standardize: bool = True
    ) -> Self:
        """The scaling that standardises X (samples, features) and Y (samples, outputs); with ``standardize=False``, none.

        Names are those of the columns of data frames, unless they are given.

        Raises
        ------
        ValueError
            If a feature or an output is constant, by name, or there are fewer than two samples.
        """
        features, outputs = features or _columns(X), outputs or _columns(Y)
        X, Y = as_finite(X, "X", 2), as_finite(Y, "Y")
        Y = Y.reshape(len(Y), -1)
        if not standardize:
            (d, m) = X.shape[1], Y.shape[1]
            return cls(np.zeros(d), np.ones(d), np.zeros(m), np.ones(m), features, outputs)
        if len(X) < 2:
            raise ValueError(f"{len(X)} sample: expected at least 2, or data that is not standardised")
        found = cls(*means_and_deviations(X), *means_and_deviations(Y), features, outputs)
        for what, scales, means, names in (
            ("feature", found.scales, found.means, found.features),
            ("output", found.output_scales, found.output_means, found.outputs),
        ):
            constant = np.flatnonzero(scales <= 1e-13 * np.abs(means))
            if constant.size:
                i = int(constant[0])
                raise ValueError(f"{what} {i} ({names[i]}) is constant: leave it out")
        return found

    def standardize(self, X: Any) -> Array:
        """X (samples, features) in standard units."""
        return np.asarray((np.asarray(X, dtype=float) - self.means) / self.scales)

    def standardize_outputs(self, Y: Any) -> Array:
        """Y (samples, outputs) in standard units."""
        return np.asarray((np.asarray(Y, dtype=float) - self.output_means) / self.output_scales)

    def coefficients(self, B: Array) -> tuple[Array, Array]:
        """Weights (…, outputs, features) and intercepts (…, outputs) in the units of the data, of B in standard units."""
        weights = B * (self.output_scales[:, None] / self.scales)
        return weights, self.output_means - weights @ self.means


def _columns(data: Any) -> tuple[str, ...]:
    """Names of the columns of a data frame, or of a series; none otherwise."""
    if hasattr(data, "columns"):
        return tuple(str(name) for name in data.columns)
    name = getattr(data, "name", None)
    return (str(name),) if isinstance(name, str) else ()


def means_and_deviations(X: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of every column, also where squares of its entries are no numbers any more.

    Examples
    --------
    >>> from kronmix.regularization.scaling import means_and_deviations
    >>> means_and_deviations(np.array([[1e300, 1e-300], [3e300, 3e-300]]))
    (array([2.e+300, 2.e-300]), array([1.e+300, 1.e-300]))
    """
    _, powers = np.frexp(np.abs(X).max(axis=0))
    unit = np.ldexp(1.0, powers - 1)  # a power of two: dividing by it rounds nothing
    return unit * (X / unit).mean(axis=0), unit * (X / unit).std(axis=0)
