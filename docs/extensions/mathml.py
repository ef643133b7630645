r"""Mathematics as MathML, which browsers draw themselves: no script, no font, nothing from the network.

A display may end in ``\tag{T4}`` or ``\tag{T1, T4}``. The numbers are set at the right and lead to the theory page.
"""

from __future__ import annotations

import re
from html import escape

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

#: The page whose anchors t1, t2, … the numbers lead to.
THEORY = "theory"
_TAG = re.compile(r"\\tag\{([^{}]*)\}")
_UNKNOWN = re.compile(r"\\[A-Za-z]+|(?<=>)&(?=<)")
#: What latex2mathml does not know, in words that it knows.
_REWRITTEN = (
    (re.compile(r"\\arg(?![A-Za-z])"), r"\\operatorname{arg}"),
    (re.compile(r"\\(mathcal|mathbb|mathbf|mathfrak)\s*([A-Za-z])"), r"\\\1{\2}"),
    (re.compile(r"\\(begin|end)\{(?:aligned|split)\}"), r"\\\1{align*}"),
)


def to_mathml(latex: str, display: bool = False) -> str:
    """One formula as a ``<math>`` element; what the converter does not know raises ValueError.

    Examples
    --------
    >>> "<msup><mi>x</mi><mn>2</mn></msup>" in to_mathml("x^2")
    True
    """
    for old, new in _REWRITTEN:
        latex = old.sub(new, latex)
    markup = convert(latex.strip(), display="block" if display else "inline")
    if unknown := _UNKNOWN.findall(markup):
        raise ValueError(f"unknown in mathematics: {', '.join(sorted(set(unknown)))}")
    return markup.replace("<math ", f'<math alttext="{escape(latex.strip())}" ', 1)


def split_tag(latex: str) -> tuple[str, list[str]]:
    r"""Take the numbers out of a display: ``x = y \tag{T1, T4}`` is ``x = y`` with T1 and T4."""
    numbers = [number.strip() for found in _TAG.findall(latex) for number in found.split(",")]
    return _TAG.sub("", latex).strip(), numbers


def _converted(translator: HTML5Translator, node: nodes.Element, latex: str, display: bool) -> str:
    try:
        return to_mathml(latex, display)
    except Exception as error:
        logger.warning("%s, in %s", error, latex, location=node)
        return f"<code>{escape(latex)}</code>"


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula that stands in a sentence."""
    translator.body.append(f'<span class="formula">{_converted(translator, node, node.astext(), False)}</span>')
    raise nodes.SkipNode


def visit_display(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula that stands on its own, with its numbers at the right."""
    latex, numbers = split_tag(node.astext())
    theory = translator.builder.get_relative_uri(translator.builder.current_docname, THEORY)
    links = ", ".join(
        f'<a href="{theory}#{number.lower()}">{escape(number)}</a>' if re.fullmatch(r"T\d+", number) else escape(number)
        for number in numbers
    )
    label = f'<span class="formula-number">({links})</span>' if links else ""
    anchors = "".join(f' id="{escape(name)}"' for name in node.get("ids", [])[:1])
    translator.body.append(
        f'<div class="formula-display"{anchors}><div class="formula-scroll">'
        f"{_converted(translator, node, latex, True)}</div>{label}</div>\n"
    )
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the renderer; ``html_math_renderer = "mathml"`` chooses it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
