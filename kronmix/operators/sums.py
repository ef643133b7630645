"""Sums of operators, and sums of Kronecker products with one shape."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from ..forms import Form, Matrix, Slots, sum_of
from ..patterns import Pattern
from .algebra import register_sum
from .arrays import Array, as_factor, same_shapes
from .base import Pull, StructuredOperator
from .composite import Composite, flatten
from .kernels import apply_factor, factor_gradient
from .kronecker import Kronecker


class Sum(Composite):
    """Sum of operators of one shape; nested sums are flattened.

    Parameters
    ----------
    *operators : StructuredOperator
        Equal shapes.

    Examples
    --------
    >>> km.Sum(km.Dense(np.eye(2)), km.Permutation([1, 0])).to_dense()
    array([[1., 1.],
           [1., 1.]])
    """

    def __init__(self, *operators: StructuredOperator) -> None:
        flat = flatten(operators, Sum, "Sum")
        if any(op.shape != flat[0].shape for op in flat):
            raise ValueError(f"Sum: shapes {[op.shape for op in flat]} differ")
        super().__init__(flat[0].shape, flat)

    def _arguments(self) -> tuple[Any, ...]:
        return self.operators

    def support(self) -> csr_array:
        return csr_array(reduce(lambda left, right: left + right, (op.support() for op in self.operators)))

    def _apply(self, X: Array) -> Array:
        first, *rest = self.operators
        Y = first._apply(X)
        for op in rest:
            Y = Y + op._apply(X)
        return Y

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        outputs, pulls = zip(*(op._vjp(X) for op in self.operators), strict=True)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            pulled = [pull(Y_bar, with_input) for pull in pulls]
            X_bar = reduce(np.add, (bar for _, bar in pulled)) if with_input else None
            return tuple(g for gradients, _ in pulled for g in gradients), X_bar

        return reduce(np.add, outputs), backward

    def _transpose(self) -> Sum:
        return Sum(*(op._transpose() for op in self.operators))

    def conj(self) -> StructuredOperator:
        return Sum(*(op.conj() for op in self.operators)) if self.dtype.kind == "c" else self

    def scale(self, scalar: Any) -> StructuredOperator:
        return Sum(*(op.scale(scalar) for op in self.operators))

    def to_sparse(self) -> csr_array:
        return csr_array(reduce(lambda left, right: left + right, (op.to_sparse() for op in self.operators)))

    def _form(self) -> Form:
        return sum_of([op.form for op in self.operators])

    def _describe(self) -> list[str]:
        return [" + ".join(type(op).__name__ for op in self.operators)]


class SumOfKroneckers(StructuredOperator):
    """Σ_ρ A_ρ ⊗ B_ρ with all A_ρ of one shape and all B_ρ of one shape.

    Applied as the two tied Kronecker-sparse factors [A_1 … A_r] and [B_1; …; B_r] of inner size r: two GEMMs, whatever r.

    Parameters
    ----------
    pairs : sequence of (A, B)
        Matrices; at least one pair.

    Raises
    ------
    ValueError
        If there is no pair, or the shapes differ between pairs.

    References
    ----------
    Van Loan & Pitsianis 1993 (T14).

    Examples
    --------
    >>> A, B = np.eye(2), np.ones((2, 2))
    >>> km.SumOfKroneckers([(A, B), (B, A)])
    SumOfKroneckers(4×4, 2 terms of 2×2 ⊗ 2×2, 16 parameters)
    """

    def __init__(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        listed = [tuple(pair) for pair in pairs]
        if not listed or any(len(pair) != 2 for pair in listed):
            raise ValueError("SumOfKroneckers: expected pairs [(A1, B1), (A2, B2), ...], at least one")
        factors = tuple(
            as_factor(m, f"term {i}, {'AB'[j]}", 2) for i, pair in enumerate(listed) for j, m in enumerate(pair)
        )
        for i in range(2, len(factors)):
            if factors[i].shape != factors[i % 2].shape:
                raise ValueError(
                    f"term {i // 2}, {'AB'[i % 2]} has shape {factors[i].shape}: expected {factors[i % 2].shape} as in term 0"
                )
        (mA, nA), (mB, nB) = factors[0].shape, factors[1].shape
        super().__init__((mA * mB, nA * nB), factors)
        self.pattern = Pattern.full(*self.shape)

    @property
    def pairs(self) -> tuple[tuple[Array, Array], ...]:
        """The terms (A_ρ, B_ρ)."""
        return tuple(zip(self.factors[::2], self.factors[1::2], strict=True))

    def _arguments(self) -> tuple[Any, ...]:
        return (self.pairs,)

    def with_factors(self, *arrays: Any) -> Self:
        checked = same_shapes(arrays, self.factors)
        if type(self) is not SumOfKroneckers:  # a subclass may derive more from them
            return type(self)(zip(checked[::2], checked[1::2], strict=True))
        return self._of(self.shape, checked, pattern=self.pattern)

    def _stages(self) -> tuple[tuple[Array, Pattern], tuple[Array, Pattern]]:
        """Left factor values[0, 0, i, (j, ρ)] = A_ρ[i, j] and right factor values[0, 0, (ρ, k), l] = B_ρ[k, l]."""
        (mA, nA), (mB, nB), r = self.factors[0].shape, self.factors[1].shape, len(self.factors) // 2
        left = np.stack(self.factors[::2], axis=-1).reshape(mA, nA * r)
        right = np.concatenate(self.factors[1::2])
        return (left[None, None], Pattern(1, mA, nA * r, mB)), (right[None, None], Pattern(nA, r * mB, nB, 1))

    @property
    def connections(self) -> int:
        return sum(pattern.nnz for _, pattern in self._stages())

    def _apply(self, X: Array) -> Array:
        left, right = self._stages()
        return apply_factor(*left, apply_factor(*right, X))

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        (A, left), (B, right) = self._stages()
        (mA, nA), (mB, nB), r = self.factors[0].shape, self.factors[1].shape, len(self.factors) // 2
        T = apply_factor(B, right, X)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            A_bar = factor_gradient(A.shape, left, T, Y_bar).reshape(mA, nA, r)
            T_bar = apply_factor(A.conj().swapaxes(2, 3), left.transpose, Y_bar)
            B_bar = factor_gradient(B.shape, right, X, T_bar).reshape(r, mB, nB)
            X_bar = apply_factor(B.conj().swapaxes(2, 3), right.transpose, T_bar) if with_input else None
            return tuple(g for ρ in range(r) for g in (A_bar[..., ρ], B_bar[ρ])), X_bar

        return apply_factor(A, left, T), backward

    def _transpose(self) -> SumOfKroneckers:
        return SumOfKroneckers([(A.T, B.T) for A, B in self.pairs])

    def scale(self, scalar: Any) -> StructuredOperator:
        return SumOfKroneckers([(scalar * A, B) for A, B in self.pairs])

    def _dense(self) -> Array:
        return np.asarray(reduce(np.add, (np.kron(A, B) for A, B in self.pairs)), dtype=self.dtype)

    def to_sparse(self) -> csr_array:
        return csr_array(reduce(lambda left, right: left + right, (Kronecker(A, B).to_sparse() for A, B in self.pairs)))

    def _form(self) -> Form:
        return sum_of([Slots.of([Matrix(A), Matrix(B)]) for A, B in self.pairs])

    def _describe(self) -> list[str]:
        (mA, nA), (mB, nB) = self.factors[0].shape, self.factors[1].shape
        return [f"{len(self.factors) // 2} terms of {mA}×{nA} ⊗ {mB}×{nB}"]


@register_sum(StructuredOperator, StructuredOperator)
def _add(left: StructuredOperator, right: StructuredOperator) -> Sum:
    return Sum(left, right)


def _factor_tuples(op: Any) -> tuple[tuple[Array, Array], ...]:
    return op.pairs if isinstance(op, SumOfKroneckers) else (op.factors,)


@register_sum(Kronecker, Kronecker)
@register_sum(Kronecker, SumOfKroneckers)
@register_sum(SumOfKroneckers, Kronecker)
@register_sum(SumOfKroneckers, SumOfKroneckers)
def _add_kroneckers(left: Any, right: Any) -> Any:
    if [f.shape for f in left.factors[:2]] != [f.shape for f in right.factors[:2]] or {
        len(t) for t in _factor_tuples(left) + _factor_tuples(right)
    } != {2}:
        return NotImplemented
    return SumOfKroneckers([*_factor_tuples(left), *_factor_tuples(right)])
