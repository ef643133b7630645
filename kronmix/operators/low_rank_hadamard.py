"""Entrywise products of two low-rank matrices: what LoHa trains (T33)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..forms import Form, Matrix, Slots
from ..patterns import Pattern
from .arrays import Array, as_factor
from .base import Pull
from .from_factors import FromFactors


class LowRankHadamard(FromFactors):
    """Matrix (B₁A₁) ∘ (B₂A₂), the entrywise product of two low-rank matrices, never formed.

        y = Σ_k B₁[:, k] ∘ (B₂ (A₂ (A₁[k] ∘ x))),   rank at most r₁r₂.

    Parameters
    ----------
    B1, B2 : arrays of shape (rows, r₁) and (rows, r₂)
    A1, A2 : arrays of shape (r₁, columns) and (r₂, columns)
        Given in the order B1, A1, B2, A2.

    Raises
    ------
    ValueError
        If the shapes do not belong together.

    References
    ----------
    Hyeon-Woo, Ye-Bin & Oh, *FedPara*, ICLR 2022 (T33).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> B1, B2, A1, A2 = rng.normal(size=(5, 2)), rng.normal(size=(5, 3)), rng.normal(size=(2, 4)), rng.normal(size=(3, 4))
    >>> op = km.LowRankHadamard(B1, A1, B2, A2)
    >>> op
    LowRankHadamard(5×4, ranks 2 and 3, 45 parameters)
    >>> bool(np.allclose(op @ np.ones(4), ((B1 @ A1) * (B2 @ A2)).sum(axis=1)))
    True
    """

    def __init__(self, B1: Any, A1: Any, B2: Any, A2: Any) -> None:
        named = (("B1", B1), ("A1", A1), ("B2", B2), ("A2", A2))
        factors = tuple(as_factor(matrix, name, 2) for name, matrix in named)
        (m1, r1), (k1, n1), (m2, r2), (k2, n2) = (factor.shape for factor in factors)
        if (r1, r2, m1, n1) != (k1, k2, m2, n2):
            raise ValueError(
                f"B1, A1, B2, A2 have shapes {', '.join(str(f.shape) for f in factors)}: "
                "expected (rows, r1), (r1, columns), (rows, r2), (r2, columns)"
            )
        super().__init__((m1, n1), factors)
        self.pattern = Pattern.full(*self.shape)

    @property
    def ranks(self) -> tuple[int, int]:
        """r₁ and r₂."""
        return self.factors[0].shape[1], self.factors[2].shape[1]

    def _arguments(self) -> tuple[Any, ...]:
        return self.factors

    @property
    def connections(self) -> int:
        r1, r2 = self.ranks
        return r1 * (r2 + 1) * sum(self.shape)

    def khatri_rao(self) -> tuple[Array, Array]:
        """The matrix as a product of a (rows, r₁r₂) and an (r₁r₂, columns) factor: row-wise and column-wise Khatri–Rao (T33)."""
        B1, A1, B2, A2 = self.factors
        rows, columns = self.shape
        left = (B1[:, :, None] * B2[:, None, :]).reshape(rows, -1)
        return left, (A1[:, None, :] * A2[None, :, :]).reshape(-1, columns)

    def _apply(self, X: Array) -> Array:
        B1, A1, B2, A2 = self.factors
        Y = np.zeros((self.shape[0], X.shape[1]), np.result_type(self.dtype, X))
        for b, a in zip(B1.T, A1, strict=True):
            Y += b[:, None] * (B2 @ (A2 @ (a[:, None] * X)))
        return Y

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        B1, A1, B2, A2 = (factor.conj() for factor in self.factors)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            dtype = np.result_type(self.dtype, X, Y_bar)
            gradients = tuple(np.zeros(factor.shape, dtype) for factor in self.factors)
            X_bar = np.zeros(X.shape, dtype) if with_input else None
            for k in range(self.ranks[0]):
                Z = self.factors[1][k][:, None] * X
                T = self.factors[3] @ Z
                S_bar = B1[:, k, None] * Y_bar
                T_bar = B2.T @ S_bar
                Z_bar = A2.T @ T_bar
                gradients[0][:, k] = np.sum(Y_bar * (self.factors[2] @ T).conj(), axis=1)
                gradients[1][k] = np.sum(Z_bar * X.conj(), axis=1)
                gradients[2][...] += S_bar @ T.conj().T
                gradients[3][...] += T_bar @ Z.conj().T
                if X_bar is not None:
                    X_bar += A1[k][:, None] * Z_bar
            return gradients, X_bar

        return self._apply(X), backward

    def _transpose(self) -> LowRankHadamard:
        B1, A1, B2, A2 = self.factors
        return LowRankHadamard(A1.T, B1.T, A2.T, B2.T)

    def _form(self) -> Form:
        """The Khatri–Rao factors where these are the smaller, else the entries (T33)."""
        small = self.ranks[0] * self.ranks[1] < min(self.shape)
        return Slots((Matrix(*self.khatri_rao()) if small else Matrix(self.to_dense()),))

    def _dense(self) -> Array:
        B1, A1, B2, A2 = self.factors
        return np.asarray((B1 @ A1) * (B2 @ A2), dtype=self.dtype)

    def _describe(self) -> list[str]:
        return [f"ranks {self.ranks[0]} and {self.ranks[1]}"]
