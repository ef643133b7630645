"""From time series to columns: scaled windows cut into patches, and forecasts scaled back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .parts import Array


def _by_deviation(x: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each series over time: the shift and scale."""
    mean = x.mean(axis=1, keepdims=True)
    return mean, np.sqrt(((x - mean) ** 2).mean(axis=1, keepdims=True) + 1e-5)


def _by_mean(x: Array) -> tuple[Array, Array]:
    """Shift 0, and the mean size of each series over time as scale."""
    scale = np.abs(x).mean(axis=1, keepdims=True)
    return np.zeros_like(scale), np.maximum(scale, 1e-10)


def _unscaled(x: Array) -> tuple[Array, Array]:
    return np.zeros_like(x[:, :1]), np.ones_like(x[:, :1])


#: Location and scale of each series of a sample, by name.
SCALINGS: dict[str | None, Callable[[Array], tuple[Array, Array]]] = {
    "std": _by_deviation,
    "mean": _by_mean,
    None: _unscaled,
}


@dataclass(frozen=True)
class Windows:
    """How series (N, steps, channels) become columns, and columns of outputs forecasts.

    Attributes
    ----------
    steps, channels : int
        Of a sample.
    patch, stride : int
        Steps of a patch and between the starts of two; the last patch ends where the series ends.
    scaling : {"std", "mean", None}
        Each series of a sample is scaled on its own, and its forecast back.
    selected : tuple of int or None
        Channels that are forecast; all by default.
    """

    steps: int
    channels: int
    patch: int
    stride: int
    scaling: str | None = None
    selected: tuple[int, ...] | None = None

    def columns(self, inputs: Any, dtype: Any) -> Array:
        """Columns (channels · patches · patch, N), the last index of (channel, patch, step) fastest.

        Raises
        ------
        ValueError
            If the series have another layout or length, or miss values.

        Examples
        --------
        >>> from kronmix.networks.windows import Windows
        >>> series = np.arange(10.0).reshape(1, 5, 2)  # 5 steps of 2 channels
        >>> Windows(steps=5, channels=2, patch=2, stride=2).columns(series, float)[:, 0]  # the last 4 steps
        array([2., 4., 6., 8., 3., 5., 7., 9.])
        """
        x = self._checked_series(inputs)
        location, scale = SCALINGS[self.scaling](x)
        z = ((x - location) / scale).transpose(0, 2, 1)
        count = (self.steps - self.patch) // self.stride + 1
        starts = self.steps - self.patch - self.stride * np.arange(count)[::-1]
        patches = z[:, :, starts[:, None] + np.arange(self.patch)]
        return np.ascontiguousarray(patches.reshape(len(x), -1).T, dtype=dtype)

    def outputs(self, columns: Array, inputs: Any) -> Array:
        """Forecasts (N, steps ahead, channels) in the units of the inputs."""
        location, scale = SCALINGS[self.scaling](self._checked_series(inputs))
        forecast = columns.T.reshape(columns.shape[1], self.channels, -1).transpose(0, 2, 1) * scale + location
        chosen = slice(None) if self.selected is None else list(self.selected)
        return forecast[..., chosen].astype(columns.dtype, copy=False)

    def _checked_series(self, inputs: Any) -> Array:
        x = np.asarray(inputs, dtype=np.float64)
        wanted = self.steps, self.channels
        if x.ndim != 3 or x.shape[1:] != wanted:
            turned = ": write X.transpose(0, 2, 1)" if x.ndim == 3 and x.shape[1:] == wanted[::-1] else ""
            raise ValueError(
                f"inputs have shape {x.shape}: expected series (N, {self.steps}, {self.channels}), {self.steps} steps of "
                f"{self.channels} channels{turned}"
            )
        if not np.isfinite(x).all():
            raise ValueError(
                f"inputs have {int(np.sum(~np.isfinite(x)))} NaN or infinite entries: fill what is missing first"
            )
        return x
