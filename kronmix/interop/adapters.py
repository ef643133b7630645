"""Adapters in files: LoRA, LoKr and LoHa of PEFT, LyCORIS and kohya's scripts, as structured operators (T33)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from math import prod
from pathlib import Path
from typing import Any, Protocol, overload

import numpy as np

from ..checks import finite
from ..files import read_arrays, read_json, refuse_what_is_no_file
from ..operators import StructuredOperator
from ..operators.arrays import Array
from . import kohya, peft
from .updates import Kind, Update

#: Pickles of PyTorch, which are never opened.
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_ENDINGS = (".safetensors", ".safetensors.index.json")
#: In PEFT's folder, the first that is there.
_WEIGHTS = ("adapter_model.safetensors.index.json", "adapter_model.safetensors")
_SHARD = re.compile(r"(.+)-\d{5}-of-(\d{5})\.safetensors")


@dataclass(frozen=True)
class AdapterLayer:
    """What an adapter adds to one layer's weight.

    Attributes
    ----------
    name : str
        Of the layer, as the file has it: a module path (PEFT) or kohya's name, in which underscores stand for dots.
    kind : {"LoRA", "LoKr", "LoHa"}
    operator : StructuredOperator
        ΔW, out × in·kh·kw, alpha and rank applied.
    shape : tuple of int
        Of the layer's weight: (out, in), or (out, in, kh, kw). Where a file has flattened the kernel, and ``kernels`` does not give
        it, (out, in·kh·kw).
    """

    name: str
    kind: str
    operator: StructuredOperator
    shape: tuple[int, ...]


class Layout(Protocol):
    """How a library names the tensors of a file and scales its updates."""

    name: str

    @property
    def kinds(self) -> tuple[Kind, ...]: ...

    def split(self, key: str) -> tuple[str, str] | None: ...

    def other(self, key: str) -> str | None: ...

    def finish(
        self, kind: Kind, layer: str, update: Update, parts: Mapping[str, Array], where: str
    ) -> StructuredOperator: ...


@dataclass(frozen=True)
class Adapter(Sequence[AdapterLayer]):
    """The layers of an adapter file, a sequence of :class:`AdapterLayer`, with what else the file holds.

    Attributes
    ----------
    layers : tuple of AdapterLayer
    format : {"peft", "kohya"}
        Whose names and scales the file has; LyCORIS writes kohya's.
    others : dict of str to array
        Whole weights that were trained beside the adapter (PEFT's ``modules_to_save``), by their name in the file.
    config : dict
        PEFT's adapter_config.json; empty for kohya's files.
    """

    layers: tuple[AdapterLayer, ...]
    format: str
    others: Mapping[str, Array] = field(default_factory=dict, repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @overload
    def __getitem__(self, index: int) -> AdapterLayer: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[AdapterLayer, ...]: ...

    def __getitem__(self, index: int | slice) -> AdapterLayer | tuple[AdapterLayer, ...]:
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[AdapterLayer]:
        return iter(self.layers)


def read_adapter(path: str | os.PathLike[str], kernels: Mapping[str, tuple[int, ...]] | None = None) -> Adapter:
    """Read the updates ΔW of an adapter: LoRA, LoKr or LoHa, written by PEFT, LyCORIS or kohya's scripts (T33).

    The base model is not needed and no update is made dense: LoKr is a Kronecker product, LoHa a
    :class:`~kronmix.LowRankHadamard`, LoRA a product of two matrices.

    Parameters
    ----------
    path : path
        PEFT: the folder with ``adapter_config.json`` and ``adapter_model.safetensors``, or the latter file. LyCORIS, kohya: the
        ``.safetensors`` file. Of an adapter in shards, the folder or ``….safetensors.index.json``.
    kernels : dict of str to tuple of int, optional
        Kernel sizes of convolutions by name, ``*`` stands for anything: decomposed layers may be stored flat, and then no file
        tells that a layer is a convolution. Only ``shape`` depends on it.

    Returns
    -------
    Adapter
        A sequence of layers with ``.name``, ``.kind``, ``.operator`` and ``.shape``.

    Raises
    ------
    ValueError
        If the file is damaged or a pickle, a factor is missing, or a tensor is not understood (each is named). If the
        configuration changes what is added in a way that is not known, or a layer is DoRA, which has no update without the base
        weight.
    OSError
        If the file cannot be opened.

    Notes
    -----
    The scale is alpha / rank, or alpha / √rank with PEFT's ``use_rslora``. Where LoKr decomposes nothing, PEFT divides by the rank
    of the configuration all the same; LyCORIS and kohya use 1 there, whatever alpha says. PEFT's LoKr of a Conv1d with a full
    second factor has its factors the other way round, and comes out as PEFT applies it.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from safetensors.numpy import save_file
    >>> rng, file = np.random.default_rng(0), pathlib.Path(tempfile.mkdtemp()) / "lokr.safetensors"
    >>> arrays = {"lokr_w1": rng.normal(size=(4, 4)), "lokr_w2_a": rng.normal(size=(8, 2)), "lokr_w2_b": rng.normal(size=(2, 6))}
    >>> save_file({f"lora_unet_mid.{name}": array for name, array in arrays.items()} | {"lora_unet_mid.alpha": np.array(1.0)}, file)
    >>> (layer,) = km.interop.read_adapter(file)
    >>> layer.name, layer.kind, layer.shape
    ('lora_unet_mid', 'LoKr', (32, 24))
    >>> dense = 0.5 * np.kron(arrays["lokr_w1"], arrays["lokr_w2_a"] @ arrays["lokr_w2_b"])
    >>> bool(np.allclose(layer.operator.to_dense(), dense))
    True
    """
    file, config = _locate(Path(path))
    arrays = dict(read_arrays(file))
    layout = _layout(file, config, arrays)
    groups, others = _grouped(file, layout, arrays)
    layers = [_read_layer(file, layout, name, parts) for name, parts in groups.items()]
    if not layers:
        raise ValueError(f"{file}: holds no layer of a LoRA, LoKr or LoHa adapter")
    shaped = tuple(_with_kernel(layer, kernels or {}) for layer in layers)
    unused = [name for name in kernels or {} if not any(fnmatchcase(layer.name, name) for layer in layers)]
    if unused:
        raise ValueError(f"{file}: kernels names {unused[0]!r}, which no layer is called")
    return Adapter(shaped, layout.name, others, {} if config is None else config)


def is_adapter(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like an adapter: PEFT's folder, or a .safetensors file with factors of one.

    Examples
    --------
    >>> from kronmix.interop.adapters import is_adapter
    >>> is_adapter("weights.npz")
    False
    """
    file = Path(path)
    if file.is_dir():
        return any(file.glob("adapter_*"))
    if not file.name.lower().endswith(_ENDINGS) or not file.is_file():
        return False
    return any(re.search(r"\.(lora_|lokr_|hada_)", key) for key in read_arrays(file))


def _locate(path: Path) -> tuple[Path, dict[str, Any] | None]:
    """The file of tensors, or the index of its shards, and PEFT's configuration, where there is one."""
    refuse_what_is_no_file(path)
    if path.is_dir():
        file = _weights_file(path)
        if not (path / "adapter_config.json").exists():
            raise ValueError(f"{path}: no adapter_config.json in this folder, which holds alpha and the rank")
    else:
        file = path
        if file.suffix in _PICKLES:
            raise ValueError(_pickle_message(file))
        if not file.name.lower().endswith(_ENDINGS):
            raise ValueError(
                f"{file}: unknown file type {file.suffix!r}, expected .safetensors, the index.json of its shards or PEFT's folder"
            )
        if (shard := _SHARD.fullmatch(file.name)) is not None:
            raise ValueError(
                f"{file}: one of {int(shard[2])} shards of an adapter: give {shard[1]}.safetensors.index.json"
            )
    beside = file.parent / "adapter_config.json"
    return file, read_json(beside) if beside.exists() else None


def _weights_file(folder: Path) -> Path:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    pickles = sorted(found.name for found in folder.iterdir() if found.suffix in _PICKLES)
    if pickles:
        raise ValueError(_pickle_message(folder / pickles[0]))
    raise ValueError(f"{folder}: no adapter_model.safetensors in this folder")


def _pickle_message(file: Path) -> str:
    load, target = f"torch.load('{file.name}', weights_only=True)", f"'{file.stem}.safetensors'"
    code = f"import torch, safetensors.torch as s; s.save_file({load}, {target})"
    how = f'where PyTorch is installed, save it as safetensors: python -c "{code}"'
    return f"{file}: a pickle, which is never opened; {how}"


def _layout(file: Path, config: dict[str, Any] | None, arrays: Mapping[str, Array]) -> Layout:
    """PEFT's layout if the names have its prefix, else Kohya's."""
    prefixed = any(key.startswith(peft.PREFIX) for key in arrays)
    if prefixed and config is None:
        raise ValueError(f"{file}: PEFT's names, but no adapter_config.json beside it, which holds alpha and the rank")
    if prefixed and config is not None:
        return peft.Peft(file.parent / "adapter_config.json", config)
    return kohya.Kohya()


def _grouped(
    file: Path, layout: Layout, arrays: Mapping[str, Array]
) -> tuple[dict[str, dict[str, Array]], dict[str, Array]]:
    """Tensors by layer, and whole weights; raises where one is neither."""
    groups: dict[str, dict[str, Array]] = {}
    others: dict[str, Array] = {}
    unknown: list[str] = []
    for key, array in arrays.items():
        found = layout.split(key)
        if found is not None:
            groups.setdefault(found[0], {})[found[1]] = array
        elif layout.other(key) is not None:
            others[key] = array
        else:
            unknown.append(key)
    if unknown:
        dora = [
            key
            for key in unknown
            if key.endswith(("dora_scale", "lora_magnitude_vector", "lora_magnitude_vector.weight"))
        ]
        if dora:
            raise ValueError(
                f"{file}: {dora[0]} makes its layer a DoRA, which rescales the base weight: "
                f"it has no update without the base model ({len(dora)} such layers)"
            )
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise ValueError(f"{file}: tensors that are not understood: {', '.join(unknown[:5])}{more}")
    return groups, others


def _read_layer(file: Path, layout: Layout, name: str, parts: Mapping[str, Array]) -> AdapterLayer:
    where = f"{file}: layer {name}"
    named = {part: _as_floats(array, f"{where}: {part}") for part, array in parts.items()}
    factors = {part: array for part, array in named.items() if part != "alpha"}
    kinds = [kind for kind in layout.kinds if any(part in kind.names for part in factors)]
    if len(kinds) != 1:
        raise ValueError(f"{where} has {', '.join(sorted(parts))}: expected the factors of one of LoRA, LoKr, LoHa")
    (kind,) = kinds
    update = kind.update(factors, where)
    operator = layout.finish(kind, name, update, named, where)
    return AdapterLayer(name, kind.name, operator, update.shape)


def _as_floats(array: Array, where: str) -> Array:
    """Floating-point numbers of at least 32 bits, all finite."""
    if array.dtype.kind != "f":
        raise ValueError(f"{where} holds {array.dtype}, expected floating-point numbers")
    wide = array if array.dtype.itemsize >= 4 else array.astype(np.float32)
    return finite(wide, where)


def _with_kernel(layer: AdapterLayer, kernels: Mapping[str, tuple[int, ...]]) -> AdapterLayer:
    """The layer with the kernel of the first pattern its name matches: shape (out, in, *kernel)."""
    for pattern, kernel in kernels.items():
        if fnmatchcase(layer.name, pattern):
            out, columns = layer.operator.shape
            if columns % prod(kernel):
                raise ValueError(
                    f"layer {layer.name} has {columns} columns: not a multiple of its kernel {tuple(kernel)}"
                )
            return replace(layer, shape=(out, columns // prod(kernel), *kernel))
    return layer
