"""The course: every notebook runs, solutions too, says what it teaches, and its two files agree."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

import kronmix as km
from docs.course import drift, execute, read, sources
from docs.extensions.student import stripped

SOURCES = sources()
LARGEST = 600_000


def solutions(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if "solution" in cell.metadata.get("tags", ())]


@pytest.fixture(params=SOURCES, ids=lambda source: source.stem)
def source(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_the_notebooks_are_numbered_from_one() -> None:
    assert [int(source.name[:2]) for source in SOURCES] == list(range(1, len(SOURCES) + 1))


@pytest.mark.slow
def test_it_runs_at_small_size(source: Path) -> None:
    notebook = execute(read(source), fast=True)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


def test_its_two_files_agree(source: Path) -> None:
    assert drift(source) is None
    assert source.with_suffix(".ipynb").stat().st_size < LARGEST


def test_it_says_what_it_teaches_and_where_to_read_more(source: Path) -> None:
    cells = read(source).cells
    first = cells[0].source
    assert first.startswith(f"# {int(source.name[:2])} ")
    promised = first.split("**You will learn**")[1].strip().split("\n\n")[0]
    assert len(re.findall(r"^- ", promised, re.MULTILINE)) == 3
    (reading,) = [cell.source for cell in cells if cell.source.startswith("## Where to read more")]
    assert len(re.findall(r"^- .+\d{4}", reading, re.MULTILINE)) >= 2


def test_exercises_have_hidden_solutions(source: Path) -> None:
    notebook = read(source)
    asked = re.findall(r"^\*\*(\d+\.\d+)\*\*", "\n".join(c.source for c in notebook.cells), re.MULTILINE)
    assert asked == [f"{int(source.name[:2])}.{i + 1}" for i in range(len(asked))]
    assert len(asked) >= 2
    assert len(solutions(notebook)) >= len(asked)
    for cell in solutions(notebook):
        if cell.cell_type == "markdown":
            continue
        assert "hide-cell" in cell.metadata.tags
        assert cell.metadata.jupyter.source_hidden


def test_it_asks_before_it_shows_and_checks_at_the_end(source: Path) -> None:
    cells = read(source).cells
    asked = [i for i, cell in enumerate(cells) if "predict" in cell.metadata.get("tags", ())]
    (first,) = [i for i, cell in enumerate(cells) if cell.source.startswith("## Quick checks")]
    last = next(i for i, cell in enumerate(cells) if cell.source.startswith("## Exercises"))
    assert len(asked) == 2
    assert all("?" in cells[i].source or "Name" in cells[i].source for i in asked)
    assert last - first >= 6
    for i in (*asked, *range(first, last, 2)):
        assert cells[i + 1].source.startswith("<details><summary>Answer</summary>\n\n")
        assert cells[i + 1].source.endswith("\n\n</details>")
        assert "solution" in cells[i + 1].metadata.tags
        assert i not in asked or any(cell.cell_type == "code" for cell in cells[i + 2 :][:3])  # soon after, it is shown


def test_cells_are_short_and_pictures_are_described(source: Path) -> None:
    for cell in nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells:
        if cell.cell_type != "code":
            continue
        assert len(cell.source.splitlines()) <= 15, cell.source
        pictures = [out for out in cell.outputs if "image/png" in out.get("data", {})]
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        assert not pictures or len(alt) > 30, cell.source
        assert not [out for out in cell.outputs if out.get("name") == "stderr"], cell.source


def test_theorems_are_cited_by_their_numbers(source: Path) -> None:
    text = "\n".join(cell.source for cell in read(source).cells)
    cited = {int(number) for number in re.findall(r"\bT(\d+)\b", text)}
    assert cited
    assert cited <= set(range(1, 40))


def test_a_pair_that_drifted_apart_is_told(tmp_path: Path) -> None:
    text = tmp_path / "01_small.py"
    text.write_text("# %%\n1 + 1\n", encoding="utf-8")
    assert "missing" in str(drift(text))
    nbformat.write(execute(read(text)), text.with_suffix(".ipynb"))
    assert drift(text) is None
    text.write_text("# %%\n1 + 2\n", encoding="utf-8")
    assert "from cell 0 on" in str(drift(text))
    nbformat.write(read(text), text.with_suffix(".ipynb"))
    assert "not run" in str(drift(text))


def test_a_fast_run_takes_the_small_sizes(tmp_path: Path) -> None:
    text = tmp_path / "01_small.py"
    text.write_text('# %% tags=["parameters"] fast="SEEDS = 2"\nSEEDS = 20\n\n# %%\nSEEDS\n', encoding="utf-8")
    shown = [execute(read(text), fast).cells[1].outputs[0].data["text/plain"] for fast in (False, True)]
    assert shown == ["20", "2"]


def test_house_style_is_put_on(source: Path) -> None:
    assert hasattr(km.plotting, "use_house_style")
    assert "use_house_style()" in "".join(cell.source for cell in read(source).cells[:3])


def test_a_student_s_version_holds_no_solution(source: Path) -> None:
    whole, made = read(source), stripped(read(source))
    text = "\n".join(cell.source for cell in made.cells)
    assert all(cell.source not in text for cell in solutions(whole))
    assert sum(cell.source == "# your solution" for cell in made.cells) == sum(
        cell.cell_type == "code" for cell in solutions(whole)
    )
    assert all(not cell.get("outputs") for cell in made.cells)
    headings = re.compile(r"^## .+", re.MULTILINE)
    assert headings.findall(text) == headings.findall("\n".join(cell.source for cell in whole.cells))
