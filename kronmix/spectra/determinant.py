"""Determinants as sign and logarithm (T15)."""

from __future__ import annotations

from math import inf, log, prod
from typing import Any, NamedTuple

import numpy as np

from ..forms import (
    DirectSum,
    Form,
    Permuted,
    Product,
    Slices,
    Slots,
    Stack,
    Terms,
    Updated,
    as_factors,
    form_of,
    inverse,
    orders,
)
from ..forms.spectral import diagonalized, triangularized
from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..operators.dense import finite_operator
from .values import bound_of, explicit


class SignLogDet(NamedTuple):
    """Sign (or phase) of a determinant and the logarithm of its absolute value: det = sign · exp(logabsdet).

    Attributes
    ----------
    sign : float or complex
        −1, 0 or 1; of modulus 1 (or 0) for a complex matrix.
    logabsdet : float
        log |det|; −inf where the determinant is zero.

    Examples
    --------
    >>> km.slogdet(np.diag([2.0, -0.5]))
    SignLogDet(sign=-1.0, logabsdet=0.0)
    """

    sign: complex
    logabsdet: float


def slogdet(op: Any) -> SignLogDet:
    """Sign and logarithm of |det|; det(V ⊗ W) = det(V)^S det(W)^C never overflows this way (T15).

    Parameters
    ----------
    op : StructuredOperator or array of shape (n, n)

    Returns
    -------
    SignLogDet
        (0.0, -inf) where the structure alone makes the matrix singular.

    Raises
    ------
    ValueError
        If the operator is not square, or an entry is NaN or infinite.
    MemoryError
        If the structure has no formula and the dense matrix is too large.

    Examples
    --------
    >>> sign, logabsdet = km.slogdet(km.Kronecker(2 * np.eye(1000), np.diag([1.0, -3.0])))
    >>> sign, bool(np.isclose(logabsdet, 1000 * np.log(12)))
    (1.0, True)
    """
    op = finite_operator(op)
    need_square(op, "slogdet")
    sign, logabsdet = _slogdet(form_of(op))
    return SignLogDet(np.asarray(sign).item(), float(logabsdet))


def need_square(op: StructuredOperator, name: str) -> None:
    """Refuse a rectangular operator, in the name of the function that was asked."""
    if op.shape[0] != op.shape[1]:
        raise ValueError(f"{name} needs a square operator: this one is {op.shape[0]}×{op.shape[1]}")


def _slogdet(form: Form) -> tuple[complex, float]:
    """Sign and log|det| of a square form."""
    if bound_of(form) < form.shape[0]:
        return 0.0, -inf
    match form:
        case Permuted():
            sign, log_size = _slogdet(form.inner)
            return sign * orders.parity(form.rows) * orders.parity(form.columns), log_size
        case Slots():
            n = form.shape[0]
            parts = [(*np.linalg.slogdet(item.array), n // item.rows) for item in form.matrices]
            return _combined([(*_phase_and_log(form.scale), n), *parts])
        case Stack():
            signs, logs = np.linalg.slogdet(form.blocks)
            return _combined([(np.prod(signs), logs.sum(dtype=np.float64), form.copies)])
        case DirectSum():
            return _combined([(*_slogdet(part), 1) for part in form.parts])
        case Slices() if as_factors(form).is_square:
            return _slogdet(as_factors(form))
        case Product() if form.is_square:
            return _combined([(*_slogdet(part), 1) for part in form.parts])
        case Updated():
            return _determinant_lemma(form)
        case Terms():
            found = _of_terms(form)
            if found is not None:
                return found
    sign, log_size = _dense_slogdet(form)
    return sign, float(log_size)


def _dense_slogdet(form: Form) -> tuple[Any, Any]:
    return np.linalg.slogdet(
        explicit(form, "log|det| = tr log|op| can be estimated from products op @ x with random vectors")
    )


def _combined(parts: list[tuple[Any, Any, int]]) -> tuple[complex, float]:
    """Product of determinants, each to a power."""
    sign = prod((np.asarray(sign).item() ** power for sign, _, power in parts), start=1.0)
    if sign == 0:
        return 0.0, -inf
    return sign / abs(sign), float(sum(float(log_size) * power for _, log_size, power in parts))


def _phase_and_log(scalar: complex) -> tuple[complex, float]:
    """A number as its phase and the logarithm of its size."""
    return (scalar / abs(scalar), log(abs(scalar))) if scalar != 0 else (0.0, -inf)


def _determinant_lemma(form: Updated) -> tuple[complex, float]:
    """det(F + U V) = det(F) det(I + V F⁻¹ U); dense where F has no inverse."""
    sign, log_size = _slogdet(form.base)
    base = inverse(form.base) if sign != 0 else None
    U, V = form.update.left, form.update.right
    if base is None or V is None:
        sign, log_size = _dense_slogdet(form)
        return sign, float(log_size)
    core = np.eye(len(V), dtype=form.dtype) + V @ base.apply(U)
    return _combined([(sign, log_size, 1), (*np.linalg.slogdet(core), 1)])


def _of_terms(form: Terms) -> tuple[complex, float] | None:
    """Eigenvalues that the terms share, or the diagonals of triangular forms (T29)."""
    shared = diagonalized(form)
    if shared is not None:
        return _real_sign(form, *_of_diagonal(shared.values))
    triangular = triangularized(form)
    if triangular is None:
        return None
    sign, log_size = _of_diagonal(triangular.diagonal())
    n = form.shape[0]
    for Q, Z in zip(triangular.left, triangular.right, strict=True):
        turn = np.linalg.det(Q) * np.conj(np.linalg.det(Z)) if Q is not Z else 1.0
        sign *= (turn / abs(turn)) ** (n // len(Q))
    return _real_sign(form, sign, log_size)


def _real_sign(form: Terms, sign: complex, log_size: float) -> tuple[complex, float]:
    """The sign of a real matrix, found in complex arithmetic, is ±1."""
    return (sign if form.dtype.kind == "c" else float(np.sign(np.real(sign)))), log_size


def _of_diagonal(values: Array) -> tuple[complex, float]:
    """The same for a product of numbers."""
    size = np.abs(values)
    if not size.all():
        return 0.0, -inf
    return np.prod(values / size).item(), float(np.log(size, dtype=np.float64).sum())
