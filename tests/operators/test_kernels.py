"""Factors multiplied out before they are applied, and the buffers that take turns."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.operators import kernels
from kronmix.operators.chain import fused
from kronmix.operators.kernels import apply_factor, apply_factors, cheapest_groups

rng = np.random.default_rng(0)


def test_groups_of_least_cost() -> None:
    costs = rng.random((7, 8))

    def total(cuts: tuple[int, ...]) -> float:
        return sum(costs[start, stop] for start, stop in pairwise((0, *cuts, 7)))

    every = [tuple(i for i in range(1, 7) if bits >> i & 1) for bits in range(0, 128, 2)]
    best = cheapest_groups(7, lambda start, stop: float(costs[start, stop]))
    assert best == list(pairwise((0, *min(every, key=total), 7)))


@pytest.mark.parametrize("n", [64, 96, 1024])
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_fused_butterflies_are_the_same_matrix(n: int, dtype: Any) -> None:
    patterns = km.butterfly_patterns(n)
    chain = km.Chain(*(km.KroneckerSparse(rng.normal(size=p.values_shape).astype(dtype), p) for p in patterns))
    assert len(fused(chain.operators[::-1])) < len(patterns)  # type: ignore[arg-type]
    X = rng.normal(size=(n, 3)).astype(dtype)
    kept = X.copy()
    Y = X
    for op in chain.operators[::-1]:
        Y = apply_factor(op.factors[0], op.pattern, Y)  # type: ignore[arg-type]
    found = chain @ X
    assert found.dtype == dtype
    np.testing.assert_allclose(found, Y, rtol=0, atol=1e-5 * np.abs(Y).max())
    np.testing.assert_array_equal(X, kept)


def test_shared_and_mixed_factors_stay_in_their_places() -> None:
    patterns = km.butterfly_patterns(16)
    free = [km.KroneckerSparse(rng.normal(size=p.values_shape), p) for p in patterns]
    tied = km.KroneckerSparse(rng.normal(size=(1, 1, 2, 2)), patterns[1])
    op = km.Chain(km.Permutation(rng.permutation(16)), free[0], tied, *free[2:], km.Diagonal(rng.normal(size=16)))
    np.testing.assert_allclose(op @ np.eye(16), np.linalg.multi_dot([part.to_dense() for part in op.operators]))


@pytest.mark.parametrize("cache", [2**22, 2**12, 1])
@pytest.mark.parametrize("sizes", [(4,) * 6, (2, 3, 5, 4), (16, 16, 16), (9,) * 4, (3,)])
def test_small_square_factors_of_a_kronecker_product(
    sizes: tuple[int, ...], cache: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "CACHE", cache)  # small ones too go piece by piece, and pieces of pieces
    op = km.Kronecker(*(rng.normal(size=(n, n)) for n in sizes))
    X = rng.normal(size=(op.shape[1], 2))
    kept = X.copy()
    Y = X
    for i, pattern in op._stages:
        Y = apply_factor(op.factors[i][None, None], pattern, Y)
    first = op @ X
    np.testing.assert_allclose(first, Y)
    op @ (2 * X)  # results of earlier products are nobody's buffer
    np.testing.assert_allclose(first, Y)
    np.testing.assert_array_equal(X, kept)


def test_pieces_of_a_long_axis_are_few() -> None:
    """A thousand pieces of 400 numbers would cost a thousand calls."""
    patterns = [km.Pattern(20_000, 20, 20, 20), km.Pattern(400_000, 20, 20, 1)]
    factors = [(np.ones((1, 1, 20, 20)), p) for p in patterns]
    y = np.empty((8_000_000, 1))
    pieces = kernels._pieces(factors, y)
    assert 20_000 % pieces == 0
    assert 1 < pieces <= 16 * y.nbytes // kernels.CACHE


def test_buffers_change_their_dtype_with_the_values() -> None:
    patterns = [km.Pattern(1, 4, 4, 1)] * 4
    values = [rng.normal(size=(1, 1, 4, 4)).astype(dtype) for dtype in ("f4", "f4", "c16", "f8")]
    x = rng.normal(size=(4, 2)).astype(np.float32)
    found = apply_factors(list(zip(values, patterns, strict=True)), x)
    assert found.dtype == np.complex128
    expected = np.linalg.multi_dot([v[0, 0] for v in values[::-1]]) @ x
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())  # single precision cancels
