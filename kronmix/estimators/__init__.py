"""Estimators in scikit-learn's manner: regression, classification and covariances with structured weights (T17).

They need scikit-learn: ``pip install 'kronmix[estimators]'``.
"""

from importlib.util import find_spec

if find_spec("sklearn") is None:
    raise ImportError("kronmix.estimators needs scikit-learn: pip install 'kronmix[estimators]'")

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
