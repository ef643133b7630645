"""Simplified operators are the same matrices, in the structure that says most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kronmix as km
from kronmix.operators.simplify import simplified, unpermuted
from tests.strategies import Source, operators, sizes

EXACT = [np.float64, np.complex128]
rng = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@given(operators(dtypes=EXACT))
def test_the_same_matrix(drawn: Any) -> None:
    op, M = drawn
    np.testing.assert_allclose(simplified(op).to_dense(), M, atol=1e-12)
    without = unpermuted(op).to_dense()
    np.testing.assert_allclose(np.sort(np.abs(without), axis=None), np.sort(np.abs(M), axis=None), atol=1e-12)


@st.composite
def tied_chains(draw: Any) -> Any:
    """Tied factors and Kroneckers of a few small sizes in a row: some fit item by item, some do not."""
    source = Source(draw(st.integers(0, 99)), draw(st.sampled_from(EXACT)))
    width = draw(st.sampled_from([6, 8, 12]))
    divisors = [n for n in range(1, width + 1) if width % n == 0]
    parts = []
    for _ in range(draw(st.integers(2, 4))):
        c = draw(st.sampled_from(divisors))
        a = draw(st.sampled_from([n for n in divisors if (width // c) % n == 0]))
        if draw(st.booleans()):
            parts.append(km.KroneckerSparse(source.array(1, 1, c, c), (a, c, c, width // (a * c))))
        else:
            parts.append(km.Kronecker(source.array(a, a), source.array(c, c), source.array(*[width // (a * c)] * 2)))
    return parts


@given(tied_chains())
def test_tied_products(parts: Any) -> None:
    expected = np.linalg.multi_dot([op.to_dense() for op in parts])
    np.testing.assert_allclose(
        simplified(km.Chain(*parts)).to_dense(), expected, atol=1e-11 * max(1, np.abs(expected).max())
    )


@given(st.data())
def test_rectangular_mixing_layers_become_one_kronecker(data: Any) -> None:
    source = Source(data.draw(st.integers(0, 99)), np.complex128)
    S, C, S2, C2 = (data.draw(sizes) for _ in range(4))
    W, V = source.array(S2, S), source.array(C, C2)
    expected = np.kron(V.T, W)
    for chain in (
        km.channel_mixing(V, tokens=S2) @ km.token_mixing(W, channels=C),
        km.token_mixing(W, channels=C2) @ km.channel_mixing(V, tokens=S),  # the two commute
    ):
        found = simplified(chain)
        assert type(found) in (km.Kronecker, km.KroneckerSparse)
        np.testing.assert_allclose(found.to_dense(), expected, atol=1e-12)


def test_what_becomes_of_what() -> None:
    W, V = normal(3, 3), normal(4, 4)
    token, channel = km.token_mixing(W, channels=4), km.channel_mixing(V, tokens=3)
    untied = km.KroneckerSparse(normal(4, 1, 3, 3), (4, 3, 3, 1))
    P = km.Permutation(rng.permutation(12))
    cases = {
        km.Kronecker: [
            channel @ token,
            km.LinearMixer([W, W], [V, V]),
            km.Monarch(normal(1, 4, 4), normal(1, 3, 3)),
            km.SumOfKroneckers([(V, W)]),
            km.Sum(km.Kronecker(V, W)),
        ],
        km.KroneckerSparse: [km.Chain(token, token), km.Chain(token, untied), km.Chain(untied, untied)],
        km.Permutation: [km.Chain(P, P)],
        km.Chain: [km.Chain(P, channel, token), km.Chain(untied, channel)],
        km.Dense: [km.Dense(normal(3, 3))],
    }
    for kind, operators_ in cases.items():
        for op in operators_:
            assert type(simplified(op)) is kind, op
            np.testing.assert_allclose(simplified(op).to_dense(), op.to_dense(), atol=1e-10)
    assert simplified(km.Chain(token, token)).n_parameters == 9  # still shared
    assert type(unpermuted(km.Chain(P, channel, token, P))) is km.Kronecker
    assert len(simplified(km.Chain(P, channel, token)).operators) == 2


def test_identities_too_large_to_write_out_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = km.KroneckerSparse(normal(1, 1, 2, 2), (1, 2, 2, 10)) @ km.KroneckerSparse(
        normal(1, 1, 2, 2), (10, 2, 2, 1)
    )
    assert type(simplified(chain)) is km.Kronecker  # 2×2 ⊗ I_5 ⊗ 2×2
    monkeypatch.setattr("kronmix.operators.simplify._MAX_IDENTITY", 4)
    assert type(simplified(chain)) is km.Chain
    assert km.norm(chain, "nuclear") == pytest.approx(np.linalg.norm(chain.to_dense(), "nuc"))


def test_products_too_large_to_write_out_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = km.LinearMixer([normal(2, 20), normal(20, 2)], [normal(3, 3)] * 2)
    assert type(simplified(chain)) is km.Kronecker
    monkeypatch.setattr("kronmix.operators.simplify.MAX_BYTES", 100)
    wide = km.LinearMixer([normal(2, 20), normal(20, 2)], [normal(3, 3)] * 2)
    assert simplified(wide) is wide
