"""Theorem entries T16, T17 and T18: the ℓ1 bound, the induced penalties, the pullbacks."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import numpy as np
import sympy as sp

from ...patterns import Pattern
from ..claims import ALL_SIZES, CERTIFICATE, ENTRYWISE, Claim, Mutant
from ..provers.polynomials import Array, square_norm
from .gradients import (
    SLOW_PATTERNS,
    defining_factor,
    kronecker_pullback,
    prove_factor_pullback,
    prove_kronecker_pullback,
)
from .l1_bound import prove_balanced_bound, prove_looseness, prove_norm_comparison
from .penalties import (
    kronecker_rearrangement,
    prove_dense_penalty,
    prove_entrywise_penalty,
    prove_group_penalty,
    prove_kronecker_penalty,
    prove_mixer_penalty,
    prove_monarch_penalty,
    prove_product_penalty,
    prove_sum_penalty,
    prove_two_factor_penalty,
)
from .structure_provers import contiguous_blocks

__all__ = ["CLAIMS"]

_HAYASE = "Hayase & Karakida, ICML 2024, arXiv 2306.01470"


def unshuffled(B: Array, left: tuple[int, int], right: tuple[int, int]) -> Array:
    """B reshaped without the shuffle of 𝓡: a false neighbour."""
    return B.reshape(left[0] * left[1], right[0] * right[1])


def row_stacked_pullback(G: Array, V: Array, W: Array) -> tuple[Array, Array]:
    """vec taken along rows on one side only: a false neighbour."""
    R = kronecker_rearrangement(G, V.shape, W.shape)
    return (R @ W.ravel()).reshape(V.shape), (R.T @ V.ravel()).reshape(W.shape)


def swapped_pullback(G: Array, V: Array, W: Array) -> tuple[Array, Array]:
    """The gradient of W ⊗ V: a false neighbour."""
    return kronecker_pullback(G, W, V)[::-1]


def first_tied_gradient(values: Array, pattern: Pattern, x: Array, y_bar: Array) -> Array:
    """Tied axes read off instead of summed: a false neighbour."""
    full = defining_factor(np.empty(pattern.values_shape), pattern, x, y_bar)
    return full[: values.shape[0], : values.shape[1]]


def misordered_gradient(values: Array, pattern: Pattern, x: Array, y_bar: Array) -> Array:
    """Rows read as (i_a, i_d, i_b): a false neighbour."""
    a, b, _, d = pattern
    n = x.shape[1]
    y = y_bar.reshape(a, d, b, n).transpose(0, 2, 1, 3).reshape(a * b * d, n)
    return defining_factor(values, pattern, x, y)


def enlarged_pullback(G: Array, V: Array, W: Array) -> tuple[Array, Array]:
    """One of the two gradients 1 % larger: a false neighbour."""
    left, right = kronecker_pullback(G, V, W)
    return left, right * sp.QQ(101, 100)


def opposite_gradient(values: Array, pattern: Pattern, x: Array, y_bar: Array) -> Array:
    """The opposite sign: a false neighbour."""
    return -defining_factor(values, pattern, x, y_bar)


CLAIMS = (
    Claim(
        "T16",
        "balanced factors",
        "Half the squared norms of the two factors is at least ‖V⊗W‖_F, with equality where the factors are balanced.",
        r"\tfrac12(\|V\|_F^2+\|W\|_F^2)\ \ge\ \|V\otimes W\|_F,\qquad\text{equality iff } \|V\|_F=\|W\|_F",
        _HAYASE,
        ALL_SIZES,
        prove_balanced_bound,
        (
            Mutant("without the factor ½", partial(prove_balanced_bound, Fraction(2))),
            Mutant("equality at ‖W‖ = 2‖V‖", partial(prove_balanced_bound, balanced=(1, 2))),
            Mutant("constant ½, still an equality", partial(prove_balanced_bound, Fraction(1, 2))),
        ),
    ),
    Claim(
        "T16",
        "ℓ1 bound",
        "The Frobenius norm of an m × m matrix is at least its ℓ1 norm divided by m, with equality where all moduli agree.",
        r"\|B\|_F\ \ge\ \tfrac1m\|B\|_1,\qquad\text{equality iff all } |B_{ij}| \text{ are equal}",
        _HAYASE,
        ALL_SIZES,
        prove_norm_comparison,
        (
            Mutant("constant 1/√m", partial(prove_norm_comparison, lambda m: Fraction(1, m))),
            Mutant(
                "equality at a sparse B", partial(prove_norm_comparison, equality=lambda m: [1] + [0] * (m * m - 1))
            ),
            Mutant(
                "half the constant, still an equality", partial(prove_norm_comparison, lambda m: Fraction(1, 2 * m * m))
            ),
        ),
        slow=partial(prove_norm_comparison, sizes=(1, 2, 3, 4, 5, 6)),
    ),
    Claim(
        "T16",
        "looseness",
        "At a matrix with k non-zero entries the ℓ1 bound is loose by a factor m‖B‖_F/‖B‖₁ of at least m/√k: never tight for "
        "sparse B.",
        r"\frac{m\|B\|_F}{\|B\|_1}\ \ge\ \frac{m}{\sqrt{k}}\quad\text{for } k \text{ non-zero entries}",
        _HAYASE,
        ALL_SIZES,
        prove_looseness,
        (
            Mutant("looseness m for every k", partial(prove_looseness, lambda m, k: Fraction(m * m))),
            Mutant("tight for sparse B", partial(prove_looseness, lambda m, k: Fraction(1))),
            Mutant("looseness m/k", partial(prove_looseness, lambda m, k: Fraction(m * m, k * k))),
        ),
        slow=partial(prove_looseness, sizes=(2, 3, 4, 5)),
    ),
    Claim(
        "T17",
        "dense",
        "Weight decay on a dense matrix penalises half its squared Frobenius norm.",
        r"R(B)=\tfrac12\|B\|_F^2",
        "definition",
        ALL_SIZES,
        prove_dense_penalty,
        (
            Mutant("without the factor ½", partial(prove_dense_penalty, square_norm)),
            Mutant("‖B²‖_F", partial(prove_dense_penalty, lambda B: square_norm(B * B) / 2)),
            Mutant("two blocks that share θ", partial(prove_dense_penalty, tied=True)),
        ),
    ),
    Claim(
        "T17",
        "entrywise product",
        "Weight decay on an entrywise product of L factors penalises (L/2) Σ|B_i|^{2/L}; for u∘v that is the ℓ1 norm.",
        r"R(B)=\tfrac L2\sum_i |B_i|^{2/L},\qquad L=2:\ \|B\|_1",
        "Hoff 2017; Woodworth et al. 2020",
        ALL_SIZES,
        prove_entrywise_penalty,
        (
            Mutant("constant L", partial(prove_entrywise_penalty, lambda b, L: L * b ** (2 / L))),
            Mutant("exponent 1/L", partial(prove_entrywise_penalty, lambda b, L: L / 2 * b ** (1 / L))),
            Mutant("‖B‖₁ at every depth", partial(prove_entrywise_penalty, lambda b, L: b)),
        ),
    ),
    Claim(
        "T17",
        "product of two matrices",
        "Weight decay on PQ of full inner size penalises the nuclear norm.",
        r"R(B)=\|B\|_*=\sum_i\sigma_i",
        "Srebro et al. 2005",
        ALL_SIZES,
        prove_two_factor_penalty,
        (
            Mutant("Frobenius norm", partial(prove_two_factor_penalty, lambda s: sp.sqrt(sum(x**2 for x in s)))),
            Mutant("spectral norm", partial(prove_two_factor_penalty, lambda s: sp.Max(*s))),
            Mutant("half of it", partial(prove_two_factor_penalty, lambda s: sum(s) / 2)),
        ),
    ),
    Claim(
        "T17",
        "matrix product",
        "Weight decay on a product of L matrices of full inner size penalises (L/2) Σσ_i^{2/L}, by Horn's inequality.",
        r"R(B)=\tfrac L2\|B\|_{S_{2/L}}^{2/L},\qquad L=2:\ \|B\|_*",
        "Srebro et al. 2005; Dai, Karzand & Srebro 2021; Horn 1950",
        CERTIFICATE,
        prove_product_penalty,
        (
            Mutant(
                "Frobenius norm instead",
                partial(prove_product_penalty, lambda s, L: L / 2 * sp.sqrt(sum(x**2 for x in s)) ** (2 / L)),
            ),
            Mutant("constant 1", partial(prove_product_penalty, lambda s, L: sum(x ** (2 / L) for x in s))),
            Mutant("‖B‖_* at every depth", partial(prove_product_penalty, lambda s, L: sum(s))),
        ),
    ),
    Claim(
        "T17",
        "Kronecker product",
        "Weight decay on k Kronecker factors penalises (k/2)‖B‖_F^{2/k}; for V⊗W that is the Frobenius norm.",
        r"R(B)=\tfrac k2\|B\|_F^{2/k},\qquad k=2:\ \|B\|_F",
        "arithmetic and geometric means; Dai, Karzand & Srebro 2021",
        ALL_SIZES,
        prove_kronecker_penalty,
        (
            Mutant("‖B‖_F for every k", partial(prove_kronecker_penalty, lambda norm, k: norm)),
            Mutant("exponent 1/k", partial(prove_kronecker_penalty, lambda norm, k: k / 2 * norm ** (1 / k))),
            Mutant("constant k", partial(prove_kronecker_penalty, lambda norm, k: k * norm ** (2 / k))),
        ),
    ),
    Claim(
        "T17",
        "sum of Kronecker products",
        "Weight decay on Σ V_i⊗W_i penalises the nuclear norm of the rearranged matrix 𝓡(B), once r ≥ rank 𝓡(B).",
        r"R(B)=\|\mathcal R(B)\|_*,\qquad r\ge\operatorname{rank}\mathcal R(B)",
        "Srebro et al. 2005 with Van Loan & Pitsianis 1993",
        ALL_SIZES,
        prove_sum_penalty,
        (
            Mutant("no rearrangement", partial(prove_sum_penalty, unshuffled)),
            Mutant("𝓡 transposed", partial(prove_sum_penalty, lambda B, l, r: kronecker_rearrangement(B, l, r).T)),
            Mutant("half of it", partial(prove_sum_penalty, penalty=lambda s: sum(s) / 2)),
            Mutant("‖𝓡(B)‖_F", partial(prove_sum_penalty, penalty=lambda s: sp.sqrt(sum(x**2 for x in s)))),
            Mutant("the spectral norm", partial(prove_sum_penalty, penalty=lambda s: sp.Max(*s))),
        ),
        slow=partial(prove_sum_penalty, left=(3, 2), right=(2, 4), rank=3),
    ),
    Claim(
        "T17",
        "Monarch",
        "Weight decay on Monarch factors penalises the nuclear norms of the slices, summed: whole slices can vanish.",
        r"R(B)=\sum_{j,k}\|B_{jk}\|_*,\qquad r=1:\ \sum_{j,k}\|B_{jk}\|_F",
        "Li, Nguyen, Hegde & Wong 2023; Dao et al. 2022",
        ALL_SIZES,
        prove_monarch_penalty,
        (
            Mutant("contiguous blocks for slices", partial(prove_monarch_penalty, contiguous_blocks)),
            Mutant("tied blocks", partial(prove_monarch_penalty, tied=True)),
            Mutant(
                "‖B‖_F, no group sparsity",
                partial(prove_monarch_penalty, penalty=lambda s: sp.sqrt(sum(x**2 for group in s for x in group))),
            ),
        ),
        slow=partial(prove_monarch_penalty, shape=(3, 2, 4, 3), rank=3),
    ),
    Claim(
        "T17",
        "Monarch of block rank 1",
        "With block rank 1, where every slice has rank 1 at most, the penalty is the sum of the slices' Frobenius norms.",
        r"R(B)=\sum_{j,k}\|B_{jk}\|_F\quad(r=1)",
        "Li, Nguyen, Hegde & Wong 2023; Dao et al. 2022",
        ALL_SIZES,
        prove_group_penalty,
        (
            Mutant("half of it", partial(prove_group_penalty, lambda norms: sum(norms) / 2)),
            Mutant("squared norms", partial(prove_group_penalty, lambda norms: sum(x**2 for x in norms))),
            Mutant("‖B‖_F", partial(prove_group_penalty, lambda norms: sp.sqrt(sum(x**2 for x in norms)))),
            Mutant("contiguous blocks for slices", partial(prove_group_penalty, slices=contiguous_blocks)),
            Mutant("tied blocks", partial(prove_group_penalty, tied=True)),
        ),
    ),
    Claim(
        "T17",
        "linear Mixer",
        "Weight decay on L token and L channel layers penalises L (Σσ_i^{2/L})^{1/2}; a linear MLP-Mixer block, 2‖B‖_*^{1/2}.",
        r"R(B)=L\,\bigl(\|B\|_{S_{2/L}}^{2/L}\bigr)^{1/2},\qquad L=2:\ 2\|B\|_*^{1/2}",
        "product and Kronecker cases combined",
        CERTIFICATE,
        prove_mixer_penalty,
        (
            Mutant("without the square root", partial(prove_mixer_penalty, lambda power, L: L * power)),
            Mutant("constant L/2", partial(prove_mixer_penalty, lambda power, L: L / 2 * sp.sqrt(power))),
            Mutant("exponent 1/L", partial(prove_mixer_penalty, lambda power, L: L * power ** (1 / L))),
        ),
    ),
    Claim(
        "T18",
        "Kronecker pullback",
        "The gradients on V and W are the rearranged dense gradient applied to the other factor.",
        r"\operatorname{vec}\partial V=\mathcal R(G)\operatorname{vec}W,\qquad"
        r"\operatorname{vec}\partial W=\mathcal R(G)^{\top}\operatorname{vec}V",
        "Van Loan & Pitsianis 1993",
        ENTRYWISE,
        prove_kronecker_pullback,
        (
            Mutant("vec along rows on one side", partial(prove_kronecker_pullback, row_stacked_pullback)),
            Mutant("W ⊗ V", partial(prove_kronecker_pullback, swapped_pullback, sizes=(((2, 2), (2, 2)),))),
            Mutant("one gradient 1 % larger", partial(prove_kronecker_pullback, enlarged_pullback)),
        ),
        slow=partial(prove_kronecker_pullback, sizes=(((3, 4), (4, 2)), ((4, 3), (3, 3)))),
    ),
    Claim(
        "T18",
        "Kronecker-sparse pullback",
        "The gradient on the values is the batch's outer product on the support, summed over tied axes; so is the shipped kernel.",
        r"\partial\mathrm{values}[i_a,i_d,i_b,i_c]=\sum_n\bar y[i_a,i_b,i_d,n]\,x[i_a,i_c,i_d,n]",
        "Le, Zheng, Riccietti & Gribonval 2024, arXiv 2411.04506",
        ENTRYWISE,
        prove_factor_pullback,
        (
            Mutant("tied axes not summed", partial(prove_factor_pullback, first_tied_gradient)),
            Mutant("rows ordered (a, d, b)", partial(prove_factor_pullback, misordered_gradient)),
            Mutant("the opposite sign", partial(prove_factor_pullback, opposite_gradient)),
        ),
        slow=partial(prove_factor_pullback, patterns=SLOW_PATTERNS, batch=3),
    ),
)
