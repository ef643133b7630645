"""``kronmix path --data`` on tables and archives as people have them: each is read right, or refused in one sentence."""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kronmix.cli import main
from kronmix.cli.path_data import read_samples

X = np.random.default_rng(0).normal(size=(12, 2)).round(3)
Y = 2 * X[:, 0] - 3 * X[:, 1] + 1
TABLE = np.column_stack([X, Y])


def text(
    header: str | None = "a,b,y",
    separator: str = ",",
    end: str = "\n",
    cell: Callable[[float], str] = repr,
    table: Any = TABLE,
) -> str:
    rows = [separator.join(cell(float(v)) for v in row) for row in table]
    return end.join([*([] if header is None else [header]), *rows]) + end


def archive(**arrays: Any) -> bytes:
    stream = BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def array(values: Any) -> bytes:
    stream = BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def with_cell(what: str, row: int = 3, column: int = 0, **options: Any) -> str:
    """The table with another cell, in line row + 2."""
    lines = [line.split(",") for line in text(**options).splitlines()]
    lines[row + 1][column] = what
    return "\n".join(map(",".join, lines))


READ = {
    "header.csv": text(),
    "no_header.csv": text(None),
    "semicolons.csv": text("a;b;y", ";"),
    "decimal_commas.csv": text("a;b;y", ";", cell=lambda v: repr(v).replace(".", ",")),
    "decimal_commas_alone.csv": text(None, ";", cell=lambda v: repr(v).replace(".", ",")),
    "tabs.tsv": text("a\tb\ty", "\t"),
    "tabs.txt": text(None, "\t"),
    "blanks.txt": text(None, " "),
    "aligned.txt": text(None, "  ", cell=lambda v: f"{v:>20.12f}"),
    "quoted.csv": text('"a","b","y"', cell=lambda v: f'"{v!r}"'),
    "separator_in_name.csv": text('"a, in years","b","y"'),
    "line_break_in_name.csv": text('"a\nin years","b","y"'),
    "bom.csv": "\ufeff" + text(),
    "crlf.csv": text(end="\r\n"),
    "cr.csv": text(end="\r"),
    "empty_lines.csv": text(end="\n\n"),
    "no_last_line_end.csv": text().rstrip("\n"),
    "spaces.csv": text("a , b, y", " , "),
    "scientific.csv": text(cell=lambda v: f"{v:+.15E}"),
    "unicode_names.csv": text("größe,β,収量"),
    "numpy_header.csv": text("# a,b,y"),
    "numpy_header.txt": text("# a b y", " "),
    "unnamed_index.csv": text(",b,y"),
    "unnamed_index.tsv": text("\tb\ty", "\t"),
    "late.csv": "\n\n" + text(),
    "UPPER.CSV": text(),
    "packed.csv.gz": gzip.compress(text().encode()),
    "vector.npz": archive(X=X, y=Y),
    "matrix.npz": archive(X=X, Y=Y[:, None]),
    "single.npz": archive(X=X.astype(np.float64), y=Y.astype(np.float64), names=np.array(["a", "b"])),
}
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty.csv": ("", "is empty"),
    "blank.csv": ("\n \n", "is empty"),
    "header_only.csv": ("a,b,y\n", "has a header and no rows"),
    "missing.csv": (with_cell(""), "line 5, column a: the value is missing"),
    "not_available.csv": (with_cell("NA"), "line 5, column a: the value is missing"),
    "empty_row.csv": (text() + ",,\n", "line 14, column a: the value is missing"),
    "late_missing.csv": ("\n\n" + with_cell(""), "line 7, column a: the value is missing"),
    "infinite.csv": (with_cell("inf"), "line 5, column a: the value is 'inf', expected a finite number"),
    "words.csv": (with_cell("blue"), "line 5, column a: the value is 'blue', expected a finite number"),
    "percent.csv": (with_cell("5%"), "line 5, column a: the value is '5%', expected a finite number"),
    "date.csv": (with_cell("2024-02-30", column=1), "line 5, column b: the value is '2024-02-30'"),
    "thousands.csv": (with_cell('"1,234.5"'), "line 5, column a: the value is '1,234.5', expected a finite number"),
    "ragged.csv": (with_cell("1,2"), "line 5: 4 cells, expected 3 as in the first line"),
    "short.csv": (text() + "1,2\n", "line 14: 2 cells, expected 3"),
    "twice_named.csv": (text("a,a,y"), "the header names 'a' twice"),
    "constant.csv": (text(table=TABLE * [1, 0, 1] + [0, 7, 0]), "feature 1 (b) is constant: leave it out"),
    "constant_output.csv": (text(table=TABLE * [1, 1, 0]), "output 0 (y) is constant: leave it out"),
    "one_row.csv": (text(table=TABLE[:1]), "1 sample: expected at least 2"),
    "one_column.csv": (text("y", table=TABLE[:, 2:]), "expected features and, last, y"),
    "latin1.csv": (text("größe,b,y").encode("latin-1"), "not a text file in UTF-8"),
    "utf16.csv": (text().encode("utf-16"), "not a text file in UTF-8"),
    "binary.csv": (bytes(range(256)), "not a text file in UTF-8"),
    "open_quote.csv": (text() + '"1,2,3', "line 14: a quotation mark is not closed"),
    "cut.csv.gz": (gzip.compress(text().encode())[:60], "damaged or truncated gzip file"),
    "no_gzip.csv.gz": (text(), "damaged or truncated gzip file"),
    "matrix.npy": (array(TABLE), "no array 'X', it holds matrix"),
    "no_y.npz": (archive(X=X), "no array 'y', it holds X"),
    "no_x.npz": (archive(features=X, y=Y), "no array 'X', it holds features, y"),
    "lengths.npz": (archive(X=X, y=Y[:5]), "X has shape (12, 2) and y (5,)"),
    "images.npz": (archive(X=X.reshape(3, 4, 2), y=Y[:3]), "array 'X' has shape (3, 4, 2), expected 2 axes"),
    "complex.npz": (archive(X=X * 1j, y=Y), "array 'X' is complex, expected real numbers"),
    "nan.npz": (
        archive(X=np.where(X > 1, np.nan, X), y=Y),
        "array 'X' has 3 NaN or infinite entries, the first at index (3, 0)",
    ),
    "words.npz": (archive(X=X, y=Y.astype(str)), "array 'y'"),
    "objects.npz": (archive(X=X.astype(object), y=Y), "array 'X'"),
    "cut.npz": (archive(X=X, y=Y)[:-100], "cut.npz"),
    "table.parquet": (b"PAR1" + bytes(50) + b"PAR1", "expected one of"),
    "book.xlsx": (archive(x=X), "book.xlsx"),
    "table.json": ("[[1, 2], [3, 4]]", "expected one of"),
    "no_ending": (text(), "expected one of"),
}


def path(file: Path, content: str | bytes, *options: str) -> int:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    old = sys.argv
    sys.argv = ["kronmix", "path", "--data", str(file), "--out", str(file.parent / "out"), *options]
    try:
        with pytest.raises(SystemExit) as stop:
            main()
    finally:
        sys.argv = old
    return int(stop.value.code or 0)


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read_as_it_is(name: str, tmp_path: Path) -> None:
    content = READ[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    features, targets, _ = read_samples(tmp_path / name)
    np.testing.assert_allclose(np.column_stack([features, targets]), TABLE, atol=1e-11)


def test_names_are_those_of_the_header(tmp_path: Path) -> None:
    names = {}
    for name in ("separator_in_name.csv", "numpy_header.csv", "numpy_header.txt", "unnamed_index.tsv", "no_header.csv"):
        (tmp_path / name).write_text(str(READ[name]), encoding="utf-8")
        names[name] = read_samples(tmp_path / name)[2]
    assert names["separator_in_name.csv"] == (("a, in years", "b"), ("y",))
    assert names["numpy_header.csv"] == names["numpy_header.txt"] == (("a", "b"), ("y",))
    assert names["unnamed_index.tsv"] == (("column 1", "b"), ("y",))
    assert names["no_header.csv"] == (("x1", "x2"), ("y",))


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_a_path_on_it_is_right(name: str, tmp_path: Path) -> None:
    """Hardly penalised, a linear outcome without noise is found again: 2, −3 and 1."""
    assert path(tmp_path / name, READ[name], "--structure", "dense", "--parameters", "1e-10", "-q") == 0
    with np.load(tmp_path / "out" / "path.npz") as found:
        np.testing.assert_allclose(found["coef"][0], [[2, -3]], atol=1e-5)
        np.testing.assert_allclose(found["intercept"][0], [1], atol=1e-5)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_in_one_sentence(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, words = REFUSED[name]
    assert path(tmp_path / name, content) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("kronmix: ")
    assert "\n" not in said
    assert re.search(re.escape(words), said)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_column_given_twice_shares_its_weight(tmp_path: Path) -> None:
    """The lasso is not unique there; the prediction is."""
    doubled = TABLE[:, [0, 0, 1, 2]]
    assert path(tmp_path / "doubled.csv", text("a,again,b,y", table=doubled), "--parameters", "0.01", "-q") == 0
    with np.load(tmp_path / "out" / "path.npz") as found:
        twice = found["coef"][0, 0]
    assert path(tmp_path / "once.csv", text(), "--parameters", "0.01", "-q", "--force") == 0
    with np.load(tmp_path / "out" / "path.npz") as found:
        np.testing.assert_allclose([twice[0] + twice[1], twice[2]], found["coef"][0, 0], atol=1e-4)
