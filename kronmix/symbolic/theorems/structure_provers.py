"""T6 to T8, T11, T13 and T15 by provers of their own: counts, density, permutations, ranks, the best Monarch, determinants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import permutations, product
from typing import Any

import numpy as np
import sympy as sp

from ...mixer import MixerShape
from ...operators import Permutation
from ...operators.kernels import apply_factor
from ...patterns import Pattern, monarch_patterns
from ..claims import Counterexample, Outcome, Proof
from ..provers.polynomials import entries, square_norm
from ..provers.statements import Sizes
from .minima import agree, compound, vanish
from .penalties import monarch_slices

__all__ = [
    "contiguous_blocks",
    "prove_best_monarch",
    "prove_counts",
    "prove_density",
    "prove_determinant",
    "prove_permutations",
    "prove_slice_ranks",
    "prove_widest",
    "strided_columns",
]


def average_connections(S: int, C: int, T: int, G: int) -> Fraction:
    """Ω = (γ_T C S² + γ_C C² S)/2."""
    return Fraction(T * C * S**2 + G * C**2 * S, 2)


def prove_counts(connections: Callable[[int, int, int, int], Any] = average_connections) -> Outcome:
    """T6 for all sizes: the average number of connections of a block's four layers, from the non-zeros of their patterns.

    A pattern has abcd non-zeros, each of a, b, c, d one of 1, S, C, γ_T S, γ_C C: a polynomial of degree 4 at most in each size,
    which is known from its values at five.
    """
    for S, C, T, G in product(range(1, 6), repeat=4):
        layers = MixerShape(S, C, T, G).layers()
        found, claimed = Fraction(sum(layer.pattern.nnz for layer in layers), 4), connections(S, C, T, G)
        if found != claimed:
            values = {"S": S, "C": C, "γ_T": T, "γ_C": G, "connections": found, "claimed": claimed}
            return Counterexample(f"S = {S}, C = {C}", values, "not the average of the four layers")
    return Proof("all S, C, γ_T, γ_C", "the patterns' counts at five values of every size, more than their degree")


def prove_widest(
    bound: Callable[[Any, Any, Any], Any] = lambda Ω, T, G: (Ω**2 / (T * G)) ** sp.Rational(1, 3),
) -> Outcome:
    """T6 for all sizes: m = SC at (γ_T C S² + γ_C C² S)/2 = Ω, by AM–GM on the two terms, with its point of equality."""
    S, C, T, G = sp.symbols("S C gamma_T gamma_C", positive=True)
    Ω = (T * C * S**2 + G * C**2 * S) / 2
    # Ω² − γ_T γ_C m³ = (m/2)² (γ_T S − γ_C C)²: never negative, zero exactly at γ_T S = γ_C C.
    square = sp.Rational(1, 4) * (S * C) ** 2 * (T * S - G * C) ** 2
    if sp.expand(Ω**2 - T * G * (S * C) ** 3 - square) != 0:
        raise ArithmeticError("the gap is not the square")
    at_equality = bound(Ω, T, G).subs(C, T * S / G)
    wrong = agree(at_equality, (S * C).subs(C, T * S / G), "γ_T S = γ_C C", "the largest width")
    return wrong or Proof("all S, C, γ_T, γ_C > 0", "Ω² − γ_Tγ_C m³ is the square ((m/2)(γ_T S − γ_C C))²")


def prove_density(
    density: Callable[[int, int], Fraction] = lambda S, C: (Fraction(1, S) + Fraction(1, C)) / 2,
) -> Outcome:
    """T7 for all sizes: ``MixerShape.equivalent_density`` is density(S, C) where γ_T = γ_C.

    Connections over the sum of the layers' sizes, both polynomials of degree 4 at most in each size, so that p · 2SC = S + C is
    an identity of polynomials of degree 5 at most, known from its values at seven. Floats are compared to the rounded fraction.
    """
    for S, C, γ in product(range(1, 8), repeat=3):
        found, claimed = MixerShape(S, C, γ, γ).equivalent_density, density(S, C)
        if found != float(claimed):
            return Counterexample(
                f"S = {S}, C = {C}", {"S": S, "C": C, "γ": γ, "p": found, "claimed": claimed}, "not the density"
            )
    return Proof("all S, C, γ", "the shipped density at seven values of every size, more than its degree")


def prove_best_monarch(
    slices: Callable[..., Any] = monarch_slices,
    block_rank: int = 1,
    shapes: Sequence[Sizes] = ((2, 2, 2, 1), (1, 2, 3, 2)),
) -> Outcome:
    """T13: ‖B − M‖² is Σ ‖B_qk − L_qk R_kq‖² over slices of B that share no entry, and of M that share no parameter.

    So the least error is the sum of the slices' least errors for rank r, which Eckart & Young (1936, cited) give.
    """
    for shape in shapes:
        p, k, q, s = shape
        where = f"(p, k, q, s) = {shape}, block rank {block_rank}"
        M = entries(B=(p * q, k * s), L=(q, p, k * block_rank), R=(k, q * block_rank, s))
        left, right = monarch_patterns(p, k, q, s, block_rank)
        whole = apply_factor(
            M["L"][None], left, apply_factor(M["R"][:, None], right, np.eye(k * s, dtype=int).astype(object))
        )
        U = M["L"].reshape(q, p, k, block_rank).transpose(0, 2, 1, 3)
        V = M["R"].reshape(k, block_rank, q, s).transpose(2, 0, 1, 3)
        parts = slices(M["B"], shape) - U @ V
        if wrong := vanish(square_norm(M["B"] - whole), square_norm(parts), where, "the squared error"):
            return wrong
    return Proof(
        f"{', '.join(map(str, shapes))} for (p, k, q, s), block rank {block_rank}",
        "up to Eckart & Young for every slice",
    )


def prove_permutations(
    rows: Callable[[Any], Any] = np.asarray,
    columns: Callable[[Any], Any] = np.argsort,
    inverse: Callable[[Any], Any] = lambda J: J.T @ J,
    size: int = 3,
) -> Outcome:
    """T8 at one size for all permutations: JᵀJ = I, and (J₂BJ₁)[i, j] = B[π₂(i), π₁⁻¹(j)] for the shipped ``Permutation``."""
    B = entries(B=(size, size))["B"]
    everything = [np.array(order) for order in permutations(range(size))]
    for second, first in product(everything, repeat=2):
        J2, J1 = (Permutation(order).to_dense().astype(int).astype(object) for order in (second, first))
        where = f"π₂ = {second.tolist()}, π₁ = {first.tolist()}"
        wrong = vanish(inverse(J2) @ B, B, where, "JᵀJ = I")
        wrong = wrong or vanish(J2 @ B @ J1, B[rows(second)][:, columns(first)], where, "J₂BJ₁")
        if wrong:
            return wrong
    return Proof(f"all {len(everything)}² pairs of permutations of {size}", "every entry of B a symbol")


def contiguous_blocks(B: Any, shape: Sizes) -> Any:
    """Contiguous blocks of rows taken for Monarch's slices, which are strided: a false neighbour."""
    p, k, q, s = shape
    return B.reshape(q, p, k, s).transpose(0, 2, 1, 3)


def strided_columns(B: Any, shape: Sizes) -> Any:
    """Columns strided by k as the rows are by q: a false neighbour."""
    p, k, q, s = shape
    return B.reshape(p, q, s, k).transpose(1, 3, 0, 2)


def prove_slice_ranks(
    order: tuple[int, ...] = (0, 1, 2, 3, 4, 5),
    more: int = 1,
    sizes: Sequence[Sizes] = ((1, 1, 2, 2), (2, 1, 2, 1), (1, 2, 1, 2)),
) -> Outcome:
    """T11: all minors of order r + ``more`` of the slices of a product of chainable factors vanish; sizes (a, r, κ, β).

    ``order`` is that of the axes (a, b, β, a, κ, c) in the product.
    """
    for a, r, κ, β in sizes:
        left, right = Pattern(a, r + 1, κ * r, β), Pattern(a * κ, r * β, r + 1, 1)
        M = entries(U=left.values_shape, V=right.values_shape)
        identity = np.eye(right.shape[1], dtype=int).astype(object)
        B = apply_factor(M["U"], left, apply_factor(M["V"], right, identity))
        axes = (a, r + 1, β, a, κ, r + 1)
        view = B.reshape([axes[axis] for axis in order]).transpose(np.argsort(order))
        for i, j, k in np.ndindex(a, β, κ):
            minors = compound(view[i, :, j, i, k], r + more)
            if wrong := vanish(minors, 0 * minors, f"(a, r, κ, β) = {(a, r, κ, β)}", f"the minors of order {r + more}"):
                return wrong
    return Proof(", ".join(map(str, sizes)), "minors of every slice, every entry a symbol")


def prove_determinant(
    exponents: Callable[[int, int], tuple[int, int]] = lambda n, p: (p, n),
    sizes: Sequence[Sizes] = ((2, 1), (1, 2), (2, 2)),
) -> Outcome:
    """T15: det(A ⊗ B) = det(A)^i det(B)^j with (i, j) = exponents(n, p), for A n×n and B p×p."""
    for n, p in sizes:
        M = entries(A=(n, n), B=(p, p))
        i, j = exponents(n, p)
        power = compound(M["A"], n) ** i * compound(M["B"], p) ** j
        if wrong := vanish(compound(np.kron(M["A"], M["B"]), n * p), power, f"A {n}×{n}, B {p}×{p}", "the determinant"):
            return wrong
    return Proof(", ".join(map(str, sizes)), "every entry a symbol")
