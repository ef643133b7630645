"""The nearest LoRA of an update, and adapter files written as LoRA (T33)."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..checks import integer
from ..extras import needed
from ..files import staged_folder, write_file
from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..spectra import SVD
from .adapters import Adapter, AdapterLayer
from .peft import PREFIX
from .spectrum import UpdateSpectrum, exact_svd, norm

_EPS = float(np.finfo(np.float64).eps)


class LoRA(NamedTuple):
    """B A, the best approximation of an update by a product of two thin matrices.

    Attributes
    ----------
    A : array of shape (r, in·kh·kw)
    B : array of shape (out, r)
        Share the singular values evenly.
    error : float
        ‖ΔW − BA‖_F at most: what is left out, and the rounding of A and B to their dtype.
    """

    A: Array
    B: Array
    error: float


def to_lora(layer: AdapterLayer | StructuredOperator, rank: int | None = None, tolerance: float | None = None) -> LoRA:
    """Find the best approximation of rank r of an update, from its factors (T33).

    LoKr: the r largest products σ_i σ_j of the two factors' singular values. LoHa: two thin QR factorisations of its Khatri–Rao
    factors. LoRA: two QR factorisations. By Eckart–Young no matrix of rank r is nearer.

    Parameters
    ----------
    layer : AdapterLayer or StructuredOperator
    rank : int, optional
        r; fewer where ΔW has no more singular values.
    tolerance : float, optional
        In place of ``rank``: the smallest r that leaves out at most this part of ‖ΔW‖_F. 0 keeps all but zeros.

    Returns
    -------
    LoRA
        The tuple (A, B, error), in the precision of the layer.

    Raises
    ------
    ValueError
        If not exactly one of ``rank`` and ``tolerance`` is given, or it is out of range.

    References
    ----------
    Eckart & Young 1936; Van Loan 2000 (T15, T33).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> op = km.Kronecker(rng.normal(size=(4, 4)), rng.normal(size=(8, 6)))
    >>> A, B, error = km.interop.to_lora(op, rank=5)
    >>> A.shape, B.shape
    ((5, 24), (32, 5))
    >>> bool(np.isclose(np.linalg.norm(op.to_dense() - B @ A), error))
    True
    >>> len(km.interop.to_lora(op, tolerance=0.1).A)
    17
    """
    op = layer.operator if isinstance(layer, AdapterLayer) else layer
    return _truncated(op, exact_svd(op), rank, tolerance)


def _truncated(op: StructuredOperator, found: SVD, rank: int | None, tolerance: float | None) -> LoRA:
    """The best LoRA of this rank or tolerance by Eckart–Young; its error bounds rounding too."""
    values = found.S
    r = max(min(_wanted_rank(values, op.shape, rank, tolerance), values.size), 1)
    U, Vh = found.U[:, :r], found.Vh[:r]
    root = np.sqrt(values[:r])
    B, A = U * root, root[:, None] * Vh
    kept_B, kept_A = np.ascontiguousarray(B, op.dtype), np.ascontiguousarray(A, op.dtype)
    rounding = root[0] * (float(np.linalg.norm(kept_B - B)) + float(np.linalg.norm(kept_A - A)))
    return LoRA(kept_A, kept_B, float(norm(values[r:]) + rounding + max(op.shape) * _EPS * values[0]))


def _wanted_rank(values: Array, shape: tuple[int, int], rank: int | None, tolerance: float | None) -> int:
    if (rank is None) == (tolerance is None):
        raise ValueError(f"rank={rank}, tolerance={tolerance}: expected exactly one of them")
    if rank is not None:
        return integer(rank, "rank")
    assert tolerance is not None
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance={tolerance}: expected a part of the norm, from 0 to below 1")
    return UpdateSpectrum(values, shape).rank_for(tolerance)


# ---- whole adapters -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conversion:
    """What became of one layer.

    Attributes
    ----------
    layer : AdapterLayer
    lora : LoRA
    norm : float
        ‖ΔW‖_F.
    """

    layer: AdapterLayer
    lora: LoRA
    norm: float

    @property
    def rank(self) -> int:
        """r."""
        return len(self.lora.A)

    @property
    def relative_error(self) -> float:
        """error / ‖ΔW‖_F; 0 for ΔW = 0."""
        return self.lora.error / self.norm if self.norm > 0 else 0.0


def convert_adapter(
    adapter: Adapter,
    path: str | os.PathLike[str],
    rank: int | None = None,
    tolerance: float | None = None,
) -> tuple[Conversion, ...]:
    """Write an adapter as LoRA, every layer with the least possible error, in the layout it came in (T33).

    Parameters
    ----------
    adapter : Adapter
        As ``read_adapter`` gives it.
    path : path
        A folder to make for PEFT's adapters, a ``.safetensors`` file for kohya's.
    rank, tolerance : int, float, optional
        As for ``to_lora``, for every layer.

    Returns
    -------
    tuple of Conversion
        One for each layer, with its rank and error.

    Raises
    ------
    ValueError
        As ``to_lora``, or if the path cannot be written.
    ImportError
        If safetensors is missing.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from safetensors.numpy import save_file
    >>> rng, folder = np.random.default_rng(0), pathlib.Path(tempfile.mkdtemp())
    >>> factors = {name: rng.normal(size=(6, 6)) for name in ("a.lokr_w1", "a.lokr_w2")}
    >>> save_file(factors, folder / "lokr.safetensors")
    >>> adapter = km.interop.read_adapter(folder / "lokr.safetensors")
    >>> (done,) = km.interop.convert_adapter(adapter, folder / "lora.safetensors", tolerance=0.1)
    >>> (layer,) = km.interop.read_adapter(folder / "lora.safetensors")
    >>> difference = np.linalg.norm(layer.operator.to_dense() - adapter[0].operator.to_dense())
    >>> layer.kind, done.rank, bool(difference <= done.lora.error)
    ('LoRA', 23, True)
    """
    with needed("writing an adapter"):
        from safetensors.numpy import save
    done = []
    for layer in adapter.layers:
        found = exact_svd(layer.operator)
        done.append(Conversion(layer, _truncated(layer.operator, found, rank, tolerance), norm(found.S)))
    arrays = {key: np.ascontiguousarray(array) for key, array in adapter.others.items()}
    write = _WRITERS[adapter.format]
    write(Path(path), adapter, arrays, done, save)
    return tuple(done)


def _shaped(conversion: Conversion) -> tuple[Array, Array]:
    """A as (r, in, kernel) and B as (out, r, 1 …), as the layer's own weight has axes."""
    out, columns, *kernel = conversion.layer.shape
    A, B, _ = conversion.lora
    return A.reshape(-1, columns, *kernel), B.reshape(out, -1, *(1 for _ in kernel))


def _write_kohya(path: Path, adapter: Adapter, arrays: dict[str, Array], done: list[Conversion], save: Any) -> None:
    if path.suffix != ".safetensors":
        raise ValueError(f"{path}: expected a name ending in .safetensors")
    for conversion in done:
        name, (A, B) = conversion.layer.name, _shaped(conversion)
        arrays |= {f"{name}.lora_down.weight": A, f"{name}.lora_up.weight": B}
        arrays[f"{name}.alpha"] = np.array(conversion.rank, A.dtype)  # alpha / rank = 1
    write_file(path, save(arrays, {"format": "pt", "ss_network_module": "networks.lora"}))


#: Settings of the old adapter that hold for the new one.
_KEPT = (
    *("auto_mapping", "base_model_name_or_path", "revision", "inference_mode", "task_type", "peft_version"),
    *(
        "target_modules",
        "exclude_modules",
        "layers_pattern",
        "layers_to_transform",
        "modules_to_save",
        "fan_in_fan_out",
    ),
)


def _write_peft(path: Path, adapter: Adapter, arrays: dict[str, Array], done: list[Conversion], save: Any) -> None:
    if path.suffix or path.is_file():
        raise ValueError(f"{path}: expected a folder, which will hold PEFT's two files")
    for conversion in done:
        A, B = _shaped(conversion)
        name = f"{PREFIX}{conversion.layer.name}"
        arrays |= {f"{name}.lora_A.weight": A, f"{name}.lora_B.weight": B}
    ranks = {conversion.layer.name: conversion.rank for conversion in done}
    config: dict[str, Any] = {key: adapter.config[key] for key in _KEPT if key in adapter.config}
    common = Counter(ranks.values()).most_common(1)[0][0]
    pattern = {f"^{re.escape(name)}": rank for name, rank in ranks.items() if rank != common}
    config |= {
        "peft_type": "LORA",
        "r": common,
        "lora_alpha": common,
        "rank_pattern": pattern,
        "alpha_pattern": pattern,
    }
    config |= {"lora_dropout": 0.0, "bias": "none", "init_lora_weights": True}
    with staged_folder(path) as folder:
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")
        (folder / "adapter_model.safetensors").write_bytes(save(arrays, {"format": "pt"}))


_WRITERS = {"kohya": _write_kohya, "peft": _write_peft}
