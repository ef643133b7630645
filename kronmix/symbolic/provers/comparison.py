"""Do two expressions agree? Entry by entry with symbols, or at random points modulo primes near 2⁶¹."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from ..language.expressions import Expression, same_shape
from .bounds import MAP_DEGREE, Bound, bound, dimensions
from .evaluation import Array, Objects, TooLarge, Values, apply, entries
from .finite_field import PRIMES, PrimeField
from .polynomials import entries as variables, nonzero_point

__all__ = ["Agreement", "Difference", "compare_entries", "compare_residues", "differing_shapes"]

Shapes = Mapping[str, tuple[int, ...]]

#: Matrices with more entries than this are compared by their action on a random vector (Freivalds).
_FORMED = 2**12
#: Longest vector on the way.
MAX_DIMENSION = 2**21
#: Wanted bound on the probability that random testing accepts a false identity.
ERROR_PROBABILITY = 1e-15


@dataclass(frozen=True)
class Agreement:
    """The two sides agree: certainly (probability 0) or but for the probability given."""

    error_probability: float = 0.0
    degree: int = 0
    primes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A counterexample: sizes, integer matrices, and the first entry at which the two sides differ.

    ``entry`` is None where already the shapes differ; ``left`` and ``right`` are then the shapes.
    """

    sizes: dict[str, int]
    matrices: dict[str, Array]
    entry: tuple[int, ...] | None
    left: Any
    right: Any
    functions: dict[str, str] = field(default_factory=dict)
    quantity: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON; integers beyond 2⁵³ as text."""
        entry = None if self.entry is None else list(self.entry)
        matrices = {name: matrix.tolist() for name, matrix in self.matrices.items()}
        both = {"left": str(self.left), "right": str(self.right)}
        return {"sizes": self.sizes, "matrices": matrices, "entry": entry, **both, "functions": self.functions}

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} = {value}" for name, value in self.sizes.items())
        if self.entry is None:
            return f"{sizes}: shapes {self.left} and {self.right} differ".lstrip(": ")
        given = [f"{name} = {_shown(matrix)}" for name, matrix in self.matrices.items()]
        given += [f"{name}(x) = {formula}" for name, formula in self.functions.items()]
        place = f"entry {self.entry if len(self.entry) != 1 else self.entry[0]}" if self.entry else self.quantity
        what = "; ".join(part for part in (sizes, *given) if part)
        return ": ".join(part for part in (what, place, f"{self.left} ≠ {self.right}") if part)


def _shown(matrix: Array) -> str:
    return str(matrix.tolist()) if matrix.size <= 16 else f"{'×'.join(map(str, matrix.shape))} integers"


def differing_shapes(
    left: Expression, right: Expression, shapes: Shapes, sizes: Mapping[str, int]
) -> Difference | None:
    """A difference if the two sides have different shapes, whatever the entries."""
    if same_shape(left.shape, right.shape):
        return None
    ones = {name: np.ones(shape, object) for name, shape in shapes.items()}
    return Difference(dict(sizes), ones, None, left.shape, right.shape)


# ---- every entry a symbol --------------------------------------------------------------------------------------------


def compare_entries(
    left: Expression, right: Expression, shapes: Shapes, sizes: Mapping[str, int]
) -> Agreement | Difference:
    """Expand both sides into polynomials in the entries of all variables; exact."""
    if (shape := differing_shapes(left, right, shapes, sizes)) is not None:
        return shape
    symbols = variables(**shapes) if shapes else {}
    one = next(iter(symbols.values())).flat[0].ring.one if symbols else 1
    values = Values(Objects(one), symbols, {})
    L, R = entries(left, values), entries(right, values)
    for index in np.ndindex(*L.shape):
        if (difference := L[index] - R[index]) != 0:
            point = nonzero_point(difference) if symbols else {}
            matrices = {name: _at(array, point) for name, array in symbols.items()}
            return _first_difference(left, right, sizes, matrices)
    return Agreement()


def _at(symbols: Array, point: Mapping[str, Fraction]) -> Array:
    numbers = [int(point.get(str(symbol), 0)) for symbol in symbols.ravel()]
    return np.array(numbers, object).reshape(symbols.shape)


def _first_difference(
    left: Expression, right: Expression, sizes: Mapping[str, int], matrices: dict[str, Array]
) -> Difference:
    values = Values(Objects(), matrices, {})
    L, R = entries(left, values), entries(right, values)
    index = next(i for i in np.ndindex(*L.shape) if L[i] != R[i])
    return Difference(dict(sizes), matrices, index, L[index], R[index])


# ---- random residues -------------------------------------------------------------------------------------------------


def compare_residues(
    left: Expression,
    right: Expression,
    shapes: Shapes,
    sizes: Mapping[str, int],
    functions: tuple[str, ...] = (),
    seed: int = 0,
    largest_error: float = ERROR_PROBABILITY,
) -> Agreement | Difference:
    """Compare at random points modulo enough primes; large matrices by their action on a random vector.

    ``functions`` names entrywise functions: each is a random polynomial of degree 3, the same on both sides.
    """
    if (shape := differing_shapes(left, right, shapes, sizes)) is not None:
        return shape
    for side in (left, right):
        if (largest := dimensions(side)) > MAX_DIMENSION:
            raise TooLarge(f"{str(side)[:60]} goes through {largest:,} dimensions, more than {MAX_DIMENSION:,}")
    freivalds = left.ndim == 2 and prod(left.shape) > _FORMED
    joint = bound(left) + bound(right)
    if freivalds:
        joint = joint * Bound(degree=1, height=int(left.shape[1]))
    fields = _enough(joint)
    chance = joint.degree / min(F.p for F in fields)
    trials = 1
    while chance**trials >= largest_error:
        trials += 1
    rng = np.random.default_rng(seed)
    for F in fields:
        for _ in range(trials):
            arrays = {name: F.random(rng, shape) for name, shape in shapes.items()}
            maps = {name: _Polynomial(F, F.random(rng, (MAP_DEGREE + 1,))) for name in functions}
            if not _agree(left, right, Values(F, arrays, maps), freivalds, rng):
                return _integer_difference(left, right, shapes, sizes, F, arrays, maps, freivalds, rng)
    return Agreement(chance**trials, joint.degree, tuple(F.p for F in fields))


def _enough(joint: Bound) -> tuple[PrimeField, ...]:
    """Primes whose product exceeds every coefficient, so that a non-zero polynomial stays so modulo one of them."""
    usable = [F for F in PRIMES if joint.denominator % F.p]
    product, chosen = 1, []
    for F in usable:
        chosen.append(F)
        product *= F.p
        if product > joint.height:
            return tuple(chosen)
    raise ValueError(
        f"coefficients up to about 10^{len(str(joint.height)) - 1} need more than the {len(PRIMES)} primes at hand: "
        "check a shorter identity, or smaller sizes"
    )


@dataclass(frozen=True)
class _Polynomial:
    """An entrywise function over a field."""

    field: PrimeField
    coefficients: Array

    def __call__(self, x: Array) -> Array:
        total = np.full(x.shape, self.coefficients[-1], np.uint64)
        for c in self.coefficients[-2::-1]:
            total = self.field.add(self.field.multiply(total, x), np.broadcast_to(c, x.shape))
        return total

    def __str__(self) -> str:
        return " + ".join(f"{c}·x^{i}" for i, c in enumerate(self.coefficients.tolist()))


def _agree(left: Expression, right: Expression, values: Values, freivalds: bool, rng: np.random.Generator) -> bool:
    ring = values.ring
    if not freivalds:
        return bool(np.array_equal(entries(left, values), entries(right, values)))
    assert isinstance(ring, PrimeField)
    z = ring.random(rng, (left.shape[1], 1))
    return bool(np.array_equal(apply(left, z, values), apply(right, z, values)))


def _integer_difference(
    left: Expression,
    right: Expression,
    shapes: Shapes,
    sizes: Mapping[str, int],
    F: PrimeField,
    residues: dict[str, Array],
    maps: Mapping[str, Callable[[Array], Array]],
    freivalds: bool,
    rng: np.random.Generator,
) -> Difference:
    """Small integer matrices that tell the sides apart; residues are integers too, so those found serve if nothing else does."""
    candidates = [
        {name: rng.integers(0, top, shape).astype(np.uint64) for name, shape in shapes.items()} for top in (2, 10)
    ]
    for arrays in (*candidates, residues):
        values = Values(F, arrays, maps)
        found = _locate_columns(left, right, values, F, rng) if freivalds else _locate(left, right, values)
        if found is not None:
            index, L, R = found
            pair = F.integers(np.array([L, R], np.uint64))
            exact = {name: array.astype(object) for name, array in arrays.items()}
            return Difference(dict(sizes), exact, index, pair[0], pair[1], {n: str(m) for n, m in maps.items()})
    raise AssertionError("two sides that differ at these residues agree at them")  # pragma: no cover


def _locate(left: Expression, right: Expression, values: Values) -> tuple[tuple[int, ...], Any, Any] | None:
    L, R = np.asarray(entries(left, values)), np.asarray(entries(right, values))
    wrong = np.argwhere(L != R) if L.ndim else np.zeros((int(L != R), 0), int)
    if len(wrong) == 0:
        return None
    index = tuple(int(i) for i in wrong[0])
    return index, L[index], R[index]


def _locate_columns(
    left: Expression, right: Expression, values: Values, F: PrimeField, rng: np.random.Generator
) -> tuple[tuple[int, ...], Any, Any] | None:
    """First row in which the sides act differently on a random vector, then its first entry that differs."""
    z = F.random(rng, (left.shape[1], 1))
    rows = np.flatnonzero(apply(left, z, values)[:, 0] != apply(right, z, values)[:, 0])
    if rows.size == 0:
        return None
    unit = np.zeros((left.shape[0], 1), np.uint64)
    unit[rows[0]] = 1
    L, R = apply(left.T, unit, values)[:, 0], apply(right.T, unit, values)[:, 0]
    column = int(np.flatnonzero(L != R)[0])
    return (int(rows[0]), column), L[column], R[column]
