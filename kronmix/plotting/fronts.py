"""Fronts of error against numbers stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .style import INK, MUTED, SERIES, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Smaller errors are drawn on the lower edge: what matters is where the line falls, not how exact "exact" is.
_FLOOR = 1e-6
_LABELS = 3


def plot_front(front: Any, ax: Axes | None = None) -> Axes:
    """Draw the front of a search: error against numbers stored, with proved bounds; its corners are labelled.

    Parameters
    ----------
    front : Front
        From :func:`kronmix.search`.
    ax : Axes, optional

    Examples
    --------
    >>> found = km.search(np.kron(np.ones((3, 3)), np.arange(16.0).reshape(4, 4)))
    >>> ax = km.plotting.plot_front(found)
    >>> ax.get_xscale(), ax.get_yscale()
    ('log', 'log')
    """
    from matplotlib.ticker import NullFormatter

    ax = new_axes(ax)
    rows = front.front
    numbers = np.array([row.n_parameters for row in rows])
    errors = np.array([max(row.relative_error, _FLOOR) for row in rows])
    bounds = np.array([max(row.lower_bound, _FLOOR) for row in rows])
    found, sparse = SERIES[1], SERIES[2]
    ax.plot(numbers, np.maximum(front.baseline, _FLOOR), linestyle=sparse.dashes, color=sparse.color, linewidth=1.2)
    ax.plot(numbers, errors, drawstyle="steps-post", color=found.color, linewidth=1.6, marker="o", markersize=2)
    gaps = np.flatnonzero((bounds < errors * (1 - 1e-6)) & (errors > _FLOOR))
    ax.vlines(numbers[gaps], bounds[gaps], errors[gaps], color=MUTED, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yscale("log")
    entries = f"{front.shape[0] * front.shape[1]:,}".replace(",", " ")
    ax.set_xlabel(f"numbers stored, of {entries}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    lowest = min(errors.min(initial=1.0), float(np.min(np.maximum(front.baseline, _FLOOR), initial=1.0)))
    ax.set_ylim(lowest / 2, 4.0)
    ax.set_ylabel("relative error" if lowest > _FLOOR else "relative error (lower edge: 10⁻⁶ or less)")
    handles: list[Any] = [
        (found, "best structure"),
        (sparse, "as many of the largest entries"),
    ]
    for series, name in handles:
        ax.plot([], [], color=series.color, linestyle="-" if series is found else series.dashes, label=name)
    if gaps.size:
        ax.plot([], [], color=MUTED, linewidth=0.8, label="down to the proved bound")
    taken: list[Any] = []
    for level, i in enumerate(_labelled(front, numbers)):
        ax.plot(numbers[i], errors[i], marker="o", markersize=5, color=found.color)
        # The line falls: above it on the right there is room, and below on the left, but not under the lower edge.
        beyond = bool(np.log(numbers[i] / numbers[0]) > 0.5 * np.log(numbers[-1] / numbers[0]))
        below = beyond and errors[i] > 4 * lowest
        label = ax.annotate(
            str(rows[i]),
            (numbers[i], errors[i]),
            xytext=(-6 if beyond else 4, -7 if below else 7 if level or beyond else 12),
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
            weight="bold" if level == 0 else "normal",
            ha="right" if beyond else "left",
            va="top" if below else "baseline",
        )
        extent = label.get_window_extent()
        if any(extent.overlaps(other) for other in taken):
            label.remove()  # the point stays; the table names it
        else:
            taken.append(extent)
    ax.legend(frameon=False, loc="best", fontsize=8)
    return ax


def _labelled(front: Any, numbers: Any) -> list[int]:
    """Corners far enough apart that their labels do not overlap: the chosen one first, then the others."""
    if not front.front:
        return []
    chosen = front.front.index(front.choose())
    apart = np.log(numbers[-1] / numbers[0]) / _LABELS if len(numbers) > 1 else 0.0
    kept = [chosen]
    for i in front.corners:
        if len(kept) < _LABELS and all(abs(np.log(numbers[i] / numbers[j])) >= apart for j in kept):
            kept.append(i)
    return kept
