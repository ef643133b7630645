"""Conservation laws and their number: structures against the package's operators, brackets against numbers."""

from dataclasses import replace

import numpy as np
import pytest

import kronmix as km
from kronmix.symbolic.conservation import (
    hadamard,
    kronecker,
    mixer,
    monarch,
    product,
    prove_conserved,
    prove_drift_order,
    sum_of_kroneckers,
)
from kronmix.symbolic.lie_algebra import bracket, prove_law_count
from kronmix.symbolic.provers.polynomials import derivative, entries, first_difference

STRUCTURES = [
    (hadamard(4), lambda F: F["u"] * F["v"]),
    (kronecker((2, 3), (3, 2)), lambda F: km.Kronecker(F["V0"], F["V1"]).to_dense()),
    (product(3, 2, 4), lambda F: F["P"] @ F["Q"]),
    (sum_of_kroneckers(), lambda F: km.SumOfKroneckers(list(zip(F["V"], F["W"], strict=True))).to_dense()),
    (monarch(), lambda F: km.Monarch(F["L"], F["R"], rank=2).to_dense()),
    (mixer(2, 3, 2), lambda F: np.kron((F["V0"] @ F["V1"]).T, F["W1"] @ F["W0"])),
]


@pytest.mark.parametrize(("structure", "dense"), STRUCTURES, ids=lambda x: getattr(x, "name", ""))
def test_structures_are_the_packages_matrices_and_conserve(structure, dense):
    rng = np.random.default_rng(0)
    F = {name: rng.normal(size=shape) for name, shape in structure.shapes.items()}
    weight = structure.weight({name: factor.astype(object) for name, factor in F.items()})
    assert np.allclose(weight.astype(float), dense(F))
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


def test_bracket_is_antisymmetric_and_that_of_linear_fields_is_the_commutator():
    theta = entries(x=(3,))["x"]
    rng = np.random.default_rng(2)
    A, B = (rng.integers(-2, 3, (3, 3)).astype(object) for _ in range(2))
    X, Y = tuple(A @ theta), tuple(B @ theta)
    found = np.array(bracket(X, Y, theta), object)
    assert first_difference(found, (A @ B - B @ A) @ theta) is None
    assert first_difference(found, -np.array(bracket(Y, X, theta), object)) is None


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
    M = structure.factors()
    theta = np.concatenate([factor.ravel() for factor in M.values()])
    law = derivative(structure.laws(M)[0].item(), theta)
    for entry in structure.weight(M).ravel():
        assert (law @ derivative(entry, theta)) == 0
