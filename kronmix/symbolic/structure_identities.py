"""Both sides of T11 (ranks) and T15 (determinant) on arrays of symbols, and what makes each a false neighbour.

Each function takes sizes and returns (left, right); a keyword turns the right side into a mutant's.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from ..patterns import Pattern
from .entrywise import Array, symbols


def _dense(values: Array, pattern: Pattern) -> Array:
    a, b, c, d = pattern
    M = np.zeros((a, b, d, a, c, d), dtype=object)
    for ia, id_, ib, ic in np.ndindex(a, d, b, c):
        M[ia, ib, id_, ia, ic, id_] = values[ia % values.shape[0], id_ % values.shape[1], ib, ic]
    return M.reshape(pattern.shape)


def t11(
    a: int, r: int, κ: int, β: int, minors: int = 1, order: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
) -> tuple[Array, Array]:
    """Every (r + minors)-minor of a slice of a product of chainable factors with rank r vanishes (minors = 0: need not).

    ``order`` is that of the axes (a, b, β, a, κ, c) in the product.
    """
    left, right = Pattern(a, r + 1, κ * r, β), Pattern(a * κ, r * β, r + 1, 1)
    X1 = _dense(symbols("u", *left.values_shape), left)
    X2 = _dense(symbols("v", *right.values_shape), right)
    product = left * right
    sizes = (a, r + 1, β, a, κ, r + 1)
    view = (X1 @ X2).reshape([sizes[axis] for axis in order]).transpose(np.argsort(order))
    size = r + minors
    values = [
        sp.expand(sp.Matrix(view[i, :size, j, i, k, :size]).det()) for i in range(a) for j in range(β) for k in range(κ)
    ]
    assert (product.b, product.c) == ((r + 1) * β, κ * (r + 1))
    return np.array(values, dtype=object), np.zeros(len(values), dtype=object)


def t15_determinant(n: int, p: int, exponents: str = "crossed") -> tuple[Array, Array]:
    A, B = symbols("a", n, n), symbols("b", p, p)
    K, det_A, det_B = sp.Matrix(np.kron(A, B)), sp.Matrix(A).det(), sp.Matrix(B).det()
    power = det_A**p * det_B**n if exponents == "crossed" else det_A**n * det_B**p
    return np.array([K.det(method="berkowitz")], dtype=object), np.array([power], dtype=object)
