"""Problems to train on. A problem is what the training loops need and no more:

``inputs`` (columns, N) and ``loss_and_gradient(outputs)`` for outputs = op @ inputs, plus ``shape`` and two constants of its
curvature. A problem of one's own is a class with these members.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ..checks import as_finite, as_numbers
from ..operators.base import Array


class Problem(Protocol):
    """What training needs to know.

    Attributes
    ----------
    inputs : array (columns, N)
    shape : (rows, columns) of the weight B
    curvature : float
        Largest eigenvalue of the Hessian of the loss as a function of B.
    """

    inputs: Array
    shape: tuple[int, int]
    curvature: float

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
    """Find B with B @ X ≈ Y: ½ · mean over samples of ‖B x − y‖², or the logistic loss.

    Parameters
    ----------
    X : array of shape (columns, samples)
        Columns are samples.
    Y : array of shape (rows, samples), or (samples,) for one row
        Targets; labels −1 and 1 for the logistic loss.
    loss : {"squared", "logistic"}
        logistic: mean over samples of Σ_rows log(1 + exp(−y · Bx)).
    weights : array of shape (samples,), optional
        Of the samples in the mean, ≥ 0; a weight of 2 is the sample given twice.

    Notes
    -----
    With more samples than columns, the squared loss is rewritten on at most ``columns`` inputs plus a constant: X = RᵀQᵀ gives
    ‖BX − Y‖² = ‖B Rᵀ − YQ‖² + ‖Y(I − QQᵀ)‖², exactly. With this mean, a penalty's λ means scikit-learn's alpha.

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is not finite, labels are not −1 and 1, the loss is unknown, or weights are negative or
        all zero.

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
            raise ValueError(f"X has {X.shape[1]} samples (columns) and Y has {Y.shape[1]}: they must be equal")
        if X.shape[1] == 0:
            raise ValueError(f"X has shape {X.shape}: expected at least one sample (column)")
        if loss not in _REGRESSION_LOSSES:
            raise ValueError(f"loss={loss!r}: expected one of {sorted(_REGRESSION_LOSSES)}")
        self.X, self.Y, self.loss = X, Y, loss
        self.samples = X.shape[1]
        self.shape = (Y.shape[0], X.shape[0])
        self._rest = 0.0
        self.weights = None if weights is None else _mean_one(weights, self.samples)
        roots = 1.0 if self.weights is None else np.sqrt(self.weights)
        self.inputs, self._targets = X, Y
        if loss == "logistic":
            if np.iscomplexobj(X):
                raise TypeError("X holds complex numbers: the logistic loss is for real ones")
            if not np.isin(Y, (-1, 1)).all():
                raise ValueError("Y holds other values than −1 and 1: the logistic loss needs labels −1 and 1")
        else:
            self.inputs, self._targets = roots * X, roots * Y
            if self.samples > X.shape[0]:
                self._compress()
        weighted = self.inputs if loss == "squared" else roots * X
        largest = float(np.linalg.norm(weighted, 2)) ** 2 / self.samples
        self.curvature = largest * (0.25 if loss == "logistic" else 1.0)

    def _compress(self) -> None:
        Q, R = np.linalg.qr(self.inputs.T)
        targets = self._targets @ Q.conj()
        residual = self._targets - targets @ Q.T
        self._rest = 0.5 * float(np.vdot(residual, residual).real) / self.samples
        self.inputs, self._targets = np.ascontiguousarray(R.T), targets

    def loss_and_gradient(self, outputs: Array) -> tuple[float, Array]:
        """Loss and its gradient with respect to the outputs."""
        value, gradient = _REGRESSION_LOSSES[self.loss](outputs, self._targets)
        if self.loss == "logistic" and self.weights is not None:
            value, gradient = _weighted_logistic(outputs, self._targets, self.weights), gradient * self.weights
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


def _weighted_logistic(outputs: Array, labels: Array, weights: Array) -> float:
    return float((np.logaddexp(0, -labels * outputs) * weights).sum())


def _squared(outputs: Array, targets: Array) -> tuple[float, Array]:
    residual = outputs - targets
    return 0.5 * float(np.vdot(residual, residual).real), residual


def _logistic(outputs: Array, labels: Array) -> tuple[float, Array]:
    margins = labels * outputs
    return float(np.logaddexp(0, -margins).sum()), -labels * np.exp(-np.logaddexp(0, margins))


_REGRESSION_LOSSES = {"squared": _squared, "logistic": _logistic}


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
        small = self.matrix if len(self.matrix) <= self.matrix.shape[1] else self.matrix.T
        self.curvature = (
            float(np.linalg.eigvalsh(small @ small.conj().T)[-1]) / y.size
        )  # σ_max² from the smaller Gram matrix

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
        return _squared(outputs, self.T)

    def __repr__(self) -> str:
        return f"Observed({self.shape[0]}×{self.shape[1]} target)"
