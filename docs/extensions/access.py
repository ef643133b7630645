"""What themes and other extensions leave for a screen reader to stumble over, mended in the finished page."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

#: Parameters of a long signature: a list of definitions in which nothing is defined.
_PARAMETERS = re.compile(r'<dl>(?=\s*<dd>(?:<em class="sig-param|<span class="sig-paren|<span class="pre))')
#: The gallery hides the words of a link and lays it over the picture.
_HIDDEN = re.compile(
    r'(<a class="reference internal" href="[^"]*")(><span class="doc">([^<]*)</span></a></p>\s*<div class="sphx-glr-)'
)


def mended(body: str) -> str:
    """The HTML of a page with lists that are none said to be none, and links over pictures named.

    Examples
    --------
    >>> mended('<dl><dd><em class="sig-param">x</em></dd></dl>')
    '<dl role="none"><dd><em class="sig-param">x</em></dd></dl>'
    """
    return _HIDDEN.sub(r'\1 aria-label="\3"\2', _PARAMETERS.sub('<dl role="none">', body))


def _page(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if "body" in context:
        context["body"] = mended(context["body"])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Listen to pages that are about to be written."""
    app.connect("html-page-context", _page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
