"""T32: the layers of trained networks replaced by every family at equal numbers, with and without regard to their inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np
from scipy.sparse import csr_array

import kronmix as km
from kronmix import networks as nn
from kronmix.decompose.searches.on_data import DATA_FITS

from ..classification import Array, Task, split, train
from ..sources import classes, image_shape
from ..statistics import Comparison, Outcome, Samples, average, decide_together
from ..study import Study, Table, draw_intervals

#: Makes an operator from (matrix, its inputs, part of the dense numbers it may store), and says how many it stores.
Variant = Callable[[Array, Array, float], tuple[km.StructuredOperator, int]]


#: Of the relative error of the logits.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config(Task):
    """All layers but the first and the last of ``network``, by families storing at most ``share`` of the dense numbers.

    Nothing that takes more multiply-adds than the dense matrix replaces it.

    ``width`` is that of the MLP's hidden layers; the MLP-Mixer has a quarter of it in channels. ``inputs`` are those a layer has
    seen, or white noise, of which there is nothing to know.
    """

    network: str
    share: float
    width: int
    inputs: str
    tuning_epochs: int
    tuning_rate: float


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """For every variant: numbers stored, as a part of the dense ones; error of the logits; accuracy as it is, and fine-tuned."""
    task = Task(**{field.name: getattr(config, field.name) for field in fields(Task)})
    network, accuracy = _trained(config.network, config.width, task, seed)
    (X, _), (X_test, y_test) = split(task, seed)
    logits = network(X_test)
    values = {"dense: accuracy": accuracy}
    tuning = replace(task, epochs=config.tuning_epochs, rate=config.tuning_rate)
    for name, variant in VARIANTS.items():
        replaced, numbers = _replaced(network, X, variant, config, seed)
        found = replaced(X_test)
        values[f"{name}: numbers"] = numbers
        values[f"{name}: logit error"] = float(np.linalg.norm(found - logits) / np.linalg.norm(logits))
        values[f"{name}: accuracy"] = float(np.mean(found.argmax(axis=1) == y_test))
        values[f"{name}: tuned accuracy"] = train(replaced, tuning, seed)[1]["test_accuracy"]
    return values


@cache
def _trained(kind: str, width: int, task: Task, seed: int) -> tuple[nn.Network, float]:
    image = image_shape(task.data)
    trained, measured = train(NETWORKS[kind](image, classes(task.data), width, seed), task, seed)
    return trained, measured["test_accuracy"]


def _mlp(image: tuple[int, int, int], labels: int, width: int, seed: int) -> nn.Network:
    return nn.mlp(int(np.prod(image)), [width] * 3, labels, "relu", seed=seed)


def _mixer(image: tuple[int, int, int], labels: int, width: int, seed: int) -> nn.Network:
    return nn.mlp_mixer(image, 2 if image[0] < 16 else 4, width // 4, 2, labels, seed=seed)


NETWORKS = {"MLP": _mlp, "MLP-Mixer": _mixer}


# ---- replacing layers ------------------------------------------------------------------------------------------------


def _replaced(
    network: nn.Network, images: Array, variant: Variant, config: Config, seed: int
) -> tuple[nn.Network, float]:
    """The network with other layers, and the part of the dense numbers they store."""
    rng = np.random.default_rng([seed, 23])
    hidden = list(_linear_layers(network.body))[1:-1]
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
        op, numbers = variant(W, INPUTS[config.inputs](fibers, rng), config.share)
        counts.append((numbers, W.size))
        return nn.Linear(km.Ampliation(op, copies, stride), part.bias, part.rows, part.name)

    columns = network.patches.columns(images, np.dtype(np.float32))
    body = changed(network.body, columns)
    assert isinstance(body, nn.Sequential)
    stored, dense = (sum(column) for column in zip(*counts, strict=True))
    return nn.Network(body, network.patches, network.name), stored / dense


def _as_they_are(fibers: Array, rng: np.random.Generator) -> Array:
    return fibers


def _gaussian_inputs(fibers: Array, rng: np.random.Generator) -> Array:
    return np.asarray(rng.standard_normal(fibers.shape))


INPUTS = {"seen": _as_they_are, "white": _gaussian_inputs}


def _linear_layers(part: nn.Part) -> Iterator[nn.Linear]:
    if isinstance(part, nn.Linear):
        yield part
    for inner in part.parts:
        yield from _linear_layers(inner)


# ---- families --------------------------------------------------------------------------------------------------------


def _row(W: Array, share: float, family: str) -> tuple[km.decompose.Front, km.decompose.Candidate]:
    """The shape and rank of a family that is nearest within the share and takes no more multiply-adds than the matrix."""
    front = km.search(W, budget=share, families=[family])
    return front, min((c for c in front.candidates if c.connections <= W.size), key=lambda c: c.relative_error)


def _without_data(family: str) -> Variant:
    """The nearest of a family to the weight itself."""

    def nearest(W: Array, inputs: Array, share: float) -> tuple[km.StructuredOperator, int]:
        front, row = _row(W, share, family)
        return front.fit(row).operator, row.n_parameters

    return nearest


def _on_data(family: str, data: Callable[[Array, tuple[int, ...]], dict[str, Any]]) -> Variant:
    """The same shape and rank, nearest on data."""

    def nearest(W: Array, inputs: Array, share: float) -> tuple[km.StructuredOperator, int]:
        row = _row(W, share, family)[1]
        return DATA_FITS[family](W, row.sizes, row.rank, **data(inputs, row.sizes)).operator, row.n_parameters

    return nearest


def _all_inputs(inputs: Array, sizes: tuple[int, ...]) -> dict[str, Any]:
    return {"inputs": inputs}


def _blocks(inputs: Array, sizes: tuple[int, ...]) -> dict[str, Any]:
    """The second moment without the blocks that couple groups of columns: the fit is exact for it."""
    groups = inputs.astype(np.float64).reshape(sizes[1], sizes[3], -1)
    return {"covariance": km.block_diag(*(X @ X.T for X in groups))}


def _largest(W: Array, inputs: Array, share: float) -> tuple[km.StructuredOperator, int]:
    """The largest entries, as many as the share allows; their places are not counted."""
    mask = csr_array(_support(W, share))
    return km.Masked(W[mask.nonzero()], mask), mask.nnz


def _largest_on_data(W: Array, inputs: Array, share: float) -> tuple[km.StructuredOperator, int]:
    """The same places, with the values that are nearest on data: every row by itself, exactly."""
    support = _support(W, share)
    X = inputs.astype(np.float64)
    Σ = X @ X.T
    values = [
        np.linalg.lstsq(Σ[np.ix_(row, row)], Σ[row] @ w, rcond=1e-9)[0] for row, w in zip(support, W, strict=True)
    ]
    return km.Masked(np.concatenate(values).astype(W.dtype), csr_array(support)), int(support.sum())


def _support(W: Array, share: float) -> Array:
    """The places of the largest entries, as many as the share allows."""
    kept = np.zeros(W.size, bool)
    kept[np.argsort(-np.abs(W), axis=None, kind="stable")[: int(share * W.size)]] = True
    return kept.reshape(W.shape)


FAMILIES = ("low rank", "Kronecker sum", "Monarch", "block-diagonal", "chain of two", "block low rank")
VARIANTS: dict[str, Variant] = (
    {f"{name}, plain": _without_data(name) for name in FAMILIES}
    | {"largest entries, plain": _largest}
    | {f"{name}, on data": _on_data(name, _all_inputs) for name in FAMILIES if name in DATA_FITS}
    | {"largest entries, on data": _largest_on_data}
    | {"Monarch, blocks of data": _on_data("Monarch", _blocks)}
)


# ---- outcome ---------------------------------------------------------------------------------------------------------


def decide(table: Table) -> Outcome:
    """Is the best family on data better than the best plain one, in the mean over networks and shares?

    Each of them is reported as well, and which variant is nearest, and which most accurate once fine-tuned.
    """
    words, gains = [], []
    for network, share in _cases(table):
        at = {"network": network, "share": share}
        errors = {name: table.samples(f"{name}: logit error", **at) for name in VARIANTS}
        tuned = {name: -table.samples(f"{name}: tuned accuracy", **at) for name in VARIANTS}
        plain = _most_accurate({name: e for name, e in errors.items() if name.endswith("plain")})
        aware = _most_accurate({name: e for name, e in errors.items() if not name.endswith("plain")})
        gains.append(
            Comparison(f"{network} at {share:.0%}, {plain} minus {aware}", errors[plain] - errors[aware], _SMALLEST)
        )
        first, error, margin = _winner(errors)
        best, accuracy, lead = _winner(tuned)
        dense = table.interval("dense: accuracy", **at).mean
        words.append(
            f"{network} with at most {share:.0%} of the numbers: {first} has the least logit error, {error:.3f} ({margin}); "
            f"fine-tuned {best} is most accurate, {-accuracy:.3f} of {dense:.3f} dense ({lead})"
        )
    mean = average(gain.difference for gain in gains)
    question = Comparison(f"best plain minus best on data, mean over {len(gains)} cases", mean, _SMALLEST)
    return decide_together([question], f"{'; '.join(words)}; logit error", gains)


def _most_accurate(samples: dict[str, Samples]) -> str:
    return min(samples, key=lambda name: float(samples[name].interval.mean))


def _winner(samples: dict[str, Samples]) -> tuple[str, float, str]:
    """The variant with the least mean, that mean, and whether the next one differs from it, paired over seeds."""
    first = _most_accurate(samples)
    second = _most_accurate({name: s for name, s in samples.items() if name != first})
    margin = (samples[second] - samples[first]).interval
    told = f"ahead of {second} by {margin}" if margin.low > 0 else f"not separated from {second}: {margin}"
    return first, float(samples[first].interval.mean), told


#: A color for each family, a marker for what it is fitted to.
_COLORS = ("blue", "orange", "green", "purple", "brown", "pink", "gray")
_MARKERS: dict[str, dict[str, Any]] = {
    "plain": {"marker": "o", "markerfacecolor": "none", "linestyle": ":"},
    "on data": {"marker": "o"},
    "blocks of data": {"marker": "s", "linestyle": "--"},
}


def _cases(table: Table) -> list[tuple[str, float]]:
    """The pairs of a network and a share."""
    return list(dict.fromkeys((c["network"], c["share"]) for c in table.configurations))


def plot(table: Table, ax: Any) -> None:
    """Error of the logits and accuracy once fine-tuned against numbers stored, by network."""
    networks = list(dict.fromkeys(network for network, _ in _cases(table)))
    figure = ax.figure
    ax.remove()
    axes = figure.subplots(2, len(networks), sharex=True, sharey="row", squeeze=False)
    for column, network in zip(axes.T, networks, strict=True):
        column[0].set(title=network, yscale="log")
        column[1].set(xlabel="part of the numbers stored")
        for panel, quantity in zip(column, ("logit error", "tuned accuracy"), strict=True):
            _curves(table, panel, network, quantity)
        dense = table.interval("dense: accuracy", network=network, share=_cases(table)[0][1])
        column[1].axhline(dense.mean, color="0.4", linestyle="-.", linewidth=1)
    axes[0, 0].set_ylabel("logits off by")
    axes[1, 0].set_ylabel("fine-tuned accuracy")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize="small", ncols=3, loc="outside upper center")


def _curves(table: Table, ax: Any, network: str, quantity: str) -> None:
    shares = [share for name, share in _cases(table) if name == network]
    families = dict.fromkeys(name.partition(", ")[0] for name in VARIANTS)
    colors = {family: f"tab:{color}" for family, color in zip(families, _COLORS, strict=True)}
    for name in VARIANTS:
        family, _, how = name.partition(", ")
        x, y = (
            [table.interval(f"{name}: {q}", network=network, share=share) for share in shares]
            for q in ("numbers", quantity)
        )
        draw_intervals(ax, [i.mean for i in x], y, label=name, color=colors[family], markersize=4, **_MARKERS[how])


def _grid(shares: tuple[float, ...], inputs: str = "seen", **task: Any) -> tuple[Config, ...]:
    return tuple(Config(network, share, inputs=inputs, **task) for network in NETWORKS for share in shares)


_QUICK: dict[str, Any] = {"data": "digits", "train": 1000, "test": 500, "epochs": 12, "rate": 3e-3, "tuning_rate": 1e-3}
_FULL: dict[str, Any] = {"train": 1500, "test": 1000, "epochs": 15, "rate": 2e-3, "tuning_rate": 1e-3}
_SMALL: dict[str, Any] = _QUICK | {"width": 32, "train": 400, "epochs": 6, "tuning_epochs": 1}

STUDY = Study(
    "data_aware",
    "Which structure replaces the layers of a trained network best at equal numbers, and does it pay to look at their inputs?",
    "T32",
    {
        "quick": _grid((0.15, 0.3, 0.6), width=64, tuning_epochs=2, **_QUICK),
        "full": _grid((0.1, 0.2, 0.4), width=128, tuning_epochs=2, **_FULL),
        "null": _grid((0.3,), "white", **_SMALL)[:1],
        "planted": _grid((0.3,), **_SMALL)[:1],
    },
    run_cell,
    decide,
    plot,
    {"quick": 5, "full": 5, "null": 3, "planted": 4},
    _SMALLEST,
)
