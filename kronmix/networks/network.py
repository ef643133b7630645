"""Networks of structured operators: one class for dense MLPs, sparse MLPs and Mixers (T5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..operators import StructuredOperator
from .activations import Activation
from .gates import Gate
from .normalization import Affine, LayerNorm
from .parts import Array, Fixed, Linear, Part, Residual, Sequential
from .patches import Inputs
from .recipes import Recipe


@dataclass(frozen=True, repr=False)
class Network:
    """An MLP whose layers are structured operators, acting on images or on columns of features.

    Parameters
    ----------
    body : Sequential
        Maps columns of pixels (width, batch) to columns of outputs (classes, batch).
    patches : Patches, or anything with its ``columns`` and ``outputs``
        How images (N, H, W, colours), feature matrices (N, S, C) or rows (N, width) become columns; ``Patches()`` without patches.
    name : str
        What it is, for tables.
    recipe : Recipe, optional
        How a builder made it.
    runs_per_block : int
        Skip connections a block: 2 of a Mixer, around its token MLP and around its channel MLP.
    ignored : mapping of name to reason
        Arrays of the file it was read from that change no output.

    Examples
    --------
    The builders (:func:`mlp_mixer`, :func:`monarch_mlp`, …) make the usual ones; any parts will do:

    >>> from kronmix.networks import Activation, Linear, Network, Patches, Sequential
    >>> token, head = km.token_mixing(np.eye(8), channels=6), km.Dense(np.ones((3, 48)))
    >>> net = Network(Sequential(Linear(token), Activation("relu"), Linear(head)), Patches(), "my own")
    >>> net, net(np.ones((5, 8, 6))).shape  # 8² numbers for a 48 × 48 layer
    (Network(my own, widths 48 → 48 → 3, 208 parameters), (5, 3))
    >>> [op.density for op in net.layers()]
    [0.16666666666666666, 1.0]
    """

    body: Sequential
    patches: Inputs
    name: str = "network"
    recipe: Recipe | None = None
    runs_per_block: int = 2
    ignored: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def factors(self) -> tuple[Array, ...]:
        """Trainable arrays."""
        return self.body.factors

    def with_factors(self, *arrays: Array) -> Network:
        """Return the same network with other values of its factors."""
        return replace(self, body=self.body.with_factors(*arrays))

    @property
    def n_parameters(self) -> int:
        """Independent numbers trained."""
        return sum(f.size for f in self.factors)

    def layers(self) -> tuple[StructuredOperator, ...]:
        """Trained linear layers, first one first: the weights of the wide MLP (T5)."""
        return tuple(part.operator for part in _leaves(self.body) if isinstance(part, Linear))

    @property
    def blocks(self) -> tuple[tuple[StructuredOperator, ...], ...]:
        """Effective layers of each block of a Mixer: token MLP, then channel MLP, each with its skip connection.

        Empty for networks whose skip connections do not make whole blocks.
        """
        return tuple(tuple(layer.operator for layer in block) for block in self.block_layers)

    @property
    def block_layers(self) -> tuple[tuple[Linear, ...], ...]:
        """The layers of each block as parts, with their biases and names."""
        runs = self.runs
        if len(runs) % self.runs_per_block:
            return ()
        return tuple(
            tuple(part for run in block for part in _leaves(run) if isinstance(part, Linear))
            for block in (runs[i : i + self.runs_per_block] for i in range(0, len(runs), self.runs_per_block))
        )

    @property
    def runs(self) -> tuple[Residual, ...]:
        """Parts with a skip connection around them, in order."""
        return tuple(_residuals(self.body))

    @property
    def connections(self) -> int:
        """Multiply-adds of the linear layers for one sample."""
        return sum(op.connections for op in self.layers())

    def __call__(self, images: Any, batch: int = 256) -> Array:
        """Outputs (N, classes) for images, in batches."""
        X = self.patches.columns(images, self._dtype)
        outputs = [self.body(np.ascontiguousarray(X[:, i : i + batch])) for i in range(0, X.shape[1], batch)]
        return (
            self.patches.outputs(np.concatenate(outputs, axis=1), images) if outputs else np.empty((0, 0), self._dtype)
        )

    def features(self, images: Any) -> tuple[Array, ...]:
        """Hidden features: what leaves every activation and every run of layers with a skip connection.

        Parameters
        ----------
        images : as for a call

        Returns
        -------
        tuple of arrays of shape (N, width)

        Examples
        --------
        >>> net = km.networks.s_mixer(4, 6, depth=1, classes=3)
        >>> [f.shape for f in net.features(np.zeros((5, 4, 6)))]
        [(5, 24), (5, 24)]
        """
        X, kept = self.patches.columns(images, self._dtype), []
        for part in self.body.parts:
            X = part(X)
            if isinstance(part, Activation | Residual):
                kept.append(X.T)
        return tuple(kept)

    def __repr__(self) -> str:
        widths = [self.layers()[0].shape[1], *(op.shape[0] for op in self.layers())]
        shown = widths if len(widths) <= 6 else [*widths[:3], "…", *widths[-2:]]
        size = f"{self.n_parameters:,}".replace(",", " ")
        return f"Network({self.name}, widths {' → '.join(map(str, shown))}, {size} parameters)"

    @property
    def _dtype(self) -> np.dtype[Any]:
        return np.result_type(np.float32, *self.factors)

    def as_wide_mlp(self) -> WideMLP:
        """The same function as an ordinary MLP on vectors: explicit effective weights between activations (T5)."""
        return WideMLP(tuple(_wide(self.body)), self.patches)


@dataclass(frozen=True)
class WideLayer:
    """One layer of the wide MLP: x ↦ φ(B x + b), with an optional norm before and a skip connection around a run of layers.

    Attributes
    ----------
    operator : StructuredOperator
        Effective weight B.
    bias : array of shape (rows,)
    norm : LayerNorm, Affine or None
        Applied to x first.
    activation : str
        "linear" for none.
    saves_skip, adds_skip : bool
        Whether x is kept for a skip connection, or the kept one added to the result.
    """

    operator: StructuredOperator
    bias: Array
    norm: LayerNorm | Affine | None = None
    activation: str = "linear"
    saves_skip: bool = False
    adds_skip: bool = False


@dataclass(frozen=True)
class WideMLP:
    """The T5 view of a network: a list of wide, sparse layers.

    Attributes
    ----------
    layers : tuple of WideLayer
        First one first; what is not trained (pooling, permutations) is a layer too.
    patches : Patches
        How inputs become columns, as the network's.

    References
    ----------
    Hayase & Karakida, *Understanding MLP-Mixer as a wide and sparse MLP*, ICML 2024 (T5).

    Examples
    --------
    >>> net = km.networks.s_mixer(4, 6, depth=1, classes=3, dtype=float)
    >>> wide, X = net.as_wide_mlp(), np.random.default_rng(0).normal(size=(5, 4, 6))
    >>> wide.widths, bool(np.allclose(wide(X), net(X)))
    ((24, 24, 24, 6, 3), True)
    >>> [(layer.activation, f"{layer.operator.density:.3f}") for layer in wide.layers[:2]]  # 1/C and 1/S
    [('gelu', '0.167'), ('gelu', '0.250')]
    """

    layers: tuple[WideLayer, ...]
    patches: Inputs

    @property
    def widths(self) -> tuple[int, ...]:
        """Input width, then the width after each layer."""
        return (self.layers[0].operator.shape[1], *(layer.operator.shape[0] for layer in self.layers))

    def __call__(self, images: Any) -> Array:
        """Outputs (N, classes), by explicit sparse matrices: slow and independent of the network's own kernels."""
        x = self.patches.columns(images, np.result_type(np.float32, self.layers[0].operator.dtype))
        kept = x
        for layer in self.layers:
            if layer.saves_skip:
                kept = x
            if layer.norm is not None:
                x = layer.norm(x)
            x = np.asarray(layer.operator.to_sparse() @ x) + layer.bias[:, None]
            if layer.activation != "linear":
                x = Activation(layer.activation)(x)
            if layer.adds_skip:
                x = x + kept
        return self.patches.outputs(x, images)


def _wide(body: Sequential) -> list[WideLayer]:
    """Layers of a body: norms go with the layer after them, activations with the layer before."""
    layers: list[WideLayer] = []
    norm: LayerNorm | Affine | None = None
    for part in body.parts:
        match part:
            case Residual():
                inner = _wide(part)
                inner[0] = replace(inner[0], saves_skip=True)
                inner[-1] = replace(inner[-1], adds_skip=True)
                layers += inner
            case LayerNorm() | Affine():
                norm = part
            case Activation():
                layers[-1] = replace(layers[-1], activation=part.name)
            case Linear() | Fixed():
                layers.append(WideLayer(part.operator, _full_bias(part), norm))
                norm = None
            case Gate():
                raise TypeError(
                    "a gate multiplies features by features, a diagonal that depends on the data: it is no layer of a wide MLP; "
                    "net.layers() lists the linear layers on both sides of it"
                )
            case _:
                raise TypeError(f"{type(part).__name__} has no place in a wide MLP")
    return layers


def _residuals(part: Part) -> list[Residual]:
    return [part] if isinstance(part, Residual) else [run for inner in part.parts for run in _residuals(inner)]


def _full_bias(part: Linear | Fixed) -> Array:
    """The bias at every output: shape (outputs,), zero where there is none."""
    bias = part.bias if isinstance(part, Linear) else None
    if bias is None:
        return np.zeros(part.operator.shape[0], part.operator.dtype)
    assert isinstance(part, Linear)
    return np.broadcast_to(bias, part.rows).reshape(-1)


def _leaves(part: Part) -> list[Part]:
    """The parts of a network in order, those made of parts opened."""
    return [leaf for inner in part.parts for leaf in _leaves(inner)] if part.parts else [part]
