"""A diagonal matrix beside a structured one: found, counted, bounded, and called optimal only where that is proved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.decompose import FAMILIES
from kronmix.decompose.factorization import target
from kronmix.decompose.searches.completion import complete
from kronmix.decompose.searches.hollow import Hollow, OffDiagonal
from kronmix.decompose.searches.spectra import Spectra
from tests.decompose.test_search import butterfly, noisy
from tests.decompose.test_search_planted import named
from tests.strategies import Source

DIAGONAL = [family.name for family in FAMILIES if family.name.startswith("diagonal")]
PLANTED: dict[str, Any] = {
    "diagonal + low rank 36×36, rank 3": lambda s: km.LowRank(s.array(36, 3), s.array(3, 36)),
    "diagonal + Kronecker sum (6, 6, 6, 6), rank 2": lambda s: km.SumOfKroneckers(
        [(s.array(6, 6), s.array(6, 6)) for _ in range(2)]
    ),
    "diagonal + Monarch (6, 6, 6, 6)": lambda s: km.Monarch(s.array(6, 6, 6), s.array(6, 6, 6)),
    "diagonal + Monarch (4, 4, 9, 9)": lambda s: km.Monarch(s.array(9, 4, 4), s.array(4, 9, 9)),
    "diagonal + butterfly (3, 4, 3)": lambda s: butterfly(s, 3, 4, 3),
}


def beside_a_diagonal(name: str, source: Source, noise: float = 0.0) -> tuple[Any, Any]:
    operator = PLANTED[name](source)
    scale = np.linalg.norm(operator.to_dense()) / 6
    return operator, noisy(operator.to_dense() + np.diag(scale * source.array(36)), noise, source)


@pytest.mark.parametrize("name", PLANTED)
def test_planted_sums_are_found(name: str) -> None:
    for seed, (noise, dtype) in enumerate(((0.0, np.float64), (0.05, np.complex128))):
        operator, B = beside_a_diagonal(name, Source(seed, dtype), noise)
        found = km.search(B)
        budget = operator.n_parameters + 36
        assert name in [str(row) for row in found.front]
        assert str(found.choose(budget=budget)) == name
        best = found.best(budget=budget)
        assert best.n_parameters == budget
        assert best.relative_error < max(1.05 * noise, 1e-12)
        assert found.choose(budget=budget).n_parameters == budget
        assert found.choose(budget=budget).lower_bound <= best.relative_error


@pytest.mark.parametrize("name", DIAGONAL)
def test_bounds_stay_below_whatever_the_diagonal(name: str) -> None:
    """Random diagonals, with the nearest structure beside each."""
    (family,) = (family for family in FAMILIES if family.name == name)
    plain = name.removeprefix("diagonal + ")
    for seed, structured in enumerate((False, True)):
        source = Source(seed, np.float64)
        B = source.array(12, 12)
        if structured:
            B = noisy(np.kron(source.array(3, 3), source.array(4, 4)) + np.diag(source.array(12)), 0.1, source)
        for row in km.search(B, families=[family]).candidates:
            fitted = family.fit(B, row.sizes, row.rank)
            assert fitted.lower_bound / np.linalg.norm(B) == pytest.approx(row.lower_bound, abs=1e-6)
            (inner,) = (f for f in FAMILIES if f.name == plain)
            spectra = Spectra(target(B)).derived(Hollow).derived(OffDiagonal)
            bound = next(curve for curve in inner.curves(spectra) if curve.sizes == row.sizes)
            least = bound.least2[list(bound.ranks).index(row.rank)] ** 0.5
            assert least <= row.relative_error * (1 + 1e-9)  # rows cut bounds off at the error found
            for _ in range(5):
                D = np.diag(np.diag(B) + source.array(12) * 0.3)
                other = inner.fit(B - D, row.sizes, row.rank)
                assert row.lower_bound * np.linalg.norm(B) <= other.error * (1 + 1e-9)


@pytest.mark.parametrize("name", PLANTED)
def test_bounds_of_exact_sums_are_rounding(name: str) -> None:
    _, B = beside_a_diagonal(name, Source(0, np.float64))
    spectra = Spectra(target(B)).derived(Hollow).derived(OffDiagonal)
    (inner,) = (f for f in FAMILIES if name.startswith(f"diagonal + {f.name}"))
    curves = {
        named(inner.name, curve.sizes, int(rank)): least2
        for curve in inner.curves(spectra)
        for rank, least2 in zip(curve.ranks, curve.least2, strict=True)
    }
    assert curves[name.removeprefix("diagonal + ")] < 1e-12


def test_a_sum_is_optimal_only_where_its_bound_says_so() -> None:
    """A matrix whose off-diagonal blocks are what no diagonal helps: the bound is met. A random one: it is not."""
    A = Source(0, np.float64).array(8, 8)
    B = np.block([[np.zeros((8, 8)), A], [np.zeros((8, 16))]])
    rows = km.search(B, families=["diagonal + low rank"]).candidates
    assert any(row.is_optimal for row in rows)
    assert all(row.relative_error == pytest.approx(row.lower_bound, rel=1e-8) for row in rows if row.is_optimal)
    assert not any(
        row.is_optimal for row in km.search(Source(1, np.float64).array(16, 16), families=DIAGONAL).candidates
    )


def test_a_diagonal_is_not_tried_where_there_is_none() -> None:
    assert len(km.search(Source(0, np.float64).array(6, 8), families=DIAGONAL).candidates) == 0


def test_free_entries_take_what_the_structure_has_there() -> None:
    rng = np.random.default_rng(0)
    truth = np.outer(rng.normal(size=9), rng.normal(size=7))
    at = rng.choice(63, 12, replace=False)
    free = np.unravel_index(at, truth.shape)
    given = truth.copy()
    given[free] = 0
    found = complete(given, free, lambda M: km.nearest_low_rank(M, 1).operator)
    np.testing.assert_allclose(found.dense, truth, atol=1e-12)
    assert found.error2 < 1e-26
