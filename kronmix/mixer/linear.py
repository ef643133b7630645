"""Linear Mixer layers and the permuted-Kronecker family (T3, T4, T8)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..checks import explicit
from ..operators import Chain, Kronecker, KroneckerSparse, Permutation
from ..operators.arrays import Array, as_factor, read_only


def token_mixing(W: Any, channels: int) -> KroneckerSparse:
    """Token mixing X ↦ W X as the effective layer I_C ⊗ W, the tied pattern (C, S', S, 1).

    Parameters
    ----------
    W : array of shape (S', S)
    channels : int
        C, at least 1.

    References
    ----------
    T3, T10.

    Examples
    --------
    >>> W, X = np.array([[1.0, 2.0], [3.0, 4.0]]), np.arange(6.0).reshape(2, 3)
    >>> layer = km.token_mixing(W, channels=3)
    >>> layer
    KroneckerSparse(6×6, pattern (3, 2, 2, 1), tied over a, 4 parameters)
    >>> bool((layer @ km.vec(X) == km.vec(W @ X)).all())
    True
    """
    W = as_factor(W, "W", 2)
    return KroneckerSparse(W[None, None], (channels, *W.shape, 1))


def channel_mixing(V: Any, tokens: int) -> KroneckerSparse:
    """Channel mixing X ↦ X V as the effective layer Vᵀ ⊗ I_S, the tied pattern (1, C', C, S).

    Parameters
    ----------
    V : array of shape (C, C')
    tokens : int
        S, at least 1.

    References
    ----------
    T3, T10.

    Examples
    --------
    >>> V, X = np.arange(6.0).reshape(3, 2), np.arange(6.0).reshape(2, 3)
    >>> layer = km.channel_mixing(V, tokens=2)
    >>> layer.shape
    (4, 6)
    >>> bool((layer @ km.vec(X) == km.vec(X @ V)).all())
    True
    """
    V = as_factor(V, "V", 2)
    C, width = V.shape
    return KroneckerSparse(V.T[None, None], (1, width, C, tokens))


class LinearMixer(Chain):
    """Linear Mixer: X ↦ W_L … W_1 X V_1 … V_L, as an operator on vec(X) whose factors are all the W's and V's.

    As a Chain of Kroneckers (Vᵀ_L ⊗ W_L) ⋯ (Vᵀ_1 ⊗ W_1) it trains as the tied L-layer network of T17's last row; its
    product is again one Kronecker, ``effective_weight()`` (T4, T15).

    Parameters
    ----------
    W : array of shape (S', S), or a sequence of such, first layer first
    V : array of shape (C, C'), or a sequence of such
        Inner sizes must match from layer to layer.

    Raises
    ------
    ValueError
        If the numbers of layers differ, or neighbouring layers do not fit.

    References
    ----------
    Hayase & Karakida 2024 (T4).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> W, V, X = rng.normal(size=(8, 8)), rng.normal(size=(4, 4)), rng.normal(size=(8, 4))
    >>> mixer = km.LinearMixer(W, V)
    >>> bool(np.allclose(mixer(X), W @ X @ V))
    True
    >>> mixer.effective_weight()
    Kronecker(32×32, 4×4 ⊗ 8×8, 80 parameters)
    """

    def __init__(self, W: Any, V: Any) -> None:
        Ws, Vs = _layer_matrices(W, "W"), _layer_matrices(V, "V")
        if len(Ws) != len(Vs):
            raise ValueError(f"W has {len(Ws)} layers and V has {len(Vs)}: they must be equal")
        for i, (below, above) in enumerate(
            zip(zip(Ws, Vs, strict=True), zip(Ws[1:], Vs[1:], strict=True), strict=False)
        ):
            if above[0].shape[1] != below[0].shape[0] or above[1].shape[0] != below[1].shape[1]:
                raise ValueError(
                    f"layer {i + 2} takes {above[0].shape[1]}×{above[1].shape[0]} features (tokens × channels), "
                    f"but layer {i + 1} gives {below[0].shape[0]}×{below[1].shape[1]}"
                )
        super().__init__(*(Kronecker(v.T, w) for w, v in zip(reversed(Ws), reversed(Vs), strict=True)))
        # First layer first, and V as it multiplies on the right: the arrays a user gave.
        self.factors = tuple(read_only(f) for pair in zip(Ws, Vs, strict=True) for f in pair)
        self.token_weights, self.channel_weights = self.factors[::2], self.factors[1::2]

    token_weights: tuple[Array, ...]
    channel_weights: tuple[Array, ...]

    @property
    def input_shape(self) -> tuple[int, int]:
        """Tokens and channels of X."""
        return self.token_weights[0].shape[1], self.channel_weights[0].shape[0]

    def _arguments(self) -> tuple[Any, ...]:
        return self.token_weights, self.channel_weights

    def with_factors(self, *arrays: Any) -> Self:
        if [np.shape(a) for a in arrays] != [f.shape for f in self.factors]:
            raise ValueError(
                f"with_factors got shapes {[np.shape(a) for a in arrays]}: expected {[f.shape for f in self.factors]}"
            )
        return type(self)(arrays[::2], arrays[1::2])

    def _vjp(self, X: Array) -> Any:
        Y, pull = super()._vjp(X)

        def backward(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            gradients, X_bar = pull(Y_bar, with_input)
            # The chain's factors run Vᵀ_L, W_L, …, Vᵀ_1, W_1.
            return tuple(g if i % 2 == 0 else g.T for i, g in enumerate(reversed(gradients))), X_bar

        return Y, backward

    def conj(self) -> Any:
        return self.with_factors(*(f.conj() for f in self.factors))

    def scale(self, scalar: Any) -> LinearMixer:
        first, *rest = self.factors
        return self.with_factors(scalar * first, *rest)

    def effective_weight(self) -> Kronecker:
        """(V_1 ⋯ V_L)ᵀ ⊗ (W_L ⋯ W_1), one Kronecker product (T4, T15)."""
        W, V = self.token_weights[0], self.channel_weights[0]
        for w, v in zip(self.token_weights[1:], self.channel_weights[1:], strict=True):
            W, V = w @ W, V @ v
        return Kronecker(V.T, W)

    def __call__(self, X: Any) -> Array:
        """Apply to features of shape (S, C), or to a batch (N, S, C)."""
        X = explicit(X, "X")
        if X.ndim not in (2, 3) or X.shape[-2:] != self.input_shape:
            S, C = self.input_shape
            raise ValueError(f"X has shape {X.shape}: expected ({S}, {C}) or (N, {S}, {C})")
        for W, V in zip(self.token_weights, self.channel_weights, strict=True):
            X = W @ X @ V
        return X

    def _describe(self) -> list[str]:
        S, C = self.input_shape
        return [f"{S} tokens × {C} channels", f"{len(self.token_weights)} layer{'s'[: len(self.token_weights) > 1]}"]


def _layer_matrices(given: Any, name: str) -> tuple[Array, ...]:
    """One matrix or a list of them, as a tuple of checked factors."""
    listed = list(given) if isinstance(given, list | tuple) and all(np.ndim(m) == 2 for m in given) else [given]
    if not listed:
        raise ValueError(f"{name}: expected at least one layer")
    return tuple(as_factor(m, f"{name}, layer {i + 1}", 2) for i, m in enumerate(listed))


def permuted_mixing(W: Any, blocks: int, left: Any = None, right: Any = None) -> Chain:
    """Permuted-Kronecker layer J₂ (I_blocks ⊗ W) J₁ (T8).

    Parameters
    ----------
    W : array of shape (rows, columns)
    blocks : int
        How often W is repeated.
    left, right : Permutation or integer array, optional
        J₂ of size blocks·rows and J₁ of size blocks·columns; identities where left out. With J₁ = K_{S,C} and J₂ = K_{C',S}
        this is channel mixing of Vᵀ = W.

    Examples
    --------
    >>> V = np.arange(6.0).reshape(3, 2)
    >>> layer = km.permuted_mixing(V.T, 4, left=km.commutation(2, 4), right=km.commutation(4, 3))
    >>> bool((layer.to_dense() == km.channel_mixing(V, tokens=4).to_dense()).all())
    True
    """
    inner = token_mixing(W, blocks)
    parts = [_as_permutation(left, inner.shape[0], "left"), inner, _as_permutation(right, inner.shape[1], "right")]
    return Chain(*(part for part in parts if part is not None))


def _as_permutation(given: Any, size: int, name: str) -> Permutation | None:
    if given is None:
        return None
    permutation = given if isinstance(given, Permutation) else Permutation(given)
    if permutation.shape[0] != size:
        raise ValueError(f"{name} permutes {permutation.shape[0]} entries: expected {size}")
    return permutation


def random_permuted_mixing(W: Any, blocks: int, seed: int | np.random.Generator) -> Chain:
    """Layer of a random-permuted Mixer: J₂ (I ⊗ W) J₁ with uniformly random permutations (T8).

    Parameters
    ----------
    W : array of shape (rows, columns)
    blocks : int
    seed : int or numpy.random.Generator
        The same seed gives the same permutations.

    Examples
    --------
    >>> layer = km.random_permuted_mixing(np.ones((2, 2)), 3, seed=0)
    >>> layer.shape, layer.nnz
    ((6, 6), 12)
    """
    rng = np.random.default_rng(seed)
    inner = token_mixing(W, blocks)
    return permuted_mixing(W, blocks, rng.permutation(inner.shape[0]), rng.permutation(inner.shape[1]))
