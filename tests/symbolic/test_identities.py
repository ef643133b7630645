"""check_identity: never refutes what is true, never proves what is false; sizes, counterexamples, bad input."""

from __future__ import annotations

import json
import re
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import kronmix as km
from kronmix.symbolic import Verdict
from kronmix.symbolic.language.text import parse_identity, parse_shapes

SQUARE = "W=S,S X=S,C V=C,C Y=C,S"
TRUE = (
    "vec(W @ X @ V) == kron(V.T, W) @ vec(X)",
    "commutation(S, C) @ vec(X) == vec(X.T)",
    "kron(V.T, eye(S)) == commutation(C, S) @ kron(eye(S), V.T) @ commutation(S, C)",
    "commutation(C, S) @ kron(W, V) @ commutation(S, C) == kron(V, W)",
    "kron(V.T, W) == kron(V.T, eye(S)) @ kron(eye(C), W)",
    "trace(X @ Y) == trace(Y @ X)",
    "trace(kron(V, W)) == trace(W) * trace(V)",
    "block_diag(V, W) @ block_diag(V, W) == block_diag(V @ V, W @ W)",
    "hadamard(X, Y.T) == hadamard(Y.T, X)",
    "unvec(kron(V.T, W) @ vec(X), (S, C)) == W @ X @ V",
    "(W + W.T) @ X - W @ X == W.T @ X",
    "vec(X @ V + 2 * X) == kron(V.T + 2 * eye(C), eye(S)) @ vec(X)",
)


@pytest.mark.parametrize("text", TRUE)
def test_true_identities_are_proved(text: str) -> None:
    verdict = km.check_identity(parse_identity(text), **parse_shapes(SQUARE))
    assert verdict
    assert verdict.counterexample is None
    assert verdict.evidence.endswith("at sizes + modulo primes at sizes")
    assert "all sizes" in verdict.evidence
    assert verdict.error_probability == 0
    assert 23 <= min(verdict.sizes[-1].values()) <= max(verdict.sizes[-1].values()) <= 56
    assert len(set(verdict.sizes[-1].values())) == 2
    assert len(verdict.sizes) > 4


# ---- mutations -------------------------------------------------------------------------------------------------------


def plain_commutation(S: int, C: int) -> Any:
    """Row i picks the entry of vec(X) that stands at place i of vec(Xᵀ)."""
    X = np.arange(S * C).reshape(S, C)
    return np.array([[int(a == b) for a in X.T.ravel()] for b in X.ravel()], dtype=object)


def plain_block_diag(*blocks: Any) -> Any:
    rows, columns = sum(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)
    out, i, j = np.zeros((rows, columns), dtype=object), 0, 0
    for b in blocks:
        out[i : i + b.shape[0], j : j + b.shape[1]] = b
        i, j = i + b.shape[0], j + b.shape[1]
    return out


def shaped(A: Any, B: Any) -> Any:
    if A.shape != B.shape:
        raise ValueError("shapes differ")
    return A * B


PLAIN: dict[str, Any] = {
    "vec": lambda X: X.T.ravel(),
    "unvec": lambda x, shape: x.reshape(shape[::-1]).T,
    "kron": lambda *m: reduce(np.kron, m),
    "eye": lambda n: np.eye(n, dtype=int).astype(object),
    "commutation": plain_commutation,
    "block_diag": plain_block_diag,
    "hadamard": shaped,
    "trace": np.trace,
}


def truth(text: str) -> bool | None:
    """Whether NumPy finds both sides equal on random integers at several sizes; None where they cannot be computed."""
    rng = np.random.default_rng(1)
    for sizes in ((2, 3), (3, 2), (1, 2), (2, 1), (4, 3)):
        names = dict(zip("SC", sizes, strict=True))
        shapes = {n: tuple(names[s] for s in shape) for n, shape in parse_shapes(SQUARE).items()}
        matrices = {n: rng.integers(-9, 10, shape).astype(object) for n, shape in shapes.items()}
        sides = []
        for side in text.split("=="):
            try:
                sides.append(eval(side, {"__builtins__": {}}, {**PLAIN, **names, **matrices}))
            except (ValueError, AttributeError, np.exceptions.AxisError):
                return None
        left, right = (np.asarray(side, dtype=object) for side in sides)
        if left.shape != right.shape or (left != right).any():
            return False
    return True


def edits(text: str) -> list[str]:
    """Every text that one flip of a transpose, one swap of two arguments or factors, or one change of a size gives."""
    found = []
    for match in re.finditer(r"\b[WXVY](\.T)?", text):
        flipped = match.group()[0] if match.group(1) else match.group() + ".T"
        found.append(text[: match.start()] + flipped + text[match.end() :])
    for match in re.finditer(r"\(([\w.]+(?:\([SC]\))?), ([\w.]+(?:\([SC]\))?)\)", text):
        found.append(text[: match.start()] + f"({match.group(2)}, {match.group(1)})" + text[match.end() :])
    for match in re.finditer(r"\b[WXVY](?:\.T)? @ [WXVY](?:\.T)?\b", text):
        found.append(text[: match.start()] + " @ ".join(match.group().split(" @ ")[::-1]) + text[match.end() :])
    for match in re.finditer(r"eye\([SC]\)", text):
        other = "S" if match.group()[4] == "C" else "C"
        found.append(text[: match.start()] + f"eye({other})" + text[match.end() :])
    return found


@given(st.sampled_from(TRUE), st.data())
@settings(max_examples=80, deadline=None, derandomize=True)
def test_random_mutations_are_refuted_where_false_and_proved_where_true(text: str, data: Any) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        text = data.draw(st.sampled_from(edits(text)))
    expected = truth(text)
    assume(expected is not None)
    verdict = km.check_identity(parse_identity(text), **parse_shapes(SQUARE))
    assert bool(verdict) == expected, text
    if not verdict:
        assert_counterexample(text, verdict)


def assert_counterexample(text: str, verdict: Verdict) -> None:
    """Both sides, computed by NumPy at the counterexample, have the values it tells."""
    found = verdict.counterexample
    assert found is not None
    matrices = {name: np.array(m, dtype=object) for name, m in found.matrices.items()}
    sides = (eval(side, {"__builtins__": {}}, {**PLAIN, **found.sizes, **matrices}) for side in text.split("=="))
    left, right = (np.asarray(side, dtype=object) for side in sides)
    if found.entry is None:
        assert left.shape != right.shape
    else:
        assert (left[found.entry], right[found.entry]) == (found.left, found.right)
        assert found.left != found.right


# ---- sizes and numbers -----------------------------------------------------------------------------------------------


def test_the_smallest_counterexample_comes_first() -> None:
    verdict = km.check_identity(lambda A, B: (A @ B, B @ A), A=("m", "m"), B=("m", "m"))
    assert not verdict
    assert verdict.counterexample is not None
    assert verdict.counterexample.sizes == {"m": 2}
    assert sum(np.count_nonzero(m) for m in verdict.counterexample.matrices.values()) == 2
    assert "refuted: m = 2" in repr(verdict)


def test_sizes_of_ones_choosing_and_sizes_as_parameters() -> None:
    verdict = km.check_identity(lambda X, S, C: (km.unvec(km.vec(X), (S, C)), X), at={"S": 196, "C": 768}, X=("S", "C"))
    assert verdict
    assert verdict.sizes[-1] == {"C": 768, "S": 196}
    fixed = km.check_identity(lambda A: (A.T.T, A), A=(2, 3))
    assert fixed
    assert (fixed.evidence, fixed.sizes, fixed.error_probability) == ("at sizes", ({},), 0.0)
    assert km.check_identity(lambda x, S: (km.vec(km.unvec(x, (S, 2))), x), x=("2*S",))
    assert km.check_identity(lambda a, X: (a * X + a * X, 2 * a * X), a=(), X=("S", "C"))


def test_real_sizes_of_a_mixer() -> None:
    shapes: dict[str, Any] = {"W": ("S", "S"), "X": ("S", "C"), "V": ("C", "C")}
    at = {"S": 196, "C": 768}
    assert km.check_identity(lambda W, X, V: (km.vec(W @ X @ V), km.kron(V.T, W) @ km.vec(X)), at=at, **shapes)


def test_false_at_large_sizes_only() -> None:
    """An identity that holds at every size that is expanded: the residues find it out."""

    def identity(A: Any, m: Any) -> Any:
        return A, (A if not isinstance(m, int) or m < 10 else A.T)

    verdict = km.check_identity(identity, A=("m", "m"))
    assert not verdict
    assert verdict.counterexample is not None
    assert verdict.counterexample.sizes["m"] >= 23


def test_large_degree_and_memory_are_left_to_residues() -> None:
    text = " @ ".join(["A", "B"] * 12)
    verdict = km.check_identity(parse_identity(f"{text} == {text}"), A=("m", "m"), B=("m", "m"))
    assert verdict
    assert verdict.error_probability < 1e-15
    many = f"kron({', '.join(['A'] * 40)})"
    with pytest.raises(MemoryError, match="dimensions"):
        km.check_identity(parse_identity(f"{many} == {many}"), A=(2, 2))
    halved = km.check_identity(
        parse_identity("hadamard(kron(A, A), kron(A, A)) == hadamard(kron(A, A), kron(A, A))"), A=("m", 90)
    )
    assert halved
    assert halved.sizes[-1]["m"] < 37


def test_json_holds_the_counterexample() -> None:
    verdict = km.check_identity(lambda A: (A, A.T), A=("m", "m"))
    shown = json.loads(verdict.to_json())
    assert shown["holds"] is False
    assert shown["counterexample"] == {
        "sizes": {"m": 2},
        "matrices": {"A": [[0, 1], [0, 0]]},
        "entry": [0, 1],
        "left": "1",
        "right": "0",
        "functions": {},
    }


@pytest.mark.parametrize(
    ("identity", "shapes", "error", "words"),
    [
        (lambda: (1, 1), {}, ValueError, "at least one matrix"),
        (lambda A: A, {"A": (2, 2)}, TypeError, "expected a pair"),
        (lambda A, B: (A, B), {"A": (2, 2)}, ValueError, "'B' whose shape is not given"),
        (lambda A: (A, A), {"A": "SS"}, ValueError, "expected a shape"),
        (lambda A: (A, A), {"A": 3}, ValueError, "expected a shape"),
        (lambda A: (A, A), {"A": (1, 2, 3, 4, 5)}, ValueError, "at most four sizes"),
        (lambda A: (A, A), {"A": (0, 2)}, ValueError, "positive integer"),
        (lambda A: (A, A), {"A": (1.5, 2)}, ValueError, "a name or a positive integer"),
        (lambda A: (A, A), {"A": ("S-1", 2)}, ValueError, "sums and products of these"),
        (lambda A: (A @ A, A), {"A": ("S", "C")}, ValueError, "at C = 2, S = 3: A @ A: shapes"),
        (lambda A, S: (A, A), {"A": ("S", "A")}, ValueError, "names both a matrix and a size"),
        (lambda A: (A, 0.1j * A), {"A": (2, 2)}, TypeError, "exact number"),
        (3, {"A": (2, 2)}, TypeError, "expected a function"),
    ],
)
def test_bad_statements(identity: Any, shapes: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        km.check_identity(identity, **shapes)


@pytest.mark.parametrize("at", [{"S": 3}, {"S": 3, "C": 0}, {"S": 3, "C": 2.5}, {"S": 3, "C": 4, "D": 5}])
def test_bad_large_sizes(at: Any) -> None:
    with pytest.raises(ValueError, match="at"):
        km.check_identity(lambda X: (X.T.T, X), at=at, X=("S", "C"))
