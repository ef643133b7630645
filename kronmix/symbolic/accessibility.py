"""How many directions the flows of vector fields reach: the rank of the Lie algebra they generate, at a generic point (T19).

The fields are those of a control system x' = X(x, u), u free at all times. Along one trajectory, A = ∂X/∂x and B = ∂X/∂u as
functions of time, the system linearised there reaches the span of B₀ = B, B_{k+1} = A B_k − B_k' (Silverman & Meadows 1967). All
columns lie in the Lie algebra of the fields, so their rank is a lower bound of its rank at every point; for generic controls it
is equal (Sontag 1992: generic inputs are nonsingular). Where one more column adds nothing, none after it does.

Here the point and the controls are random modulo a prime, and what is needed of a trajectory is its power series in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .provers.circuits import Node, evaluate
from .provers.elimination import rank
from .provers.finite_field import PrimeField

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["ControlSystem", "accessible_rank"]

#: Terms of the series at first; at most doubled as long as the rank grows.
_FIRST_ORDER = 4


@dataclass(frozen=True)
class ControlSystem:
    """x' = velocity(x, u) as the nodes of a circuit."""

    state: Sequence[Node]
    controls: Sequence[Node]
    velocity: Sequence[Node]


def accessible_rank(system: ControlSystem, F: PrimeField, rng: np.random.Generator, start: Array) -> int:
    """Rank of the directions that the controls reach from a point, the drift itself left out.

    Examples
    --------
    The fields (1, 0, −y) and (0, 1, x) reach every direction:

    >>> from kronmix.symbolic.provers.circuits import Circuit
    >>> from kronmix.symbolic.provers.finite_field import PrimeField
    >>> circuit = Circuit()
    >>> (x, y, z), (u, v) = circuit.inputs((3,)), circuit.inputs((2,))
    >>> system = ControlSystem([x, y, z], [u, v], [u, v, v * x - u * y])
    >>> F, rng = PrimeField(1), np.random.default_rng(0)
    >>> accessible_rank(system, F, rng, F.random(rng, (3,)))
    3
    """
    order, most = _FIRST_ORDER, len(system.state)
    while system.controls:
        found = _ranks(system, F, start, F.random(rng, (len(system.controls), order)))
        if found[-1] in (found[-2], most):
            return found[-1]
        growth = found[-1] - found[-2]
        order += min(order, (most - found[-1]) // growth + 2)
    return 0


def _ranks(system: ControlSystem, F: PrimeField, start: Array, controls: Array) -> list[int]:
    """−1 and the ranks of [B₀], [B₀, B₁], … until they stop growing, or the series end."""
    order = controls.shape[1]
    A, B = _linearised(system, F, _trajectory(system, F, start, controls), controls)
    columns, ranks = B[:, :, 0], [-1, rank(B[:, :, 0].T, F)]
    for k in range(1, order):
        slope = F.multiply(B[..., 1:], np.arange(1, order - k + 1, dtype=np.uint64))
        moved = np.zeros_like(slope)
        for i in range(order - k):  # the coefficients of A B, of which B has one more than its derivative
            for j in range(i + 1):
                moved[..., i] = F.add(moved[..., i], F.matmul(A[..., j], B[..., i - j]))
        B = F.subtract(moved, slope)
        columns = np.concatenate([columns, B[:, :, 0]], axis=1)
        ranks.append(rank(columns.T, F))
        if ranks[-1] in (ranks[-2], len(columns)):
            break
    return ranks


def _trajectory(system: ControlSystem, F: PrimeField, start: Array, controls: Array) -> Array:
    """The state as a power series, coefficient by coefficient, shape (state, order)."""
    order = controls.shape[1]
    x = np.zeros((len(start), order), np.uint64)
    x[:, 0] = start
    inputs = [*system.state, *system.controls]
    for k in range(order - 1):
        known = np.concatenate([x, controls])[:, None, : k + 1]
        slope = evaluate(system.velocity, inputs, known, F)[:, 0, k]
        x[:, k + 1] = F.multiply(slope, F.lift(np.array([pow(k + 1, -1, F.p)], object)))
    return x


def _linearised(system: ControlSystem, F: PrimeField, x: Array, controls: Array) -> tuple[Array, Array]:
    """∂X/∂x and ∂X/∂u along a trajectory, as power series."""
    places = len(x) + len(controls)
    values = np.zeros((places, 1 + places, x.shape[1]), np.uint64)
    values[:, 0] = np.concatenate([x, controls])
    values[np.arange(places), 1 + np.arange(places), 0] = 1
    found = evaluate(system.velocity, [*system.state, *system.controls], values, F)[:, 1:]
    return found[:, : len(x)], found[:, len(x) :]
