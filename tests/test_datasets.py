"""Images as feature matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kronmix as km


def test_digits_are_whole() -> None:
    X, y = km.datasets.digits()
    assert X.shape == (1797, 8, 8)
    assert (X.min(), X.max()) == (0.0, 1.0)
    assert sorted(set(y.tolist())) == list(range(10))


def test_patches_hold_the_pixels_they_cover() -> None:
    pixels = np.random.default_rng(0).normal(size=(3, 6, 4, 2))
    X = km.datasets.tokens(pixels, patch=2)
    assert X.shape == (3, 6, 8)
    for row in range(3):
        for column in range(2):
            patch = pixels[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            np.testing.assert_array_equal(X[:, 2 * row + column], patch.reshape(3, -1))


def test_rows_are_tokens_without_patches() -> None:
    pixels = np.random.default_rng(0).normal(size=(3, 6, 4, 2))
    np.testing.assert_array_equal(km.datasets.tokens(pixels)[:, 5], pixels[:, 5].reshape(3, -1))


def test_users_images_are_scaled_to_the_unit_interval(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 4, 4)).astype(np.uint8)
    np.savez(tmp_path / "mine.npz", X=pixels, y=np.arange(7))
    X, y = km.datasets.images(tmp_path / "mine.npz")
    assert y is not None
    np.testing.assert_allclose(X[..., 0], (pixels - float(pixels.min())) / (float(pixels.max()) - pixels.min()))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"A": np.ones((2, 2))}, "no array 'X', it holds A"),
        ({"X": np.ones((2, 2))}, "expected 3 or 4 axes"),
        ({"X": np.ones((2, 2, 2))}, "all pixels of X equal 1"),
        ({"X": np.arange(8.0).reshape(2, 2, 2), "y": np.arange(3)}, "y has 3 labels for 2 images"),
        ({"X": np.arange(8.0).reshape(2, 2, 2) * np.nan}, "8 NaN or infinite entries"),
        ({"X": np.arange(8.0).reshape(2, 2, 2) * 1j}, "is complex"),
    ],
)
def test_bad_images_are_named(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=words):
        km.datasets.images(tmp_path / "bad.npz")


def test_bad_pixels_and_patches() -> None:
    with pytest.raises(ValueError, match=r"expected \(N, H, W\)"):
        km.datasets.tokens(np.ones((2, 2)))
    with pytest.raises(ValueError, match="patch=2: expected a divisor of height 3 and width 3"):
        km.datasets.tokens(np.ones((2, 3, 3)), patch=2)
    with pytest.raises(ValueError, match="patch=0"):
        km.datasets.tokens(np.ones((2, 2, 2)), patch=0)
