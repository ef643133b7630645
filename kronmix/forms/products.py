"""Transposes, multiples, Kronecker products and products of forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from . import orders
from .blocks import is_blocks, multiply_blocks
from .composed import Beside, Opaque, Permuted, Product, Total, Updated
from .dtypes import widened
from .items import Identity, Matrix, merged, multiply_items
from .kinds import DirectSum, Form, Slices, Slots, Stack, Terms
from .orders import Order
from .permuting import permuted, reordered
from .stacking import beside
from .sums import add, add_products, as_thin


def transpose(form: Form) -> Form:
    """The transpose of a form.

    Parameters
    ----------
    form : Form

    Examples
    --------
    >>> from kronmix import forms
    >>> forms.transpose(km.Kronecker(np.ones((2, 3)), np.ones((4, 5))).form).shape
    (15, 8)
    """
    match form:
        case Slots():
            return Slots(tuple(item.T for item in form.items), form.scale, form.kind)
        case Stack():
            return Stack(form.blocks.swapaxes(1, 2), form.copies, form.bound)
        case DirectSum():
            return DirectSum(tuple(map(transpose, form.parts)))
        case Terms():
            return form.each(transpose)
        case Updated():
            return Updated(transpose(form.base), form.update.T)
        case Permuted():
            return permuted(transpose(form.inner), form.columns, form.rows)
        case Slices():  # slice [a, κ, β, d] is transposed, and its rows stand where the slice's columns stood
            a, κ, β, d, b, c, _ = form.sizes
            V, U = (x.transpose(0, 2, 1, 3, 5, 4) for x in (form.U, form.V))
            rows = orders.transposed([a, c, κ, d], (0, 2, 1, 3))
            columns = orders.transposed([a, β, b, d], (0, 2, 1, 3))
            return Permuted(Slices(U, V), orders.normal(rows), orders.normal(columns))
        case Product():
            return Product(tuple(transpose(part) for part in reversed(form.parts)))
        case Total():
            return Total(tuple(map(transpose, form.parts)))
        case Beside():
            return Beside(tuple(map(transpose, form.parts)), 1 - form.axis)
        case Opaque():
            return Opaque(form.operator.T)
    raise TypeError(f"no form: {form!r}")


def conj(form: Form) -> Form:
    """The entrywise complex conjugate."""
    if form.dtype.kind != "c":
        return form
    match form:
        case Slots():
            items = tuple(item.conj() for item in form.items)
            return Slots(items, np.conj(form.scale).item(), form.kind)
        case Stack():
            return Stack(form.blocks.conj(), form.copies, form.bound)
        case DirectSum():
            return DirectSum(tuple(map(conj, form.parts)))
        case Terms():
            return form.each(conj)
        case Slices():
            return Slices(form.U.conj(), form.V.conj())
        case Updated():
            return Updated(conj(form.base), form.update.conj())
        case Permuted():
            return Permuted(conj(form.inner), form.rows, form.columns)
        case Product():
            return Product(tuple(map(conj, form.parts)))
        case Total():
            return Total(tuple(map(conj, form.parts)))
        case Beside():
            return Beside(tuple(map(conj, form.parts)), form.axis)
        case Opaque():
            return Opaque(form.operator.H.T)
    raise TypeError(f"no form: {form!r}")


def adjoint(form: Form) -> Form:
    """The conjugate transpose."""
    return transpose(conj(form))


def scaled(form: Form, scalar: complex) -> Form:
    """scalar · form; a Python number is weak, so that it leaves the dtype."""
    match form:
        case Slots():
            return Slots(form.items, form.scale * scalar, form.kind)
        case Stack():
            return Stack(form.blocks * scalar, form.copies, form.bound)
        case DirectSum():
            return DirectSum(tuple(scaled(part, scalar) for part in form.parts))
        case Terms():
            return form.each(lambda term: scaled(term, scalar))
        case Slices():
            return Slices(form.U * scalar, form.V)
        case Updated():
            return Updated(scaled(form.base, scalar), form.update * scalar)
        case Permuted():
            return Permuted(scaled(form.inner, scalar), form.rows, form.columns)
        case Product():
            return Product((scaled(form.parts[0], scalar), *form.parts[1:]))
        case Total():
            return Total(tuple(scaled(part, scalar) for part in form.parts))
        case Beside():
            return Beside(tuple(scaled(part, scalar) for part in form.parts), form.axis)
        case Opaque():
            return Opaque(scalar * form.operator)
    raise TypeError(f"no form: {form!r}")


def kron(left: Form, right: Form) -> Form | None:
    """left ⊗ right; None where it is no form.

    Parameters
    ----------
    left, right : Form

    Examples
    --------
    >>> from kronmix import forms
    >>> forms.kron(km.eye(3).form, km.Diagonal([1.0, 2.0]).form).copies
    3
    """
    if isinstance(left, Permuted) or isinstance(right, Permuted):
        (a, p, q), (b, r, s) = _without_permutations(left), _without_permutations(right)
        inner = kron(a, b)
        if inner is None:
            return None
        return permuted(inner, _kron_orders(p, r, a.shape[0], b.shape[0]), _kron_orders(q, s, a.shape[1], b.shape[1]))
    match left, right:
        case Slots(), Slots():
            return Slots(
                merged([*left.items, *right.items]), left.scale * right.scale, np.result_type(left.kind, right.kind)
            )
        case Slots(), Terms():  # added anew: identities that meet merge in some terms only
            return _total([kron(left, term) for term in right.terms])
        case Terms(), Slots():
            return _total([kron(term, right) for term in left.terms])
        case Slots(items=(Identity(size=n),)), Stack():
            return widened(scaled(Stack(right.blocks, n * right.copies, right.bound), left.scale), left.kind)
        case Slots(items=(Identity(size=n),)), DirectSum():
            return widened(scaled(DirectSum(right.parts * n), left.scale), left.kind)
        case Slots(items=(Identity(size=n),)), Slices() if right.U.shape[0] == 1:  # more blocks of the same slices
            return widened(scaled(_repeated(right, n, 0), left.scale), left.kind)
        case Slices(), Slots(items=(Identity(size=n),)) if left.U.shape[3] == 1:
            return widened(scaled(_repeated(left, n, 3), right.scale), right.kind)
        case Stack() | DirectSum(), Slots(items=(Identity(size=n),)):  # X ⊗ I = K (I ⊗ X) Kᵀ (T2)
            inner = kron(right, left)
            (m, k), sizes = left.shape, [n, 0]
            rows, columns = (orders.transposed([sizes[0], size], (1, 0)) for size in (m, k))
            return None if inner is None else permuted(inner, rows, columns)
        case _:
            return None


def _repeated(form: Slices, n: int, axis: int) -> Slices:
    """The same slices n times along an axis of size 1, as views."""
    return Slices(*(np.broadcast_to(x, (*x.shape[:axis], n, *x.shape[axis + 1 :])) for x in (form.U, form.V)))


def _kron_orders(left: Order, right: Order, m: int, n: int) -> Order:
    """The permutation P ⊗ Q of m·n entries as indices; None is the identity."""
    if left is None and right is None:
        return None
    i = np.arange(m) if left is None else left
    j = np.arange(n) if right is None else right
    return (i[:, None] * n + j).ravel()


def _without_permutations(form: Form) -> tuple[Form, Order, Order]:
    """A form's inner form and its orders of rows and columns, None where there is no permutation."""
    return (form.inner, form.rows, form.columns) if isinstance(form, Permuted) else (form, None, None)


# ---- products ---------------------------------------------------------------------------------------------------------


def product_of(forms: Sequence[Form]) -> Form:
    """The product of forms, leftmost first: multiplied out as far as the result is a form no larger than its parts.

    Permutations outside what is left are kept beside it (T8).

    Parameters
    ----------
    forms : sequence of Form
        Of fitting sizes.

    Examples
    --------
    >>> from kronmix import forms
    >>> V, W = np.ones((3, 3)), np.ones((2, 2))
    >>> product = forms.product_of([km.channel_mixing(V, tokens=2).form, km.token_mixing(W, channels=3).form])
    >>> type(product).__name__, [item.shape for item in product.items]  # Vᵀ ⊗ W
    ('Slots', [(3, 3), (2, 2)])
    """
    parts: list[Form] = []
    for form in forms:
        listed = form.parts if isinstance(form, Product) else (form,)
        for part in listed:
            product = multiply(parts[-1], part) if parts else None
            parts[-1:] = [product] if product is not None else [*parts[-1:], part]
    if len(parts) == 1:
        return parts[0]
    (first, rows, q), (last, r, columns) = _without_permutations(parts[0]), _without_permutations(parts[-1])
    inner = Product((permuted(first, None, q), *parts[1:-1], permuted(last, r, None)))
    return inner if rows is None and columns is None else Permuted(inner, rows, columns)


def power(form: Form, k: int, dtype: Any) -> Form:
    """The k-th power of a square form, k ≥ 0, by repeated squaring."""
    result: Form = widened(Slots((Identity(form.shape[0]),)), dtype)
    for bit in bin(k)[2:]:
        result = product_of([result, result] + [form] * int(bit))
    return result


def sum_of(forms: Sequence[Form]) -> Form:
    """The sum of forms, added up as far as that is a form.

    Parameters
    ----------
    forms : sequence of Form
        Of one shape.

    Examples
    --------
    >>> from kronmix import forms
    >>> A, B = np.ones((3, 3)), np.ones((2, 2))
    >>> total = forms.sum_of([km.Kronecker(A, B).form, (0.5 * km.eye(6)).form])
    >>> type(total).__name__, len(total.terms)
    ('Terms', 2)
    """
    parts: list[Form] = []
    for form in forms:
        for part in form.parts if isinstance(form, Total) else (form,):
            for i, old in enumerate(parts):
                total = add(old, part)
                if total is not None:
                    parts[i] = total
                    break
            else:
                parts.append(part)
    dtype = np.result_type(*(part.dtype for part in parts))
    return parts[0] if len(parts) == 1 else Total(tuple(widened(part, dtype) for part in parts))


def multiply(left: Form, right: Form) -> Form | None:
    """left · right as a form; None where its structure is not known."""
    (A, p, q), (B, r, s) = _without_permutations(left), _without_permutations(right)
    between = orders.then(r, orders.inverse(q))  # rows of B that meet the columns of A
    if between is not None:
        if isinstance(B, Slots):
            B, between, s = reordered(B, between, s)
        if between is not None and isinstance(A, Slots):  # A · B[between] = (Aᵀ[between⁻¹])ᵀ · B
            flipped = transpose(A)
            assert isinstance(flipped, Slots)
            back = orders.inverse(between)
            assert back is not None
            flipped, undone, p = reordered(flipped, back, p)
            A, between = transpose(flipped), orders.inverse(undone)
    if between is not None:
        if not (is_blocks(A) and is_blocks(B)):
            return None
        product = multiply_blocks(A, Permuted(B, between, None))
        return None if product is None else permuted(product, p, s)
    product = _plain_product(A, B)
    return None if product is None else permuted(product, p, s)


def _plain_product(left: Form, right: Form) -> Form | None:
    """Product of two forms without permutations, or None where it has no form."""
    thin = as_thin(left)
    if thin is not None and thin.right is not None:
        return Slots((Matrix(thin.left, transpose(right).apply(thin.right.T).T),))
    thin = as_thin(right)
    if thin is not None:
        return Slots((Matrix(left.apply(thin.left), thin.right),))
    match left, right:
        case Slots(items=(Identity(),)), _:
            return widened(scaled(right, left.scale), left.kind)
        case _, Slots(items=(Identity(),)):
            return widened(scaled(left, right.scale), right.kind)
        case Slots(), Slots():
            return _slots_product(left, right)
        case Terms(), Slots():
            return _total([_slots_product(term, right) for term in left.terms])
        case Slots(), Terms():
            return _total([_slots_product(left, term) for term in right.terms])
        case Terms(), Terms():
            return _total([_slots_product(a, b) for a in left.terms for b in right.terms])
        case Updated(), _:
            return _sum_if_known(multiply(left.base, right), multiply(Slots((left.update,)), right))
        case _, Updated():
            return _sum_if_known(multiply(left, right.base), multiply(left, Slots((right.update,))))
        case Beside(axis=0), Beside(axis=1):
            return None  # every part meets every other: larger than both
        case Beside(axis=0), _:
            stacked = multiply(transpose(right), transpose(left))
            return None if stacked is None else transpose(stacked)
        case Beside(), Beside(axis=0) if left.starts == right.starts:
            return _if_known(_total, _products(left.parts, right.parts))
        case Beside(), DirectSum() if left.starts[1:] == np.cumsum([p.shape[0] for p in right.parts]).tolist():
            return _if_known(beside, _products(left.parts, right.parts))
        case _, Beside(axis=1):
            return _if_known(beside, _products([left] * len(right.parts), right.parts))
        case DirectSum(), DirectSum() if [p.shape[1] for p in left.parts] == [p.shape[0] for p in right.parts]:
            return _if_known(lambda parts: DirectSum(tuple(parts)), _products(left.parts, right.parts))
        case _ if is_blocks(left) and is_blocks(right):
            return multiply_blocks(left, right)
    return None


def _products(left: Sequence[Form], right: Sequence[Form]) -> list[Form] | None:
    """Products one by one; None where one of them is not known."""
    products = [multiply(a, b) for a, b in zip(left, right, strict=True)]
    known = [product for product in products if product is not None]
    return known if len(known) == len(products) else None


def _if_known(make: Callable[[list[Form]], Form | None], parts: list[Form] | None) -> Form | None:
    """make(parts), or None where a part is None."""
    return None if parts is None else make(parts)


def _sum_if_known(one: Form | None, other: Form | None) -> Form | None:
    return None if one is None or other is None else add(one, other)


def _slots_product(left: Slots, right: Slots) -> Slots | None:
    """(A₁ ⊗ A₂ ⊗ …)(B₁ ⊗ B₂ ⊗ …), item by item where the sizes meet, or regrouped."""
    items = multiply_items(left.items, right.items)
    if items is None:
        items = _regrouped(left.items, right.items)
    if items is None:
        return None
    return Slots.of(items, left.scale * right.scale, np.result_type(left.kind, right.kind))


def _total(products: Sequence[Form | None]) -> Form | None:
    """The sum of products that are all known."""
    known = [product for product in products if isinstance(product, Slots) and as_thin(product) is None]
    return add_products(known) if len(known) == len(products) else reduce(_sum_if_known, products)


def _copies(items: Sequence[Any]) -> int:
    """How often the matrices of these items are repeated: the product of the identities' sizes."""
    return prod(item.size for item in items if isinstance(item, Identity))


def _regrouped(left: tuple[Any, ...], right: tuple[Any, ...]) -> list[Any] | None:
    """Items that do not fit one by one, multiplied out in the smallest groups that do; None where that takes more numbers."""
    lefts, rights, product = list(left), list(right), list[Any]()
    while lefts and rights:
        A, C = [lefts.pop(0)], [rights.pop(0)]
        while (a := prod(item.columns for item in A)) != (c := prod(item.rows for item in C)):
            side, rest = (A, lefts) if a < c else (C, rights)
            if not rest:
                return None
            side.append(rest.pop(0))
        fitting = multiply_items(A, C)
        if fitting is not None:
            product += fitting
            continue
        m, n = prod(item.rows for item in A), prod(item.columns for item in C)
        if m * n > sum(item.rows * item.columns for item in A + C if isinstance(item, Matrix)):
            return None
        bound = min(
            prod(item.rank_bound for item in group if isinstance(item, Matrix)) * _copies(group) for group in (A, C)
        )
        product.append(Matrix(Slots(tuple(A)).apply(Slots(tuple(C)).dense()), bound=bound))
    return None if lefts or rights else product
