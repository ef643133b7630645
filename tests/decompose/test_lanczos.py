"""Lanczos proposals against eigenvectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kronmix.decompose.lanczos import leading_space, leading_vector

rng = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("rank", [1, 3])
def test_leading_spaces_of_separated_spectra(dtype: Any, rank: int) -> None:
    n, count = 20, 4
    Q = np.linalg.qr(
        rng.normal(size=(count, n, n)) + (1j * rng.normal(size=(count, n, n)) if np.dtype(dtype).kind == "c" else 0)
    )[0]
    values = np.r_[10.0, 8.0, 6.0, np.linspace(0.1, 0.5, n - 3)]
    G = (Q * values) @ Q.conj().swapaxes(1, 2)
    start = rng.normal(size=(count, n, 1)).astype(dtype)
    V = leading_space(G.conj(), start, 10, rank) if rank > 1 else leading_vector(G.conj(), start, 10)
    assert V.shape == (count, n, rank)
    np.testing.assert_allclose(
        V.conj().swapaxes(1, 2) @ V, np.broadcast_to(np.eye(rank), (count, rank, rank)), atol=1e-12
    )
    inside = np.linalg.norm(Q[:, :, :rank].conj().swapaxes(1, 2) @ V, axis=(1, 2)) ** 2
    np.testing.assert_allclose(inside, rank, atol=1e-6)
