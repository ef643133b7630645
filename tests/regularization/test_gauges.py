"""Norms under R: below it, with their duals and proximal maps; proved bounds of decay paths whose penalty is not convex (T17)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.regularization import induced_norm
from kronmix.regularization.induced import induced_gauge


def draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def dense(*shapes: tuple[int, int]) -> list[km.Dense]:
    return [km.Dense(draw(*shape, seed=i)) for i, shape in enumerate(shapes)]


mixer = km.LinearMixer([draw(3, 3, seed=i) for i in range(2)], [draw(2, 2, seed=i) for i in range(2)])
ORDER = np.random.default_rng(0).permutation(6)
#: Structures, the degree of their R, and whether it is known exactly as a function of the norm.
STRUCTURES = {
    "dense": (km.Dense(draw(2, 3)), 1, True),
    "masked": (km.Masked(draw(3, 3), np.eye(3)), 1, True),
    "tied": (km.KroneckerSparse(draw(1, 1, 2, 3), (2, 2, 3, 2)), 1, True),
    "hadamard": (km.Hadamard(draw(2, 3), draw(2, 3, seed=1)), 2, True),
    "hadamard 3": (km.Hadamard(*(draw(2, 3, seed=i) for i in range(3))), 3, False),
    "low rank": (km.LowRank(draw(4, 2), draw(2, 3)), 2, True),
    "deep": (km.Chain(*dense((3, 2), (2, 4), (4, 3))), 3, False),
    "kronecker": (km.Kronecker(draw(2, 3), draw(3, 2)), 2, True),
    "kronecker 3": (km.Kronecker(draw(2, 3), draw(3, 2), draw(1, 2)), 3, True),
    "monarch": (km.Monarch(draw(2, 2, 2), draw(2, 2, 2, seed=1)), 2, True),
    "left tied": (km.Monarch(draw(1, 2, 2), draw(2, 2, 2)), 2, True),
    "mixer": (mixer, 4, True),
    "uneven mixer": (km.Chain(mixer, km.channel_mixing(draw(2, 2), tokens=3)), 5, False),
    "permuted": (km.Chain(km.Permutation(ORDER), km.Kronecker(draw(2, 2), draw(3, 3))), 2, True),
    "blocks": (km.BlockDiagonal([km.LowRank(draw(2, 2), draw(2, 3)), km.Hadamard(draw(2, 2), draw(2, 2))]), 2, True),
    "repeated": (km.Ampliation(km.LowRank(draw(2, 2), draw(2, 2)), 2, 3), 2, False),
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_gauge_is_a_norm_under_the_induced_penalty(name: str) -> None:
    structure, degree, exact = STRUCTURES[name]
    gauge = induced_gauge(structure)
    assert gauge is not None
    assert (gauge.degree, gauge.exact) == (degree, exact)
    rng = np.random.default_rng(0)
    for _ in range(5):
        op = structure.with_factors(*(rng.normal(size=f.shape) for f in structure.factors))
        B, G = op.to_dense(), rng.normal(size=op.shape)
        R, bound = km.induced_penalty(op), float(gauge.penalty(np.array(gauge.norm.value(B))))
        assert bound <= R.value * (1 + 1e-9)
        if exact:
            assert bound == pytest.approx(R.value, rel=1e-9)
        assert np.vdot(G, B) <= gauge.norm.dual(G) * gauge.norm.value(B) * (1 + 1e-12)
        # The proximal map: what is taken away has dual norm `step`, and is aligned with what is left.
        V = B + 0.1 * G
        Z = gauge.norm.prox(V, 0.2 * gauge.norm.dual(V))
        taken = (V - Z) / (0.2 * gauge.norm.dual(V))
        assert gauge.norm.dual(taken) <= 1 + 1e-9
        assert np.vdot(taken, Z) == pytest.approx(gauge.norm.value(Z), rel=1e-9)


def test_convex_references_follow_for_every_product_of_two() -> None:
    """Before, permuted products, low rank, blocks had no reference."""
    for name, (structure, degree, exact) in STRUCTURES.items():
        if degree == 2 and exact:
            B = structure.to_dense()
            assert induced_norm(structure).value(B) == pytest.approx(km.induced_penalty(structure).value), name


def test_decay_on_a_product_of_two_with_permutations_is_certified() -> None:
    rng = np.random.default_rng(0)
    problem = km.Sensing(rng.normal(size=(20, 4, 4)), rng.normal(size=20))
    pair = km.Chain(km.Dense(rng.normal(size=(4, 4))), km.Permutation([2, 0, 3, 1]), km.Dense(rng.normal(size=(4, 4))))
    path = km.regularization_path(problem, pair, "decay", [0.5, 0.1], restarts=1)
    assert path.certified is not None
    assert path.certified.all()


@pytest.mark.parametrize("structure", [km.Kronecker(*draw(3, 2, 2)), mixer, km.Hadamard(*draw(3, 1, 4))], ids=repr)
def test_decay_of_deeper_products_has_a_proved_bound(structure: Any) -> None:
    """No restart from anywhere goes below it, and it is near where the weight is simple."""
    rng = np.random.default_rng(1)
    one = structure.with_factors(*(np.outer(*(rng.normal(size=n) for n in f.shape)) for f in structure.factors))
    if structure.shape[0] == 1:
        one = structure.with_factors(*(f * [[1.0, 0.0, 0.0, 0.0]] for f in structure.factors))
    B = 2 * one.to_dense() / np.linalg.norm(one.to_dense())
    problem = km.Observed(B + 1e-3 * rng.normal(size=B.shape))
    λs = [0.3, 0.03]
    path = km.regularization_path(problem, structure, "decay", λs, restarts=2)
    assert path.excess is not None
    assert path.lower_bound is not None
    assert path.objective is not None
    assert path.excess.max() < 0.02
    assert path.remark.startswith("no reference: the penalty that")
    assert "proved: at most" in path.remark
    for seed in range(3):
        other = km.regularization_path(problem, structure, "decay", λs, restarts=1, seed=10 + seed)
        assert other.objective is not None
        assert (other.objective >= path.lower_bound * (1 - 1e-12)).all()
