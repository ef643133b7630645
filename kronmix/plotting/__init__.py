"""Pictures of results: every function takes a result (or arrays) and optional Axes, draws, and returns the Axes."""

from .curves import plot_curves as plot_curves, plot_path as plot_path, plot_training as plot_training
from .matrices import plot_layers as plot_layers, plot_matrix as plot_matrix
from .shapes import plot_widths as plot_widths
from .spectra import plot_errors as plot_errors, plot_singular_values as plot_singular_values
from .style import Series as Series, house_style as house_style, new_axes as new_axes

__all__ = [
    "Series",
    "house_style",
    "new_axes",
    "plot_curves",
    "plot_errors",
    "plot_layers",
    "plot_matrix",
    "plot_path",
    "plot_singular_values",
    "plot_training",
    "plot_widths",
]
