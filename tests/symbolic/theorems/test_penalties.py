"""Induced penalties: the proved formulas against numerical minimisation, and slices against the package's Monarch."""

import numpy as np
import pytest
from scipy.optimize import minimize

import kronmix as km
from kronmix.symbolic.theorems.factors import kronecker_rearrangement, monarch_slices
from kronmix.symbolic.theorems.penalties import prove_sum_penalty, schatten_penalty


def test_rearrangement_and_slices_are_the_packages():
    rng = np.random.default_rng(0)
    V, W = rng.normal(size=(2, 3)), rng.normal(size=(4, 2))
    assert np.array_equal(kronecker_rearrangement(np.kron(V, W), V.shape, W.shape), np.outer(km.vec(V), km.vec(W)))
    op = km.Monarch(rng.normal(size=(4, 2, 3)), rng.normal(size=(3, 4, 5)))
    U, right = op.slices()
    assert np.allclose(monarch_slices(op.to_dense(), op.sizes), U @ right)


@pytest.mark.parametrize("depth", [2, 3])
def test_no_factorisation_beats_the_schatten_penalty(depth):
    rng = np.random.default_rng(depth)
    B = rng.normal(size=(2, 2))
    claimed = float(schatten_penalty(np.linalg.svd(B, compute_uv=False), depth))

    def product(theta):
        return np.linalg.multi_dot(theta.reshape(depth, 2, 2))

    best = np.inf
    for _ in range(4):
        start = rng.normal(size=4 * depth)
        constraint = {"type": "eq", "fun": lambda theta: (product(theta) - B).ravel()}
        found = minimize(lambda theta: theta @ theta / 2, start, jac=lambda theta: theta, constraints=[constraint])
        if found.success:
            best = min(best, found.fun)
    assert best == pytest.approx(claimed, rel=1e-5)


def test_a_sum_without_its_rearrangement_is_refuted_at_an_entry():
    wrong = prove_sum_penalty(lambda B, left, right: kronecker_rearrangement(B, left, right).T)
    assert not wrong.holds
    assert wrong.values
