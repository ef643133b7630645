"""Theorem numbers in prose (T1 to T30, T33) lead to the theory page, on every page, docstrings included."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import ExtensionMetadata

from .mathml import THEORY

NUMBER = re.compile(r"\b(T(?:[1-9]|1\d|2\d|30|33))\b")
_CLOSED = (nodes.literal, nodes.literal_block, nodes.doctest_block, nodes.raw, nodes.reference, nodes.title, nodes.math)


class TheoremLinks(SphinxPostTransform):
    """Turn every number that stands in prose into a link."""

    default_priority = 700

    def run(self, **kwargs: object) -> None:
        """Walk the page's text."""
        here = self.env.docname
        if here == THEORY or THEORY not in self.env.found_docs:
            return
        for text in list(self.document.findall(nodes.Text)):
            if NUMBER.search(text) and not _is_closed(text):
                pieces = NUMBER.split(text)
                text.parent.replace(text, [self._piece(here, i, piece) for i, piece in enumerate(pieces) if piece])

    def _piece(self, here: str, i: int, piece: str) -> nodes.Node:
        if i % 2 == 0:
            return nodes.Text(piece)
        return make_refnode(self.app.builder, here, THEORY, piece.lower(), nodes.Text(piece))


def _is_closed(node: nodes.Node) -> bool:
    while node is not None:
        if isinstance(node, _CLOSED) or node.__class__.__name__.startswith("desc_signature"):
            return True
        node = node.parent
    return False


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the transform."""
    app.add_post_transform(TheoremLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
