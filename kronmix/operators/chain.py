"""Products of operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial, reduce
from itertools import groupby, pairwise
from math import inf
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from ..checks import MAX_BYTES
from ..forms import Form, Permuted, Product, factor_slices, orders, permuted, product_of, slices_of
from ..forms.slices import Slicing
from ..patterns import Pattern
from .algebra import register_product
from .arrays import Array
from .base import Pull, StructuredOperator
from .composite import Composite, distribute, flatten
from .kernels import PASS, apply_factors, cheapest_groups
from .kronecker_sparse import KroneckerSparse
from .permutation import Permutation
from .rectangular_identity import RectangularIdentity


class Chain(Composite):
    """Product of operators, leftmost first; nested chains are flattened.

    Parameters
    ----------
    *operators : StructuredOperator
        Matching inner sizes.

    Raises
    ------
    TypeError
        If an argument is not a StructuredOperator.
    ValueError
        If there is none, or two neighbours do not fit.

    Examples
    --------
    >>> left, right = km.Dense(np.ones((2, 3))), km.Dense(np.ones((3, 4)))
    >>> km.Chain(left, right)
    Chain(2×4, Dense(2×3) · Dense(3×4), 18 parameters)
    """

    def __init__(self, *operators: StructuredOperator) -> None:
        flat = flatten(operators, Chain, "Chain")
        for left, right in pairwise(flat):
            if left.shape[1] != right.shape[0]:
                raise ValueError(f"Chain: {left!r} has {left.shape[1]} columns but {right!r} has {right.shape[0]} rows")
        super().__init__((flat[0].shape[0], flat[-1].shape[1]), flat)
        self.pattern = _product_pattern(flat)

    def _arguments(self) -> tuple[Any, ...]:
        return self.operators

    def with_factors(self, *arrays: Any) -> Self:
        if type(self) is not Chain:  # a subclass may derive more from them
            return super().with_factors(*arrays)
        operators = tuple(distribute(arrays, self.operators))
        factors = tuple(factor for op in operators for factor in op.factors)
        renewed = self._of(self.shape, factors, operators=operators, pattern=self.pattern)
        renewed.dtype = np.result_type(*(op.dtype for op in operators))
        return renewed

    @property
    def nnz(self) -> int:
        inner = self.core()
        return super().nnz if inner is self else inner.nnz

    def core(self) -> StructuredOperator:
        """The product without permutations outside: same singular values, same entries elsewhere (T8)."""
        _, inner, _ = self._split()
        if len(inner) == len(self.operators):
            return self
        return inner[0] if len(inner) == 1 else Chain(*inner)

    def support(self) -> csr_array:
        return reduce(_support_product, (op.support() for op in self.operators))

    @cached_property
    def _steps(self) -> list[Callable[[Array], Array]]:
        """What is applied, first step first: runs of chainable factors multiplied out as far as that saves passes (T11)."""
        steps: list[Callable[[Array], Array]] = []
        for untied, group in groupby(reversed(self.operators), key=_is_untied):
            run = list(group)
            steps += [partial(apply_factors, fused(run))] if untied else [op._apply for op in run]
        return steps

    def _apply(self, X: Array) -> Array:
        for step in self._steps:
            X = step(X)
        return X

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        pulls: list[Pull] = []
        for op in reversed(self.operators):
            X, pull = op._vjp(X)
            pulls.append(pull)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients: list[Array] = []
            bar: Array | None = Y_bar
            for i, pull in zip(reversed(range(len(pulls))), reversed(pulls), strict=True):
                assert bar is not None
                some, bar = pull(bar, with_input or i > 0)
                gradients += some
            return tuple(gradients), bar

        return X, backward

    def _transpose(self) -> StructuredOperator:
        return Chain(*(op._transpose() for op in reversed(self.operators)))

    def conj(self) -> StructuredOperator:
        return Chain(*(op.conj() for op in self.operators)) if self.dtype.kind == "c" else self

    def scale(self, scalar: Any) -> StructuredOperator:
        holder = next((i for i, op in enumerate(self.operators) if op.factors), 0)
        return Chain(*(op.scale(scalar) if i == holder else op for i, op in enumerate(self.operators)))

    def to_sparse(self) -> csr_array:
        return csr_array(reduce(lambda left, right: left @ right, (op.to_sparse() for op in self.operators)))

    def _dense(self) -> Array:
        dense = self.operators[-1]._dense()
        for op in reversed(self.operators[:-1]):
            dense = op._apply(dense)
        return dense

    def _form(self) -> Form:
        """Neighbours multiplied where that has a form; two chainable factors are known slice by slice (T11)."""
        left, core, right = self._split()
        if (
            len(core) == 2
            and all(isinstance(op, KroneckerSparse) for op in core)
            and _product_pattern(core) is not None
        ):
            found = product_of([op.form for op in core])
            if isinstance(found.inner if isinstance(found, Permuted) else found, Product):
                (x, X), (y, Y) = ((op.factors[0], op.pattern) for op in core)
                assert X is not None
                assert Y is not None
                found = slices_of(x, X, y, Y)
            return permuted(found, compose(left), orders.inverse(compose(right)))
        return product_of([op.form for op in self.operators])

    def _split(self) -> tuple[tuple[Permutation, ...], tuple[StructuredOperator, ...], tuple[Permutation, ...]]:
        """The permutations on the left, what stands between, and the permutations on the right."""
        start, stop = 0, len(self.operators)
        while stop - start > 1 and isinstance(self.operators[start], Permutation):
            start += 1
        while stop - start > 1 and isinstance(self.operators[stop - 1], Permutation):
            stop -= 1
        return self.operators[:start], self.operators[start:stop], self.operators[stop:]

    def _describe(self) -> list[str]:
        return [" · ".join(f"{type(op).__name__}({op.shape[0]}×{op.shape[1]})" for op in self.operators)]


def _is_untied(op: StructuredOperator) -> bool:
    return isinstance(op, KroneckerSparse) and op.values.shape == op.pattern.values_shape


def fused(run: Sequence[KroneckerSparse]) -> list[tuple[Array, Pattern]]:
    """Untied factors, the first one applied first, with chainable neighbours multiplied out where that is cheaper."""

    def product(start: int, stop: int) -> Pattern | None:
        return _product_pattern(tuple(run[start:stop][::-1]))

    def cost(start: int, stop: int) -> float:
        pattern = product(start, stop)
        return inf if pattern is None else pattern.nnz + PASS * pattern.shape[0]

    factors = []
    for start, stop in cheapest_groups(len(run), cost):
        values, pattern = run[start].values, run[start].pattern
        for op in run[start + 1 : stop]:
            U, V = factor_slices(op.values, op.pattern, values, pattern)
            values, pattern = Slicing.of(op.pattern, pattern).product_values(np.matmul(U, V)), op.pattern * pattern
        factors.append((values, pattern))
    return factors


def compose(permutations: tuple[Permutation, ...]) -> orders.Order:
    """What a product of permutations reads; None for none."""
    found: orders.Order = None
    for P in permutations:
        found = P.indices if found is None else P.indices[found]
    return found


def _product_pattern(operators: tuple[StructuredOperator, ...]) -> Pattern | None:
    """Pattern of the product where every operator has one and they are chainable (T11)."""
    product = operators[0].pattern
    for op in operators[1:]:
        if product is None or op.pattern is None or not product.chainable(op.pattern):
            return None
        product = product * op.pattern
    return product


def _support_product(left: csr_array, right: csr_array) -> csr_array:
    """Boolean product of two supports; refuses when it would take more than MAX_BYTES."""
    work = int(
        np.dot(np.bincount(left.indices, minlength=left.shape[1]).astype(float), np.diff(right.indptr).astype(float))
    )
    if min(work, left.shape[0] * right.shape[1]) * 5 > MAX_BYTES:
        raise MemoryError(f"counting the non-zeros of this product would take about {work * 5:,} bytes")
    return csr_array(left @ right)


@register_product(StructuredOperator, StructuredOperator)
def _multiply(left: StructuredOperator, right: StructuredOperator) -> Chain:
    return Chain(left, right)


def cut(operator: StructuredOperator, shape: tuple[int, int]) -> StructuredOperator:
    """The first rows and columns of an operator."""
    (rows, columns), (m, n) = operator.shape, shape
    above = [RectangularIdentity(m, rows)] if m < rows else []
    below = [RectangularIdentity(columns, n)] if n < columns else []
    return Chain(*above, operator, *below) if above or below else operator
