"""B falls into pieces, each a product of L free matrices of its own (T17): R = (L/2) Σ ‖piece‖_{S_{2/L}}^{2/L}.

L = 2: the sum of the pieces' nuclear norms: P Q (one piece), u ∘ v (one piece for each entry: ℓ1), Monarch and every other pair of
chainable factors (slices, T11), Σ V_i ⊗ W_i (𝓡(B), T14). Deeper: products of dense matrices, u₁ ∘ … ∘ u_L.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import inf, prod
from typing import Any

import numpy as np

from ..operators import Hadamard
from ..operators.arrays import Array
from .gauges import Gauge
from .layouts import Entries, Layout
from .norms import Frobenius, Nuclear
from .parametrisations import Growth, Parametrisation, Placed, parametrisation_of, places

#: The factors of N pieces of one shape: (N, m, r₁), (N, r₁, r₂), …, (N, r_{L−1}, n).
Stack = tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class FreeProducts(Parametrisation):
    """State: the factors of all pieces, a stack for each shape of pieces.

    Parameters
    ----------
    stacks : tuple of Stack
        Places in θ.
    layout : Layout
        Where the pieces stand in B.
    name : str
        What R is.
    law : str
        Name of the law for factors {i} and {j}.
    kronecker_items : tuple, optional
        B as a Kronecker product, where it is one.
    """

    stacks: tuple[Stack, ...]
    layout: Layout
    name: str
    law: str = "P{i}ᴴP{i} − P{j}P{j}ᴴ"
    kronecker_items: tuple[Any, ...] | None = None

    @property
    def degree(self) -> int:  # type: ignore[override]
        return len(self.stacks[0])

    @property
    def growth(self) -> tuple[Growth, ...]:  # type: ignore[override]
        return (Growth(self.degree, self.layout.copies),)

    def items(self) -> list[Any] | None:
        return None if self.kronecker_items is None else list(self.kronecker_items)

    def own(self, θ: Array) -> list[Stack]:
        return [tuple(θ[where] for where in stack) for stack in self.stacks]

    def of(self, B: Array) -> list[Stack] | None:
        found = []
        for stack, M in zip(self.stacks, self.layout.averaged(B), strict=True):
            found.append(_shared_evenly(_singular((np.ascontiguousarray(M),), _inner(stack)), len(stack)))
        return found

    def bounds(self, state: list[Stack]) -> tuple[float, float]:
        L = self.degree
        value = L / 2 * sum(float((_values(stack) ** (2 / L)).sum()) for stack in state)
        return value, value

    def balanced(self, state: list[Stack]) -> Placed:
        placed: Placed = []
        for stack, values in zip(self.stacks, state, strict=True):
            shared = _shared_evenly(_singular(values, _inner(stack)), len(stack))
            placed += [(where, _padded(part, where.shape)) for where, part in zip(stack, shared, strict=True)]
        return placed

    def conjugate(self, Z: Array) -> tuple[float, float]:
        if self.degree == 1:
            return 0.5 * Frobenius(self.layout).dual(Z) ** 2, 0.0
        if self.degree == 2:
            return 0.0, Nuclear(self.layout).dual(Z)
        return 0.0, inf if any(S.any() for S in self.layout.summed(Z)) else 0.0

    def proximal(self, V: Array, step: float) -> Array | None:
        """Proximal step of the sum of the pieces' nuclear norms, for any rank."""
        return Nuclear(self.layout).prox(V, step) if self.degree == 2 else None

    def gauge(self) -> Gauge:
        """The gauge below R: with p = 2/L ≤ 1, Σσ^p ≥ (Σσ)^p; for L = 1 R is ½‖pieces‖²."""
        if self.degree == 1:
            return Gauge(Frobenius(self.layout), 1, exact=True)
        return Gauge(Nuclear(self.layout), self.degree, exact=self.degree == 2)

    def laws(self, θ: Array) -> dict[str, Array]:
        laws: dict[str, Array] = {}
        for s, stack in enumerate(self.own(θ)):
            among = f" (stack {s})" if len(self.stacks) > 1 else ""
            for i, (P, Q) in enumerate(pairwise(stack)):
                value = P.conj().swapaxes(-1, -2) @ P - Q @ Q.conj().swapaxes(-1, -2)
                laws[self.law.format(i=i, j=i + 1) + among] = self.layout.law(value)
        return laws

    def plus(self, other: Parametrisation) -> Parametrisation | None:
        """Products of two factors on the same pieces: inner sizes add."""
        if not isinstance(other, FreeProducts) or (self.degree, other.degree, self.layout) != (2, 2, other.layout):
            return None
        joined = tuple(
            (np.concatenate([U, X], axis=2), np.concatenate([V, Y], axis=1))
            for (U, V), (X, Y) in zip(self.stacks, other.stacks, strict=True)
        )
        return FreeProducts(joined, self.layout, self.layout.norm, self.layout.pair_law)


def schatten_name(depth: int) -> str:
    """R of a product of free matrices, in words."""
    return {1: "half squared norm of the parameters", 2: "nuclear norm"}.get(
        depth, f"{depth}/2 · Schatten-2/{depth} norm^(2/{depth})"
    )


# ---- singular values of stacks of products ---------------------------------------------------------------------------


def _inner(stack: Stack) -> int:
    """Largest rank of the pieces of a stack."""
    return int(min([*(part.shape[2] for part in stack), stack[0].shape[1]]))


def _values(stack: Stack) -> Array:
    """Singular values of the products, as many as the inner size."""
    if (
        len(stack) == 2 and stack[0].shape[2] == 1
    ):  # single columns and rows: the product of their norms, without a copy
        return np.asarray(np.linalg.norm(stack[0], axis=1) * np.linalg.norm(stack[1], axis=2))
    if len(stack) == 1:
        return np.asarray(
            np.linalg.norm(stack[0].reshape(len(stack[0]), -1), axis=1)
        )  # only their squares are asked for
    return _singular(stack, _inner(stack))[1]


def _singular(stack: Stack, rank: int) -> tuple[Array, Array, Array]:
    """U, σ, Vᴴ of every product, cut to ``rank``: of two factors through their QR's, so that nothing larger is formed."""
    if max(stack[0].shape[1], stack[-1].shape[2]) == 1:
        value = reduce(np.multiply, (part[:, 0, 0] for part in stack))
        size = np.abs(value)
        phase = np.divide(value, size, out=np.ones_like(value), where=size > 0)
        return phase[:, None, None], size[:, None], np.ones_like(value)[:, None, None]
    if len(stack) == 2:
        Q, R = np.linalg.qr(stack[0])
        P, S = np.linalg.qr(stack[1].conj().swapaxes(-1, -2))
        A, σ, Bh = np.linalg.svd(R @ S.conj().swapaxes(-1, -2), full_matrices=False)
        A, Bh = Q @ A, Bh @ P.conj().swapaxes(-1, -2)
    else:
        A, σ, Bh = np.linalg.svd(reduce(np.matmul, stack), full_matrices=False)
    return A[:, :, :rank], σ[:, :rank], Bh[:, :rank]


def _shared_evenly(svd: tuple[Array, Array, Array], depth: int) -> Stack:
    """Factors U σ^{1/L}, diag(σ^{1/L}), …, σ^{1/L} Vᴴ: the least norm for their product."""
    U, σ, Vh = svd
    if depth == 1:
        return ((U * σ[:, None, :]) @ Vh,)
    root = σ ** (1 / depth)
    middle = root[:, :, None] * np.eye(σ.shape[1])
    return (U * root[:, None, :], *[middle] * (depth - 2), root[:, :, None] * Vh)


def _padded(stack: Array, shape: tuple[int, ...]) -> Array:
    """Factors with zeros added up to the structure's inner sizes."""
    out = np.zeros(shape, stack.dtype)
    out[tuple(slice(0, n) for n in stack.shape)] = stack
    return out


# ---- entrywise products ----------------------------------------------------------------------------------------------


@parametrisation_of.register
def _(op: Hadamard) -> Parametrisation:
    depth = len(op.factors)
    name = {1: schatten_name(1), 2: "ℓ1 norm"}.get(depth, f"{depth}/2 · Σ|B_i|^(2/{depth})")
    stack = tuple(places(f).reshape(-1, 1, 1) for f in op.factors)
    assert prod(op.shape) == len(stack[0])
    return FreeProducts((stack,), Entries(op.shape), name, "u{i}² − u{j}²")
