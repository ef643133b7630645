"""Linear Mixers as effective weights (T3, T4, T8)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kronmix as km
from tests.strategies import DTYPES, Source, sizes


@given(st.data())
def test_layers_are_t3(data: Any) -> None:
    source = Source(data.draw(st.integers(0, 99)), data.draw(st.sampled_from(DTYPES)))
    S, C, S2, C2 = (data.draw(sizes) for _ in range(4))
    W, X, V = source.array(S2, S), source.array(S, C), source.array(C, C2)
    token, channel = km.token_mixing(W, channels=C), km.channel_mixing(V, tokens=S)
    km.testing.check_operator(token, np.kron(np.eye(C, dtype=W.real.dtype), W))
    km.testing.check_operator(channel, np.kron(V.T, np.eye(S, dtype=W.real.dtype)))
    np.testing.assert_allclose(token @ km.vec(X), km.vec(W @ X), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(channel @ km.vec(X), km.vec(X @ V), rtol=1e-4, atol=1e-5)
    assert (token.density, channel.density) == (pytest.approx(1 / C), pytest.approx(1 / S))
    # T3: Vᵀ ⊗ I_S = K_{C',S}ᵀ … a block-diagonal matrix between two permutations.
    shuffled = km.commutation(S, C2) @ km.token_mixing(V.T, channels=S) @ km.commutation(C, S)
    assert shuffled.shape == channel.shape
    swapped = km.permuted_mixing(V.T, S, left=km.commutation(C2, S), right=km.commutation(S, C))
    np.testing.assert_array_equal(swapped.to_dense(), channel.to_dense())


@given(st.data(), st.integers(1, 3))
def test_linear_mixer(data: Any, layers: int) -> None:
    source = Source(data.draw(st.integers(0, 99)), data.draw(st.sampled_from([np.float64, np.complex128])))
    S, C = ([data.draw(sizes) for _ in range(layers + 1)] for _ in range(2))
    W = [source.array(S[i + 1], S[i]) for i in range(layers)]
    V = [source.array(C[i], C[i + 1]) for i in range(layers)]
    X = source.array(3, S[0], C[0])
    mixer = km.LinearMixer(W, V)
    expected = X
    for w, v in zip(W, V, strict=True):
        expected = w @ expected @ v
    np.testing.assert_allclose(mixer(X), expected, atol=1e-9)
    np.testing.assert_allclose(mixer(X[0]), expected[0], atol=1e-9)
    effective = mixer.effective_weight()
    assert type(effective) is km.Kronecker
    np.testing.assert_allclose(effective.to_dense(), mixer.to_dense(), atol=1e-9)
    np.testing.assert_allclose(mixer @ km.vec(X[0]), km.vec(expected[0]), atol=1e-9)
    km.testing.check_operator(mixer)
    assert [f.shape for f in mixer.factors] == [m.shape for pair in zip(W, V, strict=True) for m in pair]
    np.testing.assert_allclose((2.0 * mixer).to_dense(), 2 * mixer.to_dense())


def test_permuted_kronecker_family() -> None:
    W = np.random.default_rng(0).normal(size=(3, 4))
    one, two, three = (km.random_permuted_mixing(W, 5, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.to_dense(), two.to_dense())
    assert not np.array_equal(one.to_dense(), three.to_dense())
    plain = km.permuted_mixing(W, 5)
    s = np.linalg.svd(plain.to_dense(), compute_uv=False)
    np.testing.assert_allclose(np.linalg.svd(one.to_dense(), compute_uv=False), s, atol=1e-12)
    np.testing.assert_allclose(km.singular_values(one), s, atol=1e-12)
    assert one.nnz == plain.nnz == 60
    km.testing.check_operator(one)


def test_bad_input() -> None:
    W, V = np.ones((3, 3)), np.ones((4, 4))
    with pytest.raises(ValueError, match="W has 2 layers and V has 1"):
        km.LinearMixer([W, W], [V])
    with pytest.raises(ValueError, match=r"layer 2 takes 2×4 features .* but layer 1 gives 3×4"):
        km.LinearMixer([W, np.ones((3, 2))], [V, V])
    with pytest.raises(ValueError, match="at least one layer"):
        km.LinearMixer([], [])
    with pytest.raises(ValueError, match="W, layer 1 has shape"):
        km.LinearMixer(np.ones(3), V)
    with pytest.raises(ValueError, match=r"X has shape \(4, 3\): expected \(3, 4\) or \(N, 3, 4\)"):
        km.LinearMixer(W, V)(np.ones((4, 3)))
    with pytest.raises(ValueError, match="with_factors got shapes"):
        km.LinearMixer(W, V).with_factors(W)
    with pytest.raises(ValueError, match="left permutes 4 entries: expected 6"):
        km.permuted_mixing(W, 2, left=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="a=0: expected at least 1"):
        km.token_mixing(W, channels=0)
