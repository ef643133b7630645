"""Layer norm over channels, on vectorised features (T5)."""

from __future__ import annotations

from typing import Self

import numpy as np

from .parts import Array, Part, Pull, ones


class LayerNorm(Part):
    """Normalise each token of each sample over its channels, then scale and shift.

        x̂ = (x − mean_c x) / (var_c x + ε)^{1/2},   y = γ_c x̂ + β_c,   rows (channels, tokens).

    Parameters
    ----------
    scale, shift : arrays of shape (channels,)
        γ and β.
    tokens : int
        S: row c·S + s is token s of channel c.
    epsilon : float
        ε, added to the variance.
    groups : int
        How often the rows (channels, tokens) are repeated: row (g·C + c)·S + s.

    References
    ----------
    Ba, Kiros & Hinton, *Layer normalization*, 2016.

    Examples
    --------
    >>> norm = km.networks.LayerNorm(np.ones(3), np.zeros(3), tokens=2)
    >>> X = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])  # channels × tokens: one token is ten times the other
    >>> norm(X.reshape(6, 1)).reshape(3, 2).round(4)  # and the norm takes the ten away
    array([[-1.2247, -1.2247],
           [ 0.    ,  0.    ],
           [ 1.2247,  1.2247]])
    """

    def __init__(self, scale: Array, shift: Array, tokens: int, epsilon: float = 1e-6, groups: int = 1) -> None:
        self.scale, self.shift, self.tokens, self.epsilon, self.groups = scale, shift, tokens, epsilon, groups
        self.factors = (scale, shift)
        self._seen = (scale.size, -1) if groups == 1 else (groups, scale.size, -1)

    def with_factors(self, *arrays: Array) -> Self:
        scale, shift = arrays
        return type(self)(scale, shift, self.tokens, self.epsilon, self.groups)

    def _normalize(self, x: Array) -> tuple[Array, Array]:
        """x̂ and 1/σ for x of shape (…, channels, tokens · batch); sums over channels are products with a row of ones."""
        C = self.scale.size
        average = np.full(C, 1 / C, x.dtype)
        normal = x - (average @ x)[..., None, :]
        inverse = (average @ (normal * normal))[..., None, :]
        inverse += x.dtype.type(self.epsilon)
        np.sqrt(inverse, out=inverse)
        np.divide(x.dtype.type(1), inverse, out=inverse)
        normal *= inverse
        return normal, inverse

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        C = self.scale.size
        normal, inverse = self._normalize(X.reshape(self._seen))
        value = normal * self.scale[:, None]
        value += self.shift[:, None]

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            # x̄ = (g − mean g − x̂ mean(g x̂)) / σ with g = γ ȳ
            y_bar = Y_bar.reshape(self._seen)
            product = y_bar * normal
            total = ones(y_bar.shape[-1], y_bar.dtype)
            gradients = product @ total, y_bar @ total
            if self.groups > 1:
                gradients = gradients[0].sum(axis=0), gradients[1].sum(axis=0)
            if not with_input:
                return gradients, None
            average = self.scale / C
            g = y_bar * self.scale[:, None]
            g -= (average @ y_bar)[..., None, :]
            g -= np.multiply(normal, (average @ product)[..., None, :], out=product)
            g *= inverse
            return gradients, g.reshape(Y_bar.shape)

        return value.reshape(X.shape), backward


class Affine(Part):
    """Scale and shift along one axis, without statistics: what a batch norm is after training.

    Parameters
    ----------
    scale, shift : arrays of shape (B,)
    rows : (A, B, D)
        How the rows are seen.

    Examples
    --------
    >>> from kronmix.networks.normalization import Affine
    >>> Affine(np.array([1.0, 2.0]), np.array([0.0, 1.0]), rows=(2, 2, 1))(np.ones((4, 1))).ravel()
    array([1., 3., 1., 3.])
    """

    def __init__(self, scale: Array, shift: Array, rows: tuple[int, int, int]) -> None:
        self.scale, self.shift, self.rows = scale, shift, rows
        self.factors = (scale, shift)

    def with_factors(self, *arrays: Array) -> Self:
        scale, shift = arrays
        return type(self)(scale, shift, self.rows)

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        x = X.reshape(*self.rows, -1)
        scale, shift = (factor[:, None, None] for factor in self.factors)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            bar = Y_bar.reshape(x.shape)
            gradients = (bar * x).sum(axis=(0, 2, 3)), bar.sum(axis=(0, 2, 3))
            return gradients, (bar * scale).reshape(X.shape) if with_input else None

        return (x * scale + shift).reshape(X.shape), backward
