"""Matrix expressions: what ``km.kron``, ``km.vec``, ``@`` … build when their arguments are variables.

An expression knows its sizes (integers, or SymPy symbols for proofs at all sizes) and nothing else. ``provers/evaluation.py``
gives its entries exactly, as polynomials or modulo a prime, and ``provers/indices.py`` its entry (i, j) as a formula in i and j.

Vectors are columns: a vector, a matrix of one column and, for one entry, a scalar are the same thing wherever that is how
mathematics reads them. Two vectors multiply as ``x @ y``, the scalar product; ``x.T`` is a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property, reduce, singledispatch
from typing import Any, ClassVar

import numpy as np
import sympy as sp

from .dispatch import MATRIX_FUNCTIONS
from .exact import exact, number
from .sizes import Shape

__all__ = [
    "HOW",
    "Constant",
    "Expression",
    "Number",
    "Sum",
    "Variable",
    "as_expression",
    "equal_expressions",
    "written_form",
]

#: Said wherever something else is tried.
HOW = (
    "an identity may use @, +, -, *, .T, .H, conj, vec, unvec, kron, khatri_rao, face_splitting, hadamard, block_diag, eye, "
    "ones, diag, commutation, trace, rearrange, einsum, inv, map and sum"
)


@dataclass(frozen=True, eq=False)
class Expression:
    """A matrix, vector or scalar built from variables; supports @ + - scalar * .T .H and conj()."""

    __array_ufunc__ = None  # so that array @ expression reaches us
    #: How it is written, as text and in LaTeX: its fields by name, ``{left!r}`` in brackets where a product needs them.
    text: ClassVar[str]
    tex: ClassVar[str] = ""
    #: Whether its LaTeX needs no brackets in a product.
    atom: ClassVar[bool] = False

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
        return tuple(_expressions_in([getattr(self, field.name) for field in fields(self)]))

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """The same with every part changed."""
        if not self.parts:
            return self
        return replace(self, **{f.name: _with_changed(getattr(self, f.name), change) for f in fields(self)})

    @property
    def T(self) -> Expression:
        """Transpose; that of a vector is a row."""
        if self.ndim == 1:
            return MATRIX_FUNCTIONS["column"](self).T
        return self if self.ndim == 0 else self._transposed()

    def _transposed(self) -> Expression:
        raise NotImplementedError

    @property
    def summands(self) -> tuple[tuple[Fraction, Expression], ...]:
        """What it is the sum of, with coefficients."""
        return ((Fraction(1), self),)

    def __str__(self) -> str:
        return self.text.format(**{field.name: getattr(self, field.name) for field in fields(self)})

    def conj(self) -> Expression:
        """Entrywise complex conjugate."""
        return self.rebuilt(lambda part: part.conj())

    conjugate = conj

    @property
    def H(self) -> Expression:
        """Conjugate transpose."""
        return self.conj().T

    def __matmul__(self, other: Any) -> Expression:
        return MATRIX_FUNCTIONS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Expression:
        return MATRIX_FUNCTIONS["matmul"](other, self)

    def __add__(self, other: Any) -> Expression:
        return MATRIX_FUNCTIONS["add"](self, other)

    def __radd__(self, other: Any) -> Expression:
        return self if isinstance(other, int) and other == 0 else MATRIX_FUNCTIONS["add"](other, self)  # sum([...])

    def __sub__(self, other: Any) -> Expression:
        return self + -as_expression(other)

    def __rsub__(self, other: Any) -> Expression:
        return as_expression(other) + -self

    def __neg__(self) -> Expression:
        return Sum(tuple((-c, term) for c, term in self.summands))

    def __mul__(self, other: Any) -> Expression:
        return MATRIX_FUNCTIONS["scale"](other, self)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Expression:
        if isinstance(divisor, Expression):
            raise TypeError(f"{self} / {divisor}: write inv(...) for an inverse; {HOW}")
        return Sum(tuple((c / number(divisor), term) for c, term in self.summands))

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


def _expressions_in(value: Any) -> list[Expression]:
    if isinstance(value, Expression):
        return [value]
    return [e for item in value for e in _expressions_in(item)] if isinstance(value, tuple | list) else []


def _with_changed(value: Any, change: Callable[[Expression], Expression]) -> Any:
    if isinstance(value, Expression):
        return change(value)
    return tuple(_with_changed(item, change) for item in value) if isinstance(value, tuple) else value


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
    atom = True

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
    atom = True

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
class Sum(Expression):
    """Σ coefficient · term."""

    terms: tuple[tuple[Fraction, Expression], ...]

    @property
    def shape(self) -> Shape:
        return self.terms[0][1].shape

    def _transposed(self) -> Expression:
        return Sum(tuple((c, term.T) for c, term in self.terms))

    @property
    def summands(self) -> tuple[tuple[Fraction, Expression], ...]:
        return self.terms

    def __str__(self) -> str:
        shown = [str(t) if c == 1 else f"-{t}" if c == -1 else f"{c} * {t}" for c, t in self.terms]
        return reduce(lambda a, b: f"{a} - {b[1:]}" if b.startswith("-") else f"{a} + {b}", shown)


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
