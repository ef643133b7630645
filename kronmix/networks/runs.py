"""Trained networks of our own on disk: the recipe, the weights and the history, in one .npz without pickles."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..files import read_arrays, take, write_file
from .history import Epoch, as_table, from_table
from .network import Network
from .parts import Array
from .patches import Patches, PixelRange
from .recipes import Recipe
from .recording import build_again

#: Name of the array by which a run is recognized among .npz files.
HEAD = "kronmix_run"


@dataclass(frozen=True)
class Run:
    """A trained network, how it was trained, and on what.

    Attributes
    ----------
    network : Network
    history : tuple of Epoch
    about : mapping of name to str, int or float
        Data, settings, results: whatever is worth keeping.
    """

    network: Network
    history: tuple[Epoch, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


def save_run(path: str | os.PathLike[str], run: Run) -> None:
    """Write a run, whole or not at all.

    Parameters
    ----------
    path : path
        ``.npz``.
    run : Run
        Of a network that a builder of ``km.networks`` made.

    Raises
    ------
    ValueError
        If the ending is another, or the network was not made by a builder.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "run.npz"
    >>> net = km.networks.s_mixer(8, 8, depth=1, classes=10, seed=3)
    >>> km.networks.save_run(file, km.networks.Run(net, about={"data": "digits"}))
    >>> km.load_mixer(file)
    Network(s_mixer, widths 64 → 64 → 64 → 10, 346 parameters)
    """
    file, network = Path(path), run.network
    if file.suffix != ".npz":
        raise ValueError(f"{file}: expected .npz")
    if network.recipe is None:
        raise ValueError(f"{network.name}: only networks made by a builder of km.networks can be saved as a run")
    head = {
        "builder": network.recipe.builder,
        "arguments": network.recipe.arguments,
        "patch": _patches_of(network).patch,
        "about": dict(run.about),
    }
    arrays = {HEAD: np.frombuffer(json.dumps(head).encode(), np.uint8), "probe": _probe(network)}
    if run.history:
        arrays["history"] = as_table(run.history)
    arrays |= {f"factor_{i:03d}": factor for i, factor in enumerate(network.factors)}
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    write_file(file, stream.getvalue())


def is_run(path: str | os.PathLike[str]) -> bool:
    """Whether a file is an .npz with a run in it; nothing but its list of names is read."""
    try:
        return zipfile.is_zipfile(path) and HEAD in np.load(path, allow_pickle=False).files
    except (OSError, ValueError, EOFError, KeyError):
        return False


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read what ``save_run`` wrote: the network is built again by its recipe and given the saved weights.

    Parameters
    ----------
    path : path
        ``.npz``.

    Returns
    -------
    Run
        The network with its trained weights, its history, and what was noted about it.

    Raises
    ------
    ValueError
        If the file is damaged, or the network comes out another than it was (random masks and permutations depend on NumPy's
        generators, which may change with its version).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "run.npz"
    >>> net = km.networks.sparse_mlp(16, [40, 40], 3, density=0.1, seed=7)
    >>> km.networks.save_run(file, km.networks.Run(net, about={"data": "digits"}))
    >>> again, x = km.networks.read_run(file), np.ones((1, 16))
    >>> bool((again.network(x) == net(x)).all()), again.about  # the random mask is drawn again from its seed
    (True, {'data': 'digits'})
    """
    arrays = read_arrays(path)
    head = _parse_head(take(arrays, HEAD, path, ndim=(1,)), path)
    network = with_patch(build_again(Recipe(head["builder"], head["arguments"])), head["patch"])
    factors = [
        take(arrays, f"factor_{i:03d}", path, ndim=(wanted.ndim,), real=True)
        for i, wanted in enumerate(network.factors)
    ]
    for i, (found, wanted) in enumerate(zip(factors, network.factors, strict=True)):
        if found.shape != wanted.shape:
            raise ValueError(f"{path}: factor_{i:03d} has shape {found.shape}, expected {wanted.shape}")
    network = network.with_factors(*(f.astype(w.dtype) for f, w in zip(factors, network.factors, strict=True)))
    probe = take(arrays, "probe", path, real=True)
    again = _probe(network)
    if probe.shape != again.shape or not np.allclose(probe, again, rtol=1e-3, atol=1e-3 * np.abs(probe).max()):
        raise ValueError(
            f"{path}: the network answers otherwise than when it was saved: damaged, or its random masks or permutations were "
            "drawn by another version of NumPy"
        )
    history = _parse_history(arrays["history"], path) if "history" in arrays else ()
    return Run(_expecting(network, head["about"]), tuple(history), head["about"])


def with_patch(network: Network, patch: int | None) -> Network:
    """The same network, which cuts images into patches of another side."""
    return replace(network, patches=replace(_patches_of(network), patch=patch))


def _expecting(network: Network, about: Mapping[str, Any]) -> Network:
    """The network that warns of pixels other than those it was trained on: from [0, 1], standardised as noted."""
    mean, deviation = about.get("mean"), about.get("deviation")
    if not isinstance(mean, float) or not isinstance(deviation, float) or deviation <= 0:
        return network
    expected = PixelRange(-mean / deviation, (1 - mean) / deviation, "those this network was trained on lie")
    return replace(network, patches=replace(_patches_of(network), expected=expected))


def _patches_of(network: Network) -> Patches:
    if not isinstance(network.patches, Patches):
        raise TypeError(f"{network.name}: its inputs are no images or features")
    return network.patches


def _probe(network: Network) -> Array:
    """Outputs on fixed inputs, by which a network is recognised."""
    t = np.arange(network.layers()[0].shape[1], dtype=np.float64)
    X = np.stack([np.cos(t), np.sin(0.7 * t + 1)], axis=1)
    return network.body(X.astype(np.result_type(np.float32, *network.factors)))


def _parse_head(data: Array, path: Any) -> dict[str, Any]:
    """What a stored run says of itself: its builder, the arguments, the patch and the rest."""
    try:
        head = json.loads(data.astype(np.uint8).tobytes())
        builder, arguments, about = str(head["builder"]), dict(head["arguments"]), dict(head["about"])
        patch = None if head["patch"] is None else int(head["patch"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: {HEAD!r} is not the head of a run") from None
    return {"builder": builder, "arguments": arguments, "patch": patch, "about": about}


def _parse_history(table: Array, path: Any) -> Sequence[Epoch]:
    if table.ndim != 2 or table.shape[1] != 3:
        raise ValueError(f"{path}: 'history' has shape {table.shape}, expected (epochs, 3)")
    return from_table(table)
