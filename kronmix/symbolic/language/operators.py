"""Operators with exact entries as expressions, in terms of their factors."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce, singledispatch
from typing import Any

from ...mixer import LinearMixer
from ...operators import (
    Chain,
    Hadamard,
    Kronecker,
    KroneckerSparse,
    Permutation,
    StructuredOperator,
    Sum as SumOfOperators,
    SumOfKroneckers,
)
from .exact import exact
from .expressions import Constant, Expression, Product, Sum, Variable, as_expression
from .structures import Entrywise, Kron, Permuted, Sparse

__all__ = ["parametrised"]

Leaf = Callable[[Any, tuple[int, ...]], Expression]


@as_expression.register
def _(op: StructuredOperator) -> Expression:
    return written(op, lambda array, _: Constant(exact(array)))


def parametrised(op: StructuredOperator) -> tuple[Expression, dict[str, tuple[int, ...]]]:
    """The operator as an expression in its factors, with a variable for each, and the variables' shapes."""
    shapes: dict[str, tuple[int, ...]] = {}

    def variable(array: Any, shape: tuple[int, ...]) -> Expression:
        name = f"θ{len(shapes)}"
        shapes[name] = shape
        return Variable(name, shape)

    return written(op, variable), shapes


@singledispatch
def written(op: StructuredOperator, leaf: Leaf) -> Expression:
    """An operator in terms of its factors; ``leaf(array, shape)`` makes an expression of a factor."""
    matrix = op.to_dense()
    return leaf(matrix, matrix.shape)


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
    return Sparse(leaf(op.values, op.values.shape), (*op.pattern,))


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
