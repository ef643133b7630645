"""The words of an identity: true and false identities of textbooks, hypotheses, conventions, budgets, and what is said of each."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.symbolic import Verdict
from kronmix.symbolic.identities import decide
from kronmix.symbolic.language import (
    apply_entrywise,
    conj,
    diag,
    face_splitting,
    inv,
    khatri_rao,
    ones,
    parse_identity,
    parse_shapes,
    rearrange,
    sum_over,
)


def check(text: str, shapes: str, **options: Any) -> Verdict:
    return decide(parse_identity(text), parse_shapes(shapes), **options)


#: True for all sizes, and found so.
PROVED = [
    # columns, vectors and scalars
    ("kron(v, w) == vec(w @ v.T)", "v=m,1 w=n,1"),
    ("kron(v, w) == vec(w @ v.T)", "v=m w=n"),
    ("A @ x == kron(x.T, eye(m)) @ vec(A)", "A=m,n x=n,1"),
    ("A @ x == kron(x.T, eye(m)) @ vec(A)", "A=m,n x=n"),
    ("x.T @ A @ x == trace(A @ x @ x.T)", "A=n,n x=n,1"),
    ("x.T @ A @ x == trace(A @ x @ x.T)", "A=n,n x=n"),
    ("vec(x) == x", "x=n,1"),
    ("x @ y == x.T @ y", "x=n y=n"),
    ("x.T @ y * A == A * trace(x @ y.T)", "x=n y=n A=p,q"),
    ("c * A + d * A == (c + d) * A", "A=m,n c= d=1,1"),
    ("A * c == c * A", "A=m,n c=1"),
    # identities and numbers of sizes
    ("trace(A) == vec(eye(S)) @ vec(A)", "A=S,S"),
    ("vec(A @ B) == kron(B.T, A) @ vec(eye(S))", "A=S,S B=S,S"),
    ("eye(S*C) @ vec(X) == vec(X)", "X=S,C"),
    ("kron(eye(S), eye(C)) == eye(S*C)", "X=S,C"),
    ("S * X + (C - S) * X == X * C", "X=S,C"),
    ("trace(eye(S*C)) == S * C", "X=S,C"),
    ("ones(m, n) @ ones(n, p) == n * ones(m, p)", "A=m,n B=n,p"),
    # blocks and sums of sizes
    ("block_diag(V, W) @ block_diag(V, W) == block_diag(V @ V, W @ W)", "V=C,C W=S,S"),
    ("block_diag(eye(S), eye(C)) == eye(S+C)", "X=S,C"),
    ("trace(block_diag(V, W)) == trace(V) + trace(W)", "V=C,C W=S,S"),
    ("block_diag(A, block_diag(B, D)) == block_diag(block_diag(A, B), D)", "A=m,n B=p,q D=r,s"),
    ("kron(block_diag(A, B), D) == block_diag(kron(A, D), kron(B, D))", "A=m,n B=p,q D=r,s"),
    ("block_diag(V, W) @ X == block_diag(V, W) @ eye(S+C) @ X", "V=C,C W=S,S X=S+C,m"),
    ("trace(A.T @ A) == trace(A @ A.T)", "A=S+1,2*S+C"),
    # diagonals, Khatri–Rao products, functions
    ("diag(x) @ diag(y) == diag(hadamard(x, y))", "x=n y=n"),
    ("diag(diag(x)) == x", "x=n"),
    ("diag(A @ B) == hadamard(A, B.T) @ ones(n)", "A=m,n B=n,m"),
    ("vec(A @ diag(d) @ B) == khatri_rao(B.T, A) @ d", "A=m,n d=n B=n,p"),
    ("hadamard(A.T @ A, B.T @ B) == khatri_rao(A, B).T @ khatri_rao(A, B)", "A=m,n B=p,n"),
    ("face_splitting(A, B) @ kron(D, E) == face_splitting(A @ D, B @ E)", "A=m,n B=m,p D=n,q E=p,r"),
    ("map(f, X.T) == map(f, X).T", "X=m,n"),
    ("vec(map(f, W @ X)) == map(f, kron(eye(C), W) @ vec(X))", "W=S,S X=S,C"),
    # einops, sums
    ("rearrange(X, 's c -> (c s)') == vec(X)", "X=S,C"),
    ("rearrange(X, '(a b) c -> (b a) c', a=S) == commutation(S, T).T @ X", "X=S*T,C"),
    ("rearrange(kron(A, B), '(a b) (c d) -> (b a) (d c)', a=m, c=n) == kron(B, A)", "A=m,n B=p,q"),
    ("einsum(A, B, 'i k, k j -> i j') == A @ B", "A=m,r B=r,n"),
    ("einsum(A, B, C, 'i j, j k, k l -> (l i)') == vec(A @ B @ C)", "A=m,n B=n,p C=p,q"),
    ("einsum(A, 'i i ->') == trace(A)", "A=n,n"),
    ("einsum(A, 'b c -> (a b d) (a c d)', a=k, d=l) == kron(eye(k), kron(A, eye(l)))", "A=m,n x=k y=l"),
    ("einsum(V, W, 'r i j, r k l -> (i k) (j l)') == sum(kron(V[t], W[t]) for t in range(r))", "V=r,m,n W=r,p,q"),
    (
        "sum(kron(V[i], W[i]) for i in range(r)) @ vec(X) == vec(sum(W[i] @ X @ V[i].T for i in range(r)))",
        "V=r,C,D W=r,S,T X=T,D",
    ),
    ("sum(sum(V[i] @ W[j] for i in range(r)) for j in range(s)) == sum(V[k] for k in range(r)) @ sum(W[k] for k in range(s))",
     "V=r,m,n W=s,n,p"),
    # complex numbers
    ("(A @ B).H == B.H @ A.H", "A=m,n B=n,p"),
    ("conj(kron(A, B)) == kron(conj(A), B.H.T)", "A=m,n B=p,q"),
    ("conj(map(f, X)).T == map(f, X).H", "X=m,n"),
    # inverses
    ("A @ inv(A) == eye(n)", "A=n,n"),
    ("inv(A @ B) == inv(B) @ inv(A)", "A=n,n B=n,n"),
    ("inv(kron(A, B)) == kron(inv(A), inv(B))", "A=n,n B=m,m"),
    ("trace(inv(A.T) @ B.T @ A.T) == trace(B)", "A=n,n B=n,n"),
    ("(A + B) @ inv(A + B) == eye(n)", "A=n,n B=n,n"),
    ("inv(2 * A) == 0.5 * inv(A)", "A=n,n"),
    # names that look like entries of one another
    ("W_0 + W == W + W_0", "W=S,S W_0=S,S"),
]  # fmt: skip

FALSE = [
    ("x @ x.T == x.T @ x", "x=n,1"),
    ("x == x.T", "x=n"),
    ("A.H == A.T", "A=m,n"),
    ("conj(map(f, X)) == map(f, conj(X))", "X=m,n"),
    ("inv(A @ B) == inv(A) @ inv(B)", "A=n,n B=n,n"),
    ("inv(A + B) == inv(A) + inv(B)", "A=n,n B=n,n"),
    ("khatri_rao(A, B) == khatri_rao(B, A)", "A=m,n B=p,n"),
    ("rearrange(X, 's c -> (s c)') == vec(X)", "X=S,C"),
    ("einsum(A, B, 'i k, k j -> j i') == A @ B", "A=m,r B=r,n"),
    ("sum(kron(V[i], W[i]) for i in range(r)) == sum(kron(W[i], V[i]) for i in range(r))", "V=r,C,C W=r,S,S"),
    ("sum(inv(V[i]) for i in range(r)) @ sum(inv(V[i]) for i in range(r)) == r * sum(inv(V[i]) @ inv(V[i]) for i in range(r))",
     "V=r,n,n"),
    ("map(f, A @ X) == A @ map(f, X)", "A=m,m X=m,n"),
    # true of all polynomials of degree 3, and only of these
    ("map(f, X + 4*ones(m,n)) + 6*map(f, X + 2*ones(m,n)) + map(f, X) == 4*map(f, X + 3*ones(m,n)) + 4*map(f, X + ones(m,n))",
     "X=m,n"),
    ("block_diag(V, W) == block_diag(W, V)", "V=C,C W=S,S"),
    ("W @ W_0 == hadamard(W_0, W_0)", "W=S,S W_0=S"),
    ("Q + Q.T == trace(Q) * eye(2)", "Q=2,2"),
    ("trace(A) == S * C", "A=S,S B=C,C"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shapes"), PROVED, ids=lambda text: text[:40])
def test_textbook_identities_are_proved_for_all_sizes(text: str, shapes: str) -> None:
    verdict = check(text, shapes)
    assert verdict.headline == "holds for all sizes", verdict


@pytest.mark.parametrize(("text", "shapes"), FALSE, ids=lambda text: text[:40])
def test_false_neighbours_are_refuted(text: str, shapes: str) -> None:
    verdict = check(text, shapes)
    assert verdict.headline == "refuted"
    assert repr(verdict).startswith("refuted: ")


# ---- hypotheses ------------------------------------------------------------------------------------------------------

ASSUMED = [
    ("trace(X.T @ Q.T @ Q @ X) == trace(X.T @ X)", "Q=S,S X=S,C", "Q orthogonal"),
    ("inv(Q) == Q.T", "Q=n,n", "Q orthogonal"),
    ("x.T @ K @ y == y.T @ K @ x", "K=n,n x=n y=n", "K symmetric"),
    ("K.T == -K", "K=n,n", "K antisymmetric"),
    ("D @ E == E @ D", "D=n,n E=n,n", "D diagonal, E diagonal"),
    ("P @ hadamard(x, y) == hadamard(P @ x, P @ y)", "P=n,n x=n y=n", "P is a permutation"),
    ("P @ ones(n) == ones(n)", "P=n,n", "P permutation"),
    ("B @ A @ B == B", "A=n,m B=m,n", "A @ B == eye(n)"),
    ("B @ A == eye(n)", "A=n,n B=n,n", "A @ B == eye(n)"),
    ("U @ U.H == eye(n)", "U=n,n", "U unitary"),
    ("trace(H) == conj(trace(H))", "H=n,n", "H hermitian"),
    ("Q @ Q.T @ Q == Q", "Q=m,n", "Q.T @ Q == eye(n)"),
    ("X.H == X.T", "X=m,n", "X real"),
]


@pytest.mark.parametrize(("text", "shapes", "assume"), ASSUMED, ids=lambda text: text[:40])
def test_hypotheses_are_used_by_every_prover_and_named_when_needed(text: str, shapes: str, assume: str) -> None:
    verdict = check(text, shapes, assume=assume)
    assert verdict.headline == "holds for all sizes", verdict
    assert set(verdict.needed) == set(assume.split(", "))
    for name in verdict.needed:
        assert f"{name} is needed (without it: " in repr(verdict)
    assert not check(text, shapes)


@pytest.mark.parametrize(
    ("text", "shapes", "assume"),
    [
        ("Q + Q.T == trace(Q) * eye(2)", "Q=2,2", "Q orthogonal"),  # true of rotations, false of reflections
        ("Q @ Q.T == eye(m)", "Q=m,n", "Q.T @ Q == eye(n)"),
        ("B @ A == eye(m)", "A=n,m B=m,n", "A @ B == eye(n)"),
        ("K @ L == L @ K", "K=n,n L=n,n", "K symmetric, L symmetric"),
        ("P @ P == eye(n)", "P=n,n", "P permutation"),
        ("H.T == H", "H=n,n", "H hermitian"),
        ("U.T @ U == eye(n)", "U=n,n", "U unitary"),
    ],
)
def test_what_does_not_follow_from_hypotheses_is_refuted(text: str, shapes: str, assume: str) -> None:
    verdict = check(text, shapes, assume=assume)
    assert verdict.headline == "refuted"


def test_a_counterexample_satisfies_the_hypotheses() -> None:
    found = check("Q @ Q == eye(n)", "Q=n,n", assume={"Q": "orthogonal"}).counterexample
    assert found is not None
    Q = found.matrices["Q"]
    assert (Q @ Q.T == np.eye(len(Q), dtype=int)).all()
    assert not (Q @ Q == np.eye(len(Q), dtype=int)).all()
    assert all(isinstance(entry, int | Fraction) for entry in Q.flat)


def test_a_hypothesis_that_is_not_needed_is_not_said_to_be() -> None:
    verdict = check("K @ x == K @ x + 0 * x", "K=n,n x=n", assume="K symmetric")
    assert not verdict.needed
    assert "no counterexample without K symmetric was found" in repr(verdict)


@pytest.mark.parametrize(
    ("assume", "words"),
    [
        ("A orthogonal", "expected a square matrix"),
        ("A purple", "expected a matrix and one of symmetric"),
        ("B symmetric", "'B' has no shape"),
        ("K symmetric, K diagonal", "one for each matrix"),
        ("A @ K == eye(m)", "do not fit"),
        ("K @ K == eye(n)", r"expected A @ B == eye\(n\) for two matrices"),
        ("K.T @ K == eye(m)", "the product has n rows, not m"),
        ("x orthogonal", "x is no matrix"),
        ("K @ L == eye(n), K symmetric", "a hypothesis of its own"),
    ],
)
def test_bad_hypotheses(assume: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check("A == A", "A=m,n K=n,n L=n,n x=n", assume=assume)


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_counterexamples_are_exact() -> None:
    found = check("0.5 * W == W", "W=20,20").counterexample
    assert found is not None
    assert (found.left, found.right) == (Fraction(1, 2), 1)
    found = check("1.00000000000000000001 * X == X", "X=m,n").counterexample
    assert found is not None
    assert found.left == 1 + Fraction(1, 10**20)
    big = np.array([[2**40]])
    refuted = km.check_equivalent(km.Dense(big) @ km.Dense(big), np.array([[0]]))
    assert refuted.counterexample is not None
    assert refuted.counterexample.left == 2**80


def test_without_a_proof_for_all_sizes_the_sizes_tried_are_named() -> None:
    verdict = check("inv(eye(m) + A @ B) @ A == A @ inv(eye(n) + B @ A)", "A=m,n B=n,m")
    assert verdict.headline.startswith("holds at the sizes tried (m = ")
    assert repr(verdict).startswith("holds at the sizes tried (m = ")
    assert verdict.undecided["all sizes"] == "the two formulas for entry (i, j) differ"
    assert verdict.undecided["at sizes"] == "the entries of an inverse are no polynomials"
    assert 0 < verdict.error_probability < 1e-15
    assert check("A.T.T == A", "A=2,3").headline == "holds"


def test_sizes_are_drawn_and_follow_from_the_seed() -> None:
    large = {tuple(check("A.T.T == A", "A=m,n", seed=seed).sizes[-1].values()) for seed in range(5)}
    assert len(large) == 5
    assert check("A.T.T == A", "A=m,n", seed=1).sizes == check("A.T.T == A", "A=m,n", seed=1).sizes


def test_a_difference_that_vanishes_at_the_sizes_tried_is_found_by_its_coefficient() -> None:
    found = check("(S-1)*(S-2)*(S-3)*(S-37)*trace(A) == 0*trace(A)", "A=S,S").counterexample
    assert found is not None
    assert found.sizes == {"S": 4}


def test_one_verdict_as_latex_markdown_and_json() -> None:
    verdict = check("c * Q.T @ Q == c * eye(n)", "Q=n,n c=", assume="Q orthogonal")
    assert r"\[ (c Q^{\top}) Q = c I_{n} \]" in verdict.to_latex()
    assert "Assumed: Q orthogonal." in verdict.to_latex()
    assert "Holds for all sizes (all sizes + modulo primes at sizes)" in verdict.to_latex()
    assert "**Holds for all sizes**" in verdict.to_markdown()
    assert "- Q orthogonal is needed" in verdict.to_markdown()
    shown = json.loads(verdict.to_json())
    assert shown["verdict"] == "holds for all sizes"
    assert list(shown["needed"]) == ["Q orthogonal"]
    assert "**Refuted**" in check("A == A.T", "A=n,n").to_markdown()


# ---- budgets ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_long_products_are_decided_and_what_is_not_is_said() -> None:
    factors = [f"A{i}" for i in range(20)]
    shapes = " ".join(f"A{i}=n{i},n{i + 1}" for i in range(20))
    verdict = check(f"{' @ '.join(factors)} == A0 @ ({' @ '.join(factors[1:])})", shapes)
    assert verdict.headline == "holds for all sizes"
    assert "at sizes" in verdict.undecided
    power = " @ ".join(["(A + B)"] * 12)
    assert check(f"{power} == {power}", "A=n,n B=n,n").headline == "holds for all sizes"
    other = check(f"{power} == {power.replace('(A + B)', '(B + A)')}", "A=n,n B=n,n")
    assert other.headline.startswith("holds at the sizes tried")
    assert "more than 2000 terms" in other.undecided["all sizes"]
    trace = " @ ".join(["(A + B)"] * 6)
    assert check(f"trace({trace}) == trace(({trace}).T)", "A=n,n B=n,n").headline == "holds for all sizes"


def test_drawn_sizes_that_are_too_large_are_halved() -> None:
    verdict = check("unvec(eye(m*p*m*p) @ B, (m*p, m*p)) == unvec(B, (m*p, m*p))", "B=m*p*m*p")
    assert verdict.headline == "holds for all sizes"
    assert max(verdict.sizes[-1].values()) < 23


# ---- lambdas ---------------------------------------------------------------------------------------------------------


def test_functions_meet_the_same_words() -> None:
    def proved(identity: Any, **shapes: Any) -> bool:
        return km.check_identity(identity, **shapes).headline == "holds for all sizes"

    n, mn = ("n", "n"), ("m", "n")
    assert proved(lambda A: (np.linalg.inv(A) @ A, km.eye(A.shape[0])), A=n)
    assert proved(lambda A: (inv(A.T), inv(A).T), A=n)
    assert proved(lambda A: (A.H, conj(A).T), A=mn)
    assert proved(lambda A: (np.kron(A, A).T, np.kron(A.T, A.T)), A=mn)
    assert proved(lambda A: (np.trace(A), diag(A) @ ones(A.shape[0])), A=n)
    assert proved(lambda A: (sum([A, A, A]), 3 * A), A=mn)
    assert proved(lambda A, c: (A / 2 * c + c * A / 2, c * A), A=mn, c=())
    assert proved(lambda A, B: (khatri_rao(A, B), face_splitting(A.T, B.T).T), A=mn, B=("p", "n"))
    assert proved(lambda X: (rearrange(X, "s c -> c s"), X.T), X=mn)
    assert proved(lambda X: (apply_entrywise("f", X).T, apply_entrywise("f", X.T)), X=mn)
    assert proved(
        lambda V, r: (km.trace(sum_over(r, lambda i: V[i])), sum_over(r, lambda i: km.trace(V[i]))), V=("r", "n", "n")
    )


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (lambda A: (A**2, A), r"write W @ W, or hadamard\(W, W\)"),
        (lambda A: (A / A, A), r"write inv\(...\) for an inverse"),
        (lambda A: (np.linalg.svd(A), A), "np.svd: an identity may use"),
        (lambda A: (np.exp(A), A), "an identity may use"),
        (lambda A: (A.inverse(), A), "has no .inverse: an identity may use"),
        (lambda A: (A[0], A), "only a stack of matrices"),
        (lambda A: (sum(row for row in A), A), "cannot be run through; an identity may use"),
    ],
)
def test_what_a_function_may_not_use_is_named(identity: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        km.check_identity(identity, A=("n", "n"))


def test_an_identity_that_computes_with_its_sizes_says_so() -> None:
    verdict = km.check_identity(
        lambda W, X, C: (km.vec(W @ X), km.block_diag(*[W] * C) @ km.vec(X)), W=("S", "S"), X=("S", "C")
    )
    assert verdict.headline.startswith("holds at the sizes tried")
    assert "the identity needs numbers for its sizes" in verdict.undecided["all sizes"]


# ---- how to write it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("X / 2 == X", r"'/' is not allowed: write 0\.5 \* X"),
        ("W ** 2 == W", r"'\*\*' is not allowed: write W @ W"),
        ("W ^ T == W", r"write A\.T"),
        ("A' == A", r"a transpose is written A\.T"),
        ("A ⊗ B == A", r"write kron\(A, B\)"),
        ("A.I == A", r"write inv\(A\)"),
        ("sum(V) == V", "sum"),
        ("A = A", "left == right"),
        ("unvec(x, S, C) == A", r"as unvec\(x, \(S, C\)\)"),
        ("map(vec(X), X) == X", r"expected map\(f, X\)"),
        ("rearrange(X) == X", "rearrange takes 2 arguments"),
    ],
)
def test_a_refusal_says_how_to_write_it(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_identity(text)


@pytest.mark.parametrize(
    ("text", "shapes", "words"),
    [
        ("rearrange(X, 'a b') == X", "X=m,n", "expected one arrow"),
        ("einsum(X, X, 'a b -> a b') == X", "X=m,n", "1 operands on the left, 2 are given"),
        ("einsum(X, 'a b -> a c') == X", "X=m,n", "give the size of c, as c=2"),
        ("einsum(X, 'a b -> (a a) b') == X", "X=m,n", "each name once in an axis"),
        ("einsum(X, '(a b) a -> b', a=1) == X", "X=2,1", "once in an operand"),
        ("einsum(X, 'a a -> a') == X", "X=m,n", "sizes of a do not multiply to 3"),
        ("einsum(X, 'a b -> a b', k=2) == X", "X=m,n", "k is not a name"),
        ("rearrange(X, 'a b -> b') == X", "X=m,n", "same names on both sides"),
        ("rearrange(X, '(a b) c -> (b a) c') == X", "X=m,n", "give the size of a, as a=2"),
        ("rearrange(X, '(a b) c -> (b a) c', a=3) == X", "X=m,n", "does not split into parts of 3"),
        ("rearrange(X, 'a b c -> c b a') == X", "X=m,n", "one or two axes"),
        ("rearrange(X, 'a-b c -> c') == X", "X=m,n", "expected names and groups"),
        ("V == V", "V=r,m,n", r"a stack of matrices: write V\[i\]"),
        ("sum(V[i] for i in range(m)) == V[0]", "V=r,m,m", "the stack has 1 matrices"),
        ("map(f, f) == f", "f=m,n", "'f' names a matrix or a size, and a function"),
        ("sum(i * V[i] for i in range(r)) == V[0]", "V=r,m,m", r"write V\[i\]"),
        ("inv(A) == A", "A=m,n", "expected a square matrix"),
        ("khatri_rao(A, B) == A", "A=m,n B=m,p", "expected as many"),
        ("diag(A) == A", "A=m,n", "square"),
        ("c @ A == A", "A=m,n c=", "a scalar multiplies with"),
    ],
)
def test_bad_words(text: str, shapes: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check(text, shapes)
