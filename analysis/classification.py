"""Training that the studies of classification share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kronmix import networks as nn
from kronmix.networks.rates import ChosenRate, choose_rate, is_end
from kronmix.progress import whole

from .checkpoints import checkpoint_of
from .sources import classes, images
from .study import Table

Array = np.ndarray[Any, np.dtype[Any]]

#: Share of the training images that choose a rate.
_CHOOSING = 0.2

#: Of presets that only have to come out as they are built.
SMALL_TASK: dict[str, Any] = {"data": "digits", "train": 300, "test": 500}

_DIVERGED = "diverged"

#: A training to the end takes more rounds, so many at most, until one lowers the training loss by less than this, in nats.
_ROUNDS, _SETTLED = 5, 0.01


@dataclass(frozen=True, kw_only=True)
class Task:
    """Images and how to train on them; configurations of studies that train inherit it.

    Attributes
    ----------
    data : str
        Name or place of the images (see ``sources``).
    train, test : int
        Images, drawn anew by every seed.
    epochs, batch : int
    rate : float
        Largest rate of AdamW; warm-up, then half a cosine. Where rates are chosen, the middle of the first three.
    noise : float
        Share of the training labels that are drawn at random: 1 takes what there is to learn away.
    """

    train: int
    epochs: int
    rate: float
    data: str = "mnist"
    test: int = 1000
    batch: int = 50
    noise: float = 0.0


def split(task: Task, seed: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Training and test images with labels, drawn by the seed."""
    pixels, y = images(task.data)
    if task.train + task.test > len(y):
        raise ValueError(f"{task.data}: has {len(y)} images, not {task.train} to train on and {task.test} to test")
    rng = np.random.default_rng([seed, 7])
    order = rng.permutation(len(y))[: task.train + task.test]
    train, test = order[: task.train], order[task.train :]
    drawn = rng.integers(0, classes(task.data), len(train))
    labels = np.where(rng.random(len(train)) < task.noise, drawn, y[train])
    return (pixels[train], labels), (pixels[test], y[test])


def train(network: nn.Network, task: Task, seed: int) -> tuple[nn.Network, dict[str, float]]:
    """Train, and measure: accuracies, last loss, and whether it diverged (accuracies are then 0)."""
    learned, held = split(task, seed)
    return _measure(_fit(network, task, seed, *learned), learned, held)


def train_at_best_rate(network: nn.Network, task: Task, seed: int) -> tuple[nn.Network, dict[str, float]]:
    """Train at several rates, and keep what a part of the training images, held back, finds best; measure as ``train``.

    The rates are a third of, once and three times the task's; where the best is at an end, the grid grows there, so far: see
    ``said_of_rates``.
    """
    chosen, learned, held = _chosen(network, task, seed)
    trained, measured = _measure(chosen.result, learned, held)
    return trained, measured | {"rate": chosen.rate}


def train_to_the_end(network: nn.Network, task: Task, seed: int) -> tuple[nn.Network, dict[str, float]]:
    """As ``train_at_best_rate``, and on at the chosen rate until the training loss has settled; measures epochs and that too.

    It goes on in rounds, each from where the last ended and twice as long, until one lowers the loss by less than 0.01 nats or
    there were five of them.
    """
    chosen, learned, held = _chosen(network, task, seed)
    task, fit, epochs, settled = replace(task, rate=chosen.rate), chosen.result, task.epochs, False
    for _ in range(_ROUNDS):
        if settled or fit.reason == _DIVERGED:
            break
        task, before = replace(task, epochs=2 * task.epochs), fit.history[-1].loss
        fit = _fit(fit.network, task, seed, *learned)
        epochs += task.epochs
        settled = fit.reason != _DIVERGED and before - fit.history[-1].loss < _SETTLED
    trained, measured = _measure(fit, learned, held)
    return trained, measured | {"rate": chosen.rate, "epochs": float(epochs), "settled": float(settled)}


def _chosen(
    network: nn.Network, task: Task, seed: int
) -> tuple[ChosenRate[nn.Fit], tuple[Array, Array], tuple[Array, Array]]:
    """The training at the best rate, the images that it learned from, and those that judge it."""
    (X, y), held = split(task, seed)
    cut = round((1 - _CHOOSING) * len(y))

    def fitted(rate: float) -> tuple[float, nn.Fit]:
        fit = _fit(network, replace(task, rate=rate), seed, X[:cut], y[:cut])
        return _cross_entropy(fit.network, X[cut:], y[cut:]) if fit.reason != _DIVERGED else np.inf, fit

    return choose_rate(fitted, task.rate), (X[:cut], y[:cut]), held


def said_of_rates(table: Table) -> str:
    """How many cells chose a rate at which their grid ended, in words; none where no cell chose one."""
    chosen = [cell for cell in table.cells if {"rate"} <= cell.values.keys() & cell.config.keys()]
    ends = sum(is_end(cell.values["rate"], cell.config["rate"]) for cell in chosen)
    if not chosen:
        return ""
    if not ends:
        return f"In all {len(chosen)} cells the chosen rate lies inside its grid."
    return f"In {ends} of {len(chosen)} cells the chosen rate is the last of its grid: a better one may lie beyond."


def _fit(network: nn.Network, task: Task, seed: int, X: Array, y: Array) -> nn.Fit:
    """Train on one thread; a fit that diverges ends with that as its reason."""
    steps = task.epochs * -(-len(y) // task.batch)
    try:
        return whole(
            nn.fit(
                network,
                X,
                y,
                epochs=task.epochs,
                batch=task.batch,
                schedule=nn.cosine(task.rate, steps, warmup=max(steps // 20, 1)),
                seed=seed,
                threads=1,
                checkpoint=checkpoint_of(network, task, seed, len(y)),
                progress=lambda epoch, epochs: None,
            )
        )
    except nn.DivergedError:
        return nn.Fit(network, reason=_DIVERGED)


def _measure(
    fit: nn.Fit, learned: tuple[Array, Array], held: tuple[Array, Array]
) -> tuple[nn.Network, dict[str, float]]:
    """The network with its accuracies and its last loss; 0 and inf if it diverged."""
    if fit.reason == _DIVERGED:
        return fit.network, {"test_accuracy": 0.0, "train_accuracy": 0.0, "loss": float("inf")}
    return fit.network, {
        "test_accuracy": _accuracy(fit.network, *held),
        "train_accuracy": _accuracy(fit.network, *learned),
        "loss": fit.history[-1].loss if fit.history else float("nan"),
    }


def _accuracy(network: nn.Network, X: Array, y: Array) -> float:
    return float(np.mean(network(X).argmax(axis=1) == y))


def _cross_entropy(network: nn.Network, X: Array, y: Array) -> float:
    logits = network(X).astype(np.float64)
    return float(np.mean(np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(y)), y]))
