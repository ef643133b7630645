"""How sparse an effective weight is: several measures, each from factors where they multiply (T16)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from .operators import Dense, Kronecker, Monarch, StructuredOperator
from .operators.base import Array, as_factor
from .spectra import norm

__all__ = ["SparsityProfile", "effective_nonzeros", "group_norms", "hoyer", "l1_looseness", "sparsity_profile"]


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
        Frobenius norms of the slices (q, k) where the structure has slices (T12).
    group_hoyer : float or None
        Hoyer's measure of the group norms: sparsity over slices.
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
    """Measure the sparsity of an effective weight; Kronecker products and rank-one Monarchs from factors, never dense.

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)

    Raises
    ------
    ValueError
        If the weight is zero or not finite: its sparsity is undefined.

    References
    ----------
    Hurley & Rickard, *Comparing measures of sparsity*, 2009; T16.

    Examples
    --------
    >>> km.sparsity_profile(km.Kronecker(np.eye(2), np.ones((2, 2))))
    SparsityProfile(density 1, zeros 8, Hoyer 0.391, effective non-zeros 8, ℓ1 looseness 1.414, group Hoyer 0.000)
    """
    op = op if isinstance(op, StructuredOperator) else Dense(as_factor(op, "op", 2))
    n = op.shape[0] * op.shape[1]
    l1, l2 = norm(op, "l1"), norm(op, "fro")
    _check_size(l1, l2)
    groups = group_norms(op)
    return SparsityProfile(
        density=op.density,
        zeros=n - _count_nonzero(op),
        hoyer=_hoyer(l1 / l2, n),
        effective_nonzeros=(l1 / l2) ** 2,
        l1_looseness=n**0.5 * l2 / l1,
        group_norms=groups,
        group_hoyer=None if groups is None else hoyer(groups),
    )


def hoyer(x: Any) -> float:
    """Hoyer's sparsity (√n − ‖x‖₁/‖x‖₂)/(√n − 1) of any array, 0 (all equal) to 1 (one non-zero); 0 for a single entry.

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
    l1, l2, n = _sizes(x)
    return _hoyer(l1 / l2, n)


def effective_nonzeros(x: Any) -> float:
    """‖x‖₁²/‖x‖₂²: the number of equal entries that would be as spread out.

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
    l1, l2, _ = _sizes(x)
    return (l1 / l2) ** 2


def l1_looseness(x: Any) -> float:
    """√n‖x‖₂/‖x‖₁ ≥ 1 for n entries: m‖B‖_F/‖B‖₁ of T16 for an m × m weight.

    Raises
    ------
    ValueError
        If x is zero or not finite.

    Examples
    --------
    >>> from kronmix.sparsity import l1_looseness
    >>> l1_looseness(np.eye(4))
    2.0
    """
    l1, l2, n = _sizes(x)
    return n**0.5 * l2 / l1


@singledispatch
def group_norms(op: StructuredOperator) -> Array | None:
    """Frobenius norms of the slices, shape (q, k), where the structure has slices (T12); None elsewhere.

    Examples
    --------
    >>> from kronmix.sparsity import group_norms
    >>> group_norms(km.Monarch(np.ones((2, 1, 3)), np.ones((3, 2, 4))))
    array([[2., 2., 2.],
           [2., 2., 2.]])
    """
    return None


@group_norms.register
def _(op: Monarch) -> Array:
    U, V = op.slices()
    _, k, q, _ = op.sizes
    # ‖U V‖_F from triangular factors: accurate also where the r terms of a slice cancel.
    R_U = np.linalg.qr(U, mode="r")
    R_V = np.linalg.qr(V.swapaxes(2, 3), mode="r")
    return np.broadcast_to(np.linalg.norm(np.matmul(R_U, np.swapaxes(R_V, 2, 3)), axis=(2, 3)), (q, k)).copy()


@group_norms.register
def _(op: Kronecker) -> Array | None:
    if len(op.factors) != 2:
        return None
    A, B = op.factors  # as a tied Monarch, slice (i_q, i_k) is A[:, i_k] B[i_q, :]ᵀ (T12)
    return np.outer(np.linalg.norm(B, axis=1), np.linalg.norm(A, axis=0))


@singledispatch
def _count_nonzero(op: StructuredOperator) -> int:
    return int(np.count_nonzero(op.to_dense()))


@_count_nonzero.register
def _(op: Kronecker) -> int:
    return int(np.prod([np.count_nonzero(f) for f in op.factors], dtype=object))


def _sizes(x: Any) -> tuple[float, float, int]:
    size = np.abs(np.asarray(x)).astype(np.float64)
    l1, l2 = float(size.sum()), float(np.linalg.norm(size))
    _check_size(l1, l2)
    return l1, l2, size.size


def _check_size(l1: float, l2: float) -> None:
    if not (np.isfinite(l1) and l2 > 0):
        raise ValueError(f"the sparsity of an array of norm {l2} is undefined: expected finite and not all zero")


def _hoyer(ratio: float, n: int) -> float:
    return 0.0 if n == 1 else (n**0.5 - ratio) / (n**0.5 - 1)
