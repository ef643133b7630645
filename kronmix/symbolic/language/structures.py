"""Expressions with a structure of their own: Kronecker products, commutations, vec, rearrangement …"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from .expressions import Expression, Shape, Size

__all__ = [
    "Blocks",
    "Commuted",
    "Entrywise",
    "Identity",
    "Kron",
    "Map",
    "Ones",
    "Permuted",
    "Rearranged",
    "Slicewise",
    "Sparse",
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
class Ones(Expression):
    """All entries 1."""

    sizes: Shape

    @property
    def shape(self) -> Shape:
        return self.sizes

    def _transposed(self) -> Expression:
        return Ones(self.sizes[::-1])

    def __str__(self) -> str:
        return f"ones{self.sizes}"


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

    @property
    def parts(self) -> tuple[Expression, ...]:
        return (self.values,)

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

    @property
    def parts(self) -> tuple[Expression, ...]:
        return self.left, self.right

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

    @property
    def parts(self) -> tuple[Expression, ...]:
        return self.left, self.right

    def _transposed(self) -> Expression:
        return Kron(self.left.T, self.right.T)

    def __str__(self) -> str:
        return f"kron({self.left}, {self.right})"


@dataclass(frozen=True, eq=False)
class Blocks(Expression):
    """Block-diagonal matrix."""

    parts_: tuple[Expression, ...]

    @property
    def shape(self) -> Shape:
        rows, columns = zip(*(part.shape for part in self.parts_), strict=True)
        return sum(rows), sum(columns)

    @property
    def parts(self) -> tuple[Expression, ...]:
        return self.parts_

    def _transposed(self) -> Expression:
        return Blocks(tuple(part.T for part in self.parts_))

    def __str__(self) -> str:
        return f"block_diag({', '.join(map(str, self.parts_))})"


@dataclass(frozen=True, eq=False)
class Entrywise(Expression):
    """Hadamard product A ∘ B."""

    left: Expression
    right: Expression

    @property
    def shape(self) -> Shape:
        return self.left.shape

    @property
    def parts(self) -> tuple[Expression, ...]:
        return self.left, self.right

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

    @property
    def parts(self) -> tuple[Expression, ...]:
        return (self.matrix,)

    def _transposed(self) -> Expression:
        return Map(self.name, self.matrix.T)

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

    @property
    def parts(self) -> tuple[Expression, ...]:
        return (self.matrix,)

    def __str__(self) -> str:
        return f"vec({self.matrix})"


@dataclass(frozen=True, eq=False)
class Unvec(Expression):
    """The matrix whose stacked columns a vector is, perhaps transposed."""

    vector: Expression
    sizes: Shape
    flipped: bool = False

    @property
    def shape(self) -> Shape:
        return self.sizes[::-1] if self.flipped else self.sizes

    @property
    def parts(self) -> tuple[Expression, ...]:
        return (self.vector,)

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        return f"unvec({self.vector}, {self.sizes}){'.T' if self.flipped else ''}"


@dataclass(frozen=True, eq=False)
class Trace(Expression):
    matrix: Expression

    @property
    def shape(self) -> Shape:
        return ()

    @property
    def parts(self) -> tuple[Expression, ...]:
        return (self.matrix,)

    def __str__(self) -> str:
        return f"trace({self.matrix})"


@dataclass(frozen=True, eq=False)
class Rearranged(Expression):
    """𝓡(M) for M of the shape of A ⊗ B: row vec index of A, column vec index of B (T14)."""

    matrix: Expression
    left: Shape
    right: Shape
    flipped: bool = False

    @property
    def shape(self) -> Shape:
        rows, columns = prod(self.left), prod(self.right)
        return (columns, rows) if self.flipped else (rows, columns)

    @property
    def parts(self) -> tuple[Expression, ...]:
        return (self.matrix,)

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        return f"rearrange({self.matrix}, {self.left}, {self.right}){'.T' if self.flipped else ''}"
