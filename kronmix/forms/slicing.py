"""Kronecker-sparse factors, and the slices of a product of two (T9, T11): one reshaping for Monarch and every cut of a chain."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ..patterns import Pattern
from . import orders
from .composed import Product
from .items import Array, Identity, Matrix
from .kinds import Form, Slices, Slots, Stack
from .permuting import permuted
from .slices import Slicing
from .sums import add


def factor_form(values: Array, pattern: Pattern) -> Form:
    """Form of the factor with values[a, d, b, c] on I_a ⊗ 1_{b×c} ⊗ I_d, axes of length 1 shared (T9)."""
    a, b, c, d = pattern
    bound = min(values.shape[2:])  # what is shared inside the blocks bounds their rank
    blocks = np.broadcast_to(values, (*values.shape[:2], b, c))
    if blocks.shape[:2] == (1, 1):
        return Slots.of([Identity(a), Matrix(blocks[0, 0], bound=bound), Identity(d)])
    if blocks.shape[1] == 1:  # shared over d: the copies are outermost
        sizes, axes, copies = (d, a), (1, 2, 0), d
    else:
        sizes, axes, copies = (a, d), (0, 2, 1), a * d // (blocks.shape[0] * blocks.shape[1])
    rows, columns = (orders.transposed((*sizes, size), axes) for size in (b, c))
    return permuted(Stack(blocks.reshape(-1, b, c), copies, bound), rows, columns)


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
    slicing = Slicing.of(left_pattern, right_pattern)
    # What is shared is a view.
    X = np.broadcast_to(left, left_pattern.values_shape)
    Y = np.broadcast_to(right, right_pattern.values_shape)
    return slicing.left(X), slicing.right(Y)


def slices_of(left: Array, left_pattern: Pattern, right: Array, right_pattern: Pattern) -> Form:
    """The product of two chainable factors as slices; as a sum of Kroneckers where both are tied (T12)."""
    if left.shape[:2] == right.shape[:2] == (1, 1) and (left_pattern.a, right_pattern.d) == (1, 1):
        r = left_pattern.chain_rank(right_pattern)
        assert r is not None
        A = np.broadcast_to(left[0, 0], (left_pattern.b, left_pattern.c)).reshape(left_pattern.b, -1, r)
        B = np.broadcast_to(right[0, 0], (right_pattern.b, right_pattern.c)).reshape(r, -1, right_pattern.c)
        terms: list[Any] = [Slots.of([Matrix(A[..., ρ]), Matrix(B[ρ])]) for ρ in range(r)]
        return reduce(add, terms)
    return Slices(*factor_slices(left, left_pattern, right, right_pattern))


def as_factors(form: Slices) -> Product:
    """The two factors whose slices these are (T11)."""
    a, κ, β, d, b, c, r = form.sizes
    left = form.U.transpose(0, 2, 3, 4, 1, 5).reshape(a, β * d, b, κ * r)
    right = form.V.transpose(0, 1, 3, 4, 2, 5).reshape(a * κ, d, r * β, c)
    return Product(
        (
            factor_form(left, Pattern(a, b, κ * r, β * d)),
            factor_form(right, Pattern(a * κ, r * β, c, d)),
        )
    )
