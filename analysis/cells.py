"""Cells on disk: results and failures, one file each, written whole or not at all; and claims of those that are being run."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from kronmix.files import write_file

from .study import Cell, Failure, Origin

#: Seconds between two signs of life of a claim, and after which a claim without one is taken over.
_BEAT, _STALE = 10.0, 60.0


def cell_file(folder: Path, config: Mapping[str, Any], seed: int) -> Path:
    """The file of a cell's result, named after a digest of the configuration."""
    text = json.dumps(dict(config), sort_keys=True)
    return folder / "cells" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-{seed}.json"


def load_cell(folder: Path, config: Mapping[str, Any], seed: int) -> Cell | None:
    """The result of a cell; None where there is none, or where the file is damaged and the cell has to be run again."""
    try:
        stored = json.loads(cell_file(folder, config, seed).read_text(encoding="utf-8"))
        values = {str(k): float(v) for k, v in stored["values"].items()}
        matches = stored["config"] == dict(config) and stored["seed"] == seed
        made_with = Origin(str(stored["code"]), str(stored["data"]))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return Cell(dict(config), seed, values, made_with) if matches else None


def save_cell(folder: Path, cell: Cell) -> None:
    """Write a result, whole or not at all; a failure of the same cell is forgotten.

    Raises
    ------
    OSError
        If it cannot be written; what was there before stays.
    """
    target = cell_file(folder, cell.config, cell.seed)
    record = {
        "config": dict(cell.config),
        "seed": cell.seed,
        "values": dict(cell.values),
        "code": cell.origin.code,
        "data": cell.origin.data,
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    write_file(target, json.dumps(record, indent=1) + "\n")
    target.with_suffix(".failed").unlink(missing_ok=True)


def save_failure(folder: Path, failure: Failure) -> None:
    """Write why a cell gave no numbers."""
    target = cell_file(folder, failure.config, failure.seed).with_suffix(".failed")
    record = {"config": dict(failure.config), "seed": failure.seed, "error": failure.error}
    target.parent.mkdir(parents=True, exist_ok=True)
    write_file(target, json.dumps(record, indent=1) + "\n")


def load_failure(folder: Path, config: Mapping[str, Any], seed: int) -> Failure | None:
    """Why a cell gave no numbers."""
    file = cell_file(folder, config, seed).with_suffix(".failed")
    try:
        error = str(json.loads(file.read_text(encoding="utf-8"))["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Failure(dict(config), seed, error)


def last_written(folder: Path, config: Mapping[str, Any], seed: int) -> tuple[int | None, ...]:
    """When the result and the failure of a cell were written (ns); None where there is none."""

    def written(file: Path) -> int | None:
        try:
            return file.stat().st_mtime_ns
        except OSError:
            return None

    file = cell_file(folder, config, seed)
    return written(file), written(file.with_suffix(".failed"))


class Claims:
    """The cells that this process runs; a file for each lets other processes see it.

    A claim is stale where its process is gone, or, as on another machine, where it gave no sign of life for a minute: it is then
    taken over. Two processes that take over one claim in the same moment both run the cell, and write the same numbers.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: set[Path] = set()
        self._lock, self._done = Lock(), Event()
        self._owner = json.dumps({"host": socket.gethostname(), "process": os.getpid()})

    def __enter__(self) -> Claims:
        self._heart = Thread(target=self._keep_claims_fresh, daemon=True)
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._heart.join()
        for file in self._mine:
            file.unlink(missing_ok=True)

    def take(self, config: Mapping[str, Any], seed: int) -> bool:
        """Claim a cell; False where another process has it."""
        file = self._claim_file(config, seed)
        file.parent.mkdir(parents=True, exist_ok=True)
        if _is_stale(file):
            file.unlink(missing_ok=True)
        try:
            with file.open("x", encoding="utf-8") as stream:
                stream.write(self._owner)
        except FileExistsError:
            return False
        with self._lock:
            self._mine.add(file)
        return True

    def release(self, config: Mapping[str, Any], seed: int) -> None:
        """Give a claim back."""
        file = self._claim_file(config, seed)
        with self._lock:
            self._mine.discard(file)
        file.unlink(missing_ok=True)

    def _claim_file(self, config: Mapping[str, Any], seed: int) -> Path:
        return cell_file(self._folder, config, seed).with_suffix(".claim")

    def _keep_claims_fresh(self) -> None:
        while not self._done.wait(_BEAT):
            with self._lock:
                for file in self._mine:
                    if file.exists():
                        os.utime(file)


def _is_stale(file: Path) -> bool:
    """Whether who claimed this cell is gone, or has given no sign of life for long."""
    try:
        age = time.time() - file.stat().st_mtime
        owner = json.loads(file.read_text(encoding="utf-8"))
        gone = owner["host"] == socket.gethostname() and not _is_running(int(owner["process"]))
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):
        gone = False  # being written, or cut off in writing
    return gone or age > _STALE


def _is_running(process: int) -> bool:
    if os.name != "posix":
        return True  # only its signs of life tell
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
