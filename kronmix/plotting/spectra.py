"""Singular values and approximation errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import INK, MUTED, SERIES, Series, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


Array = np.ndarray[Any, np.dtype[Any]]

#: Most singular values drawn.
POINTS = 400


def plot_singular_values(
    exact: Any, dense: Any | None = None, ax: Axes | None = None, label: str = "from the factors"
) -> Axes:
    """Draw singular values in decreasing order on a logarithmic axis, those of the dense matrix as rings around them.

    Values below rounding of the largest are zero to the computer; they are left out and counted. Of very many, 400 are drawn.

    Parameters
    ----------
    exact : array of shape (n,)
        From the factors.
    dense : array of shape (n,), optional
        From the SVD of the dense matrix.
    ax : Axes, optional
    label : str

    Examples
    --------
    >>> ax = km.plotting.plot_singular_values([3.0, 2.0, 1.0], [3.0, 2.0, 1.0])
    >>> ax.get_yscale()
    'log'
    """
    ax = new_axes(ax)
    values = _descending(exact)
    floor = values[0] * len(values) * np.finfo(float).eps if values.size else 0.0
    kept = values[values > floor]
    if dense is not None:
        rings = _descending(dense)
        ax.plot(
            *_thinned(rings[rings > floor]),
            linestyle="none",
            marker="o",
            markersize=7,
            markerfacecolor="none",
            markeredgecolor=MUTED,
            markeredgewidth=0.9,
            label="SVD of the dense matrix",
        )
    ax.plot(*_thinned(kept), linestyle="none", marker="o", markersize=2.8, color=SERIES[1].color, label=label)
    ax.set_yscale("log")
    ax.set_xlim(0, len(values) + 1)
    ax.set_xlabel("index" if len(kept) == len(values) else f"index ({len(values) - len(kept)} zeros left out)")
    ax.set_ylabel("singular value")
    ax.legend(frameon=False, loc="lower left", fontsize=8, handletextpad=0.3)
    return ax


def _descending(values: Any) -> Array:
    return np.sort(np.asarray(values, dtype=float))[::-1]


def _thinned(values: Array) -> tuple[Array, Array]:
    """Indices from 1 and values, evenly thinned where dots would lie on each other; the ends are kept."""
    shown = np.unique(np.linspace(0, len(values) - 1, min(len(values), POINTS)).round().astype(int))
    return shown + 1, values[shown]


def plot_errors(
    errors: Mapping[str, Sequence[float]],
    names: Sequence[str],
    ax: Axes | None = None,
    series: Mapping[str, Series] | None = None,
) -> Axes:
    """Draw relative errors as dots on a line from 0 to the largest, one row per name, one look per group.

    Parameters
    ----------
    errors : mapping of group to sequence of float
        As many as names.
    names : sequence of str
        Rows, top to bottom.
    ax : Axes, optional
    series : mapping of group to Series, optional

    Examples
    --------
    >>> ax = km.plotting.plot_errors({"Mixer": [0.0, 0.0], "dense": [0.3, 0.5]}, ["Monarch", "Kronecker"])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['Monarch', 'Kronecker']
    """
    ax = new_axes(ax, (5.2, 0.9 + 0.36 * len(names)))
    look = series or dict(zip(errors, (SERIES[1], SERIES[0], *SERIES[2:]), strict=False))
    rows = np.arange(len(names))
    for group, values in errors.items():
        style = look[group]
        ax.plot(
            values,
            rows,
            linestyle="none",
            marker=style.marker,
            color=style.color,
            markersize=7,
            clip_on=False,
            zorder=3,
        )
        for value, row in zip(values, rows, strict=True):
            text = "0" if value < 1e-12 else f"{value:.3f}" if value >= 1e-3 else f"{value:.0e}"
            ax.annotate(
                text,
                (value, row),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=style.color,
            )
        ax.annotate(
            group,
            (values[0], 0),
            xytext=(0, 21),
            textcoords="offset points",
            ha="left" if values[0] < 0.1 else "center",
            color=style.color,
            fontsize=8.5,
            fontweight="bold",
        )
    ax.set_yticks(rows, list(names), color=INK)
    ax.set_ylim(len(names) - 0.5, -1.1)
    ax.set_xlim(0, 1.08 * max([max(values) for values in errors.values()] + [1e-3]))
    ax.set_xlabel("relative error (Frobenius norm)")
    ax.grid(axis="y", visible=True)
    ax.tick_params(axis="y", length=0, pad=9)
    ax.spines["left"].set_visible(False)
    return ax


def plot_updates(values: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw the singular values of many updates over their largest, those of the flattest and the steepest layer with their names.

    Parameters
    ----------
    values : mapping of layer to array
        Singular values in descending order; zeros are left out.
    ax : Axes, optional

    Examples
    --------
    >>> ax = km.plotting.plot_updates({"q": [3.0, 2.0, 1.0], "k": [3.0, 0.3, 0.0]})
    >>> ax.get_ylabel(), [text.get_text() for text in ax.texts]
    ('σᵢ / σ₁', ['q', 'k'])
    """
    ax = new_axes(ax)
    spectra = {name: _descending(array) for name, array in values.items()}
    relative = {name: s[s > s[0] * np.finfo(float).eps * len(s)] / s[0] for name, s in spectra.items() if s[0] > 0}
    ordered = sorted(relative, key=lambda name: -float(np.sum(relative[name] ** 2)))
    for name in ordered:
        ax.plot(*_thinned(relative[name]), color=MUTED, linewidth=0.6, alpha=0.5)
    for name, style in zip(dict.fromkeys((*ordered[:1], *ordered[-1:])), SERIES[:2], strict=False):
        index, shown = _thinned(relative[name])
        ax.plot(index, shown, color=style.color, linewidth=1.6)
        ax.annotate(
            name,
            (index[-1], shown[-1]),
            xytext=(-3, 4),
            textcoords="offset points",
            ha="right" if len(shown) > 1 else "left",
            fontsize=7.5,
            color=style.color,
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("i")
    ax.set_ylabel("σᵢ / σ₁")
    return ax
