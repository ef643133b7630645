"""What blocks on a diagonal and stacks have in common: each part keeps places of its own in the whole matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_array

from .arrays import Array
from .base import Pull, StructuredOperator
from .composite import Composite, split_rows


class Assembled(Composite):
    """Parts put together; a subclass says where they stand.

    Along an axis on which the parts share their places, inputs are the same for all and outputs add up; along one where each has
    its own, inputs are cut and outputs joined.
    """

    #: Whether each part has rows, and columns, of its own.
    _own_rows: ClassVar[bool]
    _own_columns: ClassVar[bool]
    #: SciPy's function that places sparse parts, and the sign between them in words.
    _place: ClassVar[Callable[..., Any]]
    _sign: ClassVar[str]

    def _with_operators(self, operators: Sequence[StructuredOperator]) -> Self:
        """An operator of the same class with other parts of the same shapes."""
        return type(self)(operators)  # type: ignore[arg-type, call-arg]

    @property
    def nnz(self) -> int:
        return sum(op.nnz for op in self.operators)

    def support(self) -> csr_array:
        return csr_array(type(self)._place([op.support() for op in self.operators], format="csr"))

    def to_sparse(self) -> csr_array:
        return csr_array(type(self)._place([op.to_sparse() for op in self.operators], format="csr"))

    def _apply(self, X: Array) -> Array:
        pieces = self._split_for_parts(X, 1, self._own_columns)
        return _joined([op._apply(x) for op, x in zip(self.operators, pieces, strict=True)], self._own_rows)

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        pieces = self._split_for_parts(X, 1, self._own_columns)
        outputs, pulls = zip(*(op._vjp(x) for op, x in zip(self.operators, pieces, strict=True)), strict=True)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            bars = self._split_for_parts(Y_bar, 0, self._own_rows)
            pulled = [pull(bar, with_input) for pull, bar in zip(pulls, bars, strict=True)]
            gradients = tuple(gradient for some, _ in pulled for gradient in some)
            return gradients, _joined([x for _, x in pulled], self._own_columns) if with_input else None

        return _joined(outputs, self._own_rows), backward

    def conj(self) -> StructuredOperator:
        return self._with_operators([op.conj() for op in self.operators])

    def scale(self, scalar: Any) -> StructuredOperator:
        """Multiply by a scalar: every part is."""
        return self._with_operators([op.scale(scalar) for op in self.operators])

    def _split_for_parts(self, X: Array, axis: int, own: bool) -> list[Array]:
        """The rows of X that each part takes: its own, or all of them."""
        if own:
            return split_rows(X, (op.shape[axis] for op in self.operators))
        return [X] * len(self.operators)

    def _describe(self) -> list[str]:
        return [self._sign.join(f"{type(op).__name__}({op.shape[0]}×{op.shape[1]})" for op in self.operators)]


def _joined(pieces: Iterable[Any], own: bool) -> Array:
    """Results of the parts, one below the other if each has its own rows, else their sum."""
    return np.concatenate(list(pieces)) if own else np.asarray(reduce(np.add, pieces))
