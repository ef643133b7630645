"""Optimisers on one flat vector of parameters, and schedules of rates and weight decay: for networks and for factors alike.

An optimiser of one's own is a class with ``step(theta, gradient, rate, count)`` and ``fresh()``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import cos, pi
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from .checks import non_negative

__all__ = ["SGD", "AdamW", "Schedule", "constant", "cosine", "scheduled"]

Array = NDArray[Any]
#: A number for every step, from step 0 on.
Schedule = Callable[[int], float]


class Optimizer(Protocol):
    """What a training loop needs to know of an optimiser: ``km.networks.fit`` and ``km.gradient_descent`` take it.

    Examples
    --------
    >>> class Signs:  # θ ← θ − η sign(g)
    ...     def fresh(self):
    ...         return self
    ...     def step(self, theta, gradient, rate, count):
    ...         theta -= rate * np.sign(gradient)
    >>> km.gradient_descent(km.Observed([[1.0]]), km.Dense([[0.0]]), 0.25, 4, optimizer=Signs()).operator.to_dense()
    array([[1.]])
    """

    def fresh(self) -> Self:
        """The same optimiser at the start of a run, without anything kept from steps."""

    def step(self, theta: Array, gradient: Array, rate: float, count: int) -> None:
        """Update ``theta`` in place; ``count`` steps have been done before."""


def scheduled(value: float | Schedule) -> Schedule:
    """A number as a schedule; a schedule as it is.

    Parameters
    ----------
    value : float or function of the step

    Examples
    --------
    >>> from kronmix.optimizers import scheduled
    >>> scheduled(0.1)(7), scheduled(lambda step: 0.1 if step < 5 else 0.0)(7)
    (0.1, 0.0)
    """
    return value if callable(value) else constant(float(value))


def constant(rate: float) -> Schedule:
    """The same rate at every step.

    Parameters
    ----------
    rate : float
        Learning rate η.

    Returns
    -------
    function of the step (int, from 0) that returns the rate (float)
        For ``fit(schedule=…)``, where a plain number means the same.

    Examples
    --------
    >>> schedule = km.networks.constant(0.5)
    >>> schedule(0), schedule(1_000_000)
    (0.5, 0.5)
    """
    return lambda step: rate


def cosine(rate: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Linear warm-up over ``warmup`` steps to ``rate``, then half a cosine down to ``final`` at ``steps``.

    Parameters
    ----------
    rate : float
        Largest learning rate.
    steps : int
        Step at which ``final`` is reached, warm-up included: epochs × batches an epoch. Later steps keep ``final``.
    warmup : int
        Steps of the warm-up: step t < warmup takes rate · (t + 1)/warmup.
    final : float
        Rate at the end.

    Returns
    -------
    function of the step (int, from 0) that returns the rate (float)
        For ``fit(schedule=…)``.

    References
    ----------
    Loshchilov & Hutter, *SGDR*, ICLR 2017.

    Examples
    --------
    >>> from kronmix.optimizers import cosine
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
    """Gradient descent with heavy-ball momentum and ℓ2 weight decay (through the gradient, not decoupled).

    v ← μ v + g + λ θ,  θ ← θ − η v.

    Parameters
    ----------
    momentum : float
        μ, from 0 to below 1.
    weight_decay : float or function of the step
        λ: the loss is trained with (λ/2)‖θ‖² added to it (T17).
    state : dict of str to array, optional
        What is kept between steps: "velocity" v, once there is momentum. A run begins without it.

    Examples
    --------
    >>> theta, descent = np.zeros(1), km.networks.SGD(momentum=0.5, weight_decay=0.5)
    >>> for step in range(100):
    ...     descent.step(theta, theta - 3, rate=0.2, count=step)  # the gradient of ½(θ − 3)²
    >>> theta.round(6)  # the minimum of ½(θ − 3)² + ¼θ²
    array([2.])
    """

    momentum: float = 0.0
    weight_decay: float | Schedule = 0.0
    state: dict[str, Array] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        _check_below_one(self.momentum, "momentum")
        _check_decay(self.weight_decay)

    def fresh(self) -> Self:
        """The same optimiser, without a velocity."""
        return replace(self, state={})

    def step(self, theta: Array, gradient: Array, rate: float, count: int) -> None:
        """Update ``theta`` in place; ``count`` steps have been done before."""
        real = theta.dtype.type
        if decay := scheduled(self.weight_decay)(count):
            gradient = gradient + real(decay) * theta
        if self.momentum:
            velocity = self.state.setdefault("velocity", np.zeros_like(theta))
            velocity *= real(self.momentum)
            velocity += gradient
            gradient = velocity
        theta -= real(rate) * gradient


@dataclass
class AdamW:
    """Adam with decoupled weight decay.

    m ← β₁ m + (1 − β₁) g,  s ← β₂ s + (1 − β₂) g²,  θ ← (1 − η λ) θ − η m̂/(ŝ^{1/2} + ε)  with  m̂ = m/(1 − β₁ᵗ), ŝ = s/(1 − β₂ᵗ).

    Parameters
    ----------
    beta1, beta2 : float
        Memory of the means of the gradient and of its square, from 0 to below 1.
    epsilon : float
        ε, against division by zero.
    weight_decay : float or function of the step
        λ, of which the learning rate η takes its share; it is not a penalty (λ/2)‖θ‖² on the loss, for which see :class:`SGD`.
    state : dict of str to array, optional
        What is kept between steps: "mean" m and "square" s. A run begins without it.

    References
    ----------
    Kingma & Ba, *Adam*, ICLR 2015; Loshchilov & Hutter, *Decoupled weight decay regularization*, ICLR 2019.

    Examples
    --------
    >>> theta = np.zeros(2)
    >>> km.networks.AdamW().step(theta, np.array([1e-3, -1e3]), rate=0.1, count=0)
    >>> theta.round(4)  # a first step has the length of the rate, whatever the size of the gradient
    array([-0.1,  0.1])
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float | Schedule = 0.0
    state: dict[str, Array] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        _check_below_one(self.beta1, "beta1")
        _check_below_one(self.beta2, "beta2")
        _check_decay(self.weight_decay)

    @property
    def largest_update(self) -> float:
        """The most that |m̂|/ŝ^{1/2} can be, whatever the gradients: (1 − β₁)/((1 − β₂)(1 − β₁²/β₂))^{1/2}, by Cauchy–Schwarz.

        Decay λ keeps |θ| below this over λ at every step, once it is there; below 1/λ only where the gradients keep their signs and
        sizes, as at rest (T35). No bound, infinity, where β₁² ≥ β₂.

        Examples
        --------
        >>> round(km.networks.AdamW(beta2=0.99).largest_update, 3)
        2.345
        """
        if self.beta1 and self.beta1**2 >= self.beta2:
            return np.inf
        ratio = self.beta1**2 / self.beta2 if self.beta1 else 0.0
        return float((1 - self.beta1) / ((1 - self.beta2) * (1 - ratio)) ** 0.5)

    def fresh(self) -> Self:
        """The same optimiser, without moments."""
        return replace(self, state={})

    def step(self, theta: Array, gradient: Array, rate: float, count: int) -> None:
        """Update ``theta`` in place; ``count`` steps have been done before."""
        real = theta.dtype.type
        mean = self.state.setdefault("mean", np.zeros_like(theta))
        square = self.state.setdefault("square", np.zeros_like(theta))
        mean *= real(self.beta1)
        mean += real(1 - self.beta1) * gradient
        square *= real(self.beta2)
        with np.errstate(over="ignore"):  # a run that diverges shows in its loss
            square += real(1 - self.beta2) * gradient * gradient
        bias1, bias2 = 1 - self.beta1 ** (count + 1), 1 - self.beta2 ** (count + 1)
        if decay := scheduled(self.weight_decay)(count):
            theta *= real(1 - rate * decay)
        scale = np.sqrt(square)
        scale *= real(bias2**-0.5)
        scale += real(self.epsilon)
        np.divide(mean, scale, out=scale)
        scale *= real(rate / bias1)
        theta -= scale


def _check_below_one(value: float, name: str) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{name}={value}: expected 0 ≤ {name} < 1")


def _check_decay(value: float | Schedule) -> None:
    if not callable(value):
        non_negative(value, "weight_decay", "a number λ ≥ 0, or a function of the step")
