"""Multiples of the identity by Python numbers are weak and exact."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.linalg

import kronmix as km
from kronmix.operators import ScaledIdentity

rng = np.random.default_rng(0)
A, B = rng.normal(size=(2, 2)), rng.normal(size=(3, 3))
K, L = A @ A.T, B @ B.T


@pytest.mark.parametrize(
    ("op", "M"),
    [
        (km.Kronecker(K, L) + 0.1 * km.eye(6), np.kron(K, L) + 0.1 * np.eye(6)),
        (km.Kronecker(A, B) - 0.1 * km.eye(6), np.kron(A, B) - 0.1 * np.eye(6)),
        (km.Diagonal(np.ones(6)) + 0.1 * km.eye(6), 1.1 * np.eye(6)),
        (km.LowRank(np.ones((6, 1)), np.ones((1, 6))) + 0.1 * km.eye(6), np.ones((6, 6)) + 0.1 * np.eye(6)),
        (km.block_diag(0.1 * km.eye(3), B), scipy.linalg.block_diag(0.1 * np.eye(3), B)),
        ((0.1 * km.eye(6)) @ km.Kronecker(A, B), 0.1 * np.kron(A, B)),
        (0.1 * km.eye(6) + np.float64(0.2) * km.eye(6), np.float64(0.1 + 0.2) * np.eye(6)),
        (km.Monarch(rng.normal(size=(3, 2, 2)), np.ones((2, 3, 3))) + 0.1 * km.eye(6), None),
    ],
)
def test_a_python_number_is_exact_beside_double_precision(op: km.StructuredOperator, M: np.ndarray | None) -> None:
    M = op.to_dense() if M is None else M
    assert op.dtype == op.form.dtype == np.float64
    scale = np.abs(M).max()
    for found, expected in (
        (op.to_dense(), M),
        (op.form.dense(), M),
        (op @ np.eye(6), M),
        (km.diagonal(op), np.diagonal(M)),
        (op[2, 2], M[2, 2]),
        (km.trace(op), np.trace(M)),
        (km.singular_values(op), np.linalg.svd(M, compute_uv=False)),
        (km.norm(op), np.linalg.norm(M)),
        (km.slogdet(op).logabsdet, np.linalg.slogdet(M).logabsdet),
        (M @ km.solve(op, np.ones(6)), np.ones(6)),
    ):
        np.testing.assert_allclose(found, expected, atol=1e-13 * max(scale, 1) * np.linalg.cond(M))


def test_it_stays_weak() -> None:
    single = km.Kronecker(K.astype(np.float32), L.astype(np.float32))
    assert (single + 0.1 * km.eye(6)).dtype == (0.1 * km.eye(6) + single).to_dense().dtype == np.float32
    total = 0.1 * km.eye(3) + 0.2 * km.eye(3)
    assert isinstance(total, ScaledIdentity)
    assert total.number == 0.1 + 0.2
    assert (0.1j * km.eye(3)).dtype == np.complex64
    assert pickle.loads(pickle.dumps(0.1 * km.eye(3))).number == 0.1
    assert (np.float64(0.1) * (0.1 * km.eye(3))).dtype == np.float64
