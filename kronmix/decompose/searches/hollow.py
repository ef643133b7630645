"""Spectra of a matrix without its diagonal: what a structure beside a diagonal matrix achieves at least, and at most (T28)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..rearrangement import rearrange
from .spectra import Spectra, splittings, squares

Array = np.ndarray[Any, np.dtype[Any]]


class Hollow(Spectra):
    """Spectra of a square matrix with zeros on its diagonal, at the sizes with square factors (p = k, q = s).

    Structures near it are near the matrix itself once a diagonal matrix takes up the rest.
    """

    def __init__(self, spectra: Spectra) -> None:
        matrix = spectra.aim.matrix.copy()
        np.fill_diagonal(matrix, 0)
        super().__init__(replace(spectra.aim, matrix=matrix))

    def splittings(self, m: int, n: int) -> Iterator[tuple[int, int, int, int]]:
        yield from ((p, k, q, s) for p, k, q, s in splittings(m, n) if (p, q) == (k, s))


class OffDiagonal(Hollow):
    """Spectra of submatrices without diagonal entries: no diagonal makes a structure better there.

    A submatrix of a matrix of rank r has rank at most r, so that what its spectrum leaves is a lower bound; what disjoint
    submatrices leave adds up.
    """

    def whole(self) -> Array:
        """Spectra of the blocks of rows against columns when the indices are halved again and again."""
        n = self.shape[0]
        total = np.zeros(n)
        parts = [(0, n)]
        while parts:
            start, stop = parts.pop()
            middle = (start + stop) // 2
            if stop - start > 1:
                for block in (self.matrix[start:middle, middle:stop], self.matrix[middle:stop, start:middle]):
                    values = squares(block)
                    total[: values.size] += values
                parts += [(start, middle), (middle, stop)]
        return total

    def _squares(self, Z: Array) -> Array:
        """Slice (i_κ, i_β) meets the diagonal at its own entry (i_κ, i_β): without that row, or without that column."""
        k, q, p, s = Z.shape[1], Z.shape[2], Z.shape[4], Z.shape[5]
        rows, columns = _others(k, p)[None, :, None, None, :, None], _others(q, s)[None, None, :, None, None, :]
        return farther(
            squares(np.take_along_axis(Z, rows, axis=4)), squares(np.take_along_axis(Z, columns, axis=5)), min(p, s)
        )

    def rearranged(self, p: int, k: int, q: int, s: int) -> Array:
        """The diagonal is a block of 𝓡(B): the other rows and, of its rows, the other columns; or the same by columns."""
        R = rearrange(self.matrix, ((p, k), (q, s)))
        size = min(R.shape)
        on = np.eye(p, k, dtype=bool).ravel(), np.eye(q, s, dtype=bool).ravel()
        by_rows = _sum_padded(squares(R[~on[0]]), squares(R[on[0]][:, ~on[1]]), size)
        by_columns = _sum_padded(squares(R[:, ~on[1]]), squares(R[~on[0]][:, on[1]]), size)
        return farther(by_rows, by_columns, size)


def _others(count: int, size: int) -> Array:
    """Row i: 0 … size−1 without i."""
    return np.array([[j for j in range(size) if j != i] for i in range(count)]).reshape(count, size - 1)


def _sum_padded(first: Array, second: Array, size: int) -> Array:
    """Sum of two vectors, each filled up with zeros to this size."""
    total = np.zeros(size)
    for values in (first, second):
        total[: values.size] += values
    return total


def farther(first: Array, second: Array, size: int) -> Array:
    """The one of two spectra, slice by slice, that leaves more beside its largest value; with zeros up to a length."""
    padded = (
        np.concatenate([values, np.zeros((*values.shape[:-1], size - values.shape[-1]))], axis=-1)
        for values in (first, second)
    )
    one, other = padded
    return np.where(one[..., 1:].sum(axis=-1, keepdims=True) >= other[..., 1:].sum(axis=-1, keepdims=True), one, other)
