"""Mixers from images to images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import integer
from ..datasets import untokens
from .activations import activation as activations
from .builders import channel_linear, token_linear
from .initialization import Draw, Rng
from .network import Network
from .parts import Array, Part, Residual, Sequential
from .patches import Patches
from .recording import recorded

#: Of the variance of a block's output at the start: a deep network begins near its embedding and readout alone.
_SMALL = 0.1


@dataclass(frozen=True)
class ImagePatches(Patches):
    """Patches whose outputs are put together again: images in, images out."""

    def outputs(self, columns: Array, inputs: Any) -> Array:
        """Images (N, H, W, colours)."""
        assert self.features is not None
        assert self.size is not None
        assert self.patch is not None
        S, C = self.features
        X = columns.T.reshape(columns.shape[1], C, S).swapaxes(1, 2)
        return untokens(X, (*self.size, C // self.patch**2), self.patch)


@recorded
def image_mixer(
    image: tuple[int, int, int],
    patch: int,
    channels: int,
    depth: int,
    token_expansion: float = 2,
    channel_expansion: float = 2,
    activation: str = "gelu",
    seed: int | Rng = 0,
    dtype: Any = np.float32,
) -> Network:
    """A Mixer from images to images: patches, embedding, blocks of token and channel MLPs with skips, readout of pixels.

    It has no norms: with ``activation="linear"`` it is one linear map, a sum of Kronecker products.

    Parameters
    ----------
    image : (height, width, colours)
    patch, channels, depth, token_expansion, channel_expansion, activation, seed, dtype
        As in :func:`mlp_mixer`.

    Raises
    ------
    ValueError
        If the patch does not divide the image, or a size is below 1.

    References
    ----------
    Tolstikhin et al. 2021, arXiv 2105.01601 (T5), without head and pooling.

    Examples
    --------
    >>> net = km.networks.image_mixer((8, 8, 1), patch=2, channels=16, depth=2)
    >>> net, net(np.zeros((5, 8, 8, 1))).shape
    (Network(image_mixer, widths 64 → 256 → 512 → … → 256 → 64, 4 436 parameters), (5, 8, 8, 1))

    Images are its targets too: ``km.networks.fit(net, seen, clean, loss="squared")``.
    """
    height, width, colors = (integer(size, "size") for size in image)
    side, C = integer(patch, "patch"), integer(channels, "channels")
    if height % side or width % side:
        raise ValueError(f"patch={patch}: expected a divisor of height {height} and width {width}")
    draw = Draw(activation, seed, dtype)
    S, pixels = (height // side) * (width // side), side * side * colors
    T, D = max(round(token_expansion * S), 1), max(round(channel_expansion * C), 1)
    parts: list[Part] = [channel_linear(draw.weight(pixels, C, inputs=pixels, gain=1.0), S, draw)]
    for _ in range(integer(depth, "depth")):
        parts += [
            Residual(
                token_linear(draw.weight(T, S, inputs=S), C, draw),
                *activations(activation),
                token_linear(draw.weight(S, T, inputs=T, gain=_SMALL), C, draw),
            ),
            Residual(
                channel_linear(draw.weight(C, D, inputs=C), S, draw),
                *activations(activation),
                channel_linear(draw.weight(D, C, inputs=D, gain=_SMALL), S, draw),
            ),
        ]
    parts.append(channel_linear(draw.weight(C, pixels, inputs=C, gain=1.0), S, draw))
    return Network(Sequential(*parts), ImagePatches(side, (S, pixels), (height, width)), "image_mixer")
