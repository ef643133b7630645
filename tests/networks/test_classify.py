"""From images to a trained network; threads and progress."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.networks.steps import Stepper, suitable_threads

networks = km.networks


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any]:
    pixels, y = km.datasets.load("digits")
    return pixels[:400], y[:400]


@pytest.mark.parametrize(
    "model", ["mlp", "sparse_mlp", "s_mixer", "rp_mixer", "mlp_mixer", "monarch_mlp", "group_mixer"]
)
def test_every_model_learns_digits(model: str, digits: tuple[Any, Any], tmp_path: Path) -> None:
    small = networks.Classifier(model, channels=16, depth=1, width=64)
    run = networks.classify(*digits, small, epochs=20, batch=32, rate=1e-2, progress=lambda epoch, total: None)
    assert run.history[-1].loss < 0.5 * run.history[0].loss
    assert run.about["test_accuracy"] > 0.4
    networks.save_run(tmp_path / "run.npz", run)
    again = networks.read_run(tmp_path / "run.npz")
    inputs = (digits[0] - run.about["mean"]) / run.about["deviation"]
    np.testing.assert_array_equal(again.network(inputs), run.network(inputs))


def test_patches_of_a_run_come_back(digits: tuple[Any, Any], tmp_path: Path) -> None:
    net = networks.Classifier("s_mixer", patch=4, depth=1).build((8, 8, 1), 10)
    networks.save_run(tmp_path / "run.npz", networks.Run(net))
    again = km.load_mixer(tmp_path / "run.npz")
    assert again.patches.patch == 4
    np.testing.assert_array_equal(again(digits[0]), net(digits[0]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"held_out": 0.0}, "held_out=0"),
        ({"held_out": 1.0}, "leaves 400 to test on"),
        ({"rate": 0.0}, "rate=0"),
        ({"classifier": networks.Classifier("cnn")}, "model='cnn'"),
        ({"classifier": networks.Classifier(patch=3)}, "patch=3"),
        ({"classifier": networks.Classifier("s_mixer", patch=3)}, "patch=3"),
        ({"classifier": networks.Classifier("group_mixer", group=5)}, "group=5"),
        ({"classifier": networks.Classifier(depth=0)}, "depth=0"),
        ({"classifier": networks.Classifier("sparse_mlp", density=1.5)}, "density p=1.5"),
    ],
)
def test_impossible_sizes_are_named(changes: dict[str, Any], words: str, digits: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match=words):
        networks.classify(*digits, **{"epochs": 1} | changes)


def test_one_class_is_no_task(digits: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="at least two classes"):
        networks.classify(digits[0], np.zeros(400, int))


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_give_the_gradient_of_one(threads: int) -> None:
    net = networks.mlp_mixer((8, 8, 1), 2, 6, 2, 3, dtype=np.float64)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 11)), rng.integers(0, 3, 11)
    one, many = Stepper(net, "cross_entropy"), Stepper(net, "cross_entropy", threads)
    θ = one.vector(net.factors)
    with many.running() as pool:
        results = [many(θ, X, y, pool) for _ in range(2)]
    value, gradient, outputs = one(θ, X, y)
    for found in results:
        assert found[0] == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(found[1], gradient, rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(found[2], outputs, rtol=1e-12)
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_more_threads_than_samples() -> None:
    net = networks.mlp(4, [3], 2)
    step = Stepper(net, "cross_entropy", 4)
    with step.running() as pool:
        value, _, outputs = step(step.vector(net.factors), np.ones((4, 2), np.float32), np.array([0, 1]), pool)
    assert np.isfinite(value)
    assert outputs.shape == (2, 2)
    with pytest.raises(ValueError, match="threads=0"):
        Stepper(net, "cross_entropy", 0)


def test_threads_follow_the_work_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert suitable_threads(1e3) == 1
    assert suitable_threads(1e12) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert suitable_threads(1e12) >= 1


def test_progress_line_tells_the_time_left() -> None:
    stream = io.StringIO()
    show = networks.ProgressLine(stream)
    for i in (3, 4):  # a run that goes on after its second epoch
        show(networks.Epoch(i, 0.5, float("nan")), 4)
    assert "epoch 3 of 4, loss 0.5, about 0 s left" in stream.getvalue()
    assert stream.getvalue().endswith("\n")
