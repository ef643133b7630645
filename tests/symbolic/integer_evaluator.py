"""What an identity written as text means, entry by entry, from the definitions: nested lists of integers, loops, nothing else.

Shares no code with the package. A value is a function from an index to a number, with a shape; a vector is a column, a number has
the shape (). Sizes are numbers. It knows what the fuzz needs and is meant to be read in one go.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from typing import Any


class Unfit(ValueError):
    """Shapes that do not fit."""


class Value:
    """Numbers by index."""

    def __init__(self, shape: tuple[int, ...], at: Callable[..., Any]) -> None:
        self.shape = shape
        self.entries = {index: at(*index) for index in product(*map(range, shape))}

    def __getitem__(self, index: tuple[int, ...]) -> Any:
        return self.entries[index]


def matrix(x: Any) -> Value:
    """A vector as a column, a number as 1 × 1."""
    if not isinstance(x, Value):
        return Value((1, 1), lambda i, j: x)
    if len(x.shape) == 0:
        return Value((1, 1), lambda i, j: x[()])
    if len(x.shape) == 1:
        return Value((x.shape[0], 1), lambda i, j: x[(i,)])
    return x


def evaluate(text: str, given: Mapping[str, Any]) -> Value:
    """One side of an identity; ``given`` holds Values and sizes."""
    return _value(ast.parse(text, mode="eval").body, given)


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same, vectors being columns and numbers 1 × 1."""
    left, right = matrix(left), matrix(right)
    return left.shape == right.shape and left.entries == right.entries


def _value(node: ast.expr, given: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return given[name]
        case ast.Constant(value=number):
            return Fraction(str(number))
        case ast.UnaryOp(operand=inner):
            return _times(-1, _value(inner, given))
        case ast.Attribute(value=inner, attr="T"):
            X = matrix(_value(inner, given))
            return Value(X.shape[::-1], lambda i, j: X[j, i])
        case ast.BinOp(left=a, op=op, right=b):
            x, y = _value(a, given), _value(b, given)
            match op:
                case ast.MatMult():
                    return _product(x, y)
                case ast.Mult():
                    return _times(x, y)
                case ast.Add():
                    return _sum(x, y, 1)
                case ast.Sub():
                    return _sum(x, y, -1)
        case ast.Subscript(value=stack, slice=index):
            V, k = _value(stack, given), int(_value(index, given))
            return Value(V.shape[1:], lambda i, j: V[k, i, j])
        case ast.Call(func=ast.Name(id="sum"), args=[ast.GeneratorExp(elt=term, generators=[run])]):
            total = None
            for k in range(int(_value(run.iter.args[0], given))):  # type: ignore[attr-defined]
                next_ = _value(term, {**given, run.target.id: k})  # type: ignore[attr-defined]
                total = next_ if total is None else _sum(total, next_, 1)
            return total
        case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id=function), argument]):
            X = _value(argument, given)
            return Value(X.shape, lambda *index: given[f"map {function}"](X[index]))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return WORDS[name](*(_value(argument, given) for argument in arguments))
        case ast.Tuple(elts=elements):
            return [int(_value(element, given)) for element in elements]
    raise AssertionError(ast.dump(node))


def _scalar(x: Any) -> Any:
    """The number in something of one entry, or None."""
    if not isinstance(x, Value):
        return x
    return next(iter(x.entries.values())) if all(n == 1 for n in x.shape) else None


def _times(x: Any, y: Any) -> Any:
    if _scalar(x) is None:
        x, y = y, x
    number = _scalar(x)
    if number is None:
        raise Unfit("no scalar in a product with *")
    return Value(y.shape, lambda *index: number * y[index]) if isinstance(y, Value) else number * y


def _sum(x: Any, y: Any, sign: int) -> Any:
    if not isinstance(x, Value) and not isinstance(y, Value):
        return x + sign * y
    return _entrywise(x, y, lambda a, b: a + sign * b)


def _entrywise(x: Any, y: Any, f: Callable[[Any, Any], Any]) -> Value:
    if isinstance(x, Value) and isinstance(y, Value) and x.shape == y.shape:
        return Value(x.shape, lambda *index: f(x[index], y[index]))
    X, Y = matrix(x), matrix(y)
    if X.shape != Y.shape:
        raise Unfit("entrywise operations on different shapes")
    return Value(X.shape, lambda i, j: f(X[i, j], Y[i, j]))


def _product(x: Value, y: Value) -> Any:
    if len(x.shape) == 1 and len(y.shape) == 1:
        if x.shape != y.shape:
            raise Unfit("a scalar product of different lengths")
        return Value((), lambda: sum(x[(k,)] * y[(k,)] for k in range(x.shape[0])))
    X, Y = matrix(x), matrix(y)
    if len(x.shape) == 1 and Y.shape[0] == x.shape[0] != 1:  # a vector times a matrix: its entries are Σ_k x_k Y_kj
        return Value((Y.shape[1],), lambda j: sum(x[(k,)] * Y[k, j] for k in range(Y.shape[0])))
    if X.shape[1] != Y.shape[0]:
        raise Unfit("a product of shapes that do not fit")
    if len(y.shape) == 1 and len(x.shape) == 2:
        return Value((X.shape[0],), lambda i: sum(X[i, k] * Y[k, 0] for k in range(X.shape[1])))
    return Value((X.shape[0], Y.shape[1]), lambda i, j: sum(X[i, k] * Y[k, j] for k in range(X.shape[1])))


def _vec(x: Any) -> Value:
    X = matrix(x)
    columns = [X[i, j] for j in range(X.shape[1]) for i in range(X.shape[0])]
    return Value((len(columns),), lambda k: columns[k])


def _unvec(x: Any, shape: list[int]) -> Value:
    numbers = [v for _, v in sorted(matrix(x).entries.items())]
    S, C = shape
    if len(numbers) != S * C:
        raise Unfit("unvec of another length")
    return Value((S, C), lambda i, j: numbers[j * S + i])


def _kron(*factors: Any) -> Value:
    X, *rest = map(matrix, factors)
    for Y in rest:
        A, B, (p, q) = X, Y, Y.shape
        X = Value(
            (A.shape[0] * p, A.shape[1] * q), lambda i, j, A=A, B=B, p=p, q=q: A[i // p, j // q] * B[i % p, j % q]
        )
    return X


def _khatri_rao(x: Any, y: Any) -> Value:
    A, B = matrix(x), matrix(y)
    if A.shape[1] != B.shape[1]:
        raise Unfit("khatri_rao of different columns")
    p = B.shape[0]
    return Value((A.shape[0] * p, A.shape[1]), lambda i, j: A[i // p, j] * B[i % p, j])


def _face_splitting(x: Any, y: Any) -> Value:
    A, B = matrix(x), matrix(y)
    if A.shape[0] != B.shape[0]:
        raise Unfit("face_splitting of different rows")
    q = B.shape[1]
    return Value((A.shape[0], A.shape[1] * q), lambda i, j: A[i, j // q] * B[i, j % q])


def _hadamard(x: Any, y: Any) -> Value:
    return _entrywise(x, y, lambda a, b: a * b)


def _block_diag(*blocks: Any) -> Value:
    found = list(map(matrix, blocks))
    entries, r, c = {}, 0, 0
    for B in found:
        entries |= {(r + i, c + j): v for (i, j), v in B.entries.items()}
        r, c = r + B.shape[0], c + B.shape[1]
    return Value((r, c), lambda i, j: entries.get((i, j), 0))


def _diag(x: Any) -> Value:
    if len(x.shape) == 2 and (x.shape[1] != 1 or x.shape[0] == 1):
        if x.shape[0] != x.shape[1]:
            raise Unfit("diag of a matrix that is not square")
        return Value((x.shape[0],), lambda i: x[i, i])
    X = matrix(x)
    return Value((X.shape[0], X.shape[0]), lambda i, j: X[i, 0] if i == j else 0)


def _commutation(S: Any, C: Any) -> Value:
    """K vec(X) = vec(Xᵀ): row s·C + c of K has its 1 in column c·S + s."""
    S, C = int(S), int(C)
    return Value((S * C, S * C), lambda i, j: int(j == (i % C) * S + i // C))


def _trace(x: Any) -> Any:
    X = matrix(x)
    if X.shape[0] != X.shape[1]:
        raise Unfit("the trace of a matrix that is not square")
    return Value((), lambda: sum(X[k, k] for k in range(X.shape[0])))


WORDS: dict[str, Callable[..., Any]] = {
    "vec": _vec,
    "unvec": _unvec,
    "kron": _kron,
    "khatri_rao": _khatri_rao,
    "face_splitting": _face_splitting,
    "hadamard": _hadamard,
    "block_diag": _block_diag,
    "diag": _diag,
    "commutation": _commutation,
    "trace": _trace,
    "eye": lambda n: Value((int(n), int(n)), lambda i, j: int(i == j)),
    "ones": lambda *sizes: Value(tuple(map(int, sizes)), lambda *index: 1),
}
