"""E.1: does training linear Mixers, without weight decay and with it, give sparser effective weights?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km

from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

MEASURES = ("hoyer", "l1_over_l2", "effective_nonzeros", "group_hoyer")


#: Of Hoyer's index, which is between 0 and 1.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config:
    """Digits restored from noisy ones (8×8, noise 0.5)."""

    blocks: int
    weight_decay: float
    train: int
    steps: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Sparsity of the effective weight at the start and after training, and the held-out error.

    The control is the nearest Kronecker product to the least-squares solution: what the structure alone makes of the data, before
    any training.
    """
    rng = np.random.default_rng(seed)
    images, _ = km.datasets.digits()
    order = rng.permutation(len(images))
    clean = np.stack([km.vec(X) for X in images[order] - images.mean(axis=0)], axis=1)
    noisy = clean + 0.5 * rng.normal(size=clean.shape)
    fit, held = slice(0, config.train), slice(config.train, None)
    layers = [[0.5 * rng.normal(size=(8, 8)) / 8**0.5 for _ in range(config.blocks)] for _ in range(2)]
    start = km.LinearMixer(*layers)
    problem = km.Regression(noisy[:, fit], clean[:, fit])
    run = km.gradient_descent(problem, start, steps=config.steps, weight_decay=config.weight_decay, records=2)
    solution = np.linalg.lstsq(noisy[:, fit].T, clean[:, fit].T, rcond=None)[0].T
    control = km.nearest_kronecker(solution, ((8, 8), (8, 8))).operator
    values = {f"{name}_start": value for name, value in _sparsity(start.effective_weight()).items()} | _sparsity(
        run.operator.effective_weight()
    )
    values |= {f"{name}_control": value for name, value in _sparsity(control).items()}
    error = float(np.mean((run.operator @ noisy[:, held] - clean[:, held]) ** 2))
    return values | {"held_out": error}


def _sparsity(effective: Any) -> dict[str, float]:
    profile = km.sparsity_profile(effective)
    ratio = km.norm(effective, "l1") / km.norm(effective, "fro")
    group = profile.group_hoyer
    return {
        "hoyer": profile.hoyer,
        "l1_over_l2": ratio,
        "effective_nonzeros": profile.effective_nonzeros,
        "group_hoyer": float("nan") if group is None else group,
    }


def decide(table: Table) -> Outcome:
    """Hoyer's index, paired over seeds: after training against the start and the control, and with weight decay against without."""
    comparisons, words = [], []
    for blocks in sorted({c["blocks"] for c in table.configurations}):
        decays = sorted({c["weight_decay"] for c in table.configurations if c["blocks"] == blocks})
        plain, strong = ({"blocks": blocks, "weight_decay": λ} for λ in (0.0, decays[-1]))
        trained, start, control = (table.samples(q, **plain) for q in ("hoyer", "hoyer_start", "hoyer_control"))
        decayed = table.samples("hoyer", **strong)
        name = f"{blocks} block{'s' * (blocks > 1)}"
        words.append(f"{name}: start {start.interval}, control {control.interval}, trained {trained.interval}")
        comparisons += [
            Comparison(f"{name}, trained minus start", trained - start, _SMALLEST),
            Comparison(f"{name}, trained minus control", trained - control, _SMALLEST),
            Comparison(f"{name}, weight decay {decays[-1]:g} minus none", decayed - trained, _SMALLEST),
        ]
    return decide_together(comparisons, f"Hoyer's index, {'; '.join(words)}")


def plot(table: Table, ax: Any) -> None:
    """Hoyer's index before and after, for each weight decay."""
    for blocks in sorted({c["blocks"] for c in table.configurations}):
        decays = sorted({c["weight_decay"] for c in table.configurations if c["blocks"] == blocks})
        found = [table.interval("hoyer", blocks=blocks, weight_decay=λ) for λ in decays]
        start = table.interval("hoyer_start", blocks=blocks, weight_decay=0.0)
        control = table.interval("hoyer_control", blocks=blocks, weight_decay=0.0)
        label = f"{blocks} block{'s' * (blocks > 1)}"
        line = draw_intervals(ax, range(len(decays)), found, label=f"{label}, trained")
        for level, dashes, name in ((start, "--", "start"), (control, ":", "nearest Kronecker of least squares")):
            ax.axhline(level.mean, color=line[0].get_color(), linestyle=dashes, linewidth=0.9, label=f"{label}, {name}")
    ax.set_xticks(range(len(decays)), [f"{λ:g}" for λ in decays])
    ax.set(xlabel="weight decay λ", ylabel="Hoyer's index of the effective weight")
    ax.legend(frameon=False, fontsize=8)


def _grid(steps: int, decays: tuple[float, ...], blocks: tuple[int, ...]) -> tuple[Config, ...]:
    return tuple(Config(b, λ, 300, steps) for b in blocks for λ in decays)


STUDY = Study(
    "weight_decay_sparsity",
    "Does training linear Mixers, with and without weight decay, give sparser effective weights?",
    "E.1",
    {"quick": _grid(1500, (0.0, 0.01, 0.1), (1, 2)), "full": _grid(20_000, (0.0, 0.001, 0.01, 0.03, 0.1), (1, 2, 3))},
    run_cell,
    decide,
    plot,
    {"quick": 10, "full": 20},
    _SMALLEST,
    lambda config: ("digits",),
)
