"""Widths, connections and densities of Mixers, and the widest shape at a fixed number of connections (T5-T7)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from math import floor

from ..checks import integer, positive
from ..patterns import Pattern

# Beyond this the search for the best whole shape would take seconds.
_MAX_CONNECTIONS = 10**24


@dataclass(frozen=True)
class EffectiveLayer:
    """One layer of a Mixer seen as a wide MLP (T5).

    Attributes
    ----------
    name : str
        "token 1", "token 2", "channel 1" or "channel 2".
    pattern : Pattern
        Its tied Kronecker-sparse pattern (T10).
    """

    name: str
    pattern: Pattern

    @property
    def width_in(self) -> int:
        """Columns of the effective weight."""
        return self.pattern.shape[1]

    @property
    def width_out(self) -> int:
        """Rows of the effective weight."""
        return self.pattern.shape[0]

    @property
    def connections(self) -> int:
        """Non-zeros of the effective weight."""
        return self.pattern.nnz

    @property
    def density(self) -> float:
        """Share of non-zeros."""
        return self.pattern.density

    @property
    def n_parameters(self) -> int:
        """Numbers stored in the shared block."""
        return self.pattern.b * self.pattern.c


@dataclass(frozen=True)
class MixerShape:
    """Sizes of a Mixer block: tokens S, channels C and the expansions γ_T, γ_C of its two MLPs.

    Parameters
    ----------
    tokens, channels : int
        S and C, at least 1.
    token_expansion, channel_expansion : float
        γ_T and γ_C; γ_T·S and γ_C·C must be whole numbers.

    Raises
    ------
    ValueError
        If a size is not positive, or an expanded size is not whole.

    References
    ----------
    Hayase & Karakida 2024 (T5-T7).

    Examples
    --------
    >>> shape = km.MixerShape(196, 768, token_expansion=384 / 196, channel_expansion=4)
    >>> shape.width, [layer.width_out for layer in shape.layers()]
    (150528, [294912, 150528, 602112, 150528])
    """

    tokens: int
    channels: int
    token_expansion: float = 1
    channel_expansion: float = 1

    def __post_init__(self) -> None:
        for name in ("tokens", "channels"):
            integer(getattr(self, name), name)
        for name, size in (("token_expansion", self.tokens), ("channel_expansion", self.channels)):
            γ = getattr(self, name)
            positive(γ, name)
            if abs(γ * size - round(γ * size)) > 1e-9 * γ * size or round(γ * size) < 1:
                raise ValueError(f"{name}={γ}: {γ}·{size} = {γ * size} is not a whole hidden size")

    @property
    def hidden_tokens(self) -> int:
        """γ_T S."""
        return round(self.token_expansion * self.tokens)

    @property
    def hidden_channels(self) -> int:
        """γ_C C."""
        return round(self.channel_expansion * self.channels)

    @property
    def width(self) -> int:
        """Effective width m = SC."""
        return self.tokens * self.channels

    def layers(self) -> tuple[EffectiveLayer, ...]:
        """The four effective layers I⊗W₁, I⊗W₂, V₁ᵀ⊗I, V₂ᵀ⊗I of one block (T5)."""
        S, C, D_S, D_C = self.tokens, self.channels, self.hidden_tokens, self.hidden_channels
        return (
            EffectiveLayer("token 1", Pattern(C, D_S, S, 1)),
            EffectiveLayer("token 2", Pattern(C, S, D_S, 1)),
            EffectiveLayer("channel 1", Pattern(1, D_C, C, S)),
            EffectiveLayer("channel 2", Pattern(1, C, D_C, S)),
        )

    @property
    def connections(self) -> float:
        """Ω, the average number of connections of the four layers, (γ_T C S² + γ_C C² S)/2 (T6)."""
        return sum(layer.connections for layer in self.layers()) / 4

    @property
    def equivalent_density(self) -> float:
        """Density p of the SW-MLP with the same connections and layer sizes (T7); (1/S + 1/C)/2 when γ_T = γ_C."""
        layers = self.layers()
        return sum(layer.connections for layer in layers) / sum(layer.width_in * layer.width_out for layer in layers)


@dataclass(frozen=True)
class BestShape:
    """The widest Mixer at a fixed number of connections.

    Attributes
    ----------
    tokens, channels, width : float
        The real optimum S*, C*, m* of T6.
    shape : MixerShape
        The widest whole shape with at most the given connections; among equals the nearest to γ_T S = γ_C C.
    """

    tokens: float
    channels: float
    width: float
    shape: MixerShape


def best_shape(connections: float, token_expansion: float = 1, channel_expansion: float = 1) -> BestShape:
    """Widest shape S × C with at most Ω = (γ_T C S² + γ_C C² S)/2 connections (T6).

    Parameters
    ----------
    connections : float
        Ω, the average of the four layers of a block.
    token_expansion, channel_expansion : float
        γ_T and γ_C.

    Returns
    -------
    BestShape
        The real optimum m* = (Ω²/(γ_T γ_C))^{1/3}, S* = (m* γ_C/γ_T)^{1/2}, C* = m*/S*, and the best whole shape.

    Raises
    ------
    ValueError
        If Ω is too small for any shape or above 1e24, or an expansion is not a positive fraction.

    Examples
    --------
    >>> best = km.best_shape(2**19, 2, 2)
    >>> round(best.tokens, 6), best.shape
    (64.0, MixerShape(tokens=64, channels=64, token_expansion=2, channel_expansion=2))
    """
    γ_T, γ_C, Ω = token_expansion, channel_expansion, connections
    positive(γ_T, "token_expansion")
    positive(γ_C, "channel_expansion")
    if not 0 < Ω <= _MAX_CONNECTIONS:
        raise ValueError(f"connections={Ω}: expected a positive number up to {_MAX_CONNECTIONS:g}")
    width = (Ω * Ω / (γ_T * γ_C)) ** (1 / 3)
    tokens = (width * γ_C / γ_T) ** 0.5
    shape = _best_whole_shape(Ω, γ_T, γ_C)
    if shape is None:
        raise ValueError(
            f"connections={Ω}: no whole shape has so few with token_expansion={γ_T}, channel_expansion={γ_C}"
        )
    return BestShape(tokens, width / tokens, width, shape)


def _best_whole_shape(Ω: float, γ_T: float, γ_C: float) -> MixerShape | None:
    """Walk S away from S* on both sides while the real width there, S·C(S), can still beat the best whole one.

    On the curve γ_C S C² + γ_T S² C = 2Ω the width SC grows up to S* and falls after it, so each side can stop for good. Whole
    hidden sizes make S a multiple of the denominator of γ_T, and C of that of γ_C; what fits is decided in whole numbers.
    """
    T, Γ = _as_fraction(γ_T, "token_expansion"), _as_fraction(γ_C, "channel_expansion")
    step_S, step_C = T.denominator, Γ.denominator
    a, b = T.numerator * step_C, Γ.numerator * step_S  # γ_T and γ_C over their common denominator
    most = floor(2 * Fraction(Ω) * step_S * step_C)
    best: tuple[tuple[int, int], tuple[int, int]] | None = None
    middle = int((Ω * γ_C / γ_T**2) ** (1 / 3)) // step_S
    for side in (range(step_S * middle, 0, -step_S), count(step_S * (middle + 1), step_S)):
        for S in side:
            real = _channels(Ω, S, γ_T, γ_C)
            if best is not None and S * real * (1 + 1e-9) < best[0][0]:
                break
            if real * (1 + 1e-9) < step_C:  # too narrow for one step of C: wider S are so too, narrower ones may not be
                if S > step_S * middle:
                    break
                continue
            C = step_C * (int(real) // step_C + 1)
            while S * C * (a * S + b * C) > most:
                C -= step_C
            if C > 0:
                found = (S * C, -abs(a * S - b * C)), (S, C)
                best = found if best is None else max(best, found)
    return None if best is None else MixerShape(*best[1], γ_T, γ_C)


def _channels(Ω: float, S: int, γ_T: float, γ_C: float) -> float:
    """C ≥ 0 with γ_C S C² + γ_T S² C = 2Ω, without cancellation."""
    return 4 * Ω / (S * (γ_T * S + (γ_T * γ_T * S * S + 8 * γ_C * Ω / S) ** 0.5))


def _as_fraction(γ: float, name: str) -> Fraction:
    """γ as a fraction with a denominator up to a million that equals it to rounding."""
    fraction = Fraction(γ).limit_denominator(10**6)
    if abs(fraction - Fraction(γ)) > Fraction(γ) / 10**12:
        raise ValueError(
            f"{name}={γ}: no size below a million times it is whole; expected a fraction such as 1.5 or 384/196"
        )
    return fraction
