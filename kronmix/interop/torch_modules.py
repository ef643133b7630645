"""Structured operators and networks as PyTorch modules; imported by ``to_torch`` and ``from_torch`` only.

Modules act on the last axis, as PyTorch's do: x of shape (…, columns) becomes (…, rows), which is ``op @ x`` for a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial, reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..networks import Activation, Fixed, LayerNorm, Linear, Network, Part, Patches, Residual, Sequential
from ..networks.gates import Gate, Half, Softmax
from ..networks.normalization import Affine
from ..networks.parts import Parallel
from ..operators import (
    Ampliation,
    BlockDiagonal,
    Chain,
    Dense,
    Diagonal,
    Hadamard,
    HStack,
    Kronecker,
    KroneckerSparse,
    KroneckerSum,
    LowRank,
    LowRankHadamard,
    Masked,
    Monarch,
    Permutation,
    RectangularIdentity,
    StructuredOperator,
    Sum,
    SumOfKroneckers,
    VStack,
)
from ..operators.arrays import Array
from .torch_kernels import index_arrays, multiply


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


class Composed(StructuredModule):
    """Modules of a structure's parts, in the order of its factors."""

    def __init__(self, structure: Any, parts: Sequence[Any]) -> None:
        super().__init__(structure)
        self.operators = nn.ModuleList(map(module_of, parts))

    def tensors(self) -> list[Tensor]:
        return [inner for module in self.operators for inner in module.tensors()]


class OfOperators(Composed):
    """An operator made of others: a product, a sum, a direct sum, or a stack."""

    def __init__(self, op: Any) -> None:
        super().__init__(op, op.operators)


class Product(OfOperators):
    """Modules applied one after another, the last first, as matrices multiply."""

    def forward(self, x: Tensor) -> Tensor:
        return reduce(lambda y, module: module(y), reversed(self.operators), x)


class Total(OfOperators):
    """The sum of modules."""

    def forward(self, x: Tensor) -> Tensor:
        return reduce(torch.add, (module(x) for module in self.operators))


class Blocks(OfOperators):
    """Modules on pieces of the input, their outputs one after another."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([module(piece) for module, piece in zip(self.operators, self.pieces(x), strict=True)], -1)

    def pieces(self, x: Tensor) -> Sequence[Tensor]:
        return x.split([op.shape[1] for op in self.structure.operators], -1)


class Beside(Blocks):
    """Modules on pieces of the input, their outputs added."""

    def forward(self, x: Tensor) -> Tensor:
        return reduce(torch.add, (module(piece) for module, piece in zip(self.operators, self.pieces(x), strict=True)))


class Stacked(OfOperators):
    """Modules on the same input, their outputs one after another."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([module(x) for module in self.operators], -1)


class Repeated(Composed):
    """One module on every fiber: I_a ⊗ A ⊗ I_d."""

    def __init__(self, op: Any) -> None:
        super().__init__(op, [op.operator])

    def forward(self, x: Tensor) -> Tensor:
        op = self.structure
        fibers = x.reshape(-1, op.a, op.operator.shape[1], op.d).mT
        return self.operators[0](fibers).mT.reshape(*x.shape[:-1], op.shape[0])


class OfParts(Composed):
    """A part of a network made of others."""

    def __init__(self, part: Any) -> None:
        super().__init__(part, part.parts)

    def along(self, x: Tensor) -> Tensor:
        """Parts one after another, first one first."""
        return reduce(lambda y, module: module(y), self.operators, x)


class InSequence(OfParts):
    """Parts one after another."""

    def forward(self, x: Tensor) -> Tensor:
        return self.along(x)


class WithSkip(OfParts):
    """Parts one after another, and a skip connection around them."""

    def forward(self, x: Tensor) -> Tensor:
        return self.along(x) + x


class InParallel(OfParts):
    """Parts that see the same features, their results added."""

    def forward(self, x: Tensor) -> Tensor:
        return reduce(torch.add, (module(x) for module in self.operators))


class Gated(OfParts):
    """A product of two parts of the same features."""

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.operators
        return value(x) * gate(x)


class Layer(StructuredModule):
    """A structured operator and a bias that may be shared among rows."""

    def __init__(self, part: Any) -> None:
        super().__init__(part)
        self.operator = module_of(part.operator)
        self.bias = None if part.bias is None else nn.Parameter(tensor(part.bias))

    def forward(self, x: Tensor) -> Tensor:
        y = self.operator(x)
        return y if self.bias is None else (y.reshape(-1, *self.structure.rows) + self.bias).reshape(y.shape)

    def tensors(self) -> list[Tensor]:
        return [*self.operator.tensors(), *(() if self.bias is None else (self.bias,))]


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
    "sigmoid": torch.sigmoid,
    "silu": nn.functional.silu,
    "tanh": torch.tanh,
}


class HalfOf(StructuredModule):
    """One half of the middle axis."""

    def forward(self, x: Tensor) -> Tensor:
        seen = x.reshape(-1, *self.structure.rows)
        return seen.chunk(2, 2)[self.structure.which].reshape(*x.shape[:-1], -1)


class SoftmaxOf(StructuredModule):
    """Softmax along the middle axis."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x.reshape(-1, *self.structure.rows), 2).reshape(x.shape)


class ScaleAndShift(StructuredModule):
    """An affine map along the middle axis."""

    def __init__(self, part: Any) -> None:
        super().__init__(part)
        self.scale, self.shift = nn.Parameter(tensor(part.scale)), nn.Parameter(tensor(part.shift))

    def forward(self, x: Tensor) -> Tensor:
        seen = x.reshape(-1, *self.structure.rows)
        return (seen * self.scale[:, None] + self.shift[:, None]).reshape(x.shape)


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
        if not isinstance(network.patches, Patches):
            raise TypeError(
                f"{type(network.patches).__name__} does more to inputs than to rearrange them: "
                "to_torch(network.body) takes the columns that network.patches.columns makes"
            )
        self.body = module_of(network.body)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.structure.patches
        order = torch.from_numpy(_order(patches, tuple(images.shape[1:]))).to(images.device)
        y = self.body(images.reshape(len(images), -1)[:, order])
        return y if patches.per_token is None else y.reshape(len(y), -1, patches.per_token).mT

    def tensors(self) -> list[Tensor]:
        return self.body.tensors()


@lru_cache(maxsize=64)
def _order(patches: Patches, shape: tuple[int, ...]) -> Array:
    """Which number of an input becomes which feature; inputs of a wrong shape are refused as the network refuses them."""
    positions = np.arange(int(np.prod(shape))).reshape(1, *shape)
    return np.asarray(replace(patches, expected=None).columns(positions, np.int64)[:, 0])


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


def module_of(structure: Any) -> StructuredModule:
    """The module of a structure; what is not listed below, subclasses too, is computed by its own kernels."""
    make = _MODULES.get(type(structure))
    if make is not None:
        return make(structure)
    if isinstance(structure, StructuredOperator | Part):
        return Numpy(structure)
    raise TypeError(f"{type(structure).__name__} is no structured operator, part of a network or network")


_LEAVES = (
    *(KroneckerSparse, Kronecker, SumOfKroneckers, KroneckerSum, Monarch, Dense, Hadamard, Diagonal, LowRank),
    *(LowRankHadamard, Masked, Permutation, RectangularIdentity),
)
_MODULES: dict[type, Callable[[Any], StructuredModule]] = {
    **dict.fromkeys(_LEAVES, Leaf),
    Chain: Product,
    Sum: Total,
    BlockDiagonal: Blocks,
    HStack: Beside,
    VStack: Stacked,
    Ampliation: Repeated,
    Sequential: InSequence,
    Residual: WithSkip,
    Parallel: InParallel,
    Gate: Gated,
    Linear: Layer,
    Fixed: Frozen,
    Activation: Pointwise,
    Half: HalfOf,
    Softmax: SoftmaxOf,
    Affine: ScaleAndShift,
    LayerNorm: ChannelNorm,
    Network: Images,
}
