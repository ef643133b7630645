"""Matrices of blocks: which rows and columns belong together, and what becomes of it in a product or from a sparse matrix."""

from __future__ import annotations

from itertools import groupby
from math import prod
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, structural_rank

from . import orders
from .composed import Beside, Permuted, Total
from .items import Array, Identity, Matrix
from .kinds import DirectSum, Form, Slots, Stack, Terms

#: Largest array of blocks that is made of a product or a sparse matrix, in numbers.
MAX_SIZE = 2**27
#: Blocks of several sides are joined through sparse matrices up to this many numbers.
MAX_STORED = 2**22


def is_blocks(form: Form) -> bool:
    """Whether the form says that rows and columns fall into independent groups."""
    match form:
        case Stack():
            return True
        case DirectSum(parts=parts):
            return all(isinstance(part, Stack | Slots) for part in parts)
        case Slots(items=items):
            return any(isinstance(item, Identity) for item in items)
        case Permuted(inner=inner):
            return is_blocks(inner)
        case _:
            return False


def stored(form: Form) -> int:
    """Numbers that a form of blocks takes as a sparse matrix."""
    match form:
        case Stack():
            return form.copies * int(form.blocks.size)
        case DirectSum(parts=parts):
            return sum(map(stored, parts))
        case Slots():
            return form.copies * prod(item.rows * item.columns for item in form.matrices)
        case Permuted(inner=inner):
            return stored(inner)
        case Terms(terms=parts) | Total(parts=parts) | Beside(parts=parts):
            return sum(map(stored, parts))
    return form.shape[0] * form.shape[1]


def labels(form: Form) -> tuple[Array, Array]:
    """The block that each row, and each column, belongs to."""
    match form:
        case Stack(blocks=blocks, copies=copies):
            n, b, c = blocks.shape
            return np.repeat(np.arange(copies * n), b), np.repeat(np.arange(copies * n), c)
        case DirectSum(parts=parts):
            found, start = [], 0
            for part in parts:
                rows, columns = labels(part)
                found.append((rows + start, columns + start))
                start += 1 + max(rows.max(initial=-1), columns.max(initial=-1))
            return np.concatenate([r for r, _ in found]), np.concatenate([c for _, c in found])
        case Slots(items=items):
            label = np.zeros((1, 1), int), np.zeros((1, 1), int)
            for item in items:
                mine = np.arange(item.size) if isinstance(item, Identity) else np.zeros(1, int)
                count = mine.size
                label = tuple(  # type: ignore[assignment]
                    (part.reshape(-1, 1) * count + np.broadcast_to(mine, size)).reshape(1, -1)
                    for part, size in zip(label, (item.rows, item.columns), strict=True)
                )
            return label[0].ravel(), label[1].ravel()
        case Permuted(inner=inner, rows=row_order, columns=column_order):
            rows, columns = labels(inner)
            return (
                rows if row_order is None else rows[row_order],
                columns if column_order is None else columns[column_order],
            )
        case _:
            return np.zeros(form.shape[0], int), np.zeros(form.shape[1], int)


def multiply_blocks(left: Form, right: Form) -> Form | None:
    """Product of two matrices of blocks; None where the product is a single block, or too large.

    Blocks of the two sides that share an inner index belong together: the connected components are the blocks of the product.
    """
    one, other = _stack(left), _stack(right)
    product = None if one is None or other is None else _stack_product(one, other)
    if product is not None:
        return product
    (rows, inner_left), (inner_right, columns) = labels(left), labels(right)
    n_left = 1 + int(max(rows.max(initial=-1), inner_left.max(initial=-1)))
    n_right = 1 + int(max(columns.max(initial=-1), inner_right.max(initial=-1)))
    edges = coo_array(
        (np.ones(inner_left.size, bool), (inner_left, n_left + inner_right)), shape=(n_left + n_right,) * 2
    )
    count, component = connected_components(edges, directed=False)
    row_label, column_label = component[rows], component[n_left + columns]
    if count < 2 or _stored_entries(row_label, column_label, count) > MAX_SIZE:
        return None
    return _gathered(to_sparse(left) @ to_sparse(right), row_label, column_label, count)


def _stack(form: Form) -> Stack | None:
    """A form as a stack of blocks where it is one without reordering."""
    match form:
        case Stack():
            return form
        case Slots(items=(Identity(size=n), *rest)) if rest and not any(isinstance(x, Identity) for x in rest):
            if prod(x.rows * x.columns for x in rest) <= sum(2 * x.left.size for x in rest):
                return Stack(Slots(tuple(rest), form.scale, form.kind).dense()[None], n)
    return None


def _stack_product(left: Stack, right: Stack) -> Form | None:
    """Block by block, shared blocks once."""
    (n, b, c), (m, d, e) = left.blocks.shape, right.blocks.shape
    if c != d or left.copies * n != right.copies * m:
        return None
    if n == m:
        return stacked(np.matmul(left.blocks, right.blocks), left.copies)
    if 1 in (n, m):
        return stacked(np.matmul(left.blocks, right.blocks), min(left.copies, right.copies))
    if left.copies * n * b * e > MAX_SIZE:
        return None
    return stacked(np.matmul(left.expanded(), right.expanded()), 1)


def stacked(blocks: Array, copies: int = 1) -> Form:
    """Blocks side by side: one block is a tied item."""
    if len(blocks) == 1:
        return Slots.of([Identity(copies), Matrix(blocks[0])])
    return Stack(blocks, copies)


def from_sparse(matrix: Any) -> Form | None:
    """A sparse matrix as the connected components of its support; None where there is only one, or they are too large."""
    support = coo_array(matrix)
    rows, columns = support.shape
    edges = coo_array((np.ones(support.nnz, bool), (support.row, rows + support.col)), shape=(rows + columns,) * 2)
    count, component = connected_components(edges, directed=False)
    if count < 2 or _stored_entries(component[:rows], component[rows:], count) > MAX_SIZE:
        return None
    return _gathered(csr_array(matrix), component[:rows], component[rows:], count)


def _stored_entries(rows: Array, columns: Array, count: int) -> float:
    """Σ mᵢnᵢ over blocks: how many entries they hold together."""
    m, n = (np.bincount(x, minlength=count).astype(float) for x in (rows, columns))
    return float((m * n).sum())


def _gathered(matrix: csr_array, rows: Array, columns: Array, count: int) -> Form:
    """The blocks of a sparse matrix whose rows and columns are labelled, equal shapes stacked."""
    m, n = (np.bincount(x, minlength=count) for x in (rows, columns))
    # Blocks of one shape stand side by side.
    rank = np.empty(count, int)
    rank[np.lexsort((n, m))] = np.arange(count)
    row_order, column_order = np.argsort(rank[rows], kind="stable"), np.argsort(rank[columns], kind="stable")
    place_row, place_column = orders.inverse(row_order), orders.inverse(column_order)
    assert place_row is not None
    assert place_column is not None
    sizes = sorted(zip(m.tolist(), n.tolist(), strict=True))
    entries = coo_array(matrix)
    i, j = place_row[entries.row], place_column[entries.col]
    parts: list[Form] = []
    top = side = 0
    for (b, c), group in groupby(sizes):
        k = len(list(group))
        inside = (i >= top) & (i < top + k * b)
        blocks = np.zeros((k, b, c), np.result_type(np.float32, matrix))
        if b:
            x, y = i[inside] - top, j[inside] - side
            if c:
                np.add.at(blocks, (x // b, x % b, y % c), entries.data[inside])
            ranks = _structural_ranks(x, y, k, b, c) if c else None
            parts += _parts(blocks, ranks)
        else:
            parts.append(Stack(blocks))
        top, side = top + k * b, side + k * c
    inner = parts[0] if len(parts) == 1 else DirectSum(tuple(parts))
    return Permuted(inner, orders.normal(place_row), orders.normal(place_column))


def _parts(blocks: Array, ranks: Array | None) -> list[Form]:
    """A stack, or blocks one by one where the support of some is short of rank."""
    if ranks is None or bool((ranks == min(blocks.shape[1:])).all()):
        return [stacked(blocks)]
    return [Slots((Matrix(block, bound=int(rank)),)) for block, rank in zip(blocks, ranks, strict=True)]


def _structural_ranks(x: Array, y: Array, k: int, b: int, c: int) -> Array:
    """Structural rank of each of k blocks whose support is given by places in the stack."""
    ranks = np.empty(k, int)
    block = x // b
    order = np.argsort(block, kind="stable")
    stops = np.searchsorted(block[order], np.arange(k + 1))
    for which in range(k):
        mine = order[stops[which] : stops[which + 1]]
        if mine.size == b * c:
            ranks[which] = min(b, c)
        elif min(b, c) == 1:
            ranks[which] = int(mine.size > 0)
        else:
            places = (x[mine] % b).astype(np.int32), (y[mine] % c).astype(np.int32)  # all that older SciPy matches
            support = csr_array((np.ones(mine.size, bool), places), shape=(b, c))
            ranks[which] = int(structural_rank(support))
    return ranks


def to_sparse(form: Form) -> csr_array:
    """A form of blocks, or a sum or a row of such, as a sparse matrix."""
    match form:
        case Stack():
            blocks = form.expanded()
            n, b, c = blocks.shape
            k, i, j = np.ogrid[:n, :b, :c]
            rows, columns = (np.broadcast_to(x, blocks.shape).ravel() for x in (k * b + i, k * c + j))
            return csr_array((blocks.ravel(), (rows, columns)), shape=form.shape)
        case DirectSum(parts=parts):
            return csr_array(scipy.sparse.block_diag([to_sparse(part) for part in parts], format="csr"))
        case Slots(items=items):
            product = csr_array(np.full((1, 1), form.scale, form.dtype))
            for item in items:
                factor = (
                    scipy.sparse.eye_array(item.size, dtype=form.dtype) if isinstance(item, Identity) else item.array
                )
                product = csr_array(scipy.sparse.kron(product, factor, format="csr"))
            return product
        case Terms(terms=parts) | Total(parts=parts):
            return csr_array(sum(map(to_sparse, parts[1:]), to_sparse(parts[0])))
        case Beside():
            stack = scipy.sparse.hstack if form.axis else scipy.sparse.vstack
            return csr_array(stack([to_sparse(part) for part in form.parts], format="csr"))
        case Permuted(inner=inner):
            matrix = to_sparse(inner)
            matrix = matrix if form.rows is None else matrix[form.rows]
            return csr_array(matrix if form.columns is None else matrix[:, form.columns])
        case _:
            return csr_array(form.dense())
