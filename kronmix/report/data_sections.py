"""The sections about a table of samples, and about the matrices of any file."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..plotting import plot_curves, plot_profile
from ..plotting.style import INK, label_ends
from .findings import Findings
from .page import Figure, Section, Table
from .paths import profile_of
from .sliders import Stops, slider
from .words import count, percent, scientific, short_names

#: Most coefficients listed beside the slider.
_TOLD = 6
#: Most matrices with a curve of their own.
_CURVES = 5


def path(findings: Findings) -> Section:
    """The path of weight decay: which features come in, in which order (T17)."""
    found = findings.table
    assert found is not None  # the page asks only where it was traced
    traced, scaling = found.path, found.path.scaling
    assert scaling is not None
    of, label = profile_of(found.structure)
    q, p = traced.weights.shape[1:]
    norm = "the lasso" if of is None else "the nuclear norm"
    explanation = (
        f"Weight decay λ on the factors of the weight is {norm} (T17): coefficients come in one after the other as λ gets weaker, "
        f"of {count(p)} features for {count(q)} output{'s' * (q > 1)}, all standardised. "
    )
    chosen = found.chosen
    if chosen is not None:
        kept = int(np.count_nonzero(np.abs(traced.weights[chosen]) > 1e-6 * np.abs(traced.weights).max()))
        explanation += (
            f"Cross-validation on all rows chooses λ = {traced.parameter[chosen]:.3g}, where {count(kept)} of {count(p * q)} "
            "coefficients are not zero. The verdict above used the training rows of each split only."
        )
    told = _largest(findings)

    def draw(ax: Any) -> None:
        plot_profile(traced, of, label, ax)
        ax.set_xlabel("weight decay λ")
        ax.invert_xaxis()  # weaker to the right, as the slider goes
        if of is None and q == 1:
            weakest = int(np.argmin(np.where(traced.parameter > 0, traced.parameter, np.inf)))  # λ = 0 has no place
            ends = [(float(traced.parameter[weakest]), float(values[weakest])) for values in told.values()]
            label_ends(ax, list(told), ends, [INK] * len(told))

    figure = Figure(
        (
            slider(
                Stops(
                    "weight decay λ",
                    [f"{value:.3g}" for value in traced.parameter],
                    _positive(traced.parameter),
                    told,
                    None if q == 1 else traced.weights,
                ),
                draw,
                f"{label} along weight decay, {len(traced.parameter)} values of λ",
                "the weight, outputs × features",
                chosen,
            ),
        ),
        "the order in which the curves leave zero, and how long each stays.",
    )
    tables = () if chosen is None else (_coefficients(findings),)
    return Section("path", "What comes in along weight decay", explanation, (figure,), tables)


def _positive(parameter: Any) -> Any:
    """Places on a logarithmic axis: λ = 0 stands at its left end."""
    least = parameter[parameter > 0].min(initial=1.0)
    return np.maximum(parameter, least)


def _largest(findings: Findings) -> dict[str, Any]:
    """Coefficients of the first output that become largest, by the names of their features."""
    found = findings.table
    assert found is not None
    assert found.path.scaling is not None
    weights = found.path.weights[:, 0, :]
    order = np.argsort(-np.abs(weights).max(axis=0), kind="stable")[:_TOLD]
    return {found.path.scaling.features[i]: weights[:, i] for i in order}


def _coefficients(findings: Findings) -> Table:
    """The coefficients at the chosen λ, in the units of the data."""
    found = findings.table
    assert found is not None
    assert found.chosen is not None
    assert found.path.scaling is not None
    scaling, at = found.path.scaling, found.chosen
    rows = [(name, *(f"{value:.4g}" for value in found.path.coef[at][:, i])) for i, name in enumerate(scaling.features)]
    rows.append(("intercept", *(f"{value:.4g}" for value in found.path.intercept[at])))
    caption = f"Coefficients in the units of the data, at λ = {found.path.parameter[at]:.3g}."
    return Table(caption, ("feature", *scaling.outputs), rows)


def matrices(findings: Findings) -> Section:
    """Every matrix of a file: spectrum, nearest structures, and what low rank does with as many numbers."""
    seen = findings.matrices
    explanation = (
        "For every matrix, the relative error of the nearest Kronecker product and of the nearest Monarch matrix with near-square "
        "factors (T13, T14), each beside the error of the nearest matrix of low rank that stores no more numbers. A structure is "
        "worth its name where its error is the smaller one: in the plot on top, below the line. Move the slider to see "
        "what a rank leaves out."
    )
    ranks = np.unique(np.geomspace(1, max(len(one.singular_values) for one in seen), 24).round().astype(int))
    drawn = sorted(seen, key=lambda one: one.monarch_error)[:_CURVES]
    curves = {one.name: np.array([one.error_of_rank(int(r)) for r in ranks]) for one in drawn}

    def draw(ax: Any) -> None:
        ax.set_xscale("log")
        ax.set_ylim(0, 1.05)
        plot_curves(ranks, dict(zip(short_names(list(curves)), curves.values(), strict=True)), ax)
        ax.set_xlabel("rank")
        ax.set_title("relative error of the nearest matrix of that rank", loc="left")

    words = [str(r) for r in ranks]
    alt = f"Relative error against rank of {', '.join(curves)}"
    rank_figure = Figure(
        (slider(Stops("rank", words, ranks, curves), draw, alt, start=len(ranks) // 2),),
        "how fast the curves fall: a matrix of low rank reaches the bottom early.",
    )

    rows = [
        (
            one.name,
            f"{count(one.shape[0])} × {count(one.shape[1])}",
            f"{float(np.sum(one.singular_values**2) / one.singular_values[0] ** 2):.1f}",
            scientific(one.kronecker_error),
            scientific(one.low_rank_error(one.kronecker_numbers)),
            scientific(one.monarch_error),
            scientific(one.low_rank_error(one.monarch_numbers)),
            percent(one.monarch_numbers / (one.shape[0] * one.shape[1])),
        )
        for one in seen
    ]
    header = (
        "matrix",
        "size",
        "stable rank",
        "Kronecker",
        "low rank as small",
        "Monarch",
        "low rank as small",
        "Monarch's share",
    )
    return Section("matrices", "Matrix by matrix", explanation, (rank_figure,), (Table("All matrices.", header, rows),))
