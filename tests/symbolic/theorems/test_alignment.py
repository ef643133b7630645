"""CKA identities against numbers."""

import numpy as np
import pytest

from kronmix.symbolic.provers.polynomials import entries, value_at
from kronmix.symbolic.theorems.alignment import biased_hsic, prove_unbiased, unbiased_hsic


def numeric_hsic(K, L):
    """Song et al. 2012, equation 5, written as sums over distinct indices."""
    n = len(K)
    total = 0.0
    for i, j, q, r in np.ndindex(n, n, n, n):
        if len({i, j, q, r}) == 4:
            total += K[i, j] * (L[i, j] + L[q, r] - 2 * L[i, q])
    return total / (n * (n - 1) * (n - 2) * (n - 3))


def test_unbiased_hsic_is_the_u_statistic():
    n = 5
    M = entries(K=(n, n), L=(n, n))
    rng = np.random.default_rng(0)
    numbers = {name: (lambda A: A + A.T)(rng.integers(-4, 5, (n, n))) for name in "KL"}
    point = {f"{name}_{i}_{j}": int(A[i, j]) for name, A in numbers.items() for i, j in np.ndindex(n, n)}
    exact_value = value_at(unbiased_hsic(M["K"], M["L"]), point)
    assert float(exact_value) == pytest.approx(numeric_hsic(numbers["K"], numbers["L"]))


def test_biased_hsic_is_the_centred_trace():
    n = 4
    M = entries(K=(n, n), L=(n, n))
    rng = np.random.default_rng(1)
    K, L = rng.integers(-4, 5, (2, n, n))
    point = {f"{name}_{i}_{j}": int(A[i, j]) for name, A in (("K", K), ("L", L)) for i, j in np.ndindex(n, n)}
    H = np.eye(n) - 1 / n
    assert float(value_at(biased_hsic(M["K"], M["L"]), point)) == pytest.approx(np.trace(K @ H @ L @ H) / (n - 1) ** 2)


def test_every_batch_size_gives_the_same_mean():
    for batch in (4, 5):
        assert prove_unbiased(samples=6, batch=batch).holds
    assert not prove_unbiased(biased_hsic).holds
