"""What a training run leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..operators import StructuredOperator
from ..operators.arrays import Array

#: Quantities to record along training: name -> function of the operator.
Record = Mapping[str, Callable[[StructuredOperator], Any]]


@dataclass(frozen=True)
class TrainingPath:
    """A training run: the final operator, and what was recorded on the way.

    Attributes
    ----------
    operator : StructuredOperator
        The last iterate.
    times : array of shape (records,)
        Training time (step size × steps, or the flow's time) of each record; log-spaced.
    losses : array of shape (records,)
    recorded : dict of name -> array of shape (records, ...)
        The quantities asked for.
    steps : int
        Gradient evaluations.
    reason : str
        Why the run ended: "steps", "gradient", "loss", "end of time" or "interrupted".
    step_size : float or None
        The last step size; None for a flow.
    """

    operator: StructuredOperator
    times: Array
    losses: Array
    recorded: dict[str, Array] = field(default_factory=dict)
    steps: int = 0
    reason: str = "steps"
    step_size: float | None = None

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses against time; returns the Matplotlib Axes."""
        from ..plotting import plot_training

        return plot_training(self, ax)

    def __repr__(self) -> str:
        names = f", recorded {', '.join(self.recorded)}" if self.recorded else ""
        return (
            f"TrainingPath(loss {self.losses[0]:.4g} → {self.losses[-1]:.4g} in {self.steps} steps, "
            f"{self.times.size} records{names}, stopped by {self.reason})"
        )


class Recorder:
    """Collects losses and quantities at log-spaced times."""

    def __init__(self, record: Record | None) -> None:
        self._record = dict(record or {})
        self._times: list[float] = []
        self._losses: list[float] = []
        self._values: dict[str, list[Any]] = {name: [] for name in self._record}

    def note(self, time: float, loss: float, op: StructuredOperator) -> None:
        """Record the state at one time."""
        values = {name: np.array(function(op), copy=True) for name, function in self._record.items()}
        self._times.append(time)  # only now: an interruption while the user's functions run leaves no half record
        self._losses.append(loss)
        for name, value in values.items():
            self._values[name].append(value)

    @property
    def last(self) -> float | None:
        """Time of the last record."""
        return self._times[-1] if self._times else None

    def path(self, op: StructuredOperator, steps: int, reason: str, step_size: float | None) -> TrainingPath:
        """The path so far."""
        recorded = {name: np.array(values) for name, values in self._values.items()}
        return TrainingPath(op, np.array(self._times), np.array(self._losses), recorded, steps, reason, step_size)


def log_spaced_steps(steps: int, records: int) -> set[int]:
    """At most ``records`` step numbers from 0 to ``steps``, evenly spaced in logarithm."""
    if steps < 1:
        return {0}
    spaced = np.geomspace(1, steps, max(records - 1, 1)).round().astype(int)
    return {0, steps, *spaced.tolist()}
