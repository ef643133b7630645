"""Linear models whose weights are Kronecker products or sums of them (T14, T17)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import checks
from ..operators import Kronecker, StructuredOperator, SumOfKroneckers
from .arrays import Shape, nearest_square, sizes_of
from .structured import Classifying, CrossValidated, Regressing, Structured


class _Kronecker(Structured):
    """The weight is a Kronecker product V ⊗ W, or a sum of ``rank`` of them."""

    def __init__(
        self,
        *,
        shapes: tuple[Shape, Shape] | None = None,
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
        self.shapes = shapes
        self.rank = rank

    def _structure(self, outputs: int, features: int) -> StructuredOperator:
        r = checks.integer(self.rank, "rank")
        if self.shapes is None:
            (p, a), (q, b) = nearest_square(outputs), nearest_square(features)
            left, right = (p, q), (a, b)
        else:
            left, right = map(tuple, sizes_of(self.shapes, "shapes", (2, 2)).tolist())
        if (left[0] * right[0], left[1] * right[1]) != (outputs, features):
            raise ValueError(
                f"shapes={self.shapes}: for {outputs} outputs and {features} features expected ((p, q), (r, s)) with "
                f"p·r = {outputs} and q·s = {features}"
            )
        pair = np.ones(left), np.ones(right)
        return Kronecker(*pair) if r == 1 else SumOfKroneckers([pair] * min(r, left[0] * left[1], right[0] * right[1]))


class KroneckerRegression(Regressing, _Kronecker):
    """Linear regression whose weight is a sum of Kronecker products.

    The weight is V ⊗ W, or a sum of ``rank`` such terms.
    Samples are rows of a table, or matrices: entry (i, j) of a matrix is feature i·columns + j.

    Parameters
    ----------
    shapes : ((p, q), (r, s)), optional
        Sizes of V and W: p·r outputs, q·s features. Features that are matrices (n, q, s) give W along rows and V along columns:
        the outputs are V X Wᵀ as matrices (p, r). Default: the factors nearest to squares.
    rank : int
        Number of terms.
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
    Hoff 2015, *Multilinear tensor regression for longitudinal relational data*; T14, T17.

    Examples
    --------
    >>> from kronmix.estimators import KroneckerRegression
    >>> rng = np.random.default_rng(0)
    >>> V, W, X = rng.normal(size=(2, 3)), rng.normal(size=(2, 4)), rng.normal(size=(100, 3, 4))
    >>> y = V @ X @ W.T + 0.01 * rng.normal(size=(100, 2, 2))
    >>> model = KroneckerRegression(shapes=((2, 3), (2, 4)), alpha=1e-4).fit(X, y)
    >>> bool(abs(model.coef_ - np.kron(V, W)).max() < 0.01), model.operator_
    (True, Kronecker(4×12, 2×3 ⊗ 2×4, 14 parameters))
    """


class KroneckerClassifier(Classifying, _Kronecker):
    """Logistic regression whose weight is a sum of Kronecker products.

    The weight is V ⊗ W, or a sum of ``rank`` such terms.
    Samples are rows of a table, or matrices: entry (i, j) of a matrix is feature i·columns + j.

    Parameters
    ----------
    shapes : ((p, q), (r, s)), optional
        Sizes of V and W: p·r outputs, q·s features. Features that are matrices (n, q, s) give W along rows and V along columns:
        the outputs are V X Wᵀ as matrices (p, r). Default: the factors nearest to squares.
    rank : int
        Number of terms.
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
    Hoff 2015, *Multilinear tensor regression for longitudinal relational data*; T14, T17.

    Examples
    --------
    >>> from kronmix.estimators import KroneckerClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(200) % 2
    >>> X = rng.normal(size=(200, 4, 4)) + np.multiply.outer(2 * y - 1, np.eye(4))
    >>> KroneckerClassifier(shapes=((1, 4), (1, 4)), rank=2, alpha=0.01).fit(X, y).score(X, y) > 0.95
    True
    """


class KroneckerRegressionCV(CrossValidated, KroneckerRegression):
    """``KroneckerRegression`` with α chosen by cross-validation.

    In every fold features and outputs are centred, and scaled where asked for, by the training samples alone, and each α starts
    from the fit of the one before.

    Parameters
    ----------
    shapes : ((p, q), (r, s)), optional
        Sizes of V and W: p·r outputs, q·s features. Features that are matrices (n, q, s) give W along rows and V along columns:
        the outputs are V X Wᵀ as matrices (p, r). Default: the factors nearest to squares.
    rank : int
        Number of terms.
    alphas : array, optional
        Default: twenty, from where the weight leaves zero down to a thousandth of it.
    cv : int, splitter or iterable
        As scikit-learn's.
    rule : {"min", "1se"}
        The α of least validation loss, or the largest within one standard error of it.
    fit_intercept, standardize, restarts, tol, random_state : as in KroneckerRegression

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
    >>> from kronmix.estimators import KroneckerRegressionCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 4))
    >>> y = X @ np.kron([[1.0, 0], [1, 1]], [[1.0, 2], [0, 1]]) + 0.1 * rng.normal(size=(60, 4))
    >>> model = KroneckerRegressionCV(shapes=((2, 2), (2, 2)), alphas=[1.0, 0.01], restarts=0).fit(X, y)
    >>> model.alpha_
    0.01
    """

    def __init__(
        self,
        *,
        shapes: tuple[Shape, Shape] | None = None,
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
        self.shapes = shapes
        self.rank = rank
        self.alphas = alphas
        self.cv = cv
        self.rule = rule
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.restarts = restarts
        self.tol = tol
        self.random_state = random_state
