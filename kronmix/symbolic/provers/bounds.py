"""Degree and size of the coefficients of an expression's entries, as polynomials in the entries of its variables.

Schwartz and Zippel: a non-zero polynomial of degree d vanishes at a random point of a field of p elements with probability at
most d/p. A polynomial with integer coefficients below p in magnitude that is not zero is not zero modulo p either; larger ones
need several primes whose product exceeds the coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce, singledispatch
from math import factorial, lcm, prod
from typing import Any

from ..language.contractions import Contraction, Groups
from ..language.expressions import Constant, Expression, Sum, Variable
from ..language.structures import Blocks, Inverse, Map, Permuted, Slice

__all__ = ["Bound", "arguments", "bound", "dimensions", "holds_inverse", "largest_formed", "values_of_functions"]


@dataclass(frozen=True)
class Bound:
    """Each entry is P / (denominator · Q) with polynomials P, its own, and Q, the same for all entries.

    The degree of P is at most ``degree`` and the magnitudes of its coefficients sum to at most ``height``; Q, a product of
    determinants, has the same two bounds. Without inverses Q = 1.
    """

    degree: int = 0
    height: int = 1
    denominator: int = 1
    determinant_degree: int = 0
    determinant_height: int = 1

    def __mul__(self, other: Bound) -> Bound:
        return Bound(
            self.degree + other.degree,
            self.height * other.height,
            self.denominator * other.denominator,
            self.determinant_degree + other.determinant_degree,
            self.determinant_height * other.determinant_height,
        )

    def times(self, n: int) -> Bound:
        """Sum of n such entries."""
        return replace(self, height=self.height * int(n))

    def __add__(self, other: Bound) -> Bound:
        common = lcm(self.denominator, other.denominator)
        height = (
            self.height * (common // self.denominator) * other.determinant_height
            + other.height * (common // other.denominator) * self.determinant_height
        )
        degree = max(self.degree + other.determinant_degree, other.degree + self.determinant_degree)
        return Bound(
            degree,
            height,
            common,
            self.determinant_degree + other.determinant_degree,
            self.determinant_height * other.determinant_height,
        )

    def inverse(self, n: int) -> Bound:
        """Entries of the inverse of an n × n matrix of such entries: denominator · Q · adj P / det P."""
        return Bound(
            self.determinant_degree + (n - 1) * self.degree,
            self.determinant_height * self.denominator * factorial(n - 1) * self.height ** (n - 1),
            1,
            n * self.degree,
            factorial(n) * self.height**n,
        )


@singledispatch
def bound(node: Any) -> Bound:
    """Bound on every entry of an expression; zeros and ones unless registered.

    Examples
    --------
    >>> from kronmix.symbolic.provers.bounds import bound
    >>> from kronmix.symbolic.language.expressions import Variable
    >>> W, X = Variable("W", (2, 3)), Variable("X", (3, 4))
    >>> bound(W @ X)
    Bound(degree=2, height=3, denominator=1, determinant_degree=0, determinant_height=1)
    """
    return Bound()


@bound.register(Variable)
@bound.register(Slice)
@bound.register(Map)
def _(node: Expression) -> Bound:
    """A value of a random function is one more variable, as long as different arguments have different values."""
    return Bound(degree=1)


@bound.register
def _(node: Constant) -> Bound:
    if node.values.dtype != object:
        ends = (node.values.max(), node.values.min()) if node.values.size else ()
        return Bound(height=max([1, *(abs(int(v)) for v in ends)]))
    exact = [Fraction(v) for v in node.values.ravel()]
    common = reduce(lcm, (v.denominator for v in exact), 1)
    return Bound(height=max([1, *(int(abs(v) * common) for v in exact)]), denominator=common)


@bound.register
def _(node: Contraction) -> Bound:
    return reduce(lambda x, y: x * y, map(bound, node.parts), Bound()).times(node.terms_summed)


@bound.register
def _(node: Sum) -> Bound:
    return reduce(
        lambda x, y: x + y, (bound(t) * Bound(0, max(1, abs(c.numerator)), c.denominator) for c, t in node.terms)
    )


@bound.register
def _(node: Blocks) -> Bound:
    return reduce(lambda x, y: x + y, map(bound, node.parts))


@bound.register
def _(node: Inverse) -> Bound:
    return bound(node.matrix).inverse(int(node.shape[0]))


def holds_inverse(node: Expression) -> bool:
    """Whether an expression has entries that are no polynomials."""
    return isinstance(node, Inverse) or any(map(holds_inverse, node.parts))


def arguments(node: Expression) -> list[tuple[int, Bound]]:
    """How many entries functions are applied to, and the bound on each, for every function in an expression."""
    own = [(prod(map(int, node.shape)), bound(node.matrix))] if isinstance(node, Map) else []
    return own + [found for part in node.parts for found in arguments(part)]


@singledispatch
def values_of_functions(node: Any) -> int:
    """How many values of functions one entry depends on, at most."""
    return sum(map(values_of_functions, node.parts))


@values_of_functions.register
def _(node: Map) -> int:
    return 1 + values_of_functions(node.matrix)


@values_of_functions.register
def _(node: Inverse) -> int:
    return prod(map(int, node.shape)) * values_of_functions(node.matrix)


@values_of_functions.register
def _(node: Contraction) -> int:
    known = {name for group in node.axes for name in group}
    count = min(_choices(node, known, operands) for operands in (node.operands, node.operands[::-1]))
    return count * sum(map(values_of_functions, node.parts))


def _choices(node: Contraction, known: set[str], operands: Iterable[tuple[Expression, Groups]]) -> int:
    """Values of all digits but the known ones at which no operand need be 0, at most."""
    count, known = 1, set(known)
    for operand, places in operands:
        for M, groups in ((operand, places), (operand.T, places[::-1])) if len(places) == 2 else ():
            if {*groups[0]} <= known and not {*groups[1]} & known:
                count *= _row_support(M)
                known |= {*groups[1]}
    return count * prod(int(size) for name, size in node.digits.items() if name not in known)


@singledispatch
def _row_support(node: Any) -> int:
    """Entries of a row that need not be 0, at most."""
    return int(node.shape[-1])


@_row_support.register
def _(node: Permuted) -> int:
    return 1


@_row_support.register
def _(node: Contraction) -> int:
    return min(int(node.shape[1]), _choices(node, {*node.axes[0]}, node.operands))


def largest_formed(node: Expression) -> int:
    """Entries of the largest matrix that is formed when an expression acts on a vector."""
    if isinstance(node, Contraction):
        formed = [operand for operand, places in node.operands if not _acts(node, places)]
    else:
        formed = [] if isinstance(node, Sum | Blocks | Permuted) else [node]
    return max([1, *(prod(map(int, part.shape)) for part in formed), *map(largest_formed, node.parts)])


def _acts(node: Contraction, places: Groups) -> bool:
    """Whether an operand is a matrix that need not be formed: nothing else depends on its digits, or its diagonal is enough."""
    if len(places) != 2 or places[0] == places[1]:
        return len(places) == 2
    everywhere = [name for groups in (node.axes, *(g for _, g in node.operands)) for group in groups for name in group]
    rows, columns = ({k for k, axis in enumerate(node.axes) if {*axis} & {*group}} for group in places)
    return not rows & columns and all(everywhere.count(name) == 2 for group in places for name in group)


def dimensions(node: Expression) -> int:
    """Largest number of rows or columns met anywhere in an expression."""
    return max([*map(int, node.shape or (1,)), *(dimensions(part) for part in node.parts)])
