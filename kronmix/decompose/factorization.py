"""The result of every decomposition, and the checks they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..checks import MAX_BYTES, entries, explicit, finite
from ..operators import StructuredOperator
from ..operators.arrays import Array


@dataclass(frozen=True)
class Factorization:
    """An approximation of a matrix B by a structured operator.

    Attributes
    ----------
    operator : StructuredOperator
        The approximation.
    error : float
        ‖B − operator‖_F, of the factors as they are stored: in single precision their rounding is part of it.
    relative_error : float
        error / ‖B‖_F; 0 for B = 0.
    lower_bound : float
        Proved: no operator of the same structure has a smaller error than this.
    """

    operator: StructuredOperator
    error: float
    relative_error: float
    lower_bound: float

    @property
    def n_parameters(self) -> int:
        """Numbers stored in the factors."""
        return self.operator.n_parameters

    def __repr__(self) -> str:
        proved = f"none below {self.lower_bound:.4g}" if self.lower_bound > 0 else "no bound above 0"
        return f"Factorization({self.operator!r}, error {self.error:.4g}, relative {self.relative_error:.3g}, {proved})"


#: Errors of rounding that no lower bound may mistake for distance, in units of √n·eps·‖B‖_F.
_ROUNDING = 4
#: In double precision a relative error above this is known from the truncation; a smaller one is measured on the rounded factors.
_MEASURED_BELOW = 1e-3
#: Norms outside this range are scaled: their fourth powers would over- or underflow.
_SAFE_NORMS = 1e-60, 1e60


@dataclass(frozen=True)
class Target:
    """A matrix to be approximated, B = 2^exponent · matrix, at a size where fourth powers neither over- nor underflow.

    ``matrix`` is float64 or complex128 and ``norm`` its Frobenius norm; ``dtype`` is the precision of the factors returned;
    ``rounding`` is what double precision can add to a measured distance.
    """

    matrix: Array
    norm: float
    exponent: int
    dtype: np.dtype[Any]
    rounding: float

    def must_measure(self, error2: float) -> bool:
        """Whether rounding of the factors can change the leading digits of an error."""
        return self.dtype.itemsize < self.matrix.dtype.itemsize or error2 < (_MEASURED_BELOW * self.norm) ** 2

    def scaled(self, factors: Sequence[Array]) -> tuple[Array, ...]:
        """Factors of B from those of ``matrix``, each with its share of the exponent: none over- or underflows before B does."""
        if self.exponent == 0:
            return tuple(factors)
        share, more = divmod(self.exponent, len(factors))
        return tuple(factor * float(np.ldexp(1.0, share + (i < more))) for i, factor in enumerate(factors))

    def result(self, operator: StructuredOperator, error2: float, least2: float) -> Factorization:
        """Assemble a result from its squared error and from a square that none of the structure goes below, both of ``matrix``."""
        error = float(np.sqrt(max(error2, 0.0)))
        lower = min(max(float(np.sqrt(max(least2, 0.0))) - self.rounding, 0.0), error)
        relative = error / self.norm if self.norm > 0 else 0.0
        with np.errstate(over="ignore", under="ignore"):
            error, lower = (float(np.ldexp(value, self.exponent)) for value in (error, lower))
        return Factorization(operator, error, relative, lower)


def target(B: Any) -> Target:
    """Check a matrix and scale it, where it must be, by a power of two."""
    M = working_matrix(B)
    with np.errstate(over="ignore", under="ignore"):
        norm = float(np.linalg.norm(M))
    exponent = 0
    if M.any() and not _SAFE_NORMS[0] < norm < _SAFE_NORMS[1]:
        parts = M.view(np.float64)
        exponent = int(np.frexp(np.abs(parts).max())[1])
        M = np.ldexp(parts, -exponent).view(M.dtype)
        norm = float(np.linalg.norm(M))
    return Target(M, norm, exponent, factor_dtype(B.dtype), rounding(norm, max(M.shape)))


def rounding(norm: float, n: int) -> float:
    """What double precision can add to the distance of two matrices of this norm with slices of up to n rows or columns."""
    return _ROUNDING * float(np.sqrt(n)) * float(np.finfo(np.float64).eps) * norm


def exact(operator: StructuredOperator) -> Factorization:
    """The operator has the structure already."""
    return Factorization(operator, 0.0, 0.0, 0.0)


def as_matrix(B: Any, name: str = "B") -> Any:
    """Give what a user hands in a shape and a dtype: operators and sparse matrices stay, all else becomes an array."""
    return B if isinstance(B, StructuredOperator) or issparse(B) else entries(B, name)


def working_matrix(B: Any, name: str = "B") -> Array:
    """Check a matrix and make it float64 or complex128; operators and sparse matrices become dense within the memory limit."""
    M = B.to_dense(MAX_BYTES) if isinstance(B, StructuredOperator) else explicit(B, name)
    if M.ndim != 2:
        raise ValueError(f"{name} has shape {M.shape}: expected a matrix")
    wide = np.complex128 if M.dtype.kind == "c" else np.float64
    return np.ascontiguousarray(finite(M, name), wide)


def factor_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Precision of the factors of a matrix: its own, where that is single or double."""
    narrow = np.complex64 if dtype.kind == "c" else np.float32
    return (
        np.dtype(narrow)
        if dtype.itemsize <= np.dtype(narrow).itemsize and dtype.kind in "fc"
        else np.dtype(np.complex128 if dtype.kind == "c" else np.float64)
    )
