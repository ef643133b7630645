"""The section that leads the page of given weights: which structure each has."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..decompose import Candidate, Front
from ..plotting import plot_front
from .findings import Findings
from .page import Figure, Section, Table, panel
from .words import count, percent, scientific

#: Most matrices drawn.
_PANELS = 2


def fronts(findings: Findings) -> Section:
    """Error against numbers stored, over all structures, with proved bounds (T13, T14, T28)."""
    found = dict(findings.fronts)
    telling = sorted(findings.fronts, key=lambda named: error_against_sparse(named[1]))[:_PANELS]
    better = [name for name, front in found.items() if error_against_sparse(front) <= 1]
    explanation = (
        "Every structure, shape and rank was tried: low rank, sums of Kronecker products, block-diagonal, Monarch and "
        "butterfly matrices. The table has, for each matrix, the one that keeps the largest share of the norm for the share "
        "of the numbers it stores, or the exact one where that stores at most twice as many. In "
        f"{count(len(better))} of {count(len(found))} it is as near as keeping as many of the largest entries, "
        "or nearer; their positions are not even counted"
    )
    explanation += (
        f": {', '.join(better)}." if better else ". Where it is not, none of these structures says more than sparsity."
    )
    if findings.larger:
        explanation += (
            f" Left out: {count(findings.larger)} more, or larger, matrices, for which there is kronmix factor."
        )
    panels = tuple(
        panel(partial(_titled, front=front, name=name), f"Error against numbers stored of {name}, falling", (5.2, 2.9))
        for name, front in telling
    )
    caption = "how far the line of structures lies below that of the largest entries."
    table = Table(
        "What each matrix is nearest to.",
        ("matrix", "size", "structure", "numbers", "share", "relative error", "none below", "largest entries"),
        [_front_row(name, front) for name, front in found.items()],
    )
    return Section("fronts", "Which structure the weights have", explanation, (Figure(panels, caption),), (table,))


def _titled(ax: Any, front: Front, name: str) -> None:
    plot_front(front, ax)
    ax.set_title(name)


def _front_row(name: str, front: Front) -> tuple[str, ...]:
    row = front.choose()
    rows, columns = front.shape
    return (
        name,
        f"{count(rows)} × {count(columns)}",
        str(row),
        count(row.n_parameters),
        percent(row.n_parameters / (rows * columns)),
        scientific(row.relative_error),
        _proved_bound(row),
        scientific(front.baseline[front.front.index(row)]),
    )


def _proved_bound(row: Candidate) -> str:
    if row.is_optimal:
        return "optimal (proved)"
    return f"{scientific(row.lower_bound)} (proved)" if row.lower_bound > 0 else row.proved


def error_against_sparse(front: Front) -> float:
    """The error of the structure to choose, in units of that of as many of the largest entries."""
    row = front.choose()
    sparse = float(front.baseline[front.front.index(row)])
    if sparse == 0:
        return 1.0 if row.relative_error == 0 else np.inf
    return row.relative_error / sparse
