"""Weights under a fixed mask: the SW-MLP's layers (T7)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import structural_rank

from ..checks import MAX_BYTES
from ..forms import Form, Matrix, Opaque, Slots, from_sparse
from .algebra import register_sum
from .arrays import Array, as_factor, same_shapes
from .base import Pull, StructuredOperator

# Pullbacks gather rows of x and ȳ, or multiply, for this many numbers at once (cache-sized, 1 MiB of float64).
_CHUNK = 2**17

# From this density on a product computes all entries sooner than gathering computes those inside the mask.
_DENSE = 1 / 32


class Masked(StructuredOperator):
    """M ∘ A for a fixed mask M; stores and trains the entries inside the mask only.

    Parameters
    ----------
    values : array of shape (rows, columns), or (number of non-zeros,) in row-major order of the mask
    mask : boolean array or SciPy sparse array of shape (rows, columns)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Golubeva, Neyshabur & Gur-Ari 2021 (T7).

    Examples
    --------
    >>> op = km.Masked(np.full((2, 3), 5.0), np.array([[1, 0, 1], [0, 1, 0]], bool))
    >>> op, op.values
    (Masked(2×3, density 0.5, 3 parameters), array([5., 5., 5.]))
    >>> op.to_dense()
    array([[5., 0., 5.],
           [0., 5., 0.]])
    """

    _matrix: csr_array

    def __init__(self, values: Any, mask: Any) -> None:
        support = csr_array(mask, dtype=bool, copy=True)
        support.eliminate_zeros()
        support.sort_indices()
        values = as_factor(values, "values")
        if values.shape == support.shape:
            rows = np.repeat(np.arange(support.shape[0]), np.diff(support.indptr))
            values = values[rows, support.indices]
        if values.shape != (support.nnz,):
            raise ValueError(
                f"values has shape {values.shape}: expected the mask's shape {support.shape} "
                f"or ({support.nnz},), one for each entry"
            )
        super().__init__(support.shape, (values,))
        self._matrix = csr_array((self.factors[0], support.indices, support.indptr), shape=support.shape)

    @property
    def values(self) -> Array:
        """Entries inside the mask, row by row."""
        return self.factors[0]

    @property
    def mask(self) -> csr_array:
        """The mask as a sparse boolean matrix."""
        return csr_array((np.ones(self.values.size, bool), self._matrix.indices, self._matrix.indptr), shape=self.shape)

    def _arguments(self) -> tuple[Any, ...]:
        return self.values, self.mask

    def with_factors(self, *arrays: Any) -> Self:
        renewed = self._of(self.shape, same_shapes(arrays, self.factors))
        renewed._matrix = csr_array((renewed.factors[0], self._matrix.indices, self._matrix.indptr), shape=self.shape)
        return renewed

    @property
    def connections(self) -> int:
        return self.values.size

    @property
    def nnz(self) -> int:
        return self.values.size

    def _apply(self, X: Array) -> Array:
        return np.asarray(self._matrix @ X)

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        def pull(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            # SciPy's transpose is a view; a transposed operator would have to sort its entries at every step.
            X_bar = np.asarray(self._matrix.conj(copy=False).T @ Y_bar) if with_input else None
            return self._pullback(X, Y_bar), X_bar

        return self._apply(X), pull

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        """values̄_e = Σ_n ȳ[row_e, n] conj(x[col_e, n]), in cache-sized pieces."""
        rows = np.repeat(np.arange(self.shape[0]), np.diff(self._matrix.indptr))
        cols, starts = self._matrix.indices, self._matrix.indptr
        gradient = np.empty(self.values.size, np.result_type(X, Y_bar))
        X = np.ascontiguousarray(X.conj())
        if self.density < _DENSE:
            step = max(1, _CHUNK // max(X.shape[1], 1))
            for start in range(0, gradient.size, step):
                part = slice(start, start + step)
                np.einsum("en,en->e", Y_bar[rows[part]], X[cols[part]], out=gradient[part])
        else:
            step = max(1, _CHUNK // self.shape[1])
            for first in range(0, self.shape[0], step):
                part = slice(*starts[[first, min(first + step, self.shape[0])]])
                product = Y_bar[first : first + step] @ X.T
                gradient[part] = product[rows[part] - first, cols[part]]
        return (gradient,)

    def _transpose(self) -> Masked:
        # Positions travel through the transposition as values do.
        order = csr_array(
            (np.arange(1, self.values.size + 1), self._matrix.indices, self._matrix.indptr), shape=self.shape
        ).T.tocsr()
        order.sort_indices()
        return Masked(self.values[order.data - 1], order != 0)

    def _dense(self) -> Array:
        return self._matrix.toarray()

    def to_sparse(self) -> csr_array:
        return self._matrix.copy()

    def _form(self) -> Form:
        found = from_sparse(self._matrix)
        if found is not None:
            return found
        if self.shape[0] * self.shape[1] * self.dtype.itemsize > MAX_BYTES:
            return Opaque(self)
        return Slots((Matrix(self._dense(), bound=int(structural_rank(self.mask))),))

    def _describe(self) -> list[str]:
        return [f"density {self.density:.3g}"]


def masked_from_sparse(matrix: Any) -> Masked:
    """A SciPy sparse matrix of any format, its stored non-zeros trained and nothing else."""
    stored = csr_array(matrix, copy=True)
    stored.sum_duplicates()
    stored.eliminate_zeros()
    return Masked(stored.data, stored.astype(bool))


@register_sum(Masked, Masked)
def _add(left: Masked, right: Masked) -> Any:
    same = np.array_equal(left._matrix.indptr, right._matrix.indptr) and np.array_equal(
        left._matrix.indices, right._matrix.indices
    )
    return left.with_factors(left.values + right.values) if same else NotImplemented
