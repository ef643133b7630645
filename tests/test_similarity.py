"""CKA against its formula and against sums over examples; intervals against known populations."""

from __future__ import annotations

from itertools import permutations
from math import perm
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix.similarity import _weighted_hsic


def shared(rng: np.random.Generator, n: int, p: int, q: int, latent: int, noise: float = 1.0) -> tuple[Any, Any, float]:
    """Two noisy views of common latent variables, and the CKA of their population covariances."""
    A, B = rng.normal(size=(latent, p)), rng.normal(size=(latent, q))
    Z = rng.normal(size=(n, latent))
    X, Y = Z @ A + noise * rng.normal(size=(n, p)), Z @ B + noise * rng.normal(size=(n, q))
    covariances = A.T @ A + noise**2 * np.eye(p), B.T @ B + noise**2 * np.eye(q)
    return X, Y, float(np.sum((A.T @ B) ** 2) / np.prod([np.linalg.norm(c) for c in covariances]))


@given(st.integers(2, 9), st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_biased_is_t25(n: int, p: int, q: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n, p)) + 5, rng.normal(size=(n, q))
    Xc, Yc = X - X.mean(axis=0), Y - Y.mean(axis=0)
    expected = np.linalg.norm(Yc.T @ Xc) ** 2 / np.linalg.norm(Xc.T @ Xc) / np.linalg.norm(Yc.T @ Yc)
    assert km.cka(X, Y) == pytest.approx(expected)
    assert km.cka(X, Y) == pytest.approx(km.cka(Y, X))
    assert km.cka(X[:, None], Y[..., None]) == pytest.approx(expected)


def test_unbiased_is_the_mean_over_distinct_examples() -> None:
    """HSIC₁ is the U-statistic of k_ij (l_ij + l_qr − 2 l_iq) over distinct i, j, q, r (Song et al. 2012, eq. 4)."""
    rng = np.random.default_rng(0)
    n = 7
    X, Y = rng.normal(size=(n, 3)), rng.normal(size=(n, 4)) + 2
    K, L = X @ X.T, Y @ Y.T

    def hsic(K: Any, L: Any) -> float:
        quadruples = permutations(range(n), 4)
        return sum(K[i, j] * (L[i, j] + L[q, r] - 2 * L[i, q]) for i, j, q, r in quadruples) / perm(n, 4)

    expected = hsic(K, L) / np.sqrt(hsic(K, K) * hsic(L, L))
    assert km.cka(X, Y, "unbiased") == pytest.approx(expected, rel=1e-10)


def test_minibatches_of_unequal_size_average_the_estimates_of_song() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(23, 6))
    Y = X @ rng.normal(size=(6, 5)) + 2 * rng.normal(size=(23, 5))

    def song(A: Any, B: Any) -> float:
        n = len(A)
        K, L = A @ A.T, B @ B.T
        np.fill_diagonal(K, 0)
        np.fill_diagonal(L, 0)
        one = np.ones(n)
        means = (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
        return float(np.trace(K @ L) + means - 2 / (n - 2) * (one @ K @ L @ one)) / (n * (n - 3))

    batches = [slice(0, 6), slice(6, 12), slice(12, 18), slice(18, 23)]
    xy, xx, yy = (np.mean([song(A[b], B[b]) for b in batches]) for A, B in ((X, Y), (X, X), (Y, Y)))
    assert km.cka(X, Y, "unbiased", batch_size=5) == pytest.approx(xy / np.sqrt(xx * yy), rel=1e-10)


def test_minibatches_average_the_terms_not_the_ratios() -> None:
    rng = np.random.default_rng(1)
    X, Y, _ = shared(rng, 40, 6, 5, 3)

    def term(x: Any, y: Any) -> float:
        K, L = (z @ z.T * (1 - np.eye(len(z))) for z in (x, y))
        return float(_weighted_hsic(K, L, np.ones((len(x), 1)))[0])

    parts = [slice(0, 10), slice(10, 20), slice(20, 30), slice(30, 40)]
    xy, xx, yy = (np.mean([term(P[s], Q[s]) for s in parts]) for P, Q in ((X, Y), (X, X), (Y, Y)))
    assert km.cka(X, Y, "unbiased", batch_size=10) == pytest.approx(xy / np.sqrt(xx * yy))
    assert km.cka(X, Y, "unbiased", batch_size=40) == pytest.approx(km.cka(X, Y, "unbiased"))
    # Each term is unbiased whatever the batch: the average over many draws is that of the population.
    estimates = [km.cka(*shared(np.random.default_rng(s), 400, 30, 30, 10, 3)[:2], "unbiased", 20) for s in range(10)]
    truths = [shared(np.random.default_rng(s), 4, 30, 30, 10, 3)[2] for s in range(10)]
    biased = [km.cka(*shared(np.random.default_rng(s), 20, 30, 30, 10, 3)[:2]) for s in range(10)]
    assert abs(np.mean(estimates) - np.mean(truths)) < 0.03
    assert abs(np.mean(biased) - np.mean(truths)) > 0.2


@settings(max_examples=15)
@given(st.integers(0, 99))
def test_rotations_scalings_and_shifts_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, Y, _ = shared(rng, 25, 6, 4, 3)
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    for estimator in ("biased", "unbiased"):
        reference = km.cka(X, Y, estimator)  # type: ignore[arg-type]
        assert km.cka(1e-150 * X @ Q + 1e-150, 1e150 * Y, estimator) == pytest.approx(reference)  # type: ignore[arg-type]
        assert km.cka(X, X @ Q, estimator) == pytest.approx(1)  # type: ignore[arg-type]
    stretched = km.cka(X, X @ np.diag([10.0, 1, 1, 1, 1, 1]))
    assert stretched < 0.99  # only rotations are invisible


def test_intervals_cover_the_population() -> None:
    trials = 60
    hits = 0
    for t in range(trials):
        X, Y, truth = shared(np.random.default_rng([7, t]), 60, 5, 5, 3)
        found = km.cka_interval(X, Y, confidence=0.9, resamples=200, seed=t)
        assert found.value == pytest.approx(km.cka(X, Y, "unbiased"))
        assert found.replicates.shape == (200,)
        hits += truth in found
    assert 0.8 <= hits / trials <= 0.98


def test_intervals_of_many_features_are_not_pulled_to_one() -> None:
    """Resamples hold copies; a plain bootstrap of n < p would put its replicates far above the estimate."""
    X, Y, truth = shared(np.random.default_rng(3), 60, 200, 200, 40, 5)
    found = km.cka_interval(X, Y, resamples=300)
    assert truth in found
    assert abs(np.median(found.replicates) - found.value) < 0.1
    again = km.cka_interval(X, Y, resamples=300)
    np.testing.assert_array_equal(found.replicates, again.replicates)
    assert "replicates" not in repr(found)


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(120, 8))
    noise = rng.normal(size=X.shape)
    Y, Z = X + 0.5 * noise, X + 0.9 * noise
    test = km.cka_difference(X, Y, Z, resamples=400)
    assert test.difference == pytest.approx(km.cka(X, Y, "unbiased") - km.cka(X, Z, "unbiased"))
    assert test.p_value < 0.01
    assert test.low > 0
    unpaired = km.cka_interval(X, Y, resamples=400).replicates - km.cka_interval(X, Z, resamples=400, seed=1).replicates
    assert np.std(test.replicates) < np.std(unpaired)
    same = km.cka_difference(X, Y, Y.copy(), resamples=50)
    assert (same.difference, same.p_value) == (0, 1)
    assert km.cka_difference(X, Z, Y, resamples=400).high < 0


def test_paired_bootstrap() -> None:
    rng = np.random.default_rng(0)
    base = 10 * rng.normal(size=30)
    first, second = base + 0.3 + 0.1 * rng.normal(size=30), base + 0.1 * rng.normal(size=30)
    test = km.paired_bootstrap(first, second, resamples=2000)
    assert test.difference == pytest.approx(np.mean(first - second))
    spread = np.std(first - second) / np.sqrt(30)
    assert np.std(test.replicates) == pytest.approx(spread, rel=0.1)
    assert (test.high - test.low) / 2 == pytest.approx(1.96 * spread, rel=0.1)
    assert test.p_value == pytest.approx(2 / 2001)
    # Under no difference p-values are near uniform, so few fall below 0.1.
    p = [km.paired_bootstrap(*rng.normal(size=(2, 40)), resamples=300).p_value for _ in range(100)]
    assert 0.02 <= np.mean(np.array(p) < 0.1) <= 0.2


def test_bad_input() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(10, 3)), rng.normal(size=(10, 4))
    with pytest.raises(ValueError, match="Y has 9 examples and X 10"):
        km.cka(X, Y[:9])
    with pytest.raises(ValueError, match=r"X has shape \(3,\): expected \(examples, features"):
        km.cka(np.ones(3), Y)
    with pytest.raises(TypeError, match="Y has dtype complex128: expected real features"):
        km.cka(X, Y + 1j)
    with pytest.raises(ValueError, match="Y has 1 NaN or infinite entries"):
        km.cka(X, np.where(np.arange(40).reshape(10, 4) == 7, np.nan, Y))
    with pytest.raises(ValueError, match="X is the same for every example"):
        km.cka(np.ones((10, 3)) * 0.1, Y)
    with pytest.raises(ValueError, match="estimator='debiased': expected"):
        km.cka(X, Y, "debiased")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='batch_size=5: minibatches need estimator="unbiased"'):
        km.cka(X, Y, batch_size=5)
    for batch_size in (3, 11):
        with pytest.raises(ValueError, match=f"batch_size={batch_size}: expected 4 to 10"):
            km.cka(X, Y, "unbiased", batch_size)
    with pytest.raises(ValueError, match="X has 3 examples: the unbiased estimate needs at least 4"):
        km.cka_interval(X[:3], Y[:3])
    with pytest.raises(ValueError, match=r"own HSIC is .*: expected features that vary"):
        km.cka(np.eye(5), np.eye(5), "unbiased")
    one = np.zeros((10, 1))
    one[0] = 1
    with pytest.raises(ValueError, match="a resample of the 10 examples has no variation left"):
        km.cka_interval(one, X)
    with pytest.raises(ValueError, match=r"confidence=95: expected a number between 0 and 1"):
        km.cka_interval(X, Y, confidence=95, resamples=5)
    with pytest.raises(ValueError, match="resamples=0: expected at least 1"):
        km.cka_difference(X, Y, Y, resamples=0)
    with pytest.raises(ValueError, match=r"first has shape \(3,\) and second \(2,\)"):
        km.paired_bootstrap([1.0, 2, 3], [1.0, 2])
    with pytest.raises(TypeError, match="second has dtype complex128: expected real numbers"):
        km.paired_bootstrap([1.0, 2], [1j, 2])
