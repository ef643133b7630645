"""To and from other libraries: adapters of PEFT, LyCORIS and kohya, fly's Monarch layers, lazylinop, pyfaust, PyTorch.

No library is needed to import this room; each is imported by the functions that make or take its objects.
"""

from .adapters import Adapter, AdapterLayer, read_adapter
from .exports import read_factors, write_factors
from .factorized import (
    from_ks_values,
    from_lazylinop,
    from_pyfaust,
    from_sparse_factors,
    ks_values,
    sparse_factors,
    to_lazylinop,
    to_pyfaust,
)
from .fly import from_fly, to_fly
from .lora import Conversion, LoRA, convert_adapter, to_lora
from .pytorch import from_torch, to_torch
from .spectrum import UpdateSpectrum, update_spectrum

__all__ = [
    "Adapter",
    "AdapterLayer",
    "Conversion",
    "LoRA",
    "UpdateSpectrum",
    "convert_adapter",
    "from_fly",
    "from_ks_values",
    "from_lazylinop",
    "from_pyfaust",
    "from_sparse_factors",
    "from_torch",
    "ks_values",
    "read_adapter",
    "read_factors",
    "sparse_factors",
    "to_fly",
    "to_lazylinop",
    "to_lora",
    "to_pyfaust",
    "to_torch",
    "update_spectrum",
    "write_factors",
]
