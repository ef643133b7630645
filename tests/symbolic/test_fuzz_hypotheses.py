"""Random words in matrices under hypotheses: what is accepted holds for integer matrices that satisfy them."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from kronmix.symbolic.identities import decide
from kronmix.symbolic.language import parse_identity
from tests.symbolic.integer_evaluator import Value, equal, evaluate

SHAPES = {"Q": ("n", "n"), "K": ("n", "n"), "P": ("n", "n"), "D": ("n", "n"), "A": ("n", "n"), "x": ("n",)}
ASSUMED = "Q orthogonal, K symmetric, P permutation, D diagonal"


def satisfying(n: int, rng: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    """Integer matrices: signed permutations are orthogonal."""
    eye = np.eye(n, dtype=int)
    free = rng.integers(-4, 5, (3, n, n))
    return {
        "Q": eye[rng.permutation(n)] * rng.choice([-1, 1], n),
        "K": free[0] + free[0].T,
        "P": eye[rng.permutation(n)],
        "D": np.diag(rng.integers(-4, 5, n)),
        "A": free[1],
        "x": rng.integers(-4, 5, n),
    }


def word(rng: np.random.Generator) -> str:
    """A product of two to four matrices, transposed or not, perhaps with entrywise ones."""
    letters = [f"{name}{'.T' if rng.random() < 0.4 else ''}" for name in rng.choice(list("QKPDA"), rng.integers(2, 5))]
    if rng.random() < 0.25:
        k = int(rng.integers(len(letters)))
        letters[k] = f"hadamard({letters[k]}, {rng.choice(list('KPDA'))})"
    return " @ ".join(letters)


def simplified(text: str, rng: np.random.Generator) -> str:
    """Something that often equals the word: a rule of one of the hypotheses applied, or a transpose moved."""
    rules = [
        ("Q.T @ Q", "eye(n)"), ("Q @ Q.T", "eye(n)"), ("P @ P.T", "eye(n)"), ("P.T @ P", "eye(n)"), ("K.T", "K"), ("D.T", "D"),
        ("P @ D", "P @ D @ P.T @ P"), ("hadamard(P, P)", "P"), ("A", "Q.T @ Q @ A"), ("K", "K.T"), ("P", "P.T"),
        ("Q @ Q", "eye(n)"), ("D @ D", "hadamard(D, D)"), ("K @ D", "(D @ K).T"), ("A", "A @ P @ P.T"), ("D @ K", "K @ D"),
    ]  # fmt: skip
    for k in rng.permutation(len(rules)):
        old, new = rules[int(k)]
        if old in text:
            return text.replace(old, new, 1)
    return text


def drawn(rng: np.random.Generator) -> str:
    left = word(rng)
    right = left
    for _ in range(int(rng.integers(1, 4))):
        right = simplified(right, rng)
    around = rng.choice(["{}", "trace({})", "({}) @ x", "x.T @ ({}) @ x", "vec({})", "diag({})"])
    return f"{around.format(left)} == {around.format(right)}"


def check(seed: int) -> bool:
    rng = np.random.default_rng([12, seed])
    text = drawn(rng)
    verdict = decide(parse_identity(text), SHAPES, seed=seed, assume=ASSUMED, at={"n": 5})
    if verdict:
        for n, _ in product((1, 2, 3, 4), range(3)):
            given: dict[str, Any] = {"n": n}
            for name, array in satisfying(n, rng).items():
                given[name] = Value(array.shape, lambda *index, array=array: int(array[index]))
            left, right = (evaluate(side, given) for side in text.split(" == "))
            assert equal(left, right), f"{seed}: {text}: accepted, false at n = {n}: {verdict}"
    else:
        found = verdict.counterexample
        assert found is not None
        given = dict(found.sizes)
        Q, K, P, D = (found.matrices[name] for name in "QKPD")
        identity = np.eye(len(Q), dtype=int)
        assert (Q @ Q.T == identity).all()
        assert (K == K.T).all()
        assert (P @ P.T == identity).all()
        assert (D * (1 - identity) == 0).all()
        for name, array in found.matrices.items():
            given[name] = Value(array.shape, lambda *index, array=array: array[index])
        left, right = (evaluate(side, given) for side in text.split(" == "))
        assert not equal(left, right), f"{seed}: {text}: refuted by {found}, which is no counterexample"
    return bool(verdict)


@pytest.mark.slow
def test_random_words_under_hypotheses() -> None:
    decided = [check(seed) for seed in range(6)]
    assert True in decided
    assert False in decided


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(10))
def test_many_random_words_under_hypotheses(block: int) -> None:
    for seed in range(100 + 40 * block, 140 + 40 * block):
        check(seed)
