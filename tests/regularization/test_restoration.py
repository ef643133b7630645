"""The experiment of the report: a fair start, an honest split, and the closed form where there is one."""

from __future__ import annotations

import numpy as np
import pytest

import kronmix as km
from kronmix.regularization.restoration import (
    Structure,
    denoising_task,
    restore,
    slice_norms,
    small_start,
    standard_structures,
)

DIGITS = km.datasets.digits()[0]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_split_is_a_partition_and_the_mean_comes_from_training_images_only() -> None:
    X = rng(1).normal(size=(20, 3, 4))
    task = denoising_task(X, noise=0.1, train=8, rng=rng())
    together = np.concatenate([task.clean, task.held_clean], axis=1) + task.mean[:, None]
    expected = np.array([km.vec(x) for x in X])
    assert sorted(map(tuple, np.round(together.T, 9))) == sorted(map(tuple, np.round(expected, 9)))
    np.testing.assert_allclose(task.clean.mean(axis=1), 0, atol=1e-12)
    assert np.abs(task.held_clean.mean(axis=1)).max() > 0.01


def test_noise_has_the_size_asked_for() -> None:
    task = denoising_task(DIGITS, noise=0.5, train=300, rng=rng())
    assert task.noisy_error == pytest.approx(0.25, rel=0.02)
    assert denoising_task(DIGITS, noise=0.0, train=300, rng=rng()).noisy_error == 0.0


@pytest.mark.parametrize("structure", standard_structures(), ids=lambda s: s.name)
def test_every_structure_starts_at_the_same_distance(structure: Structure) -> None:
    start = small_start(structure.draw(6, 4, rng()), 0.03)
    assert start.shape == (24, 24)
    assert np.linalg.norm(start.to_dense()) == pytest.approx(0.03, rel=1e-12)


@pytest.mark.slow
def test_dense_training_reaches_least_squares_and_the_mixer_does_not_beat_it_on_training_images() -> None:
    result = restore(DIGITS, seeds=2, steps=600)
    assert result.final("dense", lambda run: run.error).mean == pytest.approx(result.best_linear.mean, rel=1e-6)
    losses = {name: runs[0].path.losses[-1] for name, runs in result.runs.items()}
    assert min(losses, key=lambda name: losses[name]) == "dense"
    assert losses["two-block Mixer"] == pytest.approx(losses["Mixer"], rel=1e-2)
    assert all(run.error < result.noisy.mean for runs in result.runs.values() for run in runs)


def test_records_match_steps_and_the_final_operator() -> None:
    result = restore(DIGITS, seeds=2, steps=40)
    for name, runs in result.runs.items():
        for run in runs:
            assert run.path.losses.shape == result.steps.shape
            assert run.path.recorded["held-out error"][-1] == run.error
            profile = km.sparsity_profile(run.operator)
            assert run.path.recorded["Hoyer"][-1] == pytest.approx(profile.hoyer, abs=1e-9)
            if profile.group_norms is not None:
                np.testing.assert_allclose(run.path.recorded["slice norms"][-1], profile.group_norms, rtol=1e-9)
        assert result.curve(name, "Hoyer").mean.shape == result.steps.shape


def test_same_seed_same_numbers_other_seed_others() -> None:
    one, two, other = (restore(DIGITS, seeds=1, steps=20, seed=s) for s in (3, 3, 4))
    for name in one.runs:
        assert one.runs[name][0].error == two.runs[name][0].error != other.runs[name][0].error


def test_progress_is_told_of_every_run() -> None:
    calls: list[None] = []
    restore(DIGITS, seeds=2, steps=1, progress=lambda: calls.append(None))
    assert len(calls) == 2 * len(standard_structures())


def test_slices_of_a_dense_matrix_are_those_of_the_monarch() -> None:
    op = km.Monarch(rng().normal(size=(3, 5, 5)), rng(1).normal(size=(5, 3, 3)))
    np.testing.assert_allclose(slice_norms(op.to_dense(), 3, 5), km.sparsity_profile(op).group_norms)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise": -1.0}, "noise=-1.0: expected a standard deviation"),
        ({"noise": np.nan}, "noise=nan"),
        ({"train": 1}, "train=1: expected 2 to 1796 of 1797 images"),
        ({"train": 1797}, "train=1797: expected 2 to 1796"),
        ({"seeds": 0}, "seeds=0: expected at least 1"),
        ({"steps": 0}, "steps=0: expected at least 1"),
        ({"scale": 0.0}, "scale=0.0: expected a positive number"),
    ],
)
def test_bad_options_are_named(options: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        restore(DIGITS, **options)  # type: ignore[arg-type]


def test_bad_images_and_ranks_are_named() -> None:
    with pytest.raises(ValueError, match=r"X has shape \(3, 3\): expected \(N, S, C\)"):
        denoising_task(np.ones((3, 3)), 0.1, 2, rng())
    with pytest.raises(ValueError, match="X has 2 images: expected at least 3"):
        denoising_task(np.ones((2, 3, 3)), 0.1, 1, rng())
    with pytest.raises(ValueError, match=r"effective width of 1056, above 1024"):
        denoising_task(np.ones((3, 33, 32)), 0.1, 2, rng())
    with pytest.raises(ValueError, match="rank=0"):
        standard_structures(0)
