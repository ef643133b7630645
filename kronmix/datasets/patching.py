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
