"""Everything the page shows: the rooms' results, and their numbers for other programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..datasets import tokens
from ..decompose import Front, search
from ..files import layer_matrices, read_arrays
from ..mixer.inspection import Approximation, Inspection, approximations, inspect_mixer
from ..networks import Epoch, inspect_network, load_mixer, read_run
from ..networks.inspection import NetworkSeen, shared_matrix
from ..networks.runs import is_run
from ..regularization.regularized import Regularized, study_regularization
from ..regularization.restoration import Restoration, restore, standard_structures
from .studies import StudyFound

if TYPE_CHECKING:
    from ..symbolic import VerificationReport

Array = np.ndarray[Any, np.dtype[Any]]

#: seeds and steps of each preset.
PRESETS = {"quick": (5, 1000), "full": (20, 5000)}
#: Entries of the largest matrix whose structure is searched for a page, and the most matrices: ``kronmix factor`` takes all.
ENTRIES, MATRICES = 2**16, 16
#: The same for a page of nothing else.
_ENTRIES = 2**20


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


def study_matrices(path: str | os.PathLike[str]) -> Findings:
    """Look at the matrices of any file: which structure each has; nothing is trained.

    Parameters
    ----------
    path : path
        Whatever ``kronmix.files.read_arrays`` reads. Arrays of more than two axes count as (first axis) × (all others).

    Raises
    ------
    ValueError
        If the file is damaged, or holds no matrix that is small enough for a page.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from kronmix.report import study_matrices
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "blur.npy"
    >>> np.save(file, np.kron(np.eye(4) + 1, np.ones((3, 3)) + np.eye(3)))
    >>> print(study_matrices(file).fronts[0][1].choose())
    Kronecker sum (4, 4, 3, 3)
    """
    arrays = read_arrays(path)
    layers = layer_matrices(arrays)
    small = {name: read for name, read in layers.items() if prod(arrays.stored[name].shape) <= _ENTRIES}
    if not small:
        what = (
            f"{len(layers)} matrices of more than {_ENTRIES} entries: kronmix factor takes them"
            if layers
            else "no matrix"
        )
        raise ValueError(f"{path}: holds {what}")
    fronts, larger = search_all({name: read() for name, read in small.items()}, _ENTRIES)
    if not fronts:
        raise ValueError(f"{path}: no structure is smaller than these matrices ({', '.join(small)})")
    return Findings(source=Path(path).name, fronts=fronts, larger=larger + len(layers) - len(small))


def search_all(matrices: Mapping[str, Array], entries: int = ENTRIES) -> tuple[tuple[tuple[str, Front], ...], int]:
    """Fronts of the first few matrices that are small enough for a page, and how many were left out."""
    small = [(name, matrix) for name, matrix in matrices.items() if matrix.size <= entries][:MATRICES]
    found = ((name, search(matrix)) for name, matrix in small)
    return tuple((name, front) for name, front in found if front.front), len(matrices) - len(small)
