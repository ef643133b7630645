"""The convex problem that weight decay on the factors of a structure amounts to, or what bounds it (T17)."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from ..operators import Dense, Hadamard, StructuredOperator
from .gauges import Gauge
from .norms import L1, Nuclear, Penalty, Ridge
from .pairs import factored_blocks
from .structures import parametrised


def induced_gauge(structure: StructuredOperator) -> Gauge | None:
    """A norm N and a degree k with R(B) ≥ (k/2) N(B)^{2/k} for what a structure represents; None where none is known.

    Parameters
    ----------
    structure : StructuredOperator
        Only its sizes, and what they share, are used.

    Examples
    --------
    >>> from kronmix.regularization.induced import induced_gauge
    >>> found = induced_gauge(km.Hadamard(*np.ones((3, 1, 2))))  # R = (3/2) Σ|B_i|^{2/3} ≥ (3/2)(Σ|B_i|)^{2/3}
    >>> found.degree, found.norm.value(np.array([[1.0, -2.0]]))
    (3, 3.0)
    """
    return parametrised(structure).gauge()


@singledispatch
def induced_norm(structure: Any) -> Penalty:
    """The convex penalty that weight decay on the factors of a structure amounts to (T17).

    It equals R(B) wherever the structure represents B. A structure of bounded rank represents a set that is not convex; if the
    minimiser over all B lies in it, it is also the minimum over the factors.

    Parameters
    ----------
    structure : StructuredOperator
        Dense, or a product of two factors on pieces of its matrix: Hadamard, Kronecker, LowRank, SumOfKroneckers, Monarch, a chain
        of two Dense operators, permuted, side by side or repeated. Only its sizes are used.

    Returns
    -------
    penalty object
        With ``value``, ``prox``, ``objective``, ``gap`` and ``grid``, as ``reference_path`` takes it.

    Raises
    ------
    TypeError
        If the penalty of the structure has no convex extension that is known; see ``induced_gauge`` for what bounds it.

    References
    ----------
    Srebro, Rennie & Jaakkola 2005; Hoff 2017; Dai, Karzand & Srebro 2021 (T17).

    Examples
    --------
    >>> from kronmix.regularization import induced_norm
    >>> induced_norm(km.Kronecker(np.eye(2), np.eye(3)))
    Nuclear(view=Rearranged(left=(2, 2), right=(3, 3)))
    """
    try:
        return Nuclear(factored_blocks(structure)[0])
    except TypeError:
        gauge = induced_gauge(structure)
        if gauge is None or not gauge.exact or gauge.degree != 2:
            raise
        return gauge.norm


@induced_norm.register
def _(structure: Dense) -> Penalty:
    return Ridge()


@induced_norm.register
def _(structure: Hadamard) -> Penalty:
    factored_blocks(structure)
    return L1()
