"""Images that studies read: by name from kronmix.datasets, from a folder or file, or made here with a structure that is known.

``padded mnist``
    MNIST with a margin of two pixels: 32 × 32, a power of 2, 4 and 32 in all.

What else is made here has 8 × 8 pixels, so that a network 64 wide sees all of them:

``small mnist``
    MNIST averaged to 8 × 8 pixels.
``shifted mnist``
    The same, moved cyclically by whole patches of 2 × 2: every token sees the same kinds of strokes, which suits shared weights.
``natural patches``
    Windows of scikit-learn's two photographs, standardised one by one; the label is the photograph.
``dense teacher``, ``mixer teacher``, ``low-rank teacher``
    Gaussian pixels, labelled by a random network: of dense layers, a Mixer, or one that sees two directions only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

Array = np.ndarray[Any, np.dtype[Any]]

_SIDE, _SAMPLES, _CLASSES = 8, 5000, 10


@cache
def images(name: str) -> tuple[Array, Array]:
    """Standardised pixels (N, H, W, colours) and labels (N,).

    Raises
    ------
    ValueError
        If there are no such images, or they have no labels.
    """
    pixels, y = _MADE[name]() if name in _MADE else km.datasets.load(name)
    if y is None:
        raise ValueError(f"{name}: has no labels")
    return ((pixels - pixels.mean()) / pixels.std()).astype(np.float32), np.asarray(y)


def image_shape(name: str) -> tuple[int, int, int]:
    """(height, width, colours)."""
    height, width, colours = images(name)[0].shape[1:]
    return height, width, colours


def classes(name: str) -> int:
    """Number of labels."""
    return int(images(name)[1].max()) + 1


def patch_side(name: str, tokens: int) -> int:
    """Side of the square patches of which an image has ``tokens``.

    Raises
    ------
    ValueError
        If an image does not divide into that many.
    """
    height, width, _ = image_shape(name)
    side = round(height / tokens**0.5)
    if height != width or side**2 * tokens != height * width:
        raise ValueError(f"{name}: images of {height}×{width} pixels do not divide into {tokens} square patches")
    return side


# ---- made here -------------------------------------------------------------------------------------------------------


def _padded_mnist() -> tuple[Array, Array]:
    pixels, y = km.datasets.load("mnist")
    assert y is not None
    return np.pad(pixels, ((0, 0), (2, 2), (2, 2), (0, 0))), y


def _small_mnist() -> tuple[Array, Array]:
    padded, y = _padded_mnist()
    return padded.reshape(-1, _SIDE, 4, _SIDE, 4).mean(axis=(2, 4))[..., None], y


def _shifted_mnist() -> tuple[Array, Array]:
    pixels, y = _small_mnist()
    shifts = 2 * _rng().integers(0, _SIDE // 2, size=(len(y), 2))
    return np.stack([np.roll(x, tuple(s), axis=(0, 1)) for x, s in zip(pixels, shifts, strict=True)]), y


def _natural_patches() -> tuple[Array, Array]:
    from sklearn.datasets import load_sample_images

    rng, windows = _rng(), []
    for picture in load_sample_images().images:
        gray = picture.mean(axis=2)
        corners = rng.integers(0, np.array(gray.shape) - _SIDE, size=(_SAMPLES // 2, 2))
        windows += [gray[i : i + _SIDE, j : j + _SIDE] for i, j in corners]
    found = np.array(windows)
    found -= found.mean(axis=(1, 2), keepdims=True)
    found /= found.std(axis=(1, 2), keepdims=True) + 1.0
    return found[..., None], np.repeat([0, 1], _SAMPLES // 2)


def _labelled_by(teacher: nn.Network) -> tuple[Array, Array]:
    """Gaussian images, with the class to which the teacher gives the largest standardized score."""
    pixels = _rng().standard_normal((_SAMPLES, _SIDE, _SIDE, 1)).astype(np.float32)
    scores = teacher(pixels)
    return pixels, (scores / scores.std(axis=0) - (scores / scores.std(axis=0)).mean(axis=0)).argmax(axis=1)


def _dense_teacher() -> tuple[Array, Array]:
    return _labelled_by(nn.mlp(_SIDE**2, [_SIDE**2], _CLASSES, "relu", seed=1))


def _mixer_teacher() -> tuple[Array, Array]:
    tokens = _SIDE**2 // 4
    rng = np.random.default_rng(2)
    token, channel, head = (rng.standard_normal(shape) for shape in ((tokens, tokens), (4, 4), (_CLASSES, _SIDE**2)))
    mixed = [km.token_mixing(token, channels=4), km.channel_mixing(channel, tokens=tokens)]
    parts = [part for op in mixed for part in (nn.Linear(op), nn.Activation("relu"))]
    return _labelled_by(nn.Network(nn.Sequential(*parts, nn.Linear(km.Dense(head))), nn.Patches(2)))


def _low_rank_teacher() -> tuple[Array, Array]:
    rng = np.random.default_rng(3)
    seen = km.LowRank(rng.standard_normal((_SIDE**2, 2)), rng.standard_normal((2, _SIDE**2)))
    head = nn.Linear(km.Dense(rng.standard_normal((_CLASSES, _SIDE**2))))
    return _labelled_by(nn.Network(nn.Sequential(nn.Linear(seen), nn.Activation("relu"), head), nn.Patches()))


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


_MADE: dict[str, Callable[[], tuple[Array, Array | None]]] = {
    "padded mnist": _padded_mnist,
    "small mnist": _small_mnist,
    "shifted mnist": _shifted_mnist,
    "natural patches": _natural_patches,
    "dense teacher": _dense_teacher,
    "mixer teacher": _mixer_teacher,
    "low-rank teacher": _low_rank_teacher,
}
