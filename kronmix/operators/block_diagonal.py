"""Direct sums of operators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import scipy.sparse

from ..forms import DirectSum, Form, Permuted, orders, permuted, widened
from .algebra import register_product, register_sum
from .assembled import Assembled
from .composite import flatten
from .dense import as_operator


class BlockDiagonal(Assembled):
    """Direct sum B₁ ⊕ B₂ ⊕ … of operators of any shapes, on the diagonal of a matrix of zeros.

    Blocks of one shape without a structure are better kept as one :class:`KroneckerSparse` factor of pattern (n, b, c, 1), as
    :func:`block_diag` does.

    Parameters
    ----------
    operators : sequence of operators or matrices
        From the upper left on; at least one.

    Raises
    ------
    ValueError
        If there is none.
    TypeError
        If one is neither an operator nor a matrix.

    Examples
    --------
    >>> op = km.BlockDiagonal([km.Kronecker(np.ones((2, 2)), np.ones((2, 2))), np.ones((1, 3)), km.eye(5)])
    >>> op
    BlockDiagonal(10×12, Kronecker(4×4) ⊕ Dense(1×3) ⊕ Permutation(5×5), 11 parameters)
    >>> op.nnz
    24
    """

    _own_rows, _own_columns = True, True
    _place, _sign = staticmethod(scipy.sparse.block_diag), " ⊕ "

    def __init__(self, operators: Iterable[Any]) -> None:
        parts = flatten(map(as_operator, operators), BlockDiagonal, "BlockDiagonal")
        super().__init__((sum(op.shape[0] for op in parts), sum(op.shape[1] for op in parts)), parts)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.operators,)

    def _transpose(self) -> BlockDiagonal:
        return BlockDiagonal([op._transpose() for op in self.operators])

    def _form(self) -> Form:
        """Permutations of the blocks are one around them all."""
        forms = [widened(op.form, self.dtype) for op in self.operators]
        if len(forms) == 1:
            return forms[0]
        moved = [form if isinstance(form, Permuted) else Permuted(form, None, None) for form in forms]
        rows = orders.joined([part.rows for part in moved], [part.shape[0] for part in moved])
        columns = orders.joined([part.columns for part in moved], [part.shape[1] for part in moved])
        parts = (part.inner.parts if isinstance(part.inner, DirectSum) else (part.inner,) for part in moved)
        return permuted(DirectSum(tuple(part for some in parts for part in some)), rows, columns)


@register_product(BlockDiagonal, BlockDiagonal)
def _multiply(left: BlockDiagonal, right: BlockDiagonal) -> Any:
    if [op.shape[1] for op in left.operators] != [op.shape[0] for op in right.operators]:
        return NotImplemented
    return BlockDiagonal([A @ B for A, B in zip(left.operators, right.operators, strict=True)])


@register_sum(BlockDiagonal, BlockDiagonal)
def _add(left: BlockDiagonal, right: BlockDiagonal) -> Any:
    if [op.shape for op in left.operators] != [op.shape for op in right.operators]:
        return NotImplemented
    return BlockDiagonal([A + B for A, B in zip(left.operators, right.operators, strict=True)])
