"""Checkpoints inside cells: a cell whose process was stopped goes on from the last whole epoch of the training it was in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from typing import Any

from kronmix.files import write_file

#: Files for the trainings of the cell that is run, in their order.
_FILES: ContextVar[Iterator[Path] | None] = ContextVar("files for the trainings of the cell that is run", default=None)


@contextmanager
def checkpoints(cell: Path, origin: Mapping[str, Any]) -> Iterator[None]:
    """Give every training in the block a file beside the cell's; what is there of another origin is thrown away.

    A cell repeats its trainings in the same order, so that its n-th file is always that of its n-th training. Where the folder of
    the cells is not there, as on a machine that does not share it, there are no checkpoints.
    """
    if not cell.parent.is_dir():
        yield
        return
    folder, text = _folder(cell), json.dumps(dict(origin), sort_keys=True)
    made_with = folder / "origin.json"
    if not made_with.exists() or made_with.read_text(encoding="utf-8") != text:
        forget_checkpoints(cell)
        folder.mkdir(exist_ok=True)
        write_file(made_with, text)
    before = _FILES.set(folder / f"{n}.npz" for n in count())
    try:
        yield
    finally:
        _FILES.reset(before)


def next_checkpoint() -> Path | None:
    """The file for the next training; None outside of a cell, and where its cells are not kept."""
    files = _FILES.get()
    return None if files is None else next(files)


def forget_checkpoints(cell: Path) -> None:
    """Delete the checkpoints of a cell, if there are any."""
    shutil.rmtree(_folder(cell), ignore_errors=True)


def _folder(cell: Path) -> Path:
    return cell.with_suffix(".checkpoints")
