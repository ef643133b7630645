"""Vectorisation: matrices as vectors and back (T1, T2 of the theory).

``order="F"`` stacks columns, as the literature does: ``vec(X)[c * S + s] == X[s, c]`` for X of shape (S, C).
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any, Literal

import numpy as np

from .checks import entries

#: How ``vec`` stacks a matrix: "F" by columns, as the literature does, or "C" by rows.
Order = Literal["F", "C"]

__all__ = ["Order", "commutation_indices", "unvec", "vec"]


def _check_order(order: str) -> None:
    if order not in ("F", "C"):
        raise ValueError(f'order={order!r}: expected "F" (column stacking) or "C" (row stacking)')


@singledispatch
def vec(X: Any, order: Order = "F") -> Any:
    """Stack the columns of a matrix (or of a batch of matrices) into a vector.

    Parameters
    ----------
    X : array of shape (S, C) or (S, C, batch)
        Any dtype. A trailing batch axis is kept: each ``X[:, :, n]`` becomes column n.
    order : {"F", "C"}
        "F" stacks columns (the literature's vec), "C" stacks rows.

    Returns
    -------
    array of shape (S * C,) or (S * C, batch)
        A view where the memory layout allows.

    Raises
    ------
    ValueError
        If X has another number of axes, or ``order`` is unknown.

    References
    ----------
    Magnus & Neudecker, *Matrix Differential Calculus*, ch. 2 (T1).

    Examples
    --------
    >>> import numpy as np, kronmix as km
    >>> W, X, V = np.random.default_rng(0).normal(size=(3, 4, 4))
    >>> bool(np.allclose(km.vec(W @ X @ V), np.kron(V.T, W) @ km.vec(X)))
    True
    """
    _check_order(order)
    X = entries(X, "X")
    if X.ndim not in (2, 3):
        raise ValueError(f"X has shape {X.shape}: expected a matrix (S, C) or a batch (S, C, batch)")
    S, C, *batch = X.shape
    if order == "F":
        X = X.swapaxes(0, 1)
    return X.reshape(S * C, *batch)


@singledispatch
def unvec(x: Any, shape: tuple[int, int], order: Order = "F") -> Any:
    """Undo :func:`vec`: turn a vector back into a matrix of the given shape.

    Parameters
    ----------
    x : array of shape (S * C,) or (S * C, batch)
    shape : (S, C)
        Rows and columns of the result.
    order : {"F", "C"}
        As given to :func:`vec`.

    Returns
    -------
    array of shape (S, C) or (S, C, batch)

    Raises
    ------
    ValueError
        If the length of x is not S * C, or ``order`` is unknown.

    Examples
    --------
    >>> import numpy as np, kronmix as km
    >>> X = np.arange(6).reshape(2, 3)
    >>> bool((km.unvec(km.vec(X), (2, 3)) == X).all())
    True
    """
    _check_order(order)
    x = entries(x, "x")
    S, C = shape
    if x.ndim not in (1, 2) or x.shape[0] != S * C:
        raise ValueError(f"x has shape {x.shape}: expected ({S * C},) or ({S * C}, batch) for shape=({S}, {C})")
    batch = x.shape[1:]
    if order == "C":
        return x.reshape(S, C, *batch)
    return x.reshape(C, S, *batch).swapaxes(0, 1)


def commutation_indices(S: int, C: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Indices of the commutation matrix: ``vec(X)[commutation_indices(S, C)] == vec(X.T)`` for X of shape (S, C) (T2).

    Parameters
    ----------
    S, C : int
        Rows (tokens) and columns (channels) of X, at least 1.

    Returns
    -------
    integer array of shape (S * C,)
        Row i of K_{S,C} has its 1 in column ``indices[i]``.

    Raises
    ------
    ValueError
        If a size is not a positive integer.

    References
    ----------
    Magnus & Neudecker, *Matrix Differential Calculus*, ch. 3 (T2).

    Examples
    --------
    >>> from kronmix.vectorize import commutation_indices
    >>> commutation_indices(2, 3)
    array([0, 2, 4, 1, 3, 5])
    >>> X = np.arange(6).reshape(2, 3)
    >>> bool((km.vec(X)[commutation_indices(2, 3)] == km.vec(X.T)).all())
    True
    """
    if S < 1 or C < 1:
        raise ValueError(f"commutation of sizes ({S}, {C}): both must be at least 1")
    return np.arange(S * C).reshape(C, S).T.ravel()
