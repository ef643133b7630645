"""The nearest LoRA of an adapter's update, from its factors and from the dense matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

import kronmix as km

from .harness import Row, Work


def _dense_lora(dense: Any, rank: int) -> Any:
    U, s, Vh = np.linalg.svd(dense, full_matrices=False)
    return Vh[:rank], U[:, :rank] * s[:rank], float(np.linalg.norm(s[rank:]))


def _compare(op: Any, rank: int) -> tuple[Work, Work]:
    dense = op.to_dense()
    ours, theirs = km.interop.to_lora(op, rank), _dense_lora(dense, rank)
    np.testing.assert_allclose(ours.error, theirs[2], rtol=1e-8, atol=1e-8 * np.linalg.norm(dense))
    return lambda: km.interop.to_lora(op, rank), lambda: _dense_lora(dense, rank)


def _lokr() -> tuple[Work, Work]:
    rng = np.random.default_rng(0)
    return _compare(km.Kronecker(rng.normal(size=(32, 32)), rng.normal(size=(64, 64))), 32)


def _loha() -> tuple[Work, Work]:
    rng = np.random.default_rng(0)
    shapes = ((1024, 8), (8, 1024), (1024, 8), (8, 1024))
    return _compare(km.LowRankHadamard(*(rng.normal(size=shape) for shape in shapes)), 32)


ROWS = [
    Row("LoKr 2048² to LoRA of rank 32, against a dense SVD", _lokr, 500.0, at_least=True),
    Row("LoHa 1024² of ranks 8 to LoRA of rank 32, against a dense SVD", _loha, 20.0, at_least=True),
]
