"""How PyTorch multiplies rows by each structure; imported by ``to_torch`` and ``from_torch`` only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce, singledispatch
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..operators import (
    Dense,
    Diagonal,
    Hadamard,
    Kronecker,
    KroneckerSparse,
    KroneckerSum,
    LowRank,
    LowRankHadamard,
    Masked,
    Monarch,
    Permutation,
    RectangularIdentity,
    SumOfKroneckers,
)
from ..operators.arrays import Array
from ..patterns import Pattern
from .chains import factors_of

Factors = Sequence[Tensor]


@singledispatch
def index_arrays(op: Any) -> tuple[Array, ...]:
    """Integers that the product needs beside the factors."""
    return ()


@index_arrays.register
def _(op: Permutation) -> tuple[Array, ...]:
    return (op.indices,)


@index_arrays.register
def _(op: Masked) -> tuple[Array, ...]:
    mask = op.mask
    return np.repeat(np.arange(op.shape[0]), np.diff(mask.indptr)), mask.indices


# ---- products, on rows x of shape (N, columns) ------------------------------------------------------------------------


@singledispatch
def multiply(op: Any, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    """Rows times the transposed matrix."""
    raise TypeError(f"{type(op).__name__} has no product here")


@multiply.register
def _(op: KroneckerSparse, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    return sparse_product(factors[0], op.pattern, x)


def sparse_product(values: Tensor, pattern: Pattern, x: Tensor) -> Tensor:
    """y[n, a, b, d] = Σ_c values[a, d, b, c] x[n, a, c, d] (T9)."""
    a, b, c, d = pattern
    blocks = x.reshape(-1, a, c, d)
    if values.shape[:2] == (1, 1):
        return torch.einsum("bc,nacd->nabd", values[0, 0].expand(b, c), blocks).reshape(len(x), -1)
    return torch.einsum("adbc,nacd->nabd", values.expand(a, d, b, c), blocks).reshape(len(x), -1)


@multiply.register
def _(op: Kronecker, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    for i, pattern in op._stages:
        x = sparse_product(factors[i][None, None], pattern, x)
    return x


@multiply.register
def _(op: SumOfKroneckers, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    left, right = (part.pattern for part in factors_of(op) if part.pattern is not None)
    A = torch.stack(list(factors[::2]), -1).reshape(left.b, left.c)
    y = sparse_product(torch.cat(list(factors[1::2]))[None, None], right, x)
    return sparse_product(A[None, None], left, y)


@multiply.register
def _(op: KroneckerSum, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    patterns = (term.pattern for term in op.terms())
    return reduce(torch.add, (sparse_product(f[None, None], p, x) for f, p in zip(factors, patterns, strict=True)))


@multiply.register
def _(op: Monarch, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    left, right = (part.pattern for part in op.operators if part.pattern is not None)
    return sparse_product(factors[0][None], left, sparse_product(factors[1][:, None], right, x))


@multiply.register
def _(op: Dense, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    return x @ factors[0].T


@multiply.register
def _(op: Hadamard, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    return x @ reduce(torch.mul, factors).T


@multiply.register
def _(op: Diagonal, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    return x * factors[0]


@multiply.register
def _(op: LowRank, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    return (x @ factors[1].T) @ factors[0].T


@multiply.register
def _(op: LowRankHadamard, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    B1, A1, B2, A2 = factors
    inner = torch.einsum("kj,nj,lj->nkl", A1, x, A2)
    return torch.einsum("ik,nkl,il->ni", B1, inner, B2)


@multiply.register
def _(op: Masked, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    rows, columns = indices
    weight = factors[0].new_zeros(op.shape).index_put((rows, columns), factors[0])
    return x @ weight.T


@multiply.register
def _(op: Permutation, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    return x[:, indices[0]]


@multiply.register
def _(op: RectangularIdentity, factors: Factors, indices: Factors, x: Tensor) -> Tensor:
    rows, columns = op.shape
    return x[:, :rows] if rows <= columns else nn.functional.pad(x, (0, rows - columns))
