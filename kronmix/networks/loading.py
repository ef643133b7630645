"""Trained Mixers as networks: the same class that trains."""

from __future__ import annotations

import os
from dataclasses import replace

from ..mixer.checkpoints import read_checkpoint
from . import images, series
from .from_arrays import network_of
from .network import Network
from .runs import is_run, read_run

#: Modules that say how a family's arrays become a network.
FAMILIES = (images, series)


def load_mixer(path: str | os.PathLike[str], prefix: str | None = None) -> Network:
    """Load a trained Mixer from a file or folder, or a run of our own.

    Parameters
    ----------
    path : path
        ``.safetensors``, ``.npz``, ``model.safetensors.index.json`` beside its shards, or a folder as model hubs keep them; names
        as :func:`kronmix.mixer.read_checkpoint` knows them.
    prefix : str, optional
        Which network, where the file holds several.

    Returns
    -------
    Network
        ``net(images)`` gives logits (N, classes) for images (N, H, W, colours) that are normalised as the model expects.
        ``net.blocks`` has the effective layers of each block, and ``net.layers()`` all of them. ``net.as_wide_mlp()`` is the wide
        MLP; gMixer and gMLP have none, as their gates depend on the data. ``net.ignored`` names the arrays that change no output,
        with reasons.

    Raises
    ------
    ValueError
        If the file is damaged, of no known family, or holds several networks; if an array is missing, left over, or does not fit.

    References
    ----------
    Tolstikhin et al. 2021; Touvron et al. 2021, *ResMLP*, arXiv 2105.03404; Liu et al. 2021, *Pay attention to MLPs*,
    arXiv 2105.08050 (T5).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "small.safetensors"
    >>> km.mixer.write_synthetic_checkpoint(file, image=8, patch=4, channels=6, depth=2, classes=3)
    >>> net = km.load_mixer(file)
    >>> net(np.zeros((5, 8, 8, 3))).shape, len(net.blocks), [op.shape for op in net.blocks[0]][:2]
    ((5, 3), 2, [(18, 24), (24, 18)])
    """
    if is_run(path):
        return read_run(path).network
    found = read_checkpoint(path, prefix)
    return replace(network_of(found), ignored=found.ignored)
