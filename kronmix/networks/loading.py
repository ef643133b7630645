"""Trained Mixers as networks: the same class that trains, from a checkpoint's arrays."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..mixer import channel_mixing, token_mixing
from ..mixer.checkpoints import MixerBlock, MixerCheckpoint, read_checkpoint
from ..operators import Dense, KroneckerSparse
from .activations import activation
from .network import Network
from .normalization import LayerNorm
from .parts import Array, Fixed, Linear, Part, Residual, Sequential
from .patches import Patches
from .runs import is_run, read_run


def load_mixer(path: str | os.PathLike[str]) -> Network:
    """Load a trained MLP-Mixer or ResMLP: timm's ``.safetensors``, the original JAX ``.npz``, or a run of our own.

    Parameters
    ----------
    path : path

    Returns
    -------
    Network
        ``net(images)`` gives logits (N, classes) for images (N, H, W, colours) that are normalised as the model expects;
        ``net.blocks`` the effective layers of each block, ``net.layers()`` all of them, ``net.as_wide_mlp()`` the wide MLP.

    Raises
    ------
    ValueError
        If the file is damaged, of another family, or an array does not fit.

    References
    ----------
    Tolstikhin et al. 2021; Touvron et al. 2021, *ResMLP*, arXiv 2105.03404 (T5).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "small.safetensors"
    >>> km.mixer.write_synthetic_checkpoint(file, image=8, patch=4, channels=6, depth=2, classes=3)
    >>> net = km.load_mixer(file)
    >>> net(np.zeros((5, 8, 8, 3))).shape, len(net.blocks), [op.shape for op in net.blocks[0]][:2]
    ((5, 3), 2, [(18, 24), (24, 18)])
    """
    return read_run(path).network if is_run(path) else network_of(read_checkpoint(path))


def network_of(found: MixerCheckpoint) -> Network:
    """The network of a checkpoint's arrays."""
    S, C = found.tokens, found.channels
    parts: list[Part] = [_channel(*found.embedding, S)]
    for block in found.blocks:
        parts += _block(block, found, S)
    parts.append(_norm(found.norm, S, found.normalized))
    dtype = found.embedding[0].dtype
    parts.append(Fixed(token_mixing(np.full((1, S), 1 / S, dtype), channels=C)))
    if found.head is not None:
        V, b = found.head
        parts.append(Linear(Dense(V.T), b.reshape(1, -1, 1)))
    return Network(Sequential(*parts), Patches(found.patch), found.family)


def _block(block: MixerBlock, found: MixerCheckpoint, S: int) -> list[Part]:
    C = found.channels
    token: list[Part] = [_token(W, b, C) for W, b in block.token]
    channel: list[Part] = [_channel(V, b, S) for V, b in block.channel]
    if block.scales is not None:
        token.append(_scale(block.scales[0], S))
        channel.append(_scale(block.scales[1], S))
    between = activation(found.activation)
    if len(block.token) == 2:  # one matrix only has nothing to activate (ResMLP)
        token[1:1] = between
    channel[1:1] = between
    first, second = (_norm(norm, S, found.normalized) for norm in (block.norm1, block.norm2))
    return [Residual(first, *token), Residual(second, *channel)]


def _token(W: Array, b: Array, channels: int) -> Linear:
    return Linear(token_mixing(W, channels=channels), b.reshape(1, -1, 1), (channels, len(W), 1))


def _channel(V: Array, b: Array, tokens: int) -> Linear:
    return Linear(channel_mixing(V, tokens=tokens), b.reshape(1, -1, 1), (1, V.shape[1], tokens))


def _scale(scale: Array, tokens: int) -> Linear:
    return Linear(_diagonal(scale, tokens))


def _diagonal(scale: Array, tokens: int) -> KroneckerSparse:
    """diag(scale) ⊗ I_S."""
    return KroneckerSparse(scale.reshape(-1, 1, 1, 1), (scale.size, 1, 1, tokens))


def _norm(pair: tuple[Any, Any], tokens: int, normalized: bool) -> Part:
    """Layer norm, or ResMLP's affine map without statistics: a diagonal layer with a bias."""
    scale, shift = pair
    if normalized:
        return LayerNorm(scale, shift, tokens)
    return Linear(_diagonal(scale, tokens), shift.reshape(1, -1, 1), (1, scale.size, tokens))
