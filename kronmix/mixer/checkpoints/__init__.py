"""Trained Mixers from files, as plain arrays in one layout: families as values, every array accounted for."""

from __future__ import annotations

import os
from dataclasses import replace

from ...files import read_safetensors
from .families import Family, find_networks, read_network
from .images import IMAGE_FAMILIES
from .mixers import MixerBlock, MixerCheckpoint, SpatialGatingBlock
from .series import SERIES_FAMILIES, AxisMixer, SeriesCheckpoint, SeriesLayer, TimeBlock, TimeCheckpoint
from .sources import Source, open_source

__all__ = [
    "FAMILIES",
    "AxisMixer",
    "Family",
    "MixerBlock",
    "MixerCheckpoint",
    "SeriesCheckpoint",
    "SeriesLayer",
    "Source",
    "SpatialGatingBlock",
    "TimeBlock",
    "TimeCheckpoint",
    "find_networks",
    "is_checkpoint",
    "open_source",
    "read_checkpoint",
    "read_safetensors",
]

#: Every family that is read.
FAMILIES: tuple[Family, ...] = (*IMAGE_FAMILIES, *SERIES_FAMILIES)


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder holds, by the names of its arrays, a network of a known family.

    Raises
    ------
    ValueError
        If it is damaged or of an unknown type.
    """
    return bool(find_networks(list(open_source(path).stored), FAMILIES))


def read_checkpoint(
    path: str | os.PathLike[str], prefix: str | None = None
) -> MixerCheckpoint | SeriesCheckpoint | TimeCheckpoint:
    """Read a trained Mixer from ``.safetensors`` or ``.npz``, by the names of its arrays.

    Arrays of safetensors are mapped from the file, float16 and bfloat16 widened to float32. Every array of the file is accounted
    for: it is used, or known to change no output, or the file is refused and the array named.

    Parameters
    ----------
    path : path
        A file, ``model.safetensors.index.json`` beside its shards, or a folder as model hubs keep them, whose ``config.json`` says
        what arrays do not. Names may be those of timm (MLP-Mixer, ResMLP, gMLP, gMixer), of the original JAX code, scenic,
        lucidrains' mlp-mixer-pytorch or Facebook's ResMLP, with any prefixes of wrappers (``module.``,
        ``state_dict_ema.``, ``params/`` …).
    prefix : str, optional
        Which network, where the file holds several.

    Returns
    -------
    MixerCheckpoint
        Arrays in one layout, whatever the file's: ``.family``, ``.tokens``, ``.channels``, ``.patch``, ``.activation``,
        ``.embedding``, ``.blocks``, ``.norm``, ``.head``. A block's ``.token`` holds pairs (W, b) of X ↦ W X + b 1ᵀ, the first W
        of shape (rows, S). Its ``.channel`` holds pairs (V, b) of X ↦ X V + 1 bᵀ, the first V of shape (C, columns).
        :func:`kronmix.load_mixer` makes a network of it.

    Raises
    ------
    ValueError
        If the file is damaged, of no known family, or holds several networks; if an array is missing, left over, has a shape that
        does not fit, or holds NaN.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "small.safetensors"
    >>> km.mixer.write_synthetic_checkpoint(file, image=8, patch=4, channels=6, depth=1, classes=3)
    >>> found = km.mixer.read_checkpoint(file)
    >>> found.family, found.tokens, found.channels, len(found.blocks)
    ('MLP-Mixer', 4, 6, 1)
    """
    arrays, ignored = read_network(open_source(path), FAMILIES, prefix)
    checkpoint: MixerCheckpoint | SeriesCheckpoint | TimeCheckpoint = replace(arrays, ignored=ignored)
    return checkpoint
