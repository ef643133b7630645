"""T28, T29, T30 and T33: cuts of chains, Kronecker sums, permutations beside a factor, adapters; every entry a symbol."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np

from ..operators.kernels import apply_factor
from ..patterns import Slicing, butterfly_patterns, chain_product
from .claims import Counterexample, Proof
from .minima import compound, vanish
from .provers.polynomials import Array, entries

Outcome = Proof | Counterexample

__all__ = [
    "column_khatri_rao",
    "cut_slices",
    "kronecker_sum",
    "prove_cuts",
    "prove_eigenvalues",
    "prove_exponential",
    "prove_hadamard_factors",
    "prove_permuted_law",
    "prove_rank",
    "row_khatri_rao",
]


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


def prove_eigenvalues(
    value: Callable[[Any, Any, Any], Any] = lambda a, b, sigma: a * b + sigma,
    operator: Callable[[Array, Array], Array] = np.kron,
) -> Outcome:
    """A ⊗ B + σI has the eigenvectors p ⊗ q with value(a, b, σ) for eigenpairs (a, p) of A, (b, q) of B; so has any ``operator``.

    A = P diag(a) adj(P) for every P and a, 2×2, which has the eigenvalues a det P; B likewise.
    """
    M = entries(P=(2, 2), a=(2,), Q=(2, 2), b=(2,), sigma=())
    A, a = _diagonalisable(M["P"], M["a"])
    B, b = _diagonalisable(M["Q"], M["b"])
    sigma = M["sigma"].item()
    vectors = np.kron(M["P"], M["Q"])
    claimed = np.array([value(x, y, sigma) for x in a for y in b], object)
    shifted = operator(A, B) + np.eye(4, dtype=int).astype(object) * sigma
    wrong = vanish(shifted @ vectors, vectors * claimed, "A, B 2×2", "the eigenvalue equation")
    return wrong or Proof("A, B 2×2, any σ", "every eigenvector substituted")


def _diagonalisable(P: Array, values: Array) -> tuple[Array, Array]:
    adjugate = np.array([[P[1, 1], -P[0, 1]], [-P[1, 0], P[0, 0]]], object)
    return (P * values) @ adjugate, values * (P[0, 0] * P[1, 1] - P[0, 1] * P[1, 0])


def kronecker_sum(A: Array, B: Array) -> Array:
    """A ⊕ B = A ⊗ I + I ⊗ B."""
    eyes = (np.eye(len(X), dtype=int).astype(object) for X in (B, A))
    return np.kron(A, next(eyes)) + np.kron(next(eyes), B)


def prove_exponential(
    product: Callable[[Array, Array], Array] = np.kron, scale: int = 1, degree: int = 4, n: int = 2
) -> Outcome:
    """exp(A ⊕ B) = e^A ⊗ e^B, degree by degree: (A ⊕ B)^k / k! = Σ_i A^i/i! ⊗ B^{k−i}/(k−i)!. ``scale``
    multiplies A on the left side.
    """
    M = entries(A=(n, n), B=(n, n))
    one = M["A"][0, 0].ring.one
    eye = np.eye(n, dtype=int).astype(object) * one
    left, right, whole = [eye], [eye], [np.kron(eye, eye)]
    total = kronecker_sum(M["A"] * scale, M["B"])
    for k in range(1, degree + 1):
        left.append(left[-1] @ M["A"] * (one / k))
        right.append(right[-1] @ M["B"] * (one / k))
        whole.append(whole[-1] @ total * (one / k))
        terms = sum(product(left[i], right[k - i]) for i in range(k + 1))
        if wrong := vanish(whole[k], np.asarray(terms), f"A, B {n}×{n}", f"the term of degree {k}"):
            return wrong
    return Proof(f"A, B {n}×{n}, degrees up to {degree}", "terms of the exponential series, every entry a symbol")


def prove_permuted_law(
    law: Callable[[Array, Array, Array], Array] = lambda P, Q, J: (P @ J).T @ (P @ J) - Q @ Q.T, r: int = 3
) -> Outcome:
    """B = PΠQ: ‖PΠ‖_F = ‖P‖_F, and (PΠ)ᵀPΠ − QQᵀ does not move under P' = −GQᵀΠᵀ, Q' = −ΠᵀPᵀG; every permutation Π."""
    M = entries(P=(2, r), Q=(r, 2), G=(2, 2))
    P, Q, G = M["P"], M["Q"], M["G"]
    for order in permutations(range(r)):
        J = np.eye(r, dtype=int)[list(order)].astype(object)
        sizes = f"P 2×{r}, Q {r}×2, Π {order}"
        if wrong := vanish(np.array(np.sum((P @ J) ** 2)), np.array(np.sum(P**2)), sizes, "‖PΠ‖_F"):
            return wrong
        dP, dQ = -G @ Q.T @ J.T, -J.T @ P.T @ G
        # The law is a quadratic form: its derivative along (dP, dQ) is half the difference of its values at θ ± θ'.
        moved = law(P + dP, Q + dQ, J) - law(P - dP, Q - dQ, J)
        if wrong := vanish(moved, 0 * moved, sizes, "the law's derivative"):
            return wrong
    return Proof(f"P 2×{r}, Q {r}×2, all permutations of {r}", "derivative along the flow, any G")


def row_khatri_rao(X: Array, Y: Array) -> Array:
    """Row i is X[i] ⊗ Y[i]."""
    return np.einsum("ir,is->irs", X, Y).reshape(len(X), -1)


def column_khatri_rao(X: Array, Y: Array) -> Array:
    """Column j is X[:, j] ⊗ Y[:, j]."""
    return row_khatri_rao(X.T, Y.T).T


def prove_hadamard_factors(
    left: Callable[[Array, Array], Array] = row_khatri_rao,
    right: Callable[[Array, Array], Array] = column_khatri_rao,
    sizes: tuple[tuple[int, int, int, int], ...] = ((3, 2, 2, 3), (2, 1, 3, 2)),
) -> Outcome:
    """LoHa: (B₁A₁) ∘ (B₂A₂) = (B₁ ⊙_row B₂)(A₁ ⊙_col A₂), so the rank is r₁r₂ at most; sizes (m, r₁, r₂, n)."""
    for m, r1, r2, n in sizes:
        M = entries(B1=(m, r1), A1=(r1, n), B2=(m, r2), A2=(r2, n))
        whole = (M["B1"] @ M["A1"]) * (M["B2"] @ M["A2"])
        product = left(M["B1"], M["B2"]) @ right(M["A1"], M["A2"])
        where = f"m = {m}, n = {n}, ranks {r1} and {r2}"
        if wrong := vanish(whole, product, where, "the product of the two factors"):
            return wrong
    return Proof(", ".join(f"{m}×{n}, ranks {r1} and {r2}" for m, r1, r2, n in sizes), "every entry a symbol")


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
