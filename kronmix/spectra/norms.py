"""Schatten and entrywise norms (T15)."""

from __future__ import annotations

from math import inf, prod
from numbers import Real
from typing import Any

import numpy as np

from ..forms import DirectSum, Form, Permuted, Slots, Stack, form_of
from ..forms.items import matrix_values
from ..operators.dense import finite_operator
from .entrywise import lp, norm_of
from .values import values_of

Kind = str | int | tuple[str, float]

_NAMED: dict[str | int, tuple[str, float]] = {
    "fro": ("entrywise", 2.0),
    "nuclear": ("schatten", 1.0),
    "spectral": ("schatten", inf),
    2: ("schatten", inf),
    "l1": ("entrywise", 1.0),
    "max": ("entrywise", inf),
}


def norm(op: Any, kind: Kind = "fro") -> float:
    """A norm of the effective matrix, from the factors where the structure allows (T15).

    ============================ ==================================================
    kind                         value
    ============================ ==================================================
    "fro" (default)              (Σ_ij |B_ij|²)^{1/2} = (Σ_i σ_i²)^{1/2}
    "nuclear"                    Σ_i σ_i
    2 or "spectral"              σ_max
    ("schatten", p)              (Σ_i σ_i^p)^{1/p}, σ_max for p = inf
    "l1"                         Σ_ij |B_ij|, over all entries (not NumPy's induced norm ``ord=1``)
    "max"                        max_ij |B_ij|
    ("entrywise", p)             (Σ_ij |B_ij|^p)^{1/p}, the largest for p = inf
    ============================ ==================================================

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)
    kind : str, 2 or tuple
        As in the table, p > 0; below 1 the formula is kept though it is no norm.

    Raises
    ------
    ValueError
        If the kind is unknown, p is not positive, or an entry is NaN or infinite.
    MemoryError
        If the structure has no formula and the dense matrix is too large.

    Notes
    -----
    Both families multiply over Kronecker factors; n equal blocks multiply the norm of one by n^{1/p}.

    Examples
    --------
    >>> op = km.Kronecker(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]))
    >>> [round(km.norm(op, kind), 12) for kind in ("nuclear", 2, "l1", "max")]
    [28.0, 15.0, 28.0, 15.0]
    >>> round(km.norm(op, ("schatten", 4)), 6)
    15.141468
    """
    family, p = _parse_kind(kind)
    form = form_of(finite_operator(op))
    return norm_of(form, p) if family == "entrywise" else _schatten(form, p)


def _parse_kind(kind: Kind) -> tuple[str, float]:
    """("schatten" or "entrywise", p) from any way to name a norm."""
    parsed = _NAMED.get(kind) if isinstance(kind, str | int) else kind
    if isinstance(parsed, tuple) and len(parsed) == 2 and parsed[0] in ("entrywise", "schatten"):
        family, p = parsed
        if isinstance(p, Real) and p > 0:
            return family, float(p)
        raise ValueError(f"kind={kind!r}: p must be positive")
    raise ValueError(f'kind={kind!r}: expected one of {list(_NAMED)}, ("schatten", p) or ("entrywise", p)')


def _schatten(form: Form, p: float) -> float:
    match form:
        case Permuted():
            return _schatten(form.inner, p)
        case Slots() if p < inf:
            return abs(form.scale) * prod(lp(item.values(), p) for item in form.matrices) * form.copies ** (1 / p)
        case Stack():
            return lp(matrix_values(form.blocks), p) * form.copies ** (1 / p)
        case DirectSum():
            return lp(np.array([_schatten(part, p) for part in form.parts]), p)
    return lp(values_of(form, 1 if p == inf else min(form.shape)), p)
