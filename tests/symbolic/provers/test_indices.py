"""Proofs for all sizes: what they accept is true at every size tried, and false neighbours are not accepted."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, reject, settings, strategies as st

import kronmix as km
from kronmix.symbolic.claims import ALL_SIZES, Undecided
from kronmix.symbolic.language.expressions import Variable
from kronmix.symbolic.language.sizes import SizeSymbol
from kronmix.symbolic.language.structures import Map
from kronmix.symbolic.provers.comparison import compare_entries, compare_residues
from kronmix.symbolic.provers.indices import equal_for_all_sizes
from kronmix.symbolic.provers.sides import Sides
from kronmix.symbolic.registry import find_claims
from kronmix.symbolic.steps import Step, prove_steps

S, C = SizeSymbol("S"), SizeSymbol("C")
ALL = [claim for claim in find_claims(range(1, 16)) if claim.evidence == ALL_SIZES]


@pytest.mark.parametrize("claim", ALL, ids=lambda claim: f"{claim.number} {claim.name}")
def test_holds_for_all_sizes_and_every_mutant_is_refuted(claim: Any) -> None:
    assert claim.prove().holds
    for mutant in claim.mutants:
        outcome = mutant.prove()
        assert not outcome.holds
        assert outcome.values


def test_every_theorem_that_can_be_is_proved_for_all_sizes() -> None:
    assert {claim.number for claim in ALL} == {f"T{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15)}


def square(X: Any, W: Any, V: Any, choice: tuple[int, ...]) -> Any:
    """One of many ways to write a Mixer layer, few of them right."""
    left, right, order, layer = choice
    V_ = (V, V.T)[left]
    factors = (km.kron(V_, W), km.kron(W, V_), km.kron(V_.T, W.T))[order]
    inner = (km.vec(X), km.vec(X.T))[right]
    outer = (factors, km.commutation(C_of(X), S_of(X)) @ factors)[layer]
    return outer @ inner


def S_of(X: Any) -> Any:
    return X.shape[0]


def C_of(X: Any) -> Any:
    return X.shape[1]


@given(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 2), st.integers(0, 1)), st.booleans())
@settings(max_examples=24, deadline=None, derandomize=True)
def test_accepts_nothing_false(choice: tuple[int, ...], transpose: bool) -> None:
    def sides(s: Any, c: Any) -> Any:
        W, X, V = Variable("W", (s, s)), Variable("X", (s, c)), Variable("V", (c, c))
        Y = W @ X @ V
        return km.vec(Y.T if transpose else Y), square(X, W, V, choice)

    try:
        left, right = sides(S, C)
        accepted = equal_for_all_sizes(left, right)
    except (Undecided, ValueError):
        accepted = False
    true = []
    for s, c in product((1, 2, 3), repeat=2):
        try:
            left, right = sides(s, c)
        except ValueError:
            true.append(False)
            continue
        true.append(compare_entries(Sides(left, right)).holds)
    assert accepted == all(true)  # here every identity that is true at all these sizes is found, too


def test_sums_over_digits_that_nothing_depends_on() -> None:
    identity = km.eye(S)
    assert equal_for_all_sizes(km.trace(km.kron(identity, km.eye(C))), km.trace(identity) * km.trace(km.eye(C)))
    A = Variable("A", (S, S))
    assert not equal_for_all_sizes(km.trace(km.kron(identity, A)), km.trace(A))
    assert equal_for_all_sizes(km.vec(identity) @ km.vec(A), km.trace(A))
    assert equal_for_all_sizes(km.hadamard(A, identity), km.hadamard(A.T, identity))


def test_bound_digits_may_be_named_in_any_order() -> None:
    A, B = Variable("A", (S, C)), Variable("B", (C, S))
    assert equal_for_all_sizes(km.trace(A @ B), km.trace(B @ A))
    assert equal_for_all_sizes(km.trace(A @ B), km.vec(A.T) @ km.vec(B))
    assert equal_for_all_sizes(km.trace(A @ B @ A @ B), km.trace(B @ A @ B @ A))
    assert not equal_for_all_sizes(km.trace(A @ B @ A @ B), km.trace(A @ B) * km.trace(A @ B))


def _network(s: Any, c: Any, flips: tuple[bool, ...], orders: tuple[bool, ...]) -> Any:
    """A φ(B φ(D X)) with factors transposed or in another order: a sum inside φ, inside a sum, inside φ, inside a sum."""
    A, B, D = (
        Variable(name, (s, s)).T if flip else Variable(name, (s, s)) for name, flip in zip("ABD", flips, strict=True)
    )
    A, B = (B, A) if orders[0] else (A, B)
    B, D = (D, B) if orders[1] else (B, D)
    return A @ Map("φ", B @ Map("φ", D @ Variable("X", (s, c))))


@given(*[st.tuples(*[st.booleans()] * n) for n in (3, 2, 3, 2)])
@settings(max_examples=30, deadline=None, derandomize=True)
def test_sums_inside_functions_keep_apart_from_sums_around_them(f: Any, o: Any, g: Any, q: Any) -> None:
    accepted = equal_for_all_sizes(_network(S, C, f, o), _network(S, C, g, q))
    left, right = _network(2, 1, f, o), _network(2, 1, g, q)
    found = compare_residues(Sides(left, right))
    assert accepted == found.holds


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_transpose_under_the_activation_is_seen(depth: int) -> None:
    A, B, v = Variable("A", (S, S)), Variable("B", (S, S)), Variable("v", (S, 1))

    def inside(M: Any) -> Any:
        for _ in range(depth):
            M = B @ Map("φ", M)
        return M

    assert not equal_for_all_sizes(inside(A @ v), inside(A.T @ v))
    assert equal_for_all_sizes(inside(A @ v), inside((v.T @ A.T).T))


TREES: Any = st.recursive(
    st.sampled_from("AB"),
    lambda part: st.one_of(
        st.tuples(st.sampled_from(["product", "entrywise", "sum", "trace", "kron"]), part, part),
        st.tuples(st.sampled_from(["φ", "commuted"]), part),
    ),
    max_leaves=4,
)


def _built(tree: Any, n: Any, flips: Any) -> Any:
    """A square matrix of size n; every leaf is transposed or not as the next flip says."""
    if isinstance(tree, str):
        leaf = Variable(tree, (n, n))
        return leaf.T if next(flips) else leaf
    kind, *parts = tree
    X, *rest = [_built(part, n, flips) for part in parts]
    if kind == "φ":
        return Map("φ", X)
    if kind == "commuted":
        return km.unvec(km.commutation(n, n) @ km.vec(X), (n, n))
    (Y,) = rest
    if kind == "kron":
        return km.unvec(km.kron(X, Y) @ km.vec(Variable("B", (n, n))), (n, n))
    if kind == "trace":
        return km.trace(X) * Y
    return {"product": X @ Y, "entrywise": km.hadamard(X, Y), "sum": X + Y}[kind]


@given(TREES, *[st.lists(st.booleans(), min_size=8, max_size=8)] * 2)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_accepts_only_what_holds_modulo_a_prime(tree: Any, one: list[bool], other: list[bool]) -> None:
    try:
        accepted = equal_for_all_sizes(_built(tree, S, iter(one)), _built(tree, S, iter(other)))
    except Undecided:
        reject()
    left, right = _built(tree, 2, iter(one)), _built(tree, 2, iter(other))
    try:
        found = compare_residues(Sides(left, right))
    except ValueError:  # degrees beyond the primes at hand
        reject()
    assert not accepted or found.holds


def test_undecided_is_neither() -> None:
    with pytest.raises(Undecided, match="no counterexample"):
        prove_steps(Step("", "inv(A + B) @ (B + A) == eye(n)", "A=n,n B=n,n"))


def test_a_false_statement_gives_the_smallest_sizes() -> None:
    found = prove_steps(Step("factors swapped", "vec(W@X) == kron(W,eye(C))@vec(X)", "W=S,S X=S,C"))
    assert found.sizes == {"S": 2, "C": 2}
