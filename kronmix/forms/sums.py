"""Sums of forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import orders
from .blocks import MAX_STORED, from_sparse, is_blocks, stored, to_sparse
from .composed import Beside, Permuted, Updated
from .dtypes import widened
from .items import Identity, Matrix, aligned, equal
from .kinds import DirectSum, Form, Slots, Stack, Terms, terms_of
from .permuting import permuted


def add(left: Form, right: Form) -> Form | None:
    """left + right as a form; None where its structure is not known."""
    dtype = np.result_type(left.dtype, right.dtype)  # a weak scale is rounded to what it meets, not before
    left, right = widened(left, dtype), widened(right, dtype)
    for one, other in ((left, right), (right, left)):
        if is_multiple_of_identity(one):
            shifted = _shifted(other, one)
            if shifted is not None:
                return shifted
        thin = as_thin(one)
        if thin is not None:
            return _updated(other, thin)
        if isinstance(one, Updated):
            total = add(one.base, other)
            return None if total is None else _updated(total, one.update)
    total = _same_layout(left, right)
    if total is not None or not (is_blocks(left) and is_blocks(right)):
        return total
    if stored(left) + stored(right) > MAX_STORED:
        return None
    return from_sparse(to_sparse(left) + to_sparse(right))  # blocks that overlap join


def _same_layout(left: Form, right: Form) -> Form | None:
    """The sum of two forms whose parts stand in the same places."""
    match left, right:
        case Permuted(), Permuted() if orders.same(left.rows, right.rows) and orders.same(left.columns, right.columns):
            inner = add(left.inner, right.inner)
            return None if inner is None else permuted(inner, left.rows, left.columns)
        case ((Slots() | Terms()), (Slots() | Terms())):
            return add_products([*terms_of(left), *terms_of(right)])
        case Stack(), Stack() if left.blocks.shape == right.blocks.shape and left.copies == right.copies:
            return Stack(left.blocks + right.blocks, left.copies)
        case DirectSum(), DirectSum() if [p.shape for p in left.parts] == [p.shape for p in right.parts]:
            parts = _sums_of_parts(left.parts, right.parts)
            return None if parts is None else DirectSum(parts)
        case Beside(), Beside() if left.axis == right.axis and left.starts == right.starts:
            parts = _sums_of_parts(left.parts, right.parts)
            return None if parts is None else Beside(parts, left.axis)
    return None


def _sums_of_parts(left: Sequence[Form], right: Sequence[Form]) -> tuple[Form, ...] | None:
    sums = [add(a, b) for a, b in zip(left, right, strict=True)]
    known = tuple(total for total in sums if total is not None)
    return known if len(known) == len(sums) else None


def is_multiple_of_identity(form: Form) -> bool:
    """Whether the form is c · I."""
    return isinstance(form, Slots) and not form.matrices


def as_thin(form: Form) -> Matrix | None:
    """A form that is one product of a tall and a wide matrix, as that."""
    match form:
        case Slots(items=(Matrix(right=right) as item,)) if right is not None:
            return item if form.scale == 1 else item * form.scale
    return None


def _updated(base: Form, update: Matrix) -> Form:
    """base + update, where an update that was there before is joined with the new one."""
    match base:
        case Updated():
            joined = _side_by_side(base.update, update)
            return (
                Updated(base.base, joined)
                if joined.right is not None
                else Slots((Matrix(base.dense() + update.array),))
            )
        case Slots(items=(Matrix() as item,)) if item.right is None:
            return Slots((Matrix(item.left * base.scale + update.array),), 1.0, base.kind)
        case Slots(items=(Matrix() as item,)):
            return Slots((_side_by_side(item * base.scale, update),), 1.0, base.kind)
    return Updated(base, update)


def _side_by_side(one: Matrix, other: Matrix) -> Matrix:
    """U V + U' V' as one product, multiplied out where that is no longer smaller."""
    assert one.right is not None
    assert other.right is not None
    joined = Matrix(np.hstack([one.left, other.left]), np.vstack([one.right, other.right]))
    return joined if joined.left.shape[1] < min(joined.shape) else Matrix(joined.array)


def _shifted(form: Form, identity: Form) -> Form | None:
    """form + c·I where blocks and similarities take it; None otherwise."""
    assert isinstance(identity, Slots)
    c = identity.scale
    match form:
        case Stack(blocks=blocks) if blocks.shape[1] == blocks.shape[2]:
            dtype = np.result_type(form.dtype, identity.dtype)
            return Stack(blocks + np.asarray(c, dtype) * np.eye(blocks.shape[1], dtype=dtype), form.copies)
        case DirectSum(parts=parts) if all(part.shape[0] == part.shape[1] for part in parts):
            shifts = [Slots((Identity(part.shape[0]),), c, identity.kind) for part in parts]
            shifted = _sums_of_parts(parts, shifts)
            return None if shifted is None else DirectSum(shifted)
        case Permuted() if orders.same(form.rows, form.columns):
            inner = add(form.inner, identity)
            return None if inner is None else permuted(inner, form.rows, form.columns)
        case Updated(base=base):
            total = add(base, identity)
            return None if total is None else _updated(total, form.update)
    return None


def add_products(products: Sequence[Slots]) -> Form | None:
    """Terms whose items are brought to the same shapes; two that differ in one item only are one term."""
    terms: list[Slots] = []
    dtype = np.result_type(*(product.dtype for product in products))
    listed = [Slots(product.items, product.scale, np.result_type(product.kind, dtype)) for product in products]
    shapes: list[Any] = [Identity(1)] * 0
    for term in listed:
        fitted = aligned(shapes, term.items) if shapes else ([], list(term.items))
        if fitted is None:
            return None
        shapes = [a if isinstance(b, Identity) else b for a, b in zip(*fitted, strict=True)] if shapes else fitted[1]
    for term in listed:
        fitted = aligned(term.items, shapes)
        assert fitted is not None
        _collect(terms, Slots(tuple(fitted[0]), term.scale, term.kind))
    return Slots.of(terms[0].items, terms[0].scale, terms[0].kind) if len(terms) == 1 else Terms(tuple(terms))


def _collect(terms: list[Slots], new: Slots) -> None:
    """A ⊗ B + A ⊗ C = A ⊗ (B + C): the new term joins one from which it differs in at most one item."""
    for i, old in enumerate(terms):
        differing = [j for j, (a, b) in enumerate(zip(old.items, new.items, strict=True)) if not equal(a, b)]
        kind = np.result_type(old.kind, new.kind)
        if not differing:
            terms[i] = Slots(old.items, old.scale + new.scale, kind)
            return
        if len(differing) == 1:
            j = differing[0]
            both = old.items[j], new.items[j]
            dtype = np.result_type(kind, *(item.dtype for item in both if isinstance(item, Matrix)))
            total = sum(item.dense(dtype) * c for item, c in zip(both, (old.scale, new.scale), strict=True))
            terms[i] = Slots((*old.items[:j], Matrix(np.asarray(total)), *old.items[j + 1 :]), 1.0, kind)
            return
    terms.append(new)
