"""Operators written to files and read back; files that are not to be trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse.linalg as sla
from hypothesis import HealthCheck, given, settings

import kronmix as km
from tests.strategies import CASES, operators

rng = np.random.default_rng(0)


def assert_same(again: Any, op: Any) -> None:
    assert (type(again), repr(again)) == (type(op), repr(op))
    for new, old in zip(again.factors, op.factors, strict=True):
        np.testing.assert_array_equal(new, old)
        assert not new.flags.writeable
    np.testing.assert_array_equal(again.to_dense(), op.to_dense())


@pytest.mark.parametrize("name", sorted(set(CASES) - {"Foreign"}))
def test_every_operator_comes_back(name: str, tmp_path: Path) -> None:
    @settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(operators([name]))
    def check(drawn: Any) -> None:
        km.save(drawn[0], tmp_path / "op.npz")
        assert_same(km.load(tmp_path / "op.npz"), drawn[0])

    check()


def nested() -> Any:
    block = km.BlockDiagonal([km.Sum(km.eye(6), km.Kronecker(np.ones((2, 2)), np.eye(3, dtype=np.float32))), np.eye(2)])
    mask = km.Masked(rng.normal(size=(8, 8)), rng.random((8, 8)) < 0.4)
    return km.Chain(
        block, mask, km.HStack([km.Diagonal(np.arange(8.0)), km.Ampliation(km.LowRank(np.eye(2), np.eye(2)), 2, 2)])
    )


def test_nested_operators_and_linear_mixers(tmp_path: Path) -> None:
    mixer = km.LinearMixer([rng.normal(size=(4, 3)), rng.normal(size=(2, 4))], [rng.normal(size=(3, 3))] * 2)
    for op in (nested(), mixer, km.Monarch(np.ones((1, 2, 6)), np.ones((1, 4, 5)), rank=2)):
        km.save(op, tmp_path / "op.npz")
        assert_same(km.load(tmp_path / "op.npz"), op)
    with np.load(tmp_path / "op.npz") as arrays:
        assert sorted(arrays) == ["array_0", "array_1", "structure"]


class Mine(km.Dense):
    """A structure of a user's own."""

    def _arguments(self) -> tuple[Any, ...]:
        return self.factors


def test_classes_of_ones_own(tmp_path: Path) -> None:
    op = km.Chain(Mine(np.eye(2)), km.eye(2))
    km.save(op, tmp_path / "op.npz")
    assert_same(km.load(tmp_path / "op.npz", classes=[Mine]), op)
    with pytest.raises(ValueError, match="the class 'Mine' is not known; give your own with classes="):
        km.load(tmp_path / "op.npz")


class Named(km.Dense):
    """A structure that is made from words."""

    def _arguments(self) -> tuple[Any, ...]:
        return (np.array(["a", None], dtype=object),)


class Silent(km.Dense):
    """A structure that does not say what it is made from."""


@pytest.mark.parametrize(
    ("op", "name", "error", "words"),
    [
        (np.eye(2), "op.npz", TypeError, "op is a ndarray: expected a StructuredOperator; wrap a matrix in km.Dense"),
        (km.eye(2), "op.npy", ValueError, "expected a name that ends in .npz"),
        (km.Chain(Silent(np.eye(2))), "op.npz", TypeError, "cannot be saved: its class defines no _arguments"),
        (Named(np.eye(2)), "op.npz", TypeError, "they would be pickled"),
        (km.Foreign(sla.aslinearoperator(np.eye(2))), "op.npz", TypeError, "cannot be saved: it is another library's"),
    ],
)
def test_what_cannot_be_saved(op: Any, name: str, error: type[Exception], words: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=words):
        km.save(op, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def write(file: Path, operator: Any, head: Any = None, **arrays: Any) -> None:
    text = json.dumps(head or {"format": "kronmix operator", "version": 1, "operator": operator})
    np.savez(file, structure=np.frombuffer(text.encode(), np.uint8), **arrays)


DENSE = {"class": "Dense", "arguments": [{"array": "a"}]}


def deep(depth: int) -> Any:
    tree = DENSE
    for _ in range(depth):
        tree = {"class": "Chain", "arguments": [tree]}
    return tree


@pytest.mark.parametrize(
    ("operator", "arrays", "words"),
    [
        ({"class": "os.system", "arguments": []}, {}, "class 'os.system' is not known"),
        ({"class": ["Dense"], "arguments": []}, {}, "is not known"),
        ({"class": "Foreign", "arguments": []}, {}, "class 'Foreign' is not known"),
        ({"class": "Composite", "arguments": []}, {}, "class 'Composite' is not known"),
        ({"class": "Dense"}, {}, "its structure holds"),
        ("text", {}, "its structure holds 'text'"),
        (True, {}, "its structure holds 'True'"),
        (DENSE, {}, "it names an array 'a' that is not there"),
        ({"class": "Dense", "arguments": [{"array": ["a"]}]}, {"a": np.eye(2)}, "km.save wrote"),
        (DENSE, {"a": np.ones(3)}, "matrix has shape (3,): expected 2 axes"),
        (DENSE, {"a": np.array([["x"]])}, "has dtype <U1, expected numbers"),
        (DENSE, {"a": np.eye(2), "b": np.eye(2)}, "arrays that belong to nothing: b"),
        ({"array": "a"}, {"a": np.eye(2)}, "it holds no operator"),
        (deep(60), {"a": np.eye(2)}, "nested more than 50 deep"),
        ({"class": "Chain", "arguments": [3]}, {}, "int is not a StructuredOperator"),
        ({"class": "Permutation", "arguments": [{"array": "a"}]}, {"a": np.array([0, 0])}, "is not a permutation"),
        (
            {"class": "KroneckerSparse", "arguments": [{"array": "a"}, [0, 1, 1, 1]]},
            {"a": np.ones((1, 1, 1, 1))},
            "a=0",
        ),
        ({"class": "KroneckerSparse", "arguments": [{"array": "a"}, 7]}, {"a": np.ones((1, 1, 1, 1))}, "km.save wrote"),
        ({"class": "LinearMixer", "arguments": [1, 2]}, {}, "km.save wrote"),
        ({"class": "BlockDiagonal", "arguments": [5]}, {}, "km.save wrote"),
        ({"class": "SumOfKroneckers", "arguments": [[1, 2]]}, {}, "km.save wrote"),
        ({"class": "Masked", "arguments": [{"array": "a"}, 5]}, {"a": np.ones(1)}, "km.save wrote"),
    ],
)
def test_hostile_structures_are_refused_with_one_sentence(
    operator: Any, arrays: Any, words: str, tmp_path: Path
) -> None:
    write(tmp_path / "op.npz", operator, **arrays)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        km.load(tmp_path / "op.npz")
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("indices", "indptr", "shape"),
    [
        ([7], [0, 1, 1], [2, 2]),  # beyond the columns
        ([-1], [0, 1, 1], [2, 2]),
        ([0], [0, 1], [2, 2]),
        ([0], [0, 9, 1], [2, 2]),
        ([0.5], [0, 1, 1], [2, 2]),
        ([0], [0, 1, 1], [2, 10**30]),
        ([[0]], [0, 1, 1], [2, 2]),
        ([0], [0, 1, 1], [2]),
    ],
)
def test_masks_that_point_outside_are_refused(indices: Any, indptr: Any, shape: Any, tmp_path: Path) -> None:
    tree = {"class": "Masked", "arguments": [{"array": "v"}, {"mask": shape, "indices": "i", "indptr": "p"}]}
    write(tmp_path / "op.npz", tree, v=np.ones(1), i=np.array(indices), p=np.array(indptr))
    with pytest.raises(ValueError, match=r"not an operator that km\.save wrote"):
        km.load(tmp_path / "op.npz")


def test_other_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "op.npz"
    for head in ({"format": "other", "version": 1}, {"format": "kronmix operator", "version": 2}, [1], 3):
        write(file, None, head=head)
        with pytest.raises(ValueError, match=r"op\.npz: not an operator that km\.save wrote"):
            km.load(file)
    np.savez(file, W=np.eye(2))
    with pytest.raises(ValueError, match=r"not an operator that km\.save wrote"):
        km.load(file)
    np.savez(file, structure=np.frombuffer(b"[" * 100_000, np.uint8))
    with pytest.raises(ValueError, match=r"not an operator that km\.save wrote"):
        km.load(file)
    np.savez(file, structure=np.array([print], object))
    with pytest.raises(ValueError, match=r"pickled|expected numbers"):
        km.load(file)
    file.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(ValueError, match=r"op\.npz"):
        km.load(file)
    with pytest.raises(FileNotFoundError):
        km.load(tmp_path / "none.npz")


def complaint(file: Path) -> str:
    """What loading a file complains of; its own name if it gives an operator."""
    try:
        km.load(file)
    except ValueError as error:
        return str(error)
    return str(file)


@pytest.mark.parametrize("step", [23, pytest.param(1, marks=pytest.mark.nightly)])
def test_damage_gives_the_operator_or_one_sentence(step: int, tmp_path: Path) -> None:
    good, file = tmp_path / "good.npz", tmp_path / "bad.npz"
    km.save(nested(), good)
    data = good.read_bytes()
    for at in range(0, len(data), 23 * step):
        for broken in (data[:at], data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]):
            file.write_bytes(broken)
            assert complaint(file).startswith(str(file))
    with np.load(good) as stored:
        arrays = dict(stored)
    structure = arrays.pop("structure").tobytes()
    for at in range(0, len(structure), step):  # damage that no checksum tells
        np.savez(file, structure=np.frombuffer(structure[:at] + b"9" + structure[at + 1 :], np.uint8), **arrays)
        assert complaint(file).startswith(str(file))
