"""Estimators in scikit-learn's manner: regression, classification and covariances with structured weights (T17).

They need scikit-learn: ``pip install 'kronmix[estimators]'``.
"""

from ..extras import needed

with needed("kronmix.estimators", "kronmix[estimators]"):
    import sklearn  # noqa: F401

from .covariance import SeparableCovariance
from .kronecker import KroneckerClassifier, KroneckerRegression, KroneckerRegressionCV
from .low_rank import LowRankClassifier, LowRankRegression, LowRankRegressionCV
from .monarch import MonarchClassifier, MonarchRegression, MonarchRegressionCV

__all__ = [
    "KroneckerClassifier",
    "KroneckerRegression",
    "KroneckerRegressionCV",
    "LowRankClassifier",
    "LowRankRegression",
    "LowRankRegressionCV",
    "MonarchClassifier",
    "MonarchRegression",
    "MonarchRegressionCV",
    "SeparableCovariance",
]
