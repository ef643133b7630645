"""Structures of a weight by name and sizes, for ``kronmix path``."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .vocabulary import refuse_foreign

if TYPE_CHECKING:
    from ..operators import StructuredOperator


def _pair(shape: str | None, whole: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Sizes of two Kronecker factors; default the square roots."""
    needs = f"the sizes of two factors that multiply to {whole[0]}×{whole[1]}, as 8x8,8x8"
    if shape is None:
        m, n = (round(size**0.5) for size in whole)
        if (m * m, n * n) != whole:
            raise ValueError(f"--shape is missing: expected {needs}")
        return (m, n), (m, n)
    try:
        (a, b), (c, d) = (tuple(map(int, part.lower().split("x"))) for part in shape.split(","))
    except ValueError:
        raise ValueError(f"--shape {shape}: expected {needs}") from None
    if (a * c, b * d) != whole:
        raise ValueError(f"--shape {shape}: expected {needs}")
    return (a, b), (c, d)


def _kronecker(whole: tuple[int, int], shape: str | None = None) -> StructuredOperator:
    from ..operators import Kronecker

    return Kronecker(*(np.ones(size) for size in _pair(shape, whole)))


def _sum(whole: tuple[int, int], shape: str | None = None, rank: int = 1) -> StructuredOperator:
    from ..operators import SumOfKroneckers

    left, right = _pair(shape, whole)
    return SumOfKroneckers([(np.ones(left), np.ones(right))] * rank)


def _mixer(whole: tuple[int, int], shape: str | None = None) -> StructuredOperator:
    from ..mixer import LinearMixer

    (C2, C), (S2, S) = _pair(shape, whole)
    return LinearMixer([np.ones((S2, S)), np.ones((S2, S2))], [np.ones((C, C2)), np.ones((C2, C2))])


def _monarch(whole: tuple[int, int], shape: str | None = None, rank: int = 1) -> StructuredOperator:
    from ..operators import Monarch

    needs = f"p,k,q,s with p·q = {whole[0]} and k·s = {whole[1]}, as 8,8,8,8"
    if shape is None:
        (p, k), (q, s) = _pair(None, whole)
    else:
        try:
            p, k, q, s = map(int, shape.split(","))
        except ValueError:
            raise ValueError(f"--shape {shape}: expected {needs}") from None
    if (p * q, k * s) != whole:
        raise ValueError(f"--shape {shape}: expected {needs}")
    return Monarch(np.ones((q, p, k * rank)), np.ones((k, rank * q, s)), rank=rank)


def _tied_monarch(whole: tuple[int, int], shape: str | None = None, rank: int = 1) -> StructuredOperator:
    from ..operators import Monarch

    free = _monarch(whole, shape, rank)
    assert isinstance(free, Monarch)
    return Monarch(free.left[:1], free.right[:1], rank=rank)


def _rp_mixer(whole: tuple[int, int], shape: str | None = None) -> StructuredOperator:
    """A Kronecker product between two permutations that do not change."""
    from ..operators import Chain, Permutation

    rng = np.random.default_rng(0)
    rows, columns = (Permutation(rng.permutation(size)) for size in whole)
    return Chain(rows, _kronecker(whole, shape), columns)


def _product(whole: tuple[int, int], rank: int | None = None, depth: int = 2) -> StructuredOperator:
    from ..operators import Chain, Dense

    size = min(whole) if rank is None else rank
    sizes = [whole[0], *[size] * (depth - 1), whole[1]]
    return Chain(*(Dense(np.ones(pair)) for pair in pairwise(sizes)))


def _dense(whole: tuple[int, int]) -> StructuredOperator:
    from ..operators import Dense

    return Dense(np.zeros(whole))


def _hadamard(whole: tuple[int, int], depth: int = 2) -> StructuredOperator:
    from ..operators import Hadamard

    return Hadamard(*[np.ones(whole)] * depth)


STRUCTURES: dict[str, Callable[..., StructuredOperator]] = {
    "hadamard": _hadamard,
    "dense": _dense,
    "product": _product,
    "kronecker": _kronecker,
    "sum": _sum,
    "monarch": _monarch,
    "tied-monarch": _tied_monarch,
    "mixer": _mixer,
    "rp-mixer": _rp_mixer,
}


def structure_of(
    name: str, whole: tuple[int, int], *, shape: str | None, rank: int | None, depth: int | None
) -> StructuredOperator:
    """A structure of this size; options that were given and that it does not take are refused."""
    given = {
        option: value for option, value in (("shape", shape), ("rank", rank), ("depth", depth)) if value is not None
    }
    refuse_foreign(given, name, {other: list(signature(build).parameters) for other, build in STRUCTURES.items()})
    if rank is not None and rank > whole[0] * whole[1]:
        raise ValueError(
            f"--rank {rank}: expected at most {whole[0] * whole[1]}, the entries of a {whole[0]}×{whole[1]} weight"
        )
    return STRUCTURES[name](whole, **given)
