"""Widths, connections and best shapes (T5-T7) against brute force."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kronmix as km


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.integers(1, 3))
def test_layers_are_counted_right(S: int, C: int, γ_T: int, γ_C: int) -> None:
    shape = km.MixerShape(S, C, γ_T, γ_C)
    rng = np.random.default_rng(0)
    matrices = [
        km.token_mixing(rng.normal(size=(γ_T * S, S)), C),
        km.token_mixing(rng.normal(size=(S, γ_T * S)), C),
        km.channel_mixing(rng.normal(size=(C, γ_C * C)), S),
        km.channel_mixing(rng.normal(size=(γ_C * C, C)), S),
    ]
    for layer, op in zip(shape.layers(), matrices, strict=True):
        dense = op.to_dense()
        assert layer.pattern == op.pattern
        assert (layer.width_out, layer.width_in) == dense.shape
        assert layer.connections == np.count_nonzero(dense)
        assert layer.density == pytest.approx(np.mean(dense != 0))
        assert layer.n_parameters == op.n_parameters
    assert shape.connections == pytest.approx((γ_T * C * S**2 + γ_C * C**2 * S) / 2)
    if γ_T == γ_C:
        assert shape.equivalent_density == pytest.approx((1 / S + 1 / C) / 2)
        assert shape.equivalent_density == pytest.approx(shape.connections / (γ_T * shape.width**2))


@pytest.mark.parametrize(("γ_T", "γ_C"), [(1, 1), (2, 2), (1, 4), (3, 1), (0.5, 4), (1.5, 1)])
@pytest.mark.parametrize("Ω", [3.5, 100, 2048, 20_000.0])
def test_best_shape_is_the_best(Ω: float, γ_T: float, γ_C: float) -> None:
    def allowed(S: int, C: int) -> bool:
        whole = (γ_T * S) % 1 == 0 and (γ_C * C) % 1 == 0
        return whole and (γ_T * C * S * S + γ_C * C * C * S) / 2 <= Ω

    widths = [S * C for S in range(1, 300) for C in range(1, 300) if allowed(S, C)]
    if not widths:
        with pytest.raises(ValueError, match="no whole shape has so few"):
            km.best_shape(Ω, γ_T, γ_C)
        return
    best = km.best_shape(Ω, γ_T, γ_C)
    assert best.shape.width == max(widths)
    assert best.shape.connections <= Ω
    assert best.shape.width <= best.width * (1 + 1e-12)
    # T6: the real optimum uses all connections and has γ_T S* = γ_C C*.
    assert γ_T * best.tokens == pytest.approx(γ_C * best.channels)
    used = (γ_T * best.channels * best.tokens**2 + γ_C * best.channels**2 * best.tokens) / 2
    assert used == pytest.approx(Ω)


@pytest.mark.parametrize(("γ_T", "γ_C"), [(1, 1), (2, 7), (0.5, 4), (96 / 49, 4), (1.25, 1 / 3)])
@pytest.mark.parametrize("Ω", [1e5, 123_456_789.0, 2.0**31])
def test_best_shape_of_many_connections(Ω: float, γ_T: float, γ_C: float) -> None:
    """Every S that fits, with the largest C by the quadratic formula."""
    a, b = Fraction(γ_T).limit_denominator(100), Fraction(γ_C).limit_denominator(100)
    S = np.arange(a.denominator, int((2 * Ω / γ_T) ** 0.5) + 1, a.denominator)
    real = (-γ_T * S + np.sqrt(γ_T**2 * S.astype(float) ** 2 + 8 * γ_C * Ω / S)) / (2 * γ_C)
    C = (np.floor(real + 1e-9) // b.denominator * b.denominator).astype(int)
    best = km.best_shape(Ω, γ_T, γ_C)
    assert best.shape.width == (S * C).max()
    ties = S * C == (S * C).max()
    balance = abs(γ_T * best.shape.tokens - γ_C * best.shape.channels)
    assert balance == pytest.approx(np.abs(γ_T * S - γ_C * C)[ties].min())


def test_best_shape_at_the_limit() -> None:
    assert km.best_shape(10**24).shape.tokens == 10**8
    assert km.best_shape(10**18 - 1).shape.width < 10**12  # decided in whole numbers: one connection short
    assert km.best_shape(10**18).shape.width == 10**12


def test_mixer_b16() -> None:
    shape = km.MixerShape(196, 768, 384 / 196, 4)
    assert (shape.hidden_tokens, shape.hidden_channels) == (384, 3072)
    assert max(layer.width_out for layer in shape.layers()) == 602_112


def test_bad_input() -> None:
    for arguments, error, words in (
        ((0, 3), ValueError, "tokens=0: expected at least 1"),
        ((3, 2.5), TypeError, r"channels=2\.5 is not an integer"),
        ((3, 3, 0.5), ValueError, "token_expansion=0.5: .* is not a whole hidden size"),
        ((3, 3, 1, -2), ValueError, "channel_expansion=-2: expected a positive number"),
    ):
        with pytest.raises(error, match=words):
            km.MixerShape(*arguments)  # type: ignore[arg-type]
    for Ω in (0, -5, float("nan"), float("inf"), 1e25):
        with pytest.raises(ValueError, match=r"connections=.*: expected a positive number up to 1e\+24"):
            km.best_shape(Ω)
    with pytest.raises(ValueError, match=r"token_expansion=1\.414.*: no size below a million times it is whole"):
        km.best_shape(100, 2**0.5)
    with pytest.raises(ValueError, match=r"channel_expansion=0: expected a positive number"):
        km.best_shape(100, 1, 0)
    with pytest.raises(ValueError, match=r"no whole shape has so few"):
        km.best_shape(0.5)
