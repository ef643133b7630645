"""Photographs, and a camera that spoils them: what can be undone only in part, and not by a linear map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from ..extras import needed

Array = np.ndarray[Any, np.dtype[Any]]


def photographs() -> list[Array]:
    """Return scikit-learn's two photographs, a temple and a flower, in gray: arrays of shape (427, 640) in [0, 1].

    Raises
    ------
    ImportError
        If scikit-learn or Pillow is not installed.

    References
    ----------
    scikit-learn, ``load_sample_images``: china.jpg by Yann, flower.jpg by dany13; CC BY.

    Examples
    --------
    >>> [picture.shape for picture in km.datasets.photographs()]
    [(427, 640), (427, 640)]
    """
    with needed("photographs", "kronmix[data]"):
        import PIL  # noqa: F401  # with which scikit-learn reads them
        from sklearn.datasets import load_sample_images

    return [picture.mean(axis=2) / 255.0 for picture in load_sample_images().images]


@dataclass(frozen=True)
class Camera:
    """A camera that blurs, exposes with too much contrast so that dark and bright pixels are clipped, and adds noise.

    y = clip(1/2 + contrast · (blurred x − 1/2), 0, 1) + noise. Clipping is not linear: no linear map is best at undoing it.

    Attributes
    ----------
    blur : float
        Standard deviation of the Gaussian, in pixels.
    contrast : float
    noise : float
        Standard deviation of the Gaussian noise; pixels go from 0 to 1.

    Examples
    --------
    >>> picture = np.linspace(0, 1, 5).reshape(1, 5)
    >>> km.datasets.Camera(blur=0, contrast=2, noise=0)(picture, np.random.default_rng(0))
    array([[0. , 0. , 0.5, 1. , 1. ]])
    """

    blur: float = 1.0
    contrast: float = 2.0
    noise: float = 0.05

    def __call__(self, picture: Array, rng: np.random.Generator) -> Array:
        """A photograph of shape (height, width) as the camera gives it."""
        blurred = gaussian_filter(picture, self.blur) if self.blur else picture
        seen = np.clip(0.5 + self.contrast * (blurred - 0.5), 0.0, 1.0)
        return seen + self.noise * rng.standard_normal(picture.shape)


@dataclass(frozen=True)
class Windows:
    """Windows of photographs, clean and as a camera gave them.

    Parameters
    ----------
    clean, seen : array of shape (N, side, side, 1)

    Examples
    --------
    >>> cut = km.datasets.Windows(np.zeros((5, 8, 8, 1)), np.ones((5, 8, 8, 1)))
    >>> float(np.mean((cut.seen - cut.clean) ** 2))
    1.0
    """

    clean: Array
    seen: Array


def windows(clean: Sequence[Array], seen: Sequence[Array], side: int, count: int, rng: np.random.Generator) -> Windows:
    """Cut ``count`` windows at random places, as many from each picture.

    Parameters
    ----------
    clean, seen : sequences of arrays of shape (height, width)
        Photographs, and the same as a camera gave them.
    side : int
        Pixels of a window's side.
    count : int
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If a window is larger than a picture.

    Examples
    --------
    >>> pictures = km.datasets.photographs()
    >>> rng = np.random.default_rng(0)
    >>> cut = km.datasets.windows(pictures, [km.datasets.Camera()(p, rng) for p in pictures], 8, 100, rng)
    >>> cut.clean.shape, bool(np.mean((cut.seen - cut.clean) ** 2) > 0.01)
    ((100, 8, 8, 1), True)
    """
    pairs: list[tuple[Array, Array]] = []
    for i, (picture, other) in enumerate(zip(clean, seen, strict=True)):
        height, width = picture.shape
        if side > min(height, width):
            raise ValueError(f"side={side}: a picture has {height}×{width} pixels")
        share = len(range(i, count, len(clean)))
        rows, columns = rng.integers(0, height - side + 1, share), rng.integers(0, width - side + 1, share)
        pairs += [
            (picture[r : r + side, c : c + side], other[r : r + side, c : c + side])
            for r, c in zip(rows, columns, strict=True)
        ]
    first, second = (np.array(part)[..., None] for part in zip(*pairs, strict=True))
    return Windows(first, second)
