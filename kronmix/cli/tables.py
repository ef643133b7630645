"""Tables on a terminal, in a file, and where there is no room for one."""

from __future__ import annotations

import os

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text


def table(title: str, words: tuple[str, ...], numbers: tuple[str, ...] = ()) -> Table:
    """An empty table: columns of words, which may be folded, then columns of numbers, which may not."""
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    made.caption_justify = "left"
    for heading in words:
        made.add_column(heading, overflow="fold")
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def facts(title: str, rows: dict[str, str]) -> Table:
    """A table of names, whole, and values, which may be folded; without a head."""
    made = table(title, ("measure", "value"))
    made.columns[0].no_wrap, made.columns[1].justify = True, "right"
    made.show_header = False
    for row in rows.items():
        made.add_row(*row)
    return made


class _Console(Console):
    """Rich's, which leaves a broken pipe to its caller."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def show(made: Table) -> None:
    """Print a table: whole in a file or a pipe, row by row as lists where the terminal is too narrow for it."""
    console: Console = _Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = _Console(highlight=False, width=10_000)  # nothing is folded or cut that a program may read
    for column in made.columns:
        if column.no_wrap:  # Rich would cut its cells between their words
            column.min_width = max(cell_len(str(cell)) for cell in (column.header, *column.cells))
    if Measurement.get(console, console.options.update(max_width=10_000), made).minimum > console.width:
        console.print(_as_lists(made), soft_wrap=True)
    else:
        console.print(made)


def _as_lists(made: Table) -> Text:
    """Title, then for every row its first cell and, indented, each other cell after its heading; without a head one line."""
    headings = [str(column.header) for column in made.columns]
    rows = zip(*(column.cells for column in made.columns), strict=True)
    lines = [*str(made.title or "").splitlines()]
    for first, *cells in ([str(cell) for cell in row] for row in rows):
        if not made.show_header:
            lines.append(": ".join((first, *cells)))
            continue
        lines.append(first)
        lines += [f"  {heading}: {cell}" for heading, cell in zip(headings[1:], cells, strict=True) if cell]
    return Text("\n".join([*lines, *str(made.caption or "").splitlines()]))
