"""T24, E.3: the largest singular value against 1 + √γ and Marchenko–Pastur, of Mixers and sparse MLPs, and along training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

import kronmix as km
from kronmix.networks import inspect_network

from ..classification import Task, train
from ..sparse import bernoulli_weight
from ..stacks import stacked
from ..statistics import Comparison, Outcome, Samples, decide_together
from ..study import Study, Table, draw_intervals

#: Of the trained networks.
TOKENS = 16


#: Of σ_max over its limit.
_SMALLEST = 0.1


@dataclass(frozen=True)
class Config:
    """A layer of width m → γm with a fixed number of connections, fresh; with ``epochs``, a trained network's hidden layers."""

    kind: str
    width: int
    connections: int
    expansion: int
    epochs: int | None = None
    data: str = "mnist"


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """σ_max over its limit, and the spread of the squared singular values over that of Marchenko–Pastur.

    The limit is that of independent entries of the same variance: ‖B‖_F (1 + √γ)/√(rows). The spread is E λ²/(E λ)² of λ = σ²,
    which is 1 + 1/γ for Marchenko–Pastur.
    """
    if config.epochs is not None:
        layers = _trained(config, config.epochs, seed)
        return {name: float(np.mean([_edge_and_spread(B)[name] for B in layers])) for name in ("edge", "spread")}
    rng = np.random.default_rng(seed)
    m, γ = config.width, config.expansion
    inputs = config.connections / (γ * m)  # of every output, on average
    if config.kind == "Mixer":
        S = round(inputs)
        return _edge_and_spread(csr_array(rng.normal(size=(γ * S, S))))
    return _edge_and_spread(bernoulli_weight(γ * m, m, inputs / m, rng))


def _trained(config: Config, epochs: int, seed: int) -> list[csr_array]:
    """Shared matrices of the hidden layers after training on images."""
    C = config.width // TOKENS
    density = config.connections / config.width**2
    kind = {"Mixer": "S-Mixer"}.get(config.kind, config.kind)
    network = stacked(kind, config.data, TOKENS, C, 1, seed, density=density)
    if epochs:
        network, _ = train(network, Task(data=config.data, train=1000, test=100, epochs=epochs, rate=3e-3), seed)
    if config.kind == "Mixer":
        seen = [layer.operator for layer in inspect_network(network).layers[1:]]  # the first is the embedding
        return [csr_array(km.networks.inspection.shared_matrix(op)) for op in seen]
    return [op.to_sparse().astype(np.float64) for op in network.layers()[1:-1]]


def _edge_and_spread(B: csr_array) -> dict[str, float]:
    """Largest singular value and spread of B, each divided by its value for independent random entries."""
    rows, columns = B.shape
    start = np.random.default_rng(0).standard_normal(min(B.shape))
    largest = (
        float(svds(B, k=1, return_singular_vectors=False, v0=start)[0])
        if min(B.shape) > 2
        else _spectral_norm(B.toarray())
    )
    size, γ = float(np.sqrt(B.power(2).sum())), rows / columns
    gram = (B.T @ B).power(2).sum()
    return {
        "edge": largest * rows**0.5 / (size * (1 + γ**0.5)),
        "spread": float(gram) * columns / size**4 / (1 + 1 / γ),
    }


def _spectral_norm(B: Any) -> float:
    return float(np.linalg.norm(B, 2))


def decide(table: Table) -> Outcome:
    """Supported where at initialisation the sparse MLP's edge grows with width, and by more than the Mixer's."""
    fresh: dict[str, Any] = {"epochs": None}
    widths = sorted(table.levels("width", epochs=None))
    epochs = _epochs(table)

    def change(kind: str, last: dict[str, Any], first: dict[str, Any]) -> Samples:
        return table.samples("edge", kind=kind, **last) - table.samples("edge", kind=kind, **first)

    sparse, mixer = (
        change(kind, {"width": widths[-1], **fresh}, {"width": widths[0], **fresh}) for kind in ("sparse MLP", "Mixer")
    )
    along = "; ".join(
        f"{kind} {change(kind, {'epochs': epochs[-1]}, {'epochs': 0}).interval}" for kind in ("sparse MLP", "Mixer")
    )
    return decide_together(
        [
            Comparison("sparse MLP", sparse, _SMALLEST),
            Comparison(f"sparse MLP minus Mixer ({mixer.interval})", sparse - mixer, _SMALLEST),
        ],
        f"change of σ_max over its limit along {epochs[-1]} epochs of training: {along}; "
        f"from width {widths[0]} to {widths[-1]} at fixed connections",
    )


def plot(table: Table, ax: Any) -> None:
    """σ_max against width at initialisation; inside, along training."""
    inset = ax.inset_axes((0.12, 0.5, 0.36, 0.38))
    widths = sorted(table.levels("width", epochs=None))
    epochs = _epochs(table)
    for kind in ("sparse MLP", "Mixer"):
        fresh = [table.interval("edge", kind=kind, width=w, epochs=None) for w in widths]
        trained = [table.interval("edge", kind=kind, epochs=e) for e in epochs]
        for axes, x, found in ((ax, widths, fresh), (inset, epochs, trained)):
            draw_intervals(axes, x, found, label=kind)
    ax.axhline(1, color="0.5", linestyle="--", linewidth=0.9)
    ax.set(xscale="log", xlabel="width m, connections fixed", ylabel="σ_max over its limit ∝ 1 + √γ")
    inset.set_title("along training", fontsize=8)
    inset.set_xlabel("epochs", fontsize=8)
    ax.legend(frameon=False, loc="lower right")


def _epochs(table: Table) -> list[int]:
    return sorted(set(table.levels("epochs")) - {None})


def _grid(
    widths: tuple[int, ...], connections: int, channels: int, epochs: tuple[int, ...], data: str = "mnist"
) -> tuple[Config, ...]:
    m = TOKENS * channels
    Ω = (TOKENS + channels) * m // 2
    fresh = [Config(kind, width, connections, 2, data=data) for kind in ("sparse MLP", "Mixer") for width in widths]
    return (*fresh, *(Config(kind, m, Ω, 1, e, data) for kind in ("sparse MLP", "Mixer") for e in epochs))


STUDY = Study(
    "spectral_edge",
    "At fixed connections, does σ_max grow with width for sparse MLPs and stay for Mixers, and what does training do to it?",
    "T24, E.3",
    {
        "quick": _grid((512, 1024, 2048, 4096), 2**17, 16, (0, 1, 8)),
        "full": _grid(tuple(2**k for k in range(9, 16)), 2**19, 49, (0, 1, 3, 10, 30, 100)),
        "null": _grid((256, 257), 2**13, 4, (0, 1), "digits"),  # next to no change of width
        "planted": _grid((256, 2048), 2**13, 4, (0, 1), "digits"),
    },
    run_cell,
    decide,
    plot,
    {"quick": 5, "full": 20, "null": 5, "planted": 5},
    _SMALLEST,
)
