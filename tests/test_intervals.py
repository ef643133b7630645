"""Estimates with their intervals."""

from __future__ import annotations

import numpy as np

from kronmix.intervals import Interval


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
