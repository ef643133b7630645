"""Networks and training that the studies of classification share.

The stacked networks differ in their hidden layers only: patches of the image are embedded, token by token, into S × C features;
then come hidden layers of width S·C; then one dense layer to the classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

from .sparse import bernoulli_weight

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Task:
    """Images and how to train on them.

    Attributes
    ----------
    data : {"digits", "mnist"}
    train, test : int
        Images, drawn anew by every seed.
    epochs, batch : int
    rate : float
        Largest rate of AdamW; warm-up, then half a cosine.
    """

    data: str
    train: int
    test: int
    epochs: int
    batch: int
    rate: float


@cache
def _images(data: str) -> tuple[Array, Array]:
    pixels, y = km.datasets.load(data)
    standard = ((pixels - pixels.mean()) / pixels.std()).astype(np.float32)
    return standard, np.asarray(y)


def image_shape(data: str) -> tuple[int, int, int]:
    """(height, width, colours)."""
    height, width, colours = _images(data)[0].shape[1:]
    return height, width, colours


def split(task: Task, seed: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Training and test images with labels, drawn by the seed."""
    pixels, y = _images(task.data)
    order = np.random.default_rng([seed, 7]).permutation(len(y))[: task.train + task.test]
    train, test = order[: task.train], order[task.train :]
    return (pixels[train], y[train]), (pixels[test], y[test])


def train(network: nn.Network, task: Task, seed: int) -> tuple[nn.Network, dict[str, float]]:
    """Train, and measure: accuracies, last loss, and whether it diverged (accuracies are then 0)."""
    (X, y), (X_test, y_test) = split(task, seed)
    steps = task.epochs * -(-len(y) // task.batch)
    try:
        fit = nn.fit(
            network,
            X,
            y,
            epochs=task.epochs,
            batch=task.batch,
            schedule=nn.cosine(task.rate, steps, warmup=max(steps // 20, 1)),
            seed=seed,
            threads=1,
            progress=lambda epoch, epochs: None,
        )
    except nn.DivergedError:
        return network, {"test_accuracy": 0.0, "train_accuracy": 0.0, "loss": float("inf")}
    trained = fit.network
    return trained, {
        "test_accuracy": float(np.mean(trained(X_test).argmax(axis=1) == y_test)),
        "train_accuracy": float(np.mean(trained(X).argmax(axis=1) == y)),
        "loss": fit.history[-1].loss,
    }


def stacked(
    kind: str,
    data: str,
    patch: int,
    channels: int,
    depth: int,
    seed: int,
    *,
    density: float = 1.0,
    skip: bool = False,
    activation: str = "gelu",
) -> nn.Network:
    """A network of ``depth`` pairs of hidden layers of width S·C.

    Parameters
    ----------
    kind : {"S-Mixer", "RP-Mixer", "sparse MLP", "dense MLP"}
        Token and channel mixing in turn; the same between random permutations; Bernoulli(``density``) masks; dense.
    patch : int
        Side of the patches, which makes S.
    skip : bool
        A skip connection around every hidden layer, whose variance is then divided by the number of layers.
    """
    rng = np.random.default_rng([seed, 11])
    height, width, colours = image_shape(data)
    S, C = height * width // patch**2, channels
    layers = 2 * depth
    gain = (1.0 if activation == "linear" else 2.0) / (layers if skip else 1)
    parts: list[Any] = [nn.Linear(km.channel_mixing(_normal(rng, (patch**2 * colours, C), patch**2), tokens=S))]
    for layer in range(layers):
        op = _LAYERS[kind](_Layer(S, C, layer % 2 == 0, density, gain), rng)
        inner: list[nn.Part] = [nn.Linear(op, np.zeros((1, S * C, 1), np.float32))]
        inner += [] if activation == "linear" else [nn.Activation(activation)]
        parts += [nn.Residual(*inner)] if skip else inner
    head = km.Dense(_normal(rng, (10, S * C), S * C))
    parts.append(nn.Linear(head, np.zeros((1, 10, 1), np.float32)))
    return nn.Network(nn.Sequential(*parts), nn.Patches(patch), kind)


@dataclass(frozen=True)
class _Layer:
    """Sizes of a hidden layer; ``gain`` is the variance of an output for inputs of variance 1."""

    tokens: int
    channels: int
    mixes_tokens: bool
    density: float
    gain: float

    @property
    def width(self) -> int:
        return self.tokens * self.channels

    def block(self, rng: np.random.Generator) -> tuple[Array, int]:
        """The shared matrix, and how often it is repeated."""
        size, copies = (self.tokens, self.channels) if self.mixes_tokens else (self.channels, self.tokens)
        return _normal(rng, (size, size), size / self.gain), copies


def _s_mixer(layer: _Layer, rng: np.random.Generator) -> Any:
    W, copies = layer.block(rng)
    return km.token_mixing(W, channels=copies) if layer.mixes_tokens else km.channel_mixing(W, tokens=copies)


def _rp_mixer(layer: _Layer, rng: np.random.Generator) -> Any:
    return km.random_permuted_mixing(*layer.block(rng), rng)


def _sparse(layer: _Layer, rng: np.random.Generator) -> Any:
    weight = bernoulli_weight(layer.width, layer.width, layer.density, rng)
    scale = np.sqrt(layer.gain / (layer.density * layer.width))
    return km.Masked((scale * weight.data).astype(np.float32), weight != 0)


def _dense(layer: _Layer, rng: np.random.Generator) -> Any:
    return km.Dense(_normal(rng, (layer.width, layer.width), layer.width / layer.gain))


_LAYERS = {"S-Mixer": _s_mixer, "RP-Mixer": _rp_mixer, "sparse MLP": _sparse, "dense MLP": _dense}


def _normal(rng: np.random.Generator, shape: tuple[int, int], inputs: float) -> Array:
    return (rng.standard_normal(shape) / np.sqrt(inputs)).astype(np.float32)
