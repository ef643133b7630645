"""Solves, determinants and spectra of shifted and two-term Kronecker structures, against what their factors alone would take."""

from __future__ import annotations

import numpy as np

import kronmix as km

from .harness import Row, Work


def _covariance(n: int) -> np.ndarray:
    """A covariance of n points on a line, with scale and noise of its own."""
    t = np.linspace(0, 1, n)
    return np.exp(-8 * np.abs(t[:, None] - t)) + 0.1 * np.eye(n)


def _shifted() -> tuple[Work, Work]:
    K = [_covariance(200), _covariance(200)[::-1, ::-1] + np.eye(200)]
    y = np.random.default_rng(0).normal(size=40_000)

    def ours() -> object:
        op = km.Kronecker(*K) + 0.5 * km.eye(40_000)  # made anew, so that nothing is kept from the last time
        return km.solve(op, y), km.slogdet(op)

    values = np.multiply.outer(*(np.linalg.eigvalsh(k) for k in K)) + 0.5
    (x, (_, logarithm)), op = ours(), km.Kronecker(*K) + 0.5 * km.eye(40_000)
    assert np.linalg.norm(op @ x - y) <= 1e-9 * np.linalg.norm(y)
    assert abs(logarithm - np.log(values).sum()) <= 1e-9 * abs(logarithm)
    return ours, lambda: [np.linalg.eigh(k) for k in K]


def _two_terms() -> tuple[Work, Work]:
    rng = np.random.default_rng(0)
    A, B, C, D = (rng.normal(size=(n, n)) + n * np.eye(n) for n in (60, 50, 60, 50))
    y = rng.normal(size=3_000)
    dense = (km.Kronecker(A, B) + km.Kronecker(C, D)).to_dense()

    def ours() -> object:
        return km.solve(km.Kronecker(A, B) + km.Kronecker(C, D), y)

    np.testing.assert_allclose(ours(), np.linalg.solve(dense, y), atol=1e-8)
    return ours, lambda: np.linalg.solve(dense, y)


def _million() -> tuple[Work, None]:
    K = [_covariance(1000), _covariance(1000)]
    y = np.random.default_rng(0).normal(size=1_000_000)
    return lambda: km.solve(km.Kronecker(*K) + 0.5 * km.eye(1_000_000), y), None


def _values_of_a_million() -> tuple[Work, None]:
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 1000, 1000))
    assert km.singular_values(km.Kronecker(A, B)).shape == (1_000_000,)
    return lambda: km.singular_values(km.Kronecker(A, B)), None


ROWS = [
    Row("solve and log-determinant of K₂₀₀ ⊗ K₂₀₀ + σI, against two eigh(200)", _shifted, 2.5),
    Row("solve with A ⊗ B + C ⊗ D, 60 ⊗ 50, against dense", _two_terms, 20.0, at_least=True),
    Row("solve with K₁₀₀₀ ⊗ K₁₀₀₀ + σI, n = 10⁶", _million, 5.0),
    Row("all singular values of a Kronecker product of width 10⁶", _values_of_a_million, 1.5),
]
