"""Chains whose product is a Kronecker product of smaller products: dense chains, linear Mixers, token and channel mixing (T17).

A factor A ⊗ B, or a tied one I_a ⊗ K ⊗ I_d, acts in *slots*; slot j of the product is the matrix M_j, a product of L_j factors.
With a_j = ‖M_j‖_{S_{2/L_j}}^{2/L_j} and L = Σ L_j, moving scale between slots gives

    R(B) = (L/2) Π_j a_j^{L_j/L},

which is ‖B‖_F for V ⊗ W, ‖B‖_* for P Q, and L(‖B‖_{S_{2/L}}^{2/L})^{1/2} for a linear Mixer of L layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce, singledispatch
from typing import Any

import numpy as np

from ..decompose import nearest_kronecker
from ..mixer import LinearMixer
from ..operators import Chain, Dense, Kronecker, KroneckerSparse, StructuredOperator
from ..operators.base import Array
from .chains import Unbalanced
from .parametrisations import TOLERANCE, Parametrisation, kron_all, near, parametrisation_of

Place = tuple[int, int]  # operator in the chain, factor in the operator


@dataclass(frozen=True)
class Slot:
    """A run of matrices, leftmost first, or an identity where there is none."""

    rows: int
    columns: int
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Slots(Parametrisation):
    """State: the matrices M_j of the slots that hold factors."""

    structure: StructuredOperator
    operators: tuple[StructuredOperator, ...]
    slots: tuple[Slot, ...]

    @staticmethod
    def of_operators(structure: StructuredOperator, operators: tuple[StructuredOperator, ...]) -> Parametrisation:
        """Slots of a product, where its factors line up; bounds only where they do not."""
        listed = [_items(op, i) for i, op in enumerate(operators)]
        aligned: list[Slot] | None = None
        for items in listed:
            if items is None:
                return Unbalanced(structure)
            aligned = items if aligned is None else _aligned(aligned, items)
            if aligned is None:
                return Unbalanced(structure)
        return Slots(structure, operators, tuple(aligned or ()))

    @property
    def name(self) -> str:  # type: ignore[override]
        depths = [len(slot.places) for slot in self.active]
        if len(depths) == 1:
            return {1: "half squared norm of the parameters", 2: "nuclear norm"}.get(
                depths[0], f"{depths[0]}/2 · Schatten-2/{depths[0]} norm^(2/{depths[0]})"
            )
        if set(depths) == {1}:
            return "Frobenius norm" if len(depths) == 2 else f"{len(depths)}/2 · Frobenius norm^(2/{len(depths)})"
        if depths == [2, 2]:
            return "2 · nuclear norm^(1/2)"
        return f"products of depths {', '.join(map(str, depths))} in {len(depths)} Kronecker slots"

    @property
    def active(self) -> list[Slot]:
        """Slots that hold factors."""
        return [slot for slot in self.slots if slot.places]

    def factor(self, place: Place) -> Array:
        """The matrix at a place of a slot."""
        return matrices(self.operators[place[0]])[place[1]]

    def own(self) -> list[Array]:
        return [reduce(np.matmul, map(self.factor, slot.places)) for slot in self.active]

    def of(self, B: Array) -> list[Array] | None:
        shapes = [(slot.rows, slot.columns) for slot in self.slots]
        view = B.reshape([m for m, _ in shapes] + [n for _, n in shapes])
        first = tuple(slice(None) if slot.places else 0 for slot in self.slots)
        active = self.active
        rest = np.asarray(view[first * 2]).reshape(
            int(np.prod([s.rows for s in active])), int(np.prod([s.columns for s in active]))
        )
        found = []
        for j, slot in enumerate(active[:-1]):
            right = active[j + 1 :]
            sizes = int(np.prod([s.rows for s in right])), int(np.prod([s.columns for s in right]))
            left, rest = nearest_kronecker(rest, ((slot.rows, slot.columns), sizes), tol=0.0).operator.factors
            found.append(left)
        found.append(rest)
        placed = iter(found)
        whole = kron_all([next(placed) if slot.places else np.eye(slot.rows) for slot in self.slots])
        return found if near(whole, B) and all(map(self._fits, active, found)) else None

    def _fits(self, slot: Slot, M: Array) -> bool:
        """Whether the rank of a slot's matrix is at most the smallest inner size."""
        inner = self._inner(slot)
        σ = np.linalg.svd(M, compute_uv=False)
        return bool(np.linalg.norm(σ[inner:]) <= TOLERANCE * np.linalg.norm(σ))

    def _inner(self, slot: Slot) -> int:
        return min([min(slot.rows, slot.columns), *(self.factor(place).shape[1] for place in slot.places[:-1])])

    def _spectra(self, state: list[Array]) -> list[tuple[Array, Array, Array, int]]:
        """SVD of each slot, kept to its inner size, and its depth."""
        found = []
        for slot, M in zip(self.active, state, strict=True):
            U, σ, Vh = np.linalg.svd(M, full_matrices=False)
            r = self._inner(slot)
            found.append((U[:, :r], σ[:r], Vh[:r], len(slot.places)))
        return found

    def _common(self, state: list[Array]) -> float:
        """What every factor's squared norm is when all are balanced: Π_j a_j^{L_j/L}."""
        spectra = self._spectra(state)
        total = sum(depth for *_, depth in spectra)
        sizes = [(float(np.sum(σ ** (2 / depth))), depth) for _, σ, _, depth in spectra]
        if any(a == 0 for a, _ in sizes):
            return 0.0
        return float(np.exp(sum(depth / total * np.log(a) for a, depth in sizes)))

    def bounds(self, state: list[Array]) -> tuple[float, float]:
        value = sum(len(slot.places) for slot in self.active) / 2 * self._common(state)
        return value, value

    def balanced(self, state: list[Array]) -> StructuredOperator:
        common = self._common(state)
        new = {place: np.zeros_like(self.factor(place)) for slot in self.active for place in slot.places}
        for slot, (U, σ, Vh, depth) in zip(self.active, self._spectra(state), strict=True):
            a = float(np.sum(σ ** (2 / depth)))
            if common == 0:
                continue
            if depth == 1:
                new[slot.places[0]] = (U * (σ * np.sqrt(common / a))) @ Vh
                continue
            root = np.sqrt(common / a) * σ ** (1 / depth)
            for i, place in enumerate(slot.places):
                first, last = i == 0, i == depth - 1
                block = U * root if first else root[:, None] * Vh if last else np.diag(root)
                new[place] = np.zeros(self.factor(place).shape, np.result_type(block, np.float64))
                new[place][: block.shape[0], : block.shape[1]] = block
        rebuilt = [
            with_matrices(op, [new[i, f] for f in range(len(matrices(op)))]) for i, op in enumerate(self.operators)
        ]
        return assembled(self.structure, rebuilt)


def _aligned(slots: list[Slot], items: list[Slot]) -> list[Slot] | None:
    """Slots of a product from those of its two sides; identities split where sizes differ; None where they do not fit."""
    lefts, rights, out = list(reversed(slots)), list(reversed(items)), list[Slot]()
    while lefts and rights:
        left, right = lefts.pop(), rights.pop()
        if left.columns > right.rows and not left.places and left.columns % right.rows == 0:
            rest = left.columns // right.rows
            lefts.append(Slot(rest, rest))
            left = Slot(right.rows, right.rows)
        elif right.rows > left.columns and not right.places and right.rows % left.columns == 0:
            rest = right.rows // left.columns
            rights.append(Slot(rest, rest))
            right = Slot(left.columns, left.columns)
        elif left.columns != right.rows:
            return None
        out.append(Slot(left.rows, right.columns, left.places + right.places))
    return None if lefts or rights else out


@singledispatch
def _items(op: Any, index: int) -> list[Slot] | None:
    """A Kronecker product of matrices and identities as slots; None if the operator is none."""
    return None


@_items.register(Dense)
@_items.register(Kronecker)
def _(op: Dense | Kronecker, index: int) -> list[Slot] | None:
    return [Slot(M.shape[0], M.shape[1], ((index, f),)) for f, M in enumerate(matrices(op))]


@_items.register
def _(op: KroneckerSparse, index: int) -> list[Slot] | None:
    a, b, c, d = op.pattern
    if op.values.shape != (1, 1, b, c):
        return None
    slots = [Slot(a, a), Slot(b, c, ((index, 0),)), Slot(d, d)]
    return [slot for slot in slots if slot.places or slot.rows > 1]


@singledispatch
def matrices(op: Any) -> tuple[Array, ...]:
    """The matrices in an operator's slots."""
    return tuple(op.factors)


@matrices.register
def _(op: KroneckerSparse) -> tuple[Array, ...]:
    return (op.values[0, 0],)


@singledispatch
def with_matrices(op: Any, new: list[Array]) -> StructuredOperator:
    """The operator with other matrices in its slots."""
    operator: StructuredOperator = op.with_factors(*new)
    return operator


@with_matrices.register
def _(op: KroneckerSparse, new: list[Array]) -> StructuredOperator:
    return op.with_factors(new[0][None, None])


@singledispatch
def assembled(structure: Any, operators: list[StructuredOperator]) -> StructuredOperator:
    """The structure with other operators in place of its own."""
    return operators[0] if len(operators) == 1 else Chain(*operators)


@assembled.register
def _(structure: LinearMixer, operators: list[StructuredOperator]) -> StructuredOperator:
    pairs = [(op.factors[1], op.factors[0].T) for op in reversed(operators)]
    return LinearMixer([W for W, _ in pairs], [V for _, V in pairs])


@parametrisation_of.register
def _(structure: Chain) -> Parametrisation:
    return Slots.of_operators(structure, structure.operators)
