"""How a network was built, as plain values: from them a saved run is built again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """A builder's name and its arguments."""

    builder: str
    arguments: Mapping[str, Any]
