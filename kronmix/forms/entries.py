"""Entries of a form: single ones, the diagonal and its sum, rows and columns."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ..checks import MAX_BYTES
from . import orders
from .composed import Beside, Permuted, Total, Updated
from .items import Array, Matrix
from .kinds import DirectSum, Form, Slices, Slots, Stack, Terms

#: Columns that an opaque form is asked for at once.
_CHUNK = 256


def entries(form: Form, rows: Array, columns: Array) -> Array:
    """The entries B[rows[i], columns[i]], without the matrix where the form has a formula for them."""
    match form:
        case Slots():
            i = np.unravel_index(rows, [item.rows for item in form.items])
            j = np.unravel_index(columns, [item.columns for item in form.items])
            found = (item.entries(r, c) for item, r, c in zip(form.items, i, j, strict=True))
            return np.asarray(reduce(np.multiply, found, np.asarray(form.scale, form.dtype)))
        case Stack():
            n, b, c = form.blocks.shape
            (k, i_b), (m, i_c) = np.divmod(rows, b), np.divmod(columns, c)
            return np.where(k == m, form.blocks[k % n, i_b, i_c], np.zeros((), form.dtype))
        case DirectSum():
            return _of_parts(form, rows, columns)
        case Beside():
            return _of_stacked(form, rows, columns)
        case Terms() | Total():
            parts: tuple[Form, ...] = form.terms if isinstance(form, Terms) else form.parts
            return reduce(np.add, (entries(part, rows, columns) for part in parts))
        case Slices():
            a, κ, β, d, b, c, _ = form.sizes
            (x, i_b, i_β, z), (y, i_κ, i_c, w) = (
                np.unravel_index(rows, (a, b, β, d)),
                np.unravel_index(columns, (a, κ, c, d)),
            )
            place = (x, i_κ, i_β, z)
            product = np.einsum("nr,nr->n", form.U[(*place, i_b)], form.V[place][np.arange(rows.size), :, i_c])
            return np.where((x == y) & (z == w), product, np.zeros((), form.dtype))
        case Updated():
            return entries(form.base, rows, columns) + form.update.entries(rows, columns)
        case Permuted():
            return entries(form.inner, orders.at(form.rows, rows), orders.at(form.columns, columns))
    return _by_columns(form, rows, columns)


def _of_parts(form: DirectSum, rows: Array, columns: Array) -> Array:
    """Each part answers for the places inside it; zero elsewhere."""
    tops, sides = (np.cumsum([0, *(part.shape[axis] for part in form.parts)]) for axis in (0, 1))
    which = np.searchsorted(tops, rows, side="right") - 1
    inside = which == np.searchsorted(sides, columns, side="right") - 1
    found = np.zeros(rows.shape, form.dtype)
    for part in np.unique(which[inside]):
        mine = inside & (which == part)
        found[mine] = entries(form.parts[part], rows[mine] - tops[part], columns[mine] - sides[part])
    return found


def _of_stacked(form: Beside, rows: Array, columns: Array) -> Array:
    """The part that a row, or a column, runs through answers."""
    places = [rows, columns]
    which = np.searchsorted(form.starts, places[form.axis], side="right") - 1
    found = np.zeros(rows.shape, form.dtype)
    for part in np.unique(which):
        mine = which == part
        inside = [place[mine] for place in places]
        inside[form.axis] = inside[form.axis] - form.starts[part]
        found[mine] = entries(form.parts[part], inside[0], inside[1])
    return found


def _by_columns(form: Form, rows: Array, columns: Array) -> Array:
    """Entries read from products with unit vectors, some columns at a time."""
    found = np.empty(rows.shape, form.dtype)
    wanted, place = np.unique(columns, return_inverse=True)
    for start in range(0, wanted.size, _CHUNK):
        part = wanted[start : start + _CHUNK]
        mine = (place >= start) & (place < start + part.size)
        found[mine] = form.apply(unit_vectors(part, form))[rows[mine], place[mine] - start]
    return found


def unit_vectors(positions: Array, form: Form) -> Array:
    """Columns of the identity of the form's columns."""
    E = np.zeros((form.shape[1], positions.size), form.dtype)
    E[positions, np.arange(positions.size)] = 1
    return E


def diagonal(form: Form) -> Array:
    """The entries B[i, i], min(rows, columns) of them."""
    match form:
        case Slots() if form.is_square:
            parts = (item.diagonal() for item in form.items)
            return np.asarray(reduce(np.kron, parts, np.full(1, form.scale, form.dtype)))
        case Stack(blocks=blocks) if blocks.shape[1] == blocks.shape[2]:
            return np.tile(np.diagonal(blocks, axis1=1, axis2=2).ravel(), form.copies)
        case Terms() if form.is_square:
            return reduce(np.add, map(diagonal, form.terms))
        case Total():
            return reduce(np.add, map(diagonal, form.parts))
    places = np.arange(min(form.shape))
    return entries(form, places, places)


def beside_diagonal(form: Terms) -> tuple[list[Slots], Array] | None:
    """One product plus diagonal terms, as A ⊗ B + σI: products of disjoint supports off the diagonal, and the diagonal.

    (A ⊗ B) off its diagonal is A₀ ⊗ B + diag(A) ⊗ B₀, A₀ being A off its own. None for other sums, and where the diagonal
    is too long to write out.
    """
    if any(rows != columns for rows, columns in form.item_shapes) or form.shape[0] * form.dtype.itemsize > MAX_BYTES:
        return None
    pieces: list[Slots] = []
    for term in form.terms:
        found, before = list[Slots](), list[Any]()
        for j, item in enumerate(term.items):
            if (off := _off_diagonal(item)) is not None:
                found.append(Slots((*before, off, *term.items[j + 1 :]), term.scale, term.kind))
            before.append(Matrix(np.diag(item.diagonal())) if isinstance(item, Matrix) else item)
        if pieces and found:
            return None
        pieces += found
    return pieces, diagonal(form)


def _off_diagonal(item: Any) -> Matrix | None:
    """A square item with zeros on its diagonal; None where nothing is left."""
    if not isinstance(item, Matrix):
        return None
    off = item.array.copy()
    np.fill_diagonal(off, 0)
    return Matrix(off) if off.any() else None


def trace(form: Form) -> Any:
    """The sum of the diagonal; traces of square items multiply (T15)."""
    match form:
        case Slots() if form.is_square:
            traces = (item.trace() for item in form.items)
            return reduce(np.multiply, traces, np.asarray(form.scale, form.dtype)).astype(form.dtype)[()]
        case Stack(blocks=blocks) if blocks.shape[1] == blocks.shape[2]:
            return np.trace(blocks, axis1=1, axis2=2).sum() * form.copies
        case DirectSum() if all(part.shape[0] == part.shape[1] for part in form.parts):
            return sum(map(trace, form.parts))
        case Terms() if form.is_square:
            return sum(map(trace, form.terms))
        case Total():
            return sum(map(trace, form.parts))
        case Updated():
            return trace(form.base) + form.update.trace()
    return diagonal(form).sum()
