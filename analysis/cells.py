"""Results of cells on disk: one file each, written whole or not at all, never computed twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kronmix.files import write_file

from .study import Cell


def cell_file(folder: Path, config: Mapping[str, Any], seed: int) -> Path:
    """Where a cell's result is: its name is a digest of the configuration."""
    text = json.dumps(dict(config), sort_keys=True)
    return folder / "cells" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-{seed}.json"


def load_cell(folder: Path, config: Mapping[str, Any], seed: int) -> Cell | None:
    """The result of a cell; None where there is none, or where the file is damaged and the cell has to be run again."""
    try:
        stored = json.loads(cell_file(folder, config, seed).read_text(encoding="utf-8"))
        values = {str(k): float(v) for k, v in stored["values"].items()}
        matches = stored["config"] == dict(config) and stored["seed"] == seed
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return Cell(dict(config), seed, values) if matches else None


def save_cell(folder: Path, cell: Cell) -> None:
    """Write a result, whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written; what was there before stays.
    """
    target = cell_file(folder, cell.config, cell.seed)
    record = {"config": dict(cell.config), "seed": cell.seed, "values": dict(cell.values)}
    target.parent.mkdir(parents=True, exist_ok=True)
    write_file(target, json.dumps(record, indent=1) + "\n")
