"""The page: sections of one explanation, figures and tables, rendered to one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..plotting.style import GRID, INK, MUTED, SERIES, house_style
from .words import tied

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from .findings import Made
    from .verdicts import Verdict

#: Widest figure that stands beside the words of its section, in pixels.
_BESIDE = 740
#: Pictures whose SVG is larger than this are embedded as PNG, in bytes.
LARGEST_SVG = 300_000


@dataclass(frozen=True)
class Panel:
    """One picture, as markup that goes into the page, and how wide it was drawn, in pixels."""

    markup: str
    width: int


@dataclass(frozen=True)
class Figure:
    """Panels side by side (one above the other on a phone) under one caption that says what to look at.

    ``title`` is what the reader opens, where the figure is not the first of its section.
    """

    panels: tuple[Panel, ...]
    caption: str
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first column heads its row. ``prose``: its cells hold words, which wrap, rather than numbers."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    prose: bool = False


@dataclass(frozen=True)
class Section:
    """A section of the page: its words and its first figure are open, other figures and tables open on demand.

    Attributes
    ----------
    name : str
        Anchor, unique in the page.
    title : str
    explanation : str
        One paragraph of plain words.
    figures, tables
    half : bool
        Whether it may stand beside another such section where the page is wide.
    folded : bool
        Whether it opens on demand.
    """

    name: str
    title: str
    explanation: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    half: bool = False
    folded: bool = False

    @property
    def beside(self) -> bool:
        """Whether the words have room beside the first figure, where the page is wide."""
        fits = sum(panel.width for figure in self.figures[:1] for panel in figure.panels) <= _BESIDE
        return fits and bool(self.figures) and not self.half and not self.folded


@dataclass(frozen=True)
class Page:
    """Everything that is shown, ready to render."""

    title: str
    lead: str
    sections: tuple[Section, ...]
    footer: str
    verdict: Verdict | None = None
    made: Made | None = None
    #: Files beside the page that hold its numbers.
    files: tuple[str, ...] = ()

    def to_html(self) -> str:
        """Render the page; text is escaped, pictures are not.

        Examples
        --------
        >>> from kronmix.report.page import Page, Section
        >>> html = Page("A <title>", "", (Section("one", "One", "Words."),), "").to_html()
        >>> "A &lt;title&gt;" in html, 'id="one"' in html
        (True, True)
        """
        from jinja2 import Environment, StrictUndefined

        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        environment.filters["tied"] = tied
        source, script = (
            (files("kronmix.report") / name).read_text(encoding="utf-8") for name in ("page.html.j2", "sliders.js")
        )
        moves = any(
            'class="slider"' in panel.markup for one in self.sections for f in one.figures for panel in f.panels
        )
        return environment.from_string(source).render(
            page=self, colours=_VARIABLES, version=__version__, script=script if moves else ""
        )


#: CSS variable -> its colour in light and in dark.
_VARIABLES = {
    "ink": (INK, "#eceff2"),
    "muted": (MUTED, "#a3abb4"),
    "grid": (GRID, "#32373d"),
    **{
        f"series-{i}": (series.color, dark)
        for i, (series, dark) in enumerate(
            zip(SERIES, ("#d9dee5", "#6b9bff", "#f8983a", "#35cf92", "#cf8ede"), strict=True)
        )
    },
}


def panel(draw: Callable[[Any], object], alt: str, size: tuple[float, float] = (4.4, 3.1)) -> Panel:
    """Draw on fresh axes and embed the picture.

    Parameters
    ----------
    draw : function of Axes
    alt : str
        What the picture shows, for those who cannot see it.
    size : (float, float)
        Inches; text is 9 points, so that narrow pictures stay readable on a phone.
    """
    from matplotlib.figure import Figure as Canvas

    with house_style():
        canvas = Canvas(figsize=size, layout="constrained")
        draw(canvas.subplots())
        svg = _svg(canvas, alt)
        if len(svg) > LARGEST_SVG:  # large matrices, at the points that are shown: what is clear in them stays clear
            for image in canvas.axes[0].images:
                image.set_rasterized(True)
            svg = _svg(canvas, alt)
        return Panel(svg if len(svg) <= LARGEST_SVG else _png(canvas, alt), _pixels(canvas))


@dataclass(frozen=True)
class Placed:
    """A picture with one pair of axes, and where they stand in it.

    Attributes
    ----------
    panel : Panel
    places : tuple of float
        Where values of the horizontal axis stand, as shares of the picture's width.
    top, bottom : float
        Room above and below the axes, as shares of its height.
    """

    panel: Panel
    places: tuple[float, ...]
    top: float
    bottom: float


def placed_panel(draw: Callable[[Any], object], alt: str, size: tuple[float, float], x: Any) -> Placed:
    """A picture, and where values of its horizontal axis stand."""
    places: list[float] = []
    ends: list[float] = []

    def draw_and_measure(ax: Any) -> None:
        draw(ax)
        figure = ax.get_figure(root=True)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # it stays where it was measured
        pixels = ax.transData.transform([(value, ax.get_ylim()[0]) for value in x])[:, 0]
        places.extend(pixels / figure.bbox.width)
        ends.extend(ax.get_window_extent().intervaly / figure.bbox.height)

    drawn = panel(draw_and_measure, alt, size)
    return Placed(drawn, tuple(places), 1 - ends[1], ends[0])


def picture(png: bytes, alt: str, width: int) -> Panel:
    """Embed a PNG that was drawn elsewhere, shown ``width`` pixels wide."""
    data = base64.b64encode(png).decode("ascii")
    return Panel(
        f'<img alt="{_escape_attribute(alt)}" style="--width:{width}px" src="data:image/png;base64,{data}">', width
    )


def _svg(canvas: Canvas, alt: str) -> str:
    """An inline SVG whose inks are the page's variables, so that it follows light and dark."""
    stream = io.StringIO()
    canvas.savefig(
        stream, format="svg", dpi=144, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    prefix = f"p{abs(hash_text(svg + alt)):08x}-"
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}\1)", svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{prefix}\1"', svg)
    for name, (light, _) in _VARIABLES.items():
        svg = re.sub(light, f"var(--{name})", svg, flags=re.IGNORECASE)
    head = f'<svg role="img" aria-label="{_escape_attribute(alt)}" style="--width:{_pixels(canvas)}px"'
    svg = re.sub(r'(<svg[^>]*?)\s(?:width|height)="[\d.]+pt"', r"\1", svg)
    svg = re.sub(r'(<svg[^>]*?)\s(?:width|height)="[\d.]+pt"', r"\1", svg)
    return svg.replace("<svg", head, 1)


def _png(canvas: Canvas, alt: str) -> str:
    """A bitmap on white: it cannot follow the theme."""
    stream = io.BytesIO()
    canvas.savefig(stream, format="png", dpi=144, facecolor="white", metadata={"Software": None})
    return picture(stream.getvalue(), alt, _pixels(canvas)).markup


def _pixels(canvas: Canvas) -> int:
    """How wide a picture is on the page."""
    return round(float(canvas.get_size_inches()[0]) * 96)


def hash_text(text: str) -> int:
    """The same number for the same text in every process (Python's own hash is salted)."""
    import zlib

    return zlib.crc32(text.encode())


def _escape_attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
