"""vec and unvec (T1), and what import loads."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import kronmix as km


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_t1_for_rectangular_matrices(p: int, S: int, C: int, q: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    W, X, V = rng.normal(size=(p, S)), rng.normal(size=(S, C)), rng.normal(size=(C, q))
    np.testing.assert_allclose(km.vec(W @ X @ V), np.kron(V.T, W) @ km.vec(X), atol=1e-10)
    np.testing.assert_allclose(km.vec(W @ X @ V, "C"), np.kron(W, V.T) @ km.vec(X, "C"), atol=1e-10)


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from("FC"), st.sampled_from([(), (0,), (3,)]))
def test_round_trip(S: int, C: int, order: Any, batch: tuple[int, ...]) -> None:
    X = np.random.default_rng(0).normal(size=(S, C, *batch))
    x = km.vec(X, order)
    assert x.shape == (S * C, *batch)
    np.testing.assert_array_equal(km.unvec(x, (S, C), order), X)
    if not batch:
        np.testing.assert_array_equal(x, X.flatten(order))


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"X has shape \(3,\): expected a matrix"):
        km.vec(np.ones(3))
    with pytest.raises(ValueError, match=r"x has shape \(5,\): expected \(6,\)"):
        km.unvec(np.ones(5), (2, 3))
    with pytest.raises(ValueError, match="order='Z'"):
        km.vec(np.ones((2, 2)), order="Z")


def test_every_public_name_loads_and_is_documented() -> None:
    names = km.__all__
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(km, name).__doc__, name


def test_import_is_light() -> None:
    heavy = ("sympy", "matplotlib", "sklearn", "typer", "pandas")
    code = f"import sys, kronmix; kronmix.vec, kronmix.Kronecker; print(*(m for m in {heavy} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
