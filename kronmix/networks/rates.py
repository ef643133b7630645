"""The learning rate that data held back find best, on a grid whose ends are not chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Generic, TypeVar

Result = TypeVar("Result")

#: Factor between neighboring rates, and how many of them lie on either side of the middle, at most.
_FACTOR, _GROWTH = 3.0, 4


@dataclass(frozen=True)
class ChosenRate(Generic[Result]):
    """The best rate and what training at it gave.

    Attributes
    ----------
    rate : float
    score : float
        The least; inf where every training diverged.
    result : object
    """

    rate: float
    score: float
    result: Result


def choose_rate(train: Callable[[float], tuple[float, Result]], middle: float) -> ChosenRate[Result]:
    """Train at a third of, once and three times a rate, and on where the best is at an end.

    Parameters
    ----------
    train : function of the rate -> (score, result)
        The score is that of data which neither train nor judge; the least is best.
    middle : float

    Examples
    --------
    >>> from kronmix.networks.rates import choose_rate
    >>> choose_rate(lambda rate: (abs(rate - 0.2), f"at {rate:.2g}"), middle=1.0).result
    'at 0.11'
    >>> choose_rate(lambda rate: (rate, "less is better"), middle=1.0).rate * 3**4
    1.0
    """
    trained: dict[int, tuple[float, Result]] = {}

    def score(power: int) -> float:
        trained[power] = train(middle * _FACTOR**power)
        return trained[power][0]

    best = min((-1, 0, 1), key=score)
    while best in (min(trained), max(trained)) and abs(best) < _GROWTH:
        step = 1 if best > 0 else -1
        if score(best + step) >= trained[best][0]:
            break
        best += step
    found, result = trained[best]
    return ChosenRate(middle * _FACTOR**best, found, result)


def is_end(rate: float, middle: float) -> bool:
    """Whether the grid around ``middle`` ended at the rate that was chosen: a better one may lie beyond.

    Examples
    --------
    >>> from kronmix.networks.rates import is_end
    >>> is_end(3.0**4, 1.0), is_end(3.0**3, 1.0)
    (True, False)
    """
    return abs(log(rate / middle)) > (_GROWTH - 0.5) * log(_FACTOR)
