"""Arrays of a file by name, each read and checked when it is asked for."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import raised_in

Array = np.ndarray[Any, np.dtype[Any]]

#: Largest array that is read unless told otherwise, in bytes (4 GiB).
MAX_BYTES = 2**32

_LONGEST = 160


@dataclass(frozen=True)
class Stored:
    """An array that lies in a file, not read yet.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        As the file calls it.
    read : function without arguments
        Reads it; raises a ValueError that names file and array where it cannot be read.
    numeric : bool
        Whether its type is one of numbers.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], Array]
    numeric: bool = True

    @classmethod
    def of(cls, array: Array) -> Stored:
        """An array that is in memory already."""
        return cls(array.shape, str(array.dtype), lambda: array, holds_numbers(array.dtype))


class Arrays(Mapping[str, Array]):
    """The arrays of a file by name; what is never asked for is never read, so that it cannot stand in the way.

    Parameters
    ----------
    source : path
        For messages.
    stored : mapping of name to Stored

    Raises
    ------
    ValueError
        When an array that is asked for cannot be read or does not hold numbers.

    Examples
    --------
    >>> arrays = Arrays("weights.npz", {"W": Stored.of(np.eye(2)), "author": Stored.of(np.array("me"))})
    >>> sorted(arrays), arrays["W"].shape
    (['W', 'author'], (2, 2))
    >>> arrays["author"]
    Traceback (most recent call last):
        ...
    ValueError: weights.npz: array 'author' has dtype <U2, expected numbers
    """

    def __init__(self, source: str | os.PathLike[str], stored: Mapping[str, Stored]) -> None:
        self.source, self.stored = source, stored

    def __getitem__(self, name: str) -> Array:
        stored = self.stored[name]
        with damage_told(self.source, f"array {name!r} cannot be read"):
            array = stored.read()
        if not holds_numbers(array.dtype):
            raise ValueError(f"{self.source}: array {name!r} has dtype {array.dtype}, expected numbers")
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)

    def __contains__(self, name: object) -> bool:
        return name in self.stored


@contextmanager
def damage_told(source: str | os.PathLike[str], words: str) -> Iterator[None]:
    """Whatever a parser raises over a damaged file, as one ValueError that begins with the file's name.

    The parsers of NumPy, SciPy and Python raise what a file's bytes make of them (TypeError, TokenError, RecursionError …).
    What kronmix itself raises names the file already: it stays, as does what the system says about opening it.

    Examples
    --------
    >>> from kronmix.files.stored import damage_told
    >>> with damage_told("B.npy", "not a NumPy array"):
    ...     {}["shape"]
    Traceback (most recent call last):
        ...
    ValueError: B.npy: not a NumPy array ('shape')
    """
    try:
        yield
    except Exception as error:
        if (isinstance(error, OSError) and error.strerror) or raised_in(error, ("kronmix",)):
            raise
        kind = MemoryError if isinstance(error, MemoryError) else ValueError
        raise kind(f"{os.fspath(source)}: {words} ({first_line(error)})") from error


def holds_numbers(dtype: np.dtype[Any] | None) -> bool:
    """Whether a type is bool, integer, real or complex."""
    return dtype is not None and dtype.kind in "biufc"


def first_line(error: BaseException) -> str:
    """The first line of an error's words, without its full stop, and no more of it than a terminal's line or two."""
    lines = str(error).strip().splitlines()
    line = (lines[0] if lines else type(error).__name__).rstrip(".")
    return line if len(line) <= _LONGEST else line[:_LONGEST] + " …"


def read_bytes(file: Path, max_bytes: int) -> bytes:
    """The bytes of a file, decompressed where its name ends in .gz."""
    try:
        with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{file}: damaged or truncated gzip file") from error
    if len(data) > max_bytes:
        raise ValueError(f"{file} holds more bytes than can be allowed, above the limit of {max_bytes:,}")
    return data
