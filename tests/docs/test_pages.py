"""What the pages show was run: Python in doctest form, marked console blocks, the gallery's scripts."""

from __future__ import annotations

import doctest
import inspect
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import pyplot as plt

from docs.conf import copybutton_prompt_text
from docs.extensions.api import find
from docs.extensions.blocks import ASSUMED, ended, needs, prompted
from docs.extensions.commands import output_of
from docs.extensions.pictures import description

from .test_docstrings import NAMES

DOCS = Path(__file__).parents[2] / "docs"
#: Pages that people write, without those that a build puts beside them.
PAGES = sorted(page for page in DOCS.rglob("*.md") if "auto_gallery" not in page.parts)
#: Pages that stand above the documentation and are shown on it or beside it.
ABOVE = [DOCS.parent / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
SCRIPTS = sorted((DOCS / "gallery").glob("plot_*.py"))
_FENCE = re.compile(r"(?P<above>[^\n]*)\n```(?P<language>[a-z]+)\n(?P<text>.*?)\n```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    language: str
    text: str
    runs: bool


def blocks(text: str) -> list[Block]:
    """The blocks of code of a page; a console block runs where ``% run`` stands directly above it."""
    found = _FENCE.finditer("\n" + text)
    return [Block(m["language"], m["text"], m["above"].strip() == "% run") for m in found]


def run_console(text: str, folder: Path) -> None:
    """Run the commands of a block, one after the other; where it shows output, that must come (``...`` stands for anything)."""
    steps = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    assert steps, f"a console block that runs needs a line that begins with '$ ': {text}"
    for step in steps:
        lines = step.splitlines()
        command = [lines.pop(0)]
        while command[-1].endswith("\\"):
            command.append(lines.pop(0))
        found, wanted = output_of("\n".join(command), folder), "\n".join(lines).strip("\n")
        options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        if wanted and not doctest.OutputChecker().check_output(wanted + "\n", found + "\n", options):
            raise AssertionError(f"$ {step}\nprinted\n{found}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_python_is_shown_as_it_is_run(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language in ("python", "py", "pycon"):
            assert block.language == "python", f"write ```python: {block.text}"
            assert block.text.startswith(">>> "), f"not in doctest form: {block.text}"
            assert block.text.endswith("\n"), f"doctest needs an empty line before the fence: {block.text}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if any(block.runs for block in blocks(p.read_text(encoding="utf-8")))],
    ids=lambda page: str(page.relative_to(DOCS)),
)
def test_marked_console_blocks_run(page: Path, tmp_path: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.runs:
            assert block.language == "console", f"only console blocks run: {block.text}"
            run_console(block.text, tmp_path)


def copied(text: str) -> str:
    """What the copy button brings: what stands behind prompts."""
    behind = re.compile(f"^({copybutton_prompt_text})(.*)$")
    found = (behind.match(line) for line in text.splitlines())
    return "".join(f"{one[2]}\n" for one in found if one)


_BETWEEN = "\u241e"


def fault(text: str, folder: Path, above: Iterable[str] = ()) -> str:
    """What goes wrong where a block is pasted into an interpreter that has just been started, in a folder of its own."""
    examples = doctest.DocTestParser().get_examples(text)
    shown = "".join(one.want for one in examples if one.exc_msg is None)
    raised = [one.exc_msg.partition(":")[0].strip() for one in examples if one.exc_msg is not None]
    brought = "\n".join(line for source in above for line in prompted(source))
    lines = copied(brought) + f"print({_BETWEEN!r})\n" + copied(text)
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-i", "-q"]
    done = subprocess.run(
        command,
        input=lines,
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    complaints = re.findall(
        r"^(?:>>> |\.\.\. )*([A-Z]\w*(?:\.\w+)*(?:Error|Exception|Warning))\b", done.stderr, re.MULTILINE
    )
    if [name.rpartition(".")[2] for name in complaints] != [name.rpartition(".")[2] for name in raised]:
        return done.stderr
    said = done.stdout.partition(_BETWEEN + "\n")[2]
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    return "" if doctest.OutputChecker().check_output(shown, said, options) else f"printed\n{said}"


def assert_runs_when_pasted(texts: list[str], folder: Path, assumed: Iterable[str] = ()) -> None:
    """Every block runs alone, with what its copy button brings."""
    for text, above in zip(texts, needs(texts, assumed), strict=True):
        found = fault(text, folder, above)
        assert not found, f"{text}\n{found}"


def examples_of(page: Path) -> list[str]:
    """The examples in Python of a page that people write, as the site shows them; what stands above it is shown as it is."""
    texts = [b.text for b in blocks(page.read_text(encoding="utf-8")) if b.language == "python"]
    return texts if page in ABOVE else [ended(text) for text in texts]


def documented() -> dict[str, Any]:
    """What has a docstring on the pages of the interface: public names, and public members of classes."""
    found = {name: find(name) for name in NAMES}
    members = {
        f"{name}.{member}": getattr(thing, member)
        for name, thing in found.items()
        if inspect.isclass(thing)
        for member, value in vars(thing).items()
        if not member.startswith("_")
        and (inspect.isroutine(value) or isinstance(value, (property, cached_property, classmethod)))
    }
    return found | members


def examples_in(thing: Any, skipped: bool = False) -> list[str]:
    """The examples in a docstring, as they stand apart on its page; those that doctest leaves out only where asked for."""
    chunks = [chunk for chunk in re.split(r"\n\s*\n", inspect.getdoc(thing) or "") if ">>> " in chunk]
    return [ended(chunk[chunk.index(">>> ") :] + "\n") for chunk in chunks if skipped or "+SKIP" not in chunk]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in (*PAGES, *ABOVE) if examples_of(page)], ids=lambda page: page.name)
def test_every_example_runs_when_pasted(page: Path, tmp_path: Path) -> None:
    assert_runs_when_pasted(examples_of(page), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, thing in documented().items() if examples_in(thing)])
def test_every_example_of_the_interface_runs_when_pasted(name: str, tmp_path: Path) -> None:
    assert_runs_when_pasted(examples_in(documented()[name]), tmp_path, ASSUMED)


def test_an_example_brings_what_it_needs_and_no_more(tmp_path: Path) -> None:
    texts = [
        ">>> import io\n>>> file, other = io.StringIO(), 1\n",
        ">>> _ = file.write('x')\n>>> spare = 2\n>>> boom\nTraceback (most recent call last):\nNameError: x\n",
        ">>> file.getvalue(), n\n",
        ">>> n = 0\n>>> n += 1\n",
        ">>> n\n1\n",
    ]
    assert needs(texts, ())[2] == ["import io\n", "file, other = io.StringIO(), 1\n", "_ = file.write('x')\n"]
    assert needs(texts, ())[4] == ["n = 0\n", "n += 1\n"]
    assert fault(texts[4], tmp_path, ["n = 0\n", "n += 1\n"]) == ""


def test_what_is_registered_below_is_brought_too() -> None:
    texts = [">>> import reg\n>>> class A: ...\n>>> a = A()\n", ">>> _ = reg.register(A)\n", ">>> reg.ask(a)\n"]
    assert needs(texts, ())[2] == ["import reg\n", "class A: ...\n", "a = A()\n", "_ = reg.register(A)\n"]


def test_an_example_that_fails_where_it_is_pasted_is_told(tmp_path: Path) -> None:
    assert fault(">>> import numpy as np\n>>> np.eye(1)\narray([[1.]])\n", tmp_path) == ""
    assert "NameError" in fault(">>> np.eye(1)\narray([[1.]])\n", tmp_path)  # numpy is imported here, but not there
    assert "printed\n3" in fault(">>> 1 + 2\n4\n", tmp_path)
    assert "printed\n" in fault(">>> 1 + 2\n3\n>>> None\n5\n", tmp_path)
    raised = "Traceback (most recent call last):\nZeroDivisionError: division by zero\n"
    assert fault(f">>> 1 / 0\n{raised}>>> 2\n2\n", tmp_path) == ""
    assert "division" not in fault(f">>> 1 / 1\n{raised}", tmp_path)
    assert fault(f">>> 1 / 1\n{raised}", tmp_path)
    parted = ">>> class A:\n...     x = 1\n...\n...     y = 2\n>>> A.y\n2\n"
    assert "IndentationError" in fault(parted, tmp_path)
    assert fault(ended(parted), tmp_path) == ""
    assert "SyntaxError" in fault(">>> for i in range(2):\n...     i\n>>> 3\n0\n1\n3\n", tmp_path)


def test_a_console_block_that_fails_or_prints_something_else_is_told(tmp_path: Path) -> None:
    (one, two) = blocks(
        "text\n\n% run\n```console\n$ echo a \\\n  b\na b\n$ kronmix --version\nkronmix ...\n```\n\n```text\nx\n```\n"
    )
    assert (one.runs, two.runs) == (True, False)
    run_console(one.text, tmp_path)
    with pytest.raises(AssertionError, match="printed\nb"):
        run_console("$ echo b\na", tmp_path)
    with pytest.raises(RuntimeError, match="ended with 3"):
        run_console("$ exit 3", tmp_path)
    with pytest.raises(AssertionError, match="begins with"):
        run_console("echo a", tmp_path)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_of_the_gallery_is_short_and_described(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    docstring, code = text.split('"""')[1], text.split('"""', 2)[2]
    assert docstring.count("?\n") == 1, "one question"
    assert len(description(script)) > 40
    assert len([line for line in code.splitlines() if line.strip()]) <= 25


@pytest.mark.parametrize(
    "script", [SCRIPTS[0], *(pytest.param(s, marks=pytest.mark.slow) for s in SCRIPTS[1:])], ids=lambda s: s.stem
)
def test_a_script_of_the_gallery_draws_one_picture(script: Path) -> None:
    with matplotlib.rc_context():
        plt.close("all")
        runpy.run_path(str(script))
        assert len(plt.get_fignums()) == 1
        assert len(plt.figure(1).axes) >= 1
        plt.close("all")


def test_a_script_without_a_description_is_told(tmp_path: Path) -> None:
    script = tmp_path / "plot_x.py"
    script.write_text('"""\nTitle\n=====\n"""\n', encoding="utf-8")
    with pytest.raises(ValueError, match="needs a comment"):
        description(script)
