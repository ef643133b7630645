"""Proofs for all sizes: entry (i, j) of an expression as a sum of products of entries of its variables, with sizes as symbols.

An index of a dimension of size S·C is a pair of digits s + S·c in mixed radix: a bijection, so division and remainder never
appear. A product sums over fresh digits; identities and commutation matrices are Kronecker deltas between digits, which
collapse the sums. Two sides with the same normal form are equal for all positive sizes. The converse does not hold: different
normal forms prove nothing, and a counterexample must be found at given sizes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce, singledispatch
from itertools import count, permutations
from math import prod
from typing import Any

import sympy as sp

from ..claims import Undecided
from ..language.expressions import Expression, Product, Scaled, Size, Sum, Variable, same_shape, same_size
from ..language.structures import (
    Commuted,
    Entrywise,
    Identity,
    Kron,
    Map,
    Ones,
    Rearranged,
    Slicewise,
    Sparse,
    Trace,
    Unvec,
    Vec,
)

__all__ = ["equal_for_all_sizes"]

_labels = count()
#: Beyond these the normal form would take too long: products of sums, and the orders of digits summed over.
_MOST_TERMS, _MOST_BOUND = 500, 7


@dataclass(frozen=True, order=True)
class Digit:
    """One digit of an index; ``bound`` ones are summed over."""

    label: int
    size: Size = field(compare=False)
    bound: bool = field(compare=False, default=False)


Index = tuple[Digit, ...]  # most significant first; digits of size 1 are left out
Radices = tuple[Size, ...]


@dataclass(frozen=True)
class Entry:
    """name[indices]."""

    name: str
    indices: tuple[Index, ...]

    def renamed(self, new: Mapping[Digit, Digit]) -> Entry:
        return replace(self, indices=tuple(tuple(new.get(d, d) for d in index) for index in self.indices))

    def digits(self) -> set[Digit]:
        return {d for index in self.indices for d in index}

    def __str__(self) -> str:
        return f"{self.name}{[[d.label for d in index] for index in self.indices]}"


@dataclass(frozen=True)
class Image:
    """φ(a sum of terms)."""

    name: str
    terms: tuple[Term, ...]

    def renamed(self, new: Mapping[Digit, Digit]) -> Image:
        return Image(self.name, tuple(term.renamed(new) for term in self.terms))

    def digits(self) -> set[Digit]:
        return {d for term in self.terms for d in term.digits() - term.bound}

    def __str__(self) -> str:
        return f"{self.name}({sorted(_collected(self.terms).items())})"


@dataclass(frozen=True)
class Term:
    """coefficient · Σ over ``bound`` of Π atoms · Π δ(pairs)."""

    coefficient: Any = 1
    atoms: tuple[Entry | Image, ...] = ()
    deltas: tuple[tuple[Digit, Digit], ...] = ()
    bound: frozenset[Digit] = frozenset()

    def __mul__(self, other: Term) -> Term:
        return Term(
            self.coefficient * other.coefficient,
            self.atoms + other.atoms,
            self.deltas + other.deltas,
            self.bound | other.bound,
        )

    def digits(self) -> set[Digit]:
        return {d for atom in self.atoms for d in atom.digits()} | {d for pair in self.deltas for d in pair}

    def renamed(self, new: Mapping[Digit, Digit]) -> Term:
        return Term(
            self.coefficient,
            tuple(atom.renamed(new) for atom in self.atoms),
            tuple((new.get(i, i), new.get(j, j)) for i, j in self.deltas),
            frozenset(new.get(d, d) for d in self.bound),
        )


def equal_for_all_sizes(left: Expression, right: Expression) -> bool:
    """Whether both sides have the same normal form; sizes are integers or positive integer SymPy symbols.

    Raises
    ------
    Undecided
        If an index cannot be split into the digits that an expression needs.

    Examples
    --------
    >>> from kronmix.symbolic.language.building import SizeSymbol
    >>> from kronmix.symbolic.language.expressions import Variable
    >>> S, C = SizeSymbol("S"), SizeSymbol("C")
    >>> X = Variable("X", (S, C))
    >>> equal_for_all_sizes(km.commutation(S, C) @ km.vec(X), km.vec(X.T))
    True
    """
    if not same_shape(left.shape, right.shape):
        return False
    indices = [_fresh(_refined(_radices(left, axis), _radices(right, axis)), bound=False) for axis in range(left.ndim)]
    difference = _collected((*_terms(left, indices), *(_scaled(t, -1) for t in _terms(right, indices))))
    return all(coefficient == 0 for coefficient in difference.values())


# ---- digits ----------------------------------------------------------------------------------------------------------


def _fresh(radices: Radices, bound: bool = True) -> Index:
    return tuple(Digit(next(_labels), size, bound) for size in radices)


def _refined(*lists: Iterable[Size]) -> Radices:
    """Coarsest digits of which the digits of every list are composed."""
    return reduce(_refine, (tuple(s for s in sizes if s != 1) for sizes in lists))


def _refine(x: Radices, y: Radices) -> Radices:
    out: list[Size] = []
    while x and y:
        (a, *x_rest), (b, *y_rest) = x, y
        if same_size(a, b):
            out, x, y = [*out, a], tuple(x_rest), tuple(y_rest)
        elif (quotient := _quotient(a, b)) is not None:
            out, x, y = [*out, b], (quotient, *x_rest), tuple(y_rest)
        elif (quotient := _quotient(b, a)) is not None:
            out, x, y = [*out, a], tuple(x_rest), (quotient, *y_rest)
        else:
            raise Undecided(f"an index of size {a} cannot be split into digits of sizes {b}, …")
    return (*out, *x, *y)


def _quotient(a: Size, b: Size) -> Size | None:
    """a/b where it is a product of sizes."""
    q = sp.cancel(sp.sympify(a) / b)
    return q if sp.denom(q) == 1 and not q.is_Add else None


def _split(index: Index, sizes: Iterable[Size]) -> list[Index]:
    """Consecutive groups of digits, of these sizes together."""
    groups, rest = [], list(index)
    for size in sizes:
        group: list[Digit] = []
        while not same_size(reduce(lambda n, d: n * d.size, group, 1), size):
            if not rest:
                raise Undecided(f"an index cannot be split into digits of sizes {tuple(sizes)}")
            group.append(rest.pop(0))
        groups.append(tuple(group))
    return groups


@singledispatch
def _radices(node: Any, axis: int) -> Radices:
    """Digits that the index of an axis of an expression is made of."""
    return (node.shape[axis],)


@_radices.register
def _(node: Product, axis: int) -> Radices:
    return _radices(node.left, 0) if axis == 0 and node.left.ndim == 2 else _radices(node.right, node.right.ndim - 1)


@_radices.register(Sum)
@_radices.register(Entrywise)
def _(node: Sum | Entrywise, axis: int) -> Radices:
    return _refined(*(_radices(part, axis) for part in node.parts))


@_radices.register
def _(node: Scaled, axis: int) -> Radices:
    return _radices(node.matrix, axis)


@_radices.register
def _(node: Map, axis: int) -> Radices:
    return _radices(node.matrix, axis)


@_radices.register
def _(node: Commuted, axis: int) -> Radices:
    return (node.S, node.C) if axis == 0 else (node.C, node.S)


@_radices.register
def _(node: Kron, axis: int) -> Radices:
    return _radices(node.left, axis) + _radices(node.right, axis)


@_radices.register
def _(node: Vec, axis: int) -> Radices:
    return _radices(node.matrix, 1) + _radices(node.matrix, 0)


@_radices.register
def _(node: Unvec, axis: int) -> Radices:
    S, C = node.sizes
    digits = _refined(_radices(node.vector, 0), (C, S))
    columns, rows = _split(_fresh(digits), (C, S))
    return tuple(d.size for d in (rows if (axis == 0) != node.flipped else columns))


@_radices.register
def _(node: Rearranged, axis: int) -> Radices:
    (mA, nA), (mB, nB) = node.left, node.right
    return (nA, mA) if (axis == 0) != node.flipped else (nB, mB)


@_radices.register
def _(node: Sparse, axis: int) -> Radices:
    a, b, c, d = node.pattern
    middle, values_axis = (b, 2) if (axis == 0) != node.flipped else (c, 3)
    parts = ((a, 0), (middle, values_axis), (d, 1))
    return tuple(r for size, k in parts for r in _refined((size,), _values_radices(node, k, size)))


def _values_radices(node: Sparse, axis: int, size: Size) -> Radices:
    """Digits of an axis of the values (a, d, b, c); a matrix of values is shared over a and d."""
    shared = node.values.ndim == 2 and axis < 2
    own = axis - 2 if node.values.ndim == 2 else axis
    return (size,) if shared or node.values.shape[own] == 1 else _radices(node.values, own)


@_radices.register
def _(node: Slicewise, axis: int) -> Radices:
    return ((node.a,), (node.d,), (node.b, node.beta), (node.kappa, node.c))[axis]


# ---- entries ---------------------------------------------------------------------------------------------------------


@singledispatch
def _terms(node: Any, at: list[Index]) -> list[Term]:
    """The entry at these indices."""
    raise Undecided(f"{node}: no formula for entries of a {type(node).__name__} at all sizes")


def _equal(i: Index, j: Index) -> Term:
    """δ(i, j), digit by digit."""
    digits = _refined([d.size for d in i], [d.size for d in j])
    if len(digits) != len(i) or len(digits) != len(j):
        raise Undecided("a Kronecker delta between indices of different digits")
    return Term(deltas=tuple(zip(i, j, strict=True)))


def _times(*factors: list[Term]) -> list[Term]:
    if prod(map(len, factors)) > _MOST_TERMS:
        raise Undecided(f"an entry has more than {_MOST_TERMS} terms")
    return reduce(lambda x, y: [s * t for s in x for t in y], factors, [Term()])


def _scaled(term: Term, number: Any) -> Term:
    return replace(term, coefficient=term.coefficient * number)


@_terms.register
def _(node: Variable, at: list[Index]) -> list[Term]:
    return [Term(atoms=(Entry(node.name, tuple(reversed(at) if node.flipped else at)),))]


@_terms.register
def _(node: Ones, at: list[Index]) -> list[Term]:
    return [Term()]


@_terms.register
def _(node: Identity, at: list[Index]) -> list[Term]:
    return [_equal(*at)]


@_terms.register
def _(node: Commuted, at: list[Index]) -> list[Term]:
    """K[(s, c), (c', s')] = δ(s, s') δ(c, c')."""
    (s, c), (c_, s_) = _split(at[0], (node.S, node.C)), _split(at[1], (node.C, node.S))
    return [_equal(s, s_) * _equal(c, c_)]


@_terms.register
def _(node: Sum, at: list[Index]) -> list[Term]:
    return [_scaled(t, sp.Rational(c.numerator, c.denominator)) for c, part in node.terms for t in _terms(part, at)]


@_terms.register
def _(node: Scaled, at: list[Index]) -> list[Term]:
    return _times(_terms(node.scalar, []), _terms(node.matrix, at))


@_terms.register
def _(node: Entrywise, at: list[Index]) -> list[Term]:
    return _times(_terms(node.left, at), _terms(node.right, at))


@_terms.register
def _(node: Product, at: list[Index]) -> list[Term]:
    left, right = node.left, node.right
    k = _fresh(_refined(_radices(left, left.ndim - 1), _radices(right, 0)))
    rows, columns = at[: left.ndim - 1], at[left.ndim - 1 :]
    return _times([Term(bound=frozenset(k))], _terms(left, [*rows, k]), _terms(right, [k, *columns]))


@_terms.register
def _(node: Trace, at: list[Index]) -> list[Term]:
    k = _fresh(_refined(_radices(node.matrix, 0), _radices(node.matrix, 1)))
    return _times([Term(bound=frozenset(k))], _terms(node.matrix, [k, k]))


@_terms.register
def _(node: Kron, at: list[Index]) -> list[Term]:
    (i, p), (j, q) = (_split(at[axis], (node.left.shape[axis], node.right.shape[axis])) for axis in (0, 1))
    return _times(_terms(node.left, [i, j]), _terms(node.right, [p, q]))


@_terms.register
def _(node: Vec, at: list[Index]) -> list[Term]:
    rows, columns = node.matrix.shape
    j, i = _split(at[0], (columns, rows))
    return _terms(node.matrix, [i, j])


@_terms.register
def _(node: Unvec, at: list[Index]) -> list[Term]:
    i, j = reversed(at) if node.flipped else at
    return _terms(node.vector, [(*j, *i)])


@_terms.register
def _(node: Rearranged, at: list[Index]) -> list[Term]:
    (mA, nA), (mB, nB) = node.left, node.right
    row, column = reversed(at) if node.flipped else at
    (jA, iA), (jB, iB) = _split(row, (nA, mA)), _split(column, (nB, mB))
    return _terms(node.matrix, [(*iA, *iB), (*jA, *jB)])


@_terms.register
def _(node: Sparse, at: list[Index]) -> list[Term]:
    """X[(a, b, d), (a', c, d')] = δ(a, a') δ(d, d') values[a, d, b, c] (T9)."""
    a, b, c, d = node.pattern
    row, column = reversed(at) if node.flipped else at
    (ia, ib, id_), (ja, jc, jd) = _split(row, (a, b, d)), _split(column, (a, c, d))
    if node.values.ndim == 2:
        value = _terms(node.values, [ib, jc])
    else:
        where = zip((ia, id_, ib, jc), node.values.shape, strict=True)
        value = _terms(node.values, [() if size == 1 else index for index, size in where])
    return _times([_equal(ia, ja) * _equal(id_, jd)], value)


@_terms.register
def _(node: Slicewise, at: list[Index]) -> list[Term]:
    """values[a, d, (b, β), (κ, c)] = Σ_r U[a, (β, d), b, (κ, r)] V[(a, κ), d, (r, β), c] (T11)."""
    a, d, row, column = at
    (b, β), (κ, c) = _split(row, (node.b, node.beta)), _split(column, (node.kappa, node.c))
    r = _fresh(_refined((node.r,)))
    U = _terms(node.left, [a, (*β, *d), b, (*κ, *r)])
    V = _terms(node.right, [(*a, *κ), d, (*r, *β), c])
    return _times([Term(bound=frozenset(r))], U, V)


@_terms.register
def _(node: Map, at: list[Index]) -> list[Term]:
    return [Term(atoms=(Image(node.name, tuple(_terms(node.matrix, at))),))]


# ---- normal form -----------------------------------------------------------------------------------------------------


def _collected(terms: Iterable[Term]) -> dict[str, Any]:
    """Coefficients of the distinct normal forms."""
    total: dict[str, Any] = defaultdict(lambda: sp.Integer(0))
    for term in terms:
        coefficient, form = _normal(term)
        total[form] = sp.expand(total[form] + coefficient)
    return {form: c for form, c in total.items() if c != 0}


def _normal(term: Term) -> tuple[Any, str]:
    """Collapse the deltas, sum out digits that nothing depends on, and name the bound digits in the first order of all."""
    kept: set[tuple[Digit, Digit]] = set()
    pending = list(term.deltas)
    while pending:
        i, j = sorted(pending.pop())
        if i == j:
            continue
        gone, stays = (i, j) if i in term.bound and j not in term.bound else (j, i)
        if gone not in term.bound:  # δ(i, j) of two free digits stays, and everything is written in the first of them
            kept.add((stays, gone))
        new = {gone: stays}
        atoms = tuple(atom.renamed(new) for atom in term.atoms)
        pending = [(new.get(p, p), new.get(q, q)) for p, q in pending]
        kept = {pair if pair == (stays, gone) else _ordered(pair, new) for pair in kept}
        term = Term(term.coefficient, atoms, (), term.bound - {gone})
    used = {d for atom in term.atoms for d in atom.digits()}
    coefficient = term.coefficient
    for digit in term.bound - used:
        coefficient *= digit.size
    bound = sorted(term.bound & used)
    if len(bound) > _MOST_BOUND:
        raise Undecided(f"an entry sums over more than {_MOST_BOUND} indices")
    deltas = sorted((i.label, j.label) for i, j in kept if i != j)
    # Inside φ(…) a free digit may carry the name of an outer sum: names of this sum lie below those of all free digits.
    free = {d.label for d in used - term.bound} | {label for pair in deltas for label in pair}
    below = min(free, default=0)
    return coefficient, f"{min(_written(term.atoms, order, min(below, 0)) for order in permutations(bound))} {deltas}"


def _ordered(pair: tuple[Digit, Digit], new: Mapping[Digit, Digit]) -> tuple[Digit, Digit]:
    i, j = sorted(new.get(d, d) for d in pair)
    return i, j


def _written(atoms: tuple[Entry | Image, ...], order: tuple[Digit, ...], below: int) -> str:
    """The atoms with bound digit number k called below − 1 − k."""
    names = {d: Digit(below - 1 - k, d.size) for k, d in enumerate(order)}
    return f"{sorted(str(atom.renamed(names)) for atom in atoms)} {[d.size for d in order]}"
