"""Matrix expressions: what ``km.kron``, ``km.vec``, ``@`` … build when their arguments are variables.

An expression knows its sizes (integers, or SymPy symbols for proofs at all sizes) and nothing else. ``evaluation.py`` gives its
entries exactly, as polynomials or modulo a prime, and ``indices.py`` its entry (i, j) as a formula in i and j.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from numbers import Rational, Real
from typing import Any

import numpy as np
import sympy as sp

Size = Any  # int, or a positive integer SymPy expression
Shape = tuple[Size, ...]

__all__ = [
    "Constant",
    "Expression",
    "Product",
    "Scaled",
    "Shape",
    "Size",
    "Sum",
    "Variable",
    "as_expression",
    "number",
    "same_shape",
    "same_size",
]


def same_size(m: Size, n: Size) -> bool:
    """Whether two sizes are equal, for all values of their symbols."""
    return m == n if isinstance(m, int) and isinstance(n, int) else sp.expand(m - n) == 0


def same_shape(left: Shape, right: Shape) -> bool:
    return len(left) == len(right) and all(map(same_size, left, right))


@dataclass(frozen=True, eq=False)
class Expression:
    """A matrix, vector or scalar built from variables; supports @ + - scalar * and .T."""

    __array_ufunc__ = None  # so that array @ expression reaches us

    @property
    def shape(self) -> Shape:
        """Sizes: (rows, columns), (n,) or ()."""
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The expressions this one is made of."""
        return ()

    @property
    def T(self) -> Expression:
        """Transpose; a vector is its own, as in NumPy."""
        return self if self.ndim < 2 else self._transposed()

    def _transposed(self) -> Expression:
        raise NotImplementedError

    def __matmul__(self, other: Any) -> Expression:
        return multiply(self, as_expression(other))

    def __rmatmul__(self, other: Any) -> Expression:
        return multiply(as_expression(other), self)

    def __add__(self, other: Any) -> Expression:
        return add(self, as_expression(other))

    def __radd__(self, other: Any) -> Expression:
        return add(as_expression(other), self)

    def __sub__(self, other: Any) -> Expression:
        return add(self, -as_expression(other))

    def __rsub__(self, other: Any) -> Expression:
        return add(as_expression(other), -self)

    def __neg__(self) -> Expression:
        return Sum(((Fraction(-1), self),))

    def __mul__(self, other: Any) -> Expression:
        return scale(as_expression(other), self)

    __rmul__ = __mul__

    def __truediv__(self, number: Any) -> Expression:
        return Sum(((1 / Fraction(number), self),))

    @staticmethod
    def __matrix_function__(name: str, args: tuple[Any, ...], **options: Any) -> Any:
        from .building import FUNCTIONS

        return FUNCTIONS[name](*args, **options) if name in FUNCTIONS else NotImplemented


@dataclass(frozen=True, eq=False)
class Variable(Expression):
    """A matrix (or an array of values) with independent entries."""

    name: str
    sizes: Shape
    flipped: bool = False

    @property
    def shape(self) -> Shape:
        return self.sizes[::-1] if self.flipped else self.sizes

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        return f"{self.name}.T" if self.flipped else self.name


@dataclass(frozen=True, eq=False)
class Constant(Expression):
    """Exact numbers: an array of integers or fractions."""

    values: np.ndarray[Any, np.dtype[Any]]

    @property
    def shape(self) -> Shape:
        return self.values.shape

    def _transposed(self) -> Expression:
        return Constant(self.values.T)

    def __str__(self) -> str:
        return str(self.values.tolist())


@dataclass(frozen=True, eq=False)
class Product(Expression):
    left: Expression
    right: Expression

    @property
    def shape(self) -> Shape:
        return (*self.left.shape[:-1], *self.right.shape[1:])

    @property
    def parts(self) -> tuple[Expression, ...]:
        return self.left, self.right

    def _transposed(self) -> Expression:
        return Product(self.right.T, self.left.T)

    def __str__(self) -> str:
        return " @ ".join(f"({part})" if isinstance(part, Sum | Scaled) else str(part) for part in self.parts)


@dataclass(frozen=True, eq=False)
class Sum(Expression):
    """Σ coefficient · term."""

    terms: tuple[tuple[Fraction, Expression], ...]

    @property
    def shape(self) -> Shape:
        return self.terms[0][1].shape

    @property
    def parts(self) -> tuple[Expression, ...]:
        return tuple(term for _, term in self.terms)

    def _transposed(self) -> Expression:
        return Sum(tuple((c, term.T) for c, term in self.terms))

    def __str__(self) -> str:
        shown = [str(t) if c == 1 else f"-{t}" if c == -1 else f"{c} * {t}" for c, t in self.terms]
        return reduce(lambda a, b: f"{a} - {b[1:]}" if b.startswith("-") else f"{a} + {b}", shown)


@dataclass(frozen=True, eq=False)
class Scaled(Expression):
    """A scalar expression times a matrix, vector or scalar."""

    scalar: Expression
    matrix: Expression

    @property
    def shape(self) -> Shape:
        return self.matrix.shape

    @property
    def parts(self) -> tuple[Expression, ...]:
        return self.scalar, self.matrix

    def _transposed(self) -> Expression:
        return Scaled(self.scalar, self.matrix.T)

    def __str__(self) -> str:
        return f"{self.scalar} * {self.matrix}"


def as_expression(value: Any) -> Expression:
    """Expressions as they are; numbers, arrays and operators as exact constants."""
    if isinstance(value, Expression):
        return value
    from .building import lift

    return lift(value)


def number(value: Any) -> Fraction:
    """An exact number; floats mean the binary fraction they hold."""
    if isinstance(value, Rational | Real) or hasattr(value, "__index__"):
        return Fraction(value)
    raise TypeError(f"{value!r} is not a real number")


def multiply(left: Expression, right: Expression) -> Expression:
    """left @ right with NumPy's rules for vectors."""
    if left.ndim == 0 or right.ndim == 0:
        raise ValueError(f"{left} @ {right}: a scalar multiplies with *, not @")
    if not same_size(left.shape[-1], right.shape[0]):
        raise ValueError(f"{left} @ {right}: shapes {_shown(left.shape)} and {_shown(right.shape)} do not fit")
    if left.ndim == 1 and right.ndim == 2:  # a row vector times a matrix
        return Product(right.T, left)
    return Product(left, right)


def add(left: Expression, right: Expression) -> Expression:
    """left + right."""
    if not same_shape(left.shape, right.shape):
        raise ValueError(f"{left} + {right}: shapes {_shown(left.shape)} and {_shown(right.shape)} differ")
    return Sum((*_terms(left), *_terms(right)))


def scale(scalar: Expression, other: Expression) -> Expression:
    """Scalar times anything."""
    if scalar.ndim and other.ndim:
        raise ValueError(f"{other} * {scalar}: * multiplies by scalars; use @, or hadamard for entrywise products")
    if scalar.ndim:
        scalar, other = other, scalar
    for number_, rest in ((scalar, other), (other, scalar)):
        if isinstance(number_, Constant) and number_.ndim == 0:
            factor = Fraction(number_.values.item())
            return Sum(tuple((factor * c, term) for c, term in _terms(rest)))
    return Scaled(scalar, other)


def _terms(expression: Expression) -> Sequence[tuple[Fraction, Expression]]:
    return expression.terms if isinstance(expression, Sum) else ((Fraction(1), expression),)


def _shown(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
