"""The interface, one page a room: every public name once, under the name that a user writes."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.inspect import stringify_signature

import kronmix


@cache
def top_level() -> dict[str, str]:
    """Names of ``kronmix`` itself, each with the room that its stub imports it from."""
    stub = ast.parse(Path(kronmix.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: f"kronmix.{node.module}" for node in imports for alias in node.names}


def public_names(room: str) -> list[str]:
    """What a room offers, each under the shortest name a user can write: ``kronmix.vec``, ``kronmix.mixer.BestShape``."""
    module = import_module(room)
    own = set(module.__all__) | {name for name, home in top_level().items() if home == room}
    names = sorted(own, key=str.lower)
    # Two rooms may have a name in common (``datasets.load``): the short one is what ``kronmix`` itself has.
    short = [name in top_level() and getattr(kronmix, name) is getattr(module, name) for name in names]
    return [f"kronmix.{name}" if is_short else f"{room}.{name}" for name, is_short in zip(names, short, strict=True)]


def find(name: str) -> Any:
    """The object of a public name."""
    room, _, attribute = name.rpartition(".")
    return getattr(import_module(room), attribute)


def room(app: Sphinx, words: str) -> str:
    """The interface of one or more modules: what the room is, a table of its names, and each of them in full."""
    modules = words.split()
    names = sorted(
        (name for module in modules for name in public_names(module)), key=lambda n: n.split(".")[-1].lower()
    )
    summary = "\n".join(f"   ~{name}" for name in names if callable(find(name)))
    entries = "\n\n".join(map(_entry, names))
    introduction = "\n\n".join(f".. automodule:: {module}" for module in modules)
    parts = (f"{introduction}\n\n.. currentmodule:: None\n\n.. autosummary::\n   :nosignatures:\n\n{summary}", entries)
    return "\n\n".join(f"```{{eval-rst}}\n{part}\n```" for part in parts)


def _entry(name: str) -> str:
    thing = find(name)
    if inspect.isclass(thing):
        if issubclass(thing, BaseException):
            return f".. autoexception:: {name}"
        return f".. autoclass:: {name}{_signature(thing)}\n   :members:"
    if inspect.isroutine(thing):
        return f".. autofunction:: {name}"
    return f".. py:data:: {name}\n\n   {comment(name)}"


def parameters(thing: Any) -> list[inspect.Parameter]:
    """What a function or class takes, from ``__init__`` where there is one: a SciPy operator's ``__new__`` takes anything."""
    if not inspect.isclass(thing):
        return list(inspect.signature(thing).parameters.values())
    if inspect.isfunction(thing.__init__):
        return list(inspect.signature(thing.__init__).parameters.values())[1:]
    return list(inspect.signature(thing).parameters.values()) if hasattr(thing, "_fields") else []


def _signature(thing: type) -> str:
    return stringify_signature(inspect.Signature(parameters(thing)), show_annotation=False)


def comment(name: str) -> str:
    """The ``#:`` comment above a constant, wherever in its room it is defined."""
    room, _, attribute = name.rpartition(".")
    folder = Path(import_module(room).__file__ or "")
    paths = sorted(folder.parent.rglob("*.py")) if folder.stem == "__init__" else [folder]
    for path in paths:
        inside = path.relative_to(folder.parent).with_suffix("").parts if len(paths) > 1 else ()
        module = ".".join((room, *(part for part in inside if part != "__init__")))
        found = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", attribute))
        if found:
            return " ".join(found).strip()
    return ""


def rooms(app: Sphinx, words: str) -> str:
    """The pages of the interface, each with the names on it."""
    lines = []
    for page in words.split():
        title = (Path(app.srcdir) / "api" / f"{page}.md").read_text(encoding="utf-8")
        modules = title.split("% generate: api ")[1].split()
        names = ", ".join(f"{{py:obj}}`~{name}`" for module in modules for name in public_names(module))
        lines.append(f"[{title.splitlines()[0][2:]}]({page}.md)\n: {names}")
    return "\n\n".join(lines)
