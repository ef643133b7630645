"""fly's Monarch layers: two block-diagonal weights, in the orders of its functions and of ``MonarchLinear`` (T12)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..operators import Chain, KroneckerSparse, Monarch, Permutation, RectangularIdentity, StructuredOperator
from ..operators.arrays import Array, as_factor
from ..operators.chain import cut
from .chains import kronecker_sparse_chain

Variant = Literal["rank", "einsum"]


def from_fly(
    w1: Any, w2: Any, *, variant: Variant = "rank", b2: int = 1, shape: tuple[int, int] | None = None
) -> StructuredOperator:
    """Make an operator of two block-diagonal weights of fly (T12).

    Parameters
    ----------
    w1 : array of shape (k, q, p)
        Acts first: k blocks. ``MonarchLinear`` calls it blkdiag1.
    w2 : array of shape (l, s, r)
        Acts last: l blocks, l·r = k·q. ``MonarchLinear`` calls it blkdiag2.
    variant : {"rank", "einsum"}
        How the middle index is split where the block rank b = r/k is above 1: (b, l) in ``blockdiag_butterfly_multiply``,
        ``…_einsum_rank`` and ``MonarchLinear``; (l, b) in ``…_einsum``.
    b2 : int
        The argument of ``…_einsum``: rows of w2 come out as (s/b2, l, b2). 1 for all others.
    shape : (rows, columns), optional
        Of the layer, where ``MonarchLinear`` pads its input with zeros and cuts its output.

    Returns
    -------
    Monarch, or a Chain where the blocks do not make one
        With the arrays as they are for ``variant="rank"``.

    Raises
    ------
    ValueError
        If the shapes do not belong together.

    References
    ----------
    Dao et al., *Monarch*, ICML 2022 (T12); HazyResearch/fly.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> w1, w2 = rng.normal(size=(3, 8, 5)), rng.normal(size=(4, 2, 6))  # k = 3, l = 4, block rank 2
    >>> op = km.interop.from_fly(w1, w2)
    >>> op
    Monarch(8×15, 4 blocks of 2×6, 3 blocks of 8×5, rank 2, 168 parameters)
    >>> theirs = np.einsum("krji,jlkr->ljki", w1.reshape(3, 2, 4, 5), w2.reshape(4, 2, 3, 2)).reshape(8, 15)
    >>> bool(np.allclose(op.to_dense(), theirs))
    True
    >>> [bool((ours == given).all()) for ours, given in zip(km.interop.to_fly(op), (w1, w2))]
    [True, True]
    """
    w1, w2 = as_factor(w1, "w1", 3), as_factor(w2, "w2", 3)
    (k, q, _), (l, s, r) = w1.shape, w2.shape
    if k * q != l * r:
        raise ValueError(
            f"w1 has shape {w1.shape} and w2 {w2.shape}: expected w1 (k, q, p) and w2 (l, s, r) with k·q = l·r"
        )
    whole = q % l == 0 and r % k == 0
    if variant == "rank":
        if b2 != 1:
            raise ValueError(f"b2={b2}: only variant='einsum' has it")
        op = Monarch(w2, w1, rank=r // k) if whole else _general(w1, w2)
    elif variant == "einsum":
        if not whole or s % b2:
            raise ValueError(
                f"w1 has shape {w1.shape}, w2 {w2.shape} and b2={b2}: "
                "expected w1 (k, l·b, p) and w2 (l, s, k·b) with s a multiple of b2"
            )
        op = _reordered(w1, w2, b2)
    else:
        raise ValueError(f"variant={variant!r}: expected 'rank' or 'einsum'")
    return op if shape is None else _cut(op, shape)


def _general(w1: Array, w2: Array) -> StructuredOperator:
    """Blocks that are no Monarch matrix: row ρ·l + λ of the first is column ρ of block λ of the second."""
    (k, q, p), (l, s, r) = w1.shape, w2.shape
    return Chain(KroneckerSparse(w2[None], (1, s, r, l)), KroneckerSparse(w1[:, None], (k, q, p, 1)))


def _reordered(w1: Array, w2: Array, b2: int) -> StructuredOperator:
    """Middle index (l, b) in place of (b, l), and rows (s/b2, l, b2) in place of (s, l)."""
    (k, _, p), (l, s, r) = w1.shape, w2.shape
    b = r // k
    right = w1.reshape(k, l, b, p).swapaxes(1, 2).reshape(k, l * b, p)
    op = Monarch(w2, right, rank=b)
    if b2 == 1:
        return op
    return Chain(Permutation(_row_order(s, l, b2)), op)


def _row_order(s: int, l: int, b2: int) -> Array:
    """Rows (s/b2, l, b2) read from rows (s, l)."""
    return np.arange(s * l).reshape(s // b2, b2, l).swapaxes(1, 2).ravel()


def _cut(op: StructuredOperator, shape: tuple[int, int]) -> StructuredOperator:
    """The first rows and columns, as many as the blocks have at the most."""
    rows, columns = shape
    if not (0 < rows <= op.shape[0] and 0 < columns <= op.shape[1]):
        raise ValueError(f"shape={shape}: the blocks make {op.shape[0]}×{op.shape[1]}, of which a part is kept")
    return cut(op, shape)


def to_fly(op: StructuredOperator, *, variant: Variant = "rank", b2: int = 1) -> tuple[Array, Array]:
    """Give the two block-diagonal weights (w1, w2) that fly's functions and ``MonarchLinear`` take (T12).

    Parameters
    ----------
    op : StructuredOperator
        A Monarch matrix of any block rank, a Kronecker product of two matrices, or what ``from_fly`` makes. Of a padded layer
        the whole blocks are given.
    variant, b2
        As for ``from_fly``.

    Returns
    -------
    (w1, w2) : arrays of shape (k, q, p) and (l, s, r)
        Shared values are written out. Their gradients are those of the operator's own factors.

    Raises
    ------
    TypeError
        If the operator is not a product of two such factors.

    Examples
    --------
    >>> A, B = np.arange(6.0).reshape(2, 3), np.ones((4, 5))
    >>> w1, w2 = km.interop.to_fly(km.Kronecker(A, B))
    >>> w1.shape, w2.shape, bool((w1 == B).all()), bool((w2 == A).all())
    ((3, 4, 5), (4, 2, 3), True, True)
    """
    parts = list(op.operators) if isinstance(op, Chain) else [op]
    if len(parts) > 1 and isinstance(parts[0], RectangularIdentity):
        parts.pop(0)
    if len(parts) > 1 and isinstance(parts[-1], RectangularIdentity):
        parts.pop()
    rows = parts.pop(0).indices if variant == "einsum" and isinstance(parts[0], Permutation) else None
    chain = kronecker_sparse_chain(parts[0] if len(parts) == 1 else Chain(*parts), "fly")
    if len(chain) != 2 or chain[0].pattern.a != 1 or chain[1].pattern.d != 1:
        patterns = " · ".join(str(tuple(factor.pattern)) for factor in chain)
        raise TypeError(
            f"fly holds a product of two factors of patterns (1, s, r, l) · (k, q, p, 1): {op!r} has {patterns}; "
            "find the nearest one with km.nearest_monarch"
        )
    w2, w1 = (np.broadcast_to(factor.values, factor.pattern.values_shape) for factor in chain)
    w1, w2 = np.ascontiguousarray(w1[:, 0]), np.ascontiguousarray(w2[0])
    if variant == "rank":
        return w1, w2
    (k, q, p), (l, s, _) = w1.shape, w2.shape
    expected = _row_order(s, l, b2) if q % l == 0 and s % b2 == 0 else None
    if expected is None or not np.array_equal(np.arange(s * l) if rows is None else rows, expected):
        raise TypeError(f"{op!r} is no result of fly's einsum variant with b2={b2}")
    return np.ascontiguousarray(w1.reshape(k, q // l, l, p).swapaxes(1, 2).reshape(k, q, p)), w2
