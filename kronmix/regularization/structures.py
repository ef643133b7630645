"""All parametrisations that the package knows, registered."""

from __future__ import annotations

from typing import Any

from . import blocks, chains, free_products, linear, slots, sums  # noqa: F401  (each registers its structures)
from .parametrisations import Parametrisation, numbered, parametrisation_of


def parametrised(structure: Any) -> Parametrisation:
    """The parametrisation that a structure is, from its type, its shapes and what it shares."""
    return parametrisation_of(numbered(structure))
