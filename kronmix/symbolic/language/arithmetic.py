"""Sums, products and scalar multiples of expressions; vectors are columns, and what has one entry is a scalar."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .contractions import Ones, Product, Scaled, Trace, Unvec
from .dispatch import matrix_function_of
from .expressions import Constant, Expression, Sum, as_expression
from .sizes import is_one, same_shape, same_size, shown_shape

__all__ = ["add", "aligned", "as_scalar", "column", "is_scalar", "multiply", "scale"]


@matrix_function_of("column")
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


@matrix_function_of("matmul")
def multiply(first: Any, second: Any) -> Expression:
    """first @ second; vectors are columns, and two of them make a scalar product."""
    left, right = as_expression(first), as_expression(second)
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


@matrix_function_of("add")
def add(first: Any, second: Any) -> Expression:
    """first + second."""
    given = as_expression(first), as_expression(second)
    left, right = aligned(given)
    if not same_shape(left.shape, right.shape):
        shapes = " and ".join(shown_shape(term.shape) for term in given)
        raise ValueError(f"{given[0]} + {given[1]}: shapes {shapes} differ")
    return Sum((*left.summands, *right.summands))


@matrix_function_of("scale")
def scale(first: Any, second: Any) -> Expression:
    """Scalar times anything; what has one entry at all sizes is a scalar."""
    scalar, other = as_expression(first), as_expression(second)
    if not is_scalar(scalar):
        scalar, other = other, scalar
    if not is_scalar(scalar):
        raise ValueError(f"{other} * {scalar}: * multiplies by scalars; use @, or hadamard for entrywise products")
    if scalar.ndim and is_scalar(other) and other.ndim < scalar.ndim:
        scalar, other = other, scalar
    for factor, rest in ((scalar, other), (other, scalar)):
        if isinstance(factor, Constant) and factor.ndim == 0:
            exact_factor = Fraction(factor.values.item())
            return Sum(tuple((exact_factor * c, term) for c, term in rest.summands))
    return Scaled(as_scalar(scalar), other)
