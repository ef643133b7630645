"""The files and the table that ``kronmix path`` leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from ..files import write_file
from .pictures import png
from .tables import table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..operators import StructuredOperator
    from ..regularization import Path as RegularizationPath

#: Files that a path can leave behind, the main one last.
NAMES = ("path.npz", "path.html", "path.png")
#: What is known of a point of a path, by name.
Point = dict[str, Any]
#: Most features whose coefficients are printed.
_MOST_FEATURES = 6


def save(found: RegularizationPath, stage: Path, op: StructuredOperator, title: str, film: bool) -> None:
    """``path.npz``, ``path.png`` and, where asked for, ``path.html``."""
    from ..plotting import save_animation
    from ..regularization import save_path

    save_path(found, stage / "path.npz")
    write_file(stage / "path.png", png(lambda: _drawn(found, op, title)))
    if film:
        labels = [f"{value:.3g}" for value in found.parameter]
        save_animation(found.weights, stage / "path.html", labels, found.name)


def _drawn(found: RegularizationPath, op: StructuredOperator, title: str) -> Figure:
    from ..plotting.style import new_figure
    from ..report.paths import draw_path

    panels = 2 if found.objective is None else 3
    figure = new_figure((5.3 * panels, 4.1))
    draw_path(found, op, figure.subplots(1, panels))
    figure.suptitle(title, x=0.01, ha="left", fontsize="medium")
    return figure


def record(found: RegularizationPath, points: list[Point], source: str) -> dict[str, Any]:
    """The points, with the coefficients in the units of the data where there are such."""
    scaled = found.scaling is not None
    return {
        "name": found.name,
        "source": source,
        "label": found.label,
        "reason": found.reason,
        "remark": found.remark,
        "points": points,
        "features": found.scaling.features if found.scaling is not None else None,
        "outputs": found.scaling.outputs if found.scaling is not None else None,
        "coef": found.coef if scaled else None,
        "intercept": found.intercept if scaled else None,
    }


def points_of(found: RegularizationPath, problem: Any) -> list[Point]:
    """What there is to say of every point; None where it does not apply."""
    from ..operators import Dense
    from ..regularization import loss
    from ..regularization.path import relative_distances

    to_limit = None if found.limit is None else relative_distances(found.weights, found.limit)
    smallest = 1e-6 * np.abs(found.weights).max()
    return [
        {
            "parameter": parameter,
            "loss": loss(problem, Dense(B)),
            "norm": float(np.linalg.norm(B)),
            "entries_not_0": int(np.count_nonzero(np.abs(B) > smallest)),
            "distance": None if found.distance is None else float(found.distance[i]),
            "distance_to_limit": None if to_limit is None else float(to_limit[i]),
            "excess": None if found.excess is None else float(found.excess[i]),
            "certified": None if found.certified is None else bool(found.certified[i]),
        }
        for i, (parameter, B) in enumerate(zip(found.parameter, found.weights, strict=True))
    ]


def table_of(found: RegularizationPath, points: list[Point], title: str) -> Table:
    """A row for every point, without columns that do not apply."""
    from ..report.words import number, percent, scientific

    def certified(point: Point) -> str:
        return "yes" if point["certified"] else f"within {percent(point['excess'])}"

    columns: dict[str, tuple[str, Callable[[Point], str]]] = {
        "loss": ("loss", lambda point: number(point["loss"])),
        "norm": ("norm", lambda point: number(point["norm"])),
        "entries_not_0": ("entries not 0", lambda point: str(point["entries_not_0"])),
        "distance": ("distance to reference", lambda point: scientific(point["distance"])),
        "distance_to_limit": ("distance to limit", lambda point: scientific(point["distance_to_limit"])),
        "excess": ("certified", certified),
    }
    told = [column for key, column in columns.items() if points and points[0][key] is not None]
    shown = table(title, (found.label,), tuple(heading for heading, _ in told))
    for point in points:
        shown.add_row(f"{point['parameter']:.4g}", *(words(point) for _, words in told))
    return shown


def coefficients(found: RegularizationPath) -> Table | None:
    """The coefficients of a single output in the units of the data, by name; None where there are many."""
    if found.scaling is None or found.weights.shape[1] > 1 or found.weights.shape[2] > _MOST_FEATURES:
        return None
    title = f"coefficients of {found.scaling.outputs[0]}, in the units of the data"
    shown = table(title, (found.label,), (*found.scaling.features, "intercept"))
    for parameter, weights, intercept in zip(found.parameter, found.coef[:, 0], found.intercept[:, 0], strict=True):
        shown.add_row(f"{parameter:.4g}", *(f"{value:.3g}" for value in (*weights, intercept)))
    return shown
