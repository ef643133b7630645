"""Operators side by side and one above another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import scipy.sparse

from ..forms import Form, beside, transpose
from .assembled import Assembled
from .composite import flatten
from .dense import as_operator


class HStack(Assembled):
    """Operators side by side, [A B …].

    Parameters
    ----------
    operators : sequence of operators or matrices
        Of equal numbers of rows; at least one.

    Raises
    ------
    ValueError
        If there is none, or the numbers of rows differ.

    Examples
    --------
    >>> op = km.HStack([km.Kronecker(np.ones((2, 2)), np.ones((2, 2))), km.eye(4)])
    >>> op
    HStack(4×8, Kronecker(4×4) | Permutation(4×4), 8 parameters)
    >>> op @ np.ones(8)
    array([5., 5., 5., 5.])
    """

    _own_rows, _own_columns = False, True
    _place, _sign = staticmethod(scipy.sparse.hstack), " | "

    def __init__(self, operators: Iterable[Any]) -> None:
        parts = flatten(map(as_operator, operators), HStack, "HStack")
        if len({op.shape[0] for op in parts}) > 1:
            raise ValueError(f"HStack: shapes {[op.shape for op in parts]}: expected equal numbers of rows")
        super().__init__((parts[0].shape[0], sum(op.shape[1] for op in parts)), parts)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.operators,)

    def _transpose(self) -> VStack:
        return VStack([op._transpose() for op in self.operators])

    def _form(self) -> Form:
        return beside([op.form for op in self.operators])


class VStack(Assembled):
    """Operators one above another, [A; B; …].

    Parameters
    ----------
    operators : sequence of operators or matrices
        Of equal numbers of columns; at least one.

    Raises
    ------
    ValueError
        If there is none, or the numbers of columns differ.

    Examples
    --------
    >>> op = km.VStack([np.ones((1, 3)), km.eye(3)])
    >>> op
    VStack(4×3, Dense(1×3) / Permutation(3×3), 3 parameters)
    >>> op @ np.arange(3.0)
    array([3., 0., 1., 2.])
    """

    _own_rows, _own_columns = True, False
    _place, _sign = staticmethod(scipy.sparse.vstack), " / "

    def __init__(self, operators: Iterable[Any]) -> None:
        parts = flatten(map(as_operator, operators), VStack, "VStack")
        if len({op.shape[1] for op in parts}) > 1:
            raise ValueError(f"VStack: shapes {[op.shape for op in parts]}: expected equal numbers of columns")
        super().__init__((sum(op.shape[0] for op in parts), parts[0].shape[1]), parts)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.operators,)

    def _transpose(self) -> HStack:
        return HStack([op._transpose() for op in self.operators])

    def _form(self) -> Form:
        return transpose(beside([transpose(op.form) for op in self.operators]))
