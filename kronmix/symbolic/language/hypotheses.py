"""What an identity may assume of its matrices: symmetric, orthogonal, diagonal, a permutation, ``A @ B == eye(n)`` …

A hypothesis serves every prover. For proofs at all sizes it is a set of facts (a product that is the identity, an equal
transpose) or a way to write the matrix. For comparisons at given sizes it is a parametrisation: the matrices that satisfy it, or
almost all of them, are the values of an expression in free variables. Q = (I − A)(I + A)⁻¹ with A = N − Nᵀ gives the rotations
(Cayley 1846). What holds at a random point of the parameters holds for all, component by component.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, permutations, product
from typing import Any

import numpy as np

from .contractions import Diagonal, Identity, Product
from .expressions import Constant, Expression, Variable
from .sizes import excerpt, same_size
from .structures import Inverse, Permuted, Stack

__all__ = [
    "WORDS",
    "Facts",
    "Hypothesis",
    "Impossible",
    "components",
    "parse_assumptions",
    "substituted",
    "with_inverses_written",
    "written_as",
]

#: Permutations of more elements than this are drawn; of fewer all are tried.
_ALL_PERMUTATIONS = 4
#: Most combinations of components that are tried.
_MOST_COMBINATIONS = 256


class Impossible(ValueError):
    """No matrix of these sizes satisfies the hypothesis."""


@dataclass(frozen=True)
class Facts:
    """What is known of matrices, by name, for proofs at all sizes.

    Attributes
    ----------
    contractions : set of (name, axis, name, axis)
        Pairs of matrices whose product over these axes is the identity.
    symmetric : set of str
        Matrices that equal their transposes.
    single : set of str
        Matrices with entries 0 and 1, and a single 1 in every row and column: P[i, j] P[i, k] = δ(j, k) P[i, j].
    summing : set of str
        Matrices whose rows and columns sum to 1.
    """

    contractions: frozenset[tuple[str, int, str, int]] = frozenset()
    symmetric: frozenset[str] = frozenset()
    single: frozenset[str] = frozenset()
    summing: frozenset[str] = frozenset()

    def __or__(self, other: Facts) -> Facts:
        return Facts(
            self.contractions | other.contractions,
            self.symmetric | other.symmetric,
            self.single | other.single,
            self.summing | other.summing,
        )


@dataclass(frozen=True)
class Property:
    """A word that can be said of a matrix.

    Attributes
    ----------
    components : callable (variable, rng) -> list of expressions
        For each component of the set of such matrices, an expression with almost all of its values there.
    properties : callable (name) -> Facts
        For proofs at all sizes.
    rewritten : callable (variable) -> expression
        How the matrix is written in proofs at all sizes.
    square : bool
        Whether rows and columns must be equal.
    real : bool
        Whether the matrix is its own conjugate.
    inverse : callable (variable) -> expression, optional
        What its inverse is.
    rational : bool
        Whether the components hold inverses.
    exhaustive : callable (variable) -> bool
        Whether the components are all there are.
    """

    components: Callable[[Variable, np.random.Generator], list[Expression]]
    properties: Callable[[str], Facts] = lambda name: Facts()
    rewritten: Callable[[Variable], Expression] = lambda X: X
    square: bool = True
    real: bool = False
    inverse: Callable[[Variable], Expression] | None = None
    rational: bool = False
    exhaustive: Callable[[Variable], bool] = lambda X: True


def _free(X: Variable, *sizes: Any) -> Variable:
    """A variable without conditions, under a name that users cannot write."""
    return Variable(f"{X.name}′", sizes or X.sizes)


def _without_conjugate(X: Variable) -> Expression:
    return Variable(X.name, X.sizes, X.flipped)


def _conjugate_transpose(X: Variable) -> Expression:
    return Variable(X.name, X.sizes, X.flipped != X.conjugated)


def _cayley(X: Variable, n: Any, skew: Callable[[Variable], Expression]) -> Expression:
    """(I − A)(I + A)⁻¹ with A skew: a rational parametrisation of orthogonal or unitary matrices."""
    A = skew(_free(X, n, n))
    return Product(Identity(n) - A, Inverse(Identity(n) + A))


def _skew_part(N: Variable) -> Expression:
    return N - N.T


def _orthogonal(X: Variable, rng: np.random.Generator) -> list[Expression]:
    """Rotations, and rotations with one column turned round."""
    n = int(X.sizes[0])
    turned = np.eye(n, dtype=np.int64)
    turned[0, 0] = -1
    rotation = _cayley(X, X.sizes[0], _skew_part)
    return [rotation, Product(rotation, Constant(turned))]


def _orthonormal(X: Variable, rng: np.random.Generator) -> list[Expression]:
    """The first columns of orthogonal matrices."""
    m, n = X.sizes
    if n > m:
        raise Impossible(f"{X.name}: {n} columns of {m} entries cannot be orthonormal")
    if n == m:
        return _orthogonal(X, rng)
    return [Product(_cayley(X, m, _skew_part), Constant(np.eye(int(m), int(n), dtype=np.int64)))]


def _permutation_choices(X: Variable, rng: np.random.Generator) -> list[Expression]:
    n = int(X.sizes[0])
    if n <= _ALL_PERMUTATIONS:
        return [Permuted(np.array(indices)) for indices in permutations(range(n))]
    return [Permuted(rng.permutation(n)) for _ in range(2)]


def _inverse_pairs(name: str, other: str, axes: Iterable[int]) -> Facts:
    return Facts(frozenset((a, axis, b, axis) for axis in axes for a, b in ((name, other), (other, name))))


def _permutation_properties(name: str) -> Facts:
    alone = frozenset((name,))
    return _inverse_pairs(name, name, (0, 1)) | Facts(single=alone, summing=alone)


WORDS: dict[str, Property] = {
    "symmetric": Property(
        lambda X, rng: [_free(X) + _free(X).T], lambda name: Facts(symmetric=frozenset((name, f"conj({name})")))
    ),
    "skew": Property(lambda X, rng: [_skew_part(_free(X))], rewritten=lambda X: _oriented(_skew_part(_free(X)), X)),
    "hermitian": Property(lambda X, rng: [_free(X) + _free(X).H], rewritten=_conjugate_transpose),
    "diagonal": Property(
        lambda X, rng: [Diagonal(_free(X, X.sizes[0]))],
        rewritten=lambda X: _oriented(Diagonal(_free(X, X.sizes[0])), X),
    ),
    "orthogonal": Property(
        _orthogonal,
        lambda name: _inverse_pairs(name, name, (0, 1)),
        _without_conjugate,
        real=True,
        rational=True,
        inverse=lambda Q: Q.T,
    ),
    "orthonormal": Property(
        _orthonormal,
        lambda name: _inverse_pairs(name, name, (0,)),
        _without_conjugate,
        square=False,
        real=True,
        rational=True,
    ),
    "unitary": Property(
        lambda X, rng: [_cayley(X, X.sizes[0], lambda N: N - N.H)],
        lambda name: _inverse_pairs(name, f"conj({name})", (0, 1)),
        inverse=lambda U: U.H,
        rational=True,
    ),
    "permutation": Property(
        _permutation_choices,
        _permutation_properties,
        _without_conjugate,
        real=True,
        inverse=lambda P: P.T,
        exhaustive=lambda X: X.sizes[0] <= _ALL_PERMUTATIONS,
    ),
    "real": Property(lambda X, rng: [_free(X)], rewritten=_without_conjugate, square=False, real=True),
}


def _oriented(written: Expression, X: Variable) -> Expression:
    """What is written for a variable, for its transpose or its conjugate."""
    written = written.conj() if X.conjugated else written
    return written.T if X.flipped else written


@dataclass(frozen=True)
class Hypothesis:
    """One thing assumed, as it was written.

    Attributes
    ----------
    text : str
        "Q orthogonal", "A @ B == eye(n)".
    name : str
        The matrix that is written in terms of others.
    property : Property
        What is said of it.
    needs : str or None
        Another matrix in it.
    """

    text: str
    name: str
    property: Property
    needs: str | None = None


def substituted(node: Expression, written: Mapping[str, Callable[[Variable], Expression]]) -> Expression:
    """An expression with variables replaced by what is written for them."""
    if isinstance(node, Variable):
        return written[node.name](node) if node.name in written else node
    return node.rebuilt(lambda part: substituted(part, written))


def with_inverses_written(node: Expression, hypotheses: Iterable[Hypothesis]) -> Expression:
    """Inverses of matrices whose inverse is assumed, replaced by it."""
    known = {h.name: h.property.inverse for h in hypotheses if h.property.inverse is not None}

    def changed(part: Expression) -> Expression:
        part = part.rebuilt(changed)
        if isinstance(part, Inverse) and isinstance(part.matrix, Variable) and part.matrix.name in known:
            found = known[part.matrix.name](part.matrix)
            return found.T if part.flipped else found
        return part

    return changed(node) if known else node


def components(
    hypotheses: Iterable[Hypothesis], variables: Mapping[str, Variable], rng: np.random.Generator
) -> tuple[Iterator[dict[str, Expression]], bool]:
    """What to write for the matrices in each combination of components; and whether these are all combinations."""
    given = list(hypotheses)
    choices = [h.property.components(variables[h.name], rng) for h in given]
    total = 1
    for choice in choices:
        total *= len(choice)
    everything = all(h.property.exhaustive(variables[h.name]) for h in given) and total <= _MOST_COMBINATIONS
    names = [h.name for h in given]
    combinations = (dict(zip(names, chosen, strict=True)) for chosen in product(*choices))
    return islice(combinations, _MOST_COMBINATIONS), everything


def written_as(hypothesis: Hypothesis, component: Expression) -> Callable[[Variable], Expression]:
    """What to write for a matrix, its transpose and its conjugate."""

    def written(X: Variable) -> Expression:
        return _oriented(component, replace(X, conjugated=X.conjugated and not hypothesis.property.real))

    return written


# ---- reading ---------------------------------------------------------------------------------------------------------

_SAID = re.compile(r"(\w+)\s+(?:is\s+)?(?:an?\s+)?([\w-]+)")
_EQUATION = re.compile(r"(\w+)(\.T|\.H)?\s*@\s*(\w+)(\.T|\.H)?\s*==\s*eye\(\s*([^()]+?)\s*\)")
_SYNONYMS = {"antisymmetric": "skew", "skew-symmetric": "skew", "Hermitian": "hermitian", "permuting": "permutation"}


def parse_assumptions(given: Any, variables: Mapping[str, Variable]) -> tuple[Hypothesis, ...]:
    """Hypotheses as text ("Q orthogonal, A @ B == eye(n)"), as a list of such, or as a mapping from names to words.

    Raises
    ------
    ValueError
        If a hypothesis is none of these, names no matrix, or does not fit its shape.
    """
    texts: list[str] = []
    if isinstance(given, Mapping):
        for name, words in given.items():
            texts += [f"{name} {word}" for word in (words.split() if isinstance(words, str) else words)]
    else:
        for item in [given] if isinstance(given, str) else list(given or ()):
            texts += [part.strip() for part in item.split(",") if part.strip()]
    found = [_parse_hypothesis(text, variables) for text in texts]
    names = [h.name for h in found]
    if again := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"assume: {again[0]} has two hypotheses: expected one for each matrix")
    if tied := [h for h in found if h.needs in names]:
        raise ValueError(f"assume: {tied[0].text}: {tied[0].needs} has a hypothesis of its own: expected one for both")
    return tuple(found)


def _parse_hypothesis(text: str, variables: Mapping[str, Variable]) -> Hypothesis:
    if match := _EQUATION.fullmatch(text):
        return _equation(text, match, variables)
    match = _SAID.fullmatch(text)
    word = _SYNONYMS.get(match.group(2), match.group(2)) if match else ""
    if match is None or word not in WORDS:
        raise ValueError(
            f"assume: {excerpt(text)}: expected a matrix and one of {', '.join(WORDS)}, or A @ B == eye(n)"
        )
    X = _named_matrix(match.group(1), text, variables)
    if WORDS[word].square and not same_size(*X.sizes):
        raise ValueError(f"assume: {excerpt(text)}: {X.name} has shape {X.sizes}: expected a square matrix")
    return Hypothesis(text, X.name, WORDS[word])


def _named_matrix(name: str, text: str, variables: Mapping[str, Variable]) -> Variable:
    X = variables.get(name)
    if X is None:
        raise ValueError(f"assume: {excerpt(text)}: {name!r} has no shape: known are {', '.join(sorted(variables))}")
    if len(X.sizes) != 2 or isinstance(X, Stack):
        raise ValueError(f"assume: {excerpt(text)}: {name} is no matrix")
    return X


def _equation(text: str, match: re.Match[str], variables: Mapping[str, Variable]) -> Hypothesis:
    """``A @ B == eye(n)``, or ``Q.T @ Q == eye(n)``."""
    A, B = (_named_matrix(match.group(k), text, variables) for k in (1, 3))
    turned = match.group(2), match.group(4)
    left, right = (X.T if flag else X for X, flag in zip((A, B), turned, strict=True))
    if not same_size(left.shape[1], right.shape[0]) or not same_size(left.shape[0], right.shape[1]):
        raise ValueError(f"assume: {excerpt(text)}: the shapes {A.sizes} and {B.sizes} do not fit")
    if str(left.shape[0]).replace(" ", "") != match.group(5).replace(" ", ""):
        raise ValueError(f"assume: {excerpt(text)}: the product has {left.shape[0]} rows, not {match.group(5)}")
    if A.name == B.name and turned == (".T", None):
        return Hypothesis(text, A.name, WORDS["orthogonal" if same_size(*A.sizes) else "orthonormal"])
    if A.name != B.name and turned == (None, None):
        return Hypothesis(text, B.name, _right_inverse(A, same_size(*A.sizes)), A.name)
    raise ValueError(f"assume: {excerpt(text)}: expected A @ B == eye(n) for two matrices, or Q.T @ Q == eye(n)")


def _right_inverse(A: Variable, square: bool) -> Property:
    """All B with A B = I: A⁻¹, or X (A X)⁻¹ for any X."""

    def components(B: Variable, rng: np.random.Generator) -> list[Expression]:
        m, n = B.sizes
        left = Variable(A.name, (n, m))
        if square:
            return [Inverse(left)]
        if n > m:
            raise Impossible(f"{A.name} @ {B.name} has at most rank {m}, and is no identity of size {n}")
        X = _free(B)
        return [Product(X, Inverse(Product(left, X)))]

    def properties(name: str) -> Facts:
        pairs = [(A.name, 1, name, 0), *([(name, 1, A.name, 0)] if square else [])]
        conjugates = [(f"conj({a})", i, f"conj({b})", j) for a, i, b, j in pairs]
        return Facts(frozenset((*pairs, *conjugates)))

    return Property(
        components, properties, square=False, inverse=(lambda B: _oriented(A, B)) if square else None, rational=True
    )
