"""Decompositions against NumPy's and SciPy's SVDs, at equal error."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import svds

import kronmix as km
from kronmix.decompose import rearrange

from .harness import Row, Work


def _monarch(tol: float) -> tuple[Work, Work]:
    B = np.random.default_rng(0).normal(size=(4096, 4096))
    slices = B.reshape(64, 64, 64, 64).transpose(1, 2, 0, 3)
    values = np.linalg.svd(slices, compute_uv=False)
    optimum = np.sqrt(np.sum(values[..., 1:] ** 2))
    found = km.nearest_monarch(B, (64, 64, 64, 64), tol=tol)
    assert found.error <= optimum * (1 + max(1e-8, tol)), found
    return lambda: km.nearest_monarch(B, (64, 64, 64, 64), tol=tol), lambda: np.linalg.svd(slices)


def _kronecker(shapes: tuple[tuple[int, int], tuple[int, int]]) -> tuple[Work, Work]:
    B = np.random.default_rng(0).normal(size=(2048, 2048))
    (s,) = svds(rearrange(B, shapes), k=1, return_singular_vectors=False)
    optimum = np.sqrt(np.linalg.norm(B) ** 2 - s**2)
    assert km.nearest_kronecker(B, shapes).error <= optimum * (1 + 1e-8)
    return lambda: km.nearest_kronecker(B, shapes), lambda: svds(rearrange(B, shapes), k=1)


def _permutations() -> tuple[Work, None]:
    """Recovered means: no worse than the order before the shuffle."""
    rng = np.random.default_rng(0)
    M = km.Monarch(*rng.normal(size=(2, 32, 32, 32))).to_dense()
    noise = rng.normal(size=M.shape)
    M += 0.1 * np.linalg.norm(M) / np.linalg.norm(noise) * noise
    B, sizes = M[rng.permutation(1024)][:, rng.permutation(1024)], (32, 32, 32, 32)
    assert km.find_permutations(B, sizes).factorization.error <= km.nearest_monarch(M, sizes).error * 1.0001
    return lambda: km.find_permutations(B, sizes), None


def _search(n: int) -> tuple[Work, None]:
    B = np.random.default_rng(0).normal(size=(n, n))
    return lambda: km.search(B), None


ROWS = [
    Row("nearest Monarch, n=4096, rank 1", lambda: _monarch(1e-8), 5.0, at_least=True),
    Row("nearest Monarch, n=4096, rank 1, to rounding", lambda: _monarch(0.0), 1.5, at_least=True),
    Row("nearest Kronecker, n=2048, 32×32 ⊗ 64×64", lambda: _kronecker(((32, 32), (64, 64))), 1.0, at_least=True),
    Row("nearest Kronecker, n=2048, 64×64 ⊗ 32×32", lambda: _kronecker(((64, 64), (32, 32))), 1.0, at_least=True),
    Row("permutations of a Monarch of width 1024, 10 % noise", _permutations, 10.0),
    Row("search of all structures, shapes and ranks, n=256", lambda: _search(256), 3.0),
    Row("search of all structures, shapes and ranks, n=1024", lambda: _search(1024), 30.0, repetitions=1),
]
