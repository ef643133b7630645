"""T19, conservation laws of the gradient flow θ' = −∇_θ loss(B(θ)), for an arbitrary symbolic loss gradient G.

    d/dt Q(θ) = −⟨∇Q(θ), ∇_θ⟨G, B(θ)⟩⟩ ≡ 0

as a polynomial in the entries of θ and G: the loss, the data and the time do not enter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from ..operators.kernels import apply_factor
from ..patterns import monarch_patterns
from .claims import Counterexample, Proof
from .minima import vanish
from .provers.polynomials import Array, derivative, entries, inner, square_norm

Outcome = Proof | Counterexample
Factors = Mapping[str, Array]

__all__ = [
    "Parametrisation",
    "hadamard",
    "kronecker",
    "mixer",
    "monarch",
    "product",
    "prove_conserved",
    "prove_drift_order",
    "sum_of_kroneckers",
]


@dataclass(frozen=True)
class Parametrisation:
    """A polynomial map θ ↦ B(θ): the shapes of its factors, the map, and its conserved quantities."""

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    weight: Callable[[Factors], Array]
    laws: Callable[[Factors], list[Array]]

    def factors(self, **extra: tuple[int, ...]) -> dict[str, Array]:
        """The factors as symbols, with further arrays in the same ring."""
        return entries(**self.shapes, **extra)

    @property
    def sizes(self) -> str:
        return ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in self.shapes.items())


def hadamard(size: int = 3) -> Parametrisation:
    """u ∘ v with u_i² − v_i² for every entry."""
    return Parametrisation(
        "u∘v", {"u": (size,), "v": (size,)}, lambda F: F["u"] * F["v"], lambda F: [F["u"] ** 2 - F["v"] ** 2]
    )


def kronecker(*shapes: tuple[int, int]) -> Parametrisation:
    """V_1 ⊗ … ⊗ V_k with ‖V_l‖² − ‖V_{l+1}‖²."""
    return Parametrisation(
        "⊗".join(f"V{l}" for l in range(len(shapes))),
        {f"V{l}": shape for l, shape in enumerate(shapes)},
        lambda F: reduce(np.kron, _in_order(F, "V")),
        lambda F: [_norm(V) - _norm(W) for V, W in _neighbours(_in_order(F, "V"))],
    )


def product(n: int = 3, r: int = 2, m: int = 4) -> Parametrisation:
    """PQ with PᵀP − QQᵀ."""
    return Parametrisation(
        "PQ", {"P": (n, r), "Q": (r, m)}, lambda F: F["P"] @ F["Q"], lambda F: [F["P"].T @ F["P"] - F["Q"] @ F["Q"].T]
    )


def sum_of_kroneckers(
    left: tuple[int, int] = (2, 3), right: tuple[int, int] = (3, 2), rank: int = 2
) -> Parametrisation:
    """Σ V_i ⊗ W_i with the r × r matrix ⟨V_i, V_j⟩ − ⟨W_i, W_j⟩."""
    return Parametrisation(
        f"Σ V_i⊗W_i, r = {rank}",
        {"V": (rank, *left), "W": (rank, *right)},
        lambda F: np.sum([np.kron(V, W) for V, W in zip(F["V"], F["W"], strict=True)], axis=0),
        lambda F: [_gram(F["V"].reshape(rank, -1)) - _gram(F["W"].reshape(rank, -1))],
    )


def monarch(shape: tuple[int, int, int, int] = (2, 2, 2, 3), rank: int = 2) -> Parametrisation:
    """Monarch of block rank r with U_jkᵀU_jk − V_jkV_jkᵀ of every slice U_jk V_jk."""
    p, k, q, s = shape
    patterns = monarch_patterns(p, k, q, s, rank)

    def weight(F: Factors) -> Array:
        identity = np.eye(k * s, dtype=int).astype(object)
        return apply_factor(F["L"][None], patterns[0], apply_factor(F["R"][:, None], patterns[1], identity))

    def laws(F: Factors) -> list[Array]:
        U = F["L"].reshape(q, p, k, rank).transpose(0, 2, 3, 1)  # transposed slices: axes q, k, r, p
        V = F["R"].reshape(k, rank, q, s).transpose(2, 0, 1, 3)
        return [_gram(U[j, i]) - _gram(V[j, i]) for j in range(q) for i in range(k)]

    return Parametrisation(
        f"Monarch (p, k, q, s) = {shape}, r = {rank}", {"L": (q, p, k * rank), "R": (k, q * rank, s)}, weight, laws
    )


def mixer(tokens: int = 2, channels: int = 2, depth: int = 2) -> Parametrisation:
    """B = (V_1⋯V_L)ᵀ ⊗ (W_L⋯W_1): W_lW_lᵀ − W_{l+1}ᵀW_{l+1}, V_lᵀV_l − V_{l+1}V_{l+1}ᵀ, ‖V_1‖² − ‖W_1‖²."""
    shapes = {f"W{l}": (tokens, tokens) for l in range(depth)} | {f"V{l}": (channels, channels) for l in range(depth)}

    def laws(F: Factors) -> list[Array]:
        W, V = _in_order(F, "W"), _in_order(F, "V")
        inside = [a @ a.T - b.T @ b for a, b in _neighbours(W)] + [a.T @ a - b @ b.T for a, b in _neighbours(V)]
        return [*inside, _norm(V[0]) - _norm(W[0])]

    def weight(F: Factors) -> Array:
        return np.kron(reduce(np.matmul, _in_order(F, "V")).T, reduce(np.matmul, _in_order(F, "W")[::-1]))

    return Parametrisation(f"linear Mixer, L = {depth}", shapes, weight, laws)


def prove_conserved(*structures: Parametrisation) -> Outcome:
    """Every law of every structure has a time derivative that is the zero polynomial in θ and G."""
    for structure in structures:
        shape = structure.weight(structure.factors()).shape
        M = structure.factors(G=shape)
        theta = {name: M[name] for name in structure.shapes}
        loss = inner(M["G"], structure.weight(theta))
        velocity = {name: -derivative(loss, factor) for name, factor in theta.items()}
        for law in structure.laws(theta):
            rate = np.empty(law.shape, object)
            for index in np.ndindex(*law.shape):
                rate[index] = sum((inner(derivative(law[index], theta[n]), velocity[n]) for n in theta), start=0)
            zero = np.zeros(law.shape, int).astype(object)
            if wrong := vanish(rate, zero, f"{structure.name}: {structure.sizes}", "d/dt of the conserved quantity"):
                return wrong
    return Proof("; ".join(f"{s.name}: {s.sizes}" for s in structures), "entrywise, any G")


def prove_drift_order(structure: Parametrisation, order: int = 2) -> Outcome:
    """One gradient step of size η changes every law by a polynomial in η without terms below η^order.

    A path of time t has t/η steps, so the drift of gradient descent from the laws is O(η) at order 2.
    """
    shape = structure.weight(structure.factors()).shape
    M = structure.factors(G=shape, eta=())
    eta = M["eta"].item()
    theta = {name: M[name] for name in structure.shapes}
    loss = inner(M["G"], structure.weight(theta))
    moved = {name: factor - derivative(loss, factor) * eta for name, factor in theta.items()}
    for before, after in zip(structure.laws(theta), structure.laws(moved), strict=True):
        change = after - before
        for power in range(order):
            part = np.empty(change.shape, object)
            for index in np.ndindex(*change.shape):
                part[index] = _coefficient(change[index], eta, power)
            zero = np.zeros(change.shape, int).astype(object)
            if wrong := vanish(part, zero, f"{structure.name}: {structure.sizes}", f"the term in η^{power}"):
                return wrong
    return Proof(
        f"{structure.name}: {structure.sizes}", f"a step changes the laws by terms in η^{order} and above only"
    )


def _coefficient(polynomial: Any, variable: Any, power: int) -> Any:
    position = polynomial.ring.gens.index(variable)
    return polynomial.ring.from_dict(
        {
            (*exponents[:position], 0, *exponents[position + 1 :]): value
            for exponents, value in polynomial.terms()
            if exponents[position] == power
        }
    )


def _in_order(factors: Factors, letter: str) -> list[Array]:
    return [factor for name, factor in sorted(factors.items()) if name.startswith(letter)]


def _neighbours(arrays: list[Array]) -> list[tuple[Array, Array]]:
    return list(pairwise(arrays))


def _gram(rows: Array) -> Array:
    return rows @ rows.T


def _norm(array: Array) -> Array:
    return np.array([square_norm(array)])
