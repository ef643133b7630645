"""Hierarchical splitting: exact recovery, and the guaranteed distance from the optimum."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.linalg import dft, hadamard

import kronmix as km
from kronmix.patterns import chain_product, digit_reversal
from kronmix.regularization import loss_and_gradients
from tests.strategies import Source


def random_chain(source: Source, patterns: Any) -> Any:
    return km.Chain(*(km.KroneckerSparse(source.array(*p.values_shape), p) for p in patterns))


CHAINS = {
    "butterfly 12": km.butterfly_patterns(12),
    "butterfly 30": km.butterfly_patterns(30),
    "butterfly 36": km.butterfly_patterns(36),
    "butterfly 16": km.butterfly_patterns(16),
    "monarch rank 2": km.monarch_patterns(3, 2, 4, 5, 2),
    "block rank 2": [km.Pattern(1, 3, 4, 4), km.Pattern(2, 4, 4, 2), km.Pattern(4, 4, 5, 1)],
    "monarch rank 5 of 3": km.monarch_patterns(3, 2, 4, 5, 5),
    "partial butterfly": km.butterfly_patterns(16)[1:3],
    "rectangular": (km.Pattern(1, 3, 2, 6), km.Pattern(2, 3, 4, 2), km.Pattern(8, 2, 3, 1)),
    "one": (km.Pattern(2, 3, 4, 2),),
}


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("name", CHAINS)
def test_products_are_recovered(name: str, dtype: Any) -> None:
    for seed in range(3):
        truth = random_chain(Source(seed, dtype), CHAINS[name])
        found = km.nearest_chain(truth.to_dense(), CHAINS[name])
        assert found.relative_error < 1e-13
        assert [op.pattern for op in getattr(found.operator, "operators", [found.operator])] == list(CHAINS[name])


def test_the_dft_is_a_butterfly_after_bit_reversal() -> None:
    F = dft(256)[:, digit_reversal(256)]
    found = km.nearest_chain(F, km.butterfly_patterns(256))
    assert found.relative_error < 1e-12
    x = np.random.default_rng(0).normal(size=256)
    np.testing.assert_allclose(found.operator @ x[digit_reversal(256)], np.fft.fft(x), atol=1e-10)
    assert km.nearest_chain(dft(60)[:, digit_reversal(60)], km.butterfly_patterns(60)).relative_error < 1e-12
    assert km.nearest_chain(dft(256), km.butterfly_patterns(256)).relative_error > 0.1  # not without the reversal


def test_hadamard_1024() -> None:
    found = km.nearest_chain(hadamard(1024), km.butterfly_patterns(1024))
    assert found.relative_error < 1e-12
    assert found.n_parameters == 2 * 1024 * 10


@settings(max_examples=3)
@given(st.integers(0, 99), st.sampled_from(["butterfly 12", "butterfly 16", "monarch rank 2", "rectangular"]))
def test_error_is_within_the_guarantee(seed: int, name: str) -> None:
    """The proved lower bound stays below what local optimisation finds, and the error within √(L−1) of it."""
    patterns, source = CHAINS[name], Source(seed, np.float64)
    M = random_chain(source, patterns).to_dense()
    M = M + 0.3 * np.linalg.norm(M) / M.size**0.5 * source.array(*M.shape)
    found = km.nearest_chain(M, patterns)
    best = found.error
    problem = km.Observed(M)
    for start in (found.operator, random_chain(source, patterns), random_chain(source, patterns)):
        path = km.gradient_descent(problem, start, steps=500, records=2)
        best = min(best, float(np.sqrt(2 * path.losses[-1])))
    assert found.lower_bound <= best * (1 + 1e-9)
    assert found.error <= np.sqrt(max(len(patterns) - 1, 1)) * best * (1 + 1e-9)
    value, _ = loss_and_gradients(problem, found.operator)
    assert found.error == pytest.approx(np.sqrt(2 * value), rel=1e-9)


def test_the_bound_is_the_largest_two_factor_optimum() -> None:
    for n, least, found_error in ((64, 0.778, 0.893), (256, 0.886, 0.971)):
        B = np.random.default_rng(0).normal(size=(n, n))
        found = km.nearest_chain(B, km.butterfly_patterns(n))
        norm = float(np.linalg.norm(B))
        assert found.lower_bound / norm == pytest.approx(least, abs=0.004)
        assert found.relative_error == pytest.approx(found_error, abs=0.004)
        optima = []
        for cut in range(1, len(km.butterfly_patterns(n))):
            p = 2**cut
            optima.append(km.nearest_monarch(B, (p, p, n // p, n // p), tol=0).error)
        assert max(optima) * (1 - 1e-3) <= found.lower_bound <= max(optima)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("name", ["butterfly 30", "butterfly 36", "partial butterfly", "rectangular", "block rank 2"])
def test_bounds_meet_the_optima_of_all_cuts(name: str, dtype: Any) -> None:
    """Against the SVD of every slice; with small noise too, where squares lose the error in rounding."""
    patterns = CHAINS[name]
    for seed, noise in enumerate((1.0, 1e-3, 1e-7, 1e-10)):
        source = Source(seed, dtype)
        truth = random_chain(source, patterns).to_dense()
        B = truth / np.linalg.norm(truth) + noise * source.array(*truth.shape)
        outside = B[~chain_product(patterns).support()]
        squares = [
            sum(float(np.sum(s[r:] ** 2)) for s in singular) + np.linalg.norm(outside) ** 2
            for r, singular in (cut_singular_values(B, patterns, cut) for cut in range(1, len(patterns)))
        ]
        found = km.nearest_chain(B, patterns)
        best = max(squares) ** 0.5
        assert found.lower_bound <= best * (1 + 1e-9)
        assert found.lower_bound >= best * 0.99 - 1e-13


def cut_singular_values(B: Any, patterns: Any, cut: int) -> Any:
    """Rank and singular values of the slices (T11), each found from the supports of the two halves alone."""
    left, right = chain_product(patterns[:cut]), chain_product(patterns[cut:])
    L, R = left.support(), right.support()
    blocks: dict[Any, int] = {}
    for j in range(L.shape[1]):  # inner indices with equal rows and columns make one slice
        key = (L[:, j].tobytes(), R[j].tobytes())
        blocks[key] = blocks.get(key, 0) + 1
    (rank,) = set(blocks.values())
    slices = [B[np.ix_(np.frombuffer(rows, bool), np.frombuffer(columns, bool))] for rows, columns in blocks]
    return rank, [np.linalg.svd(Z, compute_uv=False) for Z in slices]


def test_two_factors_are_the_nearest_monarch() -> None:
    B = np.random.default_rng(0).normal(size=(12, 10))
    chain = km.nearest_chain(B, km.monarch_patterns(3, 2, 4, 5))
    monarch = km.nearest_monarch(B, (3, 2, 4, 5), tol=0)
    assert chain.error == pytest.approx(monarch.error, rel=1e-12)
    assert chain.lower_bound == pytest.approx(chain.error, rel=1e-12)


def test_entries_outside_the_support_count_as_error() -> None:
    patterns = CHAINS["partial butterfly"]
    outside = ~chain_product(patterns).support()
    M = random_chain(Source(0, np.float64), patterns).to_dense()
    found = km.nearest_chain(M + 2.0 * outside, patterns)
    assert found.error == pytest.approx(2 * np.sqrt(outside.sum()))


def test_structured_input_is_returned() -> None:
    truth = random_chain(Source(0, np.float64), CHAINS["butterfly 12"])
    assert km.nearest_chain(truth, CHAINS["butterfly 12"]).operator is truth
    single = km.KroneckerSparse(np.ones((2, 2, 3, 4)), CHAINS["one"][0])
    assert km.nearest_chain(single, CHAINS["one"]).operator is single
    other = km.nearest_chain(truth, (km.Pattern(1, 12, 12, 1),))
    np.testing.assert_allclose(other.operator.to_dense(), truth.to_dense())


def test_zero_matrix_and_single_precision() -> None:
    found = km.nearest_chain(np.zeros((8, 8)), km.butterfly_patterns(8))
    assert (found.error, found.relative_error, found.lower_bound) == (0, 0, 0)
    H = hadamard(16).astype(np.float32)
    assert km.nearest_chain(H, km.butterfly_patterns(16)).operator.dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.ones((8, 8)), km.butterfly_patterns(4)), ValueError, "B has shape (8, 8): the patterns multiply to 4×4"),
        ((np.ones((8, 8)), [(2, 2, 2, 2), (1, 2, 2, 4)]), ValueError, "are not chainable"),
        ((np.ones((8, 8)), []), ValueError, "patterns is empty"),
        ((np.full((8, 8), np.nan), km.butterfly_patterns(8)), ValueError, "B has 64 NaN"),
    ],
)
def test_bad_input(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        km.nearest_chain(*arguments)


def test_slices_of_fewer_columns_than_the_inner_size() -> None:
    """A slice of 5 × 2 through an inner size of 4: two columns of zeros."""
    B = np.random.default_rng(0).normal(size=(15, 6))
    found = km.nearest_chain(B, [km.Pattern(1, 5, 12, 3), km.Pattern(3, 12, 2, 1)])
    assert found.relative_error < 1e-14
    np.testing.assert_allclose(found.operator.to_dense(), B, atol=1e-13)
