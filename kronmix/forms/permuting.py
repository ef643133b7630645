"""Rows and columns of a form in another order."""

from __future__ import annotations

from . import orders
from .composed import Permuted
from .items import Array, Identity, merged
from .kinds import Form, Slots
from .orders import Order


def permuted(form: Form, rows: Order, columns: Order) -> Form:
    """``form[rows][:, columns]`` in normal form: reorderings of Kronecker items are carried out (T2)."""
    if isinstance(form, Permuted):
        rows, columns, form = orders.then(form.rows, rows), orders.then(form.columns, columns), form.inner
    rows, columns = orders.normal(rows), orders.normal(columns)
    if rows is not None and isinstance(form, Slots):
        form, rows, columns = reordered(form, rows, columns)
    return form if rows is None and columns is None else Permuted(form, rows, columns)


def reordered(form: Slots, rows: Array, columns: Order) -> tuple[Slots, Order, Order]:
    """A row order that only rearranges the items, as items in that order and an order of the columns (T2)."""
    if len(form.items) == 1 and isinstance(form.items[0], Identity):  # P = Pᵀ read by its columns
        return form, None, orders.then(orders.inverse(rows), columns)
    axes = orders.as_transposition(rows, [item.rows for item in form.items])
    if axes is None:
        return form, rows, columns
    # (⊗M)[rows] = ⊗M' with its columns read in the order that undoes the same rearrangement of theirs.
    moved = orders.inverse(orders.transposed([item.columns for item in form.items], axes))
    items = merged([form.items[axis] for axis in axes])
    return Slots(items, form.scale, form.kind), None, orders.then(orders.normal(moved), columns)
