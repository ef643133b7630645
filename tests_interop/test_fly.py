"""fly's functions written in PyTorch, as its papers define them, beside the modules made of its weights.

fly is a repository, no package: its three products are written down here as einsums of the documented layout.
"""

from __future__ import annotations

import pytest
import torch

import kronmix as km


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_rank_variant_and_its_gradients(rank: int) -> None:
    torch.manual_seed(0)
    k, l, p, s = 3, 4, 5, 2
    w1 = torch.randn(k, rank * l, p, dtype=torch.float64, requires_grad=True)
    w2 = torch.randn(l, s, k * rank, dtype=torch.float64, requires_grad=True)
    x = torch.randn(7, k * p, dtype=torch.float64)
    theirs = torch.einsum(
        "nki,krji,jlkr->nlj", x.reshape(7, k, p), w1.reshape(k, rank, l, p), w2.reshape(l, s, k, rank)
    )
    module = km.interop.to_torch(km.interop.from_fly(w1.detach().numpy(), w2.detach().numpy()))
    ours = module(x)
    torch.testing.assert_close(ours, theirs.reshape(7, -1))
    weight = torch.randn_like(ours)
    torch.sum(weight * theirs.reshape(7, -1)).backward()
    torch.sum(weight * ours).backward()
    left, right = module.tensors()
    torch.testing.assert_close(right.grad, w1.grad)
    torch.testing.assert_close(left.grad, w2.grad)
