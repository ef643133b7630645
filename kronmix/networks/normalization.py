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

    def __init__(self, scale: Array, shift: Array, tokens: int, epsilon: float = 1e-6) -> None:
        self.scale, self.shift, self.tokens, self.epsilon = scale, shift, tokens, epsilon
        self.factors = (scale, shift)

    def with_factors(self, *arrays: Array) -> Self:
        scale, shift = arrays
        return type(self)(scale, shift, self.tokens, self.epsilon)

    def _normalize(self, x: Array) -> tuple[Array, Array]:
        """x̂ and 1/σ for x of shape (channels, tokens · batch); sums over channels are products with a row of ones."""
        C = self.scale.size
        average = np.full(C, 1 / C, x.dtype)
        normal = x - average @ x
        inverse = average @ (normal * normal)
        inverse += x.dtype.type(self.epsilon)
        np.sqrt(inverse, out=inverse)
        np.divide(x.dtype.type(1), inverse, out=inverse)
        normal *= inverse
        return normal, inverse

    def vjp(self, X: Array) -> tuple[Array, Pull]:
        C = self.scale.size
        normal, inverse = self._normalize(X.reshape(C, -1))
        value = normal * self.scale[:, None]
        value += self.shift[:, None]

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            # x̄ = (g − mean g − x̂ mean(g x̂)) / σ with g = γ ȳ
            y_bar = Y_bar.reshape(C, -1)
            product = y_bar * normal
            total = ones(y_bar.shape[1], y_bar.dtype)
            gradients = product @ total, y_bar @ total
            if not with_input:
                return gradients, None
            average = self.scale / C
            g = y_bar * self.scale[:, None]
            g -= average @ y_bar
            g -= np.multiply(normal, average @ product, out=product)
            g *= inverse
            return gradients, g.reshape(Y_bar.shape)

        return value.reshape(X.shape), backward
