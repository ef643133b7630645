"""E.4: how near are the weights of random-permuted Mixers to random sparse weights of the same density?"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np
from scipy.stats import wasserstein_distance

import kronmix as km

from ..classification import Task, split
from ..sources import patch_side
from ..sparse import bernoulli_weight
from ..statistics import Comparison, Outcome, Samples, decide_together
from ..study import Study, Table, draw_intervals

#: Of the number of four-cycles an edge, in powers of ten; and of the distance of singular values and CKA, reported as well.
_SMALLEST, _BESIDE = 0.3, 0.02


@dataclass(frozen=True)
class Config:
    """One layer, or the product of a token and a channel layer, of S tokens and C channels."""

    kind: str
    layers: int
    tokens: int
    channels: int
    data: str = "mnist"


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
    """Real images as rows of S·C features: their tokens, embedded by a random map into C channels."""
    (images, _), _ = split(Task(data=config.data, train=300, test=0, epochs=0, rate=0.0), seed)
    patch = patch_side(config.data, config.tokens)
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
    at = {"layers": max(table.levels("layers"))}

    def nearer(quantity: str, target: float | None = None) -> Samples:
        """How much nearer the permuted weight is to the target (default: the sparse weight's own number), paired over seeds."""
        sparse, permuted, plain = (table.samples(quantity, kind=k, **at) for k in ("sparse MLP", "RP-Mixer", "Mixer"))
        if target is not None:
            return abs(target - plain) - abs(target - permuted)
        sparse, permuted, plain = (
            Samples({s: log10(v) for s, v in x.by_seed.items()}) for x in (sparse, permuted, plain)
        )
        return abs(plain - sparse) - abs(permuted - sparse)

    spread = {k: table.interval("degree_spread", kind=k, layers=at["layers"]) for k in ("RP-Mixer", "sparse MLP")}
    return decide_together(
        [Comparison("four-cycles an edge, in powers of ten", nearer("four_cycles"), _SMALLEST)],
        f"spread of the degrees: {spread['RP-Mixer']} permuted, {spread['sparse MLP']} sparse; over {at['layers']} layers "
        "permuting brings a Mixer nearer to random sparse weights by",
        [
            Comparison("distance of singular values", nearer("spectrum_distance", 0.0), _BESIDE),
            Comparison("CKA", nearer("cka", 1.0), _BESIDE),
        ],
    )


def plot(table: Table, ax: Any) -> None:
    """Four-cycles an edge, by kind and number of layers."""
    layers = sorted(table.levels("layers"))
    for kind in ("sparse MLP", "RP-Mixer", "Mixer"):
        found = [table.interval("four_cycles", kind=kind, layers=n) for n in layers]
        draw_intervals(ax, layers, found, label=kind)
    ax.set(xlabel="layers multiplied", ylabel="closed walks of length 4 an edge", xticks=layers)
    ax.legend(frameon=False)


def _grid(layers: tuple[int, ...], S: int, C: int, data: str = "mnist") -> tuple[Config, ...]:
    return tuple(Config(kind, n, S, C, data) for kind in ("sparse MLP", "RP-Mixer", "Mixer") for n in layers)


STUDY = Study(
    "permutation_distance",
    "How near are random-permuted Mixer weights to random sparse ones?",
    "E.4",
    {
        "quick": _grid((1, 2), 16, 16),
        "full": _grid((1, 2, 3, 4), 16, 64),
        "null": _grid((1,), 4, 8, "digits"),  # permuting rows and columns of one layer changes no cycle
        "planted": _grid((2,), 4, 8, "digits"),
    },
    run_cell,
    decide,
    plot,
    {"quick": 6, "full": 20, "null": 5, "planted": 8},
    _SMALLEST,
)
