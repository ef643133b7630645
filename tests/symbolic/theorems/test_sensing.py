"""Numerical theorems: sensing, random spectra."""

import numpy as np

from kronmix.symbolic.theorems.random_spectra import prove_edge, prove_sparse_growth, prove_width_free, sparse_layer
from kronmix.symbolic.theorems.sensing import Experiment, convex_minimiser, least_squares, prove_recovery


def test_convex_minimiser_is_feasible_and_certified():
    target, A = Experiment(side=3, active=2, measurements=45).draw()
    y = A @ target.ravel()
    B, bound = convex_minimiser(A, y, target.shape)
    assert np.allclose(A @ B.ravel(), y)
    value = np.linalg.svd(B, compute_uv=False).sum()
    assert bound <= value <= bound * (1 + 1e-6)
    assert np.linalg.svd(target, compute_uv=False).sum() >= bound - 1e-9


def test_recovery_names_what_fails():
    assert prove_recovery().holds
    assert "relative error" in prove_recovery(recover=least_squares).detail
    assert "convex minimum" in prove_recovery(recover=least_squares, tolerance=10.0).detail


def test_sparse_layer_has_the_requested_density_and_scale():
    layer = sparse_layer(2000, 20, np.random.default_rng(0))
    assert abs(layer.nnz / 2000 - 20) < 1
    assert abs((layer.data**2).sum() / 2000 - 1) < 0.05


def test_spectra_and_their_neighbours():
    assert prove_edge(tokens=200, tolerance=0.05).holds
    assert not prove_edge(lambda gamma: 1 + gamma).holds
    assert prove_width_free().holds
    assert not prove_width_free(lambda channels: channels**0.5).holds
    assert not prove_sparse_growth(margin=5.0).holds
    assert not prove_sparse_growth(grows=False).holds
