"""Everything the page shows: the rooms' results, and their numbers for other programs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..datasets import tokens
from ..decompose import Front
from ..mixer.inspection import Approximation, Inspection, approximations, inspect_mixer
from ..networks import Epoch, inspect_network, load_mixer, read_run
from ..networks.inspection import NetworkSeen, shared_matrix
from ..networks.restorers import Restored, Setting, restore_photographs
from ..networks.runs import is_run
from ..regularization import Scaling
from ..regularization.comparison import Comparison, Split, compare
from ..regularization.regularized import Regularized, study_regularization
from ..regularization.restoration import Restoration, Structure, repetition, restore, standard_structures
from .attempts import Attempts, Failure
from .matrices import ENTRIES_ALONE, MatrixSeen, search_all, see_matrices
from .studies import StudyFound
from .tables import TableFound, compare_on_table, trace

if TYPE_CHECKING:
    from ..symbolic import VerificationReport

Array = np.ndarray[Any, np.dtype[Any]]

#: seeds and steps of each preset.
PRESETS = {"quick": (5, 1000), "full": (20, 5000)}
#: Steps of the linear task for a pass over the windows of photographs.
_STEPS_A_PASS = 100


@dataclass(frozen=True)
class Pictures:
    """How feature matrices become images again."""

    shape: tuple[int, int, int]
    patch: int | None


@dataclass(frozen=True)
class Made:
    """When and how a page was made: what its head says beside the version."""

    date: str
    command: str
    seeds: tuple[int, ...] = ()


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
    comparison : Comparison or None
        Structures against ridge, early-stopped dense and low rank, on held-out data.
    table : TableFound or None
        Of a table: its path of weight decay.
    matrices : tuple of MatrixSeen
        The weights of a file that is no network known here.
    photographs : tuple of Restored
        Photographs through a camera that is not linear, restored, seed by seed.
    failures : tuple of Failure
        Parts that could not be made.
    made : Made or None
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
    comparison: Comparison | None = None
    table: TableFound | None = None
    matrices: tuple[MatrixSeen, ...] = ()
    photographs: tuple[Restored, ...] = ()
    failures: tuple[Failure, ...] = ()
    made: Made | None = None

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
    structures = standard_structures(rank)
    images = min(300, max(2, N // 2)) if train is None else train
    result = restore(
        features,
        noise=noise,
        train=images,
        structures=structures,
        seeds=seeds,
        steps=steps,
        seed=seed,
        progress=progress,
    )
    V_T, W = result.first("Mixer").factors
    attempt = Attempts()
    return Findings(
        source=source,
        inspection=attempt("the effective weight", lambda: inspect_mixer(W, V_T.T)),
        restoration=result,
        dense=attempt("nearest structures", lambda: approximations(result.first("dense").to_dense(), (C, C), (S, S))),
        pictures=Pictures((pixels.shape[1], pixels.shape[2], pixels.shape[3]), patch),
        regularized=attempt("what training regularises", lambda: study_regularization(result)),
        comparison=attempt("the verdict", lambda: _against_baselines(features, result, structures, progress)),
        failures=tuple(attempt.failures),
    )


def _against_baselines(
    features: Array, result: Restoration, structures: tuple[Structure, ...], progress: Callable[[], None]
) -> Comparison:
    """The trained structures against the baselines, on the splits they were trained on."""
    settings = result.settings
    first, seeds = settings["seed"], settings["seeds"]
    drawn = [
        repetition(features, settings["noise"], settings["train"], structures, settings["scale"], seed)
        for seed in range(first, first + seeds)
    ]
    return compare(
        [Split(task.noisy, task.clean, task.held_noisy, task.held_clean) for task, _ in drawn],
        {name: [starts[name] for _, starts in drawn] for name in result.runs},
        {name: [run.path for run in runs] for name, runs in result.runs.items()},
        steps=settings["steps"],
        seed=first,
        progress=progress,
    )


def with_photographs(
    findings: Findings, seeds: range, steps: int = 1000, progress: Callable[[], None] = lambda: None
) -> Findings:
    """The same findings beside a task that is not linear: photographs restored by Mixers, ridge and a dense MLP.

    Rates are sought with the first seed; the others choose between its best and a third of that.

    Parameters
    ----------
    findings : Findings
    seeds : range
    steps : int
        Of every other training: a hundred of them are one pass over the windows here.
    progress : function
        Called after each training.

    Examples
    --------
    >>> from kronmix.report import Findings, with_photographs
    >>> found = with_photographs(Findings("nothing"), range(1), steps=100)
    >>> list(found.photographs[0].restorers)
    ['Mixer', 'linear Mixer', 'dense MLP', 'ridge']
    """
    attempt = Attempts(list(findings.failures))
    setting = Setting(train=1500, epochs=max(steps // _STEPS_A_PASS, 1))

    def restored() -> tuple[Restored, ...]:
        first = restore_photographs(setting, seeds[0], progress)
        return (first, *(restore_photographs(setting, seed, progress, rates=first.rates) for seed in seeds[1:]))

    return replace(findings, photographs=attempt("photographs", restored) or (), failures=tuple(attempt.failures))


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
    matrices = {f"block {layer.block}, {layer.name}": shared_matrix(layer.operator) for layer in seen.layers}
    fronts, larger = search_all(matrices)
    return Findings(
        source=Path(path).name,
        network=seen,
        history=() if run is None else run.history,
        fronts=fronts,
        larger=larger,
    )


def study_table(
    X: Array,
    Y: Array,
    source: str,
    names: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
    *,
    rank: int = 4,
    seeds: int = 5,
    steps: int = 1000,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Findings:
    """Predict outputs from features: structured weights against lasso, ridge, dense and low rank, and the path of weight decay.

    Parameters
    ----------
    X : array of shape (samples, features)
    Y : array of shape (samples, outputs)
    source : str
        Where the table comes from, in words.
    names : (names of features, names of outputs)
    rank, seeds, steps, seed, progress
        As for images; every seed is a random split of the rows.

    Raises
    ------
    ValueError
        If there are fewer than ten rows, or a column is constant.

    Examples
    --------
    >>> from kronmix.report import study_table
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 6))
    >>> found = study_table(X, X[:, :1] - X[:, 1:2], "a table", seeds=2, steps=50)
    >>> [structure.name for structure in found.comparison.structures], found.table.path.weights.shape[1:]
    (['Kronecker 1×2 ⊗ 1×3', 'u∘v with weight decay (lasso)'], (1, 6))
    """
    Scaling.of(X, Y, *names)  # refuses columns that are constant
    compared = compare_on_table(X, Y, rank=rank, seeds=seeds, steps=steps, seed=seed, progress=progress)
    attempt = Attempts()
    traced = attempt("the path of weight decay", lambda: trace(X, Y, names))
    return Findings(source=source, comparison=compared, table=traced, failures=tuple(attempt.failures))


def study_matrices(
    path: str | os.PathLike[str], progress: Callable[[int, int], None] = lambda done, total: None
) -> Findings:
    """Look at the matrices of any file: which structure each has; nothing is trained.

    Parameters
    ----------
    path : path
        Whatever ``kronmix.files.read_arrays`` reads. Arrays of more than two axes count as (first axis) × (all others).
    progress : function of (matrices done, matrices)

    Raises
    ------
    ValueError
        If the file is damaged, or holds no matrix that is not zero.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from kronmix.report import study_matrices
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "blur.npy"
    >>> np.save(file, np.kron(np.eye(4) + 1, np.ones((3, 3)) + np.eye(3)))
    >>> print(study_matrices(file).fronts[0][1].choose())
    Kronecker sum (4, 4, 3, 3)
    """
    seen, matrices = see_matrices(path, progress)
    fronts, larger = search_all(matrices, ENTRIES_ALONE)
    return Findings(source=Path(path).name, matrices=seen, fronts=fronts, larger=larger)
