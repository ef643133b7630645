"""What an operator is pickled, copied and saved as: what it was made from, without what follows from that."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from .base import StructuredOperator


def reduced(op: StructuredOperator) -> tuple[Any, ...]:
    """What pickle keeps: the class and its arguments, or the attributes of a class that does not define them."""
    if tells_arguments(type(op)):
        return type(op), tuple(map(packed, op._arguments()))
    set_again = vars(type(op)._of(op.shape, op.factors)).keys() - {"dtype"}
    derived = {name for name in vars(op) if isinstance(getattr(type(op), name, None), cached_property)}
    own = {name: packed(value) for name, value in vars(op).items() if name not in set_again | derived}
    return _restored, (type(op), op.shape, packed(op.factors), own)


def tells_arguments(kind: type[StructuredOperator]) -> bool:
    """Whether the class itself says how its operators are made again; what it inherits was said of another class."""
    return "_arguments" in vars(kind)


def packed(argument: Any) -> Any:
    """Arrays in row-major order, so that a pickle and its copy have the same bytes; tuples entry by entry."""
    if isinstance(argument, tuple) and type(argument) is tuple:
        return tuple(map(packed, argument))
    if isinstance(argument, csr_array):
        parts = (packed(part) for part in (argument.data, argument.indices, argument.indptr))
        return csr_array(tuple(parts), shape=argument.shape)
    if not isinstance(argument, np.ndarray):
        return argument
    fresh = np.empty(argument.shape, argument.dtype)
    if argument.strides == fresh.strides:
        return argument
    fresh[...] = argument
    return fresh


def _restored(
    kind: type[StructuredOperator], shape: tuple[int, int], factors: tuple[Any, ...], own: dict[str, Any]
) -> StructuredOperator:
    """An operator of a class that does not say its arguments, from its attributes."""
    return kind._of(shape, factors, **own)
