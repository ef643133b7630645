"""P2, T7: at equal connections, is a wider, sparser network better than a narrow dense one, and what does sharing weights do?

Only hidden layers are trained, between a fixed random embedding and a fixed random read-out, so that trained connections are equal.
The arms separate the causes: *untied* has a Mixer's supports and shares nothing, *sparse* has random supports, *tied* is the Mixer,
*permuted* the Mixer with random supports. At equal trained weights, *few* has as few as the Mixer, without sharing, and *wide* is a
Mixer so wide that it has as many as the dense layer, of more and smaller patches.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

from ..classification import Task, train_at_best_rate
from ..sources import classes, image_shape, patch_side
from ..stacks import LAYERS, Layer, normal
from ..statistics import Comparison, Outcome, Samples, average, decide_together
from ..study import Study, Table, draw_intervals

#: Two points of accuracy.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config(Task):
    """``layers`` hidden layers of ``kind`` on tokens × channels features."""

    arm: str
    kind: str
    tokens: int
    channels: int
    density: float
    layers: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy at the rate that held-back training images choose; trained weights, connections and width of a hidden layer."""
    network = _build_network(config, np.random.default_rng([seed, 17]))
    found = train_at_best_rate(network, config, seed)[1]
    layers = network.layers()
    return found | {
        "trained_weights": float(np.mean([op.n_parameters for op in layers])),
        "connections": float(np.mean([op.connections for op in layers])),
        "width": float(config.tokens * config.channels),
    }


def _build_network(config: Config, rng: np.random.Generator) -> nn.Network:
    S, C, width = config.tokens, config.channels, config.tokens * config.channels
    pixels, labels = int(np.prod(image_shape(config.data))) // S, classes(config.data)
    parts: list[nn.Part] = [nn.Fixed(km.channel_mixing(_isometry(rng, pixels, C), tokens=S))]
    for i in range(config.layers):
        op = LAYERS[config.kind](Layer(S, C, i % 2 == 0, config.density, 2.0), rng)
        parts += [nn.Linear(op, np.zeros((1, width, 1), np.float32)), nn.Activation("gelu")]
    head = nn.Fixed(km.Dense(normal(rng, (labels, width), width)))
    return nn.Network(nn.Sequential(*parts, head), nn.Patches(patch_side(config.data, S)), config.arm)


def _isometry(rng: np.random.Generator, rows: int, columns: int) -> Any:
    """Orthonormal rows or columns, times what keeps the size of features."""
    q = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))[0]
    return ((q if rows >= columns else q.T) * max(columns / rows, 1.0) ** 0.5).astype(np.float32)


def decide(table: Table) -> Outcome:
    """Supported where untied and sparse layers beat narrow dense ones on average over the data; sharing is reported as well."""
    configs = {c["arm"]: c for c in table.configurations}
    words = ", ".join(
        f"{arm} {table.interval('width', arm=arm, data=c['data']).mean:.0f} wide with "
        f"{table.interval('trained_weights', arm=arm, data=c['data']).mean:.0f} trained weights and "
        f"{table.interval('connections', arm=arm, data=c['data']).mean:.0f} connections a layer"
        for arm, c in configs.items()
    )
    wider = [
        Comparison(
            f"{arm} minus dense",
            average(_difference(table, data, arm, "dense") for data in table.levels("data")),
            _SMALLEST,
        )
        for arm in ("untied", "sparse")
    ]
    beside = [
        Comparison(f"{data}, {first} minus {second}", _difference(table, data, first, second), _SMALLEST)
        for data in table.levels("data")
        for first, second in _BESIDE
        if {first, second} <= set(configs)
    ]
    return decide_together(wider, f"{words}; test accuracy, mean over {', '.join(table.levels('data'))}", beside)


#: What sharing does: against a dense layer of equal connections, at equal connections and width, at equal trained weights, few and
#: many, and with random supports.
_BESIDE = (
    ("untied", "dense"),
    ("sparse", "dense"),
    ("tied", "dense"),
    ("tied", "untied"),
    ("tied", "few"),
    ("wide", "dense"),
    ("permuted", "tied"),
)


def _difference(table: Table, data: str, first: str, second: str) -> Samples:
    one, other = (table.samples("test_accuracy", arm=arm, data=data) for arm in (first, second))
    return one - other


def plot(table: Table, ax: Any) -> None:
    """Accuracy of every arm, by data."""
    arms = table.levels("arm")
    for i, data in enumerate(table.levels("data")):
        found = [table.interval("test_accuracy", arm=arm, data=data) for arm in arms]
        draw_intervals(ax, np.arange(len(arms)) + 0.08 * i, found, linestyle="", label=data)
    labels = [f"{arm}\n{table.interval('width', arm=arm, data=table.levels('data')[0]).mean:.0f} wide" for arm in arms]
    ax.set_xticks(range(len(arms)), labels)
    ax.set(ylabel="test accuracy")
    ax.legend(frameon=False, fontsize=8)


#: The middle of the first three rates of an arm, in multiples of the task's: what pilots chose most often.
_RATES = {"dense": 1, "untied": 3, "sparse": 3, "tied": 9, "permuted": 3, "few": 9, "wide": 1}


def _grid(
    q: int,
    sources: tuple[str, ...],
    noises: dict[str, float] | None = None,
    layers: int = 4,
    *,
    rate: float,
    **task: Any,
) -> tuple[Config, ...]:
    """Mixers with S = C = q²: as many connections as a dense layer q³ wide, as many trained weights as that with density 1/q².

    Where there are ``noises`` of the labels, the arms are those that have one. The wide Mixer has S = C = q³.
    """
    S, narrow, p = q**2, q**3, 1 / q**2
    arms = {
        "dense": ("dense MLP", 1, narrow, 1.0),
        "untied": ("untied", S, S, p),
        "sparse": ("sparse MLP", S, S, p),
        "tied": ("S-Mixer", S, S, p),
        "permuted": ("RP-Mixer", S, S, p),
        "few": ("sparse MLP", S, narrow // S, p),
    }
    if isqrt(narrow) ** 2 == narrow:  # tokens that lie in a square
        arms["wide"] = ("S-Mixer", narrow, narrow, 1 / narrow)
    noises = noises or dict.fromkeys(arms, 0.0)
    return tuple(
        Config(arm, *arms[arm], layers, data=data, noise=noise, rate=_RATES[arm] * rate, **task)
        for data in sources
        for arm, noise in noises.items()
    )


_SMALL: dict[str, Any] = {"layers": 2, "train": 300, "test": 500, "epochs": 8, "rate": 1e-2}
_SOURCES = ("small mnist", "dense teacher", "mixer teacher", "shifted mnist", "natural patches")

STUDY = Study(
    "fixed_connections",
    "At equal trained connections, is a wider and sparser network more accurate than a narrow dense one?",
    "P2, T7",
    {
        "quick": _grid(4, _SOURCES[::2], train=1000, test=2000, epochs=6, rate=5e-3),
        "full": _grid(4, _SOURCES, train=2500, test=2000, epochs=30, rate=3e-3),
        "paper": _grid(8, ("cifar10",), train=40_000, test=10_000, epochs=100, rate=1e-3),
        "null": _grid(2, ("small mnist",), {"dense": 1.0, "untied": 1.0, "sparse": 1.0}, **_SMALL),
        "planted": _grid(2, ("small mnist",), {"dense": 1.0, "untied": 0.0, "sparse": 0.0}, **_SMALL),
    },
    run_cell,
    decide,
    plot,
    {"quick": 10, "full": 20, "paper": 5, "null": 4, "planted": 4},
    _SMALLEST,
)
