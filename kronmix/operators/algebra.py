"""Products and sums of operators by the pair of their types: each structure registers what it knows.

``register_product(Left, Right)`` decorates a function (left, right) -> operator or NotImplemented. Where no rule applies,
a product is a Chain and a sum is a Sum, which register themselves as the fallback.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import product as pairs
from typing import TYPE_CHECKING, Any

from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

if TYPE_CHECKING:
    from .base import StructuredOperator

Rule = Callable[[Any, Any], Any]
_products: dict[tuple[type, type], Rule] = {}
_sums: dict[tuple[type, type], Rule] = {}
_identities: list[Callable[[int, complex], StructuredOperator]] = []


def register_product(left: type, right: type) -> Callable[[Rule], Rule]:
    """Register how two structures multiply."""
    return lambda rule: _products.setdefault((left, right), rule)


def register_sum(left: type, right: type) -> Callable[[Rule], Rule]:
    """Register how two structures add."""
    return lambda rule: _sums.setdefault((left, right), rule)


def register_identity(
    make: Callable[[int, complex], StructuredOperator],
) -> Callable[[int, complex], StructuredOperator]:
    """Register what makes c·I."""
    _identities.append(make)
    return make


def scaled_identity(n: int, scalar: complex) -> StructuredOperator:
    """Return scalar · I of size n."""
    return _identities[0](n, scalar)


def product(left: LinearOperator, right: LinearOperator) -> Any:
    """left @ right, with as much structure as the pair of types allows."""
    if left.shape[1] != right.shape[0]:
        raise ValueError(
            f"cannot multiply {left!r} by {right!r}: {left.shape[1]} columns against {right.shape[0]} rows"
        )
    return _combine(_products, left, right)


def add(left: LinearOperator, right: LinearOperator) -> Any:
    """left + right, with as much structure as the pair of types allows."""
    if left.shape != right.shape:
        raise ValueError(f"cannot add {left!r} and {right!r}: shapes {left.shape} and {right.shape} differ")
    return _combine(_sums, left, right)


def _combine(rules: dict[tuple[type, type], Rule], left: LinearOperator, right: LinearOperator) -> Any:
    for pair in pairs(type(left).__mro__, type(right).__mro__):
        if pair in rules:
            result = rules[pair](left, right)
            if result is not NotImplemented:
                return result
    return NotImplemented


def is_foreign(other: Any) -> bool:
    """Whether another library's matrix should handle the product itself (symbolic or finite-field matrices)."""
    return hasattr(other, "__rmatmul__") and not hasattr(other, "__array__") and not issparse(other)


def matrix_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a class with a method ``__matrix_function__(name, args)`` handle calls that one of its instances takes part in.

    The method is static and may return NotImplemented; what NumPy's ``__array_function__`` is to arrays.
    """

    @wraps(function)
    def dispatched(*args: Any, **options: Any) -> Any:
        for argument in args:
            handler = getattr(type(argument), "__matrix_function__", None)
            if handler is not None:
                result = handler(function.__name__, args, **options)
                if result is not NotImplemented:
                    return result
        return function(*args, **options)

    return dispatched
