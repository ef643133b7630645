"""Polynomial maps as circuits of sums and products: recorded, differentiated, and evaluated on power series modulo a prime.

Arrays of :class:`Node` go through any code that adds and multiplies, as polynomials do; what is recorded keeps the sharing that
a polynomial written out has lost: a product of twelve layers 2×2 is 84 nodes and 8 192 monomials.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .finite_field import PrimeField

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Circuit", "Node", "evaluate", "gradient", "total"]


@dataclass(eq=False)
class Circuit:
    """Operations in the order in which they were recorded; an input or a constant has none."""

    operations: list[tuple[str, int, int] | None] = field(default_factory=list)
    constants: dict[Any, int] = field(default_factory=dict)

    def inputs(self, shape: tuple[int, ...]) -> Array:
        """An array of inputs."""
        out = np.empty(shape, object)
        for index in np.ndindex(*shape):
            out[index] = self._append(None)
        return out

    def constant(self, value: Any) -> Node:
        """A number, recorded once."""
        if value not in self.constants:
            self.constants[value] = self._append(None).index
        return Node(self, self.constants[value])

    def combined(self, kind: str, left: Node, right: Node) -> Node:
        """left + right or left · right; what is multiplied by 0 or 1, or added to 0, is not recorded."""
        zero, one = (self.constants.get(value) for value in (0, 1))
        for x, y in ((left, right), (right, left)):
            if x.index == zero:
                return y if kind == "add" else x
            if x.index == one and kind == "multiply":
                return y
        return self._append((kind, left.index, right.index))

    def _append(self, operation: tuple[str, int, int] | None) -> Node:
        """Add an operation and return the node that stands for its result."""
        self.operations.append(operation)
        return Node(self, len(self.operations) - 1)


@dataclass(frozen=True)
class Node:
    """A value of a circuit; arithmetic with nodes and exact numbers records it.

    Examples
    --------
    >>> from kronmix.symbolic.provers.circuits import Circuit
    >>> x, y = Circuit().inputs((2,))
    >>> at = np.array([[[3]], [[5]]], np.uint64)  # x = 3, y = 5
    >>> evaluate(gradient(x * x * y, [x, y]), [x, y], at, PrimeField(1)).ravel()  # 2xy and x²
    array([30,  9], dtype=uint64)
    """

    circuit: Circuit = field(repr=False)
    index: int

    def _combined_with(self, kind: str, other: Any) -> Node:
        known = other if isinstance(other, Node) else self.circuit.constant(other)
        return self.circuit.combined(kind, self, known)

    def __add__(self, other: Any) -> Node:
        return self._combined_with("add", other)

    def __mul__(self, other: Any) -> Node:
        return self._combined_with("multiply", other)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Node:
        return self * -1

    def __sub__(self, other: Any) -> Node:
        return self + other * -1

    def __rsub__(self, other: Any) -> Node:
        return self * -1 + other

    def __pow__(self, exponent: int) -> Node:
        out = self.circuit.constant(1)
        for _ in range(exponent):
            out = out * self
        return out


def total(*nodes: Node) -> Node:
    """Sum in pairs: a circuit as flat as can be."""
    rest = list(nodes)
    while len(rest) > 1:
        rest = [sum(rest[i + 1 : i + 2], start=rest[i]) for i in range(0, len(rest), 2)]
    return rest[0]


def gradient(value: Node, inputs: Iterable[Node]) -> list[Node]:
    """The partial derivatives of a value, recorded in its circuit: reverse accumulation."""
    circuit = value.circuit
    zero, bars = circuit.constant(0), {value.index: circuit.constant(1)}
    for index in range(value.index, -1, -1):
        operation = circuit.operations[index]
        if operation is None or index not in bars:
            continue
        kind, *parts = operation
        bar = bars[index]
        for part, other in (parts, parts[::-1]):
            passed = bar if kind == "add" else bar * Node(circuit, other)
            bars[part] = bars[part] + passed if part in bars else passed
    return [bars.get(node.index, zero) for node in inputs]


def evaluate(outputs: Sequence[Node], inputs: Sequence[Node], values: Array, F: PrimeField) -> Array:
    """Values of nodes where the inputs are power series modulo tᴺ and a prime, with tangents.

    Parameters
    ----------
    values : array of shape (inputs, 1 + tangents, N), uint64
        Place 0 is the series itself; the others are directions in which it is differentiated.

    Returns
    -------
    array of shape (outputs, 1 + tangents, N)
    """
    circuit = outputs[0].circuit
    known = np.zeros((len(circuit.operations), *values.shape[1:]), np.uint64)
    for number, index in circuit.constants.items():
        known[index, 0, 0] = F.scalar(number)
    known[[node.index for node in inputs]] = values
    for kind, indices, left, right in _batches(circuit, outputs):
        if kind == "add":
            known[indices] = F.add(known[left], known[right])
        else:
            a, b = known[left], known[right]
            product = convolved(a[:, :1], b, F)  # a₀b₀ and a₀b_k; then a_k b₀
            product[:, 1:] = F.add(product[:, 1:], convolved(a[:, 1:], b[:, :1], F))
            known[indices] = product
    return known[[node.index for node in outputs]]


def _batches(circuit: Circuit, outputs: Sequence[Node]) -> list[tuple[str, Array, Array, Array]]:
    """The operations that the outputs need, those that do not wait for each other together."""
    needed = np.zeros(len(circuit.operations), bool)
    needed[[node.index for node in outputs]] = True
    for index in range(len(needed) - 1, -1, -1):
        if needed[index] and (operation := circuit.operations[index]) is not None:
            needed[list(operation[1:])] = True
    level = [0] * len(needed)
    batches: dict[tuple[int, str], list[tuple[int, int, int]]] = {}
    for index in map(int, np.flatnonzero(needed)):
        if (operation := circuit.operations[index]) is not None:
            kind, left, right = operation
            level[index] = 1 + max(level[left], level[right])
            batches.setdefault((level[index], kind), []).append((index, left, right))
    return [(kind, *np.array(batch).T) for (_, kind), batch in sorted(batches.items())]


def convolved(a: Array, b: Array, F: PrimeField) -> Array:
    """Products of power series modulo tᴺ, along the last axis."""
    N = b.shape[-1]
    out = np.zeros(np.broadcast_shapes(a.shape, b.shape), np.uint64)
    for i in range(N):
        out[..., i:] = F.add(out[..., i:], F.multiply(a[..., i : i + 1], b[..., : N - i]))
    return out
