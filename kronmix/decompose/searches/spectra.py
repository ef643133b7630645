"""Squared singular values of all slices of a matrix, shape by shape: what every closed optimum of the search is read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from ...forms.slices import Slicing
from ...patterns import Pattern
from ..factorization import Target
from ..rearrangement import rearrange

Array = np.ndarray[Any, np.dtype[Any]]
Derived = TypeVar("Derived", bound="Spectra")


class Spectra:
    """Spectra of one matrix, each computed once, in units of ‖B‖²_F and in descending order.

    They are eigenvalues of Gram matrices, so that a square below ``floor`` is lost in rounding.
    """

    def __init__(self, aim: Target) -> None:
        self.aim = aim
        unit = 1 / aim.norm if aim.norm > 0 else 1.0
        self.matrix = aim.matrix * unit
        self.shape: tuple[int, int] = (aim.matrix.shape[0], aim.matrix.shape[1])
        self.floor = 8 * max(self.shape) * float(np.finfo(np.float64).eps)
        self._slices: dict[tuple[int, int, int, int], Array] = {}
        self._derived: dict[Any, Spectra] = {}

    @cached_property
    def total2(self) -> float:
        """Squares of all entries: 1, unless some are left out."""
        return float(np.linalg.norm(self.matrix)) ** 2

    def derived(self, kind: Callable[[Spectra], Derived]) -> Derived:
        """Spectra made from these, once."""
        if kind not in self._derived:
            self._derived[kind] = kind(self)
        return self._derived[kind]  # type: ignore[return-value]  # stored under the function that made it

    def splittings(self, m: int, n: int) -> Iterator[tuple[int, int, int, int]]:
        """Sizes (p, k, q, s) with p·q = m and k·s = n."""
        yield from splittings(m, n)

    def whole(self) -> Array:
        """Squared singular values of the matrix itself."""
        return squares(self.matrix)

    def slices(self, p: int, k: int, q: int, s: int, a: int = 1, d: int = 1) -> Array:
        """Squares for the p × s slices of a Monarch matrix (T12) in each of a pattern's a·d blocks: (a·k·q·d, min(p, s))."""
        key = p, k, q, s
        if a * d > 1:
            return self._of_slices(p, k, q, s, a, d)
        if key not in self._slices:  # asked for by several families
            self._slices[key] = self._of_slices(p, k, q, s, 1, 1)
        return self._slices[key]

    def _of_slices(self, p: int, k: int, q: int, s: int, a: int, d: int) -> Array:
        """Squared singular values of the Monarch slices of a block, one row for each slice."""
        Z = Slicing(a, k, q, d, p, 1, s).slices(self.block(a, p * q, k * s, d))
        return self._squares(Z).reshape(-1, min(p, s))

    def _squares(self, Z: Array) -> Array:
        """Squared singular values of slices Z[i_a, i_κ, i_β, i_d]."""
        return squares(Z)

    def rearranged(self, p: int, k: int, q: int, s: int) -> Array:
        """Squared singular values of 𝓡(B) for factors p × k and q × s (T14)."""
        return squares(rearrange(self.matrix, ((p, k), (q, s))))

    def block(self, a: int, b: int, c: int, d: int) -> Array:
        """Entries on the support of a pattern, as values[a, d, b, c]."""
        return self.matrix[None, None] if a * d == 1 else Pattern(a, b, c, d).values(self.matrix)


def squares(Z: Array) -> Array:
    """Squared singular values of all Z[…], descending along the last axis."""
    m, n = Z.shape[-2:]
    adjoint = Z.conj().swapaxes(-1, -2)
    G = np.matmul(Z, adjoint) if m <= n else np.matmul(adjoint, Z)
    if min(m, n) == 1:
        values = G[..., 0].real
    elif min(m, n) == 2:
        a, b, c = G[..., 0, 0].real, np.abs(G[..., 0, 1]), G[..., 1, 1].real
        half, radius = (a + c) / 2, np.hypot((a - c) / 2, b)
        values = np.stack([half + radius, half - radius], axis=-1)
    else:
        values = np.linalg.eigvalsh(G)[..., ::-1]
    return np.maximum(values, 0.0)


def tails(values: Array) -> Array:
    """What is left of a descending sequence after its first 1, 2, … members."""
    left = np.zeros(values.size)
    left[:-1] = np.cumsum(values[:0:-1])[::-1]
    return left


def divisors(n: int) -> list[int]:
    """All of them, ascending."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def splittings(m: int, n: int) -> Iterator[tuple[int, int, int, int]]:
    """Every (p, k, q, s) with p·q = m and k·s = n."""
    for p in divisors(m):
        for k in divisors(n):
            yield p, k, m // p, n // k
