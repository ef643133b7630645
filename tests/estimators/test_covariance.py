"""The separable covariance against its likelihood, planted truth and the sample covariance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.covariance import EmpiricalCovariance

from kronmix.estimators import SeparableCovariance


def spd(size: int, rng: Any) -> Any:
    M = rng.normal(size=(size, size))
    return M @ M.T / size + 0.3 * np.eye(size)


def drawn(N: int, p: int, q: int, seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    R, C = spd(p, rng), spd(q, rng)
    R = R / np.trace(R) * p
    X = np.linalg.cholesky(R) @ rng.normal(size=(N, p, q)) @ np.linalg.cholesky(C).T + rng.normal(size=(p, q))
    return X, R, C


def test_the_planted_factors_are_found_and_better_than_the_sample_covariance() -> None:
    X, R, C = drawn(400, 4, 6)
    model = SeparableCovariance().fit(X)
    np.testing.assert_allclose(model.row_covariance_, R, atol=0.15)
    np.testing.assert_allclose(model.column_covariance_, C, atol=0.2)
    truth = np.kron(R, C)
    sample = EmpiricalCovariance().fit(X.reshape(400, -1)).covariance_
    assert np.linalg.norm(model.covariance_.to_dense() - truth) < 0.5 * np.linalg.norm(sample - truth)
    assert model.existence_ == "unique"
    assert np.trace(model.row_covariance_) == pytest.approx(4)


def test_log_density_score_and_distances_are_the_dense_ones() -> None:
    X, _, _ = drawn(50, 2, 3)
    model = SeparableCovariance().fit(X)
    dense = multivariate_normal(model.location_.ravel(), model.covariance_.to_dense())
    logs = dense.logpdf(X.reshape(50, -1))
    assert model.log_likelihood_ == pytest.approx(logs.sum())
    assert model.score(X) == pytest.approx(logs.mean())
    D = X.reshape(50, -1) - model.location_.ravel()
    expected = np.einsum("ni,ij,nj->n", D, np.linalg.inv(model.covariance_.to_dense()), D)
    np.testing.assert_allclose(model.mahalanobis(X), expected)


def test_no_other_factors_have_a_larger_likelihood() -> None:
    X, _, _ = drawn(12, 2, 2, seed=3)
    model = SeparableCovariance(tol=1e-12).fit(X)
    D = (X - X.mean(axis=0)).reshape(12, 4)
    S = D.T @ D / 12

    def value(θ: Any) -> float:
        L, M = np.zeros((2, 2)), np.zeros((2, 2))
        L[np.tril_indices(2)], M[np.tril_indices(2)] = θ[:3], θ[3:]
        Σ = np.kron(L @ L.T + 1e-9 * np.eye(2), M @ M.T + 1e-9 * np.eye(2))
        return float(np.linalg.slogdet(Σ)[1] + np.trace(np.linalg.solve(Σ, S)))

    best = min(
        minimize(value, np.random.default_rng(s).normal(size=6), method="Nelder-Mead", options={"maxiter": 5000}).fun
        for s in range(3)
    )
    ours = -2 * model.log_likelihood_ / 12 - 4 * np.log(2 * np.pi)
    assert ours <= best + 1e-6


def test_samples_have_the_covariance_and_the_mean() -> None:
    X, _, _ = drawn(60, 2, 3)
    model = SeparableCovariance().fit(X)
    Z = model.sample(40_000, random_state=0)
    assert Z.shape == (40_000, 2, 3)
    np.testing.assert_allclose(Z.mean(axis=0), model.location_, atol=0.05)
    np.testing.assert_allclose(np.cov(Z.reshape(len(Z), -1).T), model.covariance_.to_dense(), atol=0.1)
    np.testing.assert_array_equal(Z[:2], model.sample(40_000, random_state=0)[:2])


@pytest.mark.parametrize(
    ("N", "p", "q", "found"), [(3, 2, 2, "not guaranteed"), (4, 2, 2, "unique"), (9, 2, 10, "unique")]
)
def test_existence(N: int, p: int, q: int, found: str) -> None:
    assert SeparableCovariance(max_iter=3).fit(drawn(N, p, q)[0]).existence_ == found


def test_too_few_samples_are_told_and_shrinkage_helps() -> None:
    X, _, _ = drawn(4, 2, 12)
    with pytest.raises(
        ValueError, match=r"unbounded with 3 independent deviations: expected at least max\(p/q, q/p\) = 6"
    ):
        SeparableCovariance().fit(X)
    shrunk = SeparableCovariance(shrinkage=0.2).fit(X)
    assert shrunk.existence_ == "by shrinkage"
    assert np.linalg.cond(shrunk.covariance_.to_dense()) < 1e4
    whole = SeparableCovariance(shrinkage=1.0).fit(X)
    np.testing.assert_allclose(whole.row_covariance_, np.eye(2))


def test_rows_of_a_table_are_matrices_read_row_by_row() -> None:
    X, _, _ = drawn(50, 2, 3)
    flat = SeparableCovariance(shape=(2, 3)).fit(X.reshape(50, 6))
    np.testing.assert_allclose(flat.covariance_.to_dense(), SeparableCovariance().fit(X).covariance_.to_dense())
    known = SeparableCovariance(assume_centered=True).fit(X - X.mean(axis=0))
    np.testing.assert_allclose(known.row_covariance_, flat.row_covariance_)
    assert not known.location_.any()


@pytest.mark.parametrize(
    ("model", "X", "words"),
    [
        (SeparableCovariance(shape=(2, 2)), np.ones((5, 6)), r"shape=\(2, 2\): samples have 6 entries"),
        (SeparableCovariance(shape=(3, 2)), np.ones((5, 2, 3)), r"samples have 6 entries as \(2, 3\)"),
        (SeparableCovariance(shrinkage=2.0), np.ones((5, 6)), "shrinkage=2.0"),
        (SeparableCovariance(), np.ones((20, 2, 3)), "all 20 samples are equal"),
        (SeparableCovariance(), np.outer(np.arange(20.0), np.ones(6)), "factor became singular"),
    ],
)
def test_bad_input(model: Any, X: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        model.fit(X)
