"""Expressions in LaTeX."""

from __future__ import annotations

import re
from functools import singledispatch
from typing import Any

import sympy

from .expressions import Constant, Expression, Number, Ones, Product, Scaled, Sum, Trace, Unvec, Variable
from .sizes import is_one
from .structures import (
    Commuted,
    Diagonal,
    DiagonalOf,
    Entrywise,
    Identity,
    Inverse,
    KhatriRao,
    Kron,
    Map,
    RangeSum,
    Slice,
    Vec,
)

__all__ = ["latex"]

_ATOMS = (Variable, Identity, Commuted, Trace, Vec, Map, Diagonal, DiagonalOf, Slice, Constant, Ones)


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
    escaped = re.sub(r"([\\{}_&%$#^~])", r"\\\1", str(node))
    return rf"\text{{{escaped}}}"


def _name(text: str) -> str:
    head, _, tail = text.partition("_")
    shown = head if len(head) == 1 or not head.isascii() else rf"\mathrm{{{head}}}"
    return f"{shown}_{{{tail}}}".replace("_{}", "") if tail else shown


def _factor(node: Expression) -> str:
    """In brackets where a product needs them."""
    return latex(node) if isinstance(node, _ATOMS) else f"({latex(node)})"


def _raised(base: str, power: str, inner: Expression) -> str:
    return f"{base if isinstance(inner, _ATOMS) else f'({base})'}^{{{power}}}"


@latex.register
def _(node: Variable) -> str:
    name = _name(node.name)
    name = rf"\overline{{{name}}}" if node.conjugated else name
    return rf"{name}^{{\top}}" if node.flipped else name


@latex.register
def _(node: Slice) -> str:
    return rf"{latex(node.stack)}_{{[{node.index}]}}" + (r"^{\top}" if node.flipped else "")


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
    return " ".join(latex(p) if isinstance(p, Product) else _factor(p) for p in node.parts)


@latex.register
def _(node: Sum) -> str:
    out = ""
    for c, term in node.terms:
        sign = "-" if c < 0 else "+" if out else ""
        size = (
            ""
            if abs(c) == 1
            else str(abs(c))
            if c.denominator == 1
            else rf"\tfrac{{{abs(c.numerator)}}}{{{c.denominator}}}"
        )
        body = f"({latex(term)})" if isinstance(term, Sum) else latex(term)
        out += f" {sign} {size} {body}"
    return " ".join(out.split())


@latex.register
def _(node: Scaled) -> str:
    return f"{_factor(node.scalar)} {_factor(node.matrix)}"


@latex.register
def _(node: Kron) -> str:
    return rf"{_factor(node.left)} \otimes {_factor(node.right)}"


@latex.register
def _(node: KhatriRao) -> str:
    text = rf"{_factor(node.left)} \odot {_factor(node.right)}"
    return rf"({text})^{{\top}}" if node.flipped else text


@latex.register
def _(node: Entrywise) -> str:
    return rf"{_factor(node.left)} \circ {_factor(node.right)}"


@latex.register
def _(node: Identity) -> str:
    return rf"I_{{{node.size}}}"


@latex.register
def _(node: Ones) -> str:
    sizes = r" \times ".join(map(str, node.sizes))
    return f"1_{{{sizes}}}" if sizes else "1"


@latex.register
def _(node: Commuted) -> str:
    return rf"K_{{{node.S},{node.C}}}"


@latex.register
def _(node: Vec) -> str:
    return rf"\operatorname{{vec}}({latex(node.matrix)})"


@latex.register
def _(node: Unvec) -> str:
    if is_one(node.sizes[1]):
        return _factor(node.vector) + (r"^{\top}" if node.flipped else "")
    text = rf"\operatorname{{unvec}}_{{{node.sizes[0]} \times {node.sizes[1]}}}({latex(node.vector)})"
    return rf"{text}^{{\top}}" if node.flipped else text


@latex.register
def _(node: Trace) -> str:
    return rf"\operatorname{{tr}}({latex(node.matrix)})"


@latex.register(Diagonal)
@latex.register(DiagonalOf)
def _(node: Diagonal | DiagonalOf) -> str:
    return rf"\operatorname{{diag}}({latex(node.parts[0])})"


@latex.register
def _(node: Map) -> str:
    return rf"{_name(node.name)}({latex(node.matrix)})"


@latex.register
def _(node: Inverse) -> str:
    return _raised(latex(node.matrix), r"-\top" if node.flipped else "-1", node.matrix)


@latex.register
def _(node: RangeSum) -> str:
    return rf"\sum_{{{node.index.name} < {node.index.range_size}}} {_factor(node.term)}"
