"""Sums of structures (T30).

R(B) of Σ_t B_t is the infimal convolution min{Σ R_t(B_t) : Σ B_t = B}. Where all terms are linear it is the least ‖θ‖² on an affine
space. Else a primal–dual solve gives an interval: from above the factors it ends at, moved back onto Σ B_t(θ) = B, and from below
any dual point Z, since Σ R_t(B_t) ≥ ⟨Z, B⟩ − Σ R_t*(Z).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import factorized, lsmr

from ..operators import KroneckerSum, StructuredOperator, Sum
from ..operators.arrays import Array
from .linear import AtPlaces
from .multipliers import State, descend, restored, split_convex
from .parametrisations import (
    Growth,
    Parametrisation,
    Placed,
    filled,
    found_at,
    least_growth,
    parameters,
    parametrisation_of,
    places,
    scattered,
    squared,
)

#: Largest product of the numbers of entries and of parameters for which the factors of a sum are optimised together.
_LARGEST = 2**20
#: Largest number of entries of B for which a dual point is looked for.
_WIDEST = 2**16
#: Relative residual of B(θ) = B below which factors count as factors of B.
_FEASIBLE = 1e-11
#: Relative gap at which the convex problem counts as solved.
_GAP = 1e-10


@parametrisation_of.register
def _(op: Sum) -> Parametrisation:
    return of_sum(op.operators)


@parametrisation_of.register
def _(op: KroneckerSum) -> Parametrisation:
    return of_sum(op.terms())


def of_sum(operators: Sequence[StructuredOperator]) -> Parametrisation:
    """The parametrisation of a sum of numbered operators."""
    trained = [op for op in operators if op.factors]
    fixed = tuple(op for op in operators if not op.factors)
    terms = [(parametrisation_of(op), (op,)) for op in trained]
    linear = [term for term in terms if term[0].entries() is not None]
    others = _collected([term for term in terms if term[0].entries() is None])
    if linear and (others or len(linear) > 1):
        listed = [(of_linear([op for _, ops in linear for op in ops]), tuple(op for _, ops in linear for op in ops))]
    else:
        listed = list(linear)
    listed += others
    if not listed:
        form: Parametrisation = of_linear(list(fixed))
        return form
    form = listed[0][0] if len(listed) == 1 else SumOfStructures(tuple(listed))
    return Shifted(form, fixed) if fixed else form


Term = tuple[Parametrisation, tuple[StructuredOperator, ...]]


def _collected(terms: Sequence[Term]) -> list[Term]:
    """Products of two factors on the same pieces as one: P₁Q₁ + P₂Q₂ = [P₁ P₂][Q₁; Q₂]."""
    out: list[Term] = []
    for form, ops in terms:
        for i, (other, theirs) in enumerate(out):
            joined = other.plus(form)
            if joined is not None:
                out[i] = joined, theirs + ops
                break
        else:
            out.append((form, ops))
    return out


# ---- linear terms ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LinearSum(AtPlaces):
    """vec(B) = A θ with a sparse A: the least ‖θ‖² on an affine space. State: these θ, at ``places``.

    Parameters
    ----------
    matrix : sparse array of shape (entries of B, parameters)
    places : array
        Where the parameters stand in θ.
    most : float
        At least ‖A‖².
    """

    matrix: csr_array
    places: Array
    most: float

    @property
    def growth(self) -> tuple[Growth, ...]:  # type: ignore[override]
        return (Growth(1, self.most),)

    def own(self, θ: Array) -> Array:
        return self._least_norm_solution(self.matrix @ θ[self.places])

    def of(self, B: Array) -> Array | None:
        return self._least_norm_solution(B.ravel())

    def _least_norm_solution(self, b: Array) -> Array:
        """The least-norm θ with matrix θ = b, or the nearest to it."""
        if not b.any():
            return np.zeros(self.places.size, b.dtype)
        found = lsmr(self.matrix, b, atol=1e-15, btol=1e-15, conlim=0, maxiter=10 * sum(self.matrix.shape))
        return np.asarray(found[0])

    def conjugate(self, Z: Array) -> tuple[float, float]:
        return 0.5 * squared(self.matrix.T @ Z.ravel()), 0.0

    def proximal(self, V: Array, step: float) -> Array:
        """(AᵀA + step I) θ = Aᵀ vec(V)."""
        A = self.matrix
        if step not in self._solvers:
            self._solvers.clear()  # the step changes now and then, and only the last is used
            self._solvers[step] = factorized((A.T @ A + step * eye_array(A.shape[1])).tocsc())
        return np.asarray(A @ self._solvers[step](A.T @ V.ravel())).reshape(V.shape)

    @cached_property
    def _solvers(self) -> dict[float, Any]:
        return {}

    def laws(self, θ: Array) -> dict[str, Array]:
        if csr_array(self.matrix.T @ self.matrix).nnz == self.places.size:  # no two parameters meet in an entry of B
            return {}
        own = θ[self.places]
        return {"part of θ that B does not see": own - self._least_norm_solution(self.matrix @ own)}


def of_linear(operators: Sequence[StructuredOperator]) -> Parametrisation:
    """Sum of operators whose entries are one parameter each."""
    own = np.concatenate([places(f).ravel() for op in operators for f in op.factors] or [np.zeros(0, np.intp)])
    rows, columns, most = [], [], 0.0
    for op in operators:
        form = parametrisation_of(op)
        found = form.entries()
        assert found is not None
        stands = found.tocoo()
        if op.factors:
            rows.append(stands.row.astype(np.int64) * op.shape[1] + stands.col)
            columns.append(found_at(own, places(stands.data)))
        most += max(g.copies for g in form.growth)
    shape = operators[0].shape[0] * operators[0].shape[1], own.size
    where = np.concatenate(rows or [np.zeros(0, int)]), np.concatenate(columns or [np.zeros(0, int)])
    return LinearSum(csr_array((np.ones(where[0].size), where), shape=shape), own, most)


@dataclass(frozen=True, eq=False)
class Shifted(Parametrisation):
    """Another parametrisation's B plus operators that have nothing to train."""

    inner: Parametrisation
    fixed: tuple[StructuredOperator, ...]
    degree = None
    growth = (Growth(1, inf),)  # B may cost nothing

    def __post_init__(self) -> None:
        for field in ("name", "exact"):
            object.__setattr__(self, field, getattr(self.inner, field))

    def own(self, θ: Array) -> Any:
        return self.inner.own(θ)

    def of(self, B: Array) -> Any | None:
        return self.inner.of(B - sum(op.to_dense() for op in self.fixed))

    def bounds(self, state: Any) -> tuple[float, float]:
        return self.inner.bounds(state)

    def balanced(self, state: Any) -> Placed:
        return self.inner.balanced(state)

    def laws(self, θ: Array) -> dict[str, Array]:
        return self.inner.laws(θ)


# ---- other sums ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SumOfStructures(Parametrisation):
    """State: θ, the matrix, and a dual point, or None where the sum is too large to be optimised.

    Parameters
    ----------
    terms : tuple of (Parametrisation, numbered operators)
    """

    terms: tuple[Term, ...]
    exact = False

    @property
    def name(self) -> str:  # type: ignore[override]
        return "infimal convolution of " + " and ".join(form.name for form, _ in self.terms)

    @property
    def degree(self) -> int | None:  # type: ignore[override]
        degrees = {form.degree for form, _ in self.terms}
        return degrees.pop() if len(degrees) == 1 else None

    @property
    def growth(self) -> tuple[Growth, ...]:  # type: ignore[override]
        """With r terms of ‖B_t‖ that add up to ‖B‖ at least: linear ones share, of the others one alone is cheapest."""
        listed = [g for form, _ in self.terms for g in form.growth]
        linear, others = [g for g in listed if g.degree == 1], [g for g in listed if g.degree > 1]
        together = [Growth(1, sum(g.copies for g in linear))] if linear else []
        halves = 4.0 if linear and others else 1.0  # one of the two kinds takes at least ‖B‖/2
        return tuple(Growth(g.degree, halves * g.copies) for g in [*together, *others])

    @cached_property
    def places(self) -> Array:
        """Its parameters in θ."""
        return np.concatenate([places(f).ravel() for _, ops in self.terms for op in ops for f in op.factors])

    @cached_property
    def whole(self) -> StructuredOperator:
        """The sum, numbered."""
        return Sum(*(op for _, ops in self.terms for op in ops))

    def own(self, θ: Array) -> State:
        found = self._balanced_terms(θ)
        B = filled(self.whole, θ).to_dense()
        return self._improved(found, B)

    def of(self, B: Array) -> State | None:
        return self._improved(self._start(B), B)

    def bounds(self, state: State) -> tuple[float, float]:
        upper = 0.5 * squared(state.θ[self.places])
        lower = least_growth(self.growth, float(np.linalg.norm(state.B)))
        if state.Z is not None:
            lower = max(lower, self.certified(state.Z, state.B))
        return min(lower, upper), upper

    def balanced(self, state: State) -> Placed:
        return [(self.places, state.θ[self.places])]

    def conjugate(self, Z: Array) -> tuple[float, float]:
        found = [form.conjugate(Z) for form, _ in self.terms]
        return sum(q for q, _ in found), max(g for _, g in found)

    def laws(self, θ: Array) -> dict[str, Array]:
        return {
            f"{name} in term {t}": value
            for t, (form, _) in enumerate(self.terms)
            for name, value in form.laws(θ).items()
        }

    def _balanced_terms(self, θ: Array) -> Array:
        return scattered([pair for form, _ in self.terms for pair in form.balanced(form.own(θ))], θ)

    def _improved(self, θ: Array | None, B: Array) -> State:
        """The best factors found, starting from factors of B if any are known, and a dual point."""
        size, zero = float(np.linalg.norm(B)), np.zeros(self.places.max() + 1, B.dtype)
        if size == 0:
            return State(zero, B, None)
        found, last, Z = self._convex(B, zero)
        candidates = [x for x in (θ, found) if x is not None and self._residual(x, B) <= _FEASIBLE * size]
        closed = Z is not None and any(self._squares(x) <= self.certified(Z, B) * (1 + 1e-6) for x in candidates)
        if not closed and B.size * self.places.size <= _LARGEST:
            start = last if last is not None else min(candidates, key=self._squares, default=self._random_start(zero))
            op, multiplier = descend(filled(self.whole, start), B)
            moved = scattered([(self.places, parameters(restored(op, B)))], zero)
            candidates += [x for x in (moved, self._balanced_terms(moved)) if self._residual(x, B) <= _FEASIBLE * size]
            Z = max([z for z in (Z, multiplier) if z is not None], key=lambda z: self.certified(z, B))
        if not candidates:
            raise ArithmeticError(
                f"{filled(self.whole, self._random_start(zero))!r}: no factors of this matrix were found, and that there are none "
                "is not proved"
            )
        return State(min(candidates, key=self._squares), B, Z)

    def _start(self, B: Array) -> Array | None:
        """Factors of B of one term alone, where one can."""
        zero = np.zeros(self.places.max() + 1, B.dtype)
        for form, _ in self.terms:
            state = form.of(B) if form.exact else None
            θ = zero if state is None else scattered(form.balanced(state), zero)
            if self._residual(θ, B) <= _FEASIBLE * np.linalg.norm(B):
                return θ
        return None

    def _convex(self, B: Array, zero: Array) -> tuple[Array | None, Array | None, Array | None]:
        """Solve the convex problem: factors of B if its terms are representable, factors near its terms, and its dual point."""
        forms = [form for form, _ in self.terms]
        if B.size > _WIDEST or any(form.proximal(B, 1.0) is None for form in forms):
            return None, None, None
        best: list[Any] = [inf, None, None]

        def is_good(terms: list[Array], Z: Array) -> bool:
            """One of the terms takes up what the others leave; the cheapest such factors are kept."""
            for t in range(len(forms)):
                parts = [term if i != t else B - sum(terms[:t]) - sum(terms[t + 1 :]) for i, term in enumerate(terms)]
                states = [f.of(part) for f, part in zip(forms, parts, strict=True)]
                θ = scattered(
                    [pair for f, state in zip(forms, states, strict=True) for pair in f.balanced(state)], zero
                )
                best[2] = θ
                if self._squares(θ) < best[0] and self._residual(θ, B) <= _FEASIBLE * np.linalg.norm(B):
                    best[:2] = self._squares(θ), θ
            return bool(best[0] <= self.certified(Z, B) * (1 + _GAP))

        proximals = [lambda V, step, form=form: form.proximal(V, step) for form in forms]
        _, Z = split_convex(proximals, B, is_good)
        return best[1], best[2], Z

    def _random_start(self, zero: Array) -> Array:
        drawn = np.random.default_rng(0).normal(size=self.places.size)
        return scattered([(self.places, drawn)], zero)

    def _squares(self, θ: Array) -> float:
        return 0.5 * squared(θ[self.places])

    def _residual(self, θ: Array, B: Array) -> float:
        return float(np.linalg.norm(filled(self.whole, θ).to_dense() - B))
