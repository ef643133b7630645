"""Parts of pages that are made from the software itself: a line ``% generate: NAME WORDS`` becomes what NAME makes of WORDS.

To add one, write a function (Sphinx application, words) -> MyST text and name it in ``MAKERS``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

from . import accuracy, api, commands, course, layers, peers, repository, schemas, studies, theory

MAKERS: dict[str, Callable[[Sphinx, str], str]] = {
    "accuracy": accuracy.tables,
    "api": api.room,
    "citation": repository.citation,
    "command": commands.help_of,
    "course": course.contents,
    "benchmarks": peers.limits,
    "evidence": theory.evidence,
    "explorables": course.explorables,
    "extras": repository.extras,
    "file": repository.included,
    "layers": layers.page,
    "peers": peers.table,
    "rooms": api.rooms,
    "run": commands.run,
    "schema": schemas.fields,
    "studies": studies.page,
    "study": studies.one,
    "theorems": theory.theorems,
    "verdict": theory.verdict,
    "verdicts-of-studies": studies.verdicts,
}
_LINE = re.compile(r"^% generate: (\S+) ?(.*)$", re.MULTILINE)


def fill(app: Sphinx, text: str) -> str:
    """A page's text with every generated part in its place."""
    return _LINE.sub(lambda found: MAKERS[found[1]](app, found[2].strip()), text)


def _read(app: Sphinx, docname: str, content: list[str]) -> None:
    if _LINE.search(content[0]):
        content[0] = fill(app, content[0])


def _outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The software may have changed where the page has not."""
    pages = ((name, env.doc2path(name)) for name in env.found_docs)
    return [name for name, path in pages if path.suffix == ".md" and _LINE.search(path.read_text(encoding="utf-8"))]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Fill pages as they are read, and copy the course's notebooks beside them before that."""
    app.connect("config-inited", course.copy)
    app.connect("build-finished", course.copy_sliders)
    app.connect("source-read", _read)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
