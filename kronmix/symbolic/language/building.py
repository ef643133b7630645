"""What ``km.kron``, ``km.eye``, ``km.vec`` … make of expressions, and the words that only identities know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import sympy as sp

from ...vectorize import _check_order, unvec, vec
from .arithmetic import add, aligned, column
from .contractions import (
    Commuted,
    Diagonal,
    DiagonalOf,
    Einsum,
    Entrywise,
    FaceSplitting,
    Groups,
    Identity,
    KhatriRao,
    Kron,
    Ones,
    Trace,
    Unvec,
    Vec,
    groups,
)
from .dispatch import matrix_function_of
from .expressions import Expression, as_expression
from .sizes import Shape, Size, SizeValue, excerpt, is_one, product_of, same_shape, same_size, shown_shape
from .structures import Blocks, Inverse, Map, RangeIndex, RangeSum

__all__ = [
    "apply_entrywise",
    "block_diag",
    "commutation",
    "conj",
    "diag",
    "einsum",
    "eye",
    "face_splitting",
    "hadamard",
    "inv",
    "khatri_rao",
    "kron",
    "kronecker_rearrangement",
    "ones",
    "rearrange",
    "sparse",
    "sum_over",
]


def _matrices(name: str, arguments: tuple[Any, ...]) -> list[Expression]:
    """The arguments as matrices; vectors are columns, scalars 1 × 1."""
    found = [column(as_expression(argument)) for argument in arguments]
    if wrong := [expression for expression in found if expression.ndim != 2]:
        raise ValueError(f"{name}: {wrong[0]} has {wrong[0].ndim} axes: expected a matrix, as {wrong[0]}[i]")
    return found


def _square(name: str, argument: Any) -> Expression:
    (M,) = _matrices(name, (argument,))
    if not same_size(*M.shape):
        raise ValueError(f"{name}: {M} has shape {shown_shape(M.shape)}: expected a square matrix")
    return M


@matrix_function_of("kron")
def kron(*matrices: Any) -> Expression:
    """A ⊗ B ⊗ …"""
    return reduce(Kron, _matrices("kron", matrices))


def _joined(name: str, kind: Any, matrices: tuple[Any, ...], axis: int) -> Expression:
    """Matrices of as many rows (axis 0) or columns (axis 1) joined two by two."""
    found = _matrices(name, matrices)
    for M in found[1:]:
        if not same_size(M.shape[axis], found[0].shape[axis]):
            have = f"{found[0]} has {found[0].shape[axis]} {('rows', 'columns')[axis]} and {M} {M.shape[axis]}"
            raise ValueError(f"{name}: {have}: expected as many")
    return reduce(kind, found)


@matrix_function_of("khatri_rao")
def khatri_rao(*matrices: Any) -> Expression:
    """The Kronecker product column by column."""
    return _joined("khatri_rao", KhatriRao, matrices, 1)


@matrix_function_of("face_splitting")
def face_splitting(*matrices: Any) -> Expression:
    """The Kronecker product row by row (the row-wise Khatri–Rao product)."""
    return _joined("face_splitting", FaceSplitting, matrices, 0)


@matrix_function_of("block_diag")
def block_diag(*blocks: Any) -> Expression:
    """Block-diagonal matrix."""
    return Blocks(tuple(_matrices("block_diag", blocks)))


@matrix_function_of("hadamard")
def hadamard(*matrices: Any) -> Expression:
    """Entrywise product."""
    found = aligned([as_expression(matrix) for matrix in matrices])
    for expression in found[1:]:
        if not same_shape(expression.shape, found[0].shape):
            raise ValueError(
                f"hadamard: shapes {shown_shape(found[0].shape)} and {shown_shape(expression.shape)} differ"
            )
    return reduce(Entrywise, found)


@matrix_function_of("eye")
def eye(n: Size) -> Expression:
    """Identity of a size."""
    return Identity(n)


@matrix_function_of("ones")
def ones(*sizes: Any) -> Expression:
    """A matrix or vector of ones, as ``ones(S, C)``."""
    return Ones(tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple) else sizes)


@matrix_function_of("diag")
def diag(M: Any) -> Expression:
    """The diagonal matrix of a vector, or the diagonal of a square matrix."""
    expression = as_expression(M)
    if expression.ndim == 2 and is_one(expression.shape[1]) and not is_one(expression.shape[0]):
        expression = Vec(expression)
    return Diagonal(expression) if expression.ndim == 1 else DiagonalOf(_square("diag", expression))


@matrix_function_of("commutation")
def commutation(S: Size, C: Size, order: str = "F") -> Expression:
    """K_{S,C}."""
    _check_order(order)
    return Commuted(S, C) if order == "F" else Commuted(C, S)


@matrix_function_of("inv")
def inv(M: Any) -> Expression:
    """Inverse of a square matrix."""
    return Inverse(_square("inv", M))


@matrix_function_of("conj")
def conj(M: Any) -> Expression:
    """Entrywise complex conjugate."""
    return as_expression(M).conj()


@matrix_function_of("transpose")
def transpose(M: Any) -> Expression:
    """Transpose."""
    return as_expression(M).T


def apply_entrywise(name: str, M: Any) -> Expression:
    """A function φ, of which nothing is known, applied to every entry."""
    return Map(name, as_expression(M))


def sum_over(size: Size, term: Callable[[Any], Any], name: str = "i") -> Expression:
    """Σ of ``term(i)`` for i from 0 to ``size`` − 1; the size may be a symbol.

    Examples
    --------
    >>> from kronmix.symbolic.language import sum_over
    >>> def sides(V, W, X, r):
    ...     return sum_over(r, lambda i: W[i] @ X @ V[i].T), km.unvec(
    ...         sum_over(r, lambda i: km.kron(V[i], W[i])) @ km.vec(X), X.shape)
    >>> "all sizes" in km.check_identity(sides, V=("r", "C", "C"), W=("r", "S", "S"), X=("S", "C")).evidence
    True
    """
    if isinstance(size, int):
        if size < 1:
            raise ValueError(f"sum: range({size}): expected at least one term")
        return reduce(add, (as_expression(term(i)) for i in range(size)))
    index = RangeIndex(name, sp.sympify(size))
    return RangeSum(index, as_expression(term(index)))


def kronecker_rearrangement(matrix: Any, left: Shape, right: Shape) -> Expression:
    """𝓡(M) for M of the shape of a Kronecker product of a ``left`` and a ``right`` matrix (T14)."""
    (M,) = _matrices("kronecker_rearrangement", (matrix,))
    expected = tuple(m * n for m, n in zip(left, right, strict=True))
    if not same_shape(M.shape, expected):
        raise ValueError(
            f"kronecker_rearrangement: {M} has shape {shown_shape(M.shape)}: expected {shown_shape(expected)}"
        )
    sizes = dict(zip("ikjl", (left[0], right[0], left[1], right[1]), strict=True))
    return Einsum((M,), "(j i) (l k) <- (i k) (j l)", tuple(sizes.items()))


def sparse(values: Any, pattern: tuple[Size, Size, Size, Size]) -> Expression:
    """Kronecker-sparse factor of a pattern (a, b, c, d) with values (a, d, b, c), axes of length 1 shared, or (b, c) (T9)."""
    expression = as_expression(values)
    names = [
        n if expression.ndim == 2 or s != 1 else "()"
        for n, s in zip("adbc"[-expression.ndim :], expression.shape, strict=True)
    ]
    return Einsum((expression,), f"(a b d) (a c d) <- {' '.join(names)}", tuple(zip("abcd", pattern, strict=True)))


# ---- axes by name ----------------------------------------------------------------------------------------------------


def rearrange(matrix: Any, pattern: str, **sizes: Size) -> Expression:
    """Split, permute and join axes, in the notation of einops; a joined axis lists its names slowest first.

    Examples
    --------
    >>> from kronmix.symbolic.language import rearrange
    >>> bool(km.check_identity(lambda X: (rearrange(X, "s c -> (c s)"), km.vec(X)), X=("S", "C")))
    True
    """
    found = _contracted("rearrange", (matrix,), pattern, sizes)
    names = [name for group in found.operands[0][1] for name in group]
    again = [name for group in found.axes for name in group]
    if not _are_distinct(names) or sorted(names) != sorted(again):
        raise ValueError(f"rearrange: {excerpt(pattern)}: expected the same names on both sides, each once")
    return found


def einsum(*given: Any, **sizes: Size) -> Expression:
    """Sums of products over named axes, joined as in ``rearrange``; the pattern comes last.

    A name on the right of several operands multiplies their entries, one that is missing on the right is summed over, and one that
    stands on the right in row and column is a diagonal.

    Examples
    --------
    >>> from kronmix.symbolic.language import einsum
    >>> bool(km.check_identity(lambda A, B: (einsum(A, B, "i k, k j -> i j"), A @ B), A=("m", "r"), B=("r", "n")))
    True
    >>> sides = lambda A, n: (einsum(A, "i j -> (k i) (k j)", k=n), km.kron(km.eye(n), A))
    >>> "all sizes" in km.check_identity(sides, A=("m", "n")).evidence
    True
    """
    *arrays, pattern = given
    return _contracted("einsum", tuple(arrays), pattern, sizes)


def _contracted(word: str, arrays: tuple[Any, ...], pattern: str, sizes: dict[str, Size]) -> Einsum:
    """A pattern read, with the sizes of all its axes."""
    expressions = tuple(map(as_expression, arrays))
    if pattern.count("->") != 1:
        raise ValueError(f"{word}: {excerpt(pattern)}: expected one arrow, as 's c -> (c s)'")
    given, wanted = pattern.split("->")
    try:
        axes, places = groups(wanted), [groups(operand) for operand in given.split(",")]
    except ValueError:
        message = f"{word}: {excerpt(pattern)}: expected names and groups of names, as 's c -> (c s)'"
        raise ValueError(message) from None
    if len(places) != len(expressions):
        raise ValueError(
            f"{word}: {excerpt(pattern)}: {len(places)} operands on the left, {len(expressions)} are given"
        )
    if not 1 <= len(axes) <= 2 and word == "rearrange":
        raise ValueError(f"{word}: {excerpt(pattern)}: expected one or two axes on the right")
    known = dict(sizes)
    for expression, operand in zip(expressions, places, strict=True):
        _measured(word, expression, operand, pattern, known)
    named = {name for operand in places for group in operand for name in group}
    unsized = [name for group in axes for name in group if name not in known]
    if unknown := sorted(set(known) - named - {name for group in axes for name in group}):
        raise ValueError(f"{word}: {unknown[0]} is not a name of {excerpt(pattern)}")
    if unsized:
        raise ValueError(f"{word}: {excerpt(pattern)}: give the size of {unsized[0]}, as {unsized[0]}=2")
    operands = [operand[:1] if operand[:1] == operand[1:] else operand for operand in places]  # "i i" is a diagonal
    if not all(map(_are_distinct, [*axes, *([name for group in operand for name in group] for operand in operands)])):
        raise ValueError(
            f"{word}: {excerpt(pattern)}: expected each name once in an axis, and once in an operand but for i i"
        )
    return Einsum(expressions, f"{wanted.strip()} <- {given.strip()}", tuple(known.items()))


def _are_distinct(names: Sequence[str]) -> bool:
    return len(set(names)) == len(names)


def _measured(word: str, expression: Expression, operand: Groups, pattern: str, known: dict[str, Size]) -> None:
    """Sizes that follow from the shape of an operand."""
    if len(operand) != expression.ndim:
        raise ValueError(
            f"{word}: {excerpt(pattern)}: {len(operand)} axes on the left, {expression} has {expression.ndim}"
        )
    for group, total in zip(operand, expression.shape, strict=True):
        missing = [name for name in group if name not in known]
        if len(missing) > 1:
            raise ValueError(f"{word}: {excerpt(pattern)}: give the size of {missing[0]}, as {missing[0]}=2")
        if missing:
            known[missing[0]] = _quotient(word, total, product_of(known[n] for n in group if n in known), pattern)
        elif not same_size(product_of(known[n] for n in group), total):
            raise ValueError(f"{word}: {excerpt(pattern)}: sizes of {' '.join(group)} do not multiply to {total}")


def _quotient(word: str, total: Size, part: Size, pattern: str) -> Size:
    """total / part, which must be whole; word and pattern are for the message."""
    if part == 1:
        return total
    if isinstance(total, int) and isinstance(part, int):
        if total % part == 0:
            return SizeValue(total // part, getattr(total, "literal", True) and getattr(part, "literal", True))
    else:
        quotient = sp.cancel(sp.sympify(total) / part)
        if sp.denom(quotient) == 1:
            return quotient
    raise ValueError(f"{word}: {excerpt(pattern)}: an axis of {total} does not split into parts of {part}")


# ---- functions that dispatch on the type of their argument -----------------------------------------------------------


@matrix_function_of("vec")
def _vec(X: Any, order: str = "F") -> Expression:
    _check_order(order)
    (X,) = _matrices("vec", (X,))
    return Vec(X) if order == "F" else Vec(X.T)


@matrix_function_of("unvec")
def _unvec(x: Any, shape: Shape, order: str = "F") -> Expression:
    _check_order(order)
    vector, (S, C) = as_expression(x), shape
    if vector.ndim == 2 and is_one(vector.shape[1]):
        vector = Vec(vector)
    if vector.ndim != 1 or not same_size(vector.shape[0], S * C):
        raise ValueError(
            f"unvec: {vector} has shape {shown_shape(vector.shape)}: expected ({S * C},) for shape=({S}, {C})"
        )
    return Unvec(vector, (S, C)) if order == "F" else Unvec(vector, (C, S)).T


@matrix_function_of("trace")
def _trace(M: Any) -> Expression:
    return Trace(_square("trace", M))


vec.register(Expression, _vec)
unvec.register(Expression, _unvec)
