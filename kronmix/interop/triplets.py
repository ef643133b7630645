"""Leading singular triplets of adapters' updates, from their factors (T15, T33)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from ..forms import Form, Identity, Matrix, Permuted, Slots, form_of
from ..forms.orders import at
from ..operators import StructuredOperator
from ..operators.base import Array


class Triplets(NamedTuple):
    """A singular value decomposition whose vectors are made when asked for.

    Attributes
    ----------
    values : array
        Singular values in descending order; those that the structure says are zero may be missing.
    vectors : function of r
        Gives U (rows, r) and Vᴴ (r, columns) of the r largest.
    """

    values: Array
    vectors: Callable[[int], tuple[Array, Array]]


def triplets(op: StructuredOperator) -> Triplets:
    """Singular values in descending order, and vectors on demand; of the dense matrix where no structure helps.

    Examples
    --------
    >>> from kronmix.interop.triplets import triplets
    >>> A, B = np.diag([3.0, 1.0]), np.diag([2.0, 1.0])
    >>> found = triplets(km.Kronecker(A, B))
    >>> found.values
    array([6., 3., 2., 1.])
    >>> U, Vh = found.vectors(2)
    >>> (U * found.values[:2]) @ Vh  # the best matrix of rank 2
    array([[6., 0., 0., 0.],
           [0., 3., 0., 0.],
           [0., 0., 0., 0.],
           [0., 0., 0., 0.]])
    """
    exact = op.with_factors(*(factor.astype(np.result_type(factor, np.float64)) for factor in op.factors))
    return _of_form(form_of(exact), exact)


def _of_form(form: Form, op: StructuredOperator) -> Triplets:
    match form:
        case Slots():
            return _of_items(form.items, form.scale)
        case Permuted():
            inner = _of_form(form.inner, op) if isinstance(form.inner, Slots) else None
            return _of_items([Matrix(op.to_dense())]) if inner is None else _reordered(inner, form)
        case _:
            return _of_items([Matrix(op.to_dense())])


def _reordered(inner: Triplets, form: Permuted) -> Triplets:
    """Permutations outside only reorder the entries of singular vectors."""
    rows, columns = (np.arange(size) for size in form.shape)

    def vectors(r: int) -> tuple[Array, Array]:
        U, Vh = inner.vectors(r)
        return U[at(form.rows, rows)], Vh[:, at(form.columns, columns)]

    return Triplets(inner.values, vectors)


def _of_items(items: Sequence[Any], scale: complex = 1.0) -> Triplets:
    """The products σ_i σ_j …, sorted; their vectors are Kronecker products of the items' (T15)."""
    parts = [_item_svd(item) for item in items]
    products = reduce(np.multiply.outer, (s for _, s, _ in parts))
    order = np.argsort(-products, axis=None, kind="stable")
    phase = scale / abs(scale) if scale != 0 else 1.0

    def vectors(r: int) -> tuple[Array, Array]:
        chosen = np.unravel_index(order[:r], products.shape)
        lefts = (U[:, i] for (U, _, _), i in zip(parts, chosen, strict=True))
        rights = (Vh[i].T for (_, _, Vh), i in zip(parts, chosen, strict=True))
        return phase * reduce(_columnwise, lefts), reduce(_columnwise, rights).T

    return Triplets(abs(scale) * products.ravel()[order], vectors)


def _item_svd(item: Any) -> tuple[Array, Array, Array]:
    if isinstance(item, Identity):
        return np.eye(item.size), np.ones(item.size), np.eye(item.size)
    found: tuple[Array, Array, Array] = item.svd()
    return found


def _columnwise(left: Array, right: Array) -> Array:
    """Column j is left[:, j] ⊗ right[:, j]."""
    return np.asarray(left[:, None, :] * right[None, :, :]).reshape(-1, left.shape[1])
