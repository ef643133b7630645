"""Break the core on purpose, one small change at a time, and list the changes that no test sees: ``make mutants``.

``python -m benchmarks.mutate [--sample 150] [--seed 0]``. Each mutant lives in a copy of the repository and meets the tests that
mirror its room only, which must pass before. A survivor is a hole in the tests, or a change that changes nothing: read it,
and close the hole with a test.
"""

from __future__ import annotations

import argparse
import ast
import copy
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: What is broken, and the tests that should notice.
MIRRORS = {
    "kronmix/forms": ["tests/forms"],
    "kronmix/operators": ["tests/operators"],
    "kronmix/decompose": ["tests/decompose"],
    "kronmix/spectra": ["tests/test_spectra.py", "tests/forms"],
    "kronmix/solvers": ["tests/solvers"],
    "kronmix/regularization/parametrisations.py": ["tests/regularization/test_penalties.py"],
}
_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
#: Attributes whose loss often goes unseen: transposes and conjugates.
_DROPPED = {"T", "H", "conj"}


def changed(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What a node may be replaced by, each with a word."""
    new = copy.deepcopy(node)
    match new:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            new.ops = [_COMPARISONS[type(op)]()]
            yield "comparison", new
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            new.op = _ARITHMETIC[type(op)]()
            yield "arithmetic", new
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            new.value = value + 1 if isinstance(value, int) else value * 1e4
            yield "constant", new
        case ast.Call(func=ast.Attribute(value=inner, attr="conj"), args=[]):
            yield "conjugate dropped", inner
        case ast.Attribute(value=inner, attr=name) if name in _DROPPED and isinstance(new.ctx, ast.Load):
            yield f".{name} dropped", inner
        case ast.Call(args=[first, second, *rest]) if not any(isinstance(a, ast.Starred) for a in new.args):
            new.args = [second, first, *rest]
            yield "arguments swapped", new


def mutants(file: Path) -> Iterator[tuple[str, str]]:
    """All mutants of a file: what was changed, and the source that has it."""
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.expr)):
        for word, new in changed(node):
            shown = f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} {word}: {ast.unparse(node)} → {ast.unparse(new)}"
            yield shown, _with(source, node, ast.unparse(new))


def _with(source: str, node: ast.expr, text: str) -> str:
    """The source with one node written anew; its columns count bytes."""
    lines = source.encode().splitlines(keepends=True)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    whole = source.encode()
    return (whole[:start] + f"({text})".encode() + whole[end:]).decode()


def _pass(tests: Iterable[str], folder: str) -> bool:
    """Whether tests pass, within a quarter of an hour."""
    run = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-m",
        "not slow and not nightly",
        "-p",
        "no:cacheprovider",
        *tests,
    ]
    try:
        return subprocess.run(run, cwd=folder, capture_output=True, timeout=900, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def main() -> None:
    """Draw a sample, run it, print the survivors."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutate", description=__doc__)
    parser.add_argument("--sample", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    every = []
    for place, tests in MIRRORS.items():
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            every += [(file, tests, *mutant) for mutant in mutants(file)]
    drawn = random.Random(arguments.seed).sample(every, min(arguments.sample, len(every)))
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("kronmix", "tests", "conftest.py", "pyproject.toml"):
            copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copied(ROOT / name, Path(folder) / name)
        for tests in {tuple(tests) for _, tests, *_ in drawn}:
            if not _pass(tests, folder):
                parser.exit(1, f"{', '.join(tests)}: fails before anything is changed\n")
        for file, tests, shown, source in drawn:
            target = Path(folder) / file.relative_to(ROOT)
            target.write_text(source, encoding="utf-8")
            try:
                seen = not _pass(tests, folder)
            finally:
                shutil.copy(file, target)
            print(f"{'seen    ' if seen else 'SURVIVES'} {shown}", flush=True)
            survivors += [] if seen else [shown]
    print(f"{len(survivors)} of {len(drawn)} survive, drawn from {len(every)} with seed {arguments.seed}")


if __name__ == "__main__":
    main()
