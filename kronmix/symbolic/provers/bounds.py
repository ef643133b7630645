"""Degree and size of the coefficients of an expression's entries, as polynomials in the entries of its variables.

Schwartz and Zippel: a non-zero polynomial of degree d vanishes at a random point of a field of p elements with probability at
most d/p. A polynomial with integer coefficients below p in magnitude that is not zero is not zero modulo p either; larger ones
need several primes whose product exceeds the coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce, singledispatch
from math import lcm
from typing import Any

import numpy as np

from ..language.expressions import Constant, Expression, Product, Scaled, Sum, Variable
from ..language.structures import (
    Blocks,
    Entrywise,
    Kron,
    Map,
    Rearranged,
    Slicewise,
    Sparse,
    Trace,
    Unvec,
    Vec,
)

__all__ = ["Bound", "bound", "dimensions"]

#: Degree of the random polynomial that stands for an entrywise function.
MAP_DEGREE = 3


@dataclass(frozen=True)
class Bound:
    """Each entry is P/denominator with deg P ≤ degree and the magnitudes of P's coefficients summing to at most ``height``."""

    degree: int = 0
    height: int = 1
    denominator: int = 1

    def __mul__(self, other: Bound) -> Bound:
        return Bound(self.degree + other.degree, self.height * other.height, self.denominator * other.denominator)

    def times(self, n: int) -> Bound:
        """Sum of n such entries."""
        return Bound(self.degree, self.height * int(n), self.denominator)

    def __add__(self, other: Bound) -> Bound:
        common = lcm(self.denominator, other.denominator)
        height = self.height * (common // self.denominator) + other.height * (common // other.denominator)
        return Bound(max(self.degree, other.degree), height, common)


@singledispatch
def bound(node: Any) -> Bound:
    """Bound on every entry of an expression; zeros and ones unless registered.

    Examples
    --------
    >>> from kronmix.symbolic.provers.bounds import bound
    >>> from kronmix.symbolic.language.expressions import Variable
    >>> W, X = Variable("W", (2, 3)), Variable("X", (3, 4))
    >>> bound(W @ X)
    Bound(degree=2, height=3, denominator=1)
    """
    return Bound()


@bound.register
def _(node: Variable) -> Bound:
    return Bound(degree=1)


@bound.register
def _(node: Constant) -> Bound:
    if node.values.dtype != object:
        return Bound(height=max(1, int(np.abs(node.values.astype(np.float64)).max(initial=1)) + 1))
    exact = [Fraction(v) for v in node.values.ravel()]
    common = reduce(lcm, (v.denominator for v in exact), 1)
    return Bound(height=max([1, *(int(abs(v) * common) for v in exact)]), denominator=common)


@bound.register
def _(node: Product) -> Bound:
    return (bound(node.left) * bound(node.right)).times(node.right.shape[0])


@bound.register
def _(node: Slicewise) -> Bound:
    return (bound(node.left) * bound(node.right)).times(node.r)


@bound.register(Kron)
@bound.register(Entrywise)
@bound.register(Scaled)
def _(node: Expression) -> Bound:
    first, second = node.parts
    return bound(first) * bound(second)


@bound.register
def _(node: Sum) -> Bound:
    return reduce(
        lambda x, y: x + y, (bound(t) * Bound(0, max(1, abs(c.numerator)), c.denominator) for c, t in node.terms)
    )


@bound.register
def _(node: Blocks) -> Bound:
    return reduce(lambda x, y: x + y, map(bound, node.parts))


@bound.register
def _(node: Trace) -> Bound:
    return bound(node.matrix).times(node.matrix.shape[0])


@bound.register
def _(node: Map) -> Bound:
    inner = bound(node.matrix)
    power = reduce(lambda x, y: x * y, [inner] * MAP_DEGREE)
    return Bound(power.degree + 1, power.height * (MAP_DEGREE + 1) * inner.denominator, power.denominator)


@bound.register(Vec)
@bound.register(Unvec)
@bound.register(Rearranged)
@bound.register(Sparse)
def _(node: Expression) -> Bound:
    return bound(node.parts[0])


def dimensions(node: Expression) -> int:
    """Largest number of rows or columns met anywhere in an expression."""
    return max([*map(int, node.shape or (1,)), *(dimensions(part) for part in node.parts)])
