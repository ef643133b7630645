"""The pattern algebra against supports computed entry by entry (T9-T13)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix.patterns import chain_product, digit_reversal, is_chainable, prime_factors

patterns = st.builds(km.Pattern, *[st.integers(1, 4)] * 4)


@given(patterns)
def test_counts(pattern: km.Pattern) -> None:
    support = pattern.support()
    assert support.shape == pattern.shape
    assert support.sum() == pattern.nnz
    assert pattern.density == pytest.approx(support.mean())
    np.testing.assert_array_equal(pattern.transpose.support(), support.T)


@settings(max_examples=400)
@given(patterns, patterns)
def test_chainable_products_have_the_product_pattern(left: km.Pattern, right: km.Pattern) -> None:
    if not left.chainable(right):
        with pytest.raises(ValueError, match="not chainable"):
            left * right
        return
    product = left.support().astype(int) @ right.support()
    np.testing.assert_array_equal(product > 0, (left * right).support())
    assert set(np.unique(product)) <= {0, left.chain_rank(right)}


@given(st.integers(1, 60))
def test_butterflies_of_any_size(n: int) -> None:
    chain = km.butterfly_patterns(n)
    assert is_chainable(chain)
    assert chain_product(chain) == (1, n, n, 1)
    assert np.prod(prime_factors(n)) == n
    assert all(left.chain_rank(right) == 1 for left, right in pairwise(chain))


@pytest.mark.parametrize(("n", "radices"), [(8, None), (12, None), (12, (3, 2, 2)), (30, (5, 2, 3))])
def test_the_dft_in_digit_reversed_order_is_a_butterfly(n: int, radices: tuple[int, ...] | None) -> None:
    F = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)[:, digit_reversal(n, radices)]
    chain = km.butterfly_patterns(n, radices)
    for cut in range(1, len(chain)):
        (_, b1, _, _), (_, b2, c2, _) = chain_product(chain[:cut]), chain_product(chain[cut:])
        # T11: slices of size b1 × c2, here F[(b1, β), (κ, c2)], all of rank one.
        slices = F.reshape(b1, b2, n // c2, c2).transpose(2, 1, 0, 3)
        s = np.linalg.svd(slices, compute_uv=False)
        assert s[..., 1:].max(initial=0) < 1e-10


def test_mixer_and_monarch_patterns() -> None:
    channel, token = km.mixer_patterns(3, 4)
    assert (channel.nnz, token.nnz) == (4 * 4 * 3, 3 * 3 * 4)
    left, right = km.monarch_patterns(2, 3, 4, 5, rank=2)
    assert left.chain_rank(right) == 2
    assert (left * right).shape == (8, 15)


def test_bad_patterns() -> None:
    with pytest.raises(ValueError, match="b=0: expected at least 1"):
        km.Pattern(1, 0, 2, 3)
    with pytest.raises(TypeError, match=r"c=2\.0 is not an integer"):
        km.Pattern(1, 1, 2.0, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="multiply to 6: expected n=8"):
        km.butterfly_patterns(8, (2, 3))
    with pytest.raises(ValueError, match="multiply to 6: expected n=8"):
        digit_reversal(8, (2, 3))
    with pytest.raises(ValueError, match="patterns is empty"):
        chain_product([])
    with pytest.raises(ValueError, match="n=0"):
        prime_factors(0)
