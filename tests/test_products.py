"""kron, eye, hadamard and block_diag on arrays, operators and symbols."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
import sympy as sp

import kronmix as km

rng = np.random.default_rng(0)
A, B, C = rng.normal(size=(2, 3)), rng.normal(size=(4, 2)) + 1j * rng.normal(size=(4, 2)), rng.normal(size=(1, 2))
P = km.Permutation([2, 0, 1])


def test_kron_of_arrays_and_operators():
    expected = np.kron(np.kron(A, B), C)
    assert np.allclose(km.kron(A, B, C).to_dense(), expected)
    assert np.allclose(km.kron(km.Kronecker(A, B), C).to_dense(), expected)
    assert np.allclose(km.kron(km.eye(2), A).to_dense(), np.kron(np.eye(2), A))


def test_kron_of_symbols_is_explicit():
    M = sp.Matrix(2, 2, sp.symbols("a:4"))
    assert (km.kron(M, np.eye(2, dtype=int)) == np.kron(np.array(M.tolist()), np.eye(2, dtype=int))).all()


def test_vec_identity_of_symbols():
    W, X, V = (sp.Matrix(m, n, sp.symbols(f"{s}:{m * n}")) for s, m, n in (("w", 2, 2), ("x", 2, 3), ("v", 3, 3)))
    difference = km.vec(W @ X @ V) - km.kron(V.T, W) @ km.vec(X)
    assert all(sp.expand(entry) == 0 for entry in difference)
    K = km.commutation(2, 3)
    assert (K @ km.vec(X) == km.vec(X.T)).all()
    assert (km.vec(X) @ K == np.array(km.vec(X)) @ K.to_dense().astype(int)).all()


def test_eye():
    assert (km.eye(3).to_dense() == np.eye(3)).all()
    assert np.allclose(km.eye(2) @ A, A)
    with pytest.raises(TypeError, match=r"n=2\.5 is not an integer"):
        km.eye(2.5)
    with pytest.raises(ValueError, match="at least 1"):
        km.eye(0)


def test_hadamard():
    assert np.allclose(km.hadamard(A, A, A), A**3)
    assert np.allclose(km.hadamard(P, np.ones((3, 3))), P.to_dense())
    with pytest.raises(ValueError, match="differ"):
        km.hadamard(A, A.T)


def test_block_diag():
    assert np.allclose(km.block_diag(A, B, C).to_dense(), scipy.linalg.block_diag(A, B, C))
    assert np.allclose(km.block_diag(A, 2 * A).to_dense(), scipy.linalg.block_diag(A, 2 * A))
    halves = np.array([[Fraction(1, 2)]], object)
    assert km.block_diag(halves, halves).tolist() == [[Fraction(1, 2), 0], [0, Fraction(1, 2)]]


@pytest.mark.parametrize("function", [km.kron, km.hadamard, km.block_diag])
def test_no_argument(function):
    with pytest.raises(ValueError, match="at least one"):
        function()


@pytest.mark.parametrize("function", [km.kron, km.block_diag])
def test_vectors_are_no_matrices(function):
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        function(np.ones(2))
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        function(np.array([Fraction(1), Fraction(2)]))
