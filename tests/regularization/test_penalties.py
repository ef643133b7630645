"""Induced penalties: no factors cost less, the balanced ones cost exactly that, and a search over factors finds it (T16, T17)."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import minimize
from scipy.sparse.linalg import aslinearoperator

import kronmix as km
from kronmix.decompose import rearrange
from kronmix.regularization import induced_norm
from kronmix.regularization.gradients import Packing


def draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def chain(*shapes: tuple[int, int]) -> km.Chain:
    return km.Chain(*(km.Dense(draw(*shape, seed=i)) for i, shape in enumerate(shapes)))


EXACT = {
    "dense": km.Dense(draw(3, 4)),
    "masked": km.Masked(draw(3, 4), draw(3, 4) > 0),
    "sparse": km.KroneckerSparse(draw(2, 3, 2, 2), (2, 2, 2, 3)),
    "tied": km.KroneckerSparse(draw(1, 1, 2, 2), (2, 2, 2, 3)),
    "half tied": km.KroneckerSparse(draw(2, 1, 2, 2), (2, 2, 2, 3)),
    "permutation": km.commutation(2, 3),
    "hadamard": km.Hadamard(draw(3, 4), draw(3, 4, seed=1)),
    "hadamard 3": km.Hadamard(*(draw(2, 2, seed=i) for i in range(3))),
    "product": chain((3, 4), (4, 3)),
    "thin product": chain((4, 2), (2, 5)),
    "deep product": chain((3, 3), (3, 4), (4, 2)),
    "kronecker": km.Kronecker(draw(2, 3), draw(3, 2)),
    "kronecker 3": km.Kronecker(draw(2, 2), draw(2, 1), draw(1, 3)),
    "sum": km.SumOfKroneckers([(draw(2, 2, seed=i), draw(3, 2, seed=i)) for i in range(2)]),
    "monarch": km.Monarch(draw(2, 3, 4), draw(4, 2, 2)),
    "monarch 2": km.Monarch(draw(2, 3, 4), draw(2, 4, 2), rank=2),
    "tied monarch": km.Monarch(draw(1, 3, 2), draw(1, 2, 2)),
    "left tied": km.Monarch(draw(1, 3, 2), draw(2, 2, 2)),
    "right tied": km.Monarch(draw(2, 3, 2), draw(1, 2, 2)),
    "tied monarch 2": km.Monarch(draw(1, 3, 4), draw(1, 4, 2), rank=2),
    "layers": km.channel_mixing(draw(3, 3), tokens=2) @ km.token_mixing(draw(2, 2), channels=3),
    "mixer": km.LinearMixer(draw(2, 2), draw(3, 3)),
    "two-block mixer": km.LinearMixer([draw(4, 3), draw(3, 4, seed=1)], [draw(2, 3), draw(3, 2, seed=1)]),
    "three-block mixer": km.LinearMixer([draw(2, 2, seed=i) for i in range(3)], [draw(2, 2, seed=i) for i in range(3)]),
}
# (Vᵀ ⊗ I)(I ⊗ W) as two operators, not yet one Kronecker
EXACT["layers"] = km.Chain(km.channel_mixing(draw(3, 3), tokens=2), km.token_mixing(draw(2, 2), channels=3))


BLOCKS = np.kron(np.eye(2), np.ones((2, 2))) > 0
SHUFFLE = np.array([2, 5, 0, 3, 1, 4])
EXACT |= {
    # Permutations outside, beside free factors and between factors whose rectangles stay disjoint (T30)
    "permuted kronecker": km.Chain(km.Permutation(SHUFFLE), km.Kronecker(draw(2, 3), draw(3, 2)), km.Permutation(SHUFFLE)),
    "permuted layer": km.random_permuted_mixing(draw(2, 2), 3, seed=0),
    "product across a permutation": km.Chain(km.Dense(10 * draw(3, 3)), km.Permutation([2, 0, 1]), km.Dense(draw(3, 3, seed=1))),
    "permutation beside a dense factor": km.Chain(km.Dense(draw(3, 6)), km.Permutation(SHUFFLE), km.Dense(draw(6, 2))),
    "permuted monarch": km.Chain(km.Permutation([3, 0, 2, 1, 5, 4]), *km.Monarch(draw(3, 2, 2), draw(2, 3, 2)).operators),
    "permuted mixer": km.Chain(
        km.Permutation([1, 0, 3, 2]), *km.LinearMixer([draw(2, 2)] * 2, [draw(2, 2, seed=1)] * 2).operators, km.commutation(2, 2)
    ),
    # Masks and diagonals
    "masked product": km.Chain(km.Masked(draw(4, 4), BLOCKS), km.Masked(draw(4, 4, seed=1), BLOCKS)),
    "masks across a permutation": km.Chain(
        km.Masked(draw(4, 4), BLOCKS), km.Permutation([0, 2, 1, 3]), km.Masked(draw(4, 4, seed=1), BLOCKS)
    ),
    "scaled rows": km.Chain(km.Diagonal(draw(3)), km.Dense(draw(3, 4))),
    "scaled columns of a mask": km.Chain(km.Masked(draw(3, 4), np.eye(3, 4) + np.eye(3, 4, 1)), km.Diagonal(draw(4))),
    # Sharing on one side
    "dense and shared": km.Chain(km.Dense(draw(2, 4)), km.KroneckerSparse(draw(1, 1, 2, 2), (2, 2, 2, 1))),
    # Other structures
    "low rank": km.LowRank(draw(4, 2), draw(2, 3)),
    "kronecker sum": km.KroneckerSum(draw(2, 2), draw(3, 3)),
    "blocks": km.BlockDiagonal([km.Kronecker(draw(2, 2), draw(1, 2)), km.LowRank(draw(2, 1), draw(1, 2)), km.eye(2)]),
    "side by side": km.HStack([km.Dense(draw(2, 2)), km.LowRank(draw(2, 2), draw(2, 3))]),
    "one above the other": km.VStack([km.Hadamard(draw(2, 2), draw(2, 2, seed=1)), km.Kronecker(draw(1, 2), draw(2, 1))]),
    "repeated": km.Ampliation(km.LowRank(draw(2, 2), draw(2, 3)), 2, 2),
    # Sums that are one normal form
    "dense plus mask": km.Sum(km.Dense(draw(3, 4)), km.Masked(draw(3, 4, seed=1), draw(3, 4) > 0)),
    "kroneckers added": km.Sum(km.Kronecker(draw(2, 2), draw(3, 2)), km.Kronecker(draw(2, 2, seed=1), draw(3, 2, seed=1))),
    "monarchs added": km.Sum(*(km.Monarch(draw(2, 3, 2, seed=i), draw(2, 2, 2, seed=i)) for i in range(2))),
    "identity plus": km.Sum(km.eye(4), km.Kronecker(draw(2, 2), draw(2, 2, seed=1))),
    # Structures in structures
    "blocks of blocks": km.BlockDiagonal(
        [km.BlockDiagonal([km.Kronecker(draw(2, 2), draw(1, 2)), km.Dense(draw(2, 2))]), km.LowRank(draw(2, 1), draw(1, 3))]
    ),
    "repeated stack": km.Ampliation(
        km.HStack([km.LowRank(draw(2, 1), draw(1, 2)), km.Hadamard(draw(2, 2), draw(2, 2, seed=1))]), 2, 1
    ),
    "shuffled blocks": km.Chain(
        km.Permutation([2, 0, 3, 1]), km.BlockDiagonal([km.LowRank(draw(2, 2), draw(2, 2)), km.Kronecker(draw(2, 1), draw(1, 2))])
    ),
    "sum in a block": km.BlockDiagonal(
        [km.Sum(*(km.Kronecker(draw(2, 2, seed=i), draw(1, 2, seed=i)) for i in range(2))), km.Dense(draw(2, 1))]
    ),
    "stack with a sum": km.VStack(
        [km.Sum(km.Dense(draw(2, 3)), km.Masked(draw(2, 3, seed=1), np.eye(2, 3) > 0)), km.LowRank(draw(2, 1), draw(1, 3))]
    ),
    "product of products": km.Chain(km.Chain(km.Permutation([1, 2, 0]), km.Dense(draw(3, 2))), km.Chain(km.Dense(draw(2, 4)))),
    "permuted repetition": km.Chain(km.Ampliation(km.Dense(draw(2, 3)), 2, 1), km.Permutation(SHUFFLE)),
    "permuted masks": km.Chain(
        km.Masked(draw(4, 4), BLOCKS), km.Permutation([3, 1, 0, 2]), km.Masked(draw(4, 4, seed=1), np.eye(4) > 0)
    ),
}  # fmt: skip
#: Structures that can be every matrix.
UNIVERSAL = {
    *("dense", "hadamard", "hadamard 3", "product", "deep product", "monarch 2", "product across a permutation"),
    *("scaled rows", "dense plus mask", "side by side", "dense and shared", "monarchs added"),
    "permutation beside a dense factor",
}


BUTTERFLY = km.Chain(
    *(km.KroneckerSparse(draw(*p.values_shape, seed=i), p) for i, p in enumerate(km.butterfly_patterns(8)))
)


def cost(op: Any) -> float:
    return 0.5 * sum(float(np.vdot(f, f).real) for f in op.factors)


@pytest.mark.parametrize("name", EXACT)
def test_balanced_factors_attain_the_penalty_and_keep_the_matrix(name: str) -> None:
    op = EXACT[name]
    penalty = km.induced_penalty(op)
    assert penalty.exact
    assert penalty.value <= cost(op) * (1 + 1e-12)
    balanced = km.balanced_factors(op)
    assert type(balanced) is type(op)
    assert [f.shape for f in balanced.factors] == [f.shape for f in op.factors]
    assert np.allclose(balanced.to_dense(), op.to_dense(), rtol=1e-10, atol=1e-12)
    assert cost(balanced) == pytest.approx(penalty.value, rel=1e-12, abs=1e-300)
    # The same from the matrix alone, and from another structure that holds it.
    given = km.induced_penalty(op, op.to_dense())
    assert given.value == pytest.approx(penalty.value, rel=1e-8)
    assert np.allclose(km.balanced_factors(op, op.to_dense()).to_dense(), op.to_dense(), atol=1e-9)
    assert km.induced_penalty(op, km.Dense(op.to_dense())).value == pytest.approx(penalty.value, rel=1e-8)


#: Searched in the quick run: one of each kind. The others are slow.
SEARCHED = {"dense", "masked", "tied", "hadamard 3", "thin product", "kronecker", "sum", "scaled rows", "right tied"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow][: n not in SEARCHED]) for n in sorted(set(EXACT) - {"permutation"})],
)
def test_no_factors_of_the_same_matrix_cost_less(name: str) -> None:
    """Minimise ½‖θ‖² + ½μ‖B(θ) − B‖² over θ, from many starts: its minimum is at most R(B), and tends to it with μ."""
    penalty, (found, μ) = km.induced_penalty(EXACT[name]).value, least_penalized(EXACT[name])
    assert found <= penalty * (1 + 1e-9)
    # The penalised minimum is below R(B) by O(1/μ) only, so no cheaper factors exist.
    assert found >= penalty * (1 - 20 * max(1.0, penalty) / μ)


def least_penalized(op: Any) -> tuple[float, float]:
    """The smallest ½‖θ‖² + ½μ‖B(θ) − B‖² from five starts, and μ."""
    packing, μ = Packing(op), 1e4
    problem = km.Observed(op.to_dense())

    def objective(θ: Any) -> tuple[float, Any]:
        value, gradient = packing.loss_and_gradient(problem, θ, 0.0)
        return 0.5 * θ @ θ + μ * value, θ + μ * gradient

    rng = np.random.default_rng(0)
    starts = [packing.vector(op.factors)] + [rng.normal(size=packing.size) for _ in range(4)]
    found = min(
        (
            minimize(
                objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 4000, "ftol": 1e-15, "gtol": 1e-9}
            )
            for start in starts
        ),
        key=lambda r: r.fun,
    )
    return found.fun, μ


@given(st.sampled_from(sorted(set(EXACT) - {"permutation"})), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_random_factors_never_cost_less_than_the_penalty_of_their_matrix(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    op = EXACT[name]
    other = op.with_factors(*(rng.normal(size=f.shape) * rng.choice([0.1, 1.0, 10.0]) for f in op.factors))
    assert km.induced_penalty(other).value <= cost(other) * (1 + 1e-12)


KNOWN = {
    "dense": (lambda B: 0.5 * np.sum(B**2), "half squared norm"),
    "hadamard": (lambda B: np.abs(B).sum(), "ℓ1 norm"),
    "hadamard 3": (lambda B: 1.5 * np.sum(np.abs(B) ** (2 / 3)), "3/2"),
    "product": (lambda B: np.linalg.norm(B, "nuc"), "nuclear norm"),
    "deep product": (lambda B: 1.5 * np.sum(np.linalg.svd(B, compute_uv=False)[:2] ** (2 / 3)), "Schatten-2/3"),
    "kronecker": (np.linalg.norm, "Frobenius norm"),
    "kronecker 3": (lambda B: 1.5 * np.linalg.norm(B) ** (2 / 3), "3/2"),
    "layers": (np.linalg.norm, "Frobenius norm"),
    "tied monarch": (np.linalg.norm, "Frobenius norm"),
    "tied monarch 2": (lambda B: np.linalg.norm(rearrange(B, ((3, 2), (2, 2))), "nuc"), "rearranged"),
    "monarch": (
        lambda B: sum(np.linalg.norm(B[i::2, j : j + 2]) for i in range(2) for j in (0, 2, 4, 6)),
        "slices' nuclear",
    ),
    "permuted kronecker": (np.linalg.norm, "Frobenius norm"),
    "product across a permutation": (lambda B: np.linalg.norm(B, "nuc"), "nuclear norm"),
    "scaled rows": (lambda B: np.linalg.norm(B, axis=1).sum(), "disjoint rectangles"),
    "low rank": (lambda B: np.linalg.norm(B, "nuc"), "nuclear norm"),
    "dense and shared": (lambda B: np.linalg.norm(np.vstack([B[:, :2], B[:, 2:]]), "nuc"), "rearranged"),
    "identity plus": (lambda B: np.linalg.norm(B - np.eye(4)), "Frobenius norm"),
    "mixer": (np.linalg.norm, "Frobenius norm"),
    "two-block mixer": (lambda B: 2 * np.linalg.norm(B, "nuc") ** 0.5, "2 · nuclear norm"),
    "three-block mixer": (lambda B: 3 * np.sum(np.linalg.svd(B, compute_uv=False) ** (2 / 3)) ** 0.5, "depths 3, 3"),
    "tied": (lambda B: np.sum(B**2) / 12, "half squared norm"),
    "half tied": (lambda B: np.sum(B**2) / 6, "half squared norm"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_table_of_t17(name: str) -> None:
    formula, words = KNOWN[name]
    penalty = km.induced_penalty(EXACT[name])
    assert penalty.value == pytest.approx(float(formula(EXACT[name].to_dense())), rel=1e-10)
    assert words in penalty.name


@pytest.mark.parametrize("name", ["product", "kronecker", "sum", "monarch", "monarch 2", "hadamard"])
def test_agrees_with_the_convex_penalty(name: str) -> None:
    op = EXACT[name]
    assert km.induced_penalty(op).value == pytest.approx(induced_norm(op).value(op.to_dense()), rel=1e-10)


@pytest.mark.parametrize("name", sorted(set(EXACT) - UNIVERSAL))
def test_infinite_where_not_representable(name: str) -> None:
    op = EXACT[name]
    B = op.to_dense() + draw(*op.shape, seed=9)
    penalty = km.induced_penalty(op, B)
    assert penalty.value == penalty.lower == np.inf
    with pytest.raises(ValueError, match="cannot be represented"):
        km.balanced_factors(op, B)


def test_zero_costs_nothing() -> None:
    for op in EXACT.values():
        zero = op.with_factors(*(np.zeros_like(f) for f in op.factors))
        assert km.induced_penalty(zero).value == 0
        assert not any(f.any() for f in km.balanced_factors(zero).factors)


def test_complex_factors() -> None:
    P, Q = draw(3, 2) + 1j * draw(3, 2, seed=1), draw(2, 3) - 1j * draw(2, 3, seed=1)
    for op in (km.Chain(km.Dense(P), km.Dense(Q)), km.Kronecker(P, Q), km.Hadamard(P, Q.T)):
        balanced = km.balanced_factors(op)
        assert np.allclose(balanced.to_dense(), op.to_dense())
        assert cost(balanced) == pytest.approx(km.induced_penalty(op).value)


@pytest.mark.parametrize(
    "op",
    [
        pytest.param(BUTTERFLY, id="butterfly"),
        pytest.param(
            km.Chain(*BUTTERFLY.operators[:2], km.commutation(2, 4), BUTTERFLY.operators[2]),
            id="with a permutation",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            km.Chain(km.Dense(draw(8, 8)), BUTTERFLY.operators[0], km.KroneckerSparse(draw(1, 1, 2, 2), (2, 2, 2, 2))),
            id="dense and tied",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_other_chains_have_a_certified_interval(op: Any) -> None:
    penalty = km.induced_penalty(op)
    assert 0 < penalty.lower <= penalty.value <= cost(op) * (1 + 1e-12)
    assert not penalty.exact
    assert "between" in repr(penalty)
    balanced = km.balanced_factors(op)
    assert np.allclose(balanced.to_dense(), op.to_dense())
    assert cost(balanced) == pytest.approx(penalty.upper, rel=1e-10)
    packing, rng, μ = Packing(op), np.random.default_rng(0), 1e3
    problem = km.Observed(op.to_dense())
    for _ in range(3):  # no search goes below the proved bound
        found = minimize(
            lambda θ: (
                0.5 * θ @ θ + μ * packing.loss_and_gradient(problem, θ, 0.0)[0],
                θ + μ * packing.loss_and_gradient(problem, θ, 0.0)[1],
            ),
            packing.vector(op.factors) + 0.1 * rng.normal(size=packing.size),
            jac=True,
            method="L-BFGS-B",
        )
        theirs = op.with_factors(*packing.operator(found.x).factors)
        assert cost(theirs) >= km.induced_penalty(theirs).lower


def test_intervals_from_the_matrix_alone() -> None:
    own, given = km.induced_penalty(BUTTERFLY), km.induced_penalty(BUTTERFLY, BUTTERFLY.to_dense())
    assert given.lower == pytest.approx(own.lower)
    assert own.lower <= given.value
    assert km.induced_penalty(BUTTERFLY, draw(8, 8)).value == np.inf
    permuted = km.Chain(*BUTTERFLY.operators[:2], km.commutation(2, 4), BUTTERFLY.operators[2])
    with pytest.raises(TypeError, match="no decomposition"):
        km.induced_penalty(permuted, np.eye(8))


def test_a_monarch_written_as_a_chain_is_exact() -> None:
    monarch = EXACT["monarch 2"]
    penalty = km.induced_penalty(km.Chain(*monarch.operators))
    assert penalty.exact
    assert penalty == km.induced_penalty(monarch)


def test_case_20() -> None:
    """A permutation beside free dense factors leaves the nuclear norm (T30)."""
    r = np.random.default_rng(0)
    P, Q = 10 * r.normal(size=(3, 3)), r.normal(size=(3, 3))
    op = km.Chain(km.Dense(P), km.Permutation([2, 0, 1]), km.Dense(Q))
    penalty = km.induced_penalty(op)
    assert penalty.exact
    assert penalty.value == pytest.approx(np.linalg.norm(op.to_dense(), "nuc"), rel=1e-12)
    V, W = r.normal(size=(2, 2)), r.normal(size=(3, 3))
    permuted = km.Chain(km.Permutation(r.permutation(6)), km.Kronecker(V, W))
    assert km.induced_penalty(permuted).value == pytest.approx(np.linalg.norm(V) * np.linalg.norm(W), rel=1e-12)


@pytest.mark.parametrize("name", ["permuted mixings", "mask times dense"])
def test_two_linear_factors_are_certified(name: str) -> None:
    """A dual point closes the interval that Schatten norms leave open (T30)."""
    penalty = km.induced_penalty(MIXED[name])
    assert penalty.value * (1 - 1e-7) <= penalty.lower <= penalty.value


def test_a_wider_random_permuted_mixer_is_certified() -> None:
    W, V = draw(6, 6), draw(4, 4)
    op = km.random_permuted_mixing(W, 4, seed=0) @ km.channel_mixing(V, tokens=6)
    penalty = km.induced_penalty(op)
    norms = np.linalg.norm(W) * np.linalg.norm(V)
    assert penalty.value == pytest.approx(norms, rel=1e-9)
    assert penalty.lower == pytest.approx(norms, rel=1e-7)


def test_rank_of_the_slices_is_respected() -> None:
    """A Monarch matrix of block rank 2 costs ∞ at block rank 1, however close it is to rank 1, down to rounding."""
    rank_one, rank_two = EXACT["monarch"], km.Monarch(draw(2, 3, 8), draw(4, 4, 2), rank=2)
    assert rank_one.shape == rank_two.shape
    assert km.induced_penalty(rank_one, rank_two).value == np.inf
    assert km.induced_penalty(rank_one, rank_two.to_dense()).value == np.inf
    assert km.induced_penalty(rank_two, rank_one.to_dense()).value == pytest.approx(km.induced_penalty(rank_one).value)
    for size, value in ((1e-6, np.inf), (1e-7, np.inf), (1e-11, km.induced_penalty(rank_one).value)):
        B = rank_one.to_dense()
        near = B + size * np.linalg.norm(B) / np.linalg.norm(rank_two.to_dense()) * rank_two.to_dense()
        assert km.induced_penalty(rank_one, near).value == pytest.approx(value, rel=1e-6)


def test_matrices_of_single_precision_are_recognised() -> None:
    op = EXACT["kronecker"]
    B = op.to_dense().astype(np.float32)
    assert km.induced_penalty(op, B).value == pytest.approx(km.induced_penalty(op).value, rel=1e-5)
    single = op.with_factors(*(f.astype(np.float32) for f in op.factors))
    assert km.balanced_factors(single).dtype == np.float32


SUMS = {
    "low rank plus sparse": km.Sum(
        km.LowRank(draw(4, 4), draw(4, 4, seed=1)), km.Hadamard(draw(4, 4), draw(4, 4, seed=1))
    ),
    "low rank plus dense": km.Sum(km.LowRank(draw(3, 3), draw(3, 3, seed=1)), km.Dense(draw(3, 3))),
    "monarch plus sparse": km.Sum(
        km.Monarch(draw(2, 2, 4), draw(2, 4, 2), rank=2), km.Hadamard(draw(4, 4), draw(4, 4, seed=1))
    ),
    "rows plus product": km.Sum(
        km.Chain(km.Diagonal(draw(3)), km.Dense(draw(3, 3))), km.LowRank(draw(3, 3), draw(3, 3))
    ),
}


@pytest.mark.parametrize("name", SUMS)
def test_convex_sums_are_solved_to_a_small_gap(name: str) -> None:
    """Infimal convolutions: factors and a dual point that agree."""
    op = SUMS[name]
    for B in (None, op.to_dense()):
        penalty, balanced = km.induced_penalty(op, B), km.balanced_factors(op, B)
        assert not penalty.exact
        assert penalty.lower <= penalty.value <= penalty.lower * (1 + 1e-6)
        assert cost(balanced) == pytest.approx(penalty.value, rel=1e-12)
        assert np.allclose(balanced.to_dense(), op.to_dense(), atol=1e-10)


MIXED = {
    "kronecker plus dense": km.Sum(km.Kronecker(draw(2, 2), draw(2, 2, seed=1)), km.Dense(draw(4, 4))),
    "kronecker plus monarch": km.Sum(
        km.Kronecker(draw(2, 2), draw(2, 2, seed=1)), km.Monarch(draw(2, 2, 2), draw(2, 2, 2, seed=1))
    ),
    "deep plus dense": km.Sum(chain((3, 3), (3, 3), (3, 3)), km.Dense(draw(3, 3, seed=7))),
    "kronecker times dense": km.Chain(km.Kronecker(draw(2, 2), draw(2, 2, seed=1)), km.Dense(draw(4, 3))),
    "mask times dense": km.Chain(km.Masked(draw(3, 3), np.tri(3)), km.Dense(draw(3, 3, seed=1))),
    "sum times dense": km.Chain(km.Sum(km.Dense(draw(3, 3)), km.Hadamard(*[draw(3, 3)] * 2)), km.Dense(draw(3, 2))),
    "permuted mixings": km.Chain(
        km.token_mixing(draw(3, 3), 2), km.Permutation(SHUFFLE), km.channel_mixing(draw(2, 2), tokens=3)
    ),
    "butterfly": BUTTERFLY,
    "permuted terms": km.Sum(
        *(km.Chain(km.Permutation([1, 0, 2]), km.LowRank(draw(3, 1, seed=i), draw(1, 3, seed=i))) for i in range(2))
    ),
    "scaled low rank": km.Chain(km.Diagonal(draw(3)), km.LowRank(draw(3, 3), draw(3, 3))),
    "kronecker of low rank": km.kron(km.LowRank(draw(2, 1), draw(1, 2)), km.Dense(draw(2, 2))),
    "blocks": km.BlockDiagonal(
        [km.Chain(km.Masked(draw(2, 2), np.tri(2)), km.Dense(draw(2, 2, seed=1))), km.Kronecker(draw(2, 1))]
    ),
}


QUICK = {"permuted mixings"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow][: n not in QUICK]) for n in MIXED])
def test_the_least_that_is_found_lies_in_the_interval(name: str) -> None:
    op = MIXED[name]
    penalty, balanced = km.induced_penalty(op), km.balanced_factors(op)
    assert not penalty.exact
    assert 0 < penalty.lower <= penalty.value <= cost(op) * (1 + 1e-12)
    assert cost(balanced) == pytest.approx(penalty.value, rel=1e-9)
    assert np.allclose(balanced.to_dense(), op.to_dense(), atol=1e-9)
    found, μ = least_penalized(op)
    assert penalty.value >= found * (1 - 1e-9)
    assert penalty.lower <= found * (1 + 20 * max(1.0, penalty.value) / μ)


def test_real_width_is_never_dense() -> None:
    W, V = draw(196, 196), draw(768, 768)
    mixer = km.LinearMixer([W, W], [V, V])
    tracemalloc.start()
    value = km.induced_penalty(mixer).value
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    w, v = (np.linalg.norm(M @ M, "nuc") for M in (W, V))
    assert value == pytest.approx(2 * (w * v) ** 0.5, rel=1e-10)
    assert peak < 2e8


def test_l1_bound_and_its_looseness() -> None:
    op = EXACT["kronecker"]
    B = op.to_dense()
    bound = km.l1_bound(op)
    m = np.sqrt(B.size)
    assert bound.value == pytest.approx(np.abs(B).sum() / m)
    assert bound.frobenius == pytest.approx(np.linalg.norm(B))
    assert bound.looseness == pytest.approx(m * np.linalg.norm(B) / np.abs(B).sum())
    assert km.induced_penalty(op).value == pytest.approx(bound.value * bound.looseness)
    assert km.l1_bound(np.ones((3, 3))).looseness == pytest.approx(1)


@pytest.mark.parametrize(
    ("structure", "B", "error", "words"),
    [
        (EXACT["dense"], np.ones((2, 2)), ValueError, "expected \\(3, 4\\)"),
        (EXACT["dense"], np.full((3, 4), np.nan), ValueError, "NaN"),
        (EXACT["dense"], "x", (TypeError, ValueError), "B"),
        (np.eye(3), None, TypeError, "no induced penalty"),
        (aslinearoperator(np.eye(3)), None, TypeError, "no induced penalty"),
    ],
)
def test_bad_input(structure: Any, B: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        km.induced_penalty(structure, B)
