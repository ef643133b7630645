"""An operator repeated along the axes before and after it: I_a ⊗ A ⊗ I_d."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, Self

import numpy as np
import scipy.sparse
from scipy.sparse import csr_array

from ..forms import Form, Identity, Opaque, Slots, kron
from ..patterns import Pattern
from .arrays import Array
from .base import Pull, StructuredOperator
from .chain import Chain
from .dense import Dense
from .kronecker import Kronecker
from .kronecker_sparse import KroneckerSparse
from .permutation import Permutation
from .sums import Sum


class Ampliation(StructuredOperator):
    """Ampliation I_a ⊗ A ⊗ I_d of an operator A: one and the same A on every fiber, with A's numbers stored once.

    ``amplify`` gives a plainer structure where there is one; ``km.kron`` of operators makes products of ampliations.

    Parameters
    ----------
    operator : StructuredOperator
        A.
    a, d : int
        Sizes of the identities before and after, at least 1.

    Raises
    ------
    ValueError
        If a size is below 1.
    TypeError
        If A is not an operator, or a size is not an integer.

    References
    ----------
    T4, T9.

    Examples
    --------
    >>> op = km.Ampliation(km.Monarch(np.ones((4, 2, 3)), np.ones((3, 4, 5))), 2, 3)
    >>> op
    Ampliation(48×90, I_2 ⊗ Monarch(8×15) ⊗ I_3, 84 parameters)
    """

    operator: StructuredOperator
    a: int
    d: int

    def __init__(self, operator: StructuredOperator, a: int = 1, d: int = 1) -> None:
        if not isinstance(operator, StructuredOperator):
            raise TypeError(
                f"Ampliation: {type(operator).__name__} is not a StructuredOperator; wrap a matrix in km.Dense"
            )
        self.a, _, _, self.d = Pattern(a, 1, 1, d)
        super().__init__((a * operator.shape[0] * d, a * operator.shape[1] * d), operator.factors)
        self.operator = operator
        if operator.pattern is not None:
            inner = operator.pattern
            self.pattern = Pattern(a * inner.a, inner.b, inner.c, inner.d * d)

    def _arguments(self) -> tuple[Any, ...]:
        return self.operator, self.a, self.d

    def with_factors(self, *arrays: Any) -> Self:
        return type(self)(self.operator.with_factors(*arrays), self.a, self.d)

    @property
    def connections(self) -> int:
        return self.a * self.d * self.operator.connections

    @property
    def nnz(self) -> int:
        return self.a * self.d * self.operator.nnz

    def support(self) -> csr_array:
        return self._repeated(self.operator.support())

    def _apply(self, X: Array) -> Array:
        rows, columns = self.operator.shape
        return self._unfolded(self.operator._apply(self._folded(X, columns)), rows, X.shape[1])

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        (rows, columns), batch = self.operator.shape, X.shape[1]
        Y, pull = self.operator._vjp(self._folded(X, columns))

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients, X_bar = pull(self._folded(Y_bar, rows), with_input)
            return gradients, None if X_bar is None else self._unfolded(X_bar, columns, batch)

        return self._unfolded(Y, rows, batch), backward

    def _folded(self, X: Array, size: int) -> Array:
        """(a·size·d, n) -> (size, a·d·n): the identities join the batch."""
        a, d, n = self.a, self.d, X.shape[1]
        return X.reshape(a, size, d * n).swapaxes(0, 1).reshape(size, a * d * n)

    def _unfolded(self, Y: Array, size: int, n: int) -> Array:
        """(size, a·d·n) -> (a·size·d, n): the reverse of _folded."""
        a, d = self.a, self.d
        return Y.reshape(size, a, d * n).swapaxes(0, 1).reshape(a * size * d, n)

    def _transpose(self) -> Ampliation:
        return Ampliation(self.operator._transpose(), self.a, self.d)

    def conj(self) -> StructuredOperator:
        return Ampliation(self.operator.conj(), self.a, self.d)

    def scale(self, scalar: Any) -> StructuredOperator:
        """Multiply by a scalar: the repeated operator is."""
        return Ampliation(self.operator.scale(scalar), self.a, self.d)

    def _form(self) -> Form:
        before, after = (Slots((Identity(n),)) for n in (self.a, self.d))
        form = kron(before, self.operator.form) if self.a > 1 else self.operator.form
        form = kron(form, after) if form is not None and self.d > 1 else form
        return Opaque(self) if form is None else form

    def to_sparse(self) -> csr_array:
        return self._repeated(self.operator.to_sparse())

    def _repeated(self, matrix: csr_array) -> csr_array:
        """I_a ⊗ matrix ⊗ I_d."""
        eyes = [scipy.sparse.eye_array(n, dtype=matrix.dtype, format="csr") for n in (self.a, self.d)]
        return csr_array(scipy.sparse.kron(scipy.sparse.kron(eyes[0], matrix, format="csr"), eyes[1], format="csr"))

    def _describe(self) -> list[str]:
        (rows, columns), inner = self.operator.shape, type(self.operator).__name__
        before, after = (f"I_{self.a} ⊗ " if self.a > 1 else ""), (f" ⊗ I_{self.d}" if self.d > 1 else "")
        return [f"{before}{inner}({rows}×{columns}){after}"]


@singledispatch
def amplify(op: StructuredOperator, a: int, d: int) -> StructuredOperator:
    """I_a ⊗ op ⊗ I_d in the plainest structure that keeps the factors (T4).

    Parameters
    ----------
    op : StructuredOperator
    a, d : int
        At least 1.

    Returns
    -------
    StructuredOperator
        A tied :class:`KroneckerSparse` factor for a matrix; part by part for products and sums; otherwise an
        :class:`Ampliation`.

    Examples
    --------
    >>> from kronmix.operators import amplify
    >>> amplify(km.Dense(np.ones((2, 2))), 1000, 1)
    KroneckerSparse(2000×2000, pattern (1000, 2, 2, 1), tied over a, 4 parameters)
    """
    return op if a == d == 1 else Ampliation(op, a, d)


@amplify.register
def _(op: Ampliation, a: int, d: int) -> StructuredOperator:
    return Ampliation(op.operator, a * op.a, op.d * d)


@amplify.register
def _(op: Dense, a: int, d: int) -> StructuredOperator:
    return op if a == d == 1 else KroneckerSparse(op.matrix[None, None], (a, *op.shape, d))


@amplify.register
def _(op: Kronecker, a: int, d: int) -> StructuredOperator:
    if a == d == 1:
        return op
    return amplify(Dense(*op.factors), a, d) if len(op.factors) == 1 else Ampliation(op, a, d)


@amplify.register
def _(op: KroneckerSparse, a: int, d: int) -> StructuredOperator:
    inner, (stored_a, stored_d) = op.pattern, op.values.shape[:2]
    if (a > 1 and stored_a > 1) or (d > 1 and stored_d > 1):
        return Ampliation(op, a, d)  # shared over the new axis, not over the old one
    return KroneckerSparse(op.values, (a * inner.a, inner.b, inner.c, inner.d * d))


@amplify.register
def _(op: Permutation, a: int, d: int) -> StructuredOperator:
    blocks, fibers = np.arange(a)[:, None, None], np.arange(d)
    return Permutation(((blocks * op.indices.size + op.indices[:, None]) * d + fibers).ravel())


@amplify.register
def _(op: Chain, a: int, d: int) -> StructuredOperator:
    return op if a == d == 1 else Chain(*(amplify(part, a, d) for part in op.operators))


@amplify.register
def _(op: Sum, a: int, d: int) -> StructuredOperator:
    return op if a == d == 1 else Sum(*(amplify(part, a, d) for part in op.operators))
