"""Shapes of Mixers with a given number of connections (T6)."""

from __future__ import annotations


def channels_for(connections: float, tokens: int, expansion: float, channel_expansion: float | None = None) -> int:
    """C with (γ_T C S² + γ_C C² S)/2 = Ω, rounded, at least 1.

    Examples
    --------
    >>> channels_for(64**3, 64, 1)
    64
    """
    γ_T, γ_C = expansion, expansion if channel_expansion is None else channel_expansion
    S, Ω = tokens, connections
    return max(round((-γ_T * S + ((γ_T * S) ** 2 + 8 * γ_C * Ω / S) ** 0.5) / (2 * γ_C)), 1)
