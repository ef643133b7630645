"""Sensing under a penalty on blocks, solved on the few blocks that are not zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..operators.arrays import Array
from .layouts import Stacked
from .norms import Groups, Nuclear
from .problems import Sensing
from .proximal import GapError, Solution, loss_and_dense_gradient, minimize_penalized, relative_gap


class _Columns(Sensing):
    """Some of the unknowns of a sensing problem, as blocks of m rows one under the other."""

    def __init__(self, problem: Sensing, indices: Array) -> None:
        blocks, m, n = indices.shape
        self.y, self.matrix = problem.y, np.ascontiguousarray(problem.matrix[:, indices.ravel()])
        self.shape = (blocks * m, n)
        self.inputs = np.eye(n)


def minimize_on_blocks(
    problem: Sensing, penalty: Groups | Nuclear, λ: float, start: Array | None = None, *, tol: float = 1e-8
) -> Solution:
    """Minimise loss(B) + λ Σ over blocks, on a working set of blocks that grows until the full duality gap is at most ``tol``.

    A block stays zero at the minimum where the dual norm of its gradient is below λ: only blocks above it can be missing.

    Examples
    --------
    >>> from kronmix.regularization import layouts, norms
    >>> from kronmix.regularization.working_set import minimize_on_blocks
    >>> A = np.eye(4).reshape(4, 1, 4)
    >>> minimize_on_blocks(km.Sensing(A, [4, 0, 0, 0.5]), norms.Groups(layouts.Slices(1, 4, 1, 1)), 0.25).weight.round(6)
    array([[3., 0., 0., 0.]])
    """
    B = np.zeros(problem.shape) if start is None else np.array(start, dtype=float)
    (indices,) = penalty.view.averaged(np.arange(B.size).reshape(B.shape))
    (blocks,) = penalty.view.averaged(B)
    small = replace(penalty, view=Stacked(indices.shape[1]))
    working = np.abs(blocks).max(axis=(1, 2)) > 0
    inner, iterations = tol / 2, 0
    while True:
        gap = relative_gap(problem, penalty, B, λ)
        if gap <= tol:
            return Solution(B, gap, iterations)
        missing = penalty.duals(loss_and_dense_gradient(problem, B)[1])
        missing[working] = 0.0
        violating = np.flatnonzero(missing > λ)
        if violating.size:
            most = max(8, int(working.sum()))
            working[violating[np.argsort(-missing[violating])][:most]] = True
        elif (inner := inner / 10) < 1e-16:
            raise GapError(
                f"relative duality gap {gap:.2e} at λ={λ:.6g}: expected at most tol={tol:.1e}",
                Solution(B, gap, iterations),
            )
        chosen = indices[working]
        part = _Columns(problem, chosen)

        def whole(found: Solution, chosen: Array = chosen) -> Array:
            B = np.zeros(problem.shape)
            B.ravel()[chosen.ravel()] = found.weight.ravel()
            return B

        try:
            found = minimize_penalized(part, small, λ, B.ravel()[chosen].reshape(part.shape), tol=inner)
        except GapError as error:
            if error.solution is None:
                raise
            B = whole(error.solution)
            raise GapError(str(error), Solution(B, relative_gap(problem, penalty, B, λ), iterations)) from error
        B = whole(found)
        iterations += found.iterations
