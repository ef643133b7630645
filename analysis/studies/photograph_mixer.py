"""At equal weights, does a Mixer from images to images undo a camera that is not linear better than linear maps and a dense MLP?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from kronmix.datasets import Camera
from kronmix.networks.restorers import LINEAR, MIXER, MLP, RIDGE, Setting, restore_photographs

from ..checkpoints import checkpoint_of
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

#: Of the peak signal-to-noise ratio, in decibels.
_SMALLEST = 0.2

_OTHERS = (LINEAR, RIDGE, MLP)


@dataclass(frozen=True)
class Config:
    """Sizes of ``kronmix.networks.restorers.Setting``; the camera blurs, clips what is beyond its contrast, and adds noise."""

    train: int
    held: int
    epochs: int
    side: int = 8
    patch: int = 2
    channels: int = 16
    depth: int = 2
    activation: str = "gelu"
    blur: float = 1.0
    contrast: float = 2.0
    noise: float = 0.05


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Peak signal-to-noise ratio of every restorer on the held-out parts of the photographs, in decibels; numbers of weights."""
    given = {f.name: getattr(config, f.name) for f in fields(config) if f.name not in ("blur", "contrast", "noise")}
    setting = Setting(**given, camera=Camera(config.blur, config.contrast, config.noise))
    found = restore_photographs(setting, seed, checkpoint=checkpoint_of)
    return {
        "camera": _decibels(found.untouched),
        **{name: _decibels(one.error) for name, one in found.restorers.items()},
        **{f"weights, {name}": float(one.numbers) for name, one in found.restorers.items()},
        **{f"multiply-adds, {name}": float(one.multiply_adds) for name, one in found.restorers.items()},
    }


def _decibels(error: float) -> float:
    return -10.0 * float(np.log10(error))


def decide(table: Table) -> Outcome:
    """Paired over seeds: the Mixer against the linear Mixer, ridge and the dense MLP, in decibels."""
    mixer = table.samples(MIXER)
    comparisons = [Comparison(f"Mixer minus {name}", mixer - table.samples(name), _SMALLEST) for name in _OTHERS]
    told = ", ".join(
        f"{name} {table.interval(name)} with {table.interval(f'weights, {name}').mean:.0f} weights and "
        f"{table.interval(f'multiply-adds, {name}').mean:.0f} multiply-adds a window"
        for name in (MIXER, *_OTHERS)
    )
    return decide_together(comparisons, f"peak signal-to-noise ratio in dB, camera {table.interval('camera')}; {told}")


def plot(table: Table, ax: Any) -> None:
    """Peak signal-to-noise ratio of every restorer."""
    names = ("camera", RIDGE, LINEAR, MLP, MIXER)
    draw_intervals(ax, range(len(names)), [table.interval(name) for name in names], linestyle="none")
    ax.set_xticks(
        range(len(names)), ["as the camera\ngave it", *(_label_with_weights(table, name) for name in names[1:])]
    )
    ax.set(ylabel="peak signal-to-noise ratio (dB), held out")


def _label_with_weights(table: Table, name: str) -> str:
    return f"{name}\n{table.interval(f'weights, {name}').mean:.0f} weights"


_SMALL: dict[str, Any] = {"train": 400, "held": 500, "epochs": 8}

STUDY = Study(
    "photograph_mixer",
    "At equal weights, does a Mixer restore photographs better than a linear Mixer, ridge and a dense MLP?",
    "T5, image to image",
    {
        "quick": (Config(2000, 2000, 12),),
        "full": (Config(20_000, 10_000, 40, side=16, patch=4, channels=60, depth=4),),
        "null": (Config(**_SMALL, activation="linear"),),
        "planted": (Config(1000, 1000, 12, blur=0.0, contrast=4.0, noise=0.02),),
    },
    run_cell,
    decide,
    plot,
    {"quick": 6, "full": 10, "null": 4, "planted": 4},
    _SMALLEST,
)
