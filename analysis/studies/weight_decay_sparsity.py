"""E.1: does training linear Mixers, without weight decay and with it, give sparser effective weights?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km
from kronmix.progress import whole

from ..sources import images
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

Array = np.ndarray[Any, np.dtype[Any]]

#: Of Hoyer's index, which is between 0 and 1.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config:
    """Images restored from noisy ones (noise 0.5); or what a Kronecker product, "dense" or "sparse", makes of the noisy ones."""

    blocks: int
    weight_decay: float
    train: int
    steps: int
    target: str = "images"
    data: str = "digits"


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Sparsity of the effective weight at the start and after training, and the held-out error.

    The control is the nearest Kronecker product to the least-squares solution: what the structure alone makes of the data, before
    any training.
    """
    rng = np.random.default_rng(seed)
    gray = images(config.data)[0].mean(axis=3).astype(np.float64)
    gray = gray[rng.permutation(len(gray))] - gray.mean(axis=0)
    S, C = gray.shape[1:]
    clean = np.stack([km.vec(X) for X in gray], axis=1) / 3
    noisy = clean + 0.5 * rng.normal(size=clean.shape)
    wanted = TARGETS[config.target](clean, noisy, (S, C), rng)
    fit, held = slice(0, config.train), slice(config.train, None)
    layers = [[0.5 * rng.normal(size=(n, n)) / n**0.5 for _ in range(config.blocks)] for n in (S, C)]
    start = km.LinearMixer(*layers)
    problem = km.Regression(noisy[:, fit], wanted[:, fit])
    run = whole(km.gradient_descent(problem, start, steps=config.steps, weight_decay=config.weight_decay, records=2))
    solution = np.linalg.lstsq(noisy[:, fit].T, wanted[:, fit].T, rcond=None)[0].T
    control = km.nearest_kronecker(solution, ((C, S), (C, S))).operator
    found = {"_start": start.effective_weight(), "": run.operator.effective_weight(), "_control": control}
    values = {f"{name}{when}": value for when, op in found.items() for name, value in _sparsity_of(op).items()}
    return values | {"held_out": float(np.mean((run.operator @ noisy[:, held] - wanted[:, held]) ** 2))}


def _restoration_target(clean: Array, noisy: Array, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    return clean


def _dense_target(clean: Array, noisy: Array, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    W, V = (rng.normal(size=(n, n)) / n**0.5 for n in shape)
    return _mixed_target(noisy, W, V, rng)


def _sparse_target(clean: Array, noisy: Array, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    W, V = (np.eye(n)[rng.permutation(n)] for n in shape)
    return _mixed_target(noisy, W, V, rng)


def _mixed_target(noisy: Array, W: Array, V: Array, rng: np.random.Generator) -> Array:
    mixed = km.Kronecker(V, W) @ noisy
    return np.asarray(mixed + 0.5 * mixed.std() * rng.normal(size=noisy.shape))


TARGETS = {"images": _restoration_target, "dense": _dense_target, "sparse": _sparse_target}


def _sparsity_of(effective: Any) -> dict[str, float]:
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
    """Hoyer's index, paired over seeds: after training, without weight decay and with it, against the start and the control."""
    comparisons, beside, words = [], [], []
    for blocks in sorted(table.levels("blocks")):
        decays = sorted(table.levels("weight_decay", blocks=blocks))
        name = f"{blocks} block{'s' * (blocks > 1)}"
        by_decay = {}
        for λ in (decays[0], decays[-1]):
            at = {"blocks": blocks, "weight_decay": λ}
            by_decay[λ] = trained = table.samples("hoyer", **at)
            before, control = (table.samples(f"hoyer_{what}", **at) for what in ("start", "control"))
            words.append(
                f"{name}, λ = {λ:g}: start {before.interval}, control {control.interval}, trained {trained.interval}"
            )
            comparisons += [
                Comparison(f"{name}, λ = {λ:g}, trained minus start", trained - before, _SMALLEST),
                Comparison(f"{name}, λ = {λ:g}, trained minus control", trained - control, _SMALLEST),
            ]
        difference = by_decay[decays[-1]] - by_decay[decays[0]]
        beside.append(Comparison(f"{name}, λ = {decays[-1]:g} minus λ = {decays[0]:g}", difference, _SMALLEST))
    return decide_together(comparisons, f"Hoyer's index, {'; '.join(words)}", beside)


def plot(table: Table, ax: Any) -> None:
    """Hoyer's index before and after, for each weight decay."""
    for blocks in sorted(table.levels("blocks")):
        decays = sorted(table.levels("weight_decay", blocks=blocks))
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


def _grid(
    steps: int, decays: tuple[float, ...], blocks: tuple[int, ...], train: int = 300, target: str = "images"
) -> tuple[Config, ...]:
    return tuple(Config(b, λ, train, steps, target) for b in blocks for λ in decays)


STUDY = Study(
    "weight_decay_sparsity",
    "Does training linear Mixers, with and without weight decay, make effective weights sparser than start and structure?",
    "E.1",
    {
        "quick": _grid(1000, (0.0, 0.01), (1, 2)),
        "full": _grid(20_000, (0.0, 0.001, 0.01, 0.03, 0.1), (1, 2, 3)),
        "null": _grid(300, (0.0, 0.01), (1,), 70, "dense"),
        "planted": _grid(300, (0.0, 0.01), (1,), 70, "sparse"),
    },
    run_cell,
    decide,
    plot,
    {"quick": 10, "full": 20, "null": 5, "planted": 5},
    _SMALLEST,
)
