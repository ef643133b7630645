"""How a training loop gets from one iterate to the next: halved steps, a line search, or an optimiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..optimizers import Optimizer, Schedule
from .gradients import Packing, moved

#: Loss and gradients at an operator.
Objective = Callable[[StructuredOperator], tuple[float, tuple[Array, ...]]]


@dataclass(frozen=True)
class Iterate:
    """A point of descent: the operator, and the objective of the next step there."""

    op: StructuredOperator
    value: float
    gradients: tuple[Array, ...]

    @staticmethod
    def at(op: StructuredOperator, objective: Objective) -> Iterate:
        """The iterate at an operator."""
        return Iterate(op, *objective(op))

    @property
    def slope(self) -> float:
        """‖∇‖²."""
        return sum(float(np.vdot(g, g).real) for g in self.gradients)


class StepRule(Protocol):
    """One way to step; ``step_size`` is that of the last step."""

    step_size: float

    def step(self, here: Iterate, objective: Objective, count: int) -> Iterate:
        """The next iterate, judged by ``objective``; ``count`` steps have been done before."""


@dataclass
class Halved:
    """θ ← θ − η∇, with η halved, and the step taken back, whenever it would raise the objective."""

    step_size: float

    def step(self, here: Iterate, objective: Objective, count: int) -> Iterate:
        """The next iterate."""
        trial = Iterate.at(moved(here.op, here.gradients, self.step_size), objective)
        while not trial.value <= here.value * (1 + 1e-12) and self.step_size > 1e-300:
            self.step_size *= 0.5
            trial = Iterate.at(moved(here.op, here.gradients, self.step_size), objective)
        return trial


@dataclass
class Backtracked:
    """One step with L(θ − η∇) ≤ L(θ) − ½η‖∇‖², η halved from twice the last (Armijo)."""

    step_size: float

    def step(self, here: Iterate, objective: Objective, count: int) -> Iterate:
        """The next iterate; the same where rounding of the loss leaves no descent to find."""
        η, slope = 2 * self.step_size, here.slope
        for _ in range(60):
            trial = Iterate.at(moved(here.op, here.gradients, η), objective)
            if trial.value <= here.value - 0.5 * η * slope:
                self.step_size = η
                return trial
            η *= 0.5
        self.step_size = η
        return here


@dataclass
class Optimized:
    """Steps of an optimiser on the factors as one vector, at the rates of a schedule."""

    optimizer: Optimizer
    rate: Schedule
    step_size: float = field(default=0.0, init=False)

    def step(self, here: Iterate, objective: Objective, count: int) -> Iterate:
        """The next iterate."""
        packing = Packing(here.op)
        θ, self.step_size = packing.vector(here.op.factors), float(self.rate(count))
        self.optimizer.step(θ, packing.vector(here.gradients), self.step_size, count)
        return Iterate.at(packing.operator(θ), objective)
