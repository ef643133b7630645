"""Exact entries of expressions over any ring, and their action on columns without forming them.

A ring offers ``lift``, ``scalar``, ``add``, ``subtract``, ``multiply``, ``matmul`` and ``sum`` on arrays:
:class:`~kronmix.symbolic.provers.finite_field.PrimeField`, or :class:`Objects` for polynomials and Python integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce, singledispatch
from math import prod
from typing import Any, Protocol

import numpy as np

from ...vectorize import commutation_indices
from ..language.expressions import Constant, Expression, Ones, Product, Scaled, Sum, Trace, Unvec, Variable
from ..language.structures import (
    Blocks,
    Commuted,
    Diagonal,
    DiagonalOf,
    Entrywise,
    Identity,
    Inverse,
    KhatriRao,
    Kron,
    Map,
    Permuted,
    Rearranged,
    Regrouped,
    Slice,
    Slicewise,
    Sparse,
    Vec,
)
from .elimination import reduced
from .finite_field import PrimeField

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["NotPolynomial", "Objects", "Ring", "Singular", "TooLarge", "Values", "apply", "entries"]

#: Largest array formed on the way, in entries.
MAX_ENTRIES = 2**23
#: Most rows of a matrix that is inverted.
MAX_INVERSE = 128


class TooLarge(MemoryError):
    """An expression would have to be formed explicitly and is too large for it."""


class Singular(ArithmeticError):
    """A matrix whose inverse is asked for has none at this point."""


class NotPolynomial(ArithmeticError):
    """An inverse was asked for in a ring without division."""


class Ring(Protocol):
    """Exact arithmetic on arrays."""

    def lift(self, array: Any) -> Array: ...
    def scalar(self, value: Any) -> Any: ...
    def add(self, x: Array, y: Array) -> Array: ...
    def multiply(self, x: Array, y: Array) -> Array: ...
    def matmul(self, A: Array, B: Array) -> Array: ...
    def sum(self, x: Array) -> Any: ...


class Objects:
    """Python integers, fractions or polynomials in object arrays; ``one`` is the ring's unit."""

    def __init__(self, one: Any = 1) -> None:
        self.one = one

    def lift(self, array: Any) -> Array:
        given = np.asarray(array, object)
        out = np.empty(given.shape, object)
        for index in np.ndindex(*given.shape):
            out[index] = self.scalar(given[index])
        return out

    def scalar(self, value: Any) -> Any:
        if isinstance(value, type(self.one)):
            return value
        exact = Fraction(value)
        if exact.denominator == 1:
            return self.one * exact.numerator
        return self.one * exact if isinstance(self.one, int) else self.one * exact.numerator / exact.denominator

    def add(self, x: Array, y: Array) -> Array:
        return x + y

    def multiply(self, x: Array, y: Array) -> Array:
        return x * y

    def matmul(self, A: Array, B: Array) -> Array:
        return A @ B

    def sum(self, x: Array) -> Any:
        return x.sum()

    def reciprocal(self, value: Any) -> Any:
        """1 / value; NotPolynomial in a ring of polynomials."""
        if isinstance(value, int | Fraction):
            return 1 / Fraction(value)
        if hasattr(value, "ring"):
            raise NotPolynomial("the entries of an inverse are no polynomials")
        return self.one / value


@dataclass(frozen=True)
class Values:
    """A ring, the arrays of the variables, and the functions that ``Map`` applies."""

    ring: Ring
    arrays: Mapping[str, Array]
    functions: Mapping[str, Callable[[Array], Array]]
    inverses: dict[int, Array] = field(default_factory=dict, repr=False)  # by the identity of what is inverted


def _scalar(value: Any) -> Array:
    """An array of no axes; SymPy's polynomials are dictionaries, which NumPy would take apart."""
    out = np.empty((), np.uint64 if isinstance(value, np.uint64) else object)
    out[()] = value
    return out


def entries(node: Expression, values: Values) -> Array:
    """All entries; raises TooLarge rather than form more than ``MAX_ENTRIES`` of them."""
    if prod(node.shape) > MAX_ENTRIES:
        raise TooLarge(f"{str(node)[:60]} has {prod(node.shape):,} entries, more than {MAX_ENTRIES:,}")
    return _entries(node, values)


def apply(node: Expression, X: Array, values: Values) -> Array:
    """node @ X for X of shape (columns, batch), by structure."""
    return _apply(node, X, values)


@singledispatch
def _entries(node: Any, values: Values) -> Array:
    """Without a formula: apply to the identity."""
    return _apply(node, values.ring.lift(np.eye(node.shape[1], dtype=int)), values)


@singledispatch
def _apply(node: Any, X: Array, values: Values) -> Array:
    """Without a formula: form the entries."""
    return values.ring.matmul(entries(node, values), X)


@_entries.register
def _(node: Variable, values: Values) -> Array:
    array = values.arrays[node.key]
    return array.T if node.flipped else array


@_entries.register
def _(node: Slice, values: Values) -> Array:
    matrix = values.arrays[node.stack.key][node.index]
    return matrix.T if node.flipped else matrix


@_entries.register
def _(node: Constant, values: Values) -> Array:
    return values.ring.lift(node.values)


@_entries.register
def _(node: Ones, values: Values) -> Array:
    return values.ring.lift(np.ones(node.shape, int))


@_entries.register
def _(node: Product, values: Values) -> Array:
    left, right = node.left, node.right
    if left.ndim == 1:
        return _scalar(values.ring.sum(values.ring.multiply(entries(left, values), entries(right, values))))
    if right.ndim == 1:
        return _apply(left, entries(right, values)[:, None], values)[:, 0]
    if right.shape[1] <= left.shape[0]:
        return _apply(left, entries(right, values), values)
    return _apply(right.T, entries(left, values).T, values).T


@_apply.register
def _(node: Product, X: Array, values: Values) -> Array:
    return _apply(node.left, _apply(node.right, X, values), values)


@_entries.register
def _(node: Sum, values: Values) -> Array:
    return _combine(node, lambda term: entries(term, values), values)


@_apply.register
def _(node: Sum, X: Array, values: Values) -> Array:
    return _combine(node, lambda term: _apply(term, X, values), values)


def _combine(node: Sum, each: Callable[[Expression], Array], values: Values) -> Array:
    ring, parts = values.ring, [(c, each(t)) for c, t in node.terms]
    flat = (x.reshape(-1) if c == 1 else ring.multiply(x.reshape(-1), ring.scalar(c)) for c, x in parts)
    return reduce(ring.add, flat).reshape(parts[0][1].shape)


@_entries.register
def _(node: Scaled, values: Values) -> Array:
    matrix = entries(node.matrix, values)
    return values.ring.multiply(matrix.reshape(-1), entries(node.scalar, values).reshape(1)).reshape(matrix.shape)


@_apply.register
def _(node: Scaled, X: Array, values: Values) -> Array:
    return values.ring.multiply(_apply(node.matrix, X, values), entries(node.scalar, values).reshape(1, 1))


@_entries.register
def _(node: Trace, values: Values) -> Array:
    return _scalar(values.ring.sum(_diagonal(node.matrix, values)))


@singledispatch
def _diagonal(node: Any, values: Values) -> Array:
    return np.diagonal(entries(node, values)).copy()


@_diagonal.register
def _(node: Kron, values: Values) -> Array:
    if node.left.shape[0] != node.left.shape[1]:
        return np.diagonal(entries(node, values)).copy()
    left, right = _diagonal(node.left, values), _diagonal(node.right, values)
    return values.ring.multiply(left[:, None], right[None]).reshape(-1)


@_diagonal.register
def _(node: Diagonal, values: Values) -> Array:
    return entries(node.vector, values)


@_diagonal.register
def _(node: Product, values: Values) -> Array:
    """Row i of the left matrix times column i of the right one."""
    A, B = entries(node.left, values), entries(node.right, values)
    return values.ring.matmul(A[:, None, :], B.T[:, :, None])[:, 0, 0]


@_apply.register(Identity)
def _(node: Identity, X: Array, values: Values) -> Array:
    return X


@_apply.register
def _(node: Commuted, X: Array, values: Values) -> Array:
    return X[commutation_indices(node.S, node.C)]


@_apply.register
def _(node: Permuted, X: Array, values: Values) -> Array:
    return X[node.indices]


@_entries.register
def _(node: Kron, values: Values) -> Array:
    A, B = entries(node.left, values), entries(node.right, values)
    return values.ring.multiply(A[:, None, :, None], B[None, :, None, :]).reshape(node.shape)


@_apply.register
def _(node: Kron, X: Array, values: Values) -> Array:
    """(A ⊗ B) X: B along the minor index, then A along the major one."""
    (rA, cA), (rB, cB), n = node.left.shape, node.right.shape, X.shape[1]
    Y = X.reshape(cA, cB, n).transpose(1, 0, 2).reshape(cB, cA * n)
    Y = _apply(node.right, Y, values).reshape(rB, cA, n).transpose(1, 0, 2).reshape(cA, rB * n)
    return _apply(node.left, Y, values).reshape(rA * rB, n)


@_apply.register
def _(node: Blocks, X: Array, values: Values) -> Array:
    out, start = [], 0
    for part in node.parts:
        stop = start + part.shape[1]
        out.append(_apply(part, X[start:stop], values))
        start = stop
    return np.concatenate(out)


@_entries.register
def _(node: Entrywise, values: Values) -> Array:
    return values.ring.multiply(entries(node.left, values), entries(node.right, values))


@_entries.register
def _(node: Map, values: Values) -> Array:
    return values.functions[node.name](entries(node.matrix, values))


@_entries.register
def _(node: Vec, values: Values) -> Array:
    return entries(node.matrix, values).T.reshape(-1)


@_entries.register
def _(node: Unvec, values: Values) -> Array:
    S, C = node.sizes
    columns = entries(node.vector, values).reshape(C, S)
    return columns if node.flipped else columns.T


@_entries.register
def _(node: Rearranged, values: Values) -> Array:
    """𝓡(M)[(j_A, i_A), (j_B, i_B)] = M[(i_A, i_B), (j_A, j_B)] (T14)."""
    (mA, nA), (mB, nB) = node.left, node.right
    M = entries(node.matrix, values).reshape(mA, mB, nA, nB)
    R = M.transpose(2, 0, 3, 1).reshape(mA * nA, mB * nB)
    return R.T if node.flipped else R


@_entries.register
def _(node: Slicewise, values: Values) -> Array:
    a, b, c, d, β, κ, r = node.a, node.b, node.c, node.d, node.beta, node.kappa, node.r
    U = entries(node.left, values).reshape(a, β, d, b, κ, r).transpose(0, 2, 1, 4, 3, 5)
    V = entries(node.right, values).reshape(a, κ, d, r, β, c).transpose(0, 2, 4, 1, 3, 5)
    slices = values.ring.matmul(U, V)  # [a, d, β, κ, b, c]
    return slices.transpose(0, 1, 4, 2, 3, 5).reshape(node.shape)


@_apply.register
def _(node: Sparse, X: Array, values: Values) -> Array:
    """y[a, b, d, n] = Σ_c values[a, d, b, c] x[a, c, d, n] (T9)."""
    a, b, c, d = node.pattern
    full = entries(node.values, values)
    if full.ndim == 2:
        full = full[None, None]
    if node.flipped:
        full, b, c = full.swapaxes(2, 3), c, b
    x = X.reshape(a, c, d, -1).transpose(0, 2, 1, 3)
    return values.ring.matmul(full, x).transpose(0, 2, 1, 3).reshape(a * b * d, -1)


@_entries.register
def _(node: Diagonal, values: Values) -> Array:
    return _apply(node, values.ring.lift(np.eye(node.shape[0], dtype=int)), values)


@_apply.register
def _(node: Diagonal, X: Array, values: Values) -> Array:
    return values.ring.multiply(entries(node.vector, values)[:, None], X)


@_entries.register
def _(node: DiagonalOf, values: Values) -> Array:
    return _diagonal(node.matrix, values)


@_entries.register
def _(node: KhatriRao, values: Values) -> Array:
    A, B = entries(node.left, values), entries(node.right, values)
    product = values.ring.multiply(A[:, None], B[None]).reshape(len(A) * len(B), A.shape[1])
    return product.T if node.flipped else product


@_entries.register
def _(node: Regrouped, values: Values) -> Array:
    sizes = node.sizes
    given, wanted = ([name for group in groups for name in group] for groups in (node.given, node.wanted))
    axes = entries(node.matrix, values).reshape([sizes[name] for name in given])
    return axes.transpose([given.index(name) for name in wanted]).reshape(node.shape)


@_entries.register
def _(node: Inverse, values: Values) -> Array:
    found = values.inverses.get(id(node.matrix))
    if found is None:
        if node.shape[0] > MAX_INVERSE:
            raise TooLarge(
                f"{str(node)[:60]} has {node.shape[0]:,} rows, more than the {MAX_INVERSE} that are inverted"
            )
        found = values.inverses[id(node.matrix)] = _inverse(values.ring, entries(node.matrix, values))
    return found.T if node.flipped else found


@singledispatch
def _inverse(ring: Any, A: Array) -> Array:
    """The inverse over a ring that is a field, by Gauss and Jordan."""
    n = len(A)
    M = np.concatenate([A.astype(object), ring.lift(np.eye(n, dtype=int))], axis=1)
    for column in range(n):
        pivots = [row for row in range(column, n) if M[row, column] != 0]
        if not pivots:
            raise Singular
        M[[column, pivots[0]]] = M[[pivots[0], column]]
        M[column] = M[column] * ring.reciprocal(M[column, column])
        for row in range(n):
            if row != column and M[row, column] != 0:
                M[row] = M[row] - M[row, column] * M[column]
    return M[:, n:]


@_inverse.register
def _(ring: PrimeField, A: Array) -> Array:
    n = len(A)
    found = reduced(np.concatenate([A, np.eye(n, dtype=np.uint64)], axis=1), ring)
    if not np.array_equal(found[:, :n], np.eye(n, dtype=np.uint64)):
        raise Singular
    return found[:, n:]
