"""Matrices padded with zeros to sizes with many divisors, and cut back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Self

import numpy as np
from scipy.fft import next_fast_len

from ...checks import MAX_BYTES, integer
from ..rearrangement import rearrange
from .hollow import farther
from .spectra import Spectra, squares

Array = np.ndarray[Any, np.dtype[Any]]
Size = tuple[int, int]


def padded_size(pad: Any, shape: Size) -> Size:
    """The size asked for; where none is named, the next sizes whose prime factors are 2, 3 and 5."""
    if pad is True or pad is False:
        rows, columns = (int(next_fast_len(n, real=True)) if pad else n for n in shape)
        return rows, columns
    try:
        rows, columns = (integer(n, "pad") for n in pad)
    except (TypeError, ValueError) as error:
        raise type(error)(f"pad={pad!r}: expected True, or two sizes (rows, columns)") from None
    if rows < shape[0] or columns < shape[1] or rows * columns * 16 > MAX_BYTES:
        raise ValueError(
            f"pad={pad!r}: expected sizes from {shape[0]}×{shape[1]}, that of the matrix, up to {MAX_BYTES // 16} entries"
        )
    return rows, columns


def extended(matrix: Array, size: Size) -> Array:
    """The matrix with zeros added below and to the right."""
    return np.pad(matrix, [(0, after - before) for before, after in zip(matrix.shape, size, strict=True)])


def free_entries(shape: Size, size: Size) -> tuple[Array, Array]:
    """Rows and columns of what is cut off."""
    outside = np.ones(size, dtype=bool)
    outside[: shape[0], : shape[1]] = False
    rows, columns = np.nonzero(outside)
    return rows, columns


class Extended(Spectra):
    """Spectra of a matrix with rows and columns of zeros added."""

    def __init__(self, spectra: Spectra, size: Size) -> None:
        self.inside = spectra.shape
        super().__init__(replace(spectra.aim, matrix=extended(spectra.aim.matrix, size)))

    @classmethod
    @cache
    def to(cls, size: Size) -> Callable[[Spectra], Self]:
        """What makes spectra of this size; the same function for the same size, so that they are made once."""
        return lambda spectra: cls(spectra, size)


class Inside(Extended):
    """Spectra of the rows, or of the columns, of 𝓡(B) that hold entries of the matrix only."""

    def rearranged(self, p: int, k: int, q: int, s: int) -> Array:
        m, n = self.inside
        R = rearrange(self.matrix, ((p, k), (q, s)))
        rows = np.logical_and.outer(np.arange(p) < m // q, np.arange(k) < n // s).ravel()
        columns = np.logical_and.outer(np.arange(q) < m - (p - 1) * q, np.arange(s) < n - (k - 1) * s).ravel()
        return farther(squares(R[rows]), squares(R[:, columns]), min(R.shape))
