"""Inverses and pseudo-inverses of forms."""

from __future__ import annotations

import numpy as np

from .composed import Permuted, Product, Updated
from .items import Matrix
from .kinds import DirectSum, Form, Slices, Slots, Stack, Terms, scalar_kind
from .permuting import permuted
from .products import adjoint, product_of
from .slicing import as_factors
from .spectral import diagonalized


def inverse(form: Form) -> Form | None:
    """The inverse as a form; None where the structure gives none.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is singular.
    """
    match form:
        case Slots():
            if not form.is_square or form.scale == 0:
                raise np.linalg.LinAlgError("Singular matrix")
            return Slots(tuple(item.inverse() for item in form.items), 1 / form.scale, form.kind)
        case Stack():
            if form.rank_bound < max(form.blocks.shape[1:]):
                raise np.linalg.LinAlgError("Singular matrix")
            return Stack(np.linalg.inv(form.blocks), form.copies)
        case DirectSum():
            parts = [inverse(part) for part in form.parts]
            known = tuple(part for part in parts if part is not None)
            return DirectSum(known) if len(known) == len(parts) else None
        case Permuted():
            inner = inverse(form.inner)
            return None if inner is None else permuted(inner, form.columns, form.rows)
        case Terms():
            return _through_eigenvalues(form, False)
        case Updated():
            return _woodbury(form)
        case Slices():
            factors = as_factors(form)
            return inverse(factors) if factors.is_square else None
        case Product() if form.is_square:
            parts = [inverse(part) for part in reversed(form.parts)]
            known = tuple(part for part in parts if part is not None)
            return product_of(known) if len(known) == len(parts) else None
    return None


def _woodbury(form: Updated) -> Form | None:
    """(F + U V)⁻¹ = F⁻¹ − F⁻¹U (I + V F⁻¹U)⁻¹ V F⁻¹."""
    base = inverse(form.base)
    U, V = form.update.left, form.update.right
    if base is None or V is None:
        return None
    solved = base.apply(U)
    core = np.eye(len(V), dtype=form.dtype) + V @ solved
    right = adjoint(base).apply(V.conj().T).conj().T
    return Updated(base, Matrix(-solved @ np.linalg.inv(core), right))


def _through_eigenvalues(form: Terms, pseudo: bool) -> Form | None:
    """Q diag(1/λ) Qᴴ where the terms share their eigenvectors (T29)."""
    found = diagonalized(form)
    if found is None:
        return None
    values = found.values.ravel()
    size = np.abs(values)
    zero = size <= size.max(initial=0.0) * values.size * float(np.finfo(values.dtype).eps) if pseudo else size == 0
    if zero.any() and not pseudo:
        raise np.linalg.LinAlgError("Singular matrix")
    undone = np.divide(1, values, out=np.zeros_like(values), where=~zero)
    Q = found.basis
    return Product((Q, Stack(undone[:, None, None]), adjoint(Q)))


def pseudo_inverse(form: Form) -> Form | None:
    """The Moore-Penrose pseudo-inverse as a form; None where the structure gives none."""
    match form:
        case Slots():
            items = tuple(item.pseudo_inverse() for item in form.items)
            kind = np.result_type(form.kind, *scalar_kind(form.scale))
            return Slots(items, 1 / form.scale if form.scale else 0.0, kind)
        case Stack():
            return Stack(np.linalg.pinv(form.blocks), form.copies, form.bound)
        case DirectSum():
            parts = [pseudo_inverse(part) for part in form.parts]
            known = tuple(part for part in parts if part is not None)
            return DirectSum(known) if len(known) == len(parts) else None
        case Permuted():
            inner = pseudo_inverse(form.inner)
            return None if inner is None else permuted(inner, form.columns, form.rows)
        case Terms():
            return _through_eigenvalues(form, True)
    return None
