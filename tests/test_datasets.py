"""Images as feature matrices."""

from __future__ import annotations

import gzip
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
        ({"X": np.ones((2, 2, 2))}, "X: all pixels equal 1"),
        ({"X": np.arange(8.0).reshape(2, 2, 2), "y": np.arange(3)}, "y has 3 labels for 2 images"),
        ({"X": np.arange(8.0).reshape(2, 2, 2), "y": np.ones((2, 2))}, r"y has shape \(2, 2\) for 2 images"),
        ({"X": np.ones((60, 3, 8, 8))}, r"colours before height and width: .* X.transpose\(0, 2, 3, 1\)"),
        ({"X": np.ones((60, 1, 28, 28))}, "colours before height and width"),
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


def idx_bytes(array: np.ndarray, kind: int = 8) -> bytes:
    sizes = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.tobytes()


@pytest.mark.parametrize("compressed", [False, True])
def test_idx_images_find_their_labels(compressed: bool, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 6)).astype(np.uint8)
    pack, ending = (gzip.compress, ".gz") if compressed else (bytes, "")
    images = tmp_path / f"train-images-idx3-ubyte{ending}"
    images.write_bytes(pack(idx_bytes(pixels)))
    (tmp_path / f"train-labels-idx1-ubyte{ending}").write_bytes(pack(idx_bytes(np.arange(5, dtype=np.uint8))))
    X, y = km.datasets.load(images)
    np.testing.assert_array_equal(X[..., 0] * 255, pixels)
    assert y is not None
    assert y.tolist() == [0, 1, 2, 3, 4]


def test_idx_types_are_big_endian(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(idx_bytes(np.array([1, -2, 300], ">i4"), 0x0C))
    (tmp_path / "b").write_bytes(idx_bytes(np.array([[0.5], [-1.25]], ">f8"), 0x0E))
    assert km.datasets.idx(tmp_path / "a").tolist() == [1, -2, 300]
    assert km.datasets.idx(tmp_path / "b").tolist() == [[0.5], [-1.25]]


def test_a_column_of_labels_is_a_list_of_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", X=np.arange(32.0).reshape(2, 4, 4), y=np.array([[3], [7]]))
    _, y = km.datasets.load(tmp_path / "mine.npz")
    assert y is not None
    assert y.tolist() == [3, 7]


@pytest.mark.parametrize(("kind", "dtype"), [(0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")])
def test_idx_images_of_every_type_are_scaled(kind: int, dtype: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(-100, 101, (4, 5, 6))
    (tmp_path / "images").write_bytes(idx_bytes(pixels.astype(dtype), kind))
    X, _ = km.datasets.load(tmp_path / "images")
    assert (X.min(), X.max()) == (0, 1)
    np.testing.assert_allclose(X[..., 0], (pixels - pixels.min()) / np.ptp(pixels))


GOOD = idx_bytes(np.zeros((2, 3, 3), np.uint8))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an IDX file: it begins with nothing"),
        (b"\x89PNG....", "begins with 89 50 4e 47"),
        (bytes([0, 0, 7, 3]) + GOOD[4:], "not an IDX file"),
        (GOOD[:-1], "only 17: truncated"),
        (GOOD[:9], "the header ends after 9 bytes, expected 16"),
        (GOOD + b"x", "the file holds more"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "above the limit"),
        (gzip.compress(GOOD, mtime=0)[:-9], "truncated gzip"),
    ],
)
def test_bad_idx_files_are_named(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(data)
    with pytest.raises(ValueError, match=words):
        km.datasets.load(tmp_path / "images")


def test_idx_labels_have_to_fit(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(GOOD)
    (tmp_path / "labels").write_bytes(idx_bytes(np.zeros(3, np.uint8)))
    assert km.datasets.load(tmp_path / "images")[1] is None
    with pytest.raises(ValueError, match=r"labels of shape \(3,\) for 2 images"):
        km.datasets.load(tmp_path / "images", tmp_path / "labels")
    with pytest.raises(ValueError, match="expected images"):
        km.datasets.load(tmp_path / "labels")


def cifar_bytes(pixels: np.ndarray, labels: list[int]) -> bytes:
    planes = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)
    return b"".join(bytes([y]) + row.tobytes() for y, row in zip(labels, planes, strict=True))


def test_cifar_batches_are_joined_and_planes_become_colours(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    for i in range(2):
        part = slice(2 * i, 2 * i + 2)
        (tmp_path / f"data_batch_{i + 1}.bin").write_bytes(cifar_bytes(pixels[part], [i, 9]))
    (tmp_path / "test_batch.bin").write_bytes(cifar_bytes(pixels[4:], [5, 6]))
    X, y = km.datasets.load(tmp_path)
    np.testing.assert_array_equal(X * 255, pixels[:4])
    assert y is not None
    assert y.tolist() == [0, 9, 1, 9]
    held, labels = km.datasets.cifar10(tmp_path, train=False)
    np.testing.assert_array_equal(held, pixels[4:])
    assert labels.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes are not whole records"),
        (bytes(3072), "truncated, or not CIFAR-10"),
        (bytes([10]) + bytes(3072), "label 10, expected 0 … 9"),
    ],
)
def test_bad_cifar_files_are_named(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(data)
    with pytest.raises(ValueError, match=words):
        km.datasets.load(tmp_path)


def test_unknown_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="data is digits, mnist, or a file"):
        km.datasets.load("cifar")
    with pytest.raises(ValueError, match=r"no data_batch_1\.bin"):
        km.datasets.load(tmp_path)
