"""T24, numerically because it is a limit: the largest singular value of a Mixer's effective layer at random weights.

    σ_max(I_C ⊗ W) → 1 + √γ for W ∈ R^{γS×S} with entries N(0, 1/S), however large C is.

A sparse-weight MLP layer of the same number of connections has a σ_max that grows as it widens and sparsifies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import log

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from ...operators import KroneckerSparse
from ...patterns import Pattern
from ..claims import NUMERICAL, Counterexample, Outcome, Proof, claim
from .sources import HAYASE


def prove_edge(
    edge: Callable[[float], float] = lambda gamma: 1 + gamma**0.5,
    tokens: int = 400,
    expansions: tuple[int, ...] = (1, 2, 4),
    tolerance: float = 0.03,
    seed: int = 0,
) -> Outcome:
    """|σ_max(W)/edge(γ) − 1| < tolerance for W of shape (γS, S) at a large S."""
    rng = np.random.default_rng(seed)
    found = {}
    for gamma in expansions:
        W = rng.normal(size=(gamma * tokens, tokens)) / tokens**0.5
        largest = float(np.linalg.eigvalsh(W.T @ W)[-1] ** 0.5)
        found[f"γ = {gamma}"] = largest
        if abs(largest / edge(gamma) - 1) >= tolerance:
            value = {"γ": gamma, "σ_max": largest, "claimed": edge(gamma)}
            return Counterexample(f"S = {tokens}", value, f"off by more than {tolerance:g}")
    shown = ", ".join(f"σ_max {value:.3f} at {name}" for name, value in found.items())
    return Proof(f"S = {tokens}", f"{shown}; relative tolerance {tolerance:g}")


def prove_width_free(
    growth: Callable[[int], float] = lambda channels: 1.0,
    tokens: int = 12,
    channels: tuple[int, ...] = (1, 3, 9),
    tolerance: float = 1e-12,
    seed: int = 0,
) -> Outcome:
    """σ_max(I_C ⊗ W) = growth(C) · σ_max(W): the effective layer of width SC, as a dense matrix, against W itself."""
    W = np.random.default_rng(seed).normal(size=(2 * tokens, tokens)) / tokens**0.5
    small = float(np.linalg.norm(W, 2))
    for C in channels:
        layer = KroneckerSparse(W[None, None], Pattern(C, 2 * tokens, tokens, 1)).to_dense()
        large = float(np.linalg.norm(layer, 2))
        if abs(large - growth(C) * small) > tolerance * large:
            return Counterexample(f"S = {tokens}, C = {C}", {"σ_max": large, "claimed": growth(C) * small}, "not equal")
    return Proof(f"S = {tokens}, C = {', '.join(map(str, channels))}", f"relative tolerance {tolerance:g}")


def sparse_layer(width: int, degree: int, rng: np.random.Generator) -> csr_array:
    """M ∘ A of shape (width, width): Bernoulli mask with ``degree`` expected non-zeros a row, entries N(0, 1/degree)."""
    count = int(rng.binomial(width * width, degree / width))
    flat = np.unique(rng.integers(0, width * width, size=count))
    values = rng.normal(size=len(flat)) / degree**0.5
    return csr_array((values, np.divmod(flat, width)), shape=(width, width))


def prove_sparse_growth(
    grows: bool = True,
    connections: int = 2**15,
    degrees: tuple[int, ...] = (64, 8, 2),
    margin: float = 0.15,
    seed: int = 0,
) -> Outcome:
    """At fixed connections, σ_max of M ∘ A grows by ``margin`` at every widening; or, the false claim, stays near 2.

    Every row has the same expected square norm 1 as the Mixer layer's, whose edge at γ = 1 is 2.
    """
    rng = np.random.default_rng(seed)
    found = {}
    for degree in degrees:
        layer = sparse_layer(connections // degree, degree, rng)
        start = rng.normal(size=layer.shape[0])
        found[f"width {layer.shape[0]}"] = float(svds(layer, k=1, v0=start, return_singular_vectors=False)[0])
    values = list(found.values())
    sizes = f"{connections} connections, widths {', '.join(str(connections // d) for d in degrees)}"
    if grows and any(wide < narrow + margin for narrow, wide in pairwise(values)):
        return Counterexample(sizes, dict(found), f"σ_max does not grow by {margin:g}")
    if not grows and max(values) > 2 + margin:
        return Counterexample(sizes, dict(found), f"σ_max leaves 2 by more than {margin:g}")
    return Proof(sizes, f"σ_max = {', '.join(f'{v:.2f}' for v in values)}; margin {margin:g}")


CLAIMS = (
    claim(
        "T24",
        "edge of the spectrum",
        "The largest singular value of a γS × S Gaussian matrix of variance 1/S tends to 1 + √γ; here at S = 400, to 3 %.",
        r"\sigma_{\max}(W)\to1+\sqrt\gamma",
        "Marchenko & Pastur 1967; Geman 1980",
        NUMERICAL,
        prove_edge,
        {
            "1 + γ": {"edge": lambda gamma: 1 + gamma},
            "√γ": {"edge": lambda gamma: gamma**0.5},
            "10 % more": {"edge": lambda gamma: 1.1 * (1 + gamma**0.5)},
        },
        slow=partial(prove_edge, tokens=1000, tolerance=0.015),
    ),
    claim(
        "T24",
        "independence of the width",
        "The effective token-mixing layer has the largest singular value of its block, however many channels there are.",
        r"\sigma_{\max}(I_C\otimes W)=\sigma_{\max}(W)",
        HAYASE,
        NUMERICAL,
        prove_width_free,
        {
            "growth √C": {"growth": lambda channels: channels**0.5},
            "growth log C": {"growth": lambda channels: 1 + log(channels)},
            "1 % more": {"growth": lambda channels: 1.01},
        },
    ),
    claim(
        "T24",
        "sparse-weight MLPs",
        "At fixed connections, the largest singular value of a random sparse layer grows as it widens and sparsifies.",
        r"\sigma_{\max}(M\circ A)\ \text{grows with the width at fixed}\ \Omega",
        HAYASE,
        NUMERICAL,
        prove_sparse_growth,
        {
            "it stays at 2": {"grows": False},
            "it grows as it narrows": {"degrees": (2, 8, 64)},
            "it grows by 2 at every widening": {"margin": 2.0},
        },
        slow=partial(prove_sparse_growth, connections=2**18),
    ),
)
