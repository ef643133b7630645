"""T35 beside T17: does AdamW on Mixers end in the box of its parameters, and is its weight flatter than that of ℓ2 decay?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import kronmix as km
from kronmix.optimizers import SGD, AdamW, cosine
from kronmix.progress import whole
from kronmix.regularization import adamw_bound, adamw_point

from ..checkpoints import checkpoint_of
from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table, draw_intervals

_ADAMW = AdamW(beta2=0.99)

#: Rates suit the decays: ℓ2 decay is through the gradient of the mean, AdamW's is decoupled.
OPTIMIZERS: dict[str, tuple[SGD | AdamW, float, float]] = {
    "sgd": (SGD(0.9), 0.1, 0.01),
    "adamw": (_ADAMW, 0.02, 1.5),
}

#: Numbers of a cell; those of the weight are for linear Mixers only.
QUANTITIES = (
    "hoyer", "largest |θ| λ", "largest |B| over its bound", "gap over that of the start", "paid over R", "held_out",
)  # fmt: skip

#: Of Hoyer's index, which is between 0 and 1.
_SMALLEST = 0.02


@dataclass(frozen=True)
class Config:
    """A linear Mixer restoring digits (8×8, noise 0.5), or a GELU Mixer naming them.

    Attributes
    ----------
    network, optimizer : str
    trained_by : str
        The optimizer, except where the claim is to be false by construction.
    steps : int
    decay : float
        Weight decay; 0 for the optimizer's usual one.
    """

    network: str
    optimizer: str
    trained_by: str
    steps: int
    decay: float = 0.0
    data: str = "digits"


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """The largest parameter against its bound 1/λ, and for linear Mixers the weight, its bound, and its factors' penalty."""
    found = (_train_linear if config.network == "linear" else _train_gelu)(config, seed)
    return {name: found.get(name, float("nan")) for name in QUANTITIES}


def _trained_by(config: Config) -> tuple[SGD | AdamW, float, float]:
    """Optimizer, rate and weight decay."""
    optimizer, rate, usual = OPTIMIZERS[config.trained_by]
    return optimizer, rate, config.decay or usual


def _train_linear(config: Config, seed: int) -> dict[str, float]:
    """A linear Mixer that restores images: what AdamW ends at, beside the theory's point and box."""
    rng = np.random.default_rng(seed)
    images = km.datasets.load(config.data)[0].mean(axis=3)
    order = rng.permutation(len(images))
    clean = np.stack([km.vec(X) for X in images[order] - images.mean(axis=0)], axis=1)
    noisy = clean + 0.5 * rng.normal(size=clean.shape)
    problem = km.Regression(noisy[:, :300], clean[:, :300])
    start = km.LinearMixer(*(0.5 * rng.normal(size=(8, 8)) / 8**0.5 for _ in range(2)))
    optimizer, rate, λ = _trained_by(config)
    trained = replace(optimizer, weight_decay=λ)
    run = whole(
        km.gradient_descent(problem, start, cosine(rate, config.steps), config.steps, optimizer=trained, records=2)
    )
    op, point, box = run.operator, adamw_point(problem, run.operator, λ), adamw_bound(run.operator, λ)
    B, before = op.to_dense(), adamw_point(problem, start, λ)
    paid = 0.5 * sum(float(np.vdot(f, f)) for f in op.factors)
    return {
        "hoyer": km.sparsity_profile(op).hoyer,
        "largest |θ| λ": point.largest,
        "largest |B| over its bound": float(np.abs(B).max() / box.max()),
        "gap over that of the start": point.gap / before.gap,
        "paid over R": paid / km.induced_penalty(op).value,
        "held_out": float(np.mean((B @ noisy[:, 300:] - clean[:, 300:]) ** 2)),
    }


def _train_gelu(config: Config, seed: int) -> dict[str, float]:
    """The same quantities of an S-Mixer with GELU that classifies."""
    pixels, y = km.datasets.load(config.data)
    assert y is not None
    X = km.datasets.tokens(pixels, 4)
    order = np.random.default_rng(seed).permutation(len(X))
    X, y = X[order], y[order]
    optimizer, rate, λ = _trained_by(config)
    trained = replace(optimizer, weight_decay=λ)
    network = km.networks.s_mixer(4, 16, depth=1, classes=10, seed=seed)
    epochs = max(config.steps // 20, 1)
    schedule = cosine(rate, epochs * 16)
    found = whole(
        km.networks.fit(
            network, X[:1000], y[:1000], epochs=epochs, optimizer=trained, schedule=schedule, seed=seed, threads=1,
            checkpoint=checkpoint_of(network, config, seed), progress=lambda epoch, epochs: None,
        )
    )  # fmt: skip
    wrong = float(np.mean(found.network(X[1000:]).argmax(axis=-1) != y[1000:]))
    return {"largest |θ| λ": float(λ * max(np.abs(f).max() for f in found.network.factors)), "held_out": wrong}


def decide(table: Table) -> Outcome:
    """Hoyer's index of the linear Mixer's weight, ℓ2 decay minus AdamW, paired by seed; the box of T35 in words."""
    hoyer = {name: table.samples("hoyer", network="linear", optimizer=name) for name in OPTIMIZERS}
    comparisons = [Comparison("Hoyer's index, ℓ2 decay minus AdamW", hoyer["sgd"] - hoyer["adamw"], _SMALLEST)]
    words = [
        f"{network} {table.interval('largest |θ| λ', network=network, optimizer='adamw')}"
        for network in ("linear", "gelu")
    ]
    gap = table.interval("gap over that of the start", network="linear", optimizer="adamw")
    paid = ", ".join(f"{name} {table.interval('paid over R', network='linear', optimizer=name)}" for name in OPTIMIZERS)
    bounds = f"T35: at most 1 at rest; at any step {_ADAMW.largest_update:.3g}"
    measured = f"largest |θ|λ of AdamW ({bounds}): {', '.join(words)}; its gap left {gap}; ½‖θ‖² over R: {paid}"
    return decide_together(comparisons, measured)


def plot(table: Table, ax: Any) -> None:
    """The largest parameter against the wall, and Hoyer's index."""
    for k, name in enumerate(OPTIMIZERS):
        found = [
            table.interval("largest |θ| λ", network="linear", optimizer=name),
            table.interval("largest |θ| λ", network="gelu", optimizer=name),
            table.interval("hoyer", network="linear", optimizer=name),
        ]
        draw_intervals(ax, [x + 0.1 * k for x in range(3)], found, linestyle="none", label=name)
    ax.axhline(1, color="0.5", linestyle=":", label="wall of AdamW's box (T35)")
    ax.set_xticks(range(3), ["largest |θ|λ,\nlinear", "largest |θ|λ,\nGELU", "Hoyer's index,\nlinear"])
    ax.set(ylabel="value", yscale="log")
    ax.legend(frameon=False, fontsize=8)


def _grid(steps: int) -> tuple[Config, ...]:
    return tuple(Config(network, name, name, steps) for network in ("gelu", "linear") for name in OPTIMIZERS)


#: A decay whose box is so small that most parameters end at its walls.
_TIGHT = 6.0


STUDY = Study(
    "adamw_mixer",
    "Does AdamW on Mixers, which ends in the box |θ| ≤ 1/λ, find flatter weights than ℓ2 decay?",
    "T35, T17",
    {
        "quick": _grid(1000),
        "full": _grid(20_000),
        "null": tuple(replace(config, trained_by="sgd") for config in _grid(60)),
        "planted": tuple(replace(c, decay=_TIGHT if c.optimizer == "adamw" else 0.0) for c in _grid(60)),
    },
    run_cell,
    decide,
    plot,
    {"quick": 10, "full": 20, "null": 4, "planted": 4},
    _SMALLEST,
)
