"""The rearrangement under which Kronecker products are matrices of rank one (T14), and the check of factors' shapes."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..checks import integer
from ..operators.arrays import Array

Shapes = tuple[tuple[int, int], ...]


def rearrange(B: Any, shapes: Shapes) -> Array:
    """Van Loan–Pitsianis rearrangement: 𝓡(A ⊗ B) = vec(A) vec(B)ᵀ, with rows stacked (T14).

    Parameters
    ----------
    B : array of shape (mA·mB, nA·nB)
    shapes : ((mA, nA), (mB, nB))

    Returns
    -------
    array of shape (mA·nA, mB·nB)
        The same entries: 𝓡 is an isometry.

    Raises
    ------
    ValueError
        If the shapes do not multiply to that of B.

    References
    ----------
    Van Loan & Pitsianis, *Approximation with Kronecker products*, 1993.

    Examples
    --------
    >>> from kronmix.decompose import rearrange
    >>> A, B = np.arange(6.0).reshape(2, 3), np.arange(4.0).reshape(2, 2)
    >>> bool((rearrange(np.kron(A, B), ((2, 3), (2, 2))) == np.outer(A, B)).all())
    True
    """
    B = np.asarray(B)
    (mA, nA), (mB, nB) = _check_two(check_shapes(shapes, B.shape))
    return B.reshape(mA, mB, nA, nB).transpose(0, 2, 1, 3).reshape(mA * nA, mB * nB)


def unrearrange(R: Any, shapes: Shapes) -> Array:
    """Undo :func:`rearrange`.

    Parameters
    ----------
    R : array of shape (mA·nA, mB·nB)
    shapes : ((mA, nA), (mB, nB))
        As given to :func:`rearrange`.

    Returns
    -------
    array of shape (mA·mB, nA·nB)
        For R = vec(A) vec(B)ᵀ, with rows stacked, it is A ⊗ B.

    Raises
    ------
    ValueError
        If R has not as many entries as the shapes say.

    Examples
    --------
    >>> from kronmix.decompose import rearrange, unrearrange
    >>> M, shapes = np.arange(24.0).reshape(4, 6), ((2, 3), (2, 2))
    >>> bool((unrearrange(rearrange(M, shapes), shapes) == M).all())
    True
    """
    (mA, nA), (mB, nB) = shapes
    return np.asarray(R).reshape(mA, nA, mB, nB).transpose(0, 2, 1, 3).reshape(mA * mB, nA * nB)


def _check_two(shapes: Shapes) -> Shapes:
    if len(shapes) != 2:
        raise ValueError(f"shapes={shapes!r}: expected ((mA, nA), (mB, nB))")
    return shapes


def check_shapes(shapes: Any, shape: tuple[int, ...]) -> Shapes:
    """Shapes of two factors or more as integers; ValueError where they do not multiply to the shape of a matrix."""
    try:
        listed = [(m, n) for m, n in shapes]
    except (TypeError, ValueError):
        listed = []
    if len(listed) < 2:
        raise ValueError(f"shapes={shapes!r}: expected ((mA, nA), (mB, nB)), or more such pairs")
    checked = tuple((integer(m, "shapes"), integer(n, "shapes")) for m, n in listed)
    if _sizes_product(checked) != tuple(shape):
        rows, columns = ("·".join(str(pair[i]) for pair in checked) for i in (0, 1))
        raise ValueError(f"B has shape {tuple(shape)}: expected ({rows}, {columns}) for shapes {shapes}")
    return checked


def _sizes_product(shapes: Shapes) -> tuple[int, int]:
    return prod(m for m, _ in shapes), prod(n for _, n in shapes)
