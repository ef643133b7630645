"""The course: the notebooks with their stored outputs, and a start page made of their own titles and learning goals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from sphinx.application import Sphinx
from sphinx.config import Config

from ..course import FOLDER

#: A class, in minutes: the goals at its start, the exercises and their solutions at its end.
CLASS, OPENING, EXERCISES = 120, 10, 40


@dataclass(frozen=True)
class Lesson:
    """What a notebook says of itself."""

    name: str
    title: str
    goals: str
    sections: tuple[tuple[str, int], ...]
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
        copied, text = target / source.name, source.read_text(encoding="utf-8").replace("](../docs/", "](../")
        if not copied.exists() or copied.read_text(encoding="utf-8") != text:
            copied.write_text(text, encoding="utf-8")


def lesson(source: Path) -> Lesson:
    """Read a notebook's title, goals, sections (with their number of cells) and exercises."""
    title, goals, sections, counts = source.stem, "", [""], [0]
    cells = nbformat.read(source, as_version=4).cells
    for cell in cells:
        if cell.cell_type == "markdown":
            if found := re.match(r"# (.+)", cell.source):
                title = found[1]
            if found := re.search(r"\*\*You will learn\*\*\s*\n+(.+?)(?:\n\n|\Z)", cell.source, re.DOTALL):
                goals = found[1]
            if found := re.match(r"## (.+)", cell.source):
                sections.append(found[1])
                counts.append(0)
        counts[-1] += 1
    pairs = list(zip(sections, counts, strict=True))[1:]
    taught = tuple((name, count) for name, count in pairs if name not in ("Exercises", "Where to read more"))
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return Lesson(source.stem, title, goals, taught, len(re.findall(r"^\*\*\d+\.\d+\*\*", text, re.MULTILINE)))


def plan(taught: Lesson) -> list[tuple[str, int]]:
    """Minutes of a class: the sections share what the opening and the exercises leave, by their number of cells.

    Examples
    --------
    >>> plan(Lesson("01_x", "1 X", "", (("short", 1), ("long", 3)), 2))
    [('Goals', 10), ('short', 20), ('long', 50), ('Exercises', 40)]
    """
    rest, total, done, minutes = CLASS - OPENING - EXERCISES, sum(count for _, count in taught.sections) or 1, 0, []
    for name, count in taught.sections:
        start, done = done, done + count
        minutes.append((name, 5 * round(rest * done / total / 5) - 5 * round(rest * start / total / 5)))
    return [("Goals", OPENING), *minutes, ("Exercises", EXERCISES)]


def contents(app: Sphinx, words: str) -> str:
    """The lessons: title, goals, and a plan for a class of two hours."""
    parts, toc = [], ["```{toctree}", ":hidden:", ":maxdepth: 1"]
    for source in notebooks():
        taught = lesson(source)
        toc.append(taught.name)
        rows = "\n".join(f"| {name} | {minutes} |" for name, minutes in plan(taught))
        parts.append(
            f"## [{taught.title}]({source.name})\n\n{taught.goals}\n\n"
            f":::{{dropdown}} A class of two hours ({taught.exercises} exercises)\n"
            f"| part | minutes |\n|---|---:|\n{rows}\n:::"
        )
    return "\n\n".join([*parts, "\n".join([*toc, "```"])])
