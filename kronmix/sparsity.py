"""How sparse an effective weight is: several measures, each from factors where they multiply (T16)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from math import prod
from typing import Any

import numpy as np

from .forms import DirectSum, Form, Permuted, Slices, Slots, Stack, Terms, form_of
from .forms.entries import beside_diagonal
from .operators import Chain, Kronecker, KroneckerSparse, Monarch, StructuredOperator
from .operators.arrays import Array
from .operators.convert import operator_of
from .operators.dense import as_operator, finite_operator
from .spectra.entrywise import entrywise_norm, slice_norms
from .spectra.values import nonzero_entries

__all__ = [
    "SparsityProfile",
    "count_nonzero",
    "effective_nonzeros",
    "group_norms",
    "hoyer",
    "l1_looseness",
    "sparsity_profile",
]


@dataclass(frozen=True)
class SparsityProfile:
    """Sparsity of one effective weight B of n entries.

    Attributes
    ----------
    density : float
        Structural non-zeros over entries.
    zeros : int
        Entries that are exactly zero, structural ones included.
    hoyer : float
        (√n − ‖B‖₁/‖B‖_F)/(√n − 1): 0 where all |entries| are equal, 1 where one is non-zero (Hoyer 2004).
    effective_nonzeros : float
        ‖B‖₁²/‖B‖_F²: k equal entries and zeros elsewhere give k (Lopes 2013; the participation ratio of |B|).
    l1_looseness : float
        m‖B‖_F/‖B‖₁ with m² the number of entries: how loose the ℓ1 bound of T16 is; 1 only where all |entries| are equal.
    group_norms : array or None
        Frobenius norms of the groups, where the structure has groups: the slices (q, k) of a Monarch matrix or of A ⊗ B, the
        blocks (a, d) of a Kronecker-sparse factor (T9, T12).
    group_hoyer : float or None
        Hoyer's measure of the group norms: sparsity over groups.
    """

    density: float
    zeros: int
    hoyer: float
    effective_nonzeros: float
    l1_looseness: float
    group_norms: Array | None = None
    group_hoyer: float | None = None

    def __repr__(self) -> str:
        parts = [
            f"density {self.density:.3g}",
            f"zeros {self.zeros}",
            f"Hoyer {self.hoyer:.3f}",
            f"effective non-zeros {self.effective_nonzeros:.4g}",
            f"ℓ1 looseness {self.l1_looseness:.3f}",
        ]
        if self.group_hoyer is not None:
            parts.append(f"group Hoyer {self.group_hoyer:.3f}")
        return f"SparsityProfile({', '.join(parts)})"


def sparsity_profile(op: Any) -> SparsityProfile:
    """Measure the sparsity of an effective weight, from its factors where its measures multiply (T16).

    Kronecker and Kronecker-sparse products, linear Mixers, permuted layers and rank-one Monarchs are never made dense.

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)

    Returns
    -------
    SparsityProfile

    Raises
    ------
    ValueError
        If the weight is zero or not finite: its sparsity is undefined.
    MemoryError
        If the structure has no formula and the dense matrix is too large.

    References
    ----------
    Hurley & Rickard, *Comparing measures of sparsity*, 2009; T16.

    Examples
    --------
    >>> km.sparsity_profile(km.Kronecker(np.eye(2), np.ones((2, 2))))
    SparsityProfile(density 1, zeros 8, Hoyer 0.391, effective non-zeros 8, ℓ1 looseness 1.414, group Hoyer 0.000)
    """
    op = finite_operator(op)
    n = op.shape[0] * op.shape[1]
    l1, l2 = entrywise_norm(op, 1), entrywise_norm(op, 2)
    _check_norms(l1, l2)
    groups = group_norms(op)
    return SparsityProfile(
        density=op.density,
        zeros=n - count_nonzero(op),
        hoyer=_hoyer_from_ratio(l1 / l2, n),
        effective_nonzeros=(l1 / l2) ** 2,
        l1_looseness=n**0.5 * l2 / l1,
        group_norms=groups,
        group_hoyer=None if groups is None else hoyer(groups),
    )


# ---- measures of arrays ---------------------------------------------------------------------------------------------


def hoyer(x: Any) -> float:
    """Hoyer's sparsity (√n − ‖x‖₁/‖x‖₂)/(√n − 1) of any array, 0 (all equal) to 1 (one non-zero); 0 for a single entry.

    Parameters
    ----------
    x : array of any shape
        Real or complex; only |x| matters.

    Raises
    ------
    ValueError
        If x is zero or not finite.

    References
    ----------
    Hoyer, *Non-negative matrix factorization with sparseness constraints*, JMLR 2004.

    Examples
    --------
    >>> from kronmix.sparsity import hoyer
    >>> hoyer([0.0, 3.0, 0.0, 0.0]), hoyer([1.0, -1.0, 1.0, 1.0])
    (1.0, 0.0)
    """
    l1, l2, n = _norms_and_size(x)
    return _hoyer_from_ratio(l1 / l2, n)


def effective_nonzeros(x: Any) -> float:
    """‖x‖₁²/‖x‖₂²: the number of equal entries that would be as spread out.

    Parameters
    ----------
    x : array of any shape
        Real or complex; only |x| matters.

    Raises
    ------
    ValueError
        If x is zero or not finite.

    References
    ----------
    Lopes, *Estimating unknown sparsity in compressed sensing*, ICML 2013.

    Examples
    --------
    >>> from kronmix.sparsity import effective_nonzeros
    >>> round(effective_nonzeros([2.0, -2.0, 0.0]), 12)
    2.0
    """
    l1, l2, _ = _norms_and_size(x)
    return (l1 / l2) ** 2


def l1_looseness(x: Any) -> float:
    """√n‖x‖₂/‖x‖₁ ≥ 1 for n entries: m‖B‖_F/‖B‖₁ of T16 for an m × m weight.

    Parameters
    ----------
    x : array of any shape
        Real or complex; only |x| matters.

    Raises
    ------
    ValueError
        If x is zero or not finite.

    References
    ----------
    Hayase & Karakida, *Understanding MLP-Mixer as a wide and sparse MLP*, ICML 2024 (T16).

    Examples
    --------
    >>> from kronmix.sparsity import l1_looseness
    >>> l1_looseness(np.eye(4)), l1_looseness(np.ones((4, 4)))  # the sparser, the looser
    (2.0, 1.0)
    """
    l1, l2, n = _norms_and_size(x)
    return n**0.5 * l2 / l1


def _norms_and_size(x: Any) -> tuple[float, float, int]:
    """ℓ1 norm, ℓ2 norm and number of entries."""
    size = np.abs(np.asarray(x)).astype(np.float64)
    l1, l2 = float(size.sum()), float(np.linalg.norm(size))
    _check_norms(l1, l2)
    return l1, l2, size.size


def _check_norms(l1: float, l2: float) -> None:
    if not (np.isfinite(l1) and l2 > 0):
        raise ValueError(f"the sparsity of an array of norm {l2} is undefined: expected finite and not all zero")


def _hoyer_from_ratio(ratio: float, n: int) -> float:
    return 0.0 if n == 1 else (n**0.5 - ratio) / (n**0.5 - 1)


# ---- what structures know -------------------------------------------------------------------------------------------


def group_norms(op: StructuredOperator) -> Array | None:
    """Frobenius norms of the groups of entries that the structure itself forms; None where it forms none.

    Parameters
    ----------
    op : StructuredOperator
        Permutations outside are ignored: they only move the groups (T8).

    Returns
    -------
    array of shape (q, k), (a, d) or None
        Of the slices of a Monarch matrix, also A ⊗ B as the tied one (T12); of the blocks of a Kronecker-sparse factor (T9).

    Examples
    --------
    >>> from kronmix.sparsity import group_norms
    >>> group_norms(km.Monarch(np.ones((2, 1, 3)), np.ones((3, 2, 4))))
    array([[2., 2., 2.],
           [2., 2., 2.]])
    """
    return _group_norms(op)


@singledispatch
def _group_norms(op: StructuredOperator) -> Array | None:
    return None


@_group_norms.register
def _(op: Chain) -> Array | None:
    core = op.core()
    if not isinstance(core, Chain):
        return _group_norms(core)
    merged = operator_of(core.form)
    return None if isinstance(merged, Chain) else _group_norms(merged)


@_group_norms.register
def _(op: Monarch) -> Array:
    U, V = op.slices()
    _, k, q, _ = op.sizes
    norms = slice_norms(Slices(U[None, :, :, None], V[None, :, :, None]))
    return np.broadcast_to(norms[0, :, :, 0], (q, k)).copy()


@_group_norms.register
def _(op: Kronecker) -> Array | None:
    if len(op.factors) != 2:
        return None
    A, B = op.factors  # as a tied Monarch, slice (i_q, i_k) is A[:, i_k] B[i_q, :]ᵀ (T12)
    return np.outer(np.linalg.norm(B, axis=1), np.linalg.norm(A, axis=0))


@_group_norms.register
def _(op: KroneckerSparse) -> Array:
    a, d, b, c = op.pattern.values_shape
    blocks = np.broadcast_to(op.values, (*op.values.shape[:2], b, c))
    return np.broadcast_to(np.linalg.norm(blocks, axis=(2, 3)), (a, d)).copy()


def count_nonzero(op: Any) -> int:
    """Entries of the effective matrix that are not exactly zero.

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)
        Counted from factors where the structure allows, on the dense matrix otherwise.

    Raises
    ------
    MemoryError
        If the structure has no formula and the dense matrix is too large.

    Examples
    --------
    >>> from kronmix.sparsity import count_nonzero
    >>> count_nonzero(km.Kronecker(np.eye(3), np.ones((2, 2))))
    12
    """
    return _count_nonzero(form_of(as_operator(op)))


def _count_nonzero(form: Form) -> int:
    match form:
        case Permuted():
            return _count_nonzero(form.inner)
        case Slots():
            counts = prod(int(np.count_nonzero(item.array)) for item in form.matrices)
            return counts * form.copies if form.scale != 0 else 0
        case Stack():
            return int(np.count_nonzero(form.blocks)) * form.copies
        case DirectSum():
            return sum(map(_count_nonzero, form.parts))
        case Slices() if form.sizes[-1] == 1:
            return int((np.count_nonzero(form.U[..., 0], axis=4) * np.count_nonzero(form.V[..., 0, :], axis=4)).sum())
        case Terms() if (known := beside_diagonal(form)) is not None:
            products, diagonal = known
            return int(np.count_nonzero(diagonal)) + sum(map(_count_nonzero, products))
    return int(np.count_nonzero(nonzero_entries(form)))
