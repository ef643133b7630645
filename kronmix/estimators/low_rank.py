"""Linear models whose weights have low rank (T17)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..operators import Chain, Dense, StructuredOperator
from .structured import Classifying, CrossValidated, Regressing, Structured


class _LowRank(Structured):
    """The weight is of low rank."""

    def _structure(self, outputs: int, features: int) -> StructuredOperator:
        inner = min(outputs, features)
        return Chain(Dense(np.ones((outputs, inner))), Dense(np.ones((inner, features))))


class LowRankRegression(Regressing, _LowRank):
    """Linear regression whose weight is of low rank.

    α times the nuclear norm of the weight is added to the loss; the problem is convex.
    Samples are rows of a table, or matrices: entry (i, j) of a matrix is feature i·columns + j.

    Parameters
    ----------
    alpha : float
        α ≥ 0 of loss + (α/2)‖factors‖², which is loss + α R(B) for the best factors of a weight B (T17). The loss is
        half the squared error summed over outputs, in the mean over samples.
    fit_intercept : bool
        Whether outputs have intercepts, which nothing penalises.
    standardize : bool
        Whether features are divided by their standard deviations before the penalty acts.
    restarts : int
        Random starts of the factors beside a spectral one, where the problem is not convex: the best is kept.
    tol : float
        Largest relative duality gap, where the problem is convex.
    random_state : int
        Seed of the starts.

    Attributes
    ----------
    coef_ : array of shape (outputs, features)
        The weight, in the units of X.
    intercept_ : array of shape (outputs,)
    operator_ : StructuredOperator
        The weight as its factors: ``coef_`` is ``operator_.to_dense() / scale_``.
    scale_ : array of shape (features,)
        What features were divided by: ones unless ``standardize``.
    objective_, lower_bound_ : float
        loss + α R at the fit, and a proved bound below which no weight of this structure gets.
    dual_gap_ : float
        (objective − lower bound)/objective: 0 where the fit is proved to be the best.
    n_features_in_ : int
    feature_names_in_ : array of str
        Where X is a data frame.

    References
    ----------
    Srebro, Rennie & Jaakkola 2005; Yuan, Ekici, Lu & Monteiro 2007; T17.

    Examples
    --------
    >>> from kronmix.estimators import LowRankRegression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 5))
    >>> y = X @ np.outer(np.ones(5), [1.0, 2.0, 3.0]) + 0.1 * rng.normal(size=(100, 3))
    >>> model = LowRankRegression(alpha=0.1).fit(X, y)
    >>> model.operator_
    LowRank(3×5, rank at most 1, 8 parameters)
    >>> model.dual_gap_ < 1e-7
    True
    """


class LowRankClassifier(Classifying, _LowRank):
    """Logistic regression whose weight is of low rank.

    α times the nuclear norm of the weight is added to the loss; the problem is convex.
    Samples are rows of a table, or matrices: entry (i, j) of a matrix is feature i·columns + j.

    Parameters
    ----------
    alpha : float
        α ≥ 0 of loss + (α/2)‖factors‖², which is loss + α R(B) for the best factors of a weight B (T17). The loss is
        the logistic loss summed over outputs, in the mean over samples.
    fit_intercept : bool
        Whether outputs have intercepts, which nothing penalises.
    standardize : bool
        Whether features are divided by their standard deviations before the penalty acts.
    restarts : int
        Random starts of the factors beside a spectral one, where the problem is not convex: the best is kept.
    tol : float
        Largest relative duality gap, where the problem is convex.
    random_state : int
        Seed of the starts.

    Attributes
    ----------
    coef_ : array of shape (outputs, features)
        The weight, in the units of X.
    intercept_ : array of shape (outputs,)
    operator_ : StructuredOperator
        The weight as its factors: ``coef_`` is ``operator_.to_dense() / scale_``.
    scale_ : array of shape (features,)
        What features were divided by: ones unless ``standardize``.
    objective_, lower_bound_ : float
        loss + α R at the fit, and a proved bound below which no weight of this structure gets.
    dual_gap_ : float
        (objective − lower bound)/objective: 0 where the fit is proved to be the best.
    classes_ : array
        Labels, in the order of the outputs; one output for two classes.
    n_features_in_ : int
    feature_names_in_ : array of str
        Where X is a data frame.

    References
    ----------
    Srebro, Rennie & Jaakkola 2005; Yuan, Ekici, Lu & Monteiro 2007; T17.

    Examples
    --------
    >>> from kronmix.estimators import LowRankClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(200) % 3
    >>> X = rng.normal(size=(200, 3)) + 3 * np.eye(3)[y]
    >>> LowRankClassifier(alpha=0.01).fit(X, y).score(X, y) > 0.9
    True
    """


class LowRankRegressionCV(CrossValidated, LowRankRegression):
    """``LowRankRegression`` with α chosen by cross-validation.

    In every fold features and outputs are centred, and scaled where asked for, by the training samples alone, and each α starts
    from the fit of the one before.

    Parameters
    ----------
    alphas : array, optional
        Default: twenty, from where the weight leaves zero down to a thousandth of it.
    cv : int, splitter or iterable
        As scikit-learn's.
    rule : {"min", "1se"}
        The α of least validation loss, or the largest within one standard error of it.
    fit_intercept, standardize, restarts, tol, random_state : as in LowRankRegression

    Attributes
    ----------
    coef_ : array of shape (outputs, features)
        The weight, in the units of X.
    intercept_ : array of shape (outputs,)
    operator_ : StructuredOperator
        The weight as its factors: ``coef_`` is ``operator_.to_dense() / scale_``.
    scale_ : array of shape (features,)
        What features were divided by: ones unless ``standardize``.
    objective_, lower_bound_ : float
        loss + α R at the fit, and a proved bound below which no weight of this structure gets.
    dual_gap_ : float
        (objective − lower bound)/objective: 0 where the fit is proved to be the best.
    alpha_ : float
        The α that was chosen.
    alphas_ : array of shape (alphas,)
        Decreasing.
    validation_loss_ : array of shape (alphas, folds)
    n_features_in_ : int
    feature_names_in_ : array of str
        Where X is a data frame.

    Examples
    --------
    >>> from kronmix.estimators import LowRankRegressionCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 5))
    >>> y = X @ np.outer(np.ones(5), [1.0, 2.0, 3.0]) + 0.5 * rng.normal(size=(60, 3))
    >>> LowRankRegressionCV(rule="1se").fit(X, y).operator_
    LowRank(3×5, rank at most 1, 8 parameters)
    """

    def __init__(
        self,
        *,
        alphas: Any = None,
        cv: Any = 5,
        rule: str = "min",
        fit_intercept: bool = True,
        standardize: bool = False,
        restarts: int = 2,
        tol: float = 1e-8,
        random_state: int = 0,
    ) -> None:
        self.alphas = alphas
        self.cv = cv
        self.rule = rule
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.restarts = restarts
        self.tol = tol
        self.random_state = random_state
