"""The inequalities behind the induced penalties, and the comparison of expressions."""

import numpy as np
import pytest
import sympy as sp

from kronmix.symbolic.provers.polynomials import entries
from kronmix.symbolic.theorems.minima import (
    agree,
    compound,
    means_gap,
    prove_compound_product,
    prove_means,
    prove_summation_by_parts,
    vanish,
)


def test_agree_proves_and_refutes():
    x, y = sp.symbols("x y", positive=True)
    assert agree(sp.sqrt(x * y) ** 2, x * y, "all", "product") is None
    assert agree((x**2 - y**2) / (x - y + 1) * 0, sp.Integer(0), "all", "zero") is None
    wrong = agree(sp.sqrt(x**2 + y**2), x + y, "all", "norm")
    assert float(sp.sqrt(wrong.values["x"] ** 2 + wrong.values["y"] ** 2)) != wrong.values["x"] + wrong.values["y"]


def test_agree_says_so_where_it_cannot_decide():
    x = sp.Symbol("x", positive=True)
    zero_at_the_trials = (x - 1) * (x - 4) * (x - 9) * (x - 2) * (x - 3) * (x - 16)
    with pytest.raises(ArithmeticError, match="at no point tried"):
        agree(zero_at_the_trials, sp.Integer(0), "all", "polynomial")
    with pytest.raises(ArithmeticError, match="not proved equal"):
        agree(sp.sin(zero_at_the_trials), sp.Integer(0), "all", "sine")


def test_vanish_gives_a_point_where_the_sides_differ():
    W = entries(W=(2, 2))["W"]
    assert vanish(W, W, "2×2", "W") is None
    assert vanish(W, W.T, "2×2", "W").values == {"W_0_1": 1}
    assert vanish(np.array(W[0, 0] - W[0, 0] + 1), np.array(0 * W[0, 0]), "1", "one") is not None


def test_the_means_inequality_numerically():
    gap = means_gap()
    assert gap["value"] == gap["slope"] == 0
    for x in np.random.default_rng(0).uniform(0.1, 5, size=(20, 4)):
        assert x.sum() >= 4 * x.prod() ** 0.25
    assert prove_means()
    assert not prove_means(lambda L: 2 * L).holds


def test_compound_is_the_matrix_of_minors():
    A = np.arange(1, 10).reshape(3, 3) ** 2 % 7
    minors = compound(A.astype(object), 2)
    assert minors[0, 0] == A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]
    assert compound(A.astype(object), 3).item() == round(np.linalg.det(A))


def test_lemmas_hold_and_their_neighbours_fail():
    assert prove_compound_product(3, 3, 3, 2).holds
    assert not prove_compound_product(3, 3, 3, 2, reverse=True).holds
    assert prove_summation_by_parts(4).holds
