"""CIFAR-10 in its binary version."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

#: A record: one byte of label, then the red, green and blue planes of 32×32 pixels.
_RECORD = 1 + 3 * 32 * 32


def cifar10(path: str | os.PathLike[str], train: bool = True) -> tuple[Array, Array]:
    """Read CIFAR-10's binary files.

    Parameters
    ----------
    path : path
        One ``.bin`` file, or the folder ``cifar-10-batches-bin``.
    train : bool
        Of a folder: the five training files, or the test file.

    Returns
    -------
    pixels : array of shape (N, 32, 32, 3), uint8
    y : array of shape (N,)
        0 … 9.

    Raises
    ------
    ValueError
        If there are no such files, a file is truncated, or a label is above 9.

    References
    ----------
    Krizhevsky 2009, *Learning multiple layers of features from tiny images*.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "test_batch.bin"
    >>> _ = file.write_bytes(bytes([3]) + bytes(1024 * [255]) + bytes(2048))
    >>> pixels, y = km.datasets.cifar10(file)
    >>> pixels.shape, y, pixels[0, 0, 0]
    ((1, 32, 32, 3), array([3]), array([255,   0,   0], dtype=uint8))
    """
    place = Path(path)
    files = sorted(place.glob("data_batch_*.bin" if train else "test_batch.bin")) if place.is_dir() else [place]
    if not files:
        raise ValueError(f"{place}: no {'data_batch_1.bin …' if train else 'test_batch.bin'} in this folder")
    parts = [_read_records(file) for file in files]
    return np.concatenate([pixels for pixels, _ in parts]), np.concatenate([y for _, y in parts])


def _read_records(file: Path) -> tuple[Array, Array]:
    """Images of shape (N, 32, 32, 3) and labels from one binary file of 3073-byte records."""
    data = np.fromfile(file, np.uint8)
    if data.size == 0 or data.size % _RECORD:
        raise ValueError(
            f"{file}: {data.size:,} bytes are not whole records of {_RECORD} bytes: truncated, or not CIFAR-10"
        )
    records = data.reshape(-1, _RECORD)
    labels = records[:, 0].astype(np.int64)
    if labels.max() > 9:
        raise ValueError(
            f"{file}: record {int(labels.argmax())} has label {labels.max()}, expected 0 … 9: not CIFAR-10"
        )
    return np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels
