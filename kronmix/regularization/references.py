"""Convex reference paths: what a factorised weight should follow, each point with its duality gap."""

from __future__ import annotations

import warnings
from functools import singledispatch
from typing import Any

import numpy as np

from ..checks import as_finite
from ..operators.arrays import Array
from .norms import make_penalty
from .path import Path
from .problems import Problem, Regression
from .proximal import GapError, Solution, loss_and_dense_gradient
from .solvers import Found, Solver, pick_solver


def reference_path(
    problem: Problem,
    penalty: Any = "l1",
    parameters: Any = None,
    *,
    groups: Any = None,
    solver: str | Solver | None = None,
    tol: float = 1e-8,
) -> Path:
    """Minimise loss(B) + λ Ω(B) over dense B for every λ in ``parameters``, with a proof of optimality.

    Parameters
    ----------
    problem : Regression, Sensing, Observed, or any problem with a convex loss ≥ 0
    penalty : {"l1", "ridge", "group", "nuclear", "frobenius"} or penalty object
        Σ|B_ij|; ½‖B‖_F²; Σ over groups of ‖·‖_F; nuclear norm, with ``groups`` the sum over blocks; ‖B‖_F. Frobenius is
        R(B) of V ⊗ W where B is a Kronecker product (T17): over all B the problem is convex, but on Kronecker products it is
        not, so that its minimum is a lower bound for the factors.
    parameters : array of shape (points,), optional
        λ ≥ 0; 0 is the limit λ → 0, for squared losses: the least-squares weight of least ‖B‖₁ or ‖B‖_F for lasso and ridge, one
        of small Ω(B) otherwise. With the mean in the loss of Regression, λ of the lasso
        means scikit-learn's alpha. Default: the exact kinks of the path for a lasso with one output, a geometric grid otherwise.
    groups : Monarch or other operator, sizes (p, k, q, s), two Kronecker shapes ((mA, nA), (mB, nB)), or labels, optional
        Blocks of B for "group" and "nuclear". An integer label for every entry of B works for "group" only.
    solver : {"closed form", "svd", "lars", "coordinate", "working set", "splitting", "proximal"} or Solver, optional
        Default: the first that fits.
    tol : float
        Largest relative duality gap.

    Returns
    -------
    Path
        ``weights`` of shape (points, rows, columns) in the order of ``parameters``, ``duality_gap``, and ``kinks`` for LARS.

    Raises
    ------
    TypeError
        If the data is complex.
    ValueError
        If a λ is negative or not finite, a column of the data is constant, or penalty, groups, solver do not fit.
    GapError
        If the duality gap asked for is out of reach at every point.

    Warns
    -----
    GapWarning
        If it is out of reach at some points; ``duality_gap`` says at which.

    References
    ----------
    Tibshirani 1996; Yuan & Lin 2006; Recht, Fazel & Parrilo 2010; Mairal & Yu, *Complexity analysis of the lasso regularization
    path*, 2012 (T17, T26, T27).

    Examples
    --------
    >>> problem = km.Observed(np.diag([3.0, 1.0]))
    >>> path = km.reference_path(problem, "nuclear", [2.0, 0.5])
    >>> path.weights[0]
    array([[1., 0.],
           [0., 0.]])
    >>> path
    Path(nuclear: 2 points from 2 to 0.5, 2×2 weights, relative duality gap ≤ 0.0e+00)
    """
    chosen = make_penalty(penalty, groups)
    refuse_constant_columns(problem)
    if np.iscomplexobj(loss_and_dense_gradient(problem, np.zeros(problem.shape))[1]):
        raise TypeError(f"{problem!r} has complex data: the convex references are for real weights")
    if tol <= 0:
        raise ValueError(f"tol={tol}: expected a positive relative duality gap")
    if parameters is None:
        found = pick_solver(problem, chosen, solver).solve(problem, chosen, None, tol)
        back = np.arange(len(found.parameters))
    else:
        asked = check_parameters(parameters)
        order = np.argsort(-asked, kind="stable")
        found = pick_solver(problem, chosen, solver).solve(problem, chosen, asked[order], tol)
        back = np.argsort(order, kind="stable")
    gaps = found.gaps
    _complain(found, tol)
    name = getattr(chosen, "name", type(chosen).__name__)
    return Path(found.parameters[back], found.weights[back], None, gaps[back], found.kinks, name=name)


class GapWarning(UserWarning):
    """Some points of a path have a larger duality gap than was asked for; ``duality_gap`` says which and how large."""


def _complain(found: Found, tol: float) -> None:
    """An error where no point has the gap asked for, a warning where some have not."""
    bad = np.flatnonzero(~(found.gaps <= tol))
    if not bad.size:
        return
    worst = bad[np.argmax(found.gaps[bad])]
    words = f"relative duality gap {found.gaps[worst]:.2e} at λ={found.parameters[worst]:.6g}: expected at most tol={tol:.1e}"
    if bad.size == found.gaps.size:
        raise GapError(words, Solution(found.weights[worst], float(found.gaps[worst]), 0))
    warnings.warn(
        f"{bad.size} of {found.gaps.size} points are not certified, the worst with {words}", GapWarning, stacklevel=3
    )


def check_parameters(parameters: Any) -> Array:
    """Check a user's λ's."""
    asked = as_finite(np.atleast_1d(np.asarray(parameters)), "parameters", 1).astype(float)
    if (asked < 0).any():
        raise ValueError(f"parameters holds λ={asked[asked < 0][0]:g}: expected λ ≥ 0")
    return asked


@singledispatch
def refuse_constant_columns(problem: Any) -> None:
    """Refuse data whose weights would be a penalised intercept."""


@refuse_constant_columns.register
def _(problem: Regression) -> None:
    X = problem.X
    if problem.samples < 2:
        return
    suspects = np.flatnonzero((X[:, 0] == X[:, 1]) & (X[:, 0] != 0))
    constant = suspects[(X[suspects] == X[suspects, :1]).all(axis=1)]
    if constant.size:
        raise ValueError(
            f"X: feature {constant[0]} is constant ({X[constant[0], 0]:g} in every sample), so its weight would be an intercept "
            "under the penalty: subtract the means of X and Y, and leave the feature out"
        )
