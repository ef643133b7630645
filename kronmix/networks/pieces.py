"""Elementwise work in cache-sized pieces."""

from __future__ import annotations

from collections.abc import Callable

#: Elements a piece: a few float32 arrays of this size stay in the L2 cache, and each NumPy call on one takes long enough
#: (tens of microseconds) that threads working on other samples do not wait for the interpreter lock.
PIECE = 2**16


def in_pieces(work: Callable[[int, int], None], size: int, piece: int = PIECE) -> None:
    """Call ``work(start, stop)`` on consecutive pieces that cover range(size)."""
    for start in range(0, size, piece):
        work(start, min(start + piece, size))
