"""Gates: a product of two maps of the same features, which is linear in neither; its diagonal depends on the data."""

from __future__ import annotations

from typing import Self

import numpy as np

from .parts import Array, Part, Pull, Sequential


class Gate(Part):
    """x ↦ g(x) ∘ f(x) = diag(g(x)) f(x): a diagonal that depends on the data, and so no layer of a wide MLP.

    Parameters
    ----------
    value : Part
        f.
    gate : Part
        g, with as many rows.

    Examples
    --------
    >>> from kronmix.networks.gates import Gate
    >>> double = km.networks.Linear(km.Dense(2 * np.eye(2)))
    >>> swiglu = Gate(double, km.networks.Activation("silu"))
    >>> swiglu(np.array([[0.0], [1.0]])).round(4)  # 2x · x σ(x)
    array([[0.    ],
           [1.4621]])
    """

    def __init__(self, value: Part, gate: Part) -> None:
        self.value, self.gate = value, gate
        self.parts = (value, gate)
        self.factors = (*value.factors, *gate.factors)

    def with_factors(self, *arrays: Array) -> Self:
        count = len(self.value.factors)
        return type(self)(self.value.with_factors(*arrays[:count]), self.gate.with_factors(*arrays[count:]))

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        value, pull_value = self.value.vjp(X)
        gate, pull_gate = self.gate.vjp(X)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients, X_bar = pull_value(Y_bar * gate, with_input)
            others, Z_bar = pull_gate(Y_bar * value, with_input)
            return (*gradients, *others), None if X_bar is None or Z_bar is None else X_bar + Z_bar

        return value * gate, backward

    def __call__(self, X: Array) -> Array:
        return self.value(X) * self.gate(X)


class Half(Part):
    """One half of the features along an axis of the rows seen as (A, B, D): the middle one.

    Parameters
    ----------
    which : {0, 1}
        First or second.
    rows : (A, B, D)
        Of the input; B is even.
    """

    def __init__(self, which: int, rows: tuple[int, int, int]) -> None:
        self.which, self.rows = which, rows

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        A, B, D = self.rows
        start = self.which * (B // 2)
        shape = X.shape

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            if not with_input:
                return (), None
            X_bar = np.zeros((A, B, D, shape[1]), Y_bar.dtype)
            X_bar[:, start : start + B // 2] = Y_bar.reshape(A, B // 2, D, -1)
            return (), X_bar.reshape(shape)

        half = X.reshape(A, B, D, -1)[:, start : start + B // 2]
        return np.ascontiguousarray(half).reshape(-1, shape[1]), backward


class Softmax(Part):
    """Softmax along the middle axis of the rows seen as (A, B, D).

    Parameters
    ----------
    rows : (A, B, D)

    Examples
    --------
    >>> from kronmix.networks.gates import Softmax
    >>> Softmax((1, 2, 2))(np.array([[0.0], [0.0], [0.0], [np.log(3)]])).ravel()  # two columns of two
    array([0.5 , 0.25, 0.5 , 0.75])
    """

    def __init__(self, rows: tuple[int, int, int]) -> None:
        self.rows = rows

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        seen = X.reshape(*self.rows, -1)
        weights = np.exp(seen - seen.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            if not with_input:
                return (), None
            bar = Y_bar.reshape(weights.shape)
            bar = weights * (bar - (weights * bar).sum(axis=1, keepdims=True))
            return (), bar.reshape(X.shape)

        return weights.reshape(X.shape), backward


def halves_gated(activation: Part, rows: tuple[int, int, int]) -> Gate:
    """u ∘ φ(v) for the halves (u, v) of the middle axis of rows (A, B, D)."""
    return Gate(Half(0, rows), Sequential(Half(1, rows), activation))
