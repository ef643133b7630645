"""Networks by name: dense and sparse MLPs, Mixers in all their forms, Monarch and group-mixing networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from ..checks import integer
from ..mixer import channel_mixing, random_permuted_mixing, token_mixing
from ..operators import Dense, KroneckerSparse, Masked, Monarch, StructuredOperator
from .activations import activation as activations
from .initialization import Draw, Rng
from .network import Network
from .normalization import LayerNorm
from .parts import Array, Fixed, Linear, Part, Residual, Sequential
from .patches import Patches
from .recording import recorded


@recorded
def mlp(
    inputs: int,
    hidden: Sequence[int],
    classes: int,
    activation: str = "gelu",
    seed: int | Rng = 0,
    dtype: Any = np.float32,
) -> Network:
    """A dense MLP.

    Parameters
    ----------
    inputs : int
        Width of a row, or S·C of a feature matrix.
    hidden : sequence of int
        Widths of the hidden layers.
    classes : int
    activation : {"gelu", "gelu_tanh", "relu", "tanh", "linear"}
    seed : int or numpy.random.Generator
    dtype : float32 or float64

    Examples
    --------
    >>> net = km.networks.mlp(64, [32], 10)
    >>> net, net(np.zeros((5, 64))).shape
    (Network(mlp, widths 64 → 32 → 10, 2 410 parameters), (5, 10))
    """
    draw = Draw(activation, seed, dtype)
    widths = _checked_widths((inputs, *hidden, classes))
    operators = [Dense(draw.weight(n, m, inputs=m)) for m, n in pairwise(widths)]
    return _feedforward("mlp", operators, activation, draw)


@recorded
def sparse_mlp(
    inputs: int,
    hidden: Sequence[int],
    classes: int,
    density: float | None = None,
    connections: float | None = None,
    activation: str = "gelu",
    seed: int | Rng = 0,
    dtype: Any = np.float32,
) -> Network:
    """A sparse-weight MLP (SW-MLP): M ∘ A with a fixed Bernoulli mask, between dense first and last layers (T7).

    Parameters
    ----------
    inputs, hidden, classes, activation, seed, dtype : as in mlp
    density : float, optional
        Probability p that a weight between hidden layers is kept.
    connections : float, optional
        Connections Ω of each of these layers instead: p = Ω/(rows · columns).

    Raises
    ------
    ValueError
        If not exactly one of density and connections is given, or p is not in (0, 1].

    References
    ----------
    Golubeva, Neyshabur & Gur-Ari 2021 (T7).

    Examples
    --------
    >>> net = km.networks.sparse_mlp(16, [100, 100], 3, connections=500)
    >>> 400 < net.layers()[1].nnz < 600
    True
    """
    if (density is None) == (connections is None):
        raise ValueError("give either density or connections")
    draw = Draw(activation, seed, dtype)
    widths = _checked_widths((inputs, *hidden, classes))
    operators: list[StructuredOperator] = []
    for i, (m, n) in enumerate(pairwise(widths)):
        if i in (0, len(widths) - 2):
            operators.append(Dense(draw.weight(n, m, inputs=m)))
            continue
        p = density if density is not None else float(connections or 0) / (m * n)
        if not 0 < p <= 1:
            raise ValueError(f"density p={p:g} of a {n}×{m} layer: expected 0 < p ≤ 1")
        mask = draw.rng.random((n, m)) < p
        operators.append(Masked(draw.weight(n, m, inputs=p * m), mask))
    return _feedforward("sparse_mlp", operators, activation, draw)


@recorded
def s_mixer(
    tokens: int,
    channels: int,
    depth: int,
    classes: int,
    activation: str = "gelu",
    seed: int | Rng = 0,
    dtype: Any = np.float32,
) -> Network:
    """An S-Mixer: token layer, φ, channel layer, φ, …, on S × C features; a mean over tokens and a dense head (T5).

    Parameters
    ----------
    tokens, channels : int
    depth : int
        Pairs of a token and a channel layer.
    classes, activation, seed, dtype : as in mlp

    Examples
    --------
    >>> net = km.networks.s_mixer(8, 8, depth=1, classes=10)
    >>> [op.density for op in net.layers()[:2]]
    [0.125, 0.125]
    """
    draw = Draw(activation, seed, dtype)
    return _alternating("s_mixer", (token_mixing, channel_mixing), activation, draw, (tokens, channels), depth, classes)


@recorded
def rp_mixer(
    tokens: int,
    channels: int,
    depth: int,
    classes: int,
    activation: str = "gelu",
    seed: int | Rng = 0,
    dtype: Any = np.float32,
) -> Network:
    """A random-permuted Mixer: the layers of an S-Mixer, each between two random permutations of its features (T8).

    Parameters
    ----------
    tokens, channels, depth, classes, activation, seed, dtype : as in s_mixer

    Examples
    --------
    >>> net = km.networks.rp_mixer(8, 4, depth=2, classes=3)
    >>> len(net.layers()), net.layers()[0].nnz
    (5, 256)
    """
    draw = Draw(activation, seed, dtype)
    mixing = partial(random_permuted_mixing, seed=draw.rng)
    return _alternating("rp_mixer", (mixing, mixing), activation, draw, (tokens, channels), depth, classes)


@recorded
def monarch_mlp(
    sizes: tuple[int, int],
    depth: int,
    classes: int,
    activation: str = "gelu",
    seed: int | Rng = 0,
    dtype: Any = np.float32,
) -> Network:
    """An MLP of Monarch layers of width p·q (q blocks of p×p after p blocks of q×q), and a dense head (T12).

    Parameters
    ----------
    sizes : (p, q)
    depth : int
        Hidden layers.
    classes, activation, seed, dtype : as in mlp

    Examples
    --------
    >>> km.networks.monarch_mlp((8, 8), 2, 10).layers()[0].n_parameters
    1024
    """
    draw = Draw(activation, seed, dtype)
    p, q = _checked_widths(sizes)
    # An output sums over p·q paths of two weights each: variances gain/p and 1/q.
    operators: list[StructuredOperator] = [
        Monarch(draw.weight(q, p, p, inputs=p), draw.weight(p, q, q, inputs=q, gain=1.0))
        for _ in range(integer(depth, "depth"))
    ]
    operators.append(Dense(draw.weight(classes, p * q, inputs=p * q)))
    return _feedforward("monarch_mlp", operators, activation, draw)


@recorded
def group_mixer(
    width: int,
    group: int,
    classes: int,
    expansion: int = 1,
    activation: str = "gelu",
    seed: int | Rng = 0,
    dtype: Any = np.float32,
) -> Network:
    """A Dimension Mixer: nonlinear blocks on groups of features at the strides of a butterfly, each with a skip connection.

    Parameters
    ----------
    width : int
        A power of ``group``.
    group : int
        Features mixed together; log_group(width) levels connect every input with every output.
    classes : int
    expansion : int
        Width of a block's hidden layer over that of its group.
    activation, seed, dtype : as in mlp

    Raises
    ------
    ValueError
        If the width is not a power of the group.

    References
    ----------
    Sapkota & Bhattarai 2023, arXiv 2311.18735 (T9).

    Examples
    --------
    >>> net = km.networks.group_mixer(64, 8, 10)
    >>> [tuple(op.pattern) for op in net.layers()[::2]][:2]
    [(1, 8, 8, 8), (8, 8, 8, 1)]
    """
    draw = Draw(activation, seed, dtype)
    n, g, γ = _checked_widths((width, group, expansion))
    levels = round(np.log(n) / np.log(g)) if g > 1 else 0
    if g < 2 or g**levels != n:
        raise ValueError(f"width={width}: expected a power of group={group}, at least 2")
    parts: list[Part] = []
    for level in range(levels):
        a, d = g**level, n // g ** (level + 1)
        up = KroneckerSparse(draw.weight(a, d, γ * g, g, inputs=g), (a, γ * g, g, d))
        down = KroneckerSparse(draw.weight(a, d, g, γ * g, inputs=γ * g, gain=1.0), (a, g, γ * g, d))
        parts.append(Residual(_linear(up, draw), *activations(activation), _linear(down, draw)))
    parts.append(_linear(Dense(draw.weight(classes, n, inputs=n)), draw))
    return Network(Sequential(*parts), Patches(), "group_mixer")


@recorded
def mlp_mixer(
    image: tuple[int, int, int],
    patch: int,
    channels: int,
    depth: int,
    classes: int,
    token_expansion: float = 2,
    channel_expansion: float = 2,
    activation: str = "gelu",
    seed: int | Rng = 0,
    dtype: Any = np.float32,
) -> Network:
    """The MLP-Mixer: patch embedding, blocks of token and channel MLPs with norms and skips, mean over tokens, head (T5).

    Parameters
    ----------
    image : (height, width, colours)
    patch : int
        Side of a patch; S = height·width/patch² tokens.
    channels : int
        C.
    depth : int
        Blocks.
    classes : int
    token_expansion, channel_expansion : float
        γ_T and γ_C: hidden widths γ_T S and γ_C C of the two MLPs, rounded.
    activation, seed, dtype : as in mlp

    Raises
    ------
    ValueError
        If the patch does not divide the image, or a size is below 1.

    References
    ----------
    Tolstikhin et al. 2021, arXiv 2105.01601 (T5).

    Examples
    --------
    >>> net = km.networks.mlp_mixer((8, 8, 1), patch=2, channels=12, depth=2, classes=10)
    >>> net(np.zeros((3, 8, 8, 1))).shape
    (3, 10)
    """
    height, width, colours = _checked_widths(image)
    side, C = _checked_widths((patch, channels))
    if height % side or width % side:
        raise ValueError(f"patch={patch}: expected a divisor of height {height} and width {width}")
    draw = Draw(activation, seed, dtype)
    S = (height // side) * (width // side)
    T, D = max(round(token_expansion * S), 1), max(round(channel_expansion * C), 1)
    pixels = side * side * colours
    parts: list[Part] = [channel_linear(draw.weight(pixels, C, inputs=pixels, gain=1.0), S, draw)]
    for _ in range(integer(depth, "depth")):
        token = (
            token_linear(draw.weight(T, S, inputs=S), C, draw),
            *activations(activation),
            token_linear(draw.weight(S, T, inputs=T, gain=1.0), C, draw),
        )
        channel = (
            channel_linear(draw.weight(C, D, inputs=C), S, draw),
            *activations(activation),
            channel_linear(draw.weight(D, C, inputs=D, gain=1.0), S, draw),
        )
        parts += [Residual(_new_layer_norm(C, S, draw), *token), Residual(_new_layer_norm(C, S, draw), *channel)]
    parts += [_new_layer_norm(C, S, draw), *_head(C, S, classes, draw)]
    return Network(Sequential(*parts), Patches(side, (S, pixels), (height, width)), "mlp_mixer")


# ---- pieces ----------------------------------------------------------------------------------------------------------


def _feedforward(name: str, operators: Sequence[StructuredOperator], activation: str, draw: Draw) -> Network:
    """Layers with φ between them, none after the last."""
    parts: list[Part] = []
    for op in operators[:-1]:
        parts += [_linear(op, draw), *activations(activation)]
    return Network(Sequential(*parts, _linear(operators[-1], draw)), Patches(), name)


def _alternating(
    name: str,
    mixing: tuple[Callable[..., StructuredOperator], Callable[..., StructuredOperator]],
    activation: str,
    draw: Draw,
    sizes: tuple[int, int],
    depth: int,
    classes: int,
) -> Network:
    """Layers that mix tokens and channels in turn, each with an activation; a mean over tokens, and a head."""
    S, C = _checked_widths(sizes)
    parts: list[Part] = []
    for _ in range(integer(depth, "depth")):
        for mix, size, copies in zip(mixing, (S, C), (C, S), strict=True):
            parts += [_linear(mix(draw.weight(size, size, inputs=size), copies), draw), *activations(activation)]
    return Network(Sequential(*parts, *_head(C, S, classes, draw)), Patches(features=(S, C)), name)


def _head(C: int, S: int, classes: int, draw: Draw) -> tuple[Part, Part]:
    """Mean over tokens, then a dense layer."""
    mean = token_mixing(draw.ones(1, S) / draw.dtype.type(S), channels=C)
    head = Dense(draw.weight(integer(classes, "classes"), C, inputs=C, gain=1.0))
    return Fixed(mean), _linear(head, draw)


def _linear(op: StructuredOperator, draw: Draw) -> Linear:
    """A layer with a bias for every output."""
    return Linear(op, draw.zeros(1, op.shape[0], 1))


def token_linear(W: Array, channels: int, draw: Draw) -> Linear:
    """Token mixing with a bias for every token, shared by the channels."""
    return Linear(token_mixing(W, channels=channels), draw.zeros(1, len(W), 1), (channels, len(W), 1))


def channel_linear(V: Array, tokens: int, draw: Draw) -> Linear:
    """Channel mixing with a bias for every channel, shared by the tokens."""
    return Linear(channel_mixing(V, tokens=tokens), draw.zeros(1, V.shape[1], 1), (1, V.shape[1], tokens))


def _new_layer_norm(channels: int, tokens: int, draw: Draw) -> LayerNorm:
    return LayerNorm(draw.ones(channels), draw.zeros(channels), tokens)


def _checked_widths(sizes: Sequence[int]) -> tuple[int, ...]:
    return tuple(integer(size, "size") for size in sizes)
