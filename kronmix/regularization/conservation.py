"""What a flow on the factors conserves, whatever the loss: with the gradient, with momentum, with weight decay (T19, T36, T37)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..checks import non_negative
from ..operators import StructuredOperator
from ..operators.arrays import Array
from .parametrisations import Parametrisation, parameters
from .registry import chosen
from .structures import parametrised


class Flow(Protocol):
    """A flow by its conservation laws; one of one's own is a class with this method."""

    def laws(self, form: Parametrisation, θ: Array) -> dict[str, Array]:
        """The laws at the parameters θ, by name, from those of gradient flow: ``form.laws``."""


@dataclass(frozen=True)
class GradientFlow:
    """θ' = −∇L.

    Examples
    --------
    >>> from kronmix.regularization import GradientFlow
    >>> km.conserved_quantities(km.Hadamard([[3.0]], [[1.0]]), GradientFlow())
    {'u0² − u1²': array([[8.]])}
    """

    def laws(self, form: Parametrisation, θ: Array) -> dict[str, Array]:
        """The laws at θ."""
        return form.laws(θ)


@dataclass(frozen=True)
class DecayFlow:
    """θ' = −∇L − λθ: every law Q of gradient flow becomes Q(e^{λt}θ), so that Q itself fades (T37).

    Parameters
    ----------
    weight_decay : float
        λ ≥ 0.
    time : float
        t since the start.

    References
    ----------
    Jacobs et al. 2025 (T37), checked here by the flow itself.

    Examples
    --------
    >>> from kronmix.regularization import DecayFlow
    >>> start, problem = km.Hadamard([[3.0]], [[1.0]]), km.Observed([[5.0]])
    >>> end = km.gradient_flow(problem, start, 2.0, weight_decay=0.3).operator
    >>> law = km.conserved_quantities(end, DecayFlow(0.3, time=2.0))["u0² − u1²"]
    >>> round(law.item(), 7), round(km.conserved_quantities(end)["u0² − u1²"].item(), 3)  # the latter: 8 e^{−2·0.3·2}
    (8.0, 2.41)
    """

    weight_decay: float
    time: float = 0.0

    def __post_init__(self) -> None:
        non_negative(self.weight_decay, "weight_decay", "a number λ ≥ 0")

    def laws(self, form: Parametrisation, θ: Array) -> dict[str, Array]:
        """The laws at θ."""
        return form.laws(np.exp(self.weight_decay * self.time) * θ)


@dataclass(frozen=True)
class MomentumFlow:
    """θ'' + τθ' + ∇L = 0: of the laws of gradient flow the antisymmetric part is left, e^{τt} Im Q(θ + iθ') (T36).

    For P Q that is e^{τt}(PᵀP' − P'ᵀP − Q'Qᵀ + QQ'ᵀ): what rotations between the factors conserve (Noether). Laws of one number,
    as ‖V‖² − ‖W‖², have no such part, and are gone.

    Parameters
    ----------
    velocity : StructuredOperator
        θ' in the place of the factors.
    friction : float
        τ ≥ 0.
    time : float
        t since the start.

    References
    ----------
    Marcotte, Gribonval & Peyré, *Keep the momentum: conservation laws beyond Euclidean gradient flows*, 2024 (T36).

    Examples
    --------
    >>> from kronmix.regularization import MomentumFlow
    >>> pair = km.LowRank(np.eye(2), np.eye(2))
    >>> km.conserved_quantities(pair, MomentumFlow(km.LowRank([[0.0, 1.0], [0.0, 0.0]], np.zeros((2, 2)))))
    {'e^{τt} Im[P0ᴴP0 − P1P1ᴴ](θ + iθ′)': array([[ 0.,  1.],
           [-1.,  0.]])}
    >>> km.conserved_quantities(km.Kronecker([[3.0]], [[1.0]]), MomentumFlow(km.Kronecker([[1.0]], [[1.0]])))
    {}
    """

    velocity: StructuredOperator
    friction: float = 0.0
    time: float = 0.0

    def __post_init__(self) -> None:
        non_negative(self.friction, "friction", "a number τ ≥ 0")

    def laws(self, form: Parametrisation, θ: Array) -> dict[str, Array]:
        """The laws at θ."""
        velocity = parameters(self.velocity)
        if velocity.shape != θ.shape:
            raise ValueError(
                f"velocity has {velocity.size} parameters: expected {θ.size}, one for each of the operator's"
            )
        if np.iscomplexobj(θ) or np.iscomplexobj(velocity):
            raise TypeError("complex factors under momentum: the laws are known for real ones")
        growth = np.exp(self.friction * self.time)
        both = form.laws(θ + 1j * velocity)
        kept = {name: growth * law.imag for name, law in both.items() if np.iscomplexobj(law) and law.shape[-1] > 1}
        return {f"e^{{τt}} Im[{name}](θ + iθ′)": law for name, law in kept.items()}


_FLOWS: dict[str, Callable[..., Flow]] = {"gradient": GradientFlow, "decay": DecayFlow, "momentum": MomentumFlow}


def conserved_quantities(op: StructuredOperator, flow: str | Flow = "gradient", **options: Any) -> dict[str, Array]:
    """The known conservation laws of a flow on the factors, at the factors of ``op`` (T19, T36, T37).

    =============================== ==========================================================
    structure                       conserved
    =============================== ==========================================================
    Hadamard                        |u_l|² − |u_{l+1}|² of every entry
    Kronecker                       ‖V_l‖² − ‖V_{l+1}‖²
    LowRank, Chain of Dense         P_lᴴP_l − P_{l+1}P_{l+1}ᴴ
    SumOfKroneckers                 r × r inner products ⟨V_i, V_j⟩ − ⟨W_i, W_j⟩
    Monarch, two chainable factors  UᴴU − VVᴴ of every slice
    LinearMixer                     the matrices of both chains, and ‖V‖² − ‖W‖²
    other chains                    the laws of every operator and of every two neighbours
    sums, blocks                    the laws of every term
    KroneckerSum, Dense + Masked    the part of θ that B does not see
    =============================== ==========================================================

    Permutations outside, or beside a dense factor, leave the laws as they are (T30).

    Parameters
    ----------
    op : StructuredOperator
    flow : {"gradient", "decay", "momentum"}, or a GradientFlow, DecayFlow, MomentumFlow, or a flow of one's own
        The table is that of gradient flow; momentum keeps the antisymmetric parts, weight decay the laws of e^{λt}θ.
    **options
        For a flow given by name: decay: ``weight_decay``, ``time`` (0). momentum: ``velocity``, ``friction`` (0), ``time`` (0).

    Returns
    -------
    dict of str to array
        Name of each law and its value; empty where the matrix determines the factors. Gradient descent with step η drifts from
        the values at O(η).

    Raises
    ------
    TypeError
        If the structure has no factors to train, or options are missing.
    ValueError
        If the flow is unknown, or options go with a flow that has its own.

    References
    ----------
    Saxe, McClelland & Ganguli 2014; Du, Hu & Lee 2018; Marcotte, Gribonval & Peyré 2023 and 2024 (T19, T36).

    Examples
    --------
    >>> km.conserved_quantities(km.Hadamard([[3.0, 1.0]], [[1.0, 1.0]]))
    {'u0² − u1²': array([[8., 0.]])}
    >>> km.conserved_quantities(km.Kronecker(np.eye(2), np.ones((2, 2))))
    {'‖V0‖² − ‖V1‖²': array(-2.)}
    """
    return chosen(flow, options, _FLOWS, "flow").laws(parametrised(op), parameters(op))
