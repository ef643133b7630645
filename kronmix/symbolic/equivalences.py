"""Are two operators the same linear map, and do two parametrisations have the same image?"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce, singledispatch
from math import prod
from typing import Any

import numpy as np

from ..operators import Chain, Dense, Kronecker, KroneckerSparse, Permutation, StructuredOperator
from ..operators.dense import as_operator
from .claims import FINITE_FIELD, NUMERICAL, Counterexample
from .jacobian import Point, jacobian, random_point
from .language.expressions import as_expression
from .language.operators import parametrised
from .provers.bounds import bound
from .provers.comparison import compare_residues
from .provers.elimination import rank
from .provers.evaluation import Array, Values, entries
from .provers.finite_field import PRIMES, PrimeField
from .provers.sides import Sides
from .verdict import Verdict

__all__ = ["check_equivalent", "check_reparametrization"]

#: Widths up to which two operators with inexact numbers are compared entry by entry; random vectors beyond it.
_DENSE = 1024
_PROBES = 16
#: Largest Jacobian, in entries.
_JACOBIAN = 2**22


def check_equivalent(first: Any, second: Any, tol: float | None = None, seed: int = 0) -> Verdict:
    """Check that two operators are the same linear map.

    Parameters
    ----------
    first, second : StructuredOperator, or array of shape (rows, columns)
    tol : float, optional
        Relative Frobenius distance allowed where the numbers are not integers. By default eps^(2/3) for the coarser of the two
        dtypes: 3.7e-11 for float64, 2.4e-05 for float32.
    seed : int
        Of the random vectors.

    Returns
    -------
    Verdict
        Factors that hold integers are compared exactly, by their action on a random vector modulo primes, without forming a
        matrix: evidence "modulo primes at sizes". Others are compared in floating point to ``tol``: evidence "numerical", entry by
        entry up to 1024 rows or columns, by sixteen Gaussian vectors beyond. Integers stored as floats that differ by no more
        than their dtype rounds, where products exceed what it holds exactly, are compared in floating point too.

    Raises
    ------
    TypeError
        If an argument is neither an operator nor an array of numbers.
    ValueError
        If an entry is NaN or infinite, or the tolerance is negative.

    References
    ----------
    Freivalds 1977.

    Examples
    --------
    >>> W, V = np.arange(4).reshape(2, 2), np.arange(9).reshape(3, 3)
    >>> layers = km.channel_mixing(V, tokens=2) @ km.token_mixing(W, channels=3)
    >>> km.check_equivalent(layers, km.Kronecker(V.T, W))
    holds (modulo primes at sizes): equal modulo 1 prime near 2⁶¹, which no entry reaches: certain
    >>> km.check_equivalent(layers, km.Kronecker(V, W))
    refuted: entry (0, 3): 3 ≠ 1
    """
    if tol is not None and not 0 <= tol < np.inf:
        raise ValueError(f"tol={tol}: expected a number ≥ 0")
    A, B = as_operator(first), as_operator(second)
    for op in (A, B):
        if not all(np.isfinite(factor).all() for factor in op.factors):
            raise ValueError(f"{op!r} holds NaN or infinite entries")
    if A.shape != B.shape:
        return _refutation(Counterexample({}, {}, "", None, A.shape, B.shape))
    precision = max(map(_precision, (A, B, first, second)))
    tolerance = max(precision, float(np.finfo(np.float64).eps)) ** (2 / 3) if tol is None else tol
    if not (_has_integer_factors(A) and _has_integer_factors(B)):
        return _compare_numerically(A, B, tolerance, seed)
    exact = _compare_exactly(A, B, seed)
    if exact or not any(bound(as_expression(op)).height * precision > 1 for op in (A, B)):  # nothing is rounded
        return exact
    near = _compare_numerically(A, B, tolerance, seed)
    return replace(near, detail=f"{near.detail}; not equal as integers: {exact.counterexample}") if near else exact


def _precision(given: Any) -> float:
    """Relative rounding of what holds an operand's numbers; 0 for integers."""
    dtype = np.dtype(getattr(given, "dtype", np.float64))
    return float(np.finfo(dtype).eps) if dtype.kind in "fc" else 0.0


def _has_integer_factors(op: StructuredOperator) -> bool:
    return all(
        f.dtype.kind in "biu" or (f.dtype.kind == "f" and np.all(f == np.rint(f)) and np.all(np.abs(f) < 2.0**53))
        for f in op.factors
    )


def _compare_exactly(A: StructuredOperator, B: StructuredOperator, seed: int) -> Verdict:
    outcome = compare_residues(Sides(as_expression(A), as_expression(B)), seed)
    if isinstance(outcome, Counterexample):
        return _refutation(outcome)
    return Verdict(True, FINITE_FIELD, (), outcome.error_probability, None, outcome.detail)


def _compare_numerically(A: StructuredOperator, B: StructuredOperator, tol: float, seed: int) -> Verdict:
    rows, columns = A.shape
    if max(rows, columns) <= _DENSE:
        probe, how = np.eye(columns), "entry by entry"
    else:
        probe, how = np.random.default_rng(seed).standard_normal((columns, _PROBES)), f"on {_PROBES} Gaussian vectors"
    left, right = A @ probe, B @ probe
    distance = float(np.linalg.norm(left - right))
    scale = max(float(np.linalg.norm(left)), float(np.linalg.norm(right)))
    relative = distance / scale if scale > 0 else 0.0
    words = f"relative distance {relative:.1e} {how}, tolerance {tol:.1e}"
    if relative <= tol:
        return Verdict(True, NUMERICAL, (), 0.0, None, words)
    i, j = np.unravel_index(np.argmax(np.abs(left - right)), left.shape)
    entry = (int(i), int(j)) if max(rows, columns) <= _DENSE else (int(i),)
    return Verdict(False, NUMERICAL, (), 0.0, Counterexample({}, {}, "", entry, left[i, j], right[i, j]), words)


def _refutation(difference: Counterexample) -> Verdict:
    return Verdict(False, "counterexample", (), 0.0, difference, str(difference))


# ---- parametrisations ------------------------------------------------------------------------------------------------


def check_reparametrization(first: StructuredOperator, second: StructuredOperator, seed: int = 0) -> Verdict:
    """Check that two parametrisations θ ↦ B(θ) reach the same matrices (up to closure).

    The image of a polynomial map is irreducible. So two images have the same closure when they have the same dimension, the
    rank of the Jacobian at a generic point, and one lies in the other: a random matrix of one is decomposed into factors of
    the other. Both are done in exact arithmetic modulo a prime near 2⁶¹.

    Parameters
    ----------
    first, second : StructuredOperator
        Only the types, the shapes of the factors and what is shared matter, not the values.
    seed : int

    Returns
    -------
    Verdict
        If the dimensions differ, the counterexample's ``left`` and ``right`` are the dimensions.

    Raises
    ------
    TypeError
        If a matrix of neither can be decomposed: one must be Dense, Kronecker, KroneckerSparse, or a Chain of one of these
        with permutations.
    MemoryError
        If a Jacobian would have more than four million entries.

    Examples
    --------
    A Monarch matrix with both factors tied is a Kronecker product (T12):

    >>> tied = km.Monarch(np.ones((1, 3, 3)), np.ones((1, 2, 2)))
    >>> km.check_reparametrization(tied, km.Kronecker(np.ones((3, 3)), np.ones((2, 2)))).detail
    'images of dimension 12, a random matrix of one decomposed into factors of the other'

    Untying makes a larger family:

    >>> km.check_reparametrization(km.Monarch(np.ones((2, 3, 3)), np.ones((3, 2, 2))), tied)
    refuted: dimensions of the images: 24 ≠ 12
    """
    if first.shape != second.shape:
        return _refutation(Counterexample({}, {}, "", None, first.shape, second.shape))
    F, rng = PRIMES[0], np.random.default_rng(seed)
    points = [random_point(op, F, rng) for op in (first, second)]
    dimensions = [_image_dimension(op, F, point) for op, point in zip((first, second), points, strict=True)]
    # At a random point the rank falls short of the generic one with probability at most (its degree)/p.
    chance = sum(len(op.factors) * d for op, d in zip((first, second), dimensions, strict=True)) / F.p
    if dimensions[0] != dimensions[1]:
        left, right = dimensions
        return _refutation(Counterexample({}, {}, "dimensions of the images", (), left, right))
    last: TypeError | None = None
    for inside, outside, point in ((first, second, points[0]), (second, first, points[1])):
        try:
            missed = _missed(outside, _entries_at(inside, F, point), F)
        except TypeError as error:
            last = error
            continue
        if missed is not None:
            return _refutation(Counterexample({}, {}, "", missed, "in one image", "not in the other"))
        words = f"images of dimension {dimensions[0]}, a random matrix of one decomposed into factors of the other"
        return Verdict(True, FINITE_FIELD, (), chance, None, words)
    raise TypeError(f"no exact decomposition into {type(first).__name__} or {type(second).__name__}") from last


def _entries_at(op: StructuredOperator, F: PrimeField, point: Point) -> Array:
    """Entries of an operator whose parameters take the values of a point, in the field F."""
    return entries(parametrised(op)[0], Values(F, point, {}))


def _image_dimension(op: StructuredOperator, F: PrimeField, point: Point) -> int:
    """Rank of the Jacobian."""
    size = sum(array.size for array in point.values()) * prod(op.shape)
    if size > _JACOBIAN:
        raise MemoryError(f"the Jacobian of {op!r} has {size:,} entries, more than {_JACOBIAN:,}: take smaller sizes")
    return rank(jacobian(op, F, point).T, F)


@singledispatch
def _missed(structure: StructuredOperator, B: Array, F: PrimeField) -> tuple[int, ...] | None:
    """First entry of B that no factors of the structure give; None if they give them all."""
    raise TypeError(f"no exact decomposition into {type(structure).__name__}")


@_missed.register
def _(structure: Dense, B: Array, F: PrimeField) -> tuple[int, ...] | None:
    return None


@_missed.register
def _(structure: Kronecker, B: Array, F: PrimeField) -> tuple[int, ...] | None:
    """With a pivot B[i, j] ≠ 0 the factors are its blocks through the pivot; all of B must be their product."""
    if not B.any():
        return None
    k, shapes = len(structure.factors), [f.shape for f in structure.factors]
    axes = B.reshape([s[0] for s in shapes] + [s[1] for s in shapes])
    pivot = tuple(int(i) for i in np.argwhere(axes)[0])
    factors = []
    for f in range(k):
        through = list(pivot)
        index: list[Any] = [slice(None) if axis in (f, f + k) else through[axis] for axis in range(2 * k)]
        factors.append(axes[tuple(index)])
    # B · B[pivot]^{k−1} = ⊗ factors, entry by entry.
    product = reduce(
        lambda x, y: F.multiply(x[:, None, :, None], y[None, :, None, :]).reshape(
            len(x) * len(y), x.shape[1] * y.shape[1]
        ),
        factors,
    )
    left = reduce(lambda x, y: F.multiply(x, y), [np.full((1, 1), axes[pivot], np.uint64)] * (k - 1), B)
    return _first_unequal(left, product)


@_missed.register
def _(structure: KroneckerSparse, B: Array, F: PrimeField) -> tuple[int, ...] | None:
    """Read the values off the support, those shared from their first place."""
    a, b, c, d = structure.pattern
    view = B.reshape(a, b, d, a, c, d)
    values = np.einsum("ibjikj->ijbk", view)
    shared = tuple(slice(0, 1) if size == 1 else slice(None) for size in structure.values.shape[:2])
    kept = np.broadcast_to(values[shared], values.shape)
    again = np.zeros_like(view)
    for i in range(a):
        for j in range(d):
            again[i, :, j, i, :, j] = kept[i, j]
    return _first_unequal(B, again.reshape(B.shape))


@_missed.register
def _(structure: Chain, B: Array, F: PrimeField) -> tuple[int, ...] | None:
    """Permutations on either side of one decomposable structure are undone."""
    operators = list(structure.operators)
    while operators and isinstance(operators[0], Permutation):
        B = B[operators.pop(0).inv().indices]
    while operators and isinstance(operators[-1], Permutation):
        B = B[:, operators.pop().indices]
    if len(operators) != 1:
        raise TypeError("no exact decomposition into a Chain of several factors")
    return _missed(operators[0], B, F)


def _first_unequal(A: Array, B: Array) -> tuple[int, ...] | None:
    return next((tuple(map(int, index)) for index in np.argwhere(A != B)), None)
