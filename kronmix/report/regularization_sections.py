"""The section about regularisation: the factors' penalty, the path of weight decay, and the drift of a conservation law."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..plotting import Series, plot_curves, plot_profile
from ..plotting.style import SERIES
from ..regularization import induced_penalty
from .findings import Findings
from .page import Figure, Section, Table, panel
from .paths import profile_of
from .sliders import Stops, slider
from .words import number, scientific


def regularization(findings: Findings) -> Section:
    """T17 and T19 on the data of the page."""
    found = findings.regularized
    assert found is not None  # the page asks only where it was studied
    explanation = (
        "Weight decay on the factors costs the weight B what its cheapest factors cost, R(B) = min ½‖θ‖²: a different function "
        "of B for every structure, and the precise sense in which an architecture regularises. Gradient descent from small "
        "factors keeps them almost as cheap as that, because the differences between neighbouring factors are conserved by "
        "gradient flow; descent drifts from them, the less the smaller its step: in proportion to it where it is small "
        f"enough, here to its power {found.slope:.2f} (measured)."
    )
    table = Table(
        "Half the squared norm of the trained factors, and the least that any factors of the same weight have (first seed).",
        ("structure", "R(B)", "½‖θ‖²", "least", "excess"),
        [
            (row.structure, row.penalty, number(row.paid), number(row.induced), scientific(row.paid / row.induced - 1))
            for row in found.penalties
        ],
    )
    return Section(
        "regularization",
        "What training the factors regularises",
        explanation,
        (*_path_figures(findings), _drift_figure(findings)),
        (table,),
    )


def _path_figures(findings: Findings) -> tuple[Figure, ...]:
    found = findings.regularized
    assert found is not None
    path = found.path
    if path is None or path.distance is None:
        return ()
    of, label = profile_of(found.monarch)
    along = path.distance < 1e-3
    last = path.parameter[along].min() if along.any() else np.inf
    caption = (
        "weights of whole slices of the Monarch factors, leaving zero one after another as weight decay λ gets weaker. Dashed: the "
        f"convex problem with the {induced_penalty(found.monarch).name}. The two agree to a thousandth down to "
        f"λ = {number(float(last))}; "
        "below, the convex minimiser needs slices of higher rank than one block of factors has."
    )
    alt = f"Slice norms along weight decay on Monarch factors, {len(path.parameter)} values of λ, convex path dashed"
    order = np.argsort(-path.parameter)  # from nothing to the full weight
    norms = np.linalg.norm(path.weights, axis=(1, 2))[order]
    words = [f"{value:.3g}" for value in path.parameter[order]]
    values = {"‖B‖": norms, "distance to the convex path": path.distance[order]}
    stops = Stops("weight decay λ", words, path.parameter[order], values, path.weights[order])

    def draw(ax: Any) -> None:
        plot_profile(path, of, label, ax)
        ax.invert_xaxis()  # weaker to the right, as the slider goes

    moving = slider(stops, draw, alt, "B at this λ", start=len(words) // 2)
    return (Figure((moving,), caption),)


def _drift_figure(findings: Findings) -> Figure:
    found = findings.regularized
    assert found is not None
    longest = max(found.drift.values(), key=lambda run: run.times[-1])
    grid = np.geomspace(longest.times[1], min(run.times[-1] for run in found.drift.values()), 60)
    curves = {
        f"step {number(step)}": np.interp(
            grid, run.times, np.abs(run.recorded["law"][:, 0] - run.recorded["law"][0, 0])
        )
        for step, run in found.drift.items()
    }

    def draw(ax: Any) -> None:
        ax.set_xscale("log")
        ax.set_yscale("log")
        floor = {name: np.maximum(values, 1e-18) for name, values in curves.items()}
        look = {name: Series(SERIES[1 + i].color, SERIES[1 + i].marker) for i, name in enumerate(floor)}
        plot_curves(grid, floor, ax, series=look)
        ax.set_xlabel("time (step × steps)")
        ax.set_ylabel("drift of ‖V‖² − ‖W‖²")

    caption = (
        "how far apart the curves are: at the end, halving the step divides the drift of what gradient flow would conserve "
        f"exactly, here ‖V‖² − ‖W‖² of the Mixer, by {2**found.slope:.2g}."
    )
    drawn = panel(draw, "Drift of a conservation law along training, for three step sizes", (5.6, 3.4))
    return Figure((drawn,), caption, "The drift of what gradient flow would conserve")
