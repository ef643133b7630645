"""To and from other libraries: adapters of PEFT, LyCORIS and kohya, fly's Monarch layers, lazylinop, pyfaust, PyTorch.

No library is needed to import this room; each is imported by the functions that make or take its objects.
"""

from .adapters import Adapter, AdapterLayer, read_adapter
from .entrywise import LowRankHadamard
from .lora import Conversion, LoRA, convert_adapter, to_lora
from .spectrum import UpdateSpectrum, update_spectrum

__all__ = [
    "Adapter",
    "AdapterLayer",
    "Conversion",
    "LoRA",
    "LowRankHadamard",
    "UpdateSpectrum",
    "convert_adapter",
    "read_adapter",
    "to_lora",
    "update_spectrum",
]
