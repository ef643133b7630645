"""P2, P3: at a fixed number of connections, is a wider network a better one, and where does a sparse MLP stop training?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from kronmix import networks as nn

from ..classification import SMALL_TASK, Task, split, train
from ..shapes import channels_for
from ..sources import classes, image_shape, patch_side
from ..stacks import stacked
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

KINDS = ("MLP-Mixer", "S-Mixer", "sparse MLP")


#: Three points of accuracy.
_SMALLEST = 0.03


@dataclass(frozen=True)
class Config(Task):
    """A network whose hidden layers have ``connections`` connections on average; ``width`` is that of its hidden features, γm."""

    kind: str
    tokens: int
    channels: int
    width: int
    connections: int
    expansion: int
    depth: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy after training, and what it took: density p, parameters; FLOPs, bytes and seconds of a forward pass (E.7)."""
    if config.kind == "MLP-Mixer":
        γ, image, patch = config.expansion, image_shape(config.data), patch_side(config.data, config.tokens)
        network = nn.mlp_mixer(image, patch, config.channels, config.depth, classes(config.data), γ, γ, seed=seed)
    else:
        density = min(config.connections / config.width**2, 1.0)
        network = stacked(config.kind, config.data, config.tokens, config.channels, config.depth, seed, density=density)
    trained, found = train(network, config, seed)
    (held, _) = split(config, seed)[1]
    start = time.perf_counter()
    trained(held[:1])
    seconds = time.perf_counter() - start
    hidden = network.layers()[1:-1]  # between the embedding and the head
    return {
        **found,
        "density": float(np.mean([layer.density for layer in hidden])),
        "parameters": network.n_parameters,
        "flops": 2 * network.connections,
        "bytes": sum(factor.nbytes for factor in network.factors),
        "seconds": seconds,
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
    return sorted(table.levels("width", kind=kind))


def _grid(
    Ω: int, sizes: tuple[int, ...], wider: tuple[int, ...], narrow_noise: float = 0.0, **task: Any
) -> tuple[Config, ...]:
    """Mixers of each number of tokens, sparse MLPs of the S-Mixers' widths and of wider ones with the most tokens.

    ``narrow_noise`` of the labels for the fewest tokens.
    """
    grid = []
    for S in sizes:
        noise = {"noise": narrow_noise} if S == sizes[0] and narrow_noise else {}
        for kind, γ in (("MLP-Mixer", 2), ("S-Mixer", 1), ("sparse MLP", 1)):
            C = channels_for(Ω, S, γ)
            grid.append(Config(kind, S, C, γ * S * C, Ω, γ, **(task | noise)))
    for width in wider:
        C = width // sizes[-1]
        grid.append(Config("sparse MLP", sizes[-1], C, sizes[-1] * C, Ω, 1, **task))
    return tuple(grid)


_SMALL: dict[str, Any] = SMALL_TASK | {"depth": 1, "epochs": 5, "rate": 1e-2}

STUDY = Study(
    "pooled_width",
    "Trained from end to end at fixed connections, does accuracy rise with width for MLP-Mixer, S-Mixer and sparse MLP?",
    "P2, P3",
    {
        "quick": _grid(
            2**12, (1, 16), (1024,), depth=2, data="small mnist", train=1000, test=2000, epochs=6, rate=1e-2
        ),
        "full": _grid(
            2**17, (1, 4, 16, 49), (8192, 16384, 32768), depth=4, train=3000, test=2000, epochs=60, rate=2e-3
        ),
        "paper": _grid(
            2**18,
            (4, 16, 64),
            (16384, 32768),
            depth=8,
            data="cifar10",
            train=40_000,
            test=10_000,
            epochs=200,
            rate=1e-3,
        ),
        "null": _grid(2**10, (1, 4), (), noise=1.0, **_SMALL),
        "planted": _grid(2**10, (1, 4), (), 1.0, **_SMALL),
    },
    run_cell,
    decide,
    plot,
    {"quick": 6, "full": 5, "paper": 5, "null": 4, "planted": 4},
    _SMALLEST,
)
