"""Slices of a product of two chainable factors (T11): one reshaping for Monarch and every cut of a chain."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..patterns import Pattern
from .items import Array, Matrix
from .kinds import Form, Slices, Slots
from .sums import add


def factor_slices(left: Array, left_pattern: Pattern, right: Array, right_pattern: Pattern) -> tuple[Array, Array]:
    """Slices of X Y as U V, for values[a, d, b, c] of both factors, shared axes as views (T11).

    Parameters
    ----------
    left, right : arrays
        Values of two chainable factors; axes of length 1 are shared.

    Returns
    -------
    U : array of shape (a, κ, β, d, b, r)
    V : array of shape (a, κ, β, d, r, c)
        Row (a, b, β, d) and column (a, κ, c, d) of the product holds U[a, κ, β, d, b] · V[a, κ, β, d, :, c].
    """
    r = left_pattern.chain_rank(right_pattern)
    assert r is not None
    (a, b, _, _), (_, b2, c, d) = left_pattern, right_pattern
    β, κ = b2 // r, left_pattern.c // r
    # d₁ = (β, d), c₁ = (κ, r), a₂ = (a, κ), b₂ = (r, β); what is shared over a₁ or d₁ is a view.
    X = np.broadcast_to(left, (*left.shape[:2], b, left_pattern.c))
    Y = np.broadcast_to(right, (*right.shape[:2], b2, c))
    X = np.broadcast_to(X, left_pattern.values_shape).reshape(a, β, d, b, κ, r)
    Y = np.broadcast_to(Y, right_pattern.values_shape).reshape(a, κ, d, r, β, c)
    return X.transpose(0, 4, 1, 2, 3, 5), Y.transpose(0, 1, 4, 2, 3, 5)


def slices_of(left: Array, left_pattern: Pattern, right: Array, right_pattern: Pattern) -> Form:
    """The product of two chainable factors as slices; as a sum of Kroneckers where both are tied (T12)."""
    if left.shape[:2] == right.shape[:2] == (1, 1) and (left_pattern.a, right_pattern.d) == (1, 1):
        r = left_pattern.chain_rank(right_pattern)
        assert r is not None
        A = np.broadcast_to(left[0, 0], (left_pattern.b, left_pattern.c)).reshape(left_pattern.b, -1, r)
        B = np.broadcast_to(right[0, 0], (right_pattern.b, right_pattern.c)).reshape(r, -1, right_pattern.c)
        total: Any = Slots.of([Matrix(A[..., 0]), Matrix(B[0])])
        for ρ in range(1, r):
            total = add(total, Slots.of([Matrix(A[..., ρ]), Matrix(B[ρ])]))
        return total
    return Slices(*factor_slices(left, left_pattern, right, right_pattern))
