"""Curves along training or along a path: the mean over seeds with its confidence band, labelled at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import INK, MUTED, SERIES, Series, label_ends, new_axes

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
    look = series or dict(zip(curves, _cycle(len(curves)), strict=True))
    labels, ends, colours = [], [], []
    for name, values in curves.items():
        y, style = np.asarray(values, dtype=float), look[name]
        ax.plot(x, y, color=style.colour, linestyle=style.dashes, marker=style.marker if markers else None)
        if bands is not None and name in bands:
            half = np.asarray(bands[name], dtype=float)
            ax.fill_between(x, y - half, y + half, color=style.colour, alpha=0.18, linewidth=0)
        labels.append(name)
        ends.append((float(x[-1]), float(y[-1])))
        colours.append(style.colour)
    for name, level in (references or {}).items():
        ax.axhline(level, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
        labels.append(name)
        ends.append((float(x[-1]), float(level)))
        colours.append(MUTED)
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
    ax.plot(times, losses, color=SERIES[1].colour)
    _logarithmic_where_it_spans(ax.set_xscale, times)
    _logarithmic_where_it_spans(ax.set_yscale, losses)
    ax.set_xlabel("time")
    ax.set_ylabel("loss")
    return ax


def plot_path(path: Any, ax: Axes | None = None) -> Axes:
    """Draw the weights of a Path against its parameter, the convex reference dashed on top.

    Parameters
    ----------
    path : Path
        Anything with ``parameter`` (points,), ``weights`` (points, …) and ``reference`` (points, …) or None.
    ax : Axes, optional

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> t = np.linspace(0.1, 1, 5)
    >>> path = SimpleNamespace(parameter=t, weights=np.outer(t, [1, -1]), reference=np.outer(t, [1, -1]))
    >>> len(km.plotting.plot_path(path).lines)
    4
    """
    ax = new_axes(ax)
    parameter = np.asarray(path.parameter, dtype=float)
    weights = _coefficients(path.weights, len(parameter))
    reference = getattr(path, "reference", None)
    shown = np.argsort(-np.abs(weights).max(axis=0), kind="stable")[:40]  # the largest: more cannot be told apart
    for rank, i in enumerate(shown):
        ax.plot(parameter, weights[:, i], color=SERIES[rank % len(SERIES)].colour, linewidth=2.2, alpha=0.6)
    if reference is not None:
        dashed = _coefficients(getattr(reference, "weights", reference), len(parameter))
        ax.plot(parameter, dashed[:, shown], color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
    _logarithmic_where_it_spans(ax.set_xscale, parameter)
    ax.set_xlabel("parameter")
    ax.set_ylabel("weights (convex reference dashed)" if reference is not None else "weights")
    return ax


def _coefficients(weights: Any, points: int) -> Array:
    stacked = np.array([np.asarray(w.to_dense() if hasattr(w, "to_dense") else w) for w in weights])
    return stacked.reshape(points, -1)


def _logarithmic_where_it_spans(set_scale: Any, values: Array) -> None:
    positive = values[values > 0]
    if positive.size and positive.max() > 30 * positive.min():
        set_scale("log")


def _cycle(n: int) -> Sequence[Series]:
    return [SERIES[(i + 1) % len(SERIES)] for i in range(n)]
