"""Variables and functions in expressions, and sides whose shapes differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..claims import Counterexample
from ..language.expressions import Expression, Variable
from ..language.sizes import same_size
from ..language.structures import Map

__all__ = ["differing_shapes", "functions_of", "plain_sizes", "shapes_of"]


def shapes_of(*expressions: Expression) -> dict[str, tuple[Any, ...]]:
    """Shape of every variable."""
    return {node.key: node.sizes for node in _nodes(*expressions) if isinstance(node, Variable)}


def functions_of(*expressions: Expression) -> tuple[str, ...]:
    """Names of the entrywise functions."""
    return tuple(sorted({node.name for node in _nodes(*expressions) if isinstance(node, Map)}))


def _nodes(*expressions: Expression) -> list[Expression]:
    return [node for e in expressions for node in (e, *_nodes(*e.parts))]


def differing_shapes(
    left: Expression, right: Expression, shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int]
) -> Counterexample | None:
    """A difference if the two sides have different shapes, whatever the entries; vectors are columns, scalars 1 × 1."""
    if all(map(same_size, _as_matrix(left.shape), _as_matrix(right.shape))) and max(left.ndim, right.ndim) <= 2:
        return None
    if left.ndim == right.ndim and all(map(same_size, left.shape, right.shape)):
        return None
    ones = {name: np.ones(shape, object) for name, shape in shapes.items()}
    return Counterexample(plain_sizes(sizes), ones, "", None, plain_sizes(left.shape), plain_sizes(right.shape))


def _as_matrix(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*shape, 1, 1)[:2]


def plain_sizes(sizes: Any) -> Any:
    if isinstance(sizes, Mapping):
        return {name: int(value) for name, value in sizes.items()}
    return tuple(int(size) if isinstance(size, int) else size for size in sizes)
