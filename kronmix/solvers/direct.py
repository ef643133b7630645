"""Solvers that a form allows without its dense matrix (T15, T29).

Each function turns a form into a *solver*, B ↦ X for columns B, after the work that does not depend on B is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from math import prod
from typing import Any

import numpy as np
import scipy.linalg

from ..forms import (
    DirectSum,
    Form,
    Identity,
    Permuted,
    Product,
    Slices,
    Slots,
    Stack,
    Terms,
    Updated,
    as_factors,
    orders,
    pseudo_inverse,
)
from ..forms.spectral import Triangular, diagonalized, triangularized
from ..operators.arrays import Array

Solver = Callable[[Array], Array]


@dataclass(frozen=True)
class Direct:
    """A way to solve, and its name."""

    method: str
    solver: Solver


def direct(form: Form) -> Direct | None:
    """The direct solver of a form; None where its structure gives none.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is square and singular by its structure or exactly.
    """
    match form:
        case Permuted():
            inner = direct(form.inner)
            return None if inner is None else Direct(inner.method, partial(_permuted, form, inner.solver))
        case Slots():
            return _direct_slots(form)
        case Stack():
            return _direct_stack(form)
        case DirectSum() if all(part.shape[0] == part.shape[1] for part in form.parts):
            parts = [direct(part) for part in form.parts]
            known = [part for part in parts if part is not None]
            if len(known) == len(parts):
                return Direct("block by block", partial(_solve_parts, form, [part.solver for part in known]))
        case Slices() if as_factors(form).is_square:
            return direct(as_factors(form))
        case Product() if form.is_square:
            factors = [direct(part) for part in form.parts]
            solvers = [factor.solver for factor in factors if factor is not None]
            if len(solvers) == len(factors):
                return Direct("factor after factor", lambda B: reduce(lambda X, solver: solver(X), solvers, B))
        case Updated():
            return _woodbury(form)
        case Terms():
            return _direct_terms(form)
    return None


def _permuted(form: Permuted, solver: Solver, B: Array) -> Array:
    """inner[rows][:, columns] X = B: inner Z = B in the inner order, X = Z[columns]."""
    undo = orders.inverse(form.rows)
    Z = solver(B if undo is None else B[undo])
    return Z if form.columns is None else Z[form.columns]


def _direct_slots(form: Slots) -> Direct | None:
    rows, columns = form.shape
    if not form.is_square or form.scale == 0:
        if rows == columns:
            raise np.linalg.LinAlgError("Singular matrix: a factor is not square, or the scale is zero")
        undone = pseudo_inverse(form)
        assert undone is not None
        return Direct("least squares factor by factor", undone.apply)
    lu = [None if isinstance(item, Identity) else _lu_factors(item.array) for item in form.items]
    name = "factor by factor" if len(form.matrices) > 1 else "LU of the one matrix"
    return Direct(name, partial(_solve_items, form, lu))


def _lu_factors(matrix: Array) -> Any:
    (factorize,) = scipy.linalg.get_lapack_funcs(("getrf",), (matrix,))
    lu, pivots, info = factorize(matrix)
    if info > 0:
        raise np.linalg.LinAlgError("Singular matrix")
    return lu, pivots


def _solve_items(form: Slots, lu: list[Any], B: Array) -> Array:
    """Solve along one axis of B after another; lu has None for an identity."""
    sizes = [item.rows for item in form.items]
    X, batch = B, B.shape[1]
    for j, factors in enumerate(lu):
        if factors is None:
            continue
        before, after = prod(sizes[:j]), prod(sizes[j + 1 :])
        columns = X.reshape(before, sizes[j], after * batch).swapaxes(0, 1).reshape(sizes[j], -1)
        solved = scipy.linalg.lu_solve(factors, columns, check_finite=False)
        X = solved.reshape(sizes[j], before, after * batch).swapaxes(0, 1)
    X = X.reshape(B.shape)
    return X if form.scale == 1 else X / form.scale


def _direct_stack(form: Stack) -> Direct:
    n, b, c = form.blocks.shape
    if b == c:
        if not np.linalg.slogdet(form.blocks)[0].all():
            raise np.linalg.LinAlgError("Singular matrix: a block is singular")
        return Direct(
            "block by block",
            lambda B: np.linalg.solve(form.blocks, B.reshape(form.copies, n, b, -1)).reshape(B.shape),
        )
    undone = pseudo_inverse(form)
    assert undone is not None
    return Direct("least squares block by block", undone.apply)


def _solve_parts(form: DirectSum, solvers: list[Solver], B: Array) -> Array:
    stops = np.cumsum([part.shape[0] for part in form.parts])[:-1]
    return np.concatenate([solver(b) for solver, b in zip(solvers, np.split(B, stops), strict=True)])


def _woodbury(form: Updated) -> Direct | None:
    """(F + U V)⁻¹ B = F⁻¹B − F⁻¹U (I + V F⁻¹U)⁻¹ V F⁻¹B."""
    base = direct(form.base) if form.shape[0] == form.shape[1] else None
    if base is None:
        return None
    U, V = form.update.left, form.update.right
    assert V is not None
    solved = base.solver(U.astype(form.dtype))
    core = _lu_factors(np.eye(len(V), dtype=form.dtype) + V @ solved)

    def solver(B: Array) -> Array:
        X = base.solver(B)
        return X - solved @ scipy.linalg.lu_solve(core, V @ X)

    return Direct(f"Woodbury over {base.method}", solver)


def _direct_terms(form: Terms) -> Direct | None:
    if not form.is_square:
        return None
    shared = diagonalized(form)
    if shared is not None:
        values = shared.values.reshape(-1, 1)
        if not values.all():
            raise np.linalg.LinAlgError("Singular matrix: an eigenvalue is zero")
        Q = [None if isinstance(basis, Identity) else basis for basis in shared.bases]
        sizes = [item.rows for item in form.terms[0].items]

        def solver(B: Array) -> Array:
            Y = _each_axis([None if q is None else q.conj().T for q in Q], sizes, B)
            return _each_axis(Q, sizes, Y / values)

        return Direct("shared eigenvectors", _keeping_real(form, solver))
    triangular = triangularized(form)
    if triangular is None:
        return None
    if not triangular.diagonal().all():
        raise np.linalg.LinAlgError("Singular matrix: the triangular form has a zero on its diagonal")
    name = "Schur forms" if all(a is b for a, b in zip(triangular.left, triangular.right, strict=True)) else "QZ forms"
    return Direct(f"{name} of the factors", _keeping_real(form, partial(_solve_triangular, triangular)))


def _keeping_real(form: Form, solver: Solver) -> Solver:
    """Complex arithmetic inside, a real answer for a real system."""

    def solved(B: Array) -> Array:
        X = solver(B)
        return X.real if X.dtype.kind == "c" and form.dtype.kind != "c" and B.dtype.kind != "c" else X

    return solved


def _each_axis(matrices: list[Array | None], sizes: list[int], B: Array) -> Array:
    """(M₁ ⊗ … ⊗ M_k) B for square matrices, None for identities."""
    X, batch = B, B.shape[1]
    for j, M in enumerate(matrices):
        if M is not None:
            X = np.matmul(M, X.reshape(prod(sizes[:j]), sizes[j], prod(sizes[j + 1 :]) * batch))
    return X.reshape(B.shape[0], batch)


def _solve_triangular(found: Triangular, B: Array) -> Array:
    """X from Q (Σ ⊗ triangles) Zᴴ X = B by back substitution."""
    sizes = [len(Q) for Q in found.left]
    Y = _each_axis([Q.conj().T for Q in found.left], sizes, B)
    columns = [np.stack(place).astype(complex) for place in zip(*found.factors, strict=True)]
    X = _back_substitution(columns, np.asarray(found.scales, complex), Y.astype(complex))
    return _each_axis(list(found.right), sizes, X)


def _back_substitution(places: list[Array], scales: Array, Y: Array) -> Array:
    """Solve Σ_t c_t T_t1 ⊗ … ⊗ T_tk X = Y for upper triangular T, from the last block of the first place to the first (T29).

    ``places[j]`` holds the T_tj of all terms t, shape (terms, n_j, n_j).
    """
    first, *rest = places
    if not rest:
        solved, _ = _TRTRS((scales @ first.reshape(len(scales), -1)).reshape(first.shape[1:]), Y)
        return np.asarray(solved)
    n, terms = first.shape[1], len(scales)
    size, batch = Y.shape[0] // n, Y.shape[1]
    right, X = Y.reshape(n, size, batch), np.empty((n, size, batch), complex)
    weights = (scales[:, None, None] * first).transpose(1, 2, 0)  # [i, j, t] = c_t T_t1[i, j]
    images = np.empty((n, terms, size * batch), complex)  # the rest of term t applied to the blocks that are known
    for i in reversed(range(n)):
        known = weights[i, i + 1 :].reshape(-1) @ images[i + 1 :].reshape(-1, size * batch)
        X[i] = _back_substitution(rest, weights[i, i], right[i] - known.reshape(size, batch))
        images[i] = _rest_applied(rest, X[i])
    return X.reshape(Y.shape)


def _rest_applied(rest: list[Array], x: Array) -> Array:
    """(T_t2 ⊗ … ⊗ T_tk) x for every term t, shape (terms, size · batch)."""
    terms, sizes, batch = len(rest[0]), [T.shape[1] for T in rest], x.shape[1]
    Z = np.broadcast_to(x, (terms, *x.shape))
    for j, T in enumerate(rest):
        Z = np.matmul(T[:, None], Z.reshape(terms, prod(sizes[:j]), sizes[j], prod(sizes[j + 1 :]) * batch))
    return Z.reshape(terms, -1)


_TRTRS = scipy.linalg.get_lapack_funcs("trtrs", dtype=np.complex128)
