"""P2, P3: at a fixed number of connections, is a wider network a better one, and where does a sparse MLP stop training?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from kronmix import networks as nn

from ..classification import Task, image_shape, stacked, train
from ..shapes import channels_for
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

KINDS = ("MLP-Mixer", "S-Mixer", "sparse MLP")


#: Two points of accuracy.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config:
    """A network whose hidden layers have ``connections`` connections on average; ``width`` is that of its hidden features, γm."""

    kind: str
    patch: int
    channels: int
    width: int
    connections: int
    expansion: int
    depth: int
    data: str
    train: int
    epochs: int
    rate: float


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy after training, and what it took: density p, parameters, FLOPs of a forward pass, bytes, seconds (E.7)."""
    task = Task(config.data, config.train, 500, config.epochs, 50, config.rate)
    if config.kind == "MLP-Mixer":
        γ, image = config.expansion, image_shape(config.data)
        network = nn.mlp_mixer(image, config.patch, config.channels, config.depth, 10, γ, γ, seed=seed)
    else:
        density = min(config.connections / config.width**2, 1.0)
        network = stacked(config.kind, config.data, config.patch, config.channels, config.depth, seed, density=density)
    start = time.perf_counter()
    found = train(network, task, seed)[1]
    hidden = network.layers()[1:-1]  # between the embedding and the head
    return {
        **found,
        "density": float(np.mean([layer.density for layer in hidden])),
        "parameters": network.n_parameters,
        "flops": 2 * network.connections,
        "bytes": sum(factor.nbytes for factor in network.factors),
        "seconds": time.perf_counter() - start,
    }


def decide(table: Table) -> Outcome:
    """Supported where the widest Mixer of either kind is more accurate than the narrowest, paired over seeds."""
    changes = []
    for kind in KINDS[:2]:
        widths = _widths(table, kind)
        wide, narrow = (table.samples("test_accuracy", kind=kind, width=w) for w in (widths[-1], widths[0]))
        changes.append(Comparison(f"{kind} from width {widths[0]} to {widths[-1]}", wide - narrow, _SMALLEST))
    widths = _widths(table, "sparse MLP")
    means = {w: table.interval("test_accuracy", kind="sparse MLP", width=w).mean for w in widths}
    best = max(means, key=lambda w: means[w])
    stopped = [w for w in widths if w > best and means[w] < 0.5 * means[best]]
    where = (
        f"below half of that from width {stopped[0]}" if stopped else f"{means[widths[-1]]:.3g} at width {widths[-1]}"
    )
    return decide_together(
        changes, f"sparse MLP: best at width {best} with {means[best]:.3g}, {where}; change of accuracy"
    )


def plot(table: Table, ax: Any) -> None:
    """Accuracy against the width of the hidden features."""
    for kind in KINDS:
        widths = _widths(table, kind)
        found = [table.interval("test_accuracy", kind=kind, width=w) for w in widths]
        draw_intervals(ax, widths, found, label=kind)
    ax.set(xscale="log", xlabel="hidden width γm, connections fixed", ylabel="test accuracy")
    ax.legend(frameon=False)


def _widths(table: Table, kind: str) -> list[int]:
    return sorted({c["width"] for c in table.configurations if c["kind"] == kind})


def _grid(Ω: int, patches: tuple[int, ...], wider: tuple[int, ...], **task: Any) -> tuple[Config, ...]:
    """Mixers of each number of tokens, sparse MLPs of the S-Mixers' widths and of wider ones (a patch of the whole image)."""
    grid = []
    for patch in patches:
        S = (28 // patch) ** 2
        for kind, γ in (("MLP-Mixer", 2), ("S-Mixer", 1), ("sparse MLP", 1)):
            C = channels_for(Ω, S, γ)
            grid.append(Config(kind, patch, C, γ * S * C, Ω, γ, data="mnist", **task))
    tokens = (28 // patches[-1]) ** 2
    for width in wider:
        C = width // tokens
        grid.append(Config("sparse MLP", patches[-1], C, tokens * C, Ω, 1, data="mnist", **task))
    return tuple(grid)


STUDY = Study(
    "fixed_connections",
    "At a fixed number of connections, does accuracy rise with width for MLP-Mixer, S-Mixer and sparse MLP?",
    "P2, P3",
    {
        "quick": _grid(2**13, (28, 14, 7), (1024, 4096, 8192), depth=3, train=1000, epochs=12, rate=3e-3),
        "full": _grid(2**17, (28, 14, 7, 4), (8192, 16384, 32768, 65536), depth=4, train=4000, epochs=60, rate=2e-3),
    },
    run_cell,
    decide,
    plot,
    {"quick": 4, "full": 5},
    _SMALLEST,
    lambda config: (config.data,),
)
