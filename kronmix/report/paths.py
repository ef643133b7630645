"""How a path is drawn: the profile that suits its structure, and the distance from its reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from ..operators import Chain, Dense, Hadamard, Kronecker, Monarch, StructuredOperator, SumOfKroneckers
from ..plotting import plot_certificate, plot_profile, slice_norms_of
from ..plotting.curves import logarithmic_where_it_spans
from ..plotting.style import GRID, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..regularization import Path

Measure = tuple[Callable[[Any], Any] | None, str]


@singledispatch
def profile_of(structure: Any) -> Measure:
    """What to look at along a path of a structure, and its name."""
    return (lambda B: np.linalg.svd(B, compute_uv=False)), "singular values"


@profile_of.register(Hadamard)
@profile_of.register(Dense)
def _(structure: StructuredOperator) -> Measure:
    if structure.shape[0] * structure.shape[1] > 200:
        return (lambda B: np.linalg.svd(B, compute_uv=False)), "singular values"
    return None, "weights"


@profile_of.register
def _(structure: Monarch) -> Measure:
    return slice_norms_of(structure.sizes), "slice norms"


@profile_of.register(Kronecker)
@profile_of.register(SumOfKroneckers)
def _(structure: Kronecker | SumOfKroneckers) -> Measure:
    from ..decompose import rearrange

    left, right = (f.shape for f in structure.factors[:2])
    return (
        lambda B: np.linalg.svd(rearrange(B, (left, right)), compute_uv=False)[:8]
    ), "singular values of the rearranged weight"


@profile_of.register
def _(structure: Chain) -> Measure:
    return (lambda B: np.linalg.svd(B, compute_uv=False)), "singular values"


def draw_path(path: Path, structure: StructuredOperator, axes: Sequence[Axes]) -> None:
    """Profile on the first axes, distance (or norm, where there is no reference) on the second, certificate on a third."""
    of, label = profile_of(structure)
    plot_profile(path, of, label, axes[0])
    axes[0].set_title(path.name, loc="left")
    _mark_turning_back(path, structure, axes[0])
    order = np.argsort(path.parameter)
    parameter = path.parameter[order]
    if path.distance is None:
        values, words = np.linalg.norm(path.weights, axis=(1, 2))[order], "norm of the weight"
    else:
        values, words = path.distance[order], _distance_words(path)
    axes[1].plot(parameter, values, color=SERIES[1].color, marker="o", markersize=3.5)
    logarithmic_where_it_spans(axes[1].set_xscale, parameter)
    if (values > 0).all() and values.max() > 30 * values.min():
        axes[1].set_yscale("log")
    axes[1].set_xlabel(path.label)
    axes[1].set_title(words, loc="left")
    if len(axes) > 2:
        plot_certificate(path, axes[2])
        axes[2].set_title("certificate", loc="left")


def _distance_words(path: Path) -> str:
    of = "weights" if path.prediction_distance is None else "predictions"
    return f"relative distance of {of} to the reference"


def _mark_turning_back(path: Path, structure: StructuredOperator, ax: Axes) -> None:
    """Shade from where on a lasso path has turned back: there a time average need not follow it (T26)."""
    if path.reference is None or path.kinks is None or not isinstance(structure, Hadamard):
        return
    from ..regularization import Path as Along, is_monotone

    order = np.argsort(-path.parameter)
    λ = path.parameter[order]
    turned = np.flatnonzero(~is_monotone(Along(λ, path.reference[order])))
    if turned.size:
        ax.axvspan(λ[-1], λ[turned[0] - 1], color=GRID, alpha=0.5, linewidth=0, zorder=0)
