"""Expressions whose entries are sums of products of entries of others: products, Kronecker products, vec, traces …

Each is one line in the notation of einops. ``(i p) (j q) <- i j, p q`` says of a Kronecker product that its entry in row (i, p)
and column (j, q), the slower digit first, is entry (i, j) of one operand times entry (p, q) of the other. Digits on the right only
are summed over; a digit in row and column is a Kronecker delta. The provers read what they need from the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import prod

from .expressions import Expression, Sum
from .sizes import Shape, Size, is_one, product_of

__all__ = [
    "Commuted",
    "Contraction",
    "Diagonal",
    "DiagonalOf",
    "Einsum",
    "Entrywise",
    "FaceSplitting",
    "Group",
    "Groups",
    "Identity",
    "KhatriRao",
    "Kron",
    "Ones",
    "Product",
    "Scaled",
    "Trace",
    "Unvec",
    "Vec",
    "groups",
]

Group = tuple[str, ...]  # names of the digits of one axis, the slowest first
Groups = tuple[Group, ...]

_AXIS = re.compile(r"\s*(?:(\w+)|\(([\w\s]*)\))")


def groups(text: str) -> Groups:
    """The axes written as ``i (p q)``, each by the names of its digits; ValueError for anything else.

    Examples
    --------
    >>> from kronmix.symbolic.language.contractions import groups
    >>> groups("i (p q) ()")
    (('i',), ('p', 'q'), ())
    """
    found, rest = [], text.strip()
    while rest:
        if (match := _AXIS.match(rest)) is None:
            raise ValueError(text)
        found.append((match.group(1),) if match.group(1) else tuple(match.group(2).split()))
        rest = rest[match.end() :].strip()
    if any(not name.isidentifier() for group in found for name in group):
        raise ValueError(text)
    return tuple(found)


@cache
def _parse_pattern(text: str) -> tuple[Groups, tuple[Groups, ...]]:
    left, right = text.split("<-")
    return groups(left), tuple(groups(operand) for operand in right.split(",")) if right.strip() else ()


class Contraction(Expression):
    """Entry [axes on the left] = Σ over the other digits of the product of the operands' entries, as ``pattern`` writes it."""

    pattern: str

    @property
    def given(self) -> dict[str, Size]:
        """Sizes of digits that do not follow from the operands' shapes."""
        return {}

    @cached_property
    def axes(self) -> Groups:
        """The digits of each axis."""
        return _parse_pattern(self.pattern)[0]

    @cached_property
    def operands(self) -> tuple[tuple[Expression, Groups], ...]:
        """The parts with the digits of each of their axes."""
        return tuple(zip(self.parts, _parse_pattern(self.pattern)[1], strict=True))

    @cached_property
    def digits(self) -> dict[str, Size]:
        """Size of every digit."""
        known: dict[str, Size] = dict(self.given)
        for operand, places in self.operands:
            for group, size in zip(places, operand.shape, strict=True):
                if len(group) == 1:
                    known.setdefault(group[0], size)
        return known

    @property
    def summed(self) -> list[str]:
        """Digits that are summed over."""
        return [name for name in self.digits if not any(name in group for group in self.axes)]

    @property
    def terms_summed(self) -> int:
        """How many products an entry is the sum of."""
        return prod(int(self.digits[name]) for name in self.summed)

    @property
    def shape(self) -> Shape:
        return tuple(product_of(self.digits[name] for name in group) for group in self.axes)


def _index_letters(ndim: int) -> str:
    return "i j k l"[: max(2 * ndim - 1, 0)]


@dataclass(frozen=True, eq=False)
class _Pair(Contraction):
    left: Expression
    right: Expression

    def _transposed(self) -> Expression:
        return type(self)(self.left.T, self.right.T)


class Product(_Pair):
    """A @ B."""

    tex = r"{left!r} {right!r}"

    @property
    def pattern(self) -> str:  # type: ignore[override]
        row, column = "i " * (self.left.ndim - 1), "j" * (self.right.ndim - 1)
        return f"{row}{column} <- {row}k, k {column}"

    def _transposed(self) -> Expression:
        return Product(self.right.T, self.left.T)

    def __str__(self) -> str:
        return " @ ".join(f"({part})" if isinstance(part, Sum | Scaled) else str(part) for part in self.parts)


class Entrywise(_Pair):
    """Hadamard product A ∘ B."""

    text = "hadamard({left}, {right})"
    tex = r"{left!r} \circ {right!r}"

    @property
    def pattern(self) -> str:  # type: ignore[override]
        return "{0} <- {0}, {0}".format(_index_letters(self.left.ndim))


class Kron(_Pair):
    """A ⊗ B."""

    pattern = "(i p) (j q) <- i j, p q"
    text = "kron({left}, {right})"
    tex = r"{left!r} \otimes {right!r}"


class KhatriRao(_Pair):
    """Column j is A[:, j] ⊗ B[:, j]."""

    pattern = "(i p) j <- i j, p j"
    text = "khatri_rao({left}, {right})"
    tex = r"{left!r} \odot {right!r}"

    def _transposed(self) -> Expression:
        return FaceSplitting(self.left.T, self.right.T)


class FaceSplitting(_Pair):
    """Row i is A[i] ⊗ B[i]: the row-wise Khatri–Rao product."""

    pattern = "i (j q) <- i j, i q"
    text = "face_splitting({left}, {right})"
    tex = r"{left!r} \bullet {right!r}"

    def _transposed(self) -> Expression:
        return KhatriRao(self.left.T, self.right.T)


@dataclass(frozen=True, eq=False)
class Scaled(Contraction):
    """A scalar expression times a matrix, vector or scalar."""

    scalar: Expression
    matrix: Expression
    tex = r"{scalar!r} {matrix!r}"

    @property
    def pattern(self) -> str:  # type: ignore[override]
        return f"{_index_letters(self.matrix.ndim)} <- , {_index_letters(self.matrix.ndim)}"

    def _transposed(self) -> Expression:
        return Scaled(self.scalar, self.matrix.T)

    def __str__(self) -> str:
        return " * ".join(f"({part})" if isinstance(part, Sum) else str(part) for part in self.parts)


@dataclass(frozen=True, eq=False)
class _OfMatrix(Contraction):
    matrix: Expression
    atom = True


class Trace(_OfMatrix):
    """The sum of the diagonal."""

    pattern = "<- i i"
    text = "trace({matrix})"
    tex = r"\operatorname{{tr}}({matrix})"


class Vec(_OfMatrix):
    """Columns stacked."""

    pattern = "(j i) <- i j"
    text = "vec({matrix})"
    tex = r"\operatorname{{vec}}({matrix})"


class DiagonalOf(_OfMatrix):
    """The diagonal of a square matrix, as a vector."""

    pattern = "i <- i i"
    text = "diag({matrix})"
    tex = r"\operatorname{{diag}}({matrix})"


@dataclass(frozen=True, eq=False)
class Unvec(Contraction):
    """The matrix whose stacked columns a vector is, perhaps transposed."""

    vector: Expression
    sizes: Shape
    flipped: bool = False

    @property
    def pattern(self) -> str:  # type: ignore[override]
        return "j i <- (j i)" if self.flipped else "i j <- (j i)"

    @property
    def given(self) -> dict[str, Size]:
        return dict(zip("ij", self.sizes, strict=True))

    @property
    def is_column(self) -> bool:
        """Whether it is a vector as a matrix of one column, or one row."""
        return is_one(self.sizes[1])

    def _transposed(self) -> Expression:
        return replace(self, flipped=not self.flipped)

    def __str__(self) -> str:
        written = str(self.vector) if self.is_column else f"unvec({self.vector}, ({', '.join(map(str, self.sizes))}))"
        return written + ".T" * self.flipped


@dataclass(frozen=True, eq=False)
class Diagonal(Contraction):
    """The diagonal matrix of a vector."""

    vector: Expression
    pattern = "i i <- i"
    text = "diag({vector})"
    tex = r"\operatorname{{diag}}({vector})"
    atom = True

    def _transposed(self) -> Expression:
        return self


@dataclass(frozen=True, eq=False)
class Identity(Contraction):
    size: Size
    pattern = "i i <-"
    text = "eye({size})"
    tex = "I_{{{size}}}"
    atom = True

    @property
    def given(self) -> dict[str, Size]:
        return {"i": self.size}

    def _transposed(self) -> Expression:
        return self


@dataclass(frozen=True, eq=False)
class Commuted(Contraction):
    """K_{S,C}, the commutation matrix: K[i, (i mod C)·S + ⌊i/C⌋] = 1 (T2)."""

    S: Size
    C: Size
    pattern = "(s c) (c s) <-"
    text = "commutation({S}, {C})"
    tex = "K_{{{S},{C}}}"
    atom = True

    @property
    def given(self) -> dict[str, Size]:
        return {"s": self.S, "c": self.C}

    def _transposed(self) -> Expression:
        return Commuted(self.C, self.S)


@dataclass(frozen=True, eq=False)
class Ones(Contraction):
    """All entries 1."""

    sizes: Shape
    atom = True

    @property
    def pattern(self) -> str:  # type: ignore[override]
        return f"{_index_letters(len(self.sizes))} <-"

    @property
    def given(self) -> dict[str, Size]:
        return dict(zip("ijkl", self.sizes, strict=False))

    def _transposed(self) -> Expression:
        return Ones(self.sizes[::-1])

    def __str__(self) -> str:
        return f"ones({', '.join(map(str, self.sizes))})"


@dataclass(frozen=True, eq=False)
class Einsum(Contraction):
    """A contraction whose line and sizes are its own: axes split, permuted, joined, repeated or summed over."""

    arrays: tuple[Expression, ...]
    pattern: str
    axis_sizes: tuple[tuple[str, Size], ...]

    @property
    def given(self) -> dict[str, Size]:
        return dict(self.axis_sizes)

    def _transposed(self) -> Expression:
        left, right = self.pattern.split("<-")
        axes = [f"({' '.join(group)})" if len(group) != 1 else group[0] for group in groups(left)[::-1]]
        return replace(self, pattern=f"{' '.join(axes)} <-{right}")

    def __str__(self) -> str:
        wanted, given = (side.strip() for side in self.pattern.split("<-"))
        alone = {group[0] for _, places in self.operands for group in places if len(group) == 1}
        sizes = "".join(f", {name}={size}" for name, size in self.axis_sizes if name not in alone)
        names = sorted(name for group in self.axes for name in group)
        word = "rearrange" if len(self.arrays) == 1 and names == sorted(self.digits) else "einsum"
        return f"{word}({', '.join(map(str, self.arrays))}, '{given} -> {wanted}'{sizes})"
