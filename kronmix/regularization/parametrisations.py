"""What a parametrisation θ ↦ B(θ) is asked: R(B) = min{½‖θ‖² : B(θ) = B}, factors that attain it, laws that gradient flow keeps.

θ holds all factors of a structure one after another, each row by row. A parametrisation is read from a *numbered* operator, whose
factors hold their own places in θ (from 1 on, so that a zero stays a structural zero). Whatever a structure does with its factors
(transposes, reshapes, permutes, shares) it does with these places, and the normal form only has to look where they went. So each
normal form is one class, whatever structure it came from:

* ``Linear``: every entry of B is one parameter, perhaps shared (``linear.py``);
* ``FreeProducts``: B falls into pieces, each a product of free matrices (``free_products.py``);
* ``Slots``: B is a Kronecker product of such products (``slots.py``);
* ``LinearSum``, ``SumOfStructures``: sums (``sums.py``);
* ``Blocks``, ``Repeated``: direct sums, stacks, I ⊗ A ⊗ I (``blocks.py``);
* ``ProductOfStructures``: other products, for which only an interval is known (``chains.py``).

A new structure registers one of these, or a class of its own, under :func:`parametrisation_of`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import singledispatch
from itertools import product
from math import inf, prod
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..operators import StructuredOperator
from ..operators.arrays import Array
from .gauges import Gauge, PermutedNorm, ScaledFrobenius, reordered_back

#: Values for places of θ.
Placed = list[tuple[Array, Array]]


@dataclass(frozen=True)
class Growth:
    """½‖θ‖² ≥ (degree/2)(‖B‖_F²/copies)^{1/degree}: what is known of every R, however little else."""

    degree: int
    copies: float


class Parametrisation(ABC):
    """A normal form of θ ↦ B(θ). ``state`` below describes one B as the form sees it: its pieces, slots, terms …

    Attributes
    ----------
    name : str
        What R is as a function of B.
    exact : bool
        Whether R is known in closed form.
    degree : int or None
        B(tθ) = t^degree B(θ); None where the terms of a sum differ in degree.
    growth : tuple of Growth
        One of these bounds holds for every B.
    """

    name = "induced penalty"
    exact = True
    degree: int | None = 1
    growth: tuple[Growth, ...] = (Growth(1, 1.0),)

    @abstractmethod
    def own(self, θ: Array) -> Any:
        """State of B(θ)."""

    @abstractmethod
    def of(self, B: Array) -> Any | None:
        """State of a dense matrix if the structure can represent it, else any state, or None; the caller compares."""

    @abstractmethod
    def bounds(self, state: Any) -> tuple[float, float]:
        """Lower and upper bound of R; the upper one is attained by :meth:`balanced`."""

    @abstractmethod
    def balanced(self, state: Any) -> Placed:
        """The parameters of least norm that were found, by their places in θ."""

    def conjugate(self, Z: Array) -> tuple[float, float]:
        """(q, g) such that ⟨Z, B⟩ − R(B) ≤ q for all B if g ≤ 1; q grows with the square of Z, and g in proportion to it."""
        return 0.0, inf if Z.any() else 0.0

    def certified(self, Z: Array, B: Array) -> float:
        """R(B) ≥ s⟨Z, B⟩ − s²q for every s ≥ 0 with s g ≤ 1: the best of these."""
        (q, g), inner = self.conjugate(Z), float(np.vdot(Z, B).real)
        if inner <= 0 or g == inf or q == g == 0:
            return 0.0
        s = min(inner / (2 * q) if q > 0 else inf, 1 / g if g > 0 else inf)
        return s * inner - s**2 * q

    def least_decayed(self, B: Array, G: Array, loss: float, λ: float, squared: bool) -> float:
        """Proved: no weight has a smaller loss + λR, from a convex loss ≥ 0 and its gradient G at one B.

        For all B', loss(B') ≥ s⟨G, B'⟩ + (2s − s²)L − s⟨G, B⟩ where the loss is squared, ≥ s⟨G, B'⟩ + sL − s⟨G, B⟩ for s ≤ 1
        otherwise; and λR(B') ≥ −s⟨G, B'⟩ − s²q/λ for s g ≤ λ, with the conjugate of R. Their sum is largest at one s.
        """
        (q, g), inner = self.conjugate(-G), float(np.vdot(G, B).real)
        slope, bend = (2 * loss - inner, loss) if squared else (loss - inner, 0.0)
        bend += q / λ
        if slope <= 0:
            return 0.0
        most = min(λ / g if g > 0 else inf, inf if squared else 1.0)
        s = min(slope / (2 * bend) if bend > 0 else inf, most)
        return s * slope - s**2 * bend

    def gauge(self) -> Gauge | None:
        """A norm under R; from the growth of R where nothing better is known."""
        if len(self.growth) != 1 or self.growth[0].copies == inf:
            return None
        (known,) = self.growth
        return Gauge(ScaledFrobenius(known.copies**-0.5), known.degree)

    def proximal(self, V: Array, step: float) -> Array | None:
        """argmin f(M) + ‖M − V‖²/2step for a convex f ≤ R whose conjugate :meth:`conjugate` knows; None where that is no use."""
        return None

    def laws(self, θ: Array) -> dict[str, Array]:
        """What gradient flow keeps, whatever the loss, by name."""
        return {}

    def plus(self, other: Parametrisation) -> Parametrisation | None:
        """The sum with another form as one form, where there is one."""
        return None

    def entries(self) -> csr_array | None:
        """The places in θ (from 1 on) where they stand in B, if every entry of B is one parameter."""
        return None

    def items(self) -> list[Any] | None:
        """B as a Kronecker product of free matrices and identities (see ``slots.py``), if it is one."""
        return None


@singledispatch
def parametrisation_of(numbered: Any) -> Parametrisation:
    """Normal form of a numbered operator; register a structure of one's own here.

    Examples
    --------
    >>> from kronmix.regularization.parametrisations import numbered, parametrisation_of
    >>> form = parametrisation_of(numbered(km.Kronecker(np.eye(2), np.ones((2, 3)))))
    >>> form.name, form.exact, form.degree
    ('Frobenius norm', True, 2)
    """
    raise TypeError(
        f"{type(numbered).__name__} has no induced penalty: expected a structured operator with factors to train"
    )


# ---- θ, and places in it ---------------------------------------------------------------------------------------------


def parameters(op: StructuredOperator) -> Array:
    """θ: all factors, one after another."""
    return np.concatenate([np.ravel(f) for f in op.factors]) if op.factors else np.zeros(0)


def with_parameters(op: StructuredOperator, θ: Array) -> StructuredOperator:
    """The structure with its factors read from θ."""
    parts = np.split(θ, np.cumsum([f.size for f in op.factors])[:-1]) if op.factors else []
    return op.with_factors(*(part.reshape(f.shape) for part, f in zip(parts, op.factors, strict=True)))


def numbered(op: Any) -> Any:
    """The structure with every parameter replaced by its place in θ, from 1 on; other objects as they are."""
    if not isinstance(op, StructuredOperator):
        return op
    return with_parameters(op, np.arange(1.0, op.n_parameters + 1))


def places(factor: Array) -> Array:
    """Places in θ (from 0 on) from a factor of a numbered operator."""
    return np.rint(factor).astype(np.intp) - 1


def found_at(own: Array, which: Array) -> Array:
    """The index in ``own``, places in any order, of each of ``which``."""
    order = np.argsort(own)
    return np.asarray(order[np.searchsorted(own, which, sorter=order)])


def filled(op: StructuredOperator, θ: Array) -> StructuredOperator:
    """A numbered operator, or a part of one, with the values that its numbers point to."""
    return op.with_factors(*(θ[places(f)] for f in op.factors))


def scattered(placed: Placed, θ: Array) -> Array:
    """θ with values put at places."""
    new = θ.astype(np.result_type(θ, *(values for _, values in placed)))
    for where, values in placed:
        new[where] = values
    return new


# ---- scale ----------------------------------------------------------------------------------------------------------


def common_scale(costs: list[float], degrees: list[int]) -> float:
    """Least ½‖θ‖² of a product whose parts cost c_j and may exchange scale: (L/2) Π (2c_j/L_j)^{L_j/L}, L = Σ L_j (T17)."""
    L = sum(degrees)
    if any(cost == 0 for cost in costs):
        return 0.0
    return L / 2 * float(np.exp(sum(k / L * np.log(2 * cost / k) for cost, k in zip(costs, degrees, strict=True))))


def rescaled(parts: list[Placed], costs: list[float], degrees: list[int]) -> Placed:
    """The parts of a product with scale moved between them until every factor has the same norm."""
    each = 2 * common_scale(costs, degrees) / sum(degrees)
    found: Placed = []
    for placed, cost, k in zip(parts, costs, degrees, strict=True):
        scale = np.sqrt(each / (2 * cost / k)) if cost > 0 else 0.0
        found += [(where, values * scale) for where, values in placed]
    return found


def product_growth(parts: Iterable[tuple[Growth, ...]]) -> tuple[Growth, ...]:
    """Growth of a product of parts: degrees add and copies multiply, for ‖X₁‖‖X₂‖ ⋯ in place of ‖B‖."""
    return tuple(
        Growth(sum(g.degree for g in chosen), prod(g.copies for g in chosen))
        for chosen in {tuple(c) for c in product(*(tuple(dict.fromkeys(p)) for p in parts))}
    )


def least_growth(growth: tuple[Growth, ...], size: float) -> float:
    """The bound of a growth at ‖B‖_F, or at a bound of ‖X₁‖‖X₂‖ ⋯ for a product."""
    if size == 0:
        return 0.0
    return min(g.degree / 2 * float(np.exp((2 * np.log(size) - np.log(g.copies)) / g.degree)) for g in growth)


def squared(θ: Array) -> float:
    """‖θ‖²."""
    return float(np.vdot(θ, θ).real)


# ---- permutations outside --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Permuted(Parametrisation):
    """Rows and columns of another parametrisation's B in another order: R and the laws are the same (T30).

    B[i, j] is the inner B's entry at (rows[i], columns[j]).
    """

    inner: Parametrisation
    rows: Array
    columns: Array

    def __post_init__(self) -> None:
        for field in ("name", "exact", "degree", "growth"):
            object.__setattr__(self, field, getattr(self.inner, field))

    def own(self, θ: Array) -> Any:
        return self.inner.own(θ)

    def of(self, B: Array) -> Any | None:
        return self.inner.of(reordered_back(B, self.rows, self.columns))

    def bounds(self, state: Any) -> tuple[float, float]:
        return self.inner.bounds(state)

    def balanced(self, state: Any) -> Placed:
        return self.inner.balanced(state)

    def conjugate(self, Z: Array) -> tuple[float, float]:
        return self.inner.conjugate(reordered_back(Z, self.rows, self.columns))

    def gauge(self) -> Gauge | None:
        inner = self.inner.gauge()
        return None if inner is None else replace(inner, norm=PermutedNorm(inner.norm, self.rows, self.columns))

    def proximal(self, V: Array, step: float) -> Array | None:
        inner = self.inner.proximal(reordered_back(V, self.rows, self.columns), step)
        return None if inner is None else inner[np.ix_(self.rows, self.columns)]

    def laws(self, θ: Array) -> dict[str, Array]:
        return self.inner.laws(θ)

    def entries(self) -> csr_array | None:
        inner = self.inner.entries()
        return None if inner is None else csr_array(inner[self.rows][:, self.columns])
