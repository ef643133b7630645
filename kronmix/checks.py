"""What is checked of users' numbers, sizes and arrays, with one wording for each complaint.

Every function gives back the value in the form the package works with, or raises TypeError (not numbers, not an integer) or
ValueError (out of range), quoting the argument's name and what was given.
"""

from __future__ import annotations

import dis
import operator
from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

Array = np.ndarray[Any, np.dtype[Any]]

#: Largest explicit matrix that is made unless told otherwise, in bytes (1 GiB).
MAX_BYTES = 2**30

_RAISE = dis.opmap["RAISE_VARARGS"]


def as_numbers(array: Any, name: str, ndim: int | None = None) -> Array:
    """An array-like as float32, float64, complex64 or complex128 (wider types stay); integers become float64.

    NumPy arrays, sequences, data frames and whatever has ``__array__``; SciPy's sparse arrays and matrices of every format, and
    structured operators, become dense below ``MAX_BYTES``.

    Raises
    ------
    TypeError
        If it does not hold numbers, or is a linear operator whose entries are not known.
    ValueError
        If entries are masked, or it has another number of axes.
    MemoryError
        If a sparse matrix would be too large.

    Examples
    --------
    >>> from kronmix.checks import as_numbers
    >>> as_numbers([[1, 2]], "W", 2)
    array([[1., 2.]])
    """
    values = explicit(array, name)
    if ndim is not None and values.ndim != ndim:
        raise ValueError(f"{name} has shape {values.shape}: expected {ndim} axes")
    if values.dtype.kind in "biu":
        return values.astype(np.float64)
    return values.astype(np.float32) if values.dtype == np.float16 else values


def as_finite(array: Any, name: str, ndim: int | None = None) -> Array:
    """Numbers as by ``as_numbers``, all of them finite."""
    return finite(as_numbers(array, name, ndim), name)


def explicit(array: Any, name: str) -> Array:
    """The entries of a matrix or array of whatever kind, in their own dtype; TypeError if they are not numbers."""
    values = array if type(array) is np.ndarray else entries(array, name)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"{name} has dtype {values.dtype}: expected numbers")
    return values


def entries(array: Any, name: str) -> Array:
    """The entries of a matrix or array of whatever kind, objects too."""
    if issparse(array):
        check_memory(array.shape, array.dtype, MAX_BYTES)
        return np.asarray(array.toarray())
    if isinstance(array, np.ma.MaskedArray):
        masked = int(np.count_nonzero(np.broadcast_to(array.mask, array.shape)))
        if masked:
            raise ValueError(
                f"{name} is a masked array with {masked} masked entries: expected all of them; fill them first"
            )
    if isinstance(array, LinearOperator):
        if hasattr(array, "to_dense"):
            return np.asarray(array.to_dense())
        raise TypeError(
            f"{name} is a {type(array).__name__} of shape {array.shape}, known by its products only: expected a matrix; "
            f"{name} @ np.eye({array.shape[1]}) makes one"
        )
    return np.asarray(array)


def finite(array: Array, name: str) -> Array:
    """The array itself; ValueError where an entry is NaN or infinite.

    Examples
    --------
    >>> from kronmix.checks import finite
    >>> finite(np.array([1.0, np.nan]), "y")
    Traceback (most recent call last):
    ...
    ValueError: y has 1 NaN or infinite entries, the first at index (1,): expected finite numbers
    """
    good = np.isfinite(array)
    bad = array.size - int(np.count_nonzero(good))
    if bad:
        first = tuple(int(i) for i in np.argwhere(~good)[0])
        raise ValueError(
            f"{name} has {bad} NaN or infinite entries, the first at index {first}: expected finite numbers"
        )
    return array


def integer(value: Any, name: str, least: int = 1) -> int:
    """A whole number, at least ``least``.

    Examples
    --------
    >>> from kronmix.checks import integer
    >>> integer(0, "rank")
    Traceback (most recent call last):
    ...
    ValueError: rank=0: expected at least 1
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an integer") from None
    if number < least:
        raise ValueError(f"{name}={number}: expected at least {least}")
    return number


def positive(value: Any, name: str, what: str = "a positive number") -> float:
    """A finite number above zero."""
    if not (isfinite(value) and value > 0):
        raise ValueError(f"{name}={value}: expected {what}")
    return float(value)


def non_negative(value: Any, name: str, what: str = "a number, at least 0") -> float:
    """A finite number, at least zero."""
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"{name}={value}: expected {what}")
    return float(value)


def other_way(name: str, shape: Sequence[int], axis: int, size: int) -> str:
    """What to add to a complaint about the length of an axis where the matrix only stands the other way; "" elsewhere.

    Examples
    --------
    >>> from kronmix.checks import other_way
    >>> other_way("X", (30, 24), 0, 24)
    '; X is transposed: pass X.T'
    """
    turned = len(shape) == 2 and shape[axis] != size and shape[1 - axis] == size
    return f"; {name} is transposed: pass {name}.T" if turned else ""


def check_memory(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    max_bytes: int,
    instead: str = "pass a larger max_bytes if you mean it",
) -> None:
    """Refuse to make an array larger than ``max_bytes``, and say what to do instead."""
    needed = int(np.prod([int(s) for s in shape], dtype=object)) * dtype.itemsize
    if needed > max_bytes:
        size = "×".join(map(str, shape))
        raise MemoryError(
            f"a dense {size} {dtype} matrix takes {needed:,} bytes, above max_bytes={max_bytes:,}; {instead}"
        )


def raised_in(error: BaseException, packages: Sequence[str]) -> bool:
    """Whether a ``raise`` in one of these packages made an exception: what breaks inside NumPy, or in a sum, was not foreseen.

    Examples
    --------
    >>> from kronmix.checks import integer, raised_in
    >>> try:
    ...     integer(1.5, "rank")
    ... except TypeError as error:
    ...     print(raised_in(error, ["kronmix"]), raised_in(error, ["numpy"]))
    True False
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in packages:
        return False
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == _RAISE
