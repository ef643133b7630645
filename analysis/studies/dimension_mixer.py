"""T9: at equal multiply-adds, is mixing small groups at the strides of a butterfly better than mixing all, or sharing weights?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kronmix import networks as nn

from ..classification import SMALL_TASK, Task, train_at_best_rate
from ..sources import classes, image_shape
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

#: Two points of accuracy.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config(Task):
    """A network of one kind.

    Attributes
    ----------
    group : int
        Features that a block mixes: all pixels in a dense network, fewer in a Dimension Mixer, whose blocks stand at the strides
        of a butterfly until every pixel reaches every other; 0 for an MLP-Mixer.
    expansion : int
        Width of hidden layers over that of what is mixed.
    patch, channels : int
        Of the Mixer; 0 for the others, whose features are pixels.
    """

    group: int
    expansion: int
    patch: int = 0
    channels: int = 0


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Accuracy at the rate that held-back images choose; multiply-adds for one image, and trained weights."""
    network = network_of(config, seed)
    sizes = {"multiply_adds": float(network.connections), "weights": float(network.n_parameters)}
    return train_at_best_rate(network, config, seed)[1] | sizes


def network_of(config: Config, seed: int) -> nn.Network:
    """The untrained network of a configuration."""
    image, labels, γ = image_shape(config.data), classes(config.data), config.expansion
    if config.group:
        return nn.group_mixer(int(np.prod(image)), config.group, labels, γ, seed=seed)
    return nn.mlp_mixer(image, config.patch, config.channels, 1, labels, γ, γ, seed=seed)


def decide(table: Table) -> Outcome:
    """Paired over seeds: groups of √n features against one group of all n, which is dense, and against the Mixer."""
    groups = sorted(set(table.levels("group")) - {0})
    accuracy = {group: table.samples("test_accuracy", group=group) for group in (0, *groups)}
    dense, main = groups[-1], round(groups[-1] ** 0.5)
    comparisons = [
        Comparison(f"groups of {main} minus dense", accuracy[main] - accuracy[dense], _SMALLEST),
        Comparison(f"groups of {main} minus Mixer", accuracy[main] - accuracy[0], _SMALLEST),
    ]
    beside = [
        Comparison(f"groups of {group} minus groups of {main}", accuracy[group] - accuracy[main], _SMALLEST)
        for group in groups
        if group not in (main, dense)
    ]
    costs = ", ".join(
        f"{_group_name(group, dense)} {table.interval('multiply_adds', group=group).mean:.0f} with "
        f"{table.interval('weights', group=group).mean:.0f} weights"
        for group in accuracy
    )
    return decide_together(comparisons, f"multiply-adds an image: {costs}; test accuracy", beside)


def plot(table: Table, ax: Any) -> None:
    """Accuracy of each kind, against the multiply-adds that an image takes in the title of the axis."""
    groups = sorted(table.levels("group"))
    dense = groups[-1]
    found = [table.interval("test_accuracy", group=group) for group in groups]
    draw_intervals(ax, range(len(groups)), found, linestyle="none")
    weights = [table.interval("weights", group=group).mean for group in groups]
    ax.set_xticks(
        range(len(groups)), [f"{_group_name(g, dense)}\n{w:.0f} weights" for g, w in zip(groups, weights, strict=True)]
    )
    costs = [table.interval("multiply_adds", group=group).mean for group in groups]
    ax.set(xlabel=f"{min(costs):.0f} to {max(costs):.0f} multiply-adds an image", ylabel="test accuracy")


def _group_name(group: int, dense: int) -> str:
    return {0: "Mixer", dense: "dense"}.get(group, f"groups of {group}")


def _grid(
    shapes: tuple[tuple[int, int], ...], mixer: tuple[int, int, int], other_noise: float = 0.0, **task: Any
) -> tuple[Config, ...]:
    """Groups with their expansions; expansion, patch and channels of the Mixer; ``other_noise`` of the labels but for √n."""
    main = round(shapes[-1][0] ** 0.5)
    γ, patch, channels = mixer

    def noise(group: int) -> float:
        return float(task.get("noise", 0.0 if group == main else other_noise))

    given = {key: value for key, value in task.items() if key != "noise"}
    blocks = tuple(Config(group, expansion, noise=noise(group), **given) for group, expansion in shapes)
    return (*blocks, Config(0, γ, patch, channels, noise=noise(0), **given))


#: levels · γ · g is 192 for each: as many multiply-adds.
_OF_64 = ((4, 16), (8, 12), (64, 3))
_SMALL: dict[str, Any] = SMALL_TASK | {"epochs": 6, "rate": 5e-3}

STUDY = Study(
    "dimension_mixer",
    "At equal multiply-adds, are groups mixed at the strides of a butterfly more accurate than a dense network and a Mixer?",
    "Sapkota & Bhattarai 2023, T9",
    {
        "quick": _grid(_OF_64, (2, 4, 36), data="small mnist", train=1500, test=3000, epochs=10, rate=5e-3),
        "full": _grid(
            ((4, 51), (32, 16), (1024, 1)), (2, 4, 64), data="padded mnist", train=3000, test=2000, epochs=40, rate=2e-3
        ),
        "null": _grid(((8, 4), (64, 1)), (2, 2, 6), noise=1.0, **_SMALL),
        "planted": _grid(((8, 4), (64, 1)), (2, 2, 6), 1.0, **_SMALL),
    },
    run_cell,
    decide,
    plot,
    {"quick": 12, "full": 10, "null": 4, "planted": 4},
    _SMALLEST,
)
