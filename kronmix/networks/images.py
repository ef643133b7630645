"""Mixers of images as networks, from a checkpoint's arrays."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from ..mixer import channel_mixing, token_mixing
from ..mixer.checkpoints import MixerBlock, MixerCheckpoint, SpatialGatingBlock
from ..operators import Dense, KroneckerSparse
from .activations import Activation, activation
from .from_arrays import network_of
from .gates import Gate, Half, halves_gated
from .network import Network
from .normalization import LayerNorm
from .parts import Array, Fixed, Linear, Part, Residual, Sequential
from .patches import Patches, PixelRange


@network_of.register
def _(found: MixerCheckpoint) -> Network:
    S, C = found.tokens, found.channels
    parts: list[Part] = [_channel_layer(found.embedding, S)]
    if found.stem_norm is not None:
        parts.append(_norm(found.stem_norm, S, found))
    for block in found.blocks:
        parts += _block_parts(block, found)
    parts.append(_norm(found.norm, S, found))
    if found.pooled:
        parts.append(Fixed(token_mixing(np.full((1, S), 1 / S, found.embedding[0].dtype), channels=C)))
    if found.head is not None:
        parts.append(_channel_layer(found.head, S) if not found.pooled else _dense(found.head))
    runs = 1 if isinstance(found.blocks[0], SpatialGatingBlock) else 2
    return Network(Sequential(*parts), _patches_part(found), found.family, runs_per_block=runs)


def _patches_part(found: MixerCheckpoint) -> Patches:
    """The part that cuts images into patches, with the range in which the pixels are expected."""
    if found.pixel_range is not None:
        expected = PixelRange(*found.pixel_range, "after the normalisation in config.json they lie")
    else:  # wide enough for any normalisation, too narrow for bytes
        expected = PixelRange(-10.0, 10.0, "the file does not say how they are normalised, but surely they lie")
    features = found.tokens, found.embedding[0].shape[0]
    return Patches(found.patch, features, found.size, expected, None if found.pooled else found.tokens)


@singledispatch
def _block_parts(block: Any, found: MixerCheckpoint) -> list[Part]:
    raise TypeError(f"{type(block).__name__}: not a block of a Mixer")


@_block_parts.register
def _(block: MixerBlock, found: MixerCheckpoint) -> list[Part]:
    S, C = found.tokens, found.channels
    token: list[Part] = [_token_layer(pair, C) for pair in block.token]
    channel: list[Part] = [_channel_layer(pair, S) for pair in block.channel]
    if block.scales is not None:
        token.append(_scale_layer(block.scales[0], S))
        channel.append(_scale_layer(block.scales[1], S))
    hidden_tokens, hidden_channels = len(block.token[0][0]), block.channel[0][0].shape[1]
    if len(block.token) == 2:  # one matrix only has nothing to activate (ResMLP)
        token[1:1] = _between(block, found, (C, hidden_tokens, 1))
    channel[1:1] = _between(block, found, (1, hidden_channels, S))
    first, second = (_norm(norm, S, found) for norm in (block.norm1, block.norm2))
    return [Residual(first, *token), Residual(second, *channel)]


def _between(block: MixerBlock, found: MixerCheckpoint, rows: tuple[int, int, int]) -> tuple[Part, ...]:
    """What stands between the two layers of an MLP."""
    return (halves_gated(Activation("silu"), rows),) if block.gated else activation(found.activation)


@_block_parts.register
def _(block: SpatialGatingBlock, found: MixerCheckpoint) -> list[Part]:
    S = found.tokens
    up, down = (_channel_layer(pair, S) for pair in block.channel)
    width = block.channel[0][0].shape[1]
    rows, half = (1, width, S), width // 2
    gate = Sequential(Half(1, rows), LayerNorm(*block.gate_norm, S, 1e-5), _token_layer(block.token, half))
    inner = (up, *activation(found.activation), Gate(Half(0, rows), gate), down)
    return [Residual(_norm(block.norm, S, found), *inner)]


def _token_layer(pair: tuple[Array, Array | None], channels: int) -> Linear:
    W, b = pair
    return Linear(token_mixing(W, channels=channels), bias_column(b), (channels, len(W), 1), "token")


def _channel_layer(pair: tuple[Array, Array | None], tokens: int) -> Linear:
    V, b = pair
    return Linear(channel_mixing(V, tokens=tokens), bias_column(b), (1, V.shape[1], tokens), "channel")


def _dense(pair: tuple[Array, Array | None]) -> Linear:
    V, b = pair
    return Linear(Dense(V.T), bias_column(b))


def bias_column(b: Array | None) -> Array | None:
    """A bias of one axis as the bias (1, rows, 1) of a ``Linear``."""
    return None if b is None else b.reshape(1, -1, 1)


def _scale_layer(scale: Array, tokens: int) -> Linear:
    return Linear(_diagonal(scale, tokens))


def _diagonal(scale: Array, tokens: int) -> KroneckerSparse:
    """diag(scale) ⊗ I_S."""
    return KroneckerSparse(scale.reshape(-1, 1, 1, 1), (scale.size, 1, 1, tokens))


def _norm(pair: tuple[Any, Any], tokens: int, found: MixerCheckpoint) -> Part:
    """Layer norm, or ResMLP's affine map without statistics: a diagonal layer with a bias."""
    scale, shift = pair
    if found.normalized:
        return LayerNorm(scale, shift, tokens, found.epsilon)
    return Linear(_diagonal(scale, tokens), shift.reshape(1, -1, 1), (1, scale.size, tokens))
