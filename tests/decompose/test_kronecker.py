"""Nearest Kronecker products against the full SVD of the rearrangement."""

from __future__ import annotations

import re
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
        assert found.error == 0
        np.testing.assert_allclose(found.operator.to_dense(), three.to_dense())
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


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.ones((4, 4)), ((2, 2), (3, 2))), ValueError, "B has shape (4, 4): expected (2·3, 2·2)"),
        ((np.ones((4, 4)), (2, 2)), ValueError, "shapes=(2, 2): expected ((mA, nA), (mB, nB))"),
        ((np.ones((4, 4)), ((2, 2), (2, 2)), 0), ValueError, "rank=0: expected at least 1"),
        ((np.ones((4, 4)), ((2, 2), (2, 2)), 1.5), TypeError, "rank=1.5 is not an integer"),
        ((np.ones((4, 4)), ((2, 2), (2, 2)), 1, -1.0), ValueError, "tol=-1.0"),
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
