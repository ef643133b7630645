"""IDX files, the format of MNIST and Fashion-MNIST."""

from __future__ import annotations

import gzip
import os
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from ..files import MAX_BYTES

Array = np.ndarray[Any, np.dtype[Any]]

#: Third byte of the magic number -> type; numbers are big-endian.
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def idx(path: str | os.PathLike[str]) -> Array:
    """Read one IDX file, gzip-compressed or not.

    Parameters
    ----------
    path : path
        As ``train-images-idx3-ubyte`` or ``train-labels-idx1-ubyte.gz``.

    Returns
    -------
    array
        Images of shape (N, H, W), labels of shape (N,), in the file's type.

    Raises
    ------
    ValueError
        If the magic number is not IDX's, or the file is shorter or longer than its header says.

    References
    ----------
    LeCun, Cortes & Burges, *The MNIST database of handwritten digits*, 1998.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> km.datasets.idx(file)
    array([7, 2, 1], dtype=uint8)
    """
    file = Path(path)
    with open(file, "rb") as plain:
        compressed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        try:
            with gzip.open(plain) if compressed else plain as stream:
                return _read_array(cast(BinaryIO, stream), file)
        except (gzip.BadGzipFile, EOFError) as error:
            raise ValueError(f"{file}: damaged or truncated gzip file") from error


def _read_array(stream: BinaryIO, file: Path) -> Array:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= 4:
        raise ValueError(
            f"{file}: not an IDX file: it begins with {magic.hex(' ') or 'nothing'}, expected 00 00 08 03 or similar"
        )
    dtype, axes = np.dtype(_TYPES[magic[2]]), magic[3]
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise ValueError(f"{file}: the header ends after {4 + len(sizes)} bytes, expected {4 + 4 * axes}: truncated")
    shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
    size = prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        raise ValueError(f"{file}: an array of shape {shape} takes {size:,} bytes, above the limit of {MAX_BYTES:,}")
    data = stream.read(size + 1)
    if len(data) != size:
        found = f"only {len(data):,}" if len(data) < size else "more"
        raise ValueError(
            f"{file}: the header says {shape}, {size:,} bytes, and the file holds {found}: truncated or damaged"
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
