"""The primitive: a Kronecker-sparse factor (T9)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.sparse import coo_array, csr_array

from ..forms import Form, factor_form
from ..patterns import Pattern
from .algebra import register_sum
from .arrays import Array, as_factor, same_shapes
from .base import StructuredOperator
from .kernels import apply_factor, factor_gradient


class KroneckerSparse(StructuredOperator):
    """Matrix supported on I_a ⊗ 1_{b×c} ⊗ I_d, stored as values[a, d, b, c].

        y[i_a, i_b, i_d] = Σ_{i_c} values[i_a, i_d, i_b, i_c] · x[i_a, i_c, i_d],   last index fastest.

    Parameters
    ----------
    values : array broadcastable to (a, d, b, c)
        An axis of length 1 is shared (tied weights): shape (1, 1, b, c) is I_a ⊗ K ⊗ I_d.
    pattern : Pattern or (a, b, c, d)

    Raises
    ------
    ValueError
        If values do not broadcast to (a, d, b, c).
    TypeError
        If values are not numbers.

    References
    ----------
    Le, Zheng, Riccietti & Gribonval 2024, arXiv 2411.04506 (T9).

    Examples
    --------
    >>> K = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> op = km.KroneckerSparse(K[None, None], (2, 2, 2, 3))
    >>> op
    KroneckerSparse(12×12, pattern (2, 2, 2, 3), tied over a and d, 4 parameters)
    >>> bool((op.to_dense() == np.kron(np.kron(np.eye(2), K), np.eye(3))).all())
    True
    """

    pattern: Pattern

    def __init__(self, values: Any, pattern: Pattern | tuple[int, int, int, int]) -> None:
        self.pattern = pattern if isinstance(pattern, Pattern) else Pattern(*pattern)
        values = as_factor(values, "values", 4)
        target = self.pattern.values_shape
        if any(have not in (1, want) for have, want in zip(values.shape, target, strict=True)):
            raise ValueError(
                f"values has shape {values.shape}: expected axes (a, d, b, c) = {target}, or 1 where shared"
            )
        super().__init__(self.pattern.shape, (values,))

    @property
    def values(self) -> Array:
        """Stored values, axes (a, d, b, c), length 1 where shared."""
        return self.factors[0]

    def _arguments(self) -> tuple[Any, ...]:
        return self.values, tuple(self.pattern)

    def with_factors(self, *arrays: Any) -> Self:
        (values,) = same_shapes(arrays, self.factors)
        if type(self) is not KroneckerSparse:  # a subclass may derive more from them
            return type(self)(values, self.pattern)
        return self._of(self.shape, (values,), pattern=self.pattern)

    @property
    def connections(self) -> int:
        return self.pattern.nnz

    def _apply(self, X: Array) -> Array:
        return apply_factor(self.values, self.pattern, X)

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        return (factor_gradient(self.values.shape, self.pattern, X, Y_bar),)

    def _transpose(self) -> KroneckerSparse:
        pattern = self.pattern.transpose
        return KroneckerSparse._of(pattern.shape, (self.values.swapaxes(2, 3),), pattern=pattern)

    def _dense(self) -> Array:
        a, b, c, d = self.pattern
        dense = np.zeros((a, b, d, a, c, d), self.dtype)
        ia, id_ = np.arange(a)[:, None], np.arange(d)
        # Paired indices (i_a, i_d) on both sides pick the blocks; b and c stay as the last axes.
        dense[ia, :, id_, ia, :, id_] = np.broadcast_to(self.values, self.pattern.values_shape)
        return dense.reshape(self.shape)

    def to_sparse(self) -> csr_array:
        a, b, c, d = self.pattern
        ia, id_, ib, ic = np.ogrid[:a, :d, :b, :c]
        full = self.pattern.values_shape
        rows = np.broadcast_to((ia * b + ib) * d + id_, full).ravel()
        cols = np.broadcast_to((ia * c + ic) * d + id_, full).ravel()
        return csr_array(coo_array((np.broadcast_to(self.values, full).ravel(), (rows, cols)), shape=self.shape))

    def _form(self) -> Form:
        return factor_form(self.values, self.pattern)

    def _describe(self) -> list[str]:
        sizes = (self.pattern.a, self.pattern.d, self.pattern.b, self.pattern.c)
        tied = [name for name, have, want in zip("adbc", self.values.shape, sizes, strict=True) if have < want]
        return [f"pattern {tuple(self.pattern)}", *([f"tied over {' and '.join(tied)}"] if tied else [])]


@register_sum(KroneckerSparse, KroneckerSparse)
def _add(left: KroneckerSparse, right: KroneckerSparse) -> Any:
    if left.pattern != right.pattern:
        return NotImplemented
    values = left.values + right.values
    return KroneckerSparse(values.astype(np.result_type(left.dtype, right.dtype), copy=False), left.pattern)
