"""Real images, offline: handwritten digits, MNIST-5k, two photographs, and a user's own files.

An image becomes a feature matrix X with S rows (tokens) and C columns (channels). Without patches a token is a row of pixels, so
that X ↦ W X V is a separable filter. With patches tokens are p × p patches in row-major order, as in the MLP-Mixer. Channels run
over (row in patch, column in patch, colour), last fastest.
"""

from .camera import Camera, Windows, photographs, windows
from .cifar import cifar10
from .idx import idx
from .loading import images, load
from .offline import digits, mnist
from .patching import tokens, untokens
from .tables import Table, read_table

__all__ = [
    "Camera",
    "Table",
    "Windows",
    "cifar10",
    "digits",
    "idx",
    "images",
    "load",
    "mnist",
    "photographs",
    "read_table",
    "tokens",
    "untokens",
    "windows",
]
