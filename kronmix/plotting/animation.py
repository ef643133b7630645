"""The effective weight along training, as a film or as a page with a slider."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_file
from .matrices import plot_matrix
from .style import house_style, png_bytes

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 40rem; padding: 0 1rem; }}
img {{ width: 100%; background: #fff; border-radius: 6px; }}
input {{ width: 100%; }}
output {{ font-variant-numeric: tabular-nums; }}
</style>
</head><body>
<h1>{title}</h1>
<img id="frame" alt="{title}, {first}" src="data:image/png;base64,{image}">
<p><label for="at">Move the slider: <output id="label">{first}</output></label>
<input id="at" type="range" min="0" max="{last}" value="0"></p>
<script>
const frames = [{frames}], labels = [{labels}];
document.getElementById("at").addEventListener("input", event => {{
  const i = Number(event.target.value), image = document.getElementById("frame");
  image.src = "data:image/png;base64," + frames[i];
  image.alt = {alt} + labels[i];
  document.getElementById("label").textContent = labels[i];
}});
</script></body></html>
"""


def save_animation(
    weights: Any, file: str | Path, labels: Sequence[str] | None = None, title: str = "effective weight", fps: int = 8
) -> Path:
    """Write the effective weight along a path as .gif, .mp4, or an .html page with a slider.

    Parameters
    ----------
    weights : array of shape (frames, rows, columns)
    file : str or Path
        The ending says what is written: ``.gif`` by Pillow, ``.mp4`` by ffmpeg where it is installed, ``.html`` needs neither.
    labels : sequence of str, optional
        A word for each frame, as "t = 3"; default the numbers of the frames.
    title : str
    fps : int
        Frames a second of a film.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If there are no frames, labels do not fit, the ending is unknown, or ffmpeg is not installed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> weights = np.array([np.eye(3) * t for t in (0.1, 0.5, 1.0)])
    >>> page = km.plotting.save_animation(weights, pathlib.Path(tempfile.mkdtemp()) / "path.html", ["t = 0.1", "t = 0.5", "t = 1"])
    >>> "t = 0.5" in page.read_text(encoding="utf-8")
    True
    """
    frames = np.asarray(weights)
    if frames.ndim != 3 or not len(frames):
        raise ValueError(f"weights has shape {frames.shape}: expected (frames, rows, columns), at least one frame")
    words = [str(i) for i in range(len(frames))] if labels is None else list(labels)
    if len(words) != len(frames):
        raise ValueError(f"labels holds {len(words)} words for {len(frames)} frames")
    target = Path(file)
    if target.suffix not in _WRITERS:
        raise ValueError(f"{target.name}: expected an ending {', '.join(_WRITERS)}")
    _WRITERS[target.suffix](frames, target, words, title, fps)
    return target


def _film_writer(writer: str, needs: str) -> Any:
    """A function that writes frames with this writer of Matplotlib's."""

    def write(frames: Any, target: Path, words: list[str], title: str, fps: int) -> None:
        from matplotlib.animation import FuncAnimation, writers
        from matplotlib.figure import Figure

        if not writers.is_available(writer):
            raise ValueError(f"{target.name}: {needs} is not installed; write .html instead")
        limit = float(np.abs(frames).max())
        with house_style():
            figure = Figure(figsize=(4.2, 4.4), layout="constrained", facecolor="white")
            ax = figure.subplots()

            def draw(i: int) -> list[Any]:
                ax.clear()
                plot_matrix(frames[i], ax, limit=limit, key=False, title=f"{title}, {words[i]}")
                return []

            FuncAnimation(figure, draw, frames=len(frames)).save(target, writer=writers[writer](fps=fps), dpi=80)

    return write


def _write_slider_page(frames: Any, target: Path, words: list[str], title: str, fps: int) -> None:
    limit = float(np.abs(frames).max())
    images = [_base64_png(frame, limit) for frame in frames]
    quoted = [f'"{escape(word, quote=True)}"' for word in words]
    page = _PAGE.format(
        title=escape(title),
        first=escape(words[0]),
        image=images[0],
        last=len(frames) - 1,
        frames=", ".join(f'"{image}"' for image in images),
        labels=", ".join(quoted),
        alt=f'"{escape(title, quote=True)}, "',
    )
    write_file(target, page)


def _base64_png(frame: Any, limit: float) -> str:
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=(4.2, 4.4), layout="constrained", facecolor="white")
        plot_matrix(frame, figure.subplots(), limit=limit, key=True)
        return base64.b64encode(png_bytes(figure, dpi=80)).decode("ascii")


_WRITERS = {
    ".gif": _film_writer("pillow", "Pillow"),
    ".mp4": _film_writer("ffmpeg", "ffmpeg"),
    ".html": _write_slider_page,
}
