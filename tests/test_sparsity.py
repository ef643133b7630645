"""Sparsity measures against their definitions on the dense matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

import kronmix as km
from kronmix.sparsity import count_nonzero, effective_nonzeros, group_norms, hoyer, l1_looseness
from kronmix.spectra.entrywise import entrywise_norm
from tests.strategies import operators


@given(operators(dtypes=[np.float64, np.complex128]))
def test_profile_is_that_of_the_dense_matrix(drawn: Any) -> None:
    op, M = drawn
    if not np.any(M):
        with pytest.raises(ValueError, match="is undefined"):
            km.sparsity_profile(op)
        return
    profile = km.sparsity_profile(op)
    assert profile.density == pytest.approx(np.mean(M != 0))
    assert profile.zeros == np.count_nonzero(M == 0)
    assert profile.hoyer == pytest.approx(hoyer(M), abs=1e-7)
    assert profile.effective_nonzeros == pytest.approx(effective_nonzeros(M), rel=1e-7)
    assert profile.l1_looseness == pytest.approx(l1_looseness(M), rel=1e-7)
    assert profile.l1_looseness >= 1 - 1e-12


def test_slices() -> None:
    rng = np.random.default_rng(0)
    for rank in (1, 2):
        op = km.Monarch(rng.normal(size=(4, 2, 3 * rank)), rng.normal(size=(3, 4 * rank, 5)), rank=rank)
        slices = op.to_dense().reshape(2, 4, 3, 5).transpose(1, 2, 0, 3)
        np.testing.assert_allclose(group_norms(op), np.linalg.norm(slices, axis=(2, 3)))
        assert km.sparsity_profile(op).group_hoyer == pytest.approx(hoyer(np.linalg.norm(slices, axis=(2, 3))))
    A, B = rng.normal(size=(3, 4)), rng.normal(size=(5, 6))
    slices = np.kron(A, B).reshape(3, 5, 4, 6).transpose(1, 2, 0, 3)
    np.testing.assert_allclose(group_norms(km.Kronecker(A, B)), np.linalg.norm(slices, axis=(2, 3)))
    values = rng.normal(size=(2, 3, 4, 5))
    blocks = km.KroneckerSparse(values, (2, 4, 5, 3))
    np.testing.assert_allclose(group_norms(blocks), np.linalg.norm(values, axis=(2, 3)))
    shared = km.KroneckerSparse(values[:1, :, :1], (2, 4, 5, 3))
    np.testing.assert_allclose(group_norms(shared), 2 * np.linalg.norm(values[[0, 0], :, :1], axis=(2, 3)))
    assert group_norms(km.Dense(A)) is None
    assert group_norms(km.Kronecker(A, B, A)) is None


def test_definitions_at_their_ends() -> None:
    assert hoyer(np.ones(7)) == pytest.approx(0, abs=1e-12)
    assert hoyer([0, 0, -3]) == pytest.approx(1)
    assert hoyer([2.0]) == 0
    assert effective_nonzeros([5, 5, 0, 0, -5]) == pytest.approx(3)
    assert l1_looseness(np.ones((3, 3))) == pytest.approx(1)
    one = np.zeros((4, 4))
    one[2, 1] = -3
    assert l1_looseness(one) == pytest.approx(4)  # m: as loose as it gets


def test_exact_zeros_are_counted_in_the_factors() -> None:
    """Values that happen to be zero, wherever they are stored; the dense matrix is the judge."""
    rng = np.random.default_rng(3)

    def holes(*shape: int) -> Any:
        return rng.normal(size=shape) * (rng.random(shape) < 0.6)

    P = km.Permutation(rng.permutation(12))
    for op in (
        km.Kronecker(holes(3, 4), holes(2, 2), holes(1, 3)),
        km.KroneckerSparse(holes(1, 3, 2, 2), (2, 2, 2, 3)),
        km.KroneckerSparse(holes(2, 1, 1, 4), (2, 3, 4, 2)),
        km.Monarch(holes(3, 4, 2), holes(2, 3, 6)),
        km.Monarch(holes(3, 4, 4), holes(2, 6, 6), rank=2),
        km.Masked(holes(5, 6), rng.random((5, 6)) < 0.5),
        km.Hadamard(holes(4, 4), holes(4, 4)),
        km.Chain(P, km.Kronecker(holes(3, 3), holes(4, 4)), P),
        P,
    ):
        M = op.to_dense()
        assert count_nonzero(op) == np.count_nonzero(M), op
        for p in (0.5, 1, 2, np.inf):
            expected = np.abs(M).max() if p == np.inf else (np.abs(M) ** p).sum() ** (1 / p)
            assert entrywise_norm(op, p) == pytest.approx(expected, rel=1e-9), (op, p)


def test_wide_layers_are_measured_from_their_factors() -> None:
    rng = np.random.default_rng(0)
    W, V = rng.normal(size=(96, 96)), rng.normal(size=(128, 128))
    token, channel = km.token_mixing(W, channels=128), km.channel_mixing(V, tokens=96)
    J = rng.permutation(96 * 128)
    permuted, mixer = km.permuted_mixing(W, 128, left=J, right=J), km.LinearMixer([W, W], [V, V])
    for op in (token, permuted):
        profile = km.sparsity_profile(op)
        assert profile.zeros == op.shape[0] ** 2 - 96 * 96 * 128
        assert profile.effective_nonzeros == pytest.approx(128 * effective_nonzeros(W))
        assert profile.density == pytest.approx(1 / 128)
        assert profile.group_hoyer == pytest.approx(0, abs=1e-6)
    product = effective_nonzeros(V @ V) * effective_nonzeros(W @ W)
    assert km.sparsity_profile(mixer).effective_nonzeros == pytest.approx(product)
    assert km.sparsity_profile(channel @ token).effective_nonzeros == pytest.approx(
        effective_nonzeros(V) * effective_nonzeros(W)
    )


def test_wide_weights_stay_factored() -> None:
    rng = np.random.default_rng(0)
    V, W = rng.normal(size=(768, 768)), rng.normal(size=(196, 196))
    profile = km.sparsity_profile(km.Kronecker(V, W))
    expected = effective_nonzeros(V) * effective_nonzeros(W)
    assert profile.effective_nonzeros == pytest.approx(expected)
    assert "Hoyer" in repr(profile)
    assert "group Hoyer" in repr(profile)


@pytest.mark.parametrize("bad", [np.zeros(3), np.array([1.0, np.nan]), np.array([np.inf, 1.0])])
def test_bad_input(bad: Any) -> None:
    for measure in (hoyer, effective_nonzeros, l1_looseness):
        with pytest.raises(ValueError, match="is undefined: expected finite and not all zero"):
            measure(bad)
    if np.ndim(bad) == 1 and not np.isfinite(bad).all():
        with pytest.raises(ValueError, match=r"factor 0 of Dense.* has 1 NaN or infinite entries"):
            km.sparsity_profile(bad[None])
