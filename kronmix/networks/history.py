"""What passes over the data came to, and a line on the terminal about them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from .parts import Array


@dataclass(frozen=True)
class Epoch:
    """What a pass over the data came to.

    Attributes
    ----------
    epoch : int
        From 1.
    loss, accuracy : float
        Means over the batches, each before its step; accuracy is nan for squared loss.
    """

    epoch: int
    loss: float
    accuracy: float


def as_table(history: Sequence[Epoch]) -> Array:
    """Epoch, loss and accuracy of each pass: an array of shape (epochs, 3)."""
    return np.array([[e.epoch, e.loss, e.accuracy] for e in history]).reshape(-1, 3)


def from_table(table: Array) -> list[Epoch]:
    """The passes of an array of shape (epochs, 3)."""
    return [Epoch(int(epoch), float(loss), float(accuracy)) for epoch, loss, accuracy in table]


class ProgressLine:
    """Shows epoch, loss, accuracy and the time left, on one line that is written over; for ``fit(progress=…)``.

    Parameters
    ----------
    stream : text stream, optional
        Default: stderr.

    Examples
    --------
    >>> import io
    >>> stream = io.StringIO()
    >>> show = km.networks.ProgressLine(stream)
    >>> show(km.networks.Epoch(1, 2.25, 0.125), 4)
    >>> stream.getvalue()
    '\\repoch 1 of 4, loss 2.25, accuracy 12.5 %, about ... left...'
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._start, self._first = time.monotonic(), 0

    def __call__(self, epoch: Epoch, epochs: int) -> None:
        """Show an epoch that is done."""
        self._first = self._first or epoch.epoch - 1  # a run that goes on begins later
        done = max(epoch.epoch - self._first, 1)
        left = (time.monotonic() - self._start) / done * (epochs - epoch.epoch)
        accuracy = f", accuracy {100 * epoch.accuracy:.1f} %" if epoch.accuracy == epoch.accuracy else ""
        ending = "\n" if epoch.epoch == epochs else ""
        words = f"epoch {epoch.epoch} of {epochs}, loss {epoch.loss:.4g}{accuracy}, about {_duration(left)} left"
        self._stream.write(f"\r{words:<79}{ending}")
        self._stream.flush()


def progress_line() -> Callable[[Epoch, int], None]:
    """A ``ProgressLine`` if stderr is a terminal."""
    return ProgressLine() if sys.stderr.isatty() else lambda epoch, epochs: None


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
