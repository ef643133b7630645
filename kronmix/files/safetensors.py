"""Arrays of ``.safetensors`` files, mapped into memory; bfloat16 as float32, which the library's NumPy side lacks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from .recognition import how_it_begins
from .stored import Array, Stored

#: Longest header that is believed.
_LONGEST_HEADER = 100 * 2**20


def widen_bfloat16(bits: Array) -> Array:
    """Numbers of type bfloat16, given as uint16, in float32.

    Examples
    --------
    >>> widen_bfloat16(np.array([0x3F80, 0xC000], np.uint16))
    array([ 1., -2.], dtype=float32)
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)


@dataclass(frozen=True)
class _Type:
    """A type of the format: what its bytes are in NumPy, and what makes numbers of them."""

    dtype: str
    numbers: Callable[[Array], Array] = lambda array: array


_TYPES = {
    "F64": _Type("<f8"),
    "F32": _Type("<f4"),
    "F16": _Type("<f2"),
    "BF16": _Type("<u2", widen_bfloat16),
    "I64": _Type("<i8"),
    "I32": _Type("<i4"),
    "I16": _Type("<i2"),
    "I8": _Type("i1"),
    "U64": _Type("<u8"),
    "U32": _Type("<u4"),
    "U16": _Type("<u2"),
    "U8": _Type("u1"),
    "BOOL": _Type("?"),
}


def read_safetensors(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Arrays of a ``.safetensors`` file, all of them.

    Raises
    ------
    ValueError
        If the header or an array does not fit the file.
    """
    return {name: stored.read() for name, stored in stored_safetensors(Path(path)).items()}


def stored_safetensors(file: Path) -> dict[str, Stored]:
    """The arrays of a file by name, each mapped and checked when it is asked for.

    Raises
    ------
    ValueError
        If the header does not fit the file.
    """
    size = file.stat().st_size
    with open(file, "rb") as stream:
        head = stream.read(8)
        length = int.from_bytes(head, "little")
        if size < 8 or not 2 <= length <= min(size - 8, _LONGEST_HEADER):
            begins = how_it_begins(head + stream.read(32))
            raise ValueError(
                f"{file}: not a safetensors file, or truncated{begins or f': a header of {length:,} bytes in {size:,}'}"
            )
        try:
            header = json.loads(stream.read(length))
            entries = {
                name: (e["dtype"], e["shape"], e["data_offsets"])
                for name, e in header.items()
                if name != "__metadata__"
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError(f"{file}: the header is not that of a safetensors file") from None
    data: Array = np.memmap(file, np.uint8, "r", 8 + length) if size > 8 + length else np.zeros(0, np.uint8)
    return {name: _stored(file, name, data, *entry) for name, entry in entries.items()}


def _stored(file: Path, name: str, data: Array, kind: Any, shape: Any, offsets: Any) -> Stored:
    """A tensor of the file, checked and converted when it is read; data are the bytes after the header."""
    whole = isinstance(shape, list) and all(isinstance(n, int) and n >= 0 for n in shape)

    def read() -> Array:
        placed = isinstance(offsets, list) and len(offsets) == 2 and all(isinstance(n, int) for n in offsets)
        if isinstance(kind, str) and kind not in _TYPES and whole:
            raise ValueError(
                f"{file}: {name!r} holds numbers of type {kind}, which are not read: save it as F32 or BF16"
            )
        if kind not in _TYPES or not whole or not placed:
            raise ValueError(f"{file}: {name!r} of type {kind!r} and shape {shape!r} cannot be read")
        found = _TYPES[kind]
        dtype = np.dtype(found.dtype)
        start, stop = offsets
        if not 0 <= start <= stop <= data.size or stop - start != prod(shape) * dtype.itemsize:
            raise ValueError(f"{file}: {name!r} lies outside the file or has another size: truncated?")
        return found.numbers(data[start:stop].view(dtype).reshape(shape))

    return Stored(tuple(shape) if whole else (), str(kind), read)
