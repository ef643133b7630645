"""E.1: does training linear Mixers, without weight decay and with it, give sparser effective weights?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km

from ..study import Outcome, Study, Table, Verdict, bootstrap, draw_intervals

MEASURES = ("hoyer", "l1_over_l2", "effective_nonzeros", "group_hoyer")


@dataclass(frozen=True)
class Config:
    """Digits restored from noisy ones (8×8, noise 0.5)."""

    blocks: int
    weight_decay: float
    train: int
    steps: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Sparsity of the effective weight at the start and after training, and the held-out error."""
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
    values = {f"{name}_start": value for name, value in _sparsity(start).items()} | _sparsity(run.operator)
    error = float(np.mean((run.operator @ noisy[:, held] - clean[:, held]) ** 2))
    return values | {"held_out": error}


def _sparsity(op: Any) -> dict[str, float]:
    effective = op.effective_weight()
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
    """Paired over seeds: Hoyer's index after training against the start, and with weight decay against without."""
    sentences, verdicts = [], []
    for blocks in sorted({c["blocks"] for c in table.configurations}):
        decays = sorted({c["weight_decay"] for c in table.configurations if c["blocks"] == blocks})
        plain = {"blocks": blocks, "weight_decay": 0.0}
        trained = bootstrap(table.samples("hoyer", **plain) - table.samples("hoyer_start", **plain))
        strong = {"blocks": blocks, "weight_decay": decays[-1]}
        decayed = bootstrap(table.samples("hoyer", **strong) - table.samples("hoyer", **plain))
        sentences.append(
            f"{blocks} block{'s' * (blocks > 1)}: training changes Hoyer's index by {trained}, "
            f"weight decay {decays[-1]:g} by a further {decayed}"
        )
        verdicts.append((trained.low > 0 and decayed.low > 0, trained.high < 0 or decayed.high < 0))
    if all(sparser for sparser, _ in verdicts):
        verdict = Verdict.SUPPORTED
    else:
        verdict = Verdict.NOT_SUPPORTED if all(denser for _, denser in verdicts) else Verdict.UNDECIDED
    return Outcome(verdict, "; ".join(sentences))


def plot(table: Table, ax: Any) -> None:
    """Hoyer's index before and after, for each weight decay."""
    for blocks in sorted({c["blocks"] for c in table.configurations}):
        decays = sorted({c["weight_decay"] for c in table.configurations if c["blocks"] == blocks})
        found = [table.interval("hoyer", blocks=blocks, weight_decay=λ) for λ in decays]
        start = table.interval("hoyer_start", blocks=blocks, weight_decay=0.0)
        label = f"{blocks} block{'s' * (blocks > 1)}"
        line = draw_intervals(ax, range(len(decays)), found, label=f"{label}, trained")
        ax.axhline(start.mean, color=line[0].get_color(), linestyle="--", linewidth=0.9, label=f"{label}, start")
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
)
