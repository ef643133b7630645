"""One look for every figure: few inks, colours that stay apart for colour-blind readers, labels beside what they name."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]

INK, MUTED, GRID = "#1c2024", "#5f666e", "#dfe2e7"
NEGATIVE, POSITIVE = "#d9591e", "#2b7bd0"


@dataclass(frozen=True)
class Series:
    """How one thing is drawn wherever it appears: color, marker and dashes all differ, so that none is needed alone.

    Parameters
    ----------
    color : str
        Matplotlib color, as "#0f9468".
    marker : str
        Matplotlib marker, as "o".
    dashes : line style
        As Matplotlib's: "-", "--", or (offset, (on, off, …)) in points at width 1.

    Examples
    --------
    >>> look = {"Mixer": km.plotting.Series("#0f9468", "D"), "dense": km.plotting.Series("#33383f", "s", "--")}
    >>> ax = km.plotting.plot_curves([1, 2], {"dense": [0.5, 0.4], "Mixer": [0.5, 0.3]}, series=look)
    >>> [(line.get_color(), line.get_linestyle()) for line in ax.lines]  # by name, in whatever order they come
    [('#33383f', '--'), ('#0f9468', '-')]
    """

    color: str
    marker: str
    dashes: Any = "-"

    @property
    def colour(self) -> str:
        """The old name of ``color``."""
        warnings.warn("Series.colour is called color since 0.1; the old name goes in 0.3", DeprecationWarning, 2)
        return self.color


#: Distinguishable under deuteranopia, protanopia and tritanopia, and in grey by marker and dashes.
SERIES = (
    Series("#33383f", "s", (0, (5, 1.5))),
    Series("#1a4fe0", "o"),
    Series("#d9690f", "^", (0, (3, 1, 1, 1))),
    Series("#0f9468", "D", (0, (8, 1.5))),
    Series("#a845b0", "v", (0, (1.5, 1))),
)


#: What ``house_style`` sets.
STYLE: Any = {
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 9,
    "axes.labelsize": 9,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "axes.prop_cycle": f"cycler(color={[series.color for series in SERIES[1:]]})",
    "lines.linewidth": 1.7,
    "lines.markersize": 5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "kronmix",
    "mathtext.fontset": "dejavusans",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with kronmix's look inside the block.

    Examples
    --------
    >>> with km.plotting.house_style():
    ...     ax = km.plotting.new_axes()
    >>> ax.spines["top"].get_visible()
    False
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def use_house_style() -> None:
    """Draw with kronmix's look from here on, on white paper: for notebooks and scripts.

    Examples
    --------
    >>> import matplotlib
    >>> with matplotlib.rc_context():
    ...     km.plotting.use_house_style()
    ...     matplotlib.rcParams["figure.facecolor"]
    'white'
    """
    import matplotlib

    matplotlib.rcParams.update(STYLE | {"figure.facecolor": "white", "savefig.facecolor": "white", "figure.dpi": 90})


def new_axes(ax: Axes | None = None, size: tuple[float, float] = (5.2, 3.2)) -> Axes:
    """Return the given Axes, or those of a new figure that belongs to no window.

    Parameters
    ----------
    ax : Axes, optional
    size : (width, height)
        Of the new figure, in inches.

    Returns
    -------
    Axes
        ``ax.figure.savefig(…)`` writes the picture. pyplot does not know the figure, so that nothing has to be closed.

    Examples
    --------
    >>> ax = km.plotting.new_axes(size=(4, 3))
    >>> ax.figure.get_size_inches(), km.plotting.new_axes(ax) is ax
    (array([4., 3.]), True)
    """
    if ax is not None:
        return ax
    axes: Axes = new_figure(size).subplots()
    return axes


def new_figure(size: tuple[float, float]) -> Figure:
    """A figure that belongs to no window, of a size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def png_bytes(figure: Any, dpi: int = 110, **options: Any) -> bytes:
    """A figure on white as a PNG file; options are those of Matplotlib's ``savefig``."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, facecolor="white", **options)
    return stream.getvalue()


def diverging() -> Colormap:
    """Zero is transparent: it takes the page's own colour, light or dark; the sign is the hue, the size is the ink."""
    from matplotlib.colors import ListedColormap, to_rgb

    t = np.linspace(-1, 1, 255)
    rgba = np.empty((t.size, 4))
    rgba[:, :3] = np.where(t[:, None] < 0, to_rgb(NEGATIVE), to_rgb(POSITIVE))
    rgba[:, 3] = np.abs(t) ** 0.8  # small entries stay visible
    return ListedColormap(rgba, name="kronmix")


def label_ends(ax: Axes, labels: Sequence[str], ends: Sequence[tuple[float, float]], colours: Sequence[str]) -> None:
    """Write each label beside the right end of its curve, moved apart where they would touch.

    Works in fractions of the axes' height, so on linear and logarithmic axes alike; call it when the limits are final.
    """
    ax.get_ylim()  # brings limits that are still pending up to date
    to_axes = ax.transData + ax.transAxes.inverted()
    heights = np.array([to_axes.transform(end)[1] for end in ends])
    figure = ax.get_figure()
    inches = ax.get_position().height * (figure.get_size_inches()[1] if figure is not None else 3.2)  # type: ignore[union-attr]
    placed = spread(heights, gap=0.165 / max(inches, 0.5))
    for label, colour, height in zip(labels, colours, placed, strict=True):
        ax.annotate(
            label,
            (1.0, height),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=8,
            annotation_clip=False,
        )


def label_points(
    ax: Axes, labels: Sequence[str], points: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]] = ()
) -> None:
    """Write each label beside its point where it meets no point and no label; call it when the limits are final.

    A label without room is left out: the first ones are placed first. ``others`` are points without labels.
    """
    ax.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    at = ax.transData.transform(np.array([*points, *others], dtype=float).reshape(-1, 2))
    taken: list[Any] = []
    for label, point in zip(labels, points, strict=True):
        for across, up in ((1, -1), (1, 1), (-1, 1), (-1, -1)):
            text = ax.annotate(
                label,
                point,
                xytext=(6 * across, 3 * up),
                textcoords="offset points",
                ha="left" if across > 0 else "right",
                va="bottom" if up > 0 else "top",
                fontsize=8,
                color=INK,
            )
            extent = text.get_window_extent()
            inside = (
                ax.bbox.x0 <= extent.x0
                and extent.x1 <= ax.bbox.x1
                and ax.bbox.y0 <= extent.y0
                and extent.y1 <= ax.bbox.y1
            )
            if inside and not any(extent.overlaps(o) for o in taken) and not any(extent.contains(*p) for p in at):
                taken.append(extent)
                break
            text.remove()


def spread(heights: Array, gap: float) -> Array:
    """Move positions apart to at least ``gap`` within [0, 1] with the least squared motion (isotonic regression).

    Where they have no room in [0, 1], they stand evenly about its middle.

    Examples
    --------
    >>> spread(np.array([0.5, 0.5, 0.9]), gap=0.1)
    array([0.45, 0.55, 0.9 ])
    >>> spread(np.array([0.0, 0.0]), gap=0.1)
    array([0. , 0.1])
    """
    order = np.argsort(heights, kind="stable")
    shifted = heights[order] - gap * np.arange(len(heights))
    blocks: list[tuple[float, int]] = []
    for value in shifted:  # pool adjacent violators
        mean, count = float(value), 1
        while blocks and blocks[-1][0] > mean:
            other, n = blocks.pop()
            mean, count = (mean * count + other * n) / (count + n), count + n
        blocks.append((mean, count))
    fitted = np.concatenate([np.full(count, mean) for mean, count in blocks]) if blocks else shifted
    spare = 1 - gap * (len(heights) - 1)
    fitted = np.clip(fitted, min(0.0, spare / 2), max(spare, spare / 2))
    placed = np.empty(len(heights))
    placed[order] = fitted + gap * np.arange(len(heights))
    return placed
