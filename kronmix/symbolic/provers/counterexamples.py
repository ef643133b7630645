"""Exact counterexamples: where the sides differ modulo a prime or in symbols, small integers for which they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np
from sympy import QQ_I

from ..claims import Counterexample, Undecided
from ..language.expressions import Expression
from .bounds import bound, holds_inverse
from .evaluation import Array, Objects, Singular, Values, apply, entries
from .finite_field import PrimeField, prime_fields
from .polynomials import nonzero_point
from .sides import Sides, plain_sizes

__all__ = ["difference_in_symbols", "first_place", "integer_difference", "places_apart", "unformed"]

#: Matrices with more entries than this are compared by their action on a random vector (Freivalds).
_FORMED = 2**12
#: Degrees of the polynomials that a counterexample's functions are looked for among.
_DEGREES = (2, 5, 11, 23)
#: Gaussian integers are drawn below these.
_TOPS = (2, 2, 4, 10, 100, 10**6)


def unformed(sides: Sides) -> bool:
    """Whether the sides are compared by their action on a random vector."""
    return sides.left.ndim == sides.right.ndim == 2 and prod(sides.left.shape) > _FORMED


def places_apart(left: Array, right: Array) -> Iterator[tuple[tuple[int, ...], Any, Any]]:
    """Places where two arrays of one shape, up to columns and 1 × 1, differ, with the two values."""
    shape = min(left.shape, right.shape, key=len)
    L, R = left.reshape(shape), right.reshape(shape)
    for index in np.argwhere(np.asarray(L != R, bool)):
        place = tuple(int(i) for i in index)
        yield place, L[place], R[place]


def first_place(sides: Sides, values: Values, rng: np.random.Generator) -> tuple[int, ...] | None:
    """The first entry at which the sides differ for these values; of large matrices, one in a row that a random vector finds."""
    left, right = sides.left, sides.right
    if not unformed(sides):
        both = (np.asarray(entries(side, values)) for side in (left, right))
        return next((place for place, _, _ in places_apart(*both)), None)
    F = values.ring
    assert isinstance(F, PrimeField)
    z = F.random(rng, (left.shape[1], 1))
    rows = np.flatnonzero(apply(left, z, values)[:, 0] != apply(right, z, values)[:, 0])
    if rows.size == 0:
        return None
    L, R = (_evaluate_row(side, int(rows[0]), values) for side in (left, right))
    return int(rows[0]), int(np.flatnonzero(L != R)[0])


def _evaluate_row(node: Expression, row: int, values: Values) -> Array:
    """One row of a large matrix, by applying its transpose to a unit vector."""
    unit = np.zeros((node.shape[0], 1), np.uint64)
    unit[row] = 1
    return apply(node.T, unit, values)[:, 0]


# ---- from symbols ----------------------------------------------------------------------------------------------------


def difference_in_symbols(sides: Sides, difference: Any, symbols: Mapping[str, Array]) -> Counterexample:
    """Numbers at which a polynomial, the difference of two entries, does not vanish."""
    for arrays in _points_off(difference, symbols):
        if (found := _exact_difference(sides, arrays)) is not None:
            return found
    raise Undecided("the sides expand to different polynomials, but no point was found that tells them apart")


def _points_off(difference: Any, symbols: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    """Points with few non-zero entries at which a polynomial does not vanish, conjugates fitting what they conjugate."""
    if not symbols:
        yield {}
        return
    point = nonzero_point(difference)
    arrays = {name: _substitute(array, point) for name, array in symbols.items()}
    conjugates = [name for name in arrays if name.startswith("conj(")]
    if not conjugates:
        yield arrays
        return
    rng = np.random.default_rng(0)
    for top in _TOPS:
        yield _gaussian({name: array.shape for name, array in arrays.items()}, top, rng)


def _substitute(symbols: Array, point: Mapping[str, Fraction]) -> Array:
    numbers = [int(point.get(str(symbol), 0)) for symbol in symbols.ravel()]
    return np.array(numbers, object).reshape(symbols.shape)


def _gaussian(shapes: Mapping[str, tuple[int, ...]], top: int, rng: np.random.Generator) -> dict[str, Array]:
    """Small Gaussian integers, conjugates fitting what they conjugate."""
    arrays = {}
    for name in sorted({name.removeprefix("conj(").removesuffix(")") for name in shapes}):
        shape = shapes.get(name, shapes.get(f"conj({name})", ()))
        real, imaginary = rng.integers(-top + 1, top, (2, *(shape or (1,))))
        for key, sign in ((name, 1), (f"conj({name})", -1)):
            array = np.empty(real.shape, object)
            for index in np.ndindex(*real.shape):
                array[index] = QQ_I(int(real[index]), sign * int(imaginary[index]))
            arrays[key] = array.reshape(shape or (1,))
    return {key: array for key, array in arrays.items() if key in shapes or f"conj({key})" in shapes}


def _ring_of(arrays: Mapping[str, Array]) -> Objects:
    """Rational arithmetic, or Gaussian rationals if an entry is not real."""
    numbers = (array.flat[0] for array in arrays.values() if array.size)
    return Objects() if all(isinstance(x, int | Fraction | np.integer) for x in numbers) else Objects(QQ_I.one)


def _exact_difference(
    sides: Sides, arrays: dict[str, Array], maps: Mapping[str, Polynomial] | None = None
) -> Counterexample | None:
    """The first entry in which the sides differ at a point, exactly; None if there is none."""
    ring = _ring_of(arrays)
    values = Values(ring, arrays, {name: map_.over(ring) for name, map_ in (maps or {}).items()})
    both = (np.asarray(entries(side, values)) for side in (sides.left, sides.right))
    for index, a, b in places_apart(*both):
        return _shown(sides, values, index, _number(a), _number(b), maps or {})
    return None


def _shown(
    sides: Sides, values: Values, index: tuple[int, ...], left: Any, right: Any, maps: Mapping[str, Polynomial]
) -> Counterexample:
    """The counterexample with the declared matrices at a point."""
    matrices = {name: _as_numbers(entries(e, values).reshape(e.shape)) for name, e in sides.shown.items()}
    formulas = {name: str(map_) for name, map_ in maps.items()}
    return Counterexample(plain_sizes(sides.sizes), matrices, "", index, left, right, formulas)


def _as_numbers(array: Array) -> Array:
    out = np.empty(array.shape, object)
    for index in np.ndindex(*array.shape):
        out[index] = _number(array[index])
    return out


def _number(value: Any) -> Any:
    """Integers as such, and real numbers where the imaginary part is 0."""
    if hasattr(value, "y"):  # a Gaussian rational
        real = Fraction(int(value.x.numerator), int(value.x.denominator))
        return _number(real) if value.y == 0 else value
    if isinstance(value, Fraction) and value.denominator == 1:
        return int(value)
    return int(value) if isinstance(value, np.integer) else value


# ---- from residues --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Polynomial:
    """An entrywise function, by its coefficients."""

    coefficients: tuple[Any, ...]

    def over(self, ring: Any) -> Callable[[Array], Array]:
        """The function on arrays over a ring."""

        def evaluated(x: Array) -> Array:
            *rest, last = (ring.scalar(c) for c in self.coefficients)
            total = np.full(x.shape, last, x.dtype)
            for c in reversed(rest):
                total = ring.add(ring.multiply(total, x), np.full(x.shape, c, x.dtype))
            return total

        return evaluated

    def __str__(self) -> str:
        return " + ".join(f"{c}·x^{i}" for i, c in enumerate(self.coefficients))


def integer_difference(
    sides: Sides, F: PrimeField, residues: dict[str, Array], rng: np.random.Generator
) -> Counterexample:
    """Small integer matrices for which the sides differ; if none is found, the residues, which are integers too."""
    shapes, functions = sides.shapes, sides.functions
    if any(name.startswith("conj(") for name in (*shapes, *functions)):
        return _complex_difference(sides, rng)
    small = (
        {name: np.asarray(rng.integers(0, top, shape), np.uint64) for name, shape in shapes.items()}
        for top in (2, 2, 2, 3, 4, 4, 10, 100)
    )
    rational = any(map(holds_inverse, (sides.left, sides.right, *sides.shown.values())))
    for arrays, degree in (
        (arrays, degree) for arrays in (*small, residues) for degree in (_DEGREES if functions else (0,))
    ):
        maps = {name: Polynomial(tuple(map(int, rng.integers(0, 3, degree + 1)))) for name in functions}
        values = Values(F, arrays, {name: map_.over(F) for name, map_ in maps.items()})
        try:
            place = first_place(sides, values, rng)
        except Singular:
            continue
        if place is None:
            continue
        exact = {name: array.astype(object) for name, array in arrays.items()}
        if not maps and not rational:
            L, R = (_exact_entry(side, place, exact) for side in (sides.left, sides.right))
            return _shown(sides, Values(Objects(), exact, {}), place, L, R, {})
        if (difference := _exact_difference(sides, exact, maps)) is not None:
            return difference
    raise Undecided("the sides differ for a random function, but no polynomial was found that tells them apart")


def _complex_difference(sides: Sides, rng: np.random.Generator) -> Counterexample:
    """Gaussian integers for which the sides differ: entries and their conjugates are independent, so almost all of them do."""
    names = sorted({name.removeprefix("conj(").removesuffix(")") for name in sides.functions})
    for top, degree in product(_TOPS, _DEGREES if names else (0,)):
        maps = {}
        for name in names:
            pairs = [(int(a), int(b)) for a, b in rng.integers(0, 3, (degree + 1, 2))]
            maps[name] = Polynomial(tuple(QQ_I(a, b) for a, b in pairs))
            maps[f"conj({name})"] = Polynomial(tuple(QQ_I(a, -b) for a, b in pairs))
        try:
            found = _exact_difference(sides, _gaussian(sides.shapes, top, rng), maps)
        except Singular:
            continue
        if found is not None:
            return found
    raise Undecided("the sides differ modulo a prime, but no Gaussian integers were found that tell them apart")


def _exact_entry(node: Expression, index: tuple[int, ...], arrays: Mapping[str, Array]) -> Any:
    """One entry at integer matrices, from its residues modulo primes whose product exceeds it."""
    limit = bound(node)
    largest = max([1, *(int(abs(v)) for array in arrays.values() for v in array.ravel())])
    needed = 2 * limit.height * largest**limit.degree + 1
    modulus, value = 1, 0
    for F in (F for F in prime_fields() if limit.denominator % F.p):
        if modulus >= needed:
            break
        values = Values(F, {name: F.lift(array) for name, array in arrays.items()}, {})
        residue = int(_evaluate_entry(node, index, values)) * limit.denominator % F.p
        value += modulus * ((residue - value) * pow(modulus, -1, F.p) % F.p)
        modulus *= F.p
    numerator = value - modulus if value > modulus // 2 else value
    return _number(Fraction(numerator, limit.denominator))


def _evaluate_entry(node: Expression, index: tuple[int, ...], values: Values) -> Any:
    if node.ndim == 2 and len(index) == 2 and prod(node.shape) > _FORMED:
        return _evaluate_row(node, index[0], values)[index[1]]
    return np.asarray(entries(node, values)).reshape(-1)[_flat(node, index)]


def _flat(node: Expression, index: tuple[int, ...]) -> int:
    """Place in reading order; for columns, rows and scalars the same whichever way they are written."""
    if len(index) != node.ndim or node.ndim < 2:
        return sum(index)
    return int(np.ravel_multi_index(index, tuple(map(int, node.shape))))
