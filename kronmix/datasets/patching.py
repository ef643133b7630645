"""From images to feature matrices, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def tokens(pixels: Any, patch: int | None = None) -> Array:
    """Turn images into feature matrices.

    Parameters
    ----------
    pixels : array of shape (N, H, W) or (N, H, W, colours)
    patch : int, optional
        Side p of the patches. None: tokens are rows of pixels, (S, C) = (H, W · colours).
        Otherwise (S, C) = (H·W/p², p² · colours).

    Returns
    -------
    array of shape (N, S, C)

    Raises
    ------
    ValueError
        If ``patch`` does not divide height and width.

    Examples
    --------
    >>> km.datasets.tokens(np.arange(16).reshape(1, 4, 4), patch=2)[0]
    array([[ 0,  1,  4,  5],
           [ 2,  3,  6,  7],
           [ 8,  9, 12, 13],
           [10, 11, 14, 15]])
    """
    array = np.asarray(pixels)
    if array.ndim not in (3, 4):
        raise ValueError(f"pixels has shape {array.shape}: expected (N, H, W) or (N, H, W, colours)")
    N, H, W = array.shape[:3]
    if patch is None:
        return array.reshape(N, H, -1)
    if patch < 1 or H % patch or W % patch:
        raise ValueError(f"patch={patch}: expected a divisor of height {H} and width {W}")
    blocks = array.reshape(N, H // patch, patch, W // patch, patch, -1)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(N, (H // patch) * (W // patch), -1)


def untokens(X: Any, shape: tuple[int, int, int], patch: int | None = None) -> Array:
    """Turn feature matrices back into images: the inverse of ``tokens``.

    Parameters
    ----------
    X : array of shape (N, S, C)
    shape : (H, W, colours)
    patch : int, optional
        As given to ``tokens``.

    Returns
    -------
    array of shape (N, H, W, colours)

    Examples
    --------
    >>> pixels = np.arange(48).reshape(1, 4, 6, 2)
    >>> bool((km.datasets.untokens(km.datasets.tokens(pixels, 2), (4, 6, 2), 2) == pixels).all())
    True
    """
    features, (H, W, colours) = np.asarray(X), shape
    if patch is None:
        return features.reshape(-1, H, W, colours)
    blocks = features.reshape(-1, H // patch, W // patch, patch, patch, colours)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(-1, H, W, colours)


def unit_interval(pixels: Any, name: str) -> Array:
    """Pixels scaled so that the darkest is 0 and the brightest 1.

    Raises
    ------
    ValueError
        If all are equal.

    Examples
    --------
    >>> from kronmix.datasets.patching import unit_interval
    >>> unit_interval(np.array([[[-32768, 0], [0, 32767]]], np.int16), "X").round(3)
    array([[[0. , 0.5],
            [0.5, 1. ]]])
    """
    array = np.asarray(pixels, dtype=np.float64)
    if array.size == 0:
        raise ValueError(f"{name}: holds no pixels, expected images")
    low, high = array.min(), array.max()
    if low == high:
        raise ValueError(f"{name}: all pixels equal {low:g}, expected images")
    return (array - low) / (high - low)


#: How many numbers a pixel has in the usual images: grey, grey with opacity, colours, colours with opacity.
_COLOURS = (1, 2, 3, 4)


def refuse_colours_first(shape: tuple[int, ...], name: str) -> None:
    """Raise where four axes look like (N, colours, H, W), the order of torch, in place of (N, H, W, colours).

    Raises
    ------
    ValueError
        With the transpose to write.

    Examples
    --------
    >>> from kronmix.datasets.patching import refuse_colours_first
    >>> refuse_colours_first((60, 8, 8, 3), "X")
    >>> refuse_colours_first((60, 3, 8, 8), "X")
    Traceback (most recent call last):
        ...
    ValueError: X has shape (60, 3, 8, 8), colours before height and width: expected (N, H, W, colours), X.transpose(0, 2, 3, 1)
    """
    if len(shape) == 4 and shape[1] in _COLOURS and shape[3] not in _COLOURS:
        raise ValueError(
            f"{name} has shape {shape}, colours before height and width: expected (N, H, W, colours), X.transpose(0, 2, 3, 1)"
        )
