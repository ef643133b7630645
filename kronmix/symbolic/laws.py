"""Conservation laws found, not known: quadratic ones as an exact null space, and how many there are in all (T19).

A function h of the factors is conserved by gradient flow for every loss if ⟨∇h, ∇φ_i⟩ ≡ 0 for all entries φ_i of B(θ). For h = θᵀQθ
that is linear in Q. The number of independent laws near a generic θ is dim θ − dim Lie(∇φ)(θ) (Marcotte, Gribonval & Peyré 2023).
Everything is computed modulo a prime near 2⁶¹ at random points: a rank found is right except with probability about degree/2⁶¹.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from ..operators import StructuredOperator
from .accessibility import ControlSystem, accessible_rank
from .jacobian import jacobian, random_point
from .language.operators import parametrised
from .provers.circuits import Circuit, Node, gradient, total
from .provers.elimination import null_space, rank, reduced
from .provers.evaluation import Array, Objects, Values, entries
from .provers.finite_field import PRIMES, PrimeField

__all__ = ["QuadraticLaws", "count_conservation_laws", "find_quadratic_laws"]

#: Largest numbers of parameters: unknowns grow with the square.
_MOST_QUADRATIC, _MOST_COUNTED = 32, 48


@dataclass(frozen=True, eq=False, repr=False)
class QuadraticLaws:
    """All quadratic functions of the factors that gradient flow conserves, whatever the loss.

    Attributes
    ----------
    matrices : array of shape (laws, D, D), int64
        Symmetric Q with θᵀQθ conserved, a basis of all such; θ holds the factors one after another, each row by row.
    independent : int
        How many of the laws are independent functions near generic factors.
    total : int
        Number of all independent laws, of any degree.
    """

    matrices: Array
    independent: int
    total: int

    def __len__(self) -> int:
        return len(self.matrices)

    @property
    def higher_degree(self) -> int:
        """How many independent laws must exist that are not functions of the quadratic ones."""
        return self.total - self.independent

    def values(self, op: StructuredOperator) -> Array:
        """θᵀQθ of every law at the factors of an operator."""
        θ = np.concatenate([np.ravel(f) for f in op.factors])
        return np.asarray(np.einsum("i,lij,j->l", θ, self.matrices, θ))

    def __repr__(self) -> str:
        words = f"QuadraticLaws({len(self)} laws, {self.independent} of them independent"
        return f"{words}; " + (f"{self.higher_degree} more of higher degree)" if self.higher_degree else "no others)")


def find_quadratic_laws(op: StructuredOperator, seed: int = 0) -> QuadraticLaws:
    """Find every quadratic conservation law of gradient flow on the factors of a structure, exactly (T19).

    Parameters
    ----------
    op : StructuredOperator
        Its type, the shapes of its factors and what they share matter, not their values. At most 32 parameters.
    seed : int
        Of the random points.

    Raises
    ------
    ValueError
        If there are no parameters or too many: take a smaller structure of the same kind.

    References
    ----------
    Marcotte, Gribonval & Peyré, *Abide by the law and follow the flow*, NeurIPS 2023 (T19).

    Examples
    --------
    >>> laws = km.find_quadratic_laws(km.Kronecker(np.ones((1, 2)), np.ones((1, 2))))
    >>> laws
    QuadraticLaws(1 laws, 1 of them independent; no others)
    >>> laws.matrices[0].diagonal()  # ‖V‖² − ‖W‖²
    array([ 1,  1, -1, -1])
    """
    D = _count_parameters(op, _MOST_QUADRATIC)
    F, rng = PRIMES[0], np.random.default_rng(seed)
    rows, columns = np.triu_indices(D)
    basis = np.eye(len(rows), dtype=np.uint64)
    while len(basis):  # every random point leaves fewer, until only the laws are left, which leave all equations at 0
        left_open = F.matmul(_orthogonality(op, F, rng, rows, columns), basis.T)
        if not left_open.any():
            break
        basis = F.matmul(null_space(left_open, F), basis)
    matrices = np.zeros((len(basis), D, D), np.int64)
    for law, residues in zip(matrices, reduced(basis, F), strict=True):
        law[rows, columns] = _integers(residues, F)
        law += np.triu(law, 1).T
    θ = F.random(rng, (D,))
    gradients = [F.matmul(F.lift(law), θ) for law in matrices]
    return QuadraticLaws(
        matrices, rank(np.array(gradients), F) if gradients else 0, count_conservation_laws(op, seed=seed)
    )


Metric = Callable[[Any], Any]


def count_conservation_laws(
    op: StructuredOperator, flow: str = "gradient", metric: Metric | None = None, seed: int = 0
) -> int:
    """Number of independent conservation laws of a flow of the factors near generic values of them, whatever the loss (T19, T36).

    Gradient flow θ' = −h(θ)∘∇loss has dim θ − dim Lie(h∘∇φ)(θ), where φ are the entries of the matrix. Momentum flow is θ'' + τθ'
    + h(θ)∘∇loss = 0 with a generic constant τ. It has 2 dim θ less the rank of the Lie algebra generated by its own fields on (θ,
    θ'), time left out; its laws are functions of t, θ and θ'.

    Parameters
    ----------
    op : StructuredOperator
        Its type, the shapes of its factors and what they share matter. At most 48 parameters.
    flow : {"gradient", "momentum"}
    metric : callable, optional
        Of mirror flow: takes one parameter x and returns h(x) = 1/ψ''(x), a polynomial, for the mirror potential Σψ(θ_i). Without
        it h = 1, as for ψ(x) = x²/2; the entropy ψ(x) = x log x − x has h(x) = x.
    seed : int
        Of the random point and the random controls.

    Raises
    ------
    ValueError
        If there are no parameters or too many: take a smaller structure of the same kind; or if the flow is unknown.
    TypeError
        If the metric is no polynomial, or a structure does not say how it is made of its factors.

    References
    ----------
    Marcotte, Gribonval & Peyré 2023 (T19); *Keep the Momentum: Conservation Laws beyond Euclidean Gradient Flows*, ICML 2024
    (T36); Sontag 1992, *Universal nonsingular controls*, for the rank along one trajectory.

    Examples
    --------
    A product P Q of inner size r has r(r + 1)/2 under gradient flow and r(r − 1)/2 with momentum:

    >>> product = km.Chain(km.Dense(np.ones((3, 2))), km.Dense(np.ones((2, 3))))
    >>> km.count_conservation_laws(product), km.count_conservation_laws(product, flow="momentum")
    (3, 1)

    The entropy's mirror flow of P Q keeps the difference of a column's sum and the row's, one law for each:

    >>> km.count_conservation_laws(product, metric=lambda x: x)
    2
    """
    _count_parameters(op, _MOST_COUNTED)
    if flow not in _FLOWS:
        raise ValueError(f"flow={flow!r}: expected {' or '.join(map(repr, _FLOWS))}")
    state, reached = accessible_directions(op, flow, metric, PRIMES[0], np.random.default_rng(seed))
    return state - reached


def accessible_directions(
    op: StructuredOperator, flow: str, metric: Metric | None, F: PrimeField, rng: np.random.Generator
) -> tuple[int, int]:
    """Dimension of the state of a flow, and of the directions in which losses can move it near a generic state."""
    expression, shapes = parametrised(op)
    circuit = Circuit()
    arrays = {name: circuit.inputs(shape) for name, shape in shapes.items()}
    θ = [node for array in arrays.values() for node in array.ravel()]
    point = random_point(op, F, rng)
    rows = _independent_rows(jacobian(op, F, point), F)
    φ = entries(expression, Values(Objects(circuit.constant(1)), arrays, {})).ravel()[rows]
    controls = list(circuit.inputs((len(rows),)))
    slopes = gradient(total(circuit.constant(0), *(f * u for f, u in zip(φ, controls, strict=True))), θ)
    force = [slope * _metric(metric, x) for slope, x in zip(slopes, θ, strict=True)]
    state, velocity = _FLOWS[flow](θ, force, int(F.random(rng, (1,))[0]))
    start = np.concatenate([*(array.ravel() for array in point.values()), F.random(rng, (len(state) - len(θ),))])
    return len(state), accessible_rank(ControlSystem(state, controls, velocity), F, rng, start)


def _gradient_flow(θ: list[Node], force: list[Node], friction: int) -> tuple[list[Node], list[Node]]:
    """θ' = force."""
    return θ, force


def _momentum_flow(θ: list[Node], force: list[Node], friction: int) -> tuple[list[Node], list[Node]]:
    """θ' = v, v' = force − τ v."""
    v = list(θ[0].circuit.inputs((len(θ),)))
    return [*θ, *v], [*v, *(f - friction * x for f, x in zip(force, v, strict=True))]


_FLOWS = {"gradient": _gradient_flow, "momentum": _momentum_flow}


def _metric(metric: Metric | None, x: Node) -> Any:
    """1/ψ''(x) as a node or a number."""
    try:
        value = 1 if metric is None else metric(x)
        return x.circuit.constant(0) + value
    except (TypeError, ValueError, AttributeError) as error:
        raise TypeError(
            f"metric: expected a polynomial in its argument, of sums, products and powers ({error})"
        ) from None


def _independent_rows(J: Array, F: PrimeField) -> list[int]:
    """Rows that span all of them: a field that depends on others, with functions as coefficients, adds nothing to what they
    generate at generic θ.
    """
    return [int(np.flatnonzero(row)[0]) for row in reduced(J.T, F)]


def _count_parameters(op: StructuredOperator, most: int) -> int:
    """The number of parameters, which has to lie between 1 and most."""
    D = sum(f.size for f in op.factors)
    if not 1 <= D <= most:
        raise ValueError(
            f"{op!r} has {D} parameters: expected 1 to {most}; take a smaller structure of the same kind"
            if D
            else f"{op!r} has no parameters, so there is nothing to conserve"
        )
    return D


def _orthogonality(
    op: StructuredOperator, F: PrimeField, rng: np.random.Generator, rows: Array, columns: Array
) -> Array:
    """Equations Σ_{i≤j} Q_ij (J_ai θ_j + J_aj θ_i) = 0 at a random θ, one for each entry a of B."""
    point = random_point(op, F, rng)
    θ = np.concatenate([array.ravel() for array in point.values()])
    J = jacobian(op, F, point)
    mixed = F.add(F.multiply(J[:, rows], θ[columns]), F.multiply(J[:, columns], θ[rows]))
    return np.asarray(np.where(rows == columns, F.multiply(J[:, rows], θ[rows]), mixed))


def _integers(residues: Array, F: PrimeField) -> Array:
    """The fractions with small numerators and denominators that residues stand for, times their common denominator."""
    fractions = [_fraction(int(x), F.p) for x in residues]
    common = lcm(*(f.denominator for f in fractions))
    return np.array([int(f * common) for f in fractions], np.int64)


def _fraction(x: int, p: int) -> Fraction:
    """Rational reconstruction: the continued fraction of x/p stopped at √(p/2)."""
    bound = int((p // 2) ** 0.5)
    r0, r1, s0, s1 = p, x, 0, 1
    while r1 > bound:
        q = r0 // r1
        r0, r1, s0, s1 = r1, r0 - q * r1, s1, s0 - q * s1
    return Fraction(r1, s1)
