"""Do two expressions agree? Entry by entry with symbols, or at random points modulo primes near 2⁶¹."""

from __future__ import annotations

from functools import reduce
from itertools import islice
from math import prod

import numpy as np

from ..claims import Outcome, Proof, Undecided
from .bounds import Bound, arguments, bound, dimensions, values_of_functions
from .counterexamples import difference_in_symbols, first_place, integer_difference, places_apart, unformed
from .evaluation import MAX_ENTRIES, Array, NotPolynomial, Objects, Singular, TooLarge, Values, entries
from .finite_field import PrimeField, prime_fields
from .polynomials import entries as variables
from .sides import Sides

__all__ = ["compare_entries", "compare_residues"]

#: Longest vector on the way.
MAX_DIMENSION = 2**21
#: Most primes taken, so that no coefficient vanishes modulo all of them.
_MOST_PRIMES = 64
#: Wanted bound on the probability that random testing accepts a false identity.
ERROR_PROBABILITY = 1e-15
#: Points drawn before every one is taken to make some matrix singular.
_DRAWS = 8


def compare_entries(sides: Sides) -> Outcome:
    """Expand both sides into polynomials in the entries of all variables; exact.

    Raises
    ------
    Undecided
        If an entry is no polynomial.
    """
    if (shape := sides.differing_shapes()) is not None:
        return shape
    symbols = variables(**sides.shapes) if sides.shapes else {}
    one = next(iter(symbols.values())).flat[0].ring.one if symbols else 1
    values = Values(Objects(one), symbols, {})
    try:
        L, R = entries(sides.left, values), entries(sides.right, values)
    except NotPolynomial as reason:
        raise Undecided(str(reason)) from None
    differing = next(places_apart(L, R), None)
    if differing is None:
        return Proof("", "all entries expand to the same polynomial")
    _, a, b = differing
    return difference_in_symbols(sides, a - b, symbols)


def compare_residues(sides: Sides, seed: int = 0, largest_error: float = ERROR_PROBABILITY) -> Outcome:
    """Compare at random points modulo enough primes; large matrices by their action on a random vector.

    An entrywise function is a random function, the same on both sides, whose values are drawn when they are asked for.

    Raises
    ------
    TooLarge
        If vectors on the way would be too long, or coefficients need too many primes.
    Undecided
        If a matrix whose inverse is asked for is singular at every point drawn.
    """
    if (shape := sides.differing_shapes()) is not None:
        return shape
    for name, declared in sides.shapes.items():
        if prod(declared) > MAX_ENTRIES:
            raise TooLarge(f"{name} has {prod(declared):,} entries, more than {MAX_ENTRIES:,}")
    for side in (sides.left, sides.right):
        if (largest := dimensions(side)) > MAX_DIMENSION:
            raise TooLarge(f"{str(side)[:60]} goes through {largest:,} dimensions, more than {MAX_DIMENSION:,}")
    joint = bound(sides.left) + bound(sides.right)
    if unformed(sides):
        joint = joint * Bound(degree=1, height=int(sides.left.shape[1]))
    fields = _enough(joint)
    # A point that makes no determinant vanish is one of at least (1 − q/p) of all.
    chance = (joint.degree + _collisions(sides)) / (min(F.p for F in fields) - joint.determinant_degree)
    if chance >= 0.5:
        raise TooLarge("functions are applied to too many entries")
    trials = 1
    while chance**trials >= largest_error:
        trials += 1
    rng = np.random.default_rng(seed)
    for F in fields:
        for _ in range(trials):
            arrays, found = _drawn(sides, F, rng)
            if not found:
                return integer_difference(sides, F, arrays, rng)
    many = f"{len(fields)} prime{'s' * (len(fields) > 1)} near 2⁶¹"
    if joint.degree == 0:
        return Proof("", f"equal modulo {many}, which no entry reaches: certain", chance**trials)
    doubt = f"degree {joint.degree}: wrong with probability below {chance**trials:.0e}"
    return Proof("", f"random matrices modulo {many}, {doubt}", chance**trials)


def _drawn(sides: Sides, F: PrimeField, rng: np.random.Generator) -> tuple[dict[str, Array], bool]:
    """A random point at which all inverses exist, and whether the sides agree there."""
    for _ in range(_DRAWS):
        arrays = {name: F.random(rng, shape) for name, shape in sides.shapes.items()}
        values = Values(F, arrays, {name: RandomFunction(F, rng) for name in sides.functions})
        try:
            return arrays, first_place(sides, values, rng) is None
        except Singular:
            continue
    raise Undecided("an inverse does not exist at any point drawn")


def _collisions(sides: Sides) -> int:
    """The degree of the product of all differences of the arguments that an entry depends on: unless it vanishes, the values
    are independent, and an entry that differs for some functions is a polynomial in them that is not zero.

    Raises
    ------
    TooLarge
        If such a difference might vanish modulo a prime.
    """
    found = [*arguments(sides.left), *arguments(sides.right)]
    if not found:
        return 0
    together = reduce(lambda x, y: x + y, (limit for _, limit in found))
    if 2 * together.height >= 2**60:
        raise TooLarge("the arguments of functions have coefficients that are too long")
    together_asked = values_of_functions(sides.left) + values_of_functions(sides.right)
    count = min(together_asked, sum(entries_ for entries_, _ in found))
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
