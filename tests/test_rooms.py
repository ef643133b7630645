"""Every room opens first and alone, with what it needs and no more; commands parse without NumPy."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

import kronmix as km
from kronmix.extras import install_line

#: What no user opens by name.
PRIVATE = {"__main__", "cli", "deprecation", "extras", "intervals", "progress"}
ROOMS = sorted(m.name for m in pkgutil.iter_modules(km.__path__) if m.name not in PRIVATE)
#: Libraries that a room loads when it is opened; all others load them when something is drawn, proved or fitted, if at all.
HEAVY = {
    "estimators": {"sklearn", "pandas"},
    "plotting": {"matplotlib"},
    "report": {"matplotlib", "jinja2"},
    "symbolic": {"sympy"},
}


def python(code: str) -> Any:
    """What a fresh interpreter prints, read as JSON."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_room_is_a_public_name() -> None:
    assert [name for name in km.__all__ if isinstance(getattr(km, name), ModuleType)] == ROOMS


@pytest.fixture(scope="module")
def opened() -> dict[str, list[str]]:
    """For each room opened as the first of kronmix: the heavy libraries that were loaded. Each in a child of one interpreter."""
    return python(  # type: ignore[no-any-return]
        f"""
import json, os, sys
import numpy, scipy.sparse.linalg, lazy_loader
found = {{}}
for room in {ROOMS}:
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            import kronmix
            getattr(kronmix, room)
            told = [m for m in ("jinja2", "matplotlib", "sklearn", "sympy", "typer", "torch", "pandas") if m in sys.modules]
        except BaseException as error:
            told = [repr(error)]
        os.write(write, json.dumps(told).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        found[room] = json.load(pipe)
    os.wait()
print(json.dumps(found))
"""
    )


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_opens_alone(room: str, opened: dict[str, list[str]]) -> None:
    assert set(opened[room]) <= HEAVY.get(room, set())


def test_commands_parse_without_numpy_and_name_the_extra_that_is_missing() -> None:
    told = python(
        """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
missing = ("sympy", "matplotlib", "jinja2", "sklearn", "safetensors")
sys.modules.update({name: None for name in missing})
from kronmix.cli import main
def call(*arguments):
    sys.argv, out, err = ["kronmix", *arguments], io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as stop:
        return [stop.code or 0, out.getvalue(), err.getvalue()]
told = [call("--help"), call("path", "--help"), call("factor", "--help")]
told.append([name for name in ("numpy", "scipy", "kronmix.files") if name in sys.modules])
told += [call("verify"), call("report")]
import kronmix
try:
    kronmix.verify
except ModuleNotFoundError as error:
    told.append([error.name, str(error)])
print(json.dumps(told))
"""
    )
    *helps, loaded, verify, report, name = told
    assert [code for code, _, _ in helps] == [0, 0, 0]
    assert loaded == []
    assert verify[0] == report[0] == 2
    assert verify[2].rstrip().endswith("pip install 'kronmix[symbolic]'")
    assert "pip install 'kronmix[" in report[2]
    assert name[0] == "sympy"
    assert name[1].startswith("kronmix.symbolic needs sympy: pip install 'kronmix[symbolic]'")


def test_a_pip_line_names_the_extra_that_brings_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [
        "numpy>=2.0",
        'sympy>=1.13; extra == "all"',
        'mlxtend; extra == "all"',
        'sympy>=1.13; extra == "symbolic"',
    ]
    listed += ["Mlxtend>=0.23; extra == 'data'", "scikit-learn>=1.5; extra == 'data'"]
    monkeypatch.setattr("kronmix.extras.requires", lambda name: listed)
    assert install_line("sympy.core") == "pip install 'kronmix[symbolic]'"
    assert install_line("sklearn") == "pip install 'kronmix[data]'"
    assert install_line("sym") == "pip install sym"
    assert install_line("numpy") == "pip install numpy"


def test_help_without_the_libraries_of_the_command_line() -> None:
    code = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("typer", "rich"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from kronmix.__main__ import main
main()
"""
    helped = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60)
    assert helped.returncode == 0, helped.stderr
    assert "  factor    Find which structure a matrix has" in helped.stdout
    assert "pip install 'kronmix[cli]'" in helped.stdout
    asked = subprocess.run([sys.executable, "-c", code, "factor", "x.npy"], capture_output=True, text=True, timeout=60)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr == "kronmix: The command line needs rich: pip install 'kronmix[cli]'\n"


def test_what_operators_make_of_themselves_needs_no_other_room_first() -> None:
    code = """
import json, numpy as np, kronmix as km
op = km.Kronecker(2 * np.eye(2), np.eye(3))
made = [op ** 2, op.inv(), op.pinv(), op + km.eye(6), op @ op, op[[0, 1]], op.T, op.H, 3 * op, op / 2, -op]
print(json.dumps([float(np.abs(np.asarray(x.to_dense() if hasattr(x, "to_dense") else x)).sum()) for x in made]))
"""
    assert python(code) == [24.0, 3.0, 3.0, 18.0, 24.0, 4.0, 12.0, 12.0, 36.0, 6.0, 12.0]
