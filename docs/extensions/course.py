"""The course: the notebooks with their stored outputs, a start page made of their own titles and goals, and files to download."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from sphinx.application import Sphinx
from sphinx.config import Config

from ..course import FOLDER
from ..sliders import PAGES, Explorable, write
from . import student

#: How minutes are estimated: words a minute when they are explained, minutes for a figure, a cell of code, an exercise.
WORDS, FIGURE, CODE, EXERCISE, OPENING = 110, 3.0, 1.0, 10, 5


@dataclass(frozen=True)
class Lesson:
    """What a notebook says of itself."""

    name: str
    title: str
    goals: str
    sections: tuple[tuple[str, float], ...]
    exercises: int


def notebooks() -> list[Path]:
    """The executed notebooks, in the order of the course."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))


def copy(app: Sphinx, config: Config) -> None:
    """Put the executed notebooks where Sphinx reads them, and take away those that are gone.

    Their links to pages of this site, ``../docs/…``, are made to lead from there.
    """
    target = Path(app.srcdir) / "course"
    if not target.is_dir():  # pages without a course
        return
    names = {source.name for source in notebooks()}
    for old in target.glob("*.ipynb"):
        if old.name not in names:
            old.unlink()
    for source in notebooks():
        copied, text = target / source.name, with_downloads(source).replace("](../docs/", "](../")
        if not copied.exists() or copied.read_text(encoding="utf-8") != text:
            copied.write_text(text, encoding="utf-8")
    student.write(target / "student")


def with_downloads(source: Path) -> str:
    """The notebook with a line under its title from which it, and its version for students, can be downloaded."""
    notebook = nbformat.read(source, as_version=4)
    links = (
        f"Download: {{download}}`this notebook <../../notebooks/{source.name}>`, "
        f"{{download}}`without outputs and solutions <student/{source.stem}{student.SUFFIX}>`."
    )
    if played := [_link(page) for page in PAGES if source.name.startswith(f"{page.notebook:02}_")]:
        links += f" To play with: {', '.join(played)}."
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(links, id="downloads"))
    return nbformat.writes(notebook) + "\n"


def explorables(app: Sphinx, words: str) -> str:
    """Links to the pages with a slider, which :func:`copy_sliders` puts beside the course."""
    return "\n".join(f"- {_link(page)}: notebook {page.notebook}" for page in PAGES)


def _link(page: Explorable) -> str:
    return f'<a href="sliders/{page.name}.html">{page.title}</a>'


def copy_sliders(app: Sphinx, failed: Exception | None) -> None:
    """Write the pages with a slider into the finished site."""
    if failed is None and (Path(app.outdir) / "course").is_dir():
        write(Path(app.outdir) / "course" / "sliders")


def lesson(source: Path) -> Lesson:
    """Read a notebook's title, goals, sections (with the minutes they are estimated to take) and exercises."""
    title, goals, sections, counts = source.stem, "", [""], [0.0]
    cells = nbformat.read(source, as_version=4).cells
    for cell in cells:
        if cell.cell_type == "markdown":
            if found := re.match(r"# (.+)", cell.source):
                title = found[1]
            if found := re.search(r"\*\*You will learn\*\*\s*\n+(.+?)(?:\n\n|\Z)", cell.source, re.DOTALL):
                goals = found[1]
            # a heading may stand inside a cell of text
            for part in re.split(r"^(?=## )", cell.source, flags=re.MULTILINE):
                if found := re.match(r"## (.+)", part):
                    sections.append(found[1])
                    counts.append(0.0)
                counts[-1] += len(part.split()) / WORDS
            continue
        figures = sum("image/png" in output.get("data", {}) for output in cell.get("outputs", ()))
        counts[-1] += CODE + FIGURE * figures
    pairs = list(zip(sections, counts, strict=True))[1:]
    taught = tuple((name, count) for name, count in pairs if name not in ("Exercises", "Where to read more"))
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return Lesson(source.stem, title, goals, taught, len(re.findall(r"^\*\*\d+\.\d+\*\*", text, re.MULTILINE)))


def plan(taught: Lesson) -> list[tuple[str, int]]:
    """Estimated minutes of a class, from words, figures, cells of code and exercises; nobody has measured them.

    Examples
    --------
    >>> plan(Lesson("01_x", "1 X", "", (("short", 3.6), ("long", 12.2)), 2))
    [('Goals', 5), ('short', 4), ('long', 12), ('Exercises', 20)]
    """
    minutes = [(name, max(1, round(count))) for name, count in taught.sections]
    return [("Goals", OPENING), *minutes, ("Exercises", EXERCISE * taught.exercises)]


def contents(app: Sphinx, words: str) -> str:
    """The lessons: title, goals, and a plan for a class."""
    parts, toc = [], ["```{toctree}", ":hidden:", ":maxdepth: 1"]
    for source in notebooks():
        taught = lesson(source)
        toc.append(taught.name)
        rows = "\n".join(f"| {name} | {minutes} |" for name, minutes in plan(taught))
        parts.append(
            f"## [{taught.title}]({source.name})\n\n{taught.goals}\n\n"
            f":::{{dropdown}} About {sum(n for _, n in plan(taught))} minutes, an estimate ({taught.exercises} exercises)\n"
            f"| part | minutes |\n|---|---:|\n{rows}\n:::"
        )
    return "\n\n".join([*parts, "\n".join([*toc, "```"])])
