"""Entrywise products: diagonal linear networks (T17, T21)."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ..forms import Form, Matrix, Slots
from ..patterns import Pattern
from .arrays import Array, as_factor
from .from_factors import FromFactors


class Hadamard(FromFactors):
    """Matrix U ∘ V ∘ …: the entrywise product of factors of one shape.

    With U, V of shape (1, d) this is the diagonal linear network x ↦ ⟨u ∘ v, x⟩ (T21).

    Parameters
    ----------
    *matrices : arrays of one shape (rows, columns)

    Raises
    ------
    ValueError
        If there is none, or the shapes differ.

    References
    ----------
    Hoff 2017; Woodworth et al. 2020 (T17, T21).

    Examples
    --------
    >>> km.Hadamard([[1.0, 2.0]], [[3.0, 4.0]]).to_dense()
    array([[3., 8.]])
    """

    _from_sizes = ("pattern",)

    def __init__(self, *matrices: Any) -> None:
        if not matrices:
            raise ValueError("Hadamard: expected at least one matrix")
        factors = tuple(as_factor(matrix, f"matrix {i}", 2) for i, matrix in enumerate(matrices))
        if any(f.shape != factors[0].shape for f in factors):
            raise ValueError(f"Hadamard: shapes {[f.shape for f in factors]} differ")
        super().__init__(factors[0].shape, factors)
        self.pattern = Pattern.full(*self.shape)

    def _arguments(self) -> tuple[Any, ...]:
        return self.factors

    @property
    def connections(self) -> int:
        return self.shape[0] * self.shape[1]

    def _dense(self) -> Array:
        return np.asarray(reduce(np.multiply, self.factors), dtype=self.dtype)

    def _apply(self, X: Array) -> Array:
        return self._dense() @ X

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        G = Y_bar @ X.conj().T
        # Products of the factors before and after each one: no division, so zeros are fine.
        before = [np.ones(self.shape, self.dtype)]
        after = [np.ones(self.shape, self.dtype)]
        for f, g in zip(self.factors[:-1], reversed(self.factors[1:]), strict=True):
            before.append(before[-1] * f)
            after.append(after[-1] * g)
        return tuple(G * (b * a).conj() for b, a in zip(before, reversed(after), strict=True))

    def _transpose(self) -> Hadamard:
        return Hadamard(*(f.T for f in self.factors))

    def _form(self) -> Form:
        return Slots((Matrix(self._dense()),))

    def _describe(self) -> list[str]:
        return [f"{len(self.factors)} factors"]
