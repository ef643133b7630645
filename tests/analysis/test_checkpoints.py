"""Checkpoints inside cells: what was trained before a stop is not trained again, and changes no number."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis import runner
from analysis.cells import load_cell, load_failure
from analysis.checkpoints import checkpoint_of
from analysis.classification import train
from analysis.runner import run_study
from analysis.study import as_plain, find_study
from kronmix import networks as nn

STUDY = find_study("random_permutation")
CONFIG = replace(STUDY.presets["planted"][-1], train=100, test=50, epochs=3)
#: One cell of three trainings or more, of three epochs each.
SMALL = replace(STUDY, presets={"quick": (CONFIG,)})
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def the_small_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "find_study", lambda _: SMALL)


def run(out: Path) -> dict[str, float]:
    (cell,) = run_study(SMALL, "quick", out, seeds=1).cells
    return dict(cell.values)


def epochs_of(out: Path, stop: int | None = None, error: type[BaseException] = KeyboardInterrupt) -> list[int]:
    """Run, and give the epochs in which a network was trained; stopped after some of them."""
    trained: list[int] = []
    fit = nn.fit

    def progress(epoch: nn.Epoch, epochs: int) -> None:
        trained.append(epoch.epoch)
        if len(trained) == stop:
            raise error

    def watched(*args: Any, **options: Any) -> nn.Fit:
        return fit(*args, **(options | {"progress": progress}))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(nn, "fit", watched)
        if stop is None or error is not KeyboardInterrupt:
            run_study(SMALL, "quick", out, seeds=1)
        else:
            with pytest.raises(KeyboardInterrupt):
                run_study(SMALL, "quick", out, seeds=1)
    return trained


def cells(out: Path) -> Path:
    return out / SMALL.name / "quick" / "cells"


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_cell_stopped_in_its_second_training_goes_on_there(tmp_path: Path) -> None:
    through = epochs_of(tmp_path / "through")
    assert through[:6] == [1, 2, 3, 1, 2, 3]
    assert epochs_of(tmp_path / "stopped", stop=4) == [1, 2, 3, 1]
    (folder,) = cells(tmp_path / "stopped").glob("*.checkpoints")
    assert [name.partition(".")[2] for name in names(folder)] == ["npz", "npz", "json"]
    assert epochs_of(tmp_path / "stopped") == through[4:]
    assert run(tmp_path / "stopped") == run(tmp_path / "through")
    assert not folder.exists()
    assert checkpoint_of(nn.mlp(2, [3], 2)) is None  # outside of cells nothing is kept


def test_a_training_that_another_cell_has_done_leaves_the_files_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in a process that had the first training already, and gone on with in one that has not."""
    done: set[int] = set()

    def run_cell(config: Any, seed: int) -> dict[str, float]:
        nets = {i: nn.mlp(64, [4], 10, seed=i) for i in (0, 1) if i not in done}
        return {str(i): train(net, config, seed)[1]["loss"] for i, net in nets.items()}

    monkeypatch.setattr(runner, "find_study", lambda _: replace(SMALL, run_cell=run_cell))
    through = run(tmp_path / "through")
    done.add(0)
    assert epochs_of(tmp_path / "stopped", stop=2) == [1, 2]
    done.clear()
    assert epochs_of(tmp_path / "stopped") == [1, 2, 3, 3]
    assert run(tmp_path / "stopped") == through


@pytest.mark.parametrize("part", ["code", "data"])
def test_checkpoints_of_other_code_or_data_are_thrown_away(part: str, tmp_path: Path) -> None:
    epochs_of(tmp_path, stop=4)
    (folder,) = cells(tmp_path).glob("*.checkpoints")
    file = folder / "origin.json"
    file.write_text(file.read_text(encoding="utf-8").replace(f'"{part}": "', f'"{part}": "other'), encoding="utf-8")
    assert epochs_of(tmp_path)[:6] == [1, 2, 3, 1, 2, 3]
    assert not folder.exists()


def test_a_cell_that_fails_keeps_no_checkpoints(tmp_path: Path) -> None:
    epochs_of(tmp_path, stop=4, error=RuntimeError)
    folder = tmp_path / SMALL.name / "quick"
    assert load_failure(folder, as_plain(CONFIG), 0)
    assert [name.partition(".")[2] for name in names(cells(tmp_path))] == ["failed"]


def test_where_cells_are_not_kept_nothing_is(tmp_path: Path) -> None:
    """As on a worker of a cluster that does not share the folder."""
    found = runner.run_one(SMALL.name, CONFIG, 0, tmp_path)
    assert names(tmp_path) == []
    run(tmp_path / "kept")
    assert found == load_cell(tmp_path / "kept" / SMALL.name / "quick", as_plain(CONFIG), 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adamw_mixer", "data_aware", "photograph_mixer", "random_permutation"])
def test_a_killed_process_goes_on(name: str, tmp_path: Path) -> None:
    """Of every way in which studies train: the epochs that were kept are there again, and the table is the same."""
    start = [sys.executable, "-m", "analysis", "run", name, "--preset", "planted", "--seeds", "1", "-q", "--out"]
    process = subprocess.Popen([*start, str(tmp_path / "killed")], cwd=ROOT, stdout=subprocess.DEVNULL)
    folder = tmp_path / "killed" / name / "planted"
    deadline = time.monotonic() + 120
    while not list(folder.glob("cells/*.checkpoints/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert list(folder.glob("cells/*.checkpoints/*.npz"))
    shutil.copytree(tmp_path / "killed", tmp_path / "fresh", ignore=shutil.ignore_patterns("*.checkpoints", "*.claim"))
    tables = []
    for out in ("killed", "fresh"):
        subprocess.run([*start, str(tmp_path / out)], cwd=ROOT, check=True, capture_output=True)
        tables.append((tmp_path / out / name / "planted" / "table.csv").read_bytes())
    assert tables[0] == tables[1]
    assert not list(folder.glob("cells/*.checkpoints"))
