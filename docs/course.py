"""The course: text notebooks ``notebooks/*.py`` (jupytext percent), executed into the ``.ipynb`` beside each. ``make notebooks``.

A cell with ``fast="EPOCHS = 1"`` in its header gets that line added where a fast run is asked for, as the tests do.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parent.parent / "notebooks"
#: A notebook that takes longer than this, in seconds, on two cores does not fit a class.
LIMIT = 40


def sources() -> list[Path]:
    """The text notebooks, in the order of the course."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def read(source: Path) -> nbformat.NotebookNode:
    """A text notebook as cells that have not run; cells are named by their place, so that the same text gives the same file."""
    notebook = jupytext.read(source)
    for i, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{i:03d}"
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return notebook


def execute(notebook: nbformat.NotebookNode, fast: bool = False) -> nbformat.NotebookNode:
    """Run every cell, exercises' solutions too, and return the notebook with its outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    if fast:
        for cell in notebook.cells:
            cell.source = "\n".join([cell.source, *filter(None, [cell.metadata.get("fast")])])
    client = NotebookClient(
        notebook,
        extra_arguments=["--log-level=ERROR"],
        timeout=20 * LIMIT,
        record_timing=False,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    return client.execute()


def slim(notebook: nbformat.NotebookNode) -> None:
    """Keep 128 colours of every picture: a quarter of the size, and no difference to the eye."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        if picture := output.get("data", {}).get("image/png"):
            buffer = io.BytesIO()
            image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
            image.quantize(128).save(buffer, "PNG", optimize=True)
            output["data"]["image/png"] = base64.b64encode(buffer.getvalue()).decode() + "\n"


def drift(source: Path) -> str | None:
    """How a notebook's two files differ, or None: their cells must be the same, and the executed one free of gaps."""
    executed = source.with_suffix(".ipynb")
    if not executed.exists():
        return f"{executed.name} is missing"
    pair = nbformat.read(executed, as_version=4)
    wanted, found = list(_cells(read(source))), list(_cells(pair))
    if wanted != found:
        first = next(
            (i for i, (one, other) in enumerate(zip(wanted, found, strict=False)) if one != other),
            min(map(len, (wanted, found))),
        )
        return f"{executed.name} differs from {source.name} from cell {first} on: run make notebooks"
    counts = [cell.execution_count for cell in pair.cells if cell.cell_type == "code"]
    return None if counts == list(range(1, len(counts) + 1)) else f"{executed.name} was not run from top to bottom"


def _cells(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for cell in notebook.cells:
        yield cell.cell_type, cell.source, dict(cell.metadata)


def main() -> None:
    """Execute the notebooks that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m docs.course", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginnings of file names, such as 01; all by default")
    parser.add_argument("--fast", action="store_true", help="small sizes, and write nothing")
    parser.add_argument("--check", action="store_true", help="run nothing; say which pairs have drifted apart")
    options = parser.parse_args()
    chosen = [s for s in sources() if not options.names or s.name.startswith(tuple(options.names))]
    if options.check:
        sys.exit("\n".join(filter(None, map(drift, chosen))) or None)
    for source in chosen:
        start = time.perf_counter()
        notebook = execute(read(source), options.fast)
        seconds = time.perf_counter() - start
        print(
            f"{source.stem}: {seconds:.0f} s{'' if seconds < LIMIT else f', over the limit of {LIMIT} s'}", flush=True
        )
        if not options.fast:
            slim(notebook)
            nbformat.write(notebook, source.with_suffix(".ipynb"))


if __name__ == "__main__":
    main()
