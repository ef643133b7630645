"""Exact polynomials: evaluation, derivatives, counterexample points, sums of squares, Cayley rotations."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

from kronmix.symbolic.provers.polynomials import (
    cayley,
    derivative,
    entries,
    first_difference,
    inner,
    nonzero_point,
    square_norm,
    sum_of_squares,
    value_at,
)


def test_products_agree_with_numbers():
    M = entries(W=(2, 3), X=(3, 2))
    rng = np.random.default_rng(0)
    W, X = rng.integers(-5, 6, (2, 3)), rng.integers(-5, 6, (3, 2))
    point = {f"W_{i}_{j}": int(W[i, j]) for i, j in np.ndindex(2, 3)}
    point |= {f"X_{i}_{j}": int(X[i, j]) for i, j in np.ndindex(3, 2)}
    product = M["W"] @ M["X"]
    assert [[value_at(entry, point) for entry in row] for row in product] == (W @ X).tolist()
    assert value_at(square_norm(M["W"]), point) == (W**2).sum()
    assert value_at(inner(M["W"], M["X"].T), point) == (W * X.T).sum()


def test_derivative_of_a_bilinear_form():
    M = entries(A=(2, 2), x=(2,), y=(2,))
    form = (
        (M["y"] @ M["A"] @ M["x"]).item()
        if isinstance(M["y"] @ M["A"] @ M["x"], np.ndarray)
        else M["y"] @ M["A"] @ M["x"]
    )
    assert first_difference(derivative(form, M["A"]), np.outer(M["y"], M["x"])) is None


def test_first_difference_names_the_entry_and_shape_mismatch_is_refused():
    W = entries(W=(2, 2))["W"]
    assert first_difference(W, W) is None
    index, difference = first_difference(W, W.T)
    assert index == (0, 1)
    assert difference == W[0, 1] - W[1, 0]
    with pytest.raises(ValueError, match="an identity needs equal shapes"):
        first_difference(W, W[:1])
    with pytest.raises(ValueError, match="an inner product needs equal shapes"):
        inner(W, W[0])


def test_nonzero_point_of_polynomials_that_vanish_on_small_grids():
    x, y = entries(x=(2,))["x"]
    for polynomial in (x * (x - 1) * (x - 2), x * y - x * y**2, (x - y) * (x + y), x**0 + 0 * y):
        assert value_at(polynomial, nonzero_point(polynomial)) != 0
    with pytest.raises(ValueError, match="polynomial is zero"):
        nonzero_point(x - x)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(-3, 3), min_size=10, max_size=10))
def test_sum_of_squares_decides_every_quadratic_form(coefficients):
    x = entries(x=(4,))["x"]
    pairs = [(i, j) for i in range(4) for j in range(i + 1)]
    form = sum((c * x[i] * x[j] for c, (i, j) in zip(coefficients, pairs, strict=True)), start=0 * x[0])
    Q = np.zeros((4, 4))
    for c, (i, j) in zip(coefficients, pairs, strict=True):
        Q[i, j] += c / 2
        Q[j, i] += c / 2
    found = sum_of_squares(form)
    if isinstance(found, dict):
        assert value_at(form, found) < 0
        assert np.linalg.eigvalsh(Q)[0] < 0
    else:
        assert np.linalg.eigvalsh(Q)[0] > -1e-9
        names = dict(zip(("x_0", "x_1", "x_2", "x_3"), x, strict=True))
        rebuilt = sum(
            (
                w.numerator * sum(_rational(v) * names[n] for n, v in line.items()) ** 2 / w.denominator
                for w, line in found
            ),
            start=0 * x[0],
        )
        assert all(w > 0 for w, _ in found)
        assert rebuilt == form


def _rational(value: Fraction) -> sp.Rational:
    return sp.QQ(value.numerator, value.denominator)


def test_sum_of_squares_wants_a_quadratic_form():
    x, y = entries(x=(2,))["x"]
    with pytest.raises(ValueError, match="homogeneous polynomial of degree 2"):
        sum_of_squares(x**2 + y)
    assert sum_of_squares(x - x) == []
    assert value_at(x * y, sum_of_squares(x * y)) < 0  # zero pivot with a cross term


def test_cayley_is_a_rotation_and_wants_a_skew_matrix():
    a, b, c = sp.symbols("a b c", real=True)
    Q = sp.Matrix(cayley(np.array([[0, a, b], [-a, 0, c], [-b, -c, 0]], object)))
    assert (Q.T * Q).applyfunc(sp.cancel) == sp.eye(3)
    assert sp.cancel(Q.det()) == 1
    with pytest.raises(ValueError, match="not skew-symmetric"):
        cayley(np.array([[0, 1], [1, 0]], object))
