"""Where a network's arrays lie: one file, shards with an index, or a folder with a ``config.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...files import Array, Arrays, Stored, read_arrays, refuse_what_is_no_file
from ...files.safetensors import widen_bfloat16

#: Files of a folder that hold its network, the first that is there.
_WEIGHTS = ("model.safetensors.index.json", "model.safetensors", "model.npz")
_INDEX = ".index.json"


@dataclass(frozen=True)
class Source:
    """Arrays by name, where they came from, and what ``config.json`` beside them says.

    Attributes
    ----------
    path : path
        For messages.
    stored : mapping of name to Stored
    config : mapping
        Empty where there is none.
    """

    path: Path
    stored: Mapping[str, Stored]
    config: Mapping[str, Any] = field(default_factory=dict)


def open_source(path: str | os.PathLike[str]) -> Source:
    """Find the arrays of a network; none is read yet.

    Parameters
    ----------
    path : path
        A file of arrays, ``….safetensors.index.json`` with its shards, ``config.json``, or a folder that holds one network.

    Raises
    ------
    ValueError
        If there is no such file, a shard is missing or lacks what the index says, or a folder holds none or several networks.
    """
    refuse_what_is_no_file(os.fspath(path))
    given = Path(path)
    if given.name == "config.json":
        given = given.parent
    file = _in_folder(given) if given.is_dir() else given
    stored = _shards(file) if file.name.endswith(_INDEX) else read_arrays(file).stored
    return Source(file, {name: _widened(entry) for name, entry in stored.items()}, _config(file.parent))


def _in_folder(folder: Path) -> Path:
    for name in _WEIGHTS:
        if (folder / name).exists():
            return folder / name
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".safetensors", ".npz"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise ValueError(
            f"{folder}: expected one file of weights in this folder, such as model.safetensors; found {names}"
        )
    return found[0]


def _shards(index: Path) -> dict[str, Stored]:
    """The arrays of all shards, each from the file that the index names."""
    places = _json(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise ValueError(f"{index}: no 'weight_map' from names to files: not the index of a network in shards")
    shards: dict[str, Arrays] = {}
    for name in sorted(set(places.values())):
        shard = index.parent / name
        if shard.resolve().parent != index.parent.resolve():
            raise ValueError(f"{index}: names the shard {name!r}, which is not in its folder")
        if not shard.exists():
            raise ValueError(f"{index}: the shard {name} is not there, of {len(set(places.values()))}: download it too")
        shards[name] = read_arrays(shard)
    for array, name in places.items():
        if array not in shards[name]:
            raise ValueError(f"{index}: says that {array!r} lies in {name}, which does not hold it")
    return {array: shards[name].stored[array] for array, name in places.items()}


def _config(folder: Path) -> Mapping[str, Any]:
    file = folder / "config.json"
    return _json(file) if file.exists() else {}


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise ValueError(f"{file}: not whole JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file}: expected an object of names and values")
    return found


def _widened(stored: Stored) -> Stored:
    """NumPy has no bfloat16: it writes such arrays as two bytes without a type, which are taken for what they are."""
    if stored.dtype not in ("|V2", "<V2", "bfloat16"):
        return stored

    def read() -> Array:
        return widen_bfloat16(np.ascontiguousarray(stored.read()).view(np.uint16))

    return Stored(stored.shape, "bfloat16", read)
