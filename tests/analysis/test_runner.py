"""The runner: cells are written whole, never run twice, and the same anywhere; bad input ends in one sentence."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import kronmix as km
from analysis import commands as command_line, runner
from analysis.cells import Claims, cell_file, load_cell, load_failure, save_cell
from analysis.origin import refuse_mixtures
from analysis.runner import run_one, run_study
from analysis.study import Cell, Origin, Table, as_plain, find_study
from analysis.workers import Processes, WorkerDiedError

STUDY = find_study("permutation_distance")
#: The same with cells of milliseconds.
SMALL = replace(
    STUDY,
    presets=STUDY.presets | {"quick": tuple(replace(c, tokens=4, channels=4) for c in STUDY.presets["quick"])},
)
ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "analysis", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def call(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    """The same in this process."""
    code = 0
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["analysis", *map(str, arguments)])
        try:
            command_line.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def values(table: Table) -> list[Any]:
    return [(dict(c.config), c.seed, dict(c.values)) for c in table.cells]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return run_study(SMALL, "quick", tmp_path_factory.mktemp("whole"), seeds=2)


@pytest.fixture(scope="module")
def whole_as_it_is(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """At the size that commands in processes of their own run."""
    return run_study(STUDY, "quick", tmp_path_factory.mktemp("whole"), seeds=2)


def test_cells_are_run_once(tmp_path: Path, whole: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    first = run_study(SMALL, "quick", tmp_path, seeds=1, progress=lambda *p: seen.append(p))
    assert seen[0] == (0, 6)
    assert seen[-1] == (6, 6)
    again = run_study(SMALL, "quick", tmp_path, seeds=2)
    assert values(again) == values(whole)
    monkeypatch.setattr(runner, "run_one", lambda *_: pytest.fail("a cell was run twice"))
    assert values(run_study(SMALL, "quick", tmp_path, seeds=2)) == values(whole)
    assert values(run_study(SMALL, "quick", tmp_path, seeds=1)) == values(first)


def test_two_processes_give_the_same_table(tmp_path: Path, whole: Table) -> None:
    assert values(run_study(SMALL, "quick", tmp_path, seeds=2, jobs=2)) == values(whole)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_table(tmp_path: Path, whole: Table) -> None:
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True) as cluster:
        table = run_study(SMALL, "quick", tmp_path, seeds=2, scheduler=cluster.scheduler_address)
    assert values(table) == values(whole)


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(tmp_path: Path, whole_as_it_is: Table) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "analysis", "run", STUDY.name, "--seeds", "2", "--out", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    cells = tmp_path / STUDY.name / "quick" / "cells"
    deadline = time.monotonic() + 60
    while not (cells.exists() and any(cells.glob("*-*.json"))) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert values(run_study(STUDY, "quick", tmp_path, seeds=2)) == values(whole_as_it_is)


@pytest.mark.parametrize("damage", ["", "{", '{"values": 3}', '{"config": {}, "seed": 0, "values": {}}'])
def test_damaged_cells_are_run_again(damage: str, tmp_path: Path, whole: Table) -> None:
    run_study(SMALL, "quick", tmp_path, seeds=2)
    config = as_plain(SMALL.presets["quick"][0])
    file = cell_file(tmp_path / SMALL.name / "quick", config, 0)
    file.write_text(damage, encoding="utf-8")
    assert load_cell(tmp_path / SMALL.name / "quick", config, 0) is None
    assert values(run_study(SMALL, "quick", tmp_path, seeds=2)) == values(whole)


def test_a_full_disk_leaves_earlier_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell({"x": 1}, 0, {"y": 2.0})
    save_cell(tmp_path, cell)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kronmix.files.writing.os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        save_cell(tmp_path, Cell({"x": 1}, 0, {"y": 3.0}))
    assert load_cell(tmp_path, {"x": 1}, 0) == cell
    assert [f.name for f in (tmp_path / "cells").iterdir()] == [cell_file(tmp_path, {"x": 1}, 0).name]


def fails_for_mixers(config: Any, seed: int) -> dict[str, float]:
    if config.kind == "Mixer" and seed == 1:
        raise RuntimeError("two\nlines")
    return dict(SMALL.run_cell(config, seed))


def test_a_cell_that_fails_is_recorded_and_the_study_goes_on(
    tmp_path: Path, whole: Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(SMALL, run_cell=fails_for_mixers)
    for module in (runner, command_line):
        monkeypatch.setattr(module, "find_study", lambda _: broken)
    code, _, errors = call(capsys, "run", SMALL.name, "--seeds", 2, "--out", tmp_path)
    assert code == 2
    told = errors.splitlines()
    assert len(told) == 2
    assert told[0].endswith("kind=Mixer, layers=1, tokens=4, channels=4, data=mnist, seed 1: RuntimeError: two lines")
    assert (tmp_path / SMALL.name / "quick" / "outcome.txt").exists()
    monkeypatch.undo()
    assert values(run_study(SMALL, "quick", tmp_path, seeds=2)) == values(whole)  # what failed is run again
    failed = load_failure(tmp_path / SMALL.name / "quick", as_plain(SMALL.presets["quick"][-1]), 1)
    assert failed is None


def dies_for_mixers(name: str, config: Any, *where: Any) -> Any:
    if config.kind == "Mixer":
        os._exit(3)
    return run_one(name, config, *where)


@pytest.mark.slow
def test_a_worker_that_dies_takes_only_its_cell(tmp_path: Path, whole: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "run_one", dies_for_mixers)
    table = run_study(SMALL, "quick", tmp_path, seeds=1, jobs=2)
    assert values(table) == [v for v in values(whole) if v[1] == 0 and v[0]["kind"] != "Mixer"]
    assert [f.error for f in table.failures] == ["WorkerDiedError: its process died (exit code 3)"] * 2


@pytest.mark.slow
def test_a_dead_process_is_replaced() -> None:
    with Processes(1) as executor:
        with pytest.raises(WorkerDiedError, match="exit code 7"):
            executor.submit(os._exit, 7).result()
        assert executor.submit(abs, -3).result() == 3


@pytest.mark.slow
def test_two_drivers_share_a_folder(tmp_path: Path, whole_as_it_is: Table) -> None:
    start = [sys.executable, "-m", "analysis", "run", STUDY.name, "--seeds", "2", "--out", str(tmp_path)]
    drivers = [
        subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    (first, second) = [driver.communicate() for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0]
    assert first == second
    folder = tmp_path / STUDY.name / "quick"
    assert {f.name for f in folder.iterdir()} == {"cells", "table.csv", "outcome.txt", "figure.png"}
    assert {f.suffix for f in (folder / "cells").iterdir()} == {".json"}
    assert values(run_study(STUDY, "quick", tmp_path, seeds=2)) == values(whole_as_it_is)


def test_claims_are_respected_until_they_are_stale(tmp_path: Path) -> None:
    config = {"x": 1}
    claim = cell_file(tmp_path, config, 0).with_suffix(".claim")
    with Claims(tmp_path) as mine, Claims(tmp_path) as other:
        assert mine.take(config, 0)
        assert not other.take(config, 0)
        mine.release(config, 0)
        assert other.take(config, 0)
        os.utime(claim, (time.time() - 120, time.time() - 120))
        assert mine.take(config, 0)  # no sign of life
    assert not claim.exists()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    claim.write_text(json.dumps({"host": socket.gethostname(), "process": ended.pid}), encoding="utf-8")
    with Claims(tmp_path) as mine:
        assert mine.take(config, 0)  # its process is gone
    claim.write_text(json.dumps({"host": "elsewhere", "process": ended.pid}), encoding="utf-8")
    with Claims(tmp_path) as mine:
        assert not mine.take(config, 0)


def test_cells_of_other_code_are_not_mixed(
    tmp_path: Path, whole: Table, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "find_study", lambda _: SMALL)
    run_study(SMALL, "quick", tmp_path, seeds=1)
    folder = tmp_path / SMALL.name / "quick"
    config = as_plain(SMALL.presets["quick"][0])
    cell = load_cell(folder, config, 0)
    assert cell is not None
    assert cell.origin.code.startswith(km.__version__)
    save_cell(folder, replace(cell, origin=Origin("0.0-old")))
    code, _, errors = call(capsys, "show", SMALL.name, "--out", tmp_path)
    assert code == 2
    assert "cells of different code or data (1 with code 0.0-old; 5 with code" in errors
    with pytest.raises(ValueError, match="run with --fresh"):
        run_study(SMALL, "quick", tmp_path, seeds=2)
    assert values(run_study(SMALL, "quick", tmp_path, seeds=2, fresh=True)) == values(whole)
    refuse_mixtures(folder, [Origin("1", "mnist:a"), Origin("1", "digits:b")])
    with pytest.raises(ValueError, match="different code or data"):
        refuse_mixtures(folder, [Origin("1", "mnist:a"), Origin("1", "mnist:b")])


@pytest.mark.slow
def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, listed, _ = call(capsys, "list")
    assert code == 0
    assert "permutation_distance" in listed
    done = command("run", STUDY.name, "--seeds", 2, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert any(word in done.stdout for word in ("supported", "undecided"))
    folder = tmp_path / STUDY.name / "quick"
    assert {f.name for f in folder.iterdir()} == {"cells", "table.csv", "outcome.txt", "figure.png"}
    assert len((folder / "table.csv").read_text(encoding="utf-8").splitlines()) == 7
    written = "".join(f"{folder / name}\n" for name in ("figure.png", "outcome.txt", "table.csv"))
    shown = command("show", STUDY.name, "--out", tmp_path)
    assert (shown.returncode, shown.stdout + written, shown.stderr) == (0, done.stdout, "")
    assert call(capsys, "run", STUDY.name, "--seeds", 2, "--out", tmp_path, "-q") == (
        0,
        f"{folder / 'table.csv'}\n",
        "",
    )
    for arguments in (("list",), ("show", STUDY.name), ("run", STUDY.name, "--seeds", 2), ("power", STUDY.name)):
        place = () if arguments == ("list",) else ("--out", tmp_path)
        assert_fits_its_schema(call(capsys, *arguments, *place, "--json"), arguments[0])
    assert_fits_its_schema(call(capsys, "show", "nothing", "--json"), "error")


def assert_fits_its_schema(called: tuple[int, str, str], name: str) -> None:
    code, printed, _ = called
    record = json.loads(printed)
    schema = json.loads((Path(command_line.__file__).parent / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    assert record["schema"] == f"analysis/{name}/{command_line.VERSIONS[name]}" == schema["$id"]
    assert record["exit_code"] == code == (2 if name == "error" else 0)
    jsonschema.validate(record, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "more": 1}, schema)


def test_every_command_has_a_schema() -> None:
    folder = Path(command_line.__file__).parent / "schemas"
    commands = {str(one.name) for one in command_line.app.registered_commands}
    assert {file.stem for file in folder.iterdir()} == commands | {"error"} == command_line.VERSIONS.keys()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "nothing"), "study 'nothing': expected one of"),
        (("run", "cost", "--preset", "huge"), "preset 'huge': cost has quick, full, null, planted, pilot"),
        (("run", "cost", "--seeds", "0"), "seeds=0: expected at least 1"),
        (("run", "cost", "--jobs", "0"), "jobs=0: expected at least 1"),
        (("run", "cost", "--scheduler", "tcp://127.0.0.1:9"), "scheduler tcp://127.0.0.1:9 cannot be reached"),
        (("run", "cost", "--out", "/proc/nowhere"), "/proc/nowhere"),
        (("show", "cost", "--out", "nowhere"), "no results yet"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--out" not in arguments and arguments[0] == "run":
        arguments = (*arguments, "--out", str(tmp_path))
    code, _, errors = call(capsys, *arguments)
    assert code == 2
    assert words in errors
    assert errors.count("\n") == 1
