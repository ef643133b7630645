"""A notebook for the student: outputs and solutions taken out, an empty cell where each solution was."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat

from ..course import FOLDER, read, sources

#: Where the files go, beside the executed notebooks' copies.
SUFFIX = ".student.ipynb"


def stripped(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without what a student is to find: cells tagged "solution" are emptied, text among them is left out.

    Examples
    --------
    >>> notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("42", metadata={"tags": ["solution"]})])
    >>> [cell.source for cell in stripped(notebook).cells]
    ['# your solution']
    """
    made = copy.deepcopy(notebook)
    made.cells = [cell for cell in made.cells if cell.cell_type == "code" or not _is_solution(cell)]
    for cell in made.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if _is_solution(cell):
            cell.source, cell.metadata = "# your solution", nbformat.from_dict({})
    return made


def _is_solution(cell: nbformat.NotebookNode) -> bool:
    return "solution" in cell.metadata.get("tags", ())


def write(folder: Path) -> list[Path]:
    """The student version of every notebook, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sources():
        target = folder / f"{source.stem}{SUFFIX}"
        text = nbformat.writes(stripped(read(source))) + "\n"
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
        written.append(target)
    return written


def main() -> None:
    """Write them into ``out/student`` and name them."""
    for target in write(FOLDER.parent / "out" / "student"):
        print(target.relative_to(FOLDER.parent))


if __name__ == "__main__":
    main()
