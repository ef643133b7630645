"""Arrays of a file by name, each read and checked when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

#: Largest array that is read unless told otherwise, in bytes (4 GiB).
MAX_BYTES = 2**32


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
        array = self.stored[name].read()
        if not holds_numbers(array.dtype):
            raise ValueError(f"{self.source}: array {name!r} has dtype {array.dtype}, expected numbers")
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)

    def __contains__(self, name: object) -> bool:
        return name in self.stored


def holds_numbers(dtype: np.dtype[Any] | None) -> bool:
    """Whether a type is bool, integer, real or complex."""
    return dtype is not None and dtype.kind in "biufc"


def first_line(error: BaseException) -> str:
    """The first line of an error's words, without its full stop."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
