"""Sizes at which identities are tried: all small assignments or some of many, and larger ones drawn at random."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product
from math import prod
from typing import Any

import numpy as np

from .language.sizes import SizeSymbol
from .statement import Statement

__all__ = [
    "ENOUGH",
    "SYMBOLS",
    "Sizes",
    "distinct_sizes",
    "large_sizes",
    "middle_sizes",
    "sizes_where_nonzero",
    "small_sizes",
]

Sizes = dict[str, int]
#: Most symbols of sides that are expanded.
SYMBOLS = 40
#: Sizes tried with a symbol for every entry, and how many such assignments are enough.
_SMALL, ENOUGH = (1, 2, 3), 12
#: Of more names than this not all assignments of small sizes are run through.
_ALL_ASSIGNMENTS = 4
#: Sizes between which the middle and the large ones are drawn.
_MIDDLE, _LARGE = (4, 10), (23, 57)
#: The large ones where matrices are inverted, whose entries have long coefficients.
_LARGE_INVERSES = (7, 17)
#: Sizes up to which one is looked for at which coefficients that depend on sizes do not vanish.
_LOOKED_AT = 8


def distinct_sizes(names: list[str]) -> Sizes:
    """Different primes: sizes that fit here fit always."""
    return dict(zip(names, islice(_primes(), len(names)), strict=True))


def _primes() -> Iterator[int]:
    found: list[int] = []
    n = 2
    while True:
        if all(n % p for p in found):
            found.append(n)
            yield n
        n += 1


def small_sizes(state: Statement, rng: np.random.Generator) -> list[Sizes]:
    """Assignments with few entries in all, fewest first; of many names some are drawn."""
    names = state.names
    if len(names) <= _ALL_ASSIGNMENTS:
        values: Iterable[tuple[int, ...]] = product(_SMALL, repeat=len(names))
    else:
        one_larger = [tuple(2 if i == k else 1 for i in range(len(names))) for k in range(len(names))]
        drawn = [tuple(map(int, rng.integers(1, 4, len(names)))) for _ in range(ENOUGH)]
        values = dict.fromkeys([(1,) * len(names), *one_larger, (2,) * len(names), *drawn])
    candidates = [dict(zip(names, sizes, strict=True)) for sizes in values]

    def symbols(sizes: Sizes) -> int:
        return sum(prod(shape) for shape in state.shapes(sizes).values())

    ordered = sorted(candidates, key=lambda sizes: (symbols(sizes), max(sizes.values(), default=0)))
    fitting = [sizes for sizes in ordered if symbols(sizes) <= 4 * SYMBOLS]
    # The smallest, which give the smallest counterexamples, and some of the largest that can be expanded.
    return fitting[:ENOUGH] + [sizes for sizes in fitting[ENOUGH:] if len(set(sizes.values())) > 1][-2:]


def middle_sizes(state: Statement, rng: np.random.Generator) -> list[Sizes]:
    return [{name: int(size) for name, size in zip(state.names, rng.integers(*_MIDDLE, len(state.names)), strict=True)}]


def large_sizes(state: Statement, at: Mapping[str, int] | None, rng: np.random.Generator, inverses: bool) -> Sizes:
    """Drawn, and different for different names so that a mix-up of names shows."""
    if at is None:
        choices = np.arange(*(_LARGE_INVERSES if inverses else _LARGE))
        drawn = rng.choice(choices, len(state.names), replace=len(state.names) > len(choices))
        return {name: int(size) for name, size in zip(state.names, drawn, strict=True)}
    if set(at) != set(state.names):
        raise ValueError(f"at={dict(at)}: expected a value for each of the sizes {', '.join(state.names)}")
    if wrong := [name for name, value in at.items() if not isinstance(value, int) or value < 1]:
        raise ValueError(f"at: {wrong[0]}={at[wrong[0]]!r}: expected a positive integer")
    return dict(at)


def sizes_where_nonzero(coefficients: Iterable[Any], names: list[str]) -> list[Sizes]:
    """The smallest sizes at which coefficients that depend on the sizes do not vanish: the sides may differ there."""
    found: list[Sizes] = []
    symbols = {name: SizeSymbol(name) for name in names}
    for coefficient in islice((c for c in coefficients if c.free_symbols), 3):
        involved = [name for name in names if symbols[name] in coefficient.free_symbols][:3]
        values = sorted(product(range(1, _LOOKED_AT + 1), repeat=len(involved)), key=sum)
        candidates = (dict.fromkeys(names, 1) | dict(zip(involved, value, strict=True)) for value in values)
        differ = (
            sizes for sizes in candidates if coefficient.subs({symbols[name]: sizes[name] for name in names}) != 0
        )
        found += islice(differ, 1)
    return found
