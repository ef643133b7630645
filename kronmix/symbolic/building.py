"""What ``km.kron``, ``km.eye``, ``km.vec`` … make of expressions, and operators with exact entries as expressions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce, singledispatch
from typing import Any

import numpy as np
import sympy as sp

from ..operators import (
    Chain,
    Hadamard,
    Kronecker,
    KroneckerSparse,
    Permutation,
    StructuredOperator,
    Sum as SumOfOperators,
    SumOfKroneckers,
)
from ..spectra import trace
from ..vectorize import _check_order, unvec, vec
from .expressions import Constant, Expression, Product, Shape, Sum, as_expression, number, same_size
from .structures import Blocks, Commuted, Entrywise, Identity, Kron, Permuted, Rearranged, Sparse, Trace, Unvec, Vec

__all__ = ["FUNCTIONS", "SizeSymbol", "lift", "rearrange"]


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
    array = np.asarray(value)
    if array.ndim > 2 or array.dtype.kind not in "biufO":
        raise TypeError(f"{value!r}: expected an exact number or a matrix of exact numbers")
    if array.dtype.kind == "f" and np.all(array == np.rint(array)) and np.all(np.abs(array) < 2.0**53):
        array = array.astype(np.int64)
    if array.dtype.kind in "fO":
        exact = np.empty(array.shape, object)
        for index in np.ndindex(*array.shape):
            exact[index] = _rational(array[index])
        array = exact
    return Constant(array)


def _rational(value: Any) -> Fraction:
    if isinstance(value, sp.Rational):
        return Fraction(int(value.p), int(value.q))
    return number(value)


@lift.register
def _(op: StructuredOperator) -> Expression:
    return lift(op.to_dense())


@lift.register
def _(op: Permutation) -> Expression:
    return Permuted(op.indices)


@lift.register
def _(op: Kronecker) -> Expression:
    return reduce(Kron, map(lift, op.factors))


@lift.register
def _(op: SumOfKroneckers) -> Expression:
    return Sum(tuple((Fraction(1), Kron(lift(A), lift(B))) for A, B in op.pairs))


@lift.register
def _(op: KroneckerSparse) -> Expression:
    values = lift(op.values.reshape(-1, 1))
    assert isinstance(values, Constant)
    return Sparse(Constant(values.values.reshape(op.values.shape)), (*op.pattern,))


@lift.register
def _(op: Chain) -> Expression:
    return reduce(Product, map(lift, op.operators))


@lift.register
def _(op: SumOfOperators) -> Expression:
    return Sum(tuple((Fraction(1), lift(term)) for term in op.operators))


@lift.register
def _(op: Hadamard) -> Expression:
    return reduce(Entrywise, map(lift, op.factors))
