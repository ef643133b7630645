"""Small random checkpoints in every layout that is read, since real ones cannot be shipped: for tests and notebooks."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_file

Array = np.ndarray[Any, np.dtype[Any]]


def write_synthetic_checkpoint(
    path: str | os.PathLike[str],
    image: int = 32,
    patch: int = 8,
    channels: int = 16,
    depth: int = 2,
    classes: int = 10,
    family: str = "MLP-Mixer",
    dtype: str = "float32",
    seed: int = 0,
) -> None:
    """Write a small random checkpoint with the names of a real one: ``.safetensors`` as timm's, ``.npz`` as the JAX files.

    Parameters
    ----------
    path : path
    image, patch : int
        Sides of the image and of its patches, in pixels of 3 colours: S = (image/patch)² tokens.
    channels, depth, classes : int
        Token MLPs have hidden width C/2 and channel MLPs 4C, as in the published Mixers.
    family : {"MLP-Mixer", "ResMLP"}
        ResMLP is written as safetensors only.
    dtype : {"float32", "float16", "bfloat16"}
    seed : int

    Raises
    ------
    ValueError
        If the ending, family or dtype is unknown, or the patch does not divide the image.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "small.npz"
    >>> km.mixer.write_synthetic_checkpoint(file, image=8, patch=4, channels=6, depth=1, classes=3)
    >>> with np.load(file) as arrays:
    ...     arrays["MixerBlock_0/token_mixing/Dense_0/kernel"].shape  # (S, C/2): JAX multiplies from the right
    (4, 3)
    >>> [W.shape for W, _ in km.mixer.read_checkpoint(file).blocks[0].token]
    [(3, 4), (4, 3)]
    """
    file = Path(path)
    if family not in ("MLP-Mixer", "ResMLP") or dtype not in ("float32", "float16", "bfloat16"):
        raise ValueError(
            f"family={family!r}, dtype={dtype!r}: expected MLP-Mixer or ResMLP; float32, float16 or bfloat16"
        )
    if image % patch:
        raise ValueError(f"patch={patch}: expected a divisor of image={image}")
    if file.suffix not in (".safetensors", ".npz") or (file.suffix == ".npz" and family == "ResMLP"):
        raise ValueError(f"{file.name}: expected .safetensors, or .npz for MLP-Mixer")
    rng = np.random.default_rng(seed)
    draw = _synthetic_jax if file.suffix == ".npz" else _synthetic_timm
    arrays = draw(rng, (image // patch) ** 2, patch, channels, depth, classes, family)
    write_file(file, _npz_bytes(arrays, dtype) if file.suffix == ".npz" else _safetensors_bytes(arrays, dtype))


def _normal_array(rng: np.random.Generator, *shape: int) -> Array:
    return (rng.standard_normal(shape) / np.sqrt(max(shape[-1], 1))).astype(np.float32)


def _synthetic_timm(
    rng: np.random.Generator, S: int, P: int, C: int, depth: int, classes: int, family: str
) -> dict[str, Array]:
    arrays = {"stem.proj.weight": _normal_array(rng, C, 3, P, P), "stem.proj.bias": _normal_array(rng, C)}
    linear = {"head": (classes, C)}
    vectors = {"norm": C}
    for i in range(depth):
        b = f"blocks.{i}"
        vectors |= {f"{b}.norm1": C, f"{b}.norm2": C}
        linear |= {f"{b}.mlp_channels.fc1": (4 * C, C), f"{b}.mlp_channels.fc2": (C, 4 * C)}
        if family == "ResMLP":
            linear[f"{b}.linear_tokens"] = (S, S)
            arrays |= {f"{b}.ls1": _normal_array(rng, C), f"{b}.ls2": _normal_array(rng, C)}
        else:
            T = max(C // 2, 1)
            linear |= {f"{b}.mlp_tokens.fc1": (T, S), f"{b}.mlp_tokens.fc2": (S, T)}
    for name, (rows, columns) in linear.items():
        arrays |= {f"{name}.weight": _normal_array(rng, rows, columns), f"{name}.bias": _normal_array(rng, rows)}
    for name, size in vectors.items():
        scale, shift = 1 + _normal_array(rng, size), _normal_array(rng, size)
        if family == "ResMLP":
            arrays |= {f"{name}.alpha": scale.reshape(1, 1, -1), f"{name}.beta": shift.reshape(1, 1, -1)}
        else:
            arrays |= {f"{name}.weight": scale, f"{name}.bias": shift}
    return arrays


def _synthetic_jax(
    rng: np.random.Generator, S: int, P: int, C: int, depth: int, classes: int, family: str
) -> dict[str, Array]:
    arrays = {"stem/kernel": _normal_array(rng, P, P, 3, C), "stem/bias": _normal_array(rng, C)}
    kernels, norms = {"head": (C, classes)}, ["pre_head_layer_norm"]
    for i in range(depth):
        b, T = f"MixerBlock_{i}", max(C // 2, 1)
        norms += [f"{b}/LayerNorm_0", f"{b}/LayerNorm_1"]
        kernels |= {f"{b}/token_mixing/Dense_0": (S, T), f"{b}/token_mixing/Dense_1": (T, S)}
        kernels |= {f"{b}/channel_mixing/Dense_0": (C, 4 * C), f"{b}/channel_mixing/Dense_1": (4 * C, C)}
    for name, (rows, columns) in kernels.items():
        arrays |= {f"{name}/kernel": _normal_array(rng, rows, columns), f"{name}/bias": _normal_array(rng, columns)}
    for name in norms:
        arrays |= {f"{name}/scale": 1 + _normal_array(rng, C), f"{name}/bias": _normal_array(rng, C)}
    return arrays


def _npz_bytes(arrays: Mapping[str, Array], dtype: str) -> bytes:
    if dtype == "bfloat16":
        raise ValueError("dtype='bfloat16': .npz files hold NumPy's types only; expected float32 or float16")
    stream = io.BytesIO()
    np.savez(stream, **{name: array.astype(dtype) for name, array in arrays.items()})  # type: ignore[arg-type]
    return stream.getvalue()


def _safetensors_bytes(arrays: Mapping[str, Array], dtype: str) -> bytes:
    kind = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}[dtype]
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts, start = [], 0
    for name, array in arrays.items():
        data = (array.view(np.uint32) >> 16).astype(np.uint16) if kind == "BF16" else array.astype(dtype)
        raw = np.ascontiguousarray(data).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, start + len(raw)]}
        start += len(raw)
        parts.append(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)
