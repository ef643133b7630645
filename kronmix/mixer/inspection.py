"""One linear Mixer layer X ↦ W X V looked at as a wide MLP: layers, spectrum, sparsity, widths, nearest structures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import finite
from ..decompose import nearest_chain, nearest_kronecker, nearest_monarch
from ..operators import Kronecker, KroneckerSparse, StructuredOperator
from ..operators.arrays import Array, as_factor
from ..patterns import butterfly_patterns
from ..sparsity import SparsityProfile, sparsity_profile
from ..spectra import singular_values
from .linear import LinearMixer, channel_mixing, token_mixing
from .shapes import BestShape, best_shape

#: Widest dense matrix made to compare with, in rows or columns.
DENSE_WIDTH = 2048


@dataclass(frozen=True)
class LayerView:
    """One effective layer of the wide MLP.

    Attributes
    ----------
    name, formula : str
    operator : KroneckerSparse
    largest, smallest : float
        Of its min(rows, columns) singular values.
    """

    name: str
    formula: str
    operator: KroneckerSparse
    largest: float
    smallest: float


@dataclass(frozen=True)
class Approximation:
    """The nearest matrix of one structure, with what it costs and how far it is."""

    name: str
    n_parameters: int
    relative_error: float
    operator: StructuredOperator


@dataclass(frozen=True)
class Inspection:
    """What ``inspect_mixer`` found.

    Attributes
    ----------
    mixer : LinearMixer
    effective : Kronecker
        B = Vᵀ ⊗ W (T4).
    layers : tuple of LayerView
        Applied first to last: I ⊗ W, Vᵀ ⊗ I (T3).
    singular_values : array
        Of B, from the factors (T15).
    dense_singular_values : array or None
        By the SVD of the dense matrix, where it is small enough to be made.
    profile : SparsityProfile
    connections : float
        Ω, the average of the layers (T6).
    equivalent_density : float
        p of the SW-MLP with as many connections and the same layer sizes (T7).
    best : BestShape
        Widest Mixer with at most Ω connections (T6).
    approximations : tuple of Approximation
        Nearest Monarch, sum of Kroneckers, Kronecker and butterfly.
    """

    mixer: LinearMixer
    effective: Kronecker
    layers: tuple[LayerView, ...]
    singular_values: Array
    dense_singular_values: Array | None
    profile: SparsityProfile
    connections: float
    equivalent_density: float
    best: BestShape
    approximations: tuple[Approximation, ...]

    @property
    def spectrum_difference(self) -> float | None:
        """Largest difference between the two lists of singular values, relative to σ_max."""
        if self.dense_singular_values is None:
            return None
        return float(np.abs(self.singular_values - self.dense_singular_values).max() / self.singular_values[0])

    def __repr__(self) -> str:
        S, C = self.mixer.input_shape
        rows, columns = self.effective.shape
        return (
            f"Inspection({S} tokens × {C} channels: width {columns} → {rows}, "
            f"{self.effective.n_parameters} of {rows * columns} parameters, σ_max {self.singular_values[0]:.4g})"
        )


def inspect_mixer(W: Any, V: Any) -> Inspection:
    """Look at X ↦ W X V as a wide MLP; nothing of size (SC)² is made beyond a width of 2048.

    Parameters
    ----------
    W : array of shape (S', S)
    V : array of shape (C, C')

    Raises
    ------
    ValueError
        If W or V is not a matrix, or is zero or not finite.

    References
    ----------
    Hayase & Karakida 2024 (T3-T7); T12-T16.

    Examples
    --------
    >>> from kronmix.mixer.inspection import inspect_mixer
    >>> rng = np.random.default_rng(0)
    >>> seen = inspect_mixer(rng.normal(size=(8, 8)), rng.normal(size=(4, 4)))
    >>> [layer.formula for layer in seen.layers], seen.equivalent_density
    (['I₄ ⊗ W', 'Vᵀ ⊗ I₈'], 0.1875)
    """
    W, V = as_factor(W, "W", 2), as_factor(V, "V", 2)
    for name, matrix in (("W", W), ("V", V)):
        finite(matrix, name)
        if not matrix.any():
            raise ValueError(f"{name} is zero everywhere: expected a matrix with something to look at")
    mixer = LinearMixer(W, V)
    B = mixer.effective_weight()
    _, C = mixer.input_shape
    layers = (
        _layer_view("token mixing", f"I{subscript(C)} ⊗ W", token_mixing(W, C), W),
        _layer_view("channel mixing", f"Vᵀ ⊗ I{subscript(W.shape[0])}", channel_mixing(V, W.shape[0]), V),
    )
    connections = sum(layer.operator.connections for layer in layers) / len(layers)
    sizes = sum(layer.operator.shape[0] * layer.operator.shape[1] for layer in layers)
    return Inspection(
        mixer=mixer,
        effective=B,
        layers=layers,
        singular_values=singular_values(B),
        dense_singular_values=np.linalg.svd(B.to_dense(), compute_uv=False) if max(B.shape) <= DENSE_WIDTH else None,
        profile=sparsity_profile(B),
        connections=connections,
        equivalent_density=len(layers) * connections / sizes,
        best=best_shape(connections),
        approximations=approximations(B, (V.shape[1], V.shape[0]), W.shape),
    )


def approximations(B: Any, channel_shape: tuple[int, int], token_shape: tuple[int, int]) -> tuple[Approximation, ...]:
    """Nearest Monarch, sum of Kroneckers, Kronecker and butterfly of B, none with more parameters than the Monarch.

    Parameters
    ----------
    B : StructuredOperator or array of shape (C'·S', C·S)
    channel_shape : (int, int)
        (C', C).
    token_shape : (int, int)
        (S', S).

    Returns
    -------
    tuple of Approximation
        Largest number of parameters first. Up to a width of 2048 the structure is found from the entries alone, and sum and
        butterfly (of a square B) are tried too; a wider Kronecker product is treated through its factors.

    References
    ----------
    Van Loan & Pitsianis 1993 (T14); Dao et al. 2022 (T13); Le et al. 2024 (T13).

    Examples
    --------
    >>> from kronmix.mixer.inspection import approximations
    >>> B = km.Kronecker(np.eye(4), np.ones((4, 4)))
    >>> [(a.name, a.n_parameters) for a in approximations(B, (4, 4), (4, 4))]
    [('Monarch, block rank 1', 128), ('butterfly', 128), ('sum of 4 Kroneckers', 128), ('Kronecker', 32)]
    """
    (p, k), (q, s) = channel_shape, token_shape
    rows, columns, n_monarch = p * q, k * s, q * p * k + k * q * s
    small = max(rows, columns) <= DENSE_WIDTH
    # Where it is small the structure is found from the entries alone; a larger Kronecker product stays in its factors.
    target = B.to_dense() if small and isinstance(B, StructuredOperator) else B
    found = [_approximation("Monarch, block rank 1", nearest_monarch(target, (p, k, q, s), tol=0))]
    if small and 1 < rows == columns:
        patterns = butterfly_patterns(rows)
        if sum(pattern.nnz for pattern in patterns) <= n_monarch:
            found.append(_approximation("butterfly", nearest_chain(target, patterns)))
    shapes = ((p, k), (q, s))
    terms = min(n_monarch // (p * k + q * s), p * k, q * s)
    if small and terms > 1:
        found.append(_approximation(f"sum of {terms} Kroneckers", nearest_kronecker(target, shapes, terms, tol=0)))
    found.append(_approximation("Kronecker", nearest_kronecker(target, shapes, tol=0)))
    return tuple(sorted(found, key=lambda a: -a.n_parameters))


def width_curve(connections: float, points: int = 97) -> tuple[Array, Array]:
    """Tokens S and effective widths SC of the Mixers with (CS² + C²S)/2 connections, C ≥ 1 (T6).

    Examples
    --------
    >>> from kronmix.mixer.inspection import width_curve
    >>> tokens, widths = width_curve(512.0)
    >>> round(float(widths.max()), 6)
    64.0
    """
    # C = 1 leaves S² + S = 2Ω; S and C enter alike, so the logarithmic grid from 1 to there is symmetric about S = C.
    last = (np.sqrt(1 + 8 * connections) - 1) / 2
    tokens = np.geomspace(1, last, points)
    tokens = np.sort(np.append(tokens, connections ** (1 / 3)))
    channels = (np.sqrt(tokens**2 + 8 * connections / tokens) - tokens) / 2
    return tokens, tokens * channels


def _layer_view(name: str, formula: str, operator: KroneckerSparse, block: Array) -> LayerView:
    s = np.linalg.svd(block, compute_uv=False)
    return LayerView(name, formula, operator, float(s[0]), float(s[-1]))


def _approximation(name: str, found: Any) -> Approximation:
    return Approximation(name, found.operator.n_parameters, float(found.relative_error), found.operator)


def subscript(n: int) -> str:
    """A number as an index below a letter."""
    return str(n).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
