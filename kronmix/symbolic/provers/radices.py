"""The digits that the index of an axis of an expression is made of: sizes, and unions of blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce, singledispatch
from itertools import product as combinations
from typing import Any

import sympy as sp

from ..claims import Undecided
from ..language.contractions import Contraction
from ..language.expressions import Sum
from ..language.sizes import Size, product_of, same_size
from ..language.structures import Blocks, Map, RangeSum
from .terms import Index, Part, Term, digits_of, fresh_digit, quotient

__all__ = [
    "Radices",
    "Union",
    "alternatives",
    "digit_radices",
    "grouped",
    "radices",
    "refined",
    "split_at",
    "sums_over",
]


@dataclass(frozen=True)
class Union:
    """A digit that lies in one of several blocks, each with digits of its own."""

    sizes: tuple[Size, ...]
    blocks: tuple[tuple[Any, ...], ...]

    @property
    def size(self) -> Size:
        return sum(self.sizes)


Radices = tuple[Any, ...]  # of sizes and unions


def split_at(given: Radices, path: list[int], into: Radices) -> Radices:
    """Radices with the digit at a path replaced."""
    place, *rest = path
    if rest:
        block, *inner = rest
        union = given[place]
        blocks = list(union.blocks)
        blocks[block] = split_at(blocks[block], inner, into)
        new: Radices = (replace(union, blocks=tuple(blocks)),)
    else:
        new = tuple(_as_union(r) if isinstance(r, Part) else r for r in into)
    return (*given[:place], *new, *given[place + 1 :])


def _as_union(part: Part) -> Union:
    return Union(part.sizes, tuple(() if size == 1 else (size,) for size in part.sizes))


# ---- digits ----------------------------------------------------------------------------------------------------------


def alternatives(given: Radices, path: tuple[int, ...] = ()) -> list[Index]:
    """Fresh digits of these radices, in every combination of blocks that they may lie in; free ones if they have a path."""
    choices: list[list[Any]] = []
    for place, radix in enumerate(given):
        here = (*path, place) if path else ()
        if isinstance(radix, Union):
            choices.append(
                [
                    Part(k, radix.sizes, inner)
                    for k, block in enumerate(radix.blocks)
                    for inner in alternatives(block, (*here, k) if here else ())
                ]
            )
        else:
            choices.append([fresh_digit(radix, here)])
    return [tuple(chosen) for chosen in combinations(*choices)]


def sums_over(given: Radices) -> list[tuple[Index, Term]]:
    """Indices to sum over, with the term that says so."""
    return [(index, Term(bound=frozenset(digits_of(index)))) for index in alternatives(given)]


def _radix_size(radix: Any) -> Size:
    return radix.size if isinstance(radix, Union) else radix


def refined(*lists: Iterable[Any]) -> Radices:
    """Coarsest digits of which the digits of every list are composed."""
    return reduce(_refine, (tuple(r for r in digits if _radix_size(r) != 1) for digits in lists))


def _refine(x: Radices, y: Radices) -> Radices:
    """Digits of which both lists' digits are groups: the coarsest common refinement."""
    out: list[Any] = []
    while x and y:
        (a, *x_rest), (b, *y_rest) = x, y
        m, n = _radix_size(a), _radix_size(b)
        if same_size(m, n):
            out, x, y = [*out, _merged(a, b)], tuple(x_rest), tuple(y_rest)
        elif isinstance(b, Union) and (rest := quotient(n, m)) is not None:
            heads, tail = _factored(b, rest)
            out, x, y = [*out, _merged(a, heads)], tuple(x_rest), (*tail, *y_rest)
        elif isinstance(a, Union) and (rest := quotient(m, n)) is not None:
            heads, tail = _factored(a, rest)
            out, x, y = [*out, _merged(heads, b)], (*tail, *x_rest), tuple(y_rest)
        elif not isinstance(a, Union) and (rest := quotient(m, n)) is not None:
            out, x, y = [*out, b], (rest, *x_rest), tuple(y_rest)
        elif not isinstance(b, Union) and (rest := quotient(n, m)) is not None:
            out, x, y = [*out, a], tuple(x_rest), (rest, *y_rest)
        else:
            raise Undecided(f"an index of size {m} cannot be split into digits of sizes {n}, …")
    return (*out, *x, *y)


def _factored(union: Union, size: Size) -> tuple[Union, Radices]:
    """Blocks of which each index ends in the same digits, of this size together, without these; and these digits."""
    heads, tails = [], []
    for whole, block in zip(union.sizes, union.blocks, strict=True):
        head = quotient(whole, size)
        if head is None:
            raise Undecided(f"a block of size {whole} cannot be split into digits of sizes {head}, {size}")
        first, last = grouped(block, (head, size))
        heads.append((head, first))
        tails.append(last)
    return Union(tuple(h for h, _ in heads), tuple(first for _, first in heads)), refined(*tails)


def _merged(a: Any, b: Any) -> Any:
    """One radix that is both."""
    if not isinstance(a, Union):
        return b
    if not isinstance(b, Union):
        return a
    sizes: list[Size] = []
    blocks: list[Radices] = []
    x, y = (list(zip(u.sizes, u.blocks, strict=True)) for u in (a, b))
    while x and y:
        (m, p), (n, q) = x.pop(0), y.pop(0)
        if not same_size(m, n):
            if _less(n, m) and p == (m,):
                x.insert(0, (sp.expand(m - n), (sp.expand(m - n),)))
                m, p = n, (n,)
            elif _less(m, n) and q == (n,):
                y.insert(0, (sp.expand(n - m), (sp.expand(n - m),)))
                n, q = m, (m,)
            else:
                raise Undecided(f"blocks of sizes {m} and {n} do not fit each other")
        sizes.append(m)
        blocks.append(_refine(tuple(r for r in p if _radix_size(r) != 1), tuple(r for r in q if _radix_size(r) != 1)))
    return Union(tuple(sizes), tuple(blocks))


def _less(m: Size, n: Size) -> bool:
    """Whether m < n at all sizes, seen from coefficients."""
    difference = sp.expand(n - m)
    return difference != 0 and all(
        c > 0 for c in sp.Poly(difference, *difference.free_symbols or {sp.Symbol("_")}).coeffs()
    )


@singledispatch
def radices(node: Any, axis: int) -> Radices:
    """Digits that the index of an axis of an expression is made of."""
    return (node.shape[axis],)


@radices.register(Sum)
@radices.register(Map)
@radices.register(RangeSum)
def _(node: Any, axis: int) -> Radices:
    return refined(*(radices(part, axis) for part in node.parts))


@radices.register
def _(node: Contraction, axis: int) -> Radices:
    return tuple(r for name in node.axes[axis] for r in digit_radices(node, name))


def digit_radices(node: Contraction, name: str) -> Radices:
    """Coarsest digits of which a digit of a contraction is composed in every operand."""
    found: list[Radices] = []
    for operand, places in node.operands:
        for axis, group in enumerate(places):
            if name in group:
                parts = grouped(radices(operand, axis), tuple(node.digits[n] for n in group))
                found.append(parts[group.index(name)])
    return refined(*found) if found else (node.digits[name],)


@radices.register
def _(node: Blocks, axis: int) -> Radices:
    parts = [(part.shape[axis], radices(part, axis)) for part in node.parts]
    sizes: list[Size] = []
    blocks: list[Radices] = []
    for size, digits in parts:
        inner = [r for r in digits if _radix_size(r) != 1]
        if len(inner) == 1 and isinstance(inner[0], Union):  # blocks of blocks
            sizes += inner[0].sizes
            blocks += inner[0].blocks
        else:
            sizes.append(size)
            blocks.append(tuple(inner))
    return (Union(tuple(sizes), tuple(blocks)),) if len(sizes) > 1 else blocks[0]


def grouped(given: Radices, sizes: tuple[Size, ...]) -> list[Radices]:
    """Radices that refine both these and those sizes, grouped by the sizes."""
    groups, rest = [], list(refined(given, sizes))
    for size in sizes:
        group: list[Any] = []
        while rest and not same_size(product_of(map(_radix_size, group)), size):
            group.append(rest.pop(0))
        groups.append(tuple(group))
    return groups
