"""The line of Python that stands beside a written file reads it in the library it was written for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kronmix as km


def operators(rng: np.random.Generator) -> dict[str, Any]:
    patterns = km.butterfly_patterns(8)
    return {
        "Kronecker": km.Kronecker(rng.normal(size=(2, 3)), rng.normal(size=(4, 5))),
        "Monarch": km.Monarch(rng.normal(size=(4, 2, 6)), rng.normal(size=(3, 8, 5)), rank=2),
        "sum": km.SumOfKroneckers([(rng.normal(size=(2, 3)), rng.normal(size=(4, 5))) for _ in range(2)]),
        "float32": km.Kronecker(*(rng.normal(size=(2, 2)).astype(np.float32) for _ in range(2))),
        "butterfly": km.Chain(*(km.KroneckerSparse(rng.normal(size=p.values_shape), p) for p in patterns)),
        "product": km.Dense(rng.normal(size=(3, 4))) @ km.LowRank(rng.normal(size=(4, 1)), rng.normal(size=(1, 5))),
    }


class MonarchLinear(torch.nn.Module):
    """The names and the bias of fly's layer."""

    def __init__(self, w1: Any, w2: Any) -> None:
        super().__init__()
        self.blkdiag1, self.blkdiag2 = (torch.nn.Parameter(torch.zeros(w.shape, dtype=torch.float64)) for w in (w1, w2))
        self.bias = torch.nn.Parameter(torch.zeros(w2.shape[0] * w2.shape[1]))


@pytest.mark.parametrize("name", operators(np.random.default_rng(0)))
@pytest.mark.parametrize("target", ["torch", "lazylinop", "pyfaust", "fly"])
def test_a_written_file_is_read_there(target: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    op = operators(np.random.default_rng(0))[name]
    if target == "fly" and name in ("butterfly", "product"):
        pytest.skip("fly holds no such product")
    monkeypatch.chdir(tmp_path)
    suffix = ".mat" if target in ("lazylinop", "pyfaust") else ".safetensors"
    usage = km.interop.write_factors(op, f"factors{suffix}", target, "empty")
    known: dict[str, Any] = {"km": km, "empty": op.with_factors(*(0 * factor for factor in op.factors))}
    if target == "fly":
        known["layer"] = MonarchLinear(*km.interop.to_fly(op))
    exec(usage, known)
    if target == "torch":
        found = km.interop.from_torch(known["layer"]).to_dense()
    elif target == "fly":
        found = km.interop.from_fly(
            *(known["layer"].state_dict()[k].numpy() for k in ("blkdiag1", "blkdiag2"))
        ).to_dense()
    else:
        found = known["L" if target == "lazylinop" else "F"].toarray()
    np.testing.assert_allclose(found, op.to_dense(), rtol=1e-6, atol=1e-6)
