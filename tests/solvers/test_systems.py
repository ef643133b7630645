"""Solves: which way is taken, what it reaches, and what is said where there is none."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

import kronmix as km
from kronmix.solvers import systems as module

rng = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return rng.normal(size=shape)


def spd(n: int) -> Any:
    A = normal(n, n)
    return A @ A.T + np.eye(n)


A, B = normal(3, 3), normal(4, 4)
K, L = spd(3), spd(4)
ROTATION = scipy.linalg.expm(A - A.T)  # normal, not symmetric


@pytest.mark.parametrize(
    ("op", "method"),
    [
        (km.Kronecker(A, B), "factor by factor"),
        (km.Dense(normal(12, 12)), "LU of the one matrix"),
        (km.token_mixing(B, channels=3), "LU of the one matrix"),
        (km.Chain(km.Permutation(rng.permutation(12)), km.Kronecker(A, B)), "factor by factor"),
        (km.KroneckerSparse(normal(3, 2, 2, 2), (3, 2, 2, 2)), "block by block"),
        (km.block_diag(A, km.Kronecker(normal(3, 3), normal(3, 3))), "block by block"),
        (km.Kronecker(K, L) + 0.3 * km.eye(12), "shared eigenvectors"),
        (km.Kronecker(ROTATION, L) + 3.0 * km.eye(12), "shared eigenvectors"),
        (km.Kronecker(K, L) + km.Kronecker(K @ K, np.eye(4)), "shared eigenvectors"),
        (km.KroneckerSum(K, L), "shared eigenvectors"),
        (km.Kronecker(A, B) + 0.3 * km.eye(12), "Schur forms of the factors"),
        (km.KroneckerSum(A, B), "Schur forms of the factors"),
        (km.SumOfKroneckers([(A, B), (normal(3, 3), normal(4, 4))]), "QZ forms of the factors"),
        (km.Kronecker(A, B) + km.LowRank(normal(12, 2), normal(2, 12)), "Woodbury over factor by factor"),
        (
            km.Chain(*(km.KroneckerSparse(normal(p.a, p.d, p.b, p.c), p) for p in km.butterfly_patterns(8))),
            "factor after factor",
        ),
        (km.Monarch(normal(3, 4, 4), normal(4, 3, 3)), "factor after factor"),
        (km.Monarch(normal(3, 4, 8), normal(4, 6, 3), rank=2), "dense LU"),
        (km.SumOfKroneckers([(normal(3, 3), normal(4, 4)) for _ in range(4)]), "dense LU"),
    ],
    ids=lambda x: x.replace(" ", "-") if isinstance(x, str) else type(x).__name__,
)
def test_the_way_that_the_structure_allows(op: Any, method: str) -> None:
    n, M = op.shape[0], op.to_dense()
    for b in (normal(n), normal(n, 3), normal(n) + 1j * normal(n)):
        found = km.solve(op, b, full_output=True)
        assert found.method == method
        np.testing.assert_allclose(found.x, np.linalg.solve(M, b), atol=1e-8 * np.linalg.cond(M))
        assert found.residual < 1e-9
        assert found.x.dtype == np.result_type(M, b)
        np.testing.assert_array_equal(km.solve(op, b), found.x)
    sign, log_size = km.slogdet(op)
    np.testing.assert_allclose([sign, log_size], np.linalg.slogdet(M), atol=1e-8)


def test_three_places_and_complex_factors() -> None:
    for mats in ([normal(n, n) for n in (2, 3, 4)], [normal(n, n) + 1j * normal(n, n) for n in (2, 3, 4)]):
        others = [M.T.copy() + 0.1 for M in mats]
        for op in (km.KroneckerSum(*mats), km.Kronecker(*mats) + km.Kronecker(*others)):
            b = normal(24, 2)
            np.testing.assert_allclose(op.to_dense() @ km.solve(op, b), b, atol=1e-7)
            np.testing.assert_allclose(km.slogdet(op).logabsdet, np.linalg.slogdet(op.to_dense()).logabsdet, atol=1e-8)


def test_a_sylvester_equation() -> None:
    X = normal(4, 3)
    C = B @ X + X @ A.T
    np.testing.assert_allclose(km.unvec(km.solve(km.KroneckerSum(A, B), km.vec(C)), (4, 3)), X, atol=1e-9)
    np.testing.assert_allclose(scipy.linalg.solve_sylvester(B, A.T, C), X, atol=1e-9)


def test_a_gaussian_process_of_a_million_points() -> None:
    x = np.linspace(0, 1, 1000)
    cov = np.eye(1000) + 0.5 * (np.abs(x[:, None] - x) < 2e-3)  # near diagonal: quick to decompose, not diagonal
    op = km.Kronecker(cov, cov) + 0.1 * km.eye(10**6)
    b = rng.normal(size=10**6)
    found = km.solve(op, b, full_output=True)
    assert found.method == "shared eigenvectors"
    assert found.residual < 1e-12
    w = np.linalg.eigvalsh(cov)
    assert km.slogdet(op).logabsdet == pytest.approx(float(np.log(np.outer(w, w) + 0.1).sum()))


def test_rectangles_are_solved_by_least_squares() -> None:
    for op in (
        km.Kronecker(normal(5, 3), normal(4, 2)),
        km.KroneckerSparse(normal(2, 3, 4, 2), (2, 4, 2, 3)),
        km.Dense(normal(3, 7)),
        km.SumOfKroneckers([(normal(5, 3), normal(4, 2)) for _ in range(3)]),
    ):
        b = normal(op.shape[0], 2)
        np.testing.assert_allclose(km.solve(op, b), np.linalg.lstsq(op.to_dense(), b, rcond=None)[0], atol=1e-9)


def test_single_precision_stays() -> None:
    op = km.Kronecker(K.astype(np.float32), L.astype(np.float32)) + np.float32(1) * km.eye(12)
    x = km.solve(op, np.ones(12, np.float32))
    assert x.dtype == np.float32
    np.testing.assert_allclose(op @ x, 1, atol=1e-3)


def test_krylov_steps_with_the_nearest_two_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DENSE", 50)
    terms = [(spd(8), spd(9)), (0.1 * normal(8, 8), normal(9, 9)), (0.1 * normal(8, 8), normal(9, 9))]
    op = km.SumOfKroneckers(terms)
    b = normal(72)
    found = km.solve(op, b, full_output=True)
    assert found.method == "GMRES with the nearest sum of 2 Kronecker terms as preconditioner"
    assert 0 < found.iterations < 40
    np.testing.assert_allclose(op @ found.x, b, atol=1e-7)
    plain = km.solve(op, b, preconditioner=aslinearoperator(np.eye(72)), full_output=True)
    assert plain.method == "GMRES with the given preconditioner"
    assert plain.iterations > found.iterations
    rectangle = km.SumOfKroneckers([(normal(8, 4), normal(9, 5)) for _ in range(3)])
    found = km.solve(rectangle, b, full_output=True)
    assert found.method == "LSQR"
    np.testing.assert_allclose(found.x, np.linalg.lstsq(rectangle.to_dense(), b, rcond=None)[0], atol=1e-6)


def test_steps_that_stop_short_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DENSE", 5)
    op = km.SumOfKroneckers([(normal(8, 8), normal(10, 10)) for _ in range(3)])
    monkeypatch.setattr(module, "gmres", lambda operator, column, callback, **_: (callback(1.0), (0 * column, 1))[1])
    with pytest.raises(
        ArithmeticError, match=r"stopped at a relative residual of 1\.0e\+00, above rtol=1e-10: pass a pre"
    ):
        km.solve(op, np.ones(80))
    assert km.solve(op, np.ones(80), full_output=True).residual == 1.0


@pytest.mark.parametrize(
    ("op", "b", "error", "words"),
    [
        (km.Kronecker(A, B), np.ones(5), ValueError, "b has shape (5,): expected (12,)"),
        (km.Kronecker(A, B), np.full(12, np.inf), ValueError, "b has NaN or infinite entries"),
        (km.Kronecker(np.full((3, 3), np.nan), B), np.ones(12), ValueError, "NaN or infinite"),
        (km.Kronecker(np.ones((3, 3)), B), np.ones(12), np.linalg.LinAlgError, "Singular matrix"),
        (km.Kronecker(normal(2, 3), normal(3, 2)), np.ones(6), np.linalg.LinAlgError, "a factor is not square"),
        (
            km.KroneckerSum(np.diag([1.0, 2.0]), np.diag([-1.0, 5.0])),
            np.ones(4),
            np.linalg.LinAlgError,
            "eigenvalue is zero",
        ),
        (
            km.KroneckerSparse(np.zeros((2, 1, 2, 2)), (2, 2, 2, 1)),
            np.ones(4),
            np.linalg.LinAlgError,
            "a block is singular",
        ),
        (km.eye(4) - km.LowRank(np.eye(4)[:, :1], np.eye(4)[:1]), np.ones(4), np.linalg.LinAlgError, "Singular matrix"),
    ],
)
def test_what_cannot_be_solved_is_said(op: Any, b: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        km.solve(op, b)


def test_sparse_matrices_and_arrays_are_taken() -> None:
    S = scipy.sparse.csr_array(np.diag([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(km.solve(S, np.ones(3)), [1, 0.5, 0.25])
    np.testing.assert_allclose(km.solve(np.diag([1.0, 2.0]), np.ones(2)), [1, 0.5])
