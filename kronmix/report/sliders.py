"""Figures that answer to a slider: a picture of a matrix and a cursor in a plot, from data that the page carries."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from .page import Panel, hash_text, placed_panel

#: Bytes of pictures that one figure may carry; frames are left out evenly where there are more.
BUDGET = 300_000
#: Largest side of a picture; larger matrices are shown by the mean size of their blocks.
SIDE = 96


@dataclass(frozen=True)
class Stops:
    """What the slider stops at.

    Attributes
    ----------
    label : str
        What it moves along.
    words : sequence of str
        Each stop by name.
    x : array of shape (stops,)
        Where each stands on the plot's horizontal axis.
    values : mapping of name to array of shape (stops,)
        Numbers that are shown at each stop.
    frames : array of shape (stops, rows, columns), or None
        Pictures.
    """

    label: str
    words: Sequence[str]
    x: Any
    values: Mapping[str, Any]
    frames: Any = None


def slider(stops: Stops, draw: Callable[[Any], object], alt: str, title: str = "", start: int | None = None) -> Panel:
    """A plot with a cursor, a picture where there are frames, and a slider for both that the arrow keys move.

    Parameters
    ----------
    stops : Stops
    draw : function of Axes
        Draws the plot; its horizontal axis is that of ``stops.x``.
    alt : str
        What the plot shows.
    title : str
        Of the picture.
    start : int, optional
        First stop; default the last.
    """
    chosen = _few(stops)
    plot = placed_panel(draw, alt, (4.6, 2.9), np.asarray(stops.x, dtype=float)[chosen])
    at = len(chosen) - 1 if start is None else int(np.argmin(np.abs(np.asarray(chosen) - start)))
    data: dict[str, Any] = {
        "words": [stops.words[i] for i in chosen],
        "values": {
            name: [f"{float(values[i]):.4g}".replace("-", "−") for i in chosen] for name, values in stops.values.items()
        },
        "places": [round(float(place), 4) for place in plot.places],
    }
    picture = ""
    if stops.frames is not None:
        frames = [_shrunk(np.asarray(stops.frames[i], dtype=float)) for i in chosen]
        limit = max(float(np.abs(frame).max()) for frame in frames) or 1.0
        rows, columns = frames[0].shape
        levels = np.round(127 * np.array(frames) / limit).astype(np.int8)
        data["frames"] = base64.b64encode(levels.tobytes()).decode("ascii")
        data |= {"rows": rows, "columns": columns}
        spoken = escape(f"{title}, a picture that follows the slider; blue above zero, orange below", quote=True)
        picture = (
            f'<div class="frame"><p>{escape(title)}</p><canvas role="img" aria-label="{spoken}" '
            f'width="{columns}" height="{rows}"></canvas></div>'
        )
    name = f"s{hash_text(stops.label + alt):08x}"
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return Panel(
        f'<div class="slider"><div class="panels">{picture}<div class="plot">{plot.panel.markup}'
        f'<i class="cursor" style="top: {plot.top:.2%}; bottom: {plot.bottom:.2%}"></i></div></div>'
        f'<p class="knob"><label for="{name}">{escape(stops.label)}: <output>{escape(str(data["words"][at]))}</output></label>'
        f'<input id="{name}" type="range" min="0" max="{len(chosen) - 1}" value="{at}"></p>'
        f'<p class="values" aria-live="polite"></p><script type="application/json">{text}</script></div>',
        plot.panel.width,
    )


def _few(stops: Stops) -> list[int]:
    """Evenly spaced stops with both ends, as many as there is room for their pictures."""
    n = len(stops.words)
    if stops.frames is None:
        return list(range(n))
    rows, columns = _shrunk(np.asarray(stops.frames[0], dtype=float)).shape
    most = max(2, BUDGET * 3 // 4 // (rows * columns))
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, most))})


def _shrunk(matrix: Any) -> Any:
    """The matrix, or means over blocks where a side is too long."""
    for axis in (0, 1):
        size = matrix.shape[axis]
        if size > SIDE:
            starts = np.linspace(0, size, SIDE, endpoint=False).astype(int)
            counts = np.diff(np.append(starts, size))
            shape = (-1, 1) if axis == 0 else (1, -1)
            matrix = np.add.reduceat(matrix, starts, axis=axis) / counts.reshape(shape)
    return matrix
