"""Views of a weight as a stack of blocks, on each of which a penalty acts by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..decompose import rearrange, unrearrange
from ..operators.arrays import Array
from ..patterns import Slicing, monarch_patterns


class View(Protocol):
    """An isometric reshuffle of B into a stack of matrices (blocks, m, n)."""

    def split(self, B: Array) -> Array:
        """Blocks of B, shape (blocks, m, n)."""

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        """Undo :meth:`split`."""


@dataclass(frozen=True)
class Whole:
    """B as one block."""

    def split(self, B: Array) -> Array:
        return B[None]

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        return blocks[0]


@dataclass(frozen=True)
class Entries:
    """Every entry of B a block."""

    def split(self, B: Array) -> Array:
        return B.reshape(-1, 1, 1)

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        return blocks.reshape(shape)


@dataclass(frozen=True)
class Slices:
    """The q·k slices of a Monarch matrix of sizes (p, k, q, s): slice (i_q, i_k) is M[(·, i_q), (i_k, ·)] (T12)."""

    p: int
    k: int
    q: int
    s: int

    def split(self, B: Array) -> Array:
        p, k, q, s = self.p, self.k, self.q, self.s
        if B.shape != (p * q, k * s):
            raise ValueError(f"weight of shape {B.shape}: sizes (p, k, q, s) = {(p, k, q, s)} need ({p * q}, {k * s})")
        return self._slicing.slices(B[None, None])[0, ..., 0, :, :].swapaxes(0, 1).reshape(q * k, p, s)

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        p, k, q, s = self.p, self.k, self.q, self.s
        return self._slicing.product_values(blocks.reshape(q, k, p, s).swapaxes(0, 1)).reshape(shape)

    @property
    def _slicing(self) -> Slicing:
        return Slicing.of(*monarch_patterns(self.p, self.k, self.q, self.s))


@dataclass(frozen=True)
class Stacked:
    """Blocks of m rows, one under the other."""

    m: int

    def split(self, B: Array) -> Array:
        return B.reshape(-1, self.m, B.shape[1])

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        return blocks.reshape(shape)


@dataclass(frozen=True)
class Rearranged:
    """𝓡(B) as one block, for factors of these two shapes (T14)."""

    left: tuple[int, int]
    right: tuple[int, int]

    def split(self, B: Array) -> Array:
        return rearrange(B, (self.left, self.right))[None]

    def join(self, blocks: Array, shape: tuple[int, int]) -> Array:
        return unrearrange(blocks[0], (self.left, self.right))
