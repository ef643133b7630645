"""E.4: how near are the weights of random-permuted Mixers to random sparse weights of the same density?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import wasserstein_distance

import kronmix as km

from ..classification import Task, split
from ..sparse import bernoulli_weight
from ..statistics import Comparison, Outcome, Samples, compare
from ..study import Study, Table, draw_intervals

#: Four-cycles an edge; also used for the distance of singular values and for CKA.
_SMALLEST = 0.01


@dataclass(frozen=True)
class Config:
    """One layer, or the product of a token and a channel layer, of S tokens and C channels."""

    kind: str
    layers: int
    tokens: int
    channels: int


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Four views of a weight beside an independent random sparse one of the same density.

    Spread of the row degrees; closed walks of length 4 beyond those every row makes; the largest singular value, and the
    Wasserstein distance between the singular values; unbiased CKA of what the two make of real images, through ReLU.
    """
    rng = np.random.default_rng(seed)
    weight, other = (_product(kind, config, rng) for kind in (config.kind, "sparse MLP"))
    degrees = np.diff(weight.tocsr().indptr)
    support = (weight != 0).astype(float)
    gram = support @ support.T
    walks = float(gram.power(2).sum() - np.sum(gram.diagonal() ** 2)) / max(float(support.sum()), 1.0)
    σ, τ = (np.linalg.svd(matrix.toarray(), compute_uv=False) for matrix in (weight, other))
    X = _features(config, rng, seed)
    return {
        "degree_spread": float(degrees.std() / degrees.mean()),
        "four_cycles": walks,
        "sigma_max": float(σ[0]),
        "spectrum_distance": float(wasserstein_distance(σ, τ)),
        "cka": km.cka(np.maximum(X @ weight.T, 0), np.maximum(X @ other.T, 0), "unbiased"),
    }


def _product(kind: str, config: Config, rng: np.random.Generator) -> Any:
    """Layers that mix tokens and channels in turn, multiplied."""
    S, C = config.tokens, config.channels
    weight: Any = _layer(kind, S, C, rng)
    for _ in range(config.layers - 1):
        weight = _layer(kind, C, S, rng) @ weight
    return weight


def _features(config: Config, rng: np.random.Generator, seed: int) -> Any:
    """Real images as rows of S·C features: MNIST's tokens, embedded by a random map into C channels."""
    (images, _), _ = split(Task("mnist", train=300, test=0, epochs=0, batch=1, rate=0.0), seed)
    patch = 28 // round(config.tokens**0.5)
    chosen = km.datasets.tokens(images, patch)
    embedded = chosen @ rng.normal(size=(chosen.shape[2], config.channels)) / patch
    return embedded.transpose(0, 2, 1).reshape(len(chosen), -1)


def _layer(kind: str, block: int, copies: int, rng: np.random.Generator) -> Any:
    """Sparse matrix of width block·copies with ``block`` inputs an output, of variance 1/block."""
    m = block * copies
    if kind == "sparse MLP":
        return bernoulli_weight(m, m, 1 / copies, rng) / block**0.5
    W = rng.normal(size=(block, block)) / block**0.5
    layer = km.random_permuted_mixing(W, copies, rng) if kind == "RP-Mixer" else km.token_mixing(W, channels=copies)
    return layer.to_sparse()


def decide(table: Table) -> Outcome:
    """Supported where permuting brings a Mixer's four-cycles over all layers nearer to those of random sparse weights."""
    at = {"layers": max(c["layers"] for c in table.configurations)}

    def nearer(quantity: str, target: float | None = None) -> Samples:
        """How much nearer the permuted weight is to the target (default: the sparse weight's own number), paired over seeds."""
        sparse, permuted, plain = (table.samples(quantity, kind=k, **at) for k in ("sparse MLP", "RP-Mixer", "Mixer"))
        if target is not None:
            return abs(target - plain) - abs(target - permuted)
        return abs(plain - sparse) - abs(permuted - sparse)

    found = compare(
        [
            Comparison("four-cycles an edge", nearer("four_cycles"), _SMALLEST),
            Comparison("distance of singular values", nearer("spectrum_distance", 0.0), _SMALLEST),
            Comparison("CKA", nearer("cka", 1.0), _SMALLEST),
        ]
    )
    spread = {k: table.interval("degree_spread", kind=k, layers=1) for k in ("RP-Mixer", "sparse MLP")}
    return Outcome(
        found[0].verdict,
        f"over {at['layers']} layers permuting brings a Mixer nearer to random sparse weights by: {'; '.join(map(str, found))}; "
        f"smallest effect that counts {_SMALLEST:g}; spread of the degrees of one layer: {spread['RP-Mixer']} permuted, "
        f"{spread['sparse MLP']} sparse",
    )


def plot(table: Table, ax: Any) -> None:
    """Four-cycles an edge, by kind and number of layers."""
    layers = sorted({c["layers"] for c in table.configurations})
    for kind in ("sparse MLP", "RP-Mixer", "Mixer"):
        found = [table.interval("four_cycles", kind=kind, layers=n) for n in layers]
        draw_intervals(ax, layers, found, label=kind)
    ax.set(xlabel="layers multiplied", ylabel="closed walks of length 4 an edge", xticks=layers)
    ax.legend(frameon=False)


def _grid(layers: tuple[int, ...], S: int, C: int) -> tuple[Config, ...]:
    return tuple(Config(kind, n, S, C) for kind in ("sparse MLP", "RP-Mixer", "Mixer") for n in layers)


STUDY = Study(
    "permutation_distance",
    "How near are random-permuted Mixer weights to random sparse ones?",
    "E.4",
    {"quick": _grid((1, 2), 16, 16), "full": _grid((1, 2, 3, 4), 16, 64)},
    run_cell,
    decide,
    plot,
    {"quick": 6, "full": 20},
    _SMALLEST,
    lambda config: ("mnist",),
)
