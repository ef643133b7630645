"""Normal form of an entry: a sum of products of entries of variables, summed over indices.

For example, entry (i, j) of A @ B @ A is Σ_k Σ_l A[i, k] B[k, l] A[l, j], one :class:`Term` with the bound digits k and l. Writing
the sum in another order, or naming k and l differently, changes nothing; so a term is brought to a form of its own:

1. Kronecker deltas collapse: Σ_k A[i, k] δ(k, j) becomes A[i, j].
2. What is known of the variables contracts: Σ_k Q[k, i] Q[k, j] becomes δ(i, j) if Q is orthogonal.
3. The bound digits that are left get names that do not depend on where they came from. Each digit is first described by the
   entries in which it stands, then by the descriptions of the digits beside it, and so on. Where that leaves two digits alike,
   one is singled out in all ways and the smallest text wins. The parts of a term that share no bound digit are named apart.

Two expressions with the same normal form are equal at all sizes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import singledispatch
from typing import Any, NoReturn

import sympy as sp

from ..claims import Undecided
from ..language.hypotheses import Facts
from ..language.sizes import Size, product_of, same_size
from .terms import (
    Digit,
    Entry,
    Image,
    Index,
    NeedsDigits,
    Part,
    Renaming,
    Term,
    digits_of,
    fresh_digit,
    quotient,
    renamed,
)

__all__ = ["collected"]

#: Ways to single out a digit that are tried before the naming of a term is given up.
_MOST_NAMINGS = 500


def collected(
    terms: Iterable[Term], facts: Facts, names: Mapping[Digit, str] | None = None, depth: int = 0
) -> dict[str, Any]:
    """Coefficients of the distinct normal forms; ``names`` are those of the digits around the terms.

    Raises
    ------
    Undecided
        If digits do not fit each other, or too many ways of naming a term would have to be tried.
    NeedsDigits
        If a free digit must be split.
    """
    total: dict[str, Any] = defaultdict(lambda: sp.Integer(0))
    for term in terms:
        simple = _simplified(term, facts)
        if simple is not None:
            coefficient, form = _named(simple, facts, names or {}, depth)
            total[form] = sp.expand(total[form] + coefficient)
    return {form: c for form, c in total.items() if c != 0}


# ---- deltas and contractions -----------------------------------------------------------------------------------------


def _simplified(term: Term, facts: Facts) -> Term | None:
    """Deltas and contractions worked off; None if the term is zero."""
    while True:
        collapsed = _collapsed(term)
        if collapsed is None:
            return None
        contracted = _contracted(collapsed, facts)
        if contracted is None:
            return collapsed
        term = contracted


def _collapsed(term: Term) -> Term | None:
    """The term with no deltas left but those between two free digits; None if two digits can never be equal."""
    kept: list[tuple[Digit, Digit]] = []
    while term.deltas:
        (i, j), *rest = term.deltas
        term = replace(term, deltas=tuple(rest))
        if not i and not j:
            continue
        if not i or not j:
            raise Undecided("a Kronecker delta between indices of different sizes")
        first, second = i[0], j[0]
        if isinstance(first, Part) and isinstance(second, Part):
            if len(first.sizes) != len(second.sizes) or not all(map(same_size, first.sizes, second.sizes)):
                raise Undecided("a Kronecker delta between indices in blocks of different sizes")
            if first.which != second.which:
                return None
            term = replace(term, deltas=((first.digits, second.digits), (i[1:], j[1:]), *term.deltas))
            continue
        if isinstance(first, Part) or (isinstance(second, Digit) and _is_multiple(second.size, first.size)):
            first, second, i, j = second, first, j, i
        assert isinstance(first, Digit)
        if first == second:
            term = replace(term, deltas=((i[1:], j[1:]), *term.deltas))
        elif not same_size(first.size, second.size):
            term = _split(term, first, second.size, (i, j))
        elif isinstance(second, Part):
            if first not in term.bound:
                _ask(first, (second,))
            new: Renaming = {first: (second,)}
            rest_i, rest_j = renamed(i[1:], new), renamed(j[1:], new)
            term = replace(term, bound=term.bound - {first}).renamed(new)
            term = replace(term, deltas=((rest_i, rest_j), *term.deltas))
        else:
            gone, stays = (first, second) if first in term.bound and second not in term.bound else (second, first)
            if (
                gone not in term.bound
            ):  # δ(i, j) of two free digits stays, and everything is written in the first of them
                stays, gone = sorted((first, second))
                kept.append((stays, gone))
            new = {gone: (stays,)}
            rest_i, rest_j = renamed(i[1:], new), renamed(j[1:], new)
            kept = [pair if pair == (stays, gone) else _renamed_pair(pair, new) for pair in kept]
            term = replace(term, bound=term.bound - {gone}).renamed(new)
            term = replace(term, deltas=((rest_i, rest_j), *term.deltas))
    pairs = sorted({pair for pair in kept if pair[0] != pair[1]})
    return replace(term, deltas=tuple(((i,), (j,)) for i, j in pairs))


def _ask(digit: Digit, radices: tuple[Any, ...]) -> NoReturn:
    """A digit that is not summed over here has to be split for all terms together."""
    if digit.path:
        raise NeedsDigits(digit, radices)
    raise Undecided("an index inside a function cannot be split into the digits that an expression needs")


def _renamed_pair(pair: tuple[Digit, Digit], new: Renaming) -> tuple[Digit, Digit]:
    first, second = (new.get(d, (d,))[0] for d in pair)
    return (first, second) if first <= second else (second, first)


def _is_multiple(larger: Size, smaller: Size) -> bool:
    return not same_size(larger, smaller) and quotient(larger, smaller) is not None


def _split(term: Term, digit: Digit, size: Size, pair: tuple[Index, Index]) -> Term:
    """The digit written as two, the first of this size."""
    rest = quotient(digit.size, size)
    if rest is None:
        raise Undecided(f"an index of size {digit.size} cannot be split into digits of sizes {size}, …")
    if digit not in term.bound:
        _ask(digit, (size, rest))
    new: Renaming = {digit: (fresh_digit(size), fresh_digit(rest))}
    i, j = (renamed(index, new) for index in pair)
    term = term.renamed(new)
    return replace(term, deltas=((i, j), *term.deltas))


def _contracted(term: Term, facts: Facts) -> Term | None:
    """One contraction carried out, or None if there is none."""
    uses: dict[Digit, int] = defaultdict(int)
    for atom in term.atoms:
        for digit in atom.digits():
            uses[digit] += 1
    in_deltas = {d for pair in term.deltas for index in pair for d in digits_of(index)}

    def summed(index: Index, times: int) -> bool:
        """Whether nothing else depends on the digits of this index."""
        return all(
            isinstance(d, Digit) and d in term.bound and uses[d] == times and d not in in_deltas for d in index
        ) and len(set(index)) == len(index)

    entries = [(k, a) for k, a in enumerate(term.atoms) if isinstance(a, Entry)]
    for k, a in entries:
        if a.name in facts.summing and len(a.indices) == 2:
            for axis in (0, 1):
                other = a.indices[1 - axis]
                if a.indices[axis] and summed(a.indices[axis], 1) and not set(a.indices[axis]) & set(digits_of(other)):
                    rest = (*term.atoms[:k], *term.atoms[k + 1 :])
                    return replace(term, atoms=rest, bound=term.bound - set(a.indices[axis]))
        for m, b in entries:
            if k == m or len(a.indices) != 2 or len(b.indices) != 2:
                continue
            if a.name == b.name and a.name in facts.single:
                for axis in (0, 1):
                    if a.indices[axis] == b.indices[axis]:
                        rest = (*term.atoms[:m], *term.atoms[m + 1 :])
                        return replace(
                            term, atoms=rest, deltas=(*term.deltas, (a.indices[1 - axis], b.indices[1 - axis]))
                        )
            for name, axis, other_name, other_axis in facts.contractions:
                if (a.name, b.name) != (name, other_name) or a.indices[axis] != b.indices[other_axis]:
                    continue
                index, i, j = a.indices[axis], a.indices[1 - axis], b.indices[1 - other_axis]
                if not summed(index, 2) or set(index) & {*digits_of(i), *digits_of(j)}:
                    continue
                rest = tuple(atom for n, atom in enumerate(term.atoms) if n not in (k, m))
                return replace(term, atoms=rest, deltas=(*term.deltas, (i, j)), bound=term.bound - set(index))
    return None


# ---- names of bound digits -------------------------------------------------------------------------------------------


def _named(term: Term, facts: Facts, around: Mapping[Digit, str], depth: int) -> tuple[Any, str]:
    """The coefficient, and the term as text in which bound digits have names of their own."""
    used = {d for atom in term.atoms for d in atom.digits()}
    in_deltas = {d for pair in term.deltas for index in pair for d in digits_of(index)}
    coefficient = term.coefficient * product_of(d.size for d in term.bound - used)
    bound = term.bound & used
    names = {d: around.get(d, f"f{d.label}") for d in used | in_deltas if d not in bound}
    texts = [_written_component(atoms, digits, names, facts, depth) for atoms, digits in _components(term.atoms, bound)]
    deltas = sorted("=".join(sorted(_written_index(index, names) for index in pair)) for pair in term.deltas)
    return coefficient, f"{sorted(texts)} {deltas}"


@singledispatch
def _written(atom: Any, names: Mapping[Digit, str], facts: Facts, depth: int) -> str:
    """An entry of a variable, or of a function of entries, as text."""
    places = [_written_index(index, names) for index in atom.indices]
    if atom.name in facts.symmetric and len(places) == 2:
        places.sort()
    return f"{atom.name}[{', '.join(places)}]"


@_written.register
def _(atom: Image, names: Mapping[Digit, str], facts: Facts, depth: int) -> str:
    inner = collected(atom.terms, facts, names, depth + 1)
    return f"{atom.name}({'; '.join(f'{c} {form}' for form, c in sorted(inner.items()))})"


def _written_index(index: Index, names: Mapping[Digit, str]) -> str:
    return " ".join(
        names[item]
        if isinstance(item, Digit)
        else f"<{item.which} of {item.sizes}: {_written_index(item.digits, names)}>"
        for item in index
    )


def _components(
    atoms: tuple[Entry | Image, ...], bound: frozenset[Digit]
) -> list[tuple[list[Entry | Image], set[Digit]]]:
    """The atoms in groups that share no bound digit."""
    groups: list[tuple[list[Entry | Image], set[Digit]]] = []
    for atom in atoms:
        members, digits = [atom], atom.digits() & bound
        apart = []
        for group, shared in groups:
            if shared & digits:
                members, digits = members + group, digits | shared
            else:
                apart.append((group, shared))
        groups = [*apart, (members, digits)]
    return groups


def _written_component(
    atoms: list[Entry | Image], digits: set[Digit], around: Mapping[Digit, str], facts: Facts, depth: int
) -> str:
    """A connected component in the least of all ways to name its summed digits."""
    budget = [_MOST_NAMINGS]

    def text(names: Mapping[Digit, str]) -> list[str]:
        return sorted(_written(atom, {**around, **names}, facts, depth) for atom in atoms)

    def refined(colors: dict[Digit, int]) -> dict[Digit, int]:
        """Colors split by the atoms that digits stand in, until nothing changes."""
        while True:
            budget[0] -= 1
            if budget[0] < 0:
                raise Undecided(f"more than {_MOST_NAMINGS} ways to name the indices of a sum")
            seen = {}
            base = {d: f"b{depth}.{colors[d]}" for d in digits}
            for d in digits:
                marked = {**around, **base, d: f"*{colors[d]}"}
                seen[d] = (colors[d], sorted(_written(a, marked, facts, depth) for a in atoms if d in a.digits()))
            ranks = {value: rank for rank, value in enumerate(sorted({repr(v) for v in seen.values()}))}
            new = {d: ranks[repr(seen[d])] for d in digits}
            if len(set(new.values())) == len(set(colors.values())):
                return new
            colors = new

    def best(colors: dict[Digit, int]) -> str:
        colors = refined(colors)
        classes: dict[int, list[Digit]] = defaultdict(list)
        for d in digits:
            classes[colors[d]].append(d)
        unsure = min((c for c in classes if len(classes[c]) > 1), default=None)
        if unsure is None:
            order = sorted(digits, key=lambda d: colors[d])
            names = {d: f"b{depth}.{k}" for k, d in enumerate(order)}
            return f"{text(names)} {[str(d.size) for d in order]}"
        return min(best({**colors, d: -1}) for d in classes[unsure])

    sizes = sorted({str(d.size) for d in digits})
    return best({d: sizes.index(str(d.size)) for d in digits}) if digits else f"{text({})} []"
