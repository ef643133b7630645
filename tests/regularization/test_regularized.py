"""What the page says about regularisation, against its definitions."""

from __future__ import annotations

import numpy as np
import pytest

import kronmix as km
from kronmix.regularization.regularized import LARGEST_PATH, study_regularization
from kronmix.regularization.restoration import restore


@pytest.fixture(scope="module")
def result() -> object:
    return restore(km.datasets.digits()[0], train=150, seeds=1, steps=200)


@pytest.mark.slow
def test_factors_pay_at_least_the_penalty_and_little_more(result: object) -> None:
    found = study_regularization(result)
    assert [row.structure for row in found.penalties] == list(result.runs)
    for row in found.penalties:
        op = result.first(row.structure)
        assert row.paid == pytest.approx(0.5 * sum(np.sum(f**2) for f in op.factors))
        assert row.induced == pytest.approx(km.induced_penalty(op).value)
        assert row.induced <= row.paid * (1 + 1e-12) < 1.1 * row.induced


@pytest.mark.slow
def test_drift_halves_with_the_step(result: object) -> None:
    found = study_regularization(result)
    assert found.slope == pytest.approx(1, abs=0.1)
    ends = [run.times[-1] for run in found.drift.values()]
    assert np.ptp(ends) < 1e-9 * max(ends)
    assert all(run.step_size == step for step, run in found.drift.items())


@pytest.mark.slow
def test_path_follows_the_group_penalty_where_weights_are_few(result: object) -> None:
    path = study_regularization(result).path
    assert path is not None
    assert path.distance is not None
    assert path.distance[0] < 1e-3
    assert len(path.parameter) == 10


def test_wide_weights_have_no_path() -> None:
    X = np.random.default_rng(0).normal(size=(40, 13, 10))
    assert 13 * 10 > LARGEST_PATH
    assert study_regularization(restore(X, train=20, seeds=1, steps=5)).path is None
