"""Networks whose layers are structured operators: dense and sparse MLPs, Mixers, Monarch and group-mixing networks (T5)."""

from .builders import group_mixer, mlp, mlp_mixer, monarch_mlp, rp_mixer, s_mixer, sparse_mlp
from .inspection import inspect_network
from .loading import load_mixer
from .network import Network, WideLayer, WideMLP
from .optimizers import SGD, AdamW, constant, cosine
from .training import DivergedError, Epoch, Fit, fit

__all__ = [
    "SGD",
    "AdamW",
    "DivergedError",
    "Epoch",
    "Fit",
    "Network",
    "WideLayer",
    "WideMLP",
    "constant",
    "cosine",
    "fit",
    "group_mixer",
    "inspect_network",
    "load_mixer",
    "mlp",
    "mlp_mixer",
    "monarch_mlp",
    "rp_mixer",
    "s_mixer",
    "sparse_mlp",
]
