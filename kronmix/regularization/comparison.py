"""Structures against ridge, early-stopped dense and low rank on the same splits: what a structure is worth on held-out data.

Everything is chosen without the held-out columns. A structure, and the dense weight, is stopped where its error on a fifth of the
training columns is least, and trained again on all of them for that time. Ridge and low rank have closed forms; their λ and rank
are chosen by five-fold cross-validation. The structure that is compared is the one with the smallest validation error among those
that fit the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..intervals import Interval, t_interval
from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..progress import whole
from .descent import gradient_descent
from .problems import Regression
from .training_path import TrainingPath

#: Ridge parameters tried, over the largest eigenvalue of XXᵀ.
_GRID = np.geomspace(1e-6, 10.0, 25)
_FOLDS = 5
#: Share of the training columns on which a run is stopped.
_VALIDATION = 0.2
#: How often a run is looked at, at most.
_RECORDS = 60
#: Ranks at which low rank is drawn, at most.
_RANKS = 12


@dataclass(frozen=True)
class Split:
    """Columns to train on and columns held out, both minus the training means: inputs X, targets Y ≈ B X."""

    X: Array
    Y: Array
    held_X: Array
    held_Y: Array

    def error(self, B: Any) -> float:
        """Mean squared error of Y ≈ B X on the held-out columns."""
        return float(np.mean((B @ self.held_X - self.held_Y) ** 2))


@dataclass(frozen=True)
class Contender:
    """One way to fit, on every split.

    Attributes
    ----------
    name : str
    numbers : int
        Stored.
    errors, validation : tuple of float
        Mean squared errors, split by split: on the held-out columns, and on those that chose where to stop.
    """

    name: str
    numbers: int
    errors: tuple[float, ...]
    validation: tuple[float, ...]

    @property
    def error(self) -> Interval:
        """Error on the held-out columns, with its 95 % t interval over the splits."""
        return t_interval(self.errors)


@dataclass(frozen=True)
class Difference:
    """Error of a baseline minus that of the structure, paired by split; positive where the structure is better."""

    baseline: Contender
    interval: Interval

    @property
    def verdict(self) -> str:
        """ "lower", "higher" or "not separated": the structure's error against the baseline's."""
        if self.interval.low > 0:
            return "lower"
        return "higher" if self.interval.high < 0 else "not separated"


@dataclass(frozen=True)
class Comparison:
    """All structures and baselines on the same splits.

    Attributes
    ----------
    structures : tuple of Contender
        Trained by descent on their factors.
    ridge, dense : Contender
        Cross-validated, and stopped early.
    low_rank : tuple of Contender
        By rank.
    chosen_low_rank : Contender or None
        Rank and λ cross-validated within the budget; None where no rank fits it.
    budget : int
        Numbers stored, at most, by the structure and the low rank that are compared.
    """

    structures: tuple[Contender, ...]
    ridge: Contender
    dense: Contender
    low_rank: tuple[Contender, ...]
    chosen_low_rank: Contender | None
    budget: int

    @property
    def best(self) -> Contender | None:
        """The structure within the budget with the smallest validation error; None where none is so small."""
        within = [one for one in self.structures if one.numbers <= self.budget]
        return min(within, key=lambda one: float(np.mean(one.validation)), default=None)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Differences of the best structure from each baseline; the intervals hold together with 95 % (Bonferroni)."""
        best = self.best
        baselines = [one for one in (self.ridge, self.dense, self.chosen_low_rank) if one is not None]
        return () if best is None else differences_from(best, baselines)


def differences_from(one: Contender, baselines: Sequence[Contender]) -> tuple[Difference, ...]:
    """Errors of the baselines minus that of ``one``, paired; the intervals hold together with 95 % (Bonferroni).

    Examples
    --------
    >>> from kronmix.regularization.comparison import Contender, differences_from
    >>> better, worse = Contender("better", 5, (1.0, 2.0, 3.0), ()), Contender("worse", 5, (2.0, 3.1, 3.9), ())
    >>> [(str(found.interval), found.verdict) for found in differences_from(better, [worse])]
    [('1 [0.7516, 1.248]', 'lower')]
    """
    confidence = 1 - 0.05 / len(baselines)
    return tuple(
        Difference(other, t_interval(np.subtract(other.errors, one.errors), confidence)) for other in baselines
    )


def compare(
    splits: Sequence[Split],
    starts: Mapping[str, Sequence[StructuredOperator]],
    trained: Mapping[str, Sequence[TrainingPath]] | None = None,
    extra: Sequence[Contender] = (),
    budget: int | None = None,
    steps: int = 1000,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Comparison:
    """Fit all structures and baselines on every split.

    Parameters
    ----------
    splits : sequence of Split
    starts : mapping of name to sequence of StructuredOperator
        Initial weights, one for each split; "dense" must be among them.
    trained : mapping of name to sequence of TrainingPath, optional
        Runs from these starts on all training columns that recorded "held-out error", where there are such already.
    extra : sequence of Contender
        Structures that were fitted elsewhere, on the same splits.
    budget : int, optional
        Default a quarter of the numbers of the dense weight.
    steps : int
        Of gradient descent, at most.
    seed : int
        Of the choice of validation columns and folds.
    progress : function
        Called after each structure on each split.

    Examples
    --------
    >>> from kronmix.regularization.comparison import Split, compare
    >>> rng = np.random.default_rng(0)
    >>> B = np.kron(rng.normal(size=(4, 4)), rng.normal(size=(4, 4)))
    >>> def split():
    ...     X = rng.normal(size=(16, 120))
    ...     Y = B @ X + 3 * rng.normal(size=X.shape)
    ...     return Split(X[:, :20], Y[:, :20], X[:, 20:], Y[:, 20:])
    >>> small = lambda *sizes: 0.3 * rng.normal(size=sizes)
    >>> starts = {"dense": [km.Dense(small(16, 16))] * 5, "Kronecker": [km.Kronecker(small(4, 4), small(4, 4))] * 5}
    >>> found = compare([split() for _ in range(5)], starts, steps=300)
    >>> found.best.name, [difference.verdict for difference in found.differences]
    ('Kronecker', ['lower', 'lower', 'lower'])
    """
    size = splits[0].Y.shape[0] * splits[0].X.shape[0]
    limit = size // 4 if budget is None else budget
    errors: dict[str, list[tuple[float, float]]] = {name: [] for name in starts}
    closed: list[_Closed] = []
    for i, split in enumerate(splits):
        rng = np.random.default_rng([seed, i])
        part = _without_a_fifth(split, rng)
        for name, ops in starts.items():
            on_all = _train_on_all(split, ops[i], steps) if trained is None else trained[name][i]
            errors[name].append(_stopped_early(part, ops[i], steps, whole(on_all)))
            progress()
        closed.append(_Closed.of(split, rng, limit))
    contenders = {
        name: Contender(name, starts[name][0].n_parameters, *zip(*found, strict=True)) for name, found in errors.items()
    }
    dense = contenders.pop("dense")
    ridge = Contender("ridge", size, tuple(one.ridge for one in closed), ())
    return Comparison(
        tuple(one for one in (*contenders.values(), *extra) if one.numbers < size),
        ridge,
        Contender("early-stopped dense", dense.numbers, dense.errors, dense.validation),
        _by_rank(closed, sum(splits[0].Y.shape[:1] + splits[0].X.shape[:1]), size),
        None
        if closed[0].chosen is None
        else Contender(
            "low rank", max(one.numbers for one in closed), tuple(float(one.chosen or 0.0) for one in closed), ()
        ),
        limit,
    )


def _without_a_fifth(split: Split, rng: np.random.Generator) -> Split:
    """The training columns, a fifth of them held out."""
    n = split.X.shape[1]
    order = rng.permutation(n)
    held = order[: max(1, round(_VALIDATION * n))]
    rest = order[len(held) :]
    return Split(split.X[:, rest], split.Y[:, rest], split.X[:, held], split.Y[:, held])


def _train_on_all(split: Split, start: StructuredOperator, steps: int) -> TrainingPath:
    record = {"held-out error": split.error}
    return gradient_descent(Regression(split.X, split.Y), start, steps=steps, record=record, records=_RECORDS)


def _stopped_early(part: Split, start: StructuredOperator, steps: int, on_all: TrainingPath) -> tuple[float, float]:
    """Held-out error at the time that the validation columns choose, and the validation error there."""
    record = {"error": part.error}
    first = whole(gradient_descent(Regression(part.X, part.Y), start, steps=steps, record=record, records=_RECORDS))
    at = int(np.argmin(first.recorded["error"]))
    same_time = int(np.argmin(np.abs(on_all.times - first.times[at])))
    return float(on_all.recorded["held-out error"][same_time]), float(first.recorded["error"][at])


@dataclass(frozen=True)
class _Closed:
    """Held-out errors of the closed forms on one split."""

    ridge: float
    by_rank: Array
    chosen: float | None
    numbers: int

    @classmethod
    def of(cls, split: Split, rng: np.random.Generator, budget: int) -> _Closed:
        q, p = split.Y.shape[0], split.X.shape[0]
        n = split.X.shape[1]
        folds = np.array_split(rng.permutation(n), min(_FOLDS, n))
        # validation error of (λ, rank), rank 0 first and full rank last
        total = sum(_errors_on_fold(split.X, split.Y, fold) * len(fold) for fold in folds)
        scores = np.asarray(total) / n
        held = _errors_of(split.X, split.Y, split.held_X, split.held_Y)
        λ = int(np.argmin(scores[:, -1]))
        best_λ = np.argmin(scores, axis=0)
        by_rank = held[best_λ, np.arange(held.shape[1])]
        largest = min(budget // (p + q), held.shape[1] - 1)
        if largest < 1:
            return cls(float(held[λ, -1]), by_rank, None, 0)
        r = 1 + int(np.argmin(scores[best_λ, np.arange(scores.shape[1])][1 : largest + 1]))
        return cls(float(held[λ, -1]), by_rank, float(by_rank[r]), r * (p + q))


def _errors_on_fold(X: Array, Y: Array, fold: Array) -> Array:
    rest = np.setdiff1d(np.arange(X.shape[1]), fold)
    return _errors_of(X[:, rest], Y[:, rest], X[:, fold], Y[:, fold])


def _errors_of(X: Array, Y: Array, held_X: Array, held_Y: Array) -> Array:
    """Errors on other columns of reduced-rank ridge, by λ and rank 0 … full: B_λ behind the projection on its first fits."""
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    YV, XU = Y @ Vt.T, U.T @ held_X
    full = min(Y.shape[0], X.shape[0])
    found = np.empty((len(_GRID), full + 1))
    for i, λ in enumerate(_GRID * s[0] ** 2):
        # fitted values of the augmented problem: Y V s / √(s² + λ), whose left singular vectors are the projection
        left = np.linalg.svd(YV * (s / np.sqrt(s**2 + λ)), full_matrices=False)[0]
        predicted, wanted = left.T @ (YV * (s / (s**2 + λ))) @ XU, left.T @ held_Y
        gain = np.cumsum(np.sum(predicted**2 - 2 * predicted * wanted, axis=1))
        errors = np.sum(held_Y**2) + np.concatenate([[0.0], gain])
        found[i] = np.concatenate([errors, np.full(full + 1, errors[-1])])[: full + 1] / held_Y.size
    return found


def _by_rank(closed: Sequence[_Closed], numbers: int, size: int) -> tuple[Contender, ...]:
    """A contender for some ranks, as long as they store fewer numbers than the dense weight."""
    most = min((size - 1) // numbers, len(closed[0].by_rank) - 1)
    ranks = np.unique(np.geomspace(1, max(most, 1), _RANKS).round().astype(int))[: max(most, 0)]
    return tuple(
        Contender(f"rank {r}", int(r) * numbers, tuple(float(one.by_rank[r]) for one in closed), ()) for r in ranks
    )
