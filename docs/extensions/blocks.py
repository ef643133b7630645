"""Examples that go on from those above them: the copy button brings the lines each needs, so that it runs where it is pasted."""

from __future__ import annotations

import ast
import builtins
import doctest
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

#: What every docstring may use without saying so.
ASSUMED = ("import numpy as np\n", "import kronmix as km\n")


#: A row of a printed table.
_COLUMNS = re.compile(r"^(?!>>>|\.\.\.).*\S {3,}\S", re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """One statement of an example, and the names that tie it to others."""

    source: str
    makes: frozenset[str]
    uses: frozenset[str]
    #: Names whose values it may change: ``model.fit(X)`` changes ``model``.
    changes: frozenset[str]


def statement(source: str) -> Statement:
    """Read one statement.

    Examples
    --------
    >>> read = statement("y = rng.normal(size=n)")
    >>> sorted(read.makes), sorted(read.uses), sorted(read.changes)
    (['y'], ['n', 'rng'], ['rng'])
    """
    tree = ast.parse(source)
    nodes_in = list(ast.walk(tree))
    names = [node for node in nodes_in if isinstance(node, ast.Name)]
    makes = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    imported = {(a.asname or a.name).partition(".")[0] for n in nodes_in if isinstance(n, _IMPORTS) for a in n.names}
    defined = {node.name for node in nodes_in if isinstance(node, _DEFINITIONS)}
    touched = [
        part for node in nodes_in if isinstance(node, _DEFINITIONS) and node.decorator_list for part in _head(node)
    ]
    touched += [part for node in tree.body if _is_command(node) for part in ast.walk(node)]
    changes = {
        _root(node.func) for node in nodes_in if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    changes |= {_root(n) for n in nodes_in if isinstance(n, _PARTS) and isinstance(n.ctx, ast.Store)}
    changes |= {part.id for part in touched if isinstance(part, ast.Name)}
    uses = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    uses |= {_root(node.target) for node in nodes_in if isinstance(node, ast.AugAssign)}
    return Statement(source, frozenset(makes | imported | defined), frozenset(uses - {""}), frozenset(changes - {""}))


_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
_PARTS = (ast.Attribute, ast.Subscript)


def _head(node: ast.FunctionDef | ast.ClassDef) -> Iterator[ast.AST]:
    """Decorators and annotations, which may register something for what they name."""
    for part in (*node.decorator_list, *([node.args] if isinstance(node, ast.FunctionDef) else node.bases)):
        yield from ast.walk(part)


def _is_command(node: ast.stmt) -> bool:
    """Whether a statement calls something for what it does, as ``np.savez(file, x=x)``, rather than to show a value."""
    match node:
        case ast.Expr(ast.Call(func)) | ast.Assign([ast.Name("_")], ast.Call(func)):
            return not (isinstance(func, ast.Name) and hasattr(builtins, func.id))
    return False


def _root(node: ast.expr) -> str:
    """The name that ``a.b[c].d`` begins with."""
    while isinstance(node, (*_PARTS, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def needs(blocks: Sequence[str], assumed: Iterable[str] = ASSUMED) -> list[list[str]]:
    """Of each block of a page, the statements above it that it needs, in their order.

    Examples
    --------
    >>> needs([">>> a, b = 1, 2\\n", ">>> c = 3\\n", ">>> a + len([b])\\n3\\n"])
    [[], [], ['a, b = 1, 2\\n']]
    """
    above = [statement(source) for source in assumed]
    modules = {name for one in above for name in one.makes}
    found = []
    for block in blocks:
        examples = doctest.DocTestParser().get_examples(block)
        own = [statement(one.source) for one in examples]
        found.append([one.source for one in _slice(above, _free(own), modules)])
        above += [one for one, example in zip(own, examples, strict=True) if not example.exc_msg]
        modules |= {name for one in own if one.source.startswith(("import ", "from ")) for name in one.makes}
    return found


def _free(own: Sequence[Statement]) -> set[str]:
    free: set[str] = set()
    made: set[str] = set()
    for one in own:
        free |= one.uses - made
        made |= one.makes
    return free


def _slice(above: Sequence[Statement], free: set[str], modules: set[str]) -> list[Statement]:
    """The statements that make what is wanted, or change it once it is there."""
    touched, chosen = set(free), [False] * len(above)
    while True:  # what changes a value may stand below what uses it, so one pass is not enough
        wanted, before = set(free), sum(chosen)
        for i in reversed(range(len(above))):
            if wanted & above[i].makes or touched & (above[i].changes - modules):
                wanted = (wanted - above[i].makes) | above[i].uses
                touched |= above[i].uses
                chosen[i] = True
        if sum(chosen) == before:
            return [one for one, is_needed in zip(above, chosen, strict=True) if is_needed]


class Blocks(SphinxPostTransform):
    """Give each example of a page what it needs from above; the examples of one docstring are a page of their own."""

    default_priority = 900
    formats = ("html",)

    def run(self, **options: Any) -> None:
        """Mark the examples of this page."""
        found = [n for n in self.document.findall(_is_code) if n.astext().startswith(">>> ")]
        for _, group in groupby(found, key=_owner):
            shown = list(group)
            for node in shown:
                node.rawsource = ended(node.astext().rstrip() + "\n").rstrip()
                node[:] = [nodes.Text(node.rawsource)]
                if not _COLUMNS.search(node.rawsource):
                    node["classes"].append("wraps")
            for node, sources in zip(shown, needs([node.astext() + "\n" for node in shown]), strict=True):
                node["needs"] = [example for source in sources for example in prompted(source)]
                if set(sources) - set(ASSUMED):
                    node["classes"].append("continues")


def _is_code(node: nodes.Node) -> bool:
    return isinstance(node, (nodes.literal_block, nodes.doctest_block))


def _owner(node: nodes.Node | None) -> int:
    while node is not None and not isinstance(node, addnodes.desc):
        node = node.parent
    return id(node)


def prompted(source: str) -> Iterator[str]:
    """The lines of a statement behind prompts; an empty line ends a compound one, and stands nowhere within.

    Examples
    --------
    >>> list(prompted("class A:\\n    x = 1\\n\\n    y = 2\\n"))
    ['>>> class A:', '...     x = 1', '...     ', '...     y = 2', '...']
    """
    compound = any(hasattr(node, "body") or hasattr(node, "cases") for node in ast.parse(source).body)
    for i, line in enumerate(source.rstrip().splitlines()):
        yield f"{'...' if i else '>>>'} {line or '    ' * compound}"
    if compound:
        yield "..."


def ended(text: str) -> str:
    """An example as it runs line by line, where an empty line, and nothing else, ends a compound statement.

    Examples
    --------
    >>> ended(">>> for i in range(2):\\n...     i\\n0\\n1\\n>>> 3\\n3\\n")
    '>>> for i in range(2):\\n...     i\\n...\\n0\\n1\\n>>> 3\\n3\\n'
    """
    lines = text.splitlines()
    for example in reversed(doctest.DocTestParser().get_examples(text)):
        lines[example.lineno : example.lineno + example.source.count("\n")] = prompted(example.source)
    return "\n".join(lines) + "\n"


def _visit(translator: HTML5Translator, node: nodes.Element) -> None:
    try:
        HTML5Translator.visit_literal_block(translator, node)
    finally:  # it leaves by SkipNode
        if node.get("needs"):
            lines = escape("\n".join(node["needs"]), quote=False)
            translator.body[-1] = translator.body[-1].replace("<pre>", f'<pre><span class="needs">{lines}\n</span>', 1)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Look through every page once it is whole."""
    app.add_post_transform(Blocks)
    for kind in (nodes.literal_block, nodes.doctest_block):
        app.add_node(kind, override=True, html=(_visit, HTML5Translator.depart_literal_block))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
