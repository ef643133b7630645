"""Initial values of a network's factors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import MAX_BYTES, check_memory
from .parts import Array

Rng = np.random.Generator


class Draw:
    """Initial values: normal weights of variance gain over the number of inputs of an output, biases zero."""

    def __init__(self, activation: str, seed: int | Rng, dtype: Any) -> None:
        self.rng, self.dtype = np.random.default_rng(seed), np.dtype(dtype)
        self.gain = 2.0 if activation in ("relu", "gelu", "gelu_tanh") else 1.0  # He for rectifiers, LeCun otherwise

    def weight(self, *shape: int, inputs: float, gain: float | None = None) -> Array:
        check_memory(shape, np.dtype(float), MAX_BYTES, "take a smaller network")
        size = np.sqrt((self.gain if gain is None else gain) / inputs)
        return (size * self.rng.standard_normal(shape)).astype(self.dtype)

    def zeros(self, *shape: int) -> Array:
        return np.zeros(shape, self.dtype)

    def ones(self, *shape: int) -> Array:
        return np.ones(shape, self.dtype)
