"""T25, the unbiased minibatch estimate of HSIC: an exact identity in the entries of kernels."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from ..claims import Outcome, Proof
from ..provers.polynomials import Array, entries
from .minima import vanish

__all__ = [
    "biased_hsic",
    "prove_unbiased",
    "unbiased_hsic",
]


def unbiased_hsic(K: Array, L: Array, mixed: Any = 2) -> Any:
    """HSIC₁ = [tr(K̃L̃) + 1ᵀK̃1 · 1ᵀL̃1/((n−1)(n−2)) − mixed/(n−2) 1ᵀK̃L̃1] / (n(n−3)), mixed = 2, diagonals set to 0."""
    n = len(K)
    K, L = _hollow(K), _hollow(L)
    product = K @ L
    total = (
        np.trace(product)
        + K.sum() * L.sum() * _inverse((n - 1) * (n - 2), K)
        - product.sum() * K[0, 1].ring(mixed) * _inverse(n - 2, K)
    )
    return total * _inverse(n * (n - 3), K)


def biased_hsic(K: Array, L: Array) -> Any:
    """HSIC₀ = tr(KHLH)/(n − 1)² with H = I − 11ᵀ/n, which no minibatch average leaves unchanged."""
    n = len(K)
    one = _inverse(1, K)
    H = np.array([[one * (i == j) - _inverse(n, K) for j in range(n)] for i in range(n)], object)
    return np.trace(K @ H @ L @ H) * _inverse((n - 1) ** 2, K)


def prove_unbiased(
    estimator: Callable[[Array, Array], Any] = unbiased_hsic, samples: int = 6, batch: int = 4
) -> Outcome:
    """The average over ALL minibatches without replacement is the estimate of the whole data set, for any kernels K, L.

    So the minibatch average is unbiased for every batch size ≥ 4: it does not depend on it (Song et al. 2012, a U-statistic).
    """
    M = entries(k=(samples * (samples + 1) // 2,), l=(samples * (samples + 1) // 2,))
    K, L = _symmetric(M["k"], samples), _symmetric(M["l"], samples)
    subsets = [np.ix_(s, s) for s in combinations(range(samples), batch)]
    average = sum((estimator(K[s], L[s]) for s in subsets), start=0) * _inverse(comb(samples, batch), K)
    sizes = f"{samples} samples, all {len(subsets)} batches of {batch}"
    wrong = vanish(np.array(average), np.array(estimator(K, L)), sizes, "mean over minibatches")
    return wrong or Proof(sizes, "entrywise, any symmetric kernels")


def _symmetric(entries_: Array, n: int) -> Array:
    K = np.empty((n, n), object)
    rows, columns = np.tril_indices(n)
    K[rows, columns] = K[columns, rows] = entries_
    return K


def _hollow(K: Array) -> Array:
    out = K.copy()
    np.fill_diagonal(out, 0 * K[0, 0])
    return out


def _inverse(n: int, K: Array) -> Any:
    return K[0, 1].ring.one / n
