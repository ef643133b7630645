"""Matrix expressions: what ``km.kron``, ``km.vec``, ``@`` … build when their arguments are variables.

An expression knows its sizes (integers, or SymPy symbols for proofs at all sizes) and nothing else. ``provers/evaluation.py``
gives its entries exactly, as polynomials or modulo a prime, and ``provers/indices.py`` its entry (i, j) as a formula in i and j.

Vectors are columns: a vector, a matrix of one column and, for one entry, a scalar are the same thing wherever that is how
mathematics reads them. Two vectors multiply as ``x @ y``, the scalar product; ``x.T`` is a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property, reduce, singledispatch
from typing import Any

import numpy as np
import sympy as sp

from .dispatch import MATRIX_FUNCTIONS
from .exact import exact, number
from .sizes import Shape, is_one, same_shape, same_size, shown_shape

__all__ = [
    "HOW",
    "Constant",
    "Expression",
    "Number",
    "Ones",
    "Product",
    "Scaled",
    "Sum",
    "Trace",
    "Unvec",
    "Variable",
    "aligned",
    "as_expression",
    "as_scalar",
    "column",
    "equal_expressions",
    "is_scalar",
    "written_form",
]

#: Said wherever something else is tried.
HOW = (
    "an identity may use @, +, -, *, .T, .H, conj, vec, unvec, kron, khatri_rao, face_splitting, hadamard, block_diag, eye, "
    "ones, diag, commutation, trace, rearrange, inv, map and sum"
)


@dataclass(frozen=True, eq=False)
class Expression:
    """A matrix, vector or scalar built from variables; supports @ + - scalar * .T .H and conj()."""

    __array_ufunc__ = None  # so that array @ expression reaches us

    @property
    def shape(self) -> Shape:
        """Sizes: (rows, columns), (n,) or ()."""
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @cached_property
    def parts(self) -> tuple[Expression, ...]:
        """The expressions this one is made of."""
        return tuple(_expressions([getattr(self, field.name) for field in fields(self)]))

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """The same with every part changed."""
        if not self.parts:
            return self
        return replace(self, **{f.name: _changed(getattr(self, f.name), change) for f in fields(self)})

    @property
    def T(self) -> Expression:
        """Transpose; that of a vector is a row."""
        if self.ndim == 1:
            return column(self).T
        return self if self.ndim == 0 else self._transposed()

    def _transposed(self) -> Expression:
        raise NotImplementedError

    def conj(self) -> Expression:
        """Entrywise complex conjugate."""
        return self.rebuilt(lambda part: part.conj())

    conjugate = conj

    @property
    def H(self) -> Expression:
        """Conjugate transpose."""
        return self.conj().T

    def __matmul__(self, other: Any) -> Expression:
        return multiply(self, as_expression(other))

    def __rmatmul__(self, other: Any) -> Expression:
        return multiply(as_expression(other), self)

    def __add__(self, other: Any) -> Expression:
        return add(self, as_expression(other))

    def __radd__(self, other: Any) -> Expression:
        return self if isinstance(other, int) and other == 0 else add(as_expression(other), self)  # sum([...])

    def __sub__(self, other: Any) -> Expression:
        return add(self, -as_expression(other))

    def __rsub__(self, other: Any) -> Expression:
        return add(as_expression(other), -self)

    def __neg__(self) -> Expression:
        return Sum(tuple((-c, term) for c, term in _terms(self)))

    def __mul__(self, other: Any) -> Expression:
        return scale(as_expression(other), self)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Expression:
        if isinstance(divisor, Expression):
            raise TypeError(f"{self} / {divisor}: write inv(...) for an inverse; {HOW}")
        return Sum(tuple((c / number(divisor), term) for c, term in _terms(self)))

    def __pow__(self, power: Any) -> Expression:
        raise TypeError(f"{self} ** {power}: write W @ W, or hadamard(W, W) for entrywise powers; {HOW}")

    def __getitem__(self, index: Any) -> Expression:
        raise TypeError(f"{self}[{index}]: only a stack of matrices, declared with three sizes, has an index; {HOW}")

    def __iter__(self) -> Any:
        raise TypeError(f"{self}: its rows cannot be run through; {HOW}")

    def __bool__(self) -> bool:
        raise TypeError(f"{self}: is neither true nor false; return the two sides as a pair (left, right)")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(f"{self} has no .{name}: {HOW}")

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        known = MATRIX_FUNCTIONS.get(_NUMPY.get(function.__name__, function.__name__))
        if known is None:
            raise TypeError(f"np.{function.__name__}: {HOW}")
        return known(*args, **options)

    @staticmethod
    def __matrix_function__(name: str, args: tuple[Any, ...], **options: Any) -> Any:
        return MATRIX_FUNCTIONS[name](*args, **options) if name in MATRIX_FUNCTIONS else NotImplemented


#: Functions of NumPy that have another name here.
_NUMPY = {"identity": "eye", "multiply": "hadamard", "conjugate": "conj"}


def _expressions(value: Any) -> list[Expression]:
    if isinstance(value, Expression):
        return [value]
    return [e for item in value for e in _expressions(item)] if isinstance(value, tuple | list) else []


def _changed(value: Any, change: Callable[[Expression], Expression]) -> Any:
    if isinstance(value, Expression):
        return change(value)
    return tuple(_changed(item, change) for item in value) if isinstance(value, tuple) else value


def written_form(value: Any) -> str:
    """An expression as text that no other one has: its operations, variables, sizes and numbers."""
    if isinstance(value, Expression):
        return f"{type(value).__name__}({', '.join(written_form(getattr(value, f.name)) for f in fields(value))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(written_form, value))})"
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.tolist()}"
    return repr(int(value)) if isinstance(value, int) and not isinstance(value, bool) else repr(value)


def equal_expressions(left: Expression, right: Expression) -> bool:
    """Whether two expressions are written alike: the same operations on the same variables, of the same sizes."""
    return left is right or written_form(left) == written_form(right)


@dataclass(frozen=True, eq=False)
class Variable(Expression):
    """A matrix (or an array of values) with independent entries."""

    name: str
    sizes: Shape
    flipped: bool = False
    conjugated: bool = False

    @property
    def shape(self) -> Shape:
        return self.sizes[::-1] if self.flipped else self.sizes

    @property
    def key(self) -> str:
        """Name under which its entries are kept; a conjugate's entries are independent of the variable's own."""
        return f"conj({self.name})" if self.conjugated else self.name

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def conj(self) -> Expression:
        return replace(self, conjugated=not self.conjugated)

    def __str__(self) -> str:
        return f"{self.key}.T" if self.flipped else self.key


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
        return str(self.values.tolist()) if self.values.ndim else str(self.values.item())


@dataclass(frozen=True, eq=False)
class Number(Expression):
    """A number that depends on sizes, as S − 1: a polynomial in the names of the sizes."""

    value: Any

    @property
    def shape(self) -> Shape:
        return ()

    def __str__(self) -> str:
        return f"({self.value})" if self.value.is_Add else str(self.value)


@dataclass(frozen=True, eq=False)
class Product(Expression):
    left: Expression
    right: Expression

    @property
    def shape(self) -> Shape:
        return (*self.left.shape[:-1], *self.right.shape[1:])

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

    def _transposed(self) -> Expression:
        return Scaled(self.scalar, self.matrix.T)

    def __str__(self) -> str:
        return " * ".join(f"({part})" if isinstance(part, Sum) else str(part) for part in self.parts)


@dataclass(frozen=True, eq=False)
class Ones(Expression):
    """All entries 1."""

    sizes: Shape

    @property
    def shape(self) -> Shape:
        return self.sizes

    def _transposed(self) -> Expression:
        return Ones(self.sizes[::-1])

    def __str__(self) -> str:
        return f"ones({', '.join(map(str, self.sizes))})"


@dataclass(frozen=True, eq=False)
class Unvec(Expression):
    """The matrix whose stacked columns a vector is, perhaps transposed."""

    vector: Expression
    sizes: Shape
    flipped: bool = False

    @property
    def shape(self) -> Shape:
        return self.sizes[::-1] if self.flipped else self.sizes

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        if is_one(self.sizes[1]):  # a column or a row
            return f"{self.vector}{'.T' if self.flipped else ''}"
        return f"unvec({self.vector}, ({', '.join(map(str, self.sizes))})){'.T' if self.flipped else ''}"


@dataclass(frozen=True, eq=False)
class Trace(Expression):
    matrix: Expression

    @property
    def shape(self) -> Shape:
        return ()

    def __str__(self) -> str:
        return f"trace({self.matrix})"


# ---- values as expressions -------------------------------------------------------------------------------------------


@singledispatch
def as_expression(value: Any) -> Expression:
    """Expressions as they are; exact numbers and arrays of them as constants; operators in terms of their factors.

    Raises
    ------
    TypeError
        If entries are neither integers, fractions nor finite floats.
    """
    return Constant(exact(value))


@as_expression.register
def _(value: Expression) -> Expression:
    return value


@as_expression.register
def _(value: sp.Expr) -> Expression:
    return Number(sp.expand(value)) if value.free_symbols else Constant(exact(value))


# ---- columns, rows and scalars ---------------------------------------------------------------------------------------


def column(expression: Expression) -> Expression:
    """A vector as the matrix of one column, a scalar as 1 × 1; matrices as they are."""
    if expression.ndim == 1:
        return Unvec(expression, (expression.shape[0], 1))
    return Scaled(expression, Ones((1, 1))) if expression.ndim == 0 else expression


def is_scalar(expression: Expression) -> bool:
    """Whether it has one entry at all sizes."""
    return all(map(is_one, expression.shape))


def as_scalar(expression: Expression) -> Expression:
    """What has one entry, as a scalar."""
    return Trace(column(expression)) if expression.ndim else expression


def aligned(expressions: Sequence[Expression]) -> list[Expression]:
    """Expressions of one shape up to columns and 1 × 1, in the form that the first with most sizes has."""
    ndims = {e.ndim for e in expressions}
    if len(ndims) == 1:
        return list(expressions)
    if all(map(is_scalar, expressions)):
        return [as_scalar(e) for e in expressions]
    return [column(e) for e in expressions]


def multiply(left: Expression, right: Expression) -> Expression:
    """left @ right; vectors are columns, and two of them make a scalar product."""
    if left.ndim == 0 or right.ndim == 0:
        raise ValueError(f"{left} @ {right}: a scalar multiplies with *, not @")
    if left.ndim == 1 and right.ndim == 2 and is_one(right.shape[0]):  # a column times a row
        left = column(left)
    if not same_size(left.shape[-1], right.shape[0]):
        raise ValueError(
            f"{left} @ {right}: shapes {shown_shape(left.shape)} and {shown_shape(right.shape)} do not fit"
        )
    if left.ndim == 1 and right.ndim == 2:  # a vector times a matrix, as in NumPy
        return Product(right.T, left)
    return Product(left, right)


def add(left: Expression, right: Expression) -> Expression:
    """left + right."""
    first, second = aligned((left, right))
    if not same_shape(first.shape, second.shape):
        raise ValueError(f"{left} + {right}: shapes {shown_shape(left.shape)} and {shown_shape(right.shape)} differ")
    return Sum((*_terms(first), *_terms(second)))


def scale(scalar: Expression, other: Expression) -> Expression:
    """Scalar times anything; what has one entry at all sizes is a scalar."""
    if not is_scalar(scalar):
        scalar, other = other, scalar
    if not is_scalar(scalar):
        raise ValueError(f"{other} * {scalar}: * multiplies by scalars; use @, or hadamard for entrywise products")
    if scalar.ndim and is_scalar(other) and other.ndim < scalar.ndim:
        scalar, other = other, scalar
    for factor, rest in ((scalar, other), (other, scalar)):
        if isinstance(factor, Constant) and factor.ndim == 0:
            exact_factor = Fraction(factor.values.item())
            return Sum(tuple((exact_factor * c, term) for c, term in _terms(rest)))
    return Scaled(as_scalar(scalar), other)


def _terms(expression: Expression) -> Sequence[tuple[Fraction, Expression]]:
    return expression.terms if isinstance(expression, Sum) else ((Fraction(1), expression),)
