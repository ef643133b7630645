"""Operators side by side and one above another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, Self

import numpy as np
import scipy.sparse
from scipy.sparse import csr_array

from ..forms import Form, beside, transpose
from .arrays import Array
from .base import Pull, StructuredOperator
from .composite import Composite, flatten, split_rows
from .dense import as_operator


class HStack(Composite):
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

    def __init__(self, operators: Iterable[Any]) -> None:
        parts = flatten(map(as_operator, operators), HStack, "HStack")
        if len({op.shape[0] for op in parts}) > 1:
            raise ValueError(f"HStack: shapes {[op.shape for op in parts]}: expected equal numbers of rows")
        super().__init__((parts[0].shape[0], sum(op.shape[1] for op in parts)), parts)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.operators,)

    def _with_operators(self, operators: Sequence[StructuredOperator]) -> Self:
        return type(self)(operators)

    @property
    def nnz(self) -> int:
        return sum(op.nnz for op in self.operators)

    def support(self) -> csr_array:
        return csr_array(scipy.sparse.hstack([op.support() for op in self.operators], format="csr"))

    def _apply(self, X: Array) -> Array:
        pieces = split_rows(X, (op.shape[1] for op in self.operators))
        return np.asarray(reduce(np.add, (op._apply(x) for op, x in zip(self.operators, pieces, strict=True))))

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        pieces = split_rows(X, (op.shape[1] for op in self.operators))
        outputs, pulls = zip(*(op._vjp(x) for op, x in zip(self.operators, pieces, strict=True)), strict=True)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients, inputs = zip(*(pull(Y_bar, with_input) for pull in pulls), strict=True)
            return tuple(g for some in gradients for g in some), np.concatenate(inputs) if with_input else None

        return np.asarray(reduce(np.add, outputs)), backward

    def _transpose(self) -> VStack:
        return VStack([op._transpose() for op in self.operators])

    def conj(self) -> StructuredOperator:
        return HStack([op.conj() for op in self.operators])

    def scale(self, scalar: Any) -> StructuredOperator:
        """Multiply by a scalar: every part is."""
        return HStack([op.scale(scalar) for op in self.operators])

    def _form(self) -> Form:
        return beside([op.form for op in self.operators])

    def to_sparse(self) -> csr_array:
        return csr_array(scipy.sparse.hstack([op.to_sparse() for op in self.operators], format="csr"))

    def _describe(self) -> list[str]:
        return [" | ".join(f"{type(op).__name__}({op.shape[0]}×{op.shape[1]})" for op in self.operators)]


class VStack(Composite):
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

    def __init__(self, operators: Iterable[Any]) -> None:
        parts = flatten(map(as_operator, operators), VStack, "VStack")
        if len({op.shape[1] for op in parts}) > 1:
            raise ValueError(f"VStack: shapes {[op.shape for op in parts]}: expected equal numbers of columns")
        super().__init__((sum(op.shape[0] for op in parts), parts[0].shape[1]), parts)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.operators,)

    def _with_operators(self, operators: Sequence[StructuredOperator]) -> Self:
        return type(self)(operators)

    @property
    def nnz(self) -> int:
        return sum(op.nnz for op in self.operators)

    def support(self) -> csr_array:
        return csr_array(scipy.sparse.vstack([op.support() for op in self.operators], format="csr"))

    def _apply(self, X: Array) -> Array:
        return np.concatenate([op._apply(X) for op in self.operators])

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        outputs, pulls = zip(*(op._vjp(X) for op in self.operators), strict=True)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            bars = split_rows(Y_bar, (op.shape[0] for op in self.operators))
            gradients, inputs = zip(
                *(pull(bar, with_input) for pull, bar in zip(pulls, bars, strict=True)), strict=True
            )
            return tuple(g for some in gradients for g in some), reduce(np.add, inputs) if with_input else None

        return np.concatenate(outputs), backward

    def _transpose(self) -> HStack:
        return HStack([op._transpose() for op in self.operators])

    def conj(self) -> StructuredOperator:
        return VStack([op.conj() for op in self.operators])

    def scale(self, scalar: Any) -> StructuredOperator:
        """Multiply by a scalar: every part is."""
        return VStack([op.scale(scalar) for op in self.operators])

    def _form(self) -> Form:
        return transpose(beside([transpose(op.form) for op in self.operators]))

    def to_sparse(self) -> csr_array:
        return csr_array(scipy.sparse.vstack([op.to_sparse() for op in self.operators], format="csr"))

    def _describe(self) -> list[str]:
        return [" / ".join(f"{type(op).__name__}({op.shape[0]}×{op.shape[1]})" for op in self.operators)]
