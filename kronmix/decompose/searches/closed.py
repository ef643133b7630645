"""Families whose best approximation is known in closed form: one spectrum per shape gives all ranks (T12–T14)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import gcd
from typing import Any

import numpy as np
from scipy.sparse import csc_array, csr_array

from ...forms.slices import monarch_slices
from ...operators import Chain, Masked
from ...patterns import Pattern
from ..chain import nearest_chain
from ..factorization import Factorization, target
from ..kronecker import nearest_kronecker
from ..low_rank import nearest_low_rank
from ..monarch import nearest_monarch
from .curves import Curve, closed_curve
from .spectra import Spectra, divisors, tails

Array = np.ndarray[Any, np.dtype[Any]]


class LowRankFamily:
    """U V with r columns and rows (Eckart & Young 1936)."""

    name, is_optimal = "low rank", True

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        m, n = spectra.shape
        if min(m, n) > 1:
            left = tails(spectra.whole())
            yield closed_curve(self, (m, n), m + n, m + n, left, spectra)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        return nearest_low_rank(B, rank)


class KroneckerFamily:
    """Sums of r Kronecker products of one pair of shapes (T14)."""

    name, is_optimal = "Kronecker sum", True

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        for p, k, q, s in spectra.splittings(*spectra.shape):
            # One number times a matrix is no structure, and a column times a row is a matrix of rank 1.
            trivial = 1 in (p * k, q * s) or k == q == 1 or p == s == 1
            if not trivial and p * k + q * s < spectra.matrix.size:
                yield self._curve(spectra, p, k, q, s)

    def _curve(self, spectra: Spectra, p: int, k: int, q: int, s: int) -> Curve:
        left = tails(spectra.rearranged(p, k, q, s))
        curve = closed_curve(self, (p, k, q, s), p * k + q * s, k * q * (p + s), left, spectra)
        curve.connections[0] = min(k * q * (p + s), p * s * (k + q))  # a single product is applied in the cheaper order
        return curve

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        p, k, q, s = sizes
        return nearest_kronecker(B, ((p, k), (q, s)), rank)


def monarch_sizes(spectra: Spectra) -> Iterator[tuple[int, int, int, int]]:
    """Every (p, k, q, s) at which a Monarch matrix is smaller than its matrix, and not just of low rank."""
    for p, k, q, s in spectra.splittings(*spectra.shape):
        if p + s < p * s and q * k > 1:
            yield p, k, q, s


class MonarchFamily:
    """Monarch matrices of one block rank (T13)."""

    name, is_optimal = "Monarch", True

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        for p, k, q, s in monarch_sizes(spectra):
            left = tails(spectra.slices(p, k, q, s).sum(axis=0))
            numbers = q * k * (p + s)
            yield closed_curve(self, (p, k, q, s), numbers, numbers, left, spectra)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        p, k, q, s = sizes
        return nearest_monarch(B, (p, k, q, s), rank)


class SlicewiseFamily:
    """Monarch slices of ranks of their own, r terms together: the r largest singular values of all slices (block low rank).

    The ranks of the q·k slices are counted among the numbers stored.
    """

    name, is_optimal = "block low rank", True

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        for p, k, q, s in monarch_sizes(spectra):
            pooled = np.sort(spectra.slices(p, k, q, s), axis=None)[::-1]
            kept = min(pooled.size, (spectra.matrix.size - 1 - q * k) // (p + s))
            if kept > 0:
                curve = closed_curve(self, (p, k, q, s), p + s, p + s, tails(pooled)[:kept], spectra)
                yield replace(curve, n_parameters=curve.n_parameters + q * k)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        aim = target(B)
        p, k, q, s = sizes
        U, values, Vh = np.linalg.svd(monarch_slices(aim.matrix, *sizes), full_matrices=False)
        order = np.argsort(-values, axis=None, kind="stable")[:rank]
        row, column, index = np.unravel_index(np.sort(order), values.shape)
        root = np.sqrt(values[row, column, index])[:, None]
        left = (U[row, column, :, index] * root).astype(aim.dtype, copy=False)
        right = (Vh[row, column, index] * root).astype(aim.dtype, copy=False)
        at = row, column, (p, k, q, s)
        wide = _terms(left.astype(aim.matrix.dtype, copy=False), right.astype(aim.matrix.dtype, copy=False), *at)
        error = float(np.linalg.norm(aim.matrix - wide._dense()))
        left, right = aim.scaled((left, right))
        operator = _terms(left, right, *at)
        least2 = float(np.sum(np.sort(values, axis=None)[: values.size - rank] ** 2))
        return aim.result(operator, error**2, least2)


def _terms(left: Array, right: Array, row: Array, column: Array, sizes: tuple[int, int, int, int]) -> Chain:
    """Σ_t left_t right_tᵀ, each in its own slice, as a product of two sparse matrices."""
    p, k, q, s = sizes
    terms = len(left)
    rows = (np.arange(p) * q + row[:, None]).ravel()
    U = csc_array((left.ravel(), rows, p * np.arange(terms + 1)), shape=(p * q, terms)).tocsr()
    columns = (column[:, None] * s + np.arange(s)).ravel()
    V = csr_array((right.ravel(), columns, s * np.arange(terms + 1)), shape=(terms, k * s))
    return Chain(
        *(Masked(X.data, csr_array((np.ones(X.nnz, bool), X.indices, X.indptr), shape=X.shape)) for X in (U, V))
    )


class BlockDiagonalFamily:
    """One Kronecker-sparse factor: blocks on the diagonal, or interleaved with stride d (T9)."""

    name, is_optimal = "block-diagonal", True

    def curves(self, spectra: Spectra) -> Iterator[Curve]:
        m, n = spectra.shape
        for a in divisors(gcd(m, n)):
            for d in divisors(gcd(m, n) // a):
                if a * d > 1:
                    pattern = Pattern(a, m // (a * d), n // (a * d), d)
                    inside = float(np.linalg.norm(spectra.block(*pattern))) ** 2
                    left = np.array([max(spectra.total2 - inside, 0.0)])
                    yield closed_curve(self, tuple(pattern), pattern.nnz, pattern.nnz, left, spectra)

    def fit(self, B: Any, sizes: tuple[int, ...], rank: int) -> Factorization:
        return nearest_chain(B, [sizes])
