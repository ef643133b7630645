"""Expressions that are no contractions: blocks, permutations, functions of entries, inverses, stacks and sums over a range."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np

from .expressions import Expression, Variable
from .sizes import Shape, Size, same_size

__all__ = ["Blocks", "Inverse", "Map", "Permuted", "RangeIndex", "RangeSum", "Slice", "Stack"]


@dataclass(frozen=True, eq=False)
class Permuted(Expression):
    """P[i, indices[i]] = 1."""

    indices: np.ndarray[Any, np.dtype[np.intp]]

    @property
    def shape(self) -> Shape:
        return self.indices.size, self.indices.size

    def _transposed(self) -> Expression:
        return Permuted(np.argsort(self.indices))

    def __str__(self) -> str:
        return f"permutation({self.indices.size})"


@dataclass(frozen=True, eq=False)
class Blocks(Expression):
    """Block-diagonal matrix."""

    blocks: tuple[Expression, ...]

    @property
    def shape(self) -> Shape:
        rows, columns = zip(*(part.shape for part in self.blocks), strict=True)
        return sum_of(rows), sum_of(columns)

    def _transposed(self) -> Expression:
        return Blocks(tuple(part.T for part in self.blocks))

    def __str__(self) -> str:
        return f"block_diag({', '.join(map(str, self.blocks))})"


@dataclass(frozen=True, eq=False)
class Map(Expression):
    """A function applied to every entry: φ(M)."""

    name: str
    matrix: Expression
    text = "{name}({matrix})"
    atom = True

    @property
    def shape(self) -> Shape:
        return self.matrix.shape

    def _transposed(self) -> Expression:
        return Map(self.name, self.matrix.T)

    def conj(self) -> Expression:
        """The conjugate of φ(X) is φ̄(X̄), where φ̄(z) is the conjugate of φ(z̄)."""
        inner = self.name.removeprefix("conj(").removesuffix(")")
        return Map(inner if inner != self.name else f"conj({self.name})", self.matrix.conj())


@dataclass(frozen=True, eq=False)
class Inverse(Expression):
    """The inverse of a matrix whose determinant is not zero for all entries."""

    matrix: Expression
    flipped: bool = False

    @property
    def shape(self) -> Shape:
        return self.matrix.shape

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        return f"inv({self.matrix}){'.T' if self.flipped else ''}"


@dataclass(frozen=True, eq=False)
class Stack(Variable):
    """A stack of independent matrices V[0], V[1], …, with sizes (r, rows, columns)."""

    def __getitem__(self, index: Any) -> Expression:
        return Slice(self, index)


@dataclass(frozen=True, eq=False)
class Slice(Expression):
    """One matrix of a stack: V[i] of a variable V with sizes (r, rows, columns)."""

    stack: Stack
    index: Any  # an integer, or the RangeIndex of a sum
    flipped: bool = False
    atom = True

    def __post_init__(self) -> None:
        size = self.stack.sizes[0]
        if isinstance(self.index, int | np.integer):
            if isinstance(size, int) and not 0 <= self.index < size:
                raise ValueError(f"{self}: the stack has {size} matrices, from 0 on")
        elif not hasattr(self.index, "range_size"):
            raise TypeError(f"{self}: the index of a stack is the index of a sum, or a number")
        elif not same_size(self.index.range_size, size):
            raise ValueError(f"{self}: the stack has {size} matrices, the sum {self.index.range_size} terms")

    @property
    def shape(self) -> Shape:
        return self.stack.sizes[:0:-1] if self.flipped else self.stack.sizes[1:]

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        return f"{self.stack}[{self.index}]{'.T' if self.flipped else ''}"


_labels = count()


@dataclass(frozen=True)
class RangeIndex:
    """The index of a sum whose number of terms is a symbol."""

    name: str
    range_size: Size
    label: int = field(default_factory=lambda: next(_labels))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class RangeSum(Expression):
    """Σ of a term over an index from 0 to a symbolic size."""

    index: RangeIndex
    term: Expression

    @property
    def shape(self) -> Shape:
        return self.term.shape

    def _transposed(self) -> Expression:
        return RangeSum(self.index, self.term.T)

    def __str__(self) -> str:
        return f"sum({self.term} for {self.index} in range({self.index.range_size}))"


def sum_of(sizes: Any) -> Size:
    """Sum that keeps what a size knows about itself."""
    first, *rest = sizes
    for size in rest:
        first = first + size
    return first
