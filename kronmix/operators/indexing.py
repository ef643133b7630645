"""Entries, rows and columns of an operator as NumPy indexes a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..forms import entries

Array = np.ndarray[Any, np.dtype[Any]]


def item(op: Any, key: Any) -> Any:
    """``op[key]``: a number, a row, a column, single entries or a block, never the whole matrix unless all of it is asked for.

    Two index arrays pick entries in pairs, as in NumPy; a slice, or an index and a slice, give rows, columns and blocks.
    """
    rows, columns = key if isinstance(key, tuple) else (key, slice(None))
    if isinstance(key, tuple) and len(key) != 2:
        raise IndexError(f"{len(key)} indices for a matrix: expected at most 2")
    i, j = (_positions(index, size) for index, size in zip((rows, columns), op.shape, strict=True))
    if isinstance(rows, slice) or isinstance(columns, slice):
        block = _block(op, np.atleast_1d(i), np.atleast_1d(j))
        return block.reshape(i.shape + j.shape)
    i, j = np.broadcast_arrays(i, j)
    found = entries.entries(op.form, i.ravel(), j.ravel()).reshape(i.shape)
    return found[()]


def _positions(index: Any, size: int) -> Array:
    """Non-negative positions of an index, a slice, a mask or an array of indices."""
    if isinstance(index, slice):
        return np.arange(size)[index]
    positions = np.asarray(index)
    if positions.dtype == bool:
        if positions.shape != (size,):
            raise IndexError(f"a mask of shape {positions.shape}: expected ({size},)")
        return np.flatnonzero(positions)
    if positions.dtype.kind not in "iu":
        raise IndexError(f"index {index!r}: expected integers, slices, masks or arrays of integers")
    if positions.size and not (-size <= positions.min() and positions.max() < size):
        raise IndexError(f"index {index!r} is out of bounds for a size of {size}")
    return positions % size


def _block(op: Any, rows: Array, columns: Array) -> Array:
    """The rows and columns crossed: products with unit vectors from the narrower side."""
    if rows.size < columns.size:
        return np.asarray(_block(op._transpose(), columns, rows).T)
    E = np.zeros((op.shape[1], columns.size), op.dtype)
    E[columns, np.arange(columns.size)] = 1
    return np.asarray(op._apply(E)[rows])
