"""Intervals cover what they say; comparisons are paired by seed, corrected, and decided by effects declared before."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.statistics import Comparison, Samples, Verdict, common, compare, decide_together, holm, interval_of_mean
from analysis.study import Cell, Table


@pytest.mark.parametrize("n", [4, 5, 10])
def test_intervals_cover_the_mean(n: int) -> None:
    """A percentile bootstrap covers 80, 85 and 91 % here."""
    found = interval_of_mean(np.random.default_rng(0).normal(size=(20_000, n)))
    assert 0.93 < np.mean((found.low <= 0) & (found.high >= 0)) < 0.97


def test_where_there_is_no_interval() -> None:
    one = interval_of_mean([2.0])
    assert one.mean == 2
    assert np.isnan(one.low)
    assert str(one) == "2"
    diverged = interval_of_mean([1.0, np.inf])
    assert diverged.mean == np.inf
    assert type(interval_of_mean([1.0, 2.0]).low) is float
    assert np.isnan(diverged.high)
    assert str(interval_of_mean([2.0, 2.0])) == "2"
    with pytest.raises(ValueError, match="no cells with this configuration"):
        interval_of_mean([])


def drawn(rng: np.random.Generator, seeds: int, mean: float = 0.0) -> Samples:
    return Samples(dict(enumerate(mean + rng.normal(size=seeds))))


def test_differences_are_taken_by_seed() -> None:
    first, second = Samples({0: 1.0, 1: 0.98, 2: 0.96}), Samples({3: 0.94, 2: 0.96, 1: 0.98})
    assert (first - second).by_seed == {1: 0.0, 2: 0.0}
    np.testing.assert_array_equal(common([second, first]), [[0.98, 0.96], [0.98, 0.96]])
    [found] = compare([Comparison("none", first - second, 0.01)])
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert "(2 pairs" in str(found)
    nothing = decide_together([Comparison("none", first - Samples({7: 1.0}), 0.01)])
    assert nothing.verdict is Verdict.UNDECIDED
    assert "(0 pairs" in nothing.words


def test_a_table_gives_one_configuration() -> None:
    cells = (Cell({"a": 1, "b": 1}, 0, {"x": 1.0}), Cell({"a": 1, "b": 2}, 0, {"x": 2.0}))
    assert Table(cells).samples("x", b=2).by_seed == {0: 2.0}
    with pytest.raises(ValueError, match="several configurations"):
        Table(cells).samples("x", a=1)


@pytest.mark.slow
def test_holm_keeps_the_level_over_a_study() -> None:
    """Of six comparisons without an effect, one is found above zero in at most 2.5 % of the studies; uncorrected in 14 %."""
    rng = np.random.default_rng(1)
    found = [
        min(c.p_positive for c in compare([Comparison("", drawn(rng, 5), 1.0) for _ in range(6)])) < 0.025
        for _ in range(1000)
    ]
    assert 0.01 < np.mean(found) < 0.04
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.005]), [0.06, 0.03, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((1.0, 1.1, 0.9), Verdict.SUPPORTED),
        ((-1.0, -1.1, -0.9), Verdict.NOT_SUPPORTED),
        ((-1.0, 1.1, -0.1), Verdict.UNDECIDED),
        ((0.010, 0.011, 0.009), Verdict.NOT_SUPPORTED),  # above zero, and smaller than what counts
        ((1.0, np.inf, 1.0), Verdict.UNDECIDED),
        ((1.0,), Verdict.UNDECIDED),
        ((1.0, 1.0), Verdict.SUPPORTED),
    ],
)
def test_verdicts(values: tuple[float, ...], verdict: Verdict) -> None:
    outcome = decide_together([Comparison("up", Samples(dict(enumerate(values))), 0.1)])
    assert outcome.verdict is verdict
    assert "smallest effect that counts 0.1" in outcome.words


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((-0.005, -0.006, -0.004), Verdict.SUPPORTED),
        ((-0.05, -0.06, -0.055), Verdict.NOT_SUPPORTED),
        ((-0.05, 0.05, 0.0), Verdict.UNDECIDED),
    ],
)
def test_no_worse(values: tuple[float, ...], verdict: Verdict) -> None:
    outcome = decide_together([Comparison.no_worse("kept", Samples(dict(enumerate(values))), 0.02)])
    assert outcome.verdict is verdict
    assert "a loss of 0.02 counts" in outcome.words


@pytest.mark.parametrize("effect", [0.0, -1.0, float("nan")])
def test_an_effect_is_declared(effect: float) -> None:
    with pytest.raises(ValueError, match=r"smallest_effect=.*: expected a positive number"):
        Comparison("", Samples({}), effect)
