"""Sizes of matrices: integers, symbols for proofs at all sizes, and how shapes are written.

A size is an ``int`` or a positive SymPy polynomial. An integer that a name happens to have at the sizes tried is a
:class:`SizeValue`, so that a column of n = 1 entries stays a column and is not taken for a scalar.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy as sp

from .dispatch import MATRIX_FUNCTIONS

__all__ = [
    "Shape",
    "Size",
    "SizeExpression",
    "SizeSymbol",
    "SizeValue",
    "excerpt",
    "is_one",
    "product_of",
    "same_shape",
    "same_size",
    "shown_shape",
    "size_expression",
]

Size = Any  # int, or a positive integer SymPy expression
Shape = tuple[Size, ...]


def _as_expressions(name: str, args: tuple[Any, ...], **options: Any) -> Any:
    """``km.eye(S)`` of a size is an expression."""
    return MATRIX_FUNCTIONS[name](*args, **options) if name in MATRIX_FUNCTIONS else NotImplemented


class SizeSymbol(sp.Symbol):
    """A positive integer size without a value; ``km.eye`` and ``km.commutation`` of it are expressions."""

    def __new__(cls, name: str) -> SizeSymbol:
        return super().__new__(cls, name, integer=True, positive=True)

    __matrix_function__ = staticmethod(_as_expressions)


class SizeValue(int):
    """The value of a size at the sizes tried; ``literal`` where the shape was written with this number."""

    literal: bool

    def __new__(cls, value: int, literal: bool = False) -> SizeValue:
        size = super().__new__(cls, value)
        size.literal = literal
        return size

    __matrix_function__ = staticmethod(_as_expressions)

    def __mul__(self, other: Any) -> Any:
        return self._computed(super().__mul__(other), other)

    def __add__(self, other: Any) -> Any:
        return self._computed(super().__add__(other), other)

    def __sub__(self, other: Any) -> Any:
        return self._computed(super().__sub__(other), other)

    def __rsub__(self, other: Any) -> Any:
        return self._computed(super().__rsub__(other), other)

    __rmul__, __radd__ = __mul__, __add__

    def _computed(self, value: Any, other: Any) -> Any:
        """A size computed from this and another; literal if both are."""
        return SizeValue(value, self.literal and getattr(other, "literal", True)) if isinstance(other, int) else value


def is_one(size: Size) -> bool:
    """Whether a size is 1 for all values of the names in it."""
    return bool(size == 1) and getattr(size, "literal", True)


def same_size(m: Size, n: Size) -> bool:
    """Whether two sizes are equal, for all values of their symbols."""
    return m == n if isinstance(m, int) and isinstance(n, int) else sp.expand(m - n) == 0


def same_shape(left: Shape, right: Shape) -> bool:
    """Whether two shapes have equal sizes."""
    return len(left) == len(right) and all(map(same_size, left, right))


def shown_shape(shape: Shape) -> str:
    """A shape as Python writes it."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


# ---- sizes as text ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SizeExpression:
    """A sum of products of numbers and names, with positive coefficients: it is positive at all positive sizes.

    Attributes
    ----------
    text : str
        As it was written.
    terms : tuple of (int, names)
        What is summed.
    """

    text: str
    terms: tuple[tuple[int, tuple[str, ...]], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in it."""
        return tuple(name for _, names in self.terms for name in names)

    def value(self, sizes: Mapping[str, Any]) -> Any:
        """The size at given values of the names."""
        literal = not self.names
        parts = [reduce(lambda x, y: x * y, (sizes[name] for name in names), c) for c, names in self.terms]
        total = reduce(lambda x, y: x + y, parts)
        return SizeValue(total, literal) if isinstance(total, int) else total


def size_expression(size: Any, matrix: str) -> SizeExpression:
    """Read one size of a matrix's shape.

    Raises
    ------
    ValueError
        If it is neither a positive integer nor a sum of products of names and numbers.

    Examples
    --------
    >>> from kronmix.symbolic.language.sizes import size_expression
    >>> size_expression("2*S + C", "X").value({"S": 3, "C": 5})
    11
    """
    if isinstance(size, int) and not isinstance(size, bool):
        if size < 1:
            raise ValueError(f"{matrix}: size {size}: expected a positive integer")
        return SizeExpression(str(size), ((int(size), ()),))
    if not isinstance(size, str):
        raise ValueError(f"{matrix}: size {size!r}: expected a name or a positive integer")
    refusal = ValueError(
        f"{matrix}: size {excerpt(size)}: expected a name, a positive integer, or sums and products of these, as 2*S+C"
    )
    if len(size) > 200:
        raise refusal
    try:
        terms = _polynomial(ast.parse(size.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError, KeyError, ValueError):
        raise refusal from None
    return SizeExpression(size, terms)


def _polynomial(node: ast.expr) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """The terms of a size; ValueError for anything but +, *, names and positive integers."""
    match node:
        case ast.Name(id=name):
            return ((1, (name,)),)
        case ast.Constant(value=int() as number) if not isinstance(number, bool) and 0 < number < 10**10:
            return ((number, ()),)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (*_polynomial(left), *_polynomial(right))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            first, second = _polynomial(left), _polynomial(right)
            if len(first) * len(second) > 64:
                raise ValueError
            return tuple((a * b, (*m, *n)) for a, m in first for b, n in second)
    raise ValueError


def excerpt(text: str) -> str:
    """The beginning of what was given, quoted."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def product_of(sizes: Any) -> Size:
    """Product that keeps what a size knows about itself."""
    return reduce(lambda x, y: x * y, sizes, 1)
