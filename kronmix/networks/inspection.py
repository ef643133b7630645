"""A network layer by layer, as the wide MLP it is: widths, density, spectrum, sparsity, nearest smaller structures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce, singledispatch
from itertools import starmap
from math import isqrt
from typing import Any, TypeVar

import numpy as np

from ..decompose import nearest_kronecker, nearest_monarch
from ..mixer import MixerShape
from ..operators import Chain, KroneckerSparse, StructuredOperator
from ..sparsity import hoyer
from .formulas import Step, block_steps
from .gates import Gate
from .network import Network
from .parts import Array, Linear, Part
from .threads import available_threads, workers

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class LayerSeen:
    """One effective layer.

    Attributes
    ----------
    block : int
    name : str
        "token 1", "token 2", "channel 1", …; "permuted", "group", "Dense", "Masked", "Monarch" for layers of other structures.
    operator : StructuredOperator
        The effective layer, as I_C ⊗ W or Vᵀ ⊗ I_S.
    singular_values : array
        Of the shared matrix, decreasing; each is that of the layer C (or S) times.
    edge : float
        Where σ_max of random entries of the same variance ends: rms · √columns · (1 + √γ), γ = rows/columns (T24).
    hoyer : float
        Hoyer's index of the shared matrix.
    kronecker_error, monarch_error : float
        Relative error of the nearest Kronecker product and Monarch matrix of the shared matrix, with near-square sizes.
    """

    block: int
    name: str
    operator: StructuredOperator
    singular_values: Array
    edge: float
    hoyer: float
    kronecker_error: float
    monarch_error: float

    @property
    def condition(self) -> float:
        """σ_max over σ_min; inf for a singular matrix."""
        return _condition(self.singular_values)


@dataclass(frozen=True)
class SkipSeen:
    """A block's linear product beside its skip connection: I_C ⊗ (I + W₂W₁), or (I + V₁V₂)ᵀ ⊗ I_S.

    Attributes
    ----------
    block : int
    name : str
        "token" or "channel".
    product : array
        Singular values of W₂W₁ or V₁V₂ (of the single matrix for ResMLP's token layer), decreasing.
    singular_values : array
        Of the same with the skip connection added.
    """

    block: int
    name: str
    product: Array
    singular_values: Array

    @property
    def condition(self) -> float:
        """σ_max over σ_min with the skip connection; inf for a singular matrix."""
        return _condition(self.singular_values)


@dataclass(frozen=True)
class NetworkSeen:
    """What is seen of a network.

    Attributes
    ----------
    network : Network
    layers : tuple of LayerSeen
        Without diagonal layers and the head.
    skips : tuple of SkipSeen
        One a run of layers with a skip connection around it, where they multiply to one matrix.
    shape : MixerShape or None
        Of a Mixer; with ``.equivalent_density``, p of the SW-MLP with as many connections (T7).
    steps : tuple of Step
        What the first block does, step by step, where blocks hold more than layers and activations.
    gates : int
        Products of features by features in the whole network, whose diagonals depend on the data.
    """

    network: Network
    layers: tuple[LayerSeen, ...]
    skips: tuple[SkipSeen, ...]
    shape: MixerShape | None
    steps: tuple[Step, ...] = ()
    gates: int = 0


def inspect_network(network: Network, progress: Callable[[int, int], None] = lambda done, total: None) -> NetworkSeen:
    """Look at every layer of a network; nothing of a Mixer's effective width is made (T5, T7, T15, T24).

    Parameters
    ----------
    network : Network
    progress : function of (layers done, layers)

    Examples
    --------
    >>> net = km.networks.mlp_mixer((8, 8, 1), patch=4, channels=6, depth=1, classes=3)
    >>> seen = km.networks.inspect_network(net)
    >>> [(layer.name, layer.operator.shape) for layer in seen.layers][:2]
    [('token 1', (48, 24)), ('token 2', (24, 48))]
    """
    groups = [tuple(layer for layer in block if _mixes(layer.operator)) for block in network.block_layers]
    groups = groups or [(Linear(op),) for op in network.layers()[:-1]]  # the last one is the head
    work = list(_named(groups))
    layers: list[LayerSeen] = []
    progress(0, len(work))
    for layer in _each(_inspect_layer, work):
        layers.append(layer)
        progress(len(layers), len(work))
    skips = tuple(_each(_inspect_skip, list(_runs(network))))
    gates = sum(_count_gates(part) for part in network.body.parts)
    three_way = any(_kind_name(layer) in _THREE_WAY for group in groups for layer in group)
    steps = block_steps(network) if gates or three_way else ()
    return NetworkSeen(
        network, tuple(layers), skips, _shape([layer for group in groups for layer in group]), steps, gates
    )


def _named(groups: Sequence[tuple[Linear, ...]]) -> Iterator[tuple[int, str, StructuredOperator]]:
    """Block, name and operator of every layer; layers of one kind in a block are numbered."""
    for i, group in enumerate(groups):
        kinds = [_kind_name(layer) for layer in group]
        for k, layer in enumerate(group):
            yield i, kinds[k] + (f" {kinds[: k + 1].count(kinds[k])}" if len(group) > 1 else ""), layer.operator


def _each(look: Callable[..., Seen], work: Sequence[tuple[Any, ...]]) -> Iterator[Seen]:
    """Results in order, shared among threads: the SVDs of layers are too small to keep several BLAS threads busy."""
    threads = min(available_threads(), len(work))
    if threads <= 1:
        yield from starmap(look, work)
        return
    with workers(threads) as pool:
        yield from pool.map(lambda arguments: look(*arguments), work)


def _inspect_layer(block: int, name: str, op: StructuredOperator) -> LayerSeen:
    K = shared_matrix(op)
    rows, columns = K.shape
    p, k = near_square(rows), near_square(columns)
    q, s = rows // p, columns // k
    rms = float(np.sqrt(np.mean(K**2)))
    return LayerSeen(
        block,
        name,
        op,
        _singular_values(K),
        rms * columns**0.5 * (1 + (rows / columns) ** 0.5),
        hoyer(K),
        float(nearest_kronecker(K, ((p, k), (q, s))).relative_error),
        float(nearest_monarch(K, (p, k, q, s)).relative_error),
    )


def _runs(network: Network) -> Iterator[tuple[int, str, list[StructuredOperator]]]:
    """Block, kind and operators of the layers between a skip connection's ends, where they share one matrix each."""
    for i, run in enumerate(network.runs):
        layers = [layer for layer in _linear_layers(run) if _mixes(layer.operator)]
        kinds = {_kind_name(layer) for layer in layers}
        if len(kinds) == 1 and kinds <= {"token", "channel", *_THREE_WAY} and not _count_gates(run):
            yield i // network.runs_per_block, kinds.pop(), [layer.operator for layer in layers]


def _inspect_skip(block: int, name: str, operators: Sequence[StructuredOperator]) -> SkipSeen:
    M = reduce(lambda product, K: K @ product, map(shared_matrix, operators))
    return SkipSeen(block, name, _singular_values(M), _singular_values(M + np.eye(len(M))))


def _shape(layers: list[Linear]) -> MixerShape | None:
    """S, C and the expansions, from the first token and the first channel layer."""
    first = {_kind_name(layer): shared_matrix(layer.operator).shape for layer in reversed(layers)}
    if not {"token", "channel"} <= first.keys() or first.keys() & _THREE_WAY:
        return None
    (T, S), (D, C) = first["token"], first["channel"]
    return MixerShape(S, C, token_expansion=T / S, channel_expansion=D / C)


def shared_matrix(op: StructuredOperator) -> Array:
    """The matrix whose copies make an effective layer: W of I ⊗ W, Vᵀ of Vᵀ ⊗ I; the layer's own where it has none.

    Examples
    --------
    >>> W = np.arange(4.0).reshape(2, 2)
    >>> bool((km.networks.inspection.shared_matrix(km.token_mixing(W, channels=1000)) == W).all())
    True
    """
    return np.asarray(_shared(op), dtype=np.float64)


@singledispatch
def _shared(op: StructuredOperator) -> Array:
    """The matrix that an operator applies along one axis, in its own precision."""
    return op.to_dense()


@_shared.register
def _(op: KroneckerSparse) -> Array:
    return op.values[0, 0] if op.values.shape[:2] == (1, 1) else op.to_dense()


@_shared.register
def _(op: Chain) -> Array:
    core = op.core()  # permutations around it change none of its singular values
    return op.to_dense() if core is op else _shared(core)


#: Names of layers on features with three axes: patches of a series, features of a patch.
_THREE_WAY = frozenset({"patch", "feature"})


def _kind_name(layer: Linear) -> str:
    return layer.name or _structure_name(layer.operator)


def _structure_name(op: StructuredOperator) -> str:
    """token or channel for a shared matrix on one side, group or permuted, else the operator's class."""
    if isinstance(op, Chain) and op.core() is not op:
        return "permuted"
    if not isinstance(op, KroneckerSparse):
        return type(op).__name__
    a, _, _, d = op.pattern
    tied = op.values.shape[:2] == (1, 1) and (a == 1) != (d == 1)
    return ("channel" if a == 1 else "token") if tied else "group"


def _mixes(op: StructuredOperator) -> bool:
    """False for a diagonal layer: a scale."""
    return not (isinstance(op, KroneckerSparse) and op.pattern.b == op.pattern.c == 1)


def _linear_layers(part: Part) -> list[Linear]:
    return [part] if isinstance(part, Linear) else [layer for inner in part.parts for layer in _linear_layers(inner)]


def _count_gates(part: Part) -> int:
    return isinstance(part, Gate) + sum(_count_gates(inner) for inner in part.parts)


def _singular_values(M: Array) -> Array:
    return np.linalg.svd(M, compute_uv=False)


def _condition(σ: Array) -> float:
    return float(σ[0] / σ[-1]) if σ[-1] > 0 else float("inf")


def near_square(n: int) -> int:
    """The largest divisor of n that is at most √n.

    Examples
    --------
    >>> from kronmix.networks.inspection import near_square
    >>> near_square(12), near_square(49), near_square(13)
    (3, 7, 1)
    """
    return next(d for d in range(isqrt(n), 0, -1) if n % d == 0)
