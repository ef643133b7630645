"""Theorem entries T9 to T15: Kronecker-sparse factors, Monarch, and Kronecker products."""

from __future__ import annotations

from functools import partial

import sympy as sp

from ..claims import ENTRYWISE, Claim, Mutant
from . import structure_statements as statements
from .identity import identity
from .penalties import monarch_slices
from .structure_provers import (
    contiguous_blocks,
    prove_best_monarch,
    prove_determinant,
    prove_slice_ranks,
    strided_columns,
)

__all__ = ["CLAIMS"]

_HAYASE = "Hayase & Karakida, ICML 2024, arXiv 2306.01470"
_LE = "Le, Zheng, Riccietti & Gribonval 2024, arXiv 2411.04506"
_DAO = "Dao et al., Monarch, ICML 2022"
_VAN_LOAN = "Van Loan & Pitsianis 1993; Van Loan 2000"
_PAIRS = [(1, 2), (2, 2), (2, 3), (3, 2)]
_QUADS = [(1, 1, 2, 2), (2, 2, 2, 2), (1, 2, 3, 2), (2, 3, 3, 2)]

CLAIMS = (
    *identity(
        "T9",
        "tied factor",
        "Values shared along a and d are I_a ⊗ K ⊗ I_d.",
        r"I_a\otimes K\otimes I_d",
        _LE,
        statements.tied_factor,
        "a b c d",
        [(1, 1, 1, 2), (1, 2, 1, 2), (2, 2, 3, 1), (1, 2, 2, 2)],
        {"a and d swapped": {"order": "dKa"}},
        real=lambda S, C: (2, S, C, 2),
    ),
    *identity(
        "T10",
        "mixing patterns",
        "The tied factors (1, C, C, S) of Vᵀ and (C, S, S, 1) of W multiply to Vᵀ ⊗ W.",
        r"(1,C,C,S)*(C,S,S,1)",
        _HAYASE,
        statements.mixing_patterns,
        "S C",
        _PAIRS,
        {"channel mixing as blocks": {"blocks": True}},
        real=lambda S, C: (S, C),
    ),
    *identity(
        "T11",
        "product of chainable factors",
        "(a, b, κr, βd) and (aκ, rβ, c, d) multiply to the pattern (a, bβ, κc, d), whose slices are products of inner size r.",
        r"(a,b,\kappa r,\beta d)*(a\kappa,r\beta,c,d)=(a,b\beta,\kappa c,d)",
        _LE,
        statements.chained_factors,
        "a b c d β κ r",
        [(1, 1, 1, 1, 2, 2, 1), (2, 1, 2, 1, 2, 1, 2), (1, 2, 1, 2, 2, 2, 2)],
        {"slices transposed": {"transpose": True}},
        real=lambda S, C: (1, 2, 2, 1, S, C, 1),
        large=[(2, 3, 2, 3, 2, 2, 2)],
    ),
    Claim(
        "T11",
        "rank of the slices",
        "Slices of a product of chainable factors have rank at most r: their minors vanish.",
        r"\operatorname{rank}\le r=a_1c_1/a_2",
        _LE,
        ENTRYWISE,
        prove_slice_ranks,
        (
            Mutant("rank r − 1", partial(prove_slice_ranks, more=0)),
            Mutant("contiguous rows", partial(prove_slice_ranks, (0, 2, 1, 3, 4, 5))),
            Mutant("strided columns", partial(prove_slice_ranks, (0, 1, 2, 3, 5, 4))),
        ),
        slow=partial(prove_slice_ranks, sizes=((1, 1, 2, 2), (2, 1, 2, 1), (1, 2, 1, 2), (2, 2, 2, 2), (2, 1, 3, 2))),
    ),
    *identity(
        "T12",
        "Monarch",
        "M[(i_p,i_q),(i_k,i_s)] = L[i_q,i_p,i_k] R[i_k,i_q,i_s].",
        r"M_{pq,ks}=L_{qpk}R_{kqs}",
        _DAO,
        statements.monarch,
        "p k q s",
        [(2, 2, 2, 2), (1, 2, 3, 2)],
        {"factors in the other order": {"reversed_": True}},
        real=lambda S, C: (2, C, S, 2),
        large=[(3, 4, 3, 2), (4, 4, 4, 4)],
    ),
    Claim(
        "T13",
        "best Monarch",
        "‖B − M‖² is a sum over slices that share no parameter: the best M is the best of rank r slice by slice.",
        r"\|B-M\|_F^2=\sum_{q,k}\|B_{qk}-L_{qk}R_{kq}\|_F^2",
        _DAO + "; Eckart & Young 1936, cited",
        ENTRYWISE,
        prove_best_monarch,
        (
            Mutant("contiguous blocks", partial(prove_best_monarch, contiguous_blocks)),
            Mutant("columns strided too", partial(prove_best_monarch, strided_columns)),
            Mutant(
                "1 % more", partial(prove_best_monarch, lambda B, shape: monarch_slices(B, shape) * sp.QQ(101, 100))
            ),
        ),
        slow=partial(prove_best_monarch, block_rank=2, shapes=((2, 2, 2, 2), (3, 2, 3, 2), (3, 3, 3, 3))),
    ),
    *identity(
        "T14",
        "rearrangement",
        "𝓡(A ⊗ B) = vec(A) vec(B)ᵀ.",
        r"\mathcal R(A\otimes B)=\operatorname{vec}A\operatorname{vec}B^\top",
        _VAN_LOAN,
        statements.rearrangement,
        "m n p q",
        _QUADS,
        {"A transposed": {"transposed": True}},
        real=lambda S, C: (S, 2, 2, C),
        large=[(4, 3, 3, 5)],
    ),
    *identity(
        "T15",
        "mixed product",
        "(A ⊗ B)(C ⊗ D) = AC ⊗ BD.",
        r"(A\otimes B)(C\otimes D)=AC\otimes BD",
        _VAN_LOAN,
        statements.mixed_product,
        "k m n p q r",
        [(1, 1, 1, 2, 2, 1), (1, 2, 1, 2, 1, 2)],
        {"second factors swapped": {"transposed": True}},
        real=lambda S, C: (S, S, S, C, C, C),
    ),
    *identity(
        "T15",
        "trace",
        "tr(A ⊗ B) = tr A tr B.",
        r"\operatorname{tr}(A\otimes B)=\operatorname{tr}A\operatorname{tr}B",
        _VAN_LOAN,
        statements.trace_multiplies,
        "n p",
        [(1, 1), (2, 1), (2, 3)],
        {"added": {"added": True}},
        real=lambda S, C: (S, C),
    ),
    *identity(
        "T15",
        "Frobenius norm",
        "‖A ⊗ B‖_F² = ‖A‖_F² ‖B‖_F².",
        r"\|A\otimes B\|_F^2=\|A\|_F^2\|B\|_F^2",
        _VAN_LOAN,
        statements.norm_multiplies,
        "m n p q",
        [(1, 1, 1, 1), (1, 2, 2, 1)],
        {"added": {"added": True}},
    ),
    Claim(
        "T15",
        "determinant",
        "det(A ⊗ B) = det(A)^p det(B)^n.",
        r"\det(A\otimes B)=\det(A)^p\det(B)^n",
        _VAN_LOAN,
        ENTRYWISE,
        prove_determinant,
        (
            Mutant("exponents exchanged", partial(prove_determinant, lambda n, p: (n, p))),
            Mutant("exponents 1", partial(prove_determinant, lambda n, p: (1, 1))),
            Mutant("one more", partial(prove_determinant, lambda n, p: (p + 1, n))),
        ),
        slow=partial(prove_determinant, sizes=((2, 1), (1, 2), (2, 2), (3, 1), (1, 3))),
    ),
)
