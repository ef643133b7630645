"""Pictures of the gallery, with the description that the script gives them.

A script's docstring holds a comment that the page does not show; it becomes the picture's alternative text::

    .. picture: A matrix whose entries fall on parallel lines.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from sphinx_gallery.scrapers import matplotlib_scraper

_THUMBNAIL = re.compile(r"(sphx_glr_(\w+)_thumb\.png\n\s+:alt:)[ \t]*\n")
_COMMENT = re.compile(r"^\.\. picture: (.+?)(?:\n\s*\n|\Z)", re.DOTALL | re.MULTILINE)


def description(script: Path) -> str:
    """What the script's docstring says of its picture.

    Raises
    ------
    ValueError
        If it says nothing.
    """
    found = _COMMENT.search(ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or "")
    if found is None:
        raise ValueError(f"{script.name}: its docstring needs a comment '.. picture: what the picture shows'")
    return " ".join(found[1].split())


def described(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures that a block of code has left open."""
    rst: str = matplotlib_scraper(block, block_vars, gallery_conf)
    words = description(Path(block_vars["src_file"]))
    return re.sub(r":alt:[^\n]*", lambda _: f":alt: {words}", rst)


def thumbnails(app: Sphinx, docname: str, content: list[str]) -> None:
    """Describe the thumbnails of the gallery's start page, which the gallery leaves without words."""
    if docname == f"{app.config.sphinx_gallery_conf['gallery_dirs']}/index":
        scripts = Path(app.srcdir) / str(app.config.sphinx_gallery_conf["examples_dirs"])
        content[0] = _THUMBNAIL.sub(lambda m: f"{m[1]} {description(scripts / f'{m[2]}.py')}\n", content[0])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Read the start page with descriptions."""
    app.connect("source-read", thumbnails)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
