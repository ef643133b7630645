"""The parts a network is made of: one contract, the operators' own (factors, with_factors, vjp), for nonlinear maps too.

Features are columns: an array (width, batch). A Mixer's S × C feature matrix is vectorised column by column, so that row
c·S + s of the array is token s of channel c (T5).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Self

import numpy as np

from ..operators import StructuredOperator

Array = np.ndarray[Any, np.dtype[Any]]
#: Maps (ȳ, whether x̄ is wanted) to (gradients of the factors, x̄ or None).
Pull = Callable[[Array, bool], tuple[tuple[Array, ...], Array | None]]


class Part:
    """A differentiable map of columns with trainable ``factors``; immutable.

    A subclass sets ``factors`` and defines ``with_factors`` and ``vjp``; ``__call__`` may be overridden to keep nothing.
    """

    factors: tuple[Array, ...] = ()

    def with_factors(self, *arrays: Array) -> Self:
        """Return the same map with other values of its factors."""
        return self

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        """Return the value at X and the map from ȳ to (gradients of the factors, x̄)."""
        raise NotImplementedError

    def __call__(self, X: Array) -> Array:
        return self.vjp(X)[0]


class Sequential(Part):
    """Parts applied one after another, first one first."""

    def __init__(self, *parts: Part) -> None:
        self.parts = parts
        self.factors = tuple(f for part in parts for f in part.factors)

    def with_factors(self, *arrays: Array) -> Self:
        renewed, start = [], 0
        for part in self.parts:
            stop = start + len(part.factors)
            renewed.append(part.with_factors(*arrays[start:stop]))
            start = stop
        return type(self)(*renewed)

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        pulls: list[Pull] = []
        for part in self.parts:
            X, pull = part.vjp(X)
            pulls.append(pull)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients: list[tuple[Array, ...]] = []
            bar: Array | None = Y_bar
            for i in reversed(range(len(pulls))):
                assert bar is not None
                some, bar = pulls.pop()(bar, with_input or i > 0)  # popped: its activations are free from here on
                gradients.append(some)
            return tuple(g for some in reversed(gradients) for g in some), bar

        return X, backward

    def __call__(self, X: Array) -> Array:
        return reduce(lambda Z, part: part(Z), self.parts, X)


class Residual(Sequential):
    """X + f(X) for the parts f: a skip connection."""

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        Y, pull = super().vjp(X)
        Y += X

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients, X_bar = pull(Y_bar, with_input)
            if X_bar is not None:
                X_bar += Y_bar
            return gradients, X_bar

        return Y, backward

    def __call__(self, X: Array) -> Array:
        Y = super().__call__(X)
        Y += X
        return Y


class Linear(Part):
    """A structured operator plus a bias: x ↦ op @ x + b.

    Parameters
    ----------
    operator : StructuredOperator
    bias : array of shape (A, B, D) or with 1 where shared, optional
        Added to the rows seen as (A, B, D), last index fastest.
    rows : (A, B, D), optional
        How the rows are seen; (1, rows, 1) by default.
    """

    def __init__(
        self, operator: StructuredOperator, bias: Array | None = None, rows: tuple[int, int, int] | None = None
    ) -> None:
        self.operator, self.bias = operator, bias
        self.rows = rows or (1, operator.shape[0], 1)
        self.factors = operator.factors if bias is None else (*operator.factors, bias)

    def with_factors(self, *arrays: Array) -> Self:
        count = len(self.operator.factors)
        bias = None if self.bias is None else arrays[count]
        return type(self)(self.operator.with_factors(*arrays[:count]), bias, self.rows)

    def _add_bias(self, Y: Array) -> Array:
        if self.bias is not None:
            seen = Y.reshape(*self.rows, -1)
            np.add(seen, self.bias[..., None], out=seen)
        return Y

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        Y, pull = self.operator.vjp(X)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients, X_bar = pull(Y_bar, with_input)
            if self.bias is not None:
                gradients = (*gradients, _sum_to(Y_bar.reshape(*self.rows, -1), self.bias.shape))
            return gradients, X_bar

        return self._add_bias(Y), backward

    def __call__(self, X: Array) -> Array:
        return self._add_bias(self.operator @ X)


class Fixed(Part):
    """A structured operator that is not trained: permutations, pooling."""

    def __init__(self, operator: StructuredOperator) -> None:
        self.operator = operator

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            return (), self.operator.H @ Y_bar if with_input else None

        return self.operator @ X, backward

    def __call__(self, X: Array) -> Array:
        return np.asarray(self.operator @ X)


def _sum_to(seen: Array, shape: tuple[int, ...]) -> Array:
    """Sum (A, B, D, batch) over the batch and over the axes that ``shape`` shares, as a product with ones."""
    A, B, D, N = seen.shape
    if shape[2] == 1:
        total = (seen.reshape(A * B, D * N) @ np.ones(D * N, seen.dtype)).reshape(A, B, 1)
    else:
        total = (seen.reshape(A * B * D, N) @ np.ones(N, seen.dtype)).reshape(A, B, D)
    return total.sum(axis=0, keepdims=True) if shape[0] == 1 and A > 1 else total
