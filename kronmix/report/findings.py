"""Everything the page shows: the rooms' results, and their numbers for other programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..datasets import tokens
from ..decompose import Front, search
from ..intervals import Interval
from ..mixer.inspection import Approximation, Inspection, approximations, inspect_mixer, width_curve
from ..networks import Epoch, inspect_network, load_mixer, read_run
from ..networks.inspection import NetworkSeen, shared_matrix
from ..networks.runs import is_run
from ..regularization.regularized import Regularized, study_regularization
from ..regularization.restoration import Restoration, Run, restore, standard_structures
from .studies import StudyFound

if TYPE_CHECKING:
    from ..symbolic import VerificationReport

Array = np.ndarray[Any, np.dtype[Any]]

#: seeds and steps of each preset.
PRESETS = {"quick": (5, 1000), "full": (20, 5000)}
#: Entries of the largest matrix whose structure is searched for a page, and the most matrices: ``kronmix factor`` takes all.
ENTRIES, MATRICES = 2**16, 16


@dataclass(frozen=True)
class Pictures:
    """How feature matrices become images again."""

    shape: tuple[int, int, int]
    patch: int | None


@dataclass(frozen=True)
class Findings:
    """What a page is made of.

    Attributes
    ----------
    source : str
        Where the data or the weights come from, in words.
    inspection : Inspection or None
        Of the trained Mixer, or of the weights given; None where a network was given.
    restoration : Restoration or None
        None where weights were given.
    dense : tuple of Approximation or None
        Nearest structures of the dense solution.
    pictures : Pictures or None
    proofs : VerificationReport or None
        Verdicts on the theorems.
    regularized : Regularized or None
        What training the factors regularised.
    network : NetworkSeen or None
        Layers of a network that was given.
    history : tuple of Epoch
        Of its training, where it is a run of our own.
    studies : tuple of StudyFound
        Results of studies that were found.
    fronts : tuple of (name, Front)
        Which structure each of the given weights has.
    larger : int
        Weights that were too many or too large to be searched.
    """

    source: str
    inspection: Inspection | None = None
    restoration: Restoration | None = None
    dense: tuple[Approximation, ...] | None = None
    pictures: Pictures | None = None
    proofs: VerificationReport | None = None
    regularized: Regularized | None = None
    network: NetworkSeen | None = None
    history: tuple[Epoch, ...] = ()
    studies: tuple[StudyFound, ...] = ()
    fronts: tuple[tuple[str, Front], ...] = ()
    larger: int = 0

    @property
    def mixer(self) -> Inspection:
        """The inspection, for sections that are drawn only where there is one."""
        assert self.inspection is not None
        return self.inspection


def study_images(
    pixels: Array,
    source: str,
    *,
    patch: int | None = None,
    noise: float = 0.5,
    train: int | None = None,
    rank: int = 4,
    seeds: int = 5,
    steps: int = 1000,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Findings:
    """Train the structures on images, and look at what the first seed's Mixer and dense weight became.

    Parameters
    ----------
    pixels : array of shape (N, H, W, colours)
        From 0 to 1.
    source : str
        Where the images come from, in words.
    patch : int, optional
        As in ``datasets.tokens``.
    noise, seeds, steps, seed, progress
        As in ``restore``.
    train : int, optional
        Images to train on; default 300, or half of the images where there are fewer than 600.
    rank : int
        Terms of the sum of Kroneckers.

    Raises
    ------
    ValueError
        If ``patch`` does not divide the images, or as ``restore``.

    Examples
    --------
    >>> from kronmix.report import study_images
    >>> pixels = km.datasets.digits()[0][:100, 2:6, 2:6, None]
    >>> findings = study_images(pixels, "the middle of handwritten digits", seeds=1, steps=50)
    >>> findings.mixer.effective
    Kronecker(16×16, 4×4 ⊗ 4×4, 32 parameters)
    >>> bool(findings.restoration.runs["Mixer"][0].error < findings.restoration.noisy.mean)
    True
    """
    features = tokens(pixels, patch)
    N, S, C = features.shape
    result = restore(
        features,
        noise=noise,
        train=min(300, max(2, N // 2)) if train is None else train,
        structures=standard_structures(rank),
        seeds=seeds,
        steps=steps,
        seed=seed,
        progress=progress,
    )
    V_T, W = result.first("Mixer").factors
    return Findings(
        source=source,
        inspection=inspect_mixer(W, V_T.T),
        restoration=result,
        dense=approximations(result.first("dense").to_dense(), (C, C), (S, S)),
        pictures=Pictures((pixels.shape[1], pixels.shape[2], pixels.shape[3]), patch),
        regularized=study_regularization(result),
    )


def study_weights(W: Any, V: Any, source: str) -> Findings:
    """Look at the weights of one layer X ↦ W X V; nothing is trained.

    Parameters
    ----------
    W : array of shape (S', S)
        Token mixing.
    V : array of shape (C, C')
        Channel mixing.
    source : str
        Where the weights come from, in words.

    Raises
    ------
    ValueError
        If W or V is not a matrix, or is zero or not finite.

    Examples
    --------
    >>> from kronmix.report import study_weights
    >>> findings = study_weights(np.diag([3.0, 1.0]), np.diag([5.0, 2.0]), "two diagonal matrices")
    >>> findings.mixer.singular_values
    array([15.,  6.,  5.,  2.])
    """
    inspection = inspect_mixer(W, V)
    matrices = {"W": np.asarray(W), "V": np.asarray(V)}
    fronts, larger = search_all(matrices)
    return Findings(source=source, inspection=inspection, fronts=fronts, larger=larger)


def study_network(
    path: str | os.PathLike[str], progress: Callable[[int, int], None] = lambda done, total: None
) -> Findings:
    """Look at a trained network: a published Mixer's file, or a run of our own.

    Parameters
    ----------
    path : path
        As for ``load_mixer``: timm's ``.safetensors``, the original JAX ``.npz``, or the ``.npz`` of a run.
    progress : function of (layers done, layers)

    Raises
    ------
    ValueError
        If the file is damaged, of another family, or an array does not fit.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from kronmix.report import study_network
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "small.safetensors"
    >>> km.mixer.write_synthetic_checkpoint(file, image=8, patch=4, channels=6, depth=1, classes=3)
    >>> [layer.operator.shape for layer in study_network(file).network.layers]
    [(18, 24), (24, 18), (96, 24), (24, 96)]
    """
    run = read_run(path) if is_run(path) else None
    seen = inspect_network(load_mixer(path) if run is None else run.network, progress)
    matrices = {f"{layer.block} {layer.name}": shared_matrix(layer.operator) for layer in seen.layers}
    fronts, larger = search_all(matrices)
    return Findings(
        source=Path(path).name,
        network=seen,
        history=() if run is None else run.history,
        fronts=fronts,
        larger=larger,
    )


def search_all(matrices: Mapping[str, Array]) -> tuple[tuple[tuple[str, Front], ...], int]:
    """Fronts of the first few matrices that are small enough for a page, and how many were left out."""
    small = [(name, matrix) for name, matrix in matrices.items() if matrix.size <= ENTRIES][:MATRICES]
    found = ((name, search(matrix)) for name, matrix in small)
    return tuple((name, front) for name, front in found if front.front), len(matrices) - len(small)


def as_record(findings: Findings) -> dict[str, Any]:
    """Numbers of the page as plain values, for ``results.json``."""
    record: dict[str, Any] = {
        "kronmix": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "source": findings.source,
    }
    if findings.inspection is not None:
        record["mixer"] = _mixer(findings.inspection)
    if findings.network is not None:
        record["network"] = _network(findings.network)
    if findings.history:
        record["history"] = [asdict(epoch) for epoch in findings.history]
    if findings.studies:
        record["studies"] = {s.name: {"question": s.question, "outcome": s.outcome} for s in findings.studies}
    if findings.fronts:
        record["fronts"] = {name: asdict(front.choose()) for name, front in findings.fronts}
    if findings.dense is not None:
        record["dense"] = {"nearest": [_approximation(a) for a in findings.dense]}
    if findings.proofs is not None:
        record["proofs"] = json.loads(findings.proofs.to_json())
    if findings.regularized is not None:
        record["regularization"] = {
            "penalties": [asdict(row) for row in findings.regularized.penalties],
            "drift_slope": findings.regularized.slope,
        }
    if findings.restoration is not None:
        record["restoration"] = _restoration(findings.restoration)
    return record


def _network(seen: NetworkSeen) -> dict[str, Any]:
    shape = seen.shape
    return {
        "name": seen.network.name,
        "parameters": seen.network.n_parameters,
        "tokens": None if shape is None else shape.tokens,
        "channels": None if shape is None else shape.channels,
        "equivalent_density": None if shape is None else shape.equivalent_density,
        "layers": [
            {
                "block": layer.block,
                "name": layer.name,
                "shape": list(layer.operator.shape),
                "connections": layer.operator.connections,
                "density": layer.operator.density,
                "sigma_max": float(layer.singular_values[0]),
                "sigma_over_edge": float(layer.singular_values[0] / layer.edge),
                "condition": layer.condition if np.isfinite(layer.condition) else None,
                "hoyer": layer.hoyer,
                "kronecker_error": layer.kronecker_error,
                "monarch_error": layer.monarch_error,
            }
            for layer in seen.layers
        ],
        "with_skip": [
            {
                "block": s.block,
                "name": s.name,
                "sigma_max": float(s.singular_values[0]),
                "sigma_min": float(s.singular_values[-1]),
            }
            for s in seen.skips
        ],
    }


def _mixer(seen: Inspection) -> dict[str, Any]:
    S, C = seen.mixer.input_shape
    return {
        "tokens": S,
        "channels": C,
        "width": seen.effective.shape[1],
        "parameters": seen.effective.n_parameters,
        "connections": seen.connections,
        "equivalent_density": seen.equivalent_density,
        "best_width": seen.best.width,
        "best_tokens": seen.best.tokens,
        "layers": [
            {
                "name": layer.name,
                "shape": list(layer.operator.shape),
                "connections": layer.operator.connections,
                "density": layer.operator.density,
                "sigma_max": layer.largest,
                "sigma_min": layer.smallest,
            }
            for layer in seen.layers
        ],
        "sigma_max": float(seen.singular_values[0]),
        "singular_values_difference": seen.spectrum_difference,
        "hoyer": seen.profile.hoyer,
        "effective_nonzeros": seen.profile.effective_nonzeros,
        "l1_looseness": seen.profile.l1_looseness,
        "slice_hoyer": seen.profile.group_hoyer,
        "nearest": [_approximation(a) for a in seen.approximations],
    }


def as_arrays(findings: Findings) -> dict[str, Array]:
    """Arrays of the page, for ``arrays.npz``."""
    arrays: dict[str, Array] = {}
    if findings.inspection is not None:
        arrays |= _mixer_arrays(findings.inspection)
    if findings.network is not None:
        arrays |= {
            f"block_{layer.block}/{layer.name.replace(' ', '_')}/singular_values": layer.singular_values
            for layer in findings.network.layers
        }
    if findings.regularized is not None and findings.regularized.path is not None:
        path = findings.regularized.path
        arrays |= {"decay/parameter": path.parameter, "decay/weights": path.weights}
        if path.reference is not None:
            arrays["decay/reference"] = path.reference
    if findings.restoration is not None:
        result = findings.restoration
        arrays["steps"] = result.steps
        for name, runs in result.runs.items():
            key = name.replace(" ", "_").replace("-", "_")
            for i, factor in enumerate(runs[0].operator.factors):
                arrays[f"{key}/factor_{i}"] = factor
            arrays[f"{key}/training_loss"] = np.array([run.path.losses for run in runs])
            for quantity in runs[0].path.recorded:
                arrays[f"{key}/{quantity.replace(' ', '_')}"] = np.array([run.path.recorded[quantity] for run in runs])
    return arrays


def _mixer_arrays(seen: Inspection) -> dict[str, Array]:
    curve = width_curve(seen.connections)
    arrays: dict[str, Array] = {
        "W": seen.mixer.token_weights[0],
        "V": seen.mixer.channel_weights[0],
        "singular_values": seen.singular_values,
        "width_curve_tokens": curve[0],
        "width_curve_widths": curve[1],
    }
    if seen.dense_singular_values is not None:
        arrays["dense_singular_values"] = seen.dense_singular_values
    if seen.profile.group_norms is not None:
        arrays["slice_norms"] = seen.profile.group_norms
    for i, factor in enumerate(seen.approximations[0].operator.factors):
        arrays[f"monarch_factor_{i}"] = factor
    return arrays


def _restoration(result: Restoration) -> dict[str, Any]:
    return {
        "settings": dict(result.settings),
        "noisy_error": _interval(result.noisy),
        "mean_image_error": _interval(result.mean),
        "least_squares_error": _interval(result.best_linear),
        "structures": {name: _structure(result, name, runs) for name, runs in result.runs.items()},
    }


def _structure(result: Restoration, name: str, runs: tuple[Run, ...]) -> dict[str, Any]:
    op = runs[0].operator
    return {
        "parameters": op.n_parameters,
        "nonzeros": op.nnz,
        "density": op.density,
        "multiply_adds": op.connections,
        "held_out_error": _interval(result.final(name, lambda run: run.error)),
        "training_loss": _interval(result.final(name, lambda run: float(run.path.losses[-1]))),
        "seconds": _interval(result.final(name, lambda run: run.seconds)),
        **{
            quantity.replace(" ", "_"): _interval(result.last(name, quantity))
            for quantity in ("Hoyer", "effective non-zeros", "l1 looseness", "slice Hoyer")
        },
    }


def _interval(value: Interval) -> dict[str, float | None]:
    half = float(value.half_width)
    return {"mean": float(value.mean), "half_width_95": half if np.isfinite(half) else None}


def _approximation(found: Approximation) -> dict[str, Any]:
    return {"structure": found.name, "parameters": found.n_parameters, "relative_error": found.relative_error}
