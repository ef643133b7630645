"""One budget shared among several matrices so that their total error is least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .front import lower_hull

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Options:
    """What one matrix can be replaced by: numbers stored, ascending, and squared errors, descending."""

    numbers: Array
    error2: Array


@dataclass(frozen=True)
class Shares:
    """A choice for every matrix.

    Attributes
    ----------
    chosen : tuple of int
        Which of its options each matrix gets.
    numbers : int
        Numbers stored, in all.
    error2 : float
        Sum of the squared errors.
    least2 : float
        No choice that stores as few numbers has a smaller sum than this (Lagrange duality).
    """

    chosen: tuple[int, ...]
    numbers: int
    error2: float
    least2: float


def share_budget(options: Sequence[Options], budget: int) -> Shares:
    """Choose for every matrix so that the squared errors add up to as little as a number of numbers allows.

    The steps between neighbouring vertices of the lower convex hulls are taken by the error that each of their numbers saves: that
    is the optimum of the Lagrangian at every multiplier. What is left of the budget then goes to single matrices.

    Raises
    ------
    ValueError
        If the smallest options together exceed the budget.

    References
    ----------
    Everett, *Generalized Lagrange multiplier method for solving problems of optimum allocation of resources*, 1963.
    """
    least = sum(int(option.numbers[0]) for option in options)
    if least > budget:
        raise ValueError(
            f"budget={budget}: the smallest candidates of the {len(options)} matrices store {least} numbers"
        )
    chosen, multiplier = [0] * len(options), np.inf
    left = budget - least
    for saving, layer, start, stop in _steps(options):
        added = int(options[layer].numbers[stop] - options[layer].numbers[start])
        multiplier = saving
        if added > left:
            break
        chosen[layer], left = stop, left - added
    else:
        multiplier = 0.0
    _spend(options, chosen, left)
    return _shares(options, chosen, multiplier, budget)


def share_tolerance(options: Sequence[Options], error2: float) -> Shares:
    """Choose as few numbers as a limit on the sum of the squared errors allows, by the same steps.

    Raises
    ------
    ValueError
        If even the nearest options miss it.
    """
    chosen = [0] * len(options)
    total = sum(float(option.error2[0]) for option in options)
    multiplier = np.inf
    for saving, layer, _, stop in _steps(options):
        if total <= error2:
            break
        total -= float(options[layer].error2[chosen[layer]] - options[layer].error2[stop])
        chosen[layer], multiplier = stop, saving
    if total > error2 * (1 + 1e-9):
        raise ValueError(f"the nearest candidates together have a squared error of {total:.3g}, above {error2:.3g}")
    numbers = sum(int(option.numbers[i]) for option, i in zip(options, chosen, strict=True))
    return _shares(options, chosen, multiplier, numbers)


def _steps(options: Sequence[Options]) -> list[tuple[float, int, int, int]]:
    """Steps along the hulls as (saving per number, matrix, from, to), the best first; along one hull savings only fall."""
    found = []
    for layer, option in enumerate(options):
        hull = lower_hull(option.numbers.astype(float), option.error2)
        for start, stop in pairwise(hull):
            saved = float(option.error2[start] - option.error2[stop])
            if saved > 0:
                found.append((saved / float(option.numbers[stop] - option.numbers[start]), layer, start, stop))
    return sorted(found, key=lambda step: -step[0])


def _spend(options: Sequence[Options], chosen: list[int], left: int) -> None:
    """Give what is left to the matrix whose error falls most, again and again."""
    while True:
        best = (0.0, 0, 0)
        for layer, option in enumerate(options):
            limit = int(option.numbers[chosen[layer]]) + left
            stop = int(np.searchsorted(option.numbers, limit, side="right")) - 1
            best = max(best, (float(option.error2[chosen[layer]] - option.error2[stop]), layer, stop))
        gain, layer, stop = best
        if gain <= 0:
            return
        left -= int(options[layer].numbers[stop] - options[layer].numbers[chosen[layer]])
        chosen[layer] = stop


def _shares(options: Sequence[Options], chosen: Sequence[int], multiplier: float, budget: int) -> Shares:
    """Totals of a choice, and the Lagrangian lower bound at this multiplier of the budget."""
    numbers = sum(int(option.numbers[i]) for option, i in zip(options, chosen, strict=True))
    error2 = sum(float(option.error2[i]) for option, i in zip(options, chosen, strict=True))
    least2 = 0.0
    if np.isfinite(multiplier):
        least2 = sum(float((option.error2 + multiplier * option.numbers).min()) for option in options)
        least2 -= multiplier * budget
    elif len(options):
        least2 = error2  # only the smallest options fit
    return Shares(tuple(chosen), numbers, error2, min(max(least2, 0.0), error2))
