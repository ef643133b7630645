"""The parts a network is made of: one contract, the operators' own (factors, with_factors, vjp), for nonlinear maps too.

Features are columns: an array (width, batch). A Mixer's S × C feature matrix is vectorised column by column, so that row
c·S + s of the array is token s of channel c (T5).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, reduce
from typing import Any, Self

import numpy as np

from ..operators import StructuredOperator
from ..operators.arrays import read_only
from ..operators.composite import distribute

Array = np.ndarray[Any, np.dtype[Any]]
#: Maps (ȳ, whether x̄ is wanted) to (gradients of the factors, x̄ or None).
Pull = Callable[[Array, bool], tuple[tuple[Array, ...], Array | None]]


class Part:
    """A differentiable map of columns with trainable ``factors``; immutable.

    A subclass sets ``factors`` and defines ``with_factors`` and ``vjp``; ``__call__`` may be overridden to keep nothing.
    The pull is called once.

    Examples
    --------
    >>> class Gain(km.networks.Part):
    ...     def __init__(self, gain):
    ...         self.factors = (gain,)
    ...     def with_factors(self, gain):
    ...         return Gain(gain)
    ...     def vjp(self, X):
    ...         (gain,) = self.factors
    ...         return gain * X, lambda Y_bar, with_input: ((np.sum(Y_bar * X),), gain * Y_bar)
    >>> body = km.networks.Sequential(Gain(np.array(2.0)), km.networks.Residual(Gain(np.array(3.0))))
    >>> Y, pull = body.vjp(np.ones((1, 1)))
    >>> [float(y) for y in (*Y.ravel(), *pull(np.ones((1, 1)), True)[0])]  # 2(1 + 3), and its derivatives 1 + 3 and 2
    [8.0, 4.0, 2.0]
    """

    factors: tuple[Array, ...] = ()
    #: Parts this one is made of, whose factors are its own.
    parts: tuple[Part, ...] = ()

    def with_factors(self, *arrays: Array) -> Self:
        """Return the same map with other values of its factors."""
        return self

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        """Return the value at X and the map from ȳ to (gradients of the factors, x̄)."""
        raise NotImplementedError

    def __call__(self, X: Array) -> Array:
        return self.vjp(X)[0]


class _Several(Part):
    """Parts whose factors, one part's after another's, are those of the whole."""

    def __init__(self, *parts: Part) -> None:
        self.parts = parts
        self.factors = tuple(f for part in parts for f in part.factors)

    def with_factors(self, *arrays: Array) -> Self:
        return type(self)(*distribute(arrays, self.parts))


class Sequential(_Several):
    """Parts applied one after another, first one first.

    Parameters
    ----------
    *parts : Part
        Each takes as many rows as the one before gives. Their factors, in this order, are those of the whole.

    Examples
    --------
    >>> W, V = np.random.default_rng(0).normal(size=(2, 3, 3))
    >>> body = km.networks.Sequential(*(km.networks.Linear(km.Dense(M)) for M in (W, V)))
    >>> bool(np.allclose(body(np.eye(3)), V @ W))  # the first part is the rightmost matrix
    True
    >>> Y, pull = body.vjp(np.eye(3))
    >>> gradients, X_bar = pull(Y, True)
    >>> bool(np.allclose(gradients[0], V.T @ Y)), bool(np.allclose(X_bar, W.T @ V.T @ Y))
    (True, True)
    """

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
    """X + f(X) for the parts f: a skip connection.

    Parameters
    ----------
    *parts : Part
        At least one; together they keep the number of rows.

    Examples
    --------
    >>> W = np.array([[0.0, 2.0], [0.0, 0.0]])
    >>> block = km.networks.Residual(km.networks.Linear(km.Dense(W)))
    >>> block(np.eye(2))  # a linear block is I + W: invertible, though W is not
    array([[1., 2.],
           [0., 1.]])
    """

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        Y, pull = super().vjp(X)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients, X_bar = pull(Y_bar, with_input)
            return gradients, None if X_bar is None else X_bar + Y_bar

        return Y + X, backward

    def __call__(self, X: Array) -> Array:
        return super().__call__(X) + X


class Parallel(_Several):
    """f(X) + g(X) + …: parts that see the same features, their results added.

    Parameters
    ----------
    *parts : Part
        With equal numbers of rows.

    Examples
    --------
    >>> from kronmix.networks.parts import Parallel
    >>> A, B = (km.networks.Linear(km.Dense(M)) for M in (np.eye(2), np.ones((2, 2))))
    >>> Parallel(A, B)(np.eye(2))
    array([[2., 1.],
           [1., 2.]])
    """

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        results, pulls = zip(*(part.vjp(X) for part in self.parts), strict=True)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients, bars = zip(*(pull(Y_bar, with_input) for pull in pulls), strict=True)
            return tuple(g for some in gradients for g in some), sum(bars) if with_input else None

        return sum(results), backward

    def __call__(self, X: Array) -> Array:
        return np.asarray(sum(part(X) for part in self.parts))


class Linear(Part):
    """A structured operator plus a bias: x ↦ op @ x + b.

    Parameters
    ----------
    operator : StructuredOperator
    bias : array of shape (A, B, D) or with 1 where shared, optional
        Added to the rows seen as (A, B, D), last index fastest.
    rows : (A, B, D), optional
        How the rows are seen; (1, rows, 1) by default.
    name : str, optional
        What the layer mixes ("token", "patch", …), where its operator alone does not say.

    Examples
    --------
    >>> W, b = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([10.0, 20.0])
    >>> layer = km.networks.Linear(km.token_mixing(W, channels=3), b.reshape(1, 2, 1), rows=(3, 2, 1))
    >>> layer(np.arange(6.0)[:, None])[:, 0]  # 3 channels of 2 tokens: each swapped, each given the same b
    array([11., 20., 13., 22., 15., 24.])
    >>> _, pull = layer.vjp(np.zeros((6, 1)))
    >>> pull(np.ones((6, 1)), False)[0][1].ravel()  # the gradient of a shared bias is summed over what shares it
    array([3., 3.])
    """

    def __init__(
        self,
        operator: StructuredOperator,
        bias: Array | None = None,
        rows: tuple[int, int, int] | None = None,
        name: str = "",
    ) -> None:
        self.operator, self.bias, self.name = operator, bias, name
        self.rows = rows or (1, operator.shape[0], 1)
        self.factors = operator.factors if bias is None else (*operator.factors, bias)

    def with_factors(self, *arrays: Array) -> Self:
        count = len(self.operator.factors)
        bias = None if self.bias is None else arrays[count]
        return type(self)(self.operator.with_factors(*arrays[:count]), bias, self.rows, self.name)

    def _add_bias(self, Y: Array) -> Array:
        if self.bias is not None:
            seen = Y.reshape(*self.rows, -1)
            np.add(seen, self.bias[..., None], out=seen)
        return Y

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        if X.shape[0] != self.operator.shape[1]:
            raise ValueError(f"X has {X.shape[0]} rows: {self.operator!r} takes {self.operator.shape[1]}")
        Y, pull = self.operator._vjp(
            X
        )  # real columns within a network: the checks of ``vjp`` would cost 3 % of a small step

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients, X_bar = pull(Y_bar, with_input)
            if self.bias is not None:
                gradients = (*gradients, _sum_to(Y_bar.reshape(*self.rows, -1), self.bias.shape))
            return gradients, X_bar

        return self._add_bias(Y), backward

    def __call__(self, X: Array) -> Array:
        return self._add_bias(self.operator @ X)


class Fixed(Part):
    """A structured operator that is not trained: permutations, pooling.

    Parameters
    ----------
    operator : StructuredOperator
        Its factors stay out of the part's: no gradients, no parameters.

    Examples
    --------
    >>> pool = km.networks.Fixed(km.token_mixing(np.full((1, 4), 1 / 4), channels=3))  # the mean over 4 tokens
    >>> X = np.arange(12.0).reshape(4, 3)
    >>> pool(km.vec(X)[:, None])[:, 0], X.mean(axis=0), pool.factors
    (array([4.5, 5.5, 6.5]), array([4.5, 5.5, 6.5]), ())
    """

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
        total = (seen.reshape(A * B, D * N) @ ones(D * N, seen.dtype)).reshape(A, B, 1)
    else:
        total = (seen.reshape(A * B * D, N) @ ones(N, seen.dtype)).reshape(A, B, D)
    return total.sum(axis=0, keepdims=True) if shape[0] == 1 and A > 1 else total


@lru_cache(maxsize=64)
def ones(size: int, dtype: np.dtype[Any]) -> Array:
    """A vector of ones to sum with, kept from step to step."""
    return read_only(np.ones(size, dtype))
