"""Networks whose layers are structured operators: dense and sparse MLPs, Mixers, Monarch and group-mixing networks (T5)."""

from ..optimizers import SGD, AdamW, constant, cosine
from .activations import Activation
from .builders import group_mixer, mlp, mlp_mixer, monarch_mlp, rp_mixer, s_mixer, sparse_mlp
from .classify import Classifier, classify
from .history import Epoch, ProgressLine
from .image_to_image import image_mixer
from .inspection import inspect_network
from .loading import load_mixer
from .network import Network, WideLayer, WideMLP
from .normalization import LayerNorm
from .parts import Fixed, Linear, Part, Residual, Sequential
from .patches import Patches
from .runs import Run, read_run, save_run
from .training import DivergedError, Fit, fit

__all__ = [
    "SGD",
    "Activation",
    "AdamW",
    "Classifier",
    "DivergedError",
    "Epoch",
    "Fit",
    "Fixed",
    "LayerNorm",
    "Linear",
    "Network",
    "Part",
    "Patches",
    "ProgressLine",
    "Residual",
    "Run",
    "Sequential",
    "WideLayer",
    "WideMLP",
    "classify",
    "constant",
    "cosine",
    "fit",
    "group_mixer",
    "image_mixer",
    "inspect_network",
    "load_mixer",
    "mlp",
    "mlp_mixer",
    "monarch_mlp",
    "read_run",
    "rp_mixer",
    "s_mixer",
    "save_run",
    "sparse_mlp",
]
