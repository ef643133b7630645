"""Where AdamW ends: minima of the loss in a box of the parameters, |θ_i| ≤ 1/λ (T35)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import positive
from ..operators import StructuredOperator
from ..operators.arrays import Array
from .gradients import Packing
from .problems import Problem


@dataclass(frozen=True)
class BoxPoint:
    """How near factors are to a stationary point of the loss in the box |θ_i| ≤ 1/λ.

    Attributes
    ----------
    largest : float
        λ max|θ_i|: at most 1 in the box.
    at_walls : float
        Share of the parameters within 1 % of a wall.
    gap : float
        ⟨∇L, θ⟩ + ‖∇L‖₁/λ ≥ 0 in the box: how much the linear model of the loss could fall there; 0 exactly at a stationary (KKT)
        point. Where the loss is convex in the factors, it is above its minimum in the box by no more.
    loss : float
    """

    largest: float
    at_walls: float
    gap: float
    loss: float

    def __repr__(self) -> str:
        return (
            f"BoxPoint(loss {self.loss:.4g}, gap {self.gap:.2g}, |θ| up to {self.largest:.4g} of the wall, "
            f"{self.at_walls:.0%} of the parameters at it)"
        )


def adamw_point(problem: Problem, op: StructuredOperator, weight_decay: float) -> BoxPoint:
    """Compare factors with what AdamW with decoupled weight decay λ converges to, if it converges (T35).

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator
        The factors, as a run of AdamW left them.
    weight_decay : float
        λ > 0 of the optimiser.

    Returns
    -------
    BoxPoint

    References
    ----------
    Xie & Li, *Implicit bias of AdamW: ℓ∞-norm constrained optimization*, ICML 2024, arXiv 2404.04454 (T35).

    Examples
    --------
    >>> from kronmix.regularization import adamw_point
    >>> adamw_point(km.Observed([[9.0]]), km.Hadamard([[2.0]], [[2.0]]), 0.5)  # both at the wall, pushed outwards
    BoxPoint(loss 12.5, gap 0, |θ| up to 1 of the wall, 100% of the parameters at it)
    """
    λ = positive(weight_decay, "weight_decay")
    packing = Packing(op)
    θ = packing.vector(op.factors)
    value, gradient = packing.loss_and_gradient(problem, θ)
    gap = float(gradient @ θ) + float(np.abs(gradient).sum()) / λ
    return BoxPoint(float(λ * np.abs(θ).max()), float((λ * np.abs(θ) > 0.99).mean()), gap, value)


def adamw_bound(structure: StructuredOperator, weight_decay: float) -> Array:
    """The largest |B_ij| that factors in the box |θ_i| ≤ 1/λ can make, entry by entry, each of them attained (T35).

    Where all parameters are 1/λ, their products add up in every entry with the same sign. The bound is λ^{-2} for V ⊗ W and u∘v,
    r λ^{-2} for a product of inner size r, and S C λ^{-4} for a linear Mixer of two layers. For V ⊗ W, u∘v and the like, all
    entries up to the bound are open (T35); for products the box of B is larger than what the factors reach.

    Parameters
    ----------
    structure : StructuredOperator
    weight_decay : float
        λ > 0.

    Returns
    -------
    array of shape (rows, columns)

    Examples
    --------
    >>> from kronmix.regularization import adamw_bound
    >>> float(adamw_bound(km.Kronecker(np.eye(2), np.ones((1, 2))), 0.1).max().round(9))
    100.0
    >>> float(adamw_bound(km.LowRank(np.ones((2, 3)), np.ones((3, 2))), 0.1).max().round(9))
    300.0
    """
    λ = positive(weight_decay, "weight_decay")
    return np.abs(structure.with_factors(*(np.full(f.shape, 1 / λ) for f in structure.factors)).to_dense())
