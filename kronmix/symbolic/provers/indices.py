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
from dataclasses import dataclass, replace
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
from .comparison import differing_shapes
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
    digits_of,
    fresh_digit,
    quotient,
)

__all__ = ["differences", "equal_for_all_sizes"]

#: Beyond this the normal form would take too long: terms of products of sums.
_MOST_TERMS = 2000
#: Times that free indices are split further.
_MOST_SPLITS = 24


@dataclass(frozen=True)
class Union:
    """A digit that lies in one of several blocks, each with digits of its own."""

    sizes: tuple[Size, ...]
    blocks: tuple[tuple[Any, ...], ...]

    @property
    def size(self) -> Size:
        return sum(self.sizes)


Radices = tuple[Any, ...]  # of sizes and unions


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
    axes = [_refined(*(_radices(side, axis) for side in (left, right) if axis < side.ndim)) for axis in range(ndim)]
    for _ in range(_MOST_SPLITS):
        try:
            found: dict[str, Any] = {}
            for number, indices in enumerate(combinations(*(_alternatives(r, (k,)) for k, r in enumerate(axes)))):
                terms = [*_terms(left, list(indices[: left.ndim]))]
                terms += [_scaled(t, -1) for t in _terms(right, list(indices[: right.ndim]))]
                difference = collected(terms, facts)
                found |= {f"{number}: {form}": c for form, c in difference.items()}
            return found
        except NeedsDigits as need:
            axis, *path = need.digit.path
            axes[axis] = _split_at(axes[axis], path, need.radices)
    raise Undecided("an index had to be split too often")


def _split_at(radices: Radices, path: list[int], into: Radices) -> Radices:
    """Radices with the digit at a path replaced."""
    place, *rest = path
    if rest:
        block, *inner = rest
        union = radices[place]
        blocks = list(union.blocks)
        blocks[block] = _split_at(blocks[block], inner, into)
        new: Radices = (replace(union, blocks=tuple(blocks)),)
    else:
        new = tuple(_as_union(r) if isinstance(r, Part) else r for r in into)
    return (*radices[:place], *new, *radices[place + 1 :])


def _as_union(part: Part) -> Union:
    return Union(part.sizes, tuple(() if size == 1 else (size,) for size in part.sizes))


# ---- digits ----------------------------------------------------------------------------------------------------------


def _alternatives(radices: Radices, path: tuple[int, ...] = ()) -> list[Index]:
    """Fresh digits of these radices, in every combination of blocks that they may lie in; free ones if they have a path."""
    choices: list[list[Any]] = []
    for place, radix in enumerate(radices):
        here = (*path, place) if path else ()
        if isinstance(radix, Union):
            choices.append(
                [
                    Part(k, radix.sizes, inner)
                    for k, block in enumerate(radix.blocks)
                    for inner in _alternatives(block, (*here, k) if here else ())
                ]
            )
        else:
            choices.append([fresh_digit(radix, here)])
    return [tuple(chosen) for chosen in combinations(*choices)]


def _summed(radices: Radices) -> list[tuple[Index, Term]]:
    """Indices to sum over, with the term that says so."""
    return [(index, Term(bound=frozenset(digits_of(index)))) for index in _alternatives(radices)]


def _size(radix: Any) -> Size:
    return radix.size if isinstance(radix, Union) else radix


def _refined(*lists: Iterable[Any]) -> Radices:
    """Coarsest digits of which the digits of every list are composed."""
    return reduce(_refine, (tuple(r for r in radices if _size(r) != 1) for radices in lists))


def _refine(x: Radices, y: Radices) -> Radices:
    out: list[Any] = []
    while x and y:
        (a, *x_rest), (b, *y_rest) = x, y
        m, n = _size(a), _size(b)
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
        first, last = _groups(block, (head, size))
        heads.append((head, first))
        tails.append(last)
    return Union(tuple(h for h, _ in heads), tuple(first for _, first in heads)), _refined(*tails)


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
        blocks.append(_refine(tuple(r for r in p if _size(r) != 1), tuple(r for r in q if _size(r) != 1)))
    return Union(tuple(sizes), tuple(blocks))


def _less(m: Size, n: Size) -> bool:
    """Whether m < n at all sizes, seen from coefficients."""
    difference = sp.expand(n - m)
    return difference != 0 and all(
        c > 0 for c in sp.Poly(difference, *difference.free_symbols or {sp.Symbol("_")}).coeffs()
    )


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
def _(node: RangeSum, axis: int) -> Radices:
    return _radices(node.term, axis)


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
def _(node: KhatriRao, axis: int) -> Radices:
    if (axis == 0) == node.flipped:
        return _refined(_radices(node.left, 1), _radices(node.right, 1))
    return _radices(node.left, 0) + _radices(node.right, 0)


@_radices.register
def _(node: Blocks, axis: int) -> Radices:
    parts = [(part.shape[axis], _radices(part, axis)) for part in node.parts]
    sizes: list[Size] = []
    blocks: list[Radices] = []
    for size, radices in parts:
        inner = [r for r in radices if _size(r) != 1]
        if len(inner) == 1 and isinstance(inner[0], Union):  # blocks of blocks
            sizes += inner[0].sizes
            blocks += inner[0].blocks
        else:
            sizes.append(size)
            blocks.append(tuple(inner))
    return (Union(tuple(sizes), tuple(blocks)),) if len(sizes) > 1 else blocks[0]


@_radices.register
def _(node: Vec, axis: int) -> Radices:
    return _radices(node.matrix, 1) + _radices(node.matrix, 0)


@_radices.register
def _(node: Unvec, axis: int) -> Radices:
    S, C = node.sizes
    columns, rows = _groups(_radices(node.vector, 0), (C, S))
    return rows if (axis == 0) != node.flipped else columns


def _groups(radices: Radices, sizes: tuple[Size, ...]) -> list[Radices]:
    """Radices that refine both these and those sizes, grouped by the sizes."""
    groups, rest = [], list(_refined(radices, sizes))
    for size in sizes:
        group: list[Any] = []
        while rest and not same_size(product_of(map(_size, group)), size):
            group.append(rest.pop(0))
        groups.append(tuple(group))
    return groups


@_radices.register
def _(node: Rearranged, axis: int) -> Radices:
    (mA, nA), (mB, nB) = node.left, node.right
    return (nA, mA) if (axis == 0) != node.flipped else (nB, mB)


@_radices.register
def _(node: Regrouped, axis: int) -> Radices:
    by_name: dict[str, Radices] = {}
    for k, group in enumerate(node.given):
        by_name |= zip(group, _groups(_radices(node.matrix, k), tuple(node.sizes[name] for name in group)), strict=True)
    return tuple(r for name in node.wanted[axis] for r in by_name[name])


@_radices.register
def _(node: Diagonal, axis: int) -> Radices:
    return _radices(node.vector, 0)


@_radices.register
def _(node: DiagonalOf, axis: int) -> Radices:
    return _refined(_radices(node.matrix, 0), _radices(node.matrix, 1))


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
    for k, summed in _summed(_refined(_radices(left, left.ndim - 1), _radices(right, 0))):
        found += _times([summed], _terms(left, [*rows, k]), _terms(right, [k, *columns]))
    return _times(found)


@_terms.register
def _(node: Trace, at: list[Index]) -> list[Term]:
    found: list[Term] = []
    for k, summed in _summed(_refined(_radices(node.matrix, 0), _radices(node.matrix, 1))):
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
            raise NeedsDigits(index[0], _radices(node, axis))
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
    ((r, summed),) = _summed(_refined((node.r,)))
    U = _terms(node.left, [a, (*β, *d), b, (*κ, *r)])
    V = _terms(node.right, [(*a, *κ), d, (*r, *β), c])
    return _times([summed], U, V)


@_terms.register
def _(node: Map, at: list[Index]) -> list[Term]:
    return [Term(atoms=(Image(node.name, tuple(_terms(node.matrix, at))),))]
