"""Spectra of a network's layers, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np

from .curves import plot_curves
from .style import SERIES, new_axes, new_figure


def plot_layer_spectra(seen: Any, name: str, ax: Any | None = None) -> Any:
    """Draw the singular values of the layers of one name, one line a block, later blocks darker.

    Parameters
    ----------
    seen : NetworkSeen
        From ``km.networks.inspect_network``.
    name : str
        As "token 1".
    ax : Axes, optional

    Examples
    --------
    >>> seen = km.networks.inspect_network(km.networks.mlp_mixer((8, 8, 1), 4, 6, 2, 3))
    >>> len(km.plotting.plot_layer_spectra(seen, "token 1").lines)
    2
    """
    ax = new_axes(ax)
    layers = [layer for layer in seen.layers if layer.name == name]
    for i, layer in enumerate(layers):
        σ, shade = layer.singular_values, 0.25 + 0.75 * i / max(len(layers) - 1, 1)
        ax.plot(np.arange(1, σ.size + 1), σ, color=SERIES[1].color, alpha=shade, linewidth=1.2)
    rows, columns = layers[0].operator.shape
    ax.set_title(f"{name}: {columns:,} → {rows:,}".replace(",", "\u2009"), loc="left")
    ax.set(xlabel="number", ylabel="σ of the shared matrix")
    return ax


def plot_edges(seen: Any, ax: Any | None = None) -> Any:
    """Draw σ_max of every layer over the edge of random entries of the same variance (T24), along the blocks.

    Parameters
    ----------
    seen : NetworkSeen
    ax : Axes, optional

    Examples
    --------
    >>> seen = km.networks.inspect_network(km.networks.mlp_mixer((8, 8, 1), 4, 6, 2, 3))
    >>> km.plotting.plot_edges(seen).get_xlabel()
    'block'
    """
    ax = new_axes(ax)
    names = dict.fromkeys(layer.name for layer in seen.layers)
    over = {n: [float(x.singular_values[0] / x.edge) for x in seen.layers if x.name == n] for n in names}
    longest = max(map(len, over.values()))
    over = {n: [*values, *[np.nan] * (longest - len(values))] for n, values in over.items()}
    plot_curves(np.arange(longest), over, ax, references={"edge": 1.0}, markers=True)
    _label_block_axis(ax)
    ax.set_title("σ max over the edge ∝ 1 + √γ of random entries", loc="left")
    return ax


def plot_skips(seen: Any, ax: Any | None = None) -> Any:
    """Draw the largest and smallest singular values of I + W₂W₁ and I + V₁V₂ along the blocks.

    Parameters
    ----------
    seen : NetworkSeen
    ax : Axes, optional

    Examples
    --------
    >>> seen = km.networks.inspect_network(km.networks.mlp_mixer((8, 8, 1), 4, 6, 2, 3))
    >>> len(km.plotting.plot_skips(seen).lines)
    5
    """
    ax = new_axes(ax)
    ax.set_yscale("log")
    curves = {
        f"{kind} σ {end}": [float(s.singular_values[i]) for s in seen.skips if s.name == kind]
        for kind in dict.fromkeys(s.name for s in seen.skips)
        for end, i in (("max", 0), ("min", -1))
    }
    plot_curves(np.arange(len(next(iter(curves.values())))), curves, ax, references={"skip alone": 1.0}, markers=True)
    _label_block_axis(ax)
    ax.set_title("with the skip: I + W₂W₁ and I + V₁V₂", loc="left")
    return ax


def plot_network(seen: Any) -> Any:
    """Draw all of a network's spectra: every layer's, the edges, and the blocks with their skip connections.

    Parameters
    ----------
    seen : NetworkSeen

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> seen = km.networks.inspect_network(km.networks.mlp_mixer((8, 8, 1), 4, 6, 2, 3))
    >>> len(km.plotting.plot_network(seen).axes)
    6
    """
    names = list(dict.fromkeys(layer.name for layer in seen.layers))
    shown = names[:4]
    figure = new_figure((11, 7))
    grid = figure.add_gridspec(2, 12)
    for i, name in enumerate(shown):
        width = 12 // len(shown)
        plot_layer_spectra(seen, name, figure.add_subplot(grid[0, i * width : (i + 1) * width]))
    half = 6 if seen.skips else 12
    plot_edges(seen, figure.add_subplot(grid[1, :half]))
    if seen.skips:
        plot_skips(seen, figure.add_subplot(grid[1, half:]))
    return figure


def _label_block_axis(ax: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.set(xlabel="block")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
