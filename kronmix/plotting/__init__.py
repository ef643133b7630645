"""Pictures of results: every function takes a result (or arrays) and optional Axes, draws, and returns the Axes."""

from ..extras import needed

with needed("kronmix.plotting"):
    import matplotlib  # noqa: F401

from .animation import save_animation as save_animation
from .curves import plot_curves as plot_curves, plot_training as plot_training
from .fronts import plot_front as plot_front
from .matrices import plot_layers as plot_layers, plot_matrix as plot_matrix
from .networks import (
    plot_edges as plot_edges,
    plot_layer_spectra as plot_layer_spectra,
    plot_network as plot_network,
    plot_skips as plot_skips,
)
from .paths import (
    plot_certificate as plot_certificate,
    plot_drift as plot_drift,
    plot_modes as plot_modes,
    plot_profile as plot_profile,
    plot_slices as plot_slices,
    slice_norms_of as slice_norms_of,
)
from .shapes import plot_widths as plot_widths
from .spectra import (
    plot_errors as plot_errors,
    plot_singular_values as plot_singular_values,
    plot_updates as plot_updates,
)
from .style import (
    Series as Series,
    house_style as house_style,
    new_axes as new_axes,
    use_house_style as use_house_style,
)

__all__ = [
    "Series",
    "house_style",
    "new_axes",
    "plot_certificate",
    "plot_curves",
    "plot_drift",
    "plot_edges",
    "plot_errors",
    "plot_front",
    "plot_layer_spectra",
    "plot_layers",
    "plot_matrix",
    "plot_modes",
    "plot_network",
    "plot_profile",
    "plot_singular_values",
    "plot_skips",
    "plot_slices",
    "plot_training",
    "plot_updates",
    "plot_widths",
    "save_animation",
    "slice_norms_of",
    "use_house_style",
]
