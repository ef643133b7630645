"""Expressions in LaTeX."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import singledispatch
from typing import Any

import sympy

from .contractions import Ones, Product, Unvec
from .expressions import Constant, Expression, Number, Sum, Variable
from .structures import Inverse, Map, RangeSum, Slice

__all__ = ["latex"]


class _Written:
    """A field of an expression in LaTeX: as it is, or in brackets where a product needs them."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __str__(self) -> str:
        return latex(self.value) if isinstance(self.value, Expression) else str(self.value)

    def __repr__(self) -> str:
        return str(self) if self.value.atom else f"({self})"


@singledispatch
def latex(node: Any) -> str:
    """A formula; what has no notation of its own is written as in text.

    Examples
    --------
    >>> from kronmix.symbolic.language.expressions import Variable
    >>> from kronmix.symbolic.language.notation import latex
    >>> W, X = Variable("W", (2, 2)), Variable("X_1", (2, 2))
    >>> print(latex(km.kron(X.T, W) @ km.vec(2 * X)))
    (X_{1}^{\\top} \\otimes W) \\operatorname{vec}(2 X_{1})
    """
    if node.tex:
        return node.tex.format(**{field.name: _Written(getattr(node, field.name)) for field in fields(node)})
    escaped = re.sub(r"([\\{}_&%$#^~])", r"\\\1", str(node))
    return rf"\text{{{escaped}}}"


def _latex_name(text: str) -> str:
    head, _, tail = text.partition("_")
    shown = head if len(head) == 1 or not head.isascii() else rf"\mathrm{{{head}}}"
    return f"{shown}_{{{tail}}}".replace("_{}", "") if tail else shown


def _transposed_latex(text: str, flipped: bool) -> str:
    return rf"{text}^{{\top}}" if flipped else text


@latex.register
def _(node: Variable) -> str:
    name = _latex_name(node.name)
    return _transposed_latex(rf"\overline{{{name}}}" if node.conjugated else name, node.flipped)


@latex.register
def _(node: Slice) -> str:
    return _transposed_latex(rf"{latex(node.stack)}_{{[{node.index}]}}", node.flipped)


@latex.register
def _(node: Constant) -> str:
    if node.ndim == 0:
        return str(node)
    if node.ndim == 1 or node.values.size > 36:
        return rf"\text{{{str(node)[:60]}}}"
    rows = (" & ".join(map(str, row)) for row in node.values)
    body = r" \\ ".join(rows)
    return rf"\begin{{pmatrix}}{body}\end{{pmatrix}}"


@latex.register
def _(node: Number) -> str:
    return f"({sympy.latex(node.value)})" if node.value.is_Add else sympy.latex(node.value)


@latex.register
def _(node: Product) -> str:
    return " ".join(str(_Written(p)) if isinstance(p, Product) else repr(_Written(p)) for p in node.parts)


@latex.register
def _(node: Sum) -> str:
    out = ""
    for c, term in node.terms:
        sign, whole = "-" if c < 0 else "+" if out else "", abs(c.numerator)
        size = rf"\tfrac{{{whole}}}{{{c.denominator}}}" if c.denominator > 1 else str(whole) if whole != 1 else ""
        out += f" {sign} {size} {f'({latex(term)})' if isinstance(term, Sum) else latex(term)}"
    return " ".join(out.split())


@latex.register
def _(node: Ones) -> str:
    sizes = r" \times ".join(map(str, node.sizes))
    return f"1_{{{sizes}}}" if sizes else "1"


@latex.register
def _(node: Unvec) -> str:
    sizes = rf"{node.sizes[0]} \times {node.sizes[1]}"
    written = (
        repr(_Written(node.vector)) if node.is_column else rf"\operatorname{{unvec}}_{{{sizes}}}({latex(node.vector)})"
    )
    return _transposed_latex(written, node.flipped)


@latex.register
def _(node: Map) -> str:
    return rf"{_latex_name(node.name)}({latex(node.matrix)})"


@latex.register
def _(node: Inverse) -> str:
    power = r"-\top" if node.flipped else "-1"
    return f"{_Written(node.matrix)!r}^{{{power}}}"


@latex.register
def _(node: RangeSum) -> str:
    return rf"\sum_{{{node.index.name} < {node.index.range_size}}} {_Written(node.term)!r}"
