"""Numbers of theorems in prose lead to their entries on the theory page, on every page, docstrings included."""

from __future__ import annotations

import re
from functools import cache

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import ExtensionMetadata

from kronmix.symbolic.registry import all_claims

from .mathml import THEORY

_CLOSED = (nodes.literal, nodes.literal_block, nodes.doctest_block, nodes.raw, nodes.reference, nodes.title, nodes.math)


@cache
def numbers() -> re.Pattern[str]:
    """The numbers that have an entry.

    Examples
    --------
    >>> numbers().findall("T1 and T37, as in T99")
    ['T1', 'T37']
    """
    return re.compile(rf"\b({'|'.join(dict.fromkeys(claim.number for claim in all_claims()))})\b")


class TheoremLinks(SphinxPostTransform):
    """Turn every number that stands in prose into a link."""

    default_priority = 700

    def run(self, **kwargs: object) -> None:
        """Walk the page's text."""
        here = self.env.docname
        if here == THEORY or THEORY not in self.env.found_docs:
            return
        for text in list(self.document.findall(nodes.Text)):
            if numbers().search(text) and not _is_closed(text):
                pieces = numbers().split(text)
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
