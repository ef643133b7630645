"""Linear models whose weights are Kronecker products, Monarch matrices or of low rank, in scikit-learn's manner (T17)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.model_selection import check_cv
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from .. import checks
from ..checks import as_finite
from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..regularization import Path, Regression, Scaling
from ..regularization.induced import induced_norm
from ..regularization.proximal import loss_and_dense_gradient
from ..regularization.selection import choose, summary, validation_loss
from .arrays import checked_pair, checked_samples
from .fitting import Fitted, bounded_below, fit_along
from .intercepts import FreeIntercepts


class Structured(BaseEstimator):
    """What all linear models of this room share: centring, the fit, and what is proved about it.

    Parameters
    ----------
    alpha : float
        α ≥ 0 of loss + (α/2)‖factors‖²; the loss is half the mean squared error summed over outputs, or the mean logistic loss.
    fit_intercept : bool
    standardize : bool
        Whether features are divided by their standard deviations before the penalty acts; ``coef_`` is in the units of X.
    restarts : int
        Random starts of the factors beside a spectral one, where the problem is not convex: the best is kept.
    tol : float
        Largest relative duality gap, where the problem is convex.
    random_state : int
    """

    #: The loss on whose scale the outputs live.
    _loss = "squared"

    def __init__(
        self,
        *,
        alpha: float = 1e-3,
        fit_intercept: bool = True,
        standardize: bool = False,
        restarts: int = 2,
        tol: float = 1e-8,
        random_state: int = 0,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.restarts = restarts
        self.tol = tol
        self.random_state = random_state

    @abstractmethod
    def _structure(self, outputs: int, features: int) -> StructuredOperator:
        """The structure of a weight of this shape."""

    def _check_options(self) -> None:
        checks.positive(self.tol, "tol")
        checks.integer(self.restarts, "restarts", 0)
        checks.integer(self.random_state, "random_state", 0)

    def _prepared(self, X: Array, Y: Array, weights: Array | None) -> tuple[Regression, Scaling]:
        """The problem in centred, perhaps standardised units, and the way back."""
        scaling = _scaling(X, Y, weights, self.fit_intercept, self.standardize, self._loss)
        features, targets = scaling.standardize(X), scaling.standardize_outputs(Y)
        if self.fit_intercept:
            features[:, np.ptp(X, axis=0) == 0] = 0.0  # without the rounding of their means
        make = FreeIntercepts if self.fit_intercept and self._loss == "logistic" else Regression
        return make(features.T, targets.T, self._loss, weights), scaling

    def _fit(self, X: Array, Y: Array, sample_weight: Any) -> Self:
        self._check_options()
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        self._set_fitted(*self._fit_scaled(np.asarray(X, dtype=float), np.asarray(Y, dtype=float), weights), X.dtype)
        return self

    def _fit_scaled(self, X: Array, Y: Array, weights: Array | None) -> tuple[Fitted, Scaling]:
        """The fit at alpha on scaled data, its intercepts included, and the scaling."""
        α = checks.non_negative(self.alpha, "alpha")
        problem, scaling = self._prepared(X, Y, weights)
        (fitted,) = bounded_below(problem, self._structure(*problem.shape), self._fit_path(problem, [α]))
        return fitted, with_intercepts(problem, fitted.weight, scaling)

    def _fit_path(self, problem: Regression, alphas: Any) -> list[Fitted]:
        """Fits at decreasing alphas."""
        structure = self._structure(*problem.shape)
        return list(fit_along(problem, structure, alphas, self.restarts, self.random_state, self.tol))

    def _set_fitted(self, fitted: Fitted, scaling: Scaling, dtype: Any) -> None:
        """Set the fitted attributes, in the units of the data."""
        weight, intercept = scaling.coefficients(fitted.weight)
        self.coef_, self.intercept_ = weight.astype(dtype), intercept.astype(dtype)
        self.operator_, self.scale_ = fitted.operator, np.array(scaling.scales)
        self.objective_, self.lower_bound_ = fitted.objective, fitted.lower_bound
        excess = max(fitted.objective - fitted.lower_bound, 0.0)
        self.dual_gap_ = excess / fitted.objective if fitted.objective > 0 else 0.0

    def _scores(self, X: Any) -> Array:
        """Outputs (n, outputs) for samples."""
        check_is_fitted(self)
        X = checked_samples(self, X, reset=False)
        return np.asarray(X @ self.coef_.T + self.intercept_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = False
        return tags


def with_intercepts(problem: Regression, B: Array, scaling: Scaling) -> Scaling:
    """The scaling whose outputs are shifted by the intercepts of a logistic fit."""
    if not isinstance(problem, FreeIntercepts):
        return scaling
    return replace(scaling, output_means=problem.intercepts(B @ problem.X))


def _scaling(X: Array, Y: Array, weights: Array | None, centre: bool, standardize: bool, loss: str) -> Scaling:
    """Weighted means and scales; a feature without spread has scale 1, labels keep their values."""
    share = np.full(len(X), 1 / len(X)) if weights is None else weights / weights.sum()
    means = share @ X if centre else np.zeros(X.shape[1])
    spread = np.sqrt(share @ (X - share @ X) ** 2) if standardize else np.ones(X.shape[1])
    scales = np.where(spread > 1e-13 * np.abs(means), spread, 1.0)
    output_means = share @ Y if centre and loss == "squared" else np.zeros(Y.shape[1])
    return Scaling(means, scales, output_means, np.ones(Y.shape[1]))


class Regressing(RegressorMixin, MultiOutputMixin, Structured):
    """Squared loss, any number of outputs."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the weight.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, features), or array of shape (n, rows, columns)
        y : array of shape (n,), (n, outputs) or (n, rows, columns)
        sample_weight : array of shape (n,), optional

        Returns
        -------
        self
        """
        X, y = checked_pair(self, X, y, numeric=True)
        self._single = y.ndim == 1
        return self._fit(X, y.reshape(len(y), -1), sample_weight)

    def predict(self, X: Any) -> Array:
        """Predict the outputs, shape (n,) or (n, outputs) as y was."""
        outputs = self._scores(X)
        return outputs[:, 0] if self._single else outputs

    def path(self, X: Any, y: Any, alphas: Any = None, sample_weight: Any = None) -> Path:
        """The fits along α, each warm-started from the last.

        Parameters
        ----------
        X, y, sample_weight : as in fit
        alphas : array, optional
            Default: twenty, from where the weight leaves zero down to a thousandth of it.

        Returns
        -------
        Path
            With ``.coef``, ``.intercept``, ``.predict(X)``, ``.objective``, ``.lower_bound`` and ``.certified``.
        """
        X, y = checked_pair(self, X, y, numeric=True)
        self._check_options()
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        problem, scaling = self._prepared(
            np.asarray(X, dtype=float), np.asarray(y.reshape(len(y), -1), dtype=float), weights
        )
        αs = (
            default_alphas(problem, self._structure(*problem.shape))
            if alphas is None
            else np.asarray(alphas, dtype=float)
        )
        found = bounded_below(problem, self._structure(*problem.shape), self._fit_path(problem, αs))
        return Path(
            np.array([fit.alpha for fit in found]),
            np.stack([fit.weight for fit in found]),
            name=f"{type(self).__name__} along α",
            label="weight decay α",
            operators=tuple(fit.operator for fit in found),
            objective=np.array([fit.objective for fit in found]),
            lower_bound=np.array([fit.lower_bound for fit in found]),
            problem=problem,
            scaling=scaling,
        )


def default_alphas(problem: Regression, structure: StructuredOperator, count: int = 20) -> Array:
    """Values of α from just below that at which the weight leaves zero down to a thousandth of it."""
    _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
    largest = float(induced_norm(structure).grid(G, problem.curvature)[0])
    return np.asarray((largest if largest > 0 else 1.0) * np.geomspace(0.95, 1e-3, count))


class Classifying(ClassifierMixin, Structured):
    """Logistic loss, one output for each class against the rest; a single output for two classes."""

    _loss = "logistic"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the weight.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, features), or array of shape (n, rows, columns)
        y : array of shape (n,)
            Labels.
        sample_weight : array of shape (n,), optional

        Returns
        -------
        self
        """
        X, y = checked_pair(self, X, y, numeric=False)
        check_classification_targets(y)
        labels = LabelBinarizer(neg_label=-1, pos_label=1).fit(y)
        self.classes_ = labels.classes_
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class, {self.classes_[0]}: expected at least two classes")
        return self._fit(X, labels.transform(y), sample_weight)

    def decision_function(self, X: Any) -> Array:
        """Outputs of the linear model: (n,) for two classes, else (n, classes)."""
        outputs = self._scores(X)
        return outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict(self, X: Any) -> Array:
        """Predict labels."""
        outputs = self.decision_function(X)
        return np.asarray(self.classes_[(outputs > 0).astype(int) if outputs.ndim == 1 else outputs.argmax(axis=1)])


class CrossValidated(Regressing):
    """α by cross-validation: the path along α in every fold, then the fit on all samples at the α that was chosen."""

    alphas: Any
    cv: Any
    rule: str

    def _check_options(self) -> None:
        super()._check_options()
        if self.rule not in ("min", "1se"):
            raise ValueError(f"rule={self.rule!r}: expected 'min' or '1se'")

    def _fit_scaled(self, X: Array, Y: Array, weights: Array | None) -> tuple[Fitted, Scaling]:
        """The fit at the alpha that cross-validation chooses, and the scaling."""
        problem, scaling = self._prepared(X, Y, weights)
        αs = (
            default_alphas(problem, self._structure(*problem.shape))
            if self.alphas is None
            else -np.sort(-as_finite(np.atleast_1d(self.alphas), "alphas", 1))
        )
        for α in αs:
            checks.non_negative(float(α), "alphas")
        folds = list(check_cv(self.cv).split(X, Y))
        scores = np.array([self._held_out(X, Y, weights, αs, *fold) for fold in folds])
        means, errors = summary(scores)
        best = choose(means, errors, one_standard_error=self.rule == "1se")
        self.alphas_, self.alpha_, self.validation_loss_ = αs, float(αs[best]), scores.T
        found = self._fit_path(problem, αs[: best + 1])[-1:]
        return bounded_below(problem, self._structure(*problem.shape), found)[0], scaling

    def _held_out(self, X: Array, Y: Array, weights: Array | None, αs: Array, train: Array, test: Array) -> list[float]:
        """Half the mean squared error on the test samples, for each α."""
        kept, tested = (None, None) if weights is None else (weights[train], weights[test])
        part, scaling = self._prepared(X[train], Y[train], kept)
        losses = []
        for fitted in self._fit_path(part, αs):
            weight, intercept = scaling.coefficients(fitted.weight)
            losses.append(validation_loss(weight @ X[test].T + intercept[:, None], Y[test].T, self._loss, tested))
        return losses
