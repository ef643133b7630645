"""Pictures of results: every function takes a result (or arrays) and optional Axes, draws, and returns the Axes."""

from .curves import plot_curves as plot_curves
from .curves import plot_path as plot_path
from .curves import plot_training as plot_training
from .matrices import plot_layers as plot_layers
from .matrices import plot_matrix as plot_matrix
from .shapes import plot_widths as plot_widths
from .spectra import plot_errors as plot_errors
from .spectra import plot_singular_values as plot_singular_values
from .style import Series as Series
from .style import house_style as house_style
from .style import new_axes as new_axes

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
