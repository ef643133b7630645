"""Products and sums of operators by the pair of their types: each structure registers what it knows.

``register_product(Left, Right)`` decorates a function (left, right) -> operator or NotImplemented. Where no rule applies,
a product is a Chain and a sum is a Sum, which register themselves as the fallback. Linear operators of other libraries take part
as :class:`Foreign` ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import product as pairs
from typing import Any, Protocol, TypeVar

from scipy.sparse import issparse


class Operand(Protocol):
    """What the rules need to know of an operator."""

    shape: tuple[int, int]

    def scale(self, scalar: Any) -> Any: ...


Rule = TypeVar("Rule", bound=Callable[[Any, Any], Any])
Hook = TypeVar("Hook", bound=Callable[..., Any])
_products: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}
_sums: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}
_hooks: dict[str, Callable[..., Any]] = {}


def register_product(left: type, right: type) -> Callable[[Rule], Rule]:
    """Register how two structures multiply.

    Parameters
    ----------
    left, right : type
        Classes of the two operators; a rule serves their subclasses that have none of their own.

    Returns
    -------
    decorator
        Of a function (left, right) -> operator, or NotImplemented where the rule does not apply. It gives the function back.

    Raises
    ------
    ValueError
        If the pair has a rule already.

    Examples
    --------
    >>> @km.operators.register_product(km.Diagonal, km.Dense)
    ... def scaled_rows(left, right):
    ...     return km.Dense(left.d[:, None] * right.matrix)
    >>> km.Diagonal([1.0, 2.0]) @ km.Dense(np.ones((2, 3)))
    Dense(2×3, 6 parameters)
    """
    return _register(_products, "product", left, right)


def register_sum(left: type, right: type) -> Callable[[Rule], Rule]:
    """Register how two structures add.

    Parameters
    ----------
    left, right : type
        Classes of the two operators; a rule serves their subclasses that have none of their own.

    Returns
    -------
    decorator
        Of a function (left, right) -> operator, or NotImplemented where the rule does not apply. It gives the function back.

    Raises
    ------
    ValueError
        If the pair has a rule already.

    Examples
    --------
    >>> @km.operators.register_sum(km.Dense, km.Diagonal)
    ... def shifted(left, right):
    ...     return km.Dense(left.matrix + np.diag(right.d))
    >>> km.Dense(np.ones((2, 2))) + km.Diagonal([1.0, 2.0])
    Dense(2×2, 4 parameters)
    """
    return _register(_sums, "sum", left, right)


def _register(
    rules: dict[tuple[type, type], Callable[[Any, Any], Any]], kind: str, left: type, right: type
) -> Callable[[Rule], Rule]:
    """A decorator that enters a rule for two classes, which must not have one yet."""

    def decorate(rule: Rule) -> Rule:
        taken = rules.get((left, right))
        if taken is not None:
            owner = f"{taken.__module__}.{taken.__qualname__}"
            raise ValueError(f"the {kind} of {left.__name__} and {right.__name__} is registered already, as {owner}")
        rules[left, right] = rule
        return rule

    return decorate


def provide(hook: Hook) -> Hook:
    """Give this module one of the things that it cannot import: ``scaled_identity``, ``structured`` and ``operator_of``."""
    if hook.__name__ in _hooks:
        raise ValueError(f"{hook.__name__} is provided already, by {_hooks[hook.__name__].__module__}")
    _hooks[hook.__name__] = hook
    return hook


def scaled_identity(n: int, scalar: complex) -> Any:
    """Return scalar · I of size n."""
    return _hooks["scaled_identity"](n, scalar)


def operator_of(form: Any) -> Any:
    """The plainest operator that is the matrix of a normal form."""
    return _hooks["operator_of"](form)


def structured(op: Any) -> Any:
    """The operator itself, or a linear operator of another library as one."""
    return _hooks["structured"](op)


def product(left: Operand, right: Operand) -> Any:
    """left @ right, with as much structure as the pair of types allows."""
    if left.shape[1] != right.shape[0]:
        raise ValueError(
            f"cannot multiply {left!r} by {right!r}: {left.shape[1]} columns against {right.shape[0]} rows"
        )
    return _combine(_products, left, right)


def add(left: Operand, right: Operand) -> Any:
    """left + right, with as much structure as the pair of types allows."""
    if left.shape != right.shape:
        raise ValueError(f"cannot add {left!r} and {right!r}: shapes {left.shape} and {right.shape} differ")
    return _combine(_sums, left, right)


def subtract(left: Operand, right: Operand) -> Any:
    """left − right, with as much structure as the pair of types allows."""
    return add(left, structured(right).scale(-1.0))


def _combine(rules: dict[tuple[type, type], Callable[[Any, Any], Any]], left: Operand, right: Operand) -> Any:
    """Apply the most special rule for the two classes that does not decline; NotImplemented if there is none."""
    left, right = structured(left), structured(right)
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
