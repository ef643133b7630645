"""Pickles, copies and hashes: an operator comes back as the value it was, no larger than its numbers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.sparse.linalg import LinearOperator

import kronmix as km
from kronmix.operators import base
from tests.strategies import CASES, operators

joblib = pytest.importorskip("joblib")
rng = np.random.default_rng(0)
WAYS = {"pickle": lambda op: pickle.loads(pickle.dumps(op)), "copy": copy.copy, "deepcopy": copy.deepcopy}


def assert_same(again: Any, op: Any) -> None:
    assert type(again) is type(op)
    assert (again.shape, again.dtype, repr(again)) == (op.shape, op.dtype, repr(op))
    for new, old in zip(again.factors, op.factors, strict=True):
        np.testing.assert_array_equal(new, old)
        assert not new.flags.writeable
    np.testing.assert_array_equal(again.to_dense(), op.to_dense())
    assert joblib.hash(again) == joblib.hash(op)


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_operator_comes_back(name: str) -> None:
    @settings(max_examples=15)
    @given(operators([name]))
    def check(drawn: Any) -> None:
        op, _ = drawn
        for way in WAYS.values():
            assert_same(way(op), op)
        op.form  # noqa: B018 - what is worked out later is no part of the value
        assert_same(WAYS["pickle"](op), op)

    check()


LARGE = {
    "Monarch": lambda: km.Monarch(rng.normal(size=(16, 16, 16)), rng.normal(size=(16, 16, 16))),
    "Chain": lambda: km.Chain(
        km.Dense(rng.normal(size=(64, 64))), km.Kronecker(rng.normal(size=(8, 8)), np.ones((8, 8)))
    ),
    "Sum": lambda: km.Sum(km.Dense(rng.normal(size=(64, 64))), km.Diagonal(rng.normal(size=64))),
    "KroneckerSparse": lambda: km.KroneckerSparse(rng.normal(size=(4, 4, 16, 16)), (4, 16, 16, 4)),
    "Masked": lambda: km.Masked(rng.normal(size=(64, 64)), rng.random((64, 64)) < 0.5),
    "LinearMixer": lambda: km.LinearMixer([rng.normal(size=(32, 32))] * 2, [rng.normal(size=(32, 32))] * 2),
    "BlockDiagonal": lambda: km.BlockDiagonal([rng.normal(size=(32, 40)), km.Kronecker(np.ones((40, 40)), np.eye(2))]),
    "transposed": lambda: km.Kronecker(rng.normal(size=(40, 30)).T, np.ones((3, 3))),
    "tied": lambda: km.token_mixing(rng.normal(size=(50, 50)), channels=10),
}


@pytest.mark.parametrize("name", LARGE)
def test_bytes_are_those_of_the_parameters(name: str) -> None:
    op = LARGE[name]()
    op.form  # noqa: B018
    size, needed = len(pickle.dumps(op)), sum(f.nbytes for f in op.factors)
    assert size < 1.7 * needed + 1500 if name == "Masked" else size < 1.05 * needed + 1500
    assert_same(WAYS["pickle"](op), op)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["Monarch", "Chain", "Sum", "BlockDiagonal", "LinearMixer"])
def test_parts_share_their_numbers_with_the_whole(name: str, way: str) -> None:
    again = WAYS[way](LARGE[name]())
    parts = [factor for part in again.operators for factor in part.factors]
    assert all(any(np.shares_memory(factor, part) for part in parts) for factor in again.factors)


def test_a_deep_copy_has_numbers_of_its_own() -> None:
    array = np.eye(2)
    op = km.Kronecker(array, array)
    shared, own = copy.copy(op), copy.deepcopy(op)
    array[0, 0] = 5
    assert (shared.factors[0][0, 0], own.factors[0][0, 0]) == (5, 1)


class Scaled(km.Dense):
    """A structure of a user's own with something beside its factors, and a constructor of its own."""

    def __init__(self, name: str, matrix: Any) -> None:
        super().__init__(matrix)
        self.name = name


def test_a_class_that_does_not_say_its_arguments_keeps_its_attributes() -> None:
    op = Scaled("mine", np.ones((2, 3)))
    op.form  # noqa: B018
    for way in WAYS.values():
        again = way(op)
        assert_same(again, op)
        assert again.name == "mine"


def test_operators_made_without_checks_have_all_that_scipy_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """SciPy 1.18's constructor sets two attributes more than 1.17's; its ``matvec`` needs them."""
    constructor = LinearOperator.__init__

    def newer(self: Any, *arguments: Any) -> None:
        constructor(self, *arguments)
        self.set_by_scipy = True

    monkeypatch.setattr(LinearOperator, "__init__", newer)
    base._smallest.cache_clear()
    try:
        for name in ("KroneckerSparse", "Monarch", "Masked"):
            op = LARGE[name]()
            assert op.with_factors(*op.factors).set_by_scipy
            assert pickle.loads(pickle.dumps(op)).set_by_scipy
        assert pickle.loads(pickle.dumps(Scaled("mine", np.ones((2, 3))))).set_by_scipy
    finally:
        base._smallest.cache_clear()
