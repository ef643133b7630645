"""Curves along training or along a path: the mean over seeds with its confidence band, labelled at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import MUTED, SERIES, Series, label_ends, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]


def plot_curves(
    x: Any,
    curves: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    series: Mapping[str, Series] | None = None,
    bands: Mapping[str, Any] | None = None,
    references: Mapping[str, float] | None = None,
    markers: bool = False,
) -> Axes:
    """Draw one curve per name, with a band of half-width ``bands[name]``, and horizontal references; labels stand at the ends.

    The limits of the vertical axis are those of what is drawn; set scales before calling.

    Parameters
    ----------
    x : array of shape (points,)
    curves : mapping of name to array of shape (points,)
    ax : Axes, optional
    series : mapping of name to Series, optional
        Look of each; default in order.
    bands : mapping of name to array of shape (points,), optional
        Half-width of the confidence interval.
    references : mapping of label to float, optional
        Levels to compare with.
    markers : bool
        Whether to mark the points.

    Examples
    --------
    >>> x = np.arange(1, 5)
    >>> ax = km.plotting.plot_curves(x, {"loss": 1 / x}, bands={"loss": 0.1 / x}, references={"best": 0.2})
    >>> [text.get_text() for text in ax.texts]
    ['loss', 'best']
    """
    ax = new_axes(ax)
    x = np.asarray(x, dtype=float)
    look = series or dict(zip(curves, _series_styles(len(curves)), strict=True))
    labels, ends, colours = [], [], []
    for name, values in curves.items():
        y, style = np.asarray(values, dtype=float), look[name]
        ax.plot(x, y, color=style.color, linestyle=style.dashes, marker=style.marker if markers else None)
        if bands is not None and name in bands:
            half = np.asarray(bands[name], dtype=float)
            ax.fill_between(x, y - half, y + half, color=style.color, alpha=0.18, linewidth=0)
        labels.append(name)
        ends.append((float(x[-1]), float(y[-1])))
        colours.append(style.color)
    for name, level in (references or {}).items():
        ax.axhline(level, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
        labels.append(name)
        ends.append((float(x[-1]), float(level)))
        colours.append(MUTED)
    if x[0] != x[-1]:
        ax.set_xlim(x[0], x[-1])
    label_ends(ax, labels, ends, colours)
    return ax


def plot_training(path: Any, ax: Axes | None = None) -> Axes:
    """Draw the loss of a TrainingPath against its times.

    Parameters
    ----------
    path : TrainingPath
        Anything with ``times`` and ``losses``, arrays of one length.
    ax : Axes, optional

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> ax = km.plotting.plot_training(SimpleNamespace(times=np.arange(4), losses=np.array([8.0, 4, 2, 1])))
    >>> ax.get_ylabel()
    'loss'
    """
    ax = new_axes(ax)
    times, losses = np.asarray(path.times, dtype=float), np.asarray(path.losses, dtype=float)
    ax.plot(times, losses, color=SERIES[1].color)
    logarithmic_where_it_spans(ax.set_xscale, times)
    logarithmic_where_it_spans(ax.set_yscale, losses)
    ax.set_xlabel("time")
    ax.set_ylabel("loss")
    return ax


def logarithmic_where_it_spans(set_scale: Any, values: Array) -> None:
    positive = values[values > 0]
    if positive.size and positive.max() > 30 * positive.min():
        set_scale("log")


def _series_styles(n: int) -> Sequence[Series]:
    """Styles for n curves, beginning with the second one of the palette."""
    return [SERIES[(i + 1) % len(SERIES)] for i in range(n)]
