"""Where a network's arrays lie: one file, shards with an index, or a folder with a ``config.json``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...files import Array, Stored, read_arrays, read_json
from ...files.safetensors import widen_bfloat16
from ...files.shards import refuse_one_of_several


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
        If there is no such file, or one shard of several; if a shard is missing or lacks what the index says, or a folder holds
        none or several networks.
    """
    given = Path(path)
    if given.name == "config.json":
        given = given.parent
    refuse_one_of_several(given)
    arrays = read_arrays(given)
    file = Path(arrays.source)
    return Source(file, {name: _widened(entry) for name, entry in arrays.stored.items()}, _read_config(file.parent))


def _read_config(folder: Path) -> Mapping[str, Any]:
    file = folder / "config.json"
    return read_json(file) if file.exists() else {}


def _widened(stored: Stored) -> Stored:
    """NumPy has no bfloat16: it writes such arrays as two bytes without a type, which are taken for what they are."""
    if stored.dtype not in ("|V2", "<V2", "bfloat16"):
        return stored

    def read() -> Array:
        return widen_bfloat16(np.ascontiguousarray(stored.read()).view(np.uint16))

    return Stored(stored.shape, "bfloat16", read)
