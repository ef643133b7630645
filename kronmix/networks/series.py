"""Mixers of time series as networks: every linear layer one Kronecker product on a three-way tensor H[channel, patch, feature].

Features are vectorised with the last index fastest, so that mixing along an axis is W ⊗ I ⊗ I, I ⊗ W ⊗ I or I ⊗ I ⊗ W.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..mixer import channel_mixing, token_mixing
from ..mixer.checkpoints import AxisMixer, SeriesCheckpoint, SeriesLayer, TimeBlock, TimeCheckpoint
from ..operators import KroneckerSparse
from .activations import activation
from .from_arrays import network_of
from .gates import Gate, Softmax
from .images import bias_column
from .network import Network
from .normalization import Affine, LayerNorm
from .parts import Array, Linear, Parallel, Part, Residual, Sequential
from .windows import Windows


@dataclass(frozen=True)
class _Tensor:
    """Sizes of H[channel, patch, feature]."""

    channel: int
    patch: int
    feature: int

    def around(self, axis: str) -> tuple[int, int]:
        """Sizes before and after an axis, multiplied."""
        before = {"channel": 1, "patch": self.channel, "feature": self.channel * self.patch}[axis]
        return before, self.channel * self.patch * self.feature // (before * getattr(self, axis))

    def linear(self, axis: str, pair: tuple[Array, Array | None], name: str) -> Linear:
        """I ⊗ W ⊗ I with W along an axis, and a bias shared by all that share W."""
        W, b = pair
        a, d = self.around(axis)
        op = KroneckerSparse(W[None, None], (a, *W.shape, d))
        return Linear(op, None if b is None else b.reshape(1, -1, 1), (a, len(W), d), name)

    def rows(self, axis: str) -> tuple[int, int, int]:
        """The tensor seen as (before, axis, after)."""
        before, after = self.around(axis)
        return before, getattr(self, axis), after


@network_of.register
def _(found: SeriesCheckpoint) -> Network:
    C, p = found.channels, found.patch
    n = (found.context - p) // found.stride + 1
    d = len(found.embedding[0])
    parts: list[Part] = [_embedding(found, _Tensor(C, n, p)), *_layer_parts(found.encoder, found)]
    if found.adapter is not None:
        parts.append(_Tensor(C, n, d).linear("feature", found.adapter, "adapter"))
    if found.raw is not None:
        parts = [Parallel(Sequential(*parts), _Tensor(C, n, p).linear("feature", found.raw, "embedding"))]
    parts += _layer_parts(found.decoder, found)
    width = found.head[0].shape[1]
    parts.append(_Tensor(C, 1, width).linear("feature", found.head, "head"))
    windows = Windows(found.context, C, p, found.stride, found.scaling, found.selected)
    runs = {len(layer.mixers) for layer in (*found.encoder, *found.decoder)}
    return Network(Sequential(*parts), windows, found.family, runs_per_block=runs.pop() if len(runs) == 1 else 1)


def _embedding(found: SeriesCheckpoint, patches: _Tensor) -> Linear:
    """I ⊗ I ⊗ W, with a bias for every patch where patches have positions."""
    linear = patches.linear("feature", found.embedding, "embedding")
    if found.position is None:
        return linear
    bias = found.position if found.embedding[1] is None else found.position + found.embedding[1]
    return Linear(linear.operator, bias.reshape(1, -1, 1), (patches.channel, bias.size, 1), "embedding")


def _layer_parts(layers: tuple[SeriesLayer, ...], found: SeriesCheckpoint) -> list[Part]:
    return [
        _axis_mixer_part(mixer, _Tensor(found.channels, layer.patches, layer.features), found.epsilon)
        for layer in layers
        for mixer in layer.mixers
    ]


def _axis_mixer_part(mixer: AxisMixer, H: _Tensor, epsilon: float) -> Residual:
    """Norm, MLP and gate along one axis of H, with the skip connection."""
    groups, d, _ = H.rows("feature")
    norm = LayerNorm(*mixer.norm, 1, epsilon, groups) if mixer.normalized else Affine(*mixer.norm, (groups, d, 1))
    first, second = (H.linear(mixer.axis, pair, mixer.axis) for pair in mixer.layers)
    mlp: list[Part] = [first, *activation("gelu"), second]
    gate: list[Part] = []
    if mixer.gate is not None:
        weights = Sequential(H.linear(mixer.axis, mixer.gate, f"{mixer.axis} gate"), Softmax(H.rows(mixer.axis)))
        gate = [Gate(Sequential(), weights)]
    # Along channels the gate stands before the MLP, elsewhere after it.
    return Residual(norm, *gate, *mlp) if mixer.axis == "channel" else Residual(norm, *mlp, *gate)


# ---- TSMixer: steps are tokens -----------------------------------------------------------------------------------------


@network_of.register
def _(found: TimeCheckpoint) -> Network:
    steps, channels = found.blocks[0].norms[0][0].shape
    parts = [part for block in found.blocks for part in _time_block_parts(block, found)]
    W, b = found.head
    head = Linear(token_mixing(W, channels=channels), bias_column(b), (channels, len(W), 1), "head")
    # A patch that is the whole series: a column holds channel after channel, as the S × C matrix read column by column.
    return Network(Sequential(*parts, head), Windows(steps, channels, steps, steps), found.family)


def _time_block_parts(block: TimeBlock, found: TimeCheckpoint) -> list[Part]:
    steps, channels = block.norms[0][0].shape
    first, second = (_joint_norm(norm, found.normalized) for norm in block.norms)
    W, b = block.time
    time = Linear(token_mixing(W, channels=channels), bias_column(b), (channels, len(W), 1), "token")
    up, down = (
        Linear(channel_mixing(V.T, tokens=steps), bias_column(c), (1, len(V), steps), "channel")
        for V, c in block.channel
    )
    φ = activation(found.activation)
    return [Residual(first, time, *φ), Residual(second, up, *φ, down)]


def _joint_norm(norm: tuple[Array, Array], normalized: bool) -> Part:
    """Norm over steps and channels together, read column by column."""
    scale, shift = (np.ascontiguousarray(array.T).reshape(-1) for array in norm)
    return LayerNorm(scale, shift, 1, 1e-3) if normalized else Affine(scale, shift, (1, scale.size, 1))
