"""A checkpoint's arrays as a network: each family beside its parts, this function in common."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from .network import Network


@singledispatch
def network_of(found: Any) -> Network:
    """The network of a checkpoint's arrays."""
    raise TypeError(f"{type(found).__name__}: nothing says how to make a network of it")
