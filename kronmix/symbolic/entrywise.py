"""Identities between matrices of symbols, entry by entry: expand the difference, it must vanish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from .claims import Counterexample, Proof

Array = np.ndarray[Any, np.dtype[Any]]
#: Takes the sizes and returns the two sides, arrays of SymPy expressions.
Identity = Callable[..., tuple[Array, Array]]


def symbols(name: str, *shape: int) -> Array:
    """An array of independent symbols, one for every entry."""
    return np.array([sp.Symbol(f"{name}_{'_'.join(map(str, i))}") for i in np.ndindex(*shape)], dtype=object).reshape(
        shape
    )


def eye(n: int) -> Array:
    """The identity with exact integers."""
    return np.array([[int(i == j) for j in range(n)] for i in range(n)], dtype=object)


def prove_identity(identity: Identity, sizes: Sequence[tuple[int, ...]]) -> Proof | Counterexample:
    """Compare the two sides at each of the sizes, with every entry a symbol.

    Examples
    --------
    >>> from kronmix.symbolic.entrywise import prove_identity, symbols
    >>> def swap(m, n):
    ...     A = symbols("a", m, n)
    ...     return A.T.T, A
    >>> prove_identity(swap, [(2, 3)]).holds
    True
    """
    checked = 0
    for size in sizes:
        left, right = identity(*size)
        if left.shape != right.shape:
            return Counterexample(
                str(size),
                {"shapes": (left.shape, right.shape)},
                f"the sides have shapes {left.shape} and {right.shape}",
            )
        for index in np.ndindex(*left.shape):
            difference = sp.expand(left[index] - right[index])
            if difference != 0:
                return Counterexample(str(size), {"entry": index}, f"the sides differ by {difference}")
            checked += 1
    return Proof(", ".join(map(str, sizes)), f"{checked} entries, all sides expanded to the same polynomial")
