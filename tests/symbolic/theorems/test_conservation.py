"""Conservation laws and their number: structures against the package's operators, brackets against numbers."""

from dataclasses import replace

import numpy as np
import pytest

from kronmix.symbolic.provers.polynomials import derivative, value_at
from kronmix.symbolic.theorems.conservation import (
    hadamard,
    kronecker,
    mixer,
    monarch,
    product,
    prove_conserved,
    prove_drift_order,
    prove_law_count,
    sum_of_kroneckers,
)

STRUCTURES = [
    hadamard(4),
    kronecker((2, 3), (3, 2)),
    product(3, 2, 4),
    sum_of_kroneckers(),
    monarch(),
    mixer(2, 3, 2),
]


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: s.name)
def test_structures_conserve_and_their_matrix_is_the_operators(structure):
    M = structure.symbols()
    rng = np.random.default_rng(0)
    numbers = {name: rng.integers(-5, 6, shape) for name, shape in structure.shapes.items()}
    point = {str(x): int(v) for n in numbers for x, v in zip(M[n].ravel(), numbers[n].ravel(), strict=True)}
    found = [int(value_at(entry, point)) for entry in structure.weight(M).ravel()]
    assert np.array_equal(found, structure.op.with_factors(*numbers.values()).to_dense().ravel())
    assert prove_conserved(structure).holds


def test_a_short_numerical_flow_keeps_the_laws_to_the_order_of_the_step():
    structure = product(3, 2, 3)
    rng = np.random.default_rng(1)
    T = rng.normal(size=(3, 3))
    drifts = []
    for steps in (200, 400):
        F = {"P": np.ones((3, 2)) * [1, 2], "Q": np.eye(2, 3)}
        before = structure.laws(F)[0]
        for _ in range(steps):
            G = F["P"] @ F["Q"] - T
            F = {"P": F["P"] - G @ F["Q"].T / steps, "Q": F["Q"] - F["P"].T @ G / steps}
        drifts.append(np.abs(structure.laws(F)[0] - before).max())
    assert drifts[1] / drifts[0] == pytest.approx(0.5, abs=0.05)
    assert prove_drift_order(structure).holds
    assert not prove_drift_order(structure, 3).holds


def test_a_false_law_comes_with_a_point():
    false = replace(product(), laws=lambda F: [F["P"].T @ F["P"] + F["Q"] @ F["Q"].T])
    wrong = prove_conserved(false)
    assert not wrong.holds
    assert any(name.startswith("G") for name in wrong.values)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_number_of_laws_is_decided(count):
    outcome = prove_law_count(product(2, 2, 2), count)
    assert outcome.holds == (count == 3)


def test_incomplete_laws_are_noticed():
    known = replace(product(2, 2, 2), laws=lambda F: [(F["P"].T @ F["P"] - F["Q"] @ F["Q"].T)[:1, :1]])
    wrong = prove_law_count(known, 1)
    assert not wrong.holds
    assert "do not fill" in wrong.detail


def test_gradients_of_laws_are_orthogonal_to_the_gradient_fields():
    structure = kronecker((2, 1), (1, 2))
    M = structure.symbols()
    theta = np.concatenate([factor.ravel() for factor in M.values()])
    law = derivative(structure.laws(M)[0].item(), theta)
    for entry in structure.weight(M).ravel():
        assert (law @ derivative(entry, theta)) == 0
