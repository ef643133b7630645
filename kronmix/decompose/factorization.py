"""The result of every decomposition, and the checks they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checks import explicit, finite
from ..operators import MAX_BYTES, StructuredOperator
from ..operators.base import Array


@dataclass(frozen=True)
class Factorization:
    """An approximation of a matrix B by a structured operator.

    Attributes
    ----------
    operator : StructuredOperator
        The approximation.
    error : float
        ‖B − operator‖_F.
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
        return (
            f"Factorization({self.operator!r}, error {self.error:.4g}, relative {self.relative_error:.3g}, "
            f"none below {self.lower_bound:.4g})"
        )


def result(operator: StructuredOperator, error2: float, excess: float, size: Size) -> Factorization:
    """Assemble a result from a squared error and how far it can be above the smallest possible, both of the scaled matrix."""
    error = float(np.sqrt(max(error2, 0.0)))
    lower = min(float(np.sqrt(max(error2 - excess, 0.0))), error)
    if size.scale != 1:
        operator = operator.scale(size.scale)
    relative = error / size.norm if size.norm > 0 else 0.0
    return Factorization(operator, size.scale * error, relative, size.scale * lower)


class Size(NamedTuple):
    """The norm of the matrix worked on, and what it was divided by."""

    norm: float
    scale: float


def measured(M: Array) -> tuple[Array, Size]:
    """Divide by a power of two where squares of the entries would over- or underflow."""
    with np.errstate(over="ignore", under="ignore"):
        norm = float(np.linalg.norm(M))
    if norm == 0 and not M.any():
        return M, Size(0.0, 1.0)
    if 1e-140 < norm < 1e140:
        return M, Size(norm, 1.0)
    scale = 2.0 ** float(np.floor(np.log2(np.abs(M).max())))
    return M / scale, Size(float(np.linalg.norm(M / scale)), scale)


def exact(operator: StructuredOperator) -> Factorization:
    """The operator has the structure already."""
    return Factorization(operator, 0.0, 0.0, 0.0)


def working_matrix(B: Any, name: str = "B") -> Array:
    """Check a matrix and make it float64 or complex128; operators become dense within the memory limit."""
    M = B.to_dense(MAX_BYTES) if isinstance(B, StructuredOperator) else explicit(B, name)
    if M.ndim != 2:
        raise ValueError(f"{name} has shape {M.shape}: expected a matrix")
    finite(M, name)
    return M.astype(np.result_type(M, np.float64), copy=False)


def like_input(factor: Array, B: Any) -> Array:
    """Return a factor in the precision of the input."""
    dtype = B.dtype if hasattr(B, "dtype") else np.asarray(B).dtype
    narrow = {np.dtype(np.float32): np.float32, np.dtype(np.complex64): np.complex64, np.dtype(np.float16): np.float32}
    return factor.astype(narrow.get(dtype, factor.dtype), copy=False)
