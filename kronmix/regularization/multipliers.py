"""Factors of least norm for a given matrix, and a dual point that certifies them (T30): two ways.

:func:`split_convex` minimises Σ f_t(B_t) over Σ B_t = B for convex f_t ≤ R_t, by alternating directions. :func:`descend` moves the
factors of any structure down to a local minimum of ½‖θ‖² on B(θ) = B, by the method of multipliers. Both give a dual point Z; what
it proves, the forms say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ..operators import StructuredOperator
from ..operators.arrays import Array
from .parametrisations import parameters, squared, with_parameters

#: argmin f(M) + ‖M − V‖²/2step, from V and step.
Proximal = Callable[[Array, float], Array]

#: Rounds of alternating directions, and how often their gap is looked at.
_ROUNDS, _LOOK = 2000, 40
#: Rounds of the method of multipliers, and descent steps in each.
_OUTER, _INNER = 12, 100
_CORRECTIONS = 6
#: Relative movement below which an iteration stands still.
_STILL = 1e-9


@dataclass(frozen=True, eq=False)
class State:
    """Factors θ of B that were found, and a dual point where there is one."""

    θ: Array
    B: Array
    Z: Array | None


def split_convex(
    proximals: Sequence[Proximal], B: Array, is_good: Callable[[list[Array], Array], bool]
) -> tuple[list[Array], Array]:
    """Terms B_t with Σ B_t ≈ B and a dual point Z, until they are good or the rounds are over."""
    T = len(proximals)
    step = float(np.linalg.norm(B)) / np.sqrt(min(B.shape))
    terms, dual = [B / T] * T, np.zeros_like(B)
    for i in range(1, _ROUNDS + 1):
        excess = sum(terms) / T - B / T
        moved = [proximal(term - excess - dual, step) for proximal, term in zip(proximals, terms, strict=True)]
        drift = float(np.sqrt(sum(squared(new - old) for new, old in zip(moved, terms, strict=True))))
        terms = moved
        excess = sum(terms) / T - B / T
        dual = dual + excess
        missed = np.sqrt(T) * float(np.linalg.norm(excess))
        if i % _LOOK == 0:
            if is_good(terms, -dual / step) or max(missed, drift) <= _STILL * np.linalg.norm(B):
                break
            if i <= _ROUNDS // 4:  # later the step stays, so that the iteration converges
                factor = 0.5 if missed > 5 * drift else 2.0 if drift > 5 * missed else 1.0
                step, dual = step * factor, dual * factor
    return terms, -dual / step


def descend(op: StructuredOperator, B: Array) -> tuple[StructuredOperator, Array]:
    """A local minimum of ½‖θ‖² on B(θ) = B near the factors of ``op``, and its multiplier Z (θ = ∇⟨Z, B(θ)⟩ there)."""
    θ = parameters(op)
    size, identity = float(np.linalg.norm(B)), np.eye(B.shape[1])
    μ, Z, before = 10 * squared(θ) / size**2, np.zeros_like(B), np.inf

    def objective(x: Array) -> tuple[float, Array]:
        moved = with_parameters(op, x.view(θ.dtype))
        residual = B - moved.to_dense()
        pulled = np.concatenate([g.ravel() for g in moved.pullback(identity, Z + μ * residual)]).astype(θ.dtype)
        value = 0.5 * float(x @ x) + float(np.vdot(Z, residual).real) + 0.5 * μ * squared(residual)
        return value, x - pulled.view(float)

    x = np.ascontiguousarray(θ).view(float)
    for _ in range(_OUTER):
        options = {"maxiter": _INNER, "maxcor": 30, "ftol": 1e-16, "gtol": 1e-11 * float(np.abs(x).max(initial=1e-300))}
        x = minimize(objective, x, jac=True, method="L-BFGS-B", options=options).x
        residual = B - with_parameters(op, x.view(θ.dtype)).to_dense()
        Z = Z + μ * residual
        missed = float(np.linalg.norm(residual))
        if missed <= 1e-13 * size:
            break
        μ, before = (4 * μ if missed > before / 4 else μ), missed
    return with_parameters(op, x.view(θ.dtype)), Z


def restored(op: StructuredOperator, B: Array) -> StructuredOperator:
    """Factors moved back onto B(θ) = B by least-norm corrections."""
    for _ in range(_CORRECTIONS):
        residual = (B - op.to_dense()).ravel()
        if np.linalg.norm(residual) <= 1e-15 * np.linalg.norm(B):
            break
        op = with_parameters(op, parameters(op) + np.linalg.lstsq(_jacobian(op), residual, rcond=1e-10)[0])
    return op


def _jacobian(op: StructuredOperator) -> Array:
    """∂B_ij/∂θ, a row for each entry."""
    rows, columns = (np.eye(n, dtype=op.dtype) for n in op.shape)
    pulled = (op.pullback(x, y) for y in rows for x in columns)
    return np.array([np.concatenate([g.ravel() for g in gradients]).conj() for gradients in pulled])
