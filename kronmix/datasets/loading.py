"""A user's images, in whatever file they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..files import read_arrays, take
from .cifar import cifar10
from .idx import idx
from .offline import digits, mnist
from .patching import refuse_colours_first, unit_interval

Array = np.ndarray[Any, np.dtype[Any]]


def load(source: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None) -> tuple[Array, Array | None]:
    """Load images and labels by name or from a file, pixels scaled to [0, 1].

    Parameters
    ----------
    source : str or path
        "digits", "mnist", an ``.npz`` file (see ``images``), an IDX file (see ``idx``), a CIFAR-10 ``.bin`` file or its folder
        (see ``cifar10``).
    labels : path, optional
        IDX file of the labels; by default the one beside the images whose name says labels-idx1 for images-idx3.

    Returns
    -------
    pixels : array of shape (N, H, W, colours)
    y : array of shape (N,), or None where the file has none

    Raises
    ------
    ValueError
        If the source is unknown, or the file is damaged or not as described.

    Examples
    --------
    >>> pixels, y = km.datasets.load("digits")
    >>> pixels.shape, y.shape
    ((1797, 8, 8, 1), (1797,))
    """
    if labels is not None and (str(source) in ("digits", "mnist") or Path(source).suffix.lower() in (".npz", ".bin")):
        raise ValueError(f"labels go with an IDX file of images: {source} has its own")
    named = {"digits": (digits, 8), "mnist": (mnist, 28)}
    if str(source) in named:
        make, side = named[str(source)]
        X, y = make()
        return X.reshape(-1, side, side, 1), y
    file = Path(source)
    if not file.exists():
        raise ValueError(f"{file}: no such file; data is digits, mnist, or a file: .npz, IDX, or CIFAR-10's .bin")
    if file.suffix.lower() == ".npz":
        return images(file)
    if file.is_dir() or file.suffix.lower() == ".bin":
        colours, y = cifar10(file)
        return colours / 255.0, y
    pixels = idx(file)
    if pixels.ndim != 3:
        raise ValueError(f"{file}: holds an array of shape {pixels.shape}, expected images (N, H, W)")
    beside = Path(labels) if labels is not None else file.with_name(file.name.replace("images-idx3", "labels-idx1"))
    found = idx(beside) if labels is not None or (beside != file and beside.exists()) else None
    if found is not None and found.shape != (len(pixels),):
        raise ValueError(f"{beside}: labels of shape {found.shape} for {len(pixels)} images, expected as many")
    # Bytes have a range of their own; of the other types nothing says where black and white are.
    scaled = pixels / 255.0 if pixels.dtype == np.uint8 else unit_interval(pixels, str(file))
    return scaled[..., None], None if found is None else found.astype(np.int64)


def images(path: str | os.PathLike[str]) -> tuple[Array, Array | None]:
    """Read a user's images from an ``.npz`` file and scale them to [0, 1].

    Parameters
    ----------
    path : path
        Holds X of shape (N, H, W) or (N, H, W, colours), and perhaps labels y of shape (N,) or (N, 1).

    Returns
    -------
    pixels : array of shape (N, H, W, colours)
        For ``tokens``.
    y : array of shape (N,) or None

    Raises
    ------
    ValueError
        If the file or an array in it is not as described, naming it; colours that stand before height and width are recognised.

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
    pixels = take(arrays, "X", path, ndim=(3, 4), real=True)
    refuse_colours_first(pixels.shape, f"{path}: X")
    labels = take(arrays, "y", path, ndim=(1, 2)) if "y" in arrays else None
    if labels is not None and labels.shape not in ((len(pixels),), (len(pixels), 1)):
        count = f"{len(labels)} labels" if labels.ndim == 1 else f"shape {labels.shape}"
        raise ValueError(f"{path}: y has {count} for {len(pixels)} images, expected as many")
    scaled = unit_interval(pixels, f"{path}: X")
    return scaled.reshape(*pixels.shape[:3], -1), None if labels is None else labels.reshape(-1)
