"""Batched truncation against the SVD: prescribed spectra, degenerate ranks, extreme scales."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix.decompose.truncation import truncate


def with_spectrum(rng: np.random.Generator, m: int, n: int, s: Any, complex_: bool) -> Any:
    def orthonormal(size: int) -> Any:
        Z = rng.normal(size=(size, size))
        return np.linalg.qr(Z + 1j * rng.normal(size=(size, size)) if complex_ else Z)[0]

    k = min(m, n)
    return (orthonormal(m)[:, :k] * np.resize(s, k)) @ orthonormal(n)[:k]


def check(Z: Any, rank: int, tol: float) -> None:
    found = truncate(Z, rank, tol)
    s = np.linalg.svd(Z, compute_uv=False)
    best2 = np.sum(s[:, rank:] ** 2, axis=1)
    size2 = np.sum(s**2, axis=1)
    actual2 = np.linalg.norm(Z - found.left @ found.right, axis=(1, 2)) ** 2
    eps = (
        64 * np.finfo(float).eps
    )  # singular values, the reference's too, are known to eps·σ_max: squares to twice that times σ
    rounding = eps**2 * size2 + 2e-2 * eps * np.sqrt(size2 * best2) + 1e-300
    np.testing.assert_allclose(found.error2, actual2, rtol=1e-7, atol=float(rounding.max() * 16))
    relative = np.maximum(2.5 * tol, 1e-12)
    assert np.all(actual2 <= best2 * (1 + relative) + 100 * rounding)  # as good as promised
    assert np.all(found.error2 - found.excess <= best2 * (1 + 1e-12) + 100 * rounding)  # the proof is sound
    assert np.all(found.excess <= relative * found.error2 + 100 * rounding)


SPECTRA = {
    "flat": [1.0],
    "geometric": [2.0**-i for i in range(64)],
    "steep": [10.0 ** (-2 * i) for i in range(64)],
    "rank 0": [0.0],
    "rank 1": [3.0] + [0.0] * 63,
    "rank 3": [3.0, 2.0, 1.0] + [0.0] * 61,
    "double top": [1.0, 1.0] + [0.5] * 62,
    "nearly double top": [1.0, 1 - 1e-9] + [0.1] * 62,
    "cluster at the cut": [1.0, 0.5, 0.5, 0.5 - 1e-12] + [0.3] * 60,
    "noise floor": [1.0] + [1e-13] * 63,
}


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("name", SPECTRA)
def test_prescribed_spectra(name: str, complex_: bool) -> None:
    rng = np.random.default_rng(0)
    for m, n in ((24, 24), (30, 12), (5, 40), (3, 3)):
        Z = np.stack([with_spectrum(rng, m, n, SPECTRA[name], complex_) for _ in range(4)])
        for rank in (1, 2, 3):
            for tol in (1e-8, 0.0):
                check(Z, rank, tol)


@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(1, 20), st.integers(1, 20), st.integers(1, 5), st.booleans(), st.integers(0, 999))
def test_random_matrices(N: int, m: int, n: int, rank: int, complex_: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(N, m, n)) * 10.0 ** rng.uniform(-3, 3, size=(N, 1, 1))
    check(Z + 1j * rng.normal(size=Z.shape) if complex_ else Z, rank, float(rng.choice([0.0, 1e-8, 1e-3])))


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_extreme_scales(scale: float) -> None:
    M = np.random.default_rng(0).normal(size=(16, 16))
    for find, sizes in ((km.nearest_monarch, (4, 4, 4, 4)), (km.nearest_kronecker, ((4, 4), (4, 4)))):
        found, plain = find(scale * M, sizes), find(M, sizes)
        assert found.error == pytest.approx(scale * plain.error, rel=1e-8)
        assert found.relative_error == pytest.approx(plain.relative_error, rel=1e-8)
        np.testing.assert_allclose(found.operator.to_dense() / scale, plain.operator.to_dense(), atol=1e-3)


def test_zero_and_ordinary_slices_together() -> None:
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(6, 20, 20))
    Z[2] = 0
    Z[4] = np.outer(rng.normal(size=20), rng.normal(size=20))
    check(Z, 1, 1e-8)
    found = truncate(Z, 1, 1e-8)
    assert found.error2[2] == 0
    assert np.all(found.left[2] @ found.right[2] == 0)


@pytest.mark.parametrize("name", SPECTRA)
def test_errors_and_bounds_scale_with_the_square_of_the_matrix(name: str) -> None:
    Z = np.stack([with_spectrum(np.random.default_rng(i), 12, 9, SPECTRA[name], False) for i in range(3)])
    for tol in (0.0, 1e-8):
        plain, small = truncate(Z, 2, tol), truncate(np.ldexp(Z, -20), 2, tol)
        np.testing.assert_array_equal(np.ldexp(small.error2, 40), plain.error2)
        np.testing.assert_array_equal(np.ldexp(small.excess, 40), plain.excess)


def test_empty() -> None:
    assert truncate(np.empty((0, 4, 4)), 1, 0.0).error2.shape == (0,)
