"""What the factors of a structure can represent, and the factors of least norm for it: one class for each kind of structure.

For a parametrisation θ ↦ B(θ), R(B) = min{½‖θ‖² : B(θ) = B} (T17). Each class here knows a normal form of the matrices of a
structure (its blocks, its Kronecker slots …), how to find it from the factors or from a dense matrix, its R, and the factors
that attain R. A new structure is a class and a registration under :func:`parametrisation_of`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import reduce, singledispatch
from typing import Any

import numpy as np

from ..decompose.truncation import truncate
from ..operators import (
    Dense,
    Hadamard,
    Kronecker,
    KroneckerSparse,
    Masked,
    Monarch,
    Permutation,
    StructuredOperator,
    SumOfKroneckers,
)
from ..operators.base import Array
from .views import Rearranged

#: Relative distance up to which a matrix counts as representable.
TOLERANCE = 1e-9


class Parametrisation(ABC):
    """A structure together with the normal form of its matrices; ``state`` below is such a form."""

    name = "induced penalty"

    @abstractmethod
    def own(self) -> Any:
        """State of the structure's own matrix, from its factors."""

    @abstractmethod
    def of(self, B: Array) -> Any | None:
        """State of a dense matrix; None where the structure cannot represent it."""

    @abstractmethod
    def bounds(self, state: Any) -> tuple[float, float]:
        """Lower and upper bounds of R, equal where it is known; the upper one is attained by :meth:`balanced`."""

    @abstractmethod
    def balanced(self, state: Any) -> StructuredOperator:
        """The structure with factors of least norm."""


@singledispatch
def parametrisation_of(structure: Any) -> Parametrisation:
    """The parametrisation that a structure is."""
    raise TypeError(
        f"{type(structure).__name__} has no induced penalty: expected a structured operator with factors to train"
    )


def near(A: Array, B: Array) -> bool:
    """Whether A is B up to rounding."""
    return bool(np.linalg.norm(A - B) <= TOLERANCE * np.linalg.norm(B))


# ---- every entry of B is one parameter, perhaps shared ---------------------------------------------------------------


@dataclass(frozen=True)
class Linear(Parametrisation):
    """B determines the factors: Dense, Masked, a Kronecker-sparse factor with or without sharing, a permutation."""

    structure: StructuredOperator
    name = "half squared norm of the parameters"

    def own(self) -> tuple[Array, ...]:
        return self.structure.factors

    def of(self, B: Array) -> tuple[Array, ...] | None:
        factors = read_off(self.structure, B)
        return factors if near(self.structure.with_factors(*factors).to_dense(), B) else None

    def bounds(self, state: tuple[Array, ...]) -> tuple[float, float]:
        value = 0.5 * sum(float(np.vdot(f, f).real) for f in state)
        return value, value

    def balanced(self, state: tuple[Array, ...]) -> StructuredOperator:
        return self.structure.with_factors(*state)


@singledispatch
def read_off(structure: Any, B: Array) -> tuple[Array, ...]:
    """Factors of a linear structure from the places of B where they stand."""
    raise TypeError(f"{type(structure).__name__} is not linear in its factors")


@read_off.register
def _(structure: Dense, B: Array) -> tuple[Array, ...]:
    return (B,)


@read_off.register
def _(structure: Permutation, B: Array) -> tuple[Array, ...]:
    return ()


@read_off.register
def _(structure: Masked, B: Array) -> tuple[Array, ...]:
    support = structure.with_factors(*(np.ones_like(f) for f in structure.factors)).to_sparse().tocoo()
    return (B[support.row, support.col].reshape(structure.factors[0].shape),)


@read_off.register
def _(structure: KroneckerSparse, B: Array) -> tuple[Array, ...]:
    a, b, c, d = structure.pattern
    values = np.einsum("ibjicj->ijbc", B.reshape(a, b, d, a, c, d))
    shared = tuple(axis for axis, size in enumerate(structure.values.shape) if size == 1)
    return (values.mean(axis=shared, keepdims=True) if shared else values,)


@parametrisation_of.register(Dense)
@parametrisation_of.register(Masked)
@parametrisation_of.register(KroneckerSparse)
@parametrisation_of.register(Permutation)
def _(structure: StructuredOperator) -> Parametrisation:
    return Linear(structure)


# ---- entrywise products ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entrywise(Parametrisation):
    """u₁ ∘ … ∘ u_L: R = (L/2) Σ|B_i|^{2/L}, with |u_l| = |B|^{1/L} for all l."""

    structure: Hadamard

    @property
    def name(self) -> str:  # type: ignore[override]
        depth = len(self.structure.factors)
        return "ℓ1 norm" if depth == 2 else f"{depth}/2 · Σ|B_i|^(2/{depth})"

    def own(self) -> Array:
        return self.structure.to_dense()

    def of(self, B: Array) -> Array | None:
        return B

    def bounds(self, state: Array) -> tuple[float, float]:
        depth = len(self.structure.factors)
        value = depth / 2 * float(np.sum(np.abs(state) ** (2 / depth)))
        return value, value

    def balanced(self, state: Array) -> StructuredOperator:
        depth = len(self.structure.factors)
        root = np.abs(state) ** (1 / depth)
        phase = np.divide(state, np.abs(state), out=np.ones_like(state), where=state != 0)
        return self.structure.with_factors(phase * root, *[root] * (depth - 1))


@parametrisation_of.register
def _(structure: Hadamard) -> Parametrisation:
    return Entrywise(structure)


# ---- products of two factors on blocks -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Blocks(Parametrisation):
    """Every block is a product U V of inner size r: R = sum of the blocks' nuclear norms. State: stacks U and V.

    ``layout`` splits B into blocks and joins them, and turns stacks into factors and back.
    """

    structure: StructuredOperator
    layout: BlockLayout
    rank: int

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.layout.name

    def own(self) -> tuple[Array, Array]:
        return self.layout.stacks(self.structure.factors)

    def of(self, B: Array) -> tuple[Array, Array] | None:
        blocks = np.ascontiguousarray(self.layout.split(B))
        found = truncate(blocks, self.rank, 0.0)
        missed = float(np.linalg.norm(blocks - found.left @ found.right))
        return (found.left, found.right) if missed <= TOLERANCE * np.linalg.norm(B) else None

    def bounds(self, state: tuple[Array, Array]) -> tuple[float, float]:
        value = float(_inner_values(*state).sum())
        return value, value

    def balanced(self, state: tuple[Array, Array]) -> StructuredOperator:
        U, V = state
        widened = _padded(U, (*U.shape[:2], self.rank)), _padded(V, (len(V), self.rank, V.shape[2]))
        return self.structure.with_factors(*self.layout.factors(*balanced_products(*widened)))


def balanced_products(U: Array, V: Array) -> tuple[Array, Array]:
    """Stacks with the same products U V and UᴴU = VVᴴ diagonal: the two factors of least norm (T17)."""
    (Q, P, A, Bh), σ = _inner_svd(U, V)
    root = np.sqrt(σ)
    left = Q @ (A * root[..., None, :])
    right = (root[..., :, None] * Bh) @ P.conj().swapaxes(-1, -2)
    return _padded(left, U.shape), _padded(right, V.shape)


def _inner_svd(U: Array, V: Array) -> tuple[tuple[Array, Array, Array, Array], Array]:
    """SVD of every U V from the QR's of its factors: the inner matrices are no larger than r."""
    Q, R = np.linalg.qr(U)
    P, S = np.linalg.qr(V.conj().swapaxes(-1, -2))
    A, σ, Bh = np.linalg.svd(R @ S.conj().swapaxes(-1, -2), full_matrices=False)
    return (Q, P, A, Bh), σ


def _inner_values(U: Array, V: Array) -> Array:
    """Singular values of every U V; of single columns and rows the products of their norms, without a copy."""
    if U.shape[2] == 1:
        return np.asarray(np.linalg.norm(U, axis=1) * np.linalg.norm(V, axis=2))
    return _inner_svd(U, V)[1]


def _padded(stack: Array, shape: tuple[int, ...]) -> Array:
    """With zero columns or rows up to the structure's inner size."""
    out = np.zeros(shape, stack.dtype)
    out[tuple(slice(0, n) for n in stack.shape)] = stack
    return out


class BlockLayout(ABC):
    """How B, and the factors, fall into blocks."""

    name = "sum of the blocks' nuclear norms"
    law = "UᴴU − VVᴴ of every block"

    @abstractmethod
    def split(self, B: Array) -> Array:
        """Blocks of B, shape (blocks, m, n)."""

    @abstractmethod
    def stacks(self, factors: tuple[Array, ...]) -> tuple[Array, Array]:
        """U (blocks, m, r) and V (blocks, r, n)."""

    @abstractmethod
    def factors(self, U: Array, V: Array) -> tuple[Array, ...]:
        """Undo :meth:`stacks`."""


@dataclass(frozen=True)
class MonarchLayout(BlockLayout):
    """Blocks of a Monarch matrix: one for each slice, and where a factor is tied, slices that share it side by side (T12)."""

    p: int
    k: int
    q: int
    s: int
    r: int
    left_tied: bool
    right_tied: bool
    law = "UᴴU − VVᴴ of every slice"

    @property
    def name(self) -> str:  # type: ignore[override]
        if self.left_tied and self.right_tied:
            return "nuclear norm of the rearranged matrix"
        return "group norm over slices" if self.r == 1 else "sum of the slices' nuclear norms"

    def split(self, B: Array) -> Array:
        p, k, q, s = self.p, self.k, self.q, self.s
        view = B.reshape(p, q, k, s)
        if self.left_tied and self.right_tied:
            return view.transpose(0, 2, 1, 3).reshape(1, p * k, q * s)
        if self.left_tied:  # one block for each i_k: rows i_p, columns (i_q, i_s)
            return view.transpose(2, 0, 1, 3).reshape(k, p, q * s)
        if self.right_tied:  # one block for each i_q: rows (i_p, i_k), columns i_s
            return view.transpose(1, 0, 2, 3).reshape(q, p * k, s)
        return view.transpose(1, 2, 0, 3).reshape(q * k, p, s)

    def stacks(self, factors: tuple[Array, ...]) -> tuple[Array, Array]:
        p, k, q, s, r = self.p, self.k, self.q, self.s, self.r
        left, right = factors[0].reshape(-1, p, k, r), factors[1].reshape(-1, r, q, s)
        if self.left_tied and self.right_tied:
            return left.reshape(1, p * k, r), right.reshape(1, r, q * s)
        if self.left_tied:
            return left[0].transpose(1, 0, 2), right.reshape(k, r, q * s)
        if self.right_tied:
            return left.reshape(q, p * k, r), right[0].transpose(1, 0, 2)
        return left.transpose(0, 2, 1, 3).reshape(q * k, p, r), right.transpose(2, 0, 1, 3).reshape(q * k, r, s)

    def factors(self, U: Array, V: Array) -> tuple[Array, ...]:
        p, k, q, s, r = self.p, self.k, self.q, self.s, self.r
        if self.left_tied and self.right_tied:
            left, right = U.reshape(1, p, k, r), V.reshape(1, r, q, s)
        elif self.left_tied:
            left, right = U.transpose(1, 0, 2)[None], V.reshape(k, r, q, s)
        elif self.right_tied:
            left, right = U.reshape(q, p, k, r), V.transpose(1, 0, 2)[None]
        else:
            left = U.reshape(q, k, p, r).transpose(0, 2, 1, 3)
            right = V.reshape(q, k, r, s).transpose(1, 2, 0, 3)
        return left.reshape(-1, p, k * r), right.reshape(-1, r * q, s)


@parametrisation_of.register
def _(structure: Monarch) -> Parametrisation:
    (p, k, q, s), r = structure.sizes, structure.rank
    tied = [f.shape[0] == 1 and n > 1 for f, n in zip(structure.factors, (q, k), strict=True)]
    return Blocks(structure, MonarchLayout(p, k, q, s, r, *tied), r)


@dataclass(frozen=True)
class SumLayout(BlockLayout):
    """𝓡(B) as one block: U holds the vec's of the left factors, V those of the right ones (T14)."""

    left: tuple[int, int]
    right: tuple[int, int]
    name = "nuclear norm of the rearranged matrix"
    law = "⟨Vi, Vj⟩ − ⟨Wi, Wj⟩"

    def split(self, B: Array) -> Array:
        return Rearranged(self.left, self.right).split(B)

    def stacks(self, factors: tuple[Array, ...]) -> tuple[Array, Array]:
        return (
            np.stack([f.ravel() for f in factors[::2]], axis=1)[None],
            np.stack([f.ravel() for f in factors[1::2]])[None],
        )

    def factors(self, U: Array, V: Array) -> tuple[Array, ...]:
        pairs = [(u.reshape(self.left), v.reshape(self.right)) for u, v in zip(U[0].T, V[0], strict=True)]
        return tuple(f for pair in pairs for f in pair)


@parametrisation_of.register
def _(structure: SumOfKroneckers) -> Parametrisation:
    left, right = (f.shape for f in structure.factors[:2])
    return Blocks(structure, SumLayout(left, right), len(structure.pairs))


@parametrisation_of.register
def _(structure: Kronecker) -> Parametrisation:
    from .slots import Slots

    return Slots.of_operators(structure, (structure,))


def kron_all(matrices: list[Array]) -> Array:
    """A₁ ⊗ A₂ ⊗ … as an array."""
    return reduce(np.kron, matrices)
