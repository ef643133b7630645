"""Chains of more than two factors, where no closed form of R is known: a certified interval.

For B = X₁ ⋯ X_L with every non-zero of X_l stored once or in c_l copies, ‖X_l‖_F² = c_l‖θ_l‖². By Hölder's inequality for Schatten
norms and the inequality of the means, ½Σ‖θ_l‖² ≥ (L/2) (Π c_l)^{−1/L} N^{2/L} for N any of ‖B‖_{S_{2/L}}, and, where the chain is
Kronecker-sparse, the sum of the nuclear norms of the slices at any of its cuts (T11). Above, R is at most half the squared norm of
factors whose scales are balanced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from ..decompose import nearest_chain
from ..operators import Chain, KroneckerSparse, Permutation, StructuredOperator
from ..operators.base import Array
from ..patterns import Pattern
from .parametrisations import TOLERANCE, Parametrisation, balanced_products

#: Sweeps that balance neighbours.
_SWEEPS = 30


@dataclass(frozen=True)
class Unbalanced(Parametrisation):
    """State: the operator with factors found so far, none of them proved to be the least."""

    structure: StructuredOperator
    name = "interval from Schatten and slice norms"

    def own(self) -> StructuredOperator:
        return self.structure

    def of(self, B: Array) -> StructuredOperator | None:
        patterns = _patterns(self.structure)
        if patterns is None:
            raise TypeError(f"{self.structure!r}: no decomposition of a given matrix into its factors is known")
        found = nearest_chain(B, patterns)
        if found.relative_error <= TOLERANCE:
            return self.structure.with_factors(*found.operator.factors)
        if found.lower_bound > 0:
            return None
        raise ArithmeticError(
            f"{self.structure!r}: factors were found with relative error {found.relative_error:.1e}, "
            "but that none are nearer is not proved"
        )

    def bounds(self, state: StructuredOperator) -> tuple[float, float]:
        upper = 0.5 * sum(float(np.vdot(f, f).real) for f in self.balanced(state).factors)
        return min(_lower(state), upper), upper

    def balanced(self, state: StructuredOperator) -> StructuredOperator:
        return _equal_norms(_pairwise_balanced(state))


def _patterns(structure: StructuredOperator) -> list[Pattern] | None:
    """Patterns of a chain of untied, chainable Kronecker-sparse factors; None otherwise."""
    if not isinstance(structure, Chain) or not all(isinstance(op, KroneckerSparse) for op in structure.operators):
        return None
    listed = [op.pattern for op in structure.operators if op.pattern is not None]
    untied = all(
        op.factors[0].shape == pattern.values_shape for op, pattern in zip(structure.operators, listed, strict=True)
    )
    return listed if untied and all(a.chainable(b) for a, b in pairwise(listed)) else None


def _lower(op: StructuredOperator) -> float:
    trained = [x for x in getattr(op, "operators", (op,)) if not isinstance(x, Permutation)]
    if not isinstance(op, Chain) or any(len(x.factors) != 1 for x in trained):
        return 0.0  # nothing is proved about sums and nested products
    L = len(trained)
    copies = [_copies(x) for x in trained]
    B = op.to_dense()
    σ = np.linalg.svd(B, compute_uv=False)
    sizes = [float(np.sum(σ ** (2 / L))) ** (L / 2)]
    patterns = _patterns(op)
    if patterns is not None:
        sizes += [_slice_norms(B, patterns[:cut], patterns[cut:]) for cut in range(1, len(patterns))]
    return L / 2 * float(np.prod(copies)) ** (-1 / L) * max(sizes) ** (2 / L)


def _copies(op: StructuredOperator) -> float:
    """How many times each parameter stands in the factor's matrix."""
    return float(np.linalg.norm(op.with_factors(np.ones_like(op.factors[0])).to_dense()) ** 2 / op.factors[0].size)


def _slice_norms(B: Array, lefts: list[Pattern], rights: list[Pattern]) -> float:
    """Sum of the nuclear norms of the slices of B at one cut of the chain."""
    left, right = reduce(lambda p, q: p * q, lefts), reduce(lambda p, q: p * q, rights)
    r = left.chain_rank(right)
    assert r is not None
    whole = left * right
    a, b, c, d = whole
    view = B.reshape(a, b, d, a, c, d)
    values = np.einsum("ibjicj->ijbc", view)  # (a, d, b, c)
    β, κ = right.b // r, left.c // r
    slices = values.reshape(a, d, left.b, β, κ, right.c).transpose(0, 4, 3, 1, 2, 5).reshape(-1, left.b, right.c)
    return float(np.linalg.svd(slices, compute_uv=False).sum())


def _pairwise_balanced(op: StructuredOperator) -> StructuredOperator:
    """Neighbours of an untied Kronecker-sparse chain, two by two, made a balanced pair of the same product."""
    patterns = _patterns(op)
    if patterns is None or not isinstance(op, Chain):
        return op
    factors: list[Any] = list(op.operators)
    for _ in range(_SWEEPS):
        for i in range(len(factors) - 1):
            factors[i : i + 2] = _balanced_pair(factors[i], factors[i + 1])
    return op.with_factors(*(f.factors[0] for f in factors))


def slice_pairs(op: StructuredOperator) -> Iterator[tuple[int, Array, Array]]:
    """For neighbours i, i + 1 that are untied, chainable Kronecker-sparse factors: the slices of their product as U @ V (T11)."""
    operators = op.operators if isinstance(op, Chain) else ()
    for i, pair in enumerate(pairwise(operators)):
        X, Y = pair
        if isinstance(X, KroneckerSparse) and isinstance(Y, KroneckerSparse) and _patterns(Chain(X, Y)) is not None:
            yield i, *_slices(X, Y)


def _slices(X: KroneckerSparse, Y: KroneckerSparse) -> tuple[Array, Array]:
    """U [a, κ, β, d, b, r] and V [a, κ, β, d, r, c] of the slices of X Y (T11)."""
    (a, b, _, _), (_, b2, c, d) = X.pattern, Y.pattern
    r = X.pattern.chain_rank(Y.pattern)
    assert r is not None
    β, κ = b2 // r, X.pattern.c // r
    U = X.factors[0].reshape(a, β, d, b, κ, r).transpose(0, 4, 1, 2, 3, 5)
    V = Y.factors[0].reshape(a, κ, d, r, β, c).transpose(0, 1, 4, 2, 3, 5)
    return U, V


def _balanced_pair(X: KroneckerSparse, Y: KroneckerSparse) -> tuple[KroneckerSparse, KroneckerSparse]:
    """X Y = X' Y' with X'ᵀX' = Y'Y'ᵀ on every slice: the pair of least norm with this product (T11, T17)."""
    U, V = balanced_products(*_slices(X, Y))
    left = U.transpose(0, 2, 3, 4, 1, 5).reshape(X.factors[0].shape)
    right = V.transpose(0, 1, 3, 4, 2, 5).reshape(Y.factors[0].shape)
    return X.with_factors(left), Y.with_factors(right)


def _equal_norms(op: StructuredOperator) -> StructuredOperator:
    """Factors of a product scaled to equal norms, the product kept; other structures as they are."""
    if not isinstance(op, Chain):
        return op
    norms = np.array([np.linalg.norm(f) for f in op.factors])
    if (norms == 0).any():
        return op.with_factors(*(np.zeros_like(f) for f in op.factors))
    common = np.exp(np.mean(np.log(norms)))
    return op.with_factors(*(f * (common / n) for f, n in zip(op.factors, norms, strict=True)))
