"""Does the structure that km.search finds in a trained dense layer say which structured layer trains best?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

from ..classification import Task, split, train_at_best_rate
from ..sources import classes, image_shape
from ..stacks import normal
from ..statistics import Comparison, Outcome, Samples, average, decide_together
from ..study import Study, Table, draw_intervals

#: Two points of accuracy.
_SMALLEST = 0.02

#: What is searched with regard to inputs; shape and rank are the search's.
FAMILIES = ("low rank", "Kronecker sum", "Monarch")


@dataclass(frozen=True)
class Config(Task):
    """A dense n × n layer on n pixels, GELU, a dense layer to the classes; structures may store ``share`` of its numbers."""

    share: float


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy of the dense layer and of every family, trained from random numbers; error of the nearest to the dense layer.

    The error is that of the trained layer's outputs on its inputs, relative.
    """
    rng = np.random.default_rng([seed, 29])
    n = int(np.prod(image_shape(config.data)))
    dense, found = train_at_best_rate(
        _build_network(km.Dense(normal(rng, (n, n), 100 * n)), config.data, rng), config, seed
    )
    values = {"dense: accuracy": found["test_accuracy"]}
    inputs = split(config, seed)[0][0].reshape(config.train, -1).T.astype(np.float64)
    front = km.search(
        dense.layers()[0].to_dense().astype(np.float64), budget=config.share, families=FAMILIES, inputs=inputs
    )
    for family in FAMILIES:
        nearest = min((c for c in front.candidates if c.family == family), key=lambda c: c.relative_error)
        fresh = _fresh(front.fit(nearest).operator, rng)
        values[f"{family}: error"] = nearest.relative_error
        values[f"{family}: numbers"] = float(fresh.n_parameters)
        measured = train_at_best_rate(_build_network(fresh, config.data, rng), config, seed)[1]
        values[f"{family}: accuracy"] = measured["test_accuracy"]
    return values


def _build_network(layer: km.StructuredOperator, data: str, rng: np.random.Generator) -> nn.Network:
    rows, labels = layer.shape[0], classes(data)
    hidden = nn.Linear(layer, np.zeros((1, rows, 1), np.float32))
    head = nn.Linear(km.Dense(normal(rng, (labels, rows), rows)), np.zeros((1, labels, 1), np.float32))
    return nn.Network(nn.Sequential(hidden, nn.Activation("gelu"), head), nn.Patches())


def _fresh(op: km.StructuredOperator, rng: np.random.Generator) -> km.StructuredOperator:
    """The same structure with random numbers, of the size that keeps the variance of what a GELU halves."""
    drawn = op.with_factors(*(rng.standard_normal(f.shape) for f in op.factors))
    size = (2 * op.shape[0]) ** 0.5 / km.norm(drawn, "fro")
    scale = size**0.5  # every structure here is a sum of products of two factors
    return op.with_factors(*((scale * f).astype(np.float32) for f in drawn.factors))


def decide(table: Table) -> Outcome:
    """Supported where the family nearest to the dense layer, seed by seed, trains better than the families do on average."""
    gains, beside, words = [], [], []
    for data in table.levels("data"):
        error, accuracy = (
            {f: table.samples(f"{f}: {what}", data=data).by_seed for f in FAMILIES} for what in ("error", "accuracy")
        )
        chosen = {seed: min(FAMILIES, key=lambda f: error[f][seed]) for seed in error[FAMILIES[0]]}
        mean = {seed: float(np.mean([accuracy[f][seed] for f in FAMILIES])) for seed in chosen}
        best = max(FAMILIES, key=lambda f: float(np.mean(list(accuracy[f].values()))))
        picked = Samples({seed: accuracy[family][seed] for seed, family in chosen.items()})
        told = ", ".join(
            f"{f} {table.interval(f'{f}: error', data=data)} and {table.interval(f'{f}: accuracy', data=data)}"
            for f in FAMILIES
        )
        counts = ", ".join(f"{f} {list(chosen.values()).count(f)}" for f in FAMILIES)
        words.append(f"{data}: error of the search and accuracy {told}; nearest in how many seeds: {counts}")
        gains.append(picked - Samples(mean))
        beside += [
            Comparison(f"{data}, nearest minus mean of all", gains[-1], _SMALLEST),
            Comparison(f"{data}, nearest minus {best}", picked - Samples(accuracy[best]), _SMALLEST),
        ]
    question = Comparison("nearest minus mean of all, average over the data", average(gains), _SMALLEST)
    return decide_together([question], f"{'; '.join(words)}; test accuracy", beside)


def plot(table: Table, ax: Any) -> None:
    """Accuracy trained afresh against the error of the search, of every family, by data."""
    for i, data in enumerate(table.levels("data")):
        for family, marker in zip(FAMILIES, "os^", strict=True):
            error = table.interval(f"{family}: error", data=data).mean
            found = table.interval(f"{family}: accuracy", data=data)
            draw_intervals(ax, [error], [found], color=f"C{i}", marker=marker, label=f"{data}, {family}")
    ax.set(xlabel="relative error of the nearest to the trained dense layer", ylabel="test accuracy, trained afresh")
    ax.legend(frameon=False, fontsize=8)


def _grid(sources: tuple[str, ...], **task: Any) -> tuple[Config, ...]:
    return tuple(Config(1 / 16, data=data, **task) for data in sources)


STUDY = Study(
    "structure_from_search",
    "Does the structure that search finds in a trained dense layer say which structured layer trains best?",
    "km.search",
    {
        "quick": _grid(("small mnist", "natural patches"), train=1000, test=2000, epochs=10, rate=5e-3),
        "full": _grid(
            ("small mnist", "shifted mnist", "natural patches", "low-rank teacher", "dense teacher"),
            train=2500,
            test=2000,
            epochs=30,
            rate=5e-3,
        ),
        "null": _grid(("digits",), train=300, test=1000, epochs=3, rate=5e-3, noise=1.0),
        "planted": _grid(("low-rank teacher",), train=1000, test=1000, epochs=8, rate=5e-3),
    },
    run_cell,
    decide,
    plot,
    {"quick": 8, "full": 20, "null": 4, "planted": 4},
    _SMALLEST,
)
