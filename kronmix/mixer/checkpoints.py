"""Trained Mixers from files: timm's safetensors (MLP-Mixer, ResMLP) and the original JAX .npz, as plain arrays in one layout.

Every array is brought to how the formulas are written on S × C matrices: token weights act from the left, channel weights from
the right, the patch embedding on patches with pixels in the order (row, column, colour).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..files import read_arrays

Array = np.ndarray[Any, np.dtype[Any]]

#: Longest header of a safetensors file, and what its types are in NumPy; bfloat16 is widened when it is read.
_LONGEST_HEADER = 100 * 2**20
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}


@dataclass(frozen=True)
class MixerBlock:
    """One block, as arrays.

    Attributes
    ----------
    norm1, norm2 : (scale, shift), arrays of shape (C,)
    token : tuple of (weight, bias)
        X ↦ W X + b 1ᵀ in the order they are applied, activations between them; weights (rows, S) first.
    channel : tuple of (weight, bias)
        X ↦ X V + 1 bᵀ; weights (C, columns) first.
    scales : two arrays of shape (C,), or None
        ResMLP's layer scales, after the token and after the channel step.
    """

    norm1: tuple[Array, Array]
    token: tuple[tuple[Array, Array], ...]
    norm2: tuple[Array, Array]
    channel: tuple[tuple[Array, Array], ...]
    scales: tuple[Array, Array] | None = None


@dataclass(frozen=True)
class MixerCheckpoint:
    """A trained Mixer, as arrays.

    Attributes
    ----------
    family : {"MLP-Mixer", "ResMLP"}
    activation : {"gelu", "gelu_tanh"}
        timm's files run with the exact GELU, the JAX files with the tanh form.
    normalized : bool
        Whether norms take statistics over channels (layer norm, ε = 1e-6) or are plain affine maps (ResMLP).
    patch : int
    embedding : (weight, bias)
        Weight of shape (patch·patch·colours, C).
    blocks : tuple of MixerBlock
    norm : (scale, shift)
    head : (weight, bias) or None
        Weight of shape (C, classes).
    """

    family: str
    activation: str
    normalized: bool
    patch: int
    embedding: tuple[Array, Array]
    blocks: tuple[MixerBlock, ...]
    norm: tuple[Array, Array]
    head: tuple[Array, Array] | None

    @property
    def tokens(self) -> int:
        """S."""
        return self.blocks[0].token[0][0].shape[1]

    @property
    def channels(self) -> int:
        """C."""
        return self.embedding[0].shape[1]


def read_checkpoint(path: str | os.PathLike[str]) -> MixerCheckpoint:
    """Read a trained Mixer from ``.safetensors`` (timm's names) or ``.npz`` (the original JAX names).

    Arrays of safetensors are mapped from the file, float16 and bfloat16 widened to float32.

    Parameters
    ----------
    path : path
        An MLP-Mixer or a ResMLP; prefixes of wrappers (``module.``, ``_orig_mod.``, ``params/``, ``opt/target/``) are taken off.

    Returns
    -------
    MixerCheckpoint
        Arrays in one layout, whatever the file's: ``.family``, ``.tokens``, ``.channels``, ``.patch``, ``.activation``,
        ``.embedding``, ``.blocks``, ``.norm``, ``.head``. A block's ``.token`` holds pairs (W, b) of X ↦ W X + b 1ᵀ, the first W
        of shape (rows, S); its ``.channel`` pairs (V, b) of X ↦ X V + 1 bᵀ, the first V of shape (C, columns).
        :func:`kronmix.load_mixer` makes a network of it.

    Raises
    ------
    ValueError
        If the file is damaged, is of another family (gMLP and gMixer are named), or an array is missing, has a shape that does not
        fit, or holds NaN.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "small.safetensors"
    >>> km.mixer.write_synthetic_checkpoint(file, image=8, patch=4, channels=6, depth=1, classes=3)
    >>> found = km.mixer.read_checkpoint(file)
    >>> found.family, found.tokens, found.channels, len(found.blocks)
    ('MLP-Mixer', 4, 6, 1)
    """
    file = Path(path)
    named = read_safetensors(file) if file.suffix == ".safetensors" else read_arrays(file)
    arrays = {_plain(name): array for name, array in named.items()}
    if any(re.search(r"mlp_channels\.gate\.", name) for name in arrays):
        raise ValueError(
            f"{file}: a gMLP, whose gate multiplies features by features: it is not a Mixer and is not supported"
        )
    if "stem/kernel" in arrays:
        return _jax(_Reader(file, arrays))
    if "stem.proj.weight" not in arrays:
        raise ValueError(
            f"{file}: no patch embedding 'stem.proj.weight' (timm) or 'stem/kernel' (JAX): not a Mixer checkpoint"
        )
    reader = _Reader(file, arrays)
    if "blocks.0.linear_tokens.weight" in arrays:
        return _resmlp(reader)
    fc1, fc2 = (arrays.get(f"blocks.0.mlp_tokens.fc{i}.weight") for i in (1, 2))
    if fc1 is not None and fc2 is not None and fc1.ndim == fc2.ndim == 2 and fc2.shape[1] * 2 == fc1.shape[0]:
        raise ValueError(
            f"{file}: a gMixer, whose token MLP is gated (x₁·SiLU(x₂)): it is recognised but not supported"
        )
    return _timm(reader)


class _Reader:
    """Arrays of a file by name, checked."""

    def __init__(self, file: Path, arrays: Mapping[str, Array]) -> None:
        self.file, self.arrays = file, arrays

    def take(self, name: str, *shape: int | None) -> Array:
        """An array of this shape (None: any size), as float32 or float64, finite."""
        if name not in self.arrays:
            raise ValueError(f"{self.file}: no array {name!r}")
        array = self.arrays[name]
        fits = len(shape) == array.ndim and all(w is None or w == n for w, n in zip(shape, array.shape, strict=True))
        if not fits:
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise ValueError(f"{self.file}: {name!r} has shape {array.shape}, expected ({wanted})")
        if array.dtype.kind != "f":
            raise ValueError(f"{self.file}: {name!r} holds {array.dtype}, expected floating-point numbers")
        wide = array if array.dtype.itemsize >= 4 else array.astype(np.float32)
        if not np.isfinite(wide).all():
            raise ValueError(f"{self.file}: {name!r} has {int(np.sum(~np.isfinite(wide)))} NaN or infinite entries")
        return wide

    def blocks(self, pattern: str) -> int:
        """Number of blocks, counted by names like ``pattern``."""
        found = {int(m.group(1)) for name in self.arrays if (m := re.match(pattern, name))}
        if not found or found != set(range(len(found))):
            raise ValueError(f"{self.file}: blocks {sorted(found)} are there, expected 0, 1, … without gaps")
        return len(found)


def _plain(name: str) -> str:
    for prefix in ("opt/target/", "params/", "module.", "_orig_mod."):
        name = name.removeprefix(prefix)
    return name


def _timm(r: _Reader) -> MixerCheckpoint:
    stem, C, patch = _stem(r)
    S = r.take("blocks.0.mlp_tokens.fc1.weight", None, None).shape[1]
    blocks = []
    for i in range(r.blocks(r"blocks\.(\d+)\.")):
        b = f"blocks.{i}"
        T = len(r.take(f"{b}.mlp_tokens.fc1.weight", None, S))
        D = len(r.take(f"{b}.mlp_channels.fc1.weight", None, C))
        token = (_left(r, f"{b}.mlp_tokens.fc1", T, S), _left(r, f"{b}.mlp_tokens.fc2", S, T))
        channel = (_right(r, f"{b}.mlp_channels.fc1", C, D), _right(r, f"{b}.mlp_channels.fc2", D, C))
        blocks.append(MixerBlock(_pair(r, f"{b}.norm1", C), token, _pair(r, f"{b}.norm2", C), channel))
    head = _right(r, "head", C, None) if "head.weight" in r.arrays else None
    return MixerCheckpoint("MLP-Mixer", "gelu", True, patch, stem, tuple(blocks), _pair(r, "norm", C), head)


def _resmlp(r: _Reader) -> MixerCheckpoint:
    stem, C, patch = _stem(r)
    S = len(r.take("blocks.0.linear_tokens.weight", None, None))
    blocks = []
    for i in range(r.blocks(r"blocks\.(\d+)\.")):
        b = f"blocks.{i}"
        D = len(r.take(f"{b}.mlp_channels.fc1.weight", None, C))
        channel = (_right(r, f"{b}.mlp_channels.fc1", C, D), _right(r, f"{b}.mlp_channels.fc2", D, C))
        scales = r.take(f"{b}.ls1", C), r.take(f"{b}.ls2", C)
        token = (_left(r, f"{b}.linear_tokens", S, S),)
        blocks.append(MixerBlock(_affine(r, f"{b}.norm1", C), token, _affine(r, f"{b}.norm2", C), channel, scales))
    head = _right(r, "head", C, None) if "head.weight" in r.arrays else None
    return MixerCheckpoint("ResMLP", "gelu", False, patch, stem, tuple(blocks), _affine(r, "norm", C), head)


def _jax(r: _Reader) -> MixerCheckpoint:
    kernel = r.take("stem/kernel", None, None, None, None)
    P, C = kernel.shape[0], kernel.shape[3]
    stem = r.take("stem/kernel", P, P, None, C).reshape(-1, C), r.take("stem/bias", C)
    S = len(r.take("MixerBlock_0/token_mixing/Dense_0/kernel", None, None))

    def dense(name: str, rows: int, columns: int | None) -> tuple[Array, Array]:
        kernel = r.take(f"{name}/kernel", rows, columns)
        return kernel, r.take(f"{name}/bias", kernel.shape[1])

    def norm(name: str) -> tuple[Array, Array]:
        return r.take(f"{name}/scale", C), r.take(f"{name}/bias", C)

    blocks = []
    for i in range(r.blocks(r"MixerBlock_(\d+)/")):
        b = f"MixerBlock_{i}"
        W1, b1 = dense(f"{b}/token_mixing/Dense_0", S, None)
        W2, b2 = dense(f"{b}/token_mixing/Dense_1", W1.shape[1], S)
        V1, c1 = dense(f"{b}/channel_mixing/Dense_0", C, None)
        V2, c2 = dense(f"{b}/channel_mixing/Dense_1", V1.shape[1], C)
        tokens, channels = ((W1.T, b1), (W2.T, b2)), ((V1, c1), (V2, c2))
        blocks.append(MixerBlock(norm(f"{b}/LayerNorm_0"), tokens, norm(f"{b}/LayerNorm_1"), channels))
    head = dense("head", C, None) if "head/kernel" in r.arrays else None
    return MixerCheckpoint("MLP-Mixer", "gelu_tanh", True, P, stem, tuple(blocks), norm("pre_head_layer_norm"), head)


def _stem(r: _Reader) -> tuple[tuple[Array, Array], int, int]:
    """Convolution weights (C, colours, P, P) as a matrix on patches with pixels in the order (row, column, colour)."""
    weight = r.take("stem.proj.weight", None, None, None, None)
    C, colours, P, _ = weight.shape
    weight = r.take("stem.proj.weight", C, colours, P, P)
    return (weight.transpose(2, 3, 1, 0).reshape(-1, C), r.take("stem.proj.bias", C)), C, P


def _left(r: _Reader, name: str, rows: int, columns: int) -> tuple[Array, Array]:
    return r.take(f"{name}.weight", rows, columns), r.take(f"{name}.bias", rows)


def _right(r: _Reader, name: str, rows: int, columns: int | None) -> tuple[Array, Array]:
    weight = r.take(f"{name}.weight", columns, rows)
    return weight.T, r.take(f"{name}.bias", len(weight))


def _pair(r: _Reader, name: str, C: int) -> tuple[Array, Array]:
    return r.take(f"{name}.weight", C), r.take(f"{name}.bias", C)


def _affine(r: _Reader, name: str, C: int) -> tuple[Array, Array]:
    return r.take(f"{name}.alpha", 1, 1, C).reshape(C), r.take(f"{name}.beta", 1, 1, C).reshape(C)


# ---- safetensors -----------------------------------------------------------------------------------------------------


def read_safetensors(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Arrays of a ``.safetensors`` file, mapped into memory; bfloat16 as float32, which the library's NumPy side lacks.

    Raises
    ------
    ValueError
        If the header or an array does not fit the file.
    """
    file = Path(path)
    size = file.stat().st_size
    with open(file, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, _LONGEST_HEADER):
            raise ValueError(f"{file}: not a safetensors file, or truncated: a header of {length:,} bytes in {size:,}")
        try:
            header = json.loads(stream.read(length))
            entries = {
                name: (e["dtype"], e["shape"], e["data_offsets"])
                for name, e in header.items()
                if name != "__metadata__"
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError(f"{file}: the header is not that of a safetensors file") from None
    data: Array = np.memmap(file, np.uint8, "r", 8 + length) if size > 8 + length else np.zeros(0, np.uint8)
    return {name: _array(file, name, data, *entry) for name, entry in entries.items()}


def _array(file: Path, name: str, data: Array, kind: Any, shape: Any, offsets: Any) -> Array:
    whole = isinstance(shape, list) and all(isinstance(n, int) and n >= 0 for n in shape)
    placed = isinstance(offsets, list) and len(offsets) == 2 and all(isinstance(n, int) for n in offsets)
    if kind not in _TYPES or not whole or not placed:
        raise ValueError(f"{file}: {name!r} of type {kind!r} and shape {shape!r} cannot be read")
    dtype = np.dtype(_TYPES[kind])
    start, stop = offsets
    if not 0 <= start <= stop <= data.size or stop - start != prod(shape) * dtype.itemsize:
        raise ValueError(f"{file}: {name!r} lies outside the file or has another size: truncated?")
    array = data[start:stop].view(dtype).reshape(shape)
    if kind == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array
