"""Arrays on their way into operators: checked and read-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from ..checks import as_numbers, explicit, other_way

Array = np.ndarray[Any, np.dtype[Any]]
#: Checks a user's array and makes it a factor.
as_factor = as_numbers


def read_only(array: Array) -> Array:
    """Return a view that cannot be written through: operators are values."""
    view = array.view()
    view.flags.writeable = False
    return view


def same_shapes(arrays: tuple[Any, ...], like: tuple[Array, ...]) -> tuple[Array, ...]:
    """Check the arguments of ``with_factors`` against the present factors."""
    if len(arrays) != len(like):
        raise ValueError(f"with_factors got {len(arrays)} arrays: expected {len(like)}")
    checked = tuple(as_factor(array, f"factor {i}") for i, array in enumerate(arrays))
    for i, (new, old) in enumerate(zip(checked, like, strict=True)):
        if new.shape != old.shape:
            raise ValueError(f"factor {i} has shape {new.shape}: expected {old.shape}")
    return checked


def real_as(factors: tuple[Array, ...], gradients: tuple[Array, ...]) -> tuple[Array, ...]:
    """Gradients without an imaginary part where the factor is real: it moves along the reals, whatever the dtype of x."""
    return tuple(
        g.real if g.dtype.kind == "c" and f.dtype.kind != "c" else g for g, f in zip(gradients, factors, strict=True)
    )


def columns(x: Any, size: int, name: str, op: LinearOperator, given: tuple[int, ...] | None = None) -> Array:
    """Check a vector or a batch of columns; a vector becomes one column. ``given`` is the shape that a complaint names."""
    array = explicit(x, name)
    if array.ndim not in (1, 2) or array.shape[0] != size:
        raise ValueError(
            f"{name} has shape {given or array.shape}: expected ({size},), ({size}, batch) or (..., {size}, batch) "
            f"for a {op.shape[0]}×{op.shape[1]} {type(op).__name__}{other_way(name, given or array.shape, 0, size)}"
        )
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    return array[:, None] if array.ndim == 1 else array


def rows_of(x: Any, op: LinearOperator) -> Array:
    """Check a vector or an array (..., rows) that stands to the left of an operator."""
    array, (rows, cols) = explicit(x, "x"), op.shape
    if array.ndim == 0 or array.shape[-1] != rows:
        raise ValueError(
            f"x has shape {array.shape}: expected ({rows},) or (..., {rows}) for x @ a {rows}×{cols} {type(op).__name__}"
        )
    return array
