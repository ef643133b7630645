"""T25, the unbiased minibatch estimate of HSIC: an exact identity in the entries of kernels."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from ..claims import ENTRYWISE, Outcome, Proof, claim
from ..provers.polynomials import Array, entries
from ..steps import Step, stepwise
from .minima import vanish
from .sources import NGUYEN


def unbiased_hsic(K: Array, L: Array, mixed: Any = 2, sums: Any = 1) -> Any:
    """HSIC₁ = [tr(K̃L̃) + sums 1ᵀK̃1 · 1ᵀL̃1/((n−1)(n−2)) − mixed/(n−2) 1ᵀK̃L̃1] / (n(n−3)), mixed = 2, sums = 1, diagonals 0."""
    n = len(K)
    K, L = _with_zero_diagonal(K), _with_zero_diagonal(L)
    product = K @ L
    total = (
        np.trace(product)
        + K.sum() * L.sum() * K[0, 1].ring(sums) * _one_over((n - 1) * (n - 2), K)
        - product.sum() * K[0, 1].ring(mixed) * _one_over(n - 2, K)
    )
    return total * _one_over(n * (n - 3), K)


def biased_hsic(K: Array, L: Array) -> Any:
    """HSIC₀ = tr(KHLH)/(n − 1)² with H = I − 11ᵀ/n, which no minibatch average leaves unchanged."""
    n = len(K)
    one = _one_over(1, K)
    H = np.array([[one * (i == j) - _one_over(n, K) for j in range(n)] for i in range(n)], object)
    return np.trace(K @ H @ L @ H) * _one_over((n - 1) ** 2, K)


def prove_unbiased(
    estimator: Callable[[Array, Array], Any] = unbiased_hsic, samples: int = 6, batch: int = 4
) -> Outcome:
    """The average over ALL minibatches without replacement is the estimate of the whole data set, for any kernels K, L.

    So the minibatch average is unbiased for every batch size ≥ 4: it does not depend on it (Song et al. 2012, a U-statistic).
    """
    M = entries(k=(samples * (samples + 1) // 2,), l=(samples * (samples + 1) // 2,))
    K, L = _symmetric(M["k"], samples), _symmetric(M["l"], samples)
    subsets = [np.ix_(s, s) for s in combinations(range(samples), batch)]
    average = sum((estimator(K[s], L[s]) for s in subsets), start=0) * _one_over(comb(samples, batch), K)
    sizes = f"{samples} samples, all {len(subsets)} batches of {batch}"
    wrong = vanish(np.array(average), np.array(estimator(K, L)), sizes, "mean over minibatches")
    return wrong or Proof(sizes, "entrywise, any symmetric kernels")


def _symmetric(entries_: Array, n: int) -> Array:
    K = np.empty((n, n), object)
    rows, columns = np.tril_indices(n)
    K[rows, columns] = K[columns, rows] = entries_
    return K


def _with_zero_diagonal(K: Array) -> Array:
    out = K.copy()
    np.fill_diagonal(out, 0 * K[0, 0])
    return out


def _one_over(n: int, K: Array) -> Any:
    return K[0, 1].ring.one / n


CLAIMS = (
    stepwise(
        "T25",
        "invariance of linear CKA",
        "Linear CKA is unchanged by rotating and scaling the features: its numerator gains a², its denominator the root of a⁴.",
        r"\operatorname{CKA}(aXQ,Y)=\operatorname{CKA}(X,Y),\qquad Q^{\top}Q=I",
        NGUYEN,
        Step(
            "the numerator",
            "trace((a*Y.T@X@Q).T@(a*Y.T@X@Q)) == a*a*trace((Y.T@X).T@(Y.T@X))",
            "X=n,p Y=n,q Q=p,p a=",
            "Q orthogonal",
        ),
        {
            "any linear map": {"assume": None},
            "symmetric for orthogonal": {"assume": "Q symmetric"},
            "a for a²": {"text": "trace((a*Y.T@X@Q).T@(a*Y.T@X@Q)) == a*trace((Y.T@X).T@(Y.T@X))"},
        },
        (
            Step(
                "the squared denominator",
                "trace((a*X@Q).T@(a*X@Q)@(a*X@Q).T@(a*X@Q)) == a*a*a*a*trace(X.T@X@X.T@X)",
                "X=n,p Q=p,p a=",
                "Q orthogonal",
            ),
        ),
    ),
    stepwise(
        "T25",
        "kernel form of linear CKA",
        "Linear CKA compares the Gram matrices of the samples.",
        r"\|Y^{\top}X\|_F^2=\langle XX^{\top},YY^{\top}\rangle",
        NGUYEN,
        Step("both traces", "trace((Y.T@X).T@(Y.T@X)) == trace((X@X.T)@(Y@Y.T))", "X=n,p Y=n,q"),
        {
            "Gram matrices of the features": {
                "text": "trace((Y.T@X).T@(Y.T@X)) == trace((X.T@X)@(Y.T@Y))",
                "shapes": "X=n,p Y=n,p",
            }
        },
    ),
    stepwise(
        "T25",
        "range of CKA",
        "CKA is at most 1, and 1 for proportional kernels: Cauchy–Schwarz by Lagrange's sum of squares, k = vec K, l = vec L.",
        r"\|K\|_F^2\|L\|_F^2-\langle K,L\rangle^2=\tfrac12\sum_{ij}(k_il_j-k_jl_i)^2",
        NGUYEN,
        Step(
            "Lagrange's identity",
            "2*trace(k.T@k)*trace(l.T@l)-2*(k.T@l)@(k.T@l) == trace((k@l.T-l@k.T).T@(k@l.T-l@k.T))",
            "k=n,1 l=n,1",
        ),
        {
            "at most ½": {
                "text": "2*trace(k.T@k)*trace(l.T@l)-8*(k.T@l)@(k.T@l) == trace((k@l.T-l@k.T).T@(k@l.T-l@k.T))"
            }
        },
    ),
    claim(
        "T25",
        "unbiased minibatch HSIC",
        "The unbiased estimate averaged over all minibatches of a data set is the estimate of the data set, for any kernels.",
        r"\tbinom Nn^{-1}\sum_{|b|=n}\operatorname{HSIC}_1(K_b,L_b)=\operatorname{HSIC}_1(K,L)",
        NGUYEN,
        ENTRYWISE,
        prove_unbiased,
        {
            "the biased estimate": {"estimator": biased_hsic},
            "without the mixed term": {"estimator": partial(unbiased_hsic, mixed=0)},
            "the mixed term 1 % less": {"estimator": partial(unbiased_hsic, mixed=Fraction(99, 50))},
        },
        slow=partial(prove_unbiased, samples=7, batch=5),
    ),
)
