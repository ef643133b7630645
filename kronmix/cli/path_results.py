"""The files and the table that ``kronmix path`` leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

if TYPE_CHECKING:
    from ..operators import StructuredOperator
    from ..regularization import Path as RegularizationPath

#: Most features whose coefficients are printed.
_MOST_FEATURES = 6


def save(found: RegularizationPath, stage: Path, op: StructuredOperator, title: str, film: bool) -> None:
    """``path.npz``, ``path.png`` and, where asked for, ``path.html``."""
    from matplotlib.figure import Figure

    from ..plotting import house_style, save_animation
    from ..regularization import save_path
    from ..report.paths import draw_path

    save_path(found, stage / "path.npz")
    with house_style():
        panels = 2 if found.objective is None else 3
        figure = Figure(figsize=(5.3 * panels, 4.1), layout="constrained", facecolor="white")
        draw_path(found, op, figure.subplots(1, panels))
        figure.suptitle(title, x=0.01, ha="left", fontsize="medium")
        figure.savefig(stage / "path.png", dpi=110, facecolor="white")
    if film:
        labels = [f"{value:.3g}" for value in found.parameter]
        save_animation(found.weights, stage / "path.html", labels, found.name)


def table(found: RegularizationPath, title: str, problem: Any) -> Table:
    """A row for every point."""
    from ..operators import Dense
    from ..regularization import loss
    from ..report.words import number, percent, scientific

    shown = Table(title=title, title_justify="left")
    headings = [found.label, "loss", "norm", "entries not 0"]
    headings += ["distance to reference"] * (found.distance is not None)
    headings += ["certified"] * (found.excess is not None)
    for heading in headings:
        shown.add_column(heading, justify="right")
    largest = np.abs(found.weights).max()
    for i, (parameter, B) in enumerate(zip(found.parameter, found.weights, strict=True)):
        cells = [f"{parameter:.4g}", number(loss(problem, Dense(B))), number(float(np.linalg.norm(B)))]
        cells.append(str(int(np.count_nonzero(np.abs(B) > 1e-6 * largest))))
        if found.distance is not None:
            cells.append(scientific(float(found.distance[i])))
        if found.excess is not None and found.certified is not None:
            cells.append("yes" if found.certified[i] else f"within {percent(float(found.excess[i]))}")
        shown.add_row(*cells)
    return shown


def coefficients(found: RegularizationPath) -> Table | None:
    """The coefficients of a single output in the units of the data, by name; None where there are many."""
    if found.scaling is None or found.weights.shape[1] > 1 or found.weights.shape[2] > _MOST_FEATURES:
        return None
    shown = Table(title=f"coefficients of {found.scaling.outputs[0]}, in the units of the data", title_justify="left")
    for heading in (found.label, *found.scaling.features, "intercept"):
        shown.add_column(heading, justify="right")
    for parameter, weights, intercept in zip(found.parameter, found.coef[:, 0], found.intercept[:, 0], strict=True):
        shown.add_row(f"{parameter:.4g}", *(f"{value:.3g}" for value in (*weights, intercept)))
    return shown
