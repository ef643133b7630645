"""Figure 2d, E.6: Monarch, Kronecker, dense and sparse layers in shallow networks, at equal width and at equal connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

from ..classification import Task, image_shape, train
from ..sparse import bernoulli_weight
from ..statistics import Comparison, Outcome, compare
from ..study import Study, Table, draw_intervals

KINDS = ("Monarch", "Kronecker", "sparse", "dense, equal width", "dense, equal connections")


#: One point of accuracy.
_SMALLEST = 0.01


@dataclass(frozen=True)
class Config:
    """One hidden layer of ``kind`` on n × n pixels, then φ, then a dense layer to the classes."""

    kind: str
    activation: str
    data: str
    train: int
    epochs: int
    rate: float


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy, parameters and connections of the hidden layer."""
    n, gain = image_shape(config.data)[0], 1.0 if config.activation == "linear" else 2.0
    rng = np.random.default_rng([seed, 13])
    hidden = LAYERS[config.kind](n, gain, rng)
    rows = hidden.shape[0]
    inner = [] if config.activation == "linear" else [nn.Activation(config.activation)]
    head = km.Dense((rng.standard_normal((10, rows)) / rows**0.5).astype(np.float32))
    bias, last = np.zeros((1, rows, 1), np.float32), np.zeros((1, 10, 1), np.float32)
    network = nn.Network(nn.Sequential(nn.Linear(hidden, bias), *inner, nn.Linear(head, last)), nn.Patches())
    task = Task(config.data, config.train, 500, config.epochs, 50, config.rate)
    sizes = {"parameters": float(hidden.n_parameters), "connections": float(hidden.connections)}
    return train(network, task, seed)[1] | sizes


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
    accuracy = {kind: table.samples("test_accuracy", kind=kind, activation="gelu") for kind in KINDS}
    found = compare(
        [
            Comparison(f"Monarch minus {kind}", accuracy["Monarch"] - accuracy[kind], _SMALLEST)
            for kind in KINDS[1:]  # the question is the first; the others are told beside it
        ]
    )
    words = "; ".join(map(str, found))
    return Outcome(found[0].verdict, f"test accuracy with GELU: {words}; smallest effect that counts {_SMALLEST:g}")


def plot(table: Table, ax: Any) -> None:
    """Accuracy of each layer, linear and with GELU."""
    for offset, activation in ((-0.1, "linear"), (0.1, "gelu")):
        found = [table.interval("test_accuracy", kind=kind, activation=activation) for kind in KINDS]
        x = np.arange(len(KINDS)) + offset
        draw_intervals(ax, x, found, linestyle="", label=activation)
    ax.set_xticks(range(len(KINDS)), [kind.replace(", ", ",\n").replace("equal ", "equal\n") for kind in KINDS])
    ax.set(ylabel="test accuracy")
    ax.legend(frameon=False)


def _grid(data: str, **task: Any) -> tuple[Config, ...]:
    return tuple(Config(kind, φ, data, **task) for kind in KINDS for φ in ("linear", "gelu"))


STUDY = Study(
    "monarch_vs_kronecker",
    "At equal width and connections, is a Monarch layer, whose copies are untied, more accurate than a Kronecker product?",
    "Figure 2d, E.6",
    {
        "quick": _grid("mnist", train=1500, epochs=6, rate=2e-3),
        "full": _grid("mnist", train=4000, epochs=60, rate=1e-3),
    },
    run_cell,
    decide,
    plot,
    {"quick": 4, "full": 20},
    _SMALLEST,
    lambda config: (config.data,),
)
