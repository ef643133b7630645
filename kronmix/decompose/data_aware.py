"""Nearest structures where the error that counts is on data: min ‖(B − M) Σ^½‖_F with Σ = X Xᴴ (T32)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ..operators import LowRank, StructuredOperator
from ..operators.arrays import Array
from .data_aware_moments import SecondMoment, second_moment
from .factorization import Factorization, Target, rounding, target

#: Two factors, or stacks of them.
Pair = tuple[Array, Array]

# A sweep that lowers the error by less than this part ends the alternation, as does the number of sweeps.
_SETTLED, _SWEEPS = 3e-4, 100
# Size of a proximal term, as a part of the trace.
_PROXIMAL = 2.0**-36


@dataclass(frozen=True)
class DataFactorization(Factorization):
    """An approximation of a matrix B that is near where the data are.

    ``error``, ``relative_error`` and ``lower_bound`` are those of B itself, whatever the data.

    Attributes
    ----------
    data_error : float
        ‖(B − operator) Σ^½‖_F, which is ‖(B − operator) X‖_F for inputs X.
    relative_data_error : float
        data_error / ‖B Σ^½‖_F; 0 where that is 0.
    data_lower_bound : float
        Proved: no operator of the same structure has a smaller data error than this.
    plain_data_error : float
        Data error of the nearest operator that ignores the data.
    block_diagonal_data_error : float or None
        Data error of the exact solution for Σ without the blocks that couple groups of columns; None for other structures than
        Monarch.
    """

    data_error: float
    relative_data_error: float
    data_lower_bound: float
    plain_data_error: float
    block_diagonal_data_error: float | None = None

    @property
    def warning(self) -> str:
        """Says so where the block-diagonal solution is worse than ignoring the data; empty otherwise."""
        blockwise, plain = self.block_diagonal_data_error, self.plain_data_error
        if blockwise is None or not blockwise > plain:
            return ""
        return (
            f"Σ without the blocks that couple groups of columns gives a data error of {blockwise:.4g}, "
            f"worse than ignoring the data: {plain:.4g}"
        )

    @property
    def told(self) -> str:
        """Both errors side by side, what ignoring the data would give, and the warning if there is one."""
        scale = self.relative_data_error / self.data_error if self.data_error > 0 else 0.0
        ignoring = f" ({self.plain_data_error * scale:.3g} if the data were ignored)" if scale > 0 else ""
        warning = f"; {self.warning}" if self.warning else ""
        return (
            f"relative error on the data {self.relative_data_error:.3g}{ignoring}, "
            f"of the matrix itself {self.relative_error:.3g}{warning}"
        )

    def __repr__(self) -> str:
        warning = f"; {self.warning}" if self.warning else ""
        return (
            f"DataFactorization({self.operator!r}, data error {self.data_error:.4g}, "
            f"relative {self.relative_data_error:.3g}, none below {self.data_lower_bound:.4g}; "
            f"plain error {self.error:.4g}, relative {self.relative_error:.3g}{warning})"
        )


@dataclass(frozen=True)
class Weighted:
    """What is minimised: the matrix, Σ, and what both make."""

    aim: Target
    moment: SecondMoment

    @property
    def matrix(self) -> Array:
        return self.aim.matrix

    def error(self, M: Array) -> float:
        """‖(B − M) Σ^½‖_F, both scaled."""
        return float(np.linalg.norm((self.matrix - M) @ self.moment.root))

    def result(
        self, operator: StructuredOperator, least2: float, plain: Factorization, blockwise: float | None = None
    ) -> DataFactorization:
        """Measure an operator of B on both errors; ``least2`` and ``blockwise`` are of the scaled problem."""
        exponent, scale = self.aim.exponent, self.aim.exponent + self.moment.exponent
        stored, ignoring = (np.ldexp(1.0, -exponent) * op.to_dense() for op in (operator, plain.operator))
        norm = self.error(np.zeros_like(self.matrix))
        found = self.error(stored)
        slack = rounding(norm, max(self.matrix.shape))
        least = min(max(float(np.sqrt(max(least2, 0.0))) - slack, 0.0), found)
        error = float(np.linalg.norm(self.matrix - stored))
        with np.errstate(over="ignore", under="ignore"):
            return DataFactorization(
                operator,
                float(np.ldexp(error, exponent)),
                error / self.aim.norm if self.aim.norm > 0 else 0.0,
                plain.lower_bound,
                float(np.ldexp(found, scale)),
                found / norm if norm > 0 else 0.0,
                float(np.ldexp(least, scale)),
                float(np.ldexp(self.error(ignoring), scale)),
                None if blockwise is None else float(np.ldexp(blockwise, scale)),
            )


def weighted(B: Any, inputs: Any, covariance: Any) -> Weighted:
    """Check a matrix and its data."""
    aim = target(B)
    moment = second_moment(aim.matrix.shape[1], inputs, covariance)
    if moment.matrix.dtype.kind == "c" and aim.matrix.dtype.kind != "c":
        dtype = np.result_type(aim.dtype, np.complex64)
        aim = replace(aim, matrix=aim.matrix.astype(np.complex128), dtype=dtype)
    return Weighted(aim, moment)


def low_rank(problem: Weighted, rank: int, plain: Factorization) -> DataFactorization:
    """U Uᴴ B with the leading left singular vectors U of B Σ^½: exact, also where Σ is singular (T32)."""
    B, aim = problem.matrix, problem.aim
    U, values, _ = np.linalg.svd(B @ problem.moment.root, full_matrices=False)
    r = min(rank, *B.shape)
    if U.shape[1] < r:  # fewer directions in the data than the rank: the others approximate B where there are no data
        rest = B - U @ (U.conj().T @ B)
        U = np.hstack([U, np.linalg.svd(rest, full_matrices=False)[0][:, : r - U.shape[1]]])
        U = np.linalg.qr(U)[0]
    U = U[:, :r]
    factors = (factor.astype(aim.dtype, copy=False) for factor in (U, U.conj().T @ B))
    return problem.result(LowRank(*aim.scaled(tuple(factors))), float(np.sum(values[r:] ** 2)), plain)


def alternate(start: Pair, sweep: Callable[[Pair], Pair], error: Callable[[Pair], float]) -> Pair:
    """Sweep until the error settles, each time trying to go further along what the sweep changed; the error never rises.

    Alternating steps creep along valleys; a step beyond, kept only where it is better, and longer after each success, takes a
    third of the sweeps.
    """
    best, least, beyond = start, error(start), 1.0
    for _ in range(_SWEEPS):
        moved = sweep(best)
        further = moved[0] + beyond * (moved[0] - best[0]), moved[1] + beyond * (moved[1] - best[1])
        found, found_further = error(moved), error(further)
        if found_further < found:
            moved, found, beyond = further, found_further, 1.5 * beyond
        else:
            beyond = max(beyond / 2, 0.5)
        if not found < least:
            break
        best, least, last = moved, found, least
        if least > (1 - _SETTLED) * last:
            break
    return best


def solve(N: Array, right: Array, start: Array) -> Array:
    """Minimiser of xᴴNx − 2 Re xᴴb for a positive semidefinite N, from a point that stays where N is zero.

    Two proximal steps, (N + δI)(x' − x) = b − N x: neither enlarges the objective. δ is above the rounding of N
    and far below what the data tell.
    """
    δ = _PROXIMAL * float(np.trace(N).real)
    if δ == 0:
        return start
    x = start
    factor = _cholesky_of_shifted(N, δ)
    for _ in range(2):
        x = x + cho_solve(factor, right - N @ x, check_finite=False)
    return x


def _cholesky_of_shifted(N: Array, δ: float) -> Any:
    """Cholesky factor of N + δI, with δ raised until it exists."""
    for _ in range(6):
        try:
            return cho_factor(N + δ * np.eye(len(N)), lower=True, check_finite=False)
        except np.linalg.LinAlgError:  # the rounding of N is larger than δ
            δ *= 16
    raise np.linalg.LinAlgError("the normal equations are not positive semidefinite")


def least_ratio(moment: SecondMoment, other: Array) -> float:
    """The largest c ≥ 0, reduced by rounding, with Σ ⪰ c · other for a positive definite other; 0 where there is none."""
    values, vectors = np.linalg.eigh(other)
    n = len(values)
    eps = n * float(np.finfo(np.float64).eps)
    if not values[0] > 16 * eps * max(float(values[-1]), 0.0):
        return 0.0
    whitening = vectors / np.sqrt(values)
    whitened = np.linalg.eigvalsh(whitening.conj().T @ moment.matrix @ whitening)
    rounded = 16 * eps * max(abs(float(whitened[0])), abs(float(whitened[-1]))) * float(values[-1] / values[0])
    return max(float(whitened[0]) - rounded, 0.0)
