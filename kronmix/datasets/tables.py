"""Tables of numbers as people keep them: any usual separator, with or without a header, gzipped or not."""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from ..checks import Array
from ..files.stored import read_bytes

#: Largest table that is read, in bytes of text.
_MAX_BYTES = 2**30
#: What stands for a value that is missing.
_MISSING = ("", "na", "n/a", "nan", "null", "none", "-", "?", ".")
#: What may stand before the first line; not a tab, as the first name may be empty.
_BEFORE = " \r\n"


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers in named columns.

    Attributes
    ----------
    values : array of shape (rows, columns)
    names : tuple of str
        Of the columns: from the header, or x1, x2 … and, last, y.
    """

    values: Array
    names: tuple[str, ...]

    def split(self, outputs: tuple[str, ...] = ()) -> tuple[Table, Table]:
        """Features and outputs; outputs are columns by name or by number from 1, by default the last one.

        Raises
        ------
        ValueError
            If a column is not there, is named twice, or nothing is left for features.
        """
        chosen = [self._column_index(name) for name in outputs] or [len(self.names) - 1]
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"outputs {', '.join(outputs)}: a column is named twice")
        rest = [i for i in range(len(self.names)) if i not in chosen]
        if not rest:
            raise ValueError(
                f"{len(self.names)} columns, {len(chosen)} of them outputs: expected features and, last, y"
            )
        features, targets = (Table(self.values[:, part], tuple(self.names[i] for i in part)) for part in (rest, chosen))
        return features, targets

    def _column_index(self, name: str) -> int:
        """Position of a column that is given by its name, or by its number counted from 1."""
        if name in self.names:
            return self.names.index(name)
        if name.isdecimal() and 1 <= int(name) <= len(self.names):
            return int(name) - 1
        raise ValueError(f"no column {name!r}: expected one of {', '.join(self.names)}")


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a text table: ``.csv``, ``.tsv`` or ``.txt``, each also gzipped.

    The separator is the first of semicolon, tab, comma and blanks that the first line has outside quotation marks. A first line
    that is not all numbers is a header; a # before it is dropped. With semicolons, 1,5 is one and a half.

    Parameters
    ----------
    path : path

    Returns
    -------
    Table
        ``.values`` and ``.names``.

    Raises
    ------
    ValueError
        If a cell is missing or no number, by line and column; if lines differ in length; if there are no rows.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
    >>> _ = file.write_text("age;weight;y\\n1;2,5;3\\n4;5;6\\n")
    >>> table = km.datasets.read_table(file)
    >>> table.names, table.values[0]
    (('age', 'weight', 'y'), array([1. , 2.5, 3. ]))
    """
    file = Path(path)
    text = _read_text(file)
    if not text.strip():
        raise ValueError(f"{file} is empty")
    separator = _separator(text)
    decimal = "," if separator == ";" else "."
    rows = _rows(file, text, separator)
    header = (
        rows[0][1]
        if any(_parse_number(cell, decimal) is None and not _is_missing(cell) for cell in rows[0][1])
        else None
    )
    names = _column_names(file, header, len(rows[0][1]))
    body = rows[1:] if header else rows
    if not body:
        raise ValueError(f"{file} has a header and no rows")
    values = np.empty((len(body), len(names)))
    for row, (line, cells) in enumerate(body):
        if len(cells) != len(names):
            raise ValueError(f"{file}, line {line}: {len(cells)} cells, expected {len(names)} as in the first line")
        for column, cell in enumerate(cells):
            found = _parse_number(cell, decimal)
            if found is None or not np.isfinite(found):
                what = "is missing" if _is_missing(cell) else f"is {cell!r}, expected a finite number"
                raise ValueError(f"{file}, line {line}, column {names[column]}: the value {what}")
            values[row, column] = found
    return Table(values, names)


def _read_text(file: Path) -> str:
    data = read_bytes(file, _MAX_BYTES)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not a text file in UTF-8, as which it has to be saved") from error


def _separator(text: str) -> str:
    """The first of semicolon, tab and comma that the first line contains outside quotes, else a space."""
    first = re.sub('"[^"]*"', "x", text.lstrip(_BEFORE)).splitlines()[0]
    return next((mark for mark in ";\t," if mark in first), " ")


def _rows(file: Path, text: str, separator: str) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its first line."""
    body = text.lstrip(_BEFORE)
    skipped = text[: len(text) - len(body)].count("\n")
    lines = (line.strip(" ") for line in StringIO(body.removeprefix("#"), newline=""))
    cells = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    rows, start = [], 1
    try:
        for row in cells:
            if len(row) > 1 or any(cell.strip() for cell in row):
                rows.append((start + skipped, [cell.strip() for cell in row]))
            start = cells.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{file}, line {start + skipped}: a quotation mark is not closed, or text follows it"
        ) from error
    return rows


def _column_names(file: Path, header: list[str] | None, columns: int) -> tuple[str, ...]:
    if header is None:
        return (*(f"x{i}" for i in range(1, columns)), "y")
    names = tuple(name or f"column {i}" for i, name in enumerate(header, start=1))
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{file}: the header names {sorted(twice)[0]!r} twice")
    return names


def _parse_number(cell: str, decimal: str) -> float | None:
    try:
        return float(cell.replace(decimal, ".") if decimal != "." else cell)
    except ValueError:
        return None


def _is_missing(cell: str) -> bool:
    return cell.lower() in _MISSING
