"""What ``km.kron``, ``km.eye``, ``km.vec`` … make of expressions, and operators with exact entries as expressions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce, singledispatch
from typing import Any

import numpy as np
import sympy as sp

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
from ...spectra.trace import trace
from ...vectorize import _check_order, unvec, vec
from .expressions import Constant, Expression, Product, Shape, Sum, Variable, as_expression, number, same_size
from .structures import Blocks, Commuted, Entrywise, Identity, Kron, Permuted, Rearranged, Sparse, Trace, Unvec, Vec

__all__ = ["FUNCTIONS", "SizeSymbol", "lift", "parametrised", "rearrange"]


class SizeSymbol(sp.Symbol):
    """A positive integer size without a value; ``km.eye`` and ``km.commutation`` of it are expressions."""

    def __new__(cls, name: str) -> SizeSymbol:
        return super().__new__(cls, name, integer=True, positive=True)

    __matrix_function__ = staticmethod(Expression.__matrix_function__)


def _matrices(name: str, arguments: tuple[Any, ...]) -> list[Expression]:
    found = [as_expression(argument) for argument in arguments]
    for expression in found:
        if expression.ndim != 2:
            raise ValueError(f"{name}: {expression} is a {('scalar', 'vector')[expression.ndim]}: expected a matrix")
    return found


def kron(*matrices: Any) -> Expression:
    return reduce(Kron, _matrices("kron", matrices))


def block_diag(*blocks: Any) -> Expression:
    return Blocks(tuple(_matrices("block_diag", blocks)))


def hadamard(*matrices: Any) -> Expression:
    found = [as_expression(matrix) for matrix in matrices]
    for expression in found[1:]:
        if expression.ndim != found[0].ndim or not all(map(same_size, expression.shape, found[0].shape)):
            raise ValueError(f"hadamard: shapes {found[0].shape} and {expression.shape} differ")
    return reduce(Entrywise, found)


def eye(n: Any) -> Expression:
    return Identity(n)


def commutation(S: Any, C: Any, order: str = "F") -> Expression:
    _check_order(order)
    return Commuted(S, C) if order == "F" else Commuted(C, S)


def rearrange(matrix: Any, left: Shape, right: Shape) -> Expression:
    """𝓡(M) for M of the shape of a Kronecker product of a ``left`` and a ``right`` matrix (T14)."""
    (M,) = _matrices("rearrange", (matrix,))
    expected = tuple(m * n for m, n in zip(left, right, strict=True))
    if not all(map(same_size, M.shape, expected)):
        raise ValueError(f"rearrange: {M} has shape {M.shape}: expected {expected}")
    return Rearranged(M, left, right)


#: Functions of :mod:`kronmix.products` (and ``commutation``) on expressions.
FUNCTIONS: dict[str, Callable[..., Expression]] = {
    "kron": kron,
    "block_diag": block_diag,
    "hadamard": hadamard,
    "eye": eye,
    "commutation": commutation,
}


@vec.register
def _(X: Expression, order: str = "F") -> Expression:
    _check_order(order)
    (X,) = _matrices("vec", (X,))
    return Vec(X) if order == "F" else Vec(X.T)


@unvec.register
def _(x: Expression, shape: Shape, order: str = "F") -> Expression:
    _check_order(order)
    S, C = shape
    if x.ndim != 1 or not same_size(x.shape[0], S * C):
        raise ValueError(f"unvec: {x} has shape {x.shape}: expected ({S * C},) for shape=({S}, {C})")
    return Unvec(x, (S, C)) if order == "F" else Unvec(x, (C, S)).T


@trace.register
def _(op: Expression) -> Expression:
    (op,) = _matrices("trace", (op,))
    if not same_size(*op.shape):
        raise ValueError(f"trace: {op} has shape {op.shape}: expected a square matrix")
    return Trace(op)


# ---- numbers, arrays and operators as exact constants ----------------------------------------------------------------


@singledispatch
def lift(value: Any) -> Expression:
    """Exact numbers, arrays of them and operators with exact factors, as constant expressions.

    Raises
    ------
    TypeError
        If entries are neither integers, fractions nor finite floats.
    """
    return Constant(_exact(value))


@lift.register
def _(op: StructuredOperator) -> Expression:
    return written(op, lambda array, _: Constant(_exact(array)))


def parametrised(op: StructuredOperator) -> tuple[Expression, dict[str, tuple[int, ...]]]:
    """The operator as an expression in its factors, with a variable for each, and the variables' shapes."""
    shapes: dict[str, tuple[int, ...]] = {}

    def variable(array: Any, shape: tuple[int, ...]) -> Expression:
        name = f"θ{len(shapes)}"
        shapes[name] = shape
        return Variable(name, shape)

    return written(op, variable), shapes


def _exact(value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    array = np.asarray(value)
    if array.dtype.kind not in "biufO" or (array.ndim > 2 and array.dtype.kind == "O"):
        raise TypeError(f"{value!r}: expected an exact number or a matrix of exact numbers")
    if array.dtype.kind == "f" and np.all(array == np.rint(array)) and np.all(np.abs(array) < 2.0**53):
        array = array.astype(np.int64)
    if array.dtype.kind in "fO":
        exact = np.empty(array.shape, object)
        for index in np.ndindex(*array.shape):
            exact[index] = _rational(array[index])
        array = exact
    return array


def _rational(value: Any) -> Fraction:
    if isinstance(value, sp.Rational):
        return Fraction(int(value.p), int(value.q))
    return number(value)


Leaf = Callable[[Any, tuple[int, ...]], Expression]


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
