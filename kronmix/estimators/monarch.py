"""Linear models whose weights are Monarch matrices (T12, T17)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import checks
from ..operators import Monarch, StructuredOperator
from .arrays import nearest_square, sizes_of
from .structured import Classifying, CrossValidated, Regressing, Structured


class _Monarch(Structured):
    """The weight is a Monarch matrix of block rank ``rank``."""

    def __init__(
        self,
        *,
        sizes: tuple[int, int, int, int] | None = None,
        rank: int = 1,
        alpha: float = 1e-3,
        fit_intercept: bool = True,
        standardize: bool = False,
        restarts: int = 2,
        tol: float = 1e-8,
        random_state: int = 0,
    ) -> None:
        super().__init__(
            alpha=alpha,
            fit_intercept=fit_intercept,
            standardize=standardize,
            restarts=restarts,
            tol=tol,
            random_state=random_state,
        )
        self.sizes = sizes
        self.rank = rank

    def _structure(self, outputs: int, features: int) -> StructuredOperator:
        r = checks.integer(self.rank, "rank")
        if self.sizes is None:
            (p, q), (k, s) = nearest_square(outputs), nearest_square(features)
        else:
            p, k, q, s = sizes_of(self.sizes, "sizes", (4,)).tolist()
        if (p * q, k * s) != (outputs, features):
            raise ValueError(
                f"sizes={self.sizes}: for {outputs} outputs and {features} features expected (p, k, q, s) with "
                f"p·q = {outputs} and k·s = {features}"
            )
        r = min(r, p, s)
        return Monarch(np.ones((q, p, k * r)), np.ones((k, r * q, s)), rank=r)


class MonarchRegression(Regressing, _Monarch):
    """Linear regression whose weight is a Monarch matrix.

    Every slice of the weight has rank at most ``rank``, and whole slices vanish as α grows.
    Samples are rows of a table, or matrices: entry (i, j) of a matrix is feature i·columns + j.

    Parameters
    ----------
    sizes : (p, k, q, s), optional
        p·q outputs, k·s features: q·k slices of size p × s (T12). Default: the factors nearest to squares.
    rank : int
        Block rank: the largest rank of a slice. From min(p, s) on the problem is convex.
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
    Dao et al., *Monarch*, ICML 2022; T12, T17.

    Examples
    --------
    >>> from kronmix.estimators import MonarchRegression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 4))
    >>> y = X @ np.array([[1.0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]) + 0.01 * rng.normal(size=(200, 4))
    >>> model = MonarchRegression(sizes=(2, 2, 2, 2), alpha=0.1).fit(X, y)
    >>> np.linalg.norm(model.coef_.reshape(2, 2, 2, 2), axis=(0, 3)).round(1) + 0.0  # whole slices are zero
    array([[0.9, 0. ],
           [1.9, 0. ]])
    """


class MonarchClassifier(Classifying, _Monarch):
    """Logistic regression whose weight is a Monarch matrix.

    Every slice of the weight has rank at most ``rank``, and whole slices vanish as α grows.
    Samples are rows of a table, or matrices: entry (i, j) of a matrix is feature i·columns + j.

    Parameters
    ----------
    sizes : (p, k, q, s), optional
        p·q outputs, k·s features: q·k slices of size p × s (T12). Default: the factors nearest to squares.
    rank : int
        Block rank: the largest rank of a slice. From min(p, s) on the problem is convex.
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
    Dao et al., *Monarch*, ICML 2022; T12, T17.

    Examples
    --------
    >>> from kronmix.estimators import MonarchClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(200) % 2
    >>> X = rng.normal(size=(200, 6)) + np.multiply.outer(2 * y - 1, [1.5, 1.5, 0, 0, 0, 0])
    >>> MonarchClassifier(sizes=(1, 3, 1, 2), alpha=0.1).fit(X, y).score(X, y) > 0.9
    True
    """


class MonarchRegressionCV(CrossValidated, MonarchRegression):
    """``MonarchRegression`` with α chosen by cross-validation.

    In every fold features and outputs are centred, and scaled where asked for, by the training samples alone, and each α starts
    from the fit of the one before.

    Parameters
    ----------
    sizes : (p, k, q, s), optional
        p·q outputs, k·s features: q·k slices of size p × s (T12). Default: the factors nearest to squares.
    rank : int
        Block rank: the largest rank of a slice. From min(p, s) on the problem is convex.
    alphas : array, optional
        Default: twenty, from where the weight leaves zero down to a thousandth of it.
    cv : int, splitter or iterable
        As scikit-learn's.
    rule : {"min", "1se"}
        The α of least validation loss, or the largest within one standard error of it.
    fit_intercept, standardize, restarts, tol, random_state : as in MonarchRegression

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
    >>> from kronmix.estimators import MonarchRegressionCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 4))
    >>> y = X + 0.1 * rng.normal(size=(60, 4))
    >>> MonarchRegressionCV(sizes=(2, 2, 2, 2), alphas=[1.0, 0.001], restarts=0).fit(X, y).validation_loss_.shape
    (2, 5)
    """

    def __init__(
        self,
        *,
        sizes: tuple[int, int, int, int] | None = None,
        rank: int = 1,
        alphas: Any = None,
        cv: Any = 5,
        rule: str = "min",
        fit_intercept: bool = True,
        standardize: bool = False,
        restarts: int = 2,
        tol: float = 1e-8,
        random_state: int = 0,
    ) -> None:
        self.sizes = sizes
        self.rank = rank
        self.alphas = alphas
        self.cv = cv
        self.rule = rule
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.restarts = restarts
        self.tol = tol
        self.random_state = random_state
