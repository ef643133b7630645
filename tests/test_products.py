"""kron, eye, hadamard and block_diag on arrays, operators and symbols."""

from fractions import Fraction
from functools import reduce

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


KRON_CASES = {
    "identity before": ([km.eye(3), A], km.KroneckerSparse, 6),
    "identity after": ([A, km.eye(3)], km.KroneckerSparse, 6),
    "identities around": ([km.eye(2), km.eye(3), A, km.eye(2)], km.KroneckerSparse, 6),
    "identities alone": ([km.eye(2), km.eye(3)], km.Permutation, 0),
    "permutations": ([P, km.eye(2), P], km.Permutation, 0),
    "identity between": ([A, km.eye(2), B], km.Chain, 14),
    "two beside an identity": ([km.eye(2), A, C], km.Ampliation, 8),
    "permutation and matrix": ([P, A], km.Chain, 6),
    "tied factor": ([km.eye(3), km.token_mixing(A, 2)], km.KroneckerSparse, 6),
    "untied blocks": ([km.eye(3), km.KroneckerSparse(np.ones((2, 1, 1, 3)), (2, 1, 3, 1))], km.Ampliation, 6),
    "Monarch": ([km.Monarch(rng.normal(size=(3, 2, 2)), rng.normal(size=(2, 3, 3))), A], km.Chain, 36),
    "two operators": ([km.Masked(np.ones((2, 2)), np.eye(2)), km.LowRank(A[:, :1], A[:1]), A], km.Chain, 13),
    "sum": ([km.eye(2), km.Sum(P, km.Dense(np.ones((3, 3))))], km.Sum, 9),
    "diagonal": ([km.Diagonal(np.arange(1.0, 4)), km.eye(2)], km.Ampliation, 3),
}


@pytest.mark.parametrize("name", KRON_CASES)
def test_kron_keeps_structure_and_counts(name):
    matrices, kind, parameters = KRON_CASES[name]
    op = km.kron(*matrices)
    dense = reduce(np.kron, [m.to_dense() if isinstance(m, km.StructuredOperator) else m for m in matrices])
    assert (type(op), op.n_parameters) == (kind, parameters)
    km.testing.check_operator(op, dense)


def test_kron_of_large_operators_stays_small():
    """Cases that 0.1 made dense: 1 040 000 parameters, and a MemoryError."""
    op = km.kron(km.eye(1000), np.ones((200, 200)))
    assert (type(op), op.n_parameters) == (km.KroneckerSparse, 40_000)
    monarch = km.Monarch(np.ones((200, 200, 200), np.float32), np.ones((200, 200, 200), np.float32))
    lazy = km.kron(monarch, np.ones((2, 3), np.float32))
    assert (lazy.shape, lazy.dtype, lazy.n_parameters) == ((80_000, 120_000), np.float32, 16_000_006)
    A, B = rng.normal(size=(3, 3)), rng.normal(size=(4, 4))
    total = km.kron(A, km.eye(4)) + km.kron(km.eye(3), B)
    assert (total.nnz, total.n_parameters) == (72, 25)
    assert np.allclose(total.to_dense(), km.KroneckerSum(A, B).to_dense())


def test_kron_of_operators_is_applied_in_the_cheapest_order():
    wide, tall = km.LowRank(np.ones((2, 1)), np.ones((1, 50))), km.LowRank(np.ones((50, 1)), np.ones((1, 2)))
    assert km.kron(wide, tall).connections == km.kron(tall, wide).connections == 2 * 2 * 52
    assert km.kron(tall, wide).operators[-1].shape == (4, 100)


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
    assert type(km.block_diag(A, 2 * A)) is km.KroneckerSparse
    mixed = km.block_diag(km.Kronecker(A, C), B, km.eye(3))
    assert (type(mixed), mixed.n_parameters, mixed.nnz) == (km.BlockDiagonal, 16, 12 + 8 + 3)
    assert np.allclose(mixed.to_dense(), scipy.linalg.block_diag(np.kron(A, C), B, np.eye(3)))
    halves = np.array([[Fraction(1, 2)]], object)
    assert km.block_diag(halves, halves).tolist() == [[Fraction(1, 2), 0], [0, Fraction(1, 2)]]


def test_stacks():
    D = rng.normal(size=(2, 5))
    for op, dense, kind in (
        (km.hstack([A, D]), np.hstack([A, D]), km.Dense),
        (km.hstack([A, km.Kronecker(D)]), np.hstack([A, D]), km.HStack),
        (km.vstack([A.T, D.T]), np.vstack([A.T, D.T]), km.Dense),
        (km.vstack([A.T, km.Kronecker(D.T)]), np.vstack([A.T, D.T]), km.VStack),
        (km.vstack([km.hstack([P, km.eye(3)]), A @ np.eye(3, 6)]), None, km.VStack),
    ):
        assert type(op) is kind
        if dense is not None:
            assert np.allclose(op.to_dense(), dense)
    halves = np.array([[Fraction(1, 2)]], object)
    assert km.hstack([halves, halves]).tolist() == [[Fraction(1, 2)] * 2]
    with pytest.raises(ValueError, match="equal numbers of rows"):
        km.hstack([A, B])
    with pytest.raises(ValueError, match="equal numbers of columns"):
        km.vstack([A, km.eye(2)])
    for function in (km.hstack, km.vstack):
        with pytest.raises(ValueError, match="at least one"):
            function([])
        with pytest.raises(ValueError, match=r"shape \(2,\)"):
            function([np.ones(2)])


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
