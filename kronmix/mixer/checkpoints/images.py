"""The layouts of Mixers of images: timm, the original JAX code, scenic, lucidrains and ResMLP, each read into one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import isqrt
from typing import Any

from .families import Family
from .ledger import Ledger
from .mixers import Affine, MixerBlock, MixerCheckpoint, Norm, SpatialGatingBlock

# ---- how a code base stores a linear map, a norm, a patch embedding ------------------------------------------------------


@dataclass(frozen=True)
class Storage:
    """Names of the arrays of a linear map and of a norm, and which axis of a weight comes first."""

    weight: str
    scale: str
    shift: str
    inputs_first: bool

    def linear(self, ledger: Ledger, name: str, inputs: int, outputs: int | None = None) -> Affine:
        """A weight (outputs, inputs) and its bias; a convolution over single entries is a linear map."""
        key = f"{name}.{self.weight}"
        axes = [inputs, outputs] if self.inputs_first else [outputs, inputs]
        weight = ledger.take(key, *axes, *[1] * (len(ledger.shape(key)) - 2))
        weight = weight.reshape(weight.shape[:2])
        weight = weight.T if self.inputs_first else weight
        return weight, ledger.bias(f"{name}.bias", len(weight))

    def norm(self, ledger: Ledger, name: str, size: int) -> Norm:
        """Scale and shift; zero where the norm has no shift. An affine map may be stored with shape (1, 1, C)."""
        key = f"{name}.{self.scale}"
        leading = [1] * (len(ledger.shape(key)) - 1)
        scale = ledger.take(key, *leading, size).reshape(size)
        shift = f"{name}.{self.shift}"
        return scale, (ledger.take(shift, *leading, size).reshape(size) if shift in ledger else 0 * scale)


_TORCH = Storage("weight", "weight", "bias", inputs_first=False)
_AFFINE = Storage("weight", "alpha", "beta", inputs_first=False)
_FLAX = Storage("kernel", "scale", "bias", inputs_first=True)


def _oihw(ledger: Ledger, name: str) -> tuple[Affine, int]:
    """A convolution (C, colours, P, P) as a matrix on patches."""
    C, colours, P, _ = _convolution_shape(ledger, f"{name}.weight")
    weight = ledger.take(f"{name}.weight", C, colours, P, P)
    return (weight.transpose(2, 3, 1, 0).reshape(-1, C), ledger.bias(f"{name}.bias", C)), P


def _hwio(ledger: Ledger, name: str) -> tuple[Affine, int]:
    """A convolution (P, P, colours, C)."""
    P, _, colours, C = _convolution_shape(ledger, f"{name}.kernel")
    weight = ledger.take(f"{name}.kernel", P, P, colours, C)
    return (weight.reshape(-1, C), ledger.bias(f"{name}.bias", C)), P


def _flat_patches(ledger: Ledger, name: str) -> tuple[Affine, int]:
    """A linear map (C, P·P·colours) on patches in the order (row, column, colour) already; 1 or 3 colours make a square of it."""
    C, pixels = ledger.shape(f"{name}.weight")
    sides = [isqrt(pixels // colours) for colours in (1, 3) if isqrt(pixels // colours) ** 2 * colours == pixels]
    if len(sides) != 1:  # at most one of n and n/3 is a square
        raise ValueError(
            f"{ledger.file}: {name}.weight takes {pixels} numbers: no square patch of 1 or 3 colours has so many"
        )
    weight, bias = _TORCH.linear(ledger, name, pixels, C)
    return (weight.T, bias), sides[0]


def _convolution_shape(ledger: Ledger, name: str) -> tuple[int, ...]:
    shape = ledger.shape(name)
    if len(shape) != 4:
        raise ValueError(f"{ledger.file}: {name!r} has shape {shape}, expected the four axes of a convolution")
    return shape


# ---- layouts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """Names of an image Mixer's arrays: inside a block relative to the block's, norm and head by the number of blocks."""

    family: str
    embedding: tuple[str, Callable[[Ledger, str], tuple[Affine, int]]]
    block: Callable[[int], str]
    norm1: str
    token: tuple[str, ...]
    norm2: str
    channel: tuple[str, str]
    norm: Callable[[int], str]
    head: Callable[[int], str]
    storage: Storage
    norms: Storage
    scales: tuple[str, str] | None = None
    activation: str = "gelu"
    normalized: bool = True
    epsilon: float = 1e-6
    stem_norm: str | None = None


_TIMM = Layout(
    family="MLP-Mixer",
    embedding=("stem.proj", _oihw),
    block="blocks.{}".format,
    norm1="norm1",
    token=("mlp_tokens.fc1", "mlp_tokens.fc2"),
    norm2="norm2",
    channel=("mlp_channels.fc1", "mlp_channels.fc2"),
    norm=lambda depth: "norm",
    head=lambda depth: "head",
    storage=_TORCH,
    norms=_TORCH,
    stem_norm="stem.norm",
)
_TIMM_RESMLP = replace(
    _TIMM, family="ResMLP", token=("linear_tokens",), norms=_AFFINE, normalized=False, scales=("ls1", "ls2")
)
_FACEBOOK_RESMLP = replace(
    _TIMM_RESMLP,
    embedding=("patch_embed.proj", _oihw),
    token=("attn",),
    channel=("mlp.fc1", "mlp.fc2"),
    scales=("gamma_1", "gamma_2"),
    stem_norm=None,
)
_JAX = Layout(
    family="MLP-Mixer",
    embedding=("stem", _hwio),
    block="MixerBlock_{}".format,
    norm1="LayerNorm_0",
    token=("token_mixing.Dense_0", "token_mixing.Dense_1"),
    norm2="LayerNorm_1",
    channel=("channel_mixing.Dense_0", "channel_mixing.Dense_1"),
    norm=lambda depth: "pre_head_layer_norm",
    head=lambda depth: "head",
    storage=_FLAX,
    norms=_FLAX,
    activation="gelu_tanh",
)
_SCENIC = replace(
    _JAX,
    embedding=("embedding", _hwio),
    block="mixerblock_{}".format,
    norm=lambda depth: "pre_logits_norm",
    head=lambda depth: "output_projection",
)
#: A Sequential: rearrangement, embedding, one entry a block, norm, mean, head.
_LUCIDRAINS = Layout(
    family="MLP-Mixer",
    embedding=("1", _flat_patches),
    block=lambda i: f"{2 + i}",
    norm1="0.norm",
    token=("0.fn.0", "0.fn.3"),
    norm2="1.norm",
    channel=("1.fn.0", "1.fn.3"),
    norm=lambda depth: f"{2 + depth}",
    head=lambda depth: f"{4 + depth}",
    storage=_TORCH,
    norms=_TORCH,
    epsilon=1e-5,
)


def _read_mixer(ledger: Ledger, config: Mapping[str, Any], layout: Layout) -> MixerCheckpoint:
    """A checkpoint in one of the layouts of Mixer and ResMLP."""
    embedding, patch = layout.embedding[1](ledger, layout.embedding[0])
    C = embedding[0].shape[1]
    depth = _depth(ledger, f"{{}}.{layout.token[0]}.{layout.storage.weight}", layout.block)
    blocks = tuple(_read_block(ledger, layout, layout.block(i), C) for i in range(depth))
    gated = any(block.gated for block in blocks)
    found = _trunk(ledger, layout, embedding, patch, blocks, C)
    return _configured(replace(found, family="gMixer") if gated else found, config, ledger)


def _read_block(ledger: Ledger, layout: Layout, block: str, C: int) -> MixerBlock:
    storage = layout.storage
    names = [f"{block}.{name}" for name in layout.token]
    S = ledger.shape(f"{names[0]}.{storage.weight}")[0 if storage.inputs_first else 1]
    token, token_gated = _perceptron(ledger, storage, names, S)
    channel, channel_gated = _perceptron(ledger, storage, [f"{block}.{name}" for name in layout.channel], C)
    if token_gated != channel_gated and len(token) > 1:
        raise ValueError(f"{ledger.file}: {block} has a gate in one of its two MLPs: such a Mixer is not known")
    norm1, norm2 = (layout.norms.norm(ledger, f"{block}.{name}", C) for name in (layout.norm1, layout.norm2))
    scales = layout.scales and (
        ledger.take(f"{block}.{layout.scales[0]}", C),
        ledger.take(f"{block}.{layout.scales[1]}", C),
    )
    return MixerBlock(norm1, token, norm2, tuple((V.T, c) for V, c in channel), scales or None, channel_gated)


def _perceptron(ledger: Ledger, storage: Storage, names: list[str], size: int) -> tuple[tuple[Affine, ...], bool]:
    """One square layer, or two with a hidden one between them; the second takes half of it where a gate multiplies the halves."""
    if len(names) == 1:
        return (storage.linear(ledger, names[0], size, size),), False
    first = storage.linear(ledger, names[0], size)
    hidden = len(first[0])
    shape = ledger.shape(f"{names[1]}.{storage.weight}")
    gated = len(shape) > 1 and 2 * shape[0 if storage.inputs_first else 1] == hidden
    second = storage.linear(ledger, names[1], hidden // 2 if gated else hidden, size)
    return (first, second), gated


def _read_gmlp(ledger: Ledger, config: Mapping[str, Any]) -> MixerCheckpoint:
    embedding, patch = _oihw(ledger, "stem.proj")
    C = embedding[0].shape[1]
    depth = _depth(ledger, "{}.mlp_channels.gate.proj.weight", _TIMM.block)
    blocks = tuple(_read_gating_block(ledger, _TIMM.block(i), C) for i in range(depth))
    found = _trunk(ledger, replace(_TIMM, family="gMLP"), embedding, patch, blocks, C)
    return _configured(found, config, ledger)


def _read_gating_block(ledger: Ledger, block: str, C: int) -> SpatialGatingBlock:
    V1, c1 = _TORCH.linear(ledger, f"{block}.mlp_channels.fc1", C)
    half = len(V1) // 2
    V2, c2 = _TORCH.linear(ledger, f"{block}.mlp_channels.fc2", half, C)
    S = ledger.shape(f"{block}.mlp_channels.gate.proj.weight")[0]
    return SpatialGatingBlock(
        norm=_TORCH.norm(ledger, f"{block}.norm", C),
        channel=((V1.T, c1), (V2.T, c2)),
        gate_norm=_TORCH.norm(ledger, f"{block}.mlp_channels.gate.norm", half),
        token=_TORCH.linear(ledger, f"{block}.mlp_channels.gate.proj", S, S),
    )


def _trunk(
    ledger: Ledger, layout: Layout, embedding: Affine, patch: int, blocks: tuple[Any, ...], C: int
) -> MixerCheckpoint:
    """What stands around the blocks: stem norm, final norm, head."""
    depth = len(blocks)
    stem = layout.stem_norm
    head = layout.head(depth)
    weight = f"{head}.{layout.storage.weight}" in ledger
    V, b = layout.storage.linear(ledger, head, C) if weight else (None, None)
    return MixerCheckpoint(
        layout.family,
        layout.activation,
        layout.normalized,
        patch,
        embedding,
        blocks,
        layout.norms.norm(ledger, layout.norm(depth), C),
        None if V is None else (V.T, b),
        layout.epsilon,
        layout.norms.norm(ledger, stem, C) if stem is not None and f"{stem}.{layout.norms.scale}" in ledger else None,
    )


def _depth(ledger: Ledger, name: str, block: Callable[[int], str]) -> int:
    """Number of blocks from 0 on; what lies after a gap is left over and named at the end."""
    depth = 0
    while name.format(block(depth)) in ledger:
        depth += 1
    return depth


# ---- config.json of timm -----------------------------------------------------------------------------------------------

#: Arguments of timm's models that change what is computed and are not seen in the arrays.
_UNSEEN = ("act_layer", "block_layer", "mlp_layer", "norm_layer")


def _configured(found: MixerCheckpoint, config: Mapping[str, Any], ledger: Ledger) -> MixerCheckpoint:
    """What the arrays do not say: pooling, the size of images, how their pixels are normalised."""
    named, known = str(config.get("architecture") or ""), found.family.lower().split("-")
    if named and re.split(r"[^a-z]", named.lower())[0] not in (known[-1], "".join(known)):
        raise ValueError(
            f"{ledger.file}: a {found.family}, and config.json beside it says architecture={named!r}: it belongs to another file"
        )
    arguments, about = (_config_section(config, name, ledger) for name in ("model_args", "pretrained_cfg"))
    for name in _UNSEEN:
        if name in arguments:
            raise ValueError(f"{ledger.file}: config.json sets {name}={arguments[name]!r}, which is not supported")
    pooling = arguments.get("global_pool", config.get("global_pool", "avg"))
    if pooling not in ("avg", ""):
        raise ValueError(
            f"{ledger.file}: config.json has global_pool={pooling!r}: the mean over tokens ('avg') or none ('') is read"
        )
    sizes = _numbers(about, "input_size", ledger)
    side = arguments.get("img_size", [int(n) for n in sizes[1:]])
    size = (side, side) if isinstance(side, int) else tuple(side) if isinstance(side, list) and len(side) == 2 else None
    if size is not None and (size[0] // found.patch) * (size[1] // found.patch) != found.tokens:
        raise ValueError(
            f"{ledger.file}: config.json says images of {size[0]}×{size[1]} pixels, and the weights take {found.tokens} patches "
            f"of {found.patch}×{found.patch}"
        )
    mean, deviation = (_numbers(about, name, ledger) for name in ("mean", "std"))
    if len(mean) != len(deviation) or not all(s > 0 for s in deviation):
        raise ValueError(
            f"{ledger.file}: config.json has mean={list(mean)} and std={list(deviation)}: expected as many, above 0"
        )
    ends = [(end - m) / s for m, s in zip(mean, deviation, strict=True) for end in (0.0, 1.0)]
    return replace(found, pooled=pooling == "avg", size=size, pixel_range=(min(ends), max(ends)) if ends else None)


def _config_section(config: Mapping[str, Any], name: str, ledger: Ledger) -> Mapping[str, Any]:
    found = config.get(name) or {}
    if not isinstance(found, dict):
        raise ValueError(f"{ledger.file}: config.json has {name}={found!r}: expected names and values")
    return found


def _numbers(about: Mapping[str, Any], name: str, ledger: Ledger) -> tuple[float, ...]:
    """A list of numbers; empty where there is none."""
    found = about.get(name) or []
    if not isinstance(found, list) or not all(isinstance(n, int | float) for n in found):
        raise ValueError(f"{ledger.file}: config.json has {name}={found!r}: expected a list of numbers")
    return tuple(found)


def _refuse_sized_kernels(ledger: Ledger, config: Mapping[str, Any]) -> MixerCheckpoint:
    """Token mixing as ``kernel16``, named by its size: (N, S, C) and (S, T) contracted to (N, C, T), channels before tokens."""
    raise ValueError(
        f"{ledger.file}: token mixing is named by its size (MixerBlock_0/kernel…), as in a version of vit_jax of 2021 whose code "
        "puts channels before tokens: it runs only where both MLPs' sizes agree, and is then no Mixer. Later versions have "
        "token_mixing/Dense_0/kernel"
    )


def _mixer_family(name: str, anchor: str, layout: Layout) -> Family:
    return Family(name, anchor, partial(_read_mixer, layout=layout))


IMAGE_FAMILIES = (
    _mixer_family("MLP-Mixer (timm)", "blocks.0.mlp_tokens.fc1.weight", _TIMM),
    _mixer_family("ResMLP (timm)", "blocks.0.linear_tokens.weight", _TIMM_RESMLP),
    _mixer_family("ResMLP (facebookresearch)", "blocks.0.attn.weight", _FACEBOOK_RESMLP),
    Family("gMLP (timm)", "blocks.0.mlp_channels.gate.proj.weight", _read_gmlp),
    _mixer_family("MLP-Mixer (original JAX)", "MixerBlock_0.token_mixing.Dense_0.kernel", _JAX),
    Family("MLP-Mixer (early vit_jax)", "MixerBlock_0.kernel#", _refuse_sized_kernels),
    _mixer_family("MLP-Mixer (scenic)", "mixerblock_0.token_mixing.Dense_0.kernel", _SCENIC),
    _mixer_family("MLP-Mixer (lucidrains)", "2.0.fn.0.weight", _LUCIDRAINS),
)
