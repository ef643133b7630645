"""Bounds that hold for every order of rows and columns: errors of pairs against all divisions, bounds against all orders."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations as orders, product
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.decompose.permutations_bounds import Grouping, _pair_errors, least_distance2
from tests.decompose.test_permutations import rotations, shuffled

PAIRS = [Grouping(2, 2)]


def cheapest(x: Any, y: Any) -> float:
    """Over all ways to divide the columns in two: what two lines leave."""
    best = np.inf
    for sides in product((False, True), repeat=len(x)):
        group = np.array(sides)
        left = (np.linalg.svd(np.array([x, y])[:, side], compute_uv=False)[1:] for side in (group, ~group))
        best = min(best, sum(float((values**2).sum()) for values in left))
    return best


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_errors_of_pairs_are_the_least_of_all_divisions(n: int) -> None:
    rng = np.random.default_rng(n)
    B = np.vstack([rng.normal(size=(3, n)), rng.integers(-1, 2, size=(3, n))])
    errors = _pair_errors(B)
    for i, j in np.ndindex(errors.shape):
        assert errors[i, j] == pytest.approx(cheapest(B[i], B[j]) if i != j else 0.0, abs=1e-12)


def test_no_order_goes_below_the_bound() -> None:
    rng = np.random.default_rng(0)
    for B in (rng.normal(size=(4, 4)), rotations(1, 4) + np.eye(4)):
        bound = least_distance2(B, PAIRS, PAIRS) ** 0.5
        found = [
            km.nearest_chain(B[list(rows)][:, list(columns)], km.butterfly_patterns(4)).error
            for rows in orders(range(4))
            for columns in orders(range(4))
        ]
        assert bound <= min(found) + 1e-12
        assert bound >= 0.4 * min(found)


def test_groups_of_three_rows_share_their_pairs_errors() -> None:
    rng = np.random.default_rng(1)
    B = rng.normal(size=(6, 8))
    bound = least_distance2(B, [Grouping(3, 2)], []) ** 0.5
    groups = ((first, tuple(set(range(6)) - set(first))) for first in combinations(range(6), 3))
    found = [km.nearest_monarch(B[np.array(rows).T.ravel()], (3, 2, 2, 4)).error for rows in groups]
    assert 0 < bound <= min(found)


def test_a_wide_matrix_is_bounded_from_part_of_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    B = np.random.default_rng(2).normal(size=(6, 40))
    whole = least_distance2(B, PAIRS, [])
    monkeypatch.setattr("kronmix.decompose.permutations_bounds._ENTRIES", 15 * 10)
    assert 0 < least_distance2(B, PAIRS, []) == least_distance2(B[:, :10], PAIRS, []) < whole


def test_where_none_is_known_it_is_0() -> None:
    B = np.random.default_rng(3).normal(size=(6, 6))
    assert least_distance2(B + 1j * B.T, PAIRS, PAIRS) == 0
    assert least_distance2(B, [Grouping(2, 3), Grouping(1, 2)], []) == 0


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_permuted_butterfly_has_a_bound_for_all_orders(noise: float) -> None:
    _, B = shuffled(rotations(0, 8), 1, noise)
    found = km.find_permutations(B, 8, "butterfly").factorization
    assert bool(found.lower_bound > 0.3 * found.error) == bool(noise)
    assert found.lower_bound <= found.error
    assert ("no bound above 0" in repr(found)) == (not noise)


def test_a_table_says_where_no_bound_is_proved() -> None:
    found = km.search(np.random.default_rng(4).normal(size=(4, 4)))
    row = replace(found.front[0], lower_bound=0.0, is_optimal=False)
    unknown = replace(found, front=(row,), baseline=(1.0,))
    assert unknown.lines()[0].cells[4] == "no bound"
    assert "no lower bound above 0 is proved" in unknown.answer()
