"""Nearest Monarch matrices: the optimum, and never worse than alternating least squares from many starts."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kronmix as km
from kronmix.forms.slices import monarch_slices
from tests.strategies import DTYPES, Source, sizes


def slices(B: Any, p: int, k: int, q: int, s: int) -> Any:
    return B.reshape(p, q, k, s).transpose(1, 2, 0, 3)


@given(st.data(), st.integers(1, 3), st.sampled_from([0.0, 1e-8]))
def test_equals_the_svd_of_every_slice(data: Any, rank: int, tol: float) -> None:
    p, k, q, s = (data.draw(sizes) for _ in range(4))
    B = Source(data.draw(st.integers(0, 99)), data.draw(st.sampled_from(DTYPES))).array(p * q, k * s)
    found = km.nearest_monarch(B, (p, k, q, s), rank, tol)
    values = np.linalg.svd(slices(B.astype(np.result_type(B, np.float64)), p, k, q, s), compute_uv=False)
    best, norm = np.sqrt(np.sum(values[..., rank:] ** 2)), np.linalg.norm(values)
    eps = float(np.finfo(B.dtype).eps)
    assert found.error == pytest.approx(best, rel=1e-7, abs=50 * eps * norm)
    assert np.linalg.norm(B - found.operator.to_dense()) == pytest.approx(best, rel=1e-5, abs=100 * eps * norm)
    assert found.lower_bound <= best + 1e-13 * norm
    assert type(found.operator) is km.Monarch
    assert found.operator.dtype == B.dtype


def alternating_least_squares(B: Any, sizes_: Any, seed: int) -> float:
    """Fit left and right factors in turn, all slices at once, from a random start."""
    p, k, q, s = sizes_
    Z = slices(B, p, k, q, s)
    v = np.random.default_rng(seed).normal(size=(q, k, s))
    for _ in range(200):
        u = np.einsum("qkps,qks->qkp", Z, v) / np.einsum("qks,qks->qk", v, v)[..., None]
        v = np.einsum("qkps,qkp->qks", Z, u) / np.einsum("qkp,qkp->qk", u, u)[..., None]
    return float(np.linalg.norm(Z - np.einsum("qkp,qks->qkps", u, v)))


def test_never_worse_than_alternating_least_squares() -> None:
    B = np.random.default_rng(0).normal(size=(12, 20))
    found = km.nearest_monarch(B, (4, 4, 3, 5))
    errors = [alternating_least_squares(B, (4, 4, 3, 5), seed) for seed in range(20)]
    assert found.error <= min(errors) * (1 + 1e-8)
    assert min(errors) == pytest.approx(found.error, rel=1e-6)


def test_structured_input_is_exact_and_stays_factored() -> None:
    rng = np.random.default_rng(0)
    wide = km.Kronecker(rng.normal(size=(768, 768)), rng.normal(size=(196, 196)))
    found = km.nearest_monarch(wide, (768, 768, 196, 196))
    assert found.error == 0
    x = rng.normal(size=768 * 196)
    np.testing.assert_allclose(found.operator @ x, wide @ x, rtol=1e-9, atol=1e-8)
    terms = km.SumOfKroneckers([(rng.normal(size=(2, 3)), rng.normal(size=(4, 5))) for _ in range(2)])
    exact = km.nearest_monarch(terms, (2, 3, 4, 5), rank=2)
    assert exact.error == 0
    np.testing.assert_allclose(exact.operator.to_dense(), terms.to_dense())
    assert km.nearest_monarch(terms, (2, 3, 4, 5), rank=1).error > 0.1
    monarch = km.Monarch(rng.normal(size=(4, 2, 3)), rng.normal(size=(3, 4, 5)))
    assert km.nearest_monarch(monarch, (2, 3, 4, 5)).operator is monarch
    assert km.nearest_monarch(monarch, (4, 5, 2, 3)).error > 0.1
    rank_2 = km.Monarch(rng.normal(size=(4, 2, 6)), rng.normal(size=(3, 8, 5)), rank=2)
    assert km.nearest_monarch(rank_2, (2, 3, 4, 5), rank=1).error > 0.1
    assert km.nearest_monarch(rank_2, (2, 3, 4, 5), rank=2).operator is rank_2


def test_a_dense_kronecker_is_recovered_to_rounding() -> None:
    rng = np.random.default_rng(0)
    M = np.kron(rng.normal(size=(16, 16)), rng.normal(size=(16, 16)))
    assert km.nearest_monarch(M, (16, 16, 16, 16)).relative_error < 2e-15


def test_error_falls_with_rank_to_zero() -> None:
    B = np.random.default_rng(0).normal(size=(24, 20))
    errors = [km.nearest_monarch(B, (6, 4, 4, 5), rank).error for rank in range(1, 8)]
    assert all(np.diff(errors[:5]) < 0)
    assert max(errors[4:]) < 1e-13


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.ones((4, 6)), (2, 2, 2, 2)), ValueError, "B has shape (4, 6): expected (2·2, 2·2)"),
        ((np.ones((4, 6)), (2, 2, 2)), ValueError, "expected four positive integers (p, k, q, s)"),
        ((np.ones((4, 6)), (2, 0, 2, 3)), ValueError, "expected four positive integers"),
        ((np.ones((4, 6)), (2, 1.5, 2, 3)), TypeError, "expected four positive integers"),
        ((np.ones((4, 6)), (2, 2, 2, 3), -1), ValueError, "rank=-1"),
        ((np.full((4, 6), np.inf), (2, 2, 2, 3)), ValueError, "B has 24 NaN or infinite"),
    ],
)
def test_bad_input(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        km.nearest_monarch(*arguments)


@pytest.mark.parametrize("rank", [1, 2])
def test_a_monarch_matrix_is_made_of_its_slices(rank: int) -> None:
    source = Source(rank, np.complex128)
    U, V = source.array(4, 3, 2, rank), source.array(4, 3, rank, 5)  # q, k = 4, 3; p, s = 2, 5
    op = km.Monarch.of_slices(U, V)
    np.testing.assert_allclose(monarch_slices(op.to_dense(), 2, 3, 4, 5), U @ V)
    for made, asked in zip(op.slices(), (U, V), strict=True):
        np.testing.assert_array_equal(made, asked)
