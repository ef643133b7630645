"""Theorem entries T28, T29, T30 and T33: bounds for chains, Kronecker sums, permutations, adapters."""

from __future__ import annotations

from functools import partial

import numpy as np

from .algebra import (
    column_khatri_rao,
    kronecker_sum,
    prove_cuts,
    prove_eigenvalues,
    prove_exponential,
    prove_hadamard_factors,
    prove_permuted_law,
    prove_rank,
    row_khatri_rao,
)
from .claims import CERTIFICATE, ENTRYWISE, Claim, Mutant

__all__ = ["CLAIMS"]

_HORN = "Horn & Johnson 1991, chapter 4"

CLAIMS = (
    Claim(
        "T28",
        "cuts of a chain",
        "A chain lies in the two-factor set of each of its cuts, so every cut's optimum is a lower bound of the chain's.",
        r"\max_l E_l\ \le\ \min_{X_1,\dots,X_L}\|B-X_1\cdots X_L\|_F",
        "Le, Zheng, Riccietti & Gribonval 2024, arXiv 2411.04506",
        CERTIFICATE,
        prove_cuts,
        (
            Mutant("slices of a rank less", partial(prove_cuts, rank=lambda r: r - 1)),
            Mutant("sums of two chains too", partial(prove_cuts, terms=2)),
            Mutant("slices transposed", partial(prove_cuts, lambda B, s: s.slices(B.T[None, None]), radices=((2, 3),))),
        ),
        slow=partial(prove_cuts, radices=((2, 2, 2), (2, 3), (3, 2), (2, 2, 3), (2, 2, 2, 2))),
    ),
    Claim(
        "T29",
        "eigenvalues of A⊗B + σI",
        "The eigenvectors of A⊗B + σI are the products of those of A and B, with eigenvalues ab + σ.",
        r"(A\otimes B+\sigma I)(p\otimes q)=(ab+\sigma)(p\otimes q)",
        _HORN,
        ENTRYWISE,
        prove_eigenvalues,
        (
            Mutant("a + b + σ", partial(prove_eigenvalues, lambda a, b, s: a + b + s)),
            Mutant("σ left out", partial(prove_eigenvalues, lambda a, b, s: a * b)),
            Mutant("B⊗A", partial(prove_eigenvalues, operator=lambda A, B: np.kron(B, A))),
        ),
    ),
    Claim(
        "T29",
        "eigenvalues of A⊕B",
        "The eigenvectors of A⊕B = A⊗I + I⊗B are the products of those of A and B, with eigenvalues a + b.",
        r"(A\oplus B)(p\otimes q)=(a+b)(p\otimes q)",
        _HORN,
        ENTRYWISE,
        partial(prove_eigenvalues, lambda a, b, s: a + b + s, kronecker_sum),
        (
            Mutant("ab", partial(prove_eigenvalues, lambda a, b, s: a * b + s, kronecker_sum)),
            Mutant("a − b", partial(prove_eigenvalues, lambda a, b, s: a - b + s, kronecker_sum)),
            Mutant("B⊕A", partial(prove_eigenvalues, lambda a, b, s: a + b + s, lambda A, B: kronecker_sum(B, A))),
        ),
    ),
    Claim(
        "T29",
        "exponential of A⊕B",
        "The series of exp(A⊕B) is that of exp(A)⊗exp(B), term by term: A⊗I and I⊗B commute.",
        r"\exp(A\oplus B)=e^A\otimes e^B",
        _HORN,
        ENTRYWISE,
        prove_exponential,
        (
            Mutant("e^B ⊗ e^A", partial(prove_exponential, lambda x, y: np.kron(y, x))),
            Mutant("e^{2A}", partial(prove_exponential, scale=2)),
            Mutant("e^{−A}", partial(prove_exponential, scale=-1)),
        ),
    ),
    Claim(
        "T30",
        "permutation between two factors",
        "A permutation between P and Q changes neither the sum of squares nor the law, which reads (PΠ)ᵀPΠ − QQᵀ.",
        r"\tfrac{d}{dt}\bigl[(P\Pi)^\top P\Pi-QQ^\top\bigr]=0,\qquad \|P\Pi\|_F=\|P\|_F",
        "Marcotte, Gribonval & Peyré 2023",
        ENTRYWISE,
        prove_permuted_law,
        (
            Mutant("without Π", partial(prove_permuted_law, lambda P, Q, J: P.T @ P - Q @ Q.T)),
            Mutant("Πᵀ for Π", partial(prove_permuted_law, lambda P, Q, J: (P @ J.T).T @ P @ J.T - Q @ Q.T)),
            Mutant("a plus", partial(prove_permuted_law, lambda P, Q, J: (P @ J).T @ P @ J + Q @ Q.T)),
        ),
    ),
    Claim(
        "T33",
        "LoHa as one product",
        "The entrywise product of two low-rank matrices is a product of their row-wise and column-wise Khatri–Rao products.",
        r"(B_1A_1)\circ(B_2A_2)=(B_1\odot_{\mathrm{row}}B_2)(A_1\odot_{\mathrm{col}}A_2)",
        "Hyeon-Woo et al. 2022; Khatri & Rao 1968",
        ENTRYWISE,
        prove_hadamard_factors,
        (
            Mutant("the left pair exchanged", partial(prove_hadamard_factors, lambda X, Y: row_khatri_rao(Y, X))),
            Mutant(
                "the right pair exchanged", partial(prove_hadamard_factors, right=lambda X, Y: column_khatri_rao(Y, X))
            ),
            Mutant("a sign", partial(prove_hadamard_factors, lambda X, Y: -row_khatri_rao(X, Y))),
        ),
    ),
    Claim(
        "T33",
        "rank of LoKr",
        "The rank of a Kronecker product is the product of the ranks.",
        r"\operatorname{rank}(A\otimes B)=\operatorname{rank}A\cdot\operatorname{rank}B",
        "Yeh et al. 2024; " + _HORN,
        CERTIFICATE,
        prove_rank,
        (
            Mutant("the sum of the ranks", partial(prove_rank, inner=lambda r, s: r + s)),
            Mutant("exponents 1 and 2", partial(prove_rank, (1, 2))),
            Mutant("exponents 2 and 3", partial(prove_rank, (2, 3))),
        ),
    ),
)
