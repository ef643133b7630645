"""Certificates are true of the matrix that is returned: in its precision, at any scale, for exact structures too."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import kronmix as km
from tests.strategies import Source

FINDERS: dict[str, Callable[[Any], Any]] = {
    "Kronecker": lambda B: km.nearest_kronecker(B, ((3, 2), (4, 6))),
    "two Kroneckers": lambda B: km.nearest_kronecker(B, ((3, 2), (4, 6)), rank=2),
    "three factors": lambda B: km.nearest_kronecker(B, ((3, 2), (2, 2), (2, 3))),
    "Monarch": lambda B: km.nearest_monarch(B, (3, 2, 4, 6)),
    "Monarch, block rank 2": lambda B: km.nearest_monarch(B, (4, 3, 3, 4), rank=2),
    "butterfly": lambda B: km.nearest_chain(B, km.butterfly_patterns(12)),
    "partial support": lambda B: km.nearest_chain(B, [(2, 3, 2, 2), (4, 2, 3, 1)]),
    "one factor": lambda B: km.nearest_chain(B, [(2, 6, 6, 1)]),
}


@cache
def example(name: str) -> Any:
    return FINDERS[name](Source(0, np.float64).array(12, 12)).operator


def structured(name: str, source: Source) -> Any:
    """A matrix that has the structure, with random factors."""
    operator = example(name)
    return operator.with_factors(*(source.array(*factor.shape) for factor in operator.factors)).to_dense()


@pytest.mark.parametrize("name", FINDERS)
@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.float64, np.complex128])
def test_the_error_is_that_of_the_stored_factors(name: str, dtype: Any) -> None:
    wide = np.result_type(dtype, np.float64)
    for seed in range(3):
        source = Source(seed, dtype)
        for B in (source.array(12, 12), structured(name, source)):
            found = FINDERS[name](B)
            assert found.operator.dtype == dtype
            factors = (factor.astype(wide) for factor in found.operator.factors)
            actual = np.linalg.norm(B - found.operator.with_factors(*factors).to_dense())
            norm = float(np.linalg.norm(B.astype(wide)))
            assert found.error == pytest.approx(actual, rel=1e-9, abs=2e-15 * norm)
            assert found.relative_error == pytest.approx(actual / norm, rel=1e-6, abs=2e-15)
            assert found.lower_bound <= found.error


@pytest.mark.parametrize("name", FINDERS)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_a_matrix_that_has_the_structure_has_no_positive_bound(name: str, dtype: Any) -> None:
    for seed in range(20):
        found = FINDERS[name](structured(name, Source(seed, dtype)))
        assert found.relative_error < 1e-14
        assert found.lower_bound == 0


@pytest.mark.parametrize("name", FINDERS)
@pytest.mark.parametrize("noise", [1.0, 1e-9])
def test_no_scale_changes_a_certificate(name: str, noise: float) -> None:
    source = Source(1, np.float64)
    B = structured(name, source)
    B = B / np.linalg.norm(B) + noise * source.array(12, 12)
    at_one = FINDERS[name](B)
    assert 0 < at_one.lower_bound <= at_one.error
    for exponent in (-1000, -700, -530, -505, -400, -250, 250, 400, 505, 530, 700, 1000):
        found = FINDERS[name](np.ldexp(B, exponent))
        assert found.relative_error == pytest.approx(at_one.relative_error, rel=1e-6)
        assert np.ldexp(found.error, -exponent) == pytest.approx(at_one.error, rel=1e-6)
        assert np.ldexp(found.lower_bound, -exponent) == pytest.approx(at_one.lower_bound, rel=1e-6)
        if abs(exponent) < 900:  # the dense matrix of a product rounds partial products, which may underflow
            dense = np.ldexp(found.operator.to_dense(), -exponent)
            assert np.linalg.norm(B - dense) == pytest.approx(at_one.error, rel=1e-6)


def test_single_precision_near_its_limits() -> None:
    A, B = Source(0, np.float32).array(3, 2), Source(1, np.float32).array(4, 6)
    for exponent in (-110, 110):
        found = km.nearest_kronecker(np.ldexp(np.kron(A, B), np.int32(exponent)), ((3, 2), (4, 6)))
        assert found.operator.dtype == np.float32
        assert found.relative_error < 3e-7


def test_sums_of_kroneckers_say_their_relative_error() -> None:
    for dtype in (np.float32, np.float64, np.complex64):
        source = Source(0, dtype)
        for scale in (1.0, 1e-12):
            terms = km.SumOfKroneckers([(scale * source.array(3, 2), source.array(4, 6)) for _ in range(3)])
            wide = terms.to_dense().astype(np.result_type(dtype, np.float64))
            found = km.nearest_kronecker(terms, ((3, 2), (4, 6)), rank=2)
            assert found.operator.dtype == dtype
            actual = np.linalg.norm(wide - found.operator.to_dense()) / np.linalg.norm(wide)
            assert found.relative_error == pytest.approx(actual, rel=1e-5)
            assert 0 < found.lower_bound <= found.error


def test_sums_of_kroneckers_at_extreme_scales() -> None:
    pairs = [(Source(i, np.float64).array(3, 2), Source(i + 9, np.float64).array(4, 6)) for i in range(3)]
    at_one = km.nearest_kronecker(km.SumOfKroneckers(pairs), ((3, 2), (4, 6)))
    for exponent in (-480, 480):
        scaled = km.SumOfKroneckers([(np.ldexp(A, exponent), np.ldexp(B, exponent)) for A, B in pairs])
        found = km.nearest_kronecker(scaled, ((3, 2), (4, 6)))
        assert found.relative_error == pytest.approx(at_one.relative_error)
        assert np.ldexp(found.error, -2 * exponent) == pytest.approx(at_one.error)


def test_sparse_matrices_are_taken() -> None:
    B = Source(0, np.float64).array(12, 12) * (np.random.default_rng(0).random((12, 12)) < 0.3)
    for finder in FINDERS.values():
        assert finder(csr_array(B)).error == finder(B).error
