"""Exact linear algebra modulo a prime near 2⁶¹, on uint64 arrays and floating-point GEMMs.

A residue is split into three limbs of 21 bits. Products of limbs are below 2⁴², so a GEMM in float64 that sums at most 2¹¹ of
them is exact (below 2⁵³); nine GEMMs and carries modulo p give the product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import prevprime

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["PRIMES", "PrimeField", "prime_fields"]

_LIMB = 21
_MASK = np.uint64(2**_LIMB - 1)
_EXACT = 2**11  # limb products that float64 sums exactly
_LOW = np.uint64(2**61 - 1)


@dataclass(frozen=True)
class PrimeField:
    """Arithmetic modulo p = 2⁶¹ − ``gap`` on arrays of dtype uint64 with entries below p.

    Examples
    --------
    >>> from kronmix.symbolic.provers.finite_field import PrimeField
    >>> F = PrimeField(1)
    >>> A = np.full((2, 2), F.p - 1, np.uint64)  # −1
    >>> F.matmul(A, A)
    array([[2, 2],
           [2, 2]], dtype=uint64)
    """

    gap: int

    @property
    def p(self) -> int:
        """The prime."""
        return 2**61 - self.gap

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Independent uniform residues."""
        return np.asarray(rng.integers(0, self.p, shape, dtype=np.uint64))

    def lift(self, array: Any) -> Array:
        """Integers or fractions of any size, as residues."""
        given = np.asarray(array)
        if given.dtype.kind in "bu":
            return given.astype(np.uint64) % np.uint64(self.p)
        if given.dtype.kind == "i":
            return (given.astype(np.int64) % np.int64(self.p)).astype(np.uint64)
        out = np.empty(given.shape, np.uint64)
        for index in np.ndindex(*given.shape):
            out[index] = self.scalar(given[index])
        return out

    def scalar(self, value: Any) -> np.uint64:
        """One integer or fraction as a residue; ZeroDivisionError if p divides the denominator."""
        exact = Fraction(value)
        if exact.denominator % self.p == 0:
            raise ZeroDivisionError(f"{exact} has no residue modulo {self.p}")
        return np.uint64(exact.numerator * pow(exact.denominator, -1, self.p) % self.p)

    def integers(self, array: Array) -> Array:
        """Residues as Python integers of least magnitude."""
        half = self.p // 2
        return np.array([int(v) - self.p if int(v) > half else int(v) for v in array.ravel()], object).reshape(
            array.shape
        )

    def add(self, x: Array, y: Array) -> Array:
        """x + y."""
        return self._below(x + y)

    def subtract(self, x: Array, y: Array) -> Array:
        """x − y."""
        return self._below(x + (np.uint64(self.p) - y))

    def multiply(self, x: Array, y: Array) -> Array:
        """x · y entry by entry, with broadcasting."""
        a, b = _limbs(x), _limbs(y)
        return self._carry([sum((a[i] * b[s - i] for i in _pairs(s)), start=np.uint64(0)) for s in range(5)])

    def matmul(self, A: Array, B: Array) -> Array:
        """A @ B for matrices, stacks of matrices or a vector B."""
        inner = A.shape[-1]
        total: Array | None = None
        for start in range(0, max(inner, 1), _EXACT):
            stop = start + _EXACT
            part = self._exact_product(A[..., start:stop], B[start:stop] if B.ndim == 1 else B[..., start:stop, :])
            total = part if total is None else self.add(total, part)
        assert total is not None
        return total

    def sum(self, x: Array) -> np.uint64:
        """Sum of all entries."""
        return np.uint64(self.matmul(np.ones((1, x.size), np.uint64), x.reshape(-1))[0])

    def _exact_product(self, A: Array, B: Array) -> Array:
        """A @ B over limbs in float64, where every sum is exact."""
        a = [limb.astype(np.float64) for limb in _limbs(A)]
        b = [limb.astype(np.float64) for limb in _limbs(B)]
        columns = []
        for s in range(5):
            products = [(a[i] @ b[s - i]).astype(np.uint64) for i in _pairs(s)]
            columns.append(sum(products[1:], start=products[0]))
        return self._carry(columns)

    def _carry(self, columns: list[Any]) -> Array:
        """Σ_s columns[s] · 2^{21 s} modulo p, by Horner's rule; each column is below 2⁶¹."""
        total = self._reduce(columns[-1])
        for column in reversed(columns[:-1]):
            # total·2²¹ = high·2⁶¹ + low with high < 2²¹, and 2⁶¹ ≡ gap
            high, low = total >> np.uint64(40), (total & np.uint64(2**40 - 1)) << np.uint64(_LIMB)
            total = self._reduce(low + high * np.uint64(self.gap) + column)
        return total

    def _reduce(self, x: Array) -> Array:
        """Any uint64 modulo p."""
        return self._below((x & _LOW) + (x >> np.uint64(61)) * np.uint64(self.gap))

    def _below(self, x: Array) -> Array:
        """Subtract p once where x ≥ p (x < 2p)."""
        p = np.uint64(self.p)
        return np.where(x >= p, x - p, x)


def _limbs(x: Array) -> list[Array]:
    """Three numbers of few bits for each entry, lowest first."""
    return [(x >> np.uint64(_LIMB * i)) & _MASK for i in range(3)]


def _pairs(s: int) -> range:
    """Limb indices i with both i and s − i in {0, 1, 2}."""
    return range(max(0, s - 2), min(s, 2) + 1)


#: 2⁶¹ − 1 (a Mersenne prime) and the next primes below it.
PRIMES = tuple(PrimeField(gap) for gap in (1, 31, 45, 229, 259))


def prime_fields() -> Iterator[PrimeField]:
    """Fields of the primes below 2⁶¹, largest first, without end.

    Examples
    --------
    >>> from itertools import islice
    >>> from kronmix.symbolic.provers.finite_field import prime_fields
    >>> [F.gap for F in islice(prime_fields(), 6)]
    [1, 31, 45, 229, 259, 283]
    """
    yield from PRIMES
    p = PRIMES[-1].p
    while True:
        p = int(prevprime(p))
        yield PrimeField(2**61 - p)
