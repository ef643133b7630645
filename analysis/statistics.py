"""What seeds say: numbers by seed, intervals of their mean, and comparisons decided together.

Comparisons are paired: two configurations share the random numbers of a seed, and only seeds that both have are compared. A
comparison has a smallest effect that would matter, declared in the study before anything is run. It is supported where the
difference is above zero and that effect is not excluded, not supported where that effect is excluded, and undecided otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.stats import nct as noncentral, t as student

from kronmix.intervals import Interval, t_interval

Array = np.ndarray[Any, np.dtype[np.float64]]

#: Of intervals; one-sided tests are at half of what is left.
CONFIDENCE = 0.95
_LEVEL = (1 - CONFIDENCE) / 2


class Verdict(StrEnum):
    """What the table says about the question, at the sizes of the preset."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    UNDECIDED = "undecided at this size"


@dataclass(frozen=True)
class Samples:
    """A number of every seed. Differences are taken seed by seed, over the seeds that both have.

    Attributes
    ----------
    by_seed : mapping of seed to float

    Examples
    --------
    >>> from analysis.statistics import Samples
    >>> first, second = Samples({0: 1.0, 1: 2.0, 2: 4.0}), Samples({1: 1.5, 2: 3.0, 3: 9.0})
    >>> (first - second).by_seed
    {1: 0.5, 2: 1.0}
    """

    by_seed: Mapping[int, float]

    @property
    def values(self) -> Array:
        """The numbers, in the order of their seeds."""
        return np.array([self.by_seed[seed] for seed in sorted(self.by_seed)], dtype=np.float64)

    @property
    def interval(self) -> Interval:
        """The mean over seeds, with its interval."""
        return interval_of_mean(self.values)

    def __len__(self) -> int:
        return len(self.by_seed)

    def __sub__(self, other: Samples) -> Samples:
        return Samples({s: v - other.by_seed[s] for s, v in self.by_seed.items() if s in other.by_seed})

    def __rsub__(self, number: float) -> Samples:
        return Samples({s: number - v for s, v in self.by_seed.items()})

    def __neg__(self) -> Samples:
        return 0.0 - self

    def __abs__(self) -> Samples:
        return Samples({s: abs(v) for s, v in self.by_seed.items()})


def common(samples: Iterable[Samples]) -> Array:
    """Numbers of shape (samples, seeds), over the seeds that all of them have."""
    chosen = list(samples)
    seeds = sorted(set.intersection(*(set(s.by_seed) for s in chosen)))
    return np.array([[s.by_seed[seed] for seed in seeds] for s in chosen], dtype=np.float64)


def average(samples: Iterable[Samples]) -> Samples:
    """The mean of several numbers of a seed, over the seeds that have all of them."""
    chosen = list(samples)
    seeds = sorted(set.intersection(*(set(s.by_seed) for s in chosen)))
    return Samples({seed: float(np.mean([s.by_seed[seed] for s in chosen])) for seed in seeds})


def interval_of_mean(samples: Any) -> Interval:
    """Mean along the last axis with its t interval.

    Raises
    ------
    ValueError
        If there are no samples.

    Examples
    --------
    >>> from analysis.statistics import interval_of_mean
    >>> print(interval_of_mean([1.0, 2.0, 3.0]))
    2 [-0.4841, 4.484]
    """
    if np.shape(samples)[-1] == 0:
        raise ValueError("no cells with this configuration")
    return t_interval(samples, CONFIDENCE, axis=-1)


# ---- comparisons -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """A difference, paired by seed, of which the study says that it is positive (or above a bound).

    Attributes
    ----------
    name : str
    difference : Samples
    smallest_effect : float
        The smallest difference that would matter: below it the comparison is not supported.
    above : float
        What the difference has to be above.
    """

    name: str
    difference: Samples
    smallest_effect: float
    above: float = 0.0

    def __post_init__(self) -> None:
        if not (self.smallest_effect > 0 or self.smallest_effect == self.above < 0):
            raise ValueError(f"smallest_effect={self.smallest_effect}: expected a positive number")

    @classmethod
    def no_worse(cls, name: str, difference: Samples, margin: float) -> Comparison:
        """The difference is not below −``margin``; not supported where it is."""
        return cls(name, difference, -margin, -margin)

    @property
    def distance(self) -> float:
        """Distance from the bound to the effect that is to be found, or to no difference for ``no_worse``."""
        return self.smallest_effect - self.above or -self.above

    @property
    def criterion(self) -> str:
        """What counts, in words."""
        if self.above < 0:
            return f"a loss of {-self.above:g} counts"
        return f"smallest effect that counts {self.smallest_effect:g}"


@dataclass(frozen=True)
class Compared:
    """A comparison beside the others of its study.

    Attributes
    ----------
    comparison : Comparison
    p_positive : float
        Of the hypothesis that the difference is not above its bound; one-sided, Holm's correction.
    p_smaller : float
        Of the hypothesis that the difference is at least the smallest effect; one-sided, Holm's correction.
    """

    comparison: Comparison
    p_positive: float
    p_smaller: float

    @property
    def verdict(self) -> Verdict:
        """The verdict of this comparison alone."""
        if self.p_smaller < _LEVEL:
            return Verdict.NOT_SUPPORTED
        return Verdict.SUPPORTED if self.p_positive < _LEVEL else Verdict.UNDECIDED

    def __str__(self) -> str:
        difference = self.comparison.difference
        found = str(difference.interval) if len(difference) else "of nothing"
        pairs = f"{len(difference)} pair{'s' * (len(difference) != 1)}"
        return f"{self.comparison.name} {found} ({pairs}, p = {self.p_positive:.2g})"


@dataclass(frozen=True)
class Outcome:
    """A verdict and the sentence with the numbers it rests on.

    Attributes
    ----------
    verdict : Verdict
    words : str
    tests : tuple of Compared
        The comparisons it rests on, where it rests on comparisons.
    """

    verdict: Verdict
    words: str
    tests: tuple[Compared, ...] = ()

    def __str__(self) -> str:
        return f"{self.verdict}: {self.words}"


def compare(comparisons: Sequence[Comparison]) -> list[Compared]:
    """Test all comparisons of a study together (Holm 1979).

    Examples
    --------
    >>> from analysis.statistics import Comparison, Samples, compare
    >>> [found] = compare([Comparison("gain", Samples({0: 1.0, 1: 1.2, 2: 0.9}), smallest_effect=0.5)])
    >>> print(found, found.verdict.value)
    gain 1.033 [0.6539, 1.413] (3 pairs, p = 0.0036) supported
    """
    values = [c.difference.values for c in comparisons]
    positive = holm([_p_above(x, c.above) for x, c in zip(values, comparisons, strict=True)])
    smaller = holm([_p_above(-x, -c.smallest_effect) for x, c in zip(values, comparisons, strict=True)])
    return [Compared(c, float(p), float(q)) for c, p, q in zip(comparisons, positive, smaller, strict=True)]


def decide_together(comparisons: Sequence[Comparison], words: str = "", beside: Sequence[Comparison] = ()) -> Outcome:
    """Supported where every comparison is, not supported where one is not, otherwise undecided.

    Those ``beside`` are tested together and told, and do not decide.
    """
    found, told = compare(comparisons), compare(beside)
    criteria = "; ".join(dict.fromkeys(c.criterion for c in comparisons))
    tests = "; ".join([*map(str, found), criteria]) + (f"; also: {'; '.join(map(str, told))}" if told else "")
    return Outcome(all_of([one.verdict for one in found]), f"{words}: {tests}" if words else tests, tuple(found))


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a statement that holds where each of these does."""
    if Verdict.NOT_SUPPORTED in verdicts:
        return Verdict.NOT_SUPPORTED
    return Verdict.UNDECIDED if Verdict.UNDECIDED in verdicts or not verdicts else Verdict.SUPPORTED


def holm(p_values: Sequence[float]) -> Array:
    """Holm's step-down correction: p-values that may each be compared with the level.

    Examples
    --------
    >>> from analysis.statistics import holm
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


def power(deviation: float, effect: float, pairs: int, tests: int = 1) -> float:
    """Probability that a difference of ``effect`` is found, with Bonferroni's correction, which is never below Holm's.

    Parameters
    ----------
    deviation : float
        Standard deviation of one paired difference.
    effect : float
        Distance of the true mean from the bound that is tested.
    pairs, tests : int
        Seeds, and comparisons of the study.

    Examples
    --------
    >>> from analysis.statistics import power
    >>> [round(power(deviation=1.0, effect=1.0, pairs=n), 2) for n in (5, 10, 20)]
    [0.4, 0.8, 0.99]
    """
    if pairs < 2:
        return 0.0
    if deviation == 0:
        return 1.0
    least = student.ppf(1 - _LEVEL / tests, pairs - 1)
    return float(noncentral.sf(least, pairs - 1, effect * pairs**0.5 / deviation))


def _p_above(x: Array, bound: float) -> float:
    """One-sided t test of the hypothesis that the mean is at most ``bound``; 1 where nothing can be said."""
    if len(x) < 2 or not np.isfinite(x).all():
        return 1.0
    distance, error = float(x.mean()) - bound, float(x.std(ddof=1)) / len(x) ** 0.5
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(student.sf(distance / error, len(x) - 1))
