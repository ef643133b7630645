"""What gradient flow on the factors conserves, whatever the loss (T19)."""

from __future__ import annotations

from functools import singledispatch
from itertools import pairwise
from typing import Any

import numpy as np

from ..operators import Chain, StructuredOperator
from ..operators.base import Array
from . import slots as _slots  # noqa: F401  (registers chains and Kronecker products)
from .chains import Unbalanced, slice_pairs
from .parametrisations import Blocks, Entrywise, Linear, Parametrisation, parametrisation_of
from .slots import Slots


def conserved_quantities(op: StructuredOperator) -> dict[str, Array]:
    """The known conservation laws of gradient flow on the factors, at the factors of ``op`` (T19).

    =============================== =================================================
    structure                       conserved
    =============================== =================================================
    Hadamard                        |u_l|² − |u_{l+1}|² of every entry
    Kronecker                       ‖V_l‖² − ‖V_{l+1}‖²
    Chain of Dense                  P_lᴴP_l − P_{l+1}P_{l+1}ᴴ
    SumOfKroneckers                 r × r inner products ⟨V_i, V_j⟩ − ⟨W_i, W_j⟩
    Monarch                         UᴴU − VVᴴ of every slice
    LinearMixer                     the matrices of both chains, and ‖V‖² − ‖W‖²
    other chains                    differences of squared norms; UᴴU − VVᴴ of every slice of two neighbours
    =============================== =================================================

    Parameters
    ----------
    op : StructuredOperator

    Returns
    -------
    dict of str to array
        Name of each law and its value; empty where the matrix determines the factors. Gradient descent with step η drifts from
        the values at O(η).

    Raises
    ------
    TypeError
        If the structure has no factors to train.

    References
    ----------
    Saxe, McClelland & Ganguli 2014; Du, Hu & Lee 2018; Marcotte, Gribonval & Peyré 2023 (T19).

    Examples
    --------
    >>> km.conserved_quantities(km.Hadamard([[3.0, 1.0]], [[1.0, 1.0]]))
    {'u0² − u1²': array([[8., 0.]])}
    >>> km.conserved_quantities(km.Kronecker(np.eye(2), np.ones((2, 2))))
    {'‖V0‖² − ‖V1‖²': array(-2.)}
    """
    return _laws(parametrisation_of(op))


@singledispatch
def _laws(form: Parametrisation) -> dict[str, Array]:
    raise TypeError(f"no conservation laws are known for {type(form).__name__}")


@_laws.register
def _(form: Linear) -> dict[str, Array]:
    return {}


@_laws.register
def _(form: Entrywise) -> dict[str, Array]:
    squares = [np.abs(f) ** 2 for f in form.structure.factors]
    return {f"u{i}² − u{i + 1}²": a - b for i, (a, b) in enumerate(pairwise(squares))}


@_laws.register
def _(form: Blocks) -> dict[str, Array]:
    U, V = form.own()
    return {form.layout.law: _imbalance(U, V)}


@_laws.register
def _(form: Slots) -> dict[str, Array]:
    active = form.active
    several = len(active) > 1
    laws: dict[str, Array] = {}
    for j, slot in enumerate(active):
        for i, (left, right) in enumerate(pairwise(slot.places)):
            P, Q = form.factor(left), form.factor(right)
            name = f"P{i}ᴴP{i} − P{i + 1}P{i + 1}ᴴ"
            laws[f"{name} in slot {j}" if several else name] = _imbalance(P, Q)
    sizes = [_square(form.factor(slot.places[0])) for slot in active]
    return laws | {f"‖V{i}‖² − ‖V{i + 1}‖²": np.asarray(a - b) for i, (a, b) in enumerate(pairwise(sizes))}


@_laws.register
def _(form: Unbalanced) -> dict[str, Array]:
    op = form.structure
    if not isinstance(op, Chain):
        return {}
    trained = [x for x in op.operators if x.factors]
    laws: dict[str, Array] = {}
    for i, (X, Y) in enumerate(pairwise(trained)):
        if len(X.factors) == len(Y.factors) == 1:
            difference = _square(X.factors[0]) - _square(Y.factors[0])
            laws[f"‖θ{i}‖² − ‖θ{i + 1}‖²"] = np.asarray(difference)
    return laws | {f"slices {i}|{i + 1}: UᴴU − VVᴴ": _imbalance(U, V) for i, U, V in slice_pairs(op)}


def _imbalance(U: Array, V: Array) -> Array:
    """UᴴU − VVᴴ of every pair in a stack."""
    return np.asarray(U.conj().swapaxes(-1, -2) @ U - V @ V.conj().swapaxes(-1, -2))


def _square(factor: Any) -> float:
    return float(np.vdot(factor, factor).real)
