"""Weight decay on the factors, against loss + λR(B) (T17)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...operators import StructuredOperator
from ...operators.base import Array
from ..gradients import Packing
from ..norms import Nuclear, Penalty, induced_norm
from ..problems import Problem
from ..proximal import loss_and_dense_gradient
from ..references import reference_path
from ..views import Whole
from .fit import best_fit, random_starts
from .plan import Plan, Point, positive, register_kind


@register_kind("decay")
def decay(problem: Problem, structure: StructuredOperator, parameters: Any, restarts: int = 3, seed: int = 0) -> Plan:
    """From large λ to small ones, each warm-started from the last; ``restarts`` random starts beside it."""
    if restarts < 0:
        raise ValueError(f"restarts={restarts}: expected at least 0")
    penalty = _convex_penalty(structure)
    if parameters is None:
        _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
        λs = np.asarray((penalty or Nuclear(Whole())).grid(G, problem.curvature))[:40:2]
    else:
        λs = positive(parameters, "λ")
    return Plan(
        λs,
        _points(problem, structure, λs, restarts, np.random.default_rng(seed)),
        lambda reached: None if penalty is None else reference_path(problem, penalty, reached),
        f"weight decay on {type(structure).__name__}",
    )


def _convex_penalty(structure: StructuredOperator) -> Penalty | None:
    """R where it extends to a convex function of all B; None for deeper structures, whose R is not convex."""
    try:
        return induced_norm(structure)
    except TypeError:
        return None


def _points(
    problem: Problem, structure: StructuredOperator, λs: Array, restarts: int, rng: np.random.Generator
) -> Iterator[Point]:
    packing = Packing(structure)
    size = typical_size(problem, structure)
    warm: list[Array] = []
    for index in np.argsort(-λs, kind="stable"):
        # A coordinate that was 0 sits on a saddle: a warm start is moved a little off it.
        nudged = [θ + 1e-2 * size * rng.standard_normal(packing.size) for θ in warm]
        starts = [*nudged, *random_starts(structure, size, max(restarts, 1 - len(warm)), rng)]
        op, _ = best_fit(problem, structure, float(λs[index]), starts)
        warm = [packing.vector(op.factors)]
        yield int(index), op.to_dense(), op


def typical_size(problem: Problem, structure: StructuredOperator) -> float:
    """Root mean square of factors whose product is about as large as a gradient step makes B."""
    _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
    entry = float(np.sqrt(np.mean(G**2))) / problem.curvature
    return float(max(entry, 1e-12) ** (1 / max(len(structure.factors), 1)))
