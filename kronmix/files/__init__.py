"""Arrays from files that users give, read safely, and results written whole or not at all.

A file is taken as hostile until proven otherwise: pickles are never loaded, sizes are compared with the file's length before any
memory is reserved, and every complaint is one sentence that starts with the file's name.
"""

from __future__ import annotations

from .readers import may_hold_layers, stem
from .reading import layer_matrices, read_arrays, read_matrix, take
from .recognition import refuse_what_is_no_file, refuse_what_is_not_read
from .safetensors import read_safetensors
from .shards import read_json
from .stored import MAX_BYTES, Array, Arrays, Stored
from .writing import staged_folder, write_file

__all__ = [
    "MAX_BYTES",
    "Array",
    "Arrays",
    "Stored",
    "layer_matrices",
    "may_hold_layers",
    "read_arrays",
    "read_json",
    "read_matrix",
    "read_safetensors",
    "refuse_what_is_no_file",
    "refuse_what_is_not_read",
    "staged_folder",
    "stem",
    "take",
    "write_file",
]
