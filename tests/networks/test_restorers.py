"""Images to images: layouts go and come back, targets may be images, everybody restores the same held-out windows."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.networks import Network
from kronmix.networks.rates import choose_rate, is_end
from kronmix.networks.restorers import LINEAR, MIXER, MLP, RIDGE, Setting, restore_photographs, restore_picture

SMALL = Setting(train=100, held=100, epochs=1)


def identity() -> Network:
    """On 4 × 6 images of three colours: embedding and readout are identities, blocks add nothing."""
    net = km.networks.image_mixer((4, 6, 3), patch=2, channels=12, depth=1, dtype=np.float64)
    return net.with_factors(*(np.eye(12)[None, None] if f.shape[-2:] == (12, 12) else 0 * f for f in net.factors))


def test_images_come_back_where_they_were() -> None:
    images = np.random.default_rng(0).normal(size=(3, 4, 6, 3))
    np.testing.assert_allclose(identity()(images), images, atol=1e-15)


def test_images_are_targets_in_the_layout_of_the_outputs() -> None:
    images = np.random.default_rng(0).normal(size=(30, 4, 6, 3))

    def loss(targets: Any) -> float:
        return km.networks.fit(identity(), images, targets, loss="squared", epochs=1, schedule=0.0).history[0].loss

    assert loss(images) == 0
    other = np.roll(images, 1, axis=2)
    assert loss(other) == pytest.approx(0.5 * np.sum((images - other) ** 2) / 30)
    with pytest.raises(ValueError, match=r"inputs have shape \(30, 3, 4, 6\), colours before height and width"):
        loss(images.transpose(0, 3, 1, 2))


def test_a_patch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="patch=3: expected a divisor of height 8 and width 8"):
        km.networks.image_mixer((8, 8, 1), 3, 4, 1)


def test_the_linear_mixer_is_the_mixer_without_activations() -> None:
    """So nothing else can make the difference between them."""
    found = restore_photographs(SMALL).restorers
    assert found[MIXER].numbers == found[LINEAR].numbers
    assert found[MLP].numbers == pytest.approx(found[MIXER].numbers, rel=0.01)
    assert found[RIDGE].numbers == 64 * 65
    same = restore_photographs(replace(SMALL, activation="linear")).restorers
    assert same[MIXER].error == same[LINEAR].error != found[MIXER].error


def test_ridge_is_the_least_penalized_map_of_its_rate() -> None:
    """(XᵀX + λ)⁻¹ XᵀY on the windows that were learned, and its error where it was not."""
    found = restore_photographs(SMALL, seed=3)
    ridge = found.restorers[RIDGE]
    zero = ridge.restore(np.zeros((1, 8, 8, 1)))
    x, y = np.random.default_rng(0).normal(size=(2, 1, 8, 8, 1))
    np.testing.assert_allclose(ridge.restore(x + y) - zero, ridge.restore(x) + ridge.restore(y) - 2 * zero, atol=1e-12)
    assert ridge.error < found.untouched
    assert all(part.shape == (427, 213) for part in (*found.clean, *found.seen))


def test_what_is_held_out_teaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other pixels in the right third of the photographs leave everything that was learned as it is."""
    seen = np.random.default_rng(0).normal(size=(5, 8, 8, 1))
    before = {name: one.restore(seen) for name, one in restore_photographs(SMALL).restorers.items()}
    photographs = km.datasets.photographs

    def other() -> list[Any]:
        return [np.where(np.arange(640) < 440, picture, 1 - picture) for picture in photographs()]

    monkeypatch.setattr("kronmix.networks.restorers.photographs", other)
    for name, one in restore_photographs(SMALL).restorers.items():
        np.testing.assert_array_equal(one.restore(seen), before[name])


def test_a_picture_is_the_mean_of_its_windows() -> None:
    """A restorer that adds the place in the window: every pixel is a mean over the windows that cover it."""
    place = np.arange(16.0).reshape(4, 4, 1)
    found = restore_picture(lambda windows: windows + place, np.zeros((4, 5)), side=4, stride=1)
    np.testing.assert_allclose(found[0], [0, 0.5, 1.5, 2.5, 3])


@pytest.mark.parametrize(("best", "at_end"), [(2.0, False), (1e3, True), (0.0, True)])
def test_rates_are_sought_until_they_stop_gaining(best: float, at_end: bool) -> None:
    tried: list[float] = []

    def train(rate: float) -> tuple[float, str]:
        tried.append(rate)
        return abs(np.log(rate) - np.log(best)) if best else rate, f"{rate:.3g}"

    found = choose_rate(train, 0.1)
    assert is_end(found.rate, 0.1) == at_end
    assert found.result == f"{found.rate:.3g}"
    assert len(set(tried)) == len(tried)
    assert at_end or (min(tried) < found.rate < max(tried) and 0.5 < found.rate / best < 2)


def test_a_camera_clips_after_it_blurs_and_before_the_noise() -> None:
    rng = np.random.default_rng(0)
    dark, bright = km.datasets.Camera(0, 4, 0.1)(np.repeat([[0.0], [1.0]], 5000, axis=1), rng)
    assert dark.mean() == pytest.approx(0.0, abs=0.01)
    assert bright.mean() == pytest.approx(1.0, abs=0.01)
    assert dark.std() == pytest.approx(0.1, rel=0.05)  # the noise is not clipped
    step = km.datasets.Camera(1, 1, 0)(np.repeat([[0.0] * 8 + [1.0] * 8], 3, axis=0), rng)
    assert 0 < step[0, 7] < 0.5 < step[0, 8] < 1


def test_around_known_rates_little_is_tried() -> None:
    found = restore_photographs(SMALL)
    trainings: list[None] = []
    again = restore_photographs(SMALL, progress=lambda: trainings.append(None), rates=found.rates)
    assert len(trainings) == 2 * len(found.rates) == 6
    for name, rate in found.rates.items():
        kept = again.restorers[name].rate == rate
        assert kept == (again.restorers[name].error == found.restorers[name].error)
        assert kept or again.rates[name] == rate / 3


def test_restorers_travel_between_processes() -> None:
    found = restore_photographs(SMALL)
    windows = np.random.default_rng(0).normal(size=(3, 8, 8, 1))
    for name, one in pickle.loads(pickle.dumps(found)).restorers.items():
        np.testing.assert_array_equal(one.restore(windows), found.restorers[name].restore(windows))
