"""Figure 2d, E.6: Monarch, Kronecker, dense and sparse layers in shallow networks, at equal width and at equal connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

from ..classification import SMALL_TASK, Task, train_to_the_end
from ..sources import classes, image_shape
from ..sparse import bernoulli_weight
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

KINDS = ("Monarch", "Kronecker", "sparse", "dense, equal width", "dense, equal connections")


#: Two points of accuracy.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config(Task):
    """One hidden layer of ``kind`` on n × n pixels, then φ, then a dense layer to the classes."""

    kind: str
    activation: str


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy at the end of training, at the rate that held-back images choose; numbers and connections of the hidden layer."""
    (n, width, colours), gain = image_shape(config.data), 1.0 if config.activation == "linear" else 2.0
    if n != width or colours != 1:
        raise ValueError(
            f"{config.data}: images of {n}×{width} pixels and {colours} colours, expected square gray ones"
        )
    rng = np.random.default_rng([seed, 13])
    hidden, outputs = LAYERS[config.kind](n, gain, rng), classes(config.data)
    rows = hidden.shape[0]
    inner = [] if config.activation == "linear" else [nn.Activation(config.activation)]
    head = km.Dense((rng.standard_normal((outputs, rows)) / rows**0.5).astype(np.float32))
    bias, last = np.zeros((1, rows, 1), np.float32), np.zeros((1, outputs, 1), np.float32)
    network = nn.Network(nn.Sequential(nn.Linear(hidden, bias), *inner, nn.Linear(head, last)), nn.Patches())
    sizes = {"parameters": float(hidden.n_parameters), "connections": float(hidden.connections)}
    return train_to_the_end(network, config, seed)[1] | sizes


def _monarch(n: int, gain: float, rng: np.random.Generator) -> Any:
    left, right = (rng.standard_normal((n, n, n)) for _ in range(2))
    return km.Monarch((left * (gain / n) ** 0.5).astype(np.float32), (right / n**0.5).astype(np.float32))


def _kronecker(n: int, gain: float, rng: np.random.Generator) -> Any:
    A, B = (rng.standard_normal((n, n)) for _ in range(2))
    return km.Kronecker((A * (gain / n) ** 0.5).astype(np.float32), (B / n**0.5).astype(np.float32))


def _sparse(n: int, gain: float, rng: np.random.Generator) -> Any:
    weight = bernoulli_weight(n * n, n * n, 2 / n, rng)  # 2n³ connections, as Monarch and Kronecker
    return km.Masked(((gain / (2 * n)) ** 0.5 * weight.data).astype(np.float32), weight != 0)


def _dense(n: int, gain: float, rng: np.random.Generator) -> Any:
    return km.Dense(((gain**0.5 / n) * rng.standard_normal((n * n, n * n))).astype(np.float32))


def _narrow(n: int, gain: float, rng: np.random.Generator) -> Any:
    return km.Dense(((gain**0.5 / n) * rng.standard_normal((2 * n, n * n))).astype(np.float32))


LAYERS: dict[str, Callable[[int, float, np.random.Generator], Any]] = dict(
    zip(KINDS, (_monarch, _kronecker, _sparse, _dense, _narrow), strict=True)
)


def decide(table: Table) -> Outcome:
    """With GELU, paired over seeds: does untying the Kronecker's copies (Monarch) help, at equal width and connections?"""
    there = table.levels("kind")
    accuracy = {kind: table.samples("test_accuracy", kind=kind, activation="gelu") for kind in KINDS if kind in there}
    settled, highest = sum(c.values["settled"] for c in table.cells), max(c.values["loss"] for c in table.cells)
    words = f"training settled in {settled:.0f} of {len(table.cells)} cells, losses up to {highest:.2g}; test accuracy with GELU"
    question, *others = (
        Comparison(f"Monarch minus {kind}", accuracy["Monarch"] - found, _SMALLEST)
        for kind, found in accuracy.items()
        if kind != "Monarch"
    )
    return decide_together([question], words, others)


def plot(table: Table, ax: Any) -> None:
    """Accuracy of each layer, linear and with GELU."""
    there = [kind for kind in KINDS if kind in table.levels("kind")]
    for i, activation in enumerate(table.levels("activation")):
        found = [table.interval("test_accuracy", kind=kind, activation=activation) for kind in there]
        x = np.arange(len(there)) + 0.1 * i
        draw_intervals(ax, x, found, linestyle="", label=activation)
    ax.set_xticks(range(len(there)), [kind.replace(", ", ",\n").replace("equal ", "equal\n") for kind in there])
    ax.set(ylabel="test accuracy")
    ax.legend(frameon=False)


def _grid(
    kinds: tuple[str, ...], activations: tuple[str, ...], other_noise: float = 0.0, **task: Any
) -> tuple[Config, ...]:
    """``other_noise`` of the labels for all but Monarch."""
    return tuple(
        Config(kind, φ, **({"noise": 0.0 if kind == "Monarch" else other_noise} | task))
        for kind in kinds
        for φ in activations
    )


_SMALL: dict[str, Any] = SMALL_TASK | {"epochs": 6, "rate": 1e-2}

STUDY = Study(
    "monarch_vs_kronecker",
    "At equal width and connections, is a Monarch layer, whose copies are untied, more accurate than a Kronecker product?",
    "Figure 2d, E.6",
    {
        "quick": _grid(KINDS, ("gelu",), data="small mnist", train=1000, test=2000, epochs=20, rate=1e-2),
        "full": _grid(KINDS, ("linear", "gelu"), train=3000, test=2000, epochs=60, rate=3e-3),
        "null": _grid(KINDS[:2], ("gelu",), noise=1.0, **_SMALL),
        "planted": _grid(KINDS[:2], ("gelu",), 1.0, **_SMALL),
    },
    run_cell,
    decide,
    plot,
    {"quick": 6, "full": 20, "null": 4, "planted": 4},
    _SMALLEST,
)
