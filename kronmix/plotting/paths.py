"""Paths as pictures: profiles with the convex path dashed on top, slices as a heat map, drift of conservation laws, modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .curves import logarithmic_where_it_spans
from .style import GRID, INK, MUTED, SERIES, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

#: Most curves of one profile: more cannot be distinguished.
_MOST = 40
#: Most features that a legend names: one for each colour.
_MOST_NAMES = len(SERIES) - 1


def plot_profile(
    path: Any, of: Callable[[Array], Any] | None = None, label: str = "weights", ax: Axes | None = None
) -> Axes:
    """Draw numbers of the weight along a path (entries, slice norms, singular values …), those of the reference dashed on top.

    Parameters
    ----------
    path : Path
        Its ``parameter``, ``weights``, ``reference`` and ``kinks`` are used.
    of : function of a weight (rows, columns) that returns an array, optional
        Default: all entries. See :func:`slice_norms_of` and ``lambda B: np.linalg.svd(B, compute_uv=False)``.
    label : str
        For the vertical axis.
    ax : Axes, optional

    Examples
    --------
    >>> path = km.reference_path(km.Observed(np.diag([3.0, 1.0])), "nuclear", [2.0, 1.0, 0.5])
    >>> ax = km.plotting.plot_profile(path, lambda B: np.linalg.svd(B, compute_uv=False), "singular values")
    >>> len(ax.lines), ax.get_ylabel()
    (2, 'singular values')
    """
    ax = new_axes(ax)
    measure = np.ravel if of is None else of
    parameter = np.asarray(path.parameter, dtype=float)
    order = np.argsort(parameter)
    values = np.array([np.ravel(measure(B)) for B in path.weights])[order]
    shown = np.argsort(-np.abs(values).max(axis=0), kind="stable")[:_MOST]
    names = _few_features(path) if of is None else ()
    for rank, i in enumerate(shown):
        colour = SERIES[1 + rank % (len(SERIES) - 1)].color
        name = names[i] if names else None
        ax.plot(
            parameter[order], values[:, i], color=colour, linewidth=2.4, alpha=0.55, solid_capstyle="round", label=name
        )
    if path.reference is not None:
        dashed = np.array([np.ravel(measure(B)) for B in path.reference])[order]
        ax.plot(parameter[order], dashed[:, shown], color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
    if getattr(path, "limit", None) is not None:
        dotted = np.array([np.ravel(measure(B)) for B in path.limit])[order]
        ax.plot(parameter[order], dotted[:, shown], color=MUTED, linewidth=1.1, linestyle=(0, (1, 1.5)))
    if names:
        ax.legend(loc="best", fontsize="x-small", ncols=2, frameon=False)
    for kink in () if path.kinks is None else path.kinks[path.kinks > 0]:
        ax.axvline(float(kink), color=GRID, linewidth=0.8, zorder=0)
    logarithmic_where_it_spans(ax.set_xscale, parameter)
    ax.set_xlabel(getattr(path, "label", "parameter"))
    drawn = ["reference dashed"] * (path.reference is not None)
    drawn += ["limit dotted"] * (getattr(path, "limit", None) is not None)
    ax.set_ylabel(f"{label} ({', '.join(drawn)})" if drawn else label)
    return ax


def _few_features(path: Any) -> tuple[str, ...]:
    """Names of the features of a path with one output, where they are few enough for a legend."""
    scaling = getattr(path, "scaling", None)
    if scaling is None or path.weights.shape[1] > 1 or path.weights.shape[2] > _MOST_NAMES:
        return ()
    return tuple(scaling.features)


def plot_certificate(path: Any, ax: Axes | None = None) -> Axes:
    """Draw what was minimised along a path, and as a band down to the proved lower bound how far it can be from the best.

    Parameters
    ----------
    path : Path
        Its ``objective`` and ``lower_bound`` are used.
    ax : Axes, optional

    Raises
    ------
    ValueError
        If the path has no objective.

    Examples
    --------
    >>> pair = km.Chain(km.Dense(np.eye(2)), km.Dense(np.eye(2)))
    >>> path = km.regularization_path(km.Observed(np.diag([3.0, 1.0])), pair, "decay", [2.0, 0.5])
    >>> km.plotting.plot_certificate(path).get_xlabel()
    'weight decay λ'
    """
    if path.objective is None:
        raise ValueError(f"{path!r} has no objective: expected a path of weight decay")
    ax = new_axes(ax)
    order = np.argsort(path.parameter)
    parameter = np.asarray(path.parameter, dtype=float)[order]
    ax.plot(parameter, path.objective[order], color=SERIES[1].color, marker="o", markersize=3.5, label="found")
    if path.lower_bound is not None:
        lower = path.lower_bound[order]
        ax.fill_between(parameter, lower, path.objective[order], color=SERIES[1].color, alpha=0.2, linewidth=0)
        ax.plot(parameter, lower, color=INK, linewidth=0.9, linestyle=(0, (3, 2)), label="proved lower bound")
    logarithmic_where_it_spans(ax.set_xscale, parameter)
    ax.legend(loc="best", fontsize="small", frameon=False)
    ax.set_xlabel(path.label)
    ax.set_ylabel("loss + penalty")
    return ax


def slice_norms_of(sizes: tuple[int, int, int, int]) -> Callable[[Array], Array]:
    """Function that gives the Frobenius norms of the q·k slices of a Monarch matrix of sizes (p, k, q, s) (T12).

    Parameters
    ----------
    sizes : (p, k, q, s)
        q·k slices of size p × s, as for :func:`kronmix.nearest_monarch`.

    Returns
    -------
    function of a weight of shape (p·q, k·s)
        Returns an array of shape (q, k), for ``plot_profile(of=…)``.

    Examples
    --------
    >>> B = np.kron([[3.0, 0.0], [4.0, 0.0]], np.ones((2, 2)))  # a slice takes every q-th row, and s columns together
    >>> km.plotting.slice_norms_of((2, 2, 2, 2))(B).round(3)
    array([[7.071, 0.   ],
           [7.071, 0.   ]])
    """
    p, k, q, s = sizes

    def norms(B: Array) -> Array:
        return np.asarray(np.linalg.norm(np.asarray(B).reshape(p, q, k, s), axis=(0, 3)))

    return norms


def plot_slices(path: Any, sizes: tuple[int, int, int, int], ax: Axes | None = None) -> Axes:
    """Draw the slice norms of a Monarch path as a heat map: a row for each slice, a column for each parameter.

    Parameters
    ----------
    path : Path
        Its ``parameter`` and ``weights``, of shape (p·q, k·s) each, are used.
    sizes : (p, k, q, s)
        q·k slices of size p × s (T12).
    ax : Axes, optional

    Returns
    -------
    Axes
        Rows by decreasing largest norm, columns by decreasing parameter: slices that enter the path later begin further right.

    Examples
    --------
    >>> path = km.reference_path(km.Observed(np.eye(4)), "group", [0.5, 0.1], groups=(2, 2, 2, 2))
    >>> ax = km.plotting.plot_slices(path, (2, 2, 2, 2))
    >>> ax.images[0].get_array().shape
    (4, 2)
    """
    ax = new_axes(ax, (5.2, 3.6))
    parameter = np.asarray(path.parameter, dtype=float)
    order = np.argsort(-parameter)
    norms = np.array([np.ravel(slice_norms_of(sizes)(B)) for B in path.weights])[order].T
    rows = np.argsort(-norms.max(axis=1), kind="stable")
    from matplotlib.colors import LinearSegmentedColormap

    ink = LinearSegmentedColormap.from_list("ink", ["#ffffff", SERIES[1].color])
    ax.imshow(norms[rows], aspect="auto", cmap=ink, interpolation="nearest")
    ax.grid(visible=False)
    ticks = np.unique(np.linspace(0, len(parameter) - 1, min(6, len(parameter))).round().astype(int))
    ax.set_xticks(ticks, [f"{parameter[order][i]:.2g}" for i in ticks])
    ax.set_xlabel("parameter, decreasing")
    ax.set_ylabel("slices, largest first")
    return ax


def plot_drift(path: Any, name: str, ax: Axes | None = None) -> Axes:
    """Draw how far a recorded conservation law has drifted from its start, entry by entry, against time (T19).

    Parameters
    ----------
    path : TrainingPath
    name : str
        Of a quantity in ``path.recorded``.
    ax : Axes, optional

    Raises
    ------
    KeyError
        If the quantity was not recorded.

    Examples
    --------
    >>> laws = {"law": lambda op: op.factors[0] ** 2 - op.factors[1] ** 2}
    >>> run = km.gradient_descent(km.Observed([[1.0]]), km.Hadamard([[0.5]], [[0.2]]), 0.1, 50, laws)
    >>> km.plotting.plot_drift(run, "law").get_ylabel()
    'drift of law'
    """
    if name not in path.recorded:
        raise KeyError(f"{name!r} was not recorded: there are {sorted(path.recorded)}")
    ax = new_axes(ax)
    values = np.asarray(path.recorded[name]).reshape(len(path.times), -1)
    drift = np.abs(values - values[0])
    for i in range(min(drift.shape[1], _MOST)):
        ax.plot(path.times[1:], drift[1:, i], color=SERIES[1 + i % (len(SERIES) - 1)].color, linewidth=1.2)
    logarithmic_where_it_spans(ax.set_xscale, np.asarray(path.times[1:]))
    if (drift[1:] > 0).any():
        ax.set_yscale("log")
    ax.set_xlabel("time")
    ax.set_ylabel(f"drift of {name}")
    return ax


def plot_modes(times: Any, modes: Any, closed: Any = None, ax: Axes | None = None) -> Axes:
    """Draw modes learned one after another, with their closed form dashed on top (T20).

    Parameters
    ----------
    times : array of shape (points,)
    modes : array of shape (points, modes)
        Singular values, or entries, of the weight.
    closed : array of shape (points, modes), optional
        From ``balanced_mode`` or ``unbalanced_mode``.
    ax : Axes, optional

    Examples
    --------
    >>> t = np.linspace(0, 5, 20)
    >>> from kronmix.regularization import balanced_mode
    >>> modes = np.stack([balanced_mode(s, 1e-3, t) for s in (3.0, 1.0)], axis=1)
    >>> len(km.plotting.plot_modes(t, modes, modes).lines)
    4
    """
    ax = new_axes(ax)
    times, modes = np.asarray(times, dtype=float), np.asarray(modes, dtype=float)
    for i, mode in enumerate(modes.T):
        ax.plot(times, mode, color=SERIES[1 + i % (len(SERIES) - 1)].color, linewidth=2.4, alpha=0.55)
    if closed is not None:
        ax.plot(times, np.asarray(closed, dtype=float), color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
    ax.set_xlabel("time")
    ax.set_ylabel("modes (closed form dashed)" if closed is not None else "modes")
    ax.tick_params(labelcolor=MUTED)
    return ax
