"""Arrays that lie in several files: the index of a model in shards, and the folder that a hub keeps a model in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .recognition import refuse_names_that_are_not_read
from .stored import Stored

#: What the name of an index of shards ends in.
INDEX = ".index.json"
#: Files of a folder that hold its model, the first that is there.
MODEL = (f"model.safetensors{INDEX}", "model.safetensors", "model.npz")


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises
    ------
    ValueError
        If the file is damaged or holds something else.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "config.json"
    >>> _ = file.write_text('{"r": 16}')
    >>> read_json(file)
    {'r': 16}
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise ValueError(f"{file}: not whole JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file}: expected an object of names and values")
    return found


def stored_shards(index: Path, read: Callable[[Path], dict[str, Stored]]) -> dict[str, Stored]:
    """The arrays of all shards, each from the file that the index names.

    Parameters
    ----------
    index : path
        ``….safetensors.index.json``, as transformers and PEFT write it.
    read : function
        Reads one shard.

    Raises
    ------
    ValueError
        If there is no map of names, or a shard is missing, lies elsewhere or lacks what the index says.
    """
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise ValueError(f"{index}: no 'weight_map' from names to files: not the index of a model in shards")
    shards: dict[str, dict[str, Stored]] = {}
    for name in sorted(set(places.values())):
        shard = index.parent / name
        if shard.resolve().parent != index.parent.resolve():
            raise ValueError(f"{index}: names the shard {name!r}, which is not in its folder")
        if not shard.is_file():
            raise ValueError(f"{index}: the shard {name} is not there, of {len(set(places.values()))}: download it too")
        shards[name] = read(shard)
    for array, name in places.items():
        if array not in shards[name]:
            raise ValueError(f"{index}: says that {array!r} lies in {name}, which does not hold it")
    return {array: shards[name][array] for array, name in places.items()}


def refuse_one_of_several(file: Path) -> None:
    """Raise where a file is one shard of several.

    Raises
    ------
    ValueError
        Saying what to give instead.

    Examples
    --------
    >>> refuse_one_of_several(Path("mixer-2-of-3.safetensors"))
    Traceback (most recent call last):
        ...
    ValueError: mixer-2-of-3.safetensors: one of 3 shards: give the folder that holds all, or their ….safetensors.index.json
    """
    shard = re.search(r"-\d+-of-0*(\d+)\.safetensors$", file.name, re.IGNORECASE)
    if shard and int(shard[1]) > 1:
        raise ValueError(
            f"{file}: one of {shard[1]} shards: give the folder that holds all, or their ….safetensors{INDEX}"
        )


def file_of(folder: Path, names: Sequence[str]) -> Path:
    """The file of arrays that a folder holds: the first of some names that is there, or the only one.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    for name in names:
        if (folder / name).is_file():
            return folder / name
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".safetensors", ".npz"))
    if not found:
        refuse_names_that_are_not_read(folder)
    if len(found) != 1:
        there = ", ".join(file.name for file in found) or "none"
        raise ValueError(f"{folder}: expected one file of weights in this folder, such as {names[1]}; found {there}")
    return found[0]
