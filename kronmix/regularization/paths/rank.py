"""Inner size r, and tying: Mixer, sum of r Kroneckers, Monarch of block rank r, product of inner size r."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np

from ... import checks
from ...operators import Chain, Dense, Kronecker, LowRank, Monarch, StructuredOperator, SumOfKroneckers
from ...operators.arrays import Array
from ..pairs import BetweenPermutations, factored_blocks
from ..path import Path
from ..problems import Observed, Problem
from ..proximal import is_squared
from ..references import check_parameters, reference_path
from .decay import typical_size
from .fit import best_fit, random_starts
from .plan import Done, Plan, Point, beside, register_kind


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
def _(structure: LowRank, r: int) -> StructuredOperator:
    return LowRank(np.ones((structure.shape[0], r)), np.ones((r, structure.shape[1])))


@of_rank.register
def _(structure: Chain, r: int) -> StructuredOperator:
    seen = BetweenPermutations.of(structure.operators)
    if len(seen.inner) == 1:
        return Chain(*seen.left, of_rank(seen.inner[0], r), *seen.right)
    if len(seen.inner) != 2 or not all(isinstance(op, Dense) for op in seen.inner):
        raise TypeError(
            f"{structure!r} has no single inner size: expected two Dense operators or a pair, perhaps between permutations"
        )
    pair = Dense(np.ones((structure.shape[0], r))), Dense(np.ones((r, structure.shape[1])))
    return Chain(*seen.left, *pair, *seen.right)


@register_kind("rank")
@dataclass(frozen=True)
class Rank:
    """The best fit of every inner size, from random starts.

    Parameters
    ----------
    restarts : int
        Random starts at each size.
    seed : int
    weight_decay : float
        λ ≥ 0, kept fixed.

    Examples
    --------
    >>> from kronmix.regularization import Rank
    >>> pair = km.Chain(km.Dense(np.ones((2, 1))), km.Dense(np.ones((1, 2))))
    >>> km.regularization_path(km.Observed(np.diag([3.0, 1.0])), pair, Rank(), [1]).weights[0].round(6) + 0.0
    array([[3., 0.],
           [0., 0.]])
    """

    restarts: int = 3
    seed: int = 0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        checks.integer(self.restarts, "restarts", 0)
        checks.integer(self.seed, "seed", 0)
        checks.non_negative(self.weight_decay, "weight_decay", "a number λ ≥ 0")

    def plan(self, problem: Problem, structure: StructuredOperator, parameters: Any) -> Plan:
        """The plan for a problem and a structure."""
        largest = _largest(structure)
        sizes = np.arange(1, min(largest, 8) + 1) if parameters is None else check_parameters(parameters)
        if (sizes != np.rint(sizes)).any() or (sizes < 1).any() or (sizes > largest).any():
            raise ValueError(f"parameters={sizes.tolist()}: expected inner sizes from 1 to {largest}")
        ranks = sizes.astype(int)
        return Plan(
            ranks.astype(float),
            lambda done: _points(problem, structure, ranks, self, done),
            _reference,
            f"inner size of {type(structure).__name__}",
            "inner size r",
        )


def _largest(structure: StructuredOperator) -> int:
    """Inner size from which on the structure is as free as it can be."""
    view, _ = factored_blocks(of_rank(structure, 1))
    return int(min(view.split(np.zeros(structure.shape)).shape[1:]))


def _points(problem: Problem, structure: StructuredOperator, ranks: Array, kind: Rank, done: Done) -> Iterator[Point]:
    """Best fits of each rank, each with its index, weight and operator."""
    rng = np.random.default_rng(kind.seed)
    for index, r in enumerate(ranks.tolist()):
        shaped = of_rank(structure, r)
        starts = random_starts(shaped, typical_size(problem, shaped), max(kind.restarts, 1), rng)
        op = done.get(index)
        if op is None:
            op, _ = best_fit(problem, shaped, kind.weight_decay, starts)
        yield index, op.to_dense(), op


def _reference(path: Path) -> Path:
    """The path with its reference: truncations of the least-squares weight, where they are optimal."""
    problem, ranks = path.problem, path.parameter
    if isinstance(problem, Observed):
        assert path.structure is not None
        view, _ = factored_blocks(of_rank(path.structure, 1))
        U, σ, Vh = np.linalg.svd(view.split(problem.T), full_matrices=False)
        kept = [view.join((U[..., : int(r)] * σ[:, None, : int(r)]) @ Vh[:, : int(r)], problem.T.shape) for r in ranks]
        return replace(
            path,
            reference=np.stack(kept),
            remark="reference: the nearest weight of each size, by truncation (T13, T14)",
        )
    if not is_squared(problem):
        return replace(path, remark="no reference: without a penalty the logistic loss need not have a minimiser")
    free = reference_path(problem, "ridge", [0.0]).weights[0]
    found = beside(path, Path(ranks, np.broadcast_to(free, (len(ranks), *free.shape))))
    return replace(found, remark="reference: the least-squares weight without structure, of least norm")
