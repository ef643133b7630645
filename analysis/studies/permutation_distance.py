"""E.4: how near are the weights of random-permuted Mixers to random sparse weights of the same density?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kronmix as km

from ..sparse import bernoulli_weight
from ..study import Outcome, Study, Table, Verdict, bootstrap


@dataclass(frozen=True)
class Config:
    """One layer, or the product of a token and a channel layer, of S tokens and C channels."""

    kind: str
    layers: int
    tokens: int
    channels: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Spread of the row degrees, closed walks of length 4 beyond those every row makes, and the largest singular value."""
    rng = np.random.default_rng(seed)
    S, C = config.tokens, config.channels
    weight: Any = _layer(config.kind, S, C, rng)
    for _ in range(config.layers - 1):
        weight = _layer(config.kind, C, S, rng) @ weight
    degrees = np.diff(weight.tocsr().indptr)
    support = (weight != 0).astype(float)
    gram = support @ support.T
    walks = float(gram.power(2).sum() - np.sum(gram.diagonal() ** 2)) / max(float(support.sum()), 1.0)
    largest = float(np.linalg.svd(weight.toarray(), compute_uv=False)[0])
    return {"degree_spread": float(degrees.std() / degrees.mean()), "four_cycles": walks, "sigma_max": largest}


def _layer(kind: str, block: int, copies: int, rng: np.random.Generator) -> Any:
    """Sparse matrix of width block·copies with ``block`` inputs an output, of variance 1/block."""
    m = block * copies
    if kind == "sparse MLP":
        return bernoulli_weight(m, m, 1 / copies, rng) / block**0.5
    W = rng.normal(size=(block, block)) / block**0.5
    layer = km.random_permuted_mixing(W, copies, rng) if kind == "RP-Mixer" else km.token_mixing(W, channels=copies)
    return layer.to_sparse()


def decide(table: Table) -> Outcome:
    """Supported where one RP-Mixer layer is nearer to the random sparse weight than a Mixer's in four-cycles over two layers."""
    at = {"layers": max(c["layers"] for c in table.configurations)}
    sparse, permuted, plain = (table.samples("four_cycles", kind=k, **at) for k in ("sparse MLP", "RP-Mixer", "Mixer"))
    nearer = bootstrap(np.abs(plain - sparse) - np.abs(permuted - sparse))
    spread = {k: table.interval("degree_spread", kind=k, layers=1) for k in ("RP-Mixer", "sparse MLP")}
    verdict = Verdict.SUPPORTED if nearer.low > 0 else Verdict.NOT_SUPPORTED if nearer.high < 0 else Verdict.UNDECIDED
    return Outcome(
        verdict,
        f"permuting brings the four-cycles of {at['layers']} layers nearer to those of random sparse weights by {nearer} an edge; "
        f"the degrees of one layer stay equal: spread {spread['RP-Mixer']}, sparse {spread['sparse MLP']}",
    )


def plot(table: Table, ax: Any) -> None:
    """Four-cycles an edge, by kind and number of layers."""
    layers = sorted({c["layers"] for c in table.configurations})
    for kind in ("sparse MLP", "RP-Mixer", "Mixer"):
        found = [table.interval("four_cycles", kind=kind, layers=n) for n in layers]
        error = [i.mean - i.low for i in found], [i.high - i.mean for i in found]
        ax.errorbar(layers, [i.mean for i in found], yerr=error, marker="o", capsize=3, label=kind)
    ax.set(xlabel="layers multiplied", ylabel="closed walks of length 4 an edge", xticks=layers)
    ax.legend(frameon=False)


def _grid(layers: tuple[int, ...], S: int, C: int) -> tuple[Config, ...]:
    return tuple(Config(kind, n, S, C) for kind in ("sparse MLP", "RP-Mixer", "Mixer") for n in layers)


STUDY = Study(
    "permutation_distance",
    "How near are random-permuted Mixer weights to random sparse ones?",
    "E.4",
    {"quick": _grid((1, 2), 8, 32), "full": _grid((1, 2, 3, 4), 16, 64)},
    run_cell,
    decide,
    plot,
    {"quick": 6, "full": 20},
)
