"""Widths and densities of Mixers as wide MLPs (T5-T7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .style import INK, MUTED, SERIES, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_widths(
    tokens: Any, widths: Any, mine: tuple[float, float], best: tuple[float, float], ax: Axes | None = None
) -> Axes:
    """Draw the effective width against the tokens S at a fixed number of connections (T6), with one Mixer and the optimum.

    Parameters
    ----------
    tokens, widths : arrays of shape (points,)
    mine, best : (tokens, width)
        The Mixer looked at, and the widest.
    ax : Axes, optional

    Examples
    --------
    >>> S = np.linspace(1, 64, 9)
    >>> ax = km.plotting.plot_widths(S, 100 - S, (8, 92), (1, 99))
    >>> ax.get_xscale()
    'log'
    """
    ax = new_axes(ax)
    tokens, widths = np.asarray(tokens, dtype=float), np.asarray(widths, dtype=float)
    ax.plot(tokens, widths, color=SERIES[1].color)
    ax.set_xscale("log", base=2)
    if tokens[-1] > tokens[0]:
        ax.set_xlim(tokens[0], tokens[-1])
    ax.set_ylim(0, 1.25 * float(widths.max()))
    ax.plot(*best, marker="o", markersize=10, markerfacecolor="none", markeredgecolor=INK)
    ax.plot(*mine, marker="o", markersize=5, color=SERIES[2].color)
    ax.annotate(
        _point_label("widest", best), best, (0, 12), textcoords="offset points", ha="center", fontsize=8, color=INK
    )
    # A short word a line: the point may be near the frame or the curve.
    words = _point_label("this Mixer", mine).replace(", ", ",\n").replace(": ", ":\n")
    style: dict[str, Any] = {"fontsize": 8, "color": SERIES[2].color}
    if abs(np.log2(mine[0] / best[0])) < 1:  # under the top of the hill, whose own words are above it
        ax.annotate(words, mine, (0, -10), textcoords="offset points", ha="center", va="top", **style)
    else:  # above the flank, away from the hill
        side, offset = ("right", (-6, 3)) if mine[0] <= best[0] else ("left", (6, 3))
        ax.annotate(words, mine, offset, textcoords="offset points", ha=side, va="bottom", **style)
    from matplotlib.ticker import FuncFormatter

    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _spaced_number(value)))
    ax.set_xlabel("tokens S (channels C follow from the connections)")
    ax.set_ylabel("effective width S·C")
    ax.tick_params(axis="both", labelcolor=MUTED)
    return ax


def _point_label(name: str, point: tuple[float, float]) -> str:
    return f"{name}: {_spaced_number(point[0])} tokens, width {_spaced_number(point[1])}"


def _spaced_number(x: float) -> str:
    return f"{x:,.0f}".replace(",", "\u2009") if abs(x) >= 1000 else f"{x:.3g}"
