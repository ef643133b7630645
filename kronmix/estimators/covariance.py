"""Covariances of matrices that are a Kronecker product of a row and a column covariance, in scikit-learn's manner."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import checks
from ..operators import Kronecker
from ..operators.arrays import Array
from .arrays import Shape, flat, nearest_square, sizes_of


class SeparableCovariance(BaseEstimator):
    """Maximum likelihood of the matrix normal model: samples X of shape (p, q) with cov(X_ij, X_kl) = R_ik C_jl.

    The two factors are found by turns, each exactly given the other (the flip-flop algorithm):

        R = Σ_n D_n C⁻¹ D_nᵀ/(N q),    C = Σ_n D_nᵀ R⁻¹ D_n/(N p),    D_n = X_n − mean.

    Parameters
    ----------
    shape : (p, q), optional
        Of a sample, where samples are rows of a table. Default: that of the matrices, or the factors nearest to a square.
    shrinkage : float
        s in [0, 1]: each factor becomes (1 − s)·factor + s·(its mean variance)·I. Above 0 an estimate exists for any N.
    assume_centered : bool
        Whether the mean is known to be zero.
    tol : float
        Largest relative change of the factors in a turn at which the alternation ends.
    max_iter : int
        Most turns.

    Attributes
    ----------
    covariance_ : Kronecker
        R ⊗ C, p·q × p·q, of samples read row by row.
    row_covariance_ : array of shape (p, p)
        R, of mean variance 1.
    column_covariance_ : array of shape (q, q)
        C.
    location_ : array of shape (p, q)
        The mean.
    log_likelihood_ : float
        Of all samples.
    existence_ : {"unique", "not guaranteed", "by shrinkage"}
        Whether the maximum exists and is unique for almost all data of this size.
    n_iter_ : int
    n_features_in_ : int

    Raises
    ------
    ValueError
        If the likelihood is unbounded: n < max(p/q, q/p), where n is N, or N − 1 where the mean is estimated.

    Notes
    -----
    With n > p/q + q/p the maximum exists and is unique for almost all data; between the two bounds it depends on the sizes in a
    more complicated way.

    References
    ----------
    Dutilleul, *The MLE algorithm for the matrix normal distribution*, 1999; Drton, Kuriki & Hoff, *Existence and uniqueness of the
    Kronecker covariance MLE*, Annals of Statistics 2021.

    Examples
    --------
    >>> from kronmix.estimators import SeparableCovariance
    >>> rng = np.random.default_rng(0)
    >>> R, C = np.array([[1.0, 0.5], [0.5, 1.0]]), np.diag([1.0, 4.0, 9.0])
    >>> X = np.linalg.cholesky(R) @ rng.normal(size=(2000, 2, 3)) @ np.sqrt(C)
    >>> model = SeparableCovariance().fit(X)
    >>> model.row_covariance_.round(1)
    array([[1. , 0.5],
           [0.5, 1. ]])
    >>> model.covariance_
    Kronecker(6×6, 2×2 ⊗ 3×3, 13 parameters)
    """

    def __init__(
        self,
        *,
        shape: Shape | None = None,
        shrinkage: float = 0.0,
        assume_centered: bool = False,
        tol: float = 1e-8,
        max_iter: int = 500,
    ) -> None:
        self.shape = shape
        self.shrinkage = shrinkage
        self.assume_centered = assume_centered
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the two covariances.

        Parameters
        ----------
        X : array of shape (N, p, q), or (N, p·q)
        y : ignored

        Returns
        -------
        self
        """
        if not 0 <= self.shrinkage <= 1:
            raise ValueError(f"shrinkage={self.shrinkage}: expected a number from 0 to 1")
        checks.positive(self.tol, "tol")
        checks.integer(self.max_iter, "max_iter")
        given = np.shape(X)[1:] if np.ndim(X) == 3 else None
        table = validate_data(
            self, flat(X), dtype=[np.float64, np.float32], ensure_min_samples=2 - bool(self.assume_centered)
        )
        p, q = self._factor_sizes(table.shape[1], given)
        samples = np.asarray(table, dtype=float).reshape(-1, p, q)
        mean = np.zeros((p, q)) if self.assume_centered else samples.mean(axis=0)
        deviations = samples - mean
        self.existence_ = self._existence(len(samples) - (not self.assume_centered), p, q)
        R, C, self.log_likelihood_ = self._alternate(deviations)
        self.location_, self.row_covariance_, self.column_covariance_ = mean, R, C
        self.covariance_ = Kronecker(R, C)
        return self

    def _factor_sizes(self, features: int, given: tuple[int, ...] | None) -> Shape:
        p, q = given or nearest_square(features)
        if self.shape is not None:
            p, q = sizes_of(self.shape, "shape", (2,)).tolist()
        if p * q != features or (given is not None and (p, q) != tuple(given)):
            raise ValueError(f"shape={self.shape}: samples have {features} entries" + (f" as {given}" if given else ""))
        return int(p), int(q)

    def _existence(self, n: int, p: int, q: int) -> str:
        """Drton, Kuriki & Hoff 2021."""
        if self.shrinkage > 0:
            return "by shrinkage"
        least = max(p / q, q / p)
        if n < least:
            raise ValueError(
                f"the likelihood of {p}×{q} matrices is unbounded with {n} independent deviations: expected at least "
                f"max(p/q, q/p) = {least:.4g}, or shrinkage > 0"
            )
        return "unique" if n > p / q + q / p else "not guaranteed"

    def _alternate(self, D: Array) -> tuple[Array, Array, float]:
        """R, C and the log-likelihood of all deviations."""
        N, p, q = D.shape
        if not D.any():
            raise ValueError(f"all {N} samples are equal: expected samples that vary")
        rows = np.ascontiguousarray(D.transpose(1, 0, 2))  # (p, N, q)
        columns = np.ascontiguousarray(D.transpose(2, 0, 1))  # (q, N, p)
        C = self._shrunk(np.tensordot(columns, columns, axes=((1, 2), (1, 2))) / (N * p))
        R = np.eye(p)
        self.n_iter_ = 0
        for _ in range(self.max_iter):
            before = R
            self.n_iter_ += 1
            R = self._shrunk(_moment(rows, self._cholesky(C)) / q)
            size = float(np.trace(R)) / p
            R = R / size
            C = self._shrunk(_moment(columns, self._cholesky(R)) / p)
            if np.linalg.norm(R - before) <= self.tol * np.linalg.norm(R):
                break
        roots = self._cholesky(R), self._cholesky(C)
        distances = N * float(np.sum(_moment(rows, roots[1]) * np.linalg.inv(R)))
        return R, C, -0.5 * (N * _log_volume(*roots) + distances)

    def _shrunk(self, S: Array) -> Array:
        """(1 − shrinkage) S + shrinkage tr(S)/n I."""
        S = (S + S.T) / 2
        return np.asarray((1 - self.shrinkage) * S + self.shrinkage * np.trace(S) / len(S) * np.eye(len(S)))

    def _cholesky(self, S: Array) -> Array:
        try:
            return np.asarray(cholesky(S, lower=True))
        except LinAlgError:
            raise ValueError(
                f"a {len(S)}×{len(S)} factor became singular: too few samples, or entries that are combinations of others; "
                "expected shrinkage > 0"
            ) from None

    def _log_densities(self, samples: Array) -> Array:
        """Log density of each sample."""
        R, C = self._cholesky(self.row_covariance_), self._cholesky(self.column_covariance_)
        return np.asarray(-0.5 * (_log_volume(R, C) + _distances(samples - self.location_, R, C)))

    def _samples(self, X: Any) -> Array:
        check_is_fitted(self)
        table = validate_data(self, flat(X), dtype=[np.float64, np.float32], reset=False)
        return np.asarray(table, dtype=float).reshape(-1, *self.location_.shape)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log density of samples: the higher the better."""
        return float(self._log_densities(self._samples(X)).mean())

    def mahalanobis(self, X: Any) -> Array:
        """Squared Mahalanobis distances of samples from the mean, shape (N,)."""
        samples = self._samples(X)
        R, C = self._cholesky(self.row_covariance_), self._cholesky(self.column_covariance_)
        return _distances(samples - self.location_, R, C)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Array:
        """Draw matrices from the fitted normal model, shape (n_samples, p, q)."""
        check_is_fitted(self)
        checks.integer(n_samples, "n_samples")
        Z = check_random_state(random_state).standard_normal((n_samples, *self.location_.shape))
        R, C = self._cholesky(self.row_covariance_), self._cholesky(self.column_covariance_)
        return np.asarray(self.location_ + R @ Z @ C.T)


def _log_volume(R: Array, C: Array) -> float:
    """p·q log 2π + log det(R ⊗ C), by the Cholesky factors."""
    p, q = len(R), len(C)
    return float(p * q * np.log(2 * np.pi) + 2 * (q * np.log(np.diag(R)).sum() + p * np.log(np.diag(C)).sum()))


def _moment(D: Array, root: Array) -> Array:
    """Σ_n D_n S⁻¹ D_nᵀ/N for D of shape (rows, N, columns) and the Cholesky factor of S."""
    rows, N, columns = D.shape
    inverse = solve_triangular(root, np.eye(columns), lower=True)
    white = (D.reshape(rows * N, columns) @ inverse.T).reshape(rows, N * columns)
    return np.asarray(white @ white.T / N)


def _distances(D: Array, R: Array, C: Array) -> Array:
    """tr(R⁻¹ D C⁻¹ Dᵀ) of each D, by the Cholesky factors."""
    N, p, q = D.shape
    left = solve_triangular(R, D.transpose(1, 0, 2).reshape(p, N * q), lower=True).reshape(p, N, q)
    both = solve_triangular(C, left.reshape(p * N, q).T, lower=True).reshape(q, p, N)
    return np.asarray((both**2).sum(axis=(0, 1)))
