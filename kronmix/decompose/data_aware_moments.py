"""The second moment of a layer's inputs, Σ = X Xᴴ: from samples, streamed, or given (T32)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..checks import explicit, finite, other_way
from ..operators import StructuredOperator
from ..operators.arrays import Array
from .factorization import working_matrix

# Samples that are converted to double precision at once.
_SAMPLES = 4096
# Eigenvalues below this part of the largest are rounding, in units of n·eps of the precision given.
_ROUNDING = 16
# Entries of a separable or block-diagonal Σ may differ from its structure by this part of its norm.
_STRUCTURED = 1e-12


@dataclass(frozen=True)
class SecondMoment:
    """Σ = 4^exponent · matrix, Hermitian and positive semidefinite up to rounding, the matrix of size about 1.

    Attributes
    ----------
    matrix : array of shape (columns, columns)
    exponent : int
    """

    matrix: Array
    exponent: int

    @cached_property
    def spectrum(self) -> tuple[Array, Array]:
        """Eigenvalues in ascending order, rounding cut off at 0, and eigenvectors."""
        return spectrum(self.matrix)

    @cached_property
    def root(self) -> Array:
        """F of full column rank with Σ = F Fᴴ."""
        return root(self.matrix)

    @property
    def is_definite(self) -> bool:
        """Whether every direction occurs in the data, above rounding."""
        return bool(self.spectrum[0][0] > 0)

    def blocks(self, k: int) -> Array:
        """The k diagonal blocks."""
        s = len(self.matrix) // k
        i = np.arange(k)
        return self.matrix.reshape(k, s, k, s)[i, :, i]

    def separable(self, n_A: int, n_B: int) -> tuple[Array, Array]:
        """Σ_A and Σ_B from partial traces: Σ = Σ_A ⊗ Σ_B if Σ is such a product."""
        four = self.matrix.reshape(n_A, n_B, n_A, n_B)
        A, B = np.einsum("iaja->ij", four), np.einsum("iaib->ab", four)
        trace = np.trace(A).real
        return A, B / (trace if trace > 0 else 1.0)

    def equals(self, other: Array) -> bool:
        """Whether another matrix is Σ, up to rounding."""
        return bool(np.linalg.norm(self.matrix - other) <= _STRUCTURED * np.linalg.norm(self.matrix))


def spectrum(matrix: Array, eps: float = float(np.finfo(np.float64).eps)) -> tuple[Array, Array]:
    """Eigenvalues and vectors of a positive semidefinite matrix; what is rounding becomes 0."""
    values, vectors = np.linalg.eigh(matrix)
    largest = max(float(values[-1]), 0.0)
    return np.where(values > _ROUNDING * len(values) * eps * largest, values, 0.0), vectors


def root(matrix: Array) -> Array:
    """F of full column rank (one column of zeros for 0) with matrix = F Fᴴ."""
    values, vectors = spectrum(matrix)
    kept = values > 0
    kept[-1] = True
    return vectors[:, kept] * np.sqrt(values[kept])


def second_moment(columns: int, inputs: Any = None, covariance: Any = None) -> SecondMoment:
    """Second moment Σ = X Xᴴ of a layer's inputs, added up once for several calls: each takes it as ``covariance`` (T32).

    Parameters
    ----------
    columns : int
        Width of the inputs.
    inputs : array of shape (columns, samples), or an iterable of such arrays
        Some thousand samples at a time are in double precision; chunks are not kept.
    covariance : array or operator of shape (columns, columns), or SecondMoment
        In place of the inputs.

    Returns
    -------
    SecondMoment

    Raises
    ------
    ValueError
        If both are given, a width differs, an entry is NaN or infinite, there is no sample, or Σ is not Hermitian and positive
        semidefinite.
    TypeError
        If the inputs are neither an array nor chunks, or do not hold numbers.

    Examples
    --------
    >>> from kronmix.decompose import second_moment
    >>> rng = np.random.default_rng(0)
    >>> B, chunks = rng.normal(size=(6, 8)), (rng.normal(size=(8, 50)) for _ in range(3))
    >>> moment = second_moment(8, chunks)
    >>> errors = [km.nearest_low_rank(B, r, covariance=moment).relative_data_error for r in (1, 2, 6)]
    >>> errors[0] > errors[1] > errors[2], bool(errors[2] < 1e-14)
    (True, True)
    """
    if inputs is not None and covariance is not None:
        raise ValueError("inputs and covariance are given: expected one of them")
    if isinstance(covariance, SecondMoment):
        if len(covariance.matrix) != columns:
            raise ValueError(f"covariance is of {len(covariance.matrix)} columns: expected {columns}, B's columns")
        return covariance
    eps = float(np.finfo(np.float64).eps)
    if covariance is None:
        matrix = _accumulated(columns, inputs)
    else:
        matrix = working_matrix(covariance, "covariance")
        if matrix.shape != (columns, columns):
            raise ValueError(f"covariance has shape {matrix.shape}: expected ({columns}, {columns}), B's columns")
        given = covariance.dtype if hasattr(covariance, "dtype") else matrix.dtype
        eps = float(np.finfo(given).eps) if np.dtype(given).kind in "fc" else eps
    largest = float(np.abs(matrix).max())
    exponent = int(np.frexp(largest)[1]) // 2 if largest > 0 else 0
    matrix = np.ldexp(matrix.view(np.float64), -2 * exponent).view(matrix.dtype)
    if covariance is not None:
        _check_semidefinite(matrix, _ROUNDING * columns * eps)
    return SecondMoment((matrix + matrix.conj().T) / 2, exponent)


def _check_semidefinite(matrix: Array, tolerance: float) -> None:
    skew = float(np.linalg.norm(matrix - matrix.conj().T))
    if skew > tolerance * float(np.linalg.norm(matrix)):
        raise ValueError("covariance is not symmetric (Hermitian): expected X Xᴴ of some inputs X")
    values = np.linalg.eigvalsh(matrix)
    if values[0] < -tolerance * max(float(values[-1]), 0.0):
        raise ValueError(
            f"covariance is not positive semidefinite: its smallest eigenvalue is {values[0] / np.abs(values).max():.3g} "
            "times its largest in size"
        )


def _accumulated(columns: int, inputs: Any) -> Array:
    """X Xᴴ in double precision, some thousand samples at a time."""
    total: Array = np.zeros((columns, columns))
    samples = 0
    for piece in _pieces(inputs, columns):
        if piece.dtype.kind == "c" and total.dtype.kind != "c":
            total = total.astype(np.complex128)
        total += piece @ piece.conj().T
        samples += piece.shape[1]
    if samples == 0:
        raise ValueError("inputs has no samples: expected at least one")
    return total


def _pieces(inputs: Any, columns: int) -> Iterator[Array]:
    """Chunks of the inputs with at most some thousand samples, checked and in double precision."""
    if isinstance(inputs, StructuredOperator) or not (hasattr(inputs, "shape") or isinstance(inputs, Iterable)):
        raise TypeError(
            f"inputs is a {type(inputs).__name__}: expected an array of shape ({columns}, samples), or chunks"
        )
    whole = hasattr(inputs, "shape")
    for i, chunk in enumerate([inputs] if whole else inputs):
        name = "inputs" if whole else f"inputs[{i}]"
        shape = tuple(np.shape(chunk))
        if len(shape) != 2 or shape[0] != columns:
            raise ValueError(
                f"{name} has shape {shape}: expected ({columns}, samples), as B has {columns} columns"
                + other_way(name, shape, 0, columns)
            )
        values = explicit(chunk, name) if issparse(chunk) or not hasattr(chunk, "shape") else chunk
        for start in range(0, shape[1], _SAMPLES):
            piece = finite(explicit(values[:, start : start + _SAMPLES], name), name)
            yield piece.astype(np.complex128 if piece.dtype.kind == "c" else np.float64)
