"""Penalties for the convex references: value, proximal map and dual norm.

To add one: a class with ``value``, ``prox`` and ``dual`` (a norm, its proximal map, its dual norm), and where it should have a
name of its own, a factory under :func:`register_penalty`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..operators import StructuredOperator
from ..operators.arrays import Array
from .layouts import Entries, Layout, Rearranged, Slices, Stacked, View, Whole
from .pairs import factored_blocks
from .registry import add_name


class Norm(ABC):
    """A norm Ω: what ``loss + λ Ω(B)`` needs."""

    name = "norm"

    @abstractmethod
    def value(self, B: Array) -> float:
        """Ω(B)."""

    @abstractmethod
    def prox(self, B: Array, step: float) -> Array:
        """argmin_Z ½‖Z − B‖_F² + step · Ω(Z)."""

    @abstractmethod
    def dual(self, G: Array) -> float:
        """Ω°(G) = max ⟨G, B⟩ over Ω(B) ≤ 1: B = 0 is optimal from λ = Ω°(∇loss(0)) on."""

    def objective(self, B: Array, λ: float) -> float:
        """The penalty λ Ω(B)."""
        return λ * self.value(B)

    def grid(self, G: Array, curvature: float) -> Array:
        """Fifty λ's from where the minimiser is zero, given G = ∇loss(0), down to a thousandth of it."""
        return np.geomspace(1, 1e-3, 50) * self.dual(G)

    def gap(self, B: Array, G: Array, loss: float, λ: float, squared: bool) -> float:
        """Bound on loss(B) + λΩ(B) − min, from the dual point −sG with Ω°(sG) ≤ λ (Fenchel).

        Squared loss: its conjugate at sG is s⟨G, B⟩ − 2sL + s²L, hence gap = (1−s)²L + λΩ(B) + s⟨G, B⟩, smallest at
        s = 1 − ⟨G, B⟩/2L. Any convex loss ≥ 0: the conjugate at sG is at most s(⟨G, B⟩ − L), hence (1−s)L in place of (1−s)²L.
        """
        size = self.dual(G)
        largest = λ / size if size > 0 else 1.0
        inner = float(np.vdot(G, B))
        if squared:
            best = 1.0 if loss == 0 else 1 - inner / (2 * loss)
            s = min(max(best, -largest), largest)
            excess = (1 - s) ** 2 * loss
        else:
            s = min(1.0, largest)
            excess = (1 - s) * loss
        return max(excess + self.objective(B, λ) + s * inner, 0.0)


class Ridge:
    """½‖B‖_F², what weight decay puts on a dense weight: not a norm, so the gap has a formula of its own."""

    name = "ridge"

    def value(self, B: Array) -> float:
        """½‖B‖_F²."""
        return 0.5 * float(np.vdot(B, B))

    def prox(self, B: Array, step: float) -> Array:
        """B/(1 + step)."""
        return B / (1 + step)

    def objective(self, B: Array, λ: float) -> float:
        """(λ/2)‖B‖_F²."""
        return λ * self.value(B)

    def gap(self, B: Array, G: Array, loss: float, λ: float, squared: bool) -> float:
        """λ-strong convexity: the excess is at most ‖G + λB‖²/2λ, for any convex loss."""
        residual = G + λ * B
        return float(np.vdot(residual, residual)) / (2 * λ)

    def grid(self, G: Array, curvature: float) -> Array:
        """Fifty λ's around the curvature of the loss, decreasing."""
        return np.geomspace(10 * curvature, 1e-4 * curvature, 50)


class L1(Norm):
    """Σ |B_ij|: the induced penalty of u∘v (T17)."""

    name = "l1"

    def value(self, B: Array) -> float:
        return float(np.abs(B).sum())

    def prox(self, B: Array, step: float) -> Array:
        return np.sign(B) * np.maximum(np.abs(B) - step, 0.0)

    def dual(self, G: Array) -> float:
        return float(np.abs(G).max(initial=0.0))


@dataclass(frozen=True)
class Groups(Norm):
    """Σ over blocks of their Frobenius norms; Frobenius norm of all of B for ``Whole()``.

    With ``Slices`` it is the induced penalty of a Monarch matrix of block rank 1, with ``Whole`` that of V ⊗ W (T17), on the set
    these structures can represent. That set (every slice, or 𝓡(B), of rank 1) is not convex. The minimiser over all B need not
    lie in it; then it gives a lower bound only. :class:`Nuclear` on the slices, or on 𝓡(B), agrees with it on the set and keeps
    ranks low outside.
    """

    view: View = field(default_factory=Whole)
    name = "group"

    def _shrink_blocks(self, B: Array, step: float) -> Array:
        """Proximal step of the sum of Frobenius norms of blocks."""
        blocks = self.view.split(B)
        size = np.linalg.norm(blocks, axis=(1, 2), keepdims=True)
        keep = np.maximum(1 - step / np.where(size > 0, size, 1.0), 0.0)
        return self.view.join(keep * blocks, B.shape)

    def value(self, B: Array) -> float:
        return float(np.linalg.norm(self.view.split(B), axis=(1, 2)).sum())

    def prox(self, B: Array, step: float) -> Array:
        return self._shrink_blocks(B, step)

    def dual(self, G: Array) -> float:
        return float(self.duals(G).max(initial=0.0))

    def duals(self, G: Array) -> Array:
        """Dual norm of every block: Ω° is the largest."""
        return np.asarray(np.linalg.norm(self.view.split(G), axis=(1, 2)))


class LabelledGroups(Norm):
    """Σ over groups of their Frobenius norms, the groups given by an integer label for every entry of B."""

    name = "group"

    def __init__(self, labels: Any) -> None:
        labels = np.asarray(labels)
        if labels.ndim != 2 or labels.dtype.kind not in "iu":
            raise ValueError(
                f"groups has shape {labels.shape} and dtype {labels.dtype}: expected an integer label for every entry of B"
            )
        self.shape = labels.shape
        _, self.labels = np.unique(labels.ravel(), return_inverse=True)

    def _group_norms(self, B: Array) -> Array:
        if B.shape != self.shape:
            raise ValueError(f"weight of shape {B.shape}: the labels of the groups have shape {self.shape}")
        return np.sqrt(np.bincount(self.labels, B.ravel() ** 2))

    def value(self, B: Array) -> float:
        return float(self._group_norms(B).sum())

    def prox(self, B: Array, step: float) -> Array:
        size = self._group_norms(B)
        keep = np.maximum(1 - step / np.where(size > 0, size, 1.0), 0.0)
        return B * keep[self.labels].reshape(B.shape)

    def dual(self, G: Array) -> float:
        return float(self._group_norms(G).max(initial=0.0))


@dataclass(frozen=True)
class Nuclear(Norm):
    """Σ over blocks of their nuclear norms (T17): PQ for ``Whole()``, Monarch for ``Slices``, Σ V⊗W for ``Rearranged``."""

    view: Layout = field(default_factory=Whole)
    name = "nuclear"

    def value(self, B: Array) -> float:
        return float(sum(np.linalg.svd(stack, compute_uv=False).sum() for stack in self.view.averaged(B)))

    def prox(self, B: Array, step: float) -> Array:
        shrunk = []
        for stack in self.view.averaged(B):
            U, σ, Vh = np.linalg.svd(stack, full_matrices=False)
            shrunk.append((U * np.maximum(σ - step / self.view.copies, 0.0)[:, None, :]) @ Vh)
        return self.view.joined(shrunk, B.shape)

    def dual(self, G: Array) -> float:
        return float(self.duals(G).max(initial=0.0))

    def duals(self, G: Array) -> Array:
        """Dual norm of every block: Ω° is the largest."""
        return np.concatenate(
            [np.linalg.svd(stack, compute_uv=False).max(axis=1, initial=0.0) for stack in self.view.summed(G)]
        )


@dataclass(frozen=True)
class Frobenius(Norm):
    """Frobenius norm of all pieces together."""

    layout: Layout
    name = "frobenius"

    def value(self, B: Array) -> float:
        return _norm_of_all(self.layout.averaged(B))

    def prox(self, B: Array, step: float) -> Array:
        stacks = self.layout.averaged(B)
        size = _norm_of_all(stacks)
        kept = max(1 - step / (self.layout.copies * size), 0.0) if size > 0 else 0.0
        return self.layout.joined([kept * stack for stack in stacks], B.shape)

    def dual(self, G: Array) -> float:
        return _norm_of_all(self.layout.summed(G))


def _norm_of_all(stacks: list[Array]) -> float:
    """Frobenius norm of all stacks together."""
    return float(np.sqrt(sum(float(np.vdot(stack, stack).real) for stack in stacks)))


Penalty = Norm | Ridge
Factory = Callable[[Any], Penalty]
_NAMED: dict[str, Factory] = {}


def register_penalty(name: str) -> Callable[[Factory], Factory]:
    """Register under a name what makes a penalty out of ``groups`` (None where not given).

    Parameters
    ----------
    name : str
        What ``reference_path(penalty=…)`` takes from then on.

    Returns
    -------
    decorator
        For a function of ``groups`` to a penalty object: a :class:`Norm`, or anything with value, prox, objective, grid and gap.
        The function is returned as it is.

    Raises
    ------
    ValueError
        If the name is taken.

    Examples
    --------
    >>> from kronmix.regularization import layouts, norms, register_penalty
    >>> @register_penalty("rows")  # Σ over rows of their Euclidean norms: whole rows vanish
    ... def rows(groups):
    ...     return norms.Groups(layouts.Stacked(1))
    >>> km.reference_path(km.Observed([[3.0, 4.0], [0.0, 1.0]]), "rows", [1.0]).weights[0]
    array([[2.4, 3.2],
           [0. , 0. ]])
    """

    def register(factory: Factory) -> Factory:
        add_name(_NAMED, name, factory, "penalty")
        return factory

    return register


def make_penalty(penalty: Any, groups: Any = None) -> Penalty:
    """A penalty from its name and groups; a penalty object passes through."""
    if not isinstance(penalty, str):
        if not all(hasattr(penalty, member) for member in ("value", "prox", "objective", "grid", "gap")):
            raise TypeError(
                f"penalty={penalty!r}: expected a name or an object with value, prox, objective, grid and gap"
            )
        if groups is not None:
            raise ValueError("groups is for penalties given by name: this penalty object already has its own")
        return penalty
    if penalty not in _NAMED:
        raise ValueError(f"penalty={penalty!r}: expected one of {sorted(_NAMED)}, or a penalty object")
    return _NAMED[penalty](groups)


def _register_without_groups(name: str, penalty: Penalty) -> None:
    def factory(groups: Any) -> Penalty:
        if groups is not None:
            raise ValueError(f"groups is given, but penalty={name!r} has none: expected 'group' or 'nuclear'")
        return penalty

    register_penalty(name)(factory)


_register_without_groups("l1", L1())
_register_without_groups("ridge", Ridge())
_register_without_groups("frobenius", Groups(Whole()))


@register_penalty("group")
def _group_penalty(groups: Any) -> Penalty:
    if groups is None:
        raise ValueError(
            "penalty='group' needs groups: a Monarch operator, its sizes (p, k, q, s), or an integer label for every entry"
        )
    if isinstance(groups, np.ndarray) and groups.ndim == 2:
        return LabelledGroups(groups)
    return Groups(make_view(groups))


@register_penalty("nuclear")
def _nuclear_penalty(groups: Any) -> Penalty:
    return Nuclear(Whole() if groups is None else make_view(groups))


def make_view(groups: Any) -> View:
    """Blocks from an operator, from Monarch sizes (p, k, q, s), or from two Kronecker shapes."""
    if isinstance(groups, StructuredOperator):
        return factored_blocks(groups)[0]
    if isinstance(groups, Whole | Entries | Slices | Stacked | Rearranged):
        return groups
    sizes = tuple(groups) if np.iterable(groups) else (groups,)
    if len(sizes) == 2 and all(np.shape(shape) == (2,) for shape in sizes):
        (mA, nA), (mB, nB) = sizes
        return Rearranged((int(mA), int(nA)), (int(mB), int(nB)))
    if len(sizes) == 4 and all(isinstance(size, int | np.integer) and size > 0 for size in sizes):
        return Slices(*(int(size) for size in sizes))
    raise ValueError(
        f"groups={groups!r}: expected an operator, sizes (p, k, q, s), two Kronecker shapes, or a matrix of integer labels"
    )
