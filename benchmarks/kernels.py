"""Kernels against the same GEMMs called by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

import kronmix as km

from .harness import Row, Work


def _kronecker(batch: int) -> tuple[Work, Work]:
    S, C = 196, 768
    rng = np.random.default_rng(0)
    W, V, x = rng.normal(size=(S, S)), rng.normal(size=(C, C)), rng.normal(size=(S * C, batch))
    x = x[:, 0] if batch == 1 else x
    op, VT = km.Kronecker(V.T, W), V.T

    def by_hand() -> object:
        if batch == 1:
            return (VT @ (x.reshape(C, S) @ W.T)).reshape(-1)
        return (VT @ np.matmul(W, x.reshape(C, S, batch)).reshape(C, -1)).reshape(S * C, batch)

    np.testing.assert_allclose(op @ x, by_hand(), rtol=1e-8, atol=1e-8)
    return lambda: op @ x, by_hand


def _monarch() -> tuple[Work, Work]:
    rng = np.random.default_rng(0)
    left, right, x = rng.normal(size=(64, 64, 64)), rng.normal(size=(64, 64, 64)), rng.normal(size=(4096, 64))
    op = km.Monarch(left, right)

    def by_hand() -> object:
        t = np.matmul(right, x.reshape(64, 64, 64))
        return np.matmul(left, t.transpose(1, 0, 2)).transpose(1, 0, 2).reshape(4096, 64)

    np.testing.assert_allclose(op @ x, by_hand(), rtol=1e-8, atol=1e-8)
    return lambda: op @ x, by_hand


def _imports() -> tuple[Work, Work]:
    def run(code: str) -> Work:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    return run("import kronmix"), run("import numpy, scipy.sparse.linalg")


def _first_use() -> tuple[Work, Work]:
    def run(code: str) -> Work:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    return run("import kronmix; kronmix.Kronecker"), run("import numpy, scipy.sparse.linalg")


ROWS = [
    Row("Kronecker apply, S=196, C=768, one vector", lambda: _kronecker(1), 1.10, repetitions=21),
    Row("Kronecker apply, S=196, C=768, batch 8", lambda: _kronecker(8), 1.10, repetitions=21),
    Row("Monarch apply, n=4096, batch 64", _monarch, 1.15, repetitions=41),
    Row("import kronmix", _imports, 1.3, repetitions=9),
    Row("import kronmix and make its operators ready", _first_use, 1.3, repetitions=9),
]
