"""Do two expressions agree? Entry by entry with symbols, or at random points modulo primes near 2⁶¹."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import islice, product
from math import prod
from typing import Any

import numpy as np
from sympy import QQ_I

from ..claims import Counterexample, Outcome, Proof, Undecided
from ..language.expressions import Expression, Variable
from .bounds import Bound, arguments, bound, dimensions, holds_inverse, values_of_functions
from .evaluation import MAX_ENTRIES, Array, NotPolynomial, Objects, Singular, TooLarge, Values, apply, entries
from .finite_field import PrimeField, prime_fields
from .polynomials import entries as variables, nonzero_point
from .shapes import differing_shapes, plain_sizes

__all__ = ["compare_entries", "compare_residues"]

Shapes = Mapping[str, tuple[int, ...]]
#: What stands for each declared matrix in a counterexample, an expression in the variables.
Shown = Mapping[str, Expression]

#: Matrices with more entries than this are compared by their action on a random vector (Freivalds).
_FORMED = 2**12
#: Longest vector on the way.
MAX_DIMENSION = 2**21
#: Most primes taken, so that no coefficient vanishes modulo all of them.
_MOST_PRIMES = 64
#: Wanted bound on the probability that random testing accepts a false identity.
ERROR_PROBABILITY = 1e-15
#: Degrees of the polynomials that a counterexample's functions are looked for among.
_DEGREES = (2, 5, 11, 23)
#: Points drawn before every one is taken to make some matrix singular.
_DRAWS = 8


def _indices(left: Array, right: Array) -> Iterator[tuple[tuple[int, ...], Any, Any]]:
    """Places where two arrays of one shape, up to columns and 1 × 1, differ, with the two values."""
    shape = min(left.shape, right.shape, key=len)
    L, R = left.reshape(shape), right.reshape(shape)
    for index in np.argwhere(np.asarray(L != R, bool)):
        place = tuple(int(i) for i in index)
        yield place, L[place], R[place]


# ---- every entry a symbol --------------------------------------------------------------------------------------------


def compare_entries(
    left: Expression, right: Expression, shapes: Shapes, sizes: Mapping[str, int], shown: Shown | None = None
) -> Outcome:
    """Expand both sides into polynomials in the entries of all variables; exact.

    Raises
    ------
    Undecided
        If an entry is no polynomial.
    """
    if (shape := differing_shapes(left, right, shapes, sizes)) is not None:
        return shape
    symbols = variables(**shapes) if shapes else {}
    one = next(iter(symbols.values())).flat[0].ring.one if symbols else 1
    values = Values(Objects(one), symbols, {})
    try:
        L, R = entries(left, values), entries(right, values)
    except NotPolynomial as reason:
        raise Undecided(str(reason)) from None
    differing = next(_indices(L, R), None)
    if differing is None:
        return Proof("", "all entries expand to the same polynomial")
    _, a, b = differing
    for arrays in _points_off(a - b, symbols):
        found = _exact_difference(left, right, sizes, arrays, shown or _variables(shapes))
        if found is not None:
            return found
    raise Undecided("the sides expand to different polynomials, but no point was found that tells them apart")


def _points_off(difference: Any, symbols: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    """Points with few non-zero entries at which a polynomial does not vanish, conjugates fitting what they conjugate."""
    if not symbols:
        yield {}
        return
    point = nonzero_point(difference)
    arrays = {name: _at(array, point) for name, array in symbols.items()}
    conjugates = [name for name in arrays if name.startswith("conj(")]
    if not conjugates:
        yield arrays
        return
    rng = np.random.default_rng(0)
    for top in (2, 2, 4, 10, 100, 10**6):
        yield _gaussian({name: array.shape for name, array in arrays.items()}, top, rng)


def _at(symbols: Array, point: Mapping[str, Fraction]) -> Array:
    numbers = [int(point.get(str(symbol), 0)) for symbol in symbols.ravel()]
    return np.array(numbers, object).reshape(symbols.shape)


def _gaussian(shapes: Shapes, top: int, rng: np.random.Generator) -> dict[str, Array]:
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


def _variables(shapes: Shapes) -> dict[str, Expression]:
    return {name: Variable(name, shape) for name, shape in shapes.items() if not name.startswith("conj(")}


def _ring_of(arrays: Mapping[str, Array]) -> Objects:
    complex_ = any(
        not isinstance(array.flat[0], int | Fraction | np.integer) for array in arrays.values() if array.size
    )
    return Objects(QQ_I.one) if complex_ else Objects()


def _exact_difference(
    left: Expression,
    right: Expression,
    sizes: Mapping[str, int],
    arrays: dict[str, Array],
    shown: Shown,
    maps: Mapping[str, Polynomial] | None = None,
) -> Counterexample | None:
    """The first entry in which the sides differ at a point, exactly; None if there is none."""
    ring = _ring_of(arrays)
    values = Values(ring, arrays, {name: map_.over(ring) for name, map_ in (maps or {}).items()})
    for index, a, b in _indices(np.asarray(entries(left, values)), np.asarray(entries(right, values))):
        formulas = {name: str(map_) for name, map_ in (maps or {}).items()}
        return Counterexample(plain_sizes(sizes), _matrices(shown, values), "", index, _number(a), _number(b), formulas)
    return None


def _matrices(shown: Shown, values: Values) -> dict[str, Array]:
    """The declared matrices at a point."""
    return {name: _numbers(entries(e, values).reshape(e.shape)) for name, e in shown.items()}


def _numbers(array: Array) -> Array:
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


# ---- random residues -------------------------------------------------------------------------------------------------


def compare_residues(
    left: Expression,
    right: Expression,
    shapes: Shapes,
    sizes: Mapping[str, int],
    functions: tuple[str, ...] = (),
    seed: int = 0,
    largest_error: float = ERROR_PROBABILITY,
    shown: Shown | None = None,
) -> Outcome:
    """Compare at random points modulo enough primes; large matrices by their action on a random vector.

    ``functions`` names entrywise functions: each is a random function, the same on both sides, whose values are drawn when
    they are asked for. ``shown`` says how a counterexample's matrices depend on the variables.

    Raises
    ------
    TooLarge
        If vectors on the way would be too long, or coefficients need too many primes.
    Undecided
        If a matrix whose inverse is asked for is singular at every point drawn.
    """
    if (shape := differing_shapes(left, right, shapes, sizes)) is not None:
        return shape
    for name, declared in shapes.items():
        if prod(declared) > MAX_ENTRIES:
            raise TooLarge(f"{name} has {prod(declared):,} entries, more than {MAX_ENTRIES:,}")
    for side in (left, right):
        if (largest := dimensions(side)) > MAX_DIMENSION:
            raise TooLarge(f"{str(side)[:60]} goes through {largest:,} dimensions, more than {MAX_DIMENSION:,}")
    freivalds = left.ndim == right.ndim == 2 and prod(left.shape) > _FORMED
    joint = bound(left) + bound(right)
    if freivalds:
        joint = joint * Bound(degree=1, height=int(left.shape[1]))
    fields = _enough(joint)
    # A point that makes no determinant vanish is one of at least (1 − q/p) of all.
    chance = (joint.degree + _collisions(left, right)) / (min(F.p for F in fields) - joint.determinant_degree)
    if chance >= 0.5:
        raise TooLarge("functions are applied to too many entries")
    trials = 1
    while chance**trials >= largest_error:
        trials += 1
    rng = np.random.default_rng(seed)
    for F in fields:
        for _ in range(trials):
            arrays, found = _drawn(left, right, shapes, functions, F, freivalds, rng)
            if not found:
                return _integer_difference(
                    left, right, shapes, sizes, F, arrays, functions, freivalds, rng, shown or _variables(shapes)
                )
    many = f"{len(fields)} prime{'s' * (len(fields) > 1)} near 2⁶¹"
    if joint.degree == 0:
        return Proof("", f"equal modulo {many}, which no entry reaches: certain", chance**trials)
    doubt = f"degree {joint.degree}: wrong with probability below {chance**trials:.0e}"
    return Proof("", f"random matrices modulo {many}, {doubt}", chance**trials)


def _drawn(
    left: Expression,
    right: Expression,
    shapes: Shapes,
    functions: tuple[str, ...],
    F: PrimeField,
    freivalds: bool,
    rng: np.random.Generator,
) -> tuple[dict[str, Array], bool]:
    """A random point at which all inverses exist, and whether the sides agree there."""
    for _ in range(_DRAWS):
        arrays = {name: F.random(rng, shape) for name, shape in shapes.items()}
        values = Values(F, arrays, {name: RandomFunction(F, rng) for name in functions})
        try:
            return arrays, _agree(left, right, values, freivalds, rng)
        except Singular:
            continue
    raise Undecided("an inverse does not exist at any point drawn")


def _collisions(left: Expression, right: Expression) -> int:
    """The degree of the product of all differences of the arguments that an entry depends on: unless it vanishes, the values
    are independent, and an entry that differs for some functions is a polynomial in them that is not zero.

    Raises
    ------
    TooLarge
        If such a difference might vanish modulo a prime.
    """
    found = [*arguments(left), *arguments(right)]
    if not found:
        return 0
    together = reduce(lambda x, y: x + y, (limit for _, limit in found))
    if 2 * together.height >= 2**60:
        raise TooLarge("the arguments of functions have coefficients that are too long")
    count = min(values_of_functions(left) + values_of_functions(right), sum(entries_ for entries_, _ in found))
    return count * (count - 1) // 2 * (together.degree + together.determinant_degree)


class RandomFunction:
    """A function over a field with independent uniform values, drawn when they are asked for."""

    def __init__(self, F: PrimeField, rng: np.random.Generator) -> None:
        self.F, self.rng = F, rng
        self.known, self.values = np.zeros(0, np.uint64), np.zeros(0, np.uint64)

    def __call__(self, x: Array) -> Array:
        asked = np.sort(x, axis=None)  # np.unique hashes, which takes ten times as long for residues
        fresh = np.append(True, asked[1:] != asked[:-1])[: asked.size]
        at = np.searchsorted(self.known, asked)
        at[at == self.known.size] = 0
        fresh &= self.known[at] != asked if self.known.size else True
        new = asked[fresh]
        known = np.concatenate([self.known, new])
        values = np.concatenate([self.values, self.F.random(self.rng, new.shape)])
        order = np.argsort(known, kind="stable")  # merges two sorted runs
        self.known, self.values = known[order], values[order]
        return self.values[np.searchsorted(self.known, x)]


def _enough(joint: Bound) -> tuple[PrimeField, ...]:
    """Primes whose product exceeds every coefficient, so that a non-zero polynomial stays so modulo one of them."""
    product, chosen = 1, []
    for F in islice((F for F in prime_fields() if joint.denominator % F.p), _MOST_PRIMES):
        chosen.append(F)
        product *= F.p
        if product > joint.height:
            return tuple(chosen)
    raise TooLarge(f"coefficients of up to {joint.height.bit_length():,} bits need more than {_MOST_PRIMES} primes")


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


def _agree(left: Expression, right: Expression, values: Values, freivalds: bool, rng: np.random.Generator) -> bool:
    ring = values.ring
    if not freivalds:
        L, R = np.asarray(entries(left, values)), np.asarray(entries(right, values))
        return next(_indices(L, R), None) is None
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
    functions: tuple[str, ...],
    freivalds: bool,
    rng: np.random.Generator,
    shown: Shown,
) -> Counterexample:
    """Small integer matrices that tell the sides apart; residues are integers too, so those found serve if nothing else does."""
    if any(name.startswith("conj(") for name in (*shapes, *functions)):
        return _complex_difference(left, right, shapes, sizes, functions, rng, shown)
    small = (
        {name: np.asarray(rng.integers(0, top, shape), np.uint64) for name, shape in shapes.items()}
        for top in (2, 2, 2, 3, 4, 4, 10, 100)
    )
    degrees = _DEGREES if functions else (0,)
    for degree, arrays in ((degree, arrays) for arrays in (*small, residues) for degree in degrees):
        maps = {name: Polynomial(tuple(map(int, rng.integers(0, 3, degree + 1)))) for name in functions}
        values = Values(F, arrays, {name: map_.over(F) for name, map_ in maps.items()})
        try:
            found = _locate_columns(left, right, values, F, rng) if freivalds else _locate(left, right, values)
        except Singular:
            continue
        if found is not None:
            exact = {name: array.astype(object) for name, array in arrays.items()}
            if maps or any(map(holds_inverse, (left, right, *shown.values()))):
                difference = _exact_difference(left, right, sizes, exact, shown, maps)
                if difference is not None:
                    return difference
                continue
            L, R = (_exact_entry(side, found, exact) for side in (left, right))
            matrices = _matrices(shown, Values(Objects(), exact, {}))
            return Counterexample(plain_sizes(sizes), matrices, "", found, L, R)
    raise Undecided("the sides differ for a random function, but no polynomial was found that tells them apart")


def _complex_difference(
    left: Expression,
    right: Expression,
    shapes: Shapes,
    sizes: Mapping[str, int],
    functions: tuple[str, ...],
    rng: np.random.Generator,
    shown: Shown,
) -> Counterexample:
    """Gaussian integers that tell the sides apart: entries and their conjugates are independent, so almost all of them do."""
    names = sorted({name.removeprefix("conj(").removesuffix(")") for name in functions})
    for top, degree in product((2, 2, 4, 10, 100, 10**6), _DEGREES if names else (0,)):
        maps = {}
        for name in names:
            pairs = [(int(a), int(b)) for a, b in rng.integers(0, 3, (degree + 1, 2))]
            maps[name] = Polynomial(tuple(QQ_I(a, b) for a, b in pairs))
            maps[f"conj({name})"] = Polynomial(tuple(QQ_I(a, -b) for a, b in pairs))
        try:
            found = _exact_difference(left, right, sizes, _gaussian(shapes, top, rng), shown, maps)
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
        residue = int(_entry(node, index, values)) * limit.denominator % F.p
        value += modulus * ((residue - value) * pow(modulus, -1, F.p) % F.p)
        modulus *= F.p
    numerator = value - modulus if value > modulus // 2 else value
    return _number(Fraction(numerator, limit.denominator))


def _entry(node: Expression, index: tuple[int, ...], values: Values) -> Any:
    if node.ndim == 2 and len(index) == 2 and prod(node.shape) > _FORMED:
        unit = np.zeros((node.shape[0], 1), np.uint64)
        unit[index[0]] = 1
        return apply(node.T, unit, values)[index[1], 0]
    return np.asarray(entries(node, values)).reshape(-1)[_flat(node, index)]


def _flat(node: Expression, index: tuple[int, ...]) -> int:
    """Place in reading order; for columns, rows and scalars the same whichever way they are written."""
    if len(index) != node.ndim or node.ndim < 2:
        return sum(index)
    return int(np.ravel_multi_index(index, tuple(map(int, node.shape))))


def _locate(left: Expression, right: Expression, values: Values) -> tuple[int, ...] | None:
    found = next(_indices(np.asarray(entries(left, values)), np.asarray(entries(right, values))), None)
    return None if found is None else found[0]


def _locate_columns(
    left: Expression, right: Expression, values: Values, F: PrimeField, rng: np.random.Generator
) -> tuple[int, ...] | None:
    """First row in which the sides act differently on a random vector, then its first entry that differs."""
    z = F.random(rng, (left.shape[1], 1))
    rows = np.flatnonzero(apply(left, z, values)[:, 0] != apply(right, z, values)[:, 0])
    if rows.size == 0:
        return None
    unit = np.zeros((left.shape[0], 1), np.uint64)
    unit[rows[0]] = 1
    L, R = apply(left.T, unit, values)[:, 0], apply(right.T, unit, values)[:, 0]
    return int(rows[0]), int(np.flatnonzero(L != R)[0])
