"""Nearest structures on data: optimality conditions of every step, exact cases against dense truth, brackets that hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix.decompose import data_aware_kronecker, data_aware_monarch
from kronmix.decompose.data_aware import least_ratio, solve
from kronmix.decompose.data_aware_moments import second_moment
from tests.strategies import sizes


def normal(rng: Any, *shape: int, kind: str = "real") -> Any:
    values = rng.normal(size=shape)
    return values + 1j * rng.normal(size=shape) if kind == "complex" else values


def semidefinite(rng: Any, n: int, rank: int | None = None, kind: str = "real") -> Any:
    X = normal(rng, n, n + 3 if rank is None else rank, kind=kind) * np.exp(rng.normal(size=(n, 1)))
    return X @ X.conj().T


def data_norm(E: Any, Σ: Any) -> float:
    return float(np.sqrt(max(np.trace(E @ Σ @ E.conj().T).real, 0.0)))


def check(found: Any, B: Any, Σ: Any) -> None:
    """Both errors are those of the operator, and the bounds are below."""
    E, scale = B - found.operator.to_dense(), data_norm(B, Σ)
    eps = float(np.finfo(found.operator.dtype).eps)
    tiny = 100 * float(np.sqrt(eps * np.finfo(float).eps)) * scale  # a square root of differences
    assert found.error == pytest.approx(np.linalg.norm(E), rel=1e-6, abs=100 * eps * float(np.linalg.norm(B)))
    assert found.data_error == pytest.approx(data_norm(E, Σ), rel=1e-5, abs=max(tiny, 1e-7 * scale))
    assert found.relative_data_error == pytest.approx(found.data_error / scale)
    assert found.data_lower_bound <= found.data_error
    assert found.lower_bound <= found.error
    assert found.data_error <= found.plain_data_error * (1 + 1e-7) + 100 * eps * scale
    if found.block_diagonal_data_error is not None:
        assert found.data_error <= found.block_diagonal_data_error * (1 + 1e-7) + 100 * eps * scale


@settings(max_examples=10)
@given(st.integers(0, 99), st.sampled_from(["real", "complex"]), st.integers(1, 4), st.sampled_from([None, 2]))
def test_low_rank_is_the_svd_of_the_weighted_matrix(seed: int, kind: str, rank: int, samples: int | None) -> None:
    rng = np.random.default_rng(seed)
    B, Σ = normal(rng, 6, 5, kind=kind), semidefinite(rng, 5, samples, kind)
    values, vectors = np.linalg.eigh(Σ)
    half = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.conj().T
    best = np.linalg.norm(np.linalg.svd(B @ half, compute_uv=False)[rank:])
    found = km.nearest_low_rank(B, rank, covariance=Σ)
    assert found.data_error == pytest.approx(best, rel=1e-7, abs=1e-7 * np.linalg.norm(B @ half))
    assert found.data_lower_bound == pytest.approx(best, rel=1e-6, abs=1e-6 * np.linalg.norm(B @ half))
    assert np.linalg.matrix_rank(found.operator.to_dense()) <= rank
    check(found, B, Σ)


def test_low_rank_without_data_is_the_svd() -> None:
    B = np.random.default_rng(0).normal(size=(7, 9))
    found = km.nearest_low_rank(B, 3)
    assert found.error == pytest.approx(np.linalg.norm(np.linalg.svd(B, compute_uv=False)[3:]))
    assert found.lower_bound == pytest.approx(found.error, rel=1e-6)
    assert type(found) is km.decompose.Factorization
    assert km.nearest_low_rank(B.astype(np.float32), 3).operator.dtype == np.float32
    assert km.nearest_low_rank(B, 20).relative_error < 1e-14


@settings(max_examples=10)
@given(st.data(), st.sampled_from(["real", "complex"]), st.integers(1, 2), st.sampled_from([None, 1]))
def test_kronecker_is_exact_where_the_moment_is_separable(data: Any, kind: str, rank: int, samples: int | None) -> None:
    (mA, nA), (mB, nB) = shapes = tuple((data.draw(sizes), data.draw(sizes)) for _ in range(2))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    B = normal(rng, mA * mB, nA * nB, kind=kind)
    parts = semidefinite(rng, nA, samples, kind), semidefinite(rng, nB, None, kind)
    Σ = np.kron(*parts)
    roots = [(v * np.sqrt(np.maximum(w, 0))) @ v.conj().T for w, v in map(np.linalg.eigh, parts)]
    weighted = km.decompose.rearrange(B @ np.kron(*roots), shapes)
    best, norm = np.linalg.norm(np.linalg.svd(weighted, compute_uv=False)[rank:]), np.linalg.norm(weighted)
    for covariance in (Σ, km.Kronecker(*parts)):
        found = km.nearest_kronecker(B, shapes, rank, covariance=covariance)
        assert found.data_error == pytest.approx(best, rel=1e-6, abs=1e-6 * norm)
        assert found.data_lower_bound == pytest.approx(best, rel=1e-5, abs=1e-5 * norm)
        check(found, B, Σ)


@settings(max_examples=10)
@given(st.data(), st.sampled_from(["real", "complex"]), st.integers(1, 2), st.sampled_from([None, 2]))
def test_monarch_is_exact_where_the_moment_is_block_diagonal(
    data: Any, kind: str, rank: int, samples: int | None
) -> None:
    p, k, q, s = sizes_ = tuple(data.draw(sizes) for _ in range(4))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    B, blocks = normal(rng, p * q, k * s, kind=kind), [semidefinite(rng, s, samples, kind) for _ in range(k)]
    best2 = norm2 = 0.0
    for c, block in enumerate(blocks):
        w, v = np.linalg.eigh(block)
        half = (v * np.sqrt(np.maximum(w, 0))) @ v.conj().T
        for i in range(q):
            values = np.linalg.svd(B[i::q, c * s : (c + 1) * s] @ half, compute_uv=False)
            best2, norm2 = best2 + np.sum(values[rank:] ** 2), norm2 + np.sum(values**2)
    Σ = km.block_diag(*blocks)
    for covariance in (Σ, Σ.to_dense()):
        found = km.nearest_monarch(B, sizes_, rank, covariance=covariance)
        assert found.data_error == pytest.approx(np.sqrt(best2), rel=1e-6, abs=1e-6 * np.sqrt(norm2))
        assert found.data_lower_bound == pytest.approx(np.sqrt(best2), rel=1e-5, abs=1e-5 * np.sqrt(norm2))
        assert found.block_diagonal_data_error == pytest.approx(found.data_error, rel=1e-6, abs=1e-7 * np.sqrt(norm2))
        check(found, B, Σ.to_dense())


def test_the_identity_as_moment_changes_nothing() -> None:
    B = np.random.default_rng(0).normal(size=(12, 20))
    for plain, aware in (
        (km.nearest_monarch(B, (4, 4, 3, 5)), km.nearest_monarch(B, (4, 4, 3, 5), covariance=4 * np.eye(20))),
        (
            km.nearest_kronecker(B, ((4, 4), (3, 5)), 2),
            km.nearest_kronecker(B, ((4, 4), (3, 5)), 2, covariance=4 * np.eye(20)),
        ),
        (km.nearest_low_rank(B, 2), km.nearest_low_rank(B, 2, covariance=4 * np.eye(20))),
    ):
        assert aware.error == pytest.approx(plain.error, rel=1e-7)
        assert aware.data_error == pytest.approx(2 * plain.error, rel=1e-7)
        assert aware.data_lower_bound == pytest.approx(2 * plain.error, rel=1e-6)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("samples", [None, 5])
def test_steps_of_monarch_meet_their_optimality_conditions(kind: str, samples: int | None) -> None:
    """The gradient with respect to what a step moves is zero: Lᴴ(B − M)Σ on the blocks, (B − M)ΣRᴴ."""
    rng = np.random.default_rng(0)
    q, k, p, s, rank = 3, 4, 5, 3, 2
    slices, Σ = normal(rng, q, k, p, s, kind=kind), semidefinite(rng, k * s, samples, kind)
    left, right = normal(rng, q, k, p, rank, kind=kind), normal(rng, q, k, rank, s, kind=kind)

    def residual(left: Any, right: Any) -> Any:
        E = (slices - left @ right).transpose(0, 2, 1, 3).reshape(q, p, k * s)
        return (E @ Σ).reshape(q, p, k, s)

    def objective(left: Any, right: Any) -> float:
        E = (slices - left @ right).transpose(0, 2, 1, 3).reshape(q * p, k * s)
        return data_norm(E, Σ)

    scale = np.linalg.norm(residual(left, right))
    weighted = residual(left, 0 * right).swapaxes(1, 2)
    new = data_aware_monarch.left_step(weighted, Σ, left, right)
    assert np.abs(np.einsum("qpkt,qkrt->qkpr", residual(new, right), right.conj())).max() < 1e-8 * scale
    assert objective(new, right) < objective(left, right)
    moved = data_aware_monarch.right_step(weighted, Σ, left, right)
    assert np.abs(np.einsum("qkpr,qpkt->qkrt", left.conj(), residual(left, moved))).max() < 1e-8 * scale
    assert objective(left, moved) < objective(left, right)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("samples", [None, 5])
def test_steps_of_kronecker_meet_their_optimality_conditions(kind: str, samples: int | None) -> None:
    rng = np.random.default_rng(1)
    mA, nA, mB, nB, rank = 3, 4, 2, 5, 2
    B, Σ = normal(rng, mA, mB, nA, nB, kind=kind), semidefinite(rng, nA * nB, samples, kind)
    P, Q = normal(rng, rank, mA, nA, kind=kind), normal(rng, rank, mB, nB, kind=kind)
    Σ4 = Σ.reshape(nA, nB, nA, nB)

    def residual(P: Any, Q: Any) -> Any:
        E = B - np.einsum("rij,rhl->ihjl", P, Q)
        return (E.reshape(mA * mB, -1) @ Σ).reshape(B.shape)

    weighted = (B.reshape(mA * mB, -1) @ Σ).reshape(B.shape)
    new = data_aware_kronecker.right_step(weighted, Σ4, P, Q)
    gradient = np.einsum("rij,ihjl->rhl", P.conj(), residual(P, new))
    assert np.abs(gradient).max() < 1e-8 * np.linalg.norm(weighted)
    swapped = weighted.transpose(1, 0, 3, 2), Σ4.transpose(1, 0, 3, 2)
    new = data_aware_kronecker.right_step(*swapped, Q, P)
    gradient = np.einsum("rhl,ihjl->rij", Q.conj(), residual(new, Q))
    assert np.abs(gradient).max() < 1e-8 * np.linalg.norm(weighted)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("samples", [None, 5])
def test_steps_of_conjugate_gradients_are_those_of_the_factored_equations(
    kind: str, samples: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    B, Σ = normal(rng, 3, 2, 4, 5, kind=kind), semidefinite(rng, 20, samples, kind).reshape(4, 5, 4, 5)
    P, Q = normal(rng, 2, 3, 4, kind=kind), normal(rng, 2, 2, 5, kind=kind)
    weighted = (B.reshape(6, 20) @ Σ.reshape(20, 20)).reshape(B.shape)

    def error(Q: Any) -> float:
        return data_norm((B - np.einsum("rij,rhl->ihjl", P, Q)).reshape(6, 20), Σ.reshape(20, 20))

    factored = data_aware_kronecker.right_step(weighted, Σ, P, Q)
    errors = [error(Q)]
    for steps in (1, 3, 40):
        monkeypatch.setattr(data_aware_kronecker, "_STEPS", steps)
        rhs = np.einsum("rij,ihjl->rlh", P.conj(), weighted).reshape(10, 2)
        found = data_aware_kronecker._descended(Σ, P, rhs, Q.transpose(0, 2, 1).reshape(10, 2))
        errors.append(error(found.reshape(2, 5, 2).transpose(0, 2, 1)))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == pytest.approx(error(factored), rel=1e-7)


def test_many_terms_with_a_large_factor_are_fitted_to_data() -> None:
    rng = np.random.default_rng(5)
    B, X = rng.normal(size=(64, 64)), rng.normal(size=(64, 8)) @ rng.normal(size=(8, 200)) + rng.normal(size=(64, 200))
    found = km.nearest_kronecker(B, ((2, 32), (32, 2)), rank=24, inputs=X)
    check(found, B, X @ X.T)
    assert found.data_error < 0.9 * found.plain_data_error


def test_solve_stays_where_nothing_is_known() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, 3))
    N, start = X @ X.T, rng.normal(size=6)
    found = solve(N, N @ np.ones(6), start)
    np.testing.assert_allclose(N @ found, N @ np.ones(6), atol=1e-10)
    null = np.linalg.svd(X.T)[2][3:]
    np.testing.assert_allclose(null @ found, null @ start, atol=1e-4)
    assert (solve(np.zeros((2, 2)), np.zeros(2), start[:2]) == start[:2]).all()


@pytest.mark.parametrize("samples", [None, 6])
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_brackets_hold_below_many_starts(kind: str, samples: int | None) -> None:
    """General Σ: no bound is above what random structures, improved, reach; and the result is near the best of them."""
    rng = np.random.default_rng(2)
    B, Σ = normal(rng, 6, 8, kind=kind), semidefinite(rng, 8, samples, kind)
    monarch = km.nearest_monarch(B, (3, 2, 2, 4), covariance=Σ)
    kronecker = km.nearest_kronecker(B, ((3, 2), (2, 4)), covariance=Σ)
    check(monarch, B, Σ)
    check(kronecker, B, Σ)
    assert (monarch.data_lower_bound > 0) == (samples is None)
    slices = B.reshape(3, 2, 2, 4).transpose(1, 2, 0, 3)
    four = B.reshape(3, 2, 2, 4)
    weighted, Σ4 = (B @ Σ).reshape(four.shape), Σ.reshape(2, 4, 2, 4)
    weighted_slices = weighted.transpose(1, 2, 0, 3)
    reached_monarch, reached_kronecker = [], []
    for _ in range(8):
        left, right = normal(rng, 2, 2, 3, 1, kind=kind), normal(rng, 2, 2, 1, 4, kind=kind)
        P, Q = normal(rng, 1, 3, 2, kind=kind), normal(rng, 1, 2, 4, kind=kind)
        for _ in range(30):
            left = data_aware_monarch.left_step(weighted_slices, Σ, left, right)
            right = data_aware_monarch.right_step(weighted_slices, Σ, left, right)
            Q = data_aware_kronecker.right_step(weighted, Σ4, P, Q)
            P = data_aware_kronecker.right_step(weighted.transpose(1, 0, 3, 2), Σ4.transpose(1, 0, 3, 2), Q, P)
        reached_monarch.append(data_norm((slices - left @ right).transpose(2, 0, 1, 3).reshape(6, 8) + 0, Σ))
        reached_kronecker.append(data_norm(B - np.kron(P[0], Q[0]), Σ))
    assert monarch.data_lower_bound <= min(reached_monarch) * (1 + 1e-9)
    assert kronecker.data_lower_bound <= min(reached_kronecker) * (1 + 1e-9)
    assert monarch.data_error <= min(reached_monarch) * 1.3 + 1e-6
    assert kronecker.data_error <= min(reached_kronecker) * 1.3 + 1e-6


def test_the_ratio_is_the_largest() -> None:
    rng = np.random.default_rng(3)
    Σ, other = semidefinite(rng, 5), semidefinite(rng, 5)
    c = least_ratio(second_moment(5, None, Σ), other)
    scaled = second_moment(5, None, Σ).matrix
    assert np.linalg.eigvalsh(scaled - c * other)[0] > -1e-9
    assert np.linalg.eigvalsh(scaled - 1.001 * c * other)[0] < 0
    assert least_ratio(second_moment(5, None, Σ), np.diag([1.0, 1, 1, 1, 0])) == 0


def test_inputs_chunks_and_covariance_are_one_problem() -> None:
    rng = np.random.default_rng(4)
    B, X = rng.normal(size=(8, 6)), rng.normal(size=(6, 6)) @ rng.normal(size=(6, 9000))
    chunks = np.array_split(X, 7, axis=1)
    results = [
        km.nearest_monarch(B, (4, 3, 2, 2), **data)
        for data in (
            {"inputs": X},
            {"inputs": chunks},
            {"inputs": iter(chunks)},
            {"covariance": X @ X.T},
            {"covariance": second_moment(6, X)},
        )
    ]
    for found in results:
        assert found.data_error == pytest.approx(np.linalg.norm((B - found.operator.to_dense()) @ X), rel=1e-9)
        assert found.data_error == pytest.approx(results[0].data_error, rel=1e-9)


def test_single_precision_inputs_are_streamed() -> None:
    """Two hundred thousand samples pass through one buffer; only some thousand are held in double precision."""
    rng = np.random.default_rng(5)
    buffer, served = np.empty((16, 20_000), np.float32), []

    def stream() -> Iterator[Any]:
        for i in range(10):
            buffer[:] = rng.standard_normal(buffer.shape, dtype=np.float32)
            served.append(i)
            yield buffer
            buffer[:] = np.nan

    found = km.nearest_low_rank(rng.normal(size=(16, 16)).astype(np.float32), 4, inputs=stream())
    assert served == list(range(10))
    assert found.operator.dtype == np.float32
    assert np.isfinite(found.data_error)


def test_fewer_samples_than_inputs() -> None:
    """What the data do not see is free: any structure with enough freedom is exact on them."""
    rng = np.random.default_rng(6)
    B, X = rng.normal(size=(12, 12)), rng.normal(size=(12, 2))
    for found in (
        km.nearest_low_rank(B, 2, inputs=X),
        km.nearest_monarch(B, (4, 3, 3, 4), inputs=X),
        km.nearest_kronecker(B, ((4, 3), (3, 4)), 3, inputs=X),
    ):
        check(found, B, X @ X.T)
        assert found.relative_data_error < 0.02
        assert found.data_lower_bound == 0


def test_where_the_block_diagonal_answer_is_worse_than_none_it_says_so() -> None:
    seen = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        B, few = rng.normal(size=(6, 6)), rng.normal(size=(6, 3)) @ rng.normal(size=(3, 20))
        X = few + 0.1 * rng.normal(size=(6, 20))  # three directions couple the groups of columns
        seen.append(km.nearest_monarch(B, (3, 2, 2, 3), inputs=X))
    assert {bool(found.warning) for found in seen} == {False, True}
    for found in seen:
        worse = found.block_diagonal_data_error > found.plain_data_error
        assert bool(found.warning) == worse == ("worse than ignoring the data" in repr(found))
    assert not km.nearest_low_rank(B, 2, inputs=X).warning


def test_scales_of_the_matrix_and_of_the_data_are_only_scales() -> None:
    rng = np.random.default_rng(8)
    B, X = rng.normal(size=(6, 6)), rng.normal(size=(6, 30))
    first = km.nearest_monarch(B, (3, 2, 2, 3), inputs=X)
    for b, x in ((2.0**-400, 1.0), (2.0**400, 2.0**-200), (1.0, 2.0**200)):
        scaled = km.nearest_monarch(b * B, (3, 2, 2, 3), inputs=x * X)
        assert scaled.data_error == pytest.approx(b * x * first.data_error, rel=1e-9)
        assert scaled.relative_error == pytest.approx(first.relative_error, rel=1e-9)
    assert km.nearest_monarch(B, (3, 2, 2, 3), inputs=np.zeros((6, 3))).data_error == 0
    assert km.nearest_kronecker(0 * B, ((3, 2), (2, 3)), inputs=X).data_error == 0


B = np.ones((4, 4))


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ({"inputs": np.ones((5, 3))}, ValueError, "inputs has shape (5, 3): expected (4, samples), as B has 4 columns"),
        ({"inputs": [np.ones((4, 3)), np.ones(4)]}, ValueError, "inputs[1] has shape (4,): expected (4, samples)"),
        ({"inputs": np.full((4, 3), np.nan)}, ValueError, "inputs has 12 NaN or infinite entries"),
        ({"inputs": np.ones((4, 0))}, ValueError, "inputs has no samples"),
        ({"inputs": 3}, TypeError, "inputs is a int: expected an array of shape (4, samples), or chunks"),
        ({"inputs": np.full((4, 3), "a")}, TypeError, "expected numbers"),
        ({"covariance": np.eye(3)}, ValueError, "covariance has shape (3, 3): expected (4, 4), B's columns"),
        ({"covariance": second_moment(3, np.ones((3, 5)))}, ValueError, "covariance is of 3 columns: expected 4"),
        ({"covariance": np.diag([1.0, 1, 1, -1])}, ValueError, "covariance is not positive semidefinite"),
        ({"covariance": np.tri(4)}, ValueError, "covariance is not symmetric (Hermitian)"),
        ({"covariance": np.full((4, 4), np.inf)}, ValueError, "covariance has 16 NaN or infinite entries"),
        ({"covariance": np.eye(4), "inputs": np.ones((4, 2))}, ValueError, "inputs and covariance are given"),
    ],
)
def test_bad_data(data: Any, error: type[Exception], words: str) -> None:
    for nearest in (
        lambda: km.nearest_low_rank(B, 1, **data),
        lambda: km.nearest_monarch(B, (2, 2, 2, 2), **data),
        lambda: km.nearest_kronecker(B, ((2, 2), (2, 2)), **data),
    ):
        with pytest.raises(error, match=re.escape(words)):
            nearest()


def test_data_with_three_factors_are_refused() -> None:
    with pytest.raises(ValueError, match="inputs or covariance with 3 factors: expected two factors"):
        km.nearest_kronecker(np.ones((8, 8)), ((2, 2),) * 3, inputs=np.ones((8, 2)))


def test_complex_inputs() -> None:
    rng = np.random.default_rng(9)
    B, X = rng.normal(size=(4, 6)), normal(rng, 6, 20, kind="complex")
    for found in (km.nearest_low_rank(B, 2, inputs=X), km.nearest_monarch(B, (2, 3, 2, 2), inputs=X)):
        assert found.operator.dtype == np.complex128
        assert found.data_error == pytest.approx(np.linalg.norm((B - found.operator.to_dense()) @ X), rel=1e-9)
