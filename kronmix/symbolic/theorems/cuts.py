"""T28, T31 and T33 entry by entry: cuts of chains, parallel rows of a shuffled Monarch matrix, ranks of Kronecker products."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from ...operators.kernels import apply_factor
from ...patterns import Slicing, butterfly_patterns, chain_product, monarch_patterns
from ..claims import Counterexample, Outcome, Proof
from ..provers.polynomials import Array, entries, nonzero_point
from .minima import compound, vanish

__all__ = ["cut_slices", "prove_cuts", "prove_parallel_rows", "prove_rank"]


def cut_slices(B: Array, slicing: Slicing) -> Array:
    """The slices of a matrix for one cut of a chain, axes (…, b, c) (T11)."""
    return slicing.slices(B[None, None])


def prove_cuts(
    slices: Callable[[Array, Slicing], Array] = cut_slices,
    rank: Callable[[int], int] = lambda r: r,
    terms: int = 1,
    radices: tuple[tuple[int, ...], ...] = ((2, 2, 2), (2, 3)),
) -> Outcome:
    """The chain X₁ ⋯ X_L lies in the set of every cut: all minors of order rank(r) + 1 of the cut's slices vanish.

    So the least distance to the larger set, a truncated singular value decomposition of every slice, is below the chain's optimum.
    ``terms`` adds that many chains up.
    """
    for chosen in radices:
        patterns = butterfly_patterns(int(np.prod(chosen)), chosen)
        shapes = {f"X{t}_{l}": pattern.values_shape for t in range(terms) for l, pattern in enumerate(patterns)}
        values, n = iter(entries(**shapes).values()), patterns[0].shape[0]
        identity = np.eye(n, dtype=int).astype(object)
        B = 0 * identity
        for _ in range(terms):
            factors = [(next(values), pattern) for pattern in patterns]
            product = identity
            for X, pattern in reversed(factors):
                product = apply_factor(X, pattern, product)
            B = B + product
        for cut in range(1, len(patterns)):
            slicing = Slicing.of(chain_product(patterns[:cut]), chain_product(patterns[cut:]))
            found, order = slices(B, slicing), rank(slicing.r) + 1
            sizes = f"butterfly of radices {chosen}, cut after {cut}"
            for index in np.ndindex(found.shape[:-2]):
                minors = compound(found[index], order)
                if wrong := vanish(minors, 0 * minors, sizes, f"the minors of order {order}"):
                    return wrong
    return Proof(", ".join(f"butterflies of radices {r}" for r in radices), "minors of the slices of every cut vanish")


def prove_rank(exponents: tuple[int, int] = (2, 2), inner: Callable[[int, int], int] = lambda r, s: r * s) -> Outcome:
    """LoKr: rank(A ⊗ B) = rank A · rank B. A = UV, B = XY, of ranks r = 1, 2 and s = 2, 3×3 and 2×2.

    At most: A ⊗ B = (U ⊗ X)(V ⊗ Y) has the inner size inner(r, s). At least: a minor of order rs is det(A₁)^s det(B)^r, where
    det(A₁) is a minor of A of order r, which does not vanish identically.
    """
    for r in (1, 2):
        M = entries(U=(3, r), V=(r, 3), X=(2, 2), Y=(2, 2))
        A, B = M["U"] @ M["V"], M["X"] @ M["Y"]
        sizes = f"A 3×3 of rank {r}, B 2×2 of rank 2"
        left = np.kron(M["U"], M["X"])
        if wrong := vanish(np.kron(A, B), left @ np.kron(M["V"], M["Y"]), sizes, "A ⊗ B = (U ⊗ X)(V ⊗ Y)"):
            return wrong
        if left.shape[1] != inner(r, 2):
            return Counterexample(sizes, {"inner size": left.shape[1]}, f"not {inner(r, 2)}")
    M = entries(A=(2, 2), B=(2, 2))
    a, b = (compound(M[name], 2).item() for name in "AB")
    minor = compound(np.kron(M["A"], M["B"]), 4)
    wrong = vanish(minor, np.array([[a ** exponents[0] * b ** exponents[1]]]), "A, B 2×2", "the minor of A ⊗ B")
    return wrong or Proof(
        "A 3×3 of rank 1 and 2, B 2×2 of rank 2", "inner size rs, and a minor of order rs that does not vanish"
    )


def prove_parallel_rows(
    rows: Callable[[int, int, int], int] = lambda i, p, q: i % q,
    columns: Callable[[int, int, int], int] = lambda j, k, s: j // s,
    block_rank: int = 1,
    sizes: tuple[tuple[int, int, int, int], ...] = ((2, 2, 2, 2), (2, 2, 3, 2)),
) -> Outcome:
    """B = PMQ with M Monarch of rank 1: rows of one group are parallel on every column group, and no other pair of rows is.

    ``rows(i, p, q)`` and ``columns(j, k, s)`` are the groups before P and Q shuffle them. Parallel: all minors of order 2 vanish.
    """
    rng = np.random.default_rng(31)
    for p, k, q, s in sizes:
        left, right = monarch_patterns(p, k, q, s, block_rank)
        M = entries(L=left.values_shape, R=right.values_shape)
        whole = apply_factor(M["L"], left, apply_factor(M["R"], right, np.eye(k * s, dtype=int).astype(object)))
        P, Q = rng.permutation(p * q), rng.permutation(k * s)
        B, where = whole[P][:, Q], f"(p, k, q, s) = {(p, k, q, s)}, P = {P.tolist()}, Q = {Q.tolist()}"
        row_group, column_group = [rows(int(i), p, q) for i in P], np.array([columns(int(j), k, s) for j in Q])
        for i, j in combinations(range(p * q), 2):
            minors = [compound(B[[i, j]][:, column_group == g], 2) for g in sorted({*column_group})]
            apart = next((m for block in minors for m in block.ravel() if m != 0), None)
            if (apart is None) != (row_group[i] == row_group[j]):
                values = {"rows": (i, j)} | (dict(nonzero_point(apart)) if apart is not None else {})
                return Counterexample(
                    where, values, f"rows {i} and {j} are {'not ' if apart is not None else ''}parallel"
                )
    return Proof(
        "; ".join(map(str, sizes)) + " for (p, k, q, s), P and Q drawn", "minors of order 2 of every pair of rows"
    )
