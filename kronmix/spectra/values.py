"""Singular values, and the bound on the rank that a structure sets (T15)."""

from __future__ import annotations

from contextlib import suppress
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import ArpackError, LinearOperator, svds

from ..checks import MAX_BYTES, check_memory
from ..forms import (
    Beside,
    DirectSum,
    Form,
    Permuted,
    Product,
    Slices,
    Slots,
    Stack,
    Terms,
    Total,
    Updated,
    adjoint,
    form_of,
    stored,
    to_sparse,
)
from ..forms.items import Matrix, matrix_values
from ..forms.spectral import diagonalized
from ..forms.sums import is_multiple_of_identity
from ..operators.arrays import Array
from ..operators.dense import finite_operator

# From this size on the largest singular value alone comes from Lanczos steps.
_LANCZOS = 512


def singular_values(op: Any, k: int | None = None) -> Array:
    """Singular values in descending order, exactly from the factors where the structure allows (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)
    k : int, optional
        Only the k largest; products of factors' values that cannot be among them are not formed.

    Returns
    -------
    array of shape (min(rows, columns),) or (k,)
        Structural zeros (rectangular Kronecker factors, chains with a narrow middle) are exact zeros. A factor that happens to
        be short of rank gives values of the size of rounding, as any SVD does: ``matrix_rank`` tells them apart.

    Raises
    ------
    ValueError
        If k is not between 1 and min(rows, columns), or an entry is NaN or infinite.
    MemoryError
        If the structure has no formula and the dense matrix is too large (then ask for a few with ``k``).

    Notes
    -----
    Kronecker products multiply the values of their factors. Blocks and direct sums join those of their parts, shared blocks once.
    Permutations change nothing (T8). Sums of Kronecker products with common eigenvectors, as A ⊗ B + σI with symmetric A and B,
    have |eigenvalues| (T29). Large structures without a formula use ``scipy.sparse.linalg.svds`` when k is given.

    Examples
    --------
    >>> op = km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]))
    >>> km.singular_values(op)
    array([15.,  6.,  5.,  2.])
    >>> km.singular_values(op + 1.0 * km.eye(4))
    array([16.,  7.,  6.,  3.])
    >>> km.singular_values(km.Kronecker(np.ones((1, 768)), np.ones((196, 1))), k=1).round(6)
    array([387.979381])
    """
    op = finite_operator(op)
    count = min(op.shape)
    if k is not None and not 1 <= k <= count:
        raise ValueError(f"k={k}: expected 1 to {count} for a {op.shape[0]}×{op.shape[1]} operator")
    return values_of(form_of(op), count if k is None else k)


def values_of(form: Form, k: int) -> Array:
    """The k largest singular values of a form, descending; those above its rank bound exactly zero."""
    s = _largest(form, k)[:k]
    out = np.zeros(k, s.dtype)
    out[: s.size] = s
    out[bound_of(form) :] = 0
    return out


def _largest(form: Form, k: int) -> Array:
    """At least the k largest singular values, descending, or all that are not zero by structure."""
    match form:
        case Permuted():
            return _largest(form.inner, k)
        case Slots():
            each = -(-k // form.copies)
            values = [_values_of_item(item, each) for item in form.matrices] or [np.ones(1, form.dtype).real]
            products = reduce(lambda s, t: _largest_products(s, t, each), values)
            return np.repeat(products.astype(form.dtype.type(0).real.dtype) * abs(form.scale), form.copies)
        case Stack():
            found = matrix_values(form.blocks)
            found[:, form.rank_bound :] = 0
            return np.repeat(np.sort(found, axis=None)[::-1], form.copies)
        case DirectSum():
            parts = [_largest(part, min(k, min(part.shape))) for part in form.parts if min(part.shape)]
            return np.sort(np.concatenate(parts))[::-1] if parts else np.zeros(0, form.dtype).real
        case Beside() if len(others := [p for p in form.parts if not is_multiple_of_identity(p)]) == 1:
            known = np.zeros(min(form.shape), form.dtype.type(0).real.dtype)  # [A, cI]: (σ² + |c|²)^{1/2}
            known[: min(others[0].shape)] = values_of(others[0], min(others[0].shape))
            scales = (abs(p.scale) for p in form.parts if isinstance(p, Slots) and p is not others[0])
            return reduce(lambda s, c: np.hypot(s, c, dtype=s.dtype), scales, known)
        case Terms():
            shared = diagonalized(form)
            if shared is not None:
                return np.sort(np.abs(shared.values), axis=None)[::-1].astype(form.dtype.type(0).real.dtype)
    return _without_formula(form, k)


def _largest_products(s: Array, t: Array, k: int) -> Array:
    """The k largest products of two descending lists: s_i t_j can be one only if (i + 1)(j + 1) ≤ k."""
    if s.size * t.size <= k:
        return np.sort(np.outer(s, t), axis=None)[::-1]
    candidates = [s[i] * t[: k // (i + 1)] for i in range(min(s.size, k))]
    return np.sort(np.concatenate(candidates))[::-1][:k]


def _without_formula(form: Form, k: int) -> Array:
    """Lanczos where few are wanted of a large matrix, the dense matrix otherwise."""
    rows, cols = form.shape
    too_large = rows * cols * form.dtype.itemsize > MAX_BYTES
    if (too_large and k < min(rows, cols)) or (k == 1 and min(rows, cols) > _LANCZOS):
        try:
            return _iterated(as_linear_operator(form), k)
        except ArpackError:
            if too_large:
                raise
    return matrix_values(explicit(form, "km.singular_values(op, k) and km.svd(op, k) give the k largest by iteration"))


def _values_of_item(item: Matrix, k: int) -> Array:
    """Singular values of a matrix in descending order, at least the k largest: of a large one the largest alone by iteration."""
    if k == 1 and item.right is None and min(item.shape) > _LANCZOS:
        scale = np.abs(item.left).max()  # iteration squares the matrix
        matrix = item.left / (scale or 1)
        with suppress(ArpackError):
            return scale * _iterated(csr_array(matrix) if 4 * np.count_nonzero(matrix) < matrix.size else matrix, 1)
    return item.values()


def _iterated(matrix: Any, k: int) -> Array:
    """The k largest singular values of what SciPy takes for a matrix, by Lanczos steps."""
    rows, cols = matrix.shape
    # A start that is fixed and not special to the matrix: the same question has the same answer.
    start = np.random.default_rng(0).normal(size=min(rows, cols)).astype(matrix.dtype)
    probe = np.random.default_rng(1).normal(size=(cols, 1))
    if not np.any(matrix @ probe):  # ARPACK refuses the zero matrix
        return np.zeros(k, start.real.dtype)
    return np.sort(svds(matrix, k=k, v0=start, return_singular_vectors=False))[::-1]


def as_linear_operator(form: Form) -> LinearOperator:
    """A form as SciPy's solvers take it."""
    back = adjoint(form)
    return LinearOperator(
        form.shape,
        matvec=lambda x: form.apply(np.asarray(x).reshape(-1, 1))[:, 0],
        rmatvec=lambda x: back.apply(np.asarray(x).reshape(-1, 1))[:, 0],
        matmat=form.apply,
        rmatmat=back.apply,
        dtype=form.dtype,
    )


def explicit(form: Form, instead: str) -> Array:
    """The dense matrix of a form without a formula; a MemoryError above the limit says what to do ``instead``."""
    check_memory(form.shape, form.dtype, MAX_BYTES, instead)
    return form.dense()


def nonzero_entries(form: Form) -> Array:
    """The entries of a form that may differ from zero, from a sparse matrix where few may."""
    if isinstance(form, Terms | Total | Beside) and 4 * stored(form) < form.shape[0] * form.shape[1]:
        return np.asarray(to_sparse(form).data)
    return explicit(form, "its columns op[:, some] come without it, some at a time")


# ---- what the structure says about the rank -------------------------------------------------------------------------


def rank_bound(op: Any) -> int:
    """Largest rank that a matrix of this structure can have (T15); singular values beyond it are exactly zero.

    Parameters
    ----------
    op : StructuredOperator
        Its sizes and masks are used, never its values.

    Examples
    --------
    >>> from kronmix.spectra import rank_bound
    >>> rank_bound(km.Kronecker(np.ones((2, 5)), np.ones((5, 2)))), rank_bound(km.Dense(np.ones((3, 4))))
    (4, 3)
    """
    return bound_of(form_of(op))


def bound_of(form: Form) -> int:
    """Largest rank that a form allows."""
    match form:
        case Permuted():
            return bound_of(form.inner)
        case Slots():
            return form.copies * prod(item.rank_bound for item in form.matrices)
        case Stack():
            return form.copies * len(form.blocks) * form.rank_bound
        case DirectSum():
            return sum(map(bound_of, form.parts))
        case Terms():
            return min(*form.shape, sum(map(bound_of, form.terms)))
        case Slices():
            a, κ, β, d, b, c, r = form.sizes
            return min(a * β * d * min(b, κ * r), a * κ * d * min(β * r, c))
        case Updated():
            return min(*form.shape, bound_of(form.base) + form.update.rank_bound)
        case Product():
            return min(map(bound_of, form.parts))
        case Total() | Beside():
            return min(*form.shape, sum(map(bound_of, form.parts)))
    return min(form.shape)
