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
from ..language.expressions import (
    Constant,
    Expression,
    Number,
    Ones,
    Product,
    Scaled,
    Sum,
    Trace,
    Unvec,
    Variable,
    equal_expressions,
    written_form,
)
from ..language.sizes import Size, product_of, same_size
from ..language.structures import (
    Blocks,
    Commuted,
    Diagonal,
    DiagonalOf,
    Entrywise,
    Identity,
    Inverse,
    KhatriRao,
    Kron,
    Map,
    RangeIndex,
    RangeSum,
    Rearranged,
    Regrouped,
    Slice,
    Slicewise,
    Sparse,
    Vec,
)
from .inverses import without_inverses
from .normal_form import (
    Digit,
    Entry,
    Facts,
    Image,
    Index,
    NeedsDigits,
    Part,
    Term,
    collected,
    fresh_digit,
    quotient,
)
from .outcomes import differing_shapes
from .radices import alternatives, radices, refined, split_at, sums_over

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
    if differing_shapes(left, right, {}, {}) is not None:
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


def _times(*factors: list[Term]) -> list[Term]:
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
    return _times([Term(bound=frozenset((k,)))], terms)


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
    terms = [_scaled(t, sp.Rational(c.numerator, c.denominator)) for c, part in node.terms for t in _terms(part, at)]
    return _times(terms)


@_terms.register
def _(node: Scaled, at: list[Index]) -> list[Term]:
    return _times(_terms(node.scalar, []), _terms(node.matrix, at))


@_terms.register
def _(node: Entrywise, at: list[Index]) -> list[Term]:
    return _times(_terms(node.left, at), _terms(node.right, at))


@_terms.register
def _(node: Product, at: list[Index]) -> list[Term]:
    left, right = node.left, node.right
    rows, columns = at[: left.ndim - 1], at[left.ndim - 1 :]
    found: list[Term] = []
    for k, summed in sums_over(refined(radices(left, left.ndim - 1), radices(right, 0))):
        found += _times([summed], _terms(left, [*rows, k]), _terms(right, [k, *columns]))
    return _times(found)


@_terms.register
def _(node: Trace, at: list[Index]) -> list[Term]:
    found: list[Term] = []
    for k, summed in sums_over(refined(radices(node.matrix, 0), radices(node.matrix, 1))):
        found += _times([summed], _terms(node.matrix, [k, k]))
    return found


@_terms.register
def _(node: Kron, at: list[Index]) -> list[Term]:
    (i, p), (j, q) = (_split(at[axis], (node.left.shape[axis], node.right.shape[axis])) for axis in (0, 1))
    return _times(_terms(node.left, [i, j]), _terms(node.right, [p, q]))


@_terms.register
def _(node: KhatriRao, at: list[Index]) -> list[Term]:
    row, j = reversed(at) if node.flipped else at
    i, p = _split(row, (node.left.shape[0], node.right.shape[0]))
    return _times(_terms(node.left, [i, j]), _terms(node.right, [p, j]))


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
def _(node: Regrouped, at: list[Index]) -> list[Term]:
    by_name: dict[str, Index] = {}
    for group, index in zip(node.wanted, at, strict=True):
        by_name |= zip(group, _split(index, tuple(node.sizes[name] for name in group)), strict=True)
    return _terms(node.matrix, [tuple(d for name in group for d in by_name[name]) for group in node.given])


@_terms.register
def _(node: Diagonal, at: list[Index]) -> list[Term]:
    return _times([_equal(*at)], _terms(node.vector, [at[0]]))


@_terms.register
def _(node: DiagonalOf, at: list[Index]) -> list[Term]:
    return _terms(node.matrix, [at[0], at[0]])


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
    ((r, summed),) = sums_over(refined((node.r,)))
    U = _terms(node.left, [a, (*β, *d), b, (*κ, *r)])
    V = _terms(node.right, [(*a, *κ), d, (*r, *β), c])
    return _times([summed], U, V)


@_terms.register
def _(node: Map, at: list[Index]) -> list[Term]:
    return [Term(atoms=(Image(node.name, tuple(_terms(node.matrix, at))),))]
