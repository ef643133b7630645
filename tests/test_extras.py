"""Every import of a library that a user may lack says what installs it: found in the sources, each run without any of them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import kronmix as km
from kronmix.extras import needed

ROOT = Path(km.__file__).parent
CORE = {"kronmix", "numpy", "scipy", "lazy_loader", *sys.stdlib_module_names}
#: Modules that are opened by functions only, which say what is missing.
BEHIND_FUNCTIONS = {"interop/torch_modules.py", "interop/torch_kernels.py"}
#: Lacks the libraries named; runs each block it is given in its package, and tells what was said.
RUN = """
import ast, json, sys
class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {lacking}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Lacking())
from importlib.resources import files
from kronmix.extras import needed
told = []
for package, code in json.load(sys.stdin):
    try:
        exec(code, {{"__package__": package, "needed": needed, "files": files}})
        told.append("")
    except ModuleNotFoundError as error:
        told.append(str(error))
print(json.dumps(told))
"""


def blocks(tree: ast.AST) -> Iterator[ast.With]:
    """``with needed(…):`` blocks."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and ast.unparse(node.items[0].context_expr).startswith("needed("):
            yield node


def libraries(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Imports from outside kronmix and its core, unless for types only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        names = [alias.name for alias in child.names] if isinstance(child, ast.Import) else []
        if isinstance(child, ast.ImportFrom) and child.level == 0 and child.module:
            names.append(child.module)
        for name in {name.partition(".")[0] for name in names} - CORE:
            yield child, name
        yield from libraries(child)


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    """The modules that may import something else, by their text."""
    found = []
    for file in sorted(ROOT.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if set(re.findall(r"^ *(?:import|from) (\w+)", text, re.MULTILINE)) - CORE:
            found.append((file.relative_to(ROOT), ast.parse(text)))
    return found


def test_every_library_that_may_be_missing_is_imported_by_who_says_so() -> None:
    behind_doors = {
        path.parent: {name for block in blocks(tree) for _, name in libraries(block)}
        for path, tree in trees()
        if path.name == "__init__.py"
    }
    for path, tree in trees():
        if path.as_posix() in BEHIND_FUNCTIONS:
            continue
        doors = set[str]().union(*(behind_doors.get(room, set()) for room in path.parents))
        said = [node for block in blocks(tree) for node in ast.walk(block)]
        unsaid = {name for node, name in libraries(tree) if node not in said} - doors
        assert not unsaid, f"{path}: import {unsaid} in a block of extras.needed"


def test_what_is_said_names_the_extra_that_brings_the_library() -> None:
    found = [
        (".".join(("kronmix", *path.parent.parts)), ast.unparse(block))
        for path, tree in trees()
        for block in blocks(tree)
    ]
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = {
        extra: {re.split("[^\\w-]", line)[0] for line in lines}
        for extra, lines in project["optional-dependencies"].items()
    }
    imported = {name for _, tree in trees() for _, name in libraries(tree)}
    lacking = imported.union(*brought.values()) - CORE
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(lacking=lacking)],
        input=json.dumps(found),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for (package, code), sentence in zip(found, json.loads(done.stdout), strict=True):
        told = re.fullmatch(r".+ needs ([\w-]+): pip install (.+)", sentence)
        assert told, f"{package}: {code} said {sentence!r}"
        extra = re.fullmatch(r"'kronmix\[(\w+)\]'", told[2])
        if extra:
            assert told[1] in brought[extra[1]], sentence
        else:
            assert told[1] in told[2].split()
            assert not any(told[1] in names for names in brought.values()), sentence
    assert len(found) > 20


def test_a_broken_library_is_not_called_missing() -> None:
    with pytest.raises(ImportError, match="the install is broken"), needed("a figure"):
        raise ImportError("the install is broken")
