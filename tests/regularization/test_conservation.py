"""Conservation laws: constant along the flow, drifting at O(step) in descent, the same as exact algebra finds (T19)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import kronmix as km
from kronmix.regularization import DecayFlow, MomentumFlow
from kronmix.regularization.gradients import Packing


def draw(*shape: int, seed: int = 0) -> Any:
    return 0.5 * np.random.default_rng([seed, *shape]).normal(size=shape)


def butterfly(n: int) -> km.Chain:
    return km.Chain(
        *(km.KroneckerSparse(draw(*p.values_shape, seed=i), p) for i, p in enumerate(km.butterfly_patterns(n)))
    )


#: Structures, with the number of their independent laws.
STRUCTURES = {
    "dense": (km.Dense(draw(2, 3)), 0),
    "tied": (km.KroneckerSparse(draw(1, 1, 2, 2), (2, 2, 2, 2)), 0),
    "hadamard": (km.Hadamard(draw(2, 3), draw(2, 3, seed=1)), 6),
    "hadamard 3": (km.Hadamard(*(draw(1, 2, seed=i) for i in range(3))), 4),
    "product": (km.Chain(km.Dense(draw(3, 2)), km.Dense(draw(2, 3))), 3),
    "deep product": (km.Chain(*(km.Dense(draw(2, 2, seed=i)) for i in range(3))), 6),
    "kronecker": (km.Kronecker(draw(2, 3), draw(2, 2)), 1),
    "kronecker 3": (km.Kronecker(draw(2, 1), draw(1, 2), draw(2, 2)), 2),
    "sum": (km.SumOfKroneckers([(draw(2, 2, seed=i), draw(2, 2, seed=i + 5)) for i in range(2)]), 3),
    "monarch": (km.Monarch(draw(2, 2, 2), draw(2, 2, 2, seed=1)), 4),
    "monarch 2": (km.Monarch(draw(1, 2, 4), draw(2, 2, 2), rank=2), 6),
    "left tied": (km.Monarch(draw(1, 2, 2), draw(2, 2, 2)), 2),
    "tied monarch": (km.Monarch(draw(1, 3, 2), draw(1, 2, 2)), 1),
    "mixer": (km.LinearMixer(draw(2, 2), draw(3, 3)), 1),
    "two-block mixer": (km.LinearMixer([draw(2, 2, seed=i) for i in range(2)], [draw(2, 2, seed=i + 5) for i in range(2)]), 7),
    "layers": (km.Chain(km.channel_mixing(draw(3, 3), tokens=2), km.token_mixing(draw(2, 2), channels=3)), 1),
    "butterfly": (butterfly(4), 4),
    "permuted kronecker": (km.Chain(km.Permutation([2, 0, 3, 1]), km.Kronecker(draw(2, 2), draw(2, 2))), 1),
    "across a permutation": (km.Chain(km.Dense(draw(2, 2)), km.Permutation([1, 0]), km.Dense(draw(2, 2, seed=1))), 3),
}  # fmt: skip
#: Structures of the newer operators, with the number of their independent laws.
OTHERS = {
    "rows": (km.Chain(km.Diagonal(draw(2)), km.Dense(draw(2, 2))), 2),
    "low rank": (km.LowRank(draw(2, 2), draw(2, 2)), 3),
    "kronecker sum": (km.KroneckerSum(draw(2, 2), draw(2, 2)), 1),
    "low rank plus sparse": (km.Sum(km.LowRank(draw(2, 1), draw(1, 2)), km.Hadamard(draw(2, 2), draw(2, 2, seed=1))), 5),
    "dense plus mask": (km.Sum(km.Dense(draw(2, 2)), km.Masked(draw(2, 2, seed=1), np.eye(2))), 2),
    "blocks": (km.BlockDiagonal([km.Kronecker(draw(2, 1), draw(1, 2)), km.LowRank(draw(2, 1), draw(1, 2))]), 2),
    "kronecker times dense": (km.Chain(km.Kronecker(draw(2, 2), draw(1, 1)), km.Dense(draw(2, 2))), 4),
    "repeated": (km.Ampliation(km.Hadamard(draw(2, 2), draw(2, 2, seed=1)), 2, 1), 4),
}  # fmt: skip
#: Laws that are linear in the factors: descent keeps them exactly.
LINEAR = {"kronecker sum", "dense plus mask"}
WITH_LAWS = [name for name, (_, count) in STRUCTURES.items() if count]


def values(op: Any) -> Any:
    return np.concatenate([np.ravel(v) for v in km.conserved_quantities(op).values()] or [np.zeros(0)])


def independent(op: Any) -> int:
    """Rank of the gradients of the known laws, by central differences (exact for quadratic laws)."""
    rng = np.random.default_rng(3)
    op = op.with_factors(*(rng.normal(size=f.shape) for f in op.factors))
    rows = []
    for i, factor in enumerate(op.factors):
        for index in np.ndindex(*factor.shape):
            moved = []
            for sign in (1, -1):
                new = factor.copy()
                new[index] += sign
                moved.append(values(op.with_factors(*op.factors[:i], new, *op.factors[i + 1 :])))
            rows.append((moved[0] - moved[1]) / 2)
    return int(np.linalg.matrix_rank(np.array(rows), tol=1e-8)) if rows[0].size else 0


@pytest.mark.parametrize("name", STRUCTURES)
def test_known_laws_are_all_there_are(name: str) -> None:
    """As many independent known laws as quadratic ones are found, and as the Lie algebra leaves room for."""
    op, count = STRUCTURES[name]
    found = km.find_quadratic_laws(op)
    assert independent(op) == found.independent == found.total == count
    assert found.higher_degree == 0
    assert km.count_conservation_laws(op) == count


@pytest.mark.parametrize("name", WITH_LAWS)
def test_conserved_in_the_flow_and_by_the_laws_found(name: str) -> None:
    op, _ = STRUCTURES[name]
    found = km.find_quadratic_laws(op)
    rng = np.random.default_rng(1)
    problem = km.Regression(rng.normal(size=(op.shape[1], 20)), rng.normal(size=(op.shape[0], 20)))
    path = km.gradient_flow(problem, op, 5.0, {"known": values, "found": found.values})
    assert max(np.abs(a - b).max() for a, b in zip(path.operator.factors, op.factors, strict=True)) > 1e-2
    for law in path.recorded.values():
        assert np.abs(law - law[0]).max() < 1e-8


@pytest.mark.parametrize("name", OTHERS)
def test_laws_of_other_structures_are_conserved(name: str) -> None:
    op, count = OTHERS[name]
    found = km.find_quadratic_laws(op)
    assert independent(op) == count == found.independent == found.total
    rng = np.random.default_rng(1)
    problem = km.Regression(rng.normal(size=(op.shape[1], 20)), rng.normal(size=(op.shape[0], 20)))
    path = km.gradient_flow(problem, op, 2.0, {"known": values})
    assert max(np.abs(a - b).max() for a, b in zip(path.operator.factors, op.factors, strict=True)) > 1e-2
    assert np.abs(path.recorded["known"] - path.recorded["known"][0]).max() < 1e-8
    step = km.gradient_descent(problem, op, step_size=1e-3, steps=100, records=2).operator
    drift = float(np.abs(values(step) - values(op)).max())
    assert drift < 1e-12 if name in LINEAR else 1e-12 < drift < 0.1


@pytest.mark.parametrize("name", WITH_LAWS)
def test_descent_drifts_in_proportion_to_its_step(name: str) -> None:
    op, _ = STRUCTURES[name]
    rng = np.random.default_rng(1)
    problem = km.Regression(rng.normal(size=(op.shape[1], 20)), rng.normal(size=(op.shape[0], 20)))
    steps = np.array([8e-3, 4e-3, 2e-3])
    drifts = []
    for η in steps:
        path = km.gradient_descent(problem, op, step_size=float(η), steps=round(0.5 / η), records=2)
        drifts.append(np.linalg.norm(values(path.operator) - values(op)))
    slope = np.polyfit(np.log(steps), np.log(drifts), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)


def test_more_laws_than_the_matrix_ones_where_the_inner_size_is_large() -> None:
    """P (1×3) and Q (3×1): besides PᵀP − QQᵀ the products p_i q_j − p_j q_i are conserved; five of the nine are independent."""
    op = km.Chain(km.Dense(draw(1, 3)), km.Dense(draw(3, 1)))
    found = km.find_quadratic_laws(op)
    assert len(found) == 9
    assert found.independent == found.total == 5
    assert "9 laws, 5 of them independent; no others" in repr(found)


def test_permutations_and_dense_have_none() -> None:
    assert km.conserved_quantities(km.commutation(2, 2)) == {}
    assert len(km.find_quadratic_laws(km.Dense(draw(2, 2)))) == 0


@pytest.mark.parametrize(
    ("op", "words"),
    [
        (km.commutation(2, 2), "no parameters"),
        (km.Dense(np.ones((7, 7))), "49 parameters: expected 1 to"),
    ],
)
def test_bad_structures(op: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        km.find_quadratic_laws(op)
    with pytest.raises(ValueError, match=words):
        km.count_conservation_laws(op)


@pytest.mark.parametrize(
    ("op", "counts"),
    [
        pytest.param(km.Chain(*[km.Dense(np.ones((2, 2)))] * 12), (33, 11, 22), marks=pytest.mark.slow),
        (km.Chain(*[km.Dense(np.ones((2, 2)))] * 6), (15, 5, 10)),
        (km.Chain(km.Dense(np.ones((6, 4))), km.Dense(np.ones((4, 6)))), (10, 6, 4)),
        (km.Kronecker(np.ones((4, 4)), np.ones((4, 8))), (1, 0, 1)),
        (
            km.KroneckerSum(np.ones((3, 3)), np.ones((3, 3))),
            (1, 2, 1),
        ),  # ⟨c, θ⟩ = tr A − tr B; and ⟨c, θ' + τθ⟩, e^{τt}⟨c, θ'⟩
        (km.VStack([km.LowRank(np.ones((2, 2)), np.ones((2, 2))), km.Dense(np.ones((1, 2)))]), (3, 1, 2)),
        (km.HStack([km.LowRank(np.ones((2, 2)), np.ones((2, 2))), km.Diagonal(np.ones(2))]), (3, 1, 2)),
    ],
)
def test_laws_of_up_to_48_parameters_of_three_flows(op: Any, counts: tuple[int, int, int]) -> None:
    """r(r + 1)/2 laws for every inner size r by gradient flow, r(r − 1)/2 with momentum, r by the mirror flow of the entropy."""
    gradient, momentum, entropy = counts
    assert km.count_conservation_laws(op) == gradient
    assert km.count_conservation_laws(op, metric=lambda x: x) == entropy
    if op.n_parameters < 32:
        assert km.count_conservation_laws(op, flow="momentum") == momentum


def test_mirror_flow_of_a_constant_metric_is_gradient_flow() -> None:
    op = km.Hadamard(draw(2, 2), draw(2, 2, seed=1))
    assert km.count_conservation_laws(op, metric=lambda x: 3) == km.count_conservation_laws(op) == 4
    assert km.count_conservation_laws(op, metric=lambda x: 1 + x**2) == 4


class Outer(km.StructuredOperator):
    """A user's structure that does not say how its matrix is made."""

    def __init__(self, u: Any, v: Any) -> None:
        super().__init__((len(u), len(v)), (u, v))

    def with_factors(self, *arrays: Any) -> Any:
        return Outer(*arrays)

    def _apply(self, X: Any) -> Any:
        return np.outer(self.factors[0], self.factors[1] @ X)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: km.count_conservation_laws(km.Dense(np.eye(2)), flow="nesterov"), ValueError, "'gradient' or 'momentum'"),
        (lambda: km.count_conservation_laws(km.Dense(np.eye(2)), metric=np.sqrt), TypeError, "expected a polynomial"),
        (lambda: km.count_conservation_laws(km.Dense(np.eye(2)), metric=lambda x: 1 / x), TypeError, "expected a polynomial"),
        (lambda: km.count_conservation_laws(Outer(np.ones(2), np.ones(2))), TypeError, "Outer does not say how"),
        (lambda: km.find_quadratic_laws(km.Dense(np.ones((6, 6)))), ValueError, "36 parameters: expected 1 to 32"),
    ],
)  # fmt: skip
def test_bad_arguments(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_unknown_structures_are_said() -> None:
    with pytest.raises(TypeError, match="no induced penalty"):
        km.conserved_quantities(np.eye(2))  # type: ignore[arg-type]


#: Structures with laws that momentum keeps: antisymmetric, or linear in the factors.
KEPT = {"product", "deep product", "sum", "monarch 2", "two-block mixer", "across a permutation", "low rank",
        "kronecker times dense"} | LINEAR  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES | OTHERS)
def test_momentum_keeps_the_antisymmetric_laws_and_no_others(name: str) -> None:
    """T36, by the flow as one system of first order."""
    op, _ = (STRUCTURES | OTHERS)[name]
    packing, τ, rng = Packing(op), 0.7, np.random.default_rng(0)
    problem, n = km.Sensing(rng.normal(size=(5, *op.shape)), rng.normal(size=5)), packing.size

    def at(t: float, state: Any) -> dict[str, Any]:
        velocity = packing.operator(state[n:])
        return km.conserved_quantities(packing.operator(state[:n]), "momentum", velocity=velocity, friction=τ, time=t)

    start = np.concatenate([packing.vector(op.factors), 0.5 * rng.normal(size=n)])
    before = at(0.0, start)
    assert bool(before) == (name in KEPT)
    if before:
        flow = solve_ivp(
            lambda t, x: np.concatenate([x[n:], -τ * x[n:] - packing.loss_and_gradient(problem, x[:n])[1]]),
            (0.0, 1.0), start, method="DOP853", rtol=1e-11, atol=1e-12,
        )  # fmt: skip
        after = at(1.0, flow.y[:, -1])
        for law, value in before.items():
            assert np.abs(value).max() > 1e-3
            np.testing.assert_allclose(after[law], value, atol=1e-9)


@pytest.mark.parametrize("name", ["hadamard", "kronecker", "product", "mixer", "dense plus mask"])
def test_weight_decay_shrinks_the_laws(name: str) -> None:
    op, _ = (STRUCTURES | OTHERS)[name]
    rng = np.random.default_rng(0)
    problem = km.Sensing(rng.normal(size=(5, *op.shape)), rng.normal(size=5))
    end = km.gradient_flow(problem, op, 0.8, weight_decay=0.4).operator
    now = km.conserved_quantities(end, "decay", weight_decay=0.4, time=0.8)
    for law, value in km.conserved_quantities(op).items():
        np.testing.assert_allclose(now[law], value, atol=1e-8)
        shrunk = km.conserved_quantities(end)[law]
        assert np.linalg.norm(shrunk) < 0.8 * np.linalg.norm(value)


def test_flows_that_do_not_fit() -> None:
    op = km.LowRank(np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match="velocity has 2 parameters: expected 8"):
        km.conserved_quantities(op, "momentum", velocity=km.Dense(np.ones((1, 2))))
    with pytest.raises(ValueError, match="flow='nesterov': expected one of"):
        km.conserved_quantities(op, "nesterov")
    with pytest.raises(ValueError, match="already has its own"):
        km.conserved_quantities(op, DecayFlow(0.1), time=1.0)
    with pytest.raises(TypeError, match="complex factors under momentum"):
        km.conserved_quantities(km.LowRank(1j * np.eye(2), np.eye(2)), MomentumFlow(op))
