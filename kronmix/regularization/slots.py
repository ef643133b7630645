"""Kronecker products of products of free matrices: V ⊗ W, dense chains, linear Mixers, token and channel mixing (T17).

A factor A ⊗ B, or a tied one I_a ⊗ K ⊗ I_d, acts in *slots*; slot j of a product of such factors is a product of L_j free matrices.
With R_j its own penalty and L = Σ L_j, moving scale between slots gives R(B) = (L/2) Π_j (2R_j/L_j)^{L_j/L}: ‖B‖_F for V ⊗ W,
‖B‖_* for P Q, and L(‖B‖_{S_{2/L}}^{2/L})^{1/2} for a linear Mixer of L layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, prod
from typing import Any

import numpy as np

from ..decompose import nearest_kronecker
from ..forms.items import merged
from ..operators import Kronecker, LowRank, SumOfKroneckers
from ..operators.arrays import Array
from .free_products import FreeProducts, schatten_name
from .gauges import Gauge
from .layouts import JoinedPieces, KroneckerPieces
from .norms import Frobenius, Nuclear
from .parametrisations import (
    Growth,
    Parametrisation,
    Placed,
    common_scale,
    parametrisation_of,
    places,
    rescaled,
    squared,
)


@dataclass(frozen=True, eq=False)
class Run:
    """A product of free matrices as an item of a Kronecker product; the arrays hold places in θ."""

    matrices: tuple[Array, ...]

    @property
    def rows(self) -> int:
        return int(self.matrices[0].shape[0])

    @property
    def columns(self) -> int:
        return int(self.matrices[-1].shape[1])

    def __matmul__(self, other: Run) -> Run:
        return Run(self.matrices + other.matrices)


def of_items(items: Sequence[Any]) -> Parametrisation:
    """The parametrisation that a Kronecker product of runs and identities is."""
    listed = merged(items)
    runs = [item for item in listed if isinstance(item, Run)]
    stacks = [tuple(places(m)[None] for m in run.matrices) for run in runs]
    layout = KroneckerPieces.of_items(listed)
    if len(runs) == 1:
        return FreeProducts((stacks[0],), layout, schatten_name(len(stacks[0])), kronecker_items=listed)
    if [len(stack) for stack in stacks] == [1, 1]:
        A, B = (stack[0].reshape(-1) for stack in stacks)
        pair = (A[None, :, None], B[None, None, :])
        return FreeProducts((pair,), layout, "Frobenius norm", "‖V{i}‖² − ‖V{j}‖²", listed)
    slots = tuple(
        FreeProducts(
            (stack,),
            KroneckerPieces(((run.rows, run.columns, True),)),
            schatten_name(len(stack)),
            kronecker_items=(run,),
        )
        for run, stack in zip(runs, stacks, strict=True)
    )
    return Slots(slots, layout, listed)


@dataclass(frozen=True, eq=False)
class Slots(Parametrisation):
    """State: the states of the slots that hold factors."""

    slots: tuple[FreeProducts, ...]
    layout: KroneckerPieces
    kronecker_items: tuple[Any, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        depths = [slot.degree for slot in self.slots]
        if set(depths) == {1}:
            return f"{len(depths)}/2 · Frobenius norm^(2/{len(depths)})"
        if depths == [2, 2]:
            return "2 · nuclear norm^(1/2)"
        return f"products of depths {', '.join(map(str, depths))} in {len(depths)} Kronecker slots"

    @property
    def degree(self) -> int:  # type: ignore[override]
        return sum(slot.degree for slot in self.slots)

    @property
    def growth(self) -> tuple[Growth, ...]:  # type: ignore[override]
        return (Growth(self.degree, self.layout.copies),)

    def items(self) -> list[Any] | None:
        return list(self.kronecker_items)

    def own(self, θ: Array) -> list[Any]:
        return [slot.own(θ) for slot in self.slots]

    def of(self, B: Array) -> list[Any] | None:
        view = self.layout.contracted(B).mean(axis=-1)
        k = len(self.slots)
        shapes = [(view.shape[j], view.shape[k + j]) for j in range(k)]
        rest = view.reshape(prod(m for m, _ in shapes), -1)
        found = []
        for j in range(k - 1):
            right = prod(m for m, _ in shapes[j + 1 :]), prod(n for _, n in shapes[j + 1 :])
            left, rest = nearest_kronecker(rest, (shapes[j], right), tol=0.0).operator.factors
            found.append(left)
        return [slot.of(M) for slot, M in zip(self.slots, [*found, rest], strict=True)]

    def _costs(self, state: list[Any]) -> tuple[list[float], list[int]]:
        """Cost and degree of each slot at its share of the state."""
        costs = [slot.bounds(part)[1] for slot, part in zip(self.slots, state, strict=True)]
        return costs, [slot.degree for slot in self.slots]

    def bounds(self, state: list[Any]) -> tuple[float, float]:
        value = common_scale(*self._costs(state))
        return value, value

    def balanced(self, state: list[Any]) -> Placed:
        parts = [slot.balanced(part) for slot, part in zip(self.slots, state, strict=True)]
        return rescaled(parts, *self._costs(state))

    def conjugate(self, Z: Array) -> tuple[float, float]:
        return 0.0, inf if self.layout.contracted(Z).sum(axis=-1).any() else 0.0

    def gauge(self) -> Gauge:
        """R = (L/2)(Π N_j)^{2/L} for norms N_j of the slots with product at least ‖B‖_F, and ‖B‖_* where all are nuclear."""
        depths = [slot.degree for slot in self.slots]
        if min(depths) == 1:
            return Gauge(Frobenius(JoinedPieces(self.layout)), self.degree, exact=set(depths) == {1})
        return Gauge(Nuclear(JoinedPieces(self.layout)), self.degree, exact=set(depths) == {2})

    def laws(self, θ: Array) -> dict[str, Array]:
        laws = {f"{name} in slot {j}": law for j, slot in enumerate(self.slots) for name, law in slot.laws(θ).items()}
        sizes = [squared(θ[slot.stacks[0][0]]) for slot in self.slots]
        return laws | {f"‖V{i}‖² − ‖V{i + 1}‖²": np.asarray(a - b) for i, (a, b) in enumerate(pairwise(sizes))}


@parametrisation_of.register
def _(op: Kronecker) -> Parametrisation:
    return of_items([Run((f,)) for f in op.factors])


@parametrisation_of.register
def _(op: LowRank) -> Parametrisation:
    return of_items([Run(op.factors)])


@parametrisation_of.register
def _(op: SumOfKroneckers) -> Parametrisation:
    (A, B), *_ = op.pairs
    left = np.stack([places(A).ravel() for A, _ in op.pairs], axis=1)
    right = np.stack([places(B).ravel() for _, B in op.pairs])
    layout = KroneckerPieces(((*A.shape, True), (*B.shape, True)))
    return FreeProducts(((left[None], right[None]),), layout, layout.norm, layout.pair_law)
