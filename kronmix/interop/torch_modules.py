"""Structured operators and networks as PyTorch modules; imported by ``to_torch`` and ``from_torch`` only.

Modules act on the last axis, as PyTorch's do: x of shape (…, columns) becomes (…, rows), which is ``op @ x`` for a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce, singledispatch
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..networks import Activation, Fixed, LayerNorm, Linear, Network, Part, Patches, Residual, Sequential
from ..operators import (
    Chain,
    Dense,
    Diagonal,
    Hadamard,
    Kronecker,
    KroneckerSparse,
    LowRank,
    Masked,
    Monarch,
    Permutation,
    StructuredOperator,
    Sum,
    SumOfKroneckers,
)
from ..operators.base import Array
from ..patterns import Pattern
from .chains import factors_of
from .entrywise import LowRankHadamard
from .padding import RectangularIdentity

Factors = Sequence[Tensor]


class StructuredModule(nn.Module):
    """An operator, a part of a network or a network, with its factors as parameters.

    Attributes
    ----------
    structure : StructuredOperator, Part or Network
        What it was made of.
    """

    def __init__(self, structure: Any) -> None:
        super().__init__()
        self.structure = structure

    def tensors(self) -> list[Tensor]:
        """Parameters in the order of ``structure.factors``."""
        return list(self.parameters())

    def rebuilt(self) -> Any:
        """The structure with the values that the parameters have now."""
        arrays = [tensor.detach().cpu().resolve_conj().numpy().copy() for tensor in self.tensors()]
        return self.structure.with_factors(*arrays)


class Leaf(StructuredModule):
    """An operator whose factors are tensors here."""

    def __init__(self, op: Any) -> None:
        super().__init__(op)
        self.factors = nn.ParameterList(nn.Parameter(tensor(factor)) for factor in op.factors)
        for i, indices in enumerate(index_arrays(op)):
            self.register_buffer(f"indices_{i}", torch.from_numpy(np.array(indices, np.int64)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        indices = [buffer for _, buffer in self.named_buffers(recurse=False)]
        rows = x.reshape(-1, x.shape[-1])
        y = multiply(self.structure, list(self.factors), indices, rows)
        return y.reshape(*x.shape[:-1], y.shape[-1])


class Product(StructuredModule):
    """Modules applied one after another, the last first, as matrices multiply."""

    def __init__(self, op: Any) -> None:
        super().__init__(op)
        self.operators = nn.ModuleList(map(module_of, op.operators))

    def forward(self, x: Tensor) -> Tensor:
        return reduce(lambda y, module: module(y), reversed(self.operators), x)


class Total(StructuredModule):
    """The sum of modules."""

    def __init__(self, op: Any) -> None:
        super().__init__(op)
        self.operators = nn.ModuleList(map(module_of, op.operators))

    def forward(self, x: Tensor) -> Tensor:
        return reduce(torch.add, (module(x) for module in self.operators))


class InSequence(StructuredModule):
    """Parts of a network, first one first; with a skip connection around them where the structure has one."""

    def __init__(self, part: Any) -> None:
        super().__init__(part)
        self.parts = nn.ModuleList(map(module_of, part.parts))
        self.skip = isinstance(part, Residual)

    def forward(self, x: Tensor) -> Tensor:
        y = reduce(lambda y, module: module(y), self.parts, x)
        return y + x if self.skip else y

    def tensors(self) -> list[Tensor]:
        return [inner for part in self.parts for inner in part.tensors()]


class Affine(StructuredModule):
    """A structured operator and a bias that may be shared among rows."""

    def __init__(self, part: Any) -> None:
        super().__init__(part)
        self.operator = module_of(part.operator)
        self.bias = None if part.bias is None else nn.Parameter(tensor(part.bias))

    def forward(self, x: Tensor) -> Tensor:
        y = self.operator(x)
        return y if self.bias is None else (y.reshape(-1, *self.structure.rows) + self.bias).reshape(y.shape)

    def tensors(self) -> list[Tensor]:
        return [*self.operator.parameters(), *(() if self.bias is None else (self.bias,))]


class Frozen(StructuredModule):
    """An operator that is not trained: its numbers are constants."""

    def __init__(self, part: Any) -> None:
        super().__init__(part)
        self.operator = module_of(part.operator).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.operator(x)

    def tensors(self) -> list[Tensor]:
        return []


class Pointwise(StructuredModule):
    """An activation."""

    def forward(self, x: Tensor) -> Tensor:
        return _FUNCTIONS[self.structure.name](x)


_FUNCTIONS = {
    "gelu": nn.functional.gelu,
    "gelu_tanh": partial(nn.functional.gelu, approximate="tanh"),
    "relu": nn.functional.relu,
    "tanh": torch.tanh,
}


class ChannelNorm(StructuredModule):
    """Layer norm over channels of columns (channels, tokens)."""

    def __init__(self, part: Any) -> None:
        super().__init__(part)
        self.scale, self.shift = nn.Parameter(tensor(part.scale)), nn.Parameter(tensor(part.shift))

    def forward(self, x: Tensor) -> Tensor:
        features = x.reshape(-1, self.scale.numel(), self.structure.tokens).mT
        normal = nn.functional.layer_norm(features, self.scale.shape, self.scale, self.shift, self.structure.epsilon)
        return normal.mT.reshape(x.shape)


class Images(StructuredModule):
    """A network: images (N, H, W, colours), features (N, S, C) or rows (N, width) to outputs (N, classes)."""

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        self.body = module_of(network.body)

    def forward(self, images: Tensor) -> Tensor:
        return self.body(columns(self.structure.patches, images))

    def tensors(self) -> list[Tensor]:
        return self.body.tensors()


def columns(patches: Patches, images: Tensor) -> Tensor:
    """Rows of features, one for each sample, in the order of ``Patches.columns``."""
    if images.ndim == 4:
        N, H, W, _ = images.shape
        if patches.patch is None:
            images = images.reshape(N, H, -1)
        else:
            p = patches.patch
            blocks = images.reshape(N, H // p, p, W // p, p, -1).permute(0, 1, 3, 2, 4, 5)
            images = blocks.reshape(N, (H // p) * (W // p), -1)
    return images.mT.reshape(len(images), -1) if images.ndim == 3 else images


class Numpy(StructuredModule):
    """Any other structure: its own kernels, on the CPU, with gradients by its own pullback."""

    def __init__(self, structure: Any) -> None:
        super().__init__(structure)
        self.factors = nn.ParameterList(nn.Parameter(tensor(factor)) for factor in structure.factors)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        y: Tensor = _Pullback.apply(self.structure, rows, *self.factors)
        return y.reshape(*x.shape[:-1], y.shape[-1])


class _Pullback(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, structure: Any, x: Tensor, *factors: Tensor) -> Tensor:
        renewed = structure.with_factors(*(factor.detach().cpu().numpy() for factor in factors))
        Y, ctx.pull = renewed.vjp(np.ascontiguousarray(x.detach().cpu().numpy().T))
        ctx.kinds = x.dtype, x.device, [(factor.dtype, factor.device) for factor in factors]
        return torch.from_numpy(np.ascontiguousarray(Y.T)).to(x.device)

    @staticmethod
    def backward(ctx: Any, y_bar: Tensor) -> Any:
        dtype, device, kinds = ctx.kinds
        gradients, X_bar = ctx.pull(np.ascontiguousarray(y_bar.cpu().resolve_conj().numpy().T), True)
        x_bar = torch.from_numpy(np.ascontiguousarray(X_bar.T))
        given = (tensor(g).to(device=where, dtype=kind) for g, (kind, where) in zip(gradients, kinds, strict=True))
        return None, (x_bar if dtype.is_complex else x_bar.real).to(device=device, dtype=dtype), *given


def tensor(array: Array) -> Tensor:
    """A copy of an array as a tensor."""
    return torch.from_numpy(np.array(array, order="C", copy=True))


# ---- which module ---------------------------------------------------------------------------------------------------


@singledispatch
def module_of(structure: Any) -> StructuredModule:
    """The module of a structure."""
    if isinstance(structure, StructuredOperator | Part):
        return Numpy(structure)
    raise TypeError(f"{type(structure).__name__} is no structured operator, part of a network or network")


_MODULES: dict[type[StructuredModule], tuple[type, ...]] = {
    Leaf: (
        *(KroneckerSparse, Kronecker, SumOfKroneckers, Monarch, Dense, Hadamard, Diagonal, LowRank, LowRankHadamard),
        *(Masked, Permutation, RectangularIdentity),
    ),
    Product: (Chain,),
    Total: (Sum,),
    InSequence: (Sequential,),
    Affine: (Linear,),
    Frozen: (Fixed,),
    Pointwise: (Activation,),
    ChannelNorm: (LayerNorm,),
    Images: (Network,),
}
for _module, _structures in _MODULES.items():
    for _structure in _structures:
        module_of.register(_structure, _module)


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
