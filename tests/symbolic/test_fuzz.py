"""Random identities, true and false, against an evaluator that shares no code with the provers: none is accepted falsely."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from kronmix.symbolic.identities import decide
from kronmix.symbolic.language import parse_identity
from tests.symbolic.integer_evaluator import Unfit, Value, equal, evaluate, matrix

NAMES = "mnp"
#: Identities in each of four tests; the rest of the first 300, and 5000 more, are slow.
BLOCK = 25
Dim = tuple[str, ...]  # names whose product is a size


@dataclass(frozen=True)
class Tree:
    """An operation, the shape of its result (one dimension for a vector, none for a number), and what it acts on."""

    op: str
    shape: tuple[Dim, ...]
    parts: tuple[Tree, ...] = ()

    def __str__(self) -> str:
        shown = [str(part) for part in self.parts]
        match self.op:
            case "@" | "+" | "-" | "*":
                return f"({shown[0]} {self.op} {shown[1]})"
            case ".T":
                return f"{shown[0]}.T"
            case "unvec":
                return f"unvec({shown[0]}, ({', '.join(map(size, self.shape))}))"
            case "eye":
                return f"eye({size(self.shape[0])})"
            case "ones":
                return f"ones({', '.join(map(size, self.shape))})"
            case "commutation":
                return f"commutation({', '.join(self.shape[0])})"
            case "map":
                return f"map(f, {shown[0]})"
            case _:
                return f"{self.op}({', '.join(shown)})" if self.parts else self.op


def size(dim: Dim) -> str:
    return "*".join(dim) or "1"


class Grower:
    """Grows random trees of a shape; variables are shared where the shape allows."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.variables: dict[str, tuple[Dim, ...]] = {}

    def pick(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def dim(self) -> Dim:
        return (self.pick(NAMES),)

    def variable(self, shape: tuple[Dim, ...]) -> Tree:
        fitting = [name for name, own in self.variables.items() if own == shape]
        flipped = [name for name, own in self.variables.items() if len(shape) == 2 and own == shape[::-1]]
        if flipped and self.rng.random() < 0.3:
            name = self.pick(flipped)
            return Tree(".T", shape, (Tree(name, self.variables[name]),))
        if fitting and self.rng.random() < 0.6:
            return Tree(self.pick(fitting), shape)
        name = "ABDEFGHJKLMNOPQRUVWXYZ"[len(self.variables)]
        self.variables[name] = shape
        return Tree(name, shape)

    def grow(self, shape: tuple[Dim, ...], depth: int) -> Tree:
        if depth <= 0 or len(self.variables) > 12:
            return self.variable(shape)
        grow, less = self.grow, depth - 1
        options = ["leaf", "+", "-", "*", "hadamard"]
        if len(shape) == 2:
            (a, b) = shape
            options += ["@", "@", ".T", "outer", "ones", "unvec", "map"]
            options += ["kron", "kron"] if len(a) == len(b) == 2 else []
            options += ["khatri_rao"] if len(a) == 2 else []
            options += ["face_splitting"] if len(b) == 2 else []
            options += ["eye", "diag"] if a == b else []
            options += ["commutation"] if len(a) == 2 and b == a[::-1] else []
        elif len(shape) == 1:
            options += ["@v", "diagonal"] + (["vec", "vec"] if len(shape[0]) == 2 else [])
        else:
            options += ["trace", "trace", "dot"]
        match op := self.pick(options):
            case "leaf":
                return self.variable(shape)
            case "+" | "-" | "hadamard":
                if op == "hadamard" and not shape:
                    return self.variable(shape)
                return Tree(op, shape, (grow(shape, less), grow(shape, less)))
            case "*":
                return Tree("*", shape, (grow((), less - 1), grow(shape, less)))
            case "@":
                k = self.pick([self.dim(), self.dim(), (*self.dim(), *self.dim())])
                return Tree("@", shape, (grow((shape[0], k), less), grow((k, shape[1]), less)))
            case ".T":
                return Tree(".T", shape, (grow(shape[::-1], less),))
            case "outer":
                x, y = grow((shape[0],), less), grow((shape[1],), less)
                return Tree("@", shape, (x, Tree(".T", ((), shape[1]), (y,))))
            case "kron":
                (a, b) = shape
                return Tree("kron", shape, (grow((a[:1], b[:1]), less), grow((a[1:], b[1:]), less)))
            case "khatri_rao":
                return Tree(op, shape, tuple(grow((shape[0][k : k + 1], shape[1]), less) for k in (0, 1)))
            case "face_splitting":
                return Tree(op, shape, tuple(grow((shape[0], shape[1][k : k + 1]), less) for k in (0, 1)))
            case "unvec":
                return Tree(op, shape, (grow(((*shape[1], *shape[0]),), less),))
            case "map":
                return Tree(op, shape, (grow(shape, less),))
            case "diag":
                return Tree(op, shape, (grow((shape[0],), less),))
            case "diagonal":
                return Tree("diag", shape, (grow((shape[0], shape[0]), less),))
            case "@v":
                k = self.dim()
                return Tree("@", shape, (grow((shape[0], k), less), grow((k,), less)))
            case "vec":
                ((c, s),) = shape
                return Tree("vec", shape, (grow(((s,), (c,)), less),))
            case "trace":
                k = self.dim()
                return Tree("trace", shape, (grow((k, k), less),))
            case "dot":
                k = self.dim()
                return Tree("@", shape, (grow((k,), less), grow((k,), less)))
        return Tree(op, shape)


def rewritten(tree: Tree, grower: Grower) -> Tree:
    """One of the rules of algebra, applied at the root; the tree itself where none was drawn."""
    shape, pick = tree.shape, grower.pick
    options = [tree]
    if len(shape) == 2:
        a, b = shape
        options += [Tree(".T", shape, (Tree(".T", shape[::-1], (tree,)),))]
        options += [Tree("@", shape, (Tree("eye", (a, a)), tree)), Tree("@", shape, (tree, Tree("eye", (b, b))))]
        options += [Tree("hadamard", shape, (tree, Tree("ones", shape)))]
        if len(a) == len(b) == 1:
            options += [Tree("unvec", shape, (Tree("vec", ((*b, *a),), (tree,)),))]
    if len(shape) == 1:
        options += [Tree("@", shape, (Tree("eye", (shape[0],) * 2), tree))]
        options += [Tree("diag", shape, (Tree("diag", (shape[0],) * 2, (tree,)),))]
    match tree:
        case Tree("+" | "hadamard" as op, _, (x, y)):
            options += [Tree(op, shape, (y, x))] * 3
        case Tree("-", _, (x, y)):
            options += [Tree("+", shape, (Tree("*", shape, (Tree("-1", ()), y)), x))] * 3
        case Tree("@", _, (Tree("@", _, (x, y)), z)) if all(len(t.shape) == 2 for t in (x, y)):
            options += [Tree("@", shape, (x, Tree("@", (y.shape[0], *z.shape[1:]), (y, z))))] * 3
        case Tree("@", _, (x, Tree("+" | "-" as op, _, (y, z)))):
            options += [Tree(op, shape, (Tree("@", shape, (x, y)), Tree("@", shape, (x, z))))] * 3
        case Tree(".T", _, (Tree("@", _, (x, y)),)) if len(x.shape) == len(y.shape) == 2:
            options += [Tree("@", shape, (transposed(y), transposed(x)))] * 3
        case Tree(".T", _, (Tree("kron" | "hadamard" as op, _, (x, y)),)) if len(x.shape) == len(y.shape) == 2:
            options += [Tree(op, shape, (transposed(x), transposed(y)))] * 3
        case Tree("trace", _, (Tree("@", _, (x, y)),)) if len(x.shape) == len(y.shape) == 2:
            options += [Tree("trace", (), (Tree("@", (y.shape[0], y.shape[0]), (y, x)),))] * 3
        case Tree("trace", _, (x,)):
            options += [Tree("trace", (), (transposed(x),))] * 2
        case Tree("vec", ((c, s),), (x,)):
            K = Tree("commutation", ((c, s), (s, c)))
            options += [Tree("@", shape, (K, Tree("vec", ((s, c),), (transposed(x),))))] * 2
        case Tree("kron", (a, b), (x, y)):
            options += [
                Tree("@", shape, (Tree("kron", (a, (*x.shape[1], *a[1:])), (x, Tree("eye", (a[1:], a[1:])))),
                                  Tree("kron", ((*x.shape[1], *a[1:]), b), (Tree("eye", (x.shape[1],) * 2), y))))
            ] * 2  # fmt: skip
        case Tree("khatri_rao", _, (x, y)):
            options += [transposed(Tree("face_splitting", shape[::-1], (transposed(x), transposed(y))))] * 3
    return pick(options)


def transposed(tree: Tree) -> Tree:
    return Tree(".T", tree.shape[::-1], (tree,))


def broken(tree: Tree, grower: Grower) -> Tree:
    """A false neighbour, most of the time: arguments exchanged, a transpose, another variable, a number, a sign."""
    parts, shape = tree.parts, tree.shape
    options = [Tree("*", shape, (Tree(grower.pick(["2", "-1", "0.5", "m"]), ()), tree))]
    if len(shape) == 2 and shape[0] == shape[1]:
        options += [transposed(tree)] * 2
    if len(parts) == 2 and parts[0].shape == parts[1].shape:
        options += [replace(tree, parts=parts[::-1])] * 2
    if tree.op in ("+", "-"):
        options += [replace(tree, op="-" if tree.op == "+" else "+")]
    if tree.op == "commutation" and shape[0] != shape[1]:
        options += [replace(tree, shape=shape[::-1])] * 3
    if not parts and tree.op in grower.variables:
        options += [grower.variable(shape)] * 2
    return grower.pick(options)


def anywhere(tree: Tree, grower: Grower, change: Any) -> Tree:
    """A change at a random place."""
    if not tree.parts or grower.rng.random() < 0.35:
        return change(tree, grower)
    k = int(grower.rng.integers(len(tree.parts)))
    return replace(tree, parts=tuple(anywhere(p, grower, change) if i == k else p for i, p in enumerate(tree.parts)))


def drawn_identity(rng: np.random.Generator) -> tuple[str, dict[str, tuple[str, ...]]]:
    """A random identity, about half of them true, with its shapes."""
    grower = Grower(rng)
    one, other = grower.dim(), grower.dim()
    shape = grower.pick([(one, other), (one, other), (one, one), ((*one, *other),) * 2, ((*one, *other),), (one,), ()])
    left = grower.grow(shape, 3)
    right = left
    for _ in range(int(rng.integers(1, 4))):
        right = anywhere(right, grower, rewritten)
    if rng.random() < 0.55:
        right = anywhere(right, grower, broken)
    if rng.random() < 0.05:
        right = grower.grow(shape, 2)
    shapes = {name: tuple(map(size, dims)) for name, dims in grower.variables.items()}
    return f"{left} == {right}", shapes


def value(shape: tuple[int, ...], rng: np.random.Generator) -> Value:
    return Value(shape, lambda *_: int(rng.integers(-4, 5)))


def true_at(text: str, shapes: dict[str, tuple[str, ...]], sizes: dict[str, int], rng: np.random.Generator) -> bool:
    """Whether both sides are equal at random integers, and a random function f."""
    given: dict[str, Any] = dict(sizes)
    for name, dims in shapes.items():
        given[name] = value(tuple(int(np.prod([sizes.get(part, 1) for part in dim.split("*")])) for dim in dims), rng)
    table = [int(v) for v in rng.integers(-9, 10, 3)]
    given["map f"] = lambda x: table[0] + table[1] * x + table[2] * x**3
    return equal(*(evaluate(side, given) for side in text.split(" == ")))


def check(seed: int) -> str:
    """One identity: what the verdict says against what the evaluator finds. Returns what was decided."""
    rng = np.random.default_rng([11, seed])
    text, shapes = drawn_identity(rng)
    shapes = shapes | ({} if shapes else {"A": ("m", "m")})
    used = sorted({part for dims in shapes.values() for dim in dims for part in dim.split("*")} & set(NAMES))
    free = [name for name in NAMES if name not in used and name in text.replace("map", "").replace("commutation", "")]
    shapes |= {f"S{name}": (name,) for name in free}  # sizes in the text need a place
    try:
        verdict = decide(parse_identity(text), shapes, seed=seed)
    except ValueError as error:
        raise AssertionError(f"{seed}: {text} {shapes}: {error}") from error
    if not verdict:
        found = verdict.counterexample
        assert found is not None
        given: dict[str, Any] = dict(found.sizes)
        for name, array in found.matrices.items():
            given[name] = Value(array.shape, lambda *index, array=array: array[index])
        given["map f"] = _function(found.functions.get("f", "0"))
        left, right = (evaluate(side, given) for side in text.split(" == "))
        assert not equal(left, right), f"{seed}: {text} {shapes}: refuted by {found}, which is no counterexample"
        if found.entry is not None:
            place = (*found.entry, 0, 0)[:2]
            assert (matrix(left)[place], matrix(right)[place]) == (found.left, found.right), f"{seed}: {text}"
        return "refuted"
    for sizes in ((1, 2, 3), (2, 1, 1), (3, 2, 2), (2, 3, 1)):
        at = dict(zip(NAMES, sizes, strict=True))
        assert true_at(text, shapes, at, rng), f"{seed}: {text} {shapes}: accepted, false at {at}: {verdict}"
    return "all sizes" if "all sizes" in verdict.evidence else "sizes tried"


def _function(formula: str) -> Any:
    """A polynomial as the counterexample writes it, c·x^k + …"""
    terms = [term.split("·x^") for term in formula.split(" + ")]
    pairs = [(int(term[0]), int(term[1]) if len(term) > 1 else 0) for term in terms]
    return lambda x: sum(c * x**k for c, k in pairs)


@pytest.mark.parametrize("block", range(4))
def test_random_identities(block: int) -> None:
    decided = [check(seed) for seed in range(75 * block, 75 * block + BLOCK)]
    assert decided.count("refuted") >= BLOCK // 5
    assert decided.count("all sizes") >= BLOCK // 3


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(50))
def test_many_random_identities(block: int) -> None:
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_the_rest_of_the_first_three_hundred(block: int) -> None:
    for seed in range(75 * block + BLOCK, 75 * block + 75):
        check(seed)


def test_the_evaluator_knows_the_definitions() -> None:
    A = Value((2, 3), lambda i, j: 3 * i + j)
    assert evaluate("vec(A)", {"A": A}).entries == {(0,): 0, (1,): 3, (2,): 1, (3,): 4, (4,): 2, (5,): 5}
    assert equal(evaluate("commutation(2, 3) @ vec(A)", {"A": A}), evaluate("vec(A.T)", {"A": A}))
    assert not equal(evaluate("commutation(3, 2) @ vec(A)", {"A": A}), evaluate("vec(A.T)", {"A": A}))
    assert evaluate("kron(A, eye(2))", {"A": A})[0, 2] == 1
    assert evaluate("kron(eye(2), A)", {"A": A})[0, 2] == 2
    with pytest.raises(Unfit):
        evaluate("A @ A", {"A": A})
