"""E.7: parameters, connections, bytes and seconds of one layer at every width, as a Mixer, a sparse MLP and a dense MLP."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km

from ..sparse import bernoulli_weight
from ..study import Outcome, Study, Table, Verdict

#: Largest layer that is timed; above it the cost is on paper.
_TIMED = 2**24


@dataclass(frozen=True)
class Config:
    """One layer of S tokens and C channels applied to one vector, float64."""

    kind: str
    tokens: int
    channels: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Numbers stored, multiply-adds, bytes, and the best of five timings (nan where the layer is not made)."""
    S, C = config.tokens, config.channels
    m = S * C
    connections = {"Mixer": C * S**2, "sparse MLP": C * S**2, "dense MLP": m**2}[config.kind]
    stored = {"Mixer": S**2, "sparse MLP": C * S**2, "dense MLP": m**2}[config.kind]
    # A sparse row holds a value and a column number for every connection, and a row pointer.
    size = {"Mixer": 8 * S**2, "sparse MLP": 16 * connections + 8 * (m + 1), "dense MLP": 8 * m**2}[config.kind]
    seconds = _seconds(config, np.random.default_rng(seed)) if connections <= _TIMED else float("nan")
    return {"parameters": stored, "connections": connections, "bytes": size, "seconds": seconds}


def _seconds(config: Config, rng: np.random.Generator) -> float:
    S, C = config.tokens, config.channels
    layer: Any
    if config.kind == "Mixer":
        layer = km.token_mixing(rng.normal(size=(S, S)), channels=C)
    elif config.kind == "sparse MLP":
        layer = bernoulli_weight(S * C, S * C, 1 / C, rng)
    else:
        layer = rng.normal(size=(S * C, S * C))
    x = rng.normal(size=S * C)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        _ = layer @ x
        best = min(best, time.perf_counter() - start)
    return best


def decide(table: Table) -> Outcome:
    """What the largest width would take as a sparse and as a dense MLP."""
    largest = max(table.configurations, key=lambda c: c["tokens"] * c["channels"])
    at = {"tokens": largest["tokens"], "channels": largest["channels"]}
    sizes = {k: table.interval("bytes", kind=k, **at).mean for k in ("Mixer", "sparse MLP", "dense MLP")}
    words = ", ".join(f"{kind} {size / 1e9:.3g} GB" for kind, size in sizes.items())
    verdict = Verdict.SUPPORTED if sizes["sparse MLP"] > 100 * sizes["Mixer"] else Verdict.NOT_SUPPORTED
    return Outcome(verdict, f"one layer of width {at['tokens'] * at['channels']:,}: {words}")


def plot(table: Table, ax: Any) -> None:
    """Bytes of one layer against width."""
    for kind in ("dense MLP", "sparse MLP", "Mixer"):
        configs = sorted(
            (c for c in table.configurations if c["kind"] == kind), key=lambda c: c["tokens"] * c["channels"]
        )
        widths = [c["tokens"] * c["channels"] for c in configs]
        ax.plot(widths, [table.interval("bytes", **c).mean for c in configs], marker="o", label=kind)
    ax.set(xscale="log", yscale="log", xlabel="effective width", ylabel="bytes of one layer")
    ax.legend(frameon=False)


_KINDS = ("dense MLP", "sparse MLP", "Mixer")
_SHAPES = ((8, 8), (16, 64), (49, 64), (64, 128), (196, 768))

STUDY = Study(
    "cost",
    "What does a layer cost at every width, as a Mixer, a sparse MLP and a dense MLP?",
    "E.7",
    {
        "quick": tuple(Config(k, S, C) for k in _KINDS for S, C in _SHAPES),
        "full": tuple(Config(k, S, C) for k in _KINDS for S, C in (*_SHAPES, (256, 1024), (784, 768))),
    },
    run_cell,
    decide,
    plot,
    {"quick": 1, "full": 5},
)
