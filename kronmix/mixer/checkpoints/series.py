"""Mixers of time series: PatchTSMixer (transformers), TinyTimeMixer (granite) and TSMixer (google-research, Keras' names).

Weights are kept as the files have them, (outputs, inputs), acting along one axis of a three-way tensor H[channel, patch, feature].
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...files import Array
from .families import Family
from .images import Storage
from .ledger import Ledger
from .mixers import Affine, Norm

_TORCH = Storage("weight", "weight", "bias", inputs_first=False)
_KERAS = Storage("kernel", "gamma", "beta", inputs_first=True)


@dataclass(frozen=True)
class AxisMixer:
    """One step H ↦ H + f(norm(H)): an MLP along one axis, perhaps with a gate along the same axis.

    Attributes
    ----------
    axis : {"channel", "patch", "feature"}
    norm : (scale, shift)
        Over the features, in each step.
    normalized : bool
        Whether the norm takes statistics of its input (layer norm) or has them stored (batch norm after training).
    layers : two pairs (weight, bias)
        Weights (outputs, inputs).
    gate : (weight, bias) or None
        G of u ↦ u ∘ softmax(G u).
    """

    axis: str
    norm: Norm
    normalized: bool
    layers: tuple[Affine, Affine]
    gate: Affine | None


@dataclass(frozen=True)
class SeriesLayer:
    """The steps of one layer on patches × features; channels are the same throughout."""

    patches: int
    features: int
    mixers: tuple[AxisMixer, ...]


@dataclass(frozen=True)
class SeriesCheckpoint:
    """A trained PatchTSMixer or TinyTimeMixer that forecasts, as arrays.

    Attributes
    ----------
    family : {"PatchTSMixer", "TinyTimeMixer"}
    channels, context, patch, stride : int
        Series a sample, steps of each, steps of a patch, and between the starts of patches.
    scaling : {"std", "mean", None}
        How each series is scaled before, and the forecast back after.
    epsilon : float
        Of the norms.
    embedding : (weight, bias)
        Weight (features, patch).
    position : array (patches, features) or None
    encoder, decoder : tuple of SeriesLayer
    adapter, raw : (weight, bias) or None
        Between encoder and decoder, and from the patches straight to the decoder.
    head : (weight, bias)
        Weight (steps ahead, patches · features).
    selected : tuple of int
        Channels that are forecast.
    ignored : mapping of name to reason
    """

    family: str
    channels: int
    context: int
    patch: int
    stride: int
    scaling: str | None
    epsilon: float
    embedding: Affine
    position: Array | None
    encoder: tuple[SeriesLayer, ...]
    adapter: Affine | None
    raw: Affine | None
    decoder: tuple[SeriesLayer, ...]
    head: Affine
    selected: tuple[int, ...]
    ignored: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Names:
    """Where a family keeps its encoder, and the settings under which nothing but the layout of this module is computed."""

    family: str
    backbone: str
    plain: Mapping[str, tuple[Any, ...]]


_PATCHTSMIXER = _Names(
    "PatchTSMixer", "model.encoder", {"self_attn": (False,), "mode": ("common_channel", "mix_channel")}
)
_TTM = _Names(
    "TinyTimeMixer",
    "backbone.encoder",
    {
        **_PATCHTSMIXER.plain,
        "decoder_mode": ("common_channel", "mix_channel"),
        "categorical_vocab_size_list": (None,),
        "decompose": (False,),
        "enable_base_norm_always": (False,),
        "enable_forecast_channel_mixing": (False,),
        "fft_length": (0,),
        "gate_mode": ("softmax",),
        "masked_context_length": (None,),
        "multi_quantile_head": (False,),
        "multi_scale": (False,),
        "prediction_filter_length": (None,),
        "register_tokens": (0,),
        "resolution_prefix_tuning": (False,),
        "use_register_context_gating": (False,),
    },
)
#: Settings that the configuration has to give, as no array shows them.
_NEEDED = ("context_length", "patch_length", "patch_stride", "num_input_channels")


def _read_series(ledger: Ledger, config: Mapping[str, Any], names: _Names) -> SeriesCheckpoint:
    """A checkpoint of PatchTSMixer that forecasts."""
    _check_config(ledger, config, names)
    epsilon = config.get("norm_eps", 1e-5)
    context, patch, stride, C = (int(config[name]) for name in _NEEDED)
    n = (context - patch) // stride + 1
    encoder = names.backbone
    embedding = _TORCH.linear(ledger, f"{encoder}.patcher", patch)
    d = len(embedding[0])
    position = f"{encoder}.positional_encoder.position_enc"
    adapter, raw = "decoder.adapter", "decoder.decoder_raw_embedding"
    D = ledger.shape(f"{adapter}.weight")[0] if f"{adapter}.weight" in ledger else d
    head = "head.base_forecast_block"
    if f"{head}.weight" not in ledger:
        raise ValueError(
            f"{ledger.file}: no {head!r}: of the {names.family}'s heads the one that forecasts is read{_head_that_is_there(ledger)}"
        )
    given = config.get("scaling", "std")
    scaling = "std" if given is True else given or None
    if scaling not in ("std", "mean", None):
        raise ValueError(f"{ledger.file}: config.json has scaling={scaling!r}: expected 'std', 'mean' or none")
    selected = config.get("prediction_channel_indices") or range(C)
    if not all(isinstance(i, int) and 0 <= i < C for i in selected):
        raise ValueError(
            f"{ledger.file}: config.json has prediction_channel_indices={selected!r}: expected some of 0 to {C - 1}"
        )
    return SeriesCheckpoint(
        names.family,
        C,
        context,
        patch,
        stride,
        scaling,
        epsilon,
        embedding,
        ledger.take(position, n, d) if position in ledger else None,
        tuple(_layers(ledger, f"{encoder}.mlp_mixer_encoder", C, n * d, epsilon)),
        _TORCH.linear(ledger, adapter, d, D) if D != d or f"{adapter}.weight" in ledger else None,
        _TORCH.linear(ledger, raw, patch, D) if f"{raw}.weight" in ledger else None,
        tuple(_layers(ledger, "decoder.decoder_block", C, n * D, epsilon)),
        _TORCH.linear(ledger, head, n * D),
        tuple(sorted(selected)),
    )


#: Heads that are not read, by a name of theirs, and what they give.
_OTHER_HEADS = {
    "head.projection": "classes or values of a regression",
    "head.base_pt_block": "patches that were masked in pretraining",
}


def _head_that_is_there(ledger: Ledger) -> str:
    """What the head of a file gives, where it is another one."""
    there = [f"{name!r}, which gives {what}" for name, what in _OTHER_HEADS.items() if f"{name}.weight" in ledger]
    return f", and there is {' and '.join(there)}" if there else ""


def _check_config(ledger: Ledger, config: Mapping[str, Any], names: _Names) -> None:
    missing = [name for name in _NEEDED if not isinstance(config.get(name), int)]
    if missing:
        raise ValueError(
            f"{ledger.file}: a {names.family}, and no config.json beside it that says {', '.join(missing)}: put the one it was "
            "saved with into the same folder"
        )
    wrong = [name for name in _NEEDED if config[name] < 1]
    if (
        wrong
        or config["patch_length"] > config["context_length"]
        or not isinstance(config.get("norm_eps", 1e-5), float)
    ):
        said = {name: config.get(name) for name in (*_NEEDED, "norm_eps")}
        raise ValueError(f"{ledger.file}: config.json has impossible sizes: {said}")
    if config.get("loss") == "nll":
        raise ValueError(
            f"{ledger.file}: config.json has loss='nll', whose head gives a distribution: forecasts of values are read"
        )
    for name, allowed in names.plain.items():
        if name in config and config[name] not in allowed:
            raise ValueError(
                f"{ledger.file}: config.json has {name}={config[name]!r}, which is not supported: expected "
                f"{' or '.join(map(repr, allowed))}"
            )


def _layers(ledger: Ledger, block: str, channels: int, size: int, epsilon: float) -> Iterator[SeriesLayer]:
    """The layers of a block; those of adaptive patching hold several each, on other patches of the same numbers."""
    pattern = re.compile(rf"{re.escape(block)}\.(mixers\.\d+(\.mixer_layers\.\d+)?)\.feature_mixer\.mlp\.fc1\.weight")
    found = {match[1] for name in ledger.stored if (match := pattern.fullmatch(name))}
    for name in sorted(found, key=lambda name: [int(part) for part in re.findall(r"\d+", name)]):
        layer = f"{block}.{name}"
        d = ledger.shape(f"{layer}.feature_mixer.mlp.fc1.weight")[1]
        if size % d:
            raise ValueError(f"{ledger.file}: {layer} mixes {d} features, which do not divide {size} numbers a channel")
        sizes = {"channel": channels, "patch": size // d, "feature": d}
        mixers = [
            _read_axis_mixer(ledger, f"{layer}.{name}", axis, sizes, epsilon)
            for axis, name in (
                ("channel", "channel_feature_mixer"),
                ("patch", "patch_mixer"),
                ("feature", "feature_mixer"),
            )
            if f"{layer}.{name}.mlp.fc1.weight" in ledger
        ]
        yield SeriesLayer(size // d, d, tuple(mixers))


def _read_axis_mixer(ledger: Ledger, name: str, axis: str, sizes: Mapping[str, int], epsilon: float) -> AxisMixer:
    size, d = sizes[axis], sizes["feature"]
    first = _TORCH.linear(ledger, f"{name}.mlp.fc1", size)
    second = _TORCH.linear(ledger, f"{name}.mlp.fc2", len(first[0]), size)
    gate = f"{name}.gating_block.attn_layer"
    stored = f"{name}.norm.norm.batchnorm.running_mean" in ledger
    norm = (
        _batch_norm(ledger, f"{name}.norm.norm.batchnorm", d, epsilon)
        if stored
        else _TORCH.norm(ledger, f"{name}.norm.norm", d)
    )
    gating = _TORCH.linear(ledger, gate, size, size) if f"{gate}.weight" in ledger else None
    return AxisMixer(axis, norm, not stored, (first, second), gating)


def _batch_norm(ledger: Ledger, name: str, d: int, epsilon: float) -> Norm:
    """What batch norm is after training: an affine map with the statistics that are stored."""
    scale, shift, mean, variance = (
        ledger.take(f"{name}.{part}", d) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = scale / np.sqrt(variance + np.asarray(epsilon, variance.dtype))
    return scale, shift - mean * scale


# ---- TSMixer ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TimeBlock:
    """X ↦ X + φ(W norm(X) + b), then X ↦ X + (φ(norm(X) V₁ + c₁)) V₂ + c₂, on X of steps × channels.

    Attributes
    ----------
    norms : two pairs (scale, shift), arrays (steps, channels)
    time : (weight, bias)
        Weight (steps, steps).
    channel : two pairs (weight, bias)
        Weights (outputs, inputs).
    """

    norms: tuple[Norm, Norm]
    time: Affine
    channel: tuple[Affine, Affine]


@dataclass(frozen=True)
class TimeCheckpoint:
    """A trained TSMixer, as arrays.

    Attributes
    ----------
    activation : str
        As ``config.json`` says; "relu", the published default, without one.
    normalized : bool
        Whether norms take statistics over a sample's steps and channels (layer norm, ε = 1e-3) or have them stored (batch norm).
    blocks : tuple of TimeBlock
    head : (weight, bias)
        Weight (steps ahead, steps).
    ignored : mapping of name to reason
    """

    activation: str
    normalized: bool
    blocks: tuple[TimeBlock, ...]
    head: Affine
    ignored: Mapping[str, str] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """What it is."""
        return "TSMixer"


#: Keras' own ε.
_KERAS_EPSILON = 1e-3


def _read_tsmixer(ledger: Ledger, config: Mapping[str, Any]) -> TimeCheckpoint:
    """A Keras checkpoint of TSMixer: three dense layers and two norms in each block, and one dense layer more."""
    dense = _numbered(ledger, "dense", "kernel")
    batch, layer = _numbered(ledger, "batch_normalization", "gamma"), _numbered(ledger, "layer_normalization", "gamma")
    norms = batch or layer
    depth = (len(dense) - 1) // 3
    if len(dense) != 3 * depth + 1 or len(norms) != 2 * depth or (batch and layer):
        raise ValueError(
            f"{ledger.file}: {len(dense)} dense layers and {len(batch) + len(layer)} norms: a TSMixer has 3 and 2 a block, "
            "and one dense layer more"
        )
    steps = ledger.shape(f"{dense[0]}.kernel")[0]
    channels = ledger.shape(f"{dense[1]}.kernel")[0]
    blocks = tuple(
        TimeBlock(
            (
                _read_joint_norm(ledger, norms[2 * i], steps, channels),
                _read_joint_norm(ledger, norms[2 * i + 1], steps, channels),
            ),
            _KERAS.linear(ledger, dense[3 * i], steps, steps),
            _read_feature_mlp(ledger, dense[3 * i + 1], dense[3 * i + 2], channels),
        )
        for i in range(depth)
    )
    return TimeCheckpoint(
        str(config.get("activation", "relu")), not batch, blocks, _KERAS.linear(ledger, dense[-1], steps)
    )


def _read_feature_mlp(ledger: Ledger, first: str, second: str, channels: int) -> tuple[Affine, Affine]:
    up = _KERAS.linear(ledger, first, channels)
    return up, _KERAS.linear(ledger, second, len(up[0]), channels)


def _read_joint_norm(ledger: Ledger, name: str, steps: int, channels: int) -> Norm:
    """Scale and shift over time and channels; the stored statistics of a batch norm are worked in."""
    shape = steps, channels
    scale, shift = ledger.take(f"{name}.gamma", *shape), ledger.take(f"{name}.beta", *shape)
    if f"{name}.moving_mean" not in ledger:
        return scale, shift
    mean, variance = ledger.take(f"{name}.moving_mean", *shape), ledger.take(f"{name}.moving_variance", *shape)
    scale = scale / np.sqrt(variance + np.asarray(_KERAS_EPSILON, variance.dtype))
    return scale, shift - mean * scale


def _numbered(ledger: Ledger, kind: str, array: str) -> list[str]:
    """Keras' layers of one kind in the order they were made: ``dense``, ``dense_1``, …, from wherever the numbers begin."""
    pattern = re.compile(rf"{kind}(_\d+)?\.{array}")
    found = [name.removesuffix(f".{array}") for name in ledger.stored if pattern.fullmatch(name)]
    return sorted(found, key=lambda name: int(name.removeprefix(kind).strip("_") or 0))


SERIES_FAMILIES = (
    Family(
        "PatchTSMixer (transformers)",
        "model.encoder.patcher.weight",
        lambda ledger, config: _read_series(ledger, config, _PATCHTSMIXER),
    ),
    Family(
        "TinyTimeMixer (granite)",
        "backbone.encoder.patcher.weight",
        lambda ledger, config: _read_series(ledger, config, _TTM),
    ),
    Family("TSMixer with batch norm (google-research)", "batch_normalization#.gamma", _read_tsmixer),
    Family("TSMixer with layer norm (google-research)", "layer_normalization#.gamma", _read_tsmixer),
)
