"""Stacks that differ only in their hidden layers.

Patches of the image are embedded, token by token, into S × C features; then come hidden layers of width S·C; then one dense layer
to the classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

from .sources import classes, image_shape, patch_side
from .sparse import bernoulli_weight

Array = np.ndarray[Any, np.dtype[Any]]


def stacked(
    kind: str,
    data: str,
    tokens: int,
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
    kind : {"S-Mixer", "RP-Mixer", "untied", "sparse MLP", "dense MLP"}
        Token and channel mixing in turn; the same between random permutations; the same supports with no weight shared;
        Bernoulli(``density``) masks; dense.
    tokens, channels : int
        S patches of an image, each embedded in C features.
    skip : bool
        A skip connection around every hidden layer, whose variance is then divided by the number of layers.
    """
    rng = np.random.default_rng([seed, 11])
    S, C, patch, pixels = tokens, channels, patch_side(data, tokens), int(np.prod(image_shape(data))) // tokens
    layers = 2 * depth
    gain = (1.0 if activation == "linear" else 2.0) / (layers if skip else 1)
    parts: list[Any] = [nn.Linear(km.channel_mixing(normal(rng, (pixels, C), patch**2), tokens=S))]
    for layer in range(layers):
        op = LAYERS[kind](Layer(S, C, layer % 2 == 0, density, gain), rng)
        inner: list[nn.Part] = [nn.Linear(op, np.zeros((1, S * C, 1), np.float32))]
        inner += [] if activation == "linear" else [nn.Activation(activation)]
        parts += [nn.Residual(*inner)] if skip else inner
    head = km.Dense(normal(rng, (classes(data), S * C), S * C))
    parts.append(nn.Linear(head, np.zeros((1, classes(data), 1), np.float32)))
    return nn.Network(nn.Sequential(*parts), nn.Patches(patch), kind)


@dataclass(frozen=True)
class Layer:
    """Sizes of a hidden layer; ``gain`` is the variance of an output for inputs of variance 1."""

    tokens: int
    channels: int
    mixes_tokens: bool
    density: float
    gain: float

    @property
    def width(self) -> int:
        return self.tokens * self.channels

    @property
    def sizes(self) -> tuple[int, int]:
        """Side of the shared matrix, and how often it is repeated."""
        return (self.tokens, self.channels) if self.mixes_tokens else (self.channels, self.tokens)

    def block(self, rng: np.random.Generator) -> tuple[Array, int]:
        """The shared matrix, and how often it is repeated."""
        size, copies = self.sizes
        return normal(rng, (size, size), size / self.gain), copies


def _s_mixer(layer: Layer, rng: np.random.Generator) -> Any:
    W, copies = layer.block(rng)
    return km.token_mixing(W, channels=copies) if layer.mixes_tokens else km.channel_mixing(W, tokens=copies)


def _rp_mixer(layer: Layer, rng: np.random.Generator) -> Any:
    return km.random_permuted_mixing(*layer.block(rng), rng)


def _sparse(layer: Layer, rng: np.random.Generator) -> Any:
    weight = bernoulli_weight(layer.width, layer.width, layer.density, rng)
    scale = np.sqrt(layer.gain / (layer.density * layer.width))
    return km.Masked((scale * weight.data).astype(np.float32), weight != 0)


def _untied(layer: Layer, rng: np.random.Generator) -> Any:
    """The support of token or channel mixing, every connection with a weight of its own."""
    pattern = _s_mixer(layer, rng).pattern
    return km.KroneckerSparse(normal(rng, pattern.values_shape, pattern.c / layer.gain), pattern)


def _dense(layer: Layer, rng: np.random.Generator) -> Any:
    return km.Dense(normal(rng, (layer.width, layer.width), layer.width / layer.gain))


def untied(network: nn.Network) -> nn.Network:
    """A new Mixer whose blocks have a weight for every connection, between an embedding and a head that are not trained.

    At the start it computes what the Mixer does. It trains as many weights as the blocks have connections, with biases and norms:
    as many in every shape of equal connections.
    """
    outer = [_as_fixed(part) if isinstance(part, nn.Linear) else _untie(part) for part in network.body.parts]
    return replace(network, body=nn.Sequential(*outer), name=f"untied {network.name}", recipe=None)


def _as_fixed(part: nn.Linear) -> nn.Fixed:
    if part.bias is not None and part.bias.any():
        raise ValueError("the embedding or the head has a bias: expected a new network, whose biases are 0")
    return nn.Fixed(part.operator)


@singledispatch
def _untie(part: nn.Part) -> nn.Part:
    return part


@_untie.register
def _(part: nn.Residual) -> nn.Part:
    return nn.Residual(*map(_untie, part.parts))


@_untie.register
def _(part: nn.Linear) -> nn.Part:
    mixing = part.operator
    if not isinstance(mixing, km.KroneckerSparse):
        raise TypeError(f"{part.name} is a {type(mixing).__name__}, expected token or channel mixing")
    free = km.KroneckerSparse(np.broadcast_to(mixing.values, mixing.pattern.values_shape), mixing.pattern)
    return nn.Linear(free, part.bias, part.rows, part.name)


#: What is made of a new Mixer: nothing, or its control at equal trained weights.
ARMS: dict[str, Callable[[nn.Network], nn.Network]] = {"Mixer": lambda network: network, "untied": untied}

LAYERS = {"S-Mixer": _s_mixer, "RP-Mixer": _rp_mixer, "untied": _untied, "sparse MLP": _sparse, "dense MLP": _dense}


def normal(rng: np.random.Generator, shape: tuple[int, ...], inputs: float) -> Array:
    """Normal weights that keep the variance of ``inputs`` independent inputs."""
    return (rng.standard_normal(shape) / np.sqrt(inputs)).astype(np.float32)
