"""T24: the largest singular value at initialisation, of Mixers against 1 + √γ, and of sparse MLPs with as many connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse.linalg import svds

import kronmix as km

from ..sparse import bernoulli_weight
from ..study import Outcome, Study, Table, Verdict, bootstrap


@dataclass(frozen=True)
class Config:
    """A layer of width m → γm with a fixed number of connections."""

    kind: str
    width: int
    connections: int
    expansion: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """σ_max over its limit 1 + √γ; weights have variance 1 over the mean number of inputs of an output."""
    rng = np.random.default_rng(seed)
    m, γ = config.width, config.expansion
    inputs = config.connections / (γ * m)  # of every output, on average
    if config.kind == "Mixer":
        S = round(inputs)
        layer = km.token_mixing(rng.normal(size=(γ * S, S)) / S**0.5, channels=m // S)
        largest = float(km.singular_values(layer, 1)[0])
    else:
        density = inputs / m
        sparse = bernoulli_weight(γ * m, m, density, rng) / inputs**0.5
        largest = float(svds(sparse, k=1, return_singular_vectors=False, v0=rng.standard_normal(m))[0])
    return {"edge": largest / (1 + γ**0.5)}


def decide(table: Table) -> Outcome:
    """Supported where the sparse MLP's edge grows with width and the Mixer's does not."""
    widths = sorted({c["width"] for c in table.configurations})
    change = {
        kind: bootstrap(
            table.samples("edge", kind=kind, width=widths[-1]) - table.samples("edge", kind=kind, width=widths[0])
        )
        for kind in ("sparse MLP", "Mixer")
    }
    grows = change["sparse MLP"].low > 0 and change["sparse MLP"].low > change["Mixer"].high
    words = "; ".join(f"{kind} {found}" for kind, found in change.items())
    verdict = (
        Verdict.SUPPORTED if grows else Verdict.NOT_SUPPORTED if change["sparse MLP"].high < 0 else Verdict.UNDECIDED
    )
    return Outcome(
        verdict, f"change of σ_max/(1 + √γ) from width {widths[0]} to {widths[-1]} at fixed connections: {words}"
    )


def plot(table: Table, ax: Any) -> None:
    """σ_max against width."""
    widths = sorted({c["width"] for c in table.configurations})
    for kind in ("sparse MLP", "Mixer"):
        found = [table.interval("edge", kind=kind, width=w) for w in widths]
        error = [i.mean - i.low for i in found], [i.high - i.mean for i in found]
        ax.errorbar(widths, [i.mean for i in found], yerr=error, marker="o", capsize=3, label=kind)
    ax.axhline(1, color="0.5", linestyle="--", linewidth=0.9)
    ax.set(xscale="log", xlabel="width m, connections fixed", ylabel="σ_max / (1 + √γ)")
    ax.legend(frameon=False)


def _grid(widths: tuple[int, ...], connections: int) -> tuple[Config, ...]:
    return tuple(Config(kind, m, connections, 2) for kind in ("sparse MLP", "Mixer") for m in widths)


STUDY = Study(
    "spectral_edge",
    "At fixed connections, does σ_max at initialisation grow with width for sparse MLPs and stay for Mixers?",
    "T24, E.3 (at initialisation)",
    {"quick": _grid((512, 1024, 2048, 4096), 2**17), "full": _grid(tuple(2**k for k in range(9, 16)), 2**19)},
    run_cell,
    decide,
    plot,
    {"quick": 5, "full": 20},
)
