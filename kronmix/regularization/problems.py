"""Problems to train on. A problem is what the training loops need and no more:

``inputs`` (columns, N) and ``loss_and_gradient(outputs)`` for outputs = op @ inputs, plus ``shape`` and two constants of its
curvature. A problem of one's own is a class with these members.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from ..checks import as_finite, as_numbers, other_way
from ..operators.arrays import Array
from .losses import LOSSES, Loss


class Problem(Protocol):
    """What training needs to know.

    Attributes
    ----------
    inputs : array (columns, N)
    shape : (rows, columns) of the weight B
    """

    inputs: Array
    shape: tuple[int, int]

    @property
    def curvature(self) -> float:
        """Largest eigenvalue of the Hessian of the loss as a function of B."""

    def loss_and_gradient(self, outputs: Array) -> tuple[float, Array]:
        """Loss at outputs = B @ inputs, and its gradient with respect to the outputs."""


def loss(problem: Problem, op: Any) -> float:
    """Loss of an operator or a matrix on a problem.

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator or array of shape (rows, columns)
        Of the problem's ``shape``.

    Examples
    --------
    >>> from kronmix.regularization import loss
    >>> loss(km.Observed(np.eye(2)), km.Dense(np.zeros((2, 2))))
    1.0
    """
    return problem.loss_and_gradient(op @ problem.inputs)[0]


class Regression:
    """Find B with B @ X ≈ Y: ½ · mean over samples of ‖B x − y‖², or a loss of classification.

    Parameters
    ----------
    X : array of shape (columns, samples)
        Columns are samples.
    Y : array of shape (rows, samples), or (samples,) for one row
        Targets; labels −1 and 1 for the logistic loss, one 1 in every column for the softmax loss.
    loss : {"squared", "logistic", "softmax"}
        logistic: mean over samples of Σ_rows log(1 + exp(−y · Bx)); softmax: mean of the cross-entropies of softmax(Bx).
    weights : array of shape (samples,), optional
        Of the samples in the mean, ≥ 0; a weight of 2 is the sample given twice.

    Notes
    -----
    With more samples than columns, the squared loss is rewritten on at most ``columns`` inputs plus a constant: X = RᵀQᵀ gives
    ‖BX − Y‖² = ‖B Rᵀ − YQ‖² + ‖Y(I − QQᵀ)‖², exactly. With this mean, a penalty's λ means scikit-learn's alpha.

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is not finite, labels are not those of the loss, the loss is unknown, or weights are
        negative or all zero.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, B = rng.normal(size=(3, 500)), np.ones((2, 3))
    >>> problem = km.Regression(X, B @ X)
    >>> problem.inputs.shape
    (3, 3)
    >>> problem
    Regression(2×3 weight, 500 samples, squared loss)
    """

    def __init__(self, X: Any, Y: Any, loss: str = "squared", weights: Any = None) -> None:
        X, Y = as_finite(X, "X", 2), as_finite(Y, "Y")
        Y = as_numbers(Y[None] if Y.ndim == 1 else Y, "Y", 2)
        if X.shape[1] != Y.shape[1]:
            turned = other_way("X", X.shape, 1, Y.shape[1]) or other_way("Y", Y.shape, 1, X.shape[1])
            if X.shape[0] == Y.shape[0]:
                turned = "; both are transposed: pass X.T and Y.T"
            raise ValueError(
                f"X has shape {X.shape} and Y {Y.shape}: expected as many samples (columns) in both{turned}"
            )
        if X.shape[1] == 0:
            raise ValueError(f"X has shape {X.shape}: expected at least one sample (column)")
        if loss not in LOSSES:
            raise ValueError(f"loss={loss!r}: expected one of {sorted(LOSSES)}")
        self.X, self.Y, self.loss = X, Y, loss
        self.samples = X.shape[1]
        self.shape = (Y.shape[0], X.shape[0])
        self.weights = None if weights is None else _mean_one(weights, self.samples)
        self.criterion.check(X, Y)
        self._set(X, Y)
        if loss == "squared" and self.samples > X.shape[0]:
            self._compress()

    @property
    def criterion(self) -> Loss:
        """The loss over the outputs, with the margins of a classification."""
        return LOSSES[self.loss]

    def _set(self, X: Array, Y: Array) -> None:
        """Take these samples; the roots of the weights of a squared loss are multiplied in."""
        roots = 1.0 if self.weights is None or self.loss != "squared" else np.sqrt(self.weights)
        self.inputs, self._targets, self._rest = roots * X, roots * Y, 0.0

    @cached_property
    def curvature(self) -> float:
        """Largest eigenvalue of the Hessian of the loss as a function of B (a bound for classification)."""
        weighted = self.inputs if self.loss == "squared" or self.weights is None else np.sqrt(self.weights) * self.X
        return float(np.linalg.norm(weighted, 2)) ** 2 / self.samples * self.criterion.curvature

    def part(self, chosen: Array, noise: float, rng: np.random.Generator) -> Regression:
        """The mean over some samples, Gaussian noise added to their targets.

        Parameters
        ----------
        chosen : int array
            Their places.
        noise : float
            Its standard deviation.
        rng : numpy.random.Generator

        Raises
        ------
        ValueError
            If noise is asked for on labels.

        Examples
        --------
        >>> problem = km.Regression([[1.0, 2.0, 3.0]], [0.0, 0.0, 1.0])
        >>> problem.part(np.array([0, 2]), 0.0, np.random.default_rng(0))
        Regression(1×1 weight, 2 samples, squared loss)
        """
        if noise and self.loss != "squared":
            raise ValueError(f"label_noise={noise}: the labels of a {self.loss} loss take no noise: expected 0")
        new = copy(self)
        vars(new).pop("curvature", None)
        new.X, new.Y, new.samples = self.X[:, chosen], self.Y[:, chosen], len(chosen)
        new.weights = None if self.weights is None else self.weights[chosen]
        new._set(new.X, new.Y + noise * rng.standard_normal(new.Y.shape) if noise else new.Y)
        return new

    def _compress(self) -> None:
        """Replace more samples than inputs by as many as inputs, with the same loss up to a constant."""
        Q, R = np.linalg.qr(self.inputs.T)
        targets = self._targets @ Q.conj()
        residual = self._targets - targets @ Q.T
        self._rest = 0.5 * float(np.vdot(residual, residual).real) / self.samples
        self.inputs, self._targets = np.ascontiguousarray(R.T), targets

    def loss_and_gradient(self, outputs: Array) -> tuple[float, Array]:
        """Loss and its gradient with respect to the outputs."""
        weights = None if self.loss == "squared" else self.weights
        value, gradient = self.criterion.value_and_gradient(outputs, self._targets, weights)
        return value / self.samples + self._rest, gradient / self.samples

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"Regression({rows}×{cols} weight, {self.samples} samples, {self.loss} loss)"


def _mean_one(weights: Any, samples: int) -> Array:
    """Checked weights of samples, scaled to a mean of 1."""
    found = as_finite(weights, "weights", 1)
    if found.shape != (samples,):
        raise ValueError(f"weights has shape {found.shape}: expected one for each of {samples} samples")
    if (found < 0).any() or not found.any():
        raise ValueError("weights holds negative numbers, or only zeros: expected numbers ≥ 0, some above")
    return np.asarray(found / found.mean())


class Sensing:
    """Find B from measurements y_i = Σ_jk A_ijk B_jk: ½ · mean of the squared |residuals|.

    Parameters
    ----------
    A : array of shape (N, rows, columns)
        Measurement matrices; complex ones enter without conjugation.
    y : array of shape (N,)

    Raises
    ------
    ValueError
        If the counts do not fit or a number is not finite.

    Examples
    --------
    >>> A = np.random.default_rng(0).normal(size=(5, 2, 3))
    >>> km.Sensing(A, A.sum(axis=(1, 2)))
    Sensing(2×3 weight, 5 measurements of 6 unknowns)
    """

    def __init__(self, A: Any, y: Any) -> None:
        A, y = as_finite(A, "A", 3), as_finite(y, "y", 1)
        if A.shape[0] != y.size:
            raise ValueError(f"A holds {A.shape[0]} measurements and y {y.size}: they must be equal")
        if y.size == 0:
            raise ValueError("y is empty: expected at least one measurement")
        self.A, self.y = A, y
        self.shape = (A.shape[1], A.shape[2])
        self.inputs = np.eye(A.shape[2], dtype=A.dtype)
        self.matrix = A.reshape(y.size, -1)

    @property
    def samples(self) -> int:
        """Measurements."""
        return int(self.y.size)

    @cached_property
    def curvature(self) -> float:
        """Largest eigenvalue of the Hessian of the loss as a function of B: σ_max² from the smaller Gram matrix, in the mean."""
        small = self.matrix if len(self.matrix) <= self.matrix.shape[1] else self.matrix.T
        return float(np.linalg.eigvalsh(small @ small.conj().T)[-1]) / self.y.size

    def part(self, chosen: Array, noise: float, rng: np.random.Generator) -> Sensing:
        """The mean over some measurements, Gaussian noise added to them; as ``Regression.part``."""
        new = copy(self)
        vars(new).pop("curvature", None)
        new.A, new.matrix, new.y = self.A[chosen], self.matrix[chosen], self.y[chosen]
        if noise:
            new.y = new.y + noise * rng.standard_normal(new.y.size)
        return new

    def loss_and_gradient(self, outputs: Array) -> tuple[float, Array]:
        """Loss and its gradient with respect to the outputs, which are B itself."""
        residual = self.matrix @ outputs.reshape(-1) - self.y
        value = 0.5 * float(np.vdot(residual, residual).real) / self.y.size
        return value, (residual @ self.matrix.conj()).reshape(outputs.shape) / self.y.size

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"Sensing({rows}×{cols} weight, {self.y.size} measurements of {rows * cols} unknowns)"


class Observed:
    """Fit a fully observed target: ½‖B − T‖_F².

    Parameters
    ----------
    T : array of shape (rows, columns)

    Raises
    ------
    ValueError
        If T is not a finite matrix.

    Examples
    --------
    >>> km.Observed(np.eye(3))
    Observed(3×3 target)
    """

    curvature = 1.0

    def __init__(self, T: Any) -> None:
        self.T = as_finite(T, "T", 2)
        self.shape = self.T.shape
        self.inputs = np.eye(self.T.shape[1], dtype=self.T.dtype)

    def loss_and_gradient(self, outputs: Array) -> tuple[float, Array]:
        """Loss and its gradient with respect to the outputs, which are B itself."""
        return LOSSES["squared"].value_and_gradient(outputs, self.T, None)

    def __repr__(self) -> str:
        return f"Observed({self.shape[0]}×{self.shape[1]} target)"
