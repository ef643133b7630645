"""Structures made of others that do not share an entry of B, or of one that stands in B several times: R adds up, or stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..operators import Ampliation, BlockDiagonal, HStack, StructuredOperator, VStack
from ..operators.arrays import Array
from .gauges import Gauge, over_blocks
from .parametrisations import Growth, Parametrisation, Placed, parametrisation_of

#: Rows and columns of a block.
Place = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Blocks(Parametrisation):
    """Blocks with parameters of their own, zeros elsewhere: R(B) = Σ R_i(B_i). State: the states of the blocks.

    Parameters
    ----------
    blocks : tuple of Parametrisation
    at : tuple of (rows, columns)
        Slices of B.
    """

    blocks: tuple[Parametrisation, ...]
    at: tuple[Place, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        names = list(dict.fromkeys(block.name for block in self.blocks))
        return f"sum over blocks of {' and '.join(names)}"

    @property
    def exact(self) -> bool:  # type: ignore[override]
        return all(block.exact for block in self.blocks)

    @property
    def degree(self) -> int | None:  # type: ignore[override]
        degrees = {block.degree for block in self.blocks}
        return degrees.pop() if len(degrees) == 1 else None

    @property
    def growth(self) -> tuple[Growth, ...]:  # type: ignore[override]
        """The bounds are concave in ‖B_i‖², which add up to ‖B‖²: one block alone costs least."""
        return tuple(dict.fromkeys(g for block in self.blocks for g in block.growth))

    def own(self, θ: Array) -> list[Any]:
        return [block.own(θ) for block in self.blocks]

    def of(self, B: Array) -> list[Any] | None:
        states = [block.of(B[at]) for block, at in zip(self.blocks, self.at, strict=True)]
        return None if any(state is None for state in states) else states

    def bounds(self, state: list[Any]) -> tuple[float, float]:
        found = [block.bounds(part) for block, part in zip(self.blocks, state, strict=True)]
        return sum(lower for lower, _ in found), sum(upper for _, upper in found)

    def balanced(self, state: list[Any]) -> Placed:
        return [pair for block, part in zip(self.blocks, state, strict=True) for pair in block.balanced(part)]

    def conjugate(self, Z: Array) -> tuple[float, float]:
        found = [block.conjugate(Z[at]) for block, at in zip(self.blocks, self.at, strict=True)]
        return sum(q for q, _ in found), max(g for _, g in found)

    def proximal(self, V: Array, step: float) -> Array | None:
        out = np.zeros_like(V)
        for block, at in zip(self.blocks, self.at, strict=True):
            part = block.proximal(V[at], step)
            if part is None:
                return None
            out[at] = part
        return out

    def gauge(self) -> Gauge | None:
        return over_blocks([block.gauge() for block in self.blocks], self.at)

    def laws(self, θ: Array) -> dict[str, Array]:
        return {
            f"{name} in block {i}": value
            for i, block in enumerate(self.blocks)
            for name, value in block.laws(θ).items()
        }


@parametrisation_of.register
def _(op: BlockDiagonal) -> Parametrisation:
    rows, columns = (_consecutive_slices([part.shape[axis] for part in op.operators]) for axis in (0, 1))
    return _blocks(op.operators, rows, columns)


@parametrisation_of.register
def _(op: HStack) -> Parametrisation:
    columns = _consecutive_slices([part.shape[1] for part in op.operators])
    return _blocks(op.operators, [slice(None)] * len(columns), columns)


@parametrisation_of.register
def _(op: VStack) -> Parametrisation:
    rows = _consecutive_slices([part.shape[0] for part in op.operators])
    return _blocks(op.operators, rows, [slice(None)] * len(rows))


def _blocks(operators: Sequence[StructuredOperator], rows: list[slice], columns: list[slice]) -> Parametrisation:
    return Blocks(tuple(parametrisation_of(op) for op in operators), tuple(zip(rows, columns, strict=True)))


def _consecutive_slices(sizes: Sequence[int]) -> list[slice]:
    ends = np.cumsum(sizes)
    return [slice(int(end) - size, int(end)) for size, end in zip(sizes, ends, strict=True)]


@dataclass(frozen=True, eq=False)
class Repeated(Parametrisation):
    """I_a ⊗ A ⊗ I_d: R of A, however often A stands in B. State: that of A."""

    inner: Parametrisation
    a: int
    d: int

    def __post_init__(self) -> None:
        for field in ("name", "exact", "degree"):
            object.__setattr__(self, field, getattr(self.inner, field))

    @property
    def growth(self) -> tuple[Growth, ...]:  # type: ignore[override]
        return tuple(Growth(g.degree, g.copies * self.a * self.d) for g in self.inner.growth)

    def _copies(self, B: Array) -> Array:
        """The copies of A in B, (rows, columns, copies)."""
        a, d = self.a, self.d
        view = B.reshape(a, B.shape[0] // (a * d), d, a, B.shape[1] // (a * d), d)
        return np.einsum("ibjicj->bcij", view).reshape(view.shape[1], view.shape[4], a * d)

    def own(self, θ: Array) -> Any:
        return self.inner.own(θ)

    def of(self, B: Array) -> Any | None:
        return self.inner.of(self._copies(B).mean(axis=-1))

    def bounds(self, state: Any) -> tuple[float, float]:
        return self.inner.bounds(state)

    def balanced(self, state: Any) -> Placed:
        return self.inner.balanced(state)

    def conjugate(self, Z: Array) -> tuple[float, float]:
        return self.inner.conjugate(self._copies(Z).sum(axis=-1))

    def proximal(self, V: Array, step: float) -> Array | None:
        mean = self.inner.proximal(self._copies(V).mean(axis=-1), step / (self.a * self.d))
        return None if mean is None else np.kron(np.kron(np.eye(self.a), mean), np.eye(self.d))

    def laws(self, θ: Array) -> dict[str, Array]:
        return self.inner.laws(θ)


@parametrisation_of.register
def _(op: Ampliation) -> Parametrisation:
    return Repeated(parametrisation_of(op.operator), op.a, op.d)
