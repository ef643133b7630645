"""Entrywise activations with their derivatives, in cache-sized pieces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import erf, expit

from .parts import Array, Part, Pull
from .pieces import in_pieces

#: Writes value and, unless None, derivative of a flat piece.
Kernel = Callable[[Array, Array, Array | None], None]

_SQRT_HALF = np.sqrt(0.5)
_DENSITY_AT_0 = 1 / np.sqrt(2 * np.pi)
# Abramowitz & Stegun 7.1.26: erf z = 1 − t·P(t)·exp(−z²) for z ≥ 0 with t = 1/(1 + 0.3275911 z), error below 1.5e-7, which
# is float32's own rounding. Halved here, since GELU needs ½ erfc.
_T = 0.3275911
_P = tuple(0.5 * c for c in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592))

_SIGN_BIT = np.uint32(2**31)


def _gelu(x: Array, value: Array, derivative: Array | None) -> None:
    """x Φ(x), and Φ(x) + x φ(x)."""
    if x.dtype == np.float32:
        z = np.abs(x)
        t = z * np.float32(_T * _SQRT_HALF)
        t += np.float32(1)
        np.divide(np.float32(1), t, out=t)
        np.multiply(x, x, out=z)
        z *= np.float32(-0.5)
        np.exp(z, out=z)  # exp(−x²/2)
        tail = t * np.float32(_P[0])
        for coefficient in _P[1:]:
            tail += np.float32(coefficient)
            tail *= t
        tail *= z
        np.subtract(np.float32(0.5), tail, out=tail)
        tail.view(np.uint32)[...] |= x.view(np.uint32) & _SIGN_BIT  # copysign, several times as fast
        tail += np.float32(0.5)
        cdf, density = tail, z
    else:
        cdf = 0.5 * (1 + erf(x * _SQRT_HALF))
        density = np.exp(-0.5 * x * x) if derivative is not None else x
    if derivative is not None:
        np.multiply(x, density, out=derivative)
        derivative *= x.dtype.type(_DENSITY_AT_0)
        derivative += cdf
    np.multiply(x, cdf, out=value)


_TANH_SCALE, _TANH_CUBIC = np.sqrt(2 / np.pi), 0.044715


def _gelu_tanh(x: Array, value: Array, derivative: Array | None) -> None:
    """½x(1 + tanh u), u = √(2/π)(x + 0.044715x³)."""
    real = x.dtype.type
    square = x * x
    u = square * real(_TANH_SCALE * _TANH_CUBIC)
    u += real(_TANH_SCALE)
    u *= x
    np.tanh(u, out=u)
    if derivative is not None:
        # ½(1 + tanh u) + ½x(1 − tanh² u) u'
        square *= real(3 * _TANH_SCALE * _TANH_CUBIC)
        square += real(_TANH_SCALE)
        square *= x
        np.multiply(u, u, out=derivative)
        np.subtract(real(1), derivative, out=derivative)
        derivative *= square
        derivative += u
        derivative += real(1)
        derivative *= real(0.5)
    u += real(1)
    u *= x
    np.multiply(u, real(0.5), out=value)


def _relu(x: Array, value: Array, derivative: Array | None) -> None:
    np.maximum(x, 0, out=value)
    if derivative is not None:
        np.greater(x, 0, out=derivative, casting="unsafe")


def _tanh(x: Array, value: Array, derivative: Array | None) -> None:
    np.tanh(x, out=value)
    if derivative is not None:
        np.multiply(value, value, out=derivative)
        np.subtract(x.dtype.type(1), derivative, out=derivative)


def _sigmoid(x: Array, value: Array, derivative: Array | None) -> None:
    expit(x, out=value)
    if derivative is not None:
        np.subtract(x.dtype.type(1), value, out=derivative)
        derivative *= value


def _silu(x: Array, value: Array, derivative: Array | None) -> None:
    """x σ(x), and σ(x)(1 + x(1 − σ(x)))."""
    sigmoid = expit(x)
    np.multiply(x, sigmoid, out=value)
    if derivative is not None:
        np.subtract(x, value, out=derivative)
        derivative += x.dtype.type(1)
        derivative *= sigmoid


KERNELS: dict[str, Kernel] = {
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "silu": _silu,
    "tanh": _tanh,
}


class Activation(Part):
    """An entrywise nonlinearity.

    Parameters
    ----------
    name : {"gelu", "gelu_tanh", "relu", "sigmoid", "silu", "tanh"}
        "gelu" is the exact form with erf (in float32 to 1.5e-7), "gelu_tanh" the tanh form of the original JAX code.

    Raises
    ------
    ValueError
        If the name is unknown.

    References
    ----------
    Hendrycks & Gimpel 2016; Abramowitz & Stegun 7.1.26.

    Examples
    --------
    >>> x = np.linspace(-5, 5, 10_001)
    >>> exact, approximate = (km.networks.Activation(name)(x) for name in ("gelu", "gelu_tanh"))
    >>> f"{np.abs(exact - approximate).max():.1e}"  # why a checkpoint must say which of the two it was trained with
    '4.7e-04'
    """

    def __init__(self, name: str) -> None:
        if name not in KERNELS:
            raise ValueError(f"activation={name!r}: expected one of {', '.join(map(repr, sorted(KERNELS)))}")
        self.name = name

    def _evaluate(self, X: Array, with_derivative: bool) -> tuple[Array, Array | None]:
        """Values and, if asked for, derivatives, on several threads where the array is large."""
        kernel, flat = KERNELS[self.name], np.ascontiguousarray(X).reshape(-1)
        value = np.empty_like(flat)
        derivative = np.empty_like(flat) if with_derivative else None

        def work(start: int, stop: int) -> None:
            kernel(flat[start:stop], value[start:stop], None if derivative is None else derivative[start:stop])

        in_pieces(work, flat.size)
        return value.reshape(X.shape), None if derivative is None else derivative.reshape(X.shape)

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        value, derivative = self._evaluate(X, True)
        assert derivative is not None

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            return (), np.multiply(Y_bar, derivative, out=derivative)  # called once: the derivative is free after it

        return value, backward

    def __call__(self, X: Array) -> Array:
        return self._evaluate(X, False)[0]


def activation(name: str) -> tuple[Part, ...]:
    """Return the parts of a named activation: none for "linear"."""
    if name not in (*KERNELS, "linear"):
        raise ValueError(f"activation={name!r}: expected one of {', '.join(map(repr, sorted(KERNELS)))} or 'linear'")
    return () if name == "linear" else (Activation(name),)
