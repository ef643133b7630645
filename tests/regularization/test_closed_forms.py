"""Closed forms against integration, and against training of the factors themselves (T20, T27)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import quad, solve_ivp

import kronmix as km
from kronmix.regularization import averaged_mode, balanced_mode, learning_time, pairs, unbalanced_mode

signed = st.floats(0.05, 3).flatmap(lambda a: st.sampled_from([a, -a]))


def integrated(s: float, u: float, v: float, t: float) -> float:
    """uv by integrating the flow of the factors."""
    solution = solve_ivp(
        lambda _, z: (s - z[0] * z[1]) * z[::-1], (0, t), [u, v], method="DOP853", rtol=1e-12, atol=1e-14
    )
    return float(np.prod(solution.y[:, -1]))


@given(s=signed | st.just(0.0), u=signed | st.just(0.0), v=signed, t=st.floats(0, 6))
def test_any_mode_against_the_flow_of_its_factors(s, u, v, t):
    assert unbalanced_mode(s, u * v, u**2 - v**2, t) == pytest.approx(integrated(s, u, v, t), abs=1e-9)


@given(s=signed | st.just(0.0), u=signed, t=st.floats(0, 6))
def test_balanced_modes_of_either_sign(s, u, t):
    assert unbalanced_mode(s, u * u, 0.0, t) == pytest.approx(integrated(s, u, u, t), abs=1e-9)
    assert unbalanced_mode(s, -u * u, 0.0, t) == pytest.approx(integrated(s, u, -u, t), abs=1e-9)


@given(s=st.floats(0.1, 5), start=st.floats(1e-9, 8), t=st.floats(0, 20))
def test_balanced_mode_is_the_logistic_curve(s, start, t):
    assert balanced_mode(s, start, t) == pytest.approx(s / (1 + (s / start - 1) * np.exp(-2 * s * t)), rel=1e-9)


def test_modes_start_where_they_are_told_and_end_at_their_target():
    s, start, c = np.array([2.0, -1.0, 0.5]), np.array([0.1, 0.3, -1e-3]), np.array([0.2, 1e-4, 3.0])
    np.testing.assert_allclose(unbalanced_mode(s, start, c, 0.0), start, rtol=1e-10)
    np.testing.assert_allclose(unbalanced_mode(s, start, c, 300.0), s, rtol=1e-10)
    np.testing.assert_allclose(unbalanced_mode(s, start, c, 1e9), s, rtol=1e-10)
    assert unbalanced_mode(1.0, 0.0, 0.0, 5.0) == 0  # u = v = 0 is a saddle


def test_balanced_modes_from_tiny_scales():
    s, start = 1.5, 1e-250
    t = learning_time(s, start)
    assert balanced_mode(s, start, t) == pytest.approx(0.75)
    assert balanced_mode(s, start, learning_time(s, start, 0.9)) == pytest.approx(1.35)
    assert learning_time(3.0, start) == pytest.approx(t / 2, rel=2e-3)  # ∝ 1/s up to a logarithm


@given(s=st.floats(0, 4), start=st.floats(1e-6, 0.5), t=st.floats(0.05, 8))
def test_average_of_a_mode(s, start, t):
    def σ(τ: float) -> float:
        return float(balanced_mode(s, start, τ))

    assert averaged_mode(s, start, t) == pytest.approx(quad(σ, 0, t, epsabs=1e-12)[0] / t, rel=1e-7)


@given(s=st.floats(0.01, 4), λ=st.floats(0.05, 4))
def test_averages_tend_to_the_soft_threshold(s, λ):
    """2t·average = log(1 + e^g), up to the mode's own scale: off the hinge by at most log 2 + |log s| + what e^{−2st} leaves."""
    for α in (1e-10, 1e-70, 1e-140):
        t = np.log(1 / α) / λ
        error = abs(float(averaged_mode(s, α**2, t)) - max(s - λ, 0.0))
        assert error <= (np.log(2) + abs(np.log(s))) / (2 * t)


STRUCTURES = {
    "monarch": km.Monarch(np.ones((2, 3, 2)), np.ones((2, 2, 4))),
    "monarch rank 2": km.Monarch(np.ones((2, 3, 4)), np.ones((2, 4, 4)), rank=2),
    "kronecker": km.Kronecker(np.ones((2, 4)), np.ones((3, 2))),
    "two kroneckers": km.SumOfKroneckers([(np.ones((2, 4)), np.ones((3, 2)))] * 2),
    "product": km.Chain(km.Dense(np.ones((6, 6))), km.Dense(np.ones((6, 8)))),
    "low rank": km.LowRank(np.ones((6, 2)), np.ones((2, 8))),
    "diagonal": km.Hadamard(np.ones((6, 8)), np.ones((6, 8))),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_soft_threshold_path_stays_in_the_structure_and_solves_its_convex_problem(name):
    structure = STRUCTURES[name]
    T = np.random.default_rng(0).normal(size=(6, 8))
    view, rank = pairs.factored_blocks(structure)
    λ = np.array([1.0, 0.0, 0.3])
    path = km.soft_threshold_path(structure, T, λ)
    assert all((np.linalg.matrix_rank(view.split(B)) <= rank).all() for B in path.weights)
    # On a target that the structure represents, it is the convex reference path.
    convex = km.reference_path(km.Observed(path.weights[1]), "nuclear", [0.3], groups=view)
    np.testing.assert_allclose(path.weights[2], convex.weights[0], atol=1e-12)
    assert convex.duality_gap[0] < 1e-12


def test_kronecker_path_is_the_leading_term():
    T = np.random.default_rng(1).normal(size=(6, 8))
    structure = STRUCTURES["kronecker"]
    path = km.soft_threshold_path(structure, T, [0.0, 0.5])
    leading = km.nearest_kronecker(T, ((2, 4), (3, 2))).operator.to_dense()
    σ = np.linalg.norm(leading)
    np.testing.assert_allclose(path.weights[0], leading, atol=1e-7)
    np.testing.assert_allclose(path.weights[1], leading * (1 - 0.5 / σ), atol=1e-7)


def test_monarch_path_is_slice_by_slice():
    T = np.random.default_rng(1).normal(size=(6, 8))
    path = km.soft_threshold_path(STRUCTURES["monarch"], T, [0.4])
    for q, k in np.ndindex(2, 2):
        slice_, found = T[q::2, 4 * k : 4 * k + 4], path.weights[0][q::2, 4 * k : 4 * k + 4]
        U, σ, Vh = np.linalg.svd(slice_)
        np.testing.assert_allclose(found, max(σ[0] - 0.4, 0) * np.outer(U[:, 0], Vh[0]), atol=1e-12)


@pytest.mark.parametrize("name", ["monarch", "kronecker", "two kroneckers"])
def test_averaged_flow_is_that_of_the_trained_factors(name):
    """Integrate the factors' own gradient flow from balanced, aligned factors of scale α, through the pullback."""
    structure, α = STRUCTURES[name], 1e-3
    T = np.random.default_rng(2).normal(size=(6, 8))
    view, rank = pairs.factored_blocks(structure)
    U, _, Vh = np.linalg.svd(view.split(T), full_matrices=False)
    left, right = α * U[..., :rank], α * Vh[:, :rank]
    if name == "monarch":  # blocks (q·k, p, 1) and (q·k, 1, s) -> left (q, p, k), right (k, q, s)
        factors = [left.reshape(2, 2, 3).transpose(0, 2, 1), right.reshape(2, 2, 4).transpose(1, 0, 2)]
    else:
        shapes = ((2, 4), (3, 2))
        factors = [
            a.reshape(sh) for ρ in range(rank) for a, sh in zip((left[0, :, ρ], right[0, ρ]), shapes, strict=True)
        ]
    op = structure.with_factors(*factors)
    sizes = np.cumsum([f.size for f in op.factors])

    def slope(_, z):
        now = op.with_factors(
            *(a.reshape(f.shape) for a, f in zip(np.split(z[:-48], sizes[:-1]), op.factors, strict=True))
        )
        B, pull = now.vjp(np.eye(8))
        return np.concatenate([*(-g.ravel() for g in pull(B - T, False)[0]), B.ravel()])

    λ = np.array([0.5, 1.5])
    path = km.averaged_flow(structure, T, α, λ)
    start = np.concatenate([*(f.ravel() for f in op.factors), np.zeros(48)])
    for B, t in zip(path.weights, np.log(1 / α) / λ, strict=True):
        found = solve_ivp(slope, (0, t), start, method="DOP853", rtol=1e-10, atol=1e-12).y[-48:, -1] / t
        np.testing.assert_allclose(found.reshape(6, 8), B, atol=1e-7)


@pytest.mark.parametrize("name", STRUCTURES)
def test_averaged_flow_tends_to_the_soft_threshold_path(name):
    T = np.random.default_rng(2).normal(size=(6, 8))
    off = [km.averaged_flow(STRUCTURES[name], T, α, [0.3, 0.8]).distance.max() for α in (1e-10, 1e-40, 1e-140)]
    assert off[0] > off[1] > off[2]
    assert off[2] < 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: balanced_mode(1.0, 0.0, 1.0), r"start=0.0: expected σ₀ > 0"),
        (lambda: unbalanced_mode(1.0, 0.0, 1.0, -1.0), r"t=-1.0: expected times ≥ 0"),
        (lambda: learning_time(1.0, 2.0), r"expected s > σ₀ > 0"),
        (lambda: learning_time(1.0, 0.1, 1.0), r"fraction=1.0: expected a number between 0 and 1"),
        (lambda: averaged_mode(-1.0, 0.1, 1.0), r"expected s ≥ 0, σ₀ > 0 and t > 0"),
        (
            lambda: km.soft_threshold_path(STRUCTURES["monarch"], np.eye(3), [1.0]),
            r"T has shape \(3, 3\): expected \(6, 8\)",
        ),
        (lambda: km.soft_threshold_path(STRUCTURES["monarch"], np.ones((6, 8)), [-1.0]), r"holds λ=-1: expected λ ≥ 0"),
        (
            lambda: km.averaged_flow(STRUCTURES["monarch"], np.ones((6, 8)), 2.0, [1.0]),
            r"α=2.0: expected a scale between 0",
        ),
        (lambda: km.averaged_flow(STRUCTURES["monarch"], np.ones((6, 8)), 0.1, [0.0]), r"parameters holds λ=0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
