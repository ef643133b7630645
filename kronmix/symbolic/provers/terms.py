"""Entries as sums of products of entries of variables: digits of indices, Kronecker deltas, and what is summed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import sympy as sp

from ..language.sizes import Size

__all__ = [
    "Digit",
    "Entry",
    "Image",
    "Index",
    "NeedsDigits",
    "Part",
    "Renaming",
    "Term",
    "digits_of",
    "fresh_digit",
    "quotient",
    "renamed",
]

_labels = count()


@dataclass(frozen=True, order=True)
class Digit:
    """One digit of an index; ``path`` says where a free one, not summed over, stands in the index of its axis."""

    label: int
    size: Size = field(compare=False)
    path: tuple[int, ...] = field(compare=False, default=())


@dataclass(frozen=True)
class Part:
    """A digit known to lie in one block of a partition of its range, with the digits of its place there."""

    which: int
    sizes: tuple[Size, ...]
    digits: tuple[Any, ...]

    @property
    def size(self) -> Size:
        return sum(self.sizes)


Index = tuple[Any, ...]  # of Digit and Part, most significant first; digits of size 1 are left out
Renaming = Mapping[Digit, Index]


class NeedsDigits(Exception):
    """A free digit must be written in digits of these radices."""

    def __init__(self, digit: Digit, radices: tuple[Any, ...]) -> None:
        super().__init__(digit, radices)
        self.digit, self.radices = digit, radices


def fresh_digit(size: Size, path: tuple[int, ...] = ()) -> Digit:
    """A digit that stands nowhere else."""
    return Digit(next(_labels), size, path)


def digits_of(index: Index) -> list[Digit]:
    """All digits of an index, those inside parts too."""
    return [d for item in index for d in ([item] if isinstance(item, Digit) else digits_of(item.digits))]


def renamed(index: Index, new: Renaming) -> Index:
    out: list[Any] = []
    for item in index:
        if isinstance(item, Part):
            out.append(replace(item, digits=renamed(item.digits, new)))
        else:
            out.extend(new.get(item, (item,)))
    return tuple(out)


@dataclass(frozen=True)
class Entry:
    """name[indices]."""

    name: str
    indices: tuple[Index, ...]

    def renamed(self, new: Renaming) -> Entry:
        return replace(self, indices=tuple(renamed(index, new) for index in self.indices))

    def digits(self) -> set[Digit]:
        return {d for index in self.indices for d in digits_of(index)}


@dataclass(frozen=True)
class Image:
    """φ(a sum of terms)."""

    name: str
    terms: tuple[Term, ...]

    def renamed(self, new: Renaming) -> Image:
        return Image(self.name, tuple(term.renamed(new) for term in self.terms))

    def digits(self) -> set[Digit]:
        return {d for term in self.terms for d in term.digits() - term.bound}


@dataclass(frozen=True)
class Term:
    """coefficient · Σ over ``bound`` of Π atoms · Π δ(pairs)."""

    coefficient: Any = 1
    atoms: tuple[Entry | Image, ...] = ()
    deltas: tuple[tuple[Index, Index], ...] = ()
    bound: frozenset[Digit] = frozenset()

    def __mul__(self, other: Term) -> Term:
        return Term(
            self.coefficient * other.coefficient,
            self.atoms + other.atoms,
            self.deltas + other.deltas,
            self.bound | other.bound,
        )

    def digits(self) -> set[Digit]:
        return {d for atom in self.atoms for d in atom.digits()} | {
            d for pair in self.deltas for index in pair for d in digits_of(index)
        }

    def renamed(self, new: Renaming) -> Term:
        return Term(
            self.coefficient,
            tuple(atom.renamed(new) for atom in self.atoms),
            tuple((renamed(i, new), renamed(j, new)) for i, j in self.deltas),
            frozenset(e for d in self.bound for e in digits_of(new.get(d, (d,)))),
        )


def quotient(a: Size, b: Size) -> Size | None:
    """a/b where it is a product of sizes."""
    q = sp.cancel(sp.sympify(int(a) if isinstance(a, int) else a) / b)
    return q if sp.denom(q) == 1 else None
