"""Planted structures of sizes 36 … 1024 with noise of 0 … 10 %: on the front, and what is taken at their own budget."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.decompose.searches.spectra import divisors
from tests.decompose.test_search import butterfly, noisy
from tests.strategies import Source

Drawn = tuple[str, Any]
NOISE = (0.0, 0.01, 0.03, 0.1)


def named(family: str, sizes: tuple[int, ...], rank: int = 1) -> str:
    listed = "×".join(map(str, sizes)) if len(sizes) == 2 else f"({', '.join(map(str, sizes))})"
    return f"{family} {listed}" + (f", rank {rank}" if rank > 1 else "")


def splitting(rng: np.random.Generator, n: int) -> tuple[int, int, int, int]:
    p, k = (int(rng.choice(divisors(n)[1:-1])) for _ in range(2))
    return p, k, n // p, n // k


def kronecker(source: Source, n: int) -> Drawn:
    while True:
        (p, k, q, s), r = splitting(source.rng, n), int(source.rng.integers(1, 4))
        if r <= max(1, min(p * k, q * s) // 4) and r * (p * k + q * s) < n * n // 2:
            pairs = [(source.array(p, k), source.array(q, s)) for _ in range(r)]
            return named("Kronecker sum", (p, k, q, s), r), km.SumOfKroneckers(pairs)


def monarch(source: Source, n: int) -> Drawn:
    while True:
        (p, k, q, s), r = splitting(source.rng, n), int(source.rng.integers(1, 4))
        if min(p, s) >= max(3, 2 * r) and r * (p + s) < p * s // 2:
            return named("Monarch", (p, k, q, s), r), km.Monarch(
                source.array(q, p, k * r), source.array(k, r * q, s), r
            )


def block_diagonal(source: Source, n: int) -> Drawn:
    while True:
        a = int(source.rng.choice(divisors(n)[:-1]))
        d = int(source.rng.choice(divisors(n // a)))
        b = n // (a * d)
        if 1 < a * d < n:
            return named("block-diagonal", (a, b, b, d)), km.KroneckerSparse(source.array(a, d, b, b), (a, b, b, d))


def butterflies(source: Source, n: int) -> Drawn:
    """No neighbours 2, 2: they store as many numbers as one radix 4, which is never further."""
    while True:
        radices, left = [], n
        while left > 1:
            radices.append(int(source.rng.choice(divisors(left)[1:])))
            left //= radices[-1]
        if len(radices) > 2 and (2, 2) not in pairwise(radices) and sum(radices) < n // 2:
            return named("butterfly", tuple(radices)), butterfly(source, *radices)


KINDS: tuple[Callable[[Source, int], Drawn], ...] = (kronecker, monarch, butterflies, block_diagonal)


def check(kind: Callable[[Source, int], Drawn], n: int, seed: int) -> None:
    source = Source(seed, np.float64)
    name, operator = kind(source, n)
    noise = NOISE[seed % len(NOISE)]
    found = km.search(noisy(operator.to_dense(), noise, source))
    assert name in [str(row) for row in found.front], (name, noise)
    assert str(found.choose(budget=operator.n_parameters)) == name
    best = found.best(budget=operator.n_parameters)
    assert best.n_parameters == operator.n_parameters
    assert best.relative_error < max(1.05 * noise, 1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_planted_structures_of_drawn_sizes(kind: Any) -> None:
    for seed, n in enumerate((36, 48)):
        check(kind, n, seed)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "count"), [(36, 28), (48, 20), (64, 20), (144, 16), (256, 12), (1024, 4)])
def test_a_hundred_of_a_hundred_planted_structures(n: int, count: int) -> None:
    for i in range(count):
        check(KINDS[i % len(KINDS)], n, 1000 * n + i // len(KINDS))
