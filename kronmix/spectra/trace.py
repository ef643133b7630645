"""Traces and diagonals, without the dense matrix where the structure has a formula for them (T15)."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ..forms import entries, form_of
from ..operators.algebra import matrix_function
from ..operators.arrays import Array
from ..operators.base import StructuredOperator
from ..operators.dense import as_operator
from .determinant import need_square


@overload
def trace(op: StructuredOperator | NDArray[np.number]) -> np.number: ...
@overload
def trace(op: Any) -> Any: ...
@matrix_function
def trace(op: Any) -> Any:
    """Sum of the diagonal; the traces of square Kronecker factors multiply (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (n, n)

    Returns
    -------
    scalar of the operator's dtype

    Raises
    ------
    ValueError
        If the operator is not square.
    MemoryError
        If the structure does not tell its entries and the dense matrix is too large.

    Examples
    --------
    >>> float(km.trace(km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]))))
    28.0
    """
    op = as_operator(op)
    need_square(op, "trace")
    return entries.trace(form_of(op))


def diagonal(op: Any) -> Array:
    """The diagonal B[i, i] of the effective matrix, from its factors where there is a formula.

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)

    Returns
    -------
    array of shape (min(rows, columns),)
        Of the operator's dtype. The diagonal of V ⊗ W is that of V times that of W.

    Examples
    --------
    >>> km.diagonal(km.Kronecker(np.diag([3.0, 1.0]), np.array([[5.0, 9.0], [9.0, 2.0]])))
    array([15.,  6.,  5.,  2.])
    """
    return entries.diagonal(form_of(as_operator(op)))
