"""Exact polynomials in the entries of matrices: identities that vanish, and integer points where they do not.

A symbolic matrix is a NumPy object array whose entries are generators of one SymPy polynomial ring, so ``@``, ``np.kron``,
``einsum`` and the package's own kernels act on it as on numbers, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np
from sympy import QQ, Symbol, ring

Array = np.ndarray[Any, np.dtype[Any]]
Point = dict[str, Fraction]

__all__ = [
    "cayley",
    "derivative",
    "entries",
    "first_difference",
    "inner",
    "nonzero_point",
    "square_norm",
    "sum_of_squares",
    "value_at",
]


def entries(**shapes: tuple[int, ...]) -> dict[str, Array]:
    """Matrices of indeterminates in one polynomial ring over the rationals.

    Parameters
    ----------
    **shapes : tuple of int
        Name and shape of each array; ``()`` is a scalar, given as an array of one entry.

    Returns
    -------
    dict of str to object array
        Entry (i, j) of ``W`` is the generator ``W_i_j``.

    Examples
    --------
    >>> from kronmix.symbolic.provers.polynomials import entries
    >>> M = entries(W=(1, 2), X=(2, 1))
    >>> (M["W"] @ M["X"]).item()
    W_0_0*X_0_0 + W_0_1*X_1_0
    """
    places = [(name, index) for name, shape in shapes.items() for index in np.ndindex(*(shape or (1,)))]
    names = ["_".join([name, *map(str, index)]) for name, index in places]
    if len(set(names)) < len(names):  # the entry W_0_0 of W_0 is not the entry (0, 0) of W
        names = [f"{name}[{', '.join(map(str, index))}]" for name, index in places]
    generators = iter(ring([Symbol(name) for name in names], QQ)[1:])
    arrays = {}
    for name, shape in shapes.items():
        arrays[name] = np.empty(shape or (1,), object)
        for index in np.ndindex(*arrays[name].shape):
            arrays[name][index] = next(generators)
    return arrays


def square_norm(array: Array) -> Any:
    """‖A‖_F² as a polynomial.

    Examples
    --------
    >>> from kronmix.symbolic.provers.polynomials import entries, square_norm
    >>> square_norm(entries(x=(2,))["x"])
    x_0**2 + x_1**2
    """
    return inner(array, array)


def inner(left: Array, right: Array) -> Any:
    """⟨A, B⟩ = Σ A_ij B_ij as a polynomial.

    Examples
    --------
    >>> from kronmix.symbolic.provers.polynomials import entries, inner
    >>> M = entries(x=(2,), y=(2,))
    >>> inner(M["x"], M["y"])
    x_0*y_0 + x_1*y_1
    """
    if left.shape != right.shape:
        raise ValueError(f"left has shape {left.shape} and right {right.shape}: an inner product needs equal shapes")
    return sum((a * b for a, b in zip(left.ravel(), right.ravel(), strict=True)), start=0)


def derivative(polynomial: Any, array: Array) -> Array:
    """∂polynomial/∂A, entry by entry.

    Examples
    --------
    >>> from kronmix.symbolic.provers.polynomials import derivative, entries
    >>> x = entries(x=(2,))["x"]
    >>> derivative(x[0] ** 2 * x[1], x)
    array([2*x_0*x_1, x_0**2], dtype=object)
    """
    out = np.empty(array.shape, object)
    for index in np.ndindex(*array.shape):
        out[index] = polynomial.diff(array[index])
    return out


def value_at(polynomial: Any, point: Mapping[str, Any]) -> Fraction:
    """Exact value of a polynomial; generators that the point does not name are 0.

    Examples
    --------
    >>> from kronmix.symbolic.provers.polynomials import entries, value_at
    >>> x = entries(x=(2,))["x"]
    >>> value_at(x[0] ** 2 - x[1], {"x_0": 3})
    Fraction(9, 1)
    """
    names = [str(symbol) for symbol in polynomial.ring.symbols]
    total = Fraction(0)
    for exponents, coefficient in polynomial.terms():
        total += Fraction(int(coefficient.numerator), int(coefficient.denominator)) * prod(
            Fraction(point.get(names[i], 0)) ** e for i, e in enumerate(exponents) if e
        )
    return total


def nonzero_point(polynomial: Any) -> Point:
    """Small integer point, with few non-zero coordinates, where a non-zero polynomial does not vanish.

    Restrict to the variables of a monomial of smallest support: what is left is a non-zero polynomial of degree d_i in
    each of them, so it cannot vanish on all of {1, …, d_i + 1}^k.

    Raises
    ------
    ValueError
        If the polynomial is zero.

    Examples
    --------
    >>> from kronmix.symbolic.provers.polynomials import entries, nonzero_point
    >>> x = entries(x=(3,))["x"]
    >>> nonzero_point(x[0] * x[1] - x[1] * x[0] + x[2] - x[2] ** 2)
    {'x_2': Fraction(2, 1)}
    """
    if polynomial == 0:
        raise ValueError("polynomial is zero: no point tells it from 0")
    names = [str(symbol) for symbol in polynomial.ring.symbols]
    supports = [tuple(i for i, e in enumerate(exponents) if e) for exponents in polynomial.monoms()]
    support = min(supports, key=len)
    degrees = [max(exponents[i] for exponents in polynomial.monoms()) for i in support]
    grid = sorted(product(*(range(1, d + 2) for d in degrees)), key=sum)
    for candidate in grid:
        point = {names[i]: Fraction(value) for i, value in zip(support, candidate, strict=True)}
        if value_at(polynomial, point) != 0:
            return point
    raise AssertionError("a non-zero polynomial vanished on a grid larger than its degrees")  # pragma: no cover


def first_difference(left: Array | Any, right: Array | Any) -> tuple[tuple[int, ...], Any] | None:
    """First index where two symbolic arrays differ, with their difference there; None if they are identical.

    Examples
    --------
    >>> from kronmix.symbolic.provers.polynomials import entries, first_difference
    >>> W = entries(W=(2, 2))["W"]
    >>> first_difference(W, W.T)
    ((0, 1), W_0_1 - W_1_0)
    """
    left, right = np.asarray(left, object), np.asarray(right, object)
    if left.shape != right.shape:
        raise ValueError(f"left has shape {left.shape} and right {right.shape}: an identity needs equal shapes")
    for index in np.ndindex(*left.shape):
        difference = left[index] - right[index]
        if difference != 0:
            return index, difference
    return None


def sum_of_squares(form: Any) -> list[tuple[Fraction, dict[str, Fraction]]] | Point:
    """Decide whether a quadratic form is non-negative: its sum of squares, or a point where it is negative.

    Complete squares (LDLᵀ): form = Σ_i d_i ℓ_i(x)² with every d_i > 0. If a pivot is negative, or zero with a cross term
    left beside it, the form is indefinite and a rational point with a negative value is returned instead.

    Parameters
    ----------
    form : polynomial
        Homogeneous of degree 2.

    Returns
    -------
    list of (weight, linear form), or a point
        Weights are positive; a linear form maps names to coefficients.

    Examples
    --------
    >>> from kronmix.symbolic.provers.polynomials import entries, sum_of_squares
    >>> x, y = entries(x=(2,))["x"]
    >>> sum_of_squares(x**2 + y**2 - 2 * x * y)
    [(Fraction(1, 1), {'x_0': Fraction(1, 1), 'x_1': Fraction(-1, 1)})]
    >>> sum_of_squares(x**2 + y**2 - 3 * x * y)
    {'x_0': Fraction(3, 2), 'x_1': Fraction(1, 1)}
    """
    names = [str(symbol) for symbol in form.ring.symbols] if form != 0 else []
    Q = _symmetric_matrix(form, len(names))
    rest = Q.copy()
    weights: list[Fraction] = []
    rows: list[tuple[int, Array]] = []
    n = len(names)
    for i in range(n):
        pivot = rest[i, i]
        blocked = next((j for j in range(n) if rest[i, j] != 0), None)
        if pivot < 0 or (pivot == 0 and blocked is not None):
            return _negative_point(rest, rows, names, i, blocked)
        if pivot > 0:
            row = rest[i] / pivot
            weights.append(pivot)
            rows.append((i, row))
            rest = rest - pivot * np.outer(row, row)
    return [(w, {names[j]: row[j] for j in range(n) if row[j] != 0}) for w, (_, row) in zip(weights, rows, strict=True)]


def _symmetric_matrix(form: Any, n: int) -> Array:
    """Q with form = xᵀQx."""
    Q = np.full((n, n), Fraction(0), object)
    for exponents, coefficient in form.terms() if n else ():
        support = [i for i, e in enumerate(exponents) for _ in range(e)]
        if len(support) != 2:
            raise ValueError(f"form={form}: expected a homogeneous polynomial of degree 2")
        i, j = support
        value = Fraction(int(coefficient.numerator), int(coefficient.denominator)) / 2
        Q[i, j] += value
        Q[j, i] += value
    return Q


def _negative_point(rest: Array, rows: list[tuple[int, Array]], names: list[str], i: int, j: int | None) -> Point:
    """Point where the remaining form is negative and every square already split off is zero."""
    x = np.full(len(names), Fraction(0), object)
    x[i] = Fraction(1)
    if rest[i, i] == 0 and j is not None:  # 2 q_ij x_i x_j + q_jj x_j²: any sign is reached far out along i
        x[j] = Fraction(1)
        x[i] = -(rest[j, j] + 1) / (2 * rest[i, j])
    for pivot, row in reversed(rows):  # back substitution keeps ℓ(x) = 0
        x[pivot] = -sum((row[k] * x[k] for k in range(len(names)) if k != pivot), start=Fraction(0))
    return {name: value for name, value in zip(names, x, strict=True) if value != 0}


def cayley(skew: Array) -> Array:
    """(I − A)(I + A)⁻¹ for skew A: a rotation with entries rational in those of A; every rotation without eigenvalue −1.

    Parameters
    ----------
    skew : object array of shape (n, n)
        Skew-symmetric, of SymPy rationals or symbols.

    Examples
    --------
    >>> from sympy import Rational
    >>> from kronmix.symbolic.provers.polynomials import cayley
    >>> cayley(np.array([[0, Rational(1, 2)], [Rational(-1, 2), 0]]))
    array([[3/5, -4/5],
           [4/5, 3/5]], dtype=object)
    """
    from sympy import Matrix, eye

    A = Matrix(skew)
    if A + A.T != A.zeros(*A.shape):
        raise ValueError("skew is not skew-symmetric: expected skew.T == -skew")
    Q = ((eye(A.rows) - A) * (eye(A.rows) + A).inv()).applyfunc(lambda entry: entry.cancel())
    return np.array(Q.tolist(), object)
