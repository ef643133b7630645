"""Docstrings as they are written here: |x| is an absolute value, and a function of many operator types has one signature."""

from __future__ import annotations

import re
from typing import Any

from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_LITERAL = re.compile(r"(``.*?``)")


def bars(app: Sphinx, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Keep reStructuredText from reading |x| as a substitution; an example, which ends at an empty line, stands as it is."""
    example = False
    for i, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if "|" in line and not example:
            parts = _LITERAL.split(line)
            lines[i] = "".join(part if j % 2 else part.replace("|", "\\|") for j, part in enumerate(parts))


def signatures(app: Sphinx, domain: str, kind: str, content: addnodes.desc_content) -> None:
    """Show a single-dispatch function's signature once, not once for every type it knows."""
    seen: set[str] = set()
    for signature in list(content.parent.findall(addnodes.desc_signature)):
        if signature.parent is content.parent:
            if signature.astext() in seen:
                content.parent.remove(signature)
            seen.add(signature.astext())


def fields(app: Sphinx, kind: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what named tuples say of their fields, whose docstrings say more, and what scikit-learn generates."""
    generated = name.startswith("set_") and name.endswith("_request")
    return True if generated or str(getattr(thing, "__doc__", "")).startswith("Alias for field number") else None


def setup(app: Sphinx) -> ExtensionMetadata:
    """Listen to autodoc, after numpydoc."""
    app.connect("autodoc-process-docstring", bars, priority=900)
    app.connect("autodoc-skip-member", fields)
    app.connect("object-description-transform", signatures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
