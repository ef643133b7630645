"""Identities as text: ``vec(W @ X @ V) == kron(V.T, W) @ vec(X)`` and shapes ``W=S,S X=S,C``.

Text is parsed into Python's syntax tree and read against a white list; it is never evaluated.
"""

from __future__ import annotations

import ast
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn

from . import building
from .dispatch import MATRIX_FUNCTIONS
from .expressions import Expression, as_expression
from .sizes import SizeValue, excerpt, size_expression

__all__ = ["FUNCTIONS", "parse_identity", "parse_shapes"]

_LONGEST, _DEEPEST, _LARGEST, _LARGEST_SIZE = 2000, 60, 10**12, 10**6


def _checked_size(n: Any) -> Any:
    if isinstance(n, SizeValue) and n > _LARGEST_SIZE:
        raise MemoryError(f"identity: size {n:,}: more than {_LARGEST_SIZE:,}")
    if isinstance(n, Expression) or (isinstance(n, int | Fraction) and (n != int(n) or not 1 <= n <= _LARGEST_SIZE)):
        raise ValueError(f"identity: size {n}: expected an integer from 1 to {_LARGEST_SIZE:,}")
    return n


def _matrix_function(name: str) -> Callable[..., Any]:
    return lambda *arguments: MATRIX_FUNCTIONS[name](*arguments)


@dataclass(frozen=True)
class Word:
    """A function that the text may call: what it does, its fewest and most arguments, and how it is written."""

    call: Callable[..., Any]
    fewest: int
    most: int
    example: str


FUNCTIONS: dict[str, Word] = {
    "vec": Word(_matrix_function("vec"), 1, 1, "vec(X)"),
    "unvec": Word(
        lambda x, shape: MATRIX_FUNCTIONS["unvec"](x, tuple(map(_checked_size, shape))), 2, 2, "unvec(x, (S, C))"
    ),
    "kron": Word(building.kron, 1, 99, "kron(A, B)"),
    "khatri_rao": Word(building.khatri_rao, 1, 99, "khatri_rao(A, B)"),
    "face_splitting": Word(building.face_splitting, 1, 99, "face_splitting(A, B)"),
    "hadamard": Word(building.hadamard, 1, 99, "hadamard(A, B)"),
    "block_diag": Word(building.block_diag, 1, 99, "block_diag(A, B)"),
    "eye": Word(lambda n: building.eye(_checked_size(n)), 1, 1, "eye(S)"),
    "ones": Word(lambda *sizes: building.ones(*map(_checked_size, sizes)), 1, 2, "ones(S, C)"),
    "diag": Word(building.diag, 1, 1, "diag(x)"),
    "commutation": Word(
        lambda S, C: building.commutation(_checked_size(S), _checked_size(C)), 2, 2, "commutation(S, C)"
    ),
    "trace": Word(_matrix_function("trace"), 1, 1, "trace(A)"),
    "inv": Word(building.inv, 1, 1, "inv(A)"),
    "conj": Word(building.conj, 1, 1, "conj(A)"),
    "map": Word(building.apply_entrywise, 2, 2, "map(f, X)"),
    "rearrange": Word(building.rearrange, 2, 2, "rearrange(X, 's (c d) -> (c s) d', c=2)"),
    "einsum": Word(building.einsum, 2, 99, "einsum(A, B, 'i k, k j -> i j')"),
    "sum": Word(building.sum_over, 1, 1, "sum(kron(V[i], W[i]) for i in range(r))"),
}
_PATTERNED = ("rearrange", "einsum")
#: Arguments that are no matrices, by the word and their place, from the end where a pattern comes last.
_NO_MATRIX = {
    ("unvec", 1): "shape",
    ("map", 0): "function",
    ("rearrange", 0): "pattern",
    ("einsum", 0): "pattern",
}
_ALLOWED = "names, numbers, @ + - *, .T, .H, and calls of " + ", ".join(FUNCTIONS)
#: What people write instead, with what to write.
_INSTEAD: dict[type[ast.AST], tuple[str, str]] = {
    ast.Div: ("/", "0.5 * X for X / 2, inv(A) for an inverse"),
    ast.Pow: ("**", "W @ W for a power, hadamard(W, W) for an entrywise one"),
    ast.BitXor: ("^", "A.T for a transpose, inv(A) for an inverse, W @ W for a power"),
    ast.Mod: ("%", "the remainder as a size of its own"),
    ast.FloorDiv: ("//", "0.5 * X for X / 2, inv(A) for an inverse"),
}
_ATTRIBUTES = {"I": "inv(A)", "inv": "inv(A)", "t": "A.T", "transpose": "A.T", "conj": "conj(A)", "trace": "trace(A)"}


def parse_identity(text: str) -> Callable[..., tuple[Any, Any]]:
    """The function of matrices and sizes that a text of the form ``left == right`` states.

    Raises
    ------
    ValueError
        If the text is too long or deep, or contains anything but names, numbers, ``@ + - *``, ``.T``, ``.H``, indices of stacks
        and calls of the functions ``FUNCTIONS``; the message says how to write it.

    Examples
    --------
    >>> from kronmix.symbolic.language import parse_identity
    >>> identity = parse_identity("vec(W @ X) == kron(eye(C), W) @ vec(X)")
    >>> bool(km.check_identity(identity, W=("S", "S"), X=("S", "C")))
    True
    >>> parse_identity("W.__class__ == W")
    Traceback (most recent call last):
    ValueError: identity: '.__class__' is not allowed: only names, numbers, ...
    >>> parse_identity("W / 2 == W")
    Traceback (most recent call last):
    ValueError: identity: '/' is not allowed: write 0.5 * X for X / 2, inv(A) for an inverse
    """
    tree = _parse(text)
    if not (isinstance(tree, ast.Compare) and len(tree.ops) == 1 and isinstance(tree.ops[0], ast.Eq)):
        raise ValueError(f"identity: {excerpt(text)}: expected one equation, left == right")
    left, right = tree.left, tree.comparators[0]
    reader = _Reader(text.strip())
    sides = [reader.read(side) for side in (left, right)]

    def identity(**given: Any) -> tuple[Any, Any]:
        if taken := sorted((reader.functions | reader.indices) & given.keys()):
            raise ValueError(f"identity: {taken[0]!r} names a matrix or a size, and a function or an index too")
        first, second = (side(given) for side in sides)
        return first, second

    return identity


def parse_shapes(text: str) -> dict[str, tuple[str | int, ...]]:
    """Shapes written as ``W=S,S X=S,C x=S c=``; a size is a name, a number, or sums and products such as ``S*C`` and ``S+1``.

    Nothing after the sign declares a scalar, three sizes a stack of matrices.

    Examples
    --------
    >>> from kronmix.symbolic.language import parse_shapes
    >>> parse_shapes("W=S,2 x=S*C c=")
    {'W': ('S', 2), 'x': ('S*C',), 'c': ()}
    """
    shapes: dict[str, tuple[str | int, ...]] = {}
    for part in unicodedata.normalize("NFKC", text).split():
        name, equals, sizes = part.partition("=")
        if not equals or not name.isidentifier() or name in FUNCTIONS:
            raise ValueError(f"shapes: {excerpt(part)}: expected NAME=SIZE,SIZE, as W=S,C, or NAME= for a scalar")
        if name in shapes:
            raise ValueError(f"shapes: {name} is given twice")
        written = [] if sizes in ("", "()") else sizes.split(",")
        shapes[name] = tuple(int(size) if size.isdecimal() and len(size) < 10 else size for size in written)
        for size in shapes[name]:
            size_expression(size, name)
    if not shapes:
        raise ValueError("shapes: expected at least one, as W=S,C")
    return shapes


def _parse(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise ValueError(f"identity: {len(text)} characters: expected at most {_LONGEST}")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "nested too deeply"
        if re.search(r"[\w)\]]['’′]", text):
            reason = "a transpose is written A.T, a conjugate transpose A.H"
        elif re.search(r"[⊗⊙∘·×ᵀ⁻]", text):
            reason = (
                "write kron(A, B) for ⊗, khatri_rao(A, B) for ⊙, hadamard(A, B) for ∘, A @ B for a product, A.T, inv(A)"
            )
        elif re.search(r"(?<![=<>!])=(?!=)", text) and "(" not in text:
            reason = "an equation is written left == right"
        raise ValueError(f"identity: {excerpt(text)}: {reason}") from None


Given = Mapping[str, Any]
#: What a part of the text stands for, as a function of the matrices and sizes.
Meaning = Callable[[Given], Any]


class _Reader:
    """Reads the syntax tree of one text, and refuses everything that is not on the list before anything is computed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.functions: set[str] = set()
        self.indices: set[str] = set()
        self.running: list[str] = []  # indices of the sums around

    def read(self, node: ast.expr, depth: int = 0) -> Meaning:
        """What a part stands for."""
        if depth > _DEEPEST:
            raise ValueError(f"identity: nested more than {_DEEPEST} deep")
        match node:
            case ast.Name(id=name):
                return self.name(name)
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                number = self.number(node)
                return lambda given: number
            case ast.Attribute(value=inner, attr=attribute):
                if attribute not in ("T", "H"):
                    _refuse(f".{attribute}", _ATTRIBUTES.get(attribute))
                matrix = self.read(inner, depth + 1)
                return lambda given: getattr(M, attribute) if isinstance(M := matrix(given), Expression) else M
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                operand = self.read(inner, depth + 1)
                return lambda given: -operand(given)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                combine, first, second = _BINARY[type(op)], self.read(left, depth + 1), self.read(right, depth + 1)
                return lambda given: combine(first(given), second(given))
            case ast.BinOp(op=op) if type(op) in _INSTEAD:
                _refuse(*_INSTEAD[type(op)])
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Name() | ast.Constant(value=int()) as index):
                return self.subscript(name, index)
            case ast.Call(func=ast.Name(id="sum"), args=[ast.GeneratorExp() as generator], keywords=[]):
                return self.sum(generator, depth + 1)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in FUNCTIONS:
                return self.call(name, arguments, keywords, depth + 1)
        _refuse(excerpt(ast.get_source_segment(self.text, node) or type(node).__name__))

    def name(self, name: str) -> Meaning:
        if name.startswith("_"):
            _refuse(name)
        if name in self.running:
            _refuse(name, f"V[{name}]: the index of a sum stands in brackets")

        def value(given: Given) -> Any:
            if name not in given:
                known = ", ".join(sorted(given))
                raise ValueError(f"identity: {name!r} has no shape and is not a size: known are {known}")
            return given[name]

        return value

    def subscript(self, name: str, index: ast.Name | ast.Constant) -> Meaning:
        stack = self.name(name)
        if isinstance(index, ast.Constant):
            place = self.number(index)
            return lambda given: stack(given)[place]
        if index.id not in self.running:
            _refuse(f"{name}[{index.id}]", "V[i] inside sum(… for i in range(r))")
        return lambda given: stack(given)[given[index.id]]

    def call(self, name: str, arguments: list[ast.expr], keywords: list[ast.keyword], depth: int) -> Meaning:
        word = FUNCTIONS[name]
        if not word.fewest <= len(arguments) <= word.most:
            raise ValueError(
                f"identity: {name} takes {word.fewest} argument{'s' * (word.fewest > 1)}, {len(arguments)} are given, "
                f"as {word.example}"
            )
        if name == "sum" or (keywords and name not in _PATTERNED) or any(k.arg is None for k in keywords):
            _refuse(f"{name}(…)", word.example)
        last = len(arguments) - 1
        places = range(last, -1, -1) if name in _PATTERNED else range(last + 1)
        meanings = [self.argument(name, k, node, depth) for k, node in zip(places, arguments, strict=True)]
        sizes = {str(k.arg): self.read(k.value, depth) for k in keywords}

        def value(given: Given) -> Any:
            options = {name: _checked_size(size(given)) for name, size in sizes.items()}
            return word.call(*(meaning(given) for meaning in meanings), **options)

        return value

    def argument(self, name: str, place: int, node: ast.expr, depth: int) -> Meaning:
        """One argument; some words have one that is no matrix."""
        match _NO_MATRIX.get((name, place)), node:
            case ("shape", ast.Tuple(elts=[first, second])):
                rows, columns = self.read(first, depth), self.read(second, depth)
                return lambda given: (rows(given), columns(given))
            case ("function", ast.Name(id=function)) if not function.startswith("_"):
                self.functions.add(function)
                return lambda given: function
            case ("pattern", ast.Constant(value=str() as pattern)):
                return lambda given: pattern
            case (None, _):
                return self.read(node, depth)
        raise ValueError(f"identity: expected {FUNCTIONS[name].example}")

    def sum(self, node: ast.GeneratorExp, depth: int) -> Meaning:
        match node.generators:
            case [
                ast.comprehension(
                    target=ast.Name(id=index),
                    iter=ast.Call(func=ast.Name(id="range"), args=[number], keywords=[]),
                    ifs=[],
                    is_async=0,
                )
            ] if not index.startswith("_") and index not in self.running:
                size = self.read(number, depth)
                self.indices.add(index)
                self.running.append(index)
                term = self.read(node.elt, depth)
                self.running.pop()
                return lambda given: building.sum_over(
                    _checked_size(size(given)), lambda i: term({**given, index: i}), index
                )
        _refuse("sum(…)", FUNCTIONS["sum"].example)

    def number(self, node: ast.Constant) -> int | Fraction:
        """A number as it is written, not as the nearest float."""
        value = node.value
        assert isinstance(value, int | float)
        if not math.isfinite(value) or abs(value) > _LARGEST:
            raise ValueError(f"identity: a number above {_LARGEST:.0e} in size")
        if isinstance(value, int):
            return value
        written = (ast.get_source_segment(self.text, node) or "").replace("_", "")
        if not re.fullmatch(r"[\d.]{1,60}([eE][+-]?\d{1,2})?", written):
            raise ValueError(f"identity: {excerpt(written)}: expected a decimal number of at most 60 digits")
        return Fraction(written)


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.MatMult: lambda x, y: as_expression(x) @ y,
    ast.Add: lambda x, y: x + y,
    ast.Sub: lambda x, y: x - y,
    ast.Mult: lambda x, y: x * y,
}


def _refuse(what: str, instead: str | None = None) -> NoReturn:
    shown = what if what.startswith("'") else repr(what)
    raise ValueError(f"identity: {shown} is not allowed: {f'write {instead}' if instead else f'only {_ALLOWED}'}")
