"""Same linear map, same image: against dense matrices and known dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix.symbolic.provers.elimination import null_space, rank
from kronmix.symbolic.provers.finite_field import PRIMES


def integers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).integers(-9, 10, shape)


W, V = integers(4, 4), integers(5, 5)
LAYER = km.channel_mixing(V, tokens=4) @ km.token_mixing(W, channels=5)
SHUFFLED = km.commutation(5, 4) @ km.Kronecker(W, V.T) @ km.commutation(4, 5)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (LAYER, km.Kronecker(V.T, W)),
        (LAYER, km.LinearMixer(W, V).effective_weight()),
        (SHUFFLED, km.Kronecker(V.T, W)),
        (np.kron(V.T, W), km.Kronecker(V.T, W).to_dense()),
        (km.SumOfKroneckers([(V, W), (V, -W)]), np.zeros((20, 20))),
        (km.Hadamard(V, V), V * V),
        (km.Masked(V, V > 0), np.where(V > 0, V, 0)),
        (km.Dense(V) + km.Dense(V.T), km.Dense(V + V.T)),
    ],
)
def test_equal_maps_of_integers_are_proved(first: Any, second: Any) -> None:
    verdict = km.check_equivalent(first, second)
    assert verdict
    assert verdict.evidence == "modulo primes at sizes"
    assert verdict.error_probability < 1e-15
    off = np.array(second.to_dense() if isinstance(second, km.StructuredOperator) else second)
    off[-1, -1] += 1
    refuted = km.check_equivalent(first, off)
    assert not refuted
    assert refuted.counterexample is not None
    assert refuted.counterexample.entry == (off.shape[0] - 1, off.shape[1] - 1)
    assert refuted.counterexample.right - refuted.counterexample.left == 1


def test_real_width_without_the_matrix() -> None:
    W, V = integers(196, 196), integers(768, 768)
    layers = km.channel_mixing(V, tokens=196) @ km.token_mixing(W, channels=768)
    assert km.check_equivalent(layers, km.Kronecker(V.T, W))
    refuted = km.check_equivalent(layers, km.Kronecker(V, W))
    assert refuted.counterexample is not None
    i, j = refuted.counterexample.entry
    assert refuted.counterexample.left == V.T[i // 196, j // 196] * W[i % 196, j % 196]
    assert refuted.counterexample.right == V[i // 196, j // 196] * W[i % 196, j % 196]


def test_float_operators_are_compared_to_a_tolerance() -> None:
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(30, 30)), rng.normal(size=(40, 40)) * 1j
    scaled = km.Kronecker(3 * A, B / 3)
    verdict = km.check_equivalent(km.Kronecker(A, B), scaled)
    assert verdict
    assert verdict.evidence == "numerical"
    assert "tolerance 3.7e-11" in verdict.detail
    assert not km.check_equivalent(km.Kronecker(A, B), km.Kronecker(A, B * (1 + 1e-9)))
    assert km.check_equivalent(km.Kronecker(A, B), km.Kronecker(A, B * (1 + 1e-9)), tol=1e-8)
    small = km.check_equivalent(A, A + 1e-3 * np.eye(30)[::-1])
    assert small.counterexample is not None
    assert abs(small.counterexample.left - small.counterexample.right) == pytest.approx(1e-3)
    assert km.check_equivalent(np.zeros((2, 2)), 0.0 * rng.normal(size=(2, 2)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64, np.float64])
def test_the_tolerance_is_what_the_dtype_allows(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    A, B = (rng.normal(size=(9, 9)).astype(dtype) for _ in range(2))
    op = km.Kronecker(A, B)
    wide = np.result_type(dtype, np.float64)
    dense = np.kron(A.astype(wide), B.astype(wide)).astype(dtype)
    verdict = km.check_equivalent(op, dense)
    assert verdict
    assert f"tolerance {float(np.finfo(dtype).eps) ** (2 / 3):.1e}" in verdict.detail
    off = dense.copy()
    off[3, 4] += dtype(1)
    assert not km.check_equivalent(op, off)


def test_integers_that_a_dtype_rounds_are_not_refuted_for_it() -> None:
    W = np.random.default_rng(0).integers(-9999, 10000, (6, 6)).astype(np.float32)
    op = km.Kronecker(W, W)
    verdict = km.check_equivalent(op, op.to_dense())
    assert verdict
    assert "not equal as integers" in verdict.detail
    off = op.to_dense().copy()
    off[0, 0] += 1e6
    assert not km.check_equivalent(op, off)


@pytest.mark.parametrize(
    ("first", "second", "error", "words"),
    [
        ("x", np.eye(1), TypeError, "expected numbers"),
        (np.array([[np.nan]]), np.eye(1), ValueError, "NaN"),
        (np.ones(3), np.eye(1), ValueError, "axes"),
    ],
)
def test_bad_operators(first: Any, second: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        km.check_equivalent(first, second)


def test_bad_tolerance() -> None:
    with pytest.raises(ValueError, match="tol=-1"):
        km.check_equivalent(np.eye(2), np.eye(2), tol=-1)


TIED = km.Monarch(np.ones((1, 3, 3)), np.ones((1, 2, 2)))
UNTIED = km.Monarch(np.ones((2, 3, 3)), np.ones((3, 2, 2)))
KRONECKER = km.Kronecker(np.ones((3, 3)), np.ones((2, 2)))
CHANNEL = km.channel_mixing(np.ones((3, 3)), tokens=2)
PK = km.permuted_mixing(np.ones((3, 3)), 2, left=km.commutation(3, 2), right=km.commutation(2, 3))


@pytest.mark.parametrize(
    ("first", "second", "dimension"),
    [
        (TIED, KRONECKER, 12),
        (KRONECKER, TIED, 12),
        (PK, CHANNEL, 9),
        (km.Chain(km.Dense(np.ones((3, 3))), km.Dense(np.ones((3, 3)))), km.Dense(np.ones((3, 3))), 9),
        (km.Hadamard(np.ones((2, 3)), np.ones((2, 3))), km.Dense(np.ones((2, 3))), 6),
        (km.SumOfKroneckers([(np.ones((2, 2)), np.ones((2, 2)))] * 4), km.Dense(np.ones((4, 4))), 16),
        (km.SumOfKroneckers([(np.ones((2, 2)), np.ones((3, 1)))]), km.Kronecker(np.ones((2, 2)), np.ones((3, 1))), 6),
        (km.Kronecker(np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2))), km.Kronecker(*[np.ones((2, 2))] * 3), 10),
    ],
)
def test_equal_images(first: Any, second: Any, dimension: int) -> None:
    verdict = km.check_reparametrization(first, second)
    assert verdict, verdict
    assert f"dimension {dimension}," in verdict.detail
    assert verdict.error_probability < 1e-15


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (UNTIED, TIED, "24 ≠ 12"),
        (CHANNEL, km.token_mixing(np.ones((2, 2)), channels=3), "9 ≠ 4"),
        (km.Chain(km.Dense(np.ones((3, 1))), km.Dense(np.ones((1, 3)))), km.Dense(np.ones((3, 3))), "5 ≠ 9"),
        (km.random_permuted_mixing(np.ones((3, 3)), 2, seed=1), CHANNEL, "in one image"),
        (
            km.Kronecker(np.ones((2, 2)), np.ones((3, 3))),
            km.Kronecker(np.ones((3, 3)), np.ones((2, 2))),
            "in one image",
        ),
        (km.SumOfKroneckers([(np.ones((3, 2)), np.ones((2, 2)))] * 2), km.Dense(np.ones((6, 4))), "16 ≠ 24"),
        (CHANNEL, km.Dense(np.ones((5, 5))), "shapes"),
    ],
)
def test_different_images(first: Any, second: Any, words: str) -> None:
    verdict = km.check_reparametrization(first, second)
    assert not verdict
    assert words in repr(verdict)


def test_what_cannot_be_decomposed_is_said() -> None:
    sums = km.SumOfKroneckers([(np.ones((2, 2)), np.ones((2, 2)))])
    with pytest.raises(TypeError, match="no exact decomposition into SumOfKroneckers or SumOfKroneckers"):
        km.check_reparametrization(sums, sums)
    with pytest.raises(MemoryError, match="Jacobian"):
        km.check_reparametrization(km.Dense(np.ones((99, 99))), km.Dense(np.ones((99, 99))))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 4), st.integers(0, 99))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_rank_modulo_a_prime(m: int, n: int, r: int, seed: int) -> None:
    F, rng = PRIMES[0], np.random.default_rng(seed)
    M = F.matmul(F.random(rng, (m, r)), F.random(rng, (r, n))) if r else np.zeros((m, n), np.uint64)
    assert rank(M, F) == min(m, n, r)
    N = null_space(M, F)
    assert len(N) == n - min(m, n, r)
    assert not F.matmul(M, N.T).any()
