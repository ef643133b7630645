"""E.7: density, parameters, FLOPs, bytes and seconds of one layer at every width, as a Mixer, a sparse MLP and a dense MLP."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km

from ..sparse import bernoulli_weight
from ..statistics import Outcome, Verdict
from ..study import Study, Table

KINDS = ("dense MLP", "masked MLP", "sparse MLP", "Mixer")
#: Largest layer that is timed; above it the cost is on paper.
_TIMED = 2**24


#: What training holds beside a weight: its gradient and Adam's two moments.
_COPIES = 4

#: A sparse MLP that holds this many times a Mixer's bytes costs more in a way that counts.
_RATIO = 100


@dataclass(frozen=True)
class Config:
    """One token-mixing layer of S tokens and C channels applied to one vector, float64, or its sparse or dense counterpart."""

    kind: str
    tokens: int
    channels: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Density p, numbers stored, FLOPs, bytes, bytes in training, and the best of five timings (nan where it is not made)."""
    S, C = config.tokens, config.channels
    m = S * C
    connections, stored, beside = {
        "Mixer": (C * S**2, S**2, 0),
        # A sparse row holds a column number for every connection, and a row pointer.
        "sparse MLP": (C * S**2, C * S**2, 8 * (C * S**2 + m + 1)),
        # Deep-learning libraries train M ∘ A as two dense arrays, the mask in one byte an entry.
        "masked MLP": (m**2, m**2, m**2),
        "dense MLP": (m**2, m**2, 0),
    }[config.kind]
    return {
        "density": 1.0 if config.kind == "dense MLP" else 1 / C,
        "parameters": S**2 * C if config.kind == "masked MLP" else stored,
        "flops": 2 * connections,
        "bytes": 8 * stored + beside,
        "training_bytes": 8 * _COPIES * stored + beside,
        "seconds": _time_product(config, np.random.default_rng(seed)) if connections <= _TIMED else float("nan"),
    }


def _time_product(config: Config, rng: np.random.Generator) -> float:
    S, C = config.tokens, config.channels
    m = S * C
    x, mask = rng.normal(size=m), None
    layer: Any
    if config.kind == "Mixer":
        layer = km.token_mixing(rng.normal(size=(S, S)), channels=C)
    elif config.kind == "sparse MLP":
        layer = bernoulli_weight(m, m, 1 / C, rng)
    else:
        layer = rng.normal(size=(m, m))
        mask = rng.random((m, m)) < 1 / C if config.kind == "masked MLP" else None
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        _ = (layer if mask is None else mask * layer) @ x
        best = min(best, time.perf_counter() - start)
    return best


def decide(table: Table) -> Outcome:
    """What the largest width would take to train, as each of the four."""
    largest = max(table.configurations, key=lambda c: c["tokens"] * c["channels"])
    at = {"tokens": largest["tokens"], "channels": largest["channels"]}
    sizes = {kind: table.interval("training_bytes", kind=kind, **at).mean for kind in KINDS}
    words = ", ".join(f"{kind} {size / 1e9:.3g} GB" for kind, size in reversed(sizes.items()))
    verdict = Verdict.SUPPORTED if sizes["sparse MLP"] >= _RATIO * sizes["Mixer"] else Verdict.NOT_SUPPORTED
    width = at["tokens"] * at["channels"]
    return Outcome(verdict, f"training one layer of width {width:,} holds: {words}; a ratio of {_RATIO} counts")


def plot(table: Table, ax: Any) -> None:
    """Bytes of one layer against width."""
    for kind in KINDS:
        configs = sorted(
            (c for c in table.configurations if c["kind"] == kind), key=lambda c: c["tokens"] * c["channels"]
        )
        widths = [c["tokens"] * c["channels"] for c in configs]
        ax.plot(widths, [table.interval("training_bytes", **c).mean for c in configs], marker="o", label=kind)
    ax.set(xscale="log", yscale="log", xlabel="effective width", ylabel="bytes to train one layer")
    ax.legend(frameon=False)


_SHAPES = ((8, 8), (16, 64), (49, 64), (64, 128), (196, 768))

STUDY = Study(
    "cost",
    "What does a layer cost at every width, as a Mixer, a sparse MLP (stored sparse, or masked) and a dense MLP?",
    "E.7",
    {
        "quick": tuple(Config(k, S, C) for k in KINDS for S, C in _SHAPES),
        "full": tuple(Config(k, S, C) for k in KINDS for S, C in (*_SHAPES, (256, 1024), (784, 768))),
        "null": tuple(Config(k, 32, 1) for k in KINDS),  # one channel: nothing is shared
        "planted": tuple(Config(k, 8, 1024) for k in KINDS),
    },
    run_cell,
    decide,
    plot,
    {"quick": 1, "full": 5, "null": 1, "planted": 1},
    _RATIO,
)
