"""Builders that remember: each network knows its recipe, and a recipe is built again by the builder's name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec

import numpy as np

from .network import Network
from .recipes import Recipe

P = ParamSpec("P")

#: Every builder by name.
BUILDERS: dict[str, Callable[..., Network]] = {}


def build_again(recipe: Recipe) -> Network:
    """Build a recipe's network with its initial weights.

    Raises
    ------
    ValueError
        If the builder is unknown or the arguments do not fit it.

    Examples
    --------
    >>> from kronmix.networks.recording import build_again
    >>> net = km.networks.s_mixer(4, 6, depth=1, classes=3)
    >>> build_again(net.recipe)
    Network(s_mixer, widths 24 → 24 → 24 → 3, 121 parameters)
    """
    if recipe.builder not in BUILDERS:
        raise ValueError(f"builder {recipe.builder!r}: expected one of {', '.join(sorted(BUILDERS))}")
    try:
        return BUILDERS[recipe.builder](**recipe.arguments)
    except TypeError as error:
        raise ValueError(f"{recipe.builder}: {error}") from None


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
        plain = {name: _as_json(value) for name, value in given.items()}
        return replace(build(*bound.args, **bound.kwargs), recipe=Recipe(build.__name__, plain))

    BUILDERS[build.__name__] = building
    return building


def _as_json(value: Any) -> Any:
    """A recorded argument as JSON can hold it; a dtype becomes its name."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_as_json(v) for v in value]
    return value if isinstance(value, int | float) else np.dtype(value).name
