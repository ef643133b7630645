"""Kronecker sums A ⊕ B = A ⊗ I + I ⊗ B of square matrices."""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..forms import Form, Opaque, add
from ..patterns import Pattern
from .algebra import register_sum
from .arrays import Array, as_factor
from .base import Pull
from .from_factors import FromFactors
from .kernels import apply_factor, factor_gradient
from .kronecker_sparse import KroneckerSparse


class KroneckerSum(FromFactors):
    """Kronecker sum A ⊕ B ⊕ … = A ⊗ I ⊗ … + I ⊗ B ⊗ … + …, never formed.

    ``KroneckerSum(A, B) @ km.vec(X) == km.vec(B @ X + X @ A.T)``: the matrix of a Sylvester equation, and of a grid's Laplacian.

    Parameters
    ----------
    *matrices : square arrays
        At least one.

    Raises
    ------
    ValueError
        If there is none, or one is not a square matrix.

    References
    ----------
    Van Loan, *The ubiquitous Kronecker product*, 2000 (T9, T29).

    Examples
    --------
    >>> A, B, X = np.diag([1.0, 2.0]), np.ones((3, 3)), np.arange(6.0).reshape(3, 2)
    >>> op = km.KroneckerSum(A, B)
    >>> op
    KroneckerSum(6×6, 2×2 ⊕ 3×3, 13 parameters)
    >>> bool(np.allclose(op @ km.vec(X), km.vec(B @ X + X @ A.T)))
    True
    """

    _patterns: tuple[Pattern, ...]

    def __init__(self, *matrices: Any) -> None:
        if not matrices:
            raise ValueError("KroneckerSum: expected at least one matrix")
        factors = tuple(as_factor(matrix, f"matrix {i}", 2) for i, matrix in enumerate(matrices))
        for i, factor in enumerate(factors):
            if factor.shape[0] != factor.shape[1]:
                raise ValueError(f"KroneckerSum: matrix {i} has shape {factor.shape}: expected square matrices")
        sizes = [factor.shape[0] for factor in factors]
        super().__init__((prod(sizes), prod(sizes)), factors)
        self._patterns = tuple(Pattern(prod(sizes[:i]), n, n, prod(sizes[i + 1 :])) for i, n in enumerate(sizes))

    def terms(self) -> tuple[KroneckerSparse, ...]:
        """The terms I ⊗ A_i ⊗ I as tied factors (T9)."""
        return tuple(KroneckerSparse(f[None, None], p) for f, p in zip(self.factors, self._patterns, strict=True))

    def _arguments(self) -> tuple[Any, ...]:
        return self.factors

    @property
    def connections(self) -> int:
        return sum(pattern.nnz for pattern in self._patterns)

    @property
    def nnz(self) -> int:
        n = self.shape[0]  # the terms meet on the diagonal only
        return n + sum(pattern.nnz - n for pattern in self._patterns)

    def _apply(self, X: Array) -> Array:
        return np.asarray(
            reduce(
                np.add,
                (apply_factor(f[None, None], p, X) for f, p in zip(self.factors, self._patterns, strict=True)),
            )
        )

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        def pull(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients = tuple(
                factor_gradient((1, 1, *f.shape), p, X, Y_bar)[0, 0]
                for f, p in zip(self.factors, self._patterns, strict=True)
            )
            return gradients, self._adjoint()._apply(Y_bar) if with_input else None

        return self._apply(X), pull

    def _transpose(self) -> KroneckerSum:
        return KroneckerSum(*(f.T for f in self.factors))

    def scale(self, scalar: Any) -> KroneckerSum:
        """Multiply by a scalar: every factor is."""
        return KroneckerSum(*(scalar * f for f in self.factors))

    def _form(self) -> Form:
        first, *rest = (term.form for term in self.terms())
        total: Form | None = first
        for term in rest:
            total = None if total is None else add(total, term)
        return Opaque(self) if total is None else total

    def _dense(self) -> Array:
        return np.asarray(reduce(np.add, (term._dense() for term in self.terms())))

    def to_sparse(self) -> csr_array:
        return csr_array(reduce(lambda left, right: left + right, (term.to_sparse() for term in self.terms())))

    def _describe(self) -> list[str]:
        return [" ⊕ ".join(f"{f.shape[0]}×{f.shape[1]}" for f in self.factors)]


@register_sum(KroneckerSum, KroneckerSum)
def _add(left: KroneckerSum, right: KroneckerSum) -> Any:
    if [f.shape for f in left.factors] != [f.shape for f in right.factors]:
        return NotImplemented
    return KroneckerSum(*(A + B for A, B in zip(left.factors, right.factors, strict=True)))
