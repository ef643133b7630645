"""Estimates with their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kronmix.intervals import Interval, t_interval


def test_ends_half_width_and_words() -> None:
    found = Interval.around(2.0, 0.5)
    assert (found.value, found.mean, found.low, found.high, found.half_width, found.confidence) == (
        2,
        2,
        1.5,
        2.5,
        0.5,
        0.95,
    )
    assert 1.5 in found
    assert 2.6 not in found
    assert str(found) == "2 [1.5, 2.5]"
    assert str(Interval(2.0, 2.0, 2.0)) == "2"
    assert np.isnan(Interval.around(2.0, np.nan).half_width)
    assert 2.0 not in Interval.around(2.0, np.nan)
    assert str(Interval.around(2.0, np.nan)) == "2"


def test_curves() -> None:
    found = Interval(np.arange(3.0), np.arange(3.0) - 1, np.arange(3.0) + 3)
    np.testing.assert_array_equal(found.half_width, [2, 2, 2])


@pytest.mark.parametrize("axis", [0, 1])
def test_t_intervals_are_student_s_along_an_axis(axis: int) -> None:
    samples = np.random.default_rng(0).normal(size=(7, 5))
    n, mean, error = samples.shape[axis], samples.mean(axis=axis), stats.sem(samples, axis=axis)
    found = t_interval(samples, 0.9, axis)
    np.testing.assert_allclose([found.low, found.high], stats.t.interval(0.9, n - 1, loc=mean, scale=error))
    assert found.confidence == 0.9


def test_t_intervals_of_one_sample_or_of_what_diverged_have_no_ends() -> None:
    for samples in ([1.0], [1.0, np.inf], [1.0, np.nan]):
        assert np.isnan(t_interval(samples).half_width)
    curves = t_interval(np.array([[1.0, np.inf], [2.0, 3.0]]))
    assert np.isfinite(curves.low[0])
    assert np.isnan(curves.low[1])
