"""Expressions with a structure of their own: Kronecker products, commutations, vec, rearrangement …"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np

from .expressions import Expression, Ones, Trace, Unvec, Variable
from .sizes import Shape, Size, product_of, same_size

__all__ = [
    "Blocks",
    "Commuted",
    "Diagonal",
    "DiagonalOf",
    "Entrywise",
    "Identity",
    "Inverse",
    "KhatriRao",
    "Kron",
    "Map",
    "Ones",
    "Permuted",
    "RangeIndex",
    "RangeSum",
    "Rearranged",
    "Regrouped",
    "Slice",
    "Slicewise",
    "Sparse",
    "Stack",
    "Trace",
    "Unvec",
    "Vec",
]


@dataclass(frozen=True, eq=False)
class Identity(Expression):
    size: Size

    @property
    def shape(self) -> Shape:
        return self.size, self.size

    def _transposed(self) -> Expression:
        return self

    def __str__(self) -> str:
        return f"eye({self.size})"


@dataclass(frozen=True, eq=False)
class Commuted(Expression):
    """K_{S,C}, the commutation matrix: K[i, (i mod C)·S + ⌊i/C⌋] = 1 (T2)."""

    S: Size
    C: Size

    @property
    def shape(self) -> Shape:
        return self.S * self.C, self.S * self.C

    def _transposed(self) -> Expression:
        return Commuted(self.C, self.S)

    def __str__(self) -> str:
        return f"commutation({self.S}, {self.C})"


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
class Sparse(Expression):
    """Kronecker-sparse factor of pattern (a, b, c, d) (T9); values (a, d, b, c), axes of length 1 shared."""

    values: Expression
    pattern: tuple[Size, Size, Size, Size]
    flipped: bool = False

    @property
    def shape(self) -> Shape:
        a, b, c, d = self.pattern
        return (a * c * d, a * b * d) if self.flipped else (a * b * d, a * c * d)

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        a, b, c, d = self.pattern
        return f"sparse({self.values}, ({a}, {b}, {c}, {d})){'.T' if self.flipped else ''}"


@dataclass(frozen=True, eq=False)
class Slicewise(Expression):
    """Values of the product of chainable factors (a, b, κr, βd) and (aκ, rβ, c, d), slice by slice (T11).

    values[a, d, (b, β), (κ, c)] = Σ_r left[a, (β, d), b, (κ, r)] right[(a, κ), d, (r, β), c]
    """

    left: Expression
    right: Expression
    a: Size
    b: Size
    c: Size
    d: Size
    beta: Size
    kappa: Size
    r: Size

    @property
    def shape(self) -> Shape:
        return self.a, self.d, self.b * self.beta, self.kappa * self.c

    def __str__(self) -> str:
        return f"slicewise({self.left}, {self.right})"


@dataclass(frozen=True, eq=False)
class Kron(Expression):
    left: Expression
    right: Expression

    @property
    def shape(self) -> Shape:
        (a, b), (c, d) = self.left.shape, self.right.shape
        return a * c, b * d

    def _transposed(self) -> Expression:
        return Kron(self.left.T, self.right.T)

    def __str__(self) -> str:
        return f"kron({self.left}, {self.right})"


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
class Entrywise(Expression):
    """Hadamard product A ∘ B."""

    left: Expression
    right: Expression

    @property
    def shape(self) -> Shape:
        return self.left.shape

    def _transposed(self) -> Expression:
        return Entrywise(self.left.T, self.right.T)

    def __str__(self) -> str:
        return f"hadamard({self.left}, {self.right})"


@dataclass(frozen=True, eq=False)
class Map(Expression):
    """A function applied to every entry: φ(M)."""

    name: str
    matrix: Expression

    @property
    def shape(self) -> Shape:
        return self.matrix.shape

    def _transposed(self) -> Expression:
        return Map(self.name, self.matrix.T)

    def conj(self) -> Expression:
        """The conjugate of φ(X) is φ̄(X̄), where φ̄(z) is the conjugate of φ(z̄)."""
        inner = self.name.removeprefix("conj(").removesuffix(")")
        return Map(inner if inner != self.name else f"conj({self.name})", self.matrix.conj())

    def __str__(self) -> str:
        return f"{self.name}({self.matrix})"


@dataclass(frozen=True, eq=False)
class Vec(Expression):
    """Columns stacked."""

    matrix: Expression

    @property
    def shape(self) -> Shape:
        rows, columns = self.matrix.shape
        return (rows * columns,)

    def __str__(self) -> str:
        return f"vec({self.matrix})"


@dataclass(frozen=True, eq=False)
class Rearranged(Expression):
    """𝓡(M) for M of the shape of A ⊗ B: row vec index of A, column vec index of B (T14)."""

    matrix: Expression
    left: Shape
    right: Shape
    flipped: bool = False

    @property
    def shape(self) -> Shape:
        rows, columns = product_of(self.left), product_of(self.right)
        return (columns, rows) if self.flipped else (rows, columns)

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        return f"rearrange({self.matrix}, {self.left}, {self.right}){'.T' if self.flipped else ''}"


@dataclass(frozen=True, eq=False)
class Diagonal(Expression):
    """The diagonal matrix of a vector."""

    vector: Expression

    @property
    def shape(self) -> Shape:
        return self.vector.shape[0], self.vector.shape[0]

    def _transposed(self) -> Expression:
        return self

    def __str__(self) -> str:
        return f"diag({self.vector})"


@dataclass(frozen=True, eq=False)
class DiagonalOf(Expression):
    """The diagonal of a square matrix, as a vector."""

    matrix: Expression

    @property
    def shape(self) -> Shape:
        return (self.matrix.shape[0],)

    def __str__(self) -> str:
        return f"diag({self.matrix})"


@dataclass(frozen=True, eq=False)
class KhatriRao(Expression):
    """Column j is A[:, j] ⊗ B[:, j]; transposed, row i is that of the transposes, the face-splitting product."""

    left: Expression
    right: Expression
    flipped: bool = False

    @property
    def shape(self) -> Shape:
        rows, columns = self.left.shape[0] * self.right.shape[0], self.left.shape[1]
        return (columns, rows) if self.flipped else (rows, columns)

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        if self.flipped:
            return f"face_splitting({self.left.T}, {self.right.T})"
        return f"khatri_rao({self.left}, {self.right})"


Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Regrouped(Expression):
    """Axes split, permuted and joined, as einops writes it; each group is the names that an axis is made of, rows first."""

    matrix: Expression
    axes: tuple[tuple[str, Size], ...]
    given: Groups
    wanted: Groups

    @property
    def sizes(self) -> dict[str, Size]:
        return dict(self.axes)

    @property
    def shape(self) -> Shape:
        return tuple(product_of(self.sizes[name] for name in group) for group in self.wanted)

    def _transposed(self) -> Expression:
        return replace(self, wanted=self.wanted[::-1])

    def __str__(self) -> str:
        left, right = (
            " ".join(f"({' '.join(g)})" if len(g) != 1 else g[0] for g in gs) for gs in (self.given, self.wanted)
        )
        composed = {name for group in self.given if len(group) > 1 for name in group}
        sizes = "".join(f", {name}={size}" for name, size in self.axes if name in composed)
        return f"rearrange({self.matrix}, '{left} -> {right}'{sizes})"


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
