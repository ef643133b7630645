"""Pullback formulas against the package's own pullbacks, and neighbours that must fail."""

import numpy as np
import pytest

import kronmix as km
from kronmix.symbolic.theorems.gradients import (
    PATTERNS,
    defining_factor,
    kronecker_pullback,
    prove_factor_pullback,
    prove_kronecker_pullback,
)


def test_kronecker_pullback_is_the_operators():
    rng = np.random.default_rng(0)
    op = km.Kronecker(rng.normal(size=(2, 3)), rng.normal(size=(4, 2)))
    x, y = rng.normal(size=(6, 5)), rng.normal(size=(8, 5))
    formula = kronecker_pullback(y @ x.T, *op.factors)
    for ours, theirs in zip(formula, op.pullback(x, y), strict=True):
        assert np.allclose(ours, theirs)


@pytest.mark.parametrize("shape", [(2, 2), (1, 2), (2, 1), (1, 1)])
def test_factor_pullback_is_the_operators(shape):
    rng = np.random.default_rng(1)
    pattern = km.Pattern(2, 2, 3, 2)
    op = km.KroneckerSparse(rng.normal(size=(*shape, 2, 3)), pattern)
    x, y = rng.normal(size=(12, 4)), rng.normal(size=(8, 4))
    assert np.allclose(defining_factor(op.values, pattern, x, y), op.pullback(x, y)[0])


def test_proofs_and_neighbours():
    assert prove_kronecker_pullback().holds
    assert not prove_kronecker_pullback(lambda G, V, W: tuple(2 * g for g in kronecker_pullback(G, V, W))).holds
    assert prove_factor_pullback().holds
    assert not prove_factor_pullback(lambda v, p, x, y: 2 * defining_factor(v, p, x, y), patterns=PATTERNS[:1]).holds
