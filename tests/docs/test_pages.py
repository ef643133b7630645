"""What the pages show was run: Python in doctest form, marked console blocks, the gallery's scripts."""

from __future__ import annotations

import doctest
import inspect
import io
import re
import runpy
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import pyplot as plt

from docs.extensions.api import find
from docs.extensions.blocks import ASSUMED, needs
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


def failures(text: str, above: Iterable[str] = ()) -> int:
    """Examples of a block that fail in an interpreter that holds nothing but what is brought from above."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with redirect_stdout(io.StringIO()):
        for source in above:
            exec(compile(source, "above", "exec"), names)
    test = doctest.DocTestParser().get_doctest(text, names, "block", None, None)
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    return doctest.DocTestRunner(optionflags=options).run(test, out=lambda said: None).failed


def assert_runs_when_pasted(texts: list[str], assumed: Iterable[str] = ()) -> None:
    """Every block runs alone, with what its copy button brings."""
    for text, above in zip(texts, needs(texts, assumed), strict=True):
        assert failures(text, above) == 0, text


@pytest.mark.slow
@pytest.mark.parametrize("page", [*PAGES, *ABOVE], ids=lambda page: page.name)
def test_every_example_runs_when_pasted(page: Path) -> None:
    assert_runs_when_pasted([b.text for b in blocks(page.read_text(encoding="utf-8")) if b.language == "python"])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_example_of_the_interface_runs_when_pasted(name: str) -> None:
    chunks = [chunk for chunk in re.split(r"\n\s*\n", inspect.getdoc(find(name)) or "") if ">>> " in chunk]
    assert_runs_when_pasted([chunk[chunk.index(">>> ") :] + "\n" for chunk in chunks], ASSUMED)


def test_an_example_brings_what_it_needs_and_no_more() -> None:
    texts = [
        ">>> import io\n>>> file, other = io.StringIO(), 1\n",
        ">>> _ = file.write('x')\n>>> spare = 2\n>>> boom\nTraceback (most recent call last):\nNameError: x\n",
        ">>> file.getvalue(), n\n",
        ">>> n = 0\n>>> n += 1\n",
        ">>> n\n1\n",
    ]
    assert needs(texts, ())[2] == ["import io\n", "file, other = io.StringIO(), 1\n", "_ = file.write('x')\n"]
    assert needs(texts, ())[4] == ["n = 0\n", "n += 1\n"]
    assert failures(texts[4], ["n = 0\n", "n += 1\n"]) == 0


def test_what_is_registered_below_is_brought_too() -> None:
    texts = [">>> import reg\n>>> class A: ...\n>>> a = A()\n", ">>> _ = reg.register(A)\n", ">>> reg.ask(a)\n"]
    assert needs(texts, ())[2] == ["import reg\n", "class A: ...\n", "a = A()\n", "_ = reg.register(A)\n"]


def test_an_example_that_needs_what_is_not_there_is_told() -> None:
    assert failures(">>> import numpy as np\n>>> np.eye(1)\narray([[1.]])\n") == 0
    assert failures(">>> np.eye(1)\narray([[1.]])\n") == 1


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
