"""Checkpoints inside cells: a cell whose process was stopped goes on from the last whole epoch of the training it was in."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from kronmix.files import write_file
from kronmix.networks import Network

#: Where the cell that is run keeps the files of its trainings.
_FOLDER: ContextVar[Path | None] = ContextVar("checkpoints of the cell that is run", default=None)


@contextmanager
def checkpoints(cell: Path, origin: Mapping[str, Any]) -> Iterator[None]:
    """Give every training in the block a file beside the cell's; what is there of another origin is thrown away.

    Where the folder of the cells is not there, as on a machine that does not share it, there are no checkpoints.
    """
    if not cell.parent.is_dir():
        yield
        return
    folder, text = _checkpoint_folder(cell), json.dumps(dict(origin), sort_keys=True)
    made_with = folder / "origin.json"
    if not made_with.exists() or made_with.read_text(encoding="utf-8") != text:
        forget_checkpoints(cell)
        folder.mkdir(exist_ok=True)
        write_file(made_with, text)
    before = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(before)


def checkpoint_of(network: Network, *settings: Any) -> Path | None:
    """The file of a training of a cell; None outside of cells, and where they are not kept.

    Parameters
    ----------
    network : Network
        As it starts. Its values and the settings name the file, not the order of trainings: a cell whose first training another
        cell of the same process has done already begins with its second.
    settings
        What else tells the cell's trainings apart: values with a ``repr``, such as the rate and the number of samples.
    """
    folder = _FOLDER.get()
    if folder is None:
        return None
    digest = hashlib.sha256(repr((network, settings)).encode())
    for factor in network.factors:
        digest.update(np.ascontiguousarray(factor).tobytes())
    return folder / f"{digest.hexdigest()[:16]}.npz"


def forget_checkpoints(cell: Path) -> None:
    """Delete the checkpoints of a cell, if there are any."""
    shutil.rmtree(_checkpoint_folder(cell), ignore_errors=True)


def _checkpoint_folder(cell: Path) -> Path:
    return cell.with_suffix(".checkpoints")
