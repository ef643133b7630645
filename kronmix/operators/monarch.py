"""Monarch matrices (T12)."""

from __future__ import annotations

from typing import Any, Self

from ..checks import integer
from ..forms.slices import Slicing
from ..patterns import monarch_patterns
from .arrays import Array, as_factor, same_shapes
from .base import StructuredOperator
from .chain import Chain
from .kronecker_sparse import KroneckerSparse


class Monarch(Chain):
    """Monarch matrix of block rank r: the chain (1, p, k·r, q) * (k, q·r, s, 1).

        M[(i_p, i_q), (i_k, i_s)] = Σ_ρ left[i_q, i_p, (i_k, ρ)] · right[i_k, (ρ, i_q), i_s].

    Slice (i_q, i_k), the p × s matrix M[(·, i_q), (i_k, ·)], has rank at most r.

    Parameters
    ----------
    left : array of shape (q, p, k·r), or (1, p, k·r) where tied
        q interleaved blocks.
    right : array of shape (k, q·r, s), or (1, q·r, s) where tied
        k diagonal blocks.
    rank : int, optional
        The block rank r. Needed only where both factors are tied (default 1); otherwise read off the shapes.

    Raises
    ------
    ValueError
        If the two shapes do not belong to one Monarch matrix.

    References
    ----------
    Dao et al., *Monarch: Expressive Structured Matrices*, ICML 2022 (T12, T13).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> op = km.Monarch(rng.normal(size=(4, 2, 3)), rng.normal(size=(3, 4, 5)))
    >>> op
    Monarch(8×15, 4 blocks of 2×3, 3 blocks of 4×5, rank 1, 84 parameters)
    >>> [f.shape for f in op.factors]
    [(4, 2, 3), (3, 4, 5)]
    """

    rank: int
    sizes: tuple[int, int, int, int]

    def __init__(self, left: Any, right: Any, rank: int | None = None) -> None:
        left, right = as_factor(left, "left", 3), as_factor(right, "right", 3)
        r = _block_rank(left.shape, right.shape, rank)
        (_, p, kr), (_, qr, s) = left.shape, right.shape
        q, k = qr // r, kr // r
        if q * r != qr or k * r != kr or left.shape[0] not in (1, q) or right.shape[0] not in (1, k):
            raise ValueError(
                f"left has shape {left.shape} and right {right.shape}: a Monarch matrix of block rank {r} "
                f"needs left (q, p, k·{r}) and right (k, q·{r}, s): "
                f"left.shape[0] == right.shape[1]/{r} and right.shape[0] == left.shape[2]/{r}, or 1 where tied"
            )
        left_pattern, right_pattern = monarch_patterns(p, k, q, s, r)
        super().__init__(KroneckerSparse(left[None], left_pattern), KroneckerSparse(right[:, None], right_pattern))
        self.factors = (self.operators[0].factors[0][0], self.operators[1].factors[0][:, 0])
        self.rank, self.sizes = r, (p, k, q, s)

    @property
    def left(self) -> Array:
        """Left factor, shape (q, p, k·r) or (1, p, k·r)."""
        return self.factors[0]

    @property
    def right(self) -> Array:
        """Right factor, shape (k, q·r, s) or (1, q·r, s)."""
        return self.factors[1]

    def _arguments(self) -> tuple[Any, ...]:
        return self.left, self.right, self.rank

    def with_factors(self, *arrays: Any) -> Self:
        left, right = same_shapes(arrays, self.factors)
        if type(self) is not Monarch:  # a subclass may derive more from them
            return type(self)(left, right, rank=self.rank)
        outer, inner = (op.with_factors(f) for op, f in zip(self.operators, (left[None], right[:, None]), strict=True))
        sizes = {"pattern": self.pattern, "rank": self.rank, "sizes": self.sizes}
        return self._of(self.shape, (left, right), operators=(outer, inner), **sizes)

    def _vjp(self, X: Array) -> tuple[Array, Any]:
        Y, pull = super()._vjp(X)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            (left, right), X_bar = pull(Y_bar, with_input)
            return (left[0], right[:, 0]), X_bar

        return Y, backward

    def conj(self) -> StructuredOperator:
        return self.with_factors(*(f.conj() for f in self.factors))

    def scale(self, scalar: Any) -> Monarch:
        return Monarch(scalar * self.left, self.right, rank=self.rank)

    def slices(self) -> tuple[Array, Array]:
        """Slices as products U @ V: U of shape (q, k, p, r), V of shape (q, k, r, s), slice (i_q, i_k) = U @ V (T12)."""
        slicing = Slicing.of(*monarch_patterns(*self.sizes, self.rank))
        left, right = (op.factors[0] for op in self.operators)
        return slicing.left(left)[0, :, :, 0].swapaxes(0, 1), slicing.right(right)[0, :, :, 0].swapaxes(0, 1)

    @classmethod
    def of_slices(cls, U: Array, V: Array) -> Monarch:
        """The matrix with slices U @ V, undoing :meth:`slices`: U of shape (q, k, p, r), V of shape (q, k, r, s)."""
        (q, k, p, r), s = U.shape, V.shape[3]
        slicing = Slicing.of(*monarch_patterns(p, k, q, s, r))
        left, right = slicing.left_values(U.swapaxes(0, 1)), slicing.right_values(V.swapaxes(0, 1))
        return cls(left[0], right[:, 0], rank=r)

    def _describe(self) -> list[str]:
        (p, k, q, s), r = self.sizes, self.rank
        tied = [name for name, f in (("left", self.left), ("right", self.right)) if f.shape[0] == 1]
        note = [f"{' and '.join(tied)} tied"] if tied and (q, k) != (1, 1) else []
        if (p, k * r, q) == (q * r, s, k):
            return [f"{q} blocks of {p}×{k * r} twice", f"rank {r}", *note]
        return [f"{q} blocks of {p}×{k * r}", f"{k} blocks of {q * r}×{s}", f"rank {r}", *note]


def _block_rank(left: tuple[int, ...], right: tuple[int, ...], rank: int | None) -> int:
    """The rank of the slices: as given, or read from the shapes of both factors."""
    if rank is not None:
        return integer(rank, "rank")
    if left[0] > 1:
        return max(right[1] // left[0], 1)
    if right[0] > 1:
        return max(left[2] // right[0], 1)
    return 1
