"""What an adapter adds, layer by layer: spectrum, rank and size of ΔW."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..spectra import SVD, svd
from .adapters import AdapterLayer

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class UpdateSpectrum:
    """Singular values of an update and what they say.

    Attributes
    ----------
    singular_values : array
        In descending order; those that the structure says are zero are left out.
    shape : (int, int)
        Of ΔW as a matrix.
    """

    singular_values: Array
    shape: tuple[int, int]

    @property
    def norm(self) -> float:
        """‖ΔW‖_F, without over- or underflow of squares."""
        return norm(self.singular_values)

    @property
    def rank(self) -> int:
        """Singular values above rounding: max(shape)·ε·σ₁."""
        s = self.singular_values
        return int(np.count_nonzero(s > max(self.shape) * _EPS * s[0]))

    @property
    def stable_rank(self) -> float:
        """‖ΔW‖_F² / σ₁², between 1 and the rank; 0 for ΔW = 0."""
        s = self.singular_values
        return float(np.sum((s / s[0]) ** 2)) if s[0] > 0 else 0.0

    def rank_for(self, tolerance: float) -> int:
        """Smallest rank that leaves out at most a part ``tolerance`` of ‖ΔW‖_F; at least 1, tolerance 0 leaves out zeros only."""
        s = self.singular_values
        if s[0] == 0:
            return 1
        left_out = np.sqrt(np.append(np.cumsum((s / s[0])[::-1] ** 2)[::-1], 0.0))
        return max(int(np.argmax(left_out <= max(tolerance, max(self.shape) * _EPS) * left_out[0])), 1)


def update_spectrum(layer: AdapterLayer | StructuredOperator) -> UpdateSpectrum:
    """Singular values of an update, from its factors (T15, T33).

    Parameters
    ----------
    layer : AdapterLayer or StructuredOperator

    Returns
    -------
    UpdateSpectrum

    Examples
    --------
    >>> found = km.interop.update_spectrum(km.Kronecker(np.diag([2.0, 1.0]), np.diag([3.0, 1.0])))
    >>> found.singular_values, found.rank, found.rank_for(0.5)
    (array([6., 3., 2., 1.]), 4, 2)
    >>> round(found.stable_rank, 3)
    1.389
    """
    op = layer.operator if isinstance(layer, AdapterLayer) else layer
    return UpdateSpectrum(exact_svd(op).S, op.shape)


def exact_svd(op: StructuredOperator) -> SVD:
    """Singular value decomposition of an update in double precision: what is cut off is then cut off its own numbers."""
    return svd(op.with_factors(*(factor.astype(np.result_type(factor, np.float64)) for factor in op.factors)))


def norm(values: Array) -> float:
    """Euclidean norm of non-negative numbers, without over- or underflow of their squares."""
    largest = float(values.max()) if values.size else 0.0
    return largest * float(np.linalg.norm(values / largest)) if largest > 0 else 0.0
