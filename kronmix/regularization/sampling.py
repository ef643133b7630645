"""What stochastic gradient descent sees of a problem at each step: a few samples, their targets with fresh noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import integer, non_negative
from .problems import Problem


@dataclass(frozen=True)
class Sampling:
    """Samples drawn anew for every step of ``gradient_descent``, independently of the steps before.

    Parameters
    ----------
    batch : int, optional
        Different samples in a step. Default: all of them.
    label_noise : float
        Standard deviation of the Gaussian noise that is added to the targets of the step.
    seed : int

    Examples
    --------
    Minibatches, and noise in the labels:

    >>> from kronmix.regularization import Sampling
    >>> X = np.random.default_rng(0).normal(size=(3, 200))
    >>> problem = km.Regression(X, [1.0, -1.0, 0.0] @ X)
    >>> run = km.gradient_descent(problem, km.Dense(np.zeros((1, 3))), 0.1, 500, sampling=Sampling(batch=8))
    >>> run.operator.to_dense().round(6) + 0.0  # every batch is fitted exactly, so that the noise dies out
    array([[ 1., -1.,  0.]])
    """

    batch: int | None = None
    label_noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch is not None:
            integer(self.batch, "batch")
        non_negative(self.label_noise, "label_noise", "a standard deviation ≥ 0")
        integer(self.seed, "seed", 0)

    def problems(self, problem: Any) -> Iterator[Problem]:
        """What each step sees.

        Raises
        ------
        TypeError
            If the problem has no samples.
        ValueError
            If it has fewer than a batch, or labels to which noise cannot be added.
        """
        if not hasattr(problem, "part"):
            raise TypeError(f"{problem!r} has no samples to draw: expected a Regression or a Sensing")
        total = problem.samples
        if self.batch is not None and self.batch > total:
            raise ValueError(f"batch={self.batch}: the problem has {total} samples")
        return self._batches(problem, total)

    def _batches(self, problem: Any, total: int) -> Iterator[Problem]:
        """Parts of the problem for one step after another, with label noise."""
        rng = np.random.default_rng(self.seed)
        while True:
            chosen = np.arange(total) if self.batch is None else rng.choice(total, self.batch, replace=False)
            yield problem.part(chosen, self.label_noise, rng)
