"""How a network was built: the builder's name and arguments, from which a saved run is built again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, ParamSpec

import numpy as np

from .network import Network

P = ParamSpec("P")

#: Every builder by name.
BUILDERS: dict[str, Callable[..., Network]] = {}


@dataclass(frozen=True)
class Recipe:
    """A builder and its arguments, as plain values."""

    builder: str
    arguments: Mapping[str, Any]

    def build(self) -> Network:
        """Build the network with its initial weights.

        Raises
        ------
        ValueError
            If the builder is unknown or the arguments do not fit it.
        """
        if self.builder not in BUILDERS:
            raise ValueError(f"builder {self.builder!r}: expected one of {', '.join(sorted(BUILDERS))}")
        try:
            return BUILDERS[self.builder](**self.arguments)
        except TypeError as error:
            raise ValueError(f"{self.builder}: {error}") from None


def recorded(build: Callable[P, Network]) -> Callable[P, Network]:
    """Make a builder's networks remember how they were built; a Generator given as ``seed`` is asked for an integer first."""
    signature = inspect.signature(build)

    @wraps(build)
    def building(*args: P.args, **kwargs: P.kwargs) -> Network:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        if isinstance(given["seed"], np.random.Generator):
            given["seed"] = int(given["seed"].integers(2**63))
        plain = {name: _plain(value) for name, value in given.items()}
        return replace(build(*bound.args, **bound.kwargs), recipe=Recipe(build.__name__, plain))

    BUILDERS[build.__name__] = building
    return building


def _plain(value: Any) -> Any:
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, int | float) else np.dtype(value).name
