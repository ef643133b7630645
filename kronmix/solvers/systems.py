"""``solve``: a linear system by the best way that the structure of its matrix allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres, lsqr

from ..decompose import nearest_kronecker
from ..forms import Form, Identity, Slots, Terms, form_of
from ..operators import StructuredOperator, SumOfKroneckers
from ..operators.arrays import Array, columns
from ..operators.dense import finite_operator
from ..spectra.values import as_linear_operator
from .direct import Solver, direct

#: Systems without a structured solver are solved densely up to this size, by Krylov steps beyond.
_DENSE = 1500


@dataclass(frozen=True)
class Solution:
    """What ``km.solve(…, full_output=True)`` returns.

    Attributes
    ----------
    x : array of shape (columns,) or (columns, batch)
    method : str
        How it was found.
    residual : float
        ‖b − B x‖ / ‖b‖ that was reached, the largest over the batch; of the normal equations' solution where B is not square.
    iterations : int
        Krylov steps; 0 for direct methods.
    """

    x: Array
    method: str
    residual: float
    iterations: int

    def __repr__(self) -> str:
        steps = f", {self.iterations} steps" if self.iterations else ""
        return f"Solution(x of shape {self.x.shape}, {self.method}{steps}, relative residual {self.residual:.1e})"


@overload
def solve(
    op: Any, b: Any, *, preconditioner: Any = ..., rtol: float = ..., full_output: Literal[False] = ...
) -> Array: ...
@overload
def solve(op: Any, b: Any, *, preconditioner: Any = ..., rtol: float = ..., full_output: Literal[True]) -> Solution: ...
def solve(
    op: Any, b: Any, *, preconditioner: Any = None, rtol: float = 1e-10, full_output: bool = False
) -> Array | Solution:
    """Solve B x = b, exactly where the structure allows (T15, T29); least squares where B is not square.

    ========================================== =====================================================
    B                                          method
    ========================================== =====================================================
    Kronecker products, blocks, permutations   factor by factor, block by block
    A ⊗ B + σI, A ⊕ B, commuting terms         shared eigenvectors where the factors are normal
    any two terms A₁⊗B₁ + A₂⊗B₂, A ⊕ B         QZ or Schur forms and one back-substitution
    structure + U V                            Woodbury
    chains of square parts                     factor after factor
    others                                     dense up to 1 500 unknowns; GMRES with the nearest two-term
                                               Kronecker sum as preconditioner beyond, LSQR for rectangles
    ========================================== =====================================================

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)
    b : array of shape (rows,) or (rows, batch)
    preconditioner : StructuredOperator, LinearOperator or array of shape (columns, rows), optional
        Approximate inverse for the Krylov steps; they are then taken in any case.
    rtol : float
        Relative residual at which Krylov steps stop.
    full_output : bool
        Return a :class:`Solution` that names the method and the residual it reached.

    Returns
    -------
    array of shape (columns,) or (columns, batch), or Solution
        Of least norm among the least-squares solutions where B is a rectangular Kronecker product or direct.

    Raises
    ------
    ValueError
        If b does not fit, or an entry is NaN or infinite.
    numpy.linalg.LinAlgError
        If B is square and singular.
    ArithmeticError
        If Krylov steps stop short of ``rtol`` (with ``full_output=True`` the solution so far is returned instead).

    References
    ----------
    Van Loan, *The ubiquitous Kronecker product*, 2000; Gardiner, Laub, Amato & Moler 1992 (T29).

    Examples
    --------
    >>> K = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> op = km.Kronecker(K, K) + 0.5 * km.eye(4)
    >>> x = km.solve(op, np.ones(4))
    >>> bool(np.allclose(op @ x, 1))
    True
    >>> km.solve(op, np.ones(4), full_output=True).method
    'shared eigenvectors'
    """
    op = finite_operator(op)
    B = columns(b, op.shape[0], "b", op)
    if not np.isfinite(B).all():
        raise ValueError("b has NaN or infinite entries: expected finite numbers")
    B = B.astype(np.result_type(B, op.dtype), copy=False)
    found = None if preconditioner is not None else direct(form_of(op))
    if found is not None:
        X, method, steps = found.solver(B), found.method, 0
    elif preconditioner is None and max(op.shape) <= _DENSE:
        X, method, steps = *_dense(op, B), 0
    else:
        X, method, steps = _krylov(op, B, preconditioner, rtol)
    X = np.asarray(X, np.result_type(B, op.dtype))
    residual = _relative_residual(op, X, B)
    if steps and residual > 10 * rtol and op.shape[0] == op.shape[1] and not full_output:
        raise ArithmeticError(
            f"{method} stopped at a relative residual of {residual:.1e}, above rtol={rtol:.0e}: pass a preconditioner, "
            "or full_output=True to take the solution so far"
        )
    x = X[:, 0] if np.ndim(b) == 1 else X
    return Solution(x, method, residual, steps) if full_output else x


def _relative_residual(op: StructuredOperator, X: Array, B: Array) -> float:
    """Largest relative residual of all columns."""
    missing = np.linalg.norm(B - op @ X, axis=0)
    size = np.linalg.norm(B, axis=0)
    return float(np.max(np.divide(missing, size, out=np.zeros_like(missing), where=size > 0), initial=0.0))


def _dense(op: StructuredOperator, B: Array) -> tuple[Array, str]:
    matrix = op.to_dense()
    if op.shape[0] != op.shape[1]:
        return np.asarray(np.linalg.lstsq(matrix, B, rcond=None)[0]), "dense least squares"
    return np.asarray(np.linalg.solve(matrix, B)), "dense LU"


def _krylov(op: StructuredOperator, B: Array, preconditioner: Any, rtol: float) -> tuple[Array, str, int]:
    """Column by column with GMRES, or LSQR if the matrix is not square: solution, method and steps."""
    form = form_of(op)
    operator = as_linear_operator(form)
    X, steps = np.empty((op.shape[1], B.shape[1]), B.dtype), 0
    if op.shape[0] != op.shape[1]:
        for j, column in enumerate(B.T):
            X[:, j], _, taken, *_ = lsqr(operator, column, atol=rtol, btol=rtol, iter_lim=20 * max(op.shape))
            steps += taken
        return X, "LSQR", steps
    M, name = (preconditioner, "the given preconditioner") if preconditioner is not None else _nearest_solver(form)
    counter = _Counter()
    for j, column in enumerate(B.T):
        X[:, j], _ = gmres(
            operator, column, rtol=rtol, restart=60, maxiter=50, M=M, callback=counter, callback_type="pr_norm"
        )
    return X, f"GMRES with {name}", counter.steps


class _Counter:
    """Counts the steps of a solver that calls it at each."""

    steps = 0

    def __call__(self, _: Any) -> None:
        self.steps += 1


def _nearest_solver(form: Form) -> tuple[LinearOperator | None, str]:
    """The inverse of the nearest one or two terms of a sum of Kroneckers as preconditioner (Van Loan & Pitsianis)."""
    shapes = form.item_shapes if isinstance(form, Terms) else ()
    if not isinstance(form, Terms) or len(shapes) != 2 or any(rows != columns for rows, columns in shapes):
        return None, "no preconditioner"
    sum_of_terms = SumOfKroneckers([_kronecker_pair(term) for term in form.terms])
    for rank in (2, 1):
        try:
            solver = direct(form_of(nearest_kronecker(sum_of_terms, shapes, rank=rank).operator))
        except np.linalg.LinAlgError:
            continue
        if solver is not None:
            return _as_preconditioner(
                solver.solver, form
            ), f"the nearest sum of {rank} Kronecker terms as preconditioner"
    return None, "no preconditioner"


def _kronecker_pair(term: Slots) -> tuple[Array, Array]:
    A, B = (np.eye(i.size) if isinstance(i, Identity) else i.array for i in term.items)
    return A * term.scale, B


def _as_preconditioner(solver: Solver, form: Form) -> LinearOperator:
    return LinearOperator(
        form.shape, matvec=lambda x: solver(np.asarray(x, form.dtype).reshape(-1, 1))[:, 0], dtype=form.dtype
    )
