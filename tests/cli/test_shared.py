"""What all commands share: JSON and its schemas, quiet, force, old names, tables, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from safetensors.numpy import save_file

import kronmix as km
from kronmix.cli import Answer, app, command
from kronmix.cli.app import VERSIONS
from kronmix.cli.tables import facts, show, table
from kronmix.cli.train import Nonlinearity
from kronmix.cli.vocabulary import RENAMED
from kronmix.networks.activations import KERNELS
from tests.test_cli import call

IDENTITY = ("verify", "--identity", "A.T.T == A", "--shapes", "A=m,n")
CALLS: list[Any] = [
    ("inspect", "layer.npz"),
    ("inspect", "mixer.safetensors"),
    ("inspect", "lokr.safetensors", "--plot", "spectra.png"),
    ("factor", "B.npy"),
    ("factor", "B.npy", "--tolerance", "1e-9"),
    ("factor", "B.npy", "--structure", "kronecker", "--shape", "2x2,3x3"),
    ("factor", "model.safetensors"),
    ("factor", "model.safetensors", "--budget", "60%"),
    ("convert", "km.npz", "--to", "torch"),
    ("convert", "lokr.safetensors", "--to", "lora", "--rank", 2),
    ("path", "--parameters", "0.3,0.1"),
    pytest.param(("path", "--structure", "product", "--parameters", "0.8"), marks=pytest.mark.slow),
    ("train", "--model", "mlp", "--width", 4, "--depth", 1, "--epochs", 1),
    ("verify", "--theorem", "T6"),
    IDENTITY,
    ("verify", "--identity", "A.T == A", "--shapes", "A=n,n"),
    pytest.param(("report", "--data", "layer.npz", "--no-proofs"), marks=pytest.mark.slow),
    ("inspect", "gone.npz"),
]


def schema(name: str) -> Any:
    return json.loads((package_files("kronmix") / "cli" / "schemas" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("layer.npz", W=rng.normal(size=(4, 4)), V=rng.normal(size=(3, 3)))
    np.save("B.npy", np.kron(rng.normal(size=(2, 2)), rng.normal(size=(3, 3))))
    km.save(km.Kronecker(np.eye(2), np.ones((2, 3))), "km.npz")
    km.mixer.write_synthetic_checkpoint("mixer.safetensors", image=8, patch=4, channels=6, depth=1, classes=3)
    save_file({"a": rng.normal(size=(4, 6)), "b": np.ones(3)}, "model.safetensors")
    save_file({f"x.lokr_w{i}": rng.normal(size=(2, 3)) for i in (1, 2)}, "lokr.safetensors")
    return tmp_path


@pytest.mark.parametrize("arguments", CALLS, ids=lambda one: " ".join(map(str, one[:5])))
def test_json_is_what_its_schema_says(
    arguments: tuple[Any, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, _ = call(capsys, *arguments, "--json", *(("--quiet",) if arguments[0] == "train" else ()))
    record = json.loads(printed)
    name = "error" if code == 2 else arguments[0]
    assert record["schema"] == f"kronmix/{name}/{VERSIONS[name]}" == schema(name)["$id"]
    assert record["exit_code"] == code
    jsonschema.validate(record, schema(name))
    assert all((folder / file).exists() for file in record.get("files", ()))


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("inspect --nope --json", True),
        ("--json inspect", True),
        ("nope --json", True),
        ("inspect --nope -- --json", False),
        ("report --nope --out --json", False),
    ],
)
def test_what_cannot_be_parsed_answers_in_json_where_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], words: str, asked: bool
) -> None:
    code, printed, _ = call(capsys, *words.split())
    assert (code, bool(printed)) == (2, asked)


def test_every_command_has_a_schema_and_every_schema_a_command() -> None:
    folder = package_files("kronmix") / "cli" / "schemas"
    commands = {str(one.callback.__name__) for one in app.registered_commands if one.callback}
    assert {file.name.removesuffix(".json") for file in folder.iterdir()} == commands | {"error"} == VERSIONS.keys()
    for name in VERSIONS:
        jsonschema.Draft202012Validator.check_schema(schema(name))


def test_schemas_refuse_another_object() -> None:
    head = {"schema": "kronmix/inspect/1", "kronmix": "0", "exit_code": 0, "files": []}
    for wrong in ({}, head, {**head, "kind": "layer", "mixer": {}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema("inspect"))


def test_quiet_prints_the_main_file_or_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "factor", "B.npy", "--tolerance", "0.1", "-q") == (0, "out/factor/B.factors.npz\n", "")
    assert call(capsys, "inspect", "layer.npz", "--quiet") == (0, "", "")
    assert call(capsys, *IDENTITY, "--quiet") == (0, "", "")


def test_nothing_is_replaced_without_force_but_in_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    factor = ("factor", "B.npy", "--structure", "kronecker", "--shape", "2x2,3x3")
    for _ in range(2):
        assert call(capsys, *factor)[0] == 0
    Path("mine.factors.npz").write_text("precious", encoding="utf-8")
    refused = (2, "", "kronmix: mine.factors.npz exists: --force replaces it\n")
    assert call(capsys, *factor, "--out", "mine.factors.npz") == refused
    assert Path("mine.factors.npz").read_text(encoding="utf-8") == "precious"
    assert call(capsys, *factor, "--out", "mine.factors.npz", "--force")[0] == 0
    for writes, file in (
        (("inspect", "mixer.safetensors", "--plot"), "p.png"),
        (("verify", "--theorem", "T6", "--latex"), "v.tex"),
        (("path", "--parameters", "0.3", "--out"), "path/path.npz"),
        (("train", "--out"), "run/run.npz"),
        (("report", "--data", "layer.npz", "--out"), "page/index.html"),
        (("convert", "km.npz", "--to", "fly", "--out"), "fly/km.fly.safetensors"),
        (("factor", "model.safetensors", "--budget", "60%", "--out"), "m/model.factors/a.npz"),
    ):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("precious", encoding="utf-8")
        code, _, errors = call(capsys, *writes, file.split("/")[0])
        assert (code, errors.endswith("exists: --force replaces it\n")) == (2, True)
        assert Path(file).read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize(
    ("raises", "code", "words"),
    [
        (lambda: np.linalg.cholesky(-np.eye(2)), 1, "this is a fault of kronmix, not of your input"),
        (lambda: int("x"), 1, "Traceback"),
        (lambda: 1 // 0, 1, "ZeroDivisionError"),
        (lambda: km.Kronecker(np.ones(3), np.eye(2)), 2, "expected 2 axes"),
        (lambda: Path("gone.txt").read_text(encoding="utf-8"), 2, "kronmix: gone.txt: No such file or directory\n"),
    ],
)
def test_faults_of_ours_are_told_from_faults_of_input(
    raises: Any, code: int, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Answer:
        return Answer({"x": raises()})

    monkeypatch.setattr(app, "registered_commands", list(app.registered_commands))
    command(broken)
    found, _, errors = call(capsys, "broken")
    assert found == code
    assert words in errors
    assert (errors.count("\n") == 1) == (code == 2)


def test_wrong_usage_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ("factor",),
        ("factor", "x", "--nothing"),
        ("nonsense",),
        ("path", "--rank", "0"),
        ("train", "--seed", "x"),
    ):
        code, printed, errors = call(capsys, *arguments)
        assert (code, printed, errors.count("\n")) == (2, "", 1)
        assert errors.startswith("kronmix: ")
        assert errors.endswith(" --help\n")


def test_old_names_are_understood(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "report", "--weights", "none.npz", "-q")[2] == "kronmix: none.npz: No such file or directory\n"
    assert call(capsys, "path", "--structure", "product", "--inner=2", "--parameters", "x")[2] == (
        "kronmix: --parameters x: expected numbers, as 1,0.3,0.1\n"
    )
    for name, renamed in RENAMED.items():
        shown = call(capsys, name, "--help")[1]
        assert all(new in shown and f" {old} " not in shown for old, new in renamed.items())


def test_a_table_is_whole_in_a_pipe_and_a_list_where_it_is_narrow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = table("Title", ("layer",), ("numbers", "error"))
    made.add_row("blocks.0." + "x" * 150, "12 345", "0.25")
    monkeypatch.delenv("COLUMNS", raising=False)
    show(made)
    assert any("x" * 150 in line and line.rstrip().endswith("0.25") for line in capsys.readouterr().out.splitlines())
    monkeypatch.setenv("COLUMNS", "12")
    show(made)
    assert capsys.readouterr().out.splitlines()[2:] == ["  numbers: 12 345", "  error: 0.25"]
    show(facts("Facts", {"a long name": "0.25", "b": "1"}))  # names have words, between which Rich would cut them
    assert capsys.readouterr().out.splitlines() == ["Facts", "a long name: 0.25", "b: 1"]


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error(folder: Path) -> None:
    line = f"{sys.executable} -m kronmix inspect layer.npz | true; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(Path(km.__file__).parents[1])}
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment, timeout=120)
    assert done.stderr == ""
    assert done.returncode in (0, 141)  # 0 where the pipe took all before it was closed


def test_the_shell_completes_commands_options_and_values() -> None:
    def completed(words: str, position: int) -> str:
        line = {"_KRONMIX_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(position)}
        code = "from kronmix.__main__ import main; main()"
        environment = {**os.environ, **line, "PYTHONPATH": str(Path(km.__file__).parents[1])}
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment).stdout

    assert completed("kronmix re", 1).split() == ["report"]
    assert "--scheduler" in completed("kronmix factor --s", 2).split()
    assert completed("kronmix convert x --to py", 4).split() == ["pyfaust"]


def test_the_program_alone_helps(capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, errors = call(capsys)
    assert (code, errors) == (0, "")
    assert (code, printed, errors) == call(capsys, "--help")
    assert "kronmix factor weights.npy" in " ".join(printed.split())


def test_choices_and_sizes_are_read_as_the_tables_print_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("factor", "B.npy", "--structure", "Kronecker", "--shape", "2×2,3×3", "-q")
    assert call(capsys, *asked) == (0, "out/factor/B.factors.npz\n", "")
    assert call(capsys, "convert", "lokr.safetensors", "--to", "LoRA", "--rank", 2, "--kernel", "x=1×1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("layer.npz", "--prefix", "ema"), "--prefix goes with a file of several networks, not with one layer W, V"),
        (("lokr.safetensors", "--prefix", "ema"), "--prefix goes with a file of several networks, not with an adapter"),
        (("lokr.safetensors", "--plot", "p.svg"), "--plot p.svg: expected a name ending in .png"),
        (("B.npy",), "gMLP (timm), "),
        (("B.npy",), "; kronmix factor searches whatever matrices it holds\n"),
    ],
)
def test_inspect_says_what_it_cannot_do(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, printed, errors = call(capsys, "inspect", *arguments)
    assert (code, printed, errors.count("\n")) == (2, "", 1)
    assert words in errors


def test_every_activation_can_be_asked_for() -> None:
    assert {one.value for one in Nonlinearity} == {*KERNELS, "linear"}
    with pytest.raises(ValueError, match="'tanh' or 'linear'"):
        km.networks.mlp(4, (3,), 2, activation="nope")
