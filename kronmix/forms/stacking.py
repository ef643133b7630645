"""Forms side by side, and one above another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod

import numpy as np
import scipy.sparse

from . import orders
from .blocks import MAX_STORED, from_sparse, is_blocks, stored, to_sparse
from .composed import Beside, Permuted
from .dtypes import widened
from .items import Identity, Matrix, equal
from .kinds import Form, Slots
from .permuting import permuted


def beside(forms: Sequence[Form]) -> Form:
    """[F₁ F₂ …] in normal form.

    Kronecker products that differ in one item are one product, as [A ⊗ C, B ⊗ C] = [A B] ⊗ C; blocks that share rows join.

    Parameters
    ----------
    forms : sequence of Form
        Of equal numbers of rows.

    Examples
    --------
    >>> from kronmix.forms.stacking import beside
    >>> A, B, C = np.ones((2, 3)), np.ones((2, 4)), np.eye(5)
    >>> [item.shape for item in beside([km.Kronecker(A, C).form, km.Kronecker(B, C).form]).items]
    [(2, 7), (5, 5)]
    """
    dtype = np.result_type(*(form.dtype for form in forms))
    listed = [widened(form, dtype) for form in forms]
    parts = [part for form in listed for part in (form.parts if isinstance(form, Beside) and form.axis else (form,))]
    if len(parts) == 1:
        return parts[0]
    moved = [part if isinstance(part, Permuted) else Permuted(part, None, None) for part in parts]
    rows = moved[0].rows
    if all(orders.same(part.rows, rows) for part in moved) and any(isinstance(part, Permuted) for part in parts):
        columns = orders.joined([part.columns for part in moved], [part.shape[1] for part in moved])
        return permuted(beside([part.inner for part in moved]), rows, columns)
    return _one_product(parts) or _blocks(parts) or Beside(tuple(parts))


def _one_product(parts: Sequence[Form]) -> Form | None:
    """Products that differ in at most one item, as one; None where they do not."""
    products = [part for part in parts if isinstance(part, Slots)]
    if len(products) < len(parts) or len({len(part.items) for part in products}) > 1:
        return None
    places = list(zip(*(part.items for part in products), strict=True))
    differing = [j for j, place in enumerate(places) if not all(equal(place[0], item) for item in place)]
    dtype, kind = products[0].dtype, np.result_type(*(part.kind for part in products))
    if not differing:  # [c A, d A] = [c d] ⊗ A
        row = Matrix(np.array([[part.scale for part in products]], dtype))
        return Slots.of([row, *products[0].items], 1.0, kind)
    if len(differing) > 1 or len({item.rows for item in places[differing[0]]}) > 1:
        return None
    j = differing[0]
    numbers = sum(item.rows * item.columns for item in places[j] if isinstance(item, Matrix))
    if any(isinstance(item, Identity) and item.size**2 > numbers for item in places[j]):
        return None
    arrays = [part.items[j].dense(dtype) * part.scale for part in products]
    items = (*products[0].items[:j], Matrix(np.hstack(arrays)), *products[0].items[j + 1 :])
    before, after = (prod(item.columns for item in some) for some in (items[:j], items[j + 1 :]))
    index = np.arange(before * items[j].columns * after).reshape(before, items[j].columns, after)
    stops = list(accumulate(array.shape[1] for array in arrays))[:-1]
    order = np.concatenate([piece.ravel() for piece in np.split(index, stops, axis=1)])
    return permuted(Slots.of(items, 1.0, kind), None, order)


def _blocks(parts: Sequence[Form]) -> Form | None:
    """Blocks whose rows belong together, as one matrix of blocks; None where that is a single block."""
    if not all(map(is_blocks, parts)) or sum(map(stored, parts)) > MAX_STORED:
        return None
    return from_sparse(scipy.sparse.hstack([to_sparse(part) for part in parts], format="csr"))
