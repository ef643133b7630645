"""What ``km.kron``, ``km.eye``, ``km.vec`` … make of expressions, and the words that only identities know."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from typing import Any

import sympy as sp

from ...vectorize import _check_order, unvec, vec
from .dispatch import matrix_function_of
from .expressions import Expression, add, aligned, as_expression, column
from .sizes import Shape, Size, SizeValue, excerpt, is_one, product_of, same_shape, same_size, shown_shape
from .structures import (
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
    Ones,
    RangeIndex,
    RangeSum,
    Rearranged,
    Regrouped,
    Trace,
    Unvec,
    Vec,
)

__all__ = [
    "apply_entrywise",
    "block_diag",
    "commutation",
    "conj",
    "diag",
    "eye",
    "face_splitting",
    "hadamard",
    "inv",
    "khatri_rao",
    "kron",
    "kronecker_rearrangement",
    "ones",
    "rearrange",
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


@matrix_function_of("khatri_rao")
def khatri_rao(*matrices: Any) -> Expression:
    """The Kronecker product column by column."""
    found = _matrices("khatri_rao", matrices)
    if wrong := [M for M in found[1:] if not same_size(M.shape[1], found[0].shape[1])]:
        raise ValueError(
            f"khatri_rao: {found[0]} has {found[0].shape[1]} columns and {wrong[0]} {wrong[0].shape[1]}: expected as many"
        )
    return reduce(KhatriRao, found)


@matrix_function_of("face_splitting")
def face_splitting(*matrices: Any) -> Expression:
    """The Kronecker product row by row (the row-wise Khatri–Rao product)."""
    found = _matrices("face_splitting", matrices)
    if wrong := [M for M in found[1:] if not same_size(M.shape[0], found[0].shape[0])]:
        raise ValueError(
            f"face_splitting: {found[0]} has {found[0].shape[0]} rows and {wrong[0]} {wrong[0].shape[0]}: expected as many"
        )
    return reduce(KhatriRao, [M.T for M in found]).T


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
    return Rearranged(M, left, right)


# ---- rearrange -------------------------------------------------------------------------------------------------------

_PATTERN = re.compile(r"\s*(\w+|\([\w\s]*\))")


def rearrange(matrix: Any, pattern: str, **sizes: Size) -> Expression:
    """Split, permute and join axes, in the notation of einops; a joined axis lists its names slowest first.

    Examples
    --------
    >>> from kronmix.symbolic.language import rearrange
    >>> bool(km.check_identity(lambda X: (rearrange(X, "s c -> (c s)"), km.vec(X)), X=("S", "C")))
    True
    """
    expression = as_expression(matrix)
    sides = [_groups(side, pattern) for side in pattern.split("->")]
    if len(sides) != 2:
        raise ValueError(f"rearrange: {excerpt(pattern)}: expected one arrow, as 's c -> (c s)'")
    given, wanted = sides
    names, again = ([name for group in groups for name in group] for groups in sides)
    if len(set(names)) < len(names) or sorted(names) != sorted(again):
        raise ValueError(f"rearrange: {excerpt(pattern)}: expected the same names on both sides, each once")
    if not 1 <= len(wanted) <= 2:
        raise ValueError(f"rearrange: {excerpt(pattern)}: expected one or two axes on the right")
    if len(given) != expression.ndim:
        raise ValueError(
            f"rearrange: {excerpt(pattern)}: {len(given)} axes on the left, {expression} has {expression.ndim}"
        )
    if unknown := sorted(set(sizes) - set(names)):
        raise ValueError(f"rearrange: {unknown[0]} is not a name of {excerpt(pattern)}")
    known = dict(sizes)
    for group, total in zip(given, expression.shape, strict=True):
        missing = [name for name in group if name not in known]
        if len(missing) > 1:
            raise ValueError(f"rearrange: {excerpt(pattern)}: give the size of {missing[0]}, as {missing[0]}=2")
        if missing:
            known[missing[0]] = _quotient(total, product_of(known[n] for n in group if n in known), pattern)
        elif not same_size(product_of(known[n] for n in group), total):
            raise ValueError(f"rearrange: {excerpt(pattern)}: sizes of {' '.join(group)} do not multiply to {total}")
    return Regrouped(expression, tuple((name, known[name]) for name in names), given, wanted)


def _groups(side: str, pattern: str) -> tuple[tuple[str, ...], ...]:
    groups, rest = [], side.strip()
    while rest:
        match = _PATTERN.match(rest)
        if match is None:
            raise ValueError(f"rearrange: {excerpt(pattern)}: expected names and groups of names, as 's c -> (c s)'")
        groups.append(tuple(match.group(1).strip("()").split()))
        rest = rest[match.end() :].strip()
    if any(not name.isidentifier() for group in groups for name in group):
        raise ValueError(f"rearrange: {excerpt(pattern)}: expected names and groups of names, as 's c -> (c s)'")
    return tuple(groups)


def _quotient(total: Size, part: Size, pattern: str) -> Size:
    if part == 1:
        return total
    if isinstance(total, int) and isinstance(part, int):
        if total % part == 0:
            return SizeValue(total // part, getattr(total, "literal", True) and getattr(part, "literal", True))
    else:
        quotient = sp.cancel(sp.sympify(total) / part)
        if sp.denom(quotient) == 1:
            return quotient
    raise ValueError(f"rearrange: {excerpt(pattern)}: an axis of {total} does not split into parts of {part}")


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
