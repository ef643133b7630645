"""The wheel of ``make dist``, installed as strangers do: without extras, with each, with all; each in a fresh environment."""

from __future__ import annotations

import doctest
import email
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
(WHEEL,) = sorted((ROOT / "out" / "dist").glob("*.whl")) or [ROOT / "run make dist first"]
#: What only contributors install, with `make install`.
CONTRIBUTORS = {"dev", "docs"}
#: Every command once, on the files of ``inputs``.
COMMANDS = {
    "convert": ("adapter.safetensors", "--to", "lora", "--rank", "1", "--out", "lora.safetensors"),
    "factor": ("H.npy", "--structure", "butterfly", "--out", "factors.npz"),
    "inspect": ("weights.npz",),
    "path": ("--parameters", "0.3", "--out", "path"),
    "report": ("--weights", "weights.npz", "--no-proofs", "--out", "report"),
    "train": ("--model", "mlp", "--width", "8", "--epochs", "1", "--out", "train"),
    "verify": ("--theorem", "T4"),
}


def extras() -> list[str]:
    with zipfile.ZipFile(WHEEL) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        listed = email.message_from_bytes(wheel.read(name)).get_all("Provides-Extra", [])
    return ["", *sorted(set(listed) - CONTRIBUTORS)]


@cache
def python(folder: Path, extra: str) -> Path:
    """The interpreter of a new environment that holds the wheel with an extra, and what that asks for."""
    environment = folder / (extra or "none")
    interpreter = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    asked = f"kronmix[{extra}] @ {WHEEL.as_uri()}"
    pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, asked], check=True)
    return interpreter


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(params=extras(), ids=lambda extra: extra or "none")
def extra(request: pytest.FixtureRequest) -> str:
    return request.param


def run(interpreter: Path, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [interpreter, *arguments],
        cwd=folder or interpreter.parent,
        env=clean | {"PYTHONUTF8": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


def asked_for(said: str, extra: str) -> bool:
    """Whether the last line names an extra that this environment lacks."""
    found = re.search(r"pip install 'kronmix\[(\w+)\]'$", said.strip())
    return found is not None and found[1] != extra and extra != "all"


def test_every_room_opens_in_its_own_process_or_names_the_extra_it_needs(folder: Path, extra: str) -> None:
    interpreter = python(folder, extra)
    listed = "[m.name for m in pkgutil.iter_modules(km.__path__) if m.name in km.__all__]"
    rooms = json.loads(
        run(interpreter, "-c", f"import json, kronmix as km, pkgutil; print(json.dumps({listed}))").stdout
    )
    assert len(rooms) > 20
    for room in rooms:
        opened = run(interpreter, "-W", "error", "-c", f"import kronmix; kronmix.{room}")
        assert opened.returncode == 0 or asked_for(opened.stderr, extra), f"{room}: {opened.stderr}"


def test_version_and_help_come_without_extras(folder: Path) -> None:
    interpreter = python(folder, "")
    helped = run(interpreter, "-m", "kronmix", "--help")
    assert helped.returncode == 0, helped.stderr
    for command in COMMANDS:
        assert f"  {command}" in helped.stdout
    version = run(interpreter, "-c", "import kronmix; print(kronmix.__version__)").stdout.strip()
    assert WHEEL.name.startswith(f"kronmix-{version}-")


def test_commands_run_or_name_the_extra_they_need(folder: Path, extra: str, tmp_path: Path) -> None:
    interpreter = python(folder, extra)
    saved = "np.save('H.npy', np.array([[1, 1], [1, -1]])); np.savez('weights.npz', W=np.eye(3), V=np.ones((2, 2)))"
    run(interpreter, "-c", f"import numpy as np; {saved}", folder=tmp_path)
    lokr = {"unet_a.lokr_w1": [[1.0, 2.0]], "unet_a.lokr_w2": [[1.0], [0.0], [2.0]]}
    (tmp_path / "adapter.safetensors").write_bytes(safetensors(lokr))
    for command, options in COMMANDS.items():
        done = run(interpreter, "-W", "error", "-m", "kronmix", command, *options, folder=tmp_path)
        told = done.returncode == 2 and done.stderr.count("\n") == 1 and asked_for(done.stderr, extra)
        assert done.returncode == 0 or told, f"{command}: {done.returncode} {done.stderr}"


def safetensors(tensors: dict[str, list[list[float]]]) -> bytes:
    """A file of matrices in single precision, written by hand: the environment may lack the library."""
    header, data = {}, b""
    for name, rows in tensors.items():
        flat = [number for row in rows for number in row]
        end = len(data) + 4 * len(flat)
        header[name] = {"dtype": "F32", "shape": [len(rows), len(rows[0])], "data_offsets": [len(data), end]}
        data += struct.pack(f"<{len(flat)}f", *flat)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(("extra", "start"), [("all", "# kronmix"), ("", "## Ten lines")])
def test_lines_of_the_readme_run_with_what_it_says_to_install(
    extra: str, start: str, folder: Path, tmp_path: Path
) -> None:
    """Everything with its pip line; from the ten lines on with the core alone: the digits before are an extra's."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = text[text.index(f"{start}\n") :]
    assert len(doctest.DocTestParser().get_examples(text)) > 10
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    code = (
        "import doctest; flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS\n"
        "raise SystemExit(doctest.testfile('README.md', False, optionflags=flags, encoding='utf-8').failed)"
    )
    done = run(python(folder, extra), "-c", code, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
