"""Proofs for all sizes: entry (i, j) of an expression as a sum of products of entries of its variables, with sizes as symbols.

An index of a dimension of size S·C is a pair of digits s + S·c in mixed radix: a bijection, so division and remainder never
appear. A product sums over fresh digits; identities and commutation matrices are Kronecker deltas between digits, which
collapse the sums (``normal_form.py``). An index of a dimension of size S + C, of a block-diagonal matrix, lies in one block or
the other: both cases are compared, and a sum is the sum of both. Two sides with the same normal form are equal for all positive
sizes. The converse does not hold: different normal forms prove nothing, and a counterexample must be found at given sizes.

An example: ``vec(W @ X) == kron(eye(C), W) @ vec(X)``. Both sides have one axis, of size S·C, with digits c (slower) and s. On
the left, entry (c, s) of vec is entry [s, c] of W @ X, that is Σ_k W[s, k] X[k, c]. On the right the product sums over digits
(c', s'): Σ_c' Σ_s' δ(c, c') W[s, s'] X[s', c'], since an entry of a Kronecker product is the product of entries. The delta
collapses the sum over c' and leaves Σ_s' W[s, s'] X[s', c]. With the digit that is summed over called b0, both are
``W[s, b0] X[b0, c]``:

>>> from kronmix.symbolic.language.building import eye
>>> from kronmix.symbolic.language.sizes import SizeSymbol
>>> from kronmix.symbolic.language.expressions import Variable
>>> S, C = SizeSymbol("S"), SizeSymbol("C")
>>> W, X = Variable("W", (S, S)), Variable("X", (S, C))
>>> differences(km.vec(W @ X), km.kron(eye(C), W) @ km.vec(X))
{}
>>> list(differences(km.vec(W @ X), km.kron(eye(C), W.T) @ km.vec(X)).values())
[1, -1]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce, singledispatch
from itertools import product as combinations
from math import prod
from typing import Any

import sympy as sp

from ..claims import Undecided
from ..language.contractions import Contraction
from ..language.expressions import (
    Constant,
    Expression,
    Number,
    Sum,
    Variable,
    equal_expressions,
    written_form,
)
from ..language.hypotheses import Facts
from ..language.sizes import Size, product_of, same_size
from ..language.structures import Blocks, Inverse, Map, RangeIndex, RangeSum, Slice
from .inverses import without_inverses
from .normal_form import collected
from .radices import alternatives, digit_radices, radices, refined, split_at, sums_over
from .sides import Sides
from .terms import Digit, Entry, Image, Index, NeedsDigits, Part, Term, fresh_digit, quotient

__all__ = ["differences", "equal_for_all_sizes"]

#: Beyond this the normal form would take too long: terms of products of sums.
_MOST_TERMS = 2000
#: Times that free indices are split further.
_MOST_SPLITS = 24


def equal_for_all_sizes(left: Expression, right: Expression, facts: Facts = Facts()) -> bool:  # noqa: B008 (frozen)
    """Whether both sides have the same normal form; sizes are integers or positive integer SymPy symbols.

    Raises
    ------
    Undecided
        If an index cannot be split into the digits that an expression needs, or the form would be too long.

    Examples
    --------
    >>> from kronmix.symbolic.language.sizes import SizeSymbol
    >>> from kronmix.symbolic.language.expressions import Variable
    >>> S, C = SizeSymbol("S"), SizeSymbol("C")
    >>> X = Variable("X", (S, C))
    >>> equal_for_all_sizes(km.commutation(S, C) @ km.vec(X), km.vec(X.T))
    True
    """
    if not Sides(left, right).fit:
        return False
    return equal_expressions(left, right) or not differences(left, right, facts)


def differences(left: Expression, right: Expression, facts: Facts = Facts()) -> dict[str, Any]:  # noqa: B008 (frozen)
    """Normal forms that left − right has at some sizes, with their coefficients, polynomials in the sizes."""
    left, right = without_inverses(left), without_inverses(right)
    facts = facts | inverse_facts(left, right, facts)
    ndim = max(left.ndim, right.ndim)
    axes = [refined(*(radices(side, axis) for side in (left, right) if axis < side.ndim)) for axis in range(ndim)]
    for _ in range(_MOST_SPLITS):
        try:
            found: dict[str, Any] = {}
            for number, indices in enumerate(combinations(*(alternatives(r, (k,)) for k, r in enumerate(axes)))):
                terms = [*_terms(left, list(indices[: left.ndim]))]
                terms += [_scaled(t, -1) for t in _terms(right, list(indices[: right.ndim]))]
                difference = collected(terms, facts)
                found |= {f"{number}: {form}": c for form, c in difference.items()}
            return found
        except NeedsDigits as need:
            axis, *path = need.digit.path
            axes[axis] = split_at(axes[axis], path, need.radices)
    raise Undecided("an index had to be split too often")


def _split(index: Index, sizes: Iterable[Size]) -> list[Index]:
    """Consecutive groups of digits, of these sizes together."""
    groups, rest = [], list(index)
    for size in sizes:
        group: list[Any] = []
        while not same_size(product_of(d.size for d in group), size):
            if not rest:
                raise Undecided(f"an index cannot be split into digits of sizes {tuple(sizes)}")
            digit = rest.pop(0)
            have = product_of(d.size for d in group)
            if isinstance(digit, Digit) and digit.path and not same_size(digit.size * have, size):
                first, second = quotient(size, have), quotient(digit.size * have, size)
                if second is not None and first is not None and not same_size(first, 1):
                    raise NeedsDigits(digit, (first, second))
            group.append(digit)
        groups.append(tuple(group))
    return groups


# ---- entries ---------------------------------------------------------------------------------------------------------


@singledispatch
def _terms(node: Any, at: list[Index]) -> list[Term]:
    """The entry at these indices."""
    raise Undecided(f"{node}: no formula for entries of a {type(node).__name__} at all sizes")


def _equal(i: Index, j: Index) -> Term:
    """δ(i, j)."""
    return Term(deltas=((i, j),))


def _multiply_out(*factors: list[Term]) -> list[Term]:
    if prod(map(len, factors)) > _MOST_TERMS:
        raise Undecided(f"an entry has more than {_MOST_TERMS} terms")
    return reduce(lambda x, y: [s * t for s in x for t in y], factors, [Term()])


def _scaled(term: Term, number: Any) -> Term:
    return replace(term, coefficient=term.coefficient * number)


@_terms.register
def _(node: Variable, at: list[Index]) -> list[Term]:
    return [Term(atoms=(Entry(node.key, tuple(reversed(at) if node.flipped else at)),))]


@_terms.register
def _(node: Slice, at: list[Index]) -> list[Term]:
    where = node.index
    place: Index = (Digit(-1 - where.label, where.range_size),) if isinstance(where, RangeIndex) else ()
    name = node.stack.key if place else f"{node.stack.key}[{where}]"
    return [Term(atoms=(Entry(name, (place, *(reversed(at) if node.flipped else at))),))]


@_terms.register
def _(node: RangeSum, at: list[Index]) -> list[Term]:
    """A fresh digit in place of the index."""
    index, k = Digit(-1 - node.index.label, node.index.range_size), fresh_digit(node.index.range_size)
    terms = [term.renamed({index: (k,)}) for term in _terms(node.term, at)]
    return _multiply_out([Term(bound=frozenset((k,)))], terms)


@_terms.register
def _(node: Number, at: list[Index]) -> list[Term]:
    return [Term(node.value)]


@_terms.register
def _(node: Constant, at: list[Index]) -> list[Term]:
    """One number, or numbers that are all the same."""
    values = {sp.Rational(v.numerator, v.denominator) for v in map(_fraction, node.values.ravel())}
    if len(values) == 1:
        return [Term(values.pop())]
    raise Undecided(f"{str(node)[:40]}: no formula for the entries of given numbers at all sizes")


def _fraction(value: Any) -> Any:
    return value if hasattr(value, "denominator") else int(value)


@_terms.register
def _(node: Sum, at: list[Index]) -> list[Term]:
    terms = [_scaled(t, sp.Rational(c.numerator, c.denominator)) for c, part in node.terms for t in _terms(part, at)]
    return _multiply_out(terms)


@_terms.register
def _(node: Contraction, at: list[Index]) -> list[Term]:
    """Indices split into the digits of each axis, a fresh digit for each one that is summed, and the operands' entries there."""
    where: dict[str, Index] = {}
    equal = Term()
    for group, index in zip(node.axes, at, strict=True):
        for name, part in zip(group, _split(index, [node.digits[n] for n in group]), strict=True):
            equal = equal * _equal(where[name], part) if name in where else equal
            where.setdefault(name, part)
    found: list[Term] = []
    for chosen in combinations(*(sums_over(digit_radices(node, name)) for name in node.summed)):
        where |= zip(node.summed, (index for index, _ in chosen), strict=True)
        entries = [
            _terms(operand, [tuple(d for name in group for d in where[name]) for group in places])
            for operand, places in node.operands
        ]
        found += _multiply_out([equal], *([term] for _, term in chosen), *entries)
    return _multiply_out(found)


@_terms.register
def _(node: Blocks, at: list[Index]) -> list[Term]:
    """The entry of the block that both indices lie in, or 0."""
    if len(node.parts) == 1:
        return _terms(node.parts[0], at)
    (which, row), (other, column) = (_block(node, index, axis) for axis, index in enumerate(at))
    return _terms(node.parts[which], [row, column]) if which == other else []


def _block(node: Blocks, index: Index, axis: int) -> tuple[int, Index]:
    """Number of the block of ``node`` that an index lies in, and the index there."""
    if not index or not isinstance(index[0], Part):
        if len(index) == 1 and index[0].path:
            raise NeedsDigits(index[0], radices(node, axis))
        raise Undecided("an index is not split into the blocks of a block-diagonal matrix")
    part, rest, first = index[0], index[1:], 0
    times = product_of(d.size for d in rest)
    for number, size in enumerate(block.shape[axis] for block in node.parts):
        last, total = first, 0
        while last < len(part.sizes) and not same_size(total, size):
            total, last = total + part.sizes[last] * times, last + 1
        if first <= part.which < last:
            if last - first == 1:
                return number, (*part.digits, *rest)
            return number, (Part(part.which - first, part.sizes[first:last], part.digits), *rest)
        first = last
    raise Undecided("an index is split into blocks of other sizes than a block-diagonal matrix has")


@_terms.register
def _(node: Inverse, at: list[Index]) -> list[Term]:
    return [Term(atoms=(Entry(_inverse_name(node), tuple(reversed(at) if node.flipped else at)),))]


def _inverse_name(node: Inverse) -> str:
    """The same for inverses of matrices that are written alike."""
    if any(isinstance(index, RangeIndex) for index in _slice_indices(node)):
        raise Undecided("the inverse of a matrix that depends on the index of a sum")
    return f"inv({written_form(node.matrix)})"


def _slice_indices(node: Expression) -> list[Any]:
    own = [node.index] if isinstance(node, Slice) else []
    return own + [index for part in node.parts for index in _slice_indices(part)]


def inverse_facts(left: Expression, right: Expression, facts: Facts) -> Facts:
    """What contracts with inverses of variables, and which inverses are symmetric."""
    contractions, symmetric = set(), set()
    for node in (n for side in (left, right) for n in _inverses(side)):
        if isinstance(node.matrix, Variable):
            name, inverse = node.matrix.key, _inverse_name(node)
            contractions |= {(name, 1, inverse, 0), (inverse, 1, name, 0)}
            if name in facts.symmetric:
                symmetric.add(inverse)
    return Facts(frozenset(contractions), frozenset(symmetric))


def _inverses(node: Expression) -> list[Inverse]:
    own = [node] if isinstance(node, Inverse) else []
    return own + [found for part in node.parts for found in _inverses(part)]


@_terms.register
def _(node: Map, at: list[Index]) -> list[Term]:
    return [Term(atoms=(Image(node.name, tuple(_terms(node.matrix, at))),))]
