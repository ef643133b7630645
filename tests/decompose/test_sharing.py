"""Budgets shared among matrices: against all choices, with the Lagrangian's bound."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import numpy as np
import pytest

from kronmix.decompose.searches.sharing import Options, share_budget, share_tolerance


def random_options(rng: np.random.Generator) -> Options:
    count = int(rng.integers(1, 6))
    numbers = np.sort(rng.choice(np.arange(1, 40), count, replace=False))
    return Options(numbers, np.sort(rng.random(count))[::-1] * rng.choice([1, 10]))


def all_choices(options: list[Options]) -> list[tuple[int, float]]:
    return [
        (
            sum(int(o.numbers[i]) for o, i in zip(options, chosen, strict=True)),
            sum(float(o.error2[i]) for o, i in zip(options, chosen, strict=True)),
        )
        for chosen in product(*(range(len(o.numbers)) for o in options))
    ]


def test_budgets_are_kept_and_bounds_hold() -> None:
    rng = np.random.default_rng(0)
    nearest = 0
    for _ in range(60):
        options = [random_options(rng) for _ in range(4)]
        choices = all_choices(options)
        least = min(n for n, _ in choices)
        for budget in (least, least + 7, least + 30, 1000):
            shares = share_budget(options, budget)
            best = min(e for n, e in choices if n <= budget)
            assert shares.numbers <= budget
            assert (shares.numbers, pytest.approx(shares.error2)) in choices
            assert shares.least2 <= best * (1 + 1e-12) + 1e-12
            assert shares.error2 >= best * (1 - 1e-12)
            nearest += shares.error2 <= best * (1 + 1e-12)
        limit = float(np.median([e for _, e in choices]))
        within = share_tolerance(options, limit)
        assert within.error2 <= limit * (1 + 1e-9)
        assert within.least2 <= min(e for n, e in choices if n <= within.numbers) * (1 + 1e-12)
    assert nearest > 150  # of 240: the budget's last numbers make a knapsack of it


def test_convex_fronts_are_shared_exactly_where_a_step_ends() -> None:
    options = [Options(np.arange(1, 6), c * 0.5 ** np.arange(5)) for c in (1.0, 8.0)]
    for budget in range(2, 11):
        shares = share_budget(options, budget)
        best = min(e for n, e in all_choices(options) if n <= budget)
        assert shares.error2 == pytest.approx(best)
        assert shares.least2 == pytest.approx(best)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (
            lambda options: share_budget(options, 1),
            "budget=1: the smallest candidates of the 2 matrices store 2 numbers",
        ),
        (lambda options: share_tolerance(options, 0.1), "squared error of 0.4, above 0.1"),
    ],
)
def test_what_cannot_be_shared(share: Any, words: str) -> None:
    options = [Options(np.array([1, 5]), np.array([1.0, 0.2]))] * 2
    with pytest.raises(ValueError, match=re.escape(words)):
        share(options)
