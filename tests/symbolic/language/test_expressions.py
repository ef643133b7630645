"""Expressions against NumPy: entries, action without forming them, degree bounds, and bad input."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix.symbolic.language.building import einsum, kronecker_rearrangement as rearrange, ones, sparse
from kronmix.symbolic.language.expressions import Expression, Variable
from kronmix.symbolic.language.structures import Map
from kronmix.symbolic.provers.bounds import bound
from kronmix.symbolic.provers.evaluation import Objects, TooLarge, Values, apply, entries
from kronmix.symbolic.provers.finite_field import PRIMES

SHAPES = {"A": (2, 3), "B": (3, 2), "D": (2, 2), "E": (3, 3)}


def numbers(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: rng.integers(-5, 6, shape).astype(object) for name, shape in SHAPES.items()}


VARIABLES = {name: Variable(name, shape) for name, shape in SHAPES.items()}


def grown(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Pairs (expression, function of the matrices that NumPy computes)."""

    def joined(name: str, fits: Any, both: Any) -> Any:
        return st.tuples(children, children).filter(lambda p: fits(p[0][0], p[1][0])).map(both).filter(small)

    def small(pair: Any) -> bool:
        return bool(np.prod(pair[0].shape) <= 400)

    return st.one_of(
        children.map(lambda p: (p[0].T, lambda m, f=p[1]: f(m).T)),
        children.map(lambda p: (-2 * p[0], lambda m, f=p[1]: -2 * f(m))),
        joined(
            "@",
            lambda x, y: x.shape[1] == y.shape[0],
            lambda p: (p[0][0] @ p[1][0], lambda m, f=p[0][1], g=p[1][1]: f(m) @ g(m)),
        ),
        joined(
            "-",
            lambda x, y: x.shape == y.shape,
            lambda p: (p[0][0] - p[1][0], lambda m, f=p[0][1], g=p[1][1]: f(m) - g(m)),
        ),
        joined(
            "∘",
            lambda x, y: x.shape == y.shape,
            lambda p: (km.hadamard(p[0][0], p[1][0]), lambda m, f=p[0][1], g=p[1][1]: f(m) * g(m)),
        ),
        joined(
            "⊗",
            lambda x, y: True,
            lambda p: (km.kron(p[0][0], p[1][0]), lambda m, f=p[0][1], g=p[1][1]: np.kron(f(m), g(m))),
        ),
        joined(
            "⊕",
            lambda x, y: True,
            lambda p: (km.block_diag(p[0][0], p[1][0]), lambda m, f=p[0][1], g=p[1][1]: blocks(f(m), g(m))),
        ),
    )


def blocks(A: Any, B: Any) -> Any:
    out = np.zeros((A.shape[0] + B.shape[0], A.shape[1] + B.shape[1]), object)
    out[: A.shape[0], : A.shape[1]] = A
    out[A.shape[0] :, A.shape[1] :] = B
    return out


LEAVES = st.sampled_from([(VARIABLES[name], lambda m, name=name: m[name]) for name in SHAPES])
EXPRESSIONS = st.recursive(LEAVES, grown, max_leaves=5)


@given(EXPRESSIONS, st.integers(0, 100))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_entries_and_action_equal_numpy(pair: Any, seed: int) -> None:
    expression, dense = pair
    m = numbers(seed)
    expected = dense(m)
    values = Values(Objects(), m, {})
    assert expression.shape == expected.shape
    assert np.array_equal(entries(expression, values), expected)
    x = np.arange(2 * expected.shape[1]).reshape(-1, 2).astype(object)
    assert np.array_equal(apply(expression, x, values), expected @ x)
    F = PRIMES[0]
    residues = Values(F, {name: F.lift(array) for name, array in m.items()}, {})
    assert np.array_equal(F.integers(entries(expression, residues)), expected)
    limit = bound(expression)
    assert np.abs(expected).max() <= limit.height * 5**limit.degree


@pytest.mark.parametrize("field", [Objects(), PRIMES[1]])
def test_vectors_traces_and_rearrangements(field: Any) -> None:
    m = numbers()
    A, D, E = VARIABLES["A"], VARIABLES["D"], VARIABLES["E"]
    values = Values(field, {name: field.lift(array) for name, array in m.items()}, {})

    def found(expression: Expression) -> Any:
        array = entries(expression, values)
        return field.integers(array) if field is PRIMES[1] else array

    assert np.array_equal(found(km.vec(A)), m["A"].T.ravel())
    assert np.array_equal(found(km.vec(A, order="C")), m["A"].ravel())
    assert np.array_equal(found(km.unvec(km.vec(A), (3, 2))), m["A"].T.ravel().reshape(2, 3).T)
    assert np.array_equal(found(km.unvec(km.vec(A), (3, 2), order="C")), m["A"].T.ravel().reshape(3, 2))
    assert found(km.trace(E)) == np.trace(m["E"])
    assert found(km.trace(km.kron(D, E)) - 2 * km.trace(D)) == np.trace(np.kron(m["D"], m["E"])) - 2 * np.trace(m["D"])
    assert np.array_equal(found(km.trace(D) * E), np.trace(m["D"]) * m["E"])
    assert np.array_equal(found(km.commutation(2, 3).to_dense().astype(int) @ km.vec(A)), m["A"].ravel())
    K = rearrange(km.kron(A, E), (2, 3), (3, 3))
    assert np.array_equal(found(K), np.outer(m["A"].T.ravel(), m["E"].T.ravel()))
    assert np.array_equal(found(K.T), np.outer(m["E"].T.ravel(), m["A"].T.ravel()))
    assert np.array_equal(found(ones(2, 2) @ A), np.ones((2, 2), int) @ m["A"])
    assert np.array_equal(found(A / 2 + A / 2), m["A"])


def test_sparse_factors_and_slices_equal_the_operators() -> None:
    rng = np.random.default_rng(0)
    a, b, c, d, β, κ, r = 2, 2, 1, 2, 3, 2, 2
    left, right = km.Pattern(a, b, κ * r, β * d), km.Pattern(a * κ, r * β, c, d)
    U, V = (rng.integers(-3, 4, p.values_shape).astype(float) for p in (left, right))
    dense = (km.KroneckerSparse(U, left) @ km.KroneckerSparse(V, right)).to_dense()
    values = Values(Objects(), {"U": U.astype(int).astype(object), "V": V.astype(int).astype(object)}, {})
    X, Y = Variable("U", U.shape), Variable("V", V.shape)
    chain = sparse(X, tuple(left)) @ sparse(Y, tuple(right))
    slices = einsum(X, Y, "a (β d) b (κ r), (a κ) d (r β) c -> a d (b β) (κ c)", a=a, b=b, c=c, d=d, β=β, κ=κ, r=r)
    product = sparse(slices, (a, b * β, κ * c, d))
    assert np.array_equal(entries(chain, values), dense)
    assert np.array_equal(entries(product, values), dense)
    assert np.array_equal(entries(product.T, values), dense.T)


def test_functions_are_applied_entry_by_entry() -> None:
    values = Values(Objects(), numbers(), {"φ": lambda x: x**2})
    assert np.array_equal(entries(Map("φ", VARIABLES["A"]).T, values), numbers()["A"].T ** 2)


def test_polynomial_entries_keep_fractions() -> None:
    x = sp.ring("x", sp.QQ)[1]
    ring = Objects(x.ring.one)
    assert ring.scalar(Fraction(1, 3)) * 3 == 1


def test_too_large_is_said() -> None:
    big = Variable("A", (3000, 3000))
    with pytest.raises(TooLarge, match="9,000,000 entries"):
        entries(big, Values(Objects(), {}, {}))


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda A: A @ A, ValueError, "do not fit"),
        (lambda A: A + A.T, ValueError, "differ"),
        (lambda A: A * A, ValueError, "multiplies by scalars"),
        (lambda A: A @ 2, ValueError, "a scalar multiplies with"),
        (lambda A: km.trace(A), ValueError, "square"),
        (lambda A: A**2, TypeError, "write W @ W, or hadamard"),
        (lambda A: A / A, TypeError, "write inv"),
        (lambda A: A[0], TypeError, "only a stack of matrices"),
        (lambda A: [row for row in A], TypeError, "cannot be run through"),  # noqa: C416
        (lambda A: not A, TypeError, "neither true nor false"),
        (lambda A: A.I, AttributeError, "an identity may use"),
        (lambda A: np.sum(A), TypeError, "np.sum: an identity may use"),
        (lambda A: km.unvec(A, (2, 3)), ValueError, "for shape="),
        (lambda A: km.unvec(km.vec(A), (2, 2)), ValueError, "for shape="),
        (lambda A: km.hadamard(A, A.T), ValueError, "differ"),
        (lambda A: A + "x", TypeError, "expected an exact number"),
        (lambda A: 1j * A, TypeError, "expected an exact number"),
        (lambda A: rearrange(A, (2, 2), (2, 2)), ValueError, "expected"),
    ],
)
def test_bad_expressions(build: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        build(Variable("A", (2, 3)))


@pytest.mark.parametrize("seed", range(12))
def test_drawn_contractions_equal_loops_over_all_digits(seed: int) -> None:
    """Entries, action and the formula for all sizes of a drawn line, against its definition."""
    rng = np.random.default_rng(seed)
    sizes = dict(zip("ijkl", (int(n) for n in rng.integers(1, 4, 4)), strict=True))
    names = [str(n) for n in rng.permutation(list("ijkl"))]
    places = [[*rng.permutation(names)[:2]] for _ in range(rng.integers(1, 4))]  # matrices, of one digit an axis
    wanted = [[*rng.permutation(names)[: rng.integers(1, 3)]] for _ in range(2)]
    arrays = [rng.integers(-3, 4, [sizes[n] for n in place]).astype(object) for place in places]
    variables = [Variable(f"X{k}", array.shape) for k, array in enumerate(arrays)]
    left, right = ", ".join(map(" ".join, places)), " ".join(f"({' '.join(group)})" for group in wanted)
    line = f"{left} -> {right}"
    node = einsum(*variables, line, **{n: sizes[n] for w in wanted for n in w})
    expected = np.zeros(node.shape, object)
    used = sorted({n for group in (*places, *wanted) for n in group})
    for digits in np.ndindex(*(sizes[n] for n in used)):
        at = dict(zip(used, digits, strict=True))
        row, column = (int(np.ravel_multi_index([at[n] for n in w], [sizes[n] for n in w])) for w in wanted)
        product = 1
        for array, place in zip(arrays, places, strict=True):
            product *= array[tuple(at[n] for n in place)]
        expected[row, column] += product
    values = Values(Objects(), dict(zip((v.name for v in variables), arrays, strict=True)), {})
    assert np.array_equal(entries(node, values), expected)
    assert np.array_equal(entries(node.T, values), expected.T)
    x = rng.integers(-3, 4, (node.shape[1], 2)).astype(object)
    assert np.array_equal(apply(node, x, values), expected @ x)
    limit = bound(node)
    assert np.abs(expected).max(initial=0) <= limit.height * 3**limit.degree
