"""Losses of a regression over its outputs: squared, logistic, softmax; of the last two also the margins and the logarithm (T34).

A classification loss is Σ_i softplus(s_i) with s_i = log Σ_k exp(−m_ik) over the margins m_ik of sample i. Margins are linear in
the outputs: y·output for the logistic loss (one for each row), output of the label − output of class k for the softmax loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import expit, logsumexp

from ..operators.arrays import Array


class Loss(ABC):
    """A sum over samples.

    Attributes
    ----------
    name : str
    curvature : float
        Largest second derivative along an output.
    """

    name: str
    curvature: float

    @abstractmethod
    def check(self, X: Array, Y: Array) -> None:
        """Refuse targets Y (rows, samples) that are not of this loss."""

    @abstractmethod
    def value_and_gradient(self, outputs: Array, targets: Array, weights: Array | None) -> tuple[float, Array]:
        """The loss, samples weighted, and its gradient over the outputs (rows, samples)."""


class Squared(Loss):
    """½‖output − target‖²."""

    name, curvature = "squared", 1.0

    def check(self, X: Array, Y: Array) -> None:
        return

    def value_and_gradient(self, outputs: Array, targets: Array, weights: Array | None) -> tuple[float, Array]:
        residual = outputs - targets
        weighted = residual if weights is None else weights * residual
        return 0.5 * float(np.vdot(residual, weighted).real), weighted


class Classification(Loss):
    """A loss that only falls as the margins grow."""

    @abstractmethod
    def margins(self, outputs: Array, targets: Array) -> Array:
        """(classes compared with, rows of losses, samples); +inf where a class is compared with itself."""

    @abstractmethod
    def pulled(self, α: Array, targets: Array) -> Array:
        """The gradient over the outputs of Σ α · margins, α shaped as the margins and 0 where these are infinite."""

    def check(self, X: Array, Y: Array) -> None:
        if np.iscomplexobj(X):
            raise TypeError(f"X holds complex numbers: the {self.name} loss is for real ones")
        self.check_labels(Y)

    @abstractmethod
    def check_labels(self, Y: Array) -> None:
        """Refuse targets that are no labels."""

    def value_and_gradient(self, outputs: Array, targets: Array, weights: Array | None) -> tuple[float, Array]:
        logarithms, slopes = self.log_terms(outputs, targets)
        values = np.exp(logarithms) if weights is None else weights * np.exp(logarithms)
        return float(values.sum()), self.pulled(values * slopes, targets)

    def log_terms(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """log softplus(s_i), and its derivatives along the margins: finite however large those are."""
        m = self.margins(outputs, targets)
        s = logsumexp(-m, axis=0)
        softplus = np.logaddexp(0, s)
        # log(1 + e^s) of a very negative s is e^s, whose logarithm is s.
        logarithms = np.where(s < -36, s, np.log(np.where(s < -36, 1.0, softplus)))
        rates = -np.exp(s - softplus - logarithms)
        return logarithms, rates * np.exp(-m - s)


class Logistic(Classification):
    """Σ_rows log(1 + exp(−y · output)), labels y = ±1."""

    name, curvature = "logistic", 0.25

    def value_and_gradient(self, outputs: Array, targets: Array, weights: Array | None) -> tuple[float, Array]:
        away = -targets * outputs
        values, slopes = np.logaddexp(0, away), -targets * expit(away)
        if weights is not None:
            values, slopes = weights * values, weights * slopes
        return float(values.sum()), slopes

    def check_labels(self, Y: Array) -> None:
        if not np.isin(Y, (-1, 1)).all():
            raise ValueError("Y holds other values than −1 and 1: the logistic loss needs labels −1 and 1")

    def margins(self, outputs: Array, targets: Array) -> Array:
        return (targets * outputs)[None]

    def pulled(self, α: Array, targets: Array) -> Array:
        return np.asarray(targets * α[0])


class Softmax(Classification):
    """Cross-entropy of the softmax of the outputs; Y holds a 1 in the row of each sample's class, else 0."""

    name, curvature = "softmax", 0.5

    def check_labels(self, Y: Array) -> None:
        if len(Y) < 2 or not np.isin(Y, (0, 1)).all() or (Y.sum(axis=0) != 1).any():
            raise ValueError(
                "Y: the softmax loss needs a row for each of at least two classes, with one 1 in every column and 0 elsewhere"
            )

    def margins(self, outputs: Array, targets: Array) -> Array:
        own = (targets * outputs).sum(axis=0)
        return np.where(targets == 1, np.inf, own - outputs)[:, None]

    def pulled(self, α: Array, targets: Array) -> Array:
        return np.asarray(targets * α[:, 0].sum(axis=0) - α[:, 0])


LOSSES: dict[str, Loss] = {loss.name: loss for loss in (Squared(), Logistic(), Softmax())}
