"""Memory that training takes, frees and takes again in every step, kept in the process while it trains."""

from __future__ import annotations

import numpy as np

#: Bytes of a block: below 4 MiB, from which on NumPy asks the kernel for huge pages.
_BLOCK = 2**21 - 2**12
#: Largest block that the C library's own rule may learn to keep in the heap (glibc: at most 32 MiB).
_LEARNED = 31 * 2**20


class Reserve:
    """A stretch of free memory below a block that is held, so that the C library cannot hand it back to the kernel.

    A step frees tens of megabytes and takes them again, and fresh pages from the kernel cost up to a third of its time. glibc
    hands back what is free at the end of the heap. While a ``Reserve`` lives, its own last block is the end. Nothing is set:
    blocks are taken and freed as any program does, no page of them is touched, and all goes back when the reserve is dropped.
    Elsewhere than with glibc it does nothing useful and no harm.

    Parameters
    ----------
    size : int
        Bytes that are to be kept.

    Examples
    --------
    >>> from kronmix.networks.memory import Reserve
    >>> kept = Reserve(10**7)
    >>> del kept
    """

    def __init__(self, size: int) -> None:
        np.empty(_LEARNED, np.uint8)  # freed at once, which teaches glibc to take blocks up to this size from the heap
        below = [np.empty(_BLOCK, np.uint8) for _ in range(-(-size // _BLOCK))]
        self._end = np.empty(_BLOCK, np.uint8)
        del below
