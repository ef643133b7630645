"""Mixers as wide MLPs: linear Mixers, their effective layers, shapes and widths."""

from .checkpoints import read_checkpoint
from .linear import LinearMixer, channel_mixing, permuted_mixing, random_permuted_mixing, token_mixing
from .shapes import BestShape, EffectiveLayer, MixerShape, best_shape
from .synthetic import write_synthetic_checkpoint

__all__ = [
    "BestShape",
    "EffectiveLayer",
    "LinearMixer",
    "MixerShape",
    "best_shape",
    "channel_mixing",
    "permuted_mixing",
    "random_permuted_mixing",
    "read_checkpoint",
    "token_mixing",
    "write_synthetic_checkpoint",
]
