"""Train one network to classify images: from pixels and labels to weights, curve and held-out accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import integer, positive
from ..optimizers import AdamW, cosine
from . import builders
from .history import Epoch
from .network import Network
from .parts import Array
from .runs import Run, with_patch
from .training import fit


@dataclass(frozen=True)
class Classifier:
    """A network for images, by its sizes; each builder takes those it knows.

    Attributes
    ----------
    model : {"mlp", "sparse_mlp", "s_mixer", "rp_mixer", "mlp_mixer", "monarch_mlp", "group_mixer"}
    patch : int, optional
        Side of the patches that become tokens; None makes rows of pixels the tokens (2 for mlp_mixer).
    channels : int
        C of mlp_mixer; the other Mixers take S and C from the images.
    depth : int
        Blocks, or hidden layers.
    expansion : float
        γ of mlp_mixer, and of group_mixer's groups.
    width : int
        Hidden width of mlp and sparse_mlp.
    density : float
        p of sparse_mlp.
    group : int
        Features that group_mixer mixes together.
    activation : str
    """

    model: str = "mlp_mixer"
    patch: int | None = None
    channels: int = 32
    depth: int = 2
    expansion: float = 2.0
    width: int = 256
    density: float = 0.125
    group: int = 8
    activation: str = "gelu"

    def build(self, image: tuple[int, int, int], classes: int, seed: int = 0) -> Network:
        """Build the network for images of (height, width, colours).

        Raises
        ------
        ValueError
            If the model is unknown, or the sizes are impossible.

        Examples
        --------
        >>> km.networks.Classifier("s_mixer", patch=2, depth=1).build((8, 8, 1), classes=10)
        Network(s_mixer, widths 64 → 64 → 64 → 10, 450 parameters)
        """
        if self.model not in _BUILD:
            raise ValueError(f"model={self.model!r}: expected one of {', '.join(_BUILD)}")
        for name in ("depth", "channels", "width", "group"):
            integer(getattr(self, name), name)
        positive(self.expansion, "expansion")
        known = list(signature(_BUILD[self.model]).parameters)[1:]
        sizes = {name: getattr(self, name) for name in known}
        network = _BUILD[self.model](_Given(image, self.tokens(image), classes, seed), **sizes)
        return network if self.model == "mlp_mixer" else with_patch(network, self.patch)

    def tokens(self, image: tuple[int, int, int]) -> tuple[int, int]:
        """(S, C) of the images' feature matrices."""
        height, width, colours = image
        if self.patch is None:
            return height, width * colours
        if self.patch < 1 or height % self.patch or width % self.patch:
            raise ValueError(f"patch={self.patch}: expected a divisor of height {height} and width {width}")
        return height * width // self.patch**2, self.patch**2 * colours


@dataclass(frozen=True)
class _Given:
    """What the data decides."""

    image: tuple[int, int, int]
    tokens: tuple[int, int]
    classes: int
    seed: int

    @property
    def width(self) -> int:
        return self.tokens[0] * self.tokens[1]


def _mlp(of: _Given, *, width: int, depth: int, activation: str) -> Network:
    return builders.mlp(of.width, [width] * depth, of.classes, activation, of.seed)


def _sparse_mlp(of: _Given, *, width: int, depth: int, density: float, activation: str) -> Network:
    hidden = [width] * (depth + 1)  # the first layer is dense: depth layers between hidden ones
    return builders.sparse_mlp(of.width, hidden, of.classes, density=density, activation=activation, seed=of.seed)


def _s_mixer(of: _Given, *, depth: int, activation: str) -> Network:
    return builders.s_mixer(*of.tokens, depth, of.classes, activation, of.seed)


def _rp_mixer(of: _Given, *, depth: int, activation: str) -> Network:
    return builders.rp_mixer(*of.tokens, depth, of.classes, activation, of.seed)


def _mlp_mixer(
    of: _Given, *, patch: int | None, channels: int, depth: int, expansion: float, activation: str
) -> Network:
    side, γ = 2 if patch is None else patch, expansion
    return builders.mlp_mixer(of.image, side, channels, depth, of.classes, γ, γ, activation, of.seed)


def _monarch_mlp(of: _Given, *, depth: int, activation: str) -> Network:
    return builders.monarch_mlp(of.tokens, depth, of.classes, activation, of.seed)


def _group_mixer(of: _Given, *, group: int, expansion: float, activation: str) -> Network:
    levels = round(log(of.width) / log(group)) if group > 1 else 0
    if group**levels != of.width:
        raise ValueError(f"group={group}: expected a number whose power is the width {of.width} of these images")
    return builders.group_mixer(of.width, group, of.classes, max(round(expansion), 1), activation, of.seed)


_BUILD: dict[str, Callable[..., Network]] = {
    "mlp": _mlp,
    "sparse_mlp": _sparse_mlp,
    "s_mixer": _s_mixer,
    "rp_mixer": _rp_mixer,
    "mlp_mixer": _mlp_mixer,
    "monarch_mlp": _monarch_mlp,
    "group_mixer": _group_mixer,
}

#: Model, and the sizes that its builder knows.
TAKES: dict[str, tuple[str, ...]] = {
    name: tuple(dict.fromkeys(("patch", *list(signature(build).parameters)[1:]))) for name, build in _BUILD.items()
}


def classify(
    pixels: Any,
    y: Any,
    classifier: Classifier | None = None,
    *,
    epochs: int = 30,
    batch: int = 64,
    rate: float = 3e-3,
    weight_decay: float = 0.01,
    held_out: float = 0.2,
    seed: int = 0,
    threads: int | None = None,
    checkpoint: str | Path | None = None,
    progress: Callable[[Epoch, int], None] | None = None,
) -> Run:
    """Train a network on labelled images and test it on held-out ones.

    AdamW, the rate warming up over a twentieth of the steps and falling like a cosine.

    Parameters
    ----------
    pixels : array of shape (N, H, W, colours)
        In [0, 1]; standardised with the mean and deviation of the training images.
    y : array of shape (N,)
        Labels, any integers.
    classifier : Classifier, optional
    epochs, batch, threads, checkpoint, progress : as in fit
    rate : float
        Largest learning rate.
    weight_decay : float
    held_out : float
        Share of the images that are kept for testing.
    seed : int
        Of the split, the initial weights and the order of the images.

    Returns
    -------
    Run
        ``about`` holds "test_accuracy", "held_out" (images), "mean" and "deviation" of the pixels, "stopped_by".

    Raises
    ------
    ValueError
        If sizes are impossible, nothing is left to train or test on, or training was stopped within the first epoch.
    DivergedError
        If the loss is not finite.

    Examples
    --------
    >>> pixels, y = km.datasets.load("digits")
    >>> run = km.networks.classify(pixels[:600], y[:600], km.networks.Classifier("mlp", width=64, depth=1), epochs=5)
    >>> run.about["test_accuracy"] > 0.6
    True
    """
    images, given = np.asarray(pixels), np.asarray(y).reshape(-1)
    classes, codes = np.unique(given, return_inverse=True)
    if classes.size < 2:
        raise ValueError(f"labels hold {classes.size} different value, expected at least two classes")
    order = np.random.default_rng([seed, 1]).permutation(len(images))
    if given.dtype.kind == "f" and not (given == np.round(given)).all():
        raise ValueError(
            f"labels hold {float(given[given != np.round(given)][0]):g}: expected classes, as whole numbers"
        )
    tested = round(positive(held_out, "held_out", "a share between 0 and 1") * len(images))
    if not 0 < tested < len(images):
        raise ValueError(
            f"held_out={held_out:g} of {len(images)} images leaves {tested} to test on, expected some of both"
        )
    positive(rate, "rate")
    if rate * weight_decay >= 2:
        raise ValueError(
            f"weight_decay={weight_decay:g} at a rate of {rate:g}: weights would grow with every step, take smaller ones"
        )
    test, train = order[:tested], order[tested:]
    mean, deviation = float(images[train].mean()), float(images[train].std())
    inputs = (images - mean) / (deviation or 1.0)
    network = (classifier or Classifier()).build(images.shape[1:], int(classes.size), seed)
    steps = epochs * -(-train.size // batch)
    result = fit(
        network,
        inputs[train],
        codes[train],
        epochs=epochs,
        batch=batch,
        optimizer=AdamW(weight_decay=weight_decay),
        schedule=cosine(rate, steps, warmup=max(steps // 20, 1)),
        seed=seed,
        threads=threads,
        checkpoint=checkpoint,
        progress=progress,
    )
    if not result.history:
        raise ValueError("training was stopped before the first epoch was over: there is nothing to keep")
    found = predictions(result.network, inputs[test])
    about = {
        "test_accuracy": float(np.mean(found == codes[test])),
        "held_out": int(test.size),
        "trained_on": int(train.size),
        "classes": [int(c) for c in classes],
        "mean": mean,
        "deviation": deviation,
        "seed": seed,
        "epochs": len(result.history),
        "stopped_by": result.reason,
    }
    return Run(result.network, result.history, about)


def predictions(network: Network, images: Any) -> Array:
    """Row of the largest output, for each image."""
    return network(images).argmax(axis=1)
