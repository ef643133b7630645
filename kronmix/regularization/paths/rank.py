"""Inner size r, and tying: Mixer, sum of r Kroneckers, Monarch of block rank r, product of inner size r."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

import numpy as np

from ...checks import non_negative
from ...operators import Chain, Dense, Kronecker, Monarch, StructuredOperator, SumOfKroneckers
from ...operators.base import Array
from ..norms import factored_blocks
from ..path import Path
from ..problems import Observed, Problem
from ..references import check_parameters, reference_path
from .decay import typical_size
from .fit import best_fit, random_starts
from .plan import Plan, Point, register_kind


@singledispatch
def of_rank(structure: Any, r: int) -> StructuredOperator:
    """The structure with inner size r (factors of ones)."""
    raise TypeError(
        f"{type(structure).__name__} has no inner size: expected Kronecker, SumOfKroneckers, Monarch or P Q"
    )


@of_rank.register(Kronecker)
@of_rank.register(SumOfKroneckers)
def _(structure: Kronecker | SumOfKroneckers, r: int) -> StructuredOperator:
    A, B = (np.ones(f.shape) for f in structure.factors[:2])
    return SumOfKroneckers([(A, B)] * r)


@of_rank.register
def _(structure: Monarch, r: int) -> StructuredOperator:
    p, k, q, s = structure.sizes
    blocks, others = (f.shape[0] for f in structure.factors)
    return Monarch(np.ones((blocks, p, k * r)), np.ones((others, r * q, s)), rank=r)


@of_rank.register
def _(structure: Chain, r: int) -> StructuredOperator:
    if len(structure.operators) != 2 or not all(isinstance(op, Dense) for op in structure.operators):
        raise TypeError(f"{structure!r} has no single inner size: expected a chain of two Dense operators")
    return Chain(Dense(np.ones((structure.shape[0], r))), Dense(np.ones((r, structure.shape[1]))))


@register_kind("rank")
def rank(
    problem: Problem,
    structure: StructuredOperator,
    parameters: Any,
    restarts: int = 3,
    seed: int = 0,
    weight_decay: float = 0.0,
) -> Plan:
    """The best fit of every inner size, from random starts and from the fit of the size before."""
    non_negative(weight_decay, "weight_decay", "a number λ ≥ 0")
    largest = _largest(structure)
    sizes = np.arange(1, min(largest, 8) + 1) if parameters is None else check_parameters(parameters)
    if (sizes != np.rint(sizes)).any() or (sizes < 1).any() or (sizes > largest).any():
        raise ValueError(f"parameters={sizes.tolist()}: expected inner sizes from 1 to {largest}")
    ranks = sizes.astype(int)
    return Plan(
        ranks.astype(float),
        _points(problem, structure, ranks, restarts, weight_decay, np.random.default_rng(seed)),
        lambda reached: _reference(problem, structure, reached),
        f"inner size of {type(structure).__name__}",
    )


def _largest(structure: StructuredOperator) -> int:
    """Inner size from which on the structure is as free as it can be."""
    view, _ = factored_blocks(of_rank(structure, 1))
    return int(min(view.split(np.zeros(structure.shape)).shape[1:]))


def _points(
    problem: Problem,
    structure: StructuredOperator,
    ranks: Array,
    restarts: int,
    λ: float,
    rng: np.random.Generator,
) -> Iterator[Point]:
    for index, r in enumerate(ranks.tolist()):
        shaped = of_rank(structure, r)
        op, _ = best_fit(
            problem, shaped, λ, random_starts(shaped, typical_size(problem, shaped), max(restarts, 1), rng)
        )
        yield index, op.to_dense(), op


def _reference(problem: Problem, structure: StructuredOperator, ranks: Array) -> Path:
    if isinstance(problem, Observed):
        view, _ = factored_blocks(of_rank(structure, 1))
        U, σ, Vh = np.linalg.svd(view.split(problem.T), full_matrices=False)
        kept = [view.join((U[..., : int(r)] * σ[:, None, : int(r)]) @ Vh[:, : int(r)], problem.T.shape) for r in ranks]
        return Path(ranks, np.stack(kept))
    free = reference_path(problem, "ridge", [0.0]).weights[0]
    return Path(ranks, np.broadcast_to(free, (len(ranks), *free.shape)))
