"""Conservation laws found, not known: quadratic ones as an exact null space, and how many there are in all (T19).

A function h of the factors is conserved by gradient flow for every loss if ⟨∇h, ∇φ_i⟩ ≡ 0 for all entries φ_i of B(θ). For h = θᵀQθ
that is linear in Q. The number of independent laws near a generic θ is dim θ − dim Lie(∇φ)(θ) (Marcotte, Gribonval & Peyré 2023).
Everything is computed modulo a prime near 2⁶¹ at random points: a rank found is right except with probability about degree/2⁶¹.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from ..operators import StructuredOperator
from .jacobian import jacobian, random_point
from .language.operators import parametrised
from .lie_algebra import Field, bracket
from .provers.elimination import null_space, rank, reduced
from .provers.evaluation import Array, Objects, Values, entries
from .provers.finite_field import PRIMES, PrimeField
from .provers.polynomials import derivative, entries as variables

__all__ = ["QuadraticLaws", "count_conservation_laws", "find_quadratic_laws"]

#: Largest numbers of parameters: unknowns grow with the square, brackets with more.
_MOST_QUADRATIC, _MOST_COUNTED = 32, 24


@dataclass(frozen=True, eq=False, repr=False)
class QuadraticLaws:
    """All quadratic functions of the factors that gradient flow conserves, whatever the loss.

    Attributes
    ----------
    matrices : array of shape (laws, D, D), int64
        Symmetric Q with θᵀQθ conserved, a basis of all such; θ holds the factors one after another, each row by row.
    independent : int
        How many of the laws are independent functions near generic factors.
    total : int or None
        Number of all independent laws, of any degree; None where there are too many parameters to count them.
    """

    matrices: Array
    independent: int
    total: int | None

    def __len__(self) -> int:
        return len(self.matrices)

    @property
    def higher_degree(self) -> int | None:
        """How many independent laws must exist that are not functions of the quadratic ones; None where not counted."""
        return None if self.total is None else self.total - self.independent

    def values(self, op: StructuredOperator) -> Array:
        """θᵀQθ of every law at the factors of an operator."""
        θ = np.concatenate([np.ravel(f) for f in op.factors])
        return np.asarray(np.einsum("i,lij,j->l", θ, self.matrices, θ))

    def __repr__(self) -> str:
        words = f"QuadraticLaws({len(self)} laws, {self.independent} of them independent"
        if self.higher_degree is None:
            return f"{words}; laws of higher degree were not counted)"
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
    D = _parameters(op, _MOST_QUADRATIC)
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
    total = count_conservation_laws(op, seed) if D <= _MOST_COUNTED else None
    θ = F.random(rng, (D,))
    gradients = [F.matmul(F.lift(law), θ) for law in matrices]
    return QuadraticLaws(matrices, rank(np.array(gradients), F) if gradients else 0, total)


def count_conservation_laws(op: StructuredOperator, seed: int = 0) -> int:
    """Number of independent conservation laws of gradient flow near generic factors: dim θ − dim Lie(∇φ)(θ) (T19).

    Parameters
    ----------
    op : StructuredOperator
        Its type, the shapes of its factors and what they share matter. At most 24 parameters.
    seed : int
        Of the random point.

    Raises
    ------
    ValueError
        If there are no parameters or too many: take a smaller structure of the same kind.

    References
    ----------
    Marcotte, Gribonval & Peyré 2023 (T19).

    Examples
    --------
    A product P Q of inner size r has r(r + 1)/2:

    >>> km.count_conservation_laws(km.Chain(km.Dense(np.ones((2, 2))), km.Dense(np.ones((2, 2)))))
    3
    """
    D = _parameters(op, _MOST_COUNTED)
    expression, shapes = parametrised(op)
    symbols = variables(**shapes)
    θ = np.concatenate([array.ravel() for array in symbols.values()])
    B = entries(expression, Values(Objects(θ[0].ring.one), symbols, {}))
    F = PRIMES[0]
    point = F.random(np.random.default_rng(seed), (D,))
    generators = _Independent(F, point)
    for entry in B.ravel():
        if entry != 0:
            generators.add(tuple(derivative(entry, θ)))
    found = _Independent(F, point, generators)
    # A field that depends on others, with functions as coefficients, adds nothing to what they generate at generic θ.
    frontier = list(generators.fields)
    while frontier and len(found.fields) < D:
        frontier = [
            field
            for x in frontier
            for y in generators.fields
            if len(found.fields) < D and found.add(field := bracket(x, y, θ))
        ]
    return D - len(found.fields)


class _Independent:
    """Vector fields that are linearly independent at a point, kept in echelon form there."""

    def __init__(self, F: PrimeField, point: Array, start: _Independent | None = None) -> None:
        self.F, self.point = F, point
        self.fields: list[Field] = list(start.fields) if start else []
        self.rows: list[tuple[int, Array]] = list(start.rows) if start else []

    def add(self, field: Field) -> bool:
        """Whether a field is independent of those before, which it then joins."""
        row = np.array([self._at(entry) for entry in field], np.uint64)
        for pivot, other in self.rows:
            if row[pivot]:
                row = self.F.subtract(row, self.F.multiply(other, row[pivot : pivot + 1]))
        where = np.flatnonzero(row)
        if not where.size:
            return False
        pivot = int(where[0])
        inverse = np.array([pow(int(row[pivot]), -1, self.F.p)], np.uint64)
        self.rows.append((pivot, self.F.multiply(row, inverse)))
        self.fields.append(field)
        return True

    def _at(self, polynomial: Any) -> int:
        """Value of a polynomial at the point, modulo p."""
        if polynomial == 0:
            return 0
        p, total = self.F.p, 0
        for exponents, coefficient in polynomial.terms():
            term = int(coefficient.numerator) * pow(int(coefficient.denominator), -1, p)
            for x, e in zip(self.point.tolist(), exponents, strict=True):
                if e:
                    term = term * pow(x, e, p) % p
            total += term
        return total % p


def _parameters(op: StructuredOperator, most: int) -> int:
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
