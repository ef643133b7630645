"""Identities as text: ``vec(W @ X @ V) == kron(V.T, W) @ vec(X)`` and shapes ``W=S,S X=S,C``.

Text is parsed into Python's syntax tree and read against a white list; it is never evaluated.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...operators import commutation
from ...products import block_diag, eye, hadamard, kron
from ...spectra.trace import trace
from ...vectorize import unvec, vec
from .expressions import Expression

__all__ = ["parse_identity", "parse_shapes", "size_expression"]

#: Functions that the text may call, with their fewest and most arguments.
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "vec": (vec, 1, 1),
    "unvec": (lambda x, shape: unvec(x, tuple(map(_size, shape))), 2, 2),
    "kron": (kron, 1, 99),
    "eye": (lambda n: eye(_size(n)), 1, 1),
    "commutation": (lambda S, C: commutation(_size(S), _size(C)), 2, 2),
    "block_diag": (block_diag, 1, 99),
    "hadamard": (hadamard, 1, 99),
    "trace": (trace, 1, 1),
}
_LONGEST, _DEEPEST, _LARGEST, _LARGEST_SIZE = 2000, 60, 10**12, 10**6
_ALLOWED = "names, numbers, @ + - *, .T, and calls of " + ", ".join(FUNCTIONS)


def parse_identity(text: str) -> Callable[..., tuple[Any, Any]]:
    """The function of matrices and sizes that a text of the form ``left == right`` states.

    Raises
    ------
    ValueError
        If the text is too long or deep, or contains anything but names, numbers, ``@ + - *``, ``.T`` and calls of the functions
        ``vec``, ``unvec``, ``kron``, ``eye``, ``commutation``, ``block_diag``, ``hadamard``, ``trace``.

    Examples
    --------
    >>> from kronmix.symbolic.language.text import parse_identity
    >>> identity = parse_identity("vec(W @ X) == kron(eye(C), W) @ vec(X)")
    >>> bool(km.check_identity(identity, W=("S", "S"), X=("S", "C")))
    True
    >>> parse_identity("W.__class__ == W")
    Traceback (most recent call last):
    ValueError: identity: '.__class__' is not allowed: only names, numbers, ...
    """
    tree = _parsed(text, "identity")
    if not (isinstance(tree, ast.Compare) and len(tree.ops) == 1 and isinstance(tree.ops[0], ast.Eq)):
        raise ValueError(f"identity: {_excerpt(text)}: expected one equation, left == right")
    left, right = tree.left, tree.comparators[0]
    for side in (left, right):
        _check(side, text, 0)

    def identity(**given: Any) -> tuple[Any, Any]:
        return _value(left, given), _value(right, given)

    return identity


def parse_shapes(text: str) -> dict[str, tuple[str | int, ...]]:
    """Shapes written as ``W=S,S X=S,C x=S``; a size is a name, a number or a product such as ``S*C``.

    Examples
    --------
    >>> from kronmix.symbolic.language.text import parse_shapes
    >>> parse_shapes("W=S,2 x=S*C")
    {'W': ('S', 2), 'x': ('S*C',)}
    """
    shapes: dict[str, tuple[str | int, ...]] = {}
    for part in text.split():
        name, equals, sizes = part.partition("=")
        if not equals or not name.isidentifier() or not sizes or name in FUNCTIONS:
            raise ValueError(f"shapes: {_excerpt(part)}: expected NAME=SIZE,SIZE, as W=S,C")
        if name in shapes:
            raise ValueError(f"shapes: {name} is given twice")
        shapes[name] = tuple(int(size) if size.isdecimal() and len(size) < 10 else size for size in sizes.split(","))
    if not shapes:
        raise ValueError("shapes: expected at least one, as W=S,C")
    return shapes


@dataclass(frozen=True)
class SizeExpression:
    """A number, a name, or a product of these."""

    text: str
    constant: int
    names: tuple[str, ...]

    def value(self, sizes: Mapping[str, int]) -> int:
        """The size at given values of the names."""
        return self.constant * math.prod(sizes[name] for name in self.names)


def size_expression(size: Any, matrix: str) -> SizeExpression:
    """Read one size of a matrix's shape; ValueError if it is neither a positive integer nor a product of names."""
    if isinstance(size, int) and not isinstance(size, bool):
        if size < 1:
            raise ValueError(f"{matrix}: size {size}: expected a positive integer")
        return SizeExpression(str(size), size, ())
    if not isinstance(size, str):
        raise ValueError(f"{matrix}: size {size!r}: expected a name or a positive integer")
    constant, names = 1, []
    for part in (piece.strip() for piece in size.split("*")):
        if part.isidentifier():
            names.append(part)
        elif part.isdecimal() and len(part) < 10 and int(part) > 0:
            constant *= int(part)
        else:
            raise ValueError(
                f"{matrix}: size {_excerpt(size)}: expected a name, a positive integer or a product of these"
            )
    return SizeExpression(size, constant, tuple(names))


def _parsed(text: str, what: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise ValueError(f"{what}: {len(text)} characters: expected at most {_LONGEST}")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "nested too deeply"
        raise ValueError(f"{what}: {_excerpt(text)}: {reason}") from None


def _check(node: ast.expr, text: str, depth: int) -> None:
    """Refuse everything that is not on the list, before anything is computed."""
    if depth > _DEEPEST:
        raise ValueError(f"identity: nested more than {_DEEPEST} deep")
    match node:
        case ast.Name(id=name):
            if name.startswith("_"):
                _refuse(name)
        case ast.Constant(value=bool()):
            _refuse(repr(node.value))
        case ast.Constant(value=int() | float() as number):
            if not math.isfinite(number) or abs(number) > _LARGEST:
                raise ValueError(f"identity: a number above {_LARGEST:.0e} in size")
        case ast.Attribute(value=inner, attr=attribute):
            if attribute != "T":
                _refuse(f".{attribute}")
            _check(inner, text, depth + 1)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            _check(inner, text, depth + 1)
        case ast.BinOp(left=left, op=ast.MatMult() | ast.Add() | ast.Sub() | ast.Mult(), right=right):
            _check(left, text, depth + 1)
            _check(right, text, depth + 1)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            _, fewest, most = FUNCTIONS[name]
            if not fewest <= len(arguments) <= most:
                raise ValueError(
                    f"identity: {name} takes {fewest} argument{'s' * (fewest > 1)}, {len(arguments)} are given"
                )
            for i, argument in enumerate(arguments):
                _check_argument(name, i, argument, text, depth + 1)
        case _:
            _refuse(_excerpt(ast.get_source_segment(text.strip(), node) or type(node).__name__))


def _check_argument(function: str, position: int, node: ast.expr, text: str, depth: int) -> None:
    """As any expression; the shape of ``unvec(x, (S, C))`` is a pair."""
    if (function, position) == ("unvec", 1):
        if not (isinstance(node, ast.Tuple) and len(node.elts) == 2):
            raise ValueError("identity: unvec takes a vector and a pair of sizes, as unvec(x, (S, C))")
        for size in node.elts:
            _check(size, text, depth)
    else:
        _check(node, text, depth)


def _refuse(what: str) -> None:
    raise ValueError(f"identity: {what if what.startswith(chr(39)) else repr(what)} is not allowed: only {_ALLOWED}")


def _value(node: ast.expr, given: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            if name not in given:
                raise ValueError(
                    f"identity: {name!r} has no shape and is not a size: known are {', '.join(sorted(given))}"
                )
            return given[name]
        case ast.Constant(value=number):
            return Fraction(str(number)) if isinstance(number, float) else number
        case ast.Attribute(value=inner):
            return _value(inner, given).T
        case ast.UnaryOp(operand=inner):
            return -_value(inner, given)
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, given), _value(right, given))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name][0](*(_value(argument, given) for argument in arguments))
        case ast.Tuple(elts=elements):
            return tuple(_value(element, given) for element in elements)
    raise AssertionError(f"{type(node).__name__} was not refused")  # pragma: no cover


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.MatMult: lambda x, y: x @ y,
    ast.Add: lambda x, y: x + y,
    ast.Sub: lambda x, y: x - y,
    ast.Mult: lambda x, y: x * y,
}


def _size(n: Any) -> Any:
    if isinstance(n, Expression) or (isinstance(n, int | Fraction) and (n != int(n) or not 1 <= n <= _LARGEST_SIZE)):
        raise ValueError(f"identity: size {n}: expected an integer from 1 to {_LARGEST_SIZE:,}")
    return n


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
