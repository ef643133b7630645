"""Every text file says its encoding, so that Windows reads what was written; Ruff sees only paths made on the spot."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("kronmix", "analysis", "benchmarks", "docs", "notebooks", "tests", "tests_dist", "tests_interop")
    for path in (ROOT / folder).rglob("*.py")
    if "auto_gallery" not in path.parts
)
#: Methods of paths that read or write text, with the number of positional arguments before ``encoding``.
METHODS = {"read_text": 0, "write_text": 1}
FUNCTIONS = {"open": 3}


def unsaid(text: str) -> Iterator[int]:
    """Lines of calls that leave the encoding to the machine."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        before = METHODS.get(str(name)) if isinstance(node.func, ast.Attribute) else FUNCTIONS.get(str(name))
        said = any(keyword.arg in ("encoding", None) for keyword in node.keywords)
        if before is not None and not said and len(node.args) <= before and not _binary(node):
            yield node.lineno


def _binary(node: ast.Call) -> bool:
    modes = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in modes)


def test_every_text_file_says_its_encoding() -> None:
    assert len(SOURCES) > 300
    found = [f"{p.relative_to(ROOT)}:{line}" for p in SOURCES for line in unsaid(p.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("p.read_text()", 1),
        ("p.write_text('x')", 1),
        ("open(p)", 1),
        ("open(p, 'w')", 1),
        ("p.read_text(encoding='utf-8')", 0),
        ("p.write_text('x', 'utf-8')", 0),
        ("open(p, 'rb')", 0),
        ("open(p, mode='wb')", 0),
        ("open(p, **options)", 0),
        ("image.open(p)", 0),
    ],
)
def test_what_leaves_it_to_the_machine_is_seen(text: str, count: int) -> None:
    assert len(list(unsaid(text))) == count
