"""T25, linear CKA and its unbiased minibatch estimate: exact identities in the entries of features and kernels.

CKA(X, Y) = ‖YᵀX‖_F² / (‖XᵀX‖_F ‖YᵀY‖_F) for centred features, one row a sample.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from .claims import Counterexample, Proof
from .minima import vanish
from .provers.polynomials import Array, entries, inner, square_norm

Outcome = Proof | Counterexample

__all__ = [
    "biased_hsic",
    "prove_bounded",
    "prove_invariance",
    "prove_kernel_form",
    "prove_unbiased",
    "unbiased_hsic",
]


def scaled_rotation(a: Any, c: Any, s: Any) -> Array:
    """a (c² + s²)^{1/2} Q for the rotation Q by the angle of (c, s)."""
    return np.array([[a * c, -a * s], [a * s, a * c]], object)


def prove_invariance(
    transform: Callable[[Any, Any, Any], Array] = scaled_rotation, samples: int = 3, widths: tuple[int, int] = (2, 3)
) -> Outcome:
    """CKA(X A, Y) = CKA(X, Y) for A = a scaled rotation, AᵀA = ρI: numerator and squared denominator gain ρ and ρ².

    ``transform(a, c, s)`` is A, 2×2 with symbolic entries.
    """
    M = entries(X=(samples, widths[0]), Y=(samples, widths[1]), a=(), c=(), s=())
    X, Y = M["X"], M["Y"]
    A = transform(*(M[name].item() for name in "acs"))
    moved, rho = X @ A, (A.T @ A)[0, 0]
    sizes = f"{samples} samples, features {widths[0]} and {widths[1]}; all rotations and scales"
    pairs = (
        ("‖YᵀX‖²", square_norm(Y.T @ moved), rho * square_norm(Y.T @ X)),
        ("‖XᵀX‖²", square_norm(moved.T @ moved), rho**2 * square_norm(X.T @ X)),
    )
    for name, left, right in pairs:
        if wrong := vanish(np.array(left), np.array(right), sizes, name):
            return wrong
    return Proof(sizes, "every entry a symbol, those of the rotation too")


def prove_kernel_form(transposed: bool = False, samples: int = 3, widths: tuple[int, int] = (2, 2)) -> Outcome:
    """‖YᵀX‖_F² = ⟨XXᵀ, YYᵀ⟩ and ‖XᵀX‖_F² = ⟨XXᵀ, XXᵀ⟩: CKA compares the samples' Gram matrices."""
    M = entries(X=(samples, widths[0]), Y=(samples, widths[1]))
    X, Y = M["X"], M["Y"]
    grams = (X.T @ X, Y.T @ Y) if transposed else (X @ X.T, Y @ Y.T)
    sizes = f"{samples} samples, features {widths[0]} and {widths[1]}"
    wrong = vanish(np.array(square_norm(Y.T @ X)), np.array(inner(*grams)), sizes, "⟨K, L⟩")
    wrong = wrong or vanish(np.array(square_norm(X.T @ X)), np.array(square_norm(grams[0])), sizes, "⟨K, K⟩")
    return wrong or Proof(sizes, "every entry a symbol")


def prove_bounded(constant: int = 1, samples: int = 3) -> Outcome:
    """CKA ≤ 1, equality for K ∝ L: ‖K‖²‖L‖² − constant·⟨K, L⟩² = Σ_{i<j} (k_i l_j − k_j l_i)² (Lagrange)."""
    M = entries(K=(samples, samples), L=(samples, samples))
    k, l = M["K"].ravel(), M["L"].ravel()
    gap = square_norm(k) * square_norm(l) - constant * inner(k, l) ** 2
    squares = sum(((k[i] * l[j] - k[j] * l[i]) ** 2 for i, j in combinations(range(len(k)), 2)), start=0)
    sizes = f"{samples} samples"
    return vanish(np.array(gap), np.array(squares), sizes, "the gap") or Proof(sizes, "sum of squares")


def unbiased_hsic(K: Array, L: Array) -> Any:
    """HSIC₁ = [tr(K̃L̃) + 1ᵀK̃1 · 1ᵀL̃1/((n−1)(n−2)) − 2/(n−2) 1ᵀK̃L̃1] / (n(n−3)), diagonals set to 0."""
    n = len(K)
    K, L = _hollow(K), _hollow(L)
    product = K @ L
    total = (
        np.trace(product) + K.sum() * L.sum() * _inverse((n - 1) * (n - 2), K) - product.sum() * 2 * _inverse(n - 2, K)
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
