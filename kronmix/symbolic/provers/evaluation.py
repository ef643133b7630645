"""Exact entries of expressions over any ring, and their action on columns without forming them.

A ring offers ``lift``, ``scalar``, ``add``, ``subtract``, ``multiply``, ``matmul`` and ``sum`` on arrays:
:class:`~kronmix.symbolic.provers.finite_field.PrimeField`, or :class:`Objects` for polynomials and Python integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce, singledispatch
from math import prod
from typing import Any, Protocol

import numpy as np

from ..language.contractions import Contraction, Groups
from ..language.expressions import Constant, Expression, Sum, Variable
from ..language.structures import Blocks, Inverse, Map, Permuted, Slice
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
    """Entries by applying to the identity, where there is no formula."""
    return _apply(node, values.ring.lift(np.eye(node.shape[1], dtype=int)), values)


@singledispatch
def _apply(node: Any, X: Array, values: Values) -> Array:
    """Apply by forming the entries, where there is no formula."""
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
def _(node: Sum, values: Values) -> Array:
    return _evaluate_sum(node, lambda term: entries(term, values), values)


@_apply.register
def _(node: Sum, X: Array, values: Values) -> Array:
    return _evaluate_sum(node, lambda term: _apply(term, X, values), values)


def _evaluate_sum(node: Sum, each: Callable[[Expression], Array], values: Values) -> Array:
    ring, parts = values.ring, [(c, each(t)) for c, t in node.terms]
    flat = (x.reshape(-1) if c == 1 else ring.multiply(x.reshape(-1), ring.scalar(c)) for c, x in parts)
    return reduce(ring.add, flat).reshape(parts[0][1].shape)


@_apply.register
def _(node: Permuted, X: Array, values: Values) -> Array:
    return X[node.indices]


@_apply.register
def _(node: Blocks, X: Array, values: Values) -> Array:
    out, start = [], 0
    for part in node.parts:
        stop = start + part.shape[1]
        out.append(_apply(part, X[start:stop], values))
        start = stop
    return np.concatenate(out)


@_entries.register
def _(node: Map, values: Values) -> Array:
    return values.functions[node.name](entries(node.matrix, values))


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


# ---- contractions ----------------------------------------------------------------------------------------------------

#: The axis along which columns stand that an expression acts on; one column where it does not act.
_COLUMNS = ""


@_entries.register(Contraction)
def _(node: Contraction, values: Values) -> Array:
    out = [name for group in node.axes for name in group]
    if len(set(out)) < len(out):  # a delta between row and column
        return _apply(node, values.ring.lift(np.eye(node.shape[1], dtype=int)), values)
    return _contracted(node, node.operands, None, out, values).reshape(node.shape)


@_apply.register(Contraction)
def _(node: Contraction, X: Array, values: Values) -> Array:
    rows, columns = node.axes
    given = _Tensor(X.reshape(*(node.digits[name] for name in columns), X.shape[1]), [*columns, _COLUMNS])
    return _contracted(node, node.operands, given, [*rows], values).reshape(-1, X.shape[1])


def _diagonal(node: Expression, values: Values) -> Array:
    """The diagonal of a square matrix; that of a contraction is a contraction, with the row's digits for the column's."""
    if isinstance(node, Contraction):
        rows, columns = node.axes
        new = dict(zip(columns, rows, strict=False))
        renamed = [
            (operand, tuple(tuple(new.get(name, name) for name in group) for group in places))
            for operand, places in node.operands
        ]
        alike = [node.digits[name] for name in rows] == [node.digits[name] for name in columns]
        if alike and all(new[n] == n for n in {*rows} & {*columns}) and all(_is_plain(p) for _, p in renamed):
            return _contracted(node, renamed, None, [*rows], values).reshape(-1)
    return np.diagonal(entries(node, values)).copy()


def _is_plain(places: Groups) -> bool:
    """Whether no name stands twice in an operand, but for row and column that are the same."""
    names = [name for group in places for name in group]
    return len(set(names)) == len(names) or (len(places) == 2 and places[0] == places[1] and len(places[0]) == 1)


@dataclass(frozen=True)
class _Tensor:
    """An array with a name for each axis; at least one axis, as NumPy makes scalars of others."""

    array: Array
    names: list[str]

    def ordered(self, names: list[str]) -> Array:
        return self.array.transpose([self.names.index(name) for name in names])

    def sizes(self, names: list[str]) -> list[int]:
        return [self.array.shape[self.names.index(name)] for name in names]


def _contracted(
    node: Contraction,
    operands: Iterable[tuple[Expression, Groups]],
    given: _Tensor | None,
    out: list[str],
    values: Values,
) -> Array:
    """Σ of the product of operands, and of what they act on, with axes ``out`` and the columns."""
    waiting = sorted(operands, key=lambda operand: prod(operand[0].shape))
    found = given or _Tensor(values.ring.lift(np.ones(1, int)), [_COLUMNS])
    out = [*out, _COLUMNS]
    while waiting:
        acting = [(k, axis) for k in range(len(waiting)) if (axis := _acts(waiting, k, found, out)) is not None]
        operand, places = waiting.pop(acting[0][0] if acting else 0)
        if acting:
            found = _contract_by_product(node, operand, places, acting[0][1], found, values)
        else:
            needed = {*out, *(name for _, groups in waiting for group in groups for name in group)}
            found = _multiplied(found, _tensor_of(node, operand, places, values), needed, values.ring)
    found = _summed(found, {*out}, values.ring)
    missing = [name for name in out if name not in found.names]
    sizes = [node.digits[name] for name in missing]
    array = found.array.reshape([1] * len(missing) + list(found.array.shape))
    spread = np.broadcast_to(array, (*sizes, *found.array.shape))
    return _Tensor(spread, [*missing, *found.names]).ordered(out)


def _acts(waiting: list[tuple[Expression, Groups]], k: int, found: _Tensor, out: list[str]) -> int | None:
    """The axis along which operand k can act on what is found: a matrix whose digits there nothing else depends on."""
    places = waiting[k][1]
    others = {*out, *(name for n, (_, groups) in enumerate(waiting) if n != k for group in groups for name in group)}
    for axis in (1, 0) if len(places) == 2 else ():
        summed, kept = places[axis], places[1 - axis]
        if summed and {*summed} <= {*found.names} - others - {*kept} and not {*kept} & {*found.names}:
            return axis
    return None


def _contract_by_product(
    node: Contraction, operand: Expression, places: Groups, axis: int, found: _Tensor, values: Values
) -> _Tensor:
    """Contract one axis of an operand with a tensor by a matrix product, without forming the operand."""
    summed, kept = [*places[axis]], [*places[1 - axis]]
    rest = [name for name in found.names if name not in summed]
    X = found.ordered([*summed, *rest]).reshape(prod(found.sizes(summed)), -1)
    Y = _apply(operand if axis == 1 else operand.T, X, values)
    return _Tensor(Y.reshape([*(node.digits[name] for name in kept), *found.sizes(rest)]), [*kept, *rest])


def _tensor_of(node: Contraction, operand: Expression, places: Groups, values: Values) -> _Tensor:
    """The operand's entries as a tensor with one axis for each index name."""
    if len(places) == 2 and places[0] == places[1]:
        places, array = places[:1], _diagonal(operand, values)
    else:
        array = entries(operand, values)
    names = [name for group in places for name in group]
    return _Tensor(array.reshape([node.digits[name] for name in names] or [1]), names)


def _summed(tensor: _Tensor, needed: set[str], ring: Ring) -> _Tensor:
    """The sum over the axes that nothing depends on."""
    kept = [name for name in tensor.names if name in needed]
    if kept == tensor.names:
        return tensor
    gone = [name for name in tensor.names if name not in needed]
    array = tensor.ordered([*kept, *gone]).reshape(prod(tensor.sizes(kept)), prod(tensor.sizes(gone)))
    total = ring.matmul(array, ring.lift(np.ones((array.shape[1], 1), int)))
    return _Tensor(total.reshape(tensor.sizes(kept) or [1]), kept)


def _multiplied(x: _Tensor, y: _Tensor, needed: set[str], ring: Ring) -> _Tensor:
    """The product, summed over the axes of both that nothing else depends on."""
    x, y = _summed(x, needed | {*y.names}, ring), _summed(y, needed | {*x.names}, ring)
    both = [name for name in x.names if name in y.names]
    summed, kept = [n for n in both if n not in needed], [n for n in both if n in needed]
    left, right = [n for n in x.names if n not in both], [n for n in y.names if n not in both]
    names, sizes = [*kept, *left, *right], [*x.sizes(kept), *x.sizes(left), *y.sizes(right)]
    if not summed:
        first = x.ordered([*kept, *left]).reshape([*x.sizes(kept), *x.sizes(left)] + [1] * len(right))
        second = y.ordered([*kept, *right]) if y.names else y.array
        second = second.reshape([*y.sizes(kept), *([1] * len(left)), *y.sizes(right)] or [1])
        return _Tensor(ring.multiply(first, second), names)
    stacks = [prod(x.sizes(kept))] if kept else []
    A = x.ordered([*kept, *left, *summed]).reshape(*stacks, prod(x.sizes(left)), prod(x.sizes(summed)))
    B = y.ordered([*kept, *summed, *right]).reshape(*stacks, prod(x.sizes(summed)), prod(y.sizes(right)))
    return _Tensor(ring.matmul(A, B).reshape(sizes), names)


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
