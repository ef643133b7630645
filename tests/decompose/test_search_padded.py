"""Structures of a larger size, cut back: found, counted, and optimal where that is proved."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.decompose.factorization import target
from kronmix.decompose.searches.closed import KroneckerFamily
from kronmix.decompose.searches.padding import Inside
from kronmix.decompose.searches.spectra import Spectra
from tests.decompose.test_search import noisy
from tests.strategies import Source

PLANTED: dict[str, Any] = {
    "padded Monarch (4, 4, 5, 5)": lambda s: km.Monarch(s.array(5, 4, 4), s.array(4, 5, 5)),
    "padded Kronecker sum (4, 4, 5, 5)": lambda s: km.Kronecker(s.array(4, 4), s.array(5, 5)),
    "padded block-diagonal (5, 4, 4, 1)": lambda s: km.KroneckerSparse(s.array(5, 1, 4, 4), (5, 4, 4, 1)),
}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_what_was_cut_off_is_found(name: str, dtype: Any) -> None:
    for seed, noise in enumerate((0.0, 0.05)):
        source = Source(seed, dtype)
        operator = PLANTED[name](source)
        B = noisy(operator.to_dense()[:19, :19], noise, source)
        found = km.search(B, pad=True)
        row = found.choose(budget=operator.n_parameters)
        assert str(row) == name
        assert row.n_parameters == operator.n_parameters  # all numbers of the larger one
        best = found.fit(row)
        assert best.operator.shape == (19, 19)
        assert float(np.linalg.norm(B - best.operator.to_dense())) == pytest.approx(best.error, rel=1e-6, abs=1e-12)
        assert best.relative_error < max(1.05 * noise, 1e-12)
        assert best.relative_error == pytest.approx(row.relative_error, rel=1e-6, abs=1e-6)
        assert row.lower_bound <= row.relative_error


def test_the_bound_of_an_exact_padded_product_is_rounding() -> None:
    """Rows cut bounds off at the error found: here the bound itself."""
    B = PLANTED["padded Kronecker sum (4, 4, 5, 5)"](Source(0, np.float64)).to_dense()[:19, :19]
    curves = KroneckerFamily().curves(Spectra(target(B)).derived(Inside.to((20, 20))))
    bound = next(curve for curve in curves if curve.sizes == (4, 4, 5, 5))
    assert bound.least2[0] < 1e-12


def test_padded_slices_are_the_best_of_all_cut_ones() -> None:
    """Whatever stands outside the matrix, the best Monarch matrix of the larger one is not nearer."""
    source = Source(0, np.float64)
    B = source.array(11, 7)
    found = km.search(B, pad=(12, 8))
    for row in found.candidates:
        if row.family == "padded Monarch":
            assert row.is_optimal
            for _ in range(3):
                outside = source.array(12, 8)
                outside[:11, :7] = B
                other = km.nearest_monarch(outside, row.sizes, row.rank).operator.to_dense()[:11, :7]
                assert row.lower_bound * np.linalg.norm(B) <= np.linalg.norm(B - other) * (1 + 1e-9)
        if row.family == "padded Kronecker sum":
            p, k, q, s = row.sizes
            outside = source.array(12, 8)
            outside[:11, :7] = B
            other = km.nearest_kronecker(outside, ((p, k), (q, s)), row.rank).operator.to_dense()[:11, :7]
            assert row.lower_bound * np.linalg.norm(B) <= np.linalg.norm(B - other) * (1 + 1e-9)


def test_sizes_with_many_divisors_are_not_padded() -> None:
    B = Source(0, np.float64).array(12, 10)
    assert [str(row) for row in km.search(B, pad=True).front] == [str(row) for row in km.search(B).front]
    families = {row.family for row in km.search(Source(0, np.float64).array(7, 7), pad=True).candidates}
    assert "padded block-diagonal" in families
    for pad in ((8, 8), (7, 8)):  # one side may stay as it is
        assert km.search(Source(0, np.float32).array(7, 7), pad=pad).best(budget=30).operator.dtype == np.float32


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pad": (3, 8)}, "pad=(3, 8): expected sizes from 4×6"),
        ({"pad": (4, 10**9)}, "up to"),
        ({"pad": 7}, "pad=7: expected True, or two sizes"),
        ({"pad": (8, 8.5)}, "expected True, or two sizes"),
        ({"pad": True, "inputs": np.ones((6, 9))}, "inputs with permute or pad"),
        ({"permute": True, "inputs": np.ones((6, 9))}, "inputs with permute or pad"),
    ],
)
def test_bad_padding(options: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        km.search(np.ones((4, 6)), **options)
