"""Spectra, norms, rank, determinant and trace against the dense matrix."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kronmix as km
from tests.strategies import CASES, operators

EXACT = [np.float64, np.complex128]
KINDS: list[tuple[Any, Any]] = [
    ("fro", lambda M, s: np.linalg.norm(M)),
    ("nuclear", lambda M, s: s.sum()),
    (2, lambda M, s: s[0]),
    ("spectral", lambda M, s: s[0]),
    (("schatten", 3), lambda M, s: (s**3).sum() ** (1 / 3)),
    (("schatten", 0.5), lambda M, s: (s**0.5).sum() ** 2),
    ("l1", lambda M, s: np.abs(M).sum()),
    ("max", lambda M, s: np.abs(M).max()),
    (("entrywise", 4), lambda M, s: (np.abs(M) ** 4).sum() ** 0.25),
    (("entrywise", 0.5), lambda M, s: (np.abs(M) ** 0.5).sum() ** 2),
]


@pytest.mark.parametrize("name", sorted(CASES))
def test_against_dense(name: str) -> None:
    @settings(max_examples=30)
    @given(operators([name], EXACT), st.integers(0, 10))
    def check(drawn: Any, pick: int) -> None:
        op, M = drawn[0], np.asarray(drawn[1], np.result_type(drawn[1], np.float64))  # permutations are float32
        s = np.linalg.svd(M, compute_uv=False)
        scale = max(1.0, s.max())
        np.testing.assert_allclose(km.singular_values(op), s, atol=1e-9 * scale)
        k = 1 + pick % s.size
        np.testing.assert_allclose(km.singular_values(op, k), s[:k], atol=1e-9 * scale)
        for kind, expected in KINDS:
            if kind == ("schatten", 0.5):  # √σ magnifies the rounding of the dense reference's zeros
                continue
            assert km.norm(op, kind) == pytest.approx(expected(M, s), rel=1e-8, abs=1e-12), kind
        gap = s[(s > 1e-9 * scale)]
        assert km.matrix_rank(op) == gap.size
        if M.shape[0] == M.shape[1]:
            assert km.trace(op) == pytest.approx(np.trace(M), rel=1e-8, abs=1e-9 * scale)
            sign, logabsdet = km.slogdet(op)
            assert sign * np.exp(logabsdet) == pytest.approx(np.linalg.det(M), rel=1e-6, abs=1e-9 * scale ** len(s))
        if gap.size == s.size:
            assert km.cond(op) == pytest.approx(s[0] / s[-1], rel=1e-6)

    check()


@given(operators(dtypes=EXACT))
def test_small_schatten_powers_on_well_conditioned_operators(drawn: Any) -> None:
    op, M = drawn
    s = np.linalg.svd(M, compute_uv=False)
    if s.min() > 1e-6:
        assert km.norm(op, ("schatten", 0.5)) == pytest.approx((s**0.5).sum() ** 2, rel=1e-7)


def test_structural_zeros_are_exact() -> None:
    """Rectangular factors leave the product short of rank: exact zeros, not noise (Kronecker.jl PR #107)."""
    rng = np.random.default_rng(0)
    op = km.Kronecker(rng.normal(size=(2, 5)), rng.normal(size=(5, 2)))
    s = km.singular_values(op)
    assert s.size == 10
    np.testing.assert_array_equal(s[4:], 0)
    assert km.matrix_rank(op) == 4
    assert km.cond(op) == inf
    assert km.slogdet(op) == (0.0, -inf)


def test_determinants_do_not_overflow() -> None:
    V, W = np.diag(np.full(300, 1e3)), np.diag(np.full(200, 1e4))
    sign, logabsdet = km.slogdet(km.Kronecker(V, W))
    assert (sign, logabsdet) == (1.0, pytest.approx(200 * 300 * np.log(1e7)))


def test_k_largest_of_many_factors() -> None:
    rng = np.random.default_rng(1)
    op = km.Kronecker(*(rng.normal(size=(5, 4)) for _ in range(4)))
    s = np.linalg.svd(op.to_dense(), compute_uv=False)
    for k in (1, 2, 7, 100, 256):
        np.testing.assert_allclose(km.singular_values(op, k), s[:k], rtol=1e-10)


def test_wide_operators_without_a_formula_use_a_few_products() -> None:
    rng = np.random.default_rng(2)
    A, B = rng.normal(size=(150, 150)), rng.normal(size=(100, 100))
    op = km.Kronecker(A, B) + km.commutation(100, 150) * 50.0
    top = km.singular_values(op, 2)
    assert type(op) is km.Sum
    v = rng.normal(size=15_000)
    for _ in range(60):  # power iteration as an independent lower bound
        v = op.H @ (op @ v)
        v /= np.linalg.norm(v)
    assert np.linalg.norm(op @ v) <= top[0] * (1 + 1e-8)
    assert np.linalg.norm(op @ v) > 0.98 * top[0]
    with pytest.raises(MemoryError, match="max_bytes"):
        km.singular_values(op)


def test_norms_at_extreme_scales() -> None:
    assert km.norm(km.Kronecker(np.full((2, 2), 1e200), np.full((2, 2), 1e-250))) == pytest.approx(4e-50)
    assert km.norm(np.full((3, 3), 1e300), "fro") == pytest.approx(3e300)
    assert km.norm(np.zeros((3, 3)), ("schatten", 3)) == 0.0


def test_plain_arrays_are_welcome() -> None:
    M = np.random.default_rng(0).normal(size=(4, 4))
    assert km.norm(M, "nuclear") == pytest.approx(np.linalg.norm(M, "nuc"))
    assert km.trace(M) == pytest.approx(np.trace(M))


def test_bad_input() -> None:
    op = km.Kronecker(np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="k=5: expected 1 to 4"):
        km.singular_values(op, 5)
    with pytest.raises(ValueError, match="kind='nuke': expected one of"):
        km.norm(op, "nuke")
    with pytest.raises(ValueError, match="p must be positive"):
        km.norm(op, ("schatten", 0))
    for question in (km.slogdet, km.trace):
        with pytest.raises(ValueError, match="needs a square operator: this one is 4×6"):
            question(op)
