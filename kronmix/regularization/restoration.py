"""Restore images from noisy ones with one linear map, structures side by side: the experiment of ``kronmix report``.

Clean features X and noisy ones X + σE, both minus the mean of the clean training features, are columns vec(X). Every
structure fits B · noisy ≈ clean by full-batch gradient descent on its factors, from an effective weight of the same
small norm, for the same number of steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from ..checks import integer, non_negative, positive
from ..intervals import Interval, t_interval
from ..mixer import LinearMixer
from ..operators import Dense, Kronecker, Monarch, StructuredOperator, SumOfKroneckers
from ..operators.arrays import Array
from ..progress import whole
from ..sparsity import effective_nonzeros, hoyer, l1_looseness
from ..spectra import norm
from .descent import gradient_descent
from .problems import Regression
from .training_path import TrainingPath, log_spaced_steps

#: Largest width S·C that is trained: the dense weight has the square of it.
LARGEST_WIDTH = 1024
#: Standard deviations of noise above this leave nothing of pixels from 0 to 1.
LARGEST_NOISE = 1e3

#: Most numbers of a structure whose factors are recorded along training.
_FILMED = 2048

#: How often a run is looked at, at most.
RECORDS = 60


@dataclass(frozen=True)
class Task:
    """Noisy and clean images, split.

    Attributes
    ----------
    noisy, clean : array of shape (S·C, n)
        Training columns, centred.
    held_noisy, held_clean : array of shape (S·C, N − n)
        The others.
    mean : array of shape (S·C,)
        Of the clean training images.
    shape : (int, int)
        S and C.
    """

    noisy: Array
    clean: Array
    held_noisy: Array
    held_clean: Array
    mean: Array
    shape: tuple[int, int]

    def error(self, op: StructuredOperator) -> float:
        """Mean squared error per pixel on the held-out images."""
        return float(np.mean((op @ self.held_noisy - self.held_clean) ** 2))

    @property
    def noisy_error(self) -> float:
        """The same of doing nothing."""
        return float(np.mean((self.held_noisy - self.held_clean) ** 2))

    @property
    def mean_error(self) -> float:
        """The same of answering every image with the mean image."""
        return float(np.mean(self.held_clean**2))


def denoising_task(X: Any, noise: float, train: int, rng: np.random.Generator) -> Task:
    """Split images, add noise, centre.

    Parameters
    ----------
    X : array of shape (N, S, C)
    noise : float
        Standard deviation σ of the Gaussian noise on every pixel.
    train : int
        Number of images to train on.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If there are too few images for the split, a negative or non-finite noise, or the width S·C is above 1024.

    Examples
    --------
    >>> from kronmix.regularization.restoration import denoising_task
    >>> task = denoising_task(km.datasets.digits()[0], noise=0.5, train=300, rng=np.random.default_rng(0))
    >>> task.clean.shape, task.held_clean.shape
    ((64, 300), (64, 1497))
    """
    features = np.asarray(X, dtype=np.float64)
    if features.ndim != 3:
        raise ValueError(f"X has shape {features.shape}: expected (N, S, C)")
    N, S, C = features.shape
    non_negative(noise, "noise", "a standard deviation, at least 0")
    if noise > LARGEST_NOISE:
        raise ValueError(f"noise={noise:g}: expected at most {LARGEST_NOISE:g}, pixels go from 0 to 1")
    if N < 3:
        raise ValueError(f"X has {N} images: expected at least 3, two to train on and one to hold out")
    if not 2 <= train < N:
        raise ValueError(f"train={train}: expected 2 to {N - 1} of {N} images, so that some are held out")
    if S * C > LARGEST_WIDTH:
        raise ValueError(
            f"images of {S}×{C} features have an effective width of {S * C}, above {LARGEST_WIDTH}: "
            "the dense weight they are compared with would be too large; crop or shrink them"
        )
    clean = features.transpose(0, 2, 1).reshape(N, -1).T  # columns vec(X)
    noisy = clean + noise * rng.standard_normal(clean.shape)
    order = rng.permutation(N)
    mean = clean[:, order[:train]].mean(axis=1)
    centred_noisy, centred_clean = noisy - mean[:, None], clean - mean[:, None]
    fit, held = order[:train], order[train:]
    return Task(
        centred_noisy[:, fit], centred_clean[:, fit], centred_noisy[:, held], centred_clean[:, held], mean, (S, C)
    )


@dataclass(frozen=True)
class Structure:
    """A parametrisation of B ∈ R^{SC × SC} to train.

    Attributes
    ----------
    name : str
    draw : function of (S, C, rng) to StructuredOperator
        With standard normal factors.
    """

    name: str
    draw: Callable[[int, int, np.random.Generator], StructuredOperator]


def standard_structures(rank: int = 4) -> tuple[Structure, ...]:
    """Dense, Mixer, sum of r Kroneckers, Monarch, and the two-block linear Mixer.

    Examples
    --------
    >>> from kronmix.regularization.restoration import standard_structures
    >>> rng = np.random.default_rng(0)
    >>> [s.draw(8, 8, rng).n_parameters for s in standard_structures()]
    [4096, 128, 512, 1024, 256]
    """
    integer(rank, "rank")
    return (
        Structure("dense", lambda S, C, rng: Dense(rng.standard_normal((S * C, S * C)))),
        Structure("Mixer", lambda S, C, rng: Kronecker(rng.standard_normal((C, C)), rng.standard_normal((S, S)))),
        Structure(f"sum of {rank} Kroneckers", lambda S, C, rng: _draw_sum(rank, S, C, rng)),
        Structure("Monarch", lambda S, C, rng: Monarch(rng.standard_normal((S, C, C)), rng.standard_normal((C, S, S)))),
        Structure(
            "two-block Mixer",
            lambda S, C, rng: LinearMixer(list(rng.standard_normal((2, S, S))), list(rng.standard_normal((2, C, C)))),
        ),
    )


def _draw_sum(rank: int, S: int, C: int, rng: np.random.Generator) -> SumOfKroneckers:
    if rank > S * C:
        raise ValueError(f"rank={rank}: expected at most {S * C}, the effective width of {S}×{C} features")
    return SumOfKroneckers([(rng.standard_normal((C, C)), rng.standard_normal((S, S))) for _ in range(rank)])


def small_start(op: StructuredOperator, scale: float) -> StructuredOperator:
    """Scale all factors alike so that ‖B‖_F = scale: the same distance from zero for every structure.

    B(cθ) = c^d B(θ) with d the number of factors multiplied in a row, read off by doubling.

    Examples
    --------
    >>> from kronmix.regularization.restoration import small_start
    >>> round(km.norm(small_start(km.Kronecker(np.eye(3), np.ones((2, 2))), 0.1)), 12)
    0.1
    """
    size = norm(op)
    degree = round(np.log2(norm(op.with_factors(*(2 * f for f in op.factors))) / size))
    return op.with_factors(*((scale / size) ** (1 / degree) * f for f in op.factors))


@dataclass(frozen=True)
class Run:
    """One structure trained from one seed."""

    structure: str
    seed: int
    path: TrainingPath
    error: float
    seconds: float

    @property
    def operator(self) -> StructuredOperator:
        """The trained operator."""
        return self.path.operator


@dataclass(frozen=True)
class Restoration:
    """All runs, and the task of the first seed.

    Attributes
    ----------
    runs : dict of structure name to tuple of Run, one per seed
    task : Task
        Of the first seed.
    noisy, mean : Interval
        Held-out errors of doing nothing, and of answering with the mean image.
    best_linear : Interval
        Held-out error of the least-squares B: where dense training ends.
    steps : array
        Of the recorded quantities.
    settings : dict
    """

    runs: dict[str, tuple[Run, ...]]
    task: Task
    noisy: Interval
    mean: Interval
    best_linear: Interval
    steps: Array
    settings: Mapping[str, Any] = field(default_factory=dict)

    def curve(self, structure: str, quantity: str) -> Interval:
        """A recorded quantity along training, over seeds."""
        return t_interval([run.path.recorded[quantity] for run in self.runs[structure]])

    def final(self, structure: str, of: Callable[[Run], float]) -> Interval:
        """A number per run, over seeds."""
        return t_interval([of(run) for run in self.runs[structure]])

    def last(self, structure: str, quantity: str) -> Interval:
        """A recorded quantity at the end of training, over seeds."""
        return self.final(structure, lambda run: float(run.path.recorded[quantity][-1]))

    def first(self, structure: str) -> StructuredOperator:
        """The operator trained from the first seed."""
        return self.runs[structure][0].operator


def restore(
    X: Any,
    *,
    noise: float = 0.5,
    train: int = 300,
    seeds: int = 5,
    steps: int = 1000,
    scale: float = 0.1,
    structures: tuple[Structure, ...] | None = None,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Restoration:
    """Train all structures on the same tasks, one task per seed.

    Parameters
    ----------
    X : array of shape (N, S, C)
    noise, train
        As in ``denoising_task``.
    seeds, steps : int
        Repetitions; gradient steps of each.
    scale : float
        ‖B‖_F at the start.
    structures : tuple of Structure, optional
        Default ``standard_structures()``.
    seed : int
        Of the first repetition.
    progress : function
        Called after each of the seeds × structures runs.

    Raises
    ------
    ValueError
        As ``denoising_task``, and if seeds or steps are below 1.

    Examples
    --------
    >>> from kronmix.regularization.restoration import restore
    >>> result = restore(km.datasets.digits()[0], seeds=1, steps=50)
    >>> list(result.runs)
    ['dense', 'Mixer', 'sum of 4 Kroneckers', 'Monarch', 'two-block Mixer']
    >>> bool(result.runs["dense"][0].error < result.noisy.mean)
    True
    """
    for name, value in (("seeds", seeds), ("steps", steps)):
        integer(value, name)
    positive(scale, "scale")
    chosen = standard_structures() if structures is None else structures
    runs: dict[str, list[Run]] = {structure.name: [] for structure in chosen}
    tasks = []
    for number in range(seed, seed + seeds):
        task, starts = repetition(X, noise, train, chosen, scale, number)
        tasks.append(task)
        problem = Regression(task.noisy, task.clean)
        for name, start in starts.items():
            runs[name].append(_train_one(name, number, start, problem, task, steps))
            progress()
    return Restoration(
        runs={name: tuple(found) for name, found in runs.items()},
        task=tasks[0],
        noisy=t_interval([task.noisy_error for task in tasks]),
        mean=t_interval([task.mean_error for task in tasks]),
        best_linear=t_interval([task.error(_least_squares(task)) for task in tasks]),
        steps=np.array(sorted(log_spaced_steps(steps, RECORDS))),
        settings={"noise": noise, "train": train, "seeds": seeds, "steps": steps, "scale": scale, "seed": seed},
    )


def repetition(
    X: Any, noise: float, train: int, structures: tuple[Structure, ...], scale: float, seed: int
) -> tuple[Task, dict[str, StructuredOperator]]:
    """The task and the starts of one seed, the same at every call.

    Examples
    --------
    >>> from kronmix.regularization.restoration import repetition, standard_structures
    >>> task, starts = repetition(np.ones((9, 2, 3)), 0.5, 4, standard_structures(), 0.1, seed=7)
    >>> task.noisy.shape, list(starts)[:2]
    ((6, 4), ['dense', 'Mixer'])
    """
    task_rng, *rngs = np.random.default_rng(seed).spawn(1 + len(structures))
    task = denoising_task(X, noise, train, task_rng)
    drawn = zip(structures, rngs, strict=True)
    return task, {one.name: small_start(one.draw(*task.shape, rng), scale) for one, rng in drawn}


def _train_one(name: str, seed: int, start: StructuredOperator, problem: Regression, task: Task, steps: int) -> Run:
    watch = _Watch()
    record = {key: watch.paused(function) for key, function in _records(task).items()}
    began = time.perf_counter()
    path = whole(gradient_descent(problem, start, steps=steps, record=record, records=RECORDS))
    seconds = time.perf_counter() - began - watch.seconds
    return Run(name, seed, path, task.error(path.operator), seconds)


class _Watch:
    """Adds up the time spent looking on, which is not training."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def paused(self, function: Callable[[StructuredOperator], Any]) -> Callable[[StructuredOperator], Any]:
        def timed(op: StructuredOperator) -> Any:
            began = time.perf_counter()
            value = function(op)
            self.seconds += time.perf_counter() - began
            return value

        return timed


def _records(task: Task) -> dict[str, Callable[[StructuredOperator], Any]]:
    """What is recorded along training; the dense weight is made once for all."""
    S, C = task.shape
    dense = lru_cache(maxsize=1)(lambda op: op.to_dense())
    slices = lru_cache(maxsize=1)(lambda op: slice_norms(dense(op), S, C))
    return {
        "held-out error": task.error,
        "Hoyer": lambda op: hoyer(dense(op)),
        "effective non-zeros": lambda op: effective_nonzeros(dense(op)),
        "l1 looseness": lambda op: l1_looseness(dense(op)),
        "factors": lambda op: np.concatenate([f.ravel() for f in op.factors]) if op.n_parameters <= _FILMED else (),
        "slice norms": slices,
        "slice Hoyer": lambda op: hoyer(slices(op)),
    }


def slice_norms(B: Array, S: int, C: int) -> Array:
    """Frobenius norms of the slices of any B as a Monarch matrix would cut it, shape (S, C) (T12).

    Slice (i_q, i_k) is B[(·, i_q), (i_k, ·)], of size C × S.

    Examples
    --------
    >>> from kronmix.regularization.restoration import slice_norms
    >>> op = km.Monarch(np.arange(18.0).reshape(2, 3, 3), np.ones((3, 2, 2)))
    >>> bool(np.allclose(slice_norms(op.to_dense(), 2, 3), km.sparsity_profile(op).group_norms))
    True
    """
    return np.linalg.norm(B.reshape(C, S, C, S), axis=(0, 3))


def _least_squares(task: Task) -> Dense:
    """argmin_B ‖B·noisy − clean‖_F: what dense training converges to."""
    return Dense(np.linalg.lstsq(task.noisy.T, task.clean.T, rcond=None)[0].T)
