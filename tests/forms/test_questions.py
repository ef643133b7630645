"""Every question, asked of random compositions, of the same matrix written in another way, and of the dense matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from hypothesis import HealthCheck, given, settings, strategies as st

import kronmix as km
from kronmix.sparsity import count_nonzero
from tests.compositions import another, compositions

TOLERANCE = 1e-9


def size(M: Any) -> float:
    return max(float(np.linalg.norm(M, 2)), 1e-300)


def close(found: Any, expected: Any, scale: float) -> None:
    np.testing.assert_allclose(found, expected, atol=TOLERANCE * scale, rtol=1e-7)


def singular_values(op: Any, M: Any) -> None:
    close(km.singular_values(op), np.linalg.svd(M, compute_uv=False), size(M))
    k = 1 + min(M.shape) // 3
    close(km.singular_values(op, k), np.linalg.svd(M, compute_uv=False)[:k], size(M))


def vectors(op: Any, M: Any) -> None:
    for found in (km.svd(op), km.svd(op, 2)):
        U, Vh = found.U.to_dense(), found.Vh.to_dense()
        s = np.linalg.svd(M, compute_uv=False)
        close(found.S, s[: found.S.size], size(M))
        if found.S.size == min(M.shape) or len(found.S) > 2:
            close((U * found.S) @ Vh, M, size(M))
        close(U.conj().T @ U, np.eye(found.S.size), 1)
        close(Vh @ Vh.conj().T, np.eye(found.S.size), 1)


def norms(op: Any, M: Any) -> None:
    s = np.linalg.svd(M, compute_uv=False)
    scale = size(M) * M.size
    close(km.norm(op), np.linalg.norm(M), scale)
    close(km.norm(op, 2), s[0], scale)
    close(km.norm(op, "nuclear"), s.sum(), scale)
    close(km.norm(op, ("schatten", 3)), (s**3).sum() ** (1 / 3), scale)
    close(km.norm(op, "l1"), np.abs(M).sum(), scale)
    close(km.norm(op, "max"), np.abs(M).max(), scale)


def rank(op: Any, M: Any) -> None:
    s = np.linalg.svd(M, compute_uv=False)
    if not ((s > 1e-12 * s[0]) & (s < 1e-8 * s[0])).any():  # clearly zero or clearly not
        assert km.matrix_rank(op, rtol=1e-10) == np.count_nonzero(s > 1e-10 * s[0])
        found = km.cond(op)
        if s[-1] > 1e-8 * s[0]:
            assert found == pytest.approx(s[0] / s[-1], rel=1e-5)
        else:
            assert found > 1e10


def determinant(op: Any, M: Any) -> None:
    if M.shape[0] != M.shape[1]:
        with pytest.raises(ValueError, match="slogdet needs a square operator"):
            km.slogdet(op)
        return
    sign, log_size = km.slogdet(op)
    s = np.linalg.svd(M, compute_uv=False)
    if s[-1] > 1e-6 * s[0] > 0:
        expected = np.linalg.slogdet(M)
        assert log_size == pytest.approx(expected.logabsdet, abs=1e-6)
        assert sign == pytest.approx(expected.sign, abs=1e-6)
    else:
        assert log_size < np.log(s[0] if s[0] > 0 else 1) * len(s) - 12 or log_size == -np.inf


def entries(op: Any, M: Any) -> None:
    close(km.diagonal(op), np.diagonal(M), size(M))
    i, j = np.arange(min(M.shape)) % 3, np.arange(min(M.shape))
    close(op[i, j], M[i, j], size(M))
    close(op[1, -1], M[1, -1], size(M))
    close(op[1:3, ::2], M[1:3, ::2], size(M))
    close(op[:, 0], M[:, 0], size(M))
    close(op[[2, 0]], M[[2, 0]], size(M))
    close(op.sum(), M.sum(), size(M) * M.size)
    close(op.sum(axis=0), M.sum(axis=0), size(M) * M.size)
    close(op.sum(axis=1), M.sum(axis=1), size(M) * M.size)


def zeros(op: Any, M: Any) -> None:
    # An entry that cancels to zero, or to rounding, is a matter of the order of additions.
    sure = np.abs(M) > 1e-10 * size(M)
    assert count_nonzero(op) >= np.count_nonzero(sure)
    if not ((M != 0) & ~sure).any():
        assert count_nonzero(op) >= np.count_nonzero(M)


def trace(op: Any, M: Any) -> None:
    if M.shape[0] == M.shape[1]:
        close(km.trace(op), np.trace(M), size(M) * len(M))


def eigenvalues(op: Any, M: Any) -> None:
    if M.shape[0] != M.shape[1]:
        return
    found, expected = km.eigvals(op), np.linalg.eigvals(M)
    # Compared as roots of the same polynomial near the matrix: power sums.
    for k in (1, 2, 3):
        close((found**k).sum(), (expected**k).sum(), max(size(M), 1e-3) ** k * len(M))
    G = op.H @ op
    w, V = km.eigh(G)
    dense = V.to_dense()
    expected_gram = M.conj().T @ M
    close((dense * w) @ dense.conj().T, expected_gram, size(M) ** 2)
    close(w, np.linalg.eigvalsh(expected_gram), size(M) ** 2)


def functions(op: Any, M: Any) -> None:
    if M.shape[0] != M.shape[1] or not M.any():
        return
    small = op / (4 * size(M))
    close(km.expm(small).to_dense(), scipy.linalg.expm(M / (4 * size(M))), 10)
    close((op**2).to_dense(), M @ M, size(M) ** 2)
    close((op**0).to_dense(), np.eye(len(M)), 1)
    G = op.H @ op + size(M) ** 2 * km.eye(len(M))
    gram = M.conj().T @ M + size(M) ** 2 * np.eye(len(M))
    L = km.cholesky(G).to_dense()
    close(L, np.linalg.cholesky(gram), size(M))
    root = km.sqrtm(G).to_dense()
    close(root @ root, gram, size(M) ** 2)


def solves(op: Any, M: Any) -> None:
    b = np.arange(1.0, M.shape[0] + 1)
    s = np.linalg.svd(M, compute_uv=False)
    if M.shape[0] == M.shape[1]:
        if s[-1] > 1e-5 * s[0] > 0:
            for B in (b, np.stack([b, b**2], axis=1)):
                found = km.solve(op, B, full_output=True)
                np.testing.assert_allclose(M @ found.x, B, atol=1e-6 * np.abs(B).max())
                assert found.residual < 1e-6
            try:
                inverse = op.inv()
            except TypeError as refusal:
                assert "km.solve" in str(refusal)  # noqa: PT017
            else:
                np.testing.assert_allclose(inverse.to_dense() @ M, np.eye(len(M)), atol=1e-6)
    elif s[-1] > 1e-5 * s[0] > 0:
        found = km.solve(op, b)
        np.testing.assert_allclose(found, np.linalg.lstsq(M, b, rcond=None)[0], atol=1e-6 * np.abs(b).max() / s[-1])


QUESTIONS: list[Callable[[Any, Any], None]] = [
    singular_values,
    vectors,
    norms,
    rank,
    determinant,
    entries,
    zeros,
    trace,
    eigenvalues,
    functions,
    solves,
]


def check(drawn: Any, data: Any) -> None:
    op, M = drawn
    M = np.asarray(M, np.result_type(M, np.float64))
    op = (
        op if op.dtype.itemsize >= 8 and op.dtype != np.complex64 else op @ km.Diagonal(np.ones(op.shape[1]))
    )  # identities alone are of float32
    other = another(data.draw, op)
    for expression in (op, other):
        assert expression.shape == M.shape
        np.testing.assert_allclose(expression.form.dense(), M, atol=TOLERANCE * size(M))
        for question in QUESTIONS:
            question(expression, M)


FEW = settings(max_examples=45, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("square", [True, False])
def test_every_question_of_two_expressions_of_one_matrix(square: bool) -> None:
    @FEW
    @given(compositions(square=square), st.data())
    def run(drawn: Any, data: Any) -> None:
        check(drawn, data)

    run()


@pytest.mark.nightly
@pytest.mark.parametrize("square", [True, False])
def test_every_question_of_many_compositions(square: bool) -> None:
    @settings(max_examples=2500, suppress_health_check=list(HealthCheck))
    @given(compositions(square=square), st.data())
    def run(drawn: Any, data: Any) -> None:
        check(drawn, data)

    run()


def test_a_matrix_of_zeros_answers() -> None:
    op, M = km.Masked(np.ones((4, 4)), np.zeros((4, 4), bool)), np.zeros((4, 4))
    for question in QUESTIONS:
        question(op, M)


def test_numbers_of_double_precision_stay_so_beside_single_precision() -> None:
    single = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    number = np.array([[1 / 3]])
    for op in (km.Kronecker(number, single), km.kron(km.eye(3), km.Dense(number)), km.KroneckerSum(number, single)):
        M = op.to_dense()
        assert op.form.dtype == M.dtype == np.float64
        for found, expected in (
            (km.singular_values(op), np.linalg.svd(M, compute_uv=False)),
            (km.diagonal(op), np.diagonal(M)),
            (op[0, 0], M[0, 0]),
            (km.trace(op), np.trace(M)),
            (np.sort_complex(km.eigvals(op)), np.sort_complex(np.linalg.eigvals(M))),
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-6 if op.n_parameters > 1 else 1e-14)
    shifted = km.Diagonal(np.ones(3, np.float32)) + km.kron(km.eye(3), km.Dense(number))
    assert km.diagonal(shifted).tolist() == [1 + 1 / 3] * 3
