"""Prove or refute an identity of the user's own: every entry a symbol at small sizes, then modulo primes at large ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, product
from math import comb, prod
from typing import Any

from .claims import ALL_SIZES, ENTRYWISE, FINITE_FIELD, Undecided
from .language.building import SizeSymbol
from .language.expressions import Expression, Variable, as_expression
from .language.text import size_expression
from .provers.bounds import bound
from .provers.comparison import Agreement, Difference, compare_entries, compare_residues
from .provers.evaluation import TooLarge
from .provers.indices import equal_for_all_sizes
from .provers.statements import residue_words
from .verdict import Verdict

__all__ = ["check_identity"]

Sizes = dict[str, int]
#: Sizes tried with a symbol for every entry, and how many such assignments are enough.
_SMALL, _ENOUGH = (1, 2, 3), 12
#: Largest numbers of symbols, of entries of the two sides, and of monomials an entry might have, for expansion.
_SYMBOLS, _ENTRIES, _MONOMIALS = 40, 512, 300_000
#: Large sizes, different for different names so that a mix-up of names shows.
_LARGE = (37, 53, 29, 41, 31, 43)


def check_identity(
    identity: Callable[..., tuple[Any, Any]],
    /,
    at: Mapping[str, int] | None = None,
    seed: int = 0,
    **shapes: Any,
) -> Verdict:
    """Prove or refute an identity between matrices of any sizes.

    Parameters
    ----------
    identity : callable
        Takes the matrices by name and returns the two sides. Inside, use ``km.vec``, ``km.unvec``, ``km.kron``, ``km.eye``,
        ``km.commutation``, ``km.block_diag``, ``km.hadamard``, ``km.trace``, ``@``, ``+``, ``-``, multiplication by exact
        numbers, and ``.T``. A parameter with the name of a size receives that size.
    at : mapping from size names to int, optional
        The large sizes; by default primes between 29 and 53, smaller where the sides would not fit into memory.
    seed : int
        Of the random matrices modulo primes.
    **shapes : tuple of names and integers
        Shape of each matrix, vector (one size) or scalar (no size): ``W=("S", "S")``. Products such as "S*C" may be given.

    Returns
    -------
    Verdict
        Proved entry by entry at several small sizes and modulo primes near 2⁶¹ at large ones, with the error probability, and
        for all sizes where the formulas for entry (i, j) allow it; or refuted, with the smallest counterexample found: sizes,
        integer matrices, and the first entry that differs.

    Raises
    ------
    ValueError
        If a shape or size is not valid, or the identity cannot be written down at some sizes (shapes do not fit).
    TypeError
        If the identity does not return two sides, or contains inexact numbers.

    References
    ----------
    Schwartz 1980; Zippel 1979; Freivalds 1977.

    Examples
    --------
    >>> km.check_identity(lambda W, X, V: (km.vec(W @ X @ V), km.kron(V.T, W) @ km.vec(X)),
    ...                   W=("S", "S"), X=("S", "C"), V=("C", "C")).evidence
    'all sizes + entrywise + finite field'

    The transpose is needed:

    >>> km.check_identity(lambda X, V: (km.vec(X @ V), km.kron(V, km.eye(X.shape[0])) @ km.vec(X)), X=("S", "C"), V=("C", "C"))
    refuted: C = 2, S = 1; X = [[0, 1]]; V = [[0, 1], [0, 0]]: entry 0: 0 ≠ 1
    """
    if not shapes:
        raise ValueError("name at least one matrix with its shape, as W=('S', 'S')")
    dimensions = {name: _dimensions(name, shape) for name, shape in shapes.items()}
    names = sorted({size for sizes in dimensions.values() for size in sizes for size in size.names})
    state = _Statement(identity, dimensions, names)
    large = _large_sizes(state, at)
    state.sides(_distinct(names))  # can it be written down at all?
    checked: list[Sizes] = []
    for sizes in _small_sizes(state):
        left, right, values = state.sides(sizes)
        outcome = compare_entries(left, right, values, sizes)
        if isinstance(outcome, Difference):
            return _refuted(outcome)
        checked.append(sizes)
    evidence, words, chance = [], [], 0.0
    if names and _for_all_sizes(state):
        evidence.append(ALL_SIZES)
        words.append("both sides have the same formula for entry (i, j) at all sizes")
    if checked:
        evidence.append(ENTRYWISE)
        words.append(f"expanded at {len(checked)} assignments of sizes" if names else "expanded")
    if names or not checked:
        outcome, large = _modulo_primes(state, large, seed, exact=at is not None)
        if isinstance(outcome, Difference):
            return _refuted(outcome)
        checked.append(large)
        evidence.append(FINITE_FIELD)
        words.append(f"{_shown(large)}: {residue_words(outcome)}" if large else residue_words(outcome))
        chance = 0.0 if ALL_SIZES in evidence else outcome.error_probability
    return Verdict(True, " + ".join(evidence), tuple(checked), chance, None, "; ".join(words))


def _for_all_sizes(state: _Statement) -> bool:
    """Whether the proof with a symbol for every size succeeds; it may fail because the identity computes with its sizes."""
    try:
        left, right, _ = state.sides({name: SizeSymbol(name) for name in state.names})
        return equal_for_all_sizes(left, right)
    except (Undecided, ValueError, TypeError, AttributeError):
        return False


class _Statement:
    """The identity at given sizes."""

    def __init__(self, identity: Callable[..., Any], dimensions: Mapping[str, Any], names: list[str]) -> None:
        self.identity, self.dimensions, self.names = identity, dimensions, names
        try:
            parameters = inspect.signature(identity).parameters
        except (TypeError, ValueError):
            raise TypeError(f"identity={identity!r}: expected a function of the matrices") from None
        self.parameters = [p for p in parameters if parameters[p].kind is not inspect.Parameter.VAR_KEYWORD]
        if unknown := [p for p in self.parameters if p not in dimensions and p not in names]:
            raise ValueError(
                f"identity has a parameter {unknown[0]!r} whose shape is not given, as {unknown[0]}=('S', 'C')"
            )
        if clash := sorted(set(dimensions) & set(names)):
            raise ValueError(f"{clash[0]!r} names both a matrix and a size: rename one of them")
        self.open = len(self.parameters) < len(parameters)

    def shapes(self, sizes: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
        return {name: tuple(size.value(sizes) for size in given) for name, given in self.dimensions.items()}

    def sides(self, sizes: Mapping[str, Any]) -> tuple[Expression, Expression, dict[str, tuple[Any, ...]]]:
        shapes = self.shapes(sizes)
        given: dict[str, Any] = {name: Variable(name, shape) for name, shape in shapes.items()}
        given |= sizes
        wanted = given if self.open else {name: given[name] for name in self.parameters}
        try:
            both = self.identity(**wanted)
        except ValueError as error:
            raise ValueError(f"at {_shown(sizes)}: {error}" if sizes else str(error)) from error
        if not isinstance(both, tuple) or len(both) != 2:
            raise TypeError(f"identity returned {type(both).__name__}: expected a pair (left, right)")
        left, right = map(as_expression, both)
        return left, right, shapes


def _dimensions(name: str, shape: Any) -> tuple[Any, ...]:
    if isinstance(shape, str) or not isinstance(shape, Iterable):
        raise ValueError(f"{name}={shape!r}: expected a shape, as ('S', 'C') or (2, 3)")
    given = tuple(shape)
    if len(given) > 2:
        raise ValueError(f"{name}={shape!r}: expected a matrix, a vector or a scalar: at most two sizes")
    return tuple(size_expression(size, name) for size in given)


def _distinct(names: list[str]) -> Sizes:
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


def _small_sizes(state: _Statement) -> Iterator[Sizes]:
    """Assignments with few entries in all, fewest first, that can be expanded."""
    candidates = [dict(zip(state.names, sizes, strict=True)) for sizes in product(_SMALL, repeat=len(state.names))]

    def symbols(sizes: Sizes) -> int:
        return sum(prod(shape) for shape in state.shapes(sizes).values())

    ordered = sorted(candidates, key=lambda sizes: (symbols(sizes), max(sizes.values(), default=0)))
    fitting = [sizes for sizes in ordered if symbols(sizes) <= _SYMBOLS]
    # The smallest, which give the smallest counterexamples, and some of the largest that can be expanded.
    chosen = fitting[:_ENOUGH] + [sizes for sizes in fitting[_ENOUGH:] if len(set(sizes.values())) > 1][-2:]
    for sizes in chosen:
        left, right, _ = state.sides(sizes)
        degree = max(bound(left).degree, bound(right).degree)
        monomials = comb(symbols(sizes) + degree, degree)
        if max(prod(left.shape), prod(right.shape)) <= _ENTRIES and monomials <= _MONOMIALS:
            yield sizes


def _large_sizes(state: _Statement, at: Mapping[str, int] | None) -> Sizes:
    if at is None:
        return {name: _LARGE[i % len(_LARGE)] for i, name in enumerate(state.names)}
    if set(at) != set(state.names):
        raise ValueError(f"at={dict(at)}: expected a value for each of the sizes {', '.join(state.names)}")
    if wrong := [name for name, value in at.items() if not isinstance(value, int) or value < 1]:
        raise ValueError(f"at: {wrong[0]}={at[wrong[0]]!r}: expected a positive integer")
    return dict(at)


def _modulo_primes(state: _Statement, large: Sizes, seed: int, exact: bool) -> tuple[Agreement | Difference, Sizes]:
    """Compare at the large sizes; halve sizes that would need too much memory, unless the user chose them."""
    while True:
        left, right, shapes = state.sides(large)
        try:
            return compare_residues(left, right, shapes, large, seed=seed), large
        except TooLarge:
            if exact or max(large.values(), default=1) <= 2:
                raise
            large = {name: max(2, value // 2) for name, value in large.items()}


def _refuted(difference: Difference) -> Verdict:
    return Verdict(False, "counterexample", (difference.sizes,), 0.0, difference, str(difference))


def _shown(sizes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in sizes.items())
