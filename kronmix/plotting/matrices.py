"""Matrices as images: zero is blank, the sign is the hue, the size is the ink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import GRID, MUTED, diverging, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

#: Matrices with more rows or columns are drawn by the largest entry of each tile.
LARGEST = 768


def plot_matrix(
    matrix: Any,
    ax: Axes | None = None,
    blocks: tuple[int, int] | None = None,
    limit: float | None = None,
    key: bool = True,
    title: str | None = None,
) -> Axes:
    """Draw a matrix; complex entries by their modulus.

    Parameters
    ----------
    matrix : array of shape (rows, columns)
    ax : Axes, optional
    blocks : (int, int), optional
        Sizes of the blocks to outline.
    limit : float, optional
        Size that takes the full ink; default the largest entry. Give one limit to pictures that are to be compared.
    key : bool
        Whether to draw the colour key.
    title : str, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = km.plotting.plot_matrix(np.kron(np.eye(3), np.ones((2, 2))), blocks=(2, 2))
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['1', '6']
    """
    shown = np.asarray(matrix)
    if shown.ndim != 2:
        raise ValueError(f"matrix has shape {shown.shape}: expected (rows, columns)")
    rows, columns = shown.shape
    shown = np.abs(shown) if shown.dtype.kind == "c" else shown.astype(np.float64)
    largest = float(np.abs(shown).max(initial=0.0)) if limit is None else limit
    bound = largest or 1.0
    ax = new_axes(ax, (3.6, 3.6))
    ax.imshow(
        _tiles(shown),
        cmap=diverging(),
        vmin=-bound,
        vmax=bound,
        interpolation="none",
        extent=(-0.5, columns - 0.5, rows - 0.5, -0.5),
    )
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(True)
    if blocks is not None and max(rows // blocks[0], columns // blocks[1]) <= 64:
        style: dict[str, Any] = {"colors": GRID, "linewidth": 0.6}
        ax.vlines(np.arange(blocks[1], columns, blocks[1]) - 0.5, -0.5, rows - 0.5, **style)
        ax.hlines(np.arange(blocks[0], rows, blocks[0]) - 0.5, -0.5, columns - 0.5, **style)
    ax.set_xticks([0, columns - 1], ["1", f"{columns}"])
    ax.set_yticks([0, rows - 1], ["1", f"{rows}"])
    ax.tick_params(length=0)
    if title is not None:
        ax.set_title(title)
    if key:
        _colour_key(ax, bound, signed=bool((shown < 0).any()))
    return ax


def plot_layers(
    layers: Sequence[tuple[str, Any]], axes: Sequence[Axes], blocks: tuple[int, int] | None = None
) -> Sequence[Axes]:
    """Draw named matrices side by side, each with its own key: an effective weight and the layers whose product it is.

    Parameters
    ----------
    layers : sequence of (title, matrix)
    axes : sequence of Axes
        As many.
    blocks : (int, int), optional
        Sizes of the blocks to outline.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = km.plotting.plot_layers([("B", np.ones((4, 4))), ("I", np.eye(4))], Figure().subplots(1, 2))
    >>> [ax.get_title(loc="left") for ax in axes]
    ['B', 'I']
    """
    for (title, matrix), ax in zip(layers, axes, strict=True):
        plot_matrix(matrix, ax, blocks=blocks)
        ax.set_title(title, loc="left")
    return axes


def _tiles(matrix: Array) -> Array:
    """Keep the entry of largest modulus of each tile, so that nothing disappears by averaging."""
    step = tuple(-(-size // LARGEST) for size in matrix.shape)
    if step == (1, 1):
        return matrix
    padded = np.pad(matrix, [(0, -size % s) for size, s in zip(matrix.shape, step, strict=True)])
    cut = padded.reshape(padded.shape[0] // step[0], step[0], -1, step[1]).swapaxes(1, 2)
    tiles: Array = cut.reshape(*cut.shape[:2], -1)
    return np.take_along_axis(tiles, np.abs(tiles).argmax(axis=-1)[..., None], axis=-1)[..., 0]


def _colour_key(ax: Axes, bound: float, signed: bool) -> None:
    low = -1.0 if signed else 0.0
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    shape = abs(
        (right - left) / (bottom - top)
    )  # fractions of the height, so that wide and flat pictures keep their distance
    bar = ax.inset_axes((0.0, -0.13 * shape, 1.0, 0.035 * shape))
    bar.imshow(
        np.linspace(low, 1, 255)[None],
        cmap=diverging(),
        vmin=-1,
        vmax=1,
        aspect="auto",
        extent=(low, 1, 0, 1),
        interpolation="none",
    )
    bar.grid(False)
    bar.set_yticks([])
    ticks = {-1.0: f"−{bound:.2g}", 0.0: "0", 1.0: f"{bound:.2g}"}
    bar.set_xticks([t for t in ticks if t >= low], [label for t, label in ticks.items() if t >= low])
    bar.tick_params(length=0, pad=2, labelsize=7, labelcolor=MUTED)
    for spine in bar.spines.values():
        spine.set_visible(False)
