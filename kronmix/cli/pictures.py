"""Pictures that commands write."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..plotting import house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def png(draw: Callable[[], Figure]) -> bytes:
    """The file of what is drawn in kronmix's look, on white paper."""
    stream = io.BytesIO()
    with house_style():
        draw().savefig(stream, format="png", dpi=110, facecolor="white")
    return stream.getvalue()
