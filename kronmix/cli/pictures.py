"""Pictures that commands write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..plotting import house_style
from ..plotting.style import png_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def png(draw: Callable[[], Figure]) -> bytes:
    """The file of what is drawn in kronmix's look, on white paper."""
    with house_style():
        return png_bytes(draw())
