"""T32: the layers of trained networks replaced by every family at equal numbers, with and without regard to their inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import isqrt
from typing import Any

import numpy as np

import kronmix as km
from kronmix import networks as nn

from ..classification import Array, Task, image_shape, split, train
from ..statistics import Comparison, Outcome, Samples, decide_together
from ..study import Study, Table, draw_intervals

#: Makes an operator from (matrix, its inputs or None, numbers that may be stored).
Family = Callable[[Array, Any, int], km.StructuredOperator]


#: Of the relative error of the logits.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config:
    """All layers but the first and the last of ``network``, by families storing at most what Monarch of ``block_rank`` stores.

    ``width`` is that of the MLP's hidden layers; the MLP-Mixer has an eighth of it in channels.
    """

    network: str
    block_rank: int
    width: int
    data: str
    train: int
    test: int
    epochs: int
    rate: float
    tuning_epochs: int
    tuning_rate: float


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Of every variant: numbers stored, as a part of the dense ones; error of the logits; accuracy as it is, and fine-tuned."""
    task = Task(config.data, config.train, config.test, config.epochs, 50, config.rate)
    network, accuracy = _trained(config.network, config.width, task, seed)
    (X, _), (X_test, y_test) = split(task, seed)
    logits = network(X_test)
    values = {"dense: accuracy": accuracy}
    tuning = Task(config.data, config.train, config.test, config.tuning_epochs, 50, config.tuning_rate)
    for name, variant in VARIANTS.items():
        replaced, numbers = _replaced(network, X, variant, config.block_rank)
        found = replaced(X_test)
        values[f"{name}: numbers"] = numbers
        values[f"{name}: logit error"] = float(np.linalg.norm(found - logits) / np.linalg.norm(logits))
        values[f"{name}: accuracy"] = float(np.mean(found.argmax(axis=1) == y_test))
        values[f"{name}: tuned accuracy"] = train(replaced, tuning, seed)[1]["test_accuracy"]
    return values


@cache
def _trained(kind: str, width: int, task: Task, seed: int) -> tuple[nn.Network, float]:
    image = image_shape(task.data)
    trained, measured = train(NETWORKS[kind](image, width, seed), task, seed)
    return trained, measured["test_accuracy"]


def _mlp(image: tuple[int, int, int], width: int, seed: int) -> nn.Network:
    return nn.mlp(int(np.prod(image)), [width, width], 10, "relu", seed=seed)


def _mixer(image: tuple[int, int, int], width: int, seed: int) -> nn.Network:
    return nn.mlp_mixer(image, 2 if image[0] < 16 else 4, width // 8, 2, 10, seed=seed)


NETWORKS = {"MLP": _mlp, "MLP-Mixer": _mixer}


# ---- replacing layers ------------------------------------------------------------------------------------------------


def _replaced(network: nn.Network, images: Array, variant: Family, block_rank: int) -> tuple[nn.Network, float]:
    """The network with other layers, and the part of the dense numbers they store. Inputs are the trained network's own."""
    hidden = list(_linears(network.body))[1:-1]
    counts: list[tuple[int, int]] = []

    def changed(part: nn.Part, X: Array) -> nn.Part:
        if isinstance(part, nn.Sequential):
            parts = []
            for inner in part.parts:
                parts.append(changed(inner, X))
                X = inner(X)
            return type(part)(*parts)
        if not isinstance(part, nn.Linear) or not any(part is layer for layer in hidden):
            return part
        W = nn.inspection.shared_matrix(part.operator).astype(np.float32)
        copies, _, _, stride = part.operator.pattern or (1, 0, 0, 1)
        fibers = X.reshape(copies, W.shape[1], stride, -1).transpose(1, 0, 2, 3).reshape(W.shape[1], -1)
        op = variant(W, fibers, _monarch_numbers(W.shape, block_rank))
        counts.append((op.n_parameters, W.size))
        return nn.Linear(km.Ampliation(op, copies, stride), part.bias, part.rows, part.name)

    columns = network.patches.columns(images, np.dtype(np.float32))
    body = changed(network.body, columns)
    assert isinstance(body, nn.Sequential)
    stored, dense = (sum(column) for column in zip(*counts, strict=True))
    return nn.Network(body, network.patches, network.name), stored / dense


def _linears(part: nn.Part) -> Iterator[nn.Linear]:
    if isinstance(part, nn.Linear):
        yield part
    for inner in part.parts:
        yield from _linears(inner)


# ---- families --------------------------------------------------------------------------------------------------------


def _sizes(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(p, k, q, s) as square as the divisors allow."""
    (p, q), (k, s) = (_halves(n) for n in shape)
    return p, k, q, s


def _halves(n: int) -> tuple[int, int]:
    small = next(d for d in range(isqrt(n), 0, -1) if n % d == 0)
    return n // small, small


def _monarch_numbers(shape: tuple[int, ...], block_rank: int) -> int:
    p, k, q, s = _sizes(shape)
    return min(block_rank, p, s) * q * k * (p + s)


def _low_rank(W: Array, inputs: Any, numbers: int) -> km.StructuredOperator:
    return km.nearest_low_rank(W, max(numbers // sum(W.shape), 1), inputs=inputs).operator


def _kronecker(W: Array, inputs: Any, numbers: int) -> km.StructuredOperator:
    p, k, q, s = _sizes(W.shape)
    return km.nearest_kronecker(W, ((p, k), (q, s)), max(numbers // (p * k + q * s), 1), inputs=inputs).operator


def _monarch(W: Array, inputs: Any, numbers: int) -> km.StructuredOperator:
    sizes = p, k, q, s = _sizes(W.shape)
    return km.nearest_monarch(W, sizes, numbers // (q * k * (p + s)), inputs=inputs).operator


def _blockwise_monarch(W: Array, inputs: Any, numbers: int) -> km.StructuredOperator:
    """Exact for the second moment without the blocks that couple groups of columns."""
    sizes = p, k, q, s = _sizes(W.shape)
    groups = inputs.astype(np.float64).reshape(k, s, -1)
    moment = km.block_diag(*(X @ X.T for X in groups))
    return km.nearest_monarch(W, sizes, numbers // (q * k * (p + s)), covariance=moment).operator


def _ignoring(family: Family) -> Family:
    return lambda W, inputs, numbers: family(W, None, numbers)


FAMILIES: dict[str, Family] = {"low rank": _low_rank, "Kronecker sum": _kronecker, "Monarch": _monarch}
VARIANTS: dict[str, Family] = (
    {f"{name}, plain": _ignoring(family) for name, family in FAMILIES.items()}
    | {f"{name}, on data": family for name, family in FAMILIES.items()}
    | {"Monarch, blocks of data": _blockwise_monarch}
)


# ---- outcome ---------------------------------------------------------------------------------------------------------


def decide(table: Table) -> Outcome:
    """Is the best family on data better than the best plain one? And which variant is it, and most accurate once fine-tuned?"""
    words, gains = [], []
    for network, block_rank in _cases(table):
        at = {"network": network, "block_rank": block_rank}
        errors = {name: table.samples(f"{name}: logit error", **at) for name in VARIANTS}
        tuned = {name: -table.samples(f"{name}: tuned accuracy", **at) for name in VARIANTS}
        plain = _least({name: e for name, e in errors.items() if name.endswith("plain")})
        aware = _least({name: e for name, e in errors.items() if not name.endswith("plain")})
        gains.append(
            Comparison(
                f"{network}, block rank {block_rank}, {plain} minus {aware}", errors[plain] - errors[aware], _SMALLEST
            )
        )
        first, error, margin = _winner(errors)
        best, accuracy, lead = _winner(tuned)
        numbers = table.interval(f"{first}: numbers", **at).mean
        dense = table.interval("dense: accuracy", **at).mean
        words.append(
            f"{network} at {numbers:.0%} of the numbers: {first} has the least logit error, {error:.3f} ({margin}); "
            f"fine-tuned {best} is most accurate, {-accuracy:.3f} of {dense:.3f} dense ({lead})"
        )
    return decide_together(gains, f"{'; '.join(words)}; logit error")


def _least(samples: dict[str, Samples]) -> str:
    return min(samples, key=lambda name: float(samples[name].interval.mean))


def _winner(samples: dict[str, Samples]) -> tuple[str, float, str]:
    """The variant with the least mean, that mean, and whether the next one is told from it, paired over seeds."""
    first = _least(samples)
    second = _least({name: s for name, s in samples.items() if name != first})
    margin = (samples[second] - samples[first]).interval
    told = f"ahead of {second} by {margin}" if margin.low > 0 else f"not told from {second}: {margin}"
    return first, float(samples[first].interval.mean), told


#: Colors tell families, markers tell what they look at.
_MARKERS: dict[str, dict[str, Any]] = {
    "plain": {"marker": "o", "markerfacecolor": "none"},
    "on data": {"marker": "o"},
    "blocks of data": {"marker": "s"},
}


def _cases(table: Table) -> list[tuple[str, int]]:
    return list(dict.fromkeys((c["network"], c["block_rank"]) for c in table.configurations))


def plot(table: Table, ax: Any) -> None:
    """Logit error of every variant, by case."""
    cases = _cases(table)
    for i, name in enumerate(VARIANTS):
        found = [table.interval(f"{name}: logit error", network=n, block_rank=r) for n, r in cases]
        x = np.arange(len(cases)) + (i - len(VARIANTS) / 2) / (len(VARIANTS) + 3)
        family, _, how = name.partition(", ")
        draw_intervals(
            ax, x, found, linestyle="", label=name, color=f"C{list(FAMILIES).index(family)}", **_MARKERS[how]
        )
    ax.set_xticks(range(len(cases)), [f"{network}\nblock rank {rank}" for network, rank in cases])
    ax.set(ylabel="relative error of the logits", yscale="log")
    ax.legend(frameon=False, fontsize="small", ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _grid(**task: Any) -> tuple[Config, ...]:
    return tuple(Config(network, rank, **task) for network in NETWORKS for rank in (1, 2))


STUDY = Study(
    "data_aware",
    "Which structure replaces the layers of a trained network best at equal numbers, and does it pay to look at their inputs?",
    "T32",
    {
        "quick": _grid(
            width=128, data="digits", train=1000, test=500, epochs=12, rate=3e-3, tuning_epochs=2, tuning_rate=1e-3
        ),
        "full": _grid(
            width=256, data="mnist", train=4000, test=1000, epochs=15, rate=2e-3, tuning_epochs=3, tuning_rate=5e-4
        ),
    },
    run_cell,
    decide,
    plot,
    {"quick": 5, "full": 5},
    _SMALLEST,
    lambda config: (config.data,),
)
