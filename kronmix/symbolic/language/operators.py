"""Operators with exact entries as expressions, in terms of their factors."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce, singledispatch
from math import prod
from typing import Any

import numpy as np

from ...mixer import LinearMixer
from ...operators import (
    Ampliation,
    BlockDiagonal,
    Chain,
    Dense,
    Diagonal,
    Hadamard,
    HStack,
    Kronecker,
    KroneckerSparse,
    KroneckerSum,
    LowRank,
    LowRankHadamard,
    Masked,
    Permutation,
    StructuredOperator,
    Sum as SumOfOperators,
    SumOfKroneckers,
    VStack,
)
from .building import sparse
from .contractions import Diagonal as DiagonalMatrix, Entrywise, Identity, Kron, Ones, Product, Unvec
from .exact import exact
from .expressions import Constant, Expression, Sum, Variable, as_expression
from .structures import Blocks, Permuted

__all__ = ["Unwritten", "parametrised", "written"]

Leaf = Callable[[Any, tuple[int, ...]], Expression]


@as_expression.register
def _(op: StructuredOperator) -> Expression:
    try:
        return written(op, lambda array, _: Constant(exact(array)))
    except Unwritten:
        return Constant(exact(op.to_dense()))


class Unwritten(TypeError):
    """A structure that does not say how its matrix is made of its factors."""


def parametrised(op: StructuredOperator) -> tuple[Expression, dict[str, tuple[int, ...]]]:
    """The operator as an expression in its factors, with a variable for each, and the variables' shapes.

    Raises
    ------
    Unwritten
        If a structure in it does not say how its matrix is made of its factors.
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def variable(array: Any, shape: tuple[int, ...]) -> Expression:
        name = f"θ{len(shapes)}"
        shapes[name] = shape
        return Variable(name, shape)

    return written(op, variable), shapes


@singledispatch
def written(op: StructuredOperator, leaf: Leaf) -> Expression:
    """An operator in terms of its factors; ``leaf(array, shape)`` makes an expression of a factor."""
    if op.factors:
        raise Unwritten(
            f"{type(op).__name__} does not say how its matrix is made of its factors: register it with "
            "kronmix.symbolic.language.operators.written"
        )
    return Constant(exact(op.to_dense()))


@written.register
def _(op: Dense, leaf: Leaf) -> Expression:
    return leaf(op.factors[0], op.shape)


@written.register
def _(op: Diagonal, leaf: Leaf) -> Expression:
    return DiagonalMatrix(leaf(op.factors[0], op.factors[0].shape))


@written.register
def _(op: Masked, leaf: Leaf) -> Expression:
    """The values set to their places, columns stacked, by a matrix of zeros and ones."""
    places = op.with_factors(np.arange(1, op.n_parameters + 1)).to_dense().T.ravel()
    chosen = (places[:, None] == np.arange(1, op.n_parameters + 1)).astype(np.int64)
    values = op.factors[0]
    return Unvec(Product(Constant(chosen), leaf(values, values.shape)), op.shape)


@written.register
def _(op: LowRank, leaf: Leaf) -> Expression:
    return reduce(Product, (leaf(factor, factor.shape) for factor in op.factors))


@written.register
def _(op: LowRankHadamard, leaf: Leaf) -> Expression:
    B1, A1, B2, A2 = (leaf(factor, factor.shape) for factor in op.factors)
    return Entrywise(Product(B1, A1), Product(B2, A2))


@written.register
def _(op: KroneckerSum, leaf: Leaf) -> Expression:
    sizes = [len(factor) for factor in op.factors]
    terms = [
        sparse(leaf(factor, factor.shape), (prod(sizes[:i]), n, n, prod(sizes[i + 1 :])))
        for i, (factor, n) in enumerate(zip(op.factors, sizes, strict=True))
    ]
    return Sum(tuple((Fraction(1), term) for term in terms))


@written.register
def _(op: Ampliation, leaf: Leaf) -> Expression:
    return Kron(Identity(op.a), Kron(written(op.operator, leaf), Identity(op.d)))


@written.register
def _(op: BlockDiagonal, leaf: Leaf) -> Expression:
    return Blocks(tuple(written(part, leaf) for part in op.operators))


@written.register
def _(op: HStack, leaf: Leaf) -> Expression:
    """(1 ⋯ 1) ⊗ I times the blocks."""
    blocks = Blocks(tuple(written(part, leaf) for part in op.operators))
    return Product(Kron(Ones((1, len(op.operators))), Identity(op.shape[0])), blocks)


@written.register
def _(op: VStack, leaf: Leaf) -> Expression:
    """The blocks times (1 ⋯ 1)ᵀ ⊗ I."""
    blocks = Blocks(tuple(written(part, leaf) for part in op.operators))
    return Product(blocks, Kron(Ones((len(op.operators), 1)), Identity(op.shape[1])))


@written.register
def _(op: Permutation, leaf: Leaf) -> Expression:
    return Permuted(op.indices)


@written.register
def _(op: Kronecker, leaf: Leaf) -> Expression:
    return reduce(Kron, (leaf(factor, factor.shape) for factor in op.factors))


@written.register
def _(op: SumOfKroneckers, leaf: Leaf) -> Expression:
    pairs = [(leaf(A, A.shape), leaf(B, B.shape)) for A, B in op.pairs]
    return Sum(tuple((Fraction(1), Kron(A, B)) for A, B in pairs))


@written.register
def _(op: KroneckerSparse, leaf: Leaf) -> Expression:
    return sparse(leaf(op.values, op.values.shape), (*op.pattern,))


@written.register
def _(op: Chain, leaf: Leaf) -> Expression:
    return reduce(Product, (written(part, leaf) for part in op.operators))


@written.register
def _(op: LinearMixer, leaf: Leaf) -> Expression:
    """(V_Lᵀ ⊗ W_L) ⋯ (V_1ᵀ ⊗ W_1), the factors being W_1, V_1, W_2, …"""
    leaves = [leaf(factor, factor.shape) for factor in op.factors]
    layers: list[Expression] = [Kron(V.T, W) for W, V in zip(leaves[::2], leaves[1::2], strict=True)]
    return reduce(Product, reversed(layers))


@written.register
def _(op: SumOfOperators, leaf: Leaf) -> Expression:
    return Sum(tuple((Fraction(1), written(term, leaf)) for term in op.operators))


@written.register
def _(op: Hadamard, leaf: Leaf) -> Expression:
    return reduce(Entrywise, (leaf(factor, factor.shape) for factor in op.factors))
