"""Optimisers on one flat vector of parameters, and learning-rate schedules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import cos, pi

import numpy as np

from .parts import Array

Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """The same rate at every step."""
    return lambda step: rate


def cosine(rate: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Linear warm-up over ``warmup`` steps to ``rate``, then half a cosine down to ``final`` at ``steps``.

    Examples
    --------
    >>> from kronmix.networks.optimizers import cosine
    >>> schedule = cosine(1.0, steps=10, warmup=2)
    >>> schedule(0), schedule(1), round(schedule(6), 3), schedule(10)
    (0.5, 1.0, 0.5, 0.0)
    """

    def at(step: int) -> float:
        if step < warmup:
            return rate * (step + 1) / warmup
        progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
        return final + 0.5 * (rate - final) * (1 + cos(pi * progress))

    return at


@dataclass
class SGD:
    """Gradient descent with heavy-ball momentum and decoupled-free (ℓ2) weight decay.

    v ← μ v + g + λ θ,  θ ← θ − η v.
    """

    momentum: float = 0.0
    weight_decay: float = 0.0
    state: dict[str, Array] = field(default_factory=dict)

    def step(self, theta: Array, gradient: Array, rate: float, count: int) -> None:
        """Update ``theta`` in place; ``count`` steps have been done before."""
        real = theta.dtype.type
        if self.weight_decay:
            gradient = gradient + real(self.weight_decay) * theta
        if self.momentum:
            velocity = self.state.setdefault("velocity", np.zeros_like(theta))
            velocity *= real(self.momentum)
            velocity += gradient
            gradient = velocity
        theta -= real(rate) * gradient


@dataclass
class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    state: dict[str, Array] = field(default_factory=dict)

    def step(self, theta: Array, gradient: Array, rate: float, count: int) -> None:
        """Update ``theta`` in place; ``count`` steps have been done before."""
        real = theta.dtype.type
        mean = self.state.setdefault("mean", np.zeros_like(theta))
        square = self.state.setdefault("square", np.zeros_like(theta))
        mean *= real(self.beta1)
        mean += real(1 - self.beta1) * gradient
        square *= real(self.beta2)
        square += real(1 - self.beta2) * gradient * gradient
        bias1, bias2 = 1 - self.beta1 ** (count + 1), 1 - self.beta2 ** (count + 1)
        if self.weight_decay:
            theta *= real(1 - rate * self.weight_decay)
        scale = np.sqrt(square)
        scale *= real(bias2**-0.5)
        scale += real(self.epsilon)
        np.divide(mean, scale, out=scale)
        scale *= real(rate / bias1)
        theta -= scale


Optimizer = SGD | AdamW
