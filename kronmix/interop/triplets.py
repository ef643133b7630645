"""Leading singular triplets of adapters' updates, from their factors (T15, T33)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce, singledispatch
from typing import Any, NamedTuple

import numpy as np

from ..forms.items import Identity, Matrix, multiply_items
from ..operators import Chain, Dense, Kronecker, KroneckerSparse, Permutation, StructuredOperator
from ..operators.base import Array
from .entrywise import LowRankHadamard


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


@singledispatch
def triplets(op: StructuredOperator) -> Triplets:
    """Singular values in descending order, and vectors on demand; the dense matrix where no structure helps.

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
    items = _items(op)
    return _of_items(items) if items is not None else _of_items([Matrix(_double(op.to_dense()))])


@triplets.register
def _(op: LowRankHadamard) -> Triplets:
    """Two thin QR factorisations of the Khatri–Rao factors, or one SVD where these are the larger (T33)."""
    exact = op.with_factors(*map(_double, op.factors))
    if op.ranks[0] * op.ranks[1] < min(op.shape):
        return _of_items([Matrix(*exact.khatri_rao())])
    return _of_items([Matrix(exact.to_dense())])


@triplets.register
def _(op: Chain) -> Triplets:
    """Permutations outside only reorder the entries of singular vectors."""
    operators = list(op.operators)
    rows, columns = np.arange(op.shape[0]), np.arange(op.shape[1])
    while len(operators) > 1 and isinstance(operators[0], Permutation):
        rows = operators.pop(0).indices[rows]
    while len(operators) > 1 and isinstance(operators[-1], Permutation):
        columns = columns[operators.pop().indices]
    inner = [_items(factor) for factor in operators]
    items = reduce(lambda left, right: None if left is None or right is None else multiply_items(left, right), inner)
    found = _of_items(items) if items is not None else _of_items([Matrix(_double(Chain(*operators).to_dense()))])

    def vectors(r: int) -> tuple[Array, Array]:
        U, Vh = found.vectors(r)
        return U[rows], Vh[:, np.argsort(columns)]

    return Triplets(found.values, vectors)


@singledispatch
def _items(op: StructuredOperator) -> list[Any] | None:
    """The operator as a list of Kronecker items, or None."""
    return None


@_items.register(Kronecker)
@_items.register(Dense)
def _(op: StructuredOperator) -> list[Any] | None:
    return [Matrix(_double(factor)) for factor in op.factors]


@_items.register
def _(op: KroneckerSparse) -> list[Any] | None:
    if op.values.shape[:2] != (1, 1):
        return None
    K = np.broadcast_to(op.values[0, 0], (op.pattern.b, op.pattern.c))
    return [Identity(op.pattern.a), Matrix(_double(K)), Identity(op.pattern.d)]


def _of_items(items: Sequence[Any]) -> Triplets:
    """The products σ_i σ_j …, sorted; their vectors are Kronecker products of the items' (T15)."""
    parts = [_item_svd(item) for item in items]
    products = reduce(np.multiply.outer, (s for _, s, _ in parts))
    order = np.argsort(-products, axis=None, kind="stable")

    def vectors(r: int) -> tuple[Array, Array]:
        chosen = np.unravel_index(order[:r], products.shape)
        lefts = (U[:, i] for (U, _, _), i in zip(parts, chosen, strict=True))
        rights = (Vh[i].T for (_, _, Vh), i in zip(parts, chosen, strict=True))
        return reduce(_columnwise, lefts), reduce(_columnwise, rights).T

    return Triplets(products.ravel()[order], vectors)


def _item_svd(item: Any) -> tuple[Array, Array, Array]:
    if isinstance(item, Identity):
        return np.eye(item.size), np.ones(item.size), np.eye(item.size)
    found: tuple[Array, Array, Array] = item.svd()
    return found


def _columnwise(left: Array, right: Array) -> Array:
    """Column j is left[:, j] ⊗ right[:, j]."""
    return np.asarray(left[:, None, :] * right[None, :, :]).reshape(-1, left.shape[1])


def _double(array: Array) -> Array:
    return array.astype(np.result_type(array, np.float64), copy=False)
