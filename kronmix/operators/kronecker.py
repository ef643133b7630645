"""Kronecker products of any number of rectangular matrices (T1, T4, T15)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, reduce
from math import inf, prod
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse import csr_array

from ..forms import Form, Matrix, Slots
from ..patterns import Pattern
from .algebra import register_product
from .arrays import Array, as_factor
from .base import Pull
from .from_factors import FromFactors
from .kernels import PASS, apply_factor, apply_factors, cheapest_groups, factor_gradient


class Kronecker(FromFactors):
    """Kronecker product A ⊗ B ⊗ …, never formed; ``Kronecker(A, B).to_dense() == np.kron(A, B)``.

    Each factor is one tied Kronecker-sparse factor I ⊗ A ⊗ I (T9); they commute up to sizes, and are applied in the order
    that takes the fewest multiply-adds.

    Parameters
    ----------
    *matrices : arrays of shape (rows_i, columns_i)
        Rectangular allowed; at least one.

    Raises
    ------
    ValueError
        If there is none, or one is not a matrix.
    TypeError
        If one does not hold numbers.

    References
    ----------
    Van Loan, *The ubiquitous Kronecker product*, 2000 (T4, T15).

    Examples
    --------
    >>> A, B = np.arange(6.0).reshape(2, 3), np.arange(4.0).reshape(2, 2)
    >>> op = km.Kronecker(A, B)
    >>> op
    Kronecker(4×6, 2×3 ⊗ 2×2, 10 parameters)
    >>> bool(np.allclose(op @ np.arange(6.0), np.kron(A, B) @ np.arange(6.0)))
    True
    >>> op.T @ op
    Kronecker(6×6, 3×3 ⊗ 2×2, 13 parameters)
    """

    _stages: tuple[tuple[int, Pattern], ...]

    _from_sizes = ("pattern", "_stages")

    def __init__(self, *matrices: Any) -> None:
        if not matrices:
            raise ValueError("Kronecker: expected at least one matrix")
        factors = tuple(as_factor(matrix, f"matrix {i}", 2) for i, matrix in enumerate(matrices))
        rows, cols = (prod(f.shape[axis] for f in factors) for axis in (0, 1))
        super().__init__((rows, cols), factors)
        self.pattern = Pattern.full(*self.shape)
        self._stages = cheapest_stages([f.shape for f in factors])

    def _arguments(self) -> tuple[Any, ...]:
        return self.factors

    @property
    def connections(self) -> int:
        return sum(pattern.nnz for _, pattern in self._stages)

    @cached_property
    def _applied(self) -> list[tuple[Array, Pattern]]:
        """Factors as they are applied: small square neighbours multiplied out, which saves passes over the vector."""

        def cost(start: int, stop: int) -> float:
            shapes = [f.shape for f in self.factors[start:stop]]
            if stop - start > 1 and any(rows != columns for rows, columns in shapes):
                return inf
            return prod(columns for _, columns in shapes) + PASS

        groups = [self.factors[slice(*group)] for group in cheapest_groups(len(self.factors), cost)]
        matrices = [reduce(np.kron, group) for group in groups]
        stages = cheapest_stages([m.shape for m in matrices])
        if all(rows == columns for rows, columns in (m.shape for m in matrices)):
            stages = stages[::-1]  # all orders cost the same: leftmost first leaves the others pieces of their own
        return [(matrices[i][None, None], pattern) for i, pattern in stages]

    def _apply(self, X: Array) -> Array:
        return apply_factors(self._applied, X)

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        inputs = []
        for i, pattern in self._stages:
            inputs.append(X)
            X = apply_factor(self.factors[i][None, None], pattern, X)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients: dict[int, Array] = {}
            for (i, pattern), x in zip(reversed(self._stages), reversed(inputs), strict=True):
                matrix = self.factors[i]
                gradients[i] = factor_gradient((1, 1, *matrix.shape), pattern, x, Y_bar)[0, 0]
                if with_input or i != self._stages[0][0]:
                    Y_bar = apply_factor(matrix.conj().T[None, None], pattern.transpose, Y_bar)
            return tuple(gradients[i] for i in range(len(self.factors))), Y_bar if with_input else None

        return X, backward

    def _map_factors(self, function: Callable[[Array], Array]) -> Kronecker:
        return Kronecker(*(function(f) for f in self.factors))

    def _transpose(self) -> Kronecker:
        return self._map_factors(np.transpose)

    def _dense(self) -> Array:
        return reduce(np.kron, self.factors).astype(self.dtype, copy=False)

    def to_sparse(self) -> csr_array:
        return csr_array(reduce(lambda A, B: scipy.sparse.kron(A, B, format="csr"), map(csr_array, self.factors)))

    def _form(self) -> Form:
        return Slots.of([Matrix(f) for f in self.factors])

    def _describe(self) -> list[str]:
        return [" ⊗ ".join(f"{f.shape[0]}×{f.shape[1]}" for f in self.factors)]


def cheapest_stages(
    shapes: Sequence[tuple[int, int]], work: Sequence[int] | None = None
) -> tuple[tuple[int, Pattern], ...]:
    """Order in which the factors of a Kronecker product take the fewest multiply-adds, each with its pattern at that point.

    Applying i before j is cheaper exactly when (columns_i − rows_i) / work_i is larger (compare the two costs); among equals the
    rightmost goes first. ``work`` counts the multiply-adds of one factor; rows · columns unless given.
    """
    work = [rows * cols for rows, cols in shapes] if work is None else work

    def gain(i: int) -> tuple[float, int]:
        rows, cols = shapes[i]
        return ((cols - rows) / work[i] if work[i] else 0.0), i

    sizes = [cols for _, cols in shapes]
    stages = []
    for i in sorted(range(len(shapes)), key=gain, reverse=True):
        rows, cols = shapes[i]
        stages.append((i, Pattern(prod(sizes[:i]), rows, cols, prod(sizes[i + 1 :]))))
        sizes[i] = rows
    return tuple(stages)


@register_product(Kronecker, Kronecker)
def _multiply(left: Kronecker, right: Kronecker) -> Any:
    """(A⊗B)(C⊗D) = AC ⊗ BD, only where every inner size matches (T15)."""
    inner = [f.shape[1] for f in left.factors], [f.shape[0] for f in right.factors]
    if inner[0] != inner[1]:
        return NotImplemented
    return Kronecker(*(A @ B for A, B in zip(left.factors, right.factors, strict=True)))
