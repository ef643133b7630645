"""Nearest Kronecker products against the full SVD of the rearrangement."""

from __future__ import annotations

import re
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kronmix as km
from kronmix.decompose import rearrange, unrearrange
from tests.strategies import DTYPES, Source, sizes


@given(st.data(), st.integers(1, 4), st.sampled_from([0.0, 1e-8]))
def test_equals_the_full_svd(data: Any, rank: int, tol: float) -> None:
    shapes = (data.draw(sizes), data.draw(sizes)), (data.draw(sizes), data.draw(sizes))
    source = Source(data.draw(st.integers(0, 99)), data.draw(st.sampled_from(DTYPES)))
    B = source.array(shapes[0][0] * shapes[1][0], shapes[0][1] * shapes[1][1])
    found = km.nearest_kronecker(B, shapes, rank, tol)
    s = np.linalg.svd(rearrange(B, shapes).astype(np.result_type(B, np.float64)), compute_uv=False)
    best, norm = np.sqrt(np.sum(s[rank:] ** 2)), np.linalg.norm(s)
    eps = float(np.finfo(B.dtype).eps)
    assert found.error == pytest.approx(best, rel=1e-7, abs=50 * eps * norm)
    assert found.lower_bound <= best + 50 * 2.2e-16 * norm
    assert found.relative_error == pytest.approx(found.error / norm)
    actual = np.linalg.norm(B - found.operator.to_dense())
    assert actual == pytest.approx(best, rel=1e-5, abs=100 * eps * norm)
    assert found.operator.dtype == B.dtype


@given(st.data())
def test_rearrangement_is_an_isometry_that_maps_products_to_outer_products(data: Any) -> None:
    source = Source(data.draw(st.integers(0, 99)), np.complex128)
    A, B = source.array(data.draw(sizes), data.draw(sizes)), source.array(data.draw(sizes), data.draw(sizes))
    R = rearrange(np.kron(A, B), (A.shape, B.shape))
    np.testing.assert_allclose(R, np.outer(A, B))
    np.testing.assert_array_equal(unrearrange(R, (A.shape, B.shape)), np.kron(A, B))


def test_structured_input_is_exact_and_stays_factored() -> None:
    rng = np.random.default_rng(0)
    wide = km.Kronecker(rng.normal(size=(768, 768)), rng.normal(size=(196, 196)))
    assert km.nearest_kronecker(wide, ((768, 768), (196, 196))).error == 0
    three = km.Kronecker(*(rng.normal(size=(2, 3)) for _ in range(3)))
    for shapes in (((2, 3), (4, 9)), ((4, 9), (2, 3))):
        found = km.nearest_kronecker(three, shapes)
        assert 0 < found.relative_error <= np.finfo(float).eps  # one product of entries is rounded
        assert np.linalg.norm(found.operator.to_dense() - three.to_dense()) <= found.error
    other = km.nearest_kronecker(three, ((4, 3), (2, 9)))
    dense = km.nearest_kronecker(three.to_dense(), ((4, 3), (2, 9)))
    assert other.error == pytest.approx(dense.error)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_sums_are_reduced_through_their_factors(dtype: Any) -> None:
    source = Source(3, dtype)
    terms = km.SumOfKroneckers([(source.array(3, 2), source.array(2, 4)) for _ in range(5)])
    for rank in (1, 2, 4, 5, 9):
        found = km.nearest_kronecker(terms, ((3, 2), (2, 4)), rank)
        dense = km.nearest_kronecker(terms.to_dense(), ((3, 2), (2, 4)), rank)
        assert found.error == pytest.approx(dense.error, abs=1e-12)
        assert np.linalg.norm(terms.to_dense() - found.operator.to_dense()) == pytest.approx(dense.error, abs=1e-12)
    wide = km.SumOfKroneckers([(source.array(300, 300), source.array(200, 200)) for _ in range(4)])
    assert km.nearest_kronecker(wide, ((300, 300), (200, 200)), rank=4).relative_error < 1e-14  # 3.6e9 entries if dense


def test_a_tiny_error_is_measured_not_cancelled() -> None:
    rng = np.random.default_rng(0)
    A, B, E = rng.normal(size=(8, 8)), rng.normal(size=(8, 8)), rng.normal(size=(64, 64))
    M = np.kron(A, B) + 1e-9 * E
    found = km.nearest_kronecker(M, ((8, 8), (8, 8)))
    s = np.linalg.svd(rearrange(M, ((8, 8), (8, 8))), compute_uv=False)
    assert found.error == pytest.approx(np.sqrt(np.sum(s[1:] ** 2)), rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_products_of_several_factors_are_found(dtype: Any) -> None:
    for seed, shapes in enumerate((((2, 3), (3, 1), (2, 2)), ((2, 2),) * 5, ((1, 4), (2, 1), (1, 1), (3, 3)))):
        source = Source(seed, dtype)
        truth = km.Kronecker(*(source.array(*shape) for shape in shapes))
        found = km.nearest_kronecker(truth.to_dense(), shapes)
        assert found.relative_error < 1e-14
        assert [f.shape for f in found.operator.factors] == list(shapes)
        assert km.nearest_kronecker(truth, shapes).error == 0
        other = (shapes[0], *shapes[2:], shapes[1])
        assert km.nearest_kronecker(truth, other).lower_bound >= 0


def best_product(B: Any, shapes: Any, starts: int) -> float:
    """Smallest error that alternating least squares reaches from many random starts."""
    best = np.inf
    for seed in range(starts):
        source = Source(seed, B.dtype)
        factors = [source.array(*shape) for shape in shapes]
        for _ in range(60):
            for i, shape in enumerate(shapes):
                columns = []
                for j in range(shape[0] * shape[1]):
                    unit = np.zeros(shape[0] * shape[1], B.dtype)
                    unit[j] = 1
                    parts = [*factors[:i], unit.reshape(shape), *factors[i + 1 :]]
                    columns.append(reduce(np.kron, parts).ravel())
                factors[i] = np.linalg.lstsq(np.stack(columns, 1), B.ravel(), rcond=None)[0].reshape(shape)
        best = min(best, float(np.linalg.norm(B - reduce(np.kron, factors))))
    return best


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_several_factors_are_as_near_as_any_found(dtype: Any) -> None:
    shapes = ((2, 1), (2, 2), (1, 3))
    for seed in range(3):
        B = Source(seed, dtype).array(4, 6)
        found = km.nearest_kronecker(B, shapes)
        best = best_product(B, shapes, 4)
        assert found.error <= best * (1 + 1e-9)
        assert 0 < found.lower_bound <= best
        assert found.lower_bound > 0.8 * best


def test_signs_are_fixed() -> None:
    rng = np.random.default_rng(0)
    for trial in range(40):
        P, Q = (X @ X.T for X in (rng.normal(size=(3, 3)), rng.normal(size=(4, 4))))
        noisy = np.kron(P, Q) * (1 + 0.01 * rng.normal(size=(12, 12)))
        for shapes in (((3, 3), (4, 4)), ((3, 3), (2, 2), (2, 2)))[: 1 + (trial < 5)]:
            factors = km.nearest_kronecker(noisy, shapes).operator.factors
            assert all(np.trace(f) > 0 for f in factors[:2])
        A, B = rng.random((2, 3)), rng.random((4, 2))
        for found in km.nearest_kronecker(np.kron(A, B), ((2, 3), (4, 2))).operator.factors:
            assert (found >= 0).all()
        skew = rng.normal(size=(3, 3))
        left, _ = km.nearest_kronecker(np.kron(skew - skew.T, Q), ((3, 3), (4, 4))).operator.factors
        assert left.ravel()[np.argmax(np.abs(left))] > 0
        if trial < 5:
            pairs = km.nearest_kronecker(rng.normal(size=(12, 12)), ((3, 3), (4, 4)), rank=3).operator.pairs
            assert all(np.trace(A) > 0 for A, _ in pairs)
            phase = np.kron(P * np.exp(1j * trial), Q)
            left, _ = km.nearest_kronecker(phase, ((3, 3), (4, 4))).operator.factors
            assert np.trace(left).real > 0
            assert abs(np.trace(left).imag) < 1e-12 * np.trace(left).real


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.ones((4, 4)), ((2, 2), (3, 2))), ValueError, "B has shape (4, 4): expected (2·3, 2·2)"),
        ((np.ones((4, 4)), (2, 2)), ValueError, "shapes=(2, 2): expected ((mA, nA), (mB, nB)), or more such pairs"),
        ((np.ones((4, 4)), ((2, 2), (2, 2)), 0), ValueError, "rank=0: expected at least 1"),
        ((np.ones((4, 4)), ((2, 2), (2, 2)), 1.5), TypeError, "rank=1.5 is not an integer"),
        ((np.ones((4, 4)), ((2, 2), (2, 2)), 1, -1.0), ValueError, "tol=-1.0"),
        ((np.ones((8, 8)), ((2, 2),) * 3, 2), ValueError, "rank=2 with 3 factors"),
        ((np.ones((8, 8)), ((2, 2), (3, 2), (2, 2))), ValueError, "expected (2·3·2, 2·2·2)"),
        ((np.ones((8, 8)), ((8, 8),)), ValueError, "or more such pairs"),
        (
            (np.full((4, 4), np.nan), ((2, 2), (2, 2))),
            ValueError,
            "B has 16 NaN or infinite entries, the first at index (0, 0)",
        ),
        ((np.full((4, 4), None), ((2, 2), (2, 2))), TypeError, "B has dtype object: expected numbers"),
        ((np.ones(4), ((2, 2), (2, 2))), ValueError, "B has shape (4,)"),
    ],
)
def test_bad_input(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        km.nearest_kronecker(*arguments)


def test_only_two_shapes_make_a_rearrangement() -> None:
    with pytest.raises(ValueError, match=re.escape("expected ((mA, nA), (mB, nB))")):
        rearrange(np.ones((8, 8)), ((2, 2),) * 3)
